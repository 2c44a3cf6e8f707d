/* layer.cu - the `step` plan: one layer, one direction, a whole sequence, for every cell.
 *
 * Forward                                     Backward (t in the opposite order)
 *   gates = x W_ih^T + b     one GEMM           for t: for each stage, last first:
 *   for t: for each stage:                          pointwise step       -> dgates, daux, dstate
 *     its recurrent products  a GEMM each           its products transposed -> dstate, daux
 *     its pointwise step      one launch        dx = dgates W_ih;  dW = d(to)^T from: one GEMM each;  sums
 *
 * The cell is data (core/cell.h) and a pair of launchers (the table below, from core/cells.def).  The whole sequence
 * is replayed as one CUDA graph when the same arguments come again (graph.cu).
 * What limits it: a step is at least two dependent launches, and reads all recurrent weights; see the persistent plans
 * for weights that fit on the chip.
 */
#include "kernels/layer.h"

#include <string.h>

#include "core/step.h"
#include "kernels/cells.h"
#include "kernels/structure.h"

extern "C" int SQ_GPU(gemm)(sq_exec *exec, const sq_gemm_args *a);
extern "C" int SQ_GPU(bias)(sq_exec *exec, const sq_bias_args *a);
extern "C" int SQ_GPU(reduce)(sq_exec *exec, const sq_reduce_args *a);

namespace {

struct cell_launchers {
  const char *name;
  int (*forward)(sq_exec *exec, const sq_step_f32 *step, int stage);
  int (*backward)(sq_exec *exec, const sq_step_f32 *step, int stage);
};

const cell_launchers cells[] = {
#define CELL(id, name, states, gates, options, about) {name, SQ_GPU(id##_forward), SQ_GPU(id##_backward)},
#include "core/cells.def"
#undef CELL
};

const cell_launchers *launchers_of(const sq_layout *l) {
  const cell_launchers *c = cells;
  while (strcmp(c->name, l->cell->name) != 0) c++; /* a layout's cell is a row of cells.def */
  return c;
}

/* Inference keeps no reserve and works in chunks of this many rows of [T,B]: enough for the GEMM over their input. */
#ifdef SEQGPU_EMULATE
const int64_t CHUNK_ROWS = 8; /* so that small tests have several chunks */
#else
const int64_t CHUNK_ROWS = 4096;
#endif

/* A sequence that is walked step by step. */
struct job : sq_job {
  const cell_launchers *cell;
};

/* A matrix operand: rows of stride ld. */
struct matrix {
  const float *data;
  int64_t ld;
};

int64_t chunk_steps(int64_t seq_len, int64_t batch) {
  const int64_t steps = batch > 0 ? CHUNK_ROWS / batch : CHUNK_ROWS;
  return steps < 1 ? 1 : steps < seq_len ? steps : seq_len;
}

/* Room for the chunk of any run that is not larger than seq_len x batch, whatever its own chunk. */
int64_t chunk_size(const sq_layout *l, int64_t seq_len, int64_t batch) {
  int64_t rows = batch > CHUNK_ROWS ? batch : CHUNK_ROWS;
  if (seq_len * batch < rows) rows = seq_len * batch;
  int64_t size = sq_align_elements(rows * l->gates) + sq_align_elements(rows * l->aux);
  for (int k = 0; k < l->states; k++) size += sq_align_elements((rows + batch) * l->state_width[k]);
  return size;
}

/* ---- one time step ---- */

/* The step at local time t (0 is t0), without what only one direction needs. */
sq_step_f32 step_at(const job &j, int64_t t) {
  const sq_layout *l = j.layout;
  const int64_t B = j.run->batch;
  sq_step_f32 s = {};
  s.layout = l;
  s.batch = B;
  s.t = j.t0 + t;
  s.lengths = j.run->lengths;
  s.params = static_cast<const float *>(j.run->params);
  s.gates = j.gates + t * B * l->gates;
  s.aux = j.aux + t * B * l->aux;
  for (int k = 0; k < l->states; k++) {
    s.prev[k] = j.state[k] + sq_slot_prev(j.run->reverse, t) * B * l->state_width[k];
    s.next[k] = j.state[k] + sq_slot_next(j.run->reverse, t) * B * l->state_width[k];
  }
  s.ldy = j.run->ldy;
  return s;
}

/* A place of one step: its value, or with `gradient` its gradient. */
matrix place_of_step(const sq_step_f32 &s, const sq_place &p, bool gradient) {
  const sq_layout *l = s.layout;
  if (p.buffer == SQ_GATES) return {(gradient ? s.dgates : s.gates) + p.column, l->gates};
  if (p.buffer == SQ_AUX) return {(gradient ? s.daux : s.aux) + p.column, l->aux};
  const float *state = p.buffer == SQ_STATE ? s.next[p.state] : s.prev[p.state];
  return {(gradient ? s.dstate[p.state] : state) + p.column, l->state_width[p.state]};
}

const float *weight_of(const sq_job &j, const sq_product &p) {
  return static_cast<const float *>(j.run->params) + j.layout->param[p.param].offset + p.row * p.cols;
}

int gemm(sq_exec *exec, sq_math math, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, matrix a,
         matrix b, int accumulate, matrix c) {
  const sq_gemm_args g = {
      trans_a, trans_b,  accumulate, m, n, k, a.data, a.ld, b.data, b.ld, const_cast<float *>(c.data),
      c.ld,    (int)math};
  return SQ_GPU(gemm)(exec, &g);
}

/* The batch of a structured product at one step. */
sq_rows_f32 rows_at(const job &j, const sq_step_f32 &s, int i) {
  const sq_product &p = j.layout->product[i];
  sq_rows_f32 r = {};
  r.layout = j.layout;
  r.product = &p;
  r.rows = s.batch;
  r.params = weight_of(j, p);
  r.prepared = j.prepared[i];
  r.grads = j.grads[i];
  const matrix from = place_of_step(s, p.from, false);
  r.from = from.data;
  r.ld_from = from.ld;
  return r;
}

int structured_forward(sq_exec *exec, const job &j, const sq_step_f32 &s, int i) {
  const sq_product &p = j.layout->product[i];
  const matrix to = place_of_step(s, p.to, false);
  sq_rows_f32 r = rows_at(j, s, i);
  r.to = const_cast<float *>(to.data);
  r.ld_to = to.ld;
  r.accumulate = p.to.buffer == SQ_GATES;
  return sq_structured(p)->forward(exec, &r);
}

int structured_backward(sq_exec *exec, const job &j, const sq_step_f32 &s, int i) {
  const sq_product &p = j.layout->product[i];
  const matrix to = place_of_step(s, p.to, true);
  sq_rows_f32 r = rows_at(j, s, i);
  r.dto = to.data;
  r.ld_to = to.ld;
  r.dfrom = const_cast<float *>(place_of_step(s, p.from, true).data);
  return sq_structured(p)->backward(exec, &r);
}

/* to (+)= from W^T for the products of a stage. */
int forward_products(sq_exec *exec, const job &j, const sq_step_f32 &s, int stage) {
  int error = 0;
  for (int i = 0; i < j.layout->products && error == 0; i++) {
    const sq_product &p = j.layout->product[i];
    if (p.stage != stage) continue;
    error = p.structure != NULL
                ? structured_forward(exec, j, s, i)
                : gemm(exec, j.run->math, 0, 1, s.batch, p.rows, p.cols, place_of_step(s, p.from, false),
                       {weight_of(j, p), p.cols}, p.to.buffer == SQ_GATES, place_of_step(s, p.to, false));
  }
  return error;
}

/* d(from) (+)= d(to) W: a gradient at aux is overwritten, one at a state is added to. */
int backward_products(sq_exec *exec, const job &j, const sq_step_f32 &s, int stage) {
  int error = 0;
  for (int i = j.layout->products - 1; i >= 0 && error == 0; i--) {
    const sq_product &p = j.layout->product[i];
    if (p.stage != stage) continue;
    error = p.structure != NULL
                ? structured_backward(exec, j, s, i)
                : gemm(exec, j.run->math, 0, 0, s.batch, p.cols, p.rows, place_of_step(s, p.to, true),
                       {weight_of(j, p), p.cols}, p.from.buffer != SQ_AUX, place_of_step(s, p.from, true));
  }
  return error;
}

int forward_step(sq_exec *exec, const job &j, int64_t t) {
  sq_step_f32 s = step_at(j, t);
  s.y = static_cast<float *>(j.run->y) + s.t * s.batch * s.ldy;
  int error = 0;
  for (int stage = 0; stage < j.layout->stages && error == 0; stage++) {
    error = forward_products(exec, j, s, stage);
    if (error == 0) error = j.cell->forward(exec, &s, stage);
  }
  return error;
}

int backward_step(sq_exec *exec, const job &j, int64_t t) {
  const sq_layout *l = j.layout;
  sq_step_f32 s = step_at(j, t);
  if (j.run->dy != NULL) s.dy = static_cast<const float *>(j.run->dy) + t * s.batch * s.ldy;
  s.dgates = j.dgates + t * s.batch * l->gates;
  s.daux = j.daux + t * s.batch * l->aux;
  for (int k = 0; k < l->states; k++) s.dstate[k] = j.dstate[k];
  int error = 0;
  for (int stage = l->stages - 1; stage >= 0 && error == 0; stage--) {
    error = j.cell->backward(exec, &s, stage);
    if (error == 0) error = backward_products(exec, j, s, stage);
  }
  return error;
}

/* ---- over all steps at once ---- */

/* A place over the whole sequence: [T*B, width]; data NULL for SQ_NONE. */
matrix place_of_sequence(const sq_job &j, const sq_place &p, bool gradient) {
  const sq_layout *l = j.layout;
  if (p.buffer == SQ_NONE) return {NULL, 0};
  if (p.buffer == SQ_GATES) return {(gradient ? j.dgates : j.gates) + p.column, l->gates};
  if (p.buffer == SQ_AUX) return {(gradient ? j.daux : j.aux) + p.column, l->aux};
  const int64_t width = l->state_width[p.state], reverse = j.run->reverse;
  const int64_t slot = p.buffer == SQ_STATE ? sq_slot_next((int)reverse, 0) : sq_slot_prev((int)reverse, 0);
  return {j.state[p.state] + slot * j.run->batch * width + p.column, width};
}

/* out[0..cols) += the sum of the rows of a [rows,cols]: one for each sequence. */
int add_rows(sq_exec *exec, const float *a, int64_t rows, int64_t cols, float *out) {
  const sq_reduce_args r = {rows, cols, a, cols, NULL, 0, out};
  return SQ_GPU(reduce)(exec, &r);
}

int weight_gradients(sq_exec *exec, const sq_job &j, float *dparams) {
  const sq_layout *l = j.layout;
  const int64_t rows = j.steps * j.run->batch, I = l->config.input_size;
  int error = gemm(exec, j.run->math, 1, 0, l->gates, I, rows, {j.dgates, l->gates},
                   {static_cast<const float *>(j.run->x), j.run->ldx}, 1, {dparams + l->param[0].offset, I});
  for (int i = 0; i < l->products && error == 0; i++) {
    const sq_product &p = l->product[i];
    float *dparam = dparams + l->param[p.param].offset + p.row * p.cols;
    error = p.structure != NULL
                ? add_rows(exec, j.grads[i], j.run->batch, p.structure->params(l, &p), dparam)
                : gemm(exec, j.run->math, 1, 0, p.rows, p.cols, rows, place_of_sequence(j, p.to, true),
                       place_of_sequence(j, p.from, false), 1, {dparam, p.cols});
  }
  return error;
}

/* The gradient of the states that the layer's own parameters began with. */
int initial_gradients(sq_exec *exec, const sq_job &j, float *dparams) {
  const sq_layout *l = j.layout;
  int error = 0;
  for (int k = 0; k < l->states && error == 0; k++)
    if (j.run->initial[k] == NULL && l->initial[k] >= 0)
      error = add_rows(exec, j.dstate[k], j.run->batch, l->state_width[k],
                       dparams + l->param[l->initial[k]].offset);
  return error;
}

int sum_gradients(sq_exec *exec, const sq_job &j, float *dparams) {
  int error = 0;
  for (int i = 0; i < j.layout->sums && error == 0; i++) {
    const sq_sum &u = j.layout->sum[i];
    const matrix a = place_of_sequence(j, u.to, true), b = place_of_sequence(j, u.from, false);
    const sq_reduce_args r = {j.steps * j.run->batch,
                              u.width,
                              a.data,
                              a.ld,
                              b.data,
                              b.ld,
                              dparams + j.layout->param[u.param].offset};
    error = SQ_GPU(reduce)(exec, &r);
  }
  return error;
}

int input_gradient(sq_exec *exec, const sq_job &j) {
  const sq_layout *l = j.layout;
  const float *w = static_cast<const float *>(j.run->params) + l->param[0].offset;
  const int64_t I = l->config.input_size;
  return gemm(exec, j.run->math, 0, 0, j.steps * j.run->batch, I, l->gates, {j.dgates, l->gates}, {w, I},
              j.run->dx_accumulate, {static_cast<const float *>(j.run->dx), j.run->ldx});
}

} // namespace

void sq_job_place(sq_job *j, float *reserve, int64_t steps) {
  const sq_reserve_map map = sq_reserve_layout(j->layout, steps, j->run->batch);
  for (int k = 0; k < j->layout->states; k++) j->state[k] = reserve + map.state[k];
  j->gates = reserve + map.gates;
  j->aux = reserve + map.aux;
}

int64_t sq_job_products_size(const sq_layout *l, int64_t batch, int training) {
  int64_t size = 0;
  for (int i = 0; i < l->products; i++) {
    const sq_product *p = &l->product[i];
    if (p->structure == NULL) continue;
    size += sq_align_elements(p->structure->prepared(l, p));
    if (training) size += sq_align_elements(batch * p->structure->params(l, p));
  }
  return size;
}

int sq_job_prepare_products(sq_exec *exec, sq_job *j, float *at, int training) {
  const sq_layout *l = j->layout;
  int error = 0;
  for (int i = 0; i < l->products && error == 0; i++) {
    const sq_product &p = l->product[i];
    if (p.structure == NULL) continue;
    j->prepared[i] = at;
    at += sq_align_elements(p.structure->prepared(l, &p));
    error = sq_structured(p)->prepare(exec, l, &p, weight_of(*j, p), j->prepared[i]);
    if (!training) continue;
    const int64_t size = sq_align_elements(j->run->batch * p.structure->params(l, &p));
    j->grads[i] = at;
    at += size;
    if (error == 0) error = sq_gpu_zero(exec, j->grads[i], size);
  }
  return error;
}

int sq_job_enter(sq_exec *exec, const sq_job &j, int k, float *to) {
  const sq_layout *l = j.layout;
  const int64_t B = j.run->batch, width = l->state_width[k];
  if (j.run->initial[k] != NULL) return sq_gpu_copy(exec, to, j.run->initial[k], B * width);
  if (l->initial[k] < 0) return sq_gpu_zero(exec, to, B * width);
  const float *own = static_cast<const float *>(j.run->params) + l->param[l->initial[k]].offset;
  const sq_bias_args each_row = {B, width, own, to, width};
  return SQ_GPU(bias)(exec, &each_row);
}

int sq_job_project_input(sq_exec *exec, const sq_job &j) {
  const sq_layout *l = j.layout;
  const int64_t I = l->config.input_size, rows = j.steps * j.run->batch;
  const float *params = static_cast<const float *>(j.run->params);
  const matrix x = {static_cast<const float *>(j.run->x) + j.t0 * j.run->batch * j.run->ldx, j.run->ldx};
  const float *w = params + l->param[0].offset;
  const int64_t first = l->biased, others = l->gates - first;
  int error = 0;
  if (l->bias >= 0) {
    const sq_bias_args bias = {rows, first, params + l->param[l->bias].offset, j.gates, l->gates};
    error = SQ_GPU(bias)(exec, &bias);
    if (error == 0) error = gemm(exec, j.run->math, 0, 1, rows, first, I, x, {w, I}, 1, {j.gates, l->gates});
  }
  if (error != 0 || others == 0) return error;
  return gemm(exec, j.run->math, 0, 1, rows, others, I, x, {w + first * I, I}, 0,
              {j.gates + first, l->gates});
}

int sq_job_gradients(sq_exec *exec, const sq_job &j) {
  float *dparams = static_cast<float *>(j.run->dparams);
  int error = j.run->dx != NULL ? input_gradient(exec, j) : 0;
  if (error == 0 && dparams != NULL) error = weight_gradients(exec, j, dparams);
  if (error == 0 && dparams != NULL) error = sum_gradients(exec, j, dparams);
  if (error == 0 && dparams != NULL) error = initial_gradients(exec, j, dparams);
  return error;
}

namespace {

/* ---- the frame ---- */

int copy_or_zero(sq_exec *exec, float *to, const void *from, int64_t count) {
  return from != NULL ? sq_gpu_copy(exec, to, from, count) : sq_gpu_zero(exec, to, count);
}

/* The final states, from that slot. */
int leave(sq_exec *exec, const sq_job &j, int64_t slot) {
  int error = 0;
  for (int k = 0; k < j.layout->states && error == 0; k++) {
    const int64_t size = j.run->batch * j.layout->state_width[k];
    if (j.run->final[k] != NULL) error = sq_gpu_copy(exec, j.run->final[k], j.state[k] + slot * size, size);
  }
  return error;
}

/* What is enqueued depends on the run, on the layout behind its pointer, and on who enqueues. */
struct graph_key {
  int (*enqueue)(sq_exec *, const void *);
  sq_layer_run run;
  sq_layout layout;
};

static_assert(sizeof(graph_key) <= SQ_GRAPH_KEY_BYTES, "a longer key would never be recorded");

/* A job that has the whole sequence for its steps. */
void whole_job(const sq_layer_run *run, sq_job *j) {
  j->run = run;
  j->layout = run->layout;
  j->t0 = 0;
  j->steps = run->seq_len;
}

} // namespace

int64_t sq_job_workspace(const sq_layout *l, int64_t seq_len, int64_t batch, int training) {
  const int64_t products = sq_job_products_size(l, batch, training);
  if (!training) return products + sq_reserve_layout(l, seq_len, batch).size;
  int64_t size =
      products + sq_align_elements(seq_len * batch * l->gates) + sq_align_elements(seq_len * batch * l->aux);
  for (int k = 0; k < l->states; k++) size += sq_align_elements(batch * l->state_width[k]);
  return size;
}

int sq_job_begin(sq_exec *exec, const sq_layer_run *run, sq_job *j) {
  const sq_layout *l = run->layout;
  whole_job(run, j);
  float *workspace = static_cast<float *>(run->workspace);
  int error = sq_job_prepare_products(exec, j, workspace, 0);
  workspace += sq_job_products_size(l, run->batch, 0);
  sq_job_place(j, run->reserve != NULL ? static_cast<float *>(run->reserve) : workspace, run->seq_len);
  j->spare = workspace + (run->reserve != NULL ? 0 : sq_reserve_layout(l, run->seq_len, run->batch).size);
  for (int k = 0; k < l->states && error == 0; k++)
    error = sq_job_enter(exec, *j, k,
                         j->state[k] + (run->reverse ? run->seq_len : 0) * run->batch * l->state_width[k]);
  return error != 0 || run->seq_len == 0 ? error : sq_job_project_input(exec, *j);
}

int sq_job_end(sq_exec *exec, const sq_job &j) { return leave(exec, j, j.run->reverse ? 0 : j.steps); }

int sq_job_begin_backward(sq_exec *exec, const sq_layer_run *run, sq_job *j) {
  const sq_layout *l = run->layout;
  whole_job(run, j);
  const int64_t B = run->batch, rows = j->steps * B;
  sq_job_place(j, static_cast<float *>(run->reserve), j->steps);
  float *workspace = static_cast<float *>(run->workspace);
  int error = sq_job_prepare_products(exec, j, workspace, 1);
  j->dgates = workspace + sq_job_products_size(l, B, 1);
  j->daux = j->dgates + sq_align_elements(rows * l->gates);
  float *at = j->daux + sq_align_elements(rows * l->aux);
  for (int k = 0; k < l->states && error == 0; k++) {
    j->dstate[k] = at;
    at += sq_align_elements(B * l->state_width[k]);
    error = copy_or_zero(exec, j->dstate[k], run->dfinal[k], B * l->state_width[k]);
  }
  j->spare = at;
  return error;
}

int sq_job_end_backward(sq_exec *exec, const sq_job &j) {
  int error = sq_job_gradients(exec, j);
  for (int k = 0; k < j.layout->states && error == 0; k++)
    if (j.run->dinitial[k] != NULL)
      error = sq_gpu_copy(exec, j.run->dinitial[k], j.dstate[k], j.run->batch * j.layout->state_width[k]);
  return error;
}

int sq_job_replay(sq_exec *exec, const sq_layer_run *run, int (*enqueue)(sq_exec *, const void *)) {
  graph_key key;
  memset(&key, 0, sizeof key); /* padding is compared, too */
  key.enqueue = enqueue;
  memcpy(&key.run, run, sizeof key.run);
  memcpy(&key.layout, run->layout, sizeof key.layout);
  return sq_graph_run(exec, &key, sizeof key, enqueue, run);
}

namespace {

/* ---- the whole sequence, in chunks ---- */

int forward_chunk(sq_exec *exec, const job &j) {
  int error = sq_job_project_input(exec, j);
  for (int64_t i = 0; i < j.steps && error == 0; i++)
    error = forward_step(exec, j, j.run->reverse ? j.steps - 1 - i : i);
  return error;
}

/* The states before the job's first step: from the slot where the chunk before ended, or the caller's. */
int enter_chunk(sq_exec *exec, const job &j, int64_t done, int64_t last) {
  int error = 0;
  for (int k = 0; k < j.layout->states && error == 0; k++) {
    const int64_t size = j.run->batch * j.layout->state_width[k];
    float *to = j.state[k] + (j.run->reverse ? j.steps : 0) * size;
    const float *from = j.state[k] + last * size;
    if (done == 0)
      error = sq_job_enter(exec, j, k, to);
    else if (from != to)
      error = sq_gpu_copy(exec, to, from, size);
  }
  return error;
}

int enqueue_forward(sq_exec *exec, const void *argument) {
  const sq_layer_run *run = static_cast<const sq_layer_run *>(argument);
  job j = {};
  j.run = run;
  j.layout = run->layout;
  j.cell = launchers_of(run->layout);
  const int64_t T = run->seq_len, chunk = run->reserve != NULL ? T : chunk_steps(T, run->batch);
  float *workspace = static_cast<float *>(run->workspace);
  int error = sq_job_prepare_products(exec, &j, workspace, 0);
  workspace += sq_job_products_size(j.layout, run->batch, 0);
  sq_job_place(&j, run->reserve != NULL ? static_cast<float *>(run->reserve) : workspace, chunk);
  if (error != 0) return error;
  int64_t done = 0, last = 0; /* last: the slot that holds the newest state */
  do {
    j.steps = T - done < chunk ? T - done : chunk;
    j.t0 = run->reverse ? T - done - j.steps : done;
    error = enter_chunk(exec, j, done, last);
    if (error == 0 && T > 0) error = forward_chunk(exec, j);
    last = run->reverse ? 0 : j.steps;
    done += j.steps;
  } while (done < T && error == 0);
  return error != 0 ? error : leave(exec, j, last);
}

int enqueue_backward(sq_exec *exec, const void *argument) {
  const sq_layer_run *run = static_cast<const sq_layer_run *>(argument);
  job j = {};
  j.cell = launchers_of(run->layout);
  int error = sq_job_begin_backward(exec, run, &j);
  for (int64_t i = 0; i < j.steps && error == 0; i++)
    error = backward_step(exec, j, run->reverse ? i : j.steps - 1 - i);
  return error != 0 ? error : sq_job_end_backward(exec, j);
}

} // namespace

extern "C" int64_t SQ_GPU(layer_workspace)(const sq_layout *l, int64_t seq_len, int64_t batch, int training) {
  if (training) return sq_job_workspace(l, seq_len, batch, training);
  return sq_job_products_size(l, batch, training) + chunk_size(l, seq_len, batch);
}

extern "C" int SQ_GPU(layer_forward)(sq_exec *exec, const sq_layer_run *run) {
  return sq_job_replay(exec, run, enqueue_forward);
}

extern "C" int SQ_GPU(layer_backward)(sq_exec *exec, const sq_layer_run *run) {
  return sq_job_replay(exec, run, enqueue_backward);
}
