/* norm.c - layer and batch normalisation on the CPU (norm.h has equations and papers), and what they add to a
 * layout.
 */
#include "core/norm.h"

#include <math.h>
#include <string.h>

#include "core/dot.h"

/* Of a sum over the units. */
enum { LANES = 64 };

#if SEQGPU_REAL_BITS == 64
SQ_INLINE real square_root(real x) { return sqrt(x); }
#else
SQ_INLINE real square_root(real x) { return sqrtf(x); }
#endif

#if SEQGPU_REAL_BITS == 32
/* ---- layouts ---- */

const char *sq_layout_refuses_norms(const sq_config *c) {
  if (c->layer_norm && (c->batch_norm_input || c->batch_norm_steps))
    return "layer_norm: must be 0 with batch_norm_input or batch_norm_steps, because a sum is normalised "
           "once";
  if (c->batch_norm_input && c->batch_norm_steps)
    return "batch_norm_input: must be 0 with batch_norm_steps, which normalises the input as well";
  return NULL;
}

int sq_layout_norms_recurrence(const sq_config *c) { return c->layer_norm || c->batch_norm_steps > 0; }

/* The names of the parameters of a norm. */
typedef struct names {
  const char *gain, *mean, *variance;
} names;
static const names of_input = {"gain_ih", "running_mean_ih", "running_var_ih"};
static const names of_products = {"gain_hh", "running_mean_hh", "running_var_hh"};
static const names of_state = {"gain_c", "running_mean_c", "running_var_c"};

static int add_statistic(sq_layout *l, const char *name, int64_t width, double value) {
  const int64_t steps = l->config.batch_norm_steps;
  const int param = sq_layout_add_param(l, name, steps > 0 ? steps : 1, width);
  l->param[param].init = "constant";
  l->param[param].init_scale = value;
  l->param[param].fixed = 1;
  return param;
}

/* The parameters, for `width` columns. */
static void add_params(sq_layout *l, names n, int64_t width, sq_norm *norm) {
  norm->gain = sq_layout_add_param(l, n.gain, width, 1);
  l->param[norm->gain].init = "constant";
  l->param[norm->gain].init_scale = l->config.layer_norm ? 1 : 0.1; /* Cooijmans et al., section 4 */
  norm->bias = -1;
  if (l->config.layer_norm) return;
  norm->mean = add_statistic(l, n.mean, width, 0);
  norm->variance = add_statistic(l, n.variance, width, 1);
}

static void add_norm(sq_layout *l, sq_norm n) {
  const sq_config *c = &l->config;
  n.over = c->layer_norm ? SQ_OVER_UNITS : c->batch_norm_steps ? SQ_OVER_BATCH : SQ_OVER_RUN;
  if (n.over == SQ_OVER_UNITS) {
    n.scale = sq_layout_add_aux(l, 1);
  } else {
    n.stats = l->stats;
    l->stats += 2 * n.width;
  }
  l->norm[l->norms++] = n;
  /* The gradient at a result in the gates is replaced by that at a there. */
  const sq_place hat = {.buffer = SQ_AUX, .column = n.hat}, to = n.from.buffer == SQ_GATES ? hat : n.to;
  sq_layout_add_sum(l, (sq_sum){.param = n.gain, .row = n.row, .width = n.width, .to = to, .from = hat});
  if (n.bias >= 0) sq_layout_add_sum(l, (sq_sum){.param = n.bias, .width = n.width, .to = to});
}

void sq_layout_norm_input(sq_layout *l, int64_t first) {
  const sq_config *c = &l->config;
  if (!c->layer_norm && !c->batch_norm_input && !c->batch_norm_steps) return;
  sq_norm n = {.stage = SQ_BEFORE_STEPS, .adds = 1, .to = {.buffer = SQ_GATES}};
  l->input = (sq_place){.buffer = SQ_AUX, .column = sq_layout_add_aux(l, l->gates)};
  add_params(l, of_input, l->gates, &n);
  for (int64_t row = 0; row < l->gates; row += n.width) {
    n.width = row == 0 ? first : l->gates - first;
    n.row = n.to.column = row;
    n.from = (sq_place){.buffer = SQ_AUX, .column = l->input.column + row};
    n.hat = n.from.column;
    add_norm(l, n);
  }
}

void sq_layout_norm_products(sq_layout *l, int first, int count) {
  int64_t rows = 0;
  sq_norm n = {.stage = 0};
  if (!sq_layout_norms_recurrence(&l->config)) return;
  for (int i = first; i < first + count; i++) rows += l->product[i].rows;
  add_params(l, of_products, rows, &n);
  for (int i = first; i < first + count; i++) {
    sq_product *p = &l->product[i];
    n.stage = p->stage;
    n.width = p->rows;
    n.row = p->row;
    n.to = p->to;
    n.adds = p->to.buffer == SQ_GATES;
    p->to = (sq_place){.buffer = SQ_AUX, .column = sq_layout_add_aux(l, p->rows)};
    n.from = p->to;
    n.hat = n.from.column;
    add_norm(l, n);
  }
}

void sq_layout_norm_state(sq_layout *l, int stage, int state) {
  const int64_t H = l->state_width[state];
  sq_norm n = {.stage = stage, .width = H, .from = {.buffer = SQ_STATE, .state = state}};
  add_params(l, of_state, H, &n);
  n.bias = sq_layout_add_param(l, "bias_c", H, 1);
  l->param[n.bias].init = "zeros";
  n.hat = sq_layout_add_aux(l, H);
  n.to = (sq_place){.buffer = SQ_AUX, .column = sq_layout_add_aux(l, H)};
  add_norm(l, n);
}

void sq_layout_norm_gates(sq_layout *l) {
  sq_norm n = {.stage = 0, .width = l->gates, .from = {.buffer = SQ_GATES}, .to = {.buffer = SQ_GATES}};
  add_params(l, of_products, l->gates, &n);
  n.bias = l->bias; /* it comes after the norm now, and so does its sum */
  l->sums--;
  l->bias = -1;
  l->biased = 0;
  n.hat = sq_layout_add_aux(l, l->gates);
  add_norm(l, n);
}
#endif

/* ---- rows ---- */

/* Places of one row. */
typedef struct row {
  const real *a;
  real *hat, *to;
} row;

static row row_at(const FN(sq_norm_rows) * r, int64_t i) {
  const sq_norm *n = r->norm;
  real *aux = r->aux + i * r->layout->aux, *gates = r->gates + i * r->layout->gates;
  row at = {.hat = aux + n->hat, .to = (n->to.buffer == SQ_GATES ? gates : aux) + n->to.column};
  at.a = (n->from.buffer == SQ_GATES ? gates : aux) + n->from.column;
  if (n->from.buffer != SQ_STATE) return at;
  const int64_t candidate = r->layout->masks.candidate[n->from.state];
  at.a = candidate < 0 ? r->state + i * n->width : aux + candidate;
  return at;
}

/* Backward: d at the result; out: the gradient at a, or where that has others to be added to, what is to be
 * added. */
typedef struct back {
  const real *d, *hat;
  real *out, *sum; /* sum: NULL, or what out is to be added to */
} back;

static back back_at(const FN(sq_norm_rows) * r, int64_t i) {
  const sq_norm *n = r->norm;
  real *daux = r->daux + i * r->layout->aux, *dgates = r->dgates + i * r->layout->gates;
  back at = {.hat = r->aux + i * r->layout->aux + n->hat, .out = daux + n->hat};
  at.d = (n->to.buffer == SQ_GATES ? dgates : daux) + n->to.column;
  if (n->from.buffer == SQ_STATE) at.sum = r->dstate + i * n->width;
  if (n->from.buffer == SQ_GATES) { /* d moves out of the way, and is where the sums expect it */
    memcpy(daux + n->hat, at.d, (size_t)n->width * sizeof(real));
    at.d = daux + n->hat;
    at.out = dgates + n->from.column;
  }
  return at;
}

static const real *param(const FN(sq_norm_rows) * r, int index) {
  return r->params + r->layout->param[index].offset;
}

/* to (+)= gain x^ + bias */
SQ_CLONES static void apply(int64_t width, int adds, const real *restrict gain, const real *restrict bias,
                            const real *restrict hat, real *restrict to) {
  for (int64_t j = 0; j < width; j++) to[j] = (adds ? to[j] : bias ? bias[j] : 0) + gain[j] * hat[j];
}

static void apply_row(const FN(sq_norm_rows) * r, const row *at) {
  const sq_norm *n = r->norm;
  apply(n->width, n->adds, param(r, n->gain) + n->row, n->bias < 0 ? NULL : param(r, n->bias), at->hat,
        at->to);
}

/* ---- over the units ---- */

/* x^ of a row; returns 1/sigma. */
SQ_CLONES static real normalise(int64_t width, const real *a, real *hat) {
  const real mean = FN(sq_sum_lanes)(LANES, width, a) / (real)width;
  for (int64_t j = 0; j < width; j++) hat[j] = a[j] - mean;
  const real variance = FN(sq_dot_lanes)(LANES, width, hat, hat) / (real)width;
  const real scale = 1 / square_root(variance + (real)SQ_NORM_EPSILON);
  for (int64_t j = 0; j < width; j++) hat[j] *= scale;
  return scale;
}

/* da of a row. */
SQ_CLONES static void unnormalise(int64_t width, real scale, const real *restrict gain,
                                  const real *restrict d, const real *restrict hat, real *restrict out) {
  const real mean = FN(sq_dot_lanes)(LANES, width, gain, d) / (real)width;
  for (int64_t j = 0; j < width; j++) out[j] = gain[j] * d[j];
  const real along = FN(sq_dot_lanes)(LANES, width, out, hat) / (real)width;
  for (int64_t j = 0; j < width; j++) out[j] = scale * (out[j] - mean - hat[j] * along);
}

static void forward_units(const FN(sq_norm_rows) * r) {
  for (int64_t i = 0; i < r->steps * r->batch; i++) {
    const row at = row_at(r, i);
    r->aux[i * r->layout->aux + r->norm->scale] = normalise(r->norm->width, at.a, at.hat);
    apply_row(r, &at);
  }
}

static void add_row(int64_t width, const back *at) {
  for (int64_t j = 0; j < width && at->sum; j++) at->sum[j] += at->out[j];
}

static void backward_units(const FN(sq_norm_rows) * r) {
  const sq_norm *n = r->norm;
  for (int64_t i = 0; i < r->steps * r->batch; i++) {
    const back at = back_at(r, i);
    unnormalise(n->width, r->aux[i * r->layout->aux + n->scale], param(r, n->gain) + n->row, at.d, at.hat,
                at.out);
    add_row(n->width, &at);
  }
}

/* ---- over a batch ---- */

/* The rows that share a mean and a variance. */
typedef struct group {
  int64_t first, rows; /* of the norm's rows */
  const real *mean, *variance;
} group;

static int valid_row(const FN(sq_norm_rows) * r, int64_t i) {
  return r->lengths == NULL || r->t + i / r->batch < r->lengths[i % r->batch];
}

static int64_t count_valid(const FN(sq_norm_rows) * r, const group *g) {
  int64_t count = 0;
  for (int64_t i = g->first; i < g->first + g->rows; i++) count += valid_row(r, i);
  return count;
}

/* Of the running statistics at time step t; they are rows of two parameters. */
static const real *running_row(const FN(sq_norm_rows) * r, int parameter, int64_t t) {
  const int64_t slot = sq_norm_slot(r->layout, r->norm, r->reverse, r->seq_len, t);
  return param(r, parameter) + slot * r->layout->param[parameter].cols + r->norm->row;
}

/* The group of time step `step`; of a norm over the whole run, all rows. */
static group group_at(const FN(sq_norm_rows) * r, int64_t step) {
  const sq_norm *n = r->norm;
  group g = {step * r->batch, r->batch, NULL, NULL};
  if (n->over == SQ_OVER_RUN && r->stats) g.rows = r->steps * r->batch;
  if (r->stats == NULL) {
    g.mean = running_row(r, n->mean, r->t + step);
    g.variance = running_row(r, n->variance, r->t + step);
  } else {
    g.mean = r->stats + step * r->layout->stats + n->stats;
    g.variance = g.mean + n->width;
  }
  return g;
}

static int64_t groups_of(const FN(sq_norm_rows) * r) { return r->norm->over == SQ_OVER_RUN ? 1 : r->steps; }

SQ_CLONES static void add_deviation(int64_t width, const real *restrict a, const real *restrict mean,
                                    real *restrict sum) {
  for (int64_t j = 0; j < width; j++) {
    const real away = a[j] - (mean ? mean[j] : 0);
    sum[j] += mean ? away * away : away;
  }
}

/* sum = the mean over the valid rows of a, or with `mean` of (a - mean)^2. */
static void average(const FN(sq_norm_rows) * r, const group *g, const real *mean, real *sum) {
  const int64_t width = r->norm->width, count = count_valid(r, g);
  memset(sum, 0, (size_t)width * sizeof(real));
  for (int64_t i = g->first; i < g->first + g->rows; i++)
    if (valid_row(r, i)) add_deviation(width, row_at(r, i).a, mean, sum);
  for (int64_t j = 0; j < width && count > 0; j++) sum[j] /= (real)count;
}

SQ_CLONES static void standardise(int64_t width, const real *a, const real *restrict mean,
                                  const real *restrict variance, real *hat) {
  for (int64_t j = 0; j < width; j++)
    hat[j] = (a[j] - mean[j]) / square_root(variance[j] + (real)SQ_NORM_EPSILON);
}

static void forward_group(const FN(sq_norm_rows) * r, const group *g) {
  const int64_t width = r->norm->width;
  if (r->stats) {
    average(r, g, NULL, (real *)(uintptr_t)g->mean);
    average(r, g, g->mean, (real *)(uintptr_t)g->variance);
  }
  for (int64_t i = g->first; i < g->first + g->rows; i++) {
    const row at = row_at(r, i);
    if (valid_row(r, i))
      standardise(width, at.a, g->mean, g->variance, at.hat);
    else
      memset(at.hat, 0, (size_t)width * sizeof(real));
    apply_row(r, &at);
  }
}

SQ_CLONES static void add_products(int64_t width, const real *restrict d, const real *restrict hat,
                                   real *restrict sum, real *restrict along) {
  for (int64_t j = 0; j < width; j++) {
    sum[j] += d[j];
    along[j] += d[j] * hat[j];
  }
}

/* sums: of d, and of d x^, over `count` rows. */
SQ_CLONES static void unstandardise(int64_t width, real count, const real *restrict gain,
                                    const real *restrict variance, const real *restrict sums, const real *d,
                                    const real *restrict hat, real *out) {
  const real *restrict along = sums + width;
  for (int64_t j = 0; j < width; j++)
    out[j] = gain[j] / square_root(variance[j] + (real)SQ_NORM_EPSILON) *
             (d[j] - sums[j] / count - hat[j] * along[j] / count);
}

static void backward_group(const FN(sq_norm_rows) * r, const group *g) {
  const sq_norm *n = r->norm;
  const int64_t width = n->width, count = count_valid(r, g);
  memset(r->sums, 0, (size_t)(2 * width) * sizeof(real));
  for (int64_t i = g->first; i < g->first + g->rows; i++) {
    const back at = back_at(r, i);
    if (valid_row(r, i)) add_products(width, at.d, at.hat, r->sums, r->sums + width);
  }
  for (int64_t i = g->first; i < g->first + g->rows; i++) {
    const back at = back_at(r, i);
    if (valid_row(r, i))
      unstandardise(width, (real)count, param(r, n->gain) + n->row, g->variance, r->sums, at.d, at.hat,
                    at.out);
    else
      memset(at.out, 0, (size_t)width * sizeof(real));
    add_row(width, &at);
  }
}

/* ---- tangents ---- */

/* Places of one row; before: what the result is added to. */
typedef struct moving {
  const real *ta, *hat, *before;
  real *to;
} moving;

static moving moving_at(const FN(sq_norm_rows) * r, int64_t i) {
  const sq_norm *n = r->norm;
  real *taux = r->daux + i * r->layout->aux, *tgates = r->dgates + i * r->layout->gates;
  moving at = {.hat = r->aux + i * r->layout->aux + n->hat};
  at.to = (n->to.buffer == SQ_GATES ? tgates : taux) + n->to.column;
  at.ta = (n->from.buffer == SQ_GATES ? tgates : taux) + n->from.column;
  if (n->from.buffer == SQ_STATE) at.ta = r->dstate + i * n->width;
  at.before = n->from.buffer == SQ_GATES ? taux + n->hat : at.to; /* where the sums expect it */
  return at;
}

/* to = before + scale gain (ta - mean - x^ along) */
SQ_CLONES static void move_units(int64_t width, real scale, const real *restrict gain, const moving *at) {
  const real mean = FN(sq_sum_lanes)(LANES, width, at->ta) / (real)width;
  const real along = FN(sq_dot_lanes)(LANES, width, at->ta, at->hat) / (real)width;
  for (int64_t j = 0; j < width; j++)
    at->to[j] = at->before[j] + scale * gain[j] * (at->ta[j] - mean - at->hat[j] * along);
}

static void tangent_units(const FN(sq_norm_rows) * r) {
  const sq_norm *n = r->norm;
  for (int64_t i = 0; i < r->steps * r->batch; i++) {
    const moving at = moving_at(r, i);
    move_units(n->width, r->aux[i * r->layout->aux + n->scale], param(r, n->gain) + n->row, &at);
  }
}

/* The same, with sums of each column over `count` rows. */
SQ_CLONES static void move_columns(int64_t width, real count, const real *restrict gain,
                                   const real *restrict variance, const real *restrict sums,
                                   const moving *at) {
  const real *restrict along = sums + width;
  for (int64_t j = 0; j < width; j++)
    at->to[j] = at->before[j] + gain[j] / square_root(variance[j] + (real)SQ_NORM_EPSILON) *
                                    (at->ta[j] - sums[j] / count - at->hat[j] * along[j] / count);
}

static void tangent_group(const FN(sq_norm_rows) * r, const group *g) {
  const sq_norm *n = r->norm;
  const int64_t width = n->width, count = count_valid(r, g);
  memset(r->sums, 0, (size_t)(2 * width) * sizeof(real));
  for (int64_t i = g->first; i < g->first + g->rows; i++) {
    const moving at = moving_at(r, i);
    if (valid_row(r, i)) add_products(width, at.ta, at.hat, r->sums, r->sums + width);
  }
  for (int64_t i = g->first; i < g->first + g->rows; i++) {
    const moving at = moving_at(r, i);
    if (valid_row(r, i))
      move_columns(width, (real)count, param(r, n->gain) + n->row, g->variance, r->sums, &at);
  }
}

static void update_group(const FN(sq_norm_rows) * r, int64_t step, real *running) {
  const sq_norm *n = r->norm;
  const group g = group_at(r, step);
  const int64_t since = r->reverse ? r->seq_len - 1 - step : step;
  if ((n->over == SQ_OVER_BATCH && since >= r->layout->param[n->mean].rows) || count_valid(r, &g) == 0)
    return;
  const int64_t t = n->over == SQ_OVER_RUN ? 0 : step;
  const real *mean = running_row(r, n->mean, t), *variance = running_row(r, n->variance, t);
  const real rate = (real)SQ_NORM_RATE;
  for (int64_t j = 0; j < n->width; j++) {
    running[mean - r->params + j] = (1 - rate) * mean[j] + rate * g.mean[j];
    running[variance - r->params + j] = (1 - rate) * variance[j] + rate * g.variance[j];
  }
}

/* ---- all of them ---- */

void FN(sq_norm_forward)(const FN(sq_norm_rows) * r) {
  if (r->norm->over == SQ_OVER_UNITS) {
    forward_units(r);
    return;
  }
  /* In inference every step has its own row of statistics, or all have one. */
  const int64_t groups = r->stats ? groups_of(r) : r->steps;
  for (int64_t step = 0; step < groups; step++) {
    const group g = group_at(r, step);
    forward_group(r, &g);
  }
}

void FN(sq_norm_backward)(const FN(sq_norm_rows) * r) {
  if (r->norm->over == SQ_OVER_UNITS) {
    backward_units(r);
    return;
  }
  for (int64_t step = 0; step < groups_of(r); step++) {
    const group g = group_at(r, step);
    backward_group(r, &g);
  }
}

void FN(sq_norm_tangent)(const FN(sq_norm_rows) * r) {
  if (r->norm->over == SQ_OVER_UNITS) {
    tangent_units(r);
    return;
  }
  for (int64_t step = 0; step < groups_of(r); step++) {
    const group g = group_at(r, step);
    tangent_group(r, &g);
  }
}

void FN(sq_norm_update)(const FN(sq_norm_rows) * run, real *running) {
  for (int i = 0; i < run->layout->norms; i++) {
    FN(sq_norm_rows) r = *run;
    r.norm = &run->layout->norm[i];
    for (int64_t step = 0; r.norm->over != SQ_OVER_UNITS && step < groups_of(&r); step++)
      update_group(&r, step, running);
  }
}
