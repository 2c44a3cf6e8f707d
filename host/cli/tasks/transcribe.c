/* transcribe.c - the application `transcribe`: its row of the table, its files, its loss and its metric
 * (transcribe_model.h).
 *
 * Labels are the letters of the text, and those of folders digits.  A model that begins with strings of
 * digits answers blank for long; so the first epochs have single recordings, and later ones strings of one
 * to --join.
 *
 * The metric is the label error rate: insertions, deletions and substitutions that make of what the model
 * reads what was said, divided by the labels that were said, over all recordings and strings together.
 */
#include "host/cli/tasks/transcribe_model.h"
#include "host/cli/tasks/transcribe_use.h"

#include <math.h>
#include <stdlib.h>

#include "host/cli/application_speech.h"
#include "host/cli/application_words.h"
#include "host/cli/json.h"
#include "host/data/edit_distance.h"

#define FIELD(name) offsetof(transcribe_options, name)

/* ---------------------------------------------------------------- data */

static int read_data(app *base) {
  transcribe_app *a = (transcribe_app *)base;
  const app_options *o = base->options;
  const transcribe_options *own = transcribe_options_of(base);
  recordings *learnt = &a->train.said, *held_out = &a->val.said;
  *learnt = *held_out = (recordings)RECORDINGS_NONE;
  if (o->use && o->val_data.count == 0 && o->files.count == 0)
    return cli_usage("no recording is named; seqgpu transcribe --help says how");
  for (int i = 0; i < o->files.count; i++) CLI_TRY(recordings_read_file(o->files.item[i], held_out));
  CLI_TRY(app_read_speech(base, (recordings_choice){.speaker = own->speaker, .below = own->hold_out}, learnt,
                          held_out));
  if (base->training && own->speaker[0] && held_out->count == 0)
    return cli_error("%s: has nothing of %s, who is to be held out", o->data.item[0], own->speaker);
  return CLI_OK;
}

static speech_draw draw_of(const app *base, int64_t step, int64_t join) {
  const transcribe_options *o = transcribe_options_of(base);
  return (speech_draw){o->base.model.seed, step, join, o->speed, o->pitch, o->level};
}

static int open_data(app *base) {
  transcribe_app *a = (transcribe_app *)base;
  const transcribe_options *o = transcribe_options_of(base);
  const model_config *c = &o->base.model;
  const speech_draw most = draw_of(base, 0, o->join);
  a->form = (speech_form){.bands = o->mels, .stack = o->stack, .range = o->range, .centred = o->centre};
  CLI_TRY(app_open_letters(base, &a->train.said, &a->letters));
  CLI_TRY(app_open_form(base, &a->train.said, &a->val.said, &a->form));
  CLI_TRY(speech_set_open(&a->train, &a->form, &a->letters, &most, c->rnn.batch, c->seed));
  CLI_TRY(speech_set_open(&a->val, &a->form, &a->letters, NULL, c->rnn.batch, c->seed));
  a->read = malloc((size_t)(a->val.longest + 1) * sizeof *a->read);
  const size_t most_labels = (size_t)speech_set_most_labels(&a->val) + 1;
  a->wanted = malloc(most_labels * sizeof *a->wanted);
  a->row = malloc(most_labels * sizeof *a->row);
  return a->read && a->wanted && a->row ? CLI_OK : cli_error("out of memory");
}

/* ---------------------------------------------------------------- the model */

static int64_t frames_of(const speech_set *s) {
  int64_t sum = 0;
  for (int64_t i = 0; i < s->singles; i++) sum += s->length[i];
  return sum;
}

static void describe_run(transcribe_app *a) {
  app *base = &a->base;
  const int64_t updates = a->train.order.batches;
  base->plan = base->training ? a->plan : a->val_plan;
  base->validates = a->val.items > 0;
  if (!base->training) return;
  base->order = &a->train.order;
  base->epoch_updates = updates;
  base->tokens = frames_of(&a->train) / updates;
  base->random_blocks = app_random_blocks(a->plan);
  snprintf(
      base->about, sizeof base->about, "%lld recordings, %lld held out, %d letters, %lld updates per epoch",
      (long long)a->train.said.count, (long long)a->val.said.count, (int)a->letters.size, (long long)updates);
}

static int build(app *base) {
  transcribe_app *a = (transcribe_app *)base;
  seqgpu_plan **first = base->training ? &a->plan : &a->val_plan;
  seqgpu_status status = transcribe_plan(a, base->training ? &a->train : &a->val, base->training, first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  CLI_TRY(transcribe_check_memory(a, *first));
  if (base->training && a->val.items > 0) status = transcribe_plan(a, &a->val, 0, &a->val_plan);
  if (status == SEQGPU_OK) status = transcribe_build_model(a, *first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  describe_run(a);
  return CLI_OK;
}

/* ---------------------------------------------------------------- a batch */

/* The loss of a batch on the tape, the sum over its sequences or their mean. */
static seqgpu_tensor *batch_loss(transcribe_app *a, const seqgpu_plan *plan, const speech_batch *b,
                                 int mean) {
  seqgpu_tape *t = a->base.tape;
  const int64_t shape[] = {b->label_len, b->batch};
  if (transcribe_forward(a, plan, b) != SEQGPU_OK) return NULL;
  return seqgpu_tape_ctc(t, a->logits, seqgpu_tape_lengths(t, b->batch, b->lengths),
                         seqgpu_tape_ids(t, 2, shape, b->label),
                         seqgpu_tape_lengths(t, b->batch, b->label_lengths), 0, mean, 1);
}

static seqgpu_tensor *loss(app *base, int64_t step) {
  transcribe_app *a = (transcribe_app *)base;
  const transcribe_options *o = transcribe_options_of(base);
  const int strings = step / a->train.order.batches >= o->single_epochs;
  const speech_draw draw = draw_of(base, step, strings ? o->join : 1);
  speech_batch b;
  int64_t count;
  const int32_t *which = buckets_batch(&a->train.order, step, &count);
  return speech_set_batch(&a->train, which, count, &draw, &b) ? batch_loss(a, a->plan, &b, 1) : NULL;
}

/* ---------------------------------------------------------------- the metric */

static seqgpu_status judge(transcribe_app *a, const speech_batch *b, const int32_t *which) {
  for (int64_t i = 0; i < b->batch; i++) {
    transcribe_score *score = which[i] < a->val.singles ? &a->singles : &a->strings;
    double ignored;
    int64_t read;
    const int64_t wanted = speech_set_labels(&a->val, &a->val.item[which[i]], a->wanted);
    LIB_TRY(transcribe_read_labels(a, b, i, &read, &ignored));
    const int64_t edits = edit_distance(a->read, read, a->wanted, wanted, a->row);
    score->count++;
    score->wrong += edits > 0;
    score->labels += (double)wanted;
    score->edits += (double)edits;
  }
  return SEQGPU_OK;
}

static seqgpu_status validate_batch(app *base, const int32_t *which, int64_t count) {
  transcribe_app *a = (transcribe_app *)base;
  speech_batch b;
  double sum, counted = 0;
  if (!speech_set_batch(&a->val, which, count, NULL, &b)) return cli_no_memory();
  seqgpu_tensor *of_batch = batch_loss(a, a->val_plan, &b, 0);
  const seqgpu_tensor *possible = seqgpu_tape_loss_count(base->tape, of_batch);
  LIB_TRY(seqgpu_tape_status(base->tape));
  LIB_TRY(seqgpu_tensor_number(of_batch, &sum));
  LIB_TRY(seqgpu_tensor_number(possible, &counted));
  LIB_TRY(transcribe_read_answer(a));
  a->loss_sum += sum;
  a->loss_count += counted;
  return judge(a, &b, which);
}

static seqgpu_status validate(app *base, const volatile sig_atomic_t *stop, double *mean, double *metric) {
  transcribe_app *a = (transcribe_app *)base;
  a->loss_sum = a->loss_count = 0;
  a->singles = a->strings = (transcribe_score){0};
  LIB_TRY(app_each_turn(base, &a->val.order, 0, stop, validate_batch));
  *mean = a->loss_sum / a->loss_count;
  *metric = (a->singles.edits + a->strings.edits) / (a->singles.labels + a->strings.labels);
  return SEQGPU_OK;
}

static void print(const app *base, int json) {
  const transcribe_app *a = (const transcribe_app *)base;
  const double wrong = a->singles.wrong / a->singles.count, edits = a->strings.edits / a->strings.labels;
  if (!json) {
    printf("; %.0f recordings, %.2f %% of them wrong", a->singles.count, 100 * wrong);
    if (a->strings.count > 0) printf("; %.0f strings, label errors %.2f %%", a->strings.count, 100 * edits);
    return;
  }
  json_number(stdout, ", \"recordings\": ", 9, a->singles.count);
  json_number(stdout, ", \"recordings_wrong\": ", 6, wrong);
  json_number(stdout, ", \"recordings_label_error_rate\": ", 6, a->singles.edits / a->singles.labels);
  json_number(stdout, ", \"strings\": ", 9, a->strings.count);
  if (a->strings.count > 0) json_number(stdout, ", \"strings_label_error_rate\": ", 6, edits);
}

/* ---------------------------------------------------------------- the rest */

static int describe(const app *base, app_text texts[APP_TEXTS]) {
  const transcribe_app *a = (const transcribe_app *)base;
  texts[0] = (app_text){"letters", vocab_write(&a->letters)};
  return app_describe_form(&a->form, texts + 1) && texts[0].text;
}

static void close(app *base) {
  transcribe_app *a = (transcribe_app *)base;
  for (int64_t i = 0; a->line && i < a->val.items; i++) free(a->line[i].label);
  free(a->line);
  seqgpu_transcriber_destroy(a->model);
  seqgpu_plan_destroy(a->plan);
  seqgpu_plan_destroy(a->val_plan);
  speech_set_close(&a->train);
  speech_set_close(&a->val);
  vocab_free(&a->letters);
  free(a->answer);
  free(a->read);
  free(a->wanted);
  free(a->row);
}

static const arg_spec options[] = {
    ROW_GROUP("Data"),
    SPEECH_HOLD_OUT,
    ROW_WORD("hold-out-speaker", ARG_KEEP_MODEL, FIELD(speaker), "NAME",
             "those of this speaker are, instead"),
    ROW_INT("join", ARG_KEEP_RUN, FIELD(join), 1, SPEECH_PARTS, "N",
            "recordings of a speaker that are joined to a string, at most, 1 = none are"),
    SPEECH_SINGLE_EPOCHS,
    ROW_REAL("speed", ARG_KEEP_RUN, FIELD(speed), 0, 0.5, "P",
             "each is heard up to such a part slower or faster in training"),
    ROW_REAL("pitch", ARG_KEEP_RUN, FIELD(pitch), 0, 0.5, "P",
             "and its frequencies up to such a part lower or higher"),
    ROW_REAL("level", ARG_KEEP_RUN, FIELD(level), 0, 60, "DB",
             "and each of a string up to so many decibels softer or louder"),
    ROW_GROUP("Network"),
    SPEECH_MELS,
    ROW_INT("stack", ARG_KEEP_MODEL, FIELD(stack), 1, 64, "N", "frames that a step reads"),
    SPEECH_RANGE,
    ROW_FLAG("centre", ARG_KEEP_MODEL, FIELD(centre), "take from each band its mean over the recording"),
    TRANSCRIBE_BEAM(ARG_KEEP_FREE),
    ROW_END,
};

static const transcribe_options start = {
    .base = {.model = APPLICATION_MODEL(3e-3, .hidden_size = 128, .batch = 16, .dropout = 0.2)},
    .hold_out = 5,
    .join = 7,
    .single_epochs = 3,
    .mels = 40,
    .stack = 2,
    .range = 50};

static int run(int argc, char **argv) { return application_use(&application_transcribe, argc, argv); }

const command_spec command_transcribe = {"transcribe",
                                         "write down recordings with a model of train transcribe", run};

const application application_transcribe = {
    .name = "transcribe",
    .about = "what is said in a recording",
    .data =
        "the folder of recordings DIGIT_SPEAKER_NUMBER.wav, or the list of them: a path, a tab and what is "
        "said, a line each; several are read as one",
    .network =
        "layers over log-mel features, in both directions, and a linear layer: letters, or none, a step "
        "(CTC)",
    .metric = "label_error_rate",
    .dropout = "probability of dropping a value between the layers and before the output layer",
    .options = options,
    .eval_options = transcribe_eval_specs,
    .use_options = transcribe_use_specs,
    .use_about =
        "Writes down what is said in recordings with a model of seqgpu train transcribe: a line each.",
    .files = " FILE...",
    .start = &start,
    .options_size = sizeof start,
    .size = sizeof(transcribe_app),
    .read = read_data,
    .open = open_data,
    .build = build,
    .loss = loss,
    .validate = validate,
    .print = print,
    .use = transcribe_use,
    .describe = describe,
    .close = close,
};
