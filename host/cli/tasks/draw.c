/* draw.c - the application `draw`: its row of the table, its files, its loss and its metric (draw_model.h).
 *
 * The metric is that of Graves (2013): the negative logarithm of the density of each next point, whose
 * offsets are divided by the deviation of the training set's, plus that of lifting the pen there or not; mean
 * over all points of all drawings, in nats.  A density has no upper bound, so it may be negative.
 */
#include "host/cli/tasks/draw_model.h"
#include "host/cli/tasks/draw_use.h"

#include <stdlib.h>

#include "host/cli/application_words.h"
#include "host/cli/json.h"

#define FIELD(name) offsetof(draw_options, name)

/* ---------------------------------------------------------------- data */

static int read_files(const arg_list *files, strokes *out) {
  *out = (strokes)STROKES_NONE;
  for (int i = 0; i < files->count; i++) CLI_TRY(strokes_read(files->item[i], out));
  return CLI_OK;
}

/* `seqgpu draw` reads what its drawings begin with, if anything. */
static int read_data(app *base) {
  draw_app *a = (draw_app *)base;
  const app_options *o = base->options;
  const arg_list first = {.item = {o->input}, .count = o->input != NULL};
  CLI_TRY(read_files(&o->data, &a->train.ink));
  CLI_TRY(read_files(draw_makes(base) ? &first : &o->val_data, &a->val.ink));
  base->data_hash = a->train.ink.hash;
  base->data_size = a->train.ink.bytes;
  base->train_size = a->train.ink.points;
  base->val_hash = a->val.ink.drawings > 0 ? a->val.ink.hash : 0;
  return CLI_OK;
}

/* Of the model, or of the data that it will learn from. */
static int find_deviation(draw_app *a) {
  const app *base = &a->base;
  if (base->file) return pen_stored_deviation(base, &a->deviation);
  a->deviation = strokes_deviation(&a->train.ink);
  return a->deviation > 0 ? CLI_OK : cli_error("%s: nothing moves in it", base->options->data.item[0]);
}

static int open_data(app *base) {
  draw_app *a = (draw_app *)base;
  const model_config *c = &base->options->model;
  CLI_TRY(find_deviation(a));
  if (draw_makes(base)) CLI_TRY(draw_read_biases(a));
  CLI_TRY(stroke_set_open(&a->train, a->deviation, c->rnn.batch, c->seed));
  return stroke_set_open(&a->val, a->deviation, c->rnn.batch, c->seed);
}

/* ---------------------------------------------------------------- the model */

static void describe_run(draw_app *a) {
  app *base = &a->base;
  const int64_t updates = a->train.order.batches;
  base->plan = base->training ? a->plans.first : a->val_plans.first;
  base->validates = a->val.ink.drawings > 0;
  if (!base->training) return;
  base->baseline = stroke_set_entropy(&a->train);
  base->order = &a->train.order;
  base->epoch_updates = updates;
  base->tokens = a->train.ink.points / updates;
  base->random_blocks = draw_random_blocks(a);
  snprintf(base->about, sizeof base->about, "%lld drawings, %lld points, %lld updates per epoch",
           (long long)a->train.ink.drawings, (long long)a->train.ink.points, (long long)updates);
}

/* Plans for the batches of a set. */
static seqgpu_status plan_set(const draw_app *a, const stroke_set *s, int training, draw_plans *out) {
  const buckets *o = &s->order;
  return draw_plan(a, s->longest, o->count < o->batch ? o->count : o->batch, training, out);
}

static int build(app *base) {
  draw_app *a = (draw_app *)base;
  draw_plans *first = base->training ? &a->plans : &a->val_plans;
  seqgpu_status status = SEQGPU_OK;
  if (draw_makes(base))
    status = draw_plan(a, 1, a->biases * draw_options_of(base)->samples, 0, first);
  else
    status = plan_set(a, base->training ? &a->train : &a->val, base->training, first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  CLI_TRY(draw_check_memory(a, first));
  if (base->training && a->val.ink.drawings > 0) status = plan_set(a, &a->val, 0, &a->val_plans);
  if (status == SEQGPU_OK) status = draw_build_model(a, first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  describe_run(a);
  return CLI_OK;
}

/* ---------------------------------------------------------------- a batch */

/* The loss of a batch on the tape, the sum over its points or their mean. */
static seqgpu_tensor *batch_loss(draw_app *a, const draw_plans *p, const step_batch *b, int mean) {
  seqgpu_tape *t = a->base.tape;
  const int64_t shape[] = {b->seq_len, b->batch, STROKES_POINT};
  seqgpu_tensor *y = seqgpu_drawer_mixtures(a->model, t, p->first, p->further, b->seq_len, b->batch,
                                            b->lengths, b->before, NULL, NULL);
  return seqgpu_tape_mixture_density(t, y, seqgpu_tape_input(t, 3, shape, b->x),
                                     seqgpu_tape_lengths(t, b->batch, b->lengths), mean, 1);
}

static seqgpu_tensor *loss(app *base, int64_t step) {
  draw_app *a = (draw_app *)base;
  step_batch b;
  int64_t count;
  const int32_t *which = buckets_batch(&a->train.order, step, &count);
  return stroke_set_batch(&a->train, which, count, &b) ? batch_loss(a, &a->plans, &b, 1) : NULL;
}

/* ---------------------------------------------------------------- the metric */

static seqgpu_status validate_batch(app *base, const int32_t *which, int64_t count) {
  draw_app *a = (draw_app *)base;
  step_batch b;
  double sum;
  if (!stroke_set_batch(&a->val, which, count, &b)) return cli_no_memory();
  const seqgpu_tensor *of_batch = batch_loss(a, &a->val_plans, &b, 0);
  LIB_TRY(seqgpu_tape_status(base->tape));
  LIB_TRY(seqgpu_tensor_number(of_batch, &sum));
  a->loss_sum += sum;
  a->points += (double)b.steps;
  return SEQGPU_OK;
}

static seqgpu_status validate(app *base, const volatile sig_atomic_t *stop, double *mean, double *metric) {
  draw_app *a = (draw_app *)base;
  a->loss_sum = a->points = 0;
  LIB_TRY(app_each_turn(base, &a->val.order, 0, stop, validate_batch));
  *mean = *metric = a->loss_sum / a->points;
  return SEQGPU_OK;
}

static void print(const app *base, int json) {
  const draw_app *a = (const draw_app *)base;
  if (json)
    json_number(stdout, ", \"points\": ", 12, a->points);
  else
    printf("; %.0f points", a->points);
}

/* ---------------------------------------------------------------- the rest */

static int describe(const app *base, app_text texts[APP_TEXTS]) {
  texts[0] = pen_deviation_text(((const draw_app *)base)->deviation);
  return texts[0].text != NULL;
}

static void close(app *base) {
  draw_app *a = (draw_app *)base;
  seqgpu_drawer_destroy(a->model);
  draw_destroy_plans(&a->plans);
  draw_destroy_plans(&a->val_plans);
  stroke_set_close(&a->train);
  stroke_set_close(&a->val);
}

static const arg_spec options[] = {
    ROW_GROUP("Network"),
    ROW_INT("mixtures", ARG_KEEP_MODEL, FIELD(mixtures), 1, 100000, "M",
            "Gaussians that say where the next point is"),
    ROW_END,
};

static const draw_options start = {
    .base = {.model = APPLICATION_MODEL(2e-3, .hidden_size = 256, .batch = 32)},
    .mixtures = 20,
    .points = 50,
    .samples = 8,
    .draw_seed = 1,
    .bias = "0,0.1,0.5,2,5,10"};

static int run(int argc, char **argv) { return application_use(&application_draw, argc, argv); }

const command_spec command_draw = {"draw", "draw with a model of train draw", run};

const application application_draw = {
    .name = "draw",
    .about = "the next point of pen strokes",
    .data = "the file, also compressed by gzip: a drawing a line, its points x,y,lifted; several are read as "
            "one",
    .network = "layers that each read the last point and the layer below, and a linear layer over all of "
               "them: a mixture of Gaussians for the next point, and how probable it is that the pen is "
               "lifted there",
    .metric = "nats_per_point",
    .dropout = "probability of dropping a value between the layers and before the output layer",
    .options = options,
    .use_options = draw_use_specs,
    .use_about =
        "Draws with a model of seqgpu train draw: each point is drawn from the mixture that the model\n"
        "gives, and then read by it. Prints drawings, of the form that it was trained on: --samples of\n"
        "them for each --bias.",
    .begin = "drawings, also compressed by gzip, of which the first is gone on with",
    .start = &start,
    .options_size = sizeof start,
    .size = sizeof(draw_app),
    .read = read_data,
    .open = open_data,
    .build = build,
    .loss = loss,
    .validate = validate,
    .print = print,
    .use = draw_use,
    .describe = describe,
    .close = close,
};
