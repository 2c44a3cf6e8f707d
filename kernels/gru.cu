/* gru.cu - the pointwise steps of the GRU (core/gru.c has papers and layout).
 *
 *   r = s(a_r)   u = s(a_u)   h = (1-u) c + u h'                     h' = h_{t-1};  a: pre-activations
 *   reset before (lecture):          stage 0: r, u, and r h' for the product;  stage 1: c = tanh(a_c), h
 *   reset after (cuDNN, PyTorch):    q = U_c h' + b_rec;  c = tanh(a_c + r q)
 *
 * Backward:  dc' = dh (1-u) (1-c^2)     du' = dh (h' - c) u(1-u)     dh' = dh u + products
 *   before:  stage 1 as above; then, where e is the gradient at r h':  dr' = e h' r(1-r),  dh' += e r
 *   after:   dq = dc' r,   dr' = dc' q r(1-r)
 *
 * With recurrent_dropout r h' is of the h' that the products see; with update_dropout c has a mask in h.  The
 * kernels have instances without them (masked = false), so that the plain GRU pays for neither.
 *
 * Launch as in step.h.  A thread and step move 44 bytes forward and 44 to 48 backward (reset after), or 24 +
 * 24 and 24 + 28 to 32 in the two stages of reset before; three transcendentals forward and none backward.
 */
#include "kernels/cells.h"
#include "kernels/step.h"

namespace {

struct gru_shape {
  int64_t H, A;          /* A: width of aux, which begins with q or r h' */
  int64_t dropped, mask; /* columns of aux: the h' that the products see, the mask of c; or -1 */
};

/* Where unit j of sequence b has its elements; gates are r, u, c. */
struct gru_unit {
  int64_t at, aux, r, u, c;
};
template <bool masked>
__device__ __forceinline__ gru_unit gru_unit_at(const gru_shape &n, int64_t b, int64_t j) {
  const int64_t r = 3 * b * n.H + j, at = b * n.H + j;
  return {at, masked ? b * n.A + j : at, r, r + n.H, r + 2 * n.H};
}

/* What dropout makes of c. */
template <bool masked>
__device__ __forceinline__ float gru_mask(const sq_step &s, const gru_shape &n, const gru_unit &i) {
  return masked && n.mask >= 0 ? s.aux[i.aux + n.mask] : 1.0f;
}

/* The state of a sequence that has ended passes on. */
__device__ __forceinline__ void gru_pass(const sq_step &s, const gru_unit &i, float *y) {
  s.gates[i.r] = s.gates[i.u] = s.gates[i.c] = 0.0f;
  s.aux[i.aux] = 0.0f;
  s.next[0][i.at] = s.prev[0][i.at];
  *y = 0.0f;
}

__device__ __forceinline__ void gru_mix(const sq_step &s, const gru_unit &i, float u, float c, float *y) {
  const float h = (1.0f - u) * c + u * s.prev[0][i.at];
  s.next[0][i.at] = h;
  *y = h;
}

/* Reset after: everything in one stage. */
template <bool masked> __global__ void gru_after_kernel(sq_step s, gru_shape n, const float *bias_rec) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.H) {
      const gru_unit i = gru_unit_at<masked>(n, b, j);
      float *y = s.y + b * s.ldy + j;
      if (!valid) {
        gru_pass(s, i, y);
        continue;
      }
      const float r = sq_sigmoid(s.gates[i.r]), u = sq_sigmoid(s.gates[i.u]), q = s.aux[i.aux] + bias_rec[j];
      const float c = sq_tanh(s.gates[i.c] + r * q);
      s.gates[i.r] = r;
      s.gates[i.u] = u;
      s.gates[i.c] = c;
      s.aux[i.aux] = q;
      gru_mix(s, i, u, c * gru_mask<masked>(s, n, i), y);
    }
  }
}

/* Reset before, stage 0. */
template <bool masked> __global__ void gru_gates_kernel(sq_step s, gru_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.H) {
      const gru_unit i = gru_unit_at<masked>(n, b, j);
      const float r = valid ? sq_sigmoid(s.gates[i.r]) : 0.0f;
      s.gates[i.r] = r;
      s.gates[i.u] = valid ? sq_sigmoid(s.gates[i.u]) : 0.0f;
      const float seen = masked && n.dropped >= 0 ? s.aux[i.aux + n.dropped] : s.prev[0][i.at];
      s.aux[i.aux] = valid ? r * seen : 0.0f;
    }
  }
}

/* Reset before, stage 1. */
template <bool masked> __global__ void gru_candidate_kernel(sq_step s, gru_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.H) {
      const gru_unit i = gru_unit_at<masked>(n, b, j);
      float *y = s.y + b * s.ldy + j;
      if (!valid) {
        gru_pass(s, i, y);
        continue;
      }
      const float c = sq_tanh(s.gates[i.c]);
      s.gates[i.c] = c;
      gru_mix(s, i, s.gates[i.u], c * gru_mask<masked>(s, n, i), y);
    }
  }
}

/* Through the mix; returns the gradient at the candidate's pre-activation. */
template <bool masked>
__device__ __forceinline__ float gru_unmix(const sq_step &s, const gru_shape &n, const gru_unit &i,
                                           float dy) {
  const float u = s.gates[i.u], c = s.gates[i.c], mask = gru_mask<masked>(s, n, i),
              dh = s.dstate[0][i.at] + dy;
  const float dc = dh * (1.0f - u) * (1.0f - c * c) * mask;
  s.dgates[i.u] = dh * (s.prev[0][i.at] - c * mask) * u * (1.0f - u);
  s.dgates[i.c] = dc;
  s.dstate[0][i.at] = dh * u;
  return dc;
}

/* No gradient reaches a step after the end of its sequence. */
template <bool masked>
__device__ __forceinline__ void gru_stop(const sq_step &s, const gru_shape &n, const gru_unit &i) {
  s.dgates[i.r] = s.dgates[i.u] = s.dgates[i.c] = 0.0f;
  s.daux[i.aux] = 0.0f;
  if (masked && n.dropped >= 0) s.daux[i.aux + n.dropped] = 0.0f;
}

template <bool masked> __global__ void gru_after_backward_kernel(sq_step s, gru_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.H) {
      const gru_unit i = gru_unit_at<masked>(n, b, j);
      if (!valid) {
        gru_stop<masked>(s, n, i);
        continue;
      }
      const float r = s.gates[i.r], dc = gru_unmix<masked>(s, n, i, sq_dy(s, b, j));
      s.daux[i.aux] = dc * r;
      s.dgates[i.r] = dc * s.aux[i.aux] * r * (1.0f - r);
    }
  }
}

/* Reset before, stage 1. */
template <bool masked> __global__ void gru_candidate_backward_kernel(sq_step s, gru_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.H) {
      const gru_unit i = gru_unit_at<masked>(n, b, j);
      if (valid)
        gru_unmix<masked>(s, n, i, sq_dy(s, b, j));
      else
        gru_stop<masked>(s, n, i);
    }
  }
}

/* Reset before, stage 0: the product has left e in daux. */
template <bool masked> __global__ void gru_gates_backward_kernel(sq_step s, gru_shape n) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, n.H) {
      const gru_unit i = gru_unit_at<masked>(n, b, j);
      if (!valid) {
        gru_stop<masked>(s, n, i);
        continue;
      }
      const float r = s.gates[i.r], e = s.daux[i.aux];
      const float seen = masked && n.dropped >= 0 ? s.aux[i.aux + n.dropped] : s.prev[0][i.at];
      s.dgates[i.r] = e * seen * r * (1.0f - r);
      if (masked && n.dropped >= 0)
        s.daux[i.aux + n.dropped] = e * r; /* to which the gates' product adds */
      else
        s.dstate[0][i.at] += e * r;
    }
  }
}

gru_shape gru_shape_of(const sq_step *s) {
  const sq_layout *l = s->layout;
  return {l->config.hidden_size, l->aux, l->masks.dropped, l->masks.scale};
}

/* Whether aux holds more than q or r h'. */
bool is_masked(const gru_shape &n) { return n.A != n.H; }

} // namespace

extern "C" int SQ_GPU(gru_forward)(sq_exec *exec, const sq_step *s, int stage) {
  const gru_shape n = gru_shape_of(s);
  const int64_t H = n.H;
  const bool masked = is_masked(n);
  if (s->layout->config.reset_after)
    return sq_step_launch(exec, "gru_after_kernel", masked ? gru_after_kernel<true> : gru_after_kernel<false>,
                          H, s, n, sq_step_param(s, "bias_rec"));
  if (stage == 0)
    return sq_step_launch(exec, "gru_gates_kernel", masked ? gru_gates_kernel<true> : gru_gates_kernel<false>,
                          H, s, n);
  return sq_step_launch(exec, "gru_candidate_kernel",
                        masked ? gru_candidate_kernel<true> : gru_candidate_kernel<false>, H, s, n);
}

extern "C" int SQ_GPU(gru_backward)(sq_exec *exec, const sq_step *s, int stage) {
  const gru_shape n = gru_shape_of(s);
  const int64_t H = n.H;
  const bool masked = is_masked(n);
  if (s->layout->config.reset_after)
    return sq_step_launch(exec, "gru_after_backward_kernel",
                          masked ? gru_after_backward_kernel<true> : gru_after_backward_kernel<false>, H, s,
                          n);
  if (stage == 0)
    return sq_step_launch(exec, "gru_gates_backward_kernel",
                          masked ? gru_gates_backward_kernel<true> : gru_gates_backward_kernel<false>, H, s,
                          n);
  return sq_step_launch(exec, "gru_candidate_backward_kernel",
                        masked ? gru_candidate_backward_kernel<true> : gru_candidate_backward_kernel<false>,
                        H, s, n);
}
