/* job.cu - see job.h: the products over the whole sequence, and the frame around a recurrence. */
#include "kernels/job.h"

#include <string.h>

#include "kernels/graph.h"
#include "kernels/norm.h"
#include "kernels/ops.h"
#include "kernels/rounded.h"
#include "kernels/structure.h"

const float *sq_job_weight(const sq_job &j, const sq_product &p) {
  return static_cast<const float *>(j.run->params) + j.layout->param[p.param].offset + p.row * p.cols;
}

int sq_job_gemm(sq_exec *exec, sq_math math, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k,
                sq_matrix a, sq_matrix b, int accumulate, sq_matrix c) {
  const sq_gemm_args g = {
      trans_a, trans_b,  accumulate, m, n, k, a.data, a.ld, b.data, b.ld, const_cast<float *>(c.data),
      c.ld,    (int)math};
  return SQ_GPU(gemm)(exec, &g);
}

sq_matrix sq_job_whole(const sq_job &j, const sq_place &p, bool gradient) {
  const sq_layout *l = j.layout;
  if (p.buffer == SQ_NONE) return {NULL, 0};
  if (p.buffer == SQ_GATES) return {(gradient ? j.dgates : j.gates) + p.column, l->gates};
  if (p.buffer == SQ_AUX) return {(gradient ? j.daux : j.aux) + p.column, l->aux};
  const int64_t width = l->state_width[p.state], reverse = j.run->reverse;
  const int64_t slot = p.buffer == SQ_STATE ? sq_slot_next((int)reverse, 0) : sq_slot_prev((int)reverse, 0);
  return {j.state[p.state] + slot * j.run->batch * width + p.column, width};
}

namespace {

/* ---- over all steps at once ---- */

/* out[0..cols) += the sum of the rows of a [rows,cols]: one for each sequence. */
int add_rows(sq_exec *exec, const float *a, int64_t rows, int64_t cols, float *out) {
  const sq_reduce_args r = {rows, cols, a, cols, NULL, 0, out};
  return SQ_GPU(reduce)(exec, &r);
}

/* sq_job_gemm, of rounded operands if the job has room for them. */
int product_of(sq_exec *exec, const sq_job &j, sq_rounded *r, int trans_a, int trans_b, int64_t m, int64_t n,
               int64_t k, sq_matrix a, sq_matrix b, int accumulate, sq_matrix c) {
  return j.rounded != NULL ? sq_rounded_gemm(exec, r, trans_a, trans_b, m, n, k, a, b, accumulate, c)
                           : sq_job_gemm(exec, j.run->math, trans_a, trans_b, m, n, k, a, b, accumulate, c);
}

int weight_gradients(sq_exec *exec, const sq_job &j, sq_rounded *r, float *dparams) {
  const sq_layout *l = j.layout;
  const int64_t rows = j.steps * j.run->batch, I = l->config.input_size;
  int error =
      product_of(exec, j, r, 1, 0, l->gates, I, rows, sq_job_whole(j, l->input, true),
                 {static_cast<const float *>(j.run->x), j.run->ldx}, 1, {dparams + l->param[0].offset, I});
  for (int i = 0; i < l->products && error == 0; i++) {
    const sq_product &p = l->product[i];
    float *dparam = dparams + l->param[p.param].offset + p.row * p.cols;
    error = p.structure != NULL
                ? add_rows(exec, j.grads[i], j.run->batch, p.structure->params(l, &p), dparam)
                : product_of(exec, j, r, 1, 0, p.rows, p.cols, rows, sq_job_whole(j, p.to, true),
                             sq_job_whole(j, p.from, false), 1, {dparam, p.cols});
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
    const sq_matrix a = sq_job_whole(j, u.to, true), b = sq_job_whole(j, u.from, false);
    const sq_reduce_args r = {j.steps * j.run->batch,
                              u.width,
                              a.data,
                              a.ld,
                              b.data,
                              b.ld,
                              dparams + j.layout->param[u.param].offset + u.row};
    error = SQ_GPU(reduce)(exec, &r);
  }
  return error;
}

int input_gradient(sq_exec *exec, const sq_job &j, sq_rounded *r) {
  const sq_layout *l = j.layout;
  const float *w = static_cast<const float *>(j.run->params) + l->param[0].offset;
  const int64_t I = l->config.input_size;
  return product_of(exec, j, r, 0, 0, j.steps * j.run->batch, I, l->gates, sq_job_whole(j, l->input, true),
                    {w, I}, j.run->dx_accumulate, {static_cast<const float *>(j.run->dx), j.run->ldx});
}

/* to (+)= x times the rows first..first+count-1 of W_ih, transposed. */
int input_rows(sq_exec *exec, const sq_job &j, sq_rounded *r, int64_t first, int64_t count, int accumulate,
               sq_matrix to) {
  const int64_t I = j.layout->config.input_size, B = j.run->batch, ldx = j.run->ldx;
  const float *x = static_cast<const float *>(j.run->x) + j.t0 * B * ldx;
  const float *w = static_cast<const float *>(j.run->params) + j.layout->param[0].offset + first * I;
  return product_of(exec, j, r, 0, 1, j.steps * B, count, I, {x, ldx}, {w, I}, accumulate, to);
}

} // namespace

void sq_job_place(sq_job *j, float *reserve, int64_t steps) {
  const sq_reserve_map map = sq_reserve_layout(j->layout, steps, j->run->batch);
  for (int k = 0; k < j->layout->states; k++) j->state[k] = reserve + map.state[k];
  j->gates = reserve + map.gates;
  j->aux = reserve + map.aux;
  j->stats = j->run->reserve != NULL && j->layout->stats > 0 ? reserve + map.stats : NULL;
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
    error = sq_structured(p)->prepare(exec, l, &p, sq_job_weight(*j, p), j->prepared[i]);
    if (!training) continue;
    const int64_t size = sq_align_elements(j->run->batch * p.structure->params(l, &p));
    j->grads[i] = at;
    at += size;
    if (error == 0) error = sq_gpu_zero(exec, j->grads[i], size);
  }
  return error;
}

int sq_job_enter(sq_exec *exec, const sq_job &j, int k, const void *given, const void *params, float *to) {
  const sq_layout *l = j.layout;
  const int64_t B = j.run->batch, width = l->state_width[k];
  if (given != NULL) return sq_gpu_copy(exec, to, given, B * width);
  if (params == NULL || j.run->initial[k] != NULL || l->initial[k] < 0)
    return sq_gpu_zero(exec, to, B * width);
  const float *own = static_cast<const float *>(params) + l->param[l->initial[k]].offset;
  const sq_bias_args each_row = {B, width, own, to, width};
  return SQ_GPU(bias)(exec, &each_row);
}

sq_norm_rows_f32 sq_job_norm_rows(const sq_job &j) {
  sq_norm_rows_f32 r = {};
  r.layout = j.layout;
  r.steps = j.steps;
  r.batch = j.run->batch;
  r.t = j.t0;
  r.seq_len = j.run->seq_len;
  r.reverse = j.run->reverse;
  r.lengths = j.run->lengths;
  r.params = static_cast<const float *>(j.run->params);
  r.gates = j.gates;
  r.aux = j.aux;
  r.stats = j.stats;
  r.dgates = j.dgates;
  r.daux = j.daux;
  return r;
}

int sq_job_project_input(sq_exec *exec, const sq_job &j) {
  const sq_layout *l = j.layout;
  const int64_t first = l->biased, others = l->gates - first;
  sq_rounded r = sq_rounded_begin(j);
  int error = 0;
  if (l->bias >= 0) {
    const float *from = static_cast<const float *>(j.run->params) + l->param[l->bias].offset;
    const sq_bias_args bias = {j.steps * j.run->batch, first, from, j.gates, l->gates};
    error = SQ_GPU(bias)(exec, &bias);
    if (error == 0 && l->input.buffer == SQ_GATES)
      error = input_rows(exec, j, &r, 0, first, 1, {j.gates, l->gates});
  }
  if (error == 0 && l->input.buffer == SQ_AUX) {
    error = input_rows(exec, j, &r, 0, l->gates, 0, {j.aux + l->input.column, l->aux});
    return error != 0 ? error : sq_gpu_norms_forward(exec, sq_job_norm_rows(j), SQ_BEFORE_STEPS);
  }
  if (error != 0 || others == 0) return error;
  return input_rows(exec, j, &r, first, others, 0, {j.gates + first, l->gates});
}

int sq_job_multiply_input(sq_exec *exec, const sq_job &j) {
  sq_rounded r = sq_rounded_begin(j);
  return input_rows(exec, j, &r, 0, j.layout->gates, 0, {j.gates, j.layout->gates});
}

int sq_job_gradients(sq_exec *exec, const sq_job &j) {
  float *dparams = static_cast<float *>(j.run->dparams);
  sq_rounded r = sq_rounded_begin(j);
  int error = j.run->dx != NULL ? input_gradient(exec, j, &r) : 0;
  if (error == 0 && dparams != NULL) error = weight_gradients(exec, j, &r, dparams);
  if (error == 0 && dparams != NULL) error = sum_gradients(exec, j, dparams);
  if (error == 0 && dparams != NULL) error = initial_gradients(exec, j, dparams);
  return error;
}

int sq_job_leave(sq_exec *exec, const sq_job &j, int64_t slot) {
  int error = 0;
  for (int k = 0; k < j.layout->states && error == 0; k++) {
    const int64_t size = j.run->batch * j.layout->state_width[k];
    if (j.run->final[k] != NULL) error = sq_gpu_copy(exec, j.run->final[k], j.state[k] + slot * size, size);
  }
  return error;
}

namespace {

/* ---- the frame ---- */

int copy_or_zero(sq_exec *exec, float *to, const void *from, int64_t count) {
  return from != NULL ? sq_gpu_copy(exec, to, from, count) : sq_gpu_zero(exec, to, count);
}

/* What is enqueued depends on the run, on the layout behind its pointer, on what more it may have been given,
 * and on the function that enqueues. */
struct graph_key {
  int (*enqueue)(sq_exec *, const void *);
  sq_layer_run run;
  sq_layout layout;
  const void *pointer[SQ_JOB_POINTERS];
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
    error = sq_job_enter(exec, *j, k, run->initial[k], run->params,
                         j->state[k] + (run->reverse ? run->seq_len : 0) * run->batch * l->state_width[k]);
  return error != 0 || run->seq_len == 0 ? error : sq_job_project_input(exec, *j);
}

int sq_job_end(sq_exec *exec, const sq_job &j) { return sq_job_leave(exec, j, j.run->reverse ? 0 : j.steps); }

void sq_job_place_backward(const sq_layer_run *run, sq_job *j) {
  const sq_layout *l = run->layout;
  whole_job(run, j);
  const int64_t B = run->batch, rows = j->steps * B;
  sq_job_place(j, static_cast<float *>(run->reserve), j->steps);
  j->dgates = static_cast<float *>(run->workspace) + sq_job_products_size(l, B, 1);
  j->daux = j->dgates + sq_align_elements(rows * l->gates);
  j->spare = j->daux + sq_align_elements(rows * l->aux);
  for (int k = 0; k < l->states; k++) {
    j->dstate[k] = j->spare;
    j->spare += sq_align_elements(B * l->state_width[k]);
  }
}

int sq_job_begin_backward(sq_exec *exec, const sq_layer_run *run, sq_job *j) {
  const sq_layout *l = run->layout;
  sq_job_place_backward(run, j);
  int error = sq_job_prepare_products(exec, j, static_cast<float *>(run->workspace), 1);
  for (int k = 0; k < l->states && error == 0; k++)
    error = copy_or_zero(exec, j->dstate[k], run->dfinal[k], run->batch * l->state_width[k]);
  return error;
}

int sq_job_end_backward(sq_exec *exec, const sq_job &j) {
  int error = sq_gpu_norms_backward(exec, sq_job_norm_rows(j), SQ_BEFORE_STEPS);
  if (error == 0) error = sq_job_gradients(exec, j);
  for (int k = 0; k < j.layout->states && error == 0; k++)
    if (j.run->dinitial[k] != NULL)
      error = sq_gpu_copy(exec, j.run->dinitial[k], j.dstate[k], j.run->batch * j.layout->state_width[k]);
  return error;
}

int sq_job_replay_with(sq_exec *exec, const sq_layer_run *run, const void *const *pointers, int count,
                       int (*enqueue)(sq_exec *, const void *), const void *argument) {
  graph_key key;
  memset(&key, 0, sizeof key); /* padding is compared as well */
  key.enqueue = enqueue;
  memcpy(&key.run, run, sizeof key.run);
  key.run.seed = key.run.first_block = 0; /* they are read from the workspace (masks.h) */
  memcpy(&key.layout, run->layout, sizeof key.layout);
  for (int i = 0; i < count; i++) key.pointer[i] = pointers[i];
  return sq_graph_run(exec, &key, sizeof key, enqueue, argument);
}

int sq_job_replay(sq_exec *exec, const sq_layer_run *run, int (*enqueue)(sq_exec *, const void *)) {
  return sq_job_replay_with(exec, run, NULL, 0, enqueue, run);
}
