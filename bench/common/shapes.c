/* shapes.c - reads a file of problem sizes (shapes.h).  Skips empty lines and lines that begin with #. */
#include "bench/common/shapes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_row(const char *line, bench_row *r) {
  long long hidden, batch, steps;
  r->threads = 0;
  const int fields = sscanf(line, "%23[^,],%lld,%lld,%lld,%23[^,\r\n],%d", r->set, &hidden, &batch, &steps,
                            r->cell, &r->threads);
  if (fields < 5 || hidden < 1 || batch < 1 || steps < 1 || r->threads < 0) return 0;
  r->hidden = hidden;
  r->batch = batch;
  r->seq_len = steps;
  if (strcmp(r->cell, "vanilla") == 0) strcpy(r->cell, "rnn"); /* DeepBench's word for it */
  return 1;
}

static int read_rows(FILE *file, const char *path, bench_row **rows) {
  char line[256];
  int count = 0;
  for (int number = 1; fgets(line, sizeof line, file); number++) {
    if (number == 1 || line[0] == '\n' || line[0] == '#') continue;
    bench_row *grown = realloc(*rows, (size_t)(count + 1) * sizeof **rows);
    if (grown) *rows = grown;
    if (grown == NULL || !parse_row(line, &grown[count])) {
      line[strcspn(line, "\r\n")] = 0;
      fprintf(stderr, "%s:%d: the line is \"%s\"; it must be set,hidden,batch,timesteps,cell[,threads]\n",
              path, number, line);
      return -1;
    }
    count++;
  }
  return count;
}

int bench_read_shapes(const char *path, bench_row **rows) {
  FILE *file = fopen(path, "r");
  *rows = NULL;
  if (file == NULL) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return -1;
  }
  const int count = read_rows(file, path, rows);
  fclose(file);
  if (count < 0) {
    free(*rows);
    *rows = NULL;
  }
  return count;
}
