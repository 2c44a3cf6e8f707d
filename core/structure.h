/* structure.h - recurrent products whose matrix is not stored, but made of simple factors.
 *
 *   to[b,:] (+)= S(theta) from[b,:]        each row of the batch by itself
 *
 * S is [rows, cols], as sq_product says, and theta is a contiguous range of the layer's flat parameters that
 * begins with the product's `param`.  S is a unitary matrix of diagonals, reflections, a permutation and
 * Fourier transforms (core/unitary.c), or a product of Householder reflections (core/householder.c): O(n)
 * parameters and O(n log n) operations per row, or O(n k) of both, instead of n^2.
 *
 * Backward of a row needs only `from` and d(to):
 *   d(from) += S^T d(to)        grads[b,:] += d(theta), the row's own sum over the time steps
 * Its tangent, where tfrom and tparams are those of from and theta:
 *   to[b,:] += S tfrom[b,:] + S'(theta; tparams) from[b,:]
 * The driver adds up the rows of `grads` once, after the recurrence.  So there are no sums across rows inside
 * the loop, and the order of additions depends neither on threads nor on blocks.
 *
 * `prepared` is what all steps have in common (cosines of the phases, squared norms, twiddle factors),
 * computed once per run; `scratch` is room for one row.  Sizes in elements.  The CUDA launchers of a
 * structure have the same names and contract (kernels/structure.h).
 */
#ifndef SQ_STRUCTURE_H
#define SQ_STRUCTURE_H

#include "core/cell.h"
#include "core/real.h"

/* Some rows of one time step. */
typedef struct FN(sq_rows) {
  const sq_layout *layout;
  const sq_product *product;
  int64_t rows;
  const real *params;   /* theta */
  const real *prepared; /* [prepared] */
  const real *from;     /* [rows, product->cols], stride ld_from */
  int64_t ld_from;
  real *to; /* [rows, product->rows], stride ld_to */
  int64_t ld_to;
  int accumulate; /* forward: to += rather than to = */
  real *scratch;  /* [rows, scratch] */
  /* backward */
  const real *dto; /* [rows, product->rows], stride ld_to */
  real *dfrom;     /* [rows, product->cols], stride ld_from: += */
  real *grads;     /* [rows, params]: += */
  /* tangent */
  const real *tparams; /* of theta */
  const real *tfrom;   /* of from, stride ld_from */
} FN(sq_rows);

struct sq_rows_f32;
struct sq_rows_f64;

typedef struct sq_structure {
  const char *name;
  int64_t (*params)(const sq_layout *layout, const sq_product *product);
  int64_t (*prepared)(const sq_layout *layout, const sq_product *product);
  int64_t (*scratch)(const sq_layout *layout, const sq_product *product);
  void (*prepare_f32)(const sq_layout *layout, const sq_product *product, const float *params,
                      float *prepared);
  void (*prepare_f64)(const sq_layout *layout, const sq_product *product, const double *params,
                      double *prepared);
  void (*forward_f32)(const struct sq_rows_f32 *rows);
  void (*forward_f64)(const struct sq_rows_f64 *rows);
  void (*backward_f32)(const struct sq_rows_f32 *rows);
  void (*backward_f64)(const struct sq_rows_f64 *rows);
  void (*tangent_f32)(const struct sq_rows_f32 *rows);
  void (*tangent_f64)(const struct sq_rows_f64 *rows);
} sq_structure;

#endif
