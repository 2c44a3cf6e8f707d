/* orthogonal.c - matrices that stay orthogonal while they are trained: the Cayley map (seqgpu/params.h).
 *
 * Before the update the gradient loses the part that would stretch W: G <- (G - W G^T W) / 2.  It is then 0
 * where no turn leads downhill, so that even an optimiser that scales every element by itself (RMSprop, Adam)
 * stands still there.  The optimiser then makes W' of W, by whatever rule.  The part of that step that turns
 * W is a skew matrix, and its Cayley transform is orthogonal:
 *   A = W W'^T - W' W^T            with W' = W - lr G:  lr (G W^T - W G^T)
 *   W <- (I + A/2)^-1 (I - A/2) W
 * Wisdom, Powers, Hershey, Le Roux, Atlas, "Full-capacity unitary recurrent neural networks", NIPS 2016,
 * eq. 7 and 8, after Tagare 2011; Helfrich, Willmott, Ye, "Orthogonal recurrent neural networks with scaled
 * Cayley transform", ICML 2018.
 *
 * With N = -A/2 the new Y solves Y = (W + N W) + N Y.  N is kept at a Frobenius norm of at most 1/2 (a longer
 * step is shortened), so that each sweep of the fixed-point iteration halves the error, and SWEEPS of them
 * reach the last bit.  That takes products only, in a fixed order, on any backend, without waiting for the
 * device.
 * Rounding errors do not add up over thousands of updates, because each update ends with one step of Newton
 * and Schulz's iteration, Y += Y (I - Y^T Y) / 2.
 */
#include "host/params/orthogonal.h"

#include "host/params/draw.h"
#include "host/params/store.h"

/* Odd: the two iterates take turns, and the last one is the tensor itself. */
enum { SWEEPS_F32 = 25, SWEEPS_F64 = 53 };

/* The marked tensor of order n, and the device memory that its block of scratch has for it. */
typedef struct rotation {
  seqgpu_params *p;
  int64_t n;
  void *grad;               /* G */
  void *w;                  /* the tensor: W', then Y */
  void *old, *turn, *spare; /* [n,n] each: W, N, and room */
  void *clip;               /* [SQ_CLIP_STATE] of N's norm */
} rotation;

static size_t matrix_bytes(const seqgpu_params *p, const sq_tensor *t) {
  return (size_t)sq_tensor_elements(t) * p->ctx->element_size;
}

static rotation rotation_of(seqgpu_params *p, const sq_tensor *t) {
  const size_t bytes = matrix_bytes(p, t);
  char *at = t->scratch;
  return (rotation){.p = p,
                    .n = t->rows,
                    .w = sq_params_address(p, t, p->blocks[t->block].value),
                    .grad = sq_params_address(p, t, p->blocks[t->block].grad),
                    .old = at,
                    .turn = at + bytes,
                    .spare = at + 2 * bytes,
                    .clip = at + 3 * bytes};
}

/* ---------------------------------------------------------------- matrices of order n */

/* c (+)= op(a) op(b) */
static seqgpu_status multiply(const rotation *r, int trans_a, int trans_b, int accumulate, const void *a,
                              const void *b, void *c) {
  const int64_t n = r->n;
  const sq_gemm_args g = {trans_a, trans_b, accumulate, n, n, n, a, n, b, n, c, n, SQ_MATH_F32};
  return SQ_RUN(r->p->ctx, gemm, &g);
}

/* y (+)= alpha x */
static seqgpu_status scale(const rotation *r, int accumulate, double alpha, const void *x, void *y) {
  const sq_map_args m = {
      .kind = SQ_MAP_SCALE, .count = r->n * r->n, .alpha = alpha, .a = x, .y = y, .accumulate = accumulate};
  return SQ_RUN(r->p->ctx, map, &m);
}

static seqgpu_status copy(const rotation *r, void *to, const void *from) {
  return seqgpu_copy(r->p->ctx, to, from, (size_t)(r->n * r->n) * r->p->ctx->element_size);
}

/* ---------------------------------------------------------------- the update */

/* G <- (G - W G^T W) / 2: what is tangent to the orthogonal matrices at W. */
static seqgpu_status project(const rotation *r) {
  SQ_TRY(multiply(r, 1, 0, 0, r->grad, r->w, r->turn));
  SQ_TRY(multiply(r, 0, 0, 0, r->w, r->turn, r->spare));
  SQ_TRY(scale(r, 0, 0.5, r->grad, r->grad));
  return scale(r, 1, -0.5, r->spare, r->grad);
}

/* N = (W' W^T - W W'^T) / 2, shortened to a norm of 1/2. */
static seqgpu_status find_turn(const rotation *r) {
  SQ_TRY(multiply(r, 0, 1, 0, r->w, r->old, r->turn));
  SQ_TRY(multiply(r, 0, 1, 0, r->old, r->w, r->spare));
  SQ_TRY(scale(r, 1, -1, r->spare, r->turn));
  SQ_TRY(scale(r, 0, 0.5, r->turn, r->turn));
  void *const list[1] = {r->turn};
  const int64_t sizes[1] = {r->n * r->n};
  const sq_clip_args c = {
      .kind = SQ_CLIP_NORM, .threshold = 0.5, .grads = {1, list, sizes}, .state = r->clip};
  return SQ_RUN(r->p->ctx, clip, &c);
}

/* Y = (I - N)^-1 (I + N) W, into the tensor. */
static seqgpu_status turn(const rotation *r) {
  SQ_TRY(copy(r, r->spare, r->old));
  SQ_TRY(multiply(r, 0, 0, 1, r->turn, r->old, r->spare)); /* what all iterates begin with */
  void *from = r->old, *to = r->w;
  const int sweeps = r->p->ctx->dtype == SEQGPU_DTYPE_F64 ? SWEEPS_F64 : SWEEPS_F32;
  for (int i = 0; i < sweeps; i++) {
    SQ_TRY(copy(r, to, r->spare));
    SQ_TRY(multiply(r, 0, 0, 1, r->turn, from, to));
    void *const next = from;
    from = to;
    to = next;
  }
  return SEQGPU_OK;
}

/* Y += Y (I - Y^T Y) / 2, multiplied by the clip's flag that the gradients were finite: otherwise nothing may
 * change at all.  That flag is on the device, so a product with a matrix of one element does it. */
static seqgpu_status straighten(const rotation *r) {
  const int64_t count = r->n * r->n;
  const char *finite = (const char *)r->p->clip_state + 4 * r->p->ctx->element_size;
  SQ_TRY(multiply(r, 1, 0, 0, r->w, r->w, r->old));
  SQ_TRY(multiply(r, 0, 0, 0, r->w, r->old, r->spare));
  SQ_TRY(scale(r, 0, -0.5, r->spare, r->spare));
  SQ_TRY(scale(r, 1, 0.5, r->w, r->spare));
  const sq_gemm_args g = {0, 0, 1, count, 1, 1, r->spare, 1, finite, 1, r->w, 1, SQ_MATH_F32};
  return SQ_RUN(r->p->ctx, gemm, &g);
}

seqgpu_status sq_orthogonal_before_update(seqgpu_params *p) {
  for (int i = 0; i < p->tensor_count; i++) {
    if (p->tensors[i]->scratch == NULL || p->tensors[i]->lr == 0) continue;
    const rotation r = rotation_of(p, p->tensors[i]);
    SQ_TRY(project(&r));
    SQ_TRY(copy(&r, r.old, r.w));
  }
  return SEQGPU_OK;
}

seqgpu_status sq_orthogonal_after_update(seqgpu_params *p) {
  for (int i = 0; i < p->tensor_count; i++) {
    if (p->tensors[i]->scratch == NULL || p->tensors[i]->lr == 0) continue;
    const rotation r = rotation_of(p, p->tensors[i]);
    SQ_TRY(find_turn(&r));
    SQ_TRY(turn(&r));
    SQ_TRY(straighten(&r));
  }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- the mark */

seqgpu_status seqgpu_params_orthogonal(seqgpu_params *p, const char *name) {
  if (p == NULL) return SEQGPU_EINVAL;
  sq_drawing drawing;
  sq_tensor *t;
  SQ_TRY(sq_params_find(p, name, &t));
  if (t->rows != t->cols)
    return sq_fail(p->ctx, SEQGPU_EINVAL,
                   "params: \"%.60s\" is [%lld,%lld]; to be orthogonal it must be square", name,
                   (long long)t->rows, (long long)t->cols);
  if (t->fixed || p->blocks[t->block].grad == NULL)
    return sq_fail(p->ctx, SEQGPU_EINVAL, "params: \"%.60s\" is not trained; to be orthogonal it must be",
                   name);
  SQ_TRY(sq_params_drawing(p, "orthogonal", 1, &drawing));
  if (t->scratch) return sq_params_draw(p, t, &drawing);
  const size_t bytes = 3 * matrix_bytes(p, t) + SQ_CLIP_STATE * p->ctx->element_size;
  void *scratch = NULL;
  SQ_TRY(seqgpu_malloc(p->ctx, bytes, &scratch));
  seqgpu_status status = seqgpu_zero(p->ctx, scratch, bytes);
  if (status == SEQGPU_OK) status = sq_params_draw(p, t, &drawing);
  if (status == SEQGPU_OK)
    t->scratch = scratch;
  else
    seqgpu_free(p->ctx, scratch);
  return status;
}
