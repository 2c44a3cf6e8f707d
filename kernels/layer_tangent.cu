/* layer_tangent.cu - the tangent pass over a layer (core/layer_tangent.c has the method): a Jacobian-vector
 * product of a whole sequence, for every cell.
 *
 *   tgates = tx W_ih^T + x tW_ih^T;   t(to) += from tW^T of every product      one GEMM each
 *   t(to) += tparam * from of every sum                                        one launch each
 *   for t: for each stage:
 *     its products      t(to) += t(from) W^T                                   one GEMM each
 *     its norms         (norm.h)                                               one launch each
 *     its results       backward of ones, then their inner products with the operands' tangents
 *   around the stages, the masks that forward drew (masks.h)
 *
 * A result takes three launches: one that writes zeros and ones, the cell's own backward, and one that adds
 * derivative * tangent over the operands of each unit, which moves 8 bytes per operand.  All have one thread
 * per element, 32 x 8 per block, and no shared memory; limited by memory, and at small sizes by the launches,
 * about twice as many as in backward.  They are replayed as one CUDA graph (graph.cu).
 */
#include "kernels/layer_tangent.h"

#include "kernels/layer.h"
#include "kernels/masks.h"
#include "kernels/norm.h"
#include "kernels/step.h"
#include "kernels/structure.h"

namespace {

/* The tensors of a step as the kernels take them: derivatives as backward leaves them, and tangents. */
struct tangent_step {
  int64_t batch, t;
  const int32_t *lengths;
  int64_t G, A, W[SQ_MAX_STATES]; /* columns; 0 of a state that is not there */
  float *dgates, *daux, *dstate[SQ_MAX_STATES];
  const float *tgates, *taux, *tprev[SQ_MAX_STATES], *tnext[SQ_MAX_STATES];
};

/* A result, and where its tangent goes. */
struct tangent_result {
  int state; /* -1: in aux */
  int64_t column, units, first_gate, first_aux;
  float *to;         /* row stride ld, of unit 0 */
  const float *pass; /* the same place before the step, where it is a state */
  int64_t ld;
};

__device__ __forceinline__ bool tangent_valid(const tangent_step &s, int64_t b) {
  return s.lengths == NULL || s.t < s.lengths[b];
}

/* ---- the whole sequence at once ---- */

/* to[r,j] += tparam[j] * from[r,j], or tparam[j] where there is no from */
__global__ void tangent_sum_kernel(int64_t rows, int64_t cols, const float *tparam, const float *from,
                                   int64_t ld_from, float *to, int64_t ld_to) {
  SQ_FOR_ROWS(r, rows) {
    SQ_FOR_COLS(j, cols) to[r * ld_to + j] += tparam[j] * (from != NULL ? from[r * ld_from + j] : 1.0f);
  }
}

int tangents_of_sums(sq_exec *exec, const sq_tangent_pass &p) {
  const sq_layout *l = p.j.layout;
  const int64_t rows = p.j.steps * p.j.run->batch;
  int error = 0;
  for (int i = 0; i < l->sums && error == 0; i++) {
    const sq_sum &u = l->sum[i];
    const float *tparam = static_cast<const float *>(p.of->params) + l->param[u.param].offset + u.row;
    const sq_matrix from = sq_job_whole(p.j, u.from, false), to = sq_job_whole(p.j, u.to, true);
    error = SQ_LAUNCH(exec, tangent_sum_kernel, sq_matrix_grid(rows, u.width), sq_matrix_block(), 0, rows,
                      u.width, tparam, from.data, from.ld, const_cast<float *>(to.data), to.ld);
  }
  return error;
}

/* to += from w^T for all rows of the run. */
int add_product(sq_exec *exec, const sq_tangent_pass &p, sq_matrix from, const float *w, int64_t rows,
                int64_t cols, sq_matrix to) {
  return sq_job_gemm(exec, p.j.run->math, 0, 1, p.j.steps * p.j.run->batch, rows, cols, from, {w, cols}, 1,
                     to);
}

/* The tangents of the dense recurrent weights. */
int tangents_of_weights(sq_exec *exec, const sq_tangent_pass &p) {
  const sq_layout *l = p.j.layout;
  int error = 0;
  for (int i = 0; i < l->products && error == 0; i++) {
    const sq_product &w = l->product[i];
    if (w.structure != NULL) continue; /* step by step */
    const float *tw = static_cast<const float *>(p.of->params) + l->param[w.param].offset + w.row * w.cols;
    error = add_product(exec, p, sq_job_whole(p.j, w.from, false), tw, w.rows, w.cols,
                        sq_job_whole(p.j, w.to, true));
  }
  return error;
}

/* What does not depend on the recurrence. */
int tangents_outside(sq_exec *exec, const sq_tangent_pass &p) {
  const sq_layer_run *run = p.j.run;
  const sq_layout *l = p.j.layout;
  const int64_t rows = p.j.steps * run->batch, I = l->config.input_size, first = l->param[0].offset;
  const sq_matrix x = {static_cast<const float *>(run->x), run->ldx},
                  input = sq_job_whole(p.j, l->input, true);
  int error = sq_gpu_zero(exec, p.j.dgates, rows * l->gates);
  if (error == 0) error = sq_gpu_zero(exec, p.j.daux, rows * l->aux);
  if (error == 0 && p.of->x != NULL)
    error = add_product(exec, p, {static_cast<const float *>(p.of->x), run->ldx},
                        static_cast<const float *>(run->params) + first, l->gates, I, input);
  if (error != 0 || p.of->params == NULL) return error;
  error = add_product(exec, p, x, static_cast<const float *>(p.of->params) + first, l->gates, I, input);
  if (error == 0) error = tangents_of_weights(exec, p);
  return error == 0 ? tangents_of_sums(exec, p) : error;
}

/* ---- one step ---- */

/* Zeros, and ones at the units of a result. */
__global__ void tangent_ones_kernel(tangent_step s, tangent_result r, int64_t widest) {
  SQ_FOR_ROWS(b, s.batch) {
    SQ_FOR_COLS(j, widest) {
      const float one = j >= r.column && j < r.column + r.units ? 1.0f : 0.0f;
      if (j < s.G) s.dgates[b * s.G + j] = 0.0f;
      if (j < s.A) s.daux[b * s.A + j] = r.state < 0 ? one : 0.0f;
      for (int k = 0; k < SQ_MAX_STATES; k++)
        if (j < s.W[k]) s.dstate[k][b * s.W[k] + j] = k == r.state ? one : 0.0f;
    }
  }
}

/* The sum of derivative * tangent over the blocks of a row's columns, for one unit; the result itself is none
 * of its operands. */
__device__ __forceinline__ float tangent_blocks(int64_t units, int64_t first, int64_t width,
                                                const float *derivative, const float *tangent,
                                                const float *result) {
  float sum = 0.0f;
  for (int64_t c = first; c + units <= width; c += units)
    if (tangent + c != result) sum += derivative[c] * tangent[c];
  return sum;
}

/* At a masked step the states pass on. */
__global__ void tangent_result_kernel(tangent_step s, tangent_result r) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = tangent_valid(s, b);
    SQ_FOR_COLS(j, r.units) {
      float *to = r.to + b * r.ld + j;
      float sum = 0.0f;
      if (valid) {
        const int64_t gates = b * s.G + j, aux = b * s.A + j;
        sum += tangent_blocks(r.units, r.first_gate, s.G, s.dgates + gates, s.tgates + gates, to);
        sum += tangent_blocks(r.units, r.first_aux, s.A, s.daux + aux, s.taux + aux, to);
        for (int k = 0; k < SQ_MAX_STATES; k++) {
          const int64_t at = b * s.W[k] + j;
          if (s.W[k] > 0) sum += tangent_blocks(r.units, 0, s.W[k], s.dstate[k] + at, s.tprev[k] + at, to);
        }
      } else if (r.pass != NULL)
        sum = r.pass[b * r.ld + j];
      *to = sum;
    }
  }
}

/* ty: the states one behind the other, as far as y is wide. */
__global__ void tangent_show_kernel(tangent_step s, int64_t output, float *ty, int64_t ldy) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = tangent_valid(s, b);
    SQ_FOR_COLS(j, output) {
      int64_t column = j;
      float value = 0.0f;
      for (int k = 0; k < SQ_MAX_STATES; k++) {
        if (valid && column >= 0 && column < s.W[k]) value = s.tnext[k][b * s.W[k] + column];
        column -= s.W[k];
      }
      ty[b * ldy + j] = value;
    }
  }
}

/* A step as the run computed it, whose d... are derivatives; and the same step's tangents. */
struct step_pair {
  sq_step_f32 value, tangent;
};

step_pair pair_at(const sq_tangent_pass &p, int64_t t, int turn) {
  const sq_layout *l = p.j.layout;
  const int64_t row = t * p.j.run->batch;
  step_pair s;
  s.value = sq_layer_step(p.j, t);
  s.tangent = s.value;
  s.value.dgates = p.dgates;
  s.value.daux = p.daux;
  s.tangent.gates = p.j.dgates + row * l->gates;
  s.tangent.aux = p.j.daux + row * l->aux;
  for (int k = 0; k < l->states; k++) {
    s.value.dstate[k] = p.j.dstate[k];
    s.tangent.prev[k] = p.tstate[turn][k];
    s.tangent.next[k] = p.tstate[!turn][k];
  }
  if (p.of->y != NULL) s.tangent.y = static_cast<float *>(p.of->y) + row * s.tangent.ldy;
  return s;
}

tangent_step kernel_step(const step_pair &s) {
  const sq_layout *l = s.value.layout;
  tangent_step k = {};
  k.batch = s.value.batch;
  k.t = s.value.t;
  k.lengths = s.value.lengths;
  k.G = l->gates;
  k.A = l->aux;
  k.dgates = s.value.dgates;
  k.daux = s.value.daux;
  k.tgates = s.tangent.gates;
  k.taux = s.tangent.aux;
  for (int i = 0; i < l->states; i++) {
    k.W[i] = l->state_width[i];
    k.dstate[i] = s.value.dstate[i];
    k.tprev[i] = s.tangent.prev[i];
    k.tnext[i] = s.tangent.next[i];
  }
  return k;
}

int tangent_of_result(sq_exec *exec, const sq_tangent_pass &p, const step_pair &s, const sq_result &result) {
  const sq_layout *l = p.j.layout;
  const tangent_step k = kernel_step(s);
  const int state = result.to.buffer == SQ_STATE ? result.to.state : -1;
  const int64_t column = result.to.column;
  tangent_result r = {state, column, result.units, result.first_gate, result.first_aux, NULL, NULL, 0};
  r.ld = state < 0 ? l->aux : l->state_width[state];
  r.to = (state < 0 ? s.tangent.aux : s.tangent.next[state]) + column;
  r.pass = state < 0 ? NULL : s.tangent.prev[state] + column;
  int64_t widest = l->gates > l->aux ? l->gates : l->aux;
  for (int i = 0; i < l->states; i++)
    if (l->state_width[i] > widest) widest = l->state_width[i];
  int error = SQ_LAUNCH(exec, tangent_ones_kernel, sq_matrix_grid(k.batch, widest), sq_matrix_block(), 0, k,
                        r, widest);
  for (int i = 0; i <= result.back && error == 0; i++)
    error = p.j.cell->backward(exec, &s.value, result.stage - i);
  if (error != 0) return error;
  return SQ_LAUNCH(exec, tangent_result_kernel, sq_matrix_grid(k.batch, r.units), sq_matrix_block(), 0, k, r);
}

/* A structured product whose parameters move as well. */
int tangent_of_structure(sq_exec *exec, const sq_tangent_pass &p, const step_pair &s, int i) {
  const sq_product &product = p.j.layout->product[i];
  sq_rows_f32 r = sq_layer_rows(p.j, s.value, i);
  const sq_matrix to = sq_layer_place(s.tangent, product.to, false);
  r.tparams = static_cast<const float *>(p.of->params) + p.j.layout->param[product.param].offset;
  r.tfrom = sq_layer_place(s.tangent, product.from, false).data;
  r.to = const_cast<float *>(to.data);
  r.ld_to = to.ld;
  return sq_structured(product)->tangent(exec, &r);
}

int norms_of_step(sq_exec *exec, const sq_tangent_pass &p, const step_pair &s, int stage) {
  sq_norm_rows_f32 r = sq_layer_norm_rows(p.j, s.value);
  r.dgates = s.tangent.gates;
  r.daux = s.tangent.aux;
  r.dstate = s.tangent.next[SQ_NORM_STATE];
  return sq_gpu_norms_tangent(exec, r, stage);
}

int tangents_of_stage(sq_exec *exec, const sq_tangent_pass &p, const step_pair &s, int stage) {
  const sq_layout *l = p.j.layout;
  int error = 0;
  for (int i = 0; i < l->products && error == 0; i++) {
    if (l->product[i].stage != stage) continue;
    error = l->product[i].structure != NULL && p.of->params != NULL
                ? tangent_of_structure(exec, p, s, i)
                : sq_layer_product(exec, p.j, s.tangent, i, true);
  }
  if (error == 0) error = norms_of_step(exec, p, s, stage);
  for (int i = 0; i < l->results && error == 0; i++)
    if (l->result[i].stage == stage) error = tangent_of_result(exec, p, s, l->result[i]);
  return error;
}

int show(sq_exec *exec, const step_pair &s) {
  const int64_t output = s.tangent.layout->output;
  return SQ_LAUNCH(exec, tangent_show_kernel, sq_matrix_grid(s.tangent.batch, output), sq_matrix_block(), 0,
                   kernel_step(s), output, s.tangent.y, s.tangent.ldy);
}

int enqueue_tangent(sq_exec *exec, const void *argument) {
  const sq_layer_tangent *of = static_cast<const sq_layer_tangent *>(argument);
  const sq_layer_run *run = &of->run;
  sq_tangent_pass p = {};
  sq_tangent_place(&p, run);
  p.of = of;
  int error = sq_job_prepare_products(exec, &p.j, static_cast<float *>(run->workspace), 0);
  for (int k = 0; k < p.j.layout->states && error == 0; k++)
    error = sq_job_enter(exec, p.j, k, of->initial[k], of->params, p.tstate[0][k]);
  if (error == 0) error = tangents_outside(exec, p);
  if (error == 0) error = sq_gpu_norms_tangent(exec, sq_job_norm_rows(p.j), SQ_BEFORE_STEPS);
  if (error == 0) error = sq_tangent_steps(exec, p);
  for (int k = 0; k < p.j.layout->states && error == 0; k++)
    if (of->final[k] != NULL)
      error = sq_gpu_copy(exec, of->final[k], p.tstate[p.j.steps % 2][k],
                          run->batch * p.j.layout->state_width[k]);
  return error;
}

} // namespace

int64_t sq_tangent_room(const sq_layout *l, int64_t batch) {
  int64_t size = sq_gates_size(l, batch);
  for (int k = 0; k < l->states; k++) size += 2 * sq_align_elements(batch * l->state_width[k]);
  return size;
}

void sq_tangent_place(sq_tangent_pass *p, const sq_layer_run *run) {
  const sq_layout *l = run->layout;
  const int64_t B = run->batch;
  sq_job_place_backward(run, &p->j);
  p->j.cell = sq_launchers_of(l);
  sq_layer_place_key(run, &p->j);
  p->dgates = p->j.spare + sq_layer_key_size(l);
  p->daux = p->dgates + sq_align_elements(B * l->gates);
  float *at = p->daux + sq_align_elements(B * l->aux);
  for (int turn = 0; turn < 2; turn++)
    for (int k = 0; k < l->states; k++) {
      p->tstate[turn][k] = at;
      at += sq_align_elements(B * l->state_width[k]);
    }
}

int sq_tangent_steps(sq_exec *exec, const sq_tangent_pass &p) {
  const sq_layer_job &j = p.j;
  int error = 0;
  for (int64_t i = 0; i < j.steps && error == 0; i++) {
    const step_pair s = pair_at(p, j.run->reverse ? j.steps - 1 - i : i, (int)(i % 2));
    if (j.enters) error = sq_masks_enter_tangent(exec, &s.tangent);
    for (int stage = 0; stage < j.layout->stages && error == 0; stage++)
      error = tangents_of_stage(exec, p, s, stage);
    if (error == 0 && j.leaves) error = sq_masks_leave_tangent(exec, &s.tangent);
    if (error == 0 && s.tangent.y != NULL) error = show(exec, s);
  }
  return error;
}

extern "C" int SQ_GPU(layer_tangent)(sq_exec *exec, const sq_layer_tangent *of) {
  const void *pointers[SQ_JOB_POINTERS] = {of->x, of->params, of->y};
  int count = 3;
  for (int k = 0; k < SQ_MAX_STATES; k++) {
    pointers[count++] = of->initial[k];
    pointers[count++] = of->final[k];
  }
  const int error = sq_layer_write_key(exec, &of->run);
  return error != 0 ? error : sq_job_replay_with(exec, &of->run, pointers, count, enqueue_tangent, of);
}
