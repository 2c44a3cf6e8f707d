/* model.c - what Hessian-free optimisation asks of the program's model: losses, gradients and Gauss-Newton
 * products (hessian_free.h).
 *
 * Every build of an update draws the same dropout masks: its counter begins at a place that belongs to the
 * update.
 */
#include <math.h>

#include "host/hf/hessian_free.h"
#include "host/tape/record.h"

/* Philox blocks between the counters of two updates. */
static const double UPDATE_BLOCKS = 0x1p32;

static seqgpu_status build(seqgpu_hessian_free *hf, seqgpu_tape *tape, seqgpu_hessian_free_batch what,
                           int64_t index, seqgpu_tensor **loss) {
  SQ_TRY(seqgpu_tape_clear(tape, 1));
  seqgpu_tape_set_counter(tape, (uint64_t)(hf->updates * UPDATE_BLOCKS));
  hf->batch = what;
  *loss = hf->build(hf, tape, what, index, hf->user);
  if (tape->status != SEQGPU_OK) return sq_fail(hf->ctx, tape->status, "%s", tape->error);
  if (*loss == NULL) return sq_fail(hf->ctx, SEQGPU_ESTOPPED, "hessian_free: build returned NULL");
  if ((*loss)->tape == tape) return SEQGPU_OK;
  return sq_fail(hf->ctx, SEQGPU_EINVAL, "hessian_free: build returned a tensor of another tape");
}

seqgpu_tensor *seqgpu_hessian_free_damp(seqgpu_hessian_free *hf, seqgpu_tensor *hidden, double scale) {
  if (hidden == NULL) return NULL;
  if (hf == NULL) return sq_tape_fail(hidden->tape, SEQGPU_EINVAL, "damp: hf is NULL");
  if (!(scale >= 0 && isfinite(scale)))
    return sq_tape_fail(hidden->tape, SEQGPU_EINVAL, "damp: scale is %g; it must be at least 0 and finite",
                        scale);
  if (hf->batch != SEQGPU_HESSIAN_FREE_CURVATURE || hf->options.structural == 0) return hidden;
  if (hf->damped_count == SQ_HF_DAMPED)
    return sq_tape_fail(hidden->tape, SEQGPU_EINVAL, "damp: there are more than %d hidden tensors",
                        SQ_HF_DAMPED);
  hf->scale[hf->damped_count] = scale;
  hf->damped[hf->damped_count++] = hidden;
  return hidden;
}

seqgpu_status sq_hf_loss(seqgpu_hessian_free *hf, double *loss) {
  seqgpu_tensor *y;
  SQ_TRY(build(hf, hf->tape, SEQGPU_HESSIAN_FREE_GRADIENT, 0, &y));
  SQ_TRY(seqgpu_tensor_number(y, loss));
  if (isnan(*loss)) *loss = INFINITY;
  return SEQGPU_OK;
}

seqgpu_status sq_hf_move_statistics(seqgpu_hessian_free *hf) {
  seqgpu_tensor *y;
  if (!hf->tape->held) return SEQGPU_OK;
  hf->tape->steady = 0;
  const seqgpu_status status = build(hf, hf->tape, SEQGPU_HESSIAN_FREE_GRADIENT, 0, &y);
  hf->tape->steady = 1;
  return status;
}

seqgpu_status sq_hf_gradient(seqgpu_hessian_free *hf, seqgpu_hessian_free_batch what, int64_t index,
                             double *loss, double *g) {
  seqgpu_tensor *y;
  SQ_TRY(build(hf, hf->tape, what, index, &y));
  SQ_TRY(seqgpu_tensor_number(y, loss));
  SQ_TRY(seqgpu_params_zero_grad(hf->params));
  SQ_TRY(seqgpu_tape_backward(hf->tape, y, NULL));
  SQ_TRY(sq_vector_read(&hf->vectors, SQ_VECTOR_GRADS, g));
  double sum = fabs(*loss);
  for (int64_t i = 0; i < hf->vectors.n; i++) sum += fabs(g[i]);
  if (isfinite(sum)) return SEQGPU_OK;
  return sq_fail(hf->ctx, SEQGPU_ENONFINITE,
                 "hessian_free: the loss is %g; it and its gradient must be finite", *loss);
}

static seqgpu_status room_for_leaf(seqgpu_hessian_free *hf) {
  if (hf->leaves < hf->leaf_room) return SEQGPU_OK;
  const size_t used = (size_t)hf->leaves * sizeof(void *), size = 2 * used + 16 * sizeof(void *);
  if (!sq_host_enlarge(hf->ctx, (void **)&hf->leaf, used, size) ||
      !sq_host_enlarge(hf->ctx, (void **)&hf->place, used, size))
    return sq_fail(hf->ctx, SEQGPU_ENOMEM, "hessian_free: out of memory for the list of parameters");
  hf->leaf_room = (int)(size / sizeof(void *));
  return SEQGPU_OK;
}

seqgpu_status sq_hf_curve(seqgpu_hessian_free *hf) {
  hf->damped_count = hf->leaves = 0;
  SQ_TRY(build(hf, hf->curved, SEQGPU_HESSIAN_FREE_CURVATURE, 0, &hf->loss));
  for (seqgpu_tensor *t = hf->curved->newest; t != NULL; t = t->older) {
    if (!t->wrapped || t->grad == NULL) continue;
    const void *place = sq_vector_place(&hf->vectors, t->grad, hf->direction);
    if (place == NULL) continue; /* no parameter of ours: it does not move */
    SQ_TRY(room_for_leaf(hf));
    hf->place[hf->leaves] = place;
    hf->leaf[hf->leaves++] = t;
  }
  if (hf->leaves > 0) return SEQGPU_OK;
  return sq_fail(hf->ctx, SEQGPU_EINVAL, "hessian_free: build uses no tensor of params");
}

seqgpu_status sq_hf_product(seqgpu_hessian_free *hf, double lambda, const double *v, double *out) {
  for (int i = 0; i < hf->damped_count; i++) hf->strength[i] = lambda * hf->options.structural * hf->scale[i];
  SQ_TRY(sq_vector_to_device(&hf->vectors, v, hf->direction));
  SQ_TRY(seqgpu_params_zero_grad(hf->params));
  SQ_TRY(seqgpu_tape_tangent(hf->curved, hf->loss, hf->leaves, hf->leaf, hf->place));
  SQ_TRY(seqgpu_tape_gauss_newton(hf->curved, hf->loss, hf->damped_count, hf->damped, hf->strength));
  SQ_TRY(sq_vector_read(&hf->vectors, SQ_VECTOR_GRADS, out));
  for (int64_t i = 0; i < hf->vectors.n; i++) out[i] += lambda * v[i];
  return SEQGPU_OK;
}
