/* draw.c - how a tensor is drawn: by a named initialiser, block by block (seqgpu/params.h).
 *
 * Every tensor draws from a random stream of its own, so later additions do not change earlier ones.
 */
#include "host/params/draw.h"

#include <math.h>

#include "core/initialise.h"
#include "host/params/store.h"
#include "host/plan/layers.h"

/* Random streams of initial values start here, away from stream 0 of the dropout masks. */
#define INIT_STREAM ((uint64_t)1 << 32)

sq_rng sq_params_next_rng(seqgpu_params *p) {
  return (sq_rng){.seed = p->seed, .stream = INIT_STREAM + (uint64_t)p->draws++};
}

static void *row(const seqgpu_params *p, const sq_tensor *t, void *host, int64_t index) {
  return (char *)host + (size_t)(index * t->cols) * p->ctx->element_size;
}

/* Draws block after block; 0, or -1 when there is no memory for the work. */
static int fill(const seqgpu_params *p, const sq_tensor *t, const sq_drawing *d, sq_rng *rng, void *host) {
  const int64_t step = d->block_rows ? d->block_rows : t->rows;
  int failed = 0;
  for (int64_t r = 0; r < t->rows && !failed; r += step) {
    if (p->ctx->dtype == SEQGPU_DTYPE_F64)
      failed = d->init->fill_f64(rng, step, t->cols, d->scale, row(p, t, host, r));
    else
      failed = d->init->fill_f32(rng, step, t->cols, d->scale, row(p, t, host, r));
  }
  return failed;
}

static void add_shift(const seqgpu_params *p, const sq_tensor *t, const sq_drawing *d, void *host) {
  for (int64_t i = d->first * t->cols; i < d->last * t->cols; i++) {
    if (p->ctx->dtype == SEQGPU_DTYPE_F64)
      ((double *)host)[i] += d->shift;
    else
      ((float *)host)[i] += (float)d->shift;
  }
}

seqgpu_status sq_params_check_drawing(seqgpu_params *p, const sq_tensor *t, const sq_drawing *d) {
  const int64_t height = d->block_rows ? d->block_rows : t->rows;
  if (!d->init->square || height == t->cols) return SEQGPU_OK;
  return sq_fail(p->ctx, SEQGPU_EINVAL, "params: \"%.60s\" is [%lld,%lld]; for init \"%s\" it must be square",
                 t->name, (long long)height, (long long)t->cols, d->init->name);
}

seqgpu_status sq_params_draw(seqgpu_params *p, const sq_tensor *t, const sq_drawing *d) {
  SQ_TRY(sq_params_check_drawing(p, t, d));
  if (sq_params_is_loaded(p, p->blocks[t->block].grad != NULL)) {
    p->draws++; /* later tensors draw the same, wherever this one comes from */
    return SEQGPU_OK;
  }
  const size_t bytes = (size_t)sq_tensor_elements(t) * p->ctx->element_size;
  void *host = sq_host_alloc(p->ctx, bytes);
  if (host == NULL) return sq_fail(p->ctx, SEQGPU_ENOMEM, "params: out of memory");
  const sq_params_mark before = sq_params_now(p);
  sq_rng rng = sq_params_next_rng(p);
  seqgpu_status status;
  if (fill(p, t, d, &rng, host)) {
    status = sq_fail(p->ctx, SEQGPU_ENOMEM, "params: out of memory for init \"%s\"", d->init->name);
  } else {
    add_shift(p, t, d, host);
    status = seqgpu_copy_in(p->ctx, sq_params_address(p, t, p->blocks[t->block].value), host, bytes);
    if (status == SEQGPU_OK)
      status = seqgpu_synchronize(p->ctx); /* the allocator may give page-locked memory */
  }
  sq_host_free(p->ctx, host);
  return status == SEQGPU_OK ? status : sq_params_undo(p, before, status);
}

seqgpu_status sq_params_drawing(seqgpu_params *p, const char *init, double scale, sq_drawing *out) {
  *out = (sq_drawing){.init = sq_initialiser_find(init ? init : ""), .scale = scale};
  if (out->init == NULL)
    return sq_fail(p->ctx, SEQGPU_EINVAL, "params: init is \"%.40s\"; it must be the name of an initialiser",
                   init ? init : "(NULL)");
  if (!isfinite(scale))
    return sq_fail(p->ctx, SEQGPU_EINVAL, "params: scale is %g; it must be finite", scale);
  return SEQGPU_OK;
}

sq_drawing sq_params_standard_drawing(const seqgpu_plan *plan, int index, const seqgpu_param_info *info) {
  const sq_param *own = sq_plan_param(plan, index);
  if (own->init) return (sq_drawing){.init = sq_initialiser_find(own->init), .scale = own->init_scale};
  sq_drawing d = {.init = sq_initialiser_find("uniform"), .scale = 1 / sqrt((double)plan->desc.hidden_size)};
  const sq_part *forget = sq_layout_gate(&plan->first, "f");
  if (forget == NULL || !sq_starts_with(info->name, "bias_l")) return d;
  d.first = forget->place.column;
  d.last = d.first + forget->width;
  d.shift = 1;
  return d;
}

seqgpu_status seqgpu_params_init(seqgpu_params *p, const char *name, const char *init, double scale) {
  if (p == NULL) return SEQGPU_EINVAL;
  sq_drawing drawing;
  sq_tensor *t;
  SQ_TRY(sq_params_drawing(p, init, scale, &drawing));
  SQ_TRY(sq_params_find(p, name, &t));
  return sq_params_draw(p, t, &drawing);
}
