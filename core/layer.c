/* layer.c - the layer driver on the CPU: every cell, one layer, one direction, a whole sequence.
 *
 * Forward                                     Backward (t in the opposite order)
 *   gates = x W_ih^T + b     one GEMM           for some steps, BACK_ROWS of [T,B]:
 *   for t: for each stage:                        for t: for each stage, last first:
 *     its recurrent products                          pointwise step       -> dgates, daux, dstate
 *     its pointwise step                              its products transposed -> dstate, daux
 *                                                 dx = dgates W_ih;  dW += d(to)^T from: one GEMM each;  sums
 *
 * The norms of a stage, where a layout has any (norm.h), stand between its products and its pointwise step.
 *
 * Threads: the GEMMs over the whole sequence are split by the GEMM itself.  In the recurrence each thread
 * owns a slice of the batch for all time steps, so there is no synchronisation inside the loop.  Where there
 * are statistics of a batch, one thread has all of it. The recurrent weights are packed once per call into
 * the order in which the inner loop reads them.
 *
 * The third pass, of tangents, is layer_tangent.c's, and what error signals lose or gain layer_signals.c's.
 *
 * Truncated BPTT is left to the caller: run a piece of the sequence, and pass its `final` as the next piece's
 * `initial`.
 */
#include <string.h>

#include "core/gemm.h"
#include "core/layer_input.h"
#include "core/ops.h"
#include "core/ops_cpu.h"

enum {
  /* Inference keeps no reserve and works in chunks of this many rows of [T,B], which stay in the cache. */
  CHUNK_ROWS = 1024,
  /* Backward takes the gradients of parameters and inputs after each chunk of this many, while its dgates are still
   * near: as many as the GEMM adds up at once. */
  BACK_ROWS = 512
};

static int64_t held_size(const sq_layout *layout, int k, int64_t batch) {
  return layout->masks.zone[k] > 0 ? sq_align_elements(batch * layout->state_width[k]) : 0;
}

static int64_t inputs_size(const sq_layout *layout, int64_t seq_len, int64_t batch, int training) {
  int64_t rows = seq_len * batch;
  if (!training) rows = sq_min(rows, batch > CHUNK_ROWS ? batch : CHUNK_ROWS);
  return FN(sq_input_size)(layout, rows);
}

int64_t FN(sq_layer_workspace)(const sq_layout *layout, int64_t seq_len, int64_t batch, int training) {
  int64_t size = SQ_ALIGN_ELEMENTS; /* to align the start */
  size += FN(sq_job_products_size)(layout, batch, training);
  size += inputs_size(layout, seq_len, batch, training);
  if (!training) return size + sq_chunk_size(layout, CHUNK_ROWS, seq_len, batch);
  /* error signals take the gates of all steps, backward those of some, the states of one and what zoneout holds of
   * them, the tangent pass the gates of one step besides, and its states three times */
  size += sq_gates_size(layout, seq_len * batch) + sq_gates_size(layout, batch);
  for (int k = 0; k < layout->states; k++) size += held_size(layout, k, batch);
  return size + 3 * FN(sq_job_states_size)(layout, batch) + FN(sq_job_sums_size)(layout);
}

static void backward_rows(const sq_structure *structure, const FN(sq_rows) * rows) {
#if SEQGPU_REAL_BITS == 64
  structure->backward_f64(rows);
#else
  structure->backward_f32(rows);
#endif
}

static FN(sq_pointwise) * forward_of(const sq_cell *cell) {
#if SEQGPU_REAL_BITS == 64
  return cell->forward_f64;
#else
  return cell->forward_f32;
#endif
}

static void forward_products(const FN(sq_job) * j, const FN(sq_step) * s, int stage, int64_t first,
                             void *scratch) {
  for (int i = 0; i < j->layout->products; i++)
    if (j->layout->product[i].stage == stage) FN(sq_job_product)(j, i, s, first, 0, scratch);
}

static void forward_slice(void *arg, int part, int parts) {
  const FN(sq_job) *j = arg;
  const sq_layout *l = j->layout;
  FN(sq_pointwise) *step = forward_of(l->cell);
  void *scratch = sq_pool_scratch(j->pool, part);
  const int enters = sq_masks_enters(l), leaves = sq_masks_leaves(l);
  int64_t first, count;
  FN(sq_job_slice)(j, part, parts, &first, &count);
  for (int64_t i = 0; i < j->steps; i++) {
    const int64_t t = j->run->reverse ? j->steps - 1 - i : i;
    FN(sq_step) s = FN(sq_job_step)(j, t, first, count);
    s.ldy = j->run->ldy;
    s.y = j->y + (t * j->run->batch + first) * s.ldy;
    if (enters) FN(sq_masks_enter)(&s);
    FN(sq_input_step)(j, &s, t, first);
    for (int stage = 0; stage < l->stages; stage++) {
      forward_products(j, &s, stage, first, scratch);
      FN(sq_job_norms_forward)(j, &s, stage);
      step(&s, stage);
    }
    if (leaves) FN(sq_masks_leave)(&s);
  }
}

int FN(sq_layer_forward)(sq_exec *exec, const sq_layer_run *run) {
  const sq_layout *l = run->layout;
  const int64_t T = run->seq_len, B = run->batch;
  FN(sq_job) j = {.pool = exec->pool, .run = run, .layout = l, .key = {run->seed, run->first_block}};
  j.inputs.memory = FN(sq_job_pack)(&j, FN(sq_job_workspace)(run), 0);
  real *after = j.inputs.memory + inputs_size(l, T, B, run->reserve != NULL);
  const int64_t chunk = run->reserve ? T : sq_chunk_steps(CHUNK_ROWS, T, B);
  FN(sq_job_reserve)(&j, run->reserve ? run->reserve : after, chunk);
  const int parts = FN(sq_job_slices)(&j);
  int64_t last = 0; /* the slot that holds the newest state */
  for (int64_t done = 0; done == 0 || done < T; done += j.steps) {
    j.steps = T - done < chunk ? T - done : chunk;
    j.t0 = run->reverse ? T - done - j.steps : done;
    const int64_t slot = run->reverse ? j.steps : 0;
    for (int k = 0; k < l->states; k++) {
      const int64_t size = B * l->state_width[k];
      real *to = j.state[k] + slot * size;
      if (!done)
        FN(sq_job_enter)(&j, k, run->initial[k], run->params, to);
      else if (last != slot)
        FN(sq_job_copy_or_zero)(to, j.state[k] + last * size, size);
    }
    last = run->reverse ? 0 : j.steps;
    if (T == 0 || B == 0) break; /* there may be no y */
    j.y = (real *)run->y + j.t0 * B * run->ldy;
    FN(sq_input_forward)(exec, &j);
    sq_pool_run(exec->pool, parts, forward_slice, &j);
  }
  if (run->running && T > 0) FN(sq_job_norms_update)(&j, run->running);
  for (int k = 0; k < l->states; k++)
    if (run->final[k])
      memcpy(run->final[k], j.state[k] + last * B * l->state_width[k],
             (size_t)(B * l->state_width[k]) * sizeof(real));
  return 0;
}

/* A stage's products transposed: from the gradients at the results to those at the operands. */
static void backward_products(const FN(sq_job) * j, const FN(sq_step) * s, int stage, int64_t first,
                              void *scratch) {
  const sq_layout *l = j->layout;
  for (int i = l->products - 1; i >= 0; i--) {
    const sq_product *p = &l->product[i];
    if (p->stage != stage) continue;
    const int from_gates = p->to.buffer == SQ_GATES, to_aux = p->from.buffer == SQ_AUX;
    const int adds = !to_aux || p->adds;
    const real *d = (from_gates ? s->dgates : s->daux) + p->to.column;
    real *out = (to_aux ? s->daux : s->dstate[p->from.state]) + p->from.column;
    const int64_t ld = to_aux ? l->aux : l->state_width[p->from.state];
    const int64_t ldd = from_gates ? l->gates : l->aux;
    if (p->structure) {
      FN(sq_rows) r = FN(sq_job_rows)(j, i, s, first);
      r.dto = d;
      r.ld_to = ldd;
      r.dfrom = out;
      backward_rows(p->structure, &r);
      continue;
    }
    FN(sq_gemm_run_packed)(scratch, s->batch, p->cols, p->rows, d, ldd, j->packed[i], adds, out, ld);
  }
}

FN(sq_step) FN(sq_job_step_back)(const FN(sq_job) * j, int64_t t, int64_t first, int64_t count) {
  const sq_layout *l = j->layout;
  const sq_layer_run *run = j->run;
  const int64_t row = t * run->batch + first;
  FN(sq_step) s = FN(sq_job_step)(j, t, first, count);
  s.ldy = run->ldy;
  s.dy = run->dy ? (const real *)run->dy + (j->t0 * run->batch + row) * run->ldy : NULL;
  s.dgates = j->dgates + row * l->gates;
  s.daux = j->daux + row * l->aux;
  for (int k = 0; k < l->states; k++) s.dstate[k] = j->dstate[k] + first * l->state_width[k];
  return s;
}

void FN(sq_job_stages_back)(const FN(sq_job) * j, const FN(sq_step) * s, int64_t first, void *scratch) {
  FN(sq_pointwise) *step = FN(sq_backward_of)(j->layout->cell);
  for (int stage = j->layout->stages - 1; stage >= 0; stage--) {
    step(s, stage);
    FN(sq_job_norms_backward)(j, s, stage);
    backward_products(j, s, stage, first, scratch);
  }
}

static void backward_slice(void *arg, int part, int parts) {
  const FN(sq_job) *j = arg;
  const sq_layout *l = j->layout;
  void *scratch = sq_pool_scratch(j->pool, part);
  const int enters = sq_masks_enters(l), leaves = sq_masks_leaves(l);
  int64_t first, count;
  FN(sq_job_slice)(j, part, parts, &first, &count);
  for (int64_t i = 0; i < j->steps; i++) {
    FN(sq_step) s = FN(sq_job_step_back)(j, j->run->reverse ? i : j->steps - 1 - i, first, count);
    real *held[SQ_MAX_STATES] = {NULL};
    for (int k = 0; k < l->states && leaves; k++) held[k] = j->held[k] + first * l->state_width[k];
    if (leaves) FN(sq_masks_arrive)(&s, held);
    FN(sq_job_stages_back)(j, &s, first, scratch);
    if (enters || leaves) FN(sq_masks_depart)(&s, held);
  }
}

/* dW of every dense product and of every sum, of the steps of the job. */
static void parameter_gradients(sq_exec *exec, const FN(sq_job) * j) {
  const sq_layout *l = j->layout;
  const int64_t rows = j->steps * j->run->batch;
  real *dparams = j->run->dparams;
  for (int i = 0; i < l->products; i++) {
    const sq_product *p = &l->product[i];
    if (p->structure) continue;
    real *dparam = dparams + l->param[p->param].offset + p->row * p->cols;
    int64_t ld_to, ld_from;
    const real *to = FN(sq_job_whole)(j, p->to, 1, &ld_to), *from = FN(sq_job_whole)(j, p->from, 0, &ld_from);
    FN(sq_gemm)
    (exec->pool, 1, 0, p->rows, p->cols, rows, to, ld_to, from, ld_from, 1, dparam, p->cols);
  }
  for (int i = 0; i < l->sums; i++) {
    const sq_sum *u = &l->sum[i];
    sq_reduce_args r = {.rows = rows, .cols = u->width, .out = dparams + l->param[u->param].offset + u->row};
    r.a = FN(sq_job_whole)(j, u->to, 1, &r.lda);
    r.b = FN(sq_job_whole)(j, u->from, 0, &r.ldb);
    FN(sq_cpu_reduce)(exec, &r);
  }
}

/* The gradients of which each sequence has a sum over time of its own: of structures, and of initial states. */
static void sequences_gradients(sq_exec *exec, const FN(sq_job) * j) {
  const sq_layout *l = j->layout;
  real *dparams = j->run->dparams;
  for (int i = 0; i < l->products; i++) {
    const sq_product *p = &l->product[i];
    if (p->structure == NULL) continue;
    const int64_t n = p->structure->params(l, p);
    real *dparam = dparams + l->param[p->param].offset + p->row * p->cols;
    const sq_reduce_args r = {.rows = j->run->batch, .cols = n, .a = j->grads[i], .lda = n, .out = dparam};
    FN(sq_cpu_reduce)(exec, &r);
  }
  for (int k = 0; k < l->states; k++) {
    if (j->run->initial[k] || l->initial[k] < 0) continue;
    const int64_t width = l->state_width[k];
    const sq_reduce_args r = {.rows = j->run->batch,
                              .cols = width,
                              .a = j->dstate[k],
                              .lda = width,
                              .out = dparams + l->param[l->initial[k]].offset};
    FN(sq_cpu_reduce)(exec, &r);
  }
}

void FN(sq_job_begin_back)(FN(sq_job) * j) {
  const sq_layer_run *run = j->run;
  const sq_layout *l = j->layout;
  const int64_t B = run->batch;
  FN(sq_job_reserve)(j, run->reserve, j->steps);
  real *at = FN(sq_job_pack)(j, FN(sq_job_workspace)(run), 1);
  at = FN(sq_job_place_gates)(l, j->steps * B, at, &j->dgates, &j->daux);
  at = FN(sq_job_place_states)(l, B, at, j->dstate);
  for (int k = 0; k < l->states; k++) {
    FN(sq_job_copy_or_zero)(j->dstate[k], run->dfinal[k], B * l->state_width[k]);
    j->held[k] = at;
    at += held_size(l, k, B);
  }
  j->sums = at;
  j->inputs.memory = at + FN(sq_job_sums_size)(l);
}

/* The same job for some of its steps; their dgates and daux lie where those of all would begin. */
static FN(sq_job) part_of(const FN(sq_job) * all, int64_t t0, int64_t steps) {
  const sq_layout *l = all->layout;
  const int64_t rows = t0 * all->run->batch;
  FN(sq_job) j = *all;
  j.t0 = t0;
  j.steps = steps;
  for (int k = 0; k < l->states; k++) j.state[k] += rows * l->state_width[k];
  j.gates += rows * l->gates;
  j.aux += rows * l->aux;
  return j;
}

int FN(sq_layer_backward)(sq_exec *exec, const sq_layer_run *run) {
  const sq_layout *l = run->layout;
  const int64_t T = run->seq_len, B = run->batch;
  FN(sq_job)
  j = {.pool = exec->pool, .run = run, .layout = l, .steps = T, .key = {run->seed, run->first_block}};
  FN(sq_job_begin_back)(&j);
  FN(sq_input_begin_back)(&j);
  const FN(sq_job) all = j;
  const int64_t chunk = l->norms ? T : sq_chunk_steps(BACK_ROWS, T, B);
  for (int64_t done = 0; done < T; done += j.steps) {
    const int64_t steps = T - done < chunk ? T - done : chunk;
    j = part_of(&all, run->reverse ? done : T - done - steps, steps);
    sq_pool_run(exec->pool, FN(sq_job_slices)(&j), backward_slice, &j);
    FN(sq_job_norms_backward)(&j, NULL, SQ_BEFORE_STEPS);
    if (run->dparams) parameter_gradients(exec, &j);
    FN(sq_input_backward)(exec, &j, done + steps == T);
  }
  if (run->dparams) sequences_gradients(exec, &j);
  for (int k = 0; k < l->states; k++)
    if (run->dinitial[k])
      memcpy(run->dinitial[k], j.dstate[k], (size_t)(B * l->state_width[k]) * sizeof(real));
  return 0;
}
