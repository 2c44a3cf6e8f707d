/* layer_signals.cu - the error signals of a layer, and what a function of their images wants of the recurrent
 * weights (core/layer_signals.c has the method, core/omega.c the equations).
 *
 *   signals      for t: |d_t|^2, the step backward, u_t           two launches beside those of backward
 *   gradients    dW += d(to)^T t(from),  dp += sum d(to) * t(from)
 *
 * The operand along u of a weight whose operand is the old state is u itself, and all steps are one product;
 * other operands take tangents, step by step (layer_tangent.cu).  norm2: one warp per sequence, 4 to 8 bytes
 * per element; the images: one thread per element, 8 bytes.  Limited by the launches.
 */
#include "kernels/layer.h"
#include "kernels/layer_tangent.h"
#include "kernels/ops.h"
#include "kernels/step.h"

namespace {

enum { SIGNAL_WARPS = 4 };

/* The states' gradients one behind the other, [B,S]. */
struct signal_rows {
  int64_t batch, t, W[SQ_MAX_STATES], width; /* width: S */
  const int32_t *lengths;
  const float *dstate[SQ_MAX_STATES];
};

__device__ __forceinline__ bool signal_valid(const signal_rows &s, int64_t b) {
  return s.lengths == NULL || s.t < s.lengths[b];
}

/* Column j of row b. */
__device__ __forceinline__ float signal_at(const signal_rows &s, int64_t b, int64_t j) {
  for (int k = 0; k < SQ_MAX_STATES - 1; k++) {
    if (j < s.W[k]) return s.dstate[k][b * s.W[k] + j];
    j -= s.W[k];
  }
  return s.dstate[SQ_MAX_STATES - 1][b * s.W[SQ_MAX_STATES - 1] + j];
}

/* |d_t|^2 before the step backward; y is the states one behind the other, as far as it is wide. */
__global__ void signal_norm_kernel(signal_rows s, const float *dy, int64_t ldy, int64_t output,
                                   float *norm2) {
  for (int64_t b = (int64_t)blockIdx.x * SIGNAL_WARPS + threadIdx.y; b < s.batch;
       b += (int64_t)gridDim.x * SIGNAL_WARPS) {
    const bool valid = signal_valid(s, b);
    float sum = 0.0f;
    for (int64_t j = threadIdx.x; valid && j < s.width; j += SQ_WARP) {
      const float d = signal_at(s, b, j) + (dy != NULL && j < output ? dy[b * ldy + j] : 0.0f);
      sum += d * d;
    }
    sum = sq_warp_sum(sum);
    if (threadIdx.x == 0) norm2[b] = sum;
  }
}

/* u_t after it. */
__global__ void signal_image_kernel(signal_rows s, float *u) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = signal_valid(s, b);
    SQ_FOR_COLS(j, s.width) u[b * s.width + j] = valid ? signal_at(s, b, j) : 0.0f;
  }
}

/* The states' columns of u_t, each into its own place. */
__global__ void signal_direction_kernel(signal_rows s, const float *u, float *t0, float *t1, float *t2) {
  float *const to[SQ_MAX_STATES] = {t0, t1, t2};
  SQ_FOR_ROWS(b, s.batch) {
    int64_t first = 0;
    for (int k = 0; k < SQ_MAX_STATES; k++) {
      SQ_FOR_COLS(j, s.W[k]) to[k][b * s.W[k] + j] = u[b * s.width + first + j];
      first += s.W[k];
    }
  }
}

static_assert(SQ_MAX_STATES == 3, "signal_direction_kernel takes three");

signal_rows rows_of(const sq_step_f32 &s) {
  const sq_layout *l = s.layout;
  signal_rows r = {};
  r.batch = s.batch;
  r.t = s.t;
  r.lengths = s.lengths;
  r.width = sq_signals_width(l);
  for (int k = 0; k < l->states; k++) {
    r.W[k] = l->state_width[k];
    r.dstate[k] = s.dstate[k];
  }
  return r;
}

int signal_step(sq_exec *exec, const sq_layer_job &j, const sq_layer_signals &of, int64_t t) {
  const sq_step_f32 s = sq_layer_step_back(j, t);
  const signal_rows r = rows_of(s);
  float *norm2 = static_cast<float *>(of.norm2) + t * s.batch;
  float *u = static_cast<float *>(of.u) + t * s.batch * r.width;
  int error = SQ_LAUNCH(exec, signal_norm_kernel, sq_blocks(s.batch, SIGNAL_WARPS),
                        dim3(SQ_WARP, SIGNAL_WARPS), 0, r, s.dy, s.ldy, s.layout->output, norm2);
  if (error == 0) error = sq_layer_stages_back(exec, j, s);
  if (error != 0) return error;
  return SQ_LAUNCH(exec, signal_image_kernel, sq_matrix_grid(s.batch, r.width), sq_matrix_block(), 0, r, u);
}

int enqueue_signals(sq_exec *exec, const void *argument) {
  const sq_layer_signals &of = *static_cast<const sq_layer_signals *>(argument);
  sq_layer_job j = {};
  j.cell = sq_launchers_of(of.run.layout);
  int error = sq_job_begin_backward(exec, &of.run, &j);
  for (int64_t i = 0; i < j.steps && error == 0; i++)
    error = signal_step(exec, j, of, of.run.reverse ? i : j.steps - 1 - i);
  return error;
}

/* ---- gradients ---- */

/* Rows of the run: all, where the operands are the old states; or those of step t, of which the tangents are
 * known. */
struct stretch {
  const sq_layer_job *whole;
  const sq_layer_signals *of;
  const sq_tangent_pass *tangents; /* NULL: old states */
  int64_t first, rows;
};

/* Whether an operand is the business of the stretch. */
bool belongs(const stretch &s, const sq_place &from) {
  return from.buffer != SQ_NONE && (from.buffer == SQ_STATE_PREV) == (s.tangents == NULL);
}

/* Gradients at the result of a product or sum. */
sq_matrix results_of(const stretch &s, const sq_place &to) {
  const sq_matrix m = sq_job_whole(*s.whole, to, true);
  return {m.data + s.first * m.ld, m.ld};
}

/* Derivatives of its operand along u. */
sq_matrix operands_of(const stretch &s, const sq_place &from) {
  const sq_layout *l = s.whole->layout;
  if (from.buffer == SQ_AUX) return sq_job_whole(s.tangents->j, from, true);
  if (from.buffer == SQ_STATE)
    return {s.tangents->tstate[1][from.state] + from.column, l->state_width[from.state]};
  const float *u = static_cast<const float *>(s.of->u);
  for (int k = 0; k < from.state; k++) u += l->state_width[k];
  return {u + from.column, sq_signals_width(l)};
}

int add_gradients(sq_exec *exec, const stretch &s) {
  const sq_layout *l = s.whole->layout;
  float *dparams = static_cast<float *>(s.of->run.dparams);
  int error = 0;
  for (int i = 0; i < l->products && error == 0; i++) {
    const sq_product &p = l->product[i];
    if (!belongs(s, p.from)) continue;
    error =
        sq_job_gemm(exec, s.of->run.math, 1, 0, p.rows, p.cols, s.rows, results_of(s, p.to),
                    operands_of(s, p.from), 1, {dparams + l->param[p.param].offset + p.row * p.cols, p.cols});
  }
  for (int i = 0; i < l->sums && error == 0; i++) {
    const sq_sum &u = l->sum[i];
    if (!belongs(s, u.from)) continue;
    const sq_matrix a = results_of(s, u.to), b = operands_of(s, u.from);
    const sq_reduce_args r = {
        s.rows, u.width, a.data, a.ld, b.data, b.ld, dparams + l->param[u.param].offset + u.row};
    error = SQ_GPU(reduce)(exec, &r);
  }
  return error;
}

/* Whether a weight's operand is something else than an old state. */
bool needs_tangents(const sq_layout *l) {
  bool needs = false;
  for (int i = 0; i < l->products; i++) needs |= l->product[i].from.buffer != SQ_STATE_PREV;
  for (int i = 0; i < l->sums; i++)
    needs |= l->sum[i].from.buffer != SQ_STATE_PREV && l->sum[i].from.buffer != SQ_NONE;
  return needs;
}

/* The tangents of step t along u_t: the pass becomes a job of that step alone. */
int tangents_of_step(sq_exec *exec, const stretch &s, int64_t t, sq_tangent_pass *p) {
  const sq_layer_job &j = *s.whole;
  const sq_layout *l = j.layout;
  const int64_t B = j.run->batch;
  p->j.t0 = t;
  p->j.gates = j.gates + t * B * l->gates;
  p->j.aux = j.aux + t * B * l->aux;
  p->j.dgates = static_cast<float *>(s.of->step);
  p->j.daux = p->j.dgates + sq_align_elements(B * l->gates);
  for (int k = 0; k < l->states; k++) p->j.state[k] = j.state[k] + t * B * l->state_width[k];
  const signal_rows r = rows_of(sq_layer_step_back(p->j, 0));
  const float *u = static_cast<const float *>(s.of->u) + t * B * r.width;
  int error = sq_gpu_zero(exec, s.of->step, sq_gates_size(l, B));
  if (error == 0)
    error = SQ_LAUNCH(exec, signal_direction_kernel, sq_matrix_grid(B, r.width), sq_matrix_block(), 0, r, u,
                      p->tstate[0][0], p->tstate[0][1], p->tstate[0][2]);
  return error == 0 ? sq_tangent_steps(exec, *p) : error;
}

int enqueue_gradients(sq_exec *exec, const void *argument) {
  const sq_layer_signals *of = static_cast<const sq_layer_signals *>(argument);
  const int64_t T = of->run.seq_len, B = of->run.batch;
  sq_layer_tangent none = {};
  none.run = of->run;
  sq_tangent_pass p = {};
  sq_tangent_place(&p, &of->run);
  p.of = &none;
  const sq_layer_job whole = p.j;
  stretch s = {&whole, of, NULL, 0, T * B};
  int error = add_gradients(exec, s);
  if (!needs_tangents(of->run.layout)) return error;
  p.j.steps = 1;
  s.tangents = &p;
  s.rows = B;
  for (int64_t t = 0; t < T && error == 0; t++) {
    s.first = t * B;
    error = tangents_of_step(exec, s, t, &p);
    if (error == 0) error = add_gradients(exec, s);
  }
  return error;
}

int replay(sq_exec *exec, const sq_layer_signals *of, int (*enqueue)(sq_exec *, const void *)) {
  const void *const pointers[] = {of->norm2, of->u, of->step};
  return sq_job_replay_with(exec, &of->run, pointers, 3, enqueue, of);
}

} // namespace

extern "C" int SQ_GPU(layer_signals)(sq_exec *exec, const sq_layer_signals *of) {
  return replay(exec, of, enqueue_signals);
}

extern "C" int SQ_GPU(layer_signal_gradients)(sq_exec *exec, const sq_layer_signals *of) {
  return replay(exec, of, enqueue_gradients);
}
