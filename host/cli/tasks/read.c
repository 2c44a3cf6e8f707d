/* read.c - the application `read`: the text of pen strokes, of which nobody says where its letters are.
 *
 * Layers in both directions over the points, a linear layer, and connectionist temporal classification
 * (Graves, Fernandez, Gomez, Schmidhuber 2006): the model of `transcribe` (seqgpu/transcriber.h), which reads
 * the pen's moves. It learns from what `write` learns from (pen_data.h), and so judges what that has written.
 *
 * The metric is the label error rate: insertions, deletions and substitutions that make of what the model
 * reads what was written, divided by the letters that were.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/application_words.h"
#include "host/cli/json.h"
#include "host/cli/network.h"
#include "host/cli/tasks/pen_data.h"
#include "host/cli/tasks/pen_point.h"
#include "host/data/edit_distance.h"
#include "host/data/stroke_set.h"
#include "seqgpu/transcriber.h"

typedef struct read_options {
  app_options base;
  pen_line_options lines;
} read_options;

typedef struct read_app {
  app base;
  pen_data data;
  stroke_set drawn; /* of use */
  seqgpu_plan *plan, *val_plan;
  seqgpu_transcriber *model;
  seqgpu_tensor *logits; /* of the last batch, [T,B,letters+1] */
  float *answer;         /* the same on the host, with `room` elements */
  size_t room;
  int32_t *read, *wanted; /* labels of one line: what the model reads [longest], what was written */
  int64_t *row;           /* for edit_distance, to what was written */
  int32_t *label;         /* of use: what was read, of each drawing where its points begin */
  int64_t *count;         /* [drawings] so many labels */
  double loss_sum, loss_count, lines, wrong, labels, edits; /* of the last validation */
} read_app;

#define FIELD(name) offsetof(read_options, name)

static const pen_line_options *lines_of(const app *a) { return &((const read_options *)a->options)->lines; }
static int reads_drawings(const app *a) { return a->options->use && a->options->val_data.count == 0; }

/* ---------------------------------------------------------------- data */

static int read_data(app *base) {
  read_app *a = (read_app *)base;
  a->drawn.ink = (strokes)STROKES_NONE;
  if (!reads_drawings(base)) return pen_data_read(base, lines_of(base), &a->data);
  a->data.train.text = a->data.val.text = (pen_text)PEN_TEXT_NONE;
  return strokes_read(base->options->input, &a->drawn.ink);
}

static int64_t longest_of(const read_app *a) {
  return reads_drawings(&a->base) ? a->drawn.longest : a->data.val.longest;
}

static int open_data(app *base) {
  read_app *a = (read_app *)base;
  const model_config *c = &base->options->model;
  a->data.train.no_end = a->data.val.no_end = 1;
  CLI_TRY(pen_data_scales(base, &a->data));
  if (reads_drawings(base))
    CLI_TRY(stroke_set_open(&a->drawn, a->data.deviation, c->rnn.batch, c->seed));
  else
    CLI_TRY(pen_data_open(base, &a->data));
  const size_t letters = (size_t)a->data.val.longest_text + 1;
  a->read = malloc((size_t)(longest_of(a) + 1) * sizeof *a->read);
  a->wanted = malloc(letters * sizeof *a->wanted);
  a->row = malloc(letters * sizeof *a->row);
  return a->read && a->wanted && a->row ? CLI_OK : cli_error("out of memory");
}

/* ---------------------------------------------------------------- the model */

/* Letters, and none of them, which is class 0. */
static int64_t classes_of(const read_app *a) { return (int64_t)strlen(a->data.alphabet) + 1; }

static model_config network_of(const read_app *a) {
  model_config c = a->base.options->model;
  c.rnn.bidirectional = 1;
  return c;
}

/* A plan for the batches of an order, the longest of so many points. */
static seqgpu_status plan_order(const read_app *a, int64_t longest, const buckets *order, int training,
                                seqgpu_plan **out) {
  const model_config c = network_of(a);
  return app_plan(&a->base, &c, STROKES_POINT, longest, order, training, out);
}

static int check_memory(const read_app *a, const seqgpu_plan *plan) {
  const double K = (double)classes_of(a), Y = (double)seqgpu_plan_get_sizes(plan).output_width;
  const network_rest rest = {.params = K * (Y + 1),
                             .per_step = 4 * STROKES_POINT + 4 * Y + 6 * K,
                             .averaged = learning_may_average(&a->base.options->model.learning)};
  return network_check_memory(a->base.ctx, plan, rest);
}

static seqgpu_status build_model(read_app *a, const seqgpu_plan *plan) {
  const model_config c = network_of(a);
  const seqgpu_transcriber_desc desc = {
      .features = STROKES_POINT, .classes = classes_of(a), .dropout = c.rnn.dropout};
  LIB_TRY(app_create_params(&a->base));
  LIB_TRY(seqgpu_transcriber_create(a->base.params, &desc, plan, &a->model));
  return network_draw_params(&c, a->base.params, "rnn", plan);
}

static void describe_run(read_app *a) {
  app *base = &a->base;
  base->plan = base->training ? a->plan : a->val_plan;
  base->validates = a->data.val.text.lines > 0;
  if (!base->training) return;
  base->order = &a->data.train.order;
  base->epoch_updates = a->data.train.order.batches;
  base->tokens = a->data.train.points / base->epoch_updates;
  base->random_blocks = app_random_blocks(a->plan);
  pen_data_about(&a->data, base->about, sizeof base->about);
}

static int build(app *base) {
  read_app *a = (read_app *)base;
  const pen_set *train = &a->data.train, *val = &a->data.val;
  seqgpu_plan **first = base->training ? &a->plan : &a->val_plan;
  seqgpu_status status = reads_drawings(base) ? plan_order(a, a->drawn.longest, &a->drawn.order, 0, first)
                         : base->training     ? plan_order(a, train->longest, &train->order, 1, first)
                                              : plan_order(a, val->longest, &val->order, 0, first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  CLI_TRY(check_memory(a, *first));
  if (base->training && val->text.lines > 0)
    status = plan_order(a, val->longest, &val->order, 0, &a->val_plan);
  if (status == SEQGPU_OK) status = build_model(a, *first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  describe_run(a);
  return CLI_OK;
}

/* ---------------------------------------------------------------- a batch */

static seqgpu_status forward(read_app *a, const seqgpu_plan *plan, const step_batch *b) {
  a->logits = seqgpu_transcriber_logits(a->model, a->base.tape, plan, b->seq_len, b->batch, b->lengths, b->x);
  return seqgpu_tape_status(a->base.tape);
}

/* The loss of a batch on the tape, the sum over its lines or their mean; labels are places in the alphabet
 * and 1. */
static seqgpu_tensor *batch_loss(read_app *a, const seqgpu_plan *plan, const pen_batch *b, int mean) {
  seqgpu_tape *t = a->base.tape;
  const int64_t B = b->ink.batch, count = b->text_len * B, shape[] = {b->text_len, B};
  if (forward(a, plan, &b->ink) != SEQGPU_OK) return NULL;
  int32_t *label = malloc((size_t)count * sizeof *label);
  if (label == NULL) return NULL;
  for (int64_t i = 0; i < count; i++) label[i] = b->text[i] + 1;
  seqgpu_tensor *labels = seqgpu_tape_ids(t, 2, shape, label);
  free(label);
  return seqgpu_tape_ctc(t, a->logits, seqgpu_tape_lengths(t, B, b->ink.lengths), labels,
                         seqgpu_tape_lengths(t, B, b->text_lengths), 0, mean, 1);
}

static seqgpu_tensor *loss(app *base, int64_t step) {
  read_app *a = (read_app *)base;
  const pen_hand hand = pen_data_hand(base, lines_of(base), step);
  pen_batch b;
  int64_t count;
  const int32_t *which = buckets_batch(&a->data.train.order, step, &count);
  return pen_set_batch(&a->data.train, which, count, &hand, &b) ? batch_loss(a, a->plan, &b, 1) : NULL;
}

/* What the model reads in line i of a batch whose logits are on the host: *count labels, room for its length. */
static seqgpu_status read_labels(const read_app *a, const step_batch *b, int64_t i, int32_t *label,
                                 int64_t *count) {
  const int64_t K = classes_of(a);
  return seqgpu_ctc_best_path(a->base.ctx, a->answer + i * K, b->lengths[i], b->batch * K, K, 0, label,
                              count);
}

/* ---------------------------------------------------------------- the metric */

static seqgpu_status judge(read_app *a, const pen_batch *b) {
  const int64_t B = b->ink.batch;
  for (int64_t i = 0; i < B; i++) {
    int64_t read;
    LIB_TRY(read_labels(a, &b->ink, i, a->read, &read));
    for (int64_t u = 0; u < b->text_lengths[i]; u++) a->wanted[u] = b->text[u * B + i] + 1;
    const int64_t edits = edit_distance(a->read, read, a->wanted, b->text_lengths[i], a->row);
    a->lines++;
    a->wrong += edits > 0;
    a->labels += (double)b->text_lengths[i];
    a->edits += (double)edits;
  }
  return SEQGPU_OK;
}

static seqgpu_status validate_batch(app *base, const int32_t *which, int64_t count) {
  read_app *a = (read_app *)base;
  const pen_hand hand = pen_data_hand(base, lines_of(base), PEN_SET_ALIKE);
  pen_batch b;
  double sum, counted;
  if (!pen_set_batch(&a->data.val, which, count, &hand, &b)) return cli_no_memory();
  seqgpu_tensor *of_batch = batch_loss(a, a->val_plan, &b, 0);
  const seqgpu_tensor *possible = seqgpu_tape_loss_count(base->tape, of_batch);
  LIB_TRY(seqgpu_tape_status(base->tape));
  if (possible == NULL) return cli_no_memory();
  LIB_TRY(seqgpu_tensor_number(of_batch, &sum));
  LIB_TRY(seqgpu_tensor_number(possible, &counted));
  LIB_TRY(app_read(a->logits, &a->answer, &a->room));
  a->loss_sum += sum;
  a->loss_count += counted;
  return judge(a, &b);
}

static seqgpu_status validate(app *base, const volatile sig_atomic_t *stop, double *mean, double *metric) {
  read_app *a = (read_app *)base;
  a->loss_sum = a->loss_count = a->lines = a->wrong = a->labels = a->edits = 0;
  LIB_TRY(app_each_turn(base, &a->data.val.order, 0, stop, validate_batch));
  *mean = a->loss_sum / a->loss_count;
  *metric = a->edits / a->labels;
  return SEQGPU_OK;
}

static void print(const app *base, int json) {
  const read_app *a = (const read_app *)base;
  if (!json) {
    printf("; %.0f lines, %.2f %% of them wrong; %.0f letters", a->lines, 100 * a->wrong / a->lines,
           a->labels);
    return;
  }
  json_number(stdout, ", \"lines\": ", 12, a->lines);
  json_number(stdout, ", \"lines_wrong\": ", 6, a->wrong / a->lines);
  json_number(stdout, ", \"letters\": ", 12, a->labels);
}

/* ---------------------------------------------------------------- the command */

static seqgpu_status read_some(app *base, const int32_t *which, int64_t count) {
  read_app *a = (read_app *)base;
  step_batch b;
  if (!stroke_set_batch(&a->drawn, which, count, &b)) return cli_no_memory();
  LIB_TRY(forward(a, a->val_plan, &b));
  LIB_TRY(app_read(a->logits, &a->answer, &a->room));
  for (int64_t i = 0; i < count; i++)
    LIB_TRY(read_labels(a, &b, i, a->label + a->drawn.ink.start[which[i]], &a->count[which[i]]));
  return SEQGPU_OK;
}

static int print_line(const read_app *a, const int32_t *label, int64_t count) {
  char *text = malloc((size_t)count + 1);
  if (text == NULL) return cli_error("out of memory");
  for (int64_t i = 0; i < count; i++) text[i] = a->data.alphabet[label[i] - 1];
  if (a->base.options->run.common.json) {
    printf("{\"text\": ");
    json_string(stdout, text, (size_t)count);
    printf("}\n");
  } else {
    printf("%.*s\n", (int)count, text);
  }
  free(text);
  return CLI_OK;
}

static int use(app *base) {
  read_app *a = (read_app *)base;
  const strokes *ink = &a->drawn.ink;
  a->label = malloc((size_t)ink->points * sizeof *a->label);
  a->count = calloc((size_t)ink->drawings, sizeof *a->count);
  if (a->label == NULL || a->count == NULL) return cli_error("out of memory");
  if (app_each_turn(base, &a->drawn.order, 0, NULL, read_some) != SEQGPU_OK)
    return cli_library_error(base->ctx);
  for (int64_t i = 0; i < ink->drawings; i++) CLI_TRY(print_line(a, a->label + ink->start[i], a->count[i]));
  return CLI_OK;
}

/* ---------------------------------------------------------------- the rest */

static int describe(const app *base, app_text texts[APP_TEXTS]) {
  return pen_data_describe(&((const read_app *)base)->data, texts);
}

static void close(app *base) {
  read_app *a = (read_app *)base;
  seqgpu_transcriber_destroy(a->model);
  seqgpu_plan_destroy(a->plan);
  seqgpu_plan_destroy(a->val_plan);
  pen_data_close(&a->data);
  stroke_set_close(&a->drawn);
  free(a->answer);
  free(a->read);
  free(a->wanted);
  free(a->row);
  free(a->label);
  free(a->count);
}

static const arg_spec options[] = {ROW_GROUP("Data"), PEN_LINE_ROWS(FIELD(lines)), ROW_END};

static const read_options start = {.base = {.model = APPLICATION_MODEL(3e-3, .hidden_size = 64, .batch = 16)},
                                   .lines = PEN_LINE_DEFAULTS};

static int run(int argc, char **argv) { return application_use(&application_read, argc, argv); }

const command_spec command_read = {"read", "read pen strokes with a model of train read", run};

const application application_read = {
    .name = "read",
    .about = "the text of pen strokes",
    .data = PEN_DATA_HELP,
    .network =
        "layers over the pen's moves, in both directions, and a linear layer: letters, or none, a point "
        "(CTC)",
    .metric = "label_error_rate",
    .dropout = "probability of dropping a value between the layers and before the output layer",
    .options = options,
    .use_about = "Reads drawings, as seqgpu write prints them, with a model of seqgpu train\n"
                 "read: a line of text each.",
    .start = &start,
    .options_size = sizeof start,
    .size = sizeof(read_app),
    .read = read_data,
    .open = open_data,
    .build = build,
    .loss = loss,
    .validate = validate,
    .print = print,
    .use = use,
    .describe = describe,
    .close = close,
};
