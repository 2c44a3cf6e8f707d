/* copy.c - strided copies, and the change between batch-major and time-major.
 *
 *   copy       dst[r,j] (+)= src[r,j]                      rows of ld_dst and ld_src
 *   relayout   dst[j,i,:] (+)= src[i,j,:]                  (swap; else dst[i,j,:])
 *
 * With lengths, the rows of padded steps are not read; they become 0, or stay as they are when accumulating.
 */
#include "core/ops_cpu.h"

#include <string.h>

/* memmove: a relayout that only masks may be in place. */
static void copy_row(int64_t n, const real *src, real *dst, int accumulate) {
  if (accumulate)
    for (int64_t j = 0; j < n; j++) dst[j] += src[j];
  else
    memmove(dst, src, (size_t)n * sizeof(real));
}

static void copy_rows(const void *arg, int64_t first, int64_t last) {
  const sq_copy_args *a = arg;
  for (int64_t r = first; r < last; r++)
    copy_row(a->cols, (const real *)a->src + r * a->ld_src, (real *)a->dst + r * a->ld_dst, a->accumulate);
}

int FN(sq_cpu_copy)(sq_exec *exec, const sq_copy_args *a) {
  sq_split(exec, a->rows, 1, a->cols, copy_rows, a);
  return 0;
}

/* Rows first..last-1 of src, row i * inner + j. */
static void relayout_rows(const void *arg, int64_t first, int64_t last) {
  const sq_relayout_args *a = arg;
  for (int64_t r = first; r < last; r++) {
    const int64_t i = r / a->inner, j = r % a->inner;
    const int64_t time = a->time_axis ? j : i, sequence = a->time_axis ? i : j;
    real *dst = (real *)a->dst + (a->swap ? j * a->outer + i : r) * a->width;
    if (a->lengths == NULL || time < a->lengths[sequence])
      copy_row(a->width, (const real *)a->src + r * a->width, dst, a->accumulate);
    else if (!a->accumulate)
      memset(dst, 0, (size_t)a->width * sizeof(real));
  }
}

int FN(sq_cpu_relayout)(sq_exec *exec, const sq_relayout_args *a) {
  sq_split(exec, a->outer * a->inner, 1, a->width, relayout_rows, a);
  return 0;
}
