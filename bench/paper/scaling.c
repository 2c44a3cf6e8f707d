/* scaling.c - measures, fits and tells how a cost grows (scaling.h). */
#include "bench/paper/scaling.h"

#include <math.h>
#include <stdio.h>

#include "bench/common/measure.h"
#include "bench/common/options.h"
#include "bench/paper/results.h"

double scaling_n_log_n(double n) { return n * log2(n); }
double scaling_n_squared(double n) { return n * n; }

/* ---------------------------------------------------------------- runs */

/* Random numbers into a buffer of host memory, which the CPU and the emulator both run on. */
static void fill(const void *buffer, size_t size, double scale, uint64_t seed) {
  bench_fill((float *)(uintptr_t)buffer, (int64_t)(size / sizeof(float)), scale, seed);
}

int scaling_open(scaling_run *out, seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const char *algorithm) {
  const seqgpu_plan_options options = {.algorithm = algorithm};
  *out = (scaling_run){.ctx = ctx};
  if (seqgpu_plan_create(ctx, desc, &options, &out->plan) || seqgpu_run_allocate(ctx, out->plan, &out->run))
    return 0;
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(out->plan);
  const double scale = 1 / sqrt((double)desc->hidden_size);
  for (int k = 0; k < sizes.state_count; k++)
    out->run.initial[k] = out->run.final[k] = NULL; /* each run from zeros */
  fill(out->run.params, sizes.params, scale, 1);
  fill(out->run.x, sizes.x, scale, 2);
  fill(out->run.dy, sizes.y, scale, 3);
  return 1;
}

void scaling_close(scaling_run *run) {
  seqgpu_run_release(run->ctx, &run->run);
  seqgpu_plan_destroy(run->plan);
}

/* ---------------------------------------------------------------- fits */

static double exponent_of(const scaling_cell *s) {
  double x = 0, y = 0, xx = 0, xy = 0;
  for (int i = 0; i < s->sizes; i++) {
    const double a = log(s->n[i]), b = log(s->value[i]);
    x += a, y += b, xx += a * a, xy += a * b;
  }
  return (s->sizes * xy - x * y) / (s->sizes * xx - x * x);
}

static void fit(scaling_cell *s) {
  double sum = 0;
  for (int i = 0; i < s->sizes; i++) sum += log(s->value[i] / s->cost(s->n[i]));
  s->factor = exp(sum / s->sizes);
  s->worst = 1;
  for (int i = 0; i < s->sizes; i++) {
    s->fit[i] = s->factor * s->cost(s->n[i]);
    s->worst = fmax(s->worst, fmax(s->value[i] / s->fit[i], s->fit[i] / s->value[i]));
  }
  s->exponent = exponent_of(s);
}

/* Measures all sizes of a cell and fits them, with a line on stdout for each. */
static void measure_cell(const scaling_experiment *e, scaling_cell *s, seqgpu_context *ctx) {
  for (int i = 0; i < s->sizes; i++) {
    s->n[i] = (double)(SCALING_FIRST << i);
    s->value[i] = e->measure(ctx, s->cell, SCALING_FIRST << i);
    if (!isfinite(s->value[i])) {
      printf("skipped: %s: %s\n", s->cell, seqgpu_last_error(ctx));
      return;
    }
    printf("%-5s n = %-5.0f %14.2f %s\n", s->cell, s->n[i], e->scale * s->value[i], e->unit);
    fflush(stdout);
  }
  fit(s);
  s->measured = 1;
  printf("%-5s fit: %.4g x %s %s; every point is within a factor of %.2f; log-log slope %.2f\n", s->cell,
         e->scale * s->factor, s->formula, e->unit, s->worst, s->exponent);
}

/* ---------------------------------------------------------------- results */

static void put_cell(results *r, const scaling_cell *s, const char *quantity) {
  results_object(r, NULL);
  results_text(r, "cell", s->cell);
  results_numbers(r, "n", s->n, s->sizes);
  results_numbers(r, quantity, s->value, s->sizes);
  results_text(r, "formula", s->formula);
  results_number(r, "factor of the formula", s->factor);
  results_number(r, "largest factor off the fit", s->worst);
  results_number(r, "log-log slope", s->exponent);
  results_end(r);
}

static int put_chart(results *r, const scaling_experiment *e) {
  curve curves[2 * SCALING_CELLS];
  char names[SCALING_CELLS][32];
  int n = 0;
  for (int i = 0; i < e->count; i++) {
    const scaling_cell *s = &e->cells[i];
    if (!s->measured) continue;
    snprintf(names[i], sizeof names[i], "%s: %s", s->cell, s->formula);
    curves[n++] = (curve){.name = s->cell, .x = s->n, .y = s->value, .count = s->sizes};
    curves[n++] = (curve){.name = names[i], .x = s->n, .y = s->fit, .count = s->sizes, .reference = 1};
  }
  return results_chart(r, &(chart){.title = e->title,
                                   .x_label = "hidden units",
                                   .y_label = e->quantity,
                                   .log_x = 1,
                                   .log_y = 1,
                                   .curves = curves,
                                   .count = n});
}

static int publish(const scaling_experiment *e, const char *folder) {
  results r;
  if (!results_open(&r, folder, e->name, e->about)) return 0;
  results_text(&r, "ran on", e->ran_on);
  results_array(&r, "cells");
  for (int i = 0; i < e->count; i++)
    if (e->cells[i].measured) put_cell(&r, &e->cells[i], e->quantity);
  results_end(&r);
  const int charted = put_chart(&r, e);
  return results_close(&r) && charted;
}

int scaling_main(scaling_experiment *e, int argc, char **argv) {
  const char *folder = NULL;
  char usage[256];
  const bench_option table[] = {BENCH_RESULTS(&folder)};
  snprintf(usage, sizeof usage, "usage: %s [--results FOLDER]\n" BENCH_HELP_RESULTS, e->program);
  const int code = bench_parse(e->program, usage, table, BENCH_COUNT(table), argc, argv);
  if (code != BENCH_GO_ON) return code;
  seqgpu_context *ctx;
  if (seqgpu_context_create(&e->device, &ctx)) {
    fprintf(stderr, "%s: %s\n", e->program, seqgpu_last_error(ctx));
    seqgpu_context_destroy(ctx);
    return BENCH_FAILED;
  }
  for (int i = 0; i < e->count; i++) measure_cell(e, &e->cells[i], ctx);
  seqgpu_context_destroy(ctx);
  return publish(e, folder) ? BENCH_OK : BENCH_FAILED;
}
