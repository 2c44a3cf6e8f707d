/* params.c - named parameters: memory, initial values, updates (seqgpu/model.h). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/params/params.h"

/* ---------------------------------------------------------------- memory */

static seqgpu_status out_of_memory(seqgpu_params *p) {
  return sq_fail(p->ctx, SEQGPU_ENOMEM, "params: out of memory");
}

static seqgpu_status zeroed(seqgpu_context *ctx, int64_t count, void **out) {
  const size_t bytes = (size_t)count * ctx->element_size;
  SQ_TRY(seqgpu_malloc(ctx, bytes, out));
  const seqgpu_status status = seqgpu_zero(ctx, *out, bytes);
  if (status == SEQGPU_OK) return status;
  seqgpu_free(ctx, *out);
  *out = NULL;
  return status;
}

seqgpu_status seqgpu_params_create(seqgpu_context *ctx, uint64_t seed, seqgpu_params **out) {
  if (out) *out = NULL;
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "out: is NULL");
  seqgpu_params *p = sq_host_alloc(ctx, sizeof *p);
  if (p == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "params: out of memory");
  p->ctx = ctx;
  p->seed = seed;
  seqgpu_status status = zeroed(ctx, SQ_CLIP_STATE, &p->clip_state);
  if (status != SEQGPU_OK) {
    seqgpu_params_destroy(p);
    return status;
  }
  *out = p;
  return SEQGPU_OK;
}

static void free_block(seqgpu_context *ctx, sq_param_block *block) {
  seqgpu_free(ctx, block->value);
  seqgpu_free(ctx, block->grad);
  seqgpu_free(ctx, block->first);
  seqgpu_free(ctx, block->second);
  memset(block, 0, sizeof *block);
}

static void free_tensor(seqgpu_context *ctx, sq_tensor *tensor) {
  seqgpu_free(ctx, tensor->scratch);
  sq_host_free(ctx, tensor);
}

void seqgpu_params_destroy(seqgpu_params *p) {
  if (p == NULL) return;
  seqgpu_context *ctx = p->ctx;
  for (int i = 0; i < p->tensor_count; i++) free_tensor(ctx, p->tensors[i]);
  for (int i = 0; i < p->block_count; i++) free_block(ctx, &p->blocks[i]);
  sq_host_free(ctx, p->tensors);
  sq_host_free(ctx, p->blocks);
  for (int i = 0; i < 4; i++) sq_host_free(ctx, p->list[i]);
  sq_host_free(ctx, p->sizes);
  seqgpu_free(ctx, p->clip_state);
  sq_host_free(ctx, p);
}

/* Moves an array into a larger one; 0 when out of memory, and then nothing changed. */
static int grow(seqgpu_context *ctx, void **array, size_t element, int count, int room) {
  void *larger = sq_host_alloc(ctx, (size_t)room * element);
  if (larger == NULL) return 0;
  if (count > 0) memcpy(larger, *array, (size_t)count * element);
  sq_host_free(ctx, *array);
  *array = larger;
  return 1;
}

static seqgpu_status room_for_block(seqgpu_params *p) {
  if (p->block_count < p->block_room) return SEQGPU_OK;
  const int room = p->block_room ? 2 * p->block_room : 8;
  if (!grow(p->ctx, (void **)&p->blocks, sizeof *p->blocks, p->block_count, room)) return out_of_memory(p);
  p->block_room = room;
  return SEQGPU_OK;
}

/* Room to list the pieces of all blocks: each fixed tensor may make one more of them. */
static seqgpu_status room_for_pieces(seqgpu_params *p) {
  int pieces = p->block_count;
  for (int i = 0; i < p->tensor_count; i++) pieces += p->tensors[i]->fixed;
  if (pieces <= p->piece_room) return SEQGPU_OK;
  int ok = grow(p->ctx, (void **)&p->sizes, sizeof *p->sizes, 0, 2 * pieces);
  for (int i = 0; i < 4; i++) ok = ok && grow(p->ctx, (void **)&p->list[i], sizeof(void *), 0, 2 * pieces);
  if (!ok) return out_of_memory(p);
  p->piece_room = 2 * pieces;
  return SEQGPU_OK;
}

static seqgpu_status room_for_tensors(seqgpu_params *p, int count) {
  if (p->tensor_count + count <= p->tensor_room) return SEQGPU_OK;
  const int room = 2 * (p->tensor_count + count);
  if (!grow(p->ctx, (void **)&p->tensors, sizeof *p->tensors, p->tensor_count, room)) return out_of_memory(p);
  p->tensor_room = room;
  return SEQGPU_OK;
}

seqgpu_status sq_params_undo(seqgpu_params *p, int blocks, int tensors, seqgpu_status status) {
  while (p->tensor_count > tensors) free_tensor(p->ctx, p->tensors[--p->tensor_count]);
  while (p->block_count > blocks) free_block(p->ctx, &p->blocks[--p->block_count]);
  return status;
}

static seqgpu_status add_block(seqgpu_params *p, int64_t count, int trained) {
  SQ_TRY(room_for_block(p));
  sq_param_block *block = &p->blocks[p->block_count++];
  *block = (sq_param_block){.count = count};
  SQ_TRY(room_for_pieces(p));
  SQ_TRY(zeroed(p->ctx, count, &block->value));
  if (!trained) return SEQGPU_OK;
  SQ_TRY(zeroed(p->ctx, count, &block->grad));
  if (p->has_first) SQ_TRY(zeroed(p->ctx, count, &block->first));
  if (p->has_second) SQ_TRY(zeroed(p->ctx, count, &block->second));
  return SEQGPU_OK;
}

seqgpu_status sq_params_need_moments(seqgpu_params *p, int first, int second) {
  for (int i = 0; i < p->block_count; i++) {
    sq_param_block *block = &p->blocks[i];
    if (block->grad == NULL) continue;
    if (first && block->first == NULL) SQ_TRY(zeroed(p->ctx, block->count, &block->first));
    if (second && block->second == NULL) SQ_TRY(zeroed(p->ctx, block->count, &block->second));
  }
  p->has_first |= first;
  p->has_second |= second;
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- names */

sq_tensor *sq_params_tensor(const seqgpu_params *p, const char *name) {
  for (int i = 0; i < p->tensor_count; i++)
    if (strcmp(p->tensors[i]->name, name) == 0) return p->tensors[i];
  return NULL;
}

void *sq_params_address(const seqgpu_params *p, const sq_tensor *tensor, void *block_memory) {
  return block_memory ? (char *)block_memory + (size_t)tensor->offset * p->ctx->element_size : NULL;
}

/* A name may not be taken, nor look like one that a checkpoint uses for itself. */
static seqgpu_status check_name(seqgpu_params *p, const char *name) {
  if (name == NULL || name[0] == 0) return sq_fail(p->ctx, SEQGPU_EINVAL, "name: is empty");
  if (strlen(name) >= SQ_NAME_SIZE)
    return sq_fail(p->ctx, SEQGPU_EINVAL, "name: \"%.40s...\" is longer than %d bytes", name,
                   SQ_NAME_SIZE - 1);
  if (strncmp(name, "optimizer.", 10) == 0 || strcmp(name, "__metadata__") == 0)
    return sq_fail(p->ctx, SEQGPU_EINVAL, "name: \"%s\" is kept for checkpoints", name);
  if (sq_params_tensor(p, name)) return sq_fail(p->ctx, SEQGPU_EINVAL, "name: \"%s\" is already taken", name);
  return SEQGPU_OK;
}

static seqgpu_status add_tensor(seqgpu_params *p, const sq_tensor *tensor) {
  SQ_TRY(check_name(p, tensor->name));
  SQ_TRY(room_for_tensors(p, 1));
  sq_tensor *copy = sq_host_alloc(p->ctx, sizeof *copy);
  if (copy == NULL) return out_of_memory(p);
  *copy = *tensor;
  p->tensors[p->tensor_count++] = copy;
  return SEQGPU_OK;
}

/* Into a struct of the caller's, if there is one. */
static void give(const seqgpu_param *param, seqgpu_param *out, size_t size) {
  if (out) sq_struct_out(out, size, param, sizeof *param);
}

static void describe(const seqgpu_params *p, const sq_tensor *t, seqgpu_param *out, size_t size) {
  const sq_param_block *block = &p->blocks[t->block];
  const seqgpu_param param = {t->name, t->rows, t->cols, sq_params_address(p, t, block->value),
                              sq_params_address(p, t, block->grad)};
  give(&param, out, size);
}

int seqgpu_params_count(const seqgpu_params *p) { return p ? p->tensor_count : 0; }

seqgpu_status seqgpu_params_get_(const seqgpu_params *p, int index, seqgpu_param *out, size_t size) {
  if (p == NULL) return SEQGPU_EINVAL;
  if (out == NULL) return sq_fail(p->ctx, SEQGPU_EINVAL, "out: is NULL");
  if (index < 0 || index >= p->tensor_count)
    return sq_fail(p->ctx, SEQGPU_EINVAL, "index: %d, must be from 0 to %d", index, p->tensor_count - 1);
  describe(p, p->tensors[index], out, size);
  return SEQGPU_OK;
}

seqgpu_status seqgpu_params_find_(const seqgpu_params *p, const char *name, seqgpu_param *out, size_t size) {
  if (p == NULL) return SEQGPU_EINVAL;
  if (name == NULL || out == NULL) return sq_fail(p->ctx, SEQGPU_EINVAL, "name, out: is NULL");
  const sq_tensor *t = sq_params_tensor(p, name);
  if (t == NULL) return sq_fail(p->ctx, SEQGPU_EINVAL, "name: there is no tensor \"%.60s\"", name);
  describe(p, t, out, size);
  return SEQGPU_OK;
}

int64_t seqgpu_params_elements(const seqgpu_params *p) {
  int64_t total = 0;
  for (int i = 0; p && i < p->tensor_count; i++)
    if (p->blocks[p->tensors[i]->block].grad && !p->tensors[i]->fixed)
      total += sq_tensor_count(p->tensors[i]);
  return total;
}

/* ---------------------------------------------------------------- initial values */

/* PyTorch writes biases as [n] and weights as [rows, cols], also where cols is 1. */
static sq_file_form plain_form(const char *name, int64_t cols) {
  const char *dot = strrchr(name, '.');
  const char *last = dot ? dot + 1 : name;
  return cols == 1 && strncmp(last, "weight", 6) != 0 ? SQ_FORM_VECTOR : SQ_FORM_MATRIX;
}

static seqgpu_status add_lone(seqgpu_params *p, const char *name, int64_t rows, int64_t cols, int trained,
                              seqgpu_param *out, size_t size) {
  int64_t count;
  if (rows < 1 || cols < 1 || !sq_mul_size(rows, cols, &count))
    return sq_fail(p->ctx, SEQGPU_EINVAL,
                   "rows, cols: [%lld, %lld] of \"%.60s\", must be at least 1, at most 2^46 in all",
                   (long long)rows, (long long)cols, name ? name : "");
  SQ_TRY(check_name(p, name));
  const int blocks = p->block_count, tensors = p->tensor_count;
  seqgpu_status status = add_block(p, count, trained);
  if (status != SEQGPU_OK) return sq_params_undo(p, blocks, tensors, status);
  sq_tensor t = {.rows = rows, .cols = cols, .block = blocks, .form = plain_form(name, cols)};
  snprintf(t.name, sizeof t.name, "%s", name);
  status = add_tensor(p, &t);
  if (status != SEQGPU_OK) return sq_params_undo(p, blocks, tensors, status);
  describe(p, p->tensors[tensors], out, size);
  return SEQGPU_OK;
}

seqgpu_status seqgpu_params_add_(seqgpu_params *p, const char *name, int64_t rows, int64_t cols,
                                 const char *init, double scale, seqgpu_param *out, size_t size) {
  if (p == NULL) return SEQGPU_EINVAL;
  sq_drawing drawing;
  SQ_TRY(sq_params_drawing(p, init, scale, &drawing));
  const int blocks = p->block_count, tensors = p->tensor_count;
  SQ_TRY(add_lone(p, name, rows, cols, 1, out, size));
  const seqgpu_status status = sq_params_draw(p, p->tensors[tensors], &drawing);
  return status == SEQGPU_OK ? status : sq_params_undo(p, blocks, tensors, status);
}

seqgpu_status seqgpu_params_add_state_(seqgpu_params *p, const char *name, int64_t rows, int64_t cols,
                                       seqgpu_param *out, size_t size) {
  if (p == NULL) return SEQGPU_EINVAL;
  return add_lone(p, name, rows, cols, 0, out, size);
}

/* ---------------------------------------------------------------- recurrent networks */

/* Cells that PyTorch has, too, are written with its two biases. */
static sq_file_form recurrent_form(const seqgpu_rnn_desc *desc, const sq_tensor *t, const char *name) {
  const int gru = strcmp(desc->cell, "gru") == 0 && desc->reset_after;
  const int torch_cell =
      gru || strcmp(desc->cell, "rnn") == 0 || (strcmp(desc->cell, "lstm") == 0 && !desc->coupled);
  if (torch_cell && sq_starts_with(name, "bias_rec_l")) return SQ_FORM_GRU_REC;
  if (torch_cell && sq_starts_with(name, "bias_l")) return gru ? SQ_FORM_GRU_BIAS : SQ_FORM_BIAS;
  return t->cols == 1 && !sq_starts_with(name, "weight") ? SQ_FORM_VECTOR : SQ_FORM_MATRIX;
}

/* Adds one of the plan's parameters under its full name and draws it. */
static seqgpu_status add_recurrent(seqgpu_params *p, const char *prefix, const seqgpu_plan *plan, int index,
                                   int block) {
  seqgpu_param_info info;
  SQ_TRY(seqgpu_plan_param(plan, index, &info));
  sq_tensor t = {.rows = info.rows, .cols = info.cols, .block = block, .offset = info.offset};
  SQ_TRY(sq_params_full_name(p, prefix, &info, t.name));
  t.form = recurrent_form(seqgpu_plan_desc(plan), &t, info.name);
  t.fixed = info.fixed;
  SQ_TRY(add_tensor(p, &t));
  const sq_drawing drawing = sq_params_standard_drawing(plan, index, &info);
  return sq_params_draw(p, p->tensors[p->tensor_count - 1], &drawing);
}

seqgpu_status seqgpu_params_add_rnn_(seqgpu_params *p, const char *prefix, const seqgpu_plan *plan,
                                     seqgpu_param *out, size_t size) {
  if (p == NULL) return SEQGPU_EINVAL;
  if (plan == NULL) return sq_fail(p->ctx, SEQGPU_EINVAL, "plan: is NULL");
  const int blocks = p->block_count, tensors = p->tensor_count;
  seqgpu_status status = add_block(p, seqgpu_plan_param_count(plan), 1);
  for (int i = 0; status == SEQGPU_OK && i < seqgpu_plan_num_params(plan); i++)
    status = add_recurrent(p, prefix, plan, i, blocks);
  if (status == SEQGPU_OK) status = room_for_pieces(p);
  if (status != SEQGPU_OK) return sq_params_undo(p, blocks, tensors, status);
  const sq_param_block *block = &p->blocks[blocks];
  const seqgpu_param whole = {p->tensors[tensors]->name, 1, block->count, block->value, block->grad};
  give(&whole, out, size);
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- updates */

seqgpu_status seqgpu_params_zero_grad(seqgpu_params *p) {
  if (p == NULL) return SEQGPU_EINVAL;
  for (int i = 0; i < p->block_count; i++) {
    const sq_param_block *block = &p->blocks[i];
    if (block->grad) SQ_TRY(seqgpu_zero(p->ctx, block->grad, (size_t)block->count * p->ctx->element_size));
  }
  return SEQGPU_OK;
}

static double or_default(double value, double standard) { return value == 0 ? standard : value; }

static seqgpu_status check_kind(seqgpu_params *p, seqgpu_optimizer_kind kind) {
  if ((int)kind >= SEQGPU_OPTIMIZER_SGD && kind <= SEQGPU_OPTIMIZER_ADAM) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL, "optimizer: kind is %d; it must be one of seqgpu_optimizer_kind",
                 (int)kind);
}

static seqgpu_status check_finite(seqgpu_params *p, const char *field, double value) {
  if (isfinite(value) && value >= 0) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL, "optimizer: %s is %g; it must be finite and at least 0", field,
                 value);
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
  SQ_TRY(check_finite(p, "lr", o->lr));
  SQ_TRY(check_share(p, "momentum", o->momentum));
  SQ_TRY(check_share(p, "decay", o->decay));
  SQ_TRY(check_finite(p, "eps", o->eps));
  SQ_TRY(check_finite(p, "weight_decay", o->weight_decay));
  SQ_TRY(check_finite(p, "clip_threshold", o->clip_threshold));
  return check_finite(p, "clip_window", o->clip_window);
}

/* Appends numbers first..last-1 of a block to the four lists, unless there are none. */
static void list_piece(seqgpu_params *p, const sq_param_block *block, int64_t first, int64_t last,
                       int64_t *n) {
  if (first >= last) return;
  void *const memory[4] = {block->value, block->grad, block->first, block->second};
  for (int i = 0; i < 4; i++)
    p->list[i][*n] = memory[i] ? (char *)memory[i] + (size_t)first * p->ctx->element_size : NULL;
  p->sizes[(*n)++] = last - first;
}

/* Lists the trained blocks, less the fixed tensors in them (which lie there in order); returns how many pieces. */
static int64_t collect_blocks(seqgpu_params *p) {
  int64_t n = 0;
  for (int i = 0; i < p->block_count; i++) {
    const sq_param_block *block = &p->blocks[i];
    if (block->grad == NULL) continue;
    int64_t first = 0;
    for (int k = 0; k < p->tensor_count; k++) {
      const sq_tensor *t = p->tensors[k];
      if (t->block != i || !t->fixed) continue;
      list_piece(p, block, first, t->offset, &n);
      first = t->offset + sq_tensor_count(t);
    }
    list_piece(p, block, first, block->count, &n);
  }
  return n;
}

static seqgpu_status clip(seqgpu_params *p, const seqgpu_optimizer *o, sq_tensor_list grads) {
  const double threshold = o->clip == SEQGPU_CLIP_AUTO ? 1 : 5;
  const sq_clip_args args = {.kind = (sq_clip_kind)o->clip,
                             .threshold = or_default(o->clip_threshold, threshold),
                             .window = or_default(o->clip_window, 1000),
                             .grads = grads,
                             .state = p->clip_state};
  return SQ_RUN(p->ctx, clip, &args);
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

static seqgpu_status update(seqgpu_params *p, const seqgpu_optimizer *o) {
  SQ_TRY(check_optimizer(p, o));
  const int first = has_first(o->kind), second = has_second(o->kind);
  SQ_TRY(sq_params_need_moments(p, first, second));
  const int64_t n = collect_blocks(p);
  if (n == 0) return sq_fail(p->ctx, SEQGPU_EINVAL, "params: there is nothing to update");
  const sq_tensor_list grads = {n, p->list[1], p->sizes};
  SQ_TRY(sq_params_before_update(p));
  SQ_TRY(clip(p, o, grads));
  const sq_optimizer_args args = {
      .kind = (sq_optimizer_kind)o->kind,
      .lr = o->lr,
      .momentum = or_default(o->momentum, 0.9),
      .decay = or_default(o->decay, o->kind == SEQGPU_OPTIMIZER_ADAM ? 0.999 : 0.95),
      .eps = or_default(o->eps, 1e-8),
      .weight_decay = o->weight_decay,
      .nesterov = o->nesterov,
      .update = p->updates + 1,
      .params = {n, p->list[0], p->sizes},
      .grads = grads,
      .first = {first ? n : 0, first ? p->list[2] : NULL, p->sizes},
      .second = {second ? n : 0, second ? p->list[3] : NULL, p->sizes},
      .clip_state = p->clip_state,
  };
  SQ_TRY(SQ_RUN(p->ctx, optimizer, &args));
  p->updates++;
  return sq_params_after_update(p);
}

seqgpu_status seqgpu_params_update_(seqgpu_params *p, const seqgpu_optimizer *optimizer, size_t size) {
  if (p == NULL) return SEQGPU_EINVAL;
  if (optimizer == NULL) return sq_fail(p->ctx, SEQGPU_EINVAL, "params_update: optimizer is NULL");
  seqgpu_optimizer o;
  SQ_TRY(sq_struct_in(p->ctx, "optimizer", &o, sizeof o, optimizer, size));
  return update(p, &o);
}

seqgpu_status seqgpu_params_grad_norm(seqgpu_params *p, double *norm, double *scale) {
  if (p == NULL) return SEQGPU_EINVAL;
  if (p->updates == 0) return sq_fail(p->ctx, SEQGPU_EINVAL, "params: there was no update yet");
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
  return sq_fail(p->ctx, SEQGPU_ENONFINITE, "gradients: their norm is %g; nothing was updated", wide[0]);
}
