/* checkpoint.c - models to and from .safetensors files (seqgpu/checkpoint.h).
 *
 * In the file                                         here
 *   NAME                                              every tensor that is not one of the following
 *   ...bias_ih_lK, ...bias_hh_lK                      ...bias_lK, of a GRU ...bias_rec_lK as well (params.h)
 *   optimizer.first.NAME, optimizer.second.NAME       moments
 *   optimizer.clip_state [8]                          running average of the gradient norm, and so on
 *   optimizer.counters [5] I64                        updates, seed, draws, has first moments, has second
 *
 * Our whole bias goes to bias_ih, and bias_hh is zero; reading adds them, and a zero bias_hh changes no bit.
 * Loading reads everything into host memory before it changes anything.
 */
#include <stdio.h>
#include <string.h>

#include "host/checkpoint/safetensors.h"
#include "host/checkpoint/safetensors_write.h"
#include "host/context/shape.h"
#include "host/context/structs.h"
#include "host/params/split.h"
#include "host/params/store.h"

enum { FILE_NAME = SQ_NAME_SIZE + 24, COUNTERS = 5 };
enum { UPDATES, SEED, DRAWS, HAS_FIRST, HAS_SECOND };
static const char counters_name[] = "optimizer.counters", clip_name[] = "optimizer.clip_state";

/* Which memory of a tensor. */
typedef enum part { PART_VALUE, PART_FIRST, PART_SECOND } part;
static const char *const part_prefix[] = {"", "optimizer.first.", "optimizer.second."};

static void *part_memory(const seqgpu_params *p, const sq_tensor *t, part which) {
  const sq_param_block *block = &p->blocks[t->block];
  void *memory = which == PART_VALUE ? block->value : which == PART_FIRST ? block->first : block->second;
  return sq_params_address(p, t, memory);
}

static int is_trained(const seqgpu_params *p, const sq_tensor *t) { return p->blocks[t->block].grad != NULL; }

/* A bias that is split stands in the file as its two parts, under the same names. */
static int is_sum(const seqgpu_params *p, const sq_tensor *t) {
  if (t->form != SQ_FORM_GRU_REC) return t->part[0] != NULL;
  for (int i = 0; i < p->tensor_count; i++)
    if (p->tensors[i]->rec == t) return 1;
  return 0;
}

/* "rnn.bias_l0" with "ih" becomes "rnn.bias_ih_l0". */
static void bias_name(const char *name, const char *kind, char out[FILE_NAME]) {
  const char *dot = strrchr(name, '.');
  const int before = (int)((dot ? dot + 1 - name : 0) + (int)strlen("bias_"));
  snprintf(out, FILE_NAME, "%.*s%s_%s", before, name, kind, name + before);
}

static const sq_tensor *recurrent_bias(const seqgpu_params *p, const sq_tensor *bias) {
  char name[FILE_NAME];
  bias_name(bias->name, "rec", name);
  return sq_params_tensor(p, name);
}

/* ---------------------------------------------------------------- saving */

/* One tensor of the file: a part of one of ours, its bias_hh, or (tensor NULL) the state of the optimiser. */
typedef struct entry {
  const sq_tensor *tensor;
  part which;
  int is_bias_hh;
  char name[FILE_NAME];
} entry;

typedef struct saving {
  seqgpu_params *params;
  int count;
  entry *entries;
  sq_st_tensor *tensors; /* what the file says about each entry */
  int64_t counters[COUNTERS];
} saving;

static sq_st_dtype context_dtype(const seqgpu_context *ctx) {
  return ctx->dtype == SEQGPU_DTYPE_F64 ? SQ_ST_F64 : SQ_ST_F32;
}

static entry *add_entry(saving *s, const sq_tensor *t, part which, int64_t rows, int64_t cols) {
  entry *e = &s->entries[s->count];
  sq_st_tensor *file = &s->tensors[s->count++];
  *e = (entry){.tensor = t, .which = which};
  *file = (sq_st_tensor){.name = e->name, .dtype = context_dtype(s->params->ctx), .elements = rows * cols};
  file->shape[file->rank++] = rows;
  if (t && t->form == SQ_FORM_MATRIX) file->shape[file->rank++] = cols;
  if (t) snprintf(e->name, sizeof e->name, "%s%s", part_prefix[which], t->name);
  return e;
}

static void add_optimizer(saving *s) {
  const seqgpu_params *p = s->params;
  const int64_t counters[COUNTERS] = {p->updates, (int64_t)p->seed, p->draws, p->has_first, p->has_second};
  memcpy(s->counters, counters, sizeof counters);
  strcpy(add_entry(s, NULL, PART_VALUE, COUNTERS, 1)->name, counters_name);
  s->tensors[0].dtype = SQ_ST_I64; /* first, so that it is aligned to its 8 bytes */
  strcpy(add_entry(s, NULL, PART_VALUE, SQ_CLIP_STATE, 1)->name, clip_name);
}

static void add_values(saving *s, const sq_tensor *t) {
  if (t->form == SQ_FORM_GRU_REC) return; /* goes with its layer's bias */
  entry *e = add_entry(s, t, PART_VALUE, t->rows, t->cols);
  if (t->form != SQ_FORM_BIAS && t->form != SQ_FORM_GRU_BIAS) return;
  bias_name(t->name, "ih", e->name);
  e = add_entry(s, t, PART_VALUE, t->rows, t->cols);
  bias_name(t->name, "hh", e->name);
  e->is_bias_hh = 1;
}

static void list_entries(saving *s, int weights_only) {
  const seqgpu_params *p = s->params;
  if (!weights_only) add_optimizer(s);
  for (int i = 0; i < p->tensor_count; i++) {
    const sq_tensor *t = p->tensors[i];
    if (is_sum(p, t)) continue;
    add_values(s, t);
    if (weights_only) continue;
    if (is_trained(p, t) && p->has_first) add_entry(s, t, PART_FIRST, t->rows, t->cols);
    if (is_trained(p, t) && p->has_second) add_entry(s, t, PART_SECOND, t->rows, t->cols);
  }
}

static seqgpu_status fetch_device(const seqgpu_params *p, const void *device, int64_t elements, void *host) {
  return seqgpu_copy_out(p->ctx, host, device, (size_t)elements * p->ctx->element_size);
}

static seqgpu_status fetch_bias_hh(const seqgpu_params *p, const sq_tensor *bias, void *host) {
  const size_t element = p->ctx->element_size;
  memset(host, 0, (size_t)bias->rows * element);
  const sq_tensor *rec = bias->form == SQ_FORM_GRU_BIAS ? recurrent_bias(p, bias) : NULL;
  if (rec == NULL) return SEQGPU_OK;
  return fetch_device(p, part_memory(p, rec, PART_VALUE), rec->rows,
                      (char *)host + (size_t)(bias->rows - rec->rows) * element);
}

static seqgpu_status fetch(void *user, int index, void *host) {
  const saving *s = user;
  const entry *e = &s->entries[index];
  const seqgpu_params *p = s->params;
  if (e->tensor == NULL && s->tensors[index].dtype == SQ_ST_I64) {
    memcpy(host, s->counters, sizeof s->counters);
    return SEQGPU_OK;
  }
  if (e->tensor == NULL) return fetch_device(p, p->clip_state, SQ_CLIP_STATE, host);
  if (e->is_bias_hh) return fetch_bias_hh(p, e->tensor, host);
  return fetch_device(p, part_memory(p, e->tensor, e->which), sq_tensor_elements(e->tensor), host);
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
  const size_t room =
      (size_t)p->tensor_count * 4 + 2; /* values, bias_hh, two moments; counters, clip state */
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
  return save(p, path, meta, meta_count, 0);
}

seqgpu_status seqgpu_checkpoint_save_weights(seqgpu_params *p, const char *path, const seqgpu_meta *meta,
                                             int meta_count) {
  return save(p, path, meta, meta_count, 1);
}

/* ---------------------------------------------------------------- opening and looking */

struct seqgpu_checkpoint {
  seqgpu_context *ctx;
  sq_st_file *file;
};

seqgpu_status seqgpu_checkpoint_open(seqgpu_context *ctx, const char *path, seqgpu_checkpoint **out) {
  if (out) *out = NULL;
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "checkpoint: out is NULL");
  if (path == NULL || path[0] == 0) return sq_fail(ctx, SEQGPU_EINVAL, "checkpoint: path is empty");
  seqgpu_checkpoint *c = sq_host_alloc(ctx, sizeof *c);
  if (c == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  c->ctx = ctx;
  const seqgpu_status status = sq_st_open(ctx, path, &c->file);
  if (status == SEQGPU_OK)
    *out = c;
  else
    seqgpu_checkpoint_close(c);
  return status;
}

void seqgpu_checkpoint_close(seqgpu_checkpoint *c) {
  if (c == NULL) return;
  sq_st_close(c->file);
  sq_host_free(c->ctx, c);
}

const char *seqgpu_checkpoint_meta(const seqgpu_checkpoint *c, const char *key) {
  return c && key ? sq_st_meta(c->file, key) : NULL;
}

int seqgpu_checkpoint_meta_count(const seqgpu_checkpoint *c) { return c ? sq_st_meta_count(c->file) : 0; }

int seqgpu_checkpoint_tensor_count(const seqgpu_checkpoint *c) { return c ? sq_st_count(c->file) : 0; }

int seqgpu_checkpoint_find(const seqgpu_checkpoint *c, const char *name) {
  const sq_st_tensor *t = c && name ? sq_st_find(c->file, name) : NULL;
  return t ? (int)(t - sq_st_at(c->file, 0)) : -1;
}

/* There is a place for the answer, and `index` is one of `count` things. */
static seqgpu_status check_index(const seqgpu_checkpoint *c, int index, int count, const void *out) {
  if (out == NULL) return sq_fail(c->ctx, SEQGPU_EINVAL, "%s: out is NULL", sq_st_path(c->file));
  if (index >= 0 && index < count) return SEQGPU_OK;
  return sq_fail(c->ctx, SEQGPU_EINVAL, "%s: index is %d; it must be at least 0 and below %d",
                 sq_st_path(c->file), index, count);
}

seqgpu_status seqgpu_checkpoint_meta_get(const seqgpu_checkpoint *c, int index, seqgpu_meta *out) {
  if (c == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_index(c, index, sq_st_meta_count(c->file), out));
  *out = sq_st_meta_at(c->file, index);
  return SEQGPU_OK;
}

seqgpu_status seqgpu_checkpoint_tensor_get_(const seqgpu_checkpoint *c, int index, seqgpu_tensor_info *out,
                                            size_t size) {
  if (c == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_index(c, index, sq_st_count(c->file), out));
  const sq_st_tensor *t = sq_st_at(c->file, index);
  seqgpu_tensor_info info = {
      .name = t->name, .dtype = sq_st_dtype_name(t->dtype), .rank = t->rank, .elements = t->elements};
  memcpy(info.shape, t->shape, sizeof info.shape);
  sq_struct_out(out, size, &info, sizeof info);
  return SEQGPU_OK;
}

/* Element i of a tensor's raw bytes, whatever its type. */
static double element_at(const void *raw, sq_st_dtype dtype, int64_t i) {
  switch (dtype) {
  case SQ_ST_F32:
    return (double)((const float *)raw)[i];
  case SQ_ST_F64:
    return ((const double *)raw)[i];
  case SQ_ST_I32:
    return (double)((const int32_t *)raw)[i];
  case SQ_ST_I64:
    return (double)((const int64_t *)raw)[i];
  }
  return 0;
}

seqgpu_status seqgpu_checkpoint_read(const seqgpu_checkpoint *c, int index, double *out) {
  if (c == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_index(c, index, sq_st_count(c->file), out));
  const sq_st_tensor *t = sq_st_at(c->file, index);
  void *raw = sq_host_alloc(c->ctx, (size_t)t->bytes + 1);
  if (raw == NULL) return sq_fail(c->ctx, SEQGPU_ENOMEM, "%s: out of memory", sq_st_path(c->file));
  const seqgpu_status status = sq_st_read(c->ctx, c->file, t, raw);
  for (int64_t i = 0; status == SEQGPU_OK && i < t->elements; i++) out[i] = element_at(raw, t->dtype, i);
  sq_host_free(c->ctx, raw);
  return status;
}

/* ---------------------------------------------------------------- loading */

/* Data in host memory, waiting until all the others are there. */
typedef struct staged {
  const sq_tensor *tensor; /* NULL: the clip state */
  part which;
  void *host;
  int64_t elements;
} staged;

typedef struct loading {
  seqgpu_params *params;
  const sq_st_file *file;
  int resume;
  const char
      *only; /* of seqgpu_checkpoint_load_some: what names begin with; NULL = everything must be there */
  int count;
  staged *list;
  int64_t counters[COUNTERS];
} loading;

static seqgpu_status load_error(const loading *l, const char *name, const char *why) {
  return sq_fail(l->params->ctx, SEQGPU_EFORMAT, "%s: tensor \"%s\" %s", sq_st_path(l->file), name, why);
}

/* [rows, cols], or [n] where one of them is 1. */
static int shape_fits(const sq_st_tensor *t, int64_t rows, int64_t cols) {
  if (t->rank == 2) return t->shape[0] == rows && t->shape[1] == cols;
  return t->rank == 1 && (rows == 1 || cols == 1) && t->shape[0] == rows * cols;
}

/* Finds a tensor of the file and checks that it can be [rows, cols] here. */
static seqgpu_status find_fitting(const loading *l, const char *name, int64_t rows, int64_t cols,
                                  const sq_st_tensor **out) {
  const sq_st_tensor *t = *out = sq_st_find(l->file, name);
  if (t == NULL) return load_error(l, name, "is not in the file");
  if (t->dtype != SQ_ST_F32 && t->dtype != SQ_ST_F64) return load_error(l, name, "is neither F32 nor F64");
  if (l->resume && t->dtype != context_dtype(l->params->ctx))
    return load_error(l, name,
                      "has another precision than the context; to resume training it must be the same");
  if (shape_fits(t, rows, cols)) return SEQGPU_OK;
  char shape[SQ_SHAPE_TEXT], why[SQ_SHAPE_TEXT + 80];
  snprintf(why, sizeof why, "is %s; for this model it must be [%lld,%lld]",
           sq_shape_text(t->rank, t->shape, shape), (long long)rows, (long long)cols);
  return load_error(l, name, why);
}

/* Reads the data of a tensor in the context's element type. */
static seqgpu_status read_converted(const loading *l, const sq_st_tensor *t, void *host) {
  seqgpu_context *ctx = l->params->ctx;
  if (t->dtype == context_dtype(ctx)) return sq_st_read(ctx, l->file, t, host);
  void *raw = sq_host_alloc(ctx, (size_t)t->bytes + 1);
  if (raw == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", sq_st_path(l->file));
  const seqgpu_status status = sq_st_read(ctx, l->file, t, raw);
  for (int64_t i = 0; status == SEQGPU_OK && i < t->elements; i++) {
    if (ctx->dtype == SEQGPU_DTYPE_F64)
      ((double *)host)[i] = element_at(raw, t->dtype, i);
    else
      ((float *)host)[i] = (float)element_at(raw, t->dtype, i);
  }
  sq_host_free(ctx, raw);
  return status;
}

static seqgpu_status stage(loading *l, const sq_tensor *t, part which, int64_t elements, void **host) {
  seqgpu_context *ctx = l->params->ctx;
  *host = sq_host_alloc(ctx, (size_t)elements * ctx->element_size);
  if (*host == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", sq_st_path(l->file));
  l->list[l->count++] = (staged){t, which, *host, elements};
  return SEQGPU_OK;
}

static seqgpu_status stage_named(loading *l, const sq_tensor *t, part which, const char *name, int64_t rows,
                                 int64_t cols, void **host) {
  const sq_st_tensor *found;
  SQ_TRY(find_fitting(l, name, rows, cols, &found));
  SQ_TRY(stage(l, t, which, rows * cols, host));
  return read_converted(l, found, *host);
}

/* to[i] += add[i], where adding zero changes no bit, not even the sign of -0. */
static void add_nonzero(const seqgpu_context *ctx, void *to, const void *add, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (ctx->dtype == SEQGPU_DTYPE_F64) {
      const double a = ((const double *)add)[i];
      if (a != 0) ((double *)to)[i] += a;
    } else {
      const float a = ((const float *)add)[i];
      if (a != 0) ((float *)to)[i] += a;
    }
  }
}

/* bias_ih + bias_hh; of a GRU the last third of bias_hh is a parameter of its own. */
static seqgpu_status stage_bias(loading *l, const sq_tensor *t) {
  seqgpu_context *ctx = l->params->ctx;
  char ih[FILE_NAME], hh[FILE_NAME];
  bias_name(t->name, "ih", ih);
  bias_name(t->name, "hh", hh);
  void *bias, *rec_host;
  const sq_st_tensor *found;
  SQ_TRY(stage_named(l, t, PART_VALUE, ih, t->rows, 1, &bias));
  SQ_TRY(find_fitting(l, hh, t->rows, 1, &found));
  const sq_tensor *rec = t->form == SQ_FORM_GRU_BIAS ? recurrent_bias(l->params, t) : NULL;
  const int64_t summed = t->rows - (rec ? rec->rows : 0);
  void *other = sq_host_alloc(ctx, (size_t)t->rows * ctx->element_size);
  if (other == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", sq_st_path(l->file));
  seqgpu_status status = read_converted(l, found, other);
  if (status == SEQGPU_OK) add_nonzero(ctx, bias, other, summed);
  if (status == SEQGPU_OK && rec) status = stage(l, rec, PART_VALUE, rec->rows, &rec_host);
  if (status == SEQGPU_OK && rec)
    memcpy(rec_host, (char *)other + (size_t)summed * ctx->element_size,
           (size_t)rec->rows * ctx->element_size);
  sq_host_free(ctx, other);
  return status;
}

static seqgpu_status stage_value(loading *l, const sq_tensor *t) {
  void *host;
  if (t->form == SQ_FORM_GRU_REC) return SEQGPU_OK; /* comes with its layer's bias */
  if (t->form == SQ_FORM_BIAS || t->form == SQ_FORM_GRU_BIAS) return stage_bias(l, t);
  return stage_named(l, t, PART_VALUE, t->name, t->rows, t->cols, &host);
}

static seqgpu_status stage_moment(loading *l, const sq_tensor *t, part which) {
  char name[FILE_NAME];
  void *host;
  snprintf(name, sizeof name, "%s%s", part_prefix[which], t->name);
  return stage_named(l, t, which, name, t->rows, t->cols, &host);
}

static seqgpu_status read_counters(loading *l) {
  const sq_st_tensor *t = sq_st_find(l->file, counters_name);
  if (t == NULL)
    return sq_fail(l->params->ctx, SEQGPU_EFORMAT,
                   "%s: has no optimiser state; training cannot be resumed from it", sq_st_path(l->file));
  if (t->dtype != SQ_ST_I64 || t->rank != 1 || t->elements != COUNTERS)
    return load_error(l, counters_name, "is not a list of 5 counters");
  SQ_TRY(sq_st_read(l->params->ctx, l->file, t, l->counters));
  const int64_t *c = l->counters;
  if (c[UPDATES] < 0 || c[DRAWS] < 0 || (c[HAS_FIRST] | c[HAS_SECOND]) & ~(int64_t)1)
    return load_error(l, counters_name, "has impossible counters");
  return SEQGPU_OK;
}

/* Whether a tensor is to be loaded; of a partial load, one that the file has. */
static int is_wanted(const loading *l, const sq_tensor *t) {
  char name[FILE_NAME];
  if (l->only == NULL) return 1;
  if (!sq_starts_with(t->name, l->only)) return 0;
  const int bias = t->form == SQ_FORM_BIAS || t->form == SQ_FORM_GRU_BIAS;
  if (bias) bias_name(t->name, "ih", name);
  return sq_st_find(l->file, bias ? name : t->name) != NULL || t->form == SQ_FORM_GRU_REC;
}

static seqgpu_status stage_everything(loading *l) {
  const seqgpu_params *p = l->params;
  void *host;
  if (l->resume) {
    SQ_TRY(read_counters(l));
    SQ_TRY(stage_named(l, NULL, PART_VALUE, clip_name, SQ_CLIP_STATE, 1, &host));
  }
  for (int i = 0; i < p->tensor_count; i++) {
    const sq_tensor *t = p->tensors[i];
    const int trained = is_trained(p, t);
    if (is_sum(p, t) || !is_wanted(l, t)) continue;
    if (trained || l->resume) SQ_TRY(stage_value(l, t));
    if (trained && l->counters[HAS_FIRST]) SQ_TRY(stage_moment(l, t, PART_FIRST));
    if (trained && l->counters[HAS_SECOND]) SQ_TRY(stage_moment(l, t, PART_SECOND));
  }
  return SEQGPU_OK;
}

/* Moments that the file does not have become zero again. */
static seqgpu_status reset_moments(const loading *l) {
  const seqgpu_params *p = l->params;
  for (int i = 0; i < p->block_count; i++) {
    const sq_param_block *block = &p->blocks[i];
    const size_t bytes = (size_t)block->elements * p->ctx->element_size;
    if (block->first && !l->counters[HAS_FIRST]) SQ_TRY(seqgpu_zero(p->ctx, block->first, bytes));
    if (block->second && !l->counters[HAS_SECOND]) SQ_TRY(seqgpu_zero(p->ctx, block->second, bytes));
  }
  return SEQGPU_OK;
}

/* From here on only the device can fail. */
static seqgpu_status commit(loading *l) {
  seqgpu_params *p = l->params;
  if (l->resume) {
    SQ_TRY(sq_params_need_moments(p, (int)l->counters[HAS_FIRST], (int)l->counters[HAS_SECOND]));
    SQ_TRY(reset_moments(l));
    p->updates = l->counters[UPDATES];
    p->seed = (uint64_t)l->counters[SEED];
    p->draws = l->counters[DRAWS];
  }
  seqgpu_status status = SEQGPU_OK;
  for (int i = 0; i < l->count && status == SEQGPU_OK; i++) {
    const staged *s = &l->list[i];
    void *device = s->tensor ? part_memory(p, s->tensor, s->which) : p->clip_state;
    status = seqgpu_copy_in(p->ctx, device, s->host, (size_t)s->elements * p->ctx->element_size);
  }
  if (status == SEQGPU_OK) status = sq_split_add_up(p);
  /* the host copies may be page-locked, and are freed next */
  const seqgpu_status arrived = seqgpu_synchronize(p->ctx);
  return status != SEQGPU_OK ? status : arrived;
}

static seqgpu_status load(seqgpu_checkpoint *c, seqgpu_params *p, int resume, const char *only, int *loaded) {
  if (loaded) *loaded = 0;
  if (c == NULL || p == NULL)
    return sq_fail(p   ? p->ctx
                   : c ? c->ctx
                       : NULL,
                   SEQGPU_EINVAL, "checkpoint_load: %s is NULL", c ? "params" : "checkpoint");
  loading l = {.params = p, .file = c->file, .resume = resume != 0, .only = only};
  l.list = sq_host_alloc(p->ctx, ((size_t)p->tensor_count * 3 + 1) * sizeof *l.list);
  if (l.list == NULL) return sq_fail(p->ctx, SEQGPU_ENOMEM, "%s: out of memory", sq_st_path(c->file));
  seqgpu_status status = stage_everything(&l);
  if (status == SEQGPU_OK) status = commit(&l);
  if (status == SEQGPU_OK && loaded) *loaded = l.count;
  for (int i = 0; i < l.count; i++) sq_host_free(p->ctx, l.list[i].host);
  sq_host_free(p->ctx, l.list);
  return status;
}

seqgpu_status seqgpu_checkpoint_load(seqgpu_checkpoint *c, seqgpu_params *p, int resume) {
  return load(c, p, resume, NULL, NULL);
}

seqgpu_status seqgpu_checkpoint_load_some(seqgpu_checkpoint *c, seqgpu_params *p, const char *prefix,
                                          int *loaded) {
  return load(c, p, 0, prefix ? prefix : "", loaded);
}
