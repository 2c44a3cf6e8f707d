/* eval.c - `seqgpu eval`: how well a model predicts a text. */
#include <math.h>
#include <stdlib.h>

#include "host/cli/charlm.h"

typedef struct eval_options {
  const char *checkpoint, *text;
  int64_t threads, batch;
  char device[ARGS_WORD];
  int json;
} eval_options;

#define FIELD(name) offsetof(eval_options, name)

/* clang-format off: a table */
static const arg_spec specs[] = {
    {"checkpoint", ARG_TEXT, ARG_NOT_KEPT, FIELD(checkpoint), 0, 0, NULL, "FILE", "the model; required"},
    {"text", ARG_TEXT, ARG_NOT_KEPT, FIELD(text), 0, 0, NULL, "FILE", "the text; required"},
    {"batch", ARG_INT, ARG_NOT_KEPT, FIELD(batch), 0, 1000000, NULL, "B",
     "streams the text is cut into, 0 = one for 1000 tokens, at most 50"},
    {"device", ARG_CHOICE, ARG_NOT_KEPT, FIELD(device), 0, 0, "auto|cpu|cuda", "D", "where to compute"},
    {"threads", ARG_INT, ARG_NOT_KEPT, FIELD(threads), 0, 1024, NULL, "N", "CPU threads, 0 = all"},
    {"json", ARG_FLAG, ARG_NOT_KEPT, FIELD(json), 0, 0, NULL, NULL, "one JSON object"},
    {NULL, ARG_FLAG, ARG_NOT_KEPT, 0, 0, 0, NULL, NULL, NULL},
};
/* clang-format on */
enum { EVAL_STEPS = 50 };

static void print_result(const eval_options *o, int64_t predictions, double nats) {
  const double bits = nats / 0.69314718055994530942;
  if (o->json)
    printf("{\"tokens\": %lld, \"loss\": %.9g, \"bits_per_char\": %.9g, \"perplexity\": %.9g}\n",
           (long long)predictions, nats, bits, exp(nats));
  else
    printf("%lld tokens predicted: loss %.4f nats, %.4f bits, perplexity %.4f\n", (long long)predictions,
           nats, bits, exp(nats));
}

static int evaluate(const eval_options *o, charlm *m, const int32_t *ids, int64_t count) {
  if (count < 2) return cli_error("%s: the text is too short: %lld tokens", o->text, (long long)count);
  int64_t batch = o->batch ? o->batch : charlm_eval_batch(count);
  if (batch > count - 1) batch = count - 1;
  const int64_t length = (count - 1 + batch - 1) / batch;
  charlm_streams streams = {.ids = NULL};
  charlm_pass pass = {.model = NULL};
  double nats = 0;
  seqgpu_status status = charlm_streams_create(m->ctx, ids, count, batch, length, &streams);
  if (status == SEQGPU_OK) status = charlm_pass_create(m, EVAL_STEPS, batch, 0, &pass);
  if (status == SEQGPU_OK) status = charlm_evaluate(&pass, &streams, NULL, &nats);
  if (status == SEQGPU_OK) print_result(o, streams.predictions, nats);
  charlm_pass_destroy(&pass);
  charlm_streams_destroy(m->ctx, &streams);
  return status == SEQGPU_OK ? CLI_OK : cli_library_error(m->ctx);
}

static int run(const eval_options *o, charlm *m, const vocabulary *v, const text_file *t) {
  int32_t *ids;
  int64_t count;
  CLI_TRY(text_check(t, v->kind, o->text));
  CLI_TRY(vocab_encode(v, t->data, t->size, o->text, &ids, &count));
  const int code = evaluate(o, m, ids, count);
  free(ids);
  return code;
}

int command_eval(int argc, char **argv) {
  static const arg_command command = {
      "seqgpu eval --checkpoint FILE --text FILE [options]",
      "Mean loss of a model of seqgpu train charlm over a text, its states carried from start to end.",
      specs};
  eval_options options = {.device = "auto"};
  unsigned char given[ARGS_MAX];
  const int parsed = args_parse(&command, argc, argv, &options, given);
  if (parsed != ARGS_GO_ON) return parsed;
  if (options.checkpoint == NULL) return cli_usage("--checkpoint: is required, it names the model");
  if (options.text == NULL) return cli_usage("--text: is required, it names the text");
  text_file t;
  seqgpu_context *ctx;
  CLI_TRY(text_read(options.text, &t));
  int code = cli_open(options.device, options.threads, &ctx);
  charlm m;
  vocabulary v;
  config_cursor cursor;
  int64_t batch = options.batch ? options.batch : charlm_eval_batch((int64_t)t.size + 1);
  if (batch > (int64_t)t.size) batch = (int64_t)t.size;
  if (code == CLI_OK) code = charlm_load(ctx, options.checkpoint, EVAL_STEPS, batch, 0, &m, &v, &cursor);
  if (code == CLI_OK) {
    code = run(&options, &m, &v, &t);
    charlm_destroy(&m);
    vocab_free(&v);
  }
  text_free(&t);
  seqgpu_context_destroy(ctx);
  return code;
}
