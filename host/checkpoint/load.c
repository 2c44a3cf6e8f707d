/* load.c - models from .safetensors files (seqgpu/checkpoint.h); names.h says what stands in them.
 *
 * Loading reads everything into host memory before it changes anything.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/checkpoint/checkpoint.h"
#include "host/checkpoint/fit.h"
#include "host/params/share.h"
#include "host/params/split.h"
#include "host/params/store.h"

static const int64_t MOST = (int64_t)1 << 62; /* of a counter that still counts on */

/* Data in host memory, waiting until all the others are there. */
typedef struct staged {
  const sq_tensor *tensor; /* NULL: the clip state */
  sq_memory which;
  void *host;
  int64_t elements;
} staged;

typedef struct loading {
  seqgpu_params *params;
  sq_fit fit;
  const char *only; /* of a partial load: what names begin with; NULL: everything must be there */
  int count;
  staged *list;
  int64_t counters[SQ_COUNTERS], averaged;
} loading;

/* The first of host[count] that is infinite or NaN, or -1. */
static int64_t first_not_finite(const seqgpu_context *ctx, const void *host, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const double x =
        ctx->dtype == SEQGPU_DTYPE_F64 ? ((const double *)host)[i] : (double)((const float *)host)[i];
    if (!isfinite(x)) return i;
  }
  return -1;
}

/* Reads the data of a tensor as they are into host [elements], or through `raw` in the context's element
 * type. */
static seqgpu_status read_raw(const loading *l, const sq_st_tensor *t, void *raw, void *host) {
  seqgpu_context *ctx = l->params->ctx;
  SQ_TRY(sq_st_read(ctx, l->fit.file, t, raw));
  for (int64_t i = 0; raw != host && i < t->elements; i++) {
    if (ctx->dtype == SEQGPU_DTYPE_F64)
      ((double *)host)[i] = sq_st_element(raw, t->dtype, i);
    else
      ((float *)host)[i] = (float)sq_st_element(raw, t->dtype, i);
  }
  const int64_t wrong = first_not_finite(ctx, host, t->elements);
  if (wrong < 0) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_ENONFINITE, "%s: tensor \"%s\" has a number that is not finite, at element %lld",
                 sq_st_path(l->fit.file), t->name, (long long)wrong);
}

/* Reads the data of a tensor in the context's element type; they must be finite. */
static seqgpu_status read_converted(const loading *l, const sq_st_tensor *t, void *host) {
  seqgpu_context *ctx = l->params->ctx;
  if (t->dtype == sq_context_dtype(ctx)) return read_raw(l, t, host, host);
  void *raw = sq_host_alloc(ctx, (size_t)t->bytes + 1);
  if (raw == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", sq_st_path(l->fit.file));
  const seqgpu_status status = read_raw(l, t, raw, host);
  sq_host_free(ctx, raw);
  return status;
}

static seqgpu_status stage(loading *l, const sq_tensor *t, sq_memory which, int64_t elements, void **host) {
  seqgpu_context *ctx = l->params->ctx;
  *host = sq_host_alloc(ctx, (size_t)elements * ctx->element_size);
  if (*host == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", sq_st_path(l->fit.file));
  l->list[l->count++] = (staged){t, which, *host, elements};
  return SEQGPU_OK;
}

static seqgpu_status stage_named(loading *l, const sq_tensor *t, sq_memory which, const char *name,
                                 int64_t rows, int64_t cols, void **host) {
  const sq_st_tensor *found;
  SQ_TRY(sq_fit_find(&l->fit, name, rows, cols, &found));
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

/* Reads bias_hh: of a GRU its last third is a parameter of its own, and the rest is added to the bias. */
static seqgpu_status read_bias_hh(const loading *l, const sq_tensor *t, const sq_st_tensor *hh, void *host) {
  seqgpu_context *ctx = l->params->ctx;
  char *other = sq_host_alloc(ctx, (size_t)hh->elements * ctx->element_size);
  if (other == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", sq_st_path(l->fit.file));
  const seqgpu_status status = read_converted(l, hh, other);
  if (status == SEQGPU_OK && t->form == SQ_FORM_GRU_REC)
    memcpy(host, other + (size_t)(2 * t->rows) * ctx->element_size, (size_t)t->rows * ctx->element_size);
  else if (status == SEQGPU_OK)
    add_nonzero(ctx, host, other, t->form == SQ_FORM_GRU_BIAS ? t->rows / 3 * 2 : t->rows);
  sq_host_free(ctx, other);
  return status;
}

static seqgpu_status stage_value(loading *l, const sq_tensor *t) {
  const sq_st_tensor *found[2];
  void *host;
  SQ_TRY(sq_fit_value(&l->fit, t, found));
  SQ_TRY(stage(l, t, SQ_MEMORY_VALUE, sq_tensor_elements(t), &host)); /* zeros */
  if (found[0] && t->form == SQ_FORM_GRU_REC) return read_bias_hh(l, t, found[0], host);
  if (found[0]) SQ_TRY(read_converted(l, found[0], host));
  return found[1] ? read_bias_hh(l, t, found[1], host) : SEQGPU_OK;
}

/* Of the tensor's own shape, under its name after a prefix: moments and raw values. */
static seqgpu_status stage_moment(loading *l, const sq_tensor *t, sq_memory which) {
  char name[SQ_FILE_NAME];
  void *host;
  snprintf(name, sizeof name, "%s%s", sq_memory_prefix[which], t->name);
  return stage_named(l, t, which, name, t->rows, t->cols, &host);
}

/* A file without averages has no such tensor. */
static seqgpu_status read_averaged(loading *l) {
  const sq_st_tensor *t = sq_st_find(l->fit.file, sq_averaged_name);
  if (t == NULL) return SEQGPU_OK;
  if (t->dtype != SQ_ST_I64 || t->elements != 1)
    return sq_fit_error(&l->fit, sq_averaged_name, "is not a counter");
  SQ_TRY(sq_st_read(l->params->ctx, l->fit.file, t, &l->averaged));
  if (l->averaged > 0 && l->averaged <= MOST) return SEQGPU_OK;
  return sq_fit_error(&l->fit, sq_averaged_name, "is an impossible counter");
}

static seqgpu_status read_counters(loading *l) {
  const sq_st_tensor *t = sq_st_find(l->fit.file, sq_counters_name);
  if (t == NULL)
    return sq_fail(l->params->ctx, SEQGPU_EFORMAT,
                   "%s: has no optimiser state; training cannot be resumed from it", sq_st_path(l->fit.file));
  if (t->dtype != SQ_ST_I64 || t->rank != 1 || t->elements != SQ_COUNTERS)
    return sq_fit_error(&l->fit, sq_counters_name, "is not a list of 5 counters");
  SQ_TRY(sq_st_read(l->params->ctx, l->fit.file, t, l->counters));
  const int64_t *c = l->counters;
  if (c[SQ_UPDATES] < 0 || c[SQ_UPDATES] > MOST || c[SQ_DRAWS] < 0 || c[SQ_DRAWS] > MOST ||
      (c[SQ_HAS_FIRST] | c[SQ_HAS_SECOND]) & ~(int64_t)1)
    return sq_fit_error(&l->fit, sq_counters_name, "has impossible counters");
  return read_averaged(l);
}

/* Whether a tensor is to be loaded; of a partial load, one that the file has. */
static int is_wanted(const loading *l, const sq_tensor *t) {
  char name[SQ_FILE_NAME];
  if (l->only == NULL) return 1;
  if (!sq_starts_with(t->name, l->only)) return 0;
  const int rec = t->form == SQ_FORM_GRU_REC, bias = t->form == SQ_FORM_BIAS || t->form == SQ_FORM_GRU_BIAS;
  if (bias || rec) sq_bias_name(t->name, rec ? "bias_hh" : "bias_ih", name);
  return sq_st_find(l->fit.file, bias || rec ? name : t->name) != NULL;
}

static seqgpu_status stage_everything(loading *l) {
  const seqgpu_params *p = l->params;
  void *host;
  if (l->fit.resume) {
    SQ_TRY(read_counters(l));
    SQ_TRY(stage_named(l, NULL, SQ_MEMORY_VALUE, sq_clip_name, SQ_CLIP_STATE, 1, &host));
  }
  for (int i = 0; i < p->tensor_count; i++) {
    const sq_tensor *t = p->tensors[i];
    const int trained = sq_is_trained(p, t);
    if (sq_is_sum(p, t) || !is_wanted(l, t)) continue;
    if (trained || l->fit.resume) SQ_TRY(stage_value(l, t));
    if (trained && l->counters[SQ_HAS_FIRST]) SQ_TRY(stage_moment(l, t, SQ_MEMORY_FIRST));
    if (trained && l->counters[SQ_HAS_SECOND]) SQ_TRY(stage_moment(l, t, SQ_MEMORY_SECOND));
    if (trained && l->averaged) SQ_TRY(stage_moment(l, t, SQ_MEMORY_RAW));
  }
  return SEQGPU_OK;
}

/* Moments that the file does not have become zero again. */
static seqgpu_status reset_moments(const loading *l) {
  const seqgpu_params *p = l->params;
  for (int i = 0; i < p->block_count; i++) {
    const sq_param_block *block = &p->blocks[i];
    const size_t bytes = (size_t)block->elements * p->ctx->element_size;
    if (block->first && !l->counters[SQ_HAS_FIRST]) SQ_TRY(seqgpu_zero(p->ctx, block->first, bytes));
    if (block->second && !l->counters[SQ_HAS_SECOND]) SQ_TRY(seqgpu_zero(p->ctx, block->second, bytes));
  }
  return SEQGPU_OK;
}

/* From here on only the device can fail. */
static seqgpu_status commit(loading *l) {
  seqgpu_params *p = l->params;
  SQ_TRY(seqgpu_params_use_average(p, 0));
  if (l->averaged) SQ_TRY(sq_params_need_average(p));
  p->averaged = l->averaged;
  if (l->fit.resume) {
    SQ_TRY(sq_params_need_moments(p, (int)l->counters[SQ_HAS_FIRST], (int)l->counters[SQ_HAS_SECOND]));
    SQ_TRY(reset_moments(l));
    p->updates = l->counters[SQ_UPDATES];
    p->seed = (uint64_t)l->counters[SQ_SEED];
    p->draws = l->counters[SQ_DRAWS];
  }
  seqgpu_status status = SEQGPU_OK;
  for (int i = 0; i < l->count && status == SEQGPU_OK; i++) {
    const staged *s = &l->list[i];
    void *device = s->tensor ? sq_memory_of(p, s->tensor, s->which) : p->clip_state;
    status = seqgpu_copy_in(p->ctx, device, s->host, (size_t)s->elements * p->ctx->element_size);
  }
  if (status == SEQGPU_OK) status = sq_split_add_up(p);
  /* the host copies may be page-locked, and are freed next */
  const seqgpu_status arrived = seqgpu_synchronize(p->ctx);
  return status != SEQGPU_OK ? status : arrived;
}

static seqgpu_status check_given(const seqgpu_checkpoint *c, const seqgpu_params *p, const char *call) {
  if (c && p) return SEQGPU_OK;
  seqgpu_context *ctx = p ? p->ctx : c ? c->ctx : NULL;
  return sq_fail(ctx, SEQGPU_EINVAL, "checkpoint_%s: %s is NULL", call, c ? "params" : "checkpoint");
}

static seqgpu_status load(seqgpu_checkpoint *c, seqgpu_params *p, int resume, const char *only, int *loaded) {
  if (loaded) *loaded = 0;
  SQ_TRY(check_given(c, p, "load"));
  if (resume) SQ_TRY(sq_share_check_whole(p, "checkpoint_load"));
  loading l = {.params = p, .fit = {p->ctx, c->file, resume != 0}, .only = only};
  p->source = (sq_params_source){.self = NULL};
  l.list = sq_host_alloc(p->ctx, ((size_t)p->tensor_count * 4 + 1) * sizeof *l.list);
  if (l.list == NULL) return sq_fail(p->ctx, SEQGPU_ENOMEM, "%s: out of memory", sq_st_path(c->file));
  seqgpu_status status = sq_st_check_header(p->ctx, c->file);
  if (status == SEQGPU_OK) status = stage_everything(&l);
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

/* ---------------------------------------------------------------- before a model is built */

/* `self` is the checkpoint. */
static seqgpu_status expect(const sq_params_source *source, seqgpu_params *p, const sq_tensor *t) {
  const seqgpu_checkpoint *c = source->self;
  const sq_fit fit = {p->ctx, c->file, source->all};
  const sq_st_tensor *found[2];
  return sq_fit_value(&fit, t, found);
}

seqgpu_status seqgpu_checkpoint_attach(const seqgpu_checkpoint *c, seqgpu_params *p, int resume) {
  SQ_TRY(check_given(c, p, "attach"));
  SQ_TRY(sq_st_check_header(p->ctx, c->file));
  p->source = (sq_params_source){.self = c, .all = resume != 0, .expect = expect};
  return SEQGPU_OK;
}
