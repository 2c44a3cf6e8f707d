/* sample.c - `seqgpu sample`: text from a model, one token at a time.
 *
 *   p = softmax(logits / temperature);   temperature 0: the likeliest token
 */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdlib.h>

#include "host/cli/charlm_file.h"
#include "host/cli/command.h"
#include "host/cli/json.h"

typedef struct sample_options {
  network_options base;
  const char *checkpoint, *prime;
  double temperature;
  int64_t length, seed;
} sample_options;

#define FIELD(name) offsetof(sample_options, name)

static const arg_spec specs[] = {
    ROW_REQUIRED_FILE("checkpoint", FIELD(checkpoint), "the model"),
    ROW_TEXT("prime", FIELD(prime), "TEXT", "beginning of the text"),
    ROW_REAL("temperature", ARG_NOT_KEPT, FIELD(temperature), 0, 1000, "T",
             "1 = the model's own probabilities, lower = safer, 0 = always the likeliest token"),
    ROW_INT("length", ARG_NOT_KEPT, FIELD(length), 0, 1e15, "N", "tokens to write"),
    ROW_INT("seed", ARG_NOT_KEPT, FIELD(seed), 0, 9e15, "N", "seed of the random choices"),
    ROW_END,
};
static const arg_command help = {"seqgpu sample --checkpoint FILE [options]",
                                 "Writes text with a model of seqgpu train charlm.", specs};

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
  return best; /* the sum was rounded */
}

/* The tokens of the prime text; without one *count is 0, and (*ids)[0] a line end or else the first token. */
static int prime_tokens(const sampler *s, int32_t **ids, int64_t *count) {
  const text_file prime = text_of(s->options->prime ? s->options->prime : "");
  CLI_TRY(vocab_encode(&s->vocab, &prime, "--prime", ids, count));
  if (*count > 0) return CLI_OK;
  (*ids)[0] = 0;
  for (int32_t v = 0; v < s->vocab.size; v++)
    if (s->vocab.tokens[v].length == 1 && s->vocab.tokens[v].text[0] == '\n') (*ids)[0] = v;
  return CLI_OK;
}

/* Writes the prime text and what follows; `before` is the token that decides whether a word needs a space. */
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
    json_string(stdout, all, size);
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
    status = s->options->base.common.json ? write_json(s, prime, count) : write_text(s, prime, count, stdout);
  if (status == SEQGPU_OK && !s->options->base.common.json) printf("\n");
  free(prime);
  free(s->logits);
  charlm_pass_destroy(&s->pass);
  seqgpu_free(ctx, s->id);
  return status == SEQGPU_OK ? CLI_OK : cli_library_error(ctx);
}

static int sample(int argc, char **argv) {
  sample_options options = {.base = {.common = COMMON_DEFAULTS}, .temperature = 1, .length = 500, .seed = 1};
  seqgpu_context *ctx;
  const int started = command_start_network(&help, argc, argv, &options, &ctx);
  if (started != ARGS_GO_ON) return started;
  sampler s = {.options = &options, .seed = (uint64_t)options.seed};
  int code = charlm_load(ctx, options.checkpoint, &options.base.how, 1, 1, 0, &s.model, &s.vocab);
  if (code == CLI_OK) code = run(&s);
  charlm_destroy(&s.model);
  vocab_free(&s.vocab);
  seqgpu_context_destroy(ctx);
  return code;
}

const command_spec command_sample = {"sample", "write text with a model", sample};
