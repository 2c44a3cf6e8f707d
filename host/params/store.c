/* store.c - named parameters in memory: blocks, tensors and their names (seqgpu/params.h). */
#include "host/params/store.h"

#include <stdio.h>

#include "host/context/structs.h"
#include "host/params/share.h"

/* ---------------------------------------------------------------- memory */

static seqgpu_status out_of_memory(seqgpu_params *p) {
  return sq_fail(p->ctx, SEQGPU_ENOMEM, "params: out of memory");
}

static seqgpu_status zeroed(seqgpu_context *ctx, int64_t elements, void **out) {
  const size_t bytes = (size_t)elements * ctx->element_size;
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
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "params_create: out is NULL");
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
  seqgpu_free(ctx, block->average);
  seqgpu_free(ctx, block->raw);
  sq_host_free(ctx, block->edges);
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
  sq_host_free(ctx, p->lr);
  seqgpu_free(ctx, p->clip_state);
  sq_host_free(ctx, p);
}

/* An array of `count` elements gets room for `room`; 0 when out of memory. */
static int grow(seqgpu_context *ctx, void **array, size_t element, int count, int room) {
  return sq_host_enlarge(ctx, array, (size_t)count * element, (size_t)room * element);
}

static seqgpu_status room_for_block(seqgpu_params *p) {
  if (p->block_count < p->block_room) return SEQGPU_OK;
  const int room = p->block_room ? 2 * p->block_room : 8;
  if (!grow(p->ctx, (void **)&p->blocks, sizeof *p->blocks, p->block_count, room)) return out_of_memory(p);
  p->block_room = room;
  return SEQGPU_OK;
}

static seqgpu_status room_for(seqgpu_params *p, int pieces) {
  if (pieces <= p->piece_room) return SEQGPU_OK;
  int ok = grow(p->ctx, (void **)&p->sizes, sizeof *p->sizes, 0, 2 * pieces) &&
           grow(p->ctx, (void **)&p->lr, sizeof *p->lr, 0, 2 * pieces);
  for (int i = 0; i < 4; i++) ok = ok && grow(p->ctx, (void **)&p->list[i], sizeof(void *), 0, 2 * pieces);
  if (!ok) return out_of_memory(p);
  p->piece_room = 2 * pieces;
  return SEQGPU_OK;
}

/* A tensor that is left out may make one more piece of its block, one with a learning rate of its own two. */
seqgpu_status sq_params_room_for_pieces(seqgpu_params *p) {
  int pieces = p->block_count;
  for (int i = 0; i < p->tensor_count; i++)
    pieces += sq_tensor_is_still(p->tensors[i]) ? 1 : 2 * (p->tensors[i]->lr != 1);
  return room_for(p, pieces);
}

seqgpu_status sq_params_room_for_any_pieces(seqgpu_params *p) {
  return room_for(p, p->block_count + 2 * p->tensor_count);
}

static seqgpu_status room_for_tensor(seqgpu_params *p) {
  if (p->tensor_count < p->tensor_room) return SEQGPU_OK;
  const int room = 2 * (p->tensor_count + 1);
  if (!grow(p->ctx, (void **)&p->tensors, sizeof *p->tensors, p->tensor_count, room)) return out_of_memory(p);
  p->tensor_room = room;
  return SEQGPU_OK;
}

seqgpu_status sq_params_undo(seqgpu_params *p, sq_params_mark before, seqgpu_status status) {
  while (p->tensor_count > before.tensors) free_tensor(p->ctx, p->tensors[--p->tensor_count]);
  while (p->block_count > before.blocks) free_block(p->ctx, &p->blocks[--p->block_count]);
  p->draws = before.draws;
  return status;
}

seqgpu_status sq_params_add_block(seqgpu_params *p, int64_t elements, int trained) {
  SQ_TRY(room_for_block(p));
  sq_param_block *block = &p->blocks[p->block_count++];
  *block = (sq_param_block){.elements = elements};
  SQ_TRY(sq_params_room_for_pieces(p));
  SQ_TRY(zeroed(p->ctx, elements, &block->value));
  if (!trained) return SEQGPU_OK;
  SQ_TRY(zeroed(p->ctx, elements, &block->grad));
  if (p->has_first) SQ_TRY(zeroed(p->ctx, elements, &block->first));
  if (p->has_second) SQ_TRY(zeroed(p->ctx, elements, &block->second));
  return SEQGPU_OK;
}

seqgpu_status sq_params_need_moments(seqgpu_params *p, int first, int second) {
  for (int i = 0; i < p->block_count; i++) {
    sq_param_block *block = &p->blocks[i];
    const int64_t elements = sq_share_end(p, block) - sq_share_first(p, block);
    if (block->grad == NULL) continue;
    if (first && block->first == NULL) SQ_TRY(zeroed(p->ctx, elements, &block->first));
    if (second && block->second == NULL) SQ_TRY(zeroed(p->ctx, elements, &block->second));
  }
  p->has_first |= first;
  p->has_second |= second;
  return SEQGPU_OK;
}

seqgpu_status sq_params_check_values(const seqgpu_params *p, const char *call) {
  if (!p->in_use) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL,
                 "%s: the averages are in use; seqgpu_params_use_average(params, 0) must come first", call);
}

seqgpu_status sq_params_need_average(seqgpu_params *p) {
  for (int i = 0; i < p->block_count; i++) {
    sq_param_block *block = &p->blocks[i];
    if (block->grad == NULL) continue;
    if (block->raw == NULL) SQ_TRY(zeroed(p->ctx, block->elements, &block->raw));
    if (block->average) continue;
    SQ_TRY(zeroed(p->ctx, block->elements, &block->average));
    if (p->averaged == 0) continue; /* else it was added since, and what it was before is not known */
    SQ_TRY(seqgpu_copy(p->ctx, block->average, block->value, (size_t)block->elements * p->ctx->element_size));
  }
  return SEQGPU_OK;
}

void *sq_params_address(const seqgpu_params *p, const sq_tensor *tensor, void *block_memory) {
  return block_memory ? (char *)block_memory + (size_t)tensor->offset * p->ctx->element_size : NULL;
}

/* ---------------------------------------------------------------- names */

sq_tensor *sq_params_tensor(const seqgpu_params *p, const char *name) {
  for (int i = 0; i < p->tensor_count; i++)
    if (strcmp(p->tensors[i]->name, name) == 0) return p->tensors[i];
  return NULL;
}

seqgpu_status sq_params_find(const seqgpu_params *p, const char *name, sq_tensor **out) {
  if (name == NULL) return sq_fail(p->ctx, SEQGPU_EINVAL, "params: name is NULL");
  *out = sq_params_tensor(p, name);
  if (*out) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL, "params: there is no tensor \"%.60s\"", name);
}

seqgpu_status sq_params_full_name(seqgpu_params *p, const char *prefix, const char *name,
                                  char out[SQ_NAME_SIZE]) {
  const char *const dot = prefix && prefix[0] ? "." : "";
  const int length = snprintf(out, SQ_NAME_SIZE, "%s%s%s", prefix ? prefix : "", dot, name);
  if (length >= 0 && length < SQ_NAME_SIZE) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL, "params: prefix \"%.40s...\" makes names longer than %d bytes",
                 prefix, SQ_NAME_SIZE - 1);
}

/* A name may not be taken, nor look like one that a checkpoint uses for itself. */
static seqgpu_status check_name(const seqgpu_params *p, const char *name) {
  if (name == NULL || name[0] == 0)
    return sq_fail(p->ctx, SEQGPU_EINVAL, "params: name is %s; it must have 1 to %d bytes",
                   name ? "empty" : "NULL", SQ_NAME_SIZE - 1);
  if (strlen(name) >= SQ_NAME_SIZE)
    return sq_fail(p->ctx, SEQGPU_EINVAL, "params: name \"%.40s...\" has %zu bytes; it must have at most %d",
                   name, strlen(name), SQ_NAME_SIZE - 1);
  if (sq_starts_with(name, "optimizer.") || strcmp(name, "__metadata__") == 0)
    return sq_fail(p->ctx, SEQGPU_EINVAL, "params: name \"%s\" is reserved for checkpoints", name);
  if (sq_params_tensor(p, name))
    return sq_fail(p->ctx, SEQGPU_EINVAL, "params: name \"%s\" is already taken", name);
  return SEQGPU_OK;
}

seqgpu_status sq_params_add_tensor(seqgpu_params *p, const char *name, const sq_tensor *tensor) {
  SQ_TRY(check_name(p, name));
  SQ_TRY(room_for_tensor(p));
  sq_tensor *copy = sq_host_alloc(p->ctx, sizeof *copy);
  if (copy == NULL) return out_of_memory(p);
  *copy = *tensor;
  copy->lr = 1;
  strcpy(copy->name, name);
  p->tensors[p->tensor_count++] = copy;
  return sq_params_room_for_pieces(p); /* a fixed tensor divides its block */
}

/* ---------------------------------------------------------------- what there is */

void sq_params_give(const seqgpu_params *p, const sq_tensor *t, seqgpu_param *out, size_t size) {
  if (out == NULL) return;
  const sq_param_block *block = &p->blocks[t->block];
  const seqgpu_param param = {t->name, t->rows, t->cols, sq_params_address(p, t, block->value),
                              sq_params_address(p, t, block->grad)};
  sq_struct_out(out, size, &param, sizeof param);
}

int seqgpu_params_count(const seqgpu_params *p) { return p ? p->tensor_count : 0; }

seqgpu_status seqgpu_params_get_(const seqgpu_params *p, int index, seqgpu_param *out, size_t size) {
  if (p == NULL) return SEQGPU_EINVAL;
  if (out == NULL) return sq_fail(p->ctx, SEQGPU_EINVAL, "params: out is NULL");
  if (index < 0 || index >= p->tensor_count)
    return sq_fail(p->ctx, SEQGPU_EINVAL, "params: index is %d; it must be at least 0 and below %d", index,
                   p->tensor_count);
  sq_params_give(p, p->tensors[index], out, size);
  return SEQGPU_OK;
}

seqgpu_status seqgpu_params_find_(const seqgpu_params *p, const char *name, seqgpu_param *out, size_t size) {
  if (p == NULL) return SEQGPU_EINVAL;
  if (out == NULL) return sq_fail(p->ctx, SEQGPU_EINVAL, "params: out is NULL");
  sq_tensor *t;
  SQ_TRY(sq_params_find(p, name, &t));
  sq_params_give(p, t, out, size);
  return SEQGPU_OK;
}

int64_t seqgpu_params_elements(const seqgpu_params *p) {
  int64_t elements = 0;
  for (int i = 0; p && i < p->tensor_count; i++) {
    const sq_tensor *t = p->tensors[i];
    if (p->blocks[t->block].grad && !sq_tensor_is_still(t)) elements += sq_tensor_elements(t);
  }
  return elements;
}
