/* cells.h - the pointwise steps of the cells as the persistent kernels see them: pure arithmetic on one pair
 * (unit j, sequence b), everything in registers.  core/{rnn,leaky,lstm,gru}.c have the equations and the
 * papers.
 *
 * A cell has up to two stages per step, each a product by the recurrent weights and then a pointwise step:
 *
 *                       product                                   returns
 *   forward<stage>      sum[g] = (W_block(first + g) operand)_j   its element of the next operand: h or r h
 *   backward<stage>     sum    = (W^T operand)_j                  operand[g]: gradients, for the next operand
 *
 * W_hh is read in blocks of H rows; each stage multiplies by `count` of them from `first` on.  Backward
 * numbers the stages so that its stage s multiplies by the same blocks: stage 0 completes the gradient at
 * h_t, to which the skeleton has already added `sum`.  Masked pairs, loads and stores are the skeleton's
 * business: a cell sees valid pairs only.
 *
 * kept[] lives from stage to stage and from step to step: first the states (backward: their gradients), then
 * whatever the cell itself keeps.  A further cell is one more struct of this kind (leaky_recurrence is 15
 * lines), a name in RECURRENCE_CELLS, and a row in each of the three tables of that order.  Cells that
 * multiply by more than blocks of W_hh do not fit this skeleton.
 */
#ifndef SQ_PERSISTENT_CELLS_H
#define SQ_PERSISTENT_CELLS_H

#include "kernels/persistent/persistent.h"

enum { RECURRENCE_GATES = 4 };

/* What a pair reads from memory in a step.  It is loaded before the product, so that it has arrived
 * afterwards. */
struct recurrence_input {
  float gate[RECURRENCE_GATES]; /* forward: x W_ih^T + b of all gates; backward: activations */
  float bias[RECURRENCE_GATES]; /* forward, weights in registers: b, which the skeleton adds */
  float vector[RECURRENCE_VECTORS];
  float aux, prev[RECURRENCE_STATES], next[RECURRENCE_STATES], dy; /* backward */
  int option;
  float leak;
};

/* What a pair writes in a step: activations, or the gradients at pre-activations and at products in aux. */
struct recurrence_output {
  float gate[RECURRENCE_GATES], aux;
};

/* h = g(a) */
struct rnn_recurrence {
  enum { GATES = 1, AUX = 0, STATES = 1, STAGES = 1, KEPT = 1, VECTORS = 0 };
  static __host__ __device__ constexpr int first(int) { return 0; }
  static __host__ __device__ constexpr int count(int) { return 1; }

  static __device__ __forceinline__ float activate(int g, float x) {
    if (g == SQ_TANH) return sq_activate<SQ_TANH>(x);
    if (g == SQ_RELU) return sq_activate<SQ_RELU>(x);
    return g == SQ_SIGMOID ? sq_activate<SQ_SIGMOID>(x) : x;
  }
  static __device__ __forceinline__ float gradient(int g, float y) {
    if (g == SQ_TANH) return sq_activate_grad<SQ_TANH>(y);
    if (g == SQ_RELU) return sq_activate_grad<SQ_RELU>(y);
    return g == SQ_SIGMOID ? sq_activate_grad<SQ_SIGMOID>(y) : 1.0f;
  }

  template <int stage>
  static __device__ __forceinline__ float forward(const recurrence_input &in, const float *sum, float *kept,
                                                  recurrence_output &out) {
    kept[0] = out.gate[0] = activate(in.option, in.gate[0] + sum[0]);
    return kept[0];
  }

  template <int stage>
  static __device__ __forceinline__ void backward(const recurrence_input &in, float, float *kept,
                                                  recurrence_output &out, float *operand) {
    operand[0] = out.gate[0] = (kept[0] + in.dy) * gradient(in.option, in.gate[0]);
    kept[0] = 0.0f; /* h_{t-1} enters only through the product */
  }
};

/* n = g(pre-activation), h = (1 - a) h' + a n: a vanilla network whose units keep a share of their old
 * value. */
struct leaky_recurrence : rnn_recurrence {
  template <int stage>
  static __device__ __forceinline__ float forward(const recurrence_input &in, const float *sum, float *kept,
                                                  recurrence_output &out) {
    out.gate[0] = activate(in.option, in.gate[0] + sum[0]);
    kept[0] = (1.0f - in.leak) * kept[0] + in.leak * out.gate[0];
    return kept[0];
  }

  template <int stage>
  static __device__ __forceinline__ void backward(const recurrence_input &in, float, float *kept,
                                                  recurrence_output &out, float *operand) {
    const float dh = kept[0] + in.dy;
    operand[0] = out.gate[0] = in.leak * dh * gradient(in.option, in.gate[0]);
    kept[0] = (1.0f - in.leak) * dh;
  }
};

/* Four gates i,f,g,o, or three, i,g,o: the constant error carousel, and with `option` f = 1 - i.
 * Missing peepholes are zeros. */
template <int gates> struct lstm_recurrence {
  enum { GATES = gates, AUX = 0, STATES = 2, STAGES = 1, KEPT = 2, VECTORS = 3 };
  enum { forget = gates == 4, F = 1, G = forget ? 2 : 1, O = G + 1 };
  static __host__ __device__ constexpr int first(int) { return 0; }
  static __host__ __device__ constexpr int count(int) { return gates; }

  template <int stage>
  static __device__ __forceinline__ float forward(const recurrence_input &in, const float *sum, float *kept,
                                                  recurrence_output &out) {
    const float old = kept[1];
    const float i = sq_sigmoid(in.gate[0] + sum[0] + in.vector[0] * old);
    const float g = sq_tanh(in.gate[G] + sum[G]);
    float f = in.option ? 1.0f - i : 1.0f;
    if (forget) f = sq_sigmoid(in.gate[F] + sum[F] + in.vector[1] * old);
    const float c = f * old + i * g;
    const float o = sq_sigmoid(in.gate[O] + sum[O] + in.vector[2] * c);
    out.gate[0] = i;
    if (forget) out.gate[F] = f;
    out.gate[G] = g;
    out.gate[O] = o;
    kept[1] = c;
    kept[0] = o * sq_tanh(c);
    return kept[0];
  }

  template <int stage>
  static __device__ __forceinline__ void backward(const recurrence_input &in, float, float *kept,
                                                  recurrence_output &out, float *operand) {
    const float i = in.gate[0], g = in.gate[G], o = in.gate[O], old = in.prev[1], tc = sq_tanh(in.next[1]);
    const float f = forget ? in.gate[F] : in.option ? 1.0f - i : 1.0f;
    const float dm = kept[0] + in.dy;
    const float da_o = dm * tc * o * (1.0f - o);
    const float dc = kept[1] + dm * o * (1.0f - tc * tc) + in.vector[2] * da_o;
    const float da_i = dc * (!forget && in.option ? g - old : g) * i * (1.0f - i);
    const float da_f = forget ? dc * old * f * (1.0f - f) : 0.0f;
    out.gate[0] = da_i;
    if (forget) out.gate[F] = da_f;
    out.gate[G] = dc * i * (1.0f - g * g);
    out.gate[O] = da_o;
    SQ_UNROLL
    for (int k = 0; k < gates; k++) operand[k] = out.gate[k];
    kept[0] = 0.0f; /* h_{t-1} enters only through the product */
    kept[1] = dc * f + in.vector[0] * da_i + in.vector[1] * da_f;
  }
};

/* Gates r,u,c; reset after the product: q = U_c h' + b_rec is in aux, and the third block of the operand is
 * dq. */
struct gru_after_recurrence {
  enum { GATES = 3, AUX = 1, STATES = 1, STAGES = 1, KEPT = 1, VECTORS = 1 };
  static __host__ __device__ constexpr int first(int) { return 0; }
  static __host__ __device__ constexpr int count(int) { return 3; }

  template <int stage>
  static __device__ __forceinline__ float forward(const recurrence_input &in, const float *sum, float *kept,
                                                  recurrence_output &out) {
    const float r = sq_sigmoid(in.gate[0] + sum[0]), u = sq_sigmoid(in.gate[1] + sum[1]);
    const float q = sum[2] + in.vector[0], c = sq_tanh(in.gate[2] + r * q);
    out.gate[0] = r;
    out.gate[1] = u;
    out.gate[2] = c;
    out.aux = q;
    kept[0] = (1.0f - u) * c + u * kept[0];
    return kept[0];
  }

  template <int stage>
  static __device__ __forceinline__ void backward(const recurrence_input &in, float, float *kept,
                                                  recurrence_output &out, float *operand) {
    const float r = in.gate[0], u = in.gate[1], c = in.gate[2], dh = kept[0] + in.dy;
    const float dc = dh * (1.0f - u) * (1.0f - c * c);
    operand[0] = out.gate[0] = dc * in.aux * r * (1.0f - r);
    operand[1] = out.gate[1] = dh * (in.prev[0] - c) * u * (1.0f - u);
    operand[2] = out.aux = dc * r;
    out.gate[2] = dc;
    kept[0] = dh * u;
  }
};

/* Gates r,u,c; reset before the product (the lecture): stage 0 computes r and u, stage 1 the candidate, whose
 * operand r h' is in aux.  Backward: stage 0 goes through the mix; stage 1, where sum = (U_c^T dc)_j, through
 * the reset gate. */
struct gru_before_recurrence {
  enum { GATES = 3, AUX = 1, STATES = 1, STAGES = 2, KEPT = 3, VECTORS = 0 };
  static __host__ __device__ constexpr int first(int stage) { return stage == 0 ? 0 : 2; }
  static __host__ __device__ constexpr int count(int stage) { return stage == 0 ? 2 : 1; }

  template <int stage>
  static __device__ __forceinline__ float forward(const recurrence_input &in, const float *sum, float *kept,
                                                  recurrence_output &out) {
    if (stage == 0) {
      kept[1] = sq_sigmoid(in.gate[0] + sum[0]);
      kept[2] = sq_sigmoid(in.gate[1] + sum[1]);
      return kept[1] * kept[0];
    }
    const float r = kept[1], u = kept[2], c = sq_tanh(in.gate[2] + sum[0]);
    out.gate[0] = r;
    out.gate[1] = u;
    out.gate[2] = c;
    out.aux = r * kept[0];
    kept[0] = (1.0f - u) * c + u * kept[0];
    return kept[0];
  }

  template <int stage>
  static __device__ __forceinline__ void backward(const recurrence_input &in, float sum, float *kept,
                                                  recurrence_output &out, float *operand) {
    const float r = in.gate[0], u = in.gate[1], c = in.gate[2], old = in.prev[0];
    if (stage == 0) {
      const float dh = kept[0] + in.dy;
      operand[0] = kept[2] = dh * (1.0f - u) * (1.0f - c * c);
      kept[1] = dh * (old - c) * u * (1.0f - u);
      kept[0] = dh * u;
      return;
    }
    operand[0] = out.gate[0] = sum * old * r * (1.0f - r);
    operand[1] = out.gate[1] = kept[1];
    out.gate[2] = kept[2];
    out.aux = sum;
    kept[0] += sum * r;
  }
};

#endif
