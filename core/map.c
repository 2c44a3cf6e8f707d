/* map.c - element-wise maps: activations and their gradients, scale, sum, product, mean; formulas in
 * ops.h.
 *
 * A tile is computed into local memory and then stored or added.  So y may be a or b, and no map needs a
 * second version for `accumulate`.
 */
#include "core/ops_cpu.h"

#include "core/activations.h"

enum { TILE = 512 };

typedef void tile_map(const sq_map_args *args, int64_t n, const real *a, const real *b, real *out);

SQ_CLONES static void activation(const sq_map_args *args, int64_t n, const real *a, const real *b,
                                 real *out) {
  (void)b;
  FN(sq_activate_row)(args->activation, n, a, out);
}

SQ_CLONES static void activation_grad(const sq_map_args *args, int64_t n, const real *a, const real *b,
                                      real *out) {
  for (int64_t i = 0; i < n; i++) out[i] = b[i] * FN(sq_activate_grad)(args->activation, a[i]);
}

SQ_CLONES static void scale(const sq_map_args *args, int64_t n, const real *a, const real *b, real *out) {
  (void)b;
  const real alpha = (real)args->alpha;
  for (int64_t i = 0; i < n; i++) out[i] = alpha * a[i];
}

SQ_CLONES static void add(const sq_map_args *args, int64_t n, const real *a, const real *b, real *out) {
  (void)args;
  for (int64_t i = 0; i < n; i++) out[i] = a[i] + b[i];
}

SQ_CLONES static void multiply(const sq_map_args *args, int64_t n, const real *a, const real *b, real *out) {
  (void)args;
  for (int64_t i = 0; i < n; i++) out[i] = a[i] * b[i];
}

SQ_CLONES static void towards(const sq_map_args *args, int64_t n, const real *a, const real *b, real *out) {
  const real alpha = (real)args->alpha;
  for (int64_t i = 0; i < n; i++) out[i] = b[i] + alpha * (a[i] - b[i]);
}

static tile_map *const maps[] = {
    [SQ_MAP_ACTIVATION] = activation, [SQ_MAP_ACTIVATION_GRAD] = activation_grad,
    [SQ_MAP_SCALE] = scale,           [SQ_MAP_ADD] = add,
    [SQ_MAP_MUL] = multiply,          [SQ_MAP_TOWARDS] = towards,
};

/* Elements first..last-1, at most TILE. */
SQ_CLONES static void map_tile(const void *arg, int64_t first, int64_t last) {
  const sq_map_args *a = arg;
  const int64_t n = last - first;
  real *y = (real *)a->y + first;
  real out[TILE];
  maps[a->kind](a, n, (const real *)a->a + first, a->b ? (const real *)a->b + first : NULL, out);
  if (a->accumulate)
    for (int64_t j = 0; j < n; j++) y[j] += out[j];
  else
    for (int64_t j = 0; j < n; j++) y[j] = out[j];
}

int FN(sq_cpu_map)(sq_exec *exec, const sq_map_args *a) {
  sq_split(exec, a->count, TILE, 2, map_tile, a);
  return 0;
}
