/* charlm_hessian.c - Hessian-free updates of the language model (charlm_hessian.h): its loss on a tape.
 *
 * The curvature may be of fewer streams than the gradient, and the preconditioner is of single ones.  Streams
 * are columns of ids [T+1,B] and of states [L,B,W], which one update reads from the device once.
 */
#include "host/cli/charlm_hessian.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/hessian.h"

/* ---------------------------------------------------------------- columns */

/* Some of B streams. */
typedef struct columns {
  int64_t first, count;
} columns;

/* Rows of B entries of `size` bytes; those of some streams, one row after the other. */
static void *cut(const void *rows, int64_t count, int64_t B, size_t size, columns c, void *to) {
  const size_t row = (size_t)c.count * size;
  for (int64_t i = 0; i < count; i++)
    memcpy((char *)to + (size_t)i * row, (const char *)rows + (size_t)(i * B + c.first) * size, row);
  return to;
}

/* The tokens that are read, or those one step later, which are predicted. */
static seqgpu_tensor *tokens(const charlm_hessian *h, seqgpu_tape *tape, columns c, int later) {
  const int64_t B = h->pass->B;
  return seqgpu_tape_ids(tape, 2, (int64_t[]){h->T, c.count},
                         cut(h->ids + later * B, h->T, B, sizeof *h->ids, c, h->some_ids));
}

static seqgpu_tensor *state_before(const charlm_hessian *h, seqgpu_tape *tape, columns c, int k) {
  const int64_t layers = h->pass->state[k].rows / h->pass->B, width = h->pass->state[k].cols;
  return seqgpu_tape_input(
      tape, 3, (int64_t[]){layers, c.count, width},
      cut(h->state[k], layers, h->pass->B, (size_t)width * sizeof(float), c, h->some_states));
}

/* ---------------------------------------------------------------- the loss */

static columns streams_of(const charlm_hessian *h, seqgpu_hessian_free_batch batch, int64_t index) {
  const int64_t curvature = h->pass->model->config.model.hessian.curvature;
  if (batch == SEQGPU_HESSIAN_FREE_CASE) return (columns){index, 1};
  if (batch == SEQGPU_HESSIAN_FREE_CURVATURE && curvature) return (columns){0, curvature};
  return (columns){0, h->pass->B};
}

/* The mean over the predictions of some streams; a state counts as much as a prediction. */
static seqgpu_tensor *build(seqgpu_hessian_free *hf, seqgpu_tape *tape, seqgpu_hessian_free_batch batch,
                            int64_t index, void *self) {
  const charlm_hessian *h = self;
  const charlm *m = h->pass->model;
  const columns c = streams_of(h, batch, index);
  seqgpu_tensor *initial[CHARLM_STATES] = {NULL};
  for (int k = 0; k < h->pass->states; k++) initial[k] = state_before(h, tape, c, k);
  seqgpu_tensor *x =
      seqgpu_tape_embedding(tape, seqgpu_tape_param(tape, &m->embedding), tokens(h, tape, c, 0));
  x = seqgpu_tape_dropout(tape, x, m->config.embedding_dropout);
  seqgpu_tensor *y = seqgpu_tape_rnn(tape, h->pass->plan, seqgpu_tape_param(tape, &m->rnn), x, initial, NULL);
  y = seqgpu_hessian_free_damp(hf, y, 1 / (double)(h->T * c.count));
  y = seqgpu_tape_dropout(tape, y, m->config.model.rnn.dropout);
  seqgpu_tensor *logits =
      seqgpu_tape_linear(tape, y, seqgpu_tape_param(tape, &m->weight), seqgpu_tape_param(tape, &m->bias));
  return seqgpu_tape_cross_entropy(tape, logits, tokens(h, tape, c, 1), 1, 1);
}

/* ---------------------------------------------------------------- an update */

static seqgpu_status read_piece(charlm_hessian *h, int64_t T, const int32_t *ids) {
  const charlm_pass *p = h->pass;
  h->T = T;
  LIB_TRY(seqgpu_copy_out(p->model->ctx, h->ids, ids, (size_t)((T + 1) * p->B) * sizeof *ids));
  for (int k = 0; k < p->states; k++)
    LIB_TRY(seqgpu_copy_out(p->model->ctx, h->state[k], p->state[k].value, p->state_size[k]));
  return SEQGPU_OK;
}

seqgpu_status charlm_hessian_update(charlm_hessian *h, int64_t T, const int32_t *ids, uint64_t step,
                                    seqgpu_hessian_free_report *report) {
  LIB_TRY(read_piece(h, T, ids));
  LIB_TRY(seqgpu_hessian_free_update(h->optimizer, build, h, report));
  return charlm_carry(h->pass, T, ids, step);
}

/* ---------------------------------------------------------------- life */

static int allocate(charlm_hessian *h) {
  const charlm_pass *p = h->pass;
  const size_t tokens = (size_t)((p->T + 1) * p->B) * sizeof *h->ids;
  size_t largest = 0;
  int there = 1;
  for (int k = 0; k < CHARLM_STATES && k < p->states; k++) {
    there &= (h->state[k] = malloc(p->state_size[k])) != NULL;
    if (p->state_size[k] > largest) largest = p->state_size[k];
  }
  h->ids = malloc(tokens);
  h->some_ids = malloc(tokens);
  h->some_states = malloc(largest);
  return there && h->ids && h->some_ids && h->some_states;
}

seqgpu_status charlm_hessian_create(const charlm_pass *p, charlm_hessian *out) {
  *out = (charlm_hessian){.pass = p};
  if (!hessian_is_asked(&p->model->config.model)) return SEQGPU_OK;
  const seqgpu_status status =
      allocate(out) ? hessian_create(&p->model->config.model, p->model->params, &out->optimizer)
                    : cli_no_memory();
  if (status != SEQGPU_OK) charlm_hessian_destroy(out);
  return status;
}

void charlm_hessian_destroy(charlm_hessian *h) {
  seqgpu_hessian_free_destroy(h->optimizer);
  for (int k = 0; k < CHARLM_STATES; k++) free(h->state[k]);
  free(h->ids);
  free(h->some_ids);
  free(h->some_states);
  *h = (charlm_hessian){.pass = NULL};
}
