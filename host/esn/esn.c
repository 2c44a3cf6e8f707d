/* esn.c - echo state networks: reservoir on a plan, read-out by ridge regression (seqgpu/esn.h).
 *
 * The fed-back output is just more input columns: x_t = [u_t; d_{t-1}].  With a teacher they are known in
 * advance, and a piece of the series is one run of the plan; when the network runs freely, every step is a
 * run of its own.
 */
#include "seqgpu/esn.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/spectral_draw.h"
#include "host/context/defaults.h"
#include "host/context/sizes.h"
#include "host/context/structs.h"
#include "host/esn/reservoir.h"
#include "host/params/draw.h"
#include "host/params/store.h"
#include "host/plan/layers.h"

struct seqgpu_esn {
  seqgpu_context *ctx;
  seqgpu_params *params;
  seqgpu_esn_desc desc; /* defaults filled in */
  int64_t width;        /* of x: I, or I + O */
  int64_t features;     /* F = 1 + width + H (+ H) */
  int64_t batch;        /* B, at most desc.batch */
  seqgpu_plan *plan;
  sq_reservoir runner;
  seqgpu_ridge *ridge;
  seqgpu_param reservoir, readout;
  sq_rng noise;
  void *x, *y, *state, *workspace; /* device: [T,B,width] [T,B,H] [B,H] */
  double *inputs, *states;         /* host copies of x and y */
  double *rows;                    /* [T,B,F] */
  double *last;                    /* [B,O] d or y of the step before */
  double *weight;                  /* [O,F] host copy of the read-out */
};

/* ---------------------------------------------------------------- doubles to and from the device */

enum { CHUNK = 1024 };

static seqgpu_status put(seqgpu_context *ctx, void *device, const double *from, int64_t elements) {
  float narrow[CHUNK];
  if (ctx->dtype == SEQGPU_DTYPE_F64)
    return seqgpu_copy_in(ctx, device, from, (size_t)elements * sizeof *from);
  for (int64_t done = 0; done < elements; done += CHUNK) {
    const int64_t n = elements - done < CHUNK ? elements - done : CHUNK;
    for (int64_t i = 0; i < n; i++) narrow[i] = (float)from[done + i];
    SQ_TRY(seqgpu_copy_in(ctx, (float *)device + done, narrow, (size_t)n * sizeof *narrow));
    SQ_TRY(seqgpu_synchronize(ctx)); /* `narrow` is written again */
  }
  return SEQGPU_OK;
}

static seqgpu_status get(seqgpu_context *ctx, double *to, const void *device, int64_t elements) {
  float narrow[CHUNK];
  if (ctx->dtype == SEQGPU_DTYPE_F64) return seqgpu_copy_out(ctx, to, device, (size_t)elements * sizeof *to);
  for (int64_t done = 0; done < elements; done += CHUNK) {
    const int64_t n = elements - done < CHUNK ? elements - done : CHUNK;
    SQ_TRY(seqgpu_copy_out(ctx, narrow, (const float *)device + done, (size_t)n * sizeof *narrow));
    for (int64_t i = 0; i < n; i++) to[done + i] = (double)narrow[i];
  }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- the descriptor */

static seqgpu_esn_desc with_defaults(const seqgpu_esn_desc *desc) {
  seqgpu_esn_desc d = *desc;
  d.leak = sq_or_default(d.leak, 1);
  d.spectral_radius = sq_or_default(d.spectral_radius, 0.95);
  d.input_scale = sq_or_default(d.input_scale, 1);
  d.feedback_scale = sq_or_default(d.feedback_scale, 1);
  if (d.links == 0) d.links = d.hidden_size < 10 ? d.hidden_size : 10;
  if (d.batch == 0) d.batch = 1;
  if (d.seq_len == 0) d.seq_len = 256;
  return d;
}

static seqgpu_status check_setting(seqgpu_context *ctx, const char *name, double value) {
  if (isfinite(value) && value >= 0) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "esn: %s is %g; it must be finite and at least 0", name, value);
}

enum { MOST = 1 << 20 }; /* of anything that is counted */

static seqgpu_status check_desc(seqgpu_context *ctx, const seqgpu_esn_desc *d) {
  SQ_TRY(sq_check_range(ctx, "esn: input_size", d->input_size, d->feedback ? 0 : 1, MOST));
  SQ_TRY(sq_check_range(ctx, "esn: output_size", d->output_size, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "esn: hidden_size", d->hidden_size, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "esn: links", d->links, 0, d->hidden_size));
  SQ_TRY(sq_check_range(ctx, "esn: batch", d->batch, 0, MOST));
  SQ_TRY(sq_check_range(ctx, "esn: seq_len", d->seq_len, 0, MOST));
  SQ_TRY(check_setting(ctx, "spectral_radius", d->spectral_radius));
  SQ_TRY(check_setting(ctx, "input_scale", d->input_scale));
  SQ_TRY(check_setting(ctx, "feedback_scale", d->feedback_scale));
  SQ_TRY(check_setting(ctx, "bias_scale", d->bias_scale));
  return check_setting(ctx, "noise", d->noise);
}

/* ---------------------------------------------------------------- weights */

static void draw_uniform(sq_rng *rng, int64_t rows, int64_t cols, int64_t first, int64_t count, double scale,
                         double *weight) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = first; j < first + count; j++)
      weight[i * cols + j] = scale * (2 * sq_rng_uniform(rng) - 1);
}

/* The parameters of the plan, in the plan's own order and place. */
static int draw_reservoir(seqgpu_esn *e, double *block) {
  const seqgpu_esn_desc *d = &e->desc;
  const int64_t H = d->hidden_size, I = d->input_size;
  sq_rng rng = sq_params_next_rng(e->params);
  for (int i = 0; i < seqgpu_plan_param_count(e->plan); i++) {
    const seqgpu_param_info info = sq_plan_param_info(e->plan, i);
    double *weight = block + info.offset;
    if (sq_starts_with(info.name, "weight_hh_")) {
      if (sq_draw_links(&rng, H, d->links, SQ_LINK_UNIFORM, d->spectral_radius, weight)) return -1;
    } else if (sq_starts_with(info.name, "weight_ih_")) {
      draw_uniform(&rng, H, e->width, 0, I, d->input_scale, weight);
      draw_uniform(&rng, H, e->width, I, e->width - I, d->feedback_scale, weight);
    } else {
      draw_uniform(&rng, H, 1, 0, 1, d->bias_scale, weight);
    }
  }
  return 0;
}

static seqgpu_status fill_reservoir(seqgpu_esn *e) {
  const int64_t count = seqgpu_plan_get_sizes(e->plan).param_elements;
  double *block = sq_host_alloc(e->ctx, (size_t)count * sizeof *block);
  if (block == NULL || draw_reservoir(e, block)) {
    sq_host_free(e->ctx, block);
    return sq_fail(e->ctx, SEQGPU_ENOMEM, "esn: out of memory for %lld units",
                   (long long)e->desc.hidden_size);
  }
  const seqgpu_status status = put(e->ctx, e->reservoir.value, block, count);
  sq_host_free(e->ctx, block);
  return status;
}

static seqgpu_status add_weights(seqgpu_esn *e, const char *prefix) {
  char name[SQ_NAME_SIZE];
  SQ_TRY(sq_params_full_name(e->params, prefix, "reservoir", name));
  SQ_TRY(seqgpu_params_add_rnn(e->params, name, e->plan, &e->reservoir));
  SQ_TRY(fill_reservoir(e));
  (void)sq_params_full_name(e->params, prefix, "readout.weight", name); /* the reservoir's names are longer */
  return seqgpu_params_add(e->params, name, e->desc.output_size, e->features, "zeros", 0, &e->readout);
}

/* ---------------------------------------------------------------- creation */

static seqgpu_status host_doubles(seqgpu_esn *e, int64_t rows, int64_t width, double **out) {
  int64_t count;
  if (sq_mul_size(rows, width, &count)) *out = sq_host_alloc(e->ctx, (size_t)count * sizeof **out);
  return *out ? SEQGPU_OK : sq_fail(e->ctx, SEQGPU_ENOMEM, "esn: out of memory");
}

static seqgpu_status make_plan(seqgpu_esn *e) {
  const seqgpu_esn_desc *d = &e->desc;
  const seqgpu_rnn_desc desc = {.cell = d->leak == 1 ? "rnn" : "leaky",
                                .leak = d->leak == 1 ? 0 : d->leak,
                                .activation = d->activation,
                                .input_size = e->width,
                                .hidden_size = d->hidden_size,
                                .seq_len = d->seq_len,
                                .batch = d->batch,
                                .inference = 1};
  return seqgpu_plan_create(e->ctx, &desc, NULL, &e->plan);
}

static seqgpu_status allocate(seqgpu_esn *e) {
  const seqgpu_esn_desc *d = &e->desc;
  const int64_t rows = d->seq_len * d->batch, H = d->hidden_size;
  const size_t element = e->ctx->element_size;
  SQ_TRY(host_doubles(e, rows, e->width, &e->inputs));
  SQ_TRY(host_doubles(e, rows, H, &e->states));
  SQ_TRY(host_doubles(e, rows, e->features, &e->rows));
  SQ_TRY(host_doubles(e, d->batch, d->output_size, &e->last));
  SQ_TRY(host_doubles(e, d->output_size, e->features, &e->weight));
  SQ_TRY(seqgpu_malloc(e->ctx, (size_t)(rows * e->width) * element, &e->x));
  SQ_TRY(seqgpu_malloc(e->ctx, (size_t)(rows * H) * element, &e->y));
  SQ_TRY(seqgpu_malloc(e->ctx, (size_t)(d->batch * H) * element, &e->state));
  return seqgpu_malloc(e->ctx, seqgpu_plan_get_sizes(e->plan).workspace, &e->workspace);
}

static seqgpu_status build(seqgpu_esn *e, const char *prefix) {
  SQ_TRY(make_plan(e));
  SQ_TRY(sq_reservoir_open(e->ctx, e->plan, e->desc.links, &e->runner));
  SQ_TRY(seqgpu_ridge_create(e->ctx, e->features, e->desc.output_size, e->desc.method, &e->ridge));
  SQ_TRY(allocate(e));
  SQ_TRY(seqgpu_esn_reset(e, e->desc.batch));
  return add_weights(e, prefix);
}

seqgpu_status seqgpu_esn_create_(seqgpu_params *params, const char *prefix, const seqgpu_esn_desc *desc,
                                 size_t size, seqgpu_esn **out) {
  if (out) *out = NULL;
  if (params == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = params->ctx;
  if (out == NULL || desc == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "esn: %s is NULL", out ? "desc" : "out");
  seqgpu_esn_desc given;
  SQ_TRY(sq_struct_in(ctx, "esn_desc", &given, sizeof given, desc, size));
  SQ_TRY(check_desc(ctx, &given));
  seqgpu_esn *e = sq_host_alloc(ctx, sizeof *e);
  if (e == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "esn: out of memory");
  *e = (seqgpu_esn){.ctx = ctx, .params = params, .desc = with_defaults(&given)};
  e->width = given.input_size + (given.feedback ? given.output_size : 0);
  e->features = 1 + e->width + given.hidden_size * (given.squares ? 2 : 1);
  const sq_params_mark before = sq_params_now(params);
  e->noise = sq_params_next_rng(params);
  const seqgpu_status status = build(e, prefix);
  if (status == SEQGPU_OK) {
    *out = e;
    return status;
  }
  seqgpu_esn_destroy(e);
  return sq_params_undo(params, before, status);
}

void seqgpu_esn_destroy(seqgpu_esn *e) {
  if (e == NULL) return;
  void *const device[] = {e->x, e->y, e->state, e->workspace};
  double *const host[] = {e->inputs, e->states, e->rows, e->last, e->weight};
  for (int i = 0; i < 4; i++) seqgpu_free(e->ctx, device[i]);
  for (int i = 0; i < 5; i++) sq_host_free(e->ctx, host[i]);
  seqgpu_ridge_destroy(e->ridge);
  sq_reservoir_release(e->ctx, &e->runner);
  seqgpu_plan_destroy(e->plan);
  sq_host_free(e->ctx, e);
}

int64_t seqgpu_esn_features(const seqgpu_esn *e) { return e ? e->features : 0; }
const seqgpu_plan *seqgpu_esn_plan(const seqgpu_esn *e) { return e ? e->plan : NULL; }

/* ---------------------------------------------------------------- running */

seqgpu_status seqgpu_esn_reset(seqgpu_esn *e, int64_t B) {
  if (e == NULL) return SEQGPU_EINVAL;
  SQ_TRY(sq_check_range(e->ctx, "esn: B", B, 1, e->desc.batch));
  e->batch = B;
  memset(e->last, 0, (size_t)(B * e->desc.output_size) * sizeof *e->last);
  return seqgpu_zero(e->ctx, e->state, (size_t)(B * e->desc.hidden_size) * e->ctx->element_size);
}

seqgpu_status seqgpu_esn_state(seqgpu_esn *e, double *h) {
  if (e == NULL) return SEQGPU_EINVAL;
  if (h == NULL) return sq_fail(e->ctx, SEQGPU_EINVAL, "esn: h is NULL");
  return get(e->ctx, h, e->state, e->batch * e->desc.hidden_size);
}

/* x_t = [u_t; d_{t-1} + noise]; u NULL: no inputs; d NULL: only the first step's is known, `last`. */
static void gather_inputs(seqgpu_esn *e, int64_t steps, const double *u, const double *d, double noise) {
  const int64_t B = e->batch, I = e->desc.input_size, O = e->desc.output_size;
  for (int64_t r = 0; r < steps * B; r++) {
    double *x = e->inputs + r * e->width;
    if (u) memcpy(x, u + r * I, (size_t)I * sizeof *x);
    if (!e->desc.feedback) continue;
    memcpy(x + I, r < B ? e->last + r * O : d + (r - B) * O, (size_t)O * sizeof *x);
    for (int64_t k = 0; k < O && noise > 0; k++) x[I + k] += noise * (2 * sq_rng_uniform(&e->noise) - 1);
  }
}

/* What the read-out sees: [1; x; h; h^2]. */
static void gather_rows(seqgpu_esn *e, int64_t steps) {
  const int64_t W = e->width, H = e->desc.hidden_size;
  for (int64_t r = 0; r < steps * e->batch; r++) {
    double *row = e->rows + r * e->features;
    const double *h = e->states + r * H;
    row[0] = 1;
    memcpy(row + 1, e->inputs + r * W, (size_t)W * sizeof *row);
    memcpy(row + 1 + W, h, (size_t)H * sizeof *row);
    for (int64_t j = 0; j < H && e->desc.squares; j++) row[1 + W + H + j] = h[j] * h[j];
  }
}

/* The reservoir over at most seq_len steps: e->inputs -> e->rows. */
static seqgpu_status run_reservoir(seqgpu_esn *e, int64_t steps) {
  const int64_t rows = steps * e->batch;
  const seqgpu_rnn_run run = {.seq_len = steps,
                              .batch = e->batch,
                              .params = e->reservoir.value,
                              .x = e->x,
                              .y = e->y,
                              .initial = {e->state},
                              .final = {e->state},
                              .workspace = e->workspace};
  SQ_TRY(put(e->ctx, e->x, e->inputs, rows * e->width));
  SQ_TRY(sq_reservoir_run(e->ctx, &e->runner, &run));
  SQ_TRY(get(e->ctx, e->states, e->y, rows * e->desc.hidden_size));
  gather_rows(e, steps);
  return SEQGPU_OK;
}

/* y = W_out rows */
static void read_out(const seqgpu_esn *e, int64_t steps, double *y) {
  const int64_t O = e->desc.output_size, F = e->features;
  for (int64_t r = 0; r < steps * e->batch; r++)
    for (int64_t k = 0; k < O; k++) {
      double sum = 0;
      for (int64_t j = 0; j < F; j++) sum += e->weight[k * F + j] * e->rows[r * F + j];
      y[r * O + k] = sum;
    }
}

/* The last of `steps` steps of d or y is what the next step sees. */
static void remember_last(seqgpu_esn *e, int64_t steps, const double *series) {
  const int64_t count = e->batch * e->desc.output_size;
  memmove(e->last, series + (steps - 1) * count, (size_t)count * sizeof *series);
}

static seqgpu_status check_series(const seqgpu_esn *e, int64_t T, const double *u) {
  if (T < 0) return sq_fail(e->ctx, SEQGPU_EINVAL, "esn: T is %lld; it must be at least 0", (long long)T);
  if (T > 0 && e->desc.input_size > 0 && u == NULL)
    return sq_fail(e->ctx, SEQGPU_EINVAL, "esn: u is NULL; it must be [T,B,%lld]",
                   (long long)e->desc.input_size);
  return SEQGPU_OK;
}

/* A series from step t on, `width` elements per step and sequence; NULL for NULL. */
static const double *after(const seqgpu_esn *e, const double *series, int64_t t, int64_t width) {
  return series ? series + t * e->batch * width : NULL;
}

seqgpu_status seqgpu_esn_train(seqgpu_esn *e, int64_t T, const double *u, const double *d, int64_t washout) {
  if (e == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_series(e, T, u));
  if (T > 0 && d == NULL) return sq_fail(e->ctx, SEQGPU_EINVAL, "esn: d is NULL");
  if (washout < 0)
    return sq_fail(e->ctx, SEQGPU_EINVAL, "esn: washout is %lld; it must be at least 0", (long long)washout);
  const int64_t B = e->batch, O = e->desc.output_size;
  sq_reservoir_begin(e->ctx, &e->runner, e->reservoir.value);
  for (int64_t t = 0; t < T;) {
    const int64_t steps = T - t < e->desc.seq_len ? T - t : e->desc.seq_len;
    const double *target = after(e, d, t, O);
    gather_inputs(e, steps, after(e, u, t, e->desc.input_size), target, e->desc.noise);
    SQ_TRY(run_reservoir(e, steps));
    remember_last(e, steps, target);
    const int64_t skip = washout <= t ? 0 : washout - t < steps ? washout - t : steps;
    SQ_TRY(seqgpu_ridge_add(e->ridge, (steps - skip) * B, e->rows + skip * B * e->features,
                            target + skip * B * O));
    t += steps;
  }
  return SEQGPU_OK;
}

seqgpu_status seqgpu_esn_solve(seqgpu_esn *e, double lambda) {
  if (e == NULL) return SEQGPU_EINVAL;
  SQ_TRY(seqgpu_ridge_solve(e->ridge, lambda, e->weight));
  return put(e->ctx, e->readout.value, e->weight, e->desc.output_size * e->features);
}

seqgpu_status seqgpu_esn_run(seqgpu_esn *e, int64_t T, const double *u, const double *d, double *y) {
  if (e == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_series(e, T, u));
  const int64_t O = e->desc.output_size;
  const int alone = e->desc.feedback && d == NULL;
  const int64_t longest = alone ? 1 : e->desc.seq_len;
  SQ_TRY(get(e->ctx, e->weight, e->readout.value, O * e->features));
  sq_reservoir_begin(e->ctx, &e->runner, e->reservoir.value);
  for (int64_t t = 0; t < T;) {
    const int64_t steps = T - t < longest ? T - t : longest;
    gather_inputs(e, steps, after(e, u, t, e->desc.input_size), after(e, d, t, O), 0);
    SQ_TRY(run_reservoir(e, steps));
    if (y) read_out(e, steps, y + t * e->batch * O);
    if (alone)
      read_out(e, 1, e->last);
    else if (d)
      remember_last(e, steps, after(e, d, t, O));
    t += steps;
  }
  return SEQGPU_OK;
}
