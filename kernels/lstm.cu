/* lstm.cu - the pointwise steps of the LSTM cells (core/lstm.c has equations, papers and gate order).
 *
 *   i = s(a_i + p_i c')   f = s(a_f + p_f c')   g = tanh(a_g)      c' = c_{t-1};  a: pre-activations
 *   c = f c' + i g                              lstm0: f = 1       coupled: f = 1 - i
 *   o = s(a_o + p_o c)    m = o tanh(c)         h = m, or with a projection, in a second stage, h = W_hr m
 *
 * Backward, where dm is the gradient at m:
 *   do' = dm tanh(c) o(1-o)    dc += dm o (1 - tanh(c)^2) + p_o do'
 *   di' = dc g i(1-i)    df' = dc c' f(1-f)    dg' = dc i (1-g^2)    (coupled: di' = dc (g - c') i(1-i))
 *   dc' = dc f + p_i di' + p_f df'
 *
 * Launch as in step.h.  The variants are template arguments, so the plain LSTM pays for none of them.
 * 48 bytes per thread and step forward, 56 to 60 backward (lstm without options); 5 transcendentals forward,
 * 1 backward.
 */
#include "kernels/cells.h"
#include "kernels/step.h"

namespace {

/* How c keeps its old value. */
enum { CAROUSEL, FORGET, COUPLED };

struct lstm_shape {
  int64_t H, P; /* P: width of h */
  int64_t G;    /* width of gates */
  int64_t A;    /* width of aux with a projection: H + P; else 0 */
  const float *p_i, *p_f, *p_o;
};

/* Columns of the gates in units of H. */
template <int kind> struct lstm_gates {
  enum { i = 0, f = 1, g = kind == FORGET ? 2 : 1, o = g + 1, count = o + 1 };
};

/* A sequence that has ended: its state passes on, and everything else is zero. */
template <int kind>
__device__ __forceinline__ void lstm_pass(const sq_step &s, const lstm_shape &n, int64_t b, int64_t j) {
  const int64_t at = b * n.H + j;
  SQ_UNROLL
  for (int k = 0; k < lstm_gates<kind>::count; k++) s.gates[b * n.G + k * n.H + j] = 0.0f;
  s.next[1][at] = s.prev[1][at];
  if (n.A != 0) {
    s.aux[b * n.A + j] = 0.0f;
    return;
  }
  s.next[0][at] = s.prev[0][at];
  s.y[b * s.ldy + j] = 0.0f;
}

template <int kind, bool peephole>
__device__ __forceinline__ void lstm_unit(const sq_step &s, const lstm_shape &n, int64_t b, int64_t j) {
  typedef lstm_gates<kind> gate;
  const int64_t at = b * n.H + j;
  float *a = s.gates + b * n.G + j;
  const float old = s.prev[1][at];
  const float i = sq_sigmoid(a[0] + (peephole ? n.p_i[j] * old : 0.0f));
  const float g = sq_tanh(a[gate::g * n.H]);
  float f = kind == COUPLED ? 1.0f - i : 1.0f;
  if (kind == FORGET) f = sq_sigmoid(a[gate::f * n.H] + (peephole ? n.p_f[j] * old : 0.0f));
  const float c = f * old + i * g;
  const float o = sq_sigmoid(a[gate::o * n.H] + (peephole ? n.p_o[j] * c : 0.0f));
  const float m = o * sq_tanh(c);
  a[0] = i;
  if (kind == FORGET) a[gate::f * n.H] = f;
  a[gate::g * n.H] = g;
  a[gate::o * n.H] = o;
  s.next[1][at] = c;
  if (n.A != 0) {
    s.aux[b * n.A + j] = m;
    return;
  }
  s.next[0][at] = m;
  s.y[b * s.ldy + j] = m;
}

template <int kind, bool peephole> __global__ void lstm_kernel(sq_step s, lstm_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.H) {
      if (valid)
        lstm_unit<kind, peephole>(s, n, b, j);
      else
        lstm_pass<kind>(s, n, b, j);
    }
  }
}

template <int kind, bool peephole>
__device__ __forceinline__ void lstm_unit_backward(const sq_step &s, const lstm_shape &n, int64_t b,
                                                   int64_t j) {
  typedef lstm_gates<kind> gate;
  const int64_t at = b * n.H + j;
  const float *a = s.gates + b * n.G + j;
  float *d = s.dgates + b * n.G + j;
  const float i = a[0], g = a[gate::g * n.H], o = a[gate::o * n.H];
  const float f = kind == FORGET ? a[gate::f * n.H] : kind == COUPLED ? 1.0f - i : 1.0f;
  const float old = s.prev[1][at], tc = sq_tanh(s.next[1][at]);
  const float dm = n.A != 0 ? s.daux[b * n.A + j] : s.dstate[0][at] + sq_dy(s, b, j);
  const float da_o = dm * tc * o * (1.0f - o);
  const float dc = s.dstate[1][at] + dm * o * (1.0f - tc * tc) + (peephole ? n.p_o[j] * da_o : 0.0f);
  const float da_i = dc * (kind == COUPLED ? g - old : g) * i * (1.0f - i);
  const float da_f = kind == FORGET ? dc * old * f * (1.0f - f) : 0.0f;
  d[0] = da_i;
  if (kind == FORGET) d[gate::f * n.H] = da_f;
  d[gate::g * n.H] = dc * i * (1.0f - g * g);
  d[gate::o * n.H] = da_o;
  float dold = dc * f;
  if (peephole) dold += n.p_i[j] * da_i;
  if (peephole && kind == FORGET) dold += n.p_f[j] * da_f;
  s.dstate[1][at] = dold;
  if (n.A == 0) s.dstate[0][at] = 0.0f; /* h_{t-1} enters only through the product */
}

template <int kind, bool peephole> __global__ void lstm_backward_kernel(sq_step s, lstm_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.H) {
      if (valid) {
        lstm_unit_backward<kind, peephole>(s, n, b, j);
        continue;
      }
      SQ_UNROLL
      for (int k = 0; k < lstm_gates<kind>::count; k++) s.dgates[b * n.G + k * n.H + j] = 0.0f;
      if (n.A != 0) s.daux[b * n.A + j] = 0.0f;
    }
  }
}

/* Stage 1, with a projection only: the product left W_hr m in aux, behind m. */
__global__ void lstm_projection_kernel(sq_step s, lstm_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.P) {
      float *product = s.aux + b * n.A + n.H + j;
      const float h = valid ? *product : 0.0f;
      *product = h;
      s.next[0][b * n.P + j] = valid ? h : s.prev[0][b * n.P + j];
      s.y[b * s.ldy + j] = h;
    }
  }
}

__global__ void lstm_projection_backward_kernel(sq_step s, lstm_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.P) {
      float *dh = s.dstate[0] + b * n.P + j;
      s.daux[b * n.A + n.H + j] = valid ? *dh + sq_dy(s, b, j) : 0.0f;
      if (valid) *dh = 0.0f; /* h_{t-1} enters only through the products */
    }
  }
}

typedef void lstm_step_kernel(sq_step s, lstm_shape n);

/* [kind][peephole] */
lstm_step_kernel *const lstm_kernels[3][2] = {{lstm_kernel<CAROUSEL, false>, lstm_kernel<CAROUSEL, true>},
                                              {lstm_kernel<FORGET, false>, lstm_kernel<FORGET, true>},
                                              {lstm_kernel<COUPLED, false>, lstm_kernel<COUPLED, true>}};
lstm_step_kernel *const lstm_backward_kernels[3][2] = {
    {lstm_backward_kernel<CAROUSEL, false>, lstm_backward_kernel<CAROUSEL, true>},
    {lstm_backward_kernel<FORGET, false>, lstm_backward_kernel<FORGET, true>},
    {lstm_backward_kernel<COUPLED, false>, lstm_backward_kernel<COUPLED, true>}};

lstm_shape lstm_shape_of(const sq_step *s) {
  const sq_layout *l = s->layout;
  lstm_shape n = {};
  n.H = l->config.hidden_size;
  n.P = l->output;
  n.G = l->gates;
  n.A = l->config.projection_size != 0 ? l->aux : 0;
  n.p_i = sq_step_param(s, "peephole_i");
  n.p_f = sq_step_param(s, "peephole_f");
  n.p_o = sq_step_param(s, "peephole_o");
  return n;
}

int lstm_kind_of(const sq_step *s) {
  if (s->layout->biased == 4 * s->layout->config.hidden_size) return FORGET;
  return s->layout->config.coupled ? COUPLED : CAROUSEL;
}

} // namespace

extern "C" int SQ_GPU(lstm_forward)(sq_exec *exec, const sq_step *s, int stage) {
  const lstm_shape n = lstm_shape_of(s);
  if (stage == 1) return sq_step_launch(exec, "lstm_projection_kernel", lstm_projection_kernel, n.P, s, n);
  return sq_step_launch(exec, "lstm_kernel", lstm_kernels[lstm_kind_of(s)][n.p_i != NULL], n.H, s, n);
}

extern "C" int SQ_GPU(lstm_backward)(sq_exec *exec, const sq_step *s, int stage) {
  const lstm_shape n = lstm_shape_of(s);
  if (stage == 1)
    return sq_step_launch(exec, "lstm_projection_backward_kernel", lstm_projection_backward_kernel, n.P, s,
                          n);
  return sq_step_launch(exec, "lstm_backward_kernel", lstm_backward_kernels[lstm_kind_of(s)][n.p_i != NULL],
                        n.H, s, n);
}

/* lstm0 is the same arithmetic; its layout has no forget block. */
extern "C" int SQ_GPU(lstm0_forward)(sq_exec *exec, const sq_step *s, int stage) {
  return SQ_GPU(lstm_forward)(exec, s, stage);
}
extern "C" int SQ_GPU(lstm0_backward)(sq_exec *exec, const sq_step *s, int stage) {
  return SQ_GPU(lstm_backward)(exec, s, stage);
}
