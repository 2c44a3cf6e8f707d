/* tag.c - the application `tag`: its row of the table, its files, its loss and its metric (tag_model.h).
 *
 * The vocabulary has the words that training has at least --min-count times; what is not in it, in training
 * too, is <unk>, and is told apart by its letters alone.  So the model learns from rare words what it will
 * meet in new ones.
 */
#include "host/cli/tasks/tag_model.h"
#include "host/cli/tasks/tag_use.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/json.h"
#include "host/cli/task_learner.h"
#include "host/data/conllu.h"
#include "host/data/grow.h"

#define FIELD(name) offsetof(tag_options, name)

/* ---------------------------------------------------------------- data */

static int read_files(const arg_list *files, sentences *out) {
  *out = (sentences)SENTENCES_NONE;
  for (int i = 0; i < files->count; i++) CLI_TRY(conllu_read(files->item[i], out));
  return CLI_OK;
}

/* With --small-letters: under which words they have their vectors. */
static int look_up(const tag_app *a, sentences *s) {
  if (!tag_options_of(&a->base)->small_letters || sentences_look_up_small(s)) return CLI_OK;
  return cli_error("out of memory");
}

/* `seqgpu tag` reads lines; what else uses or makes a model, CoNLL-U. */
static int reads_lines(const app_options *o) { return o->use && o->val_data.count == 0; }

static int read_texts(tag_app *a) {
  const app_options *o = a->base.options;
  if (reads_lines(o)) return sentences_read_lines(o->input, &a->val.data.text);
  CLI_TRY(read_files(&o->data, &a->train.data.text));
  return read_files(&o->val_data, &a->val.data.text);
}

static int read_data(app *base) {
  tag_app *a = (tag_app *)base;
  CLI_TRY(read_texts(a));
  CLI_TRY(look_up(a, &a->train.data.text));
  CLI_TRY(look_up(a, &a->val.data.text));
  if (!reads_lines(base->options)) app_note_data(base, &a->train.data.text, &a->val.data.text);
  return CLI_OK;
}

static int open_vocabularies(tag_app *a) {
  const tag_options *o = tag_options_of(&a->base);
  if (a->base.file) {
    CLI_TRY(app_read_words(&a->base, &a->words));
    CLI_TRY(app_read_vocabulary(&a->base, "letters", &a->letters));
    return app_read_labels(&a->base, "tags", &a->tags);
  }
  CLI_TRY(words_count(&a->train.data.text, o->min_count, &a->words));
  CLI_TRY(letters_count(&a->train.data.text, &a->letters));
  return labels_count(&a->train.data.text, &a->tags);
}

static int open_data(app *base) {
  tag_app *a = (tag_app *)base;
  CLI_TRY(open_vocabularies(a));
  CLI_TRY(tag_open_set(a, &base->options->data, &a->train));
  return tag_open_set(a, &base->options->val_data, &a->val);
}

static void describe_run(tag_app *a) {
  app *base = &a->base;
  const buckets *order = &a->train.data.order;
  base->plan = base->training ? a->train.sentence : a->val.sentence;
  base->validates = a->val.data.text.labels > 0;
  if (!base->training) return;
  base->baseline = labelled_set_entropy(&a->train.data, a->tags.size);
  base->order = &a->train.data.order;
  base->epoch_updates = order->batches;
  base->tokens = a->train.data.text.words / order->batches;
  base->random_blocks = app_random_blocks(a->train.sentence);
  snprintf(base->about, sizeof base->about, "%d words, %d letters, %d tags, %lld updates per epoch",
           (int)a->words.size, (int)a->letters.size, (int)a->tags.size, (long long)order->batches);
}

static int build(app *base) {
  tag_app *a = (tag_app *)base;
  tag_set *first = base->training ? &a->train : &a->val;
  if (tag_plan_set(a, first, base->training) != SEQGPU_OK) return cli_library_error(base->ctx);
  CLI_TRY(tag_check_memory(a, first));
  if (base->training && a->val.data.text.count > 0 && tag_plan_set(a, &a->val, 0) != SEQGPU_OK)
    return cli_library_error(base->ctx);
  if (tag_build_model(a, first) != SEQGPU_OK) return cli_library_error(base->ctx);
  describe_run(a);
  return CLI_OK;
}

/* ---------------------------------------------------------------- a batch */

/* The tags of the sentences, -1 behind their ends; 0 when out of memory. */
static int fill_targets(tag_app *a, const tag_set *s, const int32_t *which, const seqgpu_tagger_batch *b) {
  const size_t elements = (size_t)(b->seq_len * b->batch);
  void *memory = a->target;
  if (!grow(&memory, &a->target_room, elements, sizeof *a->target)) return 0;
  a->target = memory;
  memset(a->target, 0xff, elements * sizeof *a->target);
  for (int64_t i = 0; i < b->batch; i++)
    for (int64_t t = 0; t < b->lengths[i]; t++)
      a->target[t * b->batch + i] = s->data.label[s->data.text.start[which[i]] + t];
  return 1;
}

/* The loss of a batch on the tape, the sum over its words or their mean. */
static seqgpu_tensor *batch_loss(tag_app *a, const tag_set *s, const int32_t *which,
                                 const seqgpu_tagger_batch *b, int mean) {
  seqgpu_tape *t = a->base.tape;
  const int64_t shape[] = {b->seq_len, b->batch};
  if (tag_forward(a, s, b) != SEQGPU_OK || !fill_targets(a, s, which, b)) return NULL;
  return seqgpu_tape_cross_entropy(t, a->logits, seqgpu_tape_ids(t, 2, shape, a->target), mean, 1);
}

static seqgpu_tensor *loss(app *base, int64_t step) {
  tag_app *a = (tag_app *)base;
  seqgpu_tagger_batch b;
  int64_t count;
  const int32_t *which = buckets_batch(&a->train.data.order, step, &count);
  if (tag_batch(&a->train, which, count, &b) != SEQGPU_OK) return NULL;
  const word_drop drop = {tag_options_of(base)->word_dropout, tag_options_of(base)->rare_dropout,
                          base->options->model.seed, step};
  word_set_drop(&a->train.data.words, &b, a->words.unknown, drop);
  return batch_loss(a, &a->train, which, &b, 1);
}

/* ---------------------------------------------------------------- the metric */

static void judge(tag_app *a, const seqgpu_tagger_batch *b) {
  const int64_t tags = a->tags.size;
  for (int64_t r = 0; r < b->seq_len * b->batch; r++) {
    if (r / b->batch >= b->lengths[r % b->batch]) continue;
    const int right = task_learner_class(a->answer + r * tags, tags) == a->target[r];
    const int unknown = b->word[r] == a->words.unknown;
    a->counted++;
    a->loss_count += a->target[r] >= 0;
    a->right += right;
    a->unknown += unknown;
    a->unknown_right += unknown && right;
  }
}

static seqgpu_status validate_batch(app *base, const int32_t *which, int64_t count) {
  tag_app *a = (tag_app *)base;
  seqgpu_tagger_batch b;
  double sum;
  LIB_TRY(tag_batch(&a->val, which, count, &b));
  seqgpu_tensor *of_batch = batch_loss(a, &a->val, which, &b, 0);
  LIB_TRY(seqgpu_tape_status(base->tape));
  if (of_batch == NULL) return cli_no_memory();
  LIB_TRY(seqgpu_tensor_number(of_batch, &sum));
  LIB_TRY(tag_read_answer(a));
  judge(a, &b);
  a->loss_sum += sum;
  return SEQGPU_OK;
}

static seqgpu_status validate(app *base, const volatile sig_atomic_t *stop, double *mean, double *metric) {
  tag_app *a = (tag_app *)base;
  a->loss_sum = a->loss_count = a->counted = a->right = a->unknown = a->unknown_right = 0;
  LIB_TRY(app_each_turn(base, &a->val.data.order, 1, stop, validate_batch));
  *mean = a->loss_sum / a->loss_count;
  *metric = 1 - a->right / a->counted;
  return SEQGPU_OK;
}

static void print(const app *base, int json) {
  const tag_app *a = (const tag_app *)base;
  const double accuracy = a->right / a->counted, unknown = a->unknown_right / a->unknown;
  if (!json) {
    printf("; %.0f words, accuracy %.2f %%; %.0f of them unknown", a->counted, 100 * accuracy, a->unknown);
    if (a->unknown > 0) printf(", accuracy %.2f %%", 100 * unknown);
    return;
  }
  json_number(stdout, ", \"words\": ", 9, a->counted);
  json_number(stdout, ", \"accuracy\": ", 6, accuracy);
  json_number(stdout, ", \"unknown\": ", 9, a->unknown);
  json_number(stdout, ", \"unknown_accuracy\": ", 6, unknown);
}

/* ---------------------------------------------------------------- the rest */

static int describe(const app *base, app_text texts[APP_TEXTS]) {
  const tag_app *a = (const tag_app *)base;
  texts[0] = (app_text){"words", vocab_write(&a->words)};
  texts[1] = (app_text){"letters", vocab_write(&a->letters)};
  texts[2] = (app_text){"tags", vocab_write(&a->tags)};
  return texts[0].text && texts[1].text && texts[2].text;
}

static void close(app *base) {
  tag_app *a = (tag_app *)base;
  seqgpu_tagger_destroy(a->model);
  tag_close_set(&a->train);
  tag_close_set(&a->val);
  vocab_free(&a->words);
  vocab_free(&a->letters);
  vocab_free(&a->tags);
  free(a->answer);
  free(a->chance);
  free(a->target);
}

static const arg_spec options[] = {
    ROW_GROUP("Data"),
    ROW_INT("min-count", ARG_KEEP_RUN, FIELD(min_count), 1, 1000000, "N",
            "words that the data have less often are read as <unk>, and by their letters"),
    ROW_REAL("word-dropout", ARG_KEEP_FREE, FIELD(word_dropout), 0, 1, "P",
             "probability that another word is read so in training"),
    ROW_REAL("rare-dropout", ARG_KEEP_FREE, FIELD(rare_dropout), 0, 1e6, "A",
             "or A / (A + N) for a word that the data have N times, where that is more"),
    ROW_FLAG("small-letters", ARG_KEEP_MODEL, FIELD(small_letters),
             "words have their vectors without regard to capitals; their letters are read as they are"),
    ROW_GROUP("Network"),
    ROW_INT("word-size", ARG_KEEP_MODEL, FIELD(word_size), 1, 1000000, "N", "elements of a word's vector"),
    ROW_INT("letter-size", ARG_KEEP_MODEL, FIELD(letter_size), 0, 1000000, "N",
            "elements of a letter's vector, 0 = words have no letters"),
    ROW_INT("letter-hidden", ARG_KEEP_MODEL, FIELD(letter_hidden), 1, INT32_MAX, "N",
            "units of the network over letters, per direction"),
    ROW_FLAG("one-direction", ARG_KEEP_MODEL, FIELD(one_direction), "read sentences from left to right only"),
    ROW_END,
};

static const tag_options start = {
    .base = {.model = APPLICATION_MODEL(3e-3, .hidden_size = 200, .batch = 16, .dropout = 0.33)},
    .word_size = 100,
    .letter_size = 25,
    .letter_hidden = 25,
    .min_count = 2,
    .word_dropout = 0.25};

static int run(int argc, char **argv) { return application_use(&application_tag, argc, argv); }

const command_spec command_tag = {"tag", "tag the words of sentences with a model of train tag", run};

const application application_tag = {
    .name = "tag",
    .about = "the part of speech of each word of a sentence",
    .data = "the CoNLL-U file, also compressed by gzip; several are read as one",
    .network = "layers over words and their letters, in both directions, and a linear layer",
    .metric = "error_rate",
    .options = options,
    .use_options = tag_use_specs,
    .use_about =
        "Tags sentences with a model of seqgpu train tag: a line is a sentence, its words and marks\n"
        "with spaces between them.",
    .start = &start,
    .options_size = sizeof start,
    .size = sizeof(tag_app),
    .read = read_data,
    .open = open_data,
    .build = build,
    .loss = loss,
    .validate = validate,
    .print = print,
    .use = tag_use,
    .describe = describe,
    .close = close,
};
