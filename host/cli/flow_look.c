/* flow_look.c - measuring the gradient flow of one network (flow_look.h). */
#include "host/cli/flow_look.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"

/* ---------------------------------------------------------------- memory */

static int allocate_layer(flow_layer *layer, const flow_look *look) {
  const size_t T = (size_t)look->T;
  int good = 1;
  for (int k = 0; k < look->K; k++) {
    flow_state *s = &layer->state[k];
    s->gradient = malloc(T * sizeof *s->gradient);
    s->product = malloc((size_t)look->points * sizeof *s->product);
    s->singular = malloc(T * sizeof *s->singular);
    good = good && s->gradient && s->product && s->singular;
  }
  if (look->K < 2) return good;
  layer->path_most = malloc(T * sizeof *layer->path_most);
  layer->path_least = malloc(T * sizeof *layer->path_least);
  return good && layer->path_most && layer->path_least;
}

static seqgpu_status allocate(flow_look *look) {
  look->step = malloc((size_t)look->T * sizeof *look->step);
  look->point = malloc((size_t)look->points * sizeof *look->point);
  look->layer = calloc((size_t)look->L, sizeof *look->layer);
  look->gate = malloc((size_t)(look->gates + 1) * sizeof *look->gate);
  int good = look->step && look->point && look->layer && look->gate;
  for (int64_t l = 0; l < look->L && good; l++) good = allocate_layer(&look->layer[l], look);
  return good ? SEQGPU_OK : cli_no_memory();
}

void flow_look_free(flow_look *look) {
  for (int64_t l = 0; look->layer && l < look->L; l++) {
    flow_layer *layer = &look->layer[l];
    for (int k = 0; k < FLOW_STATES; k++) {
      free(layer->state[k].gradient);
      free(layer->state[k].product);
      free(layer->state[k].singular);
    }
    free(layer->path_most);
    free(layer->path_least);
  }
  free(look->step);
  free(look->point);
  free(look->layer);
  free(look->gate);
  *look = (flow_look){.T = 0};
}

/* ---------------------------------------------------------------- measuring */

/* Each layer's gradients out of those of all. */
static seqgpu_status measure_gradients(flow *f, const double *gradient, flow_look *look) {
  double *all = malloc((size_t)(look->T * look->L * look->K) * sizeof *all);
  if (all == NULL) return cli_no_memory();
  const seqgpu_status status = flow_gradient(f, gradient, all);
  for (int64_t l = 0; l < look->L && status == SEQGPU_OK; l++)
    for (int k = 0; k < look->K; k++) {
      flow_state *s = &look->layer[l].state[k];
      for (int64_t t = 0; t < look->T; t++) s->gradient[t] = all[(t * look->L + l) * look->K + k];
      s->gradient_factor = flow_factor(look->T, look->step, s->gradient);
      s->change = 0;
      for (int64_t t = 0; t < look->T; t++) {
        const double off = fabs(pow(10, s->gradient[t] - s->gradient[look->T - 1]) - 1);
        if (!(off <= s->change)) s->change = off; /* NaN stays */
      }
    }
  free(all);
  return status;
}

static seqgpu_status measure_state(flow *f, flow_block b, flow_look *look) {
  flow_state *s = &look->layer[b.layer].state[b.state];
  int64_t to[FLOW_POINTS];
  int iterations;
  for (int64_t i = 0; i < look->points; i++) to[i] = look->T;
  LIB_TRY(flow_singular(f, b, look->points, look->point, to, s->product, &iterations));
  if (iterations > look->iterations) look->iterations = iterations;
  LIB_TRY(flow_singular(f, b, look->T - 1, look->step, look->step + 1, s->singular, &iterations));
  if (iterations > look->iterations) look->iterations = iterations;
  s->product_factor = flow_factor(look->points, look->point, s->product);
  snprintf(s->name, sizeof s->name, "%s", f->state_name[b.state]);
  return SEQGPU_OK;
}

/* The spectral radius of a layer's weight_hh. */
static seqgpu_status read_radius(const flow *f, const seqgpu_param_info *info, double *radius) {
  const size_t size = seqgpu_dtype_size(seqgpu_context_dtype(f->ctx)),
               count = (size_t)(info->rows * info->cols);
  double *wide = malloc(count * sizeof *wide);
  void *there = malloc(count * size);
  seqgpu_status status = wide && there ? SEQGPU_OK : cli_no_memory();
  if (status == SEQGPU_OK)
    status =
        seqgpu_copy_out(f->ctx, there, (const char *)f->params + (size_t)info->offset * size, count * size);
  for (size_t j = 0; wide && there && status == SEQGPU_OK && j < count; j++)
    wide[j] = size == sizeof(float) ? (double)((const float *)there)[j] : ((const double *)there)[j];
  if (status == SEQGPU_OK) status = seqgpu_spectral_radius(f->ctx, info->rows, wide, radius);
  free(wide);
  free(there);
  return status;
}

static seqgpu_status measure_radius(const flow *f, int64_t layer, double *radius) {
  char name[40];
  seqgpu_param_info info;
  *radius = (double)NAN;
  snprintf(name, sizeof name, "weight_hh_l%lld", (long long)layer);
  int i = 0;
  while (seqgpu_plan_param_get(f->ctx, f->plan, i, &info) == SEQGPU_OK && strcmp(info.name, name) != 0) i++;
  if (i == seqgpu_plan_param_count(f->plan) || info.rows != info.cols) return SEQGPU_OK;
  return read_radius(f, &info, radius);
}

static seqgpu_status measure(flow *f, const double *gradient, flow_look *look) {
  LIB_TRY(allocate(look));
  memcpy(look->gate, f->gate, (size_t)look->gates * sizeof *look->gate);
  for (int64_t t = 0; t < look->T; t++) look->step[t] = t + 1;
  for (int64_t i = 0; i < look->points; i++)
    look->point[i] = look->points > 1 ? 1 + i * (look->T - 2) / (look->points - 1) : 1;
  LIB_TRY(measure_gradients(f, gradient, look));
  for (int64_t l = 0; l < look->L; l++) {
    for (int k = 0; k < look->K; k++) LIB_TRY(measure_state(f, (flow_block){l, k}, look));
    if (look->K > 1) LIB_TRY(flow_path(f, l, look->layer[l].path_most, look->layer[l].path_least));
    LIB_TRY(measure_radius(f, l, &look->layer[l].radius));
  }
  return SEQGPU_OK;
}

seqgpu_status flow_look_at(flow *f, const char *name, const double *gradient, flow_look *out) {
  *out = (flow_look){.T = f->T, .L = f->L, .K = f->K, .H = f->H, .gates = f->gates};
  out->points = f->T - 1 < FLOW_POINTS ? f->T - 1 : FLOW_POINTS;
  snprintf(out->name, sizeof out->name, "%s", name);
  snprintf(out->cell, sizeof out->cell, "%s", seqgpu_plan_get_desc(f->plan).cell);
  const seqgpu_status status = measure(f, gradient, out);
  if (status != SEQGPU_OK) flow_look_free(out);
  return status;
}
