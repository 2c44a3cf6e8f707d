/* embedding.c - rows of a table by number.
 *
 *   forward    y[r,:] = table[ids[r],:]           zeros for an id outside 0..V-1
 *   backward   dtable[ids[r],:] += dy[r,:]        in the order of r, nothing for such an id
 *
 * Several r may name the same row of dtable, so backward is split over columns: each tile of them walks all
 * rows.
 */
#include "core/ops_cpu.h"

#include <string.h>

enum { COLUMN_TILE = 64 };

static int known(const sq_embedding_args *a, int64_t r) { return a->ids[r] >= 0 && a->ids[r] < a->vocab; }

static void forward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_embedding_args *a = arg;
  const size_t bytes = (size_t)a->dim * sizeof(real);
  for (int64_t r = first; r < last; r++) {
    real *y = (real *)a->y + r * a->dim;
    if (known(a, r))
      memcpy(y, (const real *)a->table + a->ids[r] * a->dim, bytes);
    else
      memset(y, 0, bytes);
  }
}

int FN(sq_cpu_embedding_forward)(sq_exec *exec, const sq_embedding_args *a) {
  sq_split(exec, a->rows, 1, a->dim, forward_rows, a);
  return 0;
}

SQ_CLONES static void backward_columns(const void *arg, int64_t first, int64_t last) {
  const sq_embedding_args *a = arg;
  for (int64_t r = 0; r < a->rows; r++) {
    if (!known(a, r)) continue;
    const real *dy = (const real *)a->dy + r * a->dim;
    real *row = (real *)a->dtable + a->ids[r] * a->dim;
    for (int64_t j = first; j < last; j++) row[j] += dy[j];
  }
}

int FN(sq_cpu_embedding_backward)(sq_exec *exec, const sq_embedding_args *a) {
  sq_split(exec, a->dim, COLUMN_TILE, a->rows, backward_columns, a);
  return 0;
}
