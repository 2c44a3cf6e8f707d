/* eval.c - `seqgpu eval`: how well a model predicts a text, or does its task. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/application.h"
#include "host/cli/charlm_dynamic.h"
#include "host/cli/charlm_ngram.h"
#include "host/cli/charlm_streams.h"
#include "host/cli/command.h"
#include "host/cli/files.h"
#include "host/cli/json.h"
#include "host/cli/train.h"

typedef struct eval_options {
  network_options base;
  const char *checkpoint;
  arg_list text;
  foreign_model foreign;
  int64_t batch;
  double dynamic; /* a learning rate, 0 = the model stays as it is */
  int64_t dynamic_steps;
  int64_t ngram; /* the length of the longest n-grams, 0 = none */
  char interpolate[ARGS_WORD];
  double share; /* what that says; auto: NaN, it is chosen */
} eval_options;

#define FIELD(name) offsetof(eval_options, name)

static const arg_spec own_specs[] = {
    ROW_REQUIRED_FILE("checkpoint", FIELD(checkpoint), "the model"),
    ROW_REQUIRED_FILES("text", FIELD(text), "the text; several are read as one"),
    ROW_INT("batch", ARG_NOT_KEPT, FIELD(batch), 0, 1000000, "B",
            "streams the text is cut into, 0 = one per 1000 tokens, at most 50"),
    ROW_REAL("dynamic", ARG_NOT_KEPT, FIELD(dynamic), 0, 1e6, "R",
             "dynamic evaluation: what was predicted is then learnt, at this rate; 0 = not"),
    ROW_INT("dynamic-steps", ARG_NOT_KEPT, FIELD(dynamic_steps), 1, 1000000, "T",
            "tokens that are predicted before they are learnt"),
    ROW_INT(
        "ngram", ARG_NOT_KEPT, FIELD(ngram), 0, KNESER_NEY_MOST, "N",
        "n-grams of the training text, of at most N tokens, beside the model and mixed with it; 0 = none"),
    ROW_WORD("interpolate", ARG_NOT_KEPT, FIELD(interpolate), "S",
             "share of the n-grams in the mixture; auto = the best on the validation part of that text"),
    ROW_END,
};
static const char about[] =
    "Prints the mean loss of a model of seqgpu train charlm over a text.  The text is cut into --batch "
    "streams,\n"
    "read side by side, each from zero states on; with --batch 1 the states are carried from start to end.\n"
    "--dynamic and --ngram say more of a model of words or characters: what it predicts when it goes on "
    "learning,\n"
    "and what the n-grams of its training text do, alone and together with it.\n"
    "A model of another task is measured on fresh sequences, without a text; seqgpu eval --checkpoint FILE\n"
    "--help lists the options of its task.  The shape of the model is needed only for a file of another "
    "program, which does not say it.";

/* ---------------------------------------------------------------- a language model */

enum { EVAL_STEPS = 50, DYNAMIC_STEPS = 20 };

/* A model that is evaluated. */
typedef struct measurement {
  const eval_options *options;
  charlm *model;
  const vocabulary *vocab;
  charlm_pass pass; /* of dynamic evaluation, and the weights before it */
  float *kept;
  kneser_ney *ngrams; /* NULL: there are none */
  double share;       /* of theirs */
} measurement;

/* Of one text, means in nats. */
typedef struct result {
  int64_t tokens, unknown, streams;
  double loss, ngram_loss, mixed_loss;
  double tokens_per_char;
} result;

/* Loss and perplexity are those of a token; `tokens_per_char` is 1 where each is one character. */
static void print_json(const measurement *e, const result *r) {
  printf("{\"tokens\": %lld, \"unknown\": %lld, \"streams\": %lld", (long long)r->tokens,
         (long long)r->unknown, (long long)r->streams);
  json_number(stdout, ", \"loss\": ", 9, r->loss);
  json_number(stdout, ", \"bits_per_token\": ", 9, r->loss / CHARLM_LN2);
  json_number(stdout, ", \"bits_per_char\": ", 9, r->tokens_per_char * r->loss / CHARLM_LN2);
  json_number(stdout, ", \"perplexity\": ", 9, exp(r->loss)); /* may be infinite */
  if (e->ngrams) {
    json_number(stdout, ", \"ngram_loss\": ", 9, r->ngram_loss);
    json_number(stdout, ", \"ngram_perplexity\": ", 9, exp(r->ngram_loss));
    json_number(stdout, ", \"ngram_share\": ", 9, e->share);
    json_number(stdout, ", \"mixed_loss\": ", 9, r->mixed_loss);
    json_number(stdout, ", \"mixed_perplexity\": ", 9, exp(r->mixed_loss));
  }
  printf("}\n");
}

static void print_text(const measurement *e, const result *r) {
  printf("%lld tokens predicted in %lld streams: loss %.4f nats, %.4f bits per character, perplexity %.4f\n",
         (long long)r->tokens, (long long)r->streams, r->loss, r->tokens_per_char * r->loss / CHARLM_LN2,
         exp(r->loss));
  if (e->ngrams == NULL) return;
  printf("%lld-grams of the training text: loss %.4f nats, perplexity %.4f\n", (long long)e->options->ngram,
         r->ngram_loss, exp(r->ngram_loss));
  printf("together, %.4f of the n-grams: loss %.4f nats, perplexity %.4f\n", e->share, r->mixed_loss,
         exp(r->mixed_loss));
}

/* The loss of each prediction of ids[count], in new memory, and their mean. */
static seqgpu_status measure(measurement *e, const int32_t *ids, int64_t count, result *r, float **each) {
  const eval_options *o = e->options;
  charlm_streams streams = {.ids = NULL};
  charlm_pass pass = {.model = NULL};
  *each = malloc((size_t)(count - 1) * sizeof **each);
  if (*each == NULL) return cli_no_memory();
  seqgpu_status status = charlm_eval_streams(e->model->ctx, ids, count, e->kept ? 1 : o->batch, &streams);
  if (status == SEQGPU_OK && !e->kept)
    status = charlm_pass_create(e->model, EVAL_STEPS, streams.batch, 0, &pass);
  const charlm_evaluation how = {.dynamic_lr = o->dynamic, .each = *each};
  if (status == SEQGPU_OK) status = charlm_evaluate(e->kept ? &e->pass : &pass, &streams, how, &r->loss);
  if (status == SEQGPU_OK && e->kept) status = charlm_dynamic_restore(e->model, e->kept);
  r->tokens = streams.predictions;
  r->streams = streams.batch;
  charlm_pass_destroy(&pass);
  charlm_streams_destroy(e->model->ctx, &streams);
  return status;
}

/* The same of n-grams; NULL when out of memory. */
static float *measure_ngrams(const kneser_ney *ngrams, const int32_t *ids, int64_t count) {
  float *each = malloc((size_t)(count - 1) * sizeof *each);
  if (each) charlm_ngram_losses(ngrams, ids, count, each);
  return each;
}

/* The share of the n-grams that is best for ids[count]. */
static int choose_share(measurement *e, const int32_t *ids, int64_t count) {
  float *model = NULL, *ngrams = measure_ngrams(e->ngrams, ids, count);
  result r;
  seqgpu_status status = ngrams ? measure(e, ids, count, &r, &model) : cli_no_memory();
  if (status == SEQGPU_OK) e->share = charlm_best_share(model, ngrams, count - 1);
  free(model);
  free(ngrams);
  return status == SEQGPU_OK ? CLI_OK : cli_library_error(e->model->ctx);
}

static int open_ngrams(measurement *e) {
  const eval_options *o = e->options;
  charlm_training text;
  int code = charlm_training_open(e->model->ctx, o->checkpoint, e->vocab, &text);
  const int64_t count = text.count - text.val_count;
  e->share = o->share;
  if (code == CLI_OK) {
    e->ngrams = kneser_ney_create(text.ids, count, e->vocab->size, (int)o->ngram);
    if (e->ngrams == NULL) code = cli_error("out of memory");
  }
  if (code == CLI_OK && isnan(o->share))
    code = text.val_count > 0
               ? choose_share(e, text.ids + count, text.val_count)
               : cli_usage("--interpolate: is missing; %s kept no text for validation", o->checkpoint);
  free(text.ids);
  return code;
}

static int open_dynamic(measurement *e) {
  seqgpu_context *ctx = e->model->ctx;
  CLI_TRY(charlm_dynamic_prepare(e->model));
  seqgpu_status status = charlm_pass_create(e->model, e->options->dynamic_steps, 1, 1, &e->pass);
  if (status == SEQGPU_OK) status = charlm_dynamic_keep(e->model, &e->kept);
  return status == SEQGPU_OK ? CLI_OK : cli_library_error(ctx);
}

static int measure_text(measurement *e, const int32_t *ids, int64_t count, result *r) {
  float *model = NULL, *ngrams = NULL;
  seqgpu_status status = measure(e, ids, count, r, &model);
  if (status == SEQGPU_OK && e->ngrams && (ngrams = measure_ngrams(e->ngrams, ids, count)) == NULL)
    status = cli_no_memory();
  if (status == SEQGPU_OK && ngrams) {
    r->ngram_loss = charlm_mean(ngrams, count - 1);
    r->mixed_loss = charlm_mixed(model, ngrams, count - 1, e->share);
  }
  free(model);
  free(ngrams);
  return status == SEQGPU_OK ? CLI_OK : cli_library_error(e->model->ctx);
}

static int run(measurement *e, const text_file *t) {
  const eval_options *o = e->options;
  const char *path = o->text.item[0];
  vocab_misses misses;
  int32_t *ids;
  int64_t count;
  CLI_TRY(vocab_encode(e->vocab, t, path, &ids, &count, &misses));
  if (!o->base.common.quiet) vocab_note_misses(&misses, count, path);
  result r = {.unknown = misses.count, .tokens_per_char = (double)count / (double)text_characters(t)};
  int code =
      count < 2 ? cli_error("%s: has %lld tokens; it must have at least 2", path, (long long)count) : CLI_OK;
  if (code == CLI_OK && o->dynamic > 0) code = open_dynamic(e);
  if (code == CLI_OK && o->ngram > 0) code = open_ngrams(e);
  if (code == CLI_OK) code = measure_text(e, ids, count, &r);
  free(ids);
  if (code == CLI_OK) (o->base.common.json ? print_json : print_text)(e, &r);
  return code;
}

static void measurement_free(measurement *e) {
  charlm_pass_destroy(&e->pass);
  free(e->kept);
  kneser_ney_destroy(e->ngrams);
}

/* Opens the model with room for the text: no token is shorter than a byte. */
static int load(seqgpu_context *ctx, const eval_options *o, const text_file *t, charlm *m, vocabulary *v) {
  const int dynamic = o->dynamic > 0;
  int64_t batch = dynamic ? 1 : o->batch ? o->batch : charlm_eval_batch((int64_t)t->size + 1);
  if (batch > (int64_t)t->size) batch = (int64_t)t->size;
  return charlm_load(ctx, o->checkpoint, &o->base.how, &o->foreign, dynamic ? o->dynamic_steps : EVAL_STEPS,
                     batch, dynamic, m, v);
}

static int check_share(eval_options *o) {
  char *end;
  o->share = (double)NAN;
  if (strcmp(o->interpolate, "auto") == 0) return CLI_OK;
  o->share = strtod(o->interpolate, &end);
  if (end != o->interpolate && *end == 0 && o->share >= 0 && o->share <= 1) return CLI_OK;
  return cli_usage("--interpolate: is \"%s\"; it must be a number from 0 to 1, or auto", o->interpolate);
}

/* Also refuses options that have no effect. */
static int check_options(eval_options *o, const arg_spec *specs, const unsigned char *given) {
  if (o->dynamic > 0 && o->batch > 1)
    return cli_usage("--batch: is %lld; with --dynamic the text is read as 1 stream", (long long)o->batch);
  if (o->dynamic == 0 && given[args_find(specs, "dynamic-steps")])
    return cli_usage("--dynamic-steps: has no effect without --dynamic");
  if (o->ngram == 0 && given[args_find(specs, "interpolate")])
    return cli_usage("--interpolate: has no effect without --ngram");
  return check_share(o);
}

static int eval_charlm(token_kind kind, int argc, char **argv) {
  eval_options options = {.base = {.common = COMMON_DEFAULTS},
                          .foreign = FOREIGN_DEFAULTS,
                          .dynamic_steps = DYNAMIC_STEPS,
                          .interpolate = "auto"};
  arg_spec specs[ARGS_MAX] = {ROW_END};
  const arg_command help = {"seqgpu eval --checkpoint FILE --text FILE [options]", about, specs};
  seqgpu_context *ctx;
  args_join(specs, own_specs, 0);
  foreign_join_specs(specs, FIELD(foreign));
  unsigned char given[ARGS_MAX];
  const int started = command_start_network(&help, argc, argv, &options, given, &ctx);
  if (started != ARGS_GO_ON) return started;
  text_file t = {.data = NULL};
  charlm m = {.ctx = ctx};
  vocabulary v = {.unknown = -1};
  measurement e = {.options = &options, .model = &m, .vocab = &v};
  int code = check_options(&options, specs, given);
  if (code == CLI_OK) code = text_load(&options.text, kind, &t);
  if (code == CLI_OK) code = load(ctx, &options, &t, &m, &v);
  if (code == CLI_OK) code = run(&e, &t);
  measurement_free(&e);
  charlm_destroy(&m);
  vocab_free(&v);
  text_free(&t);
  seqgpu_context_destroy(ctx);
  return code;
}

/* ---------------------------------------------------------------- which model it is */

/* What it is: an application, a task, or with neither a language model and the kind of its tokens. */
typedef struct what {
  const application *app;
  const task_spec *task;
  token_kind kind;
} what;

static int read_task(const char *path, what *out) {
  seqgpu_checkpoint *file;
  seqgpu_context *ctx;
  CLI_TRY(cli_open("cpu", 1, &ctx));
  int code = CLI_OK;
  if (seqgpu_checkpoint_open(ctx, path, &file) == SEQGPU_OK) {
    const char *name = seqgpu_checkpoint_meta(file, "task"), *tokens = seqgpu_checkpoint_meta(file, "tokens");
    if (name) out->app = application_find(name);
    if (name) out->task = task_find(name);
    if (tokens) out->kind = text_token_kind(tokens);
  } else {
    code = cli_library_error(ctx);
  }
  seqgpu_checkpoint_close(file);
  seqgpu_context_destroy(ctx);
  return code;
}

/* Which options there are depends on the model; help is given without one, too. */
static int eval(int argc, char **argv) {
  const char *path = args_peek(argc, argv, "checkpoint");
  what model = {.kind = TOKEN_BYTES};
  const int help = args_ask_help(argc, argv);
  if (path && (!help || files_has_content(path))) CLI_TRY(read_task(path, &model));
  if (model.app) return application_eval(model.app, argc, argv);
  return model.task ? eval_task(model.task, argc, argv) : eval_charlm(model.kind, argc, argv);
}

const command_spec command_eval = {"eval", "measure how well a model predicts a text or does its task", eval};
