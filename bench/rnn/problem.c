/* problem.c - one problem of bench_rnn: its inputs, what it costs, and the float64 oracle (problem.h).
 *
 * The oracle is the CPU path in float64.  The sequences of a batch do not interact, unless it is normalised, so a contender can run
 * all of them at full size while only a few are compared: in the check dy is zero for the others, and dparams
 * depends on those few alone.
 */
#include "bench/rnn/problem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/measure.h"

static int fail(const char *what, seqgpu_context *ctx) {
  fprintf(stderr, "bench_rnn: %s: %s\n", what, seqgpu_last_error(ctx));
  return 0;
}

/* ---------------------------------------------------------------- sizes and costs */

/* Elements of all matrices: what a step multiplies with.  Statistics are rows of numbers, but no matrix. */
static int64_t weights_of(const rnn_problem *p) {
  int64_t sum = 0;
  for (int i = 0; i < p->param_count; i++)
    if (!p->param[i].fixed && (p->param[i].cols > 1 || p->row.hidden == 1))
      sum += p->param[i].rows * p->param[i].cols;
  return sum;
}

static int read_sizes(rnn_problem *p, seqgpu_context *ctx, const seqgpu_plan *plan) {
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(plan);
  p->out = sizes.output_width;
  p->param_elements = sizes.param_elements;
  p->reserve_bytes = (int64_t)sizes.reserve;
  p->param_count = seqgpu_plan_param_count(plan);
  p->param = calloc((size_t)p->param_count, sizeof *p->param);
  if (p->param == NULL) return 0;
  for (int i = 0; i < p->param_count; i++)
    if (seqgpu_plan_param_get(ctx, plan, i, &p->param[i]) != SEQGPU_OK) return 0;
  return 1;
}

/* The sizes as a plan on the CPU reports them: they belong to the cell, and that plan takes no memory. */
static int find_sizes(rnn_problem *p) {
  seqgpu_context *ctx = NULL;
  seqgpu_plan *plan = NULL;
  const seqgpu_context_options c = {.device = "cpu", .threads = 1};
  int good = seqgpu_context_create(&c, &ctx) == SEQGPU_OK &&
             seqgpu_plan_create(ctx, &p->desc, NULL, &plan) == SEQGPU_OK && read_sizes(p, ctx, plan);
  if (!good) fail(p->row.cell, ctx);
  seqgpu_plan_destroy(plan);
  seqgpu_context_destroy(ctx);
  return good;
}

static void find_costs(rnn_problem *p) {
  const double rows = (double)p->cells, weights = (double)weights_of(p);
  const double in = 4 * rows * (double)p->desc.input_size, out = 4 * rows * (double)p->out;
  const double parameters = 4 * (double)p->param_elements, reserve = (double)p->reserve_bytes;
  p->flops = 2 * weights * rows * (p->training ? 3 : 1);
  p->bytes = in + parameters + out;
  /* backward reads dy, x, the parameters and the reserve, writes dx and adds to dparams */
  if (p->training) p->bytes += reserve + (out + in + parameters + reserve + in + 2 * parameters);
}

/* ---------------------------------------------------------------- inputs */

/* Uniform in 1..T, the same lengths for the same seed everywhere. */
static int draw_lengths(rnn_problem *p, uint64_t seed) {
  float *u = malloc((size_t)p->row.batch * sizeof *u);
  p->lengths = malloc((size_t)p->row.batch * sizeof *p->lengths);
  if (u && p->lengths) {
    bench_fill(u, p->row.batch, 1, seed);
    p->cells = 0;
    for (int64_t b = 0; b < p->row.batch; b++) {
      const double share = 0.5 * ((double)u[b] + 1);
      const int64_t length = 1 + (int64_t)(share * (double)p->row.seq_len);
      p->lengths[b] = (int32_t)(length < p->row.seq_len ? length : p->row.seq_len);
      p->cells += p->lengths[b];
    }
  }
  free(u);
  return u != NULL && p->lengths != NULL;
}

/* Turns numbers in [-scale, scale) into a permutation (Fisher and Yates). */
static void make_permutation(float *at, int64_t count, double scale) {
  for (int64_t j = 0; j < count; j++) {
    const int64_t place = (int64_t)(0.5 * ((double)at[j] / scale + 1) * (double)(j + 1));
    at[j] = at[place < j ? place : j];
    at[place < j ? place : j] = (float)j;
  }
}

/* Variances are about 1; of the uRNN's parameters that are not weights: its permutation, and thresholds at a
 * tenth of their usual initial size, since near a threshold the gradient depends on the last bits. */
static void draw_special(rnn_problem *p, double scale) {
  for (int i = 0; i < p->param_count; i++) {
    const seqgpu_param_info *param = &p->param[i];
    const int64_t count = param->rows * param->cols;
    float *at = p->params + param->offset;
    if (param->fixed && strncmp(param->name, "running_", 8) != 0) make_permutation(at, count, scale);
    for (int64_t j = 0; strncmp(param->name, "bias_mod", 8) == 0 && j < count; j++)
      at[j] *= (float)(0.001 / scale);
    for (int64_t j = 0; strncmp(param->name, "running_var", 11) == 0 && j < count; j++) at[j] += 1.5F;
  }
}

static int draw_inputs(rnn_problem *p, const rnn_options *o) {
  const double scale = 1 / sqrt((double)p->row.hidden);
  const uint64_t seed = (uint64_t)o->seed * 16;
  p->x = malloc((size_t)p->x_count * sizeof(float));
  p->dy = malloc((size_t)p->y_count * sizeof(float));
  p->params = malloc((size_t)p->param_elements * sizeof(float));
  if (!p->x || !p->dy || !p->params) return 0;
  bench_fill(p->x, p->x_count, 1, seed + 1);
  bench_fill(p->dy, p->y_count, 1, seed + 2);
  bench_fill(p->params, p->param_elements, scale, seed + 3);
  draw_special(p, scale);
  return o->ragged ? draw_lengths(p, seed + 4) : 1;
}

/* ---------------------------------------------------------------- the checked part */

/* Everything, or as many sequences and steps as `gflop` pays for; at least two of each.  Where training takes
 * means over the batch, everything. */
static void size_check(rnn_problem *p, int gflop) {
  const double cell = p->flops / (double)p->cells, affordable = 1e9 * gflop / cell;
  const int64_t T = p->row.seq_len, B = p->row.batch;
  rnn_check *c = &p->check;
  c->seq_len = T;
  c->columns = B;
  if (p->training && (p->desc.batch_norm_input || p->desc.batch_norm_steps > 0)) return;
  if ((double)T * (double)B <= affordable) return;
  c->columns = (int64_t)(affordable / (double)T);
  if (c->columns < 2) c->columns = 2;
  if (c->columns > B) c->columns = B;
  c->seq_len = (int64_t)(affordable / (double)c->columns);
  if (c->seq_len < 2) c->seq_len = 2;
  if (c->seq_len > T) c->seq_len = T;
}

static int allocate_check(rnn_problem *p) {
  rnn_check *c = &p->check;
  const size_t cells = (size_t)(c->seq_len * c->columns), B = (size_t)p->row.batch;
  c->column = malloc((size_t)c->columns * sizeof *c->column);
  c->dy = calloc((size_t)c->seq_len * B * (size_t)p->out, sizeof *c->dy);
  c->lengths = p->lengths ? malloc(B * sizeof *c->lengths) : NULL;
  c->y = calloc(cells * (size_t)p->out, sizeof *c->y);
  c->dx = calloc(cells * (size_t)p->desc.input_size, sizeof *c->dx);
  c->dparams = calloc((size_t)p->param_elements, sizeof *c->dparams);
  return c->column && c->dy && (c->lengths || !p->lengths) && c->y && c->dx && c->dparams;
}

/* The sequences are spread over the batch, the first and the last among them. */
static void fill_check(rnn_problem *p) {
  rnn_check *c = &p->check;
  const int64_t B = p->row.batch, n = c->columns, Y = p->out;
  for (int64_t i = 0; i < n; i++) {
    c->column[i] = n > 1 ? i * (B - 1) / (n - 1) : 0;
    for (int64_t t = 0; t < c->seq_len; t++) {
      const int64_t row = t * B + c->column[i];
      memcpy(c->dy + row * Y, p->dy + row * Y, (size_t)Y * sizeof(float));
    }
  }
  for (int64_t b = 0; c->lengths && b < B; b++)
    c->lengths[b] = p->lengths[b] < c->seq_len ? p->lengths[b] : (int32_t)c->seq_len;
}

/* ---------------------------------------------------------------- the oracle */

/* The compared sequences of a [seq_len,B,width] tensor as float64 [seq_len,columns,width]. */
static double *gather(const rnn_problem *p, const float *from, int64_t width) {
  const rnn_check *c = &p->check;
  double *out = malloc((size_t)(c->seq_len * c->columns * width) * sizeof *out);
  for (int64_t r = 0; out && r < c->seq_len * c->columns; r++) {
    const float *row = from + (r / c->columns * p->row.batch + c->column[r % c->columns]) * width;
    for (int64_t j = 0; j < width; j++) out[r * width + j] = (double)row[j];
  }
  return out;
}

typedef struct oracle_memory {
  double *x, *dy, *params;
  int32_t *lengths;
  void *reserve, *workspace;
} oracle_memory;

static int oracle_memory_open(oracle_memory *m, const rnn_problem *p, seqgpu_context *ctx,
                              const seqgpu_plan *plan) {
  const rnn_check *c = &p->check;
  m->x = gather(p, p->x, p->desc.input_size);
  m->dy = gather(p, p->dy, p->out);
  m->params = malloc((size_t)p->param_elements * sizeof(double));
  m->lengths = calloc((size_t)c->columns, sizeof *m->lengths);
  if (!m->x || !m->dy || !m->params || !m->lengths) return 0;
  if (seqgpu_malloc(ctx, seqgpu_plan_get_sizes(plan).reserve, &m->reserve) != SEQGPU_OK) return 0;
  if (seqgpu_malloc(ctx, seqgpu_plan_get_sizes(plan).workspace, &m->workspace) != SEQGPU_OK) return 0;
  for (int64_t i = 0; i < p->param_elements; i++) m->params[i] = (double)p->params[i];
  for (int64_t i = 0; c->lengths && i < c->columns; i++) m->lengths[i] = c->lengths[c->column[i]];
  return 1;
}

static int oracle_run(const rnn_problem *p, seqgpu_context *ctx, const seqgpu_plan *plan,
                      const oracle_memory *m) {
  const rnn_check *c = &p->check;
  const seqgpu_rnn_run run = {.seq_len = c->seq_len,
                              .batch = c->columns,
                              .lengths = c->lengths ? m->lengths : NULL,
                              .params = m->params,
                              .x = m->x,
                              .y = c->y,
                              .reserve = p->training ? m->reserve : NULL,
                              .workspace = m->workspace,
                              .dy = m->dy,
                              .dx = c->dx,
                              .dparams = c->dparams};
  if (seqgpu_rnn_forward(ctx, plan, &run) != SEQGPU_OK) return fail("reference forward", ctx);
  if (p->training && seqgpu_rnn_backward(ctx, plan, &run) != SEQGPU_OK)
    return fail("reference backward", ctx);
  return 1;
}

static int run_oracle(rnn_problem *p) {
  const seqgpu_context_options options = {.device = "cpu", .dtype = SEQGPU_DTYPE_F64};
  seqgpu_rnn_desc desc = p->desc;
  seqgpu_context *ctx = NULL;
  seqgpu_plan *plan = NULL;
  oracle_memory m = {.x = NULL};
  desc.seq_len = p->check.seq_len;
  desc.batch = p->check.columns;
  desc.math = SEQGPU_MATH_F32;
  int good = seqgpu_context_create(&options, &ctx) == SEQGPU_OK &&
             seqgpu_plan_create(ctx, &desc, NULL, &plan) == SEQGPU_OK;
  if (!good) fail("reference", ctx);
  good = good && oracle_memory_open(&m, p, ctx, plan) && oracle_run(p, ctx, plan, &m);
  free(m.x);
  free(m.dy);
  free(m.params);
  free(m.lengths);
  seqgpu_free(ctx, m.reserve);
  seqgpu_free(ctx, m.workspace);
  seqgpu_plan_destroy(plan);
  seqgpu_context_destroy(ctx);
  return good;
}

/* ---------------------------------------------------------------- opening and closing */

static void describe(rnn_problem *p, const bench_row *row, const rnn_options *o) {
  *p = (rnn_problem){.row = *row, .training = o->training, .cells = row->seq_len * row->batch};
  p->threads = row->threads ? row->threads : o->threads;
  p->with = o->with;
  p->desc = o->cell;
  p->desc.cell = p->row.cell;
  p->desc.input_size = p->desc.hidden_size = row->hidden;
  p->desc.num_layers = o->layers;
  p->desc.seq_len = row->seq_len;
  p->desc.batch = row->batch;
  p->desc.bidirectional = o->bidirectional;
  p->desc.inference = !o->training;
  p->desc.math = o->math;
}

int rnn_problem_open(rnn_problem *p, int number, const bench_row *row, const rnn_options *o) {
  describe(p, row, o);
  p->number = number;
  if (!find_sizes(p)) return 0;
  p->x_count = row->seq_len * row->batch * p->desc.input_size;
  p->y_count = row->seq_len * row->batch * p->out;
  if (!draw_inputs(p, o)) return fail("out of memory for inputs", NULL);
  find_costs(p);
  size_check(p, o->check_gflop);
  if (!allocate_check(p)) return fail("out of memory for the reference", NULL);
  fill_check(p);
  return run_oracle(p);
}

void rnn_problem_close(rnn_problem *p) {
  rnn_check *c = &p->check;
  void *const memory[] = {p->param, p->x,       p->dy, p->params, p->lengths, c->column,
                          c->dy,    c->lengths, c->y,  c->dx,     c->dparams};
  for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) free(memory[i]);
}

/* ---------------------------------------------------------------- names and errors */

void rnn_problem_name(const rnn_problem *p, char *text, size_t size) {
  char layers[24] = "";
  if (p->desc.num_layers > 1) snprintf(layers, sizeof layers, " L%lld", (long long)p->desc.num_layers);
  snprintf(text, size, "%s T%lld B%lld H%lld%s%s%s", p->row.cell, (long long)p->row.seq_len,
           (long long)p->row.batch, (long long)p->row.hidden, layers, p->desc.bidirectional ? " bi" : "",
           p->lengths ? " ragged" : "");
}

void rnn_check_name(const rnn_problem *p, char *text, size_t size) {
  const rnn_check *c = &p->check;
  if (c->seq_len == p->row.seq_len && c->columns == p->row.batch)
    snprintf(text, size, "all");
  else
    snprintf(text, size, "%lld of %lld sequences, %lld of %lld steps; the rest finite", (long long)c->columns,
             (long long)p->row.batch, (long long)c->seq_len, (long long)p->row.seq_len);
}

/* The error of a [seq_len,B,width] tensor. */
static double part_error(const rnn_problem *p, const float *out, const double *ref, int64_t width) {
  double *got = gather(p, out, width);
  const double error =
      got ? bench_error(got, ref, p->check.seq_len * p->check.columns * width) : (double)INFINITY;
  free(got);
  return error;
}

/* The worst error of all parameters' gradients, each compared by itself. */
static double gradient_error(const rnn_problem *p, const float *dparams) {
  double *got = malloc((size_t)p->param_elements * sizeof *got), worst = 0;
  if (got == NULL) return (double)INFINITY;
  for (int64_t i = 0; i < p->param_elements; i++) got[i] = (double)dparams[i];
  for (int i = 0; i < p->param_count; i++) {
    const int64_t at = p->param[i].offset, count = p->param[i].rows * p->param[i].cols;
    worst = fmax(worst, bench_error(got + at, p->check.dparams + at, count));
  }
  free(got);
  return worst;
}

double rnn_check_error(const rnn_problem *p, const float *y, const float *dx, const float *dparams) {
  const double forward = part_error(p, y, p->check.y, p->out);
  if (!p->training) return forward;
  return fmax(forward, fmax(part_error(p, dx, p->check.dx, p->desc.input_size), gradient_error(p, dparams)));
}
