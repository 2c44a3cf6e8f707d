/* sample.c - `seqgpu sample`: text from a model, or what it expects next (sampler.h). */
#define _POSIX_C_SOURCE 200809L /* isatty */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/cli/charlm_file.h"
#include "host/cli/command.h"
#include "host/cli/json.h"
#include "host/cli/memory.h"
#include "host/cli/prime.h"
#include "host/cli/sampler.h"

typedef struct sample_options {
  network_options base;
  const char *checkpoint;
  foreign_model foreign;
  prime_options prime;
  double temperature, top_p;
  int64_t length, seed, top_k, probabilities;
} sample_options;

#define FIELD(name) offsetof(sample_options, name)

static const arg_spec own_specs[] = {
    ROW_REQUIRED_FILE("checkpoint", FIELD(checkpoint), "the model"),
    PRIME_ROWS(FIELD(prime)),
    ROW_REAL("temperature", ARG_NOT_KEPT, FIELD(temperature), 0, 1000, "T",
             "1 = the model's own probabilities, lower = safer, 0 = always the likeliest token"),
    ROW_INT("top-k", ARG_NOT_KEPT, FIELD(top_k), 0, INT32_MAX, "K",
            "draw among the K likeliest tokens only, 0 = all"),
    ROW_REAL("top-p", ARG_NOT_KEPT, FIELD(top_p), 1e-9, 1, "P",
             "draw among the fewest tokens that together have probability P, 1 = all"),
    ROW_INT("length", ARG_NOT_KEPT, FIELD(length), 0, 1e15, "N", "tokens to write"),
    ROW_INT("seed", ARG_NOT_KEPT, FIELD(seed), 0, 9e15, "N", "seed of the random choices"),
    ROW_INT("probabilities", ARG_NOT_KEPT, FIELD(probabilities), 0, INT32_MAX, "N",
            "write no text, but the N likeliest next tokens and their probabilities"),
    ROW_END,
};
static const char about[] =
    "Writes text with a model of seqgpu train charlm.\n"
    "The shape of the model is needed only for a file of another program, which does not say it.";

/* ---------------------------------------------------------------- text */

/* The text and nothing else; on a terminal the line is ended, so that the prompt does not follow it. */
static seqgpu_status write_plain(sampler *s, const sample_options *o, const int32_t *prime, int64_t count) {
  LIB_TRY(sampler_write(s, prime, count, o->length, stdout));
  if (isatty(STDOUT_FILENO)) printf("\n");
  return SEQGPU_OK;
}

static seqgpu_status write_json(sampler *s, const sample_options *o, const int32_t *prime, int64_t count) {
  memory_stream all;
  if (!memory_open(&all)) return cli_no_memory();
  seqgpu_status status = sampler_write(s, prime, count, o->length, all.to);
  if (!memory_close(&all) && status == SEQGPU_OK) status = cli_no_memory();
  if (status == SEQGPU_OK) {
    printf("{\"seed\": %lld, \"temperature\": %g, \"length\": %lld, \"text\": ", (long long)o->seed,
           o->temperature, (long long)o->length);
    json_string(stdout, all.data, all.size);
    printf("}\n");
  }
  memory_free(&all);
  return status;
}

/* ---------------------------------------------------------------- the next token */

static void print_probability(const vocab_token *t, double p, int json, int first) {
  if (!json) printf("%.6f  ", p);
  if (json) printf("%s{\"token\": ", first ? "" : ", ");
  json_string(stdout, t->text, t->length); /* a line end is "\u000a" on a terminal, too */
  if (json) json_number(stdout, ", \"probability\": ", 9, p);
  printf(json ? "}" : "\n");
}

static seqgpu_status write_probabilities(sampler *s, const sample_options *o, const int32_t *prime,
                                         int64_t count) {
  const int32_t start = sampler_start_token(s->vocab);
  const int json = o->base.common.json;
  if (count == 0) LIB_TRY(sampler_read(s, start));
  for (int64_t i = 0; i < count; i++) LIB_TRY(sampler_read(s, prime[i]));
  const double sum = sampler_weigh(s);
  sampler_rank(s);
  if (json) printf("{\"probabilities\": [");
  for (int64_t i = 0; i < o->probabilities && i < s->model->vocab; i++) {
    const int32_t id = s->rank[i].token;
    print_probability(&s->vocab->tokens[id], s->weight[id] / sum, json, i == 0);
  }
  if (json) printf("]}\n");
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- the command */

static int run(charlm *m, const vocabulary *v, const sample_options *o) {
  const sampling how = {o->temperature, o->top_k, o->top_p, (uint64_t)o->seed};
  int32_t *prime = NULL;
  int64_t count;
  sampler s;
  CLI_TRY(prime_encode(&o->prime, v, o->base.common.quiet, &prime, &count));
  seqgpu_status status = sampler_create(m, v, how, &s);
  if (status == SEQGPU_OK && o->probabilities > 0)
    status = write_probabilities(&s, o, prime, count);
  else if (status == SEQGPU_OK)
    status = o->base.common.json ? write_json(&s, o, prime, count) : write_plain(&s, o, prime, count);
  sampler_destroy(&s);
  free(prime);
  return status == SEQGPU_OK ? CLI_OK : cli_library_error(m->ctx);
}

static int sample(int argc, char **argv) {
  sample_options options = {.base = {.common = COMMON_DEFAULTS},
                            .foreign = FOREIGN_DEFAULTS,
                            .temperature = 1,
                            .top_p = 1,
                            .length = 500,
                            .seed = 1};
  arg_spec specs[ARGS_MAX] = {ROW_END};
  const arg_command help = {"seqgpu sample --checkpoint FILE [options]", about, specs};
  seqgpu_context *ctx;
  args_join(specs, own_specs, 0);
  foreign_join_specs(specs, FIELD(foreign));
  unsigned char given[ARGS_MAX];
  const int started = command_start_network(&help, argc, argv, &options, given, &ctx);
  if (started != ARGS_GO_ON) return started;
  charlm m;
  vocabulary v;
  int code = charlm_load(ctx, options.checkpoint, &options.base.how, &options.foreign, 1, 1, 0, &m, &v);
  if (code == CLI_OK) code = run(&m, &v, &options);
  charlm_destroy(&m);
  vocab_free(&v);
  seqgpu_context_destroy(ctx);
  return code;
}

const command_spec command_sample = {"sample", "write text with a model", sample};
