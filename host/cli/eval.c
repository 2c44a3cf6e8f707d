/* eval.c - `seqgpu eval`: how well a model predicts a text, or does its task. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/application.h"
#include "host/cli/charlm_file.h"
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
} eval_options;

#define FIELD(name) offsetof(eval_options, name)

static const arg_spec own_specs[] = {
    ROW_REQUIRED_FILE("checkpoint", FIELD(checkpoint), "the model"),
    ROW_REQUIRED_FILES("text", FIELD(text), "the text; several are read as one"),
    ROW_INT("batch", ARG_NOT_KEPT, FIELD(batch), 0, 1000000, "B",
            "streams the text is cut into, 0 = one per 1000 tokens, at most 50"),
    ROW_END,
};
static const char about[] =
    "Prints the mean loss of a model of seqgpu train charlm over a text.  The text is cut into --batch "
    "streams,\n"
    "read side by side, each from zero states on; with --batch 1 the states are carried from start to end.\n"
    "A model of another task is measured on fresh sequences, without a text; seqgpu eval --checkpoint FILE\n"
    "--help lists the options of its task.  The shape of the model is needed only for a file of another "
    "program, which does not say it.";

enum { EVAL_STEPS = 50, MOST_STREAMS = 50 };

/* ---------------------------------------------------------------- a language model */

/* Loss and perplexity are those of a token; `tokens_per_char` is 1 where each is one character. */
static void print_result(const eval_options *o, const charlm_streams *s, double tokens_per_char,
                         int64_t unknown, double nats) {
  const double bits = nats / CHARLM_LN2;
  const long long tokens = (long long)s->predictions, streams = (long long)s->batch;
  if (o->base.common.json) {
    printf("{\"tokens\": %lld, \"unknown\": %lld, \"streams\": %lld", tokens, (long long)unknown, streams);
    json_number(stdout, ", \"loss\": ", 9, nats);
    json_number(stdout, ", \"bits_per_token\": ", 9, bits);
    json_number(stdout, ", \"bits_per_char\": ", 9, tokens_per_char * bits);
    json_number(stdout, ", \"perplexity\": ", 9, exp(nats)); /* may be infinite */
    printf("}\n");
    return;
  }
  printf("%lld tokens predicted in %lld streams: loss %.4f nats, %.4f bits per character, perplexity %.4f\n",
         tokens, streams, nats, tokens_per_char * bits, exp(nats));
}

static seqgpu_status evaluate(const eval_options *o, charlm *m, const charlm_streams *streams,
                              double tokens_per_char, int64_t unknown) {
  charlm_pass pass = {.model = NULL};
  double nats = 0;
  seqgpu_status status = charlm_pass_create(m, EVAL_STEPS, streams->batch, 0, &pass);
  if (status == SEQGPU_OK) status = charlm_evaluate(&pass, streams, NULL, &nats);
  if (status == SEQGPU_OK) print_result(o, streams, tokens_per_char, unknown, nats);
  charlm_pass_destroy(&pass);
  return status;
}

static int run(const eval_options *o, charlm *m, const vocabulary *v, const text_file *t) {
  const char *path = o->text.item[0];
  vocab_misses misses;
  int32_t *ids;
  int64_t count;
  CLI_TRY(vocab_encode(v, t, path, &ids, &count, &misses));
  if (!o->base.common.quiet) vocab_note_misses(&misses, count, path);
  if (count < 2) {
    free(ids);
    return cli_error("%s: has %lld tokens; it must have at least 2", path, (long long)count);
  }
  charlm_streams streams = {.ids = NULL};
  seqgpu_status status = charlm_eval_streams(m->ctx, ids, count, o->batch, &streams);
  free(ids);
  if (status == SEQGPU_OK)
    status = evaluate(o, m, &streams, (double)count / (double)text_characters(t), misses.count);
  charlm_streams_destroy(m->ctx, &streams);
  return status == SEQGPU_OK ? CLI_OK : cli_library_error(m->ctx);
}

/* Opens the model with room for the text: no token is shorter than a byte. */
static int load(seqgpu_context *ctx, const eval_options *o, const text_file *t, charlm *m, vocabulary *v) {
  int64_t batch = o->batch ? o->batch : charlm_eval_batch((int64_t)t->size + 1);
  if (batch > (int64_t)t->size) batch = (int64_t)t->size;
  return charlm_load(ctx, o->checkpoint, &o->base.how, &o->foreign, EVAL_STEPS, batch, 0, m, v);
}

static int eval_charlm(token_kind kind, int argc, char **argv) {
  eval_options options = {.base = {.common = COMMON_DEFAULTS}, .foreign = FOREIGN_DEFAULTS};
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
  int code = text_load(&options.text, kind, &t);
  if (code == CLI_OK) code = load(ctx, &options, &t, &m, &v);
  if (code == CLI_OK) code = run(&options, &m, &v, &t);
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
