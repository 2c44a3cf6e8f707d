/* write.c - the application `write`: its row of the table, its files, its loss and its metric (write_model.h).
 *
 * What it learns from is made as it goes: lines of a text in fonts of pen strokes, each time in another hand
 * (host/data/pen_set.h).
 *
 * The metric is that of `draw`, nats a point.  Beside it stands how far the window is off: at each point, how
 * many letters lie between the one that the window weighs most and the one that the point is of; the mean of
 * all.
 */
#include "host/cli/tasks/write_model.h"
#include "host/cli/tasks/write_use.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/application_words.h"
#include "host/cli/json.h"
#include "host/data/grow.h"

#define FIELD(name) offsetof(write_options, name)

/* ---------------------------------------------------------------- data */

static int read_data(app *base) {
  write_app *a = (write_app *)base;
  if (write_makes(base)) return write_read_texts(a);
  return pen_data_read(base, &write_options_of(base)->lines, &a->data);
}

static int open_data(app *base) {
  write_app *a = (write_app *)base;
  CLI_TRY(pen_data_scales(base, &a->data));
  if (write_makes(base)) return pen_set_places(&a->data.val, a->data.alphabet);
  return pen_data_open(base, &a->data);
}

/* ---------------------------------------------------------------- the model */

static void describe_run(write_app *a) {
  app *base = &a->base;
  const int64_t updates = a->data.train.order.batches;
  base->plan = base->training ? a->plans.first : a->val_plans.first;
  base->validates = a->data.val.text.lines > 0;
  if (!base->training) return;
  base->order = &a->data.train.order;
  base->epoch_updates = updates;
  base->tokens = a->data.train.points / updates;
  base->random_blocks = write_random_blocks(a, a->data.train.longest);
  pen_data_about(&a->data, base->about, sizeof base->about);
}

/* Plans for the batches of a set. */
static seqgpu_status plan_set(const write_app *a, const pen_set *s, int training, write_plans *out) {
  const buckets *o = &s->order;
  return write_plan(a, s->longest, o->count < o->batch ? o->count : o->batch, training, out);
}

static int build(app *base) {
  write_app *a = (write_app *)base;
  const write_options *o = write_options_of(base);
  write_plans *first = base->training ? &a->plans : &a->val_plans;
  const pen_set *set = base->training ? &a->data.train : &a->data.val;
  const int makes = write_makes(base);
  const seqgpu_status planned =
      makes ? write_plan(a, 1, a->data.val.text.lines * a->biases * o->samples, 0, first)
            : plan_set(a, set, base->training, first);
  seqgpu_status status = planned;
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  CLI_TRY(write_check_memory(a, first, makes ? 1 : set->longest));
  if (base->training && a->data.val.text.lines > 0) status = plan_set(a, &a->data.val, 0, &a->val_plans);
  if (status == SEQGPU_OK) status = write_build_model(a, first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  describe_run(a);
  return CLI_OK;
}

/* ---------------------------------------------------------------- a batch */

/* Room for the windows of a batch; 0 when out of memory. */
static int make_room(write_app *a, int64_t points) {
  void *memory = a->window;
  if (!grow(&memory, &a->room_window, (size_t)points, sizeof(seqgpu_tensor *))) return 0;
  a->window = memory;
  return 1;
}

/* The loss of a batch on the tape, the sum over its points or their mean. */
static seqgpu_tensor *batch_loss(write_app *a, const write_plans *p, const pen_batch *b, int mean) {
  seqgpu_tape *t = a->base.tape;
  const int64_t T = b->ink.seq_len, B = b->ink.batch, shape[] = {T, B, STROKES_POINT};
  const seqgpu_writer_batch batch = {.batch = B,
                                     .points = T,
                                     .lengths = b->ink.lengths,
                                     .before = b->ink.before,
                                     .text_len = b->text_len,
                                     .text_lengths = b->text_lengths,
                                     .text = b->text};
  if (!make_room(a, T)) return NULL;
  seqgpu_tensor *y = seqgpu_writer_mixtures(a->model, t, p->first, p->further, &batch, NULL, a->window);
  return seqgpu_tape_mixture_density(t, y, seqgpu_tape_input(t, 3, shape, b->ink.x),
                                     seqgpu_tape_lengths(t, B, b->ink.lengths), mean, 1);
}

static seqgpu_tensor *loss(app *base, int64_t step) {
  write_app *a = (write_app *)base;
  const pen_hand hand = pen_data_hand(base, &write_options_of(base)->lines, step);
  pen_batch b;
  int64_t count;
  const int32_t *which = buckets_batch(&a->data.train.order, step, &count);
  return pen_set_batch(&a->data.train, which, count, &hand, &b) ? batch_loss(a, &a->plans, &b, 1) : NULL;
}

/* ---------------------------------------------------------------- the metric */

/* How far the window is off at step t of a batch. */
static seqgpu_status judge_step(write_app *a, const pen_batch *b, int64_t t) {
  const int64_t B = b->ink.batch, width = b->text_len + 1;
  LIB_TRY(app_read(seqgpu_tape_window_weights(a->base.tape, a->window[t]), &a->weight, &a->room_weight));
  for (int64_t i = 0; i < B; i++)
    if (t < b->ink.lengths[i])
      a->off += fabs((double)(write_heaviest(a->weight + i * width, b->text_lengths[i]) - b->at[t * B + i]));
  return SEQGPU_OK;
}

static seqgpu_status validate_batch(app *base, const int32_t *which, int64_t count) {
  write_app *a = (write_app *)base;
  const pen_hand hand = pen_data_hand(base, &write_options_of(base)->lines, PEN_SET_ALIKE);
  pen_batch b;
  double sum;
  if (!pen_set_batch(&a->data.val, which, count, &hand, &b)) return cli_no_memory();
  const seqgpu_tensor *of_batch = batch_loss(a, &a->val_plans, &b, 0);
  LIB_TRY(seqgpu_tape_status(base->tape));
  if (of_batch == NULL) return cli_no_memory();
  LIB_TRY(seqgpu_tensor_number(of_batch, &sum));
  for (int64_t t = 0; t < b.ink.seq_len; t++) LIB_TRY(judge_step(a, &b, t));
  a->loss_sum += sum;
  a->points += (double)b.ink.steps;
  return SEQGPU_OK;
}

static seqgpu_status validate(app *base, const volatile sig_atomic_t *stop, double *mean, double *metric) {
  write_app *a = (write_app *)base;
  a->loss_sum = a->points = a->off = 0;
  LIB_TRY(app_each_turn(base, &a->data.val.order, 0, stop, validate_batch));
  *mean = *metric = a->loss_sum / a->points;
  return SEQGPU_OK;
}

static void print(const app *base, int json) {
  const write_app *a = (const write_app *)base;
  if (!json) {
    printf("; %.0f points, the window %.3f letters off", a->points, a->off / a->points);
    return;
  }
  json_number(stdout, ", \"points\": ", 12, a->points);
  json_number(stdout, ", \"letters_off\": ", 6, a->off / a->points);
}

/* ---------------------------------------------------------------- the rest */

static int describe(const app *base, app_text texts[APP_TEXTS]) {
  return pen_data_describe(&((const write_app *)base)->data, texts);
}

static void close(app *base) {
  write_app *a = (write_app *)base;
  seqgpu_writer_destroy(a->model);
  write_destroy_plans(&a->plans);
  write_destroy_plans(&a->val_plans);
  pen_data_close(&a->data);
  free(a->window);
  free(a->weight);
}

static const arg_spec options[] = {
    ROW_GROUP("Data"),
    PEN_LINE_ROWS(FIELD(lines)),
    ROW_GROUP("Network"),
    ROW_INT("mixtures", ARG_KEEP_MODEL, FIELD(mixtures), 1, 100000, "M",
            "Gaussians that say where the next point is"),
    ROW_INT("gaussians", ARG_KEEP_MODEL, FIELD(gaussians), 1, 100000, "K", "those of the window"),
    ROW_INT("letter-size", ARG_KEEP_MODEL, FIELD(letter_size), 1, 100000, "C",
            "elements of a letter's vector"),
    ROW_END,
};

static const write_options start = {
    .base = {.model = APPLICATION_LAYERS(2e-3, 2, .hidden_size = 128, .batch = 16)},
    .lines = PEN_LINE_DEFAULTS,
    .mixtures = 10,
    .gaussians = 6,
    .letter_size = 32,
    .points = 2000,
    .samples = 1,
    .write_seed = 1,
    .bias = "1"};

static int run(int argc, char **argv) { return application_use(&application_write, argc, argv); }

const command_spec command_write = {"write", "write by pen with a model of train write", run};

const application application_write = {
    .name = "write",
    .about = "a text as pen strokes",
    .data = PEN_DATA_HELP,
    .network =
        "layers that each read the last point, the layer below and the letters that a window of Gaussians "
        "shows, which the first layer moves along the text, and a linear layer over all of them: a mixture "
        "of Gaussians for the next point, and how probable it is that the pen is lifted there",
    .metric = "nats_per_point",
    .dropout = "probability of dropping a value between the layers and before the output layer",
    .options = options,
    .use_options = write_use_specs,
    .use_about = "Writes texts with a model of seqgpu train write: each point is drawn from the\n"
                 "mixture that the model gives, and then read by it, until the text is over.\n"
                 "Prints drawings, as train draw reads them: of each text --samples for each\n"
                 "--bias.",
    .begin = "texts to write, a line each, also compressed by gzip; - = standard input",
    .start = &start,
    .options_size = sizeof start,
    .size = sizeof(write_app),
    .read = read_data,
    .open = open_data,
    .build = build,
    .loss = loss,
    .validate = validate,
    .print = print,
    .use = write_use,
    .describe = describe,
    .close = close,
};
