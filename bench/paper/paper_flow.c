/* paper_flow.c - how gradients flow, against what theory says: Hochreiter 1991; Bengio, Simard, Frasconi
 * 1994; Pascanu, Mikolov, Bengio 2013, section 2.
 *
 *   paper_flow [--steps T] [--units N] [--seeds N] [--threads N] [--results FOLDER]
 *
 *   - An RNN at rest (h = 0, inputs 0) multiplies gradients by its recurrent matrix in each step, so their
 *     norm changes by the spectral radius: the slope of its logarithm beside that of the radius.  With
 *     inputs, tanh takes its share.
 *   - The path c -> c of an LSTM of version 0 is exactly 1 (Hochreiter & Schmidhuber 1997).
 *   - The norm of a uRNN's gradient stays what it is where modReLU has no bias (Arjovsky, Shah, Bengio
 *     2016).
 *
 * All of it in float32, by what `seqgpu inspect --gradient-flow` computes with.  The results are
 * gradient-flow.json, .svg and .md.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/options.h"
#include "bench/paper/results.h"
#include "host/cli/flow_look.h"

static const char USAGE[] = "usage: paper_flow [options]\n"
                            "  --steps T              of each network (default: 1000)\n"
                            "  --units N              of each network (default: 64)\n"
                            "  --seeds N              networks of each radius (default: 5)\n"
                            "  --threads N            (default: 1)\n" BENCH_HELP_RESULTS;

/* Below it the chart has nothing to show; norms go on. */
static const double LEAST_SHOWN = -60;
enum { POINTS = 201 }; /* of a curve, at most */

typedef struct options {
  int steps, units, seeds, threads;
  const char *folder;
} options;

/* A network with its parameters and its run; a bias of modReLU that is not NaN takes the place of the drawn
 * one. */
typedef struct network {
  const char *name, *cell, *scheme;
  double scale, input_scale, mod_bias;
  seqgpu_activation activation;
} network;

typedef struct run {
  seqgpu_context *ctx;
  seqgpu_params *params;
  double *x;
  flow f;
} run;

static int failed(const run *r) {
  fprintf(stderr, "paper_flow: %s\n",
          r->ctx && seqgpu_last_error(r->ctx)[0] ? seqgpu_last_error(r->ctx) : "out of memory");
  return 1;
}

/* ---------------------------------------------------------------- one network */

static int set_mod_bias(run *r, const network *n, int units) {
  seqgpu_param p;
  if (seqgpu_params_find(r->params, "rnn.bias_mod_l0", &p)) return failed(r);
  float *value = malloc((size_t)units * sizeof *value);
  if (value == NULL) return failed(r);
  for (int i = 0; i < units; i++) value[i] = (float)n->mod_bias;
  const int bad = seqgpu_copy_in(r->ctx, p.value, value, (size_t)units * sizeof *value) != SEQGPU_OK;
  free(value);
  return bad ? failed(r) : 0;
}

static int draw(run *r, const network *n, const seqgpu_rnn_desc *desc, uint64_t seed, seqgpu_param *block) {
  seqgpu_plan *plan;
  if (seqgpu_plan_create(r->ctx, desc, NULL, &plan)) return failed(r);
  int bad = seqgpu_params_create(r->ctx, seed, &r->params) ||
            seqgpu_params_add_rnn(r->params, "rnn", plan, block) ||
            (n->scheme && seqgpu_params_init_rnn(r->params, "rnn", plan, n->scheme, n->scale));
  seqgpu_plan_destroy(plan);
  return bad ? failed(r) : 0;
}

/* Inputs are uniform in +-input_scale. */
static int run_open(run *r, const options *o, const network *n, uint64_t seed) {
  const seqgpu_context_options cpu = {.device = "cpu", .threads = o->threads};
  const seqgpu_rnn_desc desc = {.cell = n->cell,
                                .input_size = o->units,
                                .hidden_size = o->units,
                                .seq_len = 1,
                                .batch = 1,
                                .activation = n->activation};
  const int64_t inputs = (int64_t)o->steps * o->units;
  seqgpu_param block;
  *r = (run){.x = malloc((size_t)inputs * sizeof *r->x)};
  if (r->x == NULL || seqgpu_context_create(&cpu, &r->ctx)) return failed(r);
  if (draw(r, n, &desc, seed, &block)) return 1;
  if (!isnan(n->mod_bias) && set_mod_bias(r, n, o->units)) return 1;
  for (int64_t i = 0; i < inputs; i++)
    r->x[i] = n->input_scale * (2 * seqgpu_uniform(seed, 1 << 20, (uint64_t)i) - 1);
  return flow_open(r->ctx, &desc, block.value, o->steps, r->x, &r->f) ? failed(r) : 0;
}

/* F = u . h_T, where u is uniform and of norm 1: u in the place of h, NULL when out of memory. */
static double *draw_gradient(const flow *f, uint64_t seed) {
  double *gradient = calloc((size_t)f->S, sizeof *gradient), squares = 0;
  for (int64_t i = 0; gradient && i < f->state_width[0]; i++) {
    gradient[i] = seqgpu_uniform(seed, (1 << 20) + 1, (uint64_t)i) - 0.5;
    squares += gradient[i] * gradient[i];
  }
  for (int64_t i = 0; gradient && i < f->state_width[0]; i++) gradient[i] /= sqrt(squares);
  return gradient;
}

static void run_close(run *r) {
  free(r->x);
  if (r->f.ctx) flow_close(&r->f);
  seqgpu_params_destroy(r->params);
  if (r->ctx) seqgpu_context_destroy(r->ctx);
}

static int look_at(const options *o, const network *n, uint64_t seed, flow_look *look) {
  run r;
  int good = 0;
  if (!run_open(&r, o, n, seed)) {
    double *gradient = draw_gradient(&r.f, seed);
    good = gradient && flow_look_at(&r.f, n->name, gradient, look) == SEQGPU_OK;
    if (!good) failed(&r);
    free(gradient);
  }
  run_close(&r);
  return !good;
}

/* ---------------------------------------------------------------- rates */

/* Over the seeds: of the radius that was measured and of the factors the means of logarithms, of the slopes
 * the worst. */
typedef struct rate {
  double radius, measured, gradient, product,
      worst;   /* worst: how far a slope is off, as a share of ln radius */
  double busy; /* of the gradient, with inputs of 0.1 */
} rate;

static const double radii[] = {0.5, 0.8, 0.9, 0.95, 1.05, 1.1, 1.25, 1.5};
enum { RADII = sizeof radii / sizeof radii[0] };

static int measure_rate(const options *o, double radius, rate *out) {
  const network rest = {"", "rnn", "careful", radius, 0, NAN, SEQGPU_ACTIVATION_TANH};
  network busy = rest;
  busy.input_scale = 0.1;
  double logs[4] = {0};
  *out = (rate){.radius = radius};
  for (int seed = 1; seed <= o->seeds; seed++) {
    flow_look look;
    if (look_at(o, &rest, (uint64_t)seed, &look)) return 1;
    const double found[] = {look.layer[0].radius, look.layer[0].state[0].gradient_factor,
                            look.layer[0].state[0].product_factor};
    for (int i = 0; i < 3; i++) logs[i] += log(found[i]) / o->seeds;
    for (int i = 1; i < 3; i++) out->worst = fmax(out->worst, fabs(log(found[i]) / log(found[0]) - 1));
    flow_look_free(&look);
    if (look_at(o, &busy, (uint64_t)seed, &look)) return 1;
    logs[3] += log(look.layer[0].state[0].gradient_factor) / o->seeds;
    flow_look_free(&look);
  }
  out->measured = exp(logs[0]);
  out->gradient = exp(logs[1]);
  out->product = exp(logs[2]);
  out->busy = exp(logs[3]);
  return 0;
}

static int measure_rates(const options *o, results *out, FILE *table) {
  results_array(out, "rates");
  fprintf(table, "## The rate of an RNN is its spectral radius\n\n"
                 "| spectral radius | measured | gradient, a step back | products | slope off by, at most | "
                 "gradient with "
                 "inputs |\n|---:|---:|---:|---:|---:|---:|\n");
  for (int i = 0; i < RADII; i++) {
    rate r;
    if (measure_rate(o, radii[i], &r)) return 1;
    results_object(out, NULL);
    results_number(out, "spectral_radius", r.radius);
    results_number(out, "measured_radius", r.measured);
    results_number(out, "gradient_factor", r.gradient);
    results_number(out, "product_factor", r.product);
    results_number(out, "slope_off", r.worst);
    results_number(out, "gradient_factor_with_inputs", r.busy);
    results_end(out);
    fprintf(table, "| %g | %.4f | %.5f | %.5f | %.2f %% | %.5f |\n", r.radius, r.measured, r.gradient,
            r.product, 100 * r.worst, r.busy);
    printf("radius %g: gradient %.5f, products %.5f, slope off by %.2f %%\n", r.radius, r.gradient, r.product,
           100 * r.worst);
  }
  results_end(out);
  return 0;
}

/* ---------------------------------------------------------------- all kinds */

/* The norms that are kept: an RNN at rest, the others with inputs. */
static const network kinds[] = {
    {"RNN, radius 0.9", "rnn", "careful", 0.9, 0, NAN, SEQGPU_ACTIVATION_TANH},
    {"RNN, radius 1.1", "rnn", "careful", 1.1, 0, NAN, SEQGPU_ACTIVATION_TANH},
    {"LSTM version 0", "lstm0", NULL, 0, 0.1, NAN, SEQGPU_ACTIVATION_TANH},
    {"LSTM version 1", "lstm", NULL, 0, 0.1, NAN, SEQGPU_ACTIVATION_TANH},
    {"GRU", "gru", NULL, 0, 0.1, NAN, SEQGPU_ACTIVATION_TANH},
    {"IRNN", "rnn", "irnn", 0, 0.1, NAN, SEQGPU_ACTIVATION_RELU},
    {"uRNN", "urnn", NULL, 0, 0.1, NAN, SEQGPU_ACTIVATION_TANH},
    {"uRNN, b = 0", "urnn", NULL, 0, 0.1, 0, SEQGPU_ACTIVATION_TANH},
    {"orthogonal RNN", "rnn", "orthogonal", 0, 0.1, NAN, SEQGPU_ACTIVATION_TANH},
    {"orthogonal RNN, linear", "rnn", "orthogonal", 0, 0.1, NAN, SEQGPU_ACTIVATION_IDENTITY},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static double largest(const double *x, int64_t n) {
  double most = -INFINITY;
  for (int64_t i = 0; i < n; i++) most = fmax(most, x[i]);
  return most;
}

/* How many steps of the path are not exactly 1. */
static double inexact(const flow_look *look) {
  double count = 0;
  for (int64_t t = 0; t < look->T; t++)
    count += look->layer[0].path_most[t] != 0 || look->layer[0].path_least[t] != 0;
  return count;
}

static void put_kind(results *out, FILE *table, const flow_look *look) {
  const flow_layer *layer = &look->layer[0];
  const flow_state *h = &layer->state[0];
  const double step = pow(10, largest(h->singular, look->T - 1));
  results_object(out, NULL);
  results_text(out, "name", look->name);
  results_text(out, "cell", look->cell);
  results_number(out, "gradient_factor", h->gradient_factor);
  results_number(out, "product_factor", h->product_factor);
  results_number(out, "largest_singular_value", step);
  results_number(out, "log10_gradient_at_1", h->gradient[0]);
  results_number(out, "largest_change", h->change);
  fprintf(table, "| %s | %.5f | %.5f | %.4f | %.2f | %.2g | ", look->name, h->gradient_factor,
          h->product_factor, step, h->gradient[0], h->change);
  if (layer->path_most) {
    results_number(out, "log10_path_at_1", layer->path_most[0]);
    results_number(out, "steps_off_1", inexact(look));
    fprintf(table, "%.2f | %.0f |\n", layer->path_most[0], inexact(look));
  } else {
    fprintf(table, "| |\n");
  }
  results_end(out);
  printf("%s: gradient %.5f a step back, 10^%.2f at t = 1, off 1 by at most %.2g\n", look->name,
         h->gradient_factor, h->gradient[0], h->change);
}

static int points_of(const options *o) { return o->steps < POINTS ? o->steps : POINTS; }

/* The step, from 1, of a point of all curves. */
static int step_of(const options *o, int point) {
  return 1 + (int)((int64_t)point * (o->steps - 1) / (points_of(o) - 1));
}

/* Norms as numbers, NaN where the chart has none; NULL when out of memory. */
static double *shown(const options *o, const flow_look *look) {
  const double *norm = look->layer[0].state[0].gradient;
  double *y = malloc(POINTS * sizeof *y);
  for (int i = 0; y && i < points_of(o); i++) {
    const double value = norm[step_of(o, i) - 1];
    y[i] = value >= LEAST_SHOWN ? pow(10, value) : (double)NAN;
  }
  return y;
}

static int measure_kinds(const options *o, results *out, FILE *table, curve curves[KINDS]) {
  results_array(out, "networks");
  fprintf(table, "\n## All kinds\n\n"
                 "| network | gradient, a step back | products | largest singular value of a step | log10 of "
                 "the gradient at t = 1 | "
                 "norm off 1 by, at most | log10 path at t = 1 | steps whose path is not 1 |\n"
                 "|---|---:|---:|---:|---:|---:|---:|---:|\n");
  for (int i = 0; i < KINDS; i++) {
    flow_look look;
    if (look_at(o, &kinds[i], 1, &look)) return 1;
    put_kind(out, table, &look);
    curves[i] = (curve){.name = kinds[i].name, .y = shown(o, &look), .count = points_of(o)};
    flow_look_free(&look);
    if (curves[i].y == NULL) return fprintf(stderr, "paper_flow: out of memory\n"), 1;
  }
  results_end(out);
  return 0;
}

/* ---------------------------------------------------------------- the program */

static void begin_table(FILE *table, const options *o, const results *r) {
  fprintf(
      table,
      "# Gradient flow\n\n%s, %s, commit %s: `paper_flow --steps %d --units %d --seeds %d`, %d thread(s). "
      "float32, %d units over %d steps; F = u . h_T with a random u of norm 1.\n"
      "A factor is 10 to the slope of log10 of a norm, by least squares over all steps; *products* are the "
      "largest "
      "singular values of dh_T/dh_t.\n\n"
      "RNNs of tanh units at rest (no input, h = 0), weights of scheme \"careful\" with that radius, %d "
      "seeds each; "
      "*with inputs*: uniform in +-0.1, where tanh saturates.\n\n",
      r->origin.device, r->origin.date, r->origin.commit, o->steps, o->units, o->seeds, o->threads, o->units,
      o->steps, o->seeds);
}

static int measure(const options *o, results *r, FILE *table) {
  curve curves[KINDS] = {{.name = NULL}};
  double t[POINTS];
  for (int i = 0; i < points_of(o); i++) t[i] = step_of(o, i);
  begin_table(table, o, r);
  int bad = measure_rates(o, r, table) || measure_kinds(o, r, table, curves);
  for (int i = 0; i < KINDS; i++) curves[i].x = t;
  const chart c = {.title = "Gradients on their way back",
                   .x_label = "t",
                   .y_label = "|dF/dh_t|",
                   .log_y = 1,
                   .curves = curves,
                   .count = KINDS};
  bad = bad || !results_chart(r, &c);
  for (int i = 0; i < KINDS; i++) free((void *)(uintptr_t)curves[i].y);
  return bad;
}

int main(int argc, char **argv) {
  options o = {.steps = 1000, .units = 64, .seeds = 5, .threads = 1};
  const bench_option table[] = {
      bench_option_int("--steps", &o.steps, 3, 100000), bench_option_int("--units", &o.units, 16, 4096),
      bench_option_int("--seeds", &o.seeds, 1, 1000), BENCH_THREADS(&o.threads), BENCH_RESULTS(&o.folder)};
  const int code = bench_parse("paper_flow", USAGE, table, BENCH_COUNT(table), argc, argv);
  results r;
  char path[sizeof r.path + 8];
  if (code != BENCH_GO_ON) return code;
  if (!results_open(&r, o.folder, "gradient-flow",
                    "How gradients flow: Hochreiter 1991, Bengio et al. 1994, Pascanu et al. 2013"))
    return BENCH_FAILED;
  snprintf(path, sizeof path, "%s.md", r.path);
  FILE *md = fopen(path, "w");
  if (md == NULL) fprintf(stderr, "paper_flow: %s cannot be written\n", path);
  const int bad = md == NULL || measure(&o, &r, md);
  const int written = md && fclose(md) == 0;
  return results_close(&r) && !bad && written ? BENCH_OK : BENCH_FAILED;
}
