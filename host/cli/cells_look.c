/* cells_look.c - running a language model over a text and keeping what its cells do (cells_look.h). */
#include "host/cli/cells_look.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cells_score.h"

/* ---------------------------------------------------------------- what there is to see */

/* Width of a part of the plan's cell, 0 if it has none of that name. */
static int64_t width_of(seqgpu_context *ctx, const seqgpu_plan *plan, const char *name) {
  seqgpu_part_info part;
  for (int k = 0; seqgpu_plan_part_get(ctx, plan, k, &part) == SEQGPU_OK; k++)
    if (strcmp(part.name, name) == 0) return part.width;
  return 0;
}

/* An LSTM keeps what it knows in c, and shows tanh(c) through a gate; the others show what they know. */
static int has_memory(const charlm *m) { return strstr(m->config.model.cell, "lstm") != NULL; }

static void describe(const charlm *m, const charlm_pass *pass, cells_look *out) {
  seqgpu_part_info part;
  const int memory = has_memory(m);
  snprintf(out->part, sizeof out->part, memory ? "tanh(c)" : "h");
  out->L = m->config.model.rnn.num_layers;
  out->H = width_of(m->ctx, pass->plan, memory ? "c" : "h");
  for (int k = 0; seqgpu_plan_part_get(m->ctx, pass->plan, k, &part) == SEQGPU_OK; k++)
    if (cells_is_gate(part.name) && part.width == out->H && out->gates < CELLS_GATES)
      snprintf(out->gate[out->gates++], sizeof out->gate[0], "%s", part.name);
}

/* ---------------------------------------------------------------- values */

static int allocate(cells_look *c) {
  const size_t n = (size_t)c->n, U = (size_t)(c->L * c->H), gates = (size_t)(c->gates ? c->gates : 1);
  c->cell = malloc(n * U * sizeof *c->cell);
  c->gate_value = malloc(n * U * gates * sizeof *c->gate_value);
  c->ends = malloc(n * sizeof *c->ends);
  return c->cell && c->gate_value && c->ends ? CLI_OK
                                             : cli_error("out of memory for %zu cells over %zu tokens", U, n);
}

/* One layer's cells from [n,H] to their columns of [n,U]. */
static void spread(const cells_look *c, int64_t layer, const float *x, int memory) {
  for (int64_t t = 0; t < c->n; t++)
    for (int64_t u = 0; u < c->H; u++) {
      const float value = x[t * c->H + u];
      c->cell[(t * c->L + layer) * c->H + u] = memory ? tanhf(value) : value;
    }
}

static seqgpu_status read_layer(const charlm *m, const charlm_pass *pass, const seqgpu_rnn_run *run,
                                cells_look *c, int layer, float *scratch) {
  const int memory = has_memory(m);
  LIB_TRY(seqgpu_rnn_inspect(m->ctx, pass->plan, run, layer, 0, memory ? "c" : "h", scratch, NULL));
  spread(c, layer, scratch, memory);
  for (int g = 0; g < c->gates; g++) {
    float *to = c->gate_value + (layer * c->gates + g) * c->n * c->H;
    LIB_TRY(seqgpu_rnn_inspect(m->ctx, pass->plan, run, layer, 0, c->gate[g], to, NULL));
  }
  return SEQGPU_OK;
}

static seqgpu_status read_layers(const charlm *m, const charlm_pass *pass, cells_look *c) {
  const seqgpu_rnn_run run = charlm_run(pass, c->n, 0);
  float *scratch = malloc((size_t)(c->n * c->H) * sizeof *scratch);
  seqgpu_status status = SEQGPU_OK;
  if (scratch == NULL) return cli_no_memory();
  for (int layer = 0; layer < c->L && status == SEQGPU_OK; layer++)
    status = read_layer(m, pass, &run, c, layer, scratch);
  free(scratch);
  return status;
}

/* The tokens as they are printed, and where each ends. */
static int write_text(const vocabulary *v, const int32_t *ids, cells_look *c) {
  if (!memory_open(&c->text)) return cli_error("out of memory");
  for (int64_t i = 0; i < c->n; i++) {
    vocab_print(v, i ? ids[i - 1] : -1, ids[i], c->text.to);
    c->ends[i] = fflush(c->text.to) == 0 ? c->text.size : 0;
  }
  return memory_close(&c->text) ? CLI_OK : cli_error("out of memory");
}

static int fill(const charlm *m, const charlm_pass *pass, const vocabulary *v, const int32_t *ids,
                cells_look *out) {
  describe(m, pass, out);
  CLI_TRY(allocate(out));
  CLI_TRY(write_text(v, ids, out));
  return read_layers(m, pass, out) == SEQGPU_OK ? CLI_OK : cli_library_error(m->ctx);
}

int cells_look_at(charlm *m, const vocabulary *v, const int32_t *ids, int64_t n, cells_look *out) {
  charlm_pass pass;
  *out = (cells_look){.n = n};
  if (charlm_look(m, ids, n, &pass) != SEQGPU_OK) return cli_library_error(m->ctx);
  const int code = fill(m, &pass, v, ids, out);
  charlm_pass_destroy(&pass);
  if (code) cells_look_free(out);
  return code;
}

void cells_look_free(cells_look *c) {
  free(c->cell);
  free(c->gate_value);
  memory_free(&c->text);
  free(c->ends);
  *c = (cells_look){.n = 0};
}
