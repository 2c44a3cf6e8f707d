/* sample.c - `seqgpu sample`: text from a model, one token at a time.
 *
 *   p = softmax(logits / temperature);   temperature 0: the most probable token
 */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/charlm.h"

typedef struct sample_options {
  const char *checkpoint, *prime;
  double temperature;
  int64_t length, seed, threads;
  char device[ARGS_WORD];
  int json;
} sample_options;

#define FIELD(name) offsetof(sample_options, name)

/* clang-format off: a table */
static const arg_spec specs[] = {
    {"checkpoint", ARG_TEXT, ARG_NOT_KEPT, FIELD(checkpoint), 0, 0, NULL, "FILE", "the model; required"},
    {"prime", ARG_TEXT, ARG_NOT_KEPT, FIELD(prime), 0, 0, NULL, "TEXT", "what the text begins with"},
    {"temperature", ARG_REAL, ARG_NOT_KEPT, FIELD(temperature), 0, 1000, NULL, "T",
     "1 = as the model says, lower = safer, 0 = always the likeliest"},
    {"length", ARG_INT, ARG_NOT_KEPT, FIELD(length), 0, 1e15, NULL, "N", "tokens to write"},
    {"seed", ARG_INT, ARG_NOT_KEPT, FIELD(seed), 0, 9e15, NULL, "N", "of the random choices"},
    {"device", ARG_CHOICE, ARG_NOT_KEPT, FIELD(device), 0, 0, "auto|cpu|cuda", "D", "where to compute"},
    {"threads", ARG_INT, ARG_NOT_KEPT, FIELD(threads), 0, 1024, NULL, "N", "CPU threads, 0 = all"},
    {"json", ARG_FLAG, ARG_NOT_KEPT, FIELD(json), 0, 0, NULL, NULL, "one JSON object with the text"},
    {NULL, ARG_FLAG, ARG_NOT_KEPT, 0, 0, 0, NULL, NULL, NULL},
};
/* clang-format on */

typedef struct sampler {
  const sample_options *options;
  charlm model;
  charlm_pass pass;
  vocabulary vocab;
  uint64_t seed, drawn;
  float *logits; /* [V] */
  void *id;      /* device */
} sampler;

/* The next number in (0, 1) of the library's generator: the same on every device. */
static double next_uniform(sampler *s) { return seqgpu_uniform(s->seed, 0, s->drawn++); }

/* Reads one token; the logits of the next are then in s->logits. */
static seqgpu_status read_token(sampler *s, int32_t id) {
  seqgpu_context *ctx = s->model.ctx;
  LIB_TRY(seqgpu_copy_in(ctx, s->id, &id, sizeof id));
  LIB_TRY(charlm_forward(&s->pass, 1, s->id, 0));
  return seqgpu_copy_out(ctx, s->logits, s->pass.logits, (size_t)s->model.vocab * sizeof(float));
}

static int32_t likeliest(const sampler *s) {
  int32_t best = 0;
  for (int32_t v = 1; v < (int32_t)s->model.vocab; v++)
    if (s->logits[v] > s->logits[best]) best = v;
  return best;
}

static double weight(const sampler *s, int32_t v, float largest) {
  return exp((double)(s->logits[v] - largest) / s->options->temperature);
}

static int32_t draw(sampler *s) {
  const int32_t best = likeliest(s), V = (int32_t)s->model.vocab;
  if (s->options->temperature == 0) return best;
  double sum = 0;
  for (int32_t v = 0; v < V; v++) sum += weight(s, v, s->logits[best]);
  double left = next_uniform(s) * sum;
  for (int32_t v = 0; v < V; v++) {
    left -= weight(s, v, s->logits[best]);
    if (left < 0) return v;
  }
  return best; /* rounding */
}

/* The tokens of the prime text; without one, a line end (or the first token) that is not printed. */
static int prime_tokens(const sampler *s, int32_t **ids, int64_t *count) {
  const char *prime = s->options->prime;
  const text_file t = {.data = (char *)(uintptr_t)prime,
                       .size = prime ? strlen(prime) : 0,
                       .memory = (char *)(uintptr_t)prime};
  if (t.size > 0) CLI_TRY(text_check(&t, s->vocab.kind, "--prime"));
  CLI_TRY(vocab_encode(&s->vocab, prime ? prime : "", t.size, "--prime", ids, count));
  if (*count > 0) return CLI_OK;
  free(*ids);
  if (vocab_encode(&s->vocab, "", 0, "--prime", ids, count)) return CLI_FAILED;
  (*ids)[0] = 0;
  for (int32_t v = 0; v < s->vocab.size; v++)
    if (s->vocab.tokens[v].length == 1 && s->vocab.tokens[v].text[0] == '\n') (*ids)[0] = v;
  return CLI_OK;
}

/* Writes the text; `before` tells words where to put spaces. */
static seqgpu_status write_text(sampler *s, const int32_t *prime, int64_t count, FILE *to) {
  int32_t before = -1;
  for (int64_t i = 0; i < (count > 0 ? count : 1); i++) {
    LIB_TRY(read_token(s, prime[i]));
    if (count == 0) break;
    vocab_print(&s->vocab, before, prime[i], to);
    before = prime[i];
  }
  for (int64_t i = 0; i < s->options->length && !ferror(to); i++) {
    const int32_t id = draw(s);
    vocab_print(&s->vocab, before, id, to);
    before = id;
    if (i % 16 == 0 && to == stdout) fflush(to);
    if (i + 1 < s->options->length) LIB_TRY(read_token(s, id));
  }
  return SEQGPU_OK;
}

static seqgpu_status write_json(sampler *s, const int32_t *prime, int64_t count) {
  char *all = NULL;
  size_t size = 0;
  FILE *memory = open_memstream(&all, &size);
  if (memory == NULL) return SEQGPU_ENOMEM;
  seqgpu_status status = write_text(s, prime, count, memory);
  if (fclose(memory) != 0) status = SEQGPU_ENOMEM;
  if (status == SEQGPU_OK) {
    printf("{\"seed\": %lld, \"temperature\": %g, \"length\": %lld, \"text\": ", (long long)s->options->seed,
           s->options->temperature, (long long)s->options->length);
    cli_json_string(stdout, all, size);
    printf("}\n");
  }
  free(all);
  return status;
}

static int run(sampler *s) {
  seqgpu_context *ctx = s->model.ctx;
  int32_t *prime;
  int64_t count;
  CLI_TRY(prime_tokens(s, &prime, &count));
  s->logits = malloc((size_t)s->model.vocab * sizeof(float));
  seqgpu_status status = s->logits ? seqgpu_malloc(ctx, sizeof(int32_t), &s->id) : SEQGPU_ENOMEM;
  if (status == SEQGPU_OK) status = charlm_pass_create(&s->model, 1, 1, 0, &s->pass);
  if (status == SEQGPU_OK)
    status = s->options->json ? write_json(s, prime, count) : write_text(s, prime, count, stdout);
  if (status == SEQGPU_OK && !s->options->json) printf("\n");
  free(prime);
  free(s->logits);
  charlm_pass_destroy(&s->pass);
  seqgpu_free(ctx, s->id);
  return status == SEQGPU_OK ? CLI_OK : cli_library_error(ctx);
}

int command_sample(int argc, char **argv) {
  static const arg_command command = {"seqgpu sample --checkpoint FILE [options]",
                                      "Writes text with a model of seqgpu train charlm.", specs};
  sample_options options = {.temperature = 1, .length = 500, .seed = 1, .device = "auto"};
  unsigned char given[ARGS_MAX];
  const int parsed = args_parse(&command, argc, argv, &options, given);
  if (parsed != ARGS_GO_ON) return parsed;
  if (options.checkpoint == NULL) return cli_usage("--checkpoint: is required, it names the model");
  seqgpu_context *ctx;
  CLI_TRY(cli_open(options.device, options.threads, &ctx));
  sampler s = {.options = &options, .seed = (uint64_t)options.seed};
  config_cursor cursor;
  int code = charlm_load(ctx, options.checkpoint, 1, 1, 0, &s.model, &s.vocab, &cursor);
  if (code == CLI_OK) {
    code = run(&s);
    charlm_destroy(&s.model);
    vocab_free(&s.vocab);
  }
  seqgpu_context_destroy(ctx);
  return code;
}
