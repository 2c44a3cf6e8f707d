/* caption.c - the application `caption`: its row of the table, its files, its loss and its metric
 * (caption_model.h).
 *
 * The metric is how many captions are not, word for word, those of their pictures; BLEU of all of them is
 * printed beside it (host/data/bleu.h).
 */
#include "host/cli/tasks/caption_model.h"
#include "host/cli/tasks/caption_use.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/application_words.h"
#include "host/cli/json.h"

#define FIELD(name) offsetof(caption_options, name)

/* ---------------------------------------------------------------- data */

static void begin_set(const app *base, const picture_form *form, int fixed, picture_set *s) {
  s->data = (pictures){.ctx = base->ctx,
                       .seed = (uint64_t)base->options->model.seed,
                       .form = *form,
                       .fixed = fixed,
                       .caption = SENTENCES_NONE};
}

/* Scenes that are learnt are drawn by the updates. */
static int take_scenes(const arg_list *files, const char *name, picture_set *s) {
  if (files->count > 1) return cli_usage("--data: %s is drawn anew in each epoch, and stands alone", name);
  if (s->data.form.side == 0)
    return cli_error("%s: the model sees numbers of .npy files, and no pixels", name);
  s->data.hash = hash_bytes(HASH_START, name, strlen(name));
  return CLI_OK;
}

static int read_learnt(const arg_list *files, picture_set *s) {
  for (int i = 0; i < files->count; i++) {
    const int scenes = pictures_scenes(files->item[i], &s->drawn, &s->unseen);
    if (scenes < 0) return CLI_FAILED;
    CLI_TRY(scenes > 0 ? take_scenes(files, files->item[i], s) : pictures_read(files->item[i], &s->data));
  }
  return CLI_OK;
}

static int read_data(app *base) {
  caption_app *a = (caption_app *)base;
  const app_options *o = base->options;
  picture_form form;
  if (o->use && o->val_data.count == 0 && o->files.count == 0)
    return cli_usage("no picture is named; seqgpu caption --help says how");
  CLI_TRY(caption_open_form(a, &form));
  begin_set(base, &form, base->file != NULL, &a->train);
  CLI_TRY(read_learnt(&o->data, &a->train));
  a->train.apart = caption_options_of(base)->apart_epochs;
  begin_set(base, &a->train.data.form, base->file || base->training, &a->val);
  for (int i = 0; i < o->val_data.count; i++) CLI_TRY(pictures_read(o->val_data.item[i], &a->val.data));
  for (int i = 0; i < o->files.count; i++) CLI_TRY(pictures_read_file(o->files.item[i], &a->val.data));
  base->data_hash = a->train.data.hash;
  base->data_size = a->train.drawn > 0 ? a->train.drawn : a->train.data.bytes;
  base->train_size = a->train.drawn > 0 ? a->train.drawn : a->train.data.count;
  base->val_hash = a->val.data.hash;
  return CLI_OK;
}

/* <unk>, which is never written, is the first. */
static int open_words(caption_app *a) {
  if (a->base.file) {
    CLI_TRY(app_read_labels(&a->base, "words", &a->words));
    return a->words.unknown == 0 ? CLI_OK : cli_error("%s: words: has no <unk> in front", a->base.path);
  }
  if (a->train.drawn == 0) {
    CLI_TRY(words_count(&a->train.data.caption, caption_options_of(&a->base)->min_count, &a->words));
    return labels_check(&a->words, "captions");
  }
  sentences all = SENTENCES_NONE;
  text_file text = text_of(scene_vocabulary);
  int code = sentences_parse_lines("scenes", &text, &all);
  if (code == CLI_OK) code = words_count(&all, 1, &a->words);
  sentences_free(&all);
  return code;
}

enum { MOST_WORDS = 50 };

static int open_answers(caption_app *a) {
  caption_answers *s = &a->answers;
  const size_t count = (size_t)a->val.data.count + 1;
  s->most = a->val.longest > MOST_WORDS ? a->val.longest : MOST_WORDS;
  s->word = malloc(count * (size_t)s->most * sizeof *s->word);
  s->length = calloc(count, sizeof *s->length);
  s->score = calloc(count, sizeof *s->score);
  a->piece = malloc((size_t)s->most * sizeof *a->piece);
  return s->word && s->length && s->score && a->piece ? CLI_OK : cli_error("out of memory");
}

static int open_data(app *base) {
  caption_app *a = (caption_app *)base;
  const caption_options *o = caption_options_of(base);
  const model_config *c = &o->base.model;
  if (o->svg && o->attention_size == 0)
    return cli_usage("--svg: %s has no attention, which says what to show", base->path);
  CLI_TRY(open_words(a));
  CLI_TRY(picture_set_open(&a->train, &a->words, c->rnn.batch, c->seed));
  CLI_TRY(picture_set_open(&a->val, &a->words, c->rnn.batch, c->seed));
  return open_answers(a);
}

/* ---------------------------------------------------------------- the model */

static void describe_run(caption_app *a) {
  app *base = &a->base;
  const int64_t updates = a->train.order.batches;
  base->plan = base->training ? a->plan : a->step;
  base->validates = a->val.data.count > 0;
  if (!base->training) return;
  base->order = &a->train.order;
  base->epoch_updates = updates;
  base->tokens = a->train.drawn > 0 ? (SCENE_WORDS + 1) * a->train.order.batch
                                    : (a->train.data.caption.words + a->train.data.caption.count) / updates;
  base->random_blocks = app_random_blocks(a->plan);
  snprintf(base->about, sizeof base->about, "%lld pictures of %lld patches, %d words, %lld updates per epoch",
           (long long)base->train_size, (long long)(a->train.data.form.rows * a->train.data.form.columns),
           (int)a->words.size, (long long)updates);
}

static int build(app *base) {
  caption_app *a = (caption_app *)base;
  seqgpu_plan **first = base->training ? &a->plan : &a->val_plan;
  const picture_set *s = base->training ? &a->train : &a->val;
  seqgpu_status status = caption_plan(a, s, s->longest + 1, base->training, first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  CLI_TRY(caption_check_memory(a, *first));
  if (base->training && a->val.data.count > 0)
    status = caption_plan(a, &a->val, a->val.longest + 1, 0, &a->val_plan);
  if (status == SEQGPU_OK && a->val.data.count > 0) status = caption_plan_search(a);
  if (status == SEQGPU_OK) status = caption_build_model(a, *first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  describe_run(a);
  return CLI_OK;
}

/* ---------------------------------------------------------------- a batch */

/* The loss of a batch on the tape, the sum over its words or their mean. */
static seqgpu_tensor *batch_loss(caption_app *a, const seqgpu_plan *plan, const picture_batch *b, int mean) {
  seqgpu_tape *t = a->base.tape;
  const int64_t shape[] = {b->words.target_len, b->words.batch};
  seqgpu_tensor *logits = seqgpu_captioner_logits(a->model, t, plan, &b->words, NULL);
  return seqgpu_tape_cross_entropy(t, logits, seqgpu_tape_ids(t, 2, shape, b->target), mean, 1);
}

static seqgpu_tensor *loss(app *base, int64_t step) {
  caption_app *a = (caption_app *)base;
  picture_batch b;
  return picture_set_update(&a->train, step, &b) ? batch_loss(a, a->plan, &b, 1) : NULL;
}

/* ---------------------------------------------------------------- the metric */

/* Whether the caption of picture i is its own; what is not in the vocabulary is never written. */
static int is_exact(const caption_app *a, int64_t i) {
  const int32_t n = a->val.caption.length[i], *must = a->val.caption.word + a->val.data.caption.start[i];
  return a->answers.length[i] == n &&
         memcmp(a->answers.word + i * a->answers.most, must, (size_t)n * sizeof *must) == 0;
}

/* 0 when out of memory. */
static int judge(caption_app *a, int64_t i) {
  const sentences *text = &a->val.data.caption;
  for (int64_t t = 0; t < a->answers.length[i]; t++) {
    const vocab_token *w = &a->words.tokens[a->answers.word[i * a->answers.most + t]];
    a->piece[t] = (sentences_piece){w->text, (int32_t)w->length};
  }
  a->exact += is_exact(a, i);
  return bleu_add(&a->score, a->piece, a->answers.length[i], text->word + text->start[i],
                  text->start[i + 1] - text->start[i]);
}

static seqgpu_status validate_batch(app *base, const int32_t *which, int64_t count) {
  caption_app *a = (caption_app *)base;
  picture_batch b;
  double sum;
  if (!picture_set_batch(&a->val, which, count, &b)) return cli_no_memory();
  const seqgpu_tensor *of_batch = batch_loss(a, a->val_plan, &b, 0);
  LIB_TRY(seqgpu_tape_status(base->tape));
  LIB_TRY(seqgpu_tensor_number(of_batch, &sum));
  LIB_TRY(caption_search(a, which, &b));
  a->loss_sum += sum;
  a->steps += (double)b.steps;
  for (int64_t i = 0; i < count; i++)
    if (!judge(a, which[i])) return cli_no_memory();
  return SEQGPU_OK;
}

static seqgpu_status validate(app *base, const volatile sig_atomic_t *stop, double *mean, double *metric) {
  caption_app *a = (caption_app *)base;
  a->loss_sum = a->steps = a->exact = 0;
  a->score = (bleu){.answers = 0};
  LIB_TRY(app_each_turn(base, &a->val.order, 0, stop, validate_batch));
  *mean = a->loss_sum / a->steps;
  *metric = 1 - a->exact / (double)a->val.data.count;
  return SEQGPU_OK;
}

static void print(const app *base, int json) {
  const caption_app *a = (const caption_app *)base;
  const double perplexity = exp(a->loss_sum / a->steps), exact = a->exact / (double)a->val.data.count;
  const long long count = (long long)a->val.data.count;
  if (!json) {
    printf("; %lld captions, %.2f %% exact, BLEU %.2f, perplexity %.4g", count, 100 * exact,
           bleu_score(&a->score), perplexity);
    return;
  }
  printf(", \"captions\": %lld", count);
  json_number(stdout, ", \"exact\": ", 6, exact);
  json_number(stdout, ", \"bleu\": ", 6, bleu_score(&a->score));
  json_number(stdout, ", \"perplexity\": ", 6, perplexity);
}

/* ---------------------------------------------------------------- the rest */

static int describe(const app *base, app_text texts[APP_TEXTS]) {
  const caption_app *a = (const caption_app *)base;
  texts[0] = (app_text){"words", vocab_write(&a->words)};
  texts[1] = (app_text){"patches", caption_describe_form(&a->train.data.form)};
  return texts[0].text && texts[1].text;
}

static void close(app *base) {
  caption_app *a = (caption_app *)base;
  seqgpu_plan *const plans[] = {a->plan, a->val_plan, a->step};
  seqgpu_captioner_destroy(a->model);
  for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) seqgpu_plan_destroy(plans[i]);
  free(a->answers.word);
  free(a->answers.length);
  free(a->answers.score);
  free(a->piece);
  picture_set_close(&a->train);
  picture_set_close(&a->val);
  vocab_free(&a->words);
}

static const arg_spec options[] = {
    ROW_GROUP("Data"),
    ROW_INT("side", ARG_KEEP_MODEL, FIELD(side), 1, PICTURES_MOST_SIDE, "N",
            "pixels of a picture's edge; pictures of other sizes are made to fit"),
    ROW_INT("patch", ARG_KEEP_MODEL, FIELD(patch), 1, PICTURES_MOST_SIDE, "N",
            "pixels of a patch's edge, which divide --side"),
    ROW_INT("min-count", ARG_KEEP_RUN, FIELD(min_count), 1, 1000000, "N",
            "words that captions have less often are read as <unk>, and never written"),
    ROW_INT("apart-epochs", ARG_KEEP_RUN, FIELD(apart_epochs), 0, 1000000, "N",
            "epochs of scenes of grey shapes and coloured things, before coloured shapes"),
    ROW_GROUP("Network"),
    ROW_INT("features", ARG_KEEP_MODEL, FIELD(features), 1, 1000000, "N", "features of a patch"),
    ROW_INT("patch-layers", ARG_KEEP_MODEL, FIELD(patch_layers), 0, 16, "N",
            "layers that look at a patch and the eight around it"),
    ROW_INT("word-size", ARG_KEEP_MODEL, FIELD(word_size), 1, 1000000, "N",
            "elements of the vectors of words"),
    ROW_INT("attention-size", ARG_KEEP_MODEL, FIELD(attention_size), 0, 1000000, "N",
            "units that compare what is written with patches, 0 = without attention"),
    ROW_ENUM("colours", ARG_KEEP_MODEL, FIELD(colours), "together|aside", "HOW",
             "look at pixels and colours together, or with attention at either by itself"),
    ROW_END,
};

static const arg_spec eval_options[] = {CAPTION_SEARCH_ROWS, ROW_END};

static const caption_options start = {
    .base = {.model = APPLICATION_MODEL(1.5e-3, .hidden_size = 96, .batch = 8)},
    .side = 64,
    .patch = 8,
    .min_count = 1,
    .features = 96,
    .patch_layers = 2,
    .word_size = 32,
    .attention_size = 32,
    .colours = CAPTION_COLOURS_ASIDE,
    .beam = 1};

static int run(int argc, char **argv) { return application_use(&application_caption, argc, argv); }

const command_spec command_caption = {"caption", "say what is in pictures with a model of train caption",
                                      run};

const application application_caption = {
    .name = "caption",
    .about = "what is in a picture, in words",
    .data = "the list of pictures: a path of PNG or .npy, a tab and a caption, a line each; or scenes:N or "
            "unseen:N, "
            "so many scenes of coloured shapes that the program draws",
    .network =
        "layers that look at the patches of a picture, layers that write its caption, and attention between "
        "them",
    .metric = "captions_wrong",
    .dropout =
        "probability of dropping a value of words before, between the layers and before the output layer",
    .options = options,
    .eval_options = eval_options,
    .use_options = caption_use_specs,
    .use_about = "Says what is in pictures, PNG or .npy, with a model of seqgpu train caption: a line each.",
    .files = " FILE...",
    .start = &start,
    .options_size = sizeof start,
    .size = sizeof(caption_app),
    .read = read_data,
    .open = open_data,
    .build = build,
    .loss = loss,
    .validate = validate,
    .print = print,
    .use = caption_use,
    .describe = describe,
    .close = close,
};
