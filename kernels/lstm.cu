/* lstm.cu - the pointwise steps of the LSTM cells (core/lstm.c has equations, papers and gate order).
 *
 *   i = s(a_i + p_i c')   f = s(a_f + p_f c')   g = tanh(a_g)      c' = c_{t-1};  a: pre-activations
 *   c = f c' + i g                              lstm0: f = 1       coupled: f = 1 - i     (further ones: ANY)
 *   o = s(a_o + p_o c)    m = o tanh(c)         h = m, or with a projection, in a second stage, h = W_hr m
 *
 * Backward, where dm is the gradient at m:
 *   do' = dm tanh(c) o(1-o)    dc += dm o (1 - tanh(c)^2) + p_o do'
 *   di' = dc g i(1-i)    df' = dc c' f(1-f)    dg' = dc i (1-g^2)    (coupled: di' = dc (g - c') i(1-i))
 *   dc' = dc f + p_i di' + p_f df'
 *
 * Launch as in step.h.  The common variants are template arguments, so the plain LSTM pays for none of them;
 * the others (Greff et al. 2017), zoneout_cell, update_dropout and normalisation are one more instance, ANY,
 * which asks at run time.  With a normalised c the output has a stage of its own, m = o tanh(N(c)).
 * 48 bytes per thread and step forward, 56 to 60 backward (lstm without options); 5 transcendentals forward,
 * 1 backward.
 */
#include "kernels/cells.h"
#include "kernels/step.h"

namespace {

/* How c keeps its old value, or any variant. */
enum { CAROUSEL, FORGET, COUPLED, ANY };

enum { ABSENT = -1 };

/* Columns of the gates in units of H, and the rest of a variant. */
struct lstm_variant {
  int i, f, g, o; /* ABSENT: the gate is 1, or with `coupled` f = 1 - i */
  int count;
  bool coupled, bounded_in, bounded_out; /* g and c go through a tanh */
};

struct lstm_shape {
  int64_t H, P; /* P: width of h */
  int64_t G;    /* width of gates */
  int64_t A;    /* width of aux with a projection, whose columns are the first; else 0 */
  const float *p_i, *p_f, *p_o;
  lstm_variant any;
  /* ANY: width of aux, columns of c before zoneout, of g's mask, and of N(c), whose output has a stage of its
   * own; or -1 */
  int64_t aux, candidate, mask, normed;
  int64_t Q; /* ANY: width of the third state q = (i,f,o), or 0 */
};

/* Constants but for ANY. */
template <int kind> __device__ __forceinline__ lstm_variant lstm_variant_of(const lstm_shape &n) {
  if (kind == ANY) return n.any;
  if (kind == FORGET) return {0, 1, 2, 3, 4, false, true, true};
  return {0, ABSENT, 1, 2, 3, kind == COUPLED, true, true};
}

/* A sequence that has ended: its state passes on, and everything else is zero. */
template <int kind>
__device__ __forceinline__ void lstm_pass(const sq_step &s, const lstm_shape &n, int64_t b, int64_t j) {
  const int count = lstm_variant_of<kind>(n).count;
  const int64_t at = b * n.H + j;
  SQ_UNROLL
  for (int k = 0; k < count; k++) s.gates[b * n.G + k * n.H + j] = 0.0f;
  s.next[1][at] = s.prev[1][at];
  if (kind == ANY && n.normed >= 0) s.aux[b * n.aux + n.normed + j] = 0.0f;
  if (kind == ANY && n.candidate >= 0) s.aux[b * n.aux + n.candidate + j] = 0.0f;
  for (int64_t k = j; kind == ANY && k < n.Q; k += n.H) s.next[2][b * n.Q + k] = s.prev[2][b * n.Q + k];
  if (n.A != 0) {
    s.aux[b * n.A + j] = 0.0f;
    return;
  }
  s.next[0][at] = s.prev[0][at];
  s.y[b * s.ldy + j] = 0.0f;
}

/* Where q has a gate: those behind g follow on those before it.  Column of q, in units of H. */
__device__ __forceinline__ int lstm_place_in_q(const lstm_variant &v, int gate) {
  return gate < v.g ? gate : gate - 1;
}

__device__ __forceinline__ void lstm_keep_gates(const sq_step &s, const lstm_shape &n, int64_t b, int64_t j,
                                                float i, float f, float o) {
  const lstm_variant &v = n.any;
  float *q = s.next[2] + b * n.Q + j;
  if (v.i != ABSENT) q[lstm_place_in_q(v, v.i) * n.H] = i;
  if (v.f != ABSENT) q[lstm_place_in_q(v, v.f) * n.H] = f;
  if (v.o != ABSENT) q[lstm_place_in_q(v, v.o) * n.H] = o;
}

/* What q adds at the pre-activation of a gate.  dq is 0 then, for q_{t-1} enters only through the product. */
template <int kind>
__device__ __forceinline__ float lstm_from_q(const sq_step &s, const lstm_shape &n, int64_t b, int64_t j,
                                             int gate, float a) {
  if (kind != ANY || n.Q == 0 || gate == ABSENT) return 0.0f;
  float *dq = s.dstate[2] + b * n.Q + lstm_place_in_q(n.any, gate) * n.H + j;
  const float d = *dq * a * (1.0f - a);
  *dq = 0.0f;
  return d;
}

/* m is h, or the operand of the projection. */
__device__ __forceinline__ void lstm_put(const sq_step &s, const lstm_shape &n, int64_t b, int64_t j,
                                         float m) {
  if (n.A != 0) {
    s.aux[b * n.A + j] = m;
    return;
  }
  s.next[0][b * n.H + j] = m;
  s.y[b * s.ldy + j] = m;
}

/* Where the step has c_t, before zoneout. */
template <int kind>
__device__ __forceinline__ float *lstm_cell(const sq_step &s, const lstm_shape &n, int64_t b, int64_t j) {
  if (kind == ANY && n.candidate >= 0) return s.aux + b * n.aux + n.candidate + j;
  return s.next[1] + b * n.H + j;
}

/* What dropout makes of g. */
template <int kind>
__device__ __forceinline__ float lstm_mask(const sq_step &s, const lstm_shape &n, int64_t b, int64_t j) {
  return kind == ANY && n.mask >= 0 ? s.aux[b * n.aux + n.mask + j] : 1.0f;
}

template <int kind, bool peephole>
__device__ __forceinline__ void lstm_unit(const sq_step &s, const lstm_shape &n, int64_t b, int64_t j) {
  const lstm_variant v = lstm_variant_of<kind>(n);
  const int64_t at = b * n.H + j;
  float *a = s.gates + b * n.G + j;
  const float old = s.prev[1][at];
  float i = 1.0f, f = 1.0f, o = 1.0f;
  if (v.i != ABSENT) i = sq_sigmoid(a[v.i * n.H] + (peephole ? n.p_i[j] * old : 0.0f));
  const float g = v.bounded_in ? sq_tanh(a[v.g * n.H]) : a[v.g * n.H];
  if (v.coupled) f = 1.0f - i;
  if (v.f != ABSENT) f = sq_sigmoid(a[v.f * n.H] + (peephole ? n.p_f[j] * old : 0.0f));
  const float c = f * old + i * (g * lstm_mask<kind>(s, n, b, j));
  if (v.o != ABSENT) o = sq_sigmoid(a[v.o * n.H] + (peephole ? n.p_o[j] * c : 0.0f));
  const bool apart = kind == ANY && n.normed >= 0; /* the output has a stage of its own */
  const float m = apart ? 0.0f : o * (v.bounded_out ? sq_tanh(c) : c);
  if (v.i != ABSENT) a[v.i * n.H] = i;
  if (v.f != ABSENT) a[v.f * n.H] = f;
  a[v.g * n.H] = g;
  if (v.o != ABSENT) a[v.o * n.H] = o;
  *lstm_cell<kind>(s, n, b, j) = c;
  if (kind == ANY && n.Q > 0) lstm_keep_gates(s, n, b, j, i, f, o);
  if (!apart) lstm_put(s, n, b, j, m);
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

/* The gradient at m. */
__device__ __forceinline__ float lstm_dm(const sq_step &s, const lstm_shape &n, int64_t b, int64_t j) {
  return n.A != 0 ? s.daux[b * n.A + j] : s.dstate[0][b * n.H + j] + sq_dy(s, b, j);
}

template <int kind, bool peephole>
__device__ __forceinline__ void lstm_unit_backward(const sq_step &s, const lstm_shape &n, int64_t b,
                                                   int64_t j) {
  const lstm_variant v = lstm_variant_of<kind>(n);
  const int64_t at = b * n.H + j;
  const float *a = s.gates + b * n.G + j;
  float *d = s.dgates + b * n.G + j;
  const float i = v.i != ABSENT ? a[v.i * n.H] : 1.0f, g = a[v.g * n.H];
  const float o = v.o != ABSENT ? a[v.o * n.H] : 1.0f;
  const float f = v.f != ABSENT ? a[v.f * n.H] : v.coupled ? 1.0f - i : 1.0f;
  const float old = s.prev[1][at], c = *lstm_cell<kind>(s, n, b, j), tc = v.bounded_out ? sq_tanh(c) : c;
  const float mask = lstm_mask<kind>(s, n, b, j);
  const bool apart = kind == ANY && n.normed >= 0; /* the output's stage has left da_o */
  const float dm = apart ? 0.0f : lstm_dm(s, n, b, j);
  float da_o = v.o == ABSENT ? 0.0f : apart ? d[v.o * n.H] : dm * tc * o * (1.0f - o);
  if (kind == ANY) da_o += lstm_from_q<kind>(s, n, b, j, v.o, o);
  const float dc = s.dstate[1][at] + dm * o * (v.bounded_out ? 1.0f - tc * tc : 1.0f) +
                   (peephole && v.o != ABSENT ? n.p_o[j] * da_o : 0.0f);
  float da_i = v.i != ABSENT ? dc * (v.coupled ? g * mask - old : g * mask) * i * (1.0f - i) : 0.0f;
  float da_f = v.f != ABSENT ? dc * old * f * (1.0f - f) : 0.0f;
  if (kind == ANY) da_i += lstm_from_q<kind>(s, n, b, j, v.i, i);
  if (kind == ANY) da_f += lstm_from_q<kind>(s, n, b, j, v.f, f);
  if (v.i != ABSENT) d[v.i * n.H] = da_i;
  if (v.f != ABSENT) d[v.f * n.H] = da_f;
  d[v.g * n.H] = dc * i * mask * (v.bounded_in ? 1.0f - g * g : 1.0f);
  if (v.o != ABSENT) d[v.o * n.H] = da_o;
  float dold = dc * f;
  if (peephole && v.i != ABSENT) dold += n.p_i[j] * da_i;
  if (peephole && v.f != ABSENT) dold += n.p_f[j] * da_f;
  s.dstate[1][at] = dold;
  if (n.A == 0 && !apart) s.dstate[0][at] = 0.0f; /* h_{t-1} enters only through the product */
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
      for (int k = 0; k < lstm_variant_of<kind>(n).count; k++) s.dgates[b * n.G + k * n.H + j] = 0.0f;
      if (n.A != 0) s.daux[b * n.A + j] = 0.0f;
    }
  }
}

/* Stage 1, where c is normalised: the norm left N(c) in aux. */
__global__ void lstm_output_kernel(sq_step s, lstm_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.H) {
      const float c = s.aux[b * n.aux + n.normed + j];
      const float o = n.any.o != ABSENT ? s.gates[b * n.G + n.any.o * n.H + j] : 1.0f;
      if (valid)
        lstm_put(s, n, b, j, o * (n.any.bounded_out ? sq_tanh(c) : c));
      else
        s.aux[b * n.aux + n.normed + j] = 0.0f; /* the rest is stage 0's */
    }
  }
}

__global__ void lstm_output_backward_kernel(sq_step s, lstm_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.H) {
      const float c = s.aux[b * n.aux + n.normed + j], tc = n.any.bounded_out ? sq_tanh(c) : c;
      const int64_t gate = b * n.G + n.any.o * n.H + j;
      const float o = n.any.o != ABSENT ? s.gates[gate] : 1.0f, dm = valid ? lstm_dm(s, n, b, j) : 0.0f;
      if (n.any.o != ABSENT) s.dgates[gate] = dm * tc * o * (1.0f - o);
      s.daux[b * n.aux + n.normed + j] = dm * o * (n.any.bounded_out ? 1.0f - tc * tc : 1.0f);
      if (valid && n.A == 0) s.dstate[0][b * n.H + j] = 0.0f; /* h_{t-1} enters only through the product */
    }
  }
}

/* The last stage, with a projection only: the product left W_hr m in aux, behind m. */
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
lstm_step_kernel *const lstm_kernels[4][2] = {{lstm_kernel<CAROUSEL, false>, lstm_kernel<CAROUSEL, true>},
                                              {lstm_kernel<FORGET, false>, lstm_kernel<FORGET, true>},
                                              {lstm_kernel<COUPLED, false>, lstm_kernel<COUPLED, true>},
                                              {lstm_kernel<ANY, false>, lstm_kernel<ANY, true>}};
lstm_step_kernel *const lstm_backward_kernels[4][2] = {
    {lstm_backward_kernel<CAROUSEL, false>, lstm_backward_kernel<CAROUSEL, true>},
    {lstm_backward_kernel<FORGET, false>, lstm_backward_kernel<FORGET, true>},
    {lstm_backward_kernel<COUPLED, false>, lstm_backward_kernel<COUPLED, true>},
    {lstm_backward_kernel<ANY, false>, lstm_backward_kernel<ANY, true>}};

lstm_variant lstm_variant_in(const sq_config &c) {
  lstm_variant v = {};
  v.i = c.no_input_gate ? ABSENT : v.count++;
  v.f = c.no_forget_gate || c.coupled ? ABSENT : v.count++;
  v.g = v.count++;
  v.o = c.no_output_gate ? ABSENT : v.count++;
  v.coupled = c.coupled;
  v.bounded_in = !c.no_input_activation;
  v.bounded_out = !c.no_output_activation;
  return v;
}

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
  n.any = lstm_variant_in(l->config);
  n.aux = l->aux;
  n.candidate = l->masks.candidate[1];
  n.mask = l->masks.scale;
  n.Q = l->state_width[2];
  const sq_norm *last = l->norms > 0 ? &l->norm[l->norms - 1] : NULL;
  n.normed = last != NULL && last->from.buffer == SQ_STATE ? last->to.column : -1;
  return n;
}

int lstm_kind_of(const sq_step *s) {
  const sq_config &c = s->layout->config;
  const sq_layout *l = s->layout;
  if (l->masks.candidate[1] >= 0 || l->masks.scale >= 0 || l->norms > 0 || l->state_width[2] > 0) return ANY;
  if (c.no_input_gate || c.no_output_gate || c.no_input_activation || c.no_output_activation) return ANY;
  return c.coupled ? COUPLED : c.no_forget_gate ? CAROUSEL : FORGET;
}

} // namespace

extern "C" int SQ_GPU(lstm_forward)(sq_exec *exec, const sq_step *s, int stage) {
  const lstm_shape n = lstm_shape_of(s);
  if (stage == 1 && n.normed >= 0)
    return sq_step_launch(exec, "lstm_output_kernel", lstm_output_kernel, n.H, s, n);
  if (stage > 0) return sq_step_launch(exec, "lstm_projection_kernel", lstm_projection_kernel, n.P, s, n);
  return sq_step_launch(exec, "lstm_kernel", lstm_kernels[lstm_kind_of(s)][s->layout->config.peephole], n.H,
                        s, n);
}

extern "C" int SQ_GPU(lstm_backward)(sq_exec *exec, const sq_step *s, int stage) {
  const lstm_shape n = lstm_shape_of(s);
  if (stage == 1 && n.normed >= 0)
    return sq_step_launch(exec, "lstm_output_backward_kernel", lstm_output_backward_kernel, n.H, s, n);
  if (stage > 0)
    return sq_step_launch(exec, "lstm_projection_backward_kernel", lstm_projection_backward_kernel, n.P, s,
                          n);
  return sq_step_launch(exec, "lstm_backward_kernel",
                        lstm_backward_kernels[lstm_kind_of(s)][s->layout->config.peephole], n.H, s, n);
}

/* lstm0 is the same arithmetic. */
extern "C" int SQ_GPU(lstm0_forward)(sq_exec *exec, const sq_step *s, int stage) {
  return SQ_GPU(lstm_forward)(exec, s, stage);
}
extern "C" int SQ_GPU(lstm0_backward)(sq_exec *exec, const sq_step *s, int stage) {
  return SQ_GPU(lstm_backward)(exec, s, stage);
}
