/* flow.c - the steps of a network, and their Jacobians times vectors (flow.h). */
#include "host/cli/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cells_score.h"
#include "host/cli/cli.h"

int64_t flow_output(const flow *f, int64_t j) { return (f->L - 1) * f->W + j; }

/* ---------------------------------------------------------------- elements of either type */

/* The first `count` elements of f->wide, in the context's type. */
static const void *narrowed(const flow *f, int64_t count) {
  if (seqgpu_context_dtype(f->ctx) == SEQGPU_DTYPE_F64) return f->wide;
  for (int64_t i = 0; i < count; i++) f->narrow[i] = (float)f->wide[i];
  return f->narrow;
}

static size_t size_of(const flow *f, int64_t count) {
  return (size_t)count * seqgpu_dtype_size(seqgpu_context_dtype(f->ctx));
}

static seqgpu_status put(const flow *f, void *device, int64_t count) {
  return seqgpu_copy_in(f->ctx, device, narrowed(f, count), size_of(f, count));
}

/* Into f->wide. */
static seqgpu_status get(const flow *f, const void *device, int64_t count) {
  if (seqgpu_context_dtype(f->ctx) == SEQGPU_DTYPE_F64)
    return seqgpu_copy_out(f->ctx, f->wide, device, size_of(f, count));
  LIB_TRY(seqgpu_copy_out(f->ctx, f->narrow, device, size_of(f, count)));
  for (int64_t i = 0; i < count; i++) f->wide[i] = (double)f->narrow[i];
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- vectors of states
 * The library has [L,rows,n] where a vector has [L,W]: n of its elements from `first` on. */

static void gather(const flow *f, int64_t rows, const double *vector, int64_t first, int64_t n) {
  for (int64_t l = 0; l < f->L; l++)
    for (int64_t r = 0; r < rows; r++)
      memcpy(f->wide + (l * rows + r) * n, vector + r * f->S + l * f->W + first, (size_t)n * sizeof(double));
}

static void scatter(const flow *f, int64_t rows, int64_t first, int64_t n, double *vector) {
  for (int64_t l = 0; l < f->L; l++)
    for (int64_t r = 0; r < rows; r++)
      memcpy(vector + r * f->S + l * f->W + first, f->wide + (l * rows + r) * n, (size_t)n * sizeof(double));
}

/* The states before each row's step. */
static void gather_states(const flow *f, int64_t rows, const int64_t *step, int k) {
  const int64_t n = f->state_width[k];
  for (int64_t l = 0; l < f->L; l++)
    for (int64_t r = 0; r < rows; r++)
      memcpy(f->wide + (l * rows + r) * n, f->state + (step[r] - 2) * f->S + l * f->W + f->state_first[k],
             (size_t)n * sizeof(double));
}

/* ---------------------------------------------------------------- one step */

/* A step on the tape: its states before, and all of those after side by side, [L,rows,W]. */
typedef struct node {
  seqgpu_tensor *before[FLOW_STATES], *after;
} node;

static seqgpu_status record(flow *f, int back, int64_t rows, const int64_t *step, node *out) {
  const int64_t x_shape[] = {1, rows, f->I}, params = seqgpu_plan_get_sizes(f->plan).param_elements;
  for (int64_t r = 0; r < rows; r++)
    memcpy(f->wide + r * f->I, f->x + (step[r] - 1) * f->I, (size_t)f->I * sizeof(double));
  LIB_TRY(put(f, f->x_rows, rows * f->I));
  LIB_TRY(seqgpu_tape_clear(f->tape, 1));
  for (int k = 0; k < f->K; k++) {
    const int64_t shape[] = {f->L, rows, f->state_width[k]};
    gather_states(f, rows, step, k);
    LIB_TRY(put(f, f->initial[k], f->L * rows * f->state_width[k]));
    out->before[k] = seqgpu_tape_wrap(f->tape, 3, shape, f->initial[k], back ? f->gradient[k] : NULL);
  }
  seqgpu_tensor *weights = seqgpu_tape_wrap(f->tape, 1, &params, f->params, NULL);
  seqgpu_tensor *x = seqgpu_tape_wrap(f->tape, 3, x_shape, f->x_rows, NULL);
  seqgpu_tensor *y = seqgpu_tape_rnn(f->tape, f->plan, weights, x, out->before, NULL);
  out->after = seqgpu_tape_rnn_final(f->tape, y, 0);
  for (int k = 1; k < f->K; k++)
    out->after = seqgpu_tape_concat(f->tape, out->after, seqgpu_tape_rnn_final(f->tape, y, k));
  return seqgpu_tape_status(f->tape);
}

static seqgpu_status step_forward(flow *f, const node *n, int64_t rows, const double *in, double *out) {
  for (int k = 0; k < f->K; k++) {
    gather(f, rows, in, f->state_first[k], f->state_width[k]);
    LIB_TRY(put(f, f->direction[k], f->L * rows * f->state_width[k]));
  }
  LIB_TRY(seqgpu_tape_tangent(f->tape, n->after, (int)f->K, n->before, (const void *const *)f->direction));
  LIB_TRY(get(f, seqgpu_tensor_tangent(n->after), rows * f->S));
  scatter(f, rows, 0, f->W, out);
  return SEQGPU_OK;
}

static seqgpu_status step_back(flow *f, const node *n, int64_t rows, const double *in, double *out) {
  for (int k = 0; k < f->K; k++)
    LIB_TRY(seqgpu_zero(f->ctx, f->gradient[k], size_of(f, f->L * rows * f->state_width[k])));
  gather(f, rows, in, 0, f->W);
  LIB_TRY(seqgpu_tape_backward(f->tape, n->after, narrowed(f, rows * f->S)));
  for (int k = 0; k < f->K; k++) {
    LIB_TRY(get(f, f->gradient[k], f->L * rows * f->state_width[k]));
    scatter(f, rows, f->state_first[k], f->state_width[k], out);
  }
  return SEQGPU_OK;
}

seqgpu_status flow_step(flow *f, int back, int64_t rows, const int64_t *step, const double *in, double *out) {
  node n;
  LIB_TRY(record(f, back, rows, step, &n));
  return back ? step_back(f, &n, rows, in, out) : step_forward(f, &n, rows, in, out);
}

/* ---------------------------------------------------------------- the run */

/* The gates of the step that the run has just made. */
static seqgpu_status look_at_gates(flow *f, const seqgpu_rnn_run *run) {
  const int wide = seqgpu_context_dtype(f->ctx) == SEQGPU_DTYPE_F64;
  seqgpu_part_info part;
  f->gates = 0;
  for (int l = 0; l < (int)f->L; l++)
    for (int k = 0; seqgpu_plan_part_get(f->ctx, f->plan, k, &part) == SEQGPU_OK; k++) {
      double low, high;
      if (!cells_is_gate(part.name)) continue;
      LIB_TRY(seqgpu_rnn_inspect(f->ctx, f->plan, run, l, 0, part.name, wide ? (void *)f->wide : f->narrow,
                                 NULL));
      for (int64_t i = 0; wide && i < part.width; i++) f->narrow[i] = (float)f->wide[i];
      cells_saturation(f->narrow, part.width, 1, &low, &high);
      flow_gate *gate = &f->gate[f->gates++];
      snprintf(gate->name, sizeof gate->name, "%s", part.name);
      gate->layer = l;
      gate->low += low / (double)f->T;
      gate->high += high / (double)f->T;
    }
  return SEQGPU_OK;
}

static seqgpu_status run_steps(flow *f, seqgpu_rnn_run *run) {
  run->seq_len = run->batch = 1;
  run->params = f->params;
  for (int64_t t = 0; t < f->T; t++) {
    for (int k = 0; k < f->K; k++) run->initial[k] = t ? run->final[k] : NULL;
    memcpy(f->wide, f->x + t * f->I, (size_t)f->I * sizeof(double));
    LIB_TRY(put(f, f->x_rows, f->I));
    run->x = f->x_rows;
    LIB_TRY(seqgpu_rnn_forward(f->ctx, f->plan, run));
    for (int k = 0; k < f->K; k++) {
      char name[64];
      snprintf(name, sizeof name, "%s after step %lld", f->state_name[k], (long long)t + 1);
      LIB_TRY(seqgpu_check_finite(f->ctx, name, run->final[k], f->L * f->state_width[k]));
      LIB_TRY(get(f, run->final[k], f->L * f->state_width[k]));
      scatter(f, 1, f->state_first[k], f->state_width[k], f->state + t * f->S);
    }
    LIB_TRY(look_at_gates(f, run));
  }
  return SEQGPU_OK;
}

static seqgpu_status run_all(flow *f) {
  seqgpu_rnn_run run;
  LIB_TRY(seqgpu_run_allocate(f->ctx, f->plan, &run));
  const seqgpu_status status = run_steps(f, &run);
  seqgpu_run_release(f->ctx, &run);
  return status;
}

/* ---------------------------------------------------------------- opening */

/* The second state is c, unless the cell has something to show by the name of s. */
static void name_states(flow *f) {
  seqgpu_part_info part;
  static const char *const names[FLOW_STATES] = {"h", "c", "q"};
  for (int k = 0; k < FLOW_STATES; k++) snprintf(f->state_name[k], sizeof f->state_name[k], "%s", names[k]);
  for (int k = 0; seqgpu_plan_part_get(f->ctx, f->plan, k, &part) == SEQGPU_OK; k++)
    if (strcmp(part.name, "s") == 0) snprintf(f->state_name[1], sizeof f->state_name[1], "s");
}

static seqgpu_status make_plan(flow *f, const seqgpu_rnn_desc *given) {
  const seqgpu_plan_options options = {.algorithm = "step"};
  seqgpu_rnn_desc desc = *given;
  desc.seq_len = 1;
  desc.batch = FLOW_ROWS;
  desc.inference = desc.batch_first = 0;
  desc.dropout = desc.recurrent_dropout = desc.update_dropout = desc.omega = 0; /* this is no training */
  if (desc.bidirectional || desc.reverse) return SEQGPU_EUNSUPPORTED;
  LIB_TRY(seqgpu_plan_create(f->ctx, &desc, &options, &f->plan));
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(f->plan);
  if (sizes.state_count > FLOW_STATES) return SEQGPU_EUNSUPPORTED;
  f->I = desc.input_size;
  f->H = desc.hidden_size;
  f->L = seqgpu_plan_get_desc(f->plan).num_layers;
  f->K = sizes.state_count;
  for (int k = 0; k < f->K; k++) {
    f->state_width[k] = sizes.state_width[k];
    f->state_first[k] = f->W;
    f->W += sizes.state_width[k];
  }
  f->S = f->L * f->W;
  name_states(f);
  return SEQGPU_OK;
}

static seqgpu_status allocate(flow *f) {
  int64_t widest = f->S > f->I ? f->S : f->I;
  seqgpu_part_info part;
  for (int k = 0; seqgpu_plan_part_get(f->ctx, f->plan, k, &part) == SEQGPU_OK; k++)
    if (part.width > widest) widest = part.width;
  const size_t scratch = (size_t)(FLOW_ROWS * widest);
  f->x = malloc((size_t)(f->T * f->I) * sizeof *f->x);
  f->state = malloc((size_t)(f->T * f->S) * sizeof *f->state);
  f->wide = malloc(scratch * sizeof *f->wide);
  f->narrow = malloc(scratch * sizeof *f->narrow);
  f->gate = calloc((size_t)(f->L * seqgpu_plan_part_count(f->plan)) + 1, sizeof *f->gate);
  if (!f->x || !f->state || !f->wide || !f->narrow || !f->gate) return cli_no_memory();
  LIB_TRY(seqgpu_malloc(f->ctx, size_of(f, FLOW_ROWS * f->I), &f->x_rows));
  for (int k = 0; k < f->K; k++) {
    const size_t size = size_of(f, f->L * FLOW_ROWS * f->state_width[k]);
    LIB_TRY(seqgpu_malloc(f->ctx, size, &f->initial[k]));
    LIB_TRY(seqgpu_malloc(f->ctx, size, &f->direction[k]));
    LIB_TRY(seqgpu_malloc(f->ctx, size, &f->gradient[k]));
  }
  return seqgpu_tape_create(f->ctx, 0, &f->tape);
}

static seqgpu_status start(flow *f, const seqgpu_rnn_desc *desc, const double *x) {
  LIB_TRY(make_plan(f, desc));
  LIB_TRY(allocate(f));
  memcpy(f->x, x, (size_t)(f->T * f->I) * sizeof *x);
  return run_all(f);
}

seqgpu_status flow_open(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const void *params, int64_t T,
                        const double *x, flow *out) {
  *out = (flow){.ctx = ctx, .params = params, .T = T};
  const seqgpu_status status = start(out, desc, x);
  if (status != SEQGPU_OK) flow_close(out);
  return status;
}

void flow_close(flow *f) {
  seqgpu_tape_destroy(f->tape);
  seqgpu_free(f->ctx, f->x_rows);
  for (int k = 0; k < FLOW_STATES; k++) {
    seqgpu_free(f->ctx, f->initial[k]);
    seqgpu_free(f->ctx, f->direction[k]);
    seqgpu_free(f->ctx, f->gradient[k]);
  }
  seqgpu_plan_destroy(f->plan);
  free(f->x);
  free(f->state);
  free(f->wide);
  free(f->narrow);
  free(f->gate);
  *f = (flow){.ctx = NULL};
}
