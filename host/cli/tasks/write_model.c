/* write_model.c - plans and parameters of the application `write` (write_model.h). */
#include <math.h>
#include <string.h>

#include "host/cli/application_words.h"
#include "host/cli/network.h"
#include "host/cli/tasks/write_model.h"

/* Each layer is a network of its own, since what it reads is more than the layer below. */
static model_config layer_config(const write_app *a) {
  model_config c = a->base.options->model;
  c.rnn.num_layers = 1;
  return c;
}

static int64_t layers_of(const write_app *a) { return a->base.options->model.rnn.num_layers; }

static int64_t width_of(const seqgpu_plan *p) { return seqgpu_plan_get_sizes(p).output_width; }

seqgpu_status write_plan(const write_app *a, int64_t points, int64_t drawings, int training,
                         write_plans *out) {
  const model_config c = layer_config(a);
  const int64_t read = STROKES_POINT + write_options_of(&a->base)->letter_size;
  LIB_TRY(network_plan(a->base.ctx, &c, read, 1, drawings, training, &out->first));
  if (layers_of(a) == 1) return SEQGPU_OK;
  return network_plan(a->base.ctx, &c, width_of(out->first) + read, points, drawings, training,
                      &out->further);
}

void write_destroy_plans(write_plans *p) {
  seqgpu_plan_destroy(p->first);
  seqgpu_plan_destroy(p->further);
  *p = (write_plans){NULL, NULL};
}

/* Elements of what a step of a sequence keeps in a run of a plan. */
static double reserve_of(const seqgpu_plan *p) {
  const seqgpu_rnn_desc d = seqgpu_plan_get_desc(p);
  return (double)seqgpu_plan_get_sizes(p).reserve / sizeof(float) / (double)(d.seq_len * d.batch);
}

/* What is joined of the first layer's steps is copied again with each doubling. */
int write_check_memory(const write_app *a, const write_plans *p, int64_t points) {
  const write_options *o = write_options_of(&a->base);
  const double N = (double)layers_of(a), Y = (double)width_of(p->first), C = (double)o->letter_size,
               K = (double)o->gaussians, outputs = 1 + 6 * (double)o->mixtures,
               joins = log2((double)points) + 1,
               above = p->further ? (N - 1) * (double)seqgpu_plan_get_sizes(p->further).param_elements : 0;
  double per_step = 4 * STROKES_POINT + 2 * outputs + N * (N + 5) * Y + 2 * joins * (Y + C) +
                    2 * (STROKES_POINT + C + 4 * K) + (double)o->lines.longest + reserve_of(p->first);
  if (p->further) per_step += (N - 2) * reserve_of(p->further);
  const network_rest rest = {.params = above + (outputs + 3 * K) * (N * Y + 1) + HERSHEY_LETTERS * C,
                             .per_step = p->further ? per_step : per_step * (double)points,
                             .averaged = learning_may_average(&a->base.options->model.learning)};
  return network_check_memory(a->base.ctx, p->further ? p->further : p->first, rest);
}

seqgpu_status write_build_model(write_app *a, const write_plans *p) {
  const model_config c = layer_config(a);
  const write_options *o = write_options_of(&a->base);
  const seqgpu_writer_desc desc = {.layers = layers_of(a),
                                   .mixtures = o->mixtures,
                                   .gaussians = o->gaussians,
                                   .letters = (int64_t)strlen(a->data.alphabet),
                                   .letter_size = o->letter_size,
                                   .dropout = c.rnn.dropout};
  LIB_TRY(app_create_params(&a->base));
  LIB_TRY(seqgpu_writer_create(a->base.params, &desc, p->first, p->further, &a->model));
  for (int n = 0; n < (int)desc.layers; n++) {
    char name[ARGS_WORD];
    snprintf(name, sizeof name, "layer%d", n + 1);
    LIB_TRY(network_draw_params(&c, a->base.params, name, n ? p->further : p->first));
  }
  return SEQGPU_OK;
}

uint64_t write_random_blocks(const write_app *a, int64_t points) {
  const uint64_t others = (uint64_t)layers_of(a) - 1;
  return (uint64_t)points * app_random_blocks(a->plans.first) +
         (others ? others * app_random_blocks(a->plans.further) : 0);
}
