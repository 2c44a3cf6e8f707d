/* update.c - gradients and optimisers: clipping, one update, the norm (equations: core/ops.h). */
#include <float.h>
#include <math.h>
#include <string.h>

#include "host/context/defaults.h"
#include "host/context/structs.h"
#include "host/params/orthogonal.h"
#include "host/params/share.h"
#include "host/params/split.h"
#include "host/params/store.h"

/* ---------------------------------------------------------------- checks */

static seqgpu_status check_kind(seqgpu_params *p, seqgpu_optimizer_kind kind) {
  if ((int)kind >= SEQGPU_OPTIMIZER_SGD && kind <= SEQGPU_OPTIMIZER_ADAM) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL, "optimizer: kind is %d; it must be one of seqgpu_optimizer_kind",
                 (int)kind);
}

static seqgpu_status check_number(seqgpu_params *p, const char *field, double value) {
  const double most = p->ctx->dtype == SEQGPU_DTYPE_F64 ? DBL_MAX : (double)FLT_MAX;
  if (value >= 0 && value <= most) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL, "optimizer: %s is %g; it must be from 0 to %g", field, value, most);
}

static seqgpu_status check_share(seqgpu_params *p, const char *field, double value) {
  if (value >= 0 && value < 1) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL, "optimizer: %s is %g; it must be at least 0 and below 1", field,
                 value);
}

static seqgpu_status check_optimizer(seqgpu_params *p, const seqgpu_optimizer *o) {
  SQ_TRY(check_kind(p, o->kind));
  if ((int)o->clip < SEQGPU_CLIP_NONE || o->clip > SEQGPU_CLIP_VALUE)
    return sq_fail(p->ctx, SEQGPU_EINVAL, "optimizer: clip is %d; it must be one of seqgpu_clip_kind",
                   (int)o->clip);
  if (o->nesterov && o->kind != SEQGPU_OPTIMIZER_MOMENTUM)
    return sq_fail(p->ctx, SEQGPU_EINVAL,
                   "optimizer: nesterov is %d; only MOMENTUM has such a form, so it must be 0", o->nesterov);
  SQ_TRY(check_number(p, "lr", o->lr));
  SQ_TRY(check_share(p, "momentum", o->momentum));
  SQ_TRY(check_share(p, "decay", o->decay));
  SQ_TRY(check_number(p, "eps", o->eps));
  SQ_TRY(check_number(p, "weight_decay", o->weight_decay));
  SQ_TRY(check_number(p, "clip_threshold", o->clip_threshold));
  SQ_TRY(check_number(p, "clip_window", o->clip_window));
  SQ_TRY(check_share(p, "momentum_next", o->momentum_next));
  SQ_TRY(check_number(p, "noise", o->noise));
  return check_number(p, "noise_decay", o->noise_decay);
}

/* ---------------------------------------------------------------- what is updated */

/* The pieces of a block that are listed: of its elements from `first` to `end` - 1, the beginning of
 * `list`. */
typedef struct range {
  const sq_param_block *block;
  int64_t first, end;
} range;

/* Appends elements first to last-1 of a block to the lists, as far as they are in the range, unless there are
 * none or they stand still. */
static void list_piece(seqgpu_params *p, range in, int64_t first, int64_t last, double lr, int64_t *n) {
  if (first < in.first) first = in.first;
  if (last > in.end) last = in.end;
  if (first >= last || lr == 0) return;
  const sq_param_block *b = in.block;
  void *const memory[4] = {b->value, b->grad, b->first, b->second};
  for (int i = 0; i < 4; i++) {
    const int64_t at = i < 2 ? first : first - sq_share_first(p, b);
    p->list[i][*n] = memory[i] ? (char *)memory[i] + at * (int64_t)p->ctx->element_size : NULL;
  }
  p->lr[*n] = lr;
  p->sizes[(*n)++] = last - first;
}

/* Lists the trained blocks, or of shared out ones only what this process updates; in them tensors lie in
 * order, of which those that stand still are left out and those with a learning rate of their own are pieces.
 *  Returns how many pieces. */
static int64_t collect_blocks(seqgpu_params *p, int own) {
  int64_t n = 0;
  for (int i = 0; i < p->block_count; i++) {
    const sq_param_block *block = &p->blocks[i];
    const range in = {block, own ? sq_share_first(p, block) : 0,
                      own ? sq_share_end(p, block) : block->elements};
    if (block->grad == NULL) continue;
    int64_t first = 0;
    for (int k = 0; k < p->tensor_count; k++) {
      const sq_tensor *t = p->tensors[k];
      if (t->block != i || (t->lr == 1 && !t->fixed)) continue;
      list_piece(p, in, first, t->offset, 1, &n);
      first = t->offset + sq_tensor_elements(t);
      list_piece(p, in, t->offset, first, t->fixed ? 0 : t->lr, &n);
    }
    list_piece(p, in, first, block->elements, 1, &n);
  }
  return n;
}

seqgpu_status seqgpu_params_zero_grad(seqgpu_params *p) {
  if (p == NULL) return SEQGPU_EINVAL;
  for (int i = 0; i < p->block_count; i++) {
    const sq_param_block *block = &p->blocks[i];
    if (block->grad) SQ_TRY(seqgpu_zero(p->ctx, block->grad, (size_t)block->elements * p->ctx->element_size));
  }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- one update */

static seqgpu_status clip(seqgpu_params *p, const seqgpu_optimizer *o, sq_tensor_list grads) {
  const double threshold = o->clip == SEQGPU_CLIP_AUTO ? 1 : 5;
  const sq_clip_args args = {.kind = (sq_clip_kind)o->clip,
                             .threshold = sq_or_default(o->clip_threshold, threshold),
                             .window = sq_or_default(o->clip_window, 1000),
                             .grads = grads,
                             .state = p->clip_state};
  return SQ_RUN(p->ctx, clip, &args);
}

/* The random streams of noise: one for each update, far from those of initial values and masks. */
#define NOISE_STREAM ((uint64_t)1 << 63)

static seqgpu_status add_noise(seqgpu_params *p, const seqgpu_optimizer *o, sq_tensor_list grads) {
  if (o->noise == 0) return SEQGPU_OK;
  const double decay = sq_or_default(o->noise_decay, 0.55);
  const sq_noise_args args = {.sigma = sqrt(o->noise / pow(1 + (double)p->updates, decay)),
                              .seed = p->seed,
                              .stream = NOISE_STREAM + (uint64_t)p->updates,
                              .tensors = grads};
  return SQ_RUN(p->ctx, noise, &args);
}

static int has_first(seqgpu_optimizer_kind kind) {
  return kind == SEQGPU_OPTIMIZER_MOMENTUM || kind == SEQGPU_OPTIMIZER_ADAM;
}

static int has_second(seqgpu_optimizer_kind kind) {
  return kind == SEQGPU_OPTIMIZER_RMSPROP || kind == SEQGPU_OPTIMIZER_ADAM;
}

seqgpu_status seqgpu_params_reserve(seqgpu_params *p, seqgpu_optimizer_kind kind) {
  if (p == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_kind(p, kind));
  return sq_params_need_moments(p, has_first(kind), has_second(kind));
}

/* The rule itself, for what this process updates: the first n pieces of the lists. */
static seqgpu_status apply(seqgpu_params *p, const seqgpu_optimizer *o, int64_t n) {
  const int first = has_first(o->kind), second = has_second(o->kind);
  const sq_optimizer_args args = {
      .kind = (sq_optimizer_kind)o->kind,
      .lr = o->lr,
      .momentum = sq_or_default(o->momentum, 0.9),
      .decay = sq_or_default(o->decay, o->kind == SEQGPU_OPTIMIZER_ADAM ? 0.999 : 0.95),
      .eps = sq_or_default(o->eps, 1e-8),
      .weight_decay = o->weight_decay,
      .nesterov = o->nesterov,
      .update = p->updates + 1,
      .params = {n, p->list[0], p->sizes},
      .grads = {n, p->list[1], p->sizes},
      .first = {first ? n : 0, first ? p->list[2] : NULL, p->sizes},
      .second = {second ? n : 0, second ? p->list[3] : NULL, p->sizes},
      .clip_state = p->clip_state,
      .decoupled = o->decoupled,
      .momentum_next = o->momentum_next,
      .lr_factor = p->lr,
  };
  return n > 0 ? SQ_RUN(p->ctx, optimizer, &args) : SEQGPU_OK;
}

static seqgpu_status update(seqgpu_params *p, const seqgpu_optimizer *o) {
  SQ_TRY(check_optimizer(p, o));
  SQ_TRY(sq_params_check_values(p, "params_update"));
  SQ_TRY(sq_share_cut(p));
  SQ_TRY(sq_params_need_moments(p, has_first(o->kind), has_second(o->kind)));
  const int64_t n = collect_blocks(p, 0);
  if (n == 0) return sq_fail(p->ctx, SEQGPU_EINVAL, "params_update: there is no trained tensor to update");
  const sq_tensor_list grads = {n, p->list[1], p->sizes};
  SQ_TRY(sq_split_before_update(p));
  SQ_TRY(sq_orthogonal_before_update(p));
  SQ_TRY(clip(p, o, grads));
  SQ_TRY(add_noise(p, o, grads));
  SQ_TRY(apply(p, o, p->share.size > 0 ? collect_blocks(p, 1) : n));
  p->updates++;
  if (p->share.size > 0) SQ_TRY(p->share.gather(p->share.about, p));
  SQ_TRY(sq_split_add_up(p));
  return sq_orthogonal_after_update(p);
}

seqgpu_status seqgpu_params_update_(seqgpu_params *p, const seqgpu_optimizer *optimizer, size_t size) {
  if (p == NULL) return SEQGPU_EINVAL;
  if (optimizer == NULL) return sq_fail(p->ctx, SEQGPU_EINVAL, "params_update: optimizer is NULL");
  seqgpu_optimizer o;
  SQ_TRY(sq_usable(p->ctx));
  SQ_TRY(sq_struct_in(p->ctx, "optimizer", &o, sizeof o, optimizer, size));
  return update(p, &o);
}

seqgpu_status seqgpu_params_grad_norm(seqgpu_params *p, double *norm, double *scale) {
  if (p == NULL) return SEQGPU_EINVAL;
  if (p->updates == 0) return sq_fail(p->ctx, SEQGPU_EINVAL, "params_grad_norm: there was no update yet");
  double wide[SQ_CLIP_STATE];
  SQ_TRY(seqgpu_copy_out(p->ctx, wide, p->clip_state, SQ_CLIP_STATE * p->ctx->element_size));
  if (p->ctx->dtype == SEQGPU_DTYPE_F32) {
    float narrow[SQ_CLIP_STATE];
    memcpy(narrow, wide, sizeof narrow);
    for (int i = 0; i < SQ_CLIP_STATE; i++) wide[i] = (double)narrow[i];
  }
  if (norm) *norm = wide[0];
  if (scale) *scale = wide[1];
  if (wide[4] != 0) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_ENONFINITE,
                 "params_grad_norm: the norm of the gradients is %g; nothing was updated", wide[0]);
}
