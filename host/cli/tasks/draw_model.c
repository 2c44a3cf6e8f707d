/* draw_model.c - plans and parameters of the application `draw` (draw_model.h). */
#include "host/cli/tasks/draw_model.h"
#include "host/cli/application_words.h"
#include "host/cli/network.h"

/* Each layer is a network of its own, since what it reads is more than the layer below. */
static model_config layer_config(const draw_app *a) {
  model_config c = a->base.options->model;
  c.rnn.num_layers = 1;
  return c;
}

static int64_t layers_of(const draw_app *a) { return a->base.options->model.rnn.num_layers; }

static int64_t width_of(const seqgpu_plan *p) { return seqgpu_plan_get_sizes(p).output_width; }

seqgpu_status draw_plan(const draw_app *a, int64_t points, int64_t drawings, int training, draw_plans *out) {
  const model_config c = layer_config(a);
  LIB_TRY(network_plan(a->base.ctx, &c, STROKES_POINT, points, drawings, training, &out->first));
  if (layers_of(a) == 1) return SEQGPU_OK;
  return network_plan(a->base.ctx, &c, STROKES_POINT + width_of(out->first), points, drawings, training,
                      &out->further);
}

void draw_destroy_plans(draw_plans *p) {
  seqgpu_plan_destroy(p->first);
  seqgpu_plan_destroy(p->further);
  *p = (draw_plans){NULL, NULL};
}

/* The largest layer stands for each of them. */
int draw_check_memory(const draw_app *a, const draw_plans *p) {
  const seqgpu_plan *largest = p->further ? p->further : p->first;
  const seqgpu_rnn_desc d = seqgpu_plan_get_desc(largest);
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(largest);
  const double N = (double)layers_of(a), Y = (double)sizes.output_width,
               outputs = 1 + 6 * (double)draw_options_of(&a->base)->mixtures,
               reserve = (double)sizes.reserve / sizeof(float) / (double)(d.seq_len * d.batch);
  const network_rest rest = {.params = outputs * (N * Y + 1) + (N - 1) * (double)sizes.param_elements,
                             .per_step =
                                 4 * STROKES_POINT + 2 * outputs + N * (N + 5) * Y + (N - 1) * reserve,
                             .averaged = learning_may_average(&a->base.options->model.learning)};
  return network_check_memory(a->base.ctx, largest, rest);
}

seqgpu_status draw_build_model(draw_app *a, const draw_plans *p) {
  const model_config c = layer_config(a);
  const seqgpu_drawer_desc desc = {
      .layers = layers_of(a), .mixtures = draw_options_of(&a->base)->mixtures, .dropout = c.rnn.dropout};
  LIB_TRY(app_create_params(&a->base));
  LIB_TRY(seqgpu_drawer_create(a->base.params, &desc, p->first, p->further, &a->model));
  for (int n = 0; n < (int)desc.layers; n++) {
    char name[ARGS_WORD];
    snprintf(name, sizeof name, "layer%d", n + 1);
    LIB_TRY(network_draw_params(&c, a->base.params, name, n ? p->further : p->first));
  }
  return SEQGPU_OK;
}

uint64_t draw_random_blocks(const draw_app *a) {
  const uint64_t others = (uint64_t)layers_of(a) - 1;
  return app_random_blocks(a->plans.first) + (others ? others * app_random_blocks(a->plans.further) : 0);
}
