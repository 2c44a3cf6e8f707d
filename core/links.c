/* links.c - see links.h. */
#include "core/links.h"

int FN(sq_links_collect)(int64_t rows, int64_t cols, const void *w, sq_links *links) {
  const real *at = w;
  real *weight = links->weight;
  int64_t count = 0;
  for (int64_t j = 0; j < rows; j++) {
    links->first[j] = count;
    for (int64_t k = 0; k < cols; k++) {
      const real v = at[j * cols + k];
      if (v == 0) continue; /* NaN is not */
      if (count == links->most) return 0;
      links->from[count] = (int32_t)k;
      weight[count++] = v;
    }
  }
  links->first[rows] = count;
  return 1;
}
