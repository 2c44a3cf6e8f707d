/* shapes.h - files of problem sizes, as in bench/shapes/: a header line, then
 * set,hidden,batch,timesteps,cell[,threads]. */
#ifndef BENCH_SHAPES_H
#define BENCH_SHAPES_H

#include <stdint.h>

/* One line of such a file. */
typedef struct bench_row {
  char set[24], cell[24];
  int64_t hidden, batch, seq_len;
  int threads; /* 0: the line names none */
} bench_row;

/* The number of rows, or -1 after a sentence on stderr.  The caller frees *rows. */
int bench_read_shapes(const char *path, bench_row **rows);

#endif
