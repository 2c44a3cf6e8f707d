/* cost.c - paper_cost: what a step of the unitary RNN costs as it grows, against the LSTM, on one core.
 *
 *   uRNN   two Fourier transforms, diagonals and reflections: n log n          LSTM   4 H^2 products
 *
 * One layer of 1 input, T = 32, B = 4, forward and backward: the time of one step of one sequence, the least of
 * RUNS, as whatever else this machine does can only add to it.
 * The fits: t = a n log2 n (or a n^2) with a the geometric mean of t over it, and the largest factor by which a point is
 * off; and the exponent p of the straight line through the points of a log-log plot.  Results in urnn-cost.json and .svg.
 *
 *   paper_cost [--results FOLDER]
 */
#include <math.h>
#include <seqgpu/ops.h>
#include <stdlib.h>
#include <string.h>

#include "../bench.h"
#include "curves.h"

enum { STEPS = 32, BATCH = 4, RUNS = 15, SIZES = 6, FIRST = 128 };

typedef struct side {
  const char *cell, *law;
  double (*cost)(double n);
  int sizes; /* FIRST, 2 FIRST, ... */
  double n[SIZES], time[SIZES], fit[SIZES];
  double factor, worst, exponent;
} side;

static double n_log_n(double n) { return n * log2(n); }
static double n_squared(double n) { return n * n; }

/* ---------------------------------------------------------------- timing */

/* Device buffers of one run, all drawn at random. */
static int fill_run(seqgpu_context *ctx, const seqgpu_plan *plan, seqgpu_rnn_run *run, void *buffers[8]) {
  const int64_t rows = STEPS * BATCH, Y = seqgpu_plan_output_size(plan), P = seqgpu_plan_param_count(plan);
  const int64_t numbers[6] = {P, rows, rows * Y, rows * Y, P, rows};
  const size_t bytes[2] = {seqgpu_plan_reserve_size(plan), seqgpu_plan_workspace_size(plan)};
  const double scale = 1 / sqrt((double)seqgpu_plan_desc(plan)->hidden_size);
  for (int i = 0; i < 8; i++)
    if (seqgpu_malloc(ctx, i < 6 ? (size_t)numbers[i] * sizeof(float) : bytes[i - 6], &buffers[i])) return 0;
  for (int i = 0; i < 6; i++) bench_fill(buffers[i], numbers[i], scale, (uint64_t)i + 1); /* on the CPU */
  *run = (seqgpu_rnn_run){.seq_len = STEPS,
                          .batch = BATCH,
                          .params = buffers[0],
                          .x = buffers[1],
                          .y = buffers[2],
                          .dy = buffers[3],
                          .dparams = buffers[4],
                          .dx = buffers[5],
                          .reserve = buffers[6],
                          .workspace = buffers[7]};
  return 1;
}

/* Seconds of one step of one sequence; NaN where it failed. */
static double time_runs(seqgpu_context *ctx, const seqgpu_plan *plan, const seqgpu_rnn_run *run) {
  double samples[RUNS];
  for (int i = -1; i < RUNS; i++) { /* the first warms up */
    const double begin = bench_now();
    if (seqgpu_rnn_forward(ctx, plan, run) || seqgpu_rnn_backward(ctx, plan, run)) return (double)NAN;
    if (i >= 0) samples[i] = (bench_now() - begin) / (STEPS * BATCH);
  }
  return bench_statistics(samples, RUNS).min;
}

static double time_size(seqgpu_context *ctx, const char *cell, int64_t n) {
  const seqgpu_rnn_desc desc = {
      .cell = cell, .input_size = 1, .hidden_size = n, .seq_len = STEPS, .batch = BATCH};
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
  void *buffers[8] = {NULL};
  double seconds = (double)NAN;
  if (seqgpu_plan_create(ctx, &desc, &plan)) return seconds;
  if (fill_run(ctx, plan, &run, buffers)) seconds = time_runs(ctx, plan, &run);
  for (int i = 0; i < 8; i++) seqgpu_free(ctx, buffers[i]);
  seqgpu_plan_destroy(plan);
  return seconds;
}

/* ---------------------------------------------------------------- fits */

/* Slope of log t over log n by least squares. */
static double exponent_of(const side *s) {
  double x = 0, y = 0, xx = 0, xy = 0;
  for (int i = 0; i < s->sizes; i++) {
    const double a = log(s->n[i]), b = log(s->time[i]);
    x += a, y += b, xx += a * a, xy += a * b;
  }
  return (s->sizes * xy - x * y) / (s->sizes * xx - x * x);
}

static void fit(side *s) {
  double sum = 0;
  for (int i = 0; i < s->sizes; i++) sum += log(s->time[i] / s->cost(s->n[i]));
  s->factor = exp(sum / s->sizes);
  s->worst = 1;
  for (int i = 0; i < s->sizes; i++) {
    s->fit[i] = s->factor * s->cost(s->n[i]);
    s->worst = fmax(s->worst, fmax(s->time[i] / s->fit[i], s->fit[i] / s->time[i]));
  }
  s->exponent = exponent_of(s);
}

/* 0 if the cell cannot be had or a run failed, after a sentence. */
static int measure(seqgpu_context *ctx, side *s) {
  for (int i = 0; i < s->sizes; i++) {
    s->n[i] = (double)(FIRST << i);
    s->time[i] = time_size(ctx, s->cell, FIRST << i);
    if (!isfinite(s->time[i])) return printf("skipped: %s: %s\n", s->cell, seqgpu_last_error(ctx)), 0;
    printf("%-5s n = %-5.0f %10.2f us a step\n", s->cell, s->n[i], 1e6 * s->time[i]);
    fflush(stdout);
  }
  fit(s);
  printf("%-5s fit: t = %.4g ns x %s, every point within a factor of %.2f; log-log slope %.2f\n", s->cell,
         1e9 * s->factor, s->law, s->worst, s->exponent);
  return 1;
}

/* ---------------------------------------------------------------- results */

static void put_side(results *r, const side *s) {
  results_object(r, NULL);
  results_text(r, "cell", s->cell);
  results_numbers(r, "n", s->n, s->sizes);
  results_numbers(r, "seconds a step", s->time, s->sizes);
  results_text(r, "law", s->law);
  results_number(r, "seconds per unit of the law", s->factor);
  results_number(r, "largest factor off the fit", s->worst);
  results_number(r, "log-log slope", s->exponent);
  results_end(r);
}

static int publish(const char *folder, const side *sides, const int *measured, int count) {
  results r;
  curve curves[4];
  char names[4][32];
  int n = 0;
  if (!results_open(&r, folder, "urnn-cost",
                    "A step of the unitary RNN against the LSTM, forward and backward"))
    return 0;
  results_text(&r, "ran on", "CPU, one thread, float32, T = 32, B = 4, one input; least of 15 runs");
  results_array(&r, "cells");
  for (int i = 0; i < count; i++) {
    const side *s = &sides[i];
    if (!measured[i]) continue;
    put_side(&r, s);
    snprintf(names[n], sizeof names[n], "%s", s->cell);
    curves[n] = (curve){.name = names[n], .x = s->n, .y = s->time, .count = s->sizes};
    n++;
    snprintf(names[n], sizeof names[n], "%s: %s", s->cell, s->law);
    curves[n] = (curve){.name = names[n], .x = s->n, .y = s->fit, .count = s->sizes, .dashed = 1};
    n++;
  }
  results_end(&r);
  const int charted = results_chart(&r, &(chart){.title = "Cost of a step",
                                                 .x_label = "hidden units",
                                                 .y_label = "seconds a step and sequence",
                                                 .log_x = 1,
                                                 .log_y = 1,
                                                 .curves = curves,
                                                 .count = n});
  return results_close(&r) & charted;
}

int main(int argc, char **argv) {
  side sides[2] = {{.cell = "urnn", .law = "n log2 n", .cost = n_log_n, .sizes = SIZES},
                   {.cell = "lstm", .law = "n^2", .cost = n_squared, .sizes = SIZES - 1}};
  const char *folder = argc == 3 && strcmp(argv[1], "--results") == 0 ? argv[2] : NULL;
  int measured[2];
  if (argc != 1 && folder == NULL) return fprintf(stderr, "usage: paper_cost [--results FOLDER]\n"), 2;
  seqgpu_context *ctx;
  const seqgpu_context_options cpu = {.device = "cpu", .threads = 1};
  if (seqgpu_context_create(&cpu, &ctx)) return fprintf(stderr, "%s\n", seqgpu_last_error(ctx)), 1;
  for (int i = 0; i < 2; i++) measured[i] = measure(ctx, &sides[i]);
  seqgpu_context_destroy(ctx);
  return !publish(folder, sides, measured, 2);
}
