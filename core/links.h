/* links.h - the elements of a matrix that are not 0, row by row: the links into each unit of a reservoir. */
#ifndef SQ_LINKS_H
#define SQ_LINKS_H

#include <stdint.h>

#include "core/real.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Those of row j are first[j] .. first[j+1] - 1.  Memory is the caller's: first [rows+1], the others [most]. */
typedef struct sq_links {
  int64_t most;
  int64_t *first;
  int32_t *from; /* the column: the unit that a link comes from */
  void *weight;  /* in the precision of the matrix */
} sq_links;

/* Collects those of w [rows,cols]; 0 if there are more than `most`. */
int sq_links_collect_f32(int64_t rows, int64_t cols, const void *w, sq_links *links);
int sq_links_collect_f64(int64_t rows, int64_t cols, const void *w, sq_links *links);

#ifdef __cplusplus
}
#endif
#endif
