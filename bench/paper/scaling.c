/* law.c - see law.h. */
#include "bench/paper/scaling.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double law_n_log_n(double n) { return n * log2(n); }
double law_n_squared(double n) { return n * n; }

/* ---------------------------------------------------------------- runs */

/* Memory of the context with random numbers in it, or none if `scale` is 0; 1 if it could be had. */
static int buffer(law_run *r, int which, size_t count, double scale) {
  seqgpu_context *ctx = r->ctx;
  if (seqgpu_malloc(ctx, count, &r->buffers[which])) return 0;
  if (scale > 0) bench_fill(r->buffers[which], (int64_t)(count / sizeof(float)), scale, (uint64_t)which + 1);
  return 1;
}

int law_open(law_run *out, seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const char *algorithm) {
  const seqgpu_plan_options options = {.algorithm = algorithm};
  *out = (law_run){.ctx = ctx};
  if (seqgpu_plan_create(ctx, desc, &options, &out->plan)) return 0;
  const size_t rows = (size_t)(desc->seq_len * desc->batch), F = sizeof(float);
  const size_t y = rows * (size_t)seqgpu_plan_get_sizes(out->plan).output_width;
  const size_t params = (size_t)seqgpu_plan_get_sizes(out->plan).param_elements;
  const double scale = 1 / sqrt((double)desc->hidden_size);
  const size_t bytes[8] = {params * F,
                           rows * F,
                           y * F,
                           y * F,
                           params * F,
                           rows * F,
                           seqgpu_plan_get_sizes(out->plan).reserve,
                           seqgpu_plan_get_sizes(out->plan).workspace};
  for (int i = 0; i < 8; i++)
    if (!buffer(out, i, bytes[i], i < 6 ? scale : 0)) return 0;
  out->run = (seqgpu_rnn_run){.seq_len = desc->seq_len,
                              .batch = desc->batch,
                              .params = out->buffers[0],
                              .x = out->buffers[1],
                              .y = out->buffers[2],
                              .dy = out->buffers[3],
                              .dparams = out->buffers[4],
                              .dx = out->buffers[5],
                              .reserve = out->buffers[6],
                              .workspace = out->buffers[7]};
  return 1;
}

void law_close(law_run *run) {
  for (int i = 0; i < 8; i++) seqgpu_free(run->ctx, run->buffers[i]);
  seqgpu_plan_destroy(run->plan);
}

/* ---------------------------------------------------------------- fits */

static double exponent_of(const law_side *s) {
  double x = 0, y = 0, xx = 0, xy = 0;
  for (int i = 0; i < s->sizes; i++) {
    const double a = log(s->n[i]), b = log(s->value[i]);
    x += a, y += b, xx += a * a, xy += a * b;
  }
  return (s->sizes * xy - x * y) / (s->sizes * xx - x * x);
}

static void fit(law_side *s) {
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

void law_measure(law_side *side, seqgpu_context *ctx,
                 double (*measure)(seqgpu_context *ctx, const char *cell, int64_t n), const char *unit,
                 double scale) {
  for (int i = 0; i < side->sizes; i++) {
    side->n[i] = (double)(LAW_FIRST << i);
    side->value[i] = measure(ctx, side->cell, LAW_FIRST << i);
    if (!isfinite(side->value[i])) {
      printf("skipped: %s: %s\n", side->cell, seqgpu_last_error(ctx));
      return;
    }
    printf("%-5s n = %-5.0f %14.2f %s\n", side->cell, side->n[i], scale * side->value[i], unit);
    fflush(stdout);
  }
  fit(side);
  side->measured = 1;
  printf("%-5s fit: %.4g x %s %s, every point within a factor of %.2f; log-log slope %.2f\n", side->cell,
         scale * side->factor, side->law, unit, side->worst, side->exponent);
}

/* ---------------------------------------------------------------- results */

static void put_side(results *r, const law_side *s, const char *quantity) {
  results_object(r, NULL);
  results_text(r, "cell", s->cell);
  results_numbers(r, "n", s->n, s->sizes);
  results_numbers(r, quantity, s->value, s->sizes);
  results_text(r, "law", s->law);
  results_number(r, "factor of the law", s->factor);
  results_number(r, "largest factor off the fit", s->worst);
  results_number(r, "log-log slope", s->exponent);
  results_end(r);
}

enum { LAW_SIDES = 4 };

static int put_chart(results *r, const law_report *report, const law_side *sides, int count) {
  curve curves[2 * LAW_SIDES];
  char names[LAW_SIDES][32];
  int n = 0;
  for (int i = 0; i < count && i < LAW_SIDES; i++) {
    const law_side *s = &sides[i];
    if (!s->measured) continue;
    snprintf(names[i], sizeof names[i], "%s: %s", s->cell, s->law);
    curves[n++] = (curve){.name = s->cell, .x = s->n, .y = s->value, .count = s->sizes};
    curves[n++] = (curve){.name = names[i], .x = s->n, .y = s->fit, .count = s->sizes, .dashed = 1};
  }
  return results_chart(r, &(chart){.title = "Cost of a step",
                                   .x_label = "hidden units",
                                   .y_label = report->quantity,
                                   .log_x = 1,
                                   .log_y = 1,
                                   .curves = curves,
                                   .count = n});
}

int law_publish(const law_report *report, const law_side *sides, int count) {
  results r;
  if (!results_open(&r, report->folder, report->name, report->about)) return 0;
  results_text(&r, "ran on", report->ran_on);
  results_array(&r, "cells");
  for (int i = 0; i < count; i++)
    if (sides[i].measured) put_side(&r, &sides[i], report->quantity);
  results_end(&r);
  const int charted = put_chart(&r, report, sides, count);
  return results_close(&r) & charted;
}

int law_arguments(int argc, char **argv, const char **folder) {
  *folder = argc == 3 && strcmp(argv[1], "--results") == 0 ? argv[2] : NULL;
  if (argc == 1 || *folder != NULL) return 1;
  fprintf(stderr, "usage: %s [--results FOLDER]\n", argv[0]);
  return 0;
}
