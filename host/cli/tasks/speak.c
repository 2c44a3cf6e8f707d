/* speak.c - the application `speak`: its row of the table, its files, its loss and its metric (speak_model.h).
 *
 * What is learnt from are recordings and strings of them, with a pause behind each: in silence it is clear
 * where a letter ends, and when the next begins.
 *
 * The loss is the squared error of the log-mel frames, each band in its deviations, and the binary
 * cross-entropy of every step's being the last.  The metric is the former, where what was said before is
 * known.  Beside it stands at how many ends the model would end, by the rule of `seqgpu speak`.
 */
#include "host/cli/tasks/speak_model.h"
#include "host/cli/tasks/speak_use.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/application_speech.h"
#include "host/cli/json.h"

#define FIELD(name) offsetof(speak_options, name)

/* ---------------------------------------------------------------- data */

static int read_data(app *base) {
  speak_app *a = (speak_app *)base;
  const speak_options *o = speak_options_of(base);
  recordings *learnt = &a->train.said, *held_out = &a->val.said;
  *learnt = *held_out = (recordings)RECORDINGS_NONE;
  if (speak_says(base) && o->copy) CLI_TRY(recordings_read_file(o->copy, held_out));
  return app_read_speech(base, (recordings_choice){.speaker = "", .below = o->hold_out, .only = o->only},
                         learnt, held_out);
}

/* The names of those who are learnt; a checkpoint of a list has none. */
static int open_voices(speak_app *a) {
  const recordings *r = &a->train.said;
  int ok = 1;
  a->voices = (vocabulary){.kind = TOKEN_UTF8, .unknown = -1};
  if (a->base.file && seqgpu_checkpoint_meta(a->base.file, "voices") == NULL) return CLI_OK;
  if (a->base.file) {
    CLI_TRY(app_read_vocabulary(&a->base, "voices", &a->voices));
    return labels_check(&a->voices, a->base.path);
  }
  for (int64_t i = 0; ok && i < r->count; i++) {
    const char *name = r->item[i].speaker < 0 ? NULL : r->speaker[r->item[i].speaker];
    ok = name == NULL || vocab_count(&a->voices, name, strlen(name));
  }
  if (!ok || (a->voices.size > 0 && !vocab_rank(&a->voices, 0, 1))) return cli_error("out of memory");
  return labels_check(&a->voices, "--data");
}

/* The voice of each speaker of a set, from malloc; NULL when out of memory. */
static int32_t *voices_of(const speak_app *a, const speech_set *s) {
  int32_t *voice = malloc((size_t)(s->said.speakers + 1) * sizeof *voice);
  for (int64_t i = 0; voice && i < s->said.speakers; i++)
    voice[i] = vocab_find(&a->voices, s->said.speaker[i], strlen(s->said.speaker[i]));
  return voice;
}

static speech_draw draw_of(const app *base, int64_t step, int64_t join) {
  return (speech_draw){.seed = base->options->model.seed, .step = step, .join = join};
}

static int open_data(app *base) {
  speak_app *a = (speak_app *)base;
  const speak_options *o = speak_options_of(base);
  const model_config *c = &o->base.model;
  const speech_draw most = draw_of(base, 0, o->join);
  a->form = (speech_form){.bands = o->mels, .stack = o->stack, .range = o->range};
  CLI_TRY(app_open_letters(base, &a->train.said, &a->letters));
  CLI_TRY(open_voices(a));
  CLI_TRY(app_open_form(base, &a->train.said, &a->val.said, &a->form));
  a->form.pause = o->pause * a->form.rate / 1000;
  a->val.shortest_string = o->join > 1 ? 2 : 1;
  a->val.longest_string = (int32_t)o->join;
  CLI_TRY(speech_set_open(&a->train, &a->form, &a->letters, &most, c->rnn.batch, c->seed));
  CLI_TRY(speech_set_open(&a->val, &a->form, &a->letters, NULL, c->rnn.batch, c->seed));
  a->train_voice = voices_of(a, &a->train);
  a->val_voice = voices_of(a, &a->val);
  if (!a->train_voice || !a->val_voice) return cli_error("out of memory");
  return speak_says(base) ? speak_open_lines(a) : CLI_OK;
}

/* ---------------------------------------------------------------- the model */

static int64_t steps_of(const speech_set *s) {
  int64_t sum = 0;
  for (int64_t i = 0; i < s->singles; i++) sum += s->length[i];
  return sum;
}

static void describe_run(speak_app *a) {
  app *base = &a->base;
  const int64_t updates = a->train.order.batches;
  base->plan = base->training ? a->plans.decoder : a->val_plans.decoder;
  base->validates = a->val.items > 0;
  if (!base->training) return;
  base->order = &a->train.order;
  base->epoch_updates = updates;
  base->tokens = steps_of(&a->train) / updates;
  base->random_blocks = speak_random_blocks(a, &a->plans);
  snprintf(base->about, sizeof base->about,
           "%lld recordings, %lld held out, %d letters, %d speakers, %lld updates per epoch",
           (long long)a->train.said.count, (long long)a->val.said.count, (int)a->letters.size,
           (int)a->voices.size, (long long)updates);
}

static seqgpu_status plan_set(speak_app *a, const speech_set *s, int training, speak_plans *out) {
  const buckets *order = &s->order;
  const int64_t batch = order->count < order->batch ? order->count : order->batch;
  return speak_plan(a, speech_set_most_labels(s), s->longest, batch, training, out);
}

/* What is said is said alone, a step a call. */
static int build(app *base) {
  speak_app *a = (speak_app *)base;
  speak_plans *first = base->training ? &a->plans : &a->val_plans;
  seqgpu_status status = base->training     ? plan_set(a, &a->train, 1, first)
                         : speak_says(base) ? speak_plan(a, a->longest_line, 1, 1, 0, first)
                                            : plan_set(a, &a->val, 0, first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  CLI_TRY(speak_check_memory(a, first));
  if (base->training && a->val.items > 0) status = plan_set(a, &a->val, 0, &a->val_plans);
  if (status == SEQGPU_OK) status = speak_build_model(a, first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  describe_run(a);
  return CLI_OK;
}

/* ---------------------------------------------------------------- a batch */

static seqgpu_tensor *loss(app *base, int64_t step) {
  speak_app *a = (speak_app *)base;
  const speak_options *o = speak_options_of(base);
  const int strings = step / a->train.order.batches >= o->single_epochs;
  const speech_draw draw = draw_of(base, step, strings ? o->join : 1);
  speak_batch b;
  seqgpu_tensor *squares, *ends;
  int64_t count;
  const int32_t *which = buckets_batch(&a->train.order, step, &count);
  if (!speak_make_batch(a, &a->train, a->train_voice, which, count, &draw, &b)) return NULL;
  speak_losses(a, &a->plans, &b, 1, &squares, &ends);
  base->counted = squares;
  return seqgpu_tape_add(base->tape, squares,
                         seqgpu_tape_scale(base->tape, ends, o->end_weight * b.heard.share));
}

/* ---------------------------------------------------------------- the metric */

/* The ends of a batch, where the model would end. */
static seqgpu_status judge_ends(speak_app *a, const speech_batch *h, const int32_t *which) {
  LIB_TRY(app_read(a->beside[SEQGPU_SPEAKER_END], &a->answer, &a->room_answer));
  for (int64_t i = 0; i < h->batch; i++) {
    speak_score *score = which[i] < a->val.singles ? &a->singles : &a->strings;
    const int64_t off = speak_find_end(a->answer + i, h->lengths[i], h->batch) - (h->lengths[i] - 1);
    score->count++;
    score->right += off == 0;
    score->distance += (double)(off < 0 ? -off : off);
  }
  return SEQGPU_OK;
}

static seqgpu_status validate_batch(app *base, const int32_t *which, int64_t count) {
  speak_app *a = (speak_app *)base;
  speak_batch b;
  seqgpu_tensor *squares, *ends;
  double sum, ends_sum;
  if (!speak_make_batch(a, &a->val, a->val_voice, which, count, NULL, &b)) return cli_no_memory();
  speak_losses(a, &a->val_plans, &b, 0, &squares, &ends);
  LIB_TRY(seqgpu_tape_status(base->tape));
  LIB_TRY(seqgpu_tensor_number(squares, &sum));
  LIB_TRY(seqgpu_tensor_number(ends, &ends_sum));
  for (int64_t i = 0; i < count; i++) a->values += (double)(b.heard.frames[i] * a->form.bands);
  a->squares += sum;
  a->ends_loss += ends_sum;
  a->steps += (double)b.heard.steps;
  return judge_ends(a, &b.heard, which);
}

static seqgpu_status validate(app *base, const volatile sig_atomic_t *stop, double *mean, double *metric) {
  speak_app *a = (speak_app *)base;
  a->squares = a->values = a->ends_loss = a->steps = 0;
  a->singles = a->strings = (speak_score){0};
  LIB_TRY(app_each_turn(base, &a->val.order, 0, stop, validate_batch));
  *metric = a->squares / a->values;
  *mean = *metric + speak_options_of(base)->end_weight * a->ends_loss / a->steps;
  return SEQGPU_OK;
}

static void print(const app *base, int json) {
  const speak_app *a = (const speak_app *)base;
  const double count = a->singles.count + a->strings.count,
               right = (a->singles.right + a->strings.right) / count,
               off = (a->singles.distance + a->strings.distance) / count, ends = a->ends_loss / a->steps;
  if (!json) {
    printf("; %.0f recordings and %.0f strings, %.1f %% of their ends found, on average %.2f steps off",
           a->singles.count, a->strings.count, 100 * right, off);
    return;
  }
  json_number(stdout, ", \"recordings\": ", 9, a->singles.count);
  json_number(stdout, ", \"strings\": ", 9, a->strings.count);
  json_number(stdout, ", \"end_loss\": ", 6, ends);
  json_number(stdout, ", \"ends_found\": ", 6, right);
  json_number(stdout, ", \"end_distance\": ", 6, off);
}

/* ---------------------------------------------------------------- the rest */

static int describe(const app *base, app_text texts[APP_TEXTS]) {
  const speak_app *a = (const speak_app *)base;
  texts[0] = (app_text){"letters", vocab_write(&a->letters)};
  const int ok = app_describe_form(&a->form, texts + 1) && texts[0].text;
  if (a->voices.size == 0) return ok;
  texts[1 + APP_FORM_TEXTS] = (app_text){"voices", vocab_write(&a->voices)};
  return ok && texts[1 + APP_FORM_TEXTS].text;
}

static void close(app *base) {
  speak_app *a = (speak_app *)base;
  void *const memory[] = {a->train_voice, a->val_voice, a->before, a->ends, a->answer,
                          a->mask,        a->letter,    a->voice,  a->texts};
  for (int64_t i = 0; a->line && i < a->lines; i++) free(a->line[i].letter);
  free(a->line);
  for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) free(memory[i]);
  seqgpu_speaker_destroy(a->model);
  speak_destroy_plans(&a->plans);
  speak_destroy_plans(&a->val_plans);
  speech_set_close(&a->train);
  speech_set_close(&a->val);
  vocab_free(&a->letters);
  vocab_free(&a->voices);
}

static const arg_spec options[] = {
    ROW_GROUP("Data"),
    ROW_WORD("only-speaker", ARG_KEEP_MODEL, FIELD(only), "NAME",
             "recordings of a folder by this speaker alone are read"),
    SPEECH_HOLD_OUT,
    ROW_INT("join", ARG_KEEP_MODEL, FIELD(join), 1, SPEECH_PARTS, "N",
            "recordings of a speaker that are joined to a string, at most, 1 = none are"),
    SPEECH_SINGLE_EPOCHS,
    ROW_INT("pause", ARG_KEEP_MODEL, FIELD(pause), 0, 2000, "MS",
            "silence behind each recording, in thousandths of a second"),
    ROW_GROUP("Network"),
    SPEECH_MELS,
    ROW_INT("stack", ARG_KEEP_MODEL, FIELD(stack), 1, 64, "N", "frames that a step says"),
    SPEECH_RANGE,
    ROW_INT("letter-size", ARG_KEEP_MODEL, FIELD(letter_size), 1, 1000000, "N",
            "elements of the vectors of letters"),
    ROW_INT("voice-size", ARG_KEEP_MODEL, FIELD(voice_size), 1, 1000000, "N",
            "elements of the vectors of speakers, where there are several"),
    ROW_INT("prenet-size", ARG_KEEP_MODEL, FIELD(prenet_size), 1, 1000000, "N",
            "units of each of the two layers that hear the step before"),
    ROW_INT("attention-size", ARG_KEEP_MODEL, FIELD(attention_size), 1, 1000000, "N",
            "units that compare what was heard with what is to be said"),
    ROW_GROUP("Learning"),
    ROW_REAL("end-weight", ARG_KEEP_MODEL, FIELD(end_weight), 0, 1000, "W",
             "what the loss of the ends counts beside the squared error"),
    ROW_END,
};

static const speak_options start = {
    .base = {.model = APPLICATION_MODEL(1e-3, .hidden_size = 256, .batch = 16, .dropout = 0.5)},
    .hold_out = 5,
    .join = 4,
    .pause = 100,
    .mels = 40,
    .stack = 3,
    .range = 50,
    .letter_size = 32,
    .voice_size = 16,
    .prenet_size = 128,
    .attention_size = 64,
    .end_weight = 1,
    .seconds = 10,
    .rounds = 60};

static int run(int argc, char **argv) { return application_use(&application_speak, argc, argv); }

const command_spec command_speak = {"speak", "say text with a model of train speak", run};

const application application_speak = {
    .name = "speak",
    .about = "text to speech",
    .data =
        "the folder of recordings DIGIT_SPEAKER_NUMBER.wav, or the list of them: a path, a tab and what is "
        "said, a line each; several are read as one",
    .network =
        "layers over letters, in both directions, and two more, with attention between, that say frames of "
        "log-mel features after those before",
    .metric = "squared_error",
    .dropout = "probability of dropping a unit that hears the step before, and a value between the layers",
    .options = options,
    .use_options = speak_use_specs,
    .use_about =
        "Says text with a model of seqgpu train speak: a WAV file, by the phases of Griffin and Lim.",
    .begin = "texts to say, a line each, where --text has none",
    .start = &start,
    .options_size = sizeof start,
    .size = sizeof(speak_app),
    .read = read_data,
    .open = open_data,
    .build = build,
    .loss = loss,
    .validate = validate,
    .print = print,
    .use = speak_use,
    .describe = describe,
    .close = close,
};
