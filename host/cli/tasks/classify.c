/* classify.c - the application `classify`: its row of the table, its files, its loss and its metric
 * (classify_model.h).
 */
#include "host/cli/tasks/classify_model.h"
#include "host/cli/tasks/classify_use.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/json.h"
#include "host/cli/task_learner.h"
#include "host/data/grow.h"
#include "host/data/labelled_lines.h"

#define FIELD(name) offsetof(classify_options, name)

_Static_assert(SEQGPU_CLASSIFIER_LAST == 0 && SEQGPU_CLASSIFIER_ATTENTION == 1 &&
                   SEQGPU_CLASSIFIER_MEAN == 2 && SEQGPU_CLASSIFIER_MAX == 3,
               "the order of --pool");

/* ---------------------------------------------------------------- data */

static int read_files(const arg_list *files, sentences *out) {
  *out = (sentences)SENTENCES_NONE;
  for (int i = 0; i < files->count; i++) CLI_TRY(labelled_lines_read(files->item[i], out));
  return CLI_OK;
}

/* `seqgpu classify` reads sentences without labels. */
static int read_data(app *base) {
  classify_app *a = (classify_app *)base;
  const app_options *o = base->options;
  if (o->use && o->val_data.count == 0) return sentences_read_lines(o->input, &a->val.text);
  CLI_TRY(read_files(&o->data, &a->train.text));
  CLI_TRY(read_files(&o->val_data, &a->val.text));
  app_note_data(base, &a->train.text, &a->val.text);
  return CLI_OK;
}

static int open_vocabularies(classify_app *a) {
  if (a->base.file) {
    CLI_TRY(app_read_words(&a->base, &a->words));
    return app_read_labels(&a->base, "classes", &a->classes);
  }
  CLI_TRY(words_count(&a->train.text, classify_options_of(&a->base)->min_count, &a->words));
  return labels_count(&a->train.text, &a->classes);
}

static int open_set(classify_app *a, labelled_set *s, const arg_list *files) {
  const model_config *c = &a->base.options->model;
  return labelled_set_open(s, &a->words, NULL, &a->classes, files->item[0], c->rnn.batch, c->seed);
}

static int open_data(app *base) {
  classify_app *a = (classify_app *)base;
  CLI_TRY(open_vocabularies(a));
  CLI_TRY(open_set(a, &a->train, &base->options->data));
  CLI_TRY(open_set(a, &a->val, &base->options->val_data));
  a->confusion = calloc((size_t)a->classes.size * (size_t)a->classes.size, sizeof *a->confusion);
  return a->confusion ? CLI_OK : cli_error("out of memory");
}

static void describe_run(classify_app *a) {
  app *base = &a->base;
  const int64_t updates = a->train.order.batches;
  base->plan = base->training ? a->plan : a->val_plan;
  base->validates = a->val.text.labels > 0;
  if (!base->training) return;
  base->baseline = labelled_set_entropy(&a->train, a->classes.size);
  base->order = &a->train.order;
  base->epoch_updates = updates;
  base->tokens = a->train.text.words / updates;
  base->random_blocks = app_random_blocks(a->plan);
  snprintf(base->about, sizeof base->about, "%d words, %d classes, %lld updates per epoch",
           (int)a->words.size, (int)a->classes.size, (long long)updates);
}

static int build(app *base) {
  classify_app *a = (classify_app *)base;
  seqgpu_plan **first = base->training ? &a->plan : &a->val_plan;
  if (classify_plan_set(a, base->training ? &a->train : &a->val, base->training, first) != SEQGPU_OK)
    return cli_library_error(base->ctx);
  CLI_TRY(classify_check_memory(a, *first));
  if (base->training && a->val.text.count > 0 && classify_plan_set(a, &a->val, 0, &a->val_plan) != SEQGPU_OK)
    return cli_library_error(base->ctx);
  if (classify_build_model(a, *first) != SEQGPU_OK) return cli_library_error(base->ctx);
  describe_run(a);
  return CLI_OK;
}

/* ---------------------------------------------------------------- a batch */

/* The loss of the sentences which[count], their sum or their mean; NULL: the tape knows why, or there is no
 * memory. */
static seqgpu_tensor *batch_loss(classify_app *a, const labelled_set *s, const seqgpu_plan *plan,
                                 const int32_t *which, const seqgpu_tagger_batch *b, int mean) {
  seqgpu_tape *t = a->base.tape;
  void *memory = a->target;
  if (classify_forward(a, plan, b) != SEQGPU_OK ||
      !grow(&memory, &a->target_room, (size_t)b->batch, sizeof *a->target))
    return NULL;
  a->target = memory;
  for (int64_t i = 0; i < b->batch; i++) a->target[i] = s->label[which[i]];
  return seqgpu_tape_cross_entropy(t, a->logits, seqgpu_tape_ids(t, 1, &b->batch, a->target), mean, 1);
}

static seqgpu_tensor *loss(app *base, int64_t step) {
  classify_app *a = (classify_app *)base;
  seqgpu_tagger_batch b;
  int64_t count;
  const int32_t *which = buckets_batch(&a->train.order, step, &count);
  if (!word_set_batch(&a->train.words, which, count, &b)) return NULL;
  const word_drop drop = {
      .p = classify_options_of(base)->word_dropout, .seed = base->options->model.seed, .step = step};
  word_set_drop(&a->train.words, &b, a->words.unknown, drop);
  return batch_loss(a, &a->train, a->plan, which, &b, 1);
}

/* ---------------------------------------------------------------- the metric */

static void judge(classify_app *a, int64_t count) {
  const int64_t classes = a->classes.size;
  for (int64_t i = 0; i < count; i++) {
    const int64_t answer = task_learner_class(a->answer + i * classes, classes);
    a->counted++;
    if (a->target[i] < 0) continue; /* a class that training has not: the answer is wrong */
    a->loss_count++;
    a->right += answer == a->target[i];
    a->confusion[a->target[i] * classes + answer]++;
  }
}

static seqgpu_status validate_batch(app *base, const int32_t *which, int64_t count) {
  classify_app *a = (classify_app *)base;
  labelled_set *s = &a->val;
  seqgpu_tagger_batch b;
  double sum;
  if (!word_set_batch(&s->words, which, count, &b)) return cli_no_memory();
  seqgpu_tensor *of_batch = batch_loss(a, s, a->val_plan, which, &b, 0);
  LIB_TRY(seqgpu_tape_status(base->tape));
  if (of_batch == NULL) return cli_no_memory();
  LIB_TRY(seqgpu_tensor_number(of_batch, &sum));
  LIB_TRY(classify_read_answer(a));
  judge(a, count);
  a->loss_sum += sum;
  return SEQGPU_OK;
}

static seqgpu_status validate(app *base, const volatile sig_atomic_t *stop, double *mean, double *metric) {
  classify_app *a = (classify_app *)base;
  a->loss_sum = a->loss_count = a->counted = a->right = 0;
  memset(a->confusion, 0, (size_t)a->classes.size * (size_t)a->classes.size * sizeof *a->confusion);
  LIB_TRY(app_each_turn(base, &a->val.order, 1, stop, validate_batch));
  *mean = a->loss_sum / a->loss_count;
  *metric = 1 - a->right / a->counted;
  return SEQGPU_OK;
}

/* The table of what is and what is answered, a row a class that is. */
static void print_confusion(const classify_app *a, int json) {
  const int32_t classes = a->classes.size;
  if (json) printf(", \"confusion\": {");
  for (int32_t i = 0; i < classes; i++) {
    const vocab_token *t = &a->classes.tokens[i];
    if (json) {
      printf(i > 0 ? ", " : "");
      json_string(stdout, t->text, t->length);
      printf(": [");
    } else {
      printf("\n  %.*s:", (int)t->length, t->text);
    }
    for (int32_t k = 0; k < classes; k++)
      printf("%s%lld", json ? (k > 0 ? ", " : "") : " ", (long long)a->confusion[i * classes + k]);
    if (json) printf("]");
  }
  if (json) printf("}");
}

static void print(const app *base, int json) {
  const classify_app *a = (const classify_app *)base;
  if (json) {
    json_number(stdout, ", \"sentences\": ", 9, a->counted);
    json_number(stdout, ", \"accuracy\": ", 6, a->right / a->counted);
  } else {
    printf("; %.0f sentences, accuracy %.2f %%; of each class, how often each is answered:", a->counted,
           100 * a->right / a->counted);
  }
  print_confusion(a, json);
}

/* ---------------------------------------------------------------- the rest */

static int describe(const app *base, app_text texts[APP_TEXTS]) {
  const classify_app *a = (const classify_app *)base;
  texts[0] = (app_text){"words", vocab_write(&a->words)};
  texts[1] = (app_text){"classes", vocab_write(&a->classes)};
  return texts[0].text && texts[1].text;
}

static void close(app *base) {
  classify_app *a = (classify_app *)base;
  seqgpu_classifier_destroy(a->model);
  seqgpu_plan_destroy(a->plan);
  seqgpu_plan_destroy(a->val_plan);
  labelled_set_close(&a->train);
  labelled_set_close(&a->val);
  vocab_free(&a->words);
  vocab_free(&a->classes);
  free(a->answer);
  free(a->target);
  free(a->chance);
  free(a->weight);
  free(a->confusion);
}

static const arg_spec options[] = {
    ROW_GROUP("Data"),
    ROW_INT("min-count", ARG_KEEP_RUN, FIELD(min_count), 1, 1000000, "N",
            "words that the data have less often are read as <unk>"),
    ROW_REAL("word-dropout", ARG_KEEP_FREE, FIELD(word_dropout), 0, 1, "P",
             "probability that another word is read so in training"),
    ROW_GROUP("Network"),
    ROW_INT("word-size", ARG_KEEP_MODEL, FIELD(word_size), 1, 1000000, "N", "elements of a word's vector"),
    ROW_ENUM("pool", ARG_KEEP_MODEL, FIELD(pool), "last|attention|mean|max", "P",
             "what the class is read from: the last states, a mean that the model weighs, the mean, the "
             "largest values"),
    ROW_INT("attention-size", ARG_KEEP_MODEL, FIELD(attention_size), 1, 1000000, "N",
            "units of the attention"),
    ROW_FLAG("one-direction", ARG_KEEP_MODEL, FIELD(one_direction), "read sentences from left to right only"),
    ROW_END,
};

static const classify_options start = {
    .base = {.model = APPLICATION_MODEL(2e-3, .hidden_size = 128, .batch = 32, .dropout = 0.5)},
    .word_size = 100,
    .attention_size = 100,
    .min_count = 2,
    .pool = SEQGPU_CLASSIFIER_ATTENTION};

static int run(int argc, char **argv) { return application_use(&application_classify, argc, argv); }

const command_spec command_classify = {"classify",
                                       "tell the classes of sentences with a model of train classify", run};

const application application_classify = {
    .name = "classify",
    .about = "the class of a sentence, its sentiment, say",
    .data = "the file, also compressed by gzip: a label and words a line; several are read as one",
    .network = "layers over words, in both directions, attention over their outputs, and a linear layer",
    .metric = "error_rate",
    .options = options,
    .use_options = classify_use_specs,
    .use_about =
        "Tells the classes of sentences with a model of seqgpu train classify: a line is a sentence, its\n"
        "words and marks with spaces between them.",
    .start = &start,
    .options_size = sizeof start,
    .size = sizeof(classify_app),
    .read = read_data,
    .open = open_data,
    .build = build,
    .loss = loss,
    .validate = validate,
    .print = print,
    .use = classify_use,
    .describe = describe,
    .close = close,
};
