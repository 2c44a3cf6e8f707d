/* curvature.c - Gauss-Newton products: J^T H J v (seqgpu/tape.h).
 *
 * J v has been left by a walk forward (tangent.c).  This walk back begins like backward's, but with weights
 * in place of gradients: how much `loss` moves with each of the losses that it is the sum of.  At each of
 * these H J v takes the place of the gradient, and from there on it is backward's walk.
 *
 * Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent", Neural Computation
 * 14, 2002; Martens, "Deep learning via Hessian-free optimization", ICML 2010.
 */
#include "host/tape/grad.h"
#include "host/tape/record.h"
#include "host/tape/tangent.h"

/* Adds strength * tangent to the gradient of a tensor. */
static seqgpu_status damp(seqgpu_tensor *x, double strength) {
  sq_map_args args = {.kind = SQ_MAP_SCALE, .count = x->elements, .alpha = strength, .a = sq_tangent_of(x)};
  if (args.a == NULL) return SEQGPU_OK;
  SQ_TRY(sq_grad_open(x, &args.y, &args.accumulate));
  return args.y ? SQ_RUN(x->tape->ctx, map, &args) : SEQGPU_OK;
}

/* Hands the weight of a loss on, or turns it into a gradient where nothing stands still. */
static seqgpu_status curve(seqgpu_tensor *t) {
  if (t->weight == 0 || t->op == NULL || !t->moves) return SEQGPU_OK;
  if (t->op->curvature != NULL) return t->op->curvature(t);
  return sq_fail(
      t->tape->ctx, SEQGPU_EINVAL,
      "loss comes from operator %s; it must be a sum of cross-entropies and squared errors, each scaled by a "
      "number",
      t->op->name);
}

static seqgpu_status walk(seqgpu_tensor *loss, int count, seqgpu_tensor *const *damped,
                          const double *strength) {
  SQ_TRY(sq_grad_start(loss->tape));
  for (seqgpu_tensor *t = loss->tape->newest; t != NULL; t = t->older) t->weight = 0;
  for (int i = 0; i < count; i++) SQ_TRY(damp(damped[i], strength[i]));
  loss->weight = 1;
  for (seqgpu_tensor *t = loss; t != NULL; t = t->older) {
    SQ_TRY(curve(t));
    if (t->reached && t->op != NULL) SQ_TRY(t->op->backward(t));
  }
  return SEQGPU_OK;
}

static int accepts_damped(seqgpu_tape *tape, int count, seqgpu_tensor *const *damped,
                          const double *strength) {
  if (count < 0) sq_tape_fail(tape, SEQGPU_EINVAL, "gauss_newton: count is %d; it must be at least 0", count);
  if (count > 0 && (damped == NULL || strength == NULL)) {
    sq_tape_fail(tape, SEQGPU_EINVAL, "gauss_newton: %s is NULL", damped ? "strength" : "damped");
    return 0;
  }
  for (int i = 0; tape->status == SEQGPU_OK && i < count; i++) {
    const seqgpu_tensor *t = damped[i];
    if (t == NULL || t->tape != tape || t->element != SQ_REALS)
      sq_tape_fail(tape, SEQGPU_EINVAL, "gauss_newton: damped[%d] %s", i,
                   t == NULL         ? "is NULL"
                   : t->tape != tape ? "belongs to another tape"
                                     : "holds integers");
    else if (sq_is_stale(t))
      sq_tape_fail(tape, SEQGPU_EINVAL,
                   "gauss_newton: damped[%d] was made before the tape was cleared, and is no more", i);
  }
  return tape->status == SEQGPU_OK;
}

seqgpu_status seqgpu_tape_gauss_newton(seqgpu_tape *tape, seqgpu_tensor *loss, int count,
                                       seqgpu_tensor *const *damped, const double *strength) {
  if (tape == NULL) return SEQGPU_EINVAL;
  SQ_TRY(sq_grad_check(tape, loss, NULL, "gauss_newton"));
  if (tape->moved != loss)
    sq_tape_fail(tape, SEQGPU_EINVAL,
                 "gauss_newton: the last seqgpu_tape_tangent was %s; it must be for loss",
                 tape->moved ? "for another tensor" : "before the tape was cleared, or failed");
  if (tape->status != SEQGPU_OK || !accepts_damped(tape, count, damped, strength)) return tape->status;
  tape->curves = 1;
  const seqgpu_status status = walk(loss, count, damped, strength);
  tape->curves = 0;
  return sq_tape_check(tape, status, "gauss_newton");
}
