/* vector.c - all trained parameters as one vector; see vector.h. */
#include "host/hf/vector.h"

int64_t sq_vector_elements(const seqgpu_params *params) {
  int64_t n = 0;
  for (int i = 0; i < params->block_count; i++)
    if (params->blocks[i].grad) n += params->blocks[i].elements;
  return n;
}

static size_t bytes(const sq_vectors *s, int64_t elements) {
  return (size_t)elements * s->params->ctx->element_size;
}

static void widen(const sq_vectors *s, double *v) {
  const float *narrow = s->staging;
  if (s->params->ctx->dtype == SEQGPU_DTYPE_F64)
    memcpy(v, s->staging, bytes(s, s->n));
  else
    for (int64_t i = 0; i < s->n; i++) v[i] = (double)narrow[i];
}

static void narrow(const sq_vectors *s, const double *v) {
  float *to = s->staging;
  if (s->params->ctx->dtype == SEQGPU_DTYPE_F64)
    memcpy(s->staging, v, bytes(s, s->n));
  else
    for (int64_t i = 0; i < s->n; i++) to[i] = (float)v[i];
}

seqgpu_status sq_vector_read(const sq_vectors *s, sq_vector_of what, double *v) {
  char *to = s->staging;
  for (int i = 0; i < s->params->block_count; i++) {
    const sq_param_block *block = &s->params->blocks[i];
    if (block->grad == NULL) continue;
    const size_t size = bytes(s, block->elements);
    SQ_TRY(seqgpu_copy_out(s->params->ctx, to, what == SQ_VECTOR_VALUES ? block->value : block->grad, size));
    to += size;
  }
  widen(s, v);
  return SEQGPU_OK;
}

seqgpu_status sq_vector_write(const sq_vectors *s, const double *v) {
  const char *from = s->staging;
  narrow(s, v);
  for (int i = 0; i < s->params->block_count; i++) {
    const sq_param_block *block = &s->params->blocks[i];
    if (block->grad == NULL) continue;
    const size_t size = bytes(s, block->elements);
    SQ_TRY(seqgpu_copy_in(s->params->ctx, block->value, from, size));
    from += size;
  }
  return SEQGPU_OK;
}

seqgpu_status sq_vector_to_device(const sq_vectors *s, const double *v, void *device) {
  narrow(s, v);
  return seqgpu_copy_in(s->params->ctx, device, s->staging, bytes(s, s->n));
}

seqgpu_status sq_vector_from_device(const sq_vectors *s, const void *device, double *v) {
  SQ_TRY(seqgpu_copy_out(s->params->ctx, s->staging, device, bytes(s, s->n)));
  widen(s, v);
  return SEQGPU_OK;
}

const void *sq_vector_place(const sq_vectors *s, const void *grad, const void *device) {
  const char *at = device;
  for (int i = 0; i < s->params->block_count; i++) {
    const sq_param_block *block = &s->params->blocks[i];
    if (block->grad == NULL) continue;
    const size_t size = bytes(s, block->elements);
    const uintptr_t first = (uintptr_t)block->grad, wanted = (uintptr_t)grad;
    if (wanted >= first && wanted < first + size) return at + (wanted - first);
    at += size;
  }
  return NULL;
}
