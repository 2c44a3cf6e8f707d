/* save.c - models into .safetensors files (seqgpu/checkpoint.h); names.h says what stands in them. */
#include <stdio.h>
#include <string.h>

#include "host/checkpoint/names.h"
#include "host/checkpoint/safetensors_write.h"
#include "host/params/share.h"
#include "host/params/store.h"

/* One tensor of the file: a part of one of ours, its bias_hh, or (tensor NULL) the state of the optimiser. */
typedef struct entry {
  const sq_tensor *tensor;
  sq_memory which;
  int is_bias_hh;
  const int64_t *counters; /* of an entry of whole numbers, else NULL */
  char name[SQ_FILE_NAME];
} entry;

typedef struct saving {
  seqgpu_params *params;
  int count;
  entry *entries;
  sq_st_tensor *tensors; /* what the file says about each entry */
  int64_t counters[SQ_COUNTERS];
} saving;

static entry *add_entry(saving *s, const sq_tensor *t, sq_memory which, int64_t rows, int64_t cols) {
  entry *e = &s->entries[s->count];
  sq_st_tensor *file = &s->tensors[s->count++];
  *e = (entry){.tensor = t, .which = which};
  *file = (sq_st_tensor){.name = e->name, .dtype = sq_context_dtype(s->params->ctx), .elements = rows * cols};
  file->shape[file->rank++] = rows;
  if (t && t->form == SQ_FORM_MATRIX) file->shape[file->rank++] = cols;
  if (t) snprintf(e->name, sizeof e->name, "%s%s", sq_memory_prefix[which], t->name);
  return e;
}

static void add_counters(saving *s, const char *name, const int64_t *counters, int64_t count) {
  entry *e = add_entry(s, NULL, SQ_MEMORY_VALUE, count, 1);
  s->tensors[s->count - 1].dtype = SQ_ST_I64;
  e->counters = counters;
  strcpy(e->name, name);
}

static void add_optimizer(saving *s) {
  const seqgpu_params *p = s->params;
  const int64_t counters[SQ_COUNTERS] = {p->updates, (int64_t)p->seed, p->draws, p->has_first, p->has_second};
  memcpy(s->counters, counters, sizeof counters);
  /* first, so that they are aligned to their 8 bytes */
  add_counters(s, sq_counters_name, s->counters, SQ_COUNTERS);
  if (p->averaged > 0) add_counters(s, sq_averaged_name, &p->averaged, 1);
  strcpy(add_entry(s, NULL, SQ_MEMORY_VALUE, SQ_CLIP_STATE, 1)->name, sq_clip_name);
}

static void add_values(saving *s, const sq_tensor *t) {
  if (t->form == SQ_FORM_GRU_REC) return; /* goes with its layer's bias */
  entry *e = add_entry(s, t, SQ_MEMORY_VALUE, t->rows, t->cols);
  if (t->form != SQ_FORM_BIAS && t->form != SQ_FORM_GRU_BIAS) return;
  sq_bias_name(t->name, "bias_ih", e->name);
  e = add_entry(s, t, SQ_MEMORY_VALUE, t->rows, t->cols);
  sq_bias_name(t->name, "bias_hh", e->name);
  e->is_bias_hh = 1;
}

static void list_entries(saving *s, int weights_only) {
  const seqgpu_params *p = s->params;
  if (!weights_only) add_optimizer(s);
  for (int i = 0; i < p->tensor_count; i++) {
    const sq_tensor *t = p->tensors[i];
    if (sq_is_sum(p, t)) continue;
    add_values(s, t);
    if (weights_only) continue;
    if (sq_is_trained(p, t) && p->has_first) add_entry(s, t, SQ_MEMORY_FIRST, t->rows, t->cols);
    if (sq_is_trained(p, t) && p->has_second) add_entry(s, t, SQ_MEMORY_SECOND, t->rows, t->cols);
    if (sq_is_trained(p, t) && p->averaged > 0) add_entry(s, t, SQ_MEMORY_RAW, t->rows, t->cols);
  }
}

static seqgpu_status fetch_device(const seqgpu_params *p, const void *device, int64_t elements, void *host) {
  return seqgpu_copy_out(p->ctx, host, device, (size_t)elements * p->ctx->element_size);
}

static const sq_tensor *recurrent_bias(const seqgpu_params *p, const sq_tensor *bias) {
  char name[SQ_FILE_NAME];
  sq_bias_name(bias->name, "bias_rec", name);
  return sq_params_tensor(p, name);
}

static seqgpu_status fetch_bias_hh(const seqgpu_params *p, const sq_tensor *bias, void *host) {
  const size_t element = p->ctx->element_size;
  memset(host, 0, (size_t)bias->rows * element);
  const sq_tensor *rec = bias->form == SQ_FORM_GRU_BIAS ? recurrent_bias(p, bias) : NULL;
  if (rec == NULL) return SEQGPU_OK;
  return fetch_device(p, sq_memory_of(p, rec, SQ_MEMORY_VALUE), rec->rows,
                      (char *)host + (size_t)(bias->rows - rec->rows) * element);
}

static seqgpu_status fetch(void *user, int index, void *host) {
  const saving *s = user;
  const entry *e = &s->entries[index];
  const seqgpu_params *p = s->params;
  if (e->counters) {
    memcpy(host, e->counters, (size_t)s->tensors[index].elements * sizeof *e->counters);
    return SEQGPU_OK;
  }
  if (e->tensor == NULL) return fetch_device(p, p->clip_state, SQ_CLIP_STATE, host);
  if (e->is_bias_hh) return fetch_bias_hh(p, e->tensor, host);
  return fetch_device(p, sq_memory_of(p, e->tensor, e->which), sq_tensor_elements(e->tensor), host);
}

static seqgpu_status check_meta(seqgpu_context *ctx, const seqgpu_meta *meta, int count) {
  if (count < 0 || (count > 0 && meta == NULL))
    return sq_fail(ctx, SEQGPU_EINVAL,
                   "checkpoint: meta_count is %d and meta %s; there must be an array of that many", count,
                   meta ? "given" : "NULL");
  for (int i = 0; i < count; i++)
    if (meta[i].key == NULL || meta[i].value == NULL)
      return sq_fail(ctx, SEQGPU_EINVAL, "checkpoint: meta[%d] has a key or value that is NULL", i);
  return SEQGPU_OK;
}

static seqgpu_status save(seqgpu_params *p, const char *path, const seqgpu_meta *meta, int meta_count,
                          int weights_only) {
  if (p == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = p->ctx;
  if (path == NULL || path[0] == 0) return sq_fail(ctx, SEQGPU_EINVAL, "checkpoint: path is empty");
  SQ_TRY(check_meta(ctx, meta, meta_count));
  /* values, bias_hh, two moments, raw values; counters twice, clip state */
  const size_t room = (size_t)p->tensor_count * 5 + 3;
  saving s = {.params = p};
  s.entries = sq_host_alloc(ctx, room * sizeof *s.entries);
  s.tensors = sq_host_alloc(ctx, room * sizeof *s.tensors);
  seqgpu_status status = SEQGPU_ENOMEM;
  if (s.entries && s.tensors) {
    list_entries(&s, weights_only);
    status = sq_st_write(ctx, path, s.tensors, s.count, meta, meta_count, fetch, &s);
  } else {
    sq_fail(ctx, status, "%s: out of memory", path);
  }
  sq_host_free(ctx, s.entries);
  sq_host_free(ctx, s.tensors);
  return status;
}

seqgpu_status seqgpu_checkpoint_save(seqgpu_params *p, const char *path, const seqgpu_meta *meta,
                                     int meta_count) {
  if (p != NULL) SQ_TRY(sq_share_check_whole(p, "checkpoint_save"));
  return save(p, path, meta, meta_count, 0);
}

seqgpu_status seqgpu_checkpoint_save_weights(seqgpu_params *p, const char *path, const seqgpu_meta *meta,
                                             int meta_count) {
  return save(p, path, meta, meta_count, 1);
}
