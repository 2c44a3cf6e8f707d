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
 * Launch as in step.h.  A thread and step move 44 bytes forward and 44 to 48 backward (reset after), or 24 +
 * 24 and 24 + 28 to 32 in the two stages of reset before; three transcendentals forward and none backward.
 */
#include "kernels/cells.h"
#include "kernels/step.h"

namespace {

/* Where unit j of sequence b has its elements; gates are r, u, c. */
struct gru_unit {
  int64_t at, r, u, c;
};
__device__ __forceinline__ gru_unit gru_unit_at(int64_t H, int64_t b, int64_t j) {
  const int64_t r = 3 * b * H + j;
  return {b * H + j, r, r + H, r + 2 * H};
}

/* The state of a sequence that has ended passes on. */
__device__ __forceinline__ void gru_pass(const sq_step &s, const gru_unit &i, float *y) {
  s.gates[i.r] = s.gates[i.u] = s.gates[i.c] = 0.0f;
  s.aux[i.at] = 0.0f;
  s.next[0][i.at] = s.prev[0][i.at];
  *y = 0.0f;
}

__device__ __forceinline__ void gru_mix(const sq_step &s, const gru_unit &i, float u, float c, float *y) {
  const float h = (1.0f - u) * c + u * s.prev[0][i.at];
  s.next[0][i.at] = h;
  *y = h;
}

/* Reset after: everything in one stage. */
__global__ void gru_after_kernel(sq_step s, int64_t H, const float *bias_rec) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, H) {
      const gru_unit i = gru_unit_at(H, b, j);
      float *y = s.y + b * s.ldy + j;
      if (!valid) {
        gru_pass(s, i, y);
        continue;
      }
      const float r = sq_sigmoid(s.gates[i.r]), u = sq_sigmoid(s.gates[i.u]), q = s.aux[i.at] + bias_rec[j];
      const float c = sq_tanh(s.gates[i.c] + r * q);
      s.gates[i.r] = r;
      s.gates[i.u] = u;
      s.gates[i.c] = c;
      s.aux[i.at] = q;
      gru_mix(s, i, u, c, y);
    }
  }
}

/* Reset before, stage 0. */
__global__ void gru_gates_kernel(sq_step s, int64_t H) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, H) {
      const gru_unit i = gru_unit_at(H, b, j);
      const float r = valid ? sq_sigmoid(s.gates[i.r]) : 0.0f;
      s.gates[i.r] = r;
      s.gates[i.u] = valid ? sq_sigmoid(s.gates[i.u]) : 0.0f;
      s.aux[i.at] = valid ? r * s.prev[0][i.at] : 0.0f;
    }
  }
}

/* Reset before, stage 1. */
__global__ void gru_candidate_kernel(sq_step s, int64_t H) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, H) {
      const gru_unit i = gru_unit_at(H, b, j);
      float *y = s.y + b * s.ldy + j;
      if (!valid) {
        gru_pass(s, i, y);
        continue;
      }
      const float c = sq_tanh(s.gates[i.c]);
      s.gates[i.c] = c;
      gru_mix(s, i, s.gates[i.u], c, y);
    }
  }
}

/* Through the mix; returns the gradient at the candidate's pre-activation. */
__device__ __forceinline__ float gru_unmix(const sq_step &s, const gru_unit &i, float dy) {
  const float u = s.gates[i.u], c = s.gates[i.c], dh = s.dstate[0][i.at] + dy;
  const float dc = dh * (1.0f - u) * (1.0f - c * c);
  s.dgates[i.u] = dh * (s.prev[0][i.at] - c) * u * (1.0f - u);
  s.dgates[i.c] = dc;
  s.dstate[0][i.at] = dh * u;
  return dc;
}

/* No gradient reaches a step after the end of its sequence. */
__device__ __forceinline__ void gru_stop(const sq_step &s, const gru_unit &i) {
  s.dgates[i.r] = s.dgates[i.u] = s.dgates[i.c] = 0.0f;
  s.daux[i.at] = 0.0f;
}

__global__ void gru_after_backward_kernel(sq_step s, int64_t H) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, H) {
      const gru_unit i = gru_unit_at(H, b, j);
      if (!valid) {
        gru_stop(s, i);
        continue;
      }
      const float r = s.gates[i.r], dc = gru_unmix(s, i, sq_dy(s, b, j));
      s.daux[i.at] = dc * r;
      s.dgates[i.r] = dc * s.aux[i.at] * r * (1.0f - r);
    }
  }
}

/* Reset before, stage 1. */
__global__ void gru_candidate_backward_kernel(sq_step s, int64_t H) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, H) {
      const gru_unit i = gru_unit_at(H, b, j);
      if (valid)
        gru_unmix(s, i, sq_dy(s, b, j));
      else
        gru_stop(s, i);
    }
  }
}

/* Reset before, stage 0: the product has left e in daux. */
__global__ void gru_gates_backward_kernel(sq_step s, int64_t H) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, H) {
      const gru_unit i = gru_unit_at(H, b, j);
      if (!valid) {
        gru_stop(s, i);
        continue;
      }
      const float r = s.gates[i.r], e = s.daux[i.at];
      s.dgates[i.r] = e * s.prev[0][i.at] * r * (1.0f - r);
      s.dstate[0][i.at] += e * r;
    }
  }
}

} // namespace

extern "C" int SQ_GPU(gru_forward)(sq_exec *exec, const sq_step *s, int stage) {
  const int64_t H = s->layout->config.hidden_size;
  if (s->layout->config.reset_after)
    return sq_step_launch(exec, "gru_after_kernel", gru_after_kernel, H, s, H, sq_step_param(s, "bias_rec"));
  if (stage == 0) return sq_step_launch(exec, "gru_gates_kernel", gru_gates_kernel, H, s, H);
  return sq_step_launch(exec, "gru_candidate_kernel", gru_candidate_kernel, H, s, H);
}

extern "C" int SQ_GPU(gru_backward)(sq_exec *exec, const sq_step *s, int stage) {
  const int64_t H = s->layout->config.hidden_size;
  if (s->layout->config.reset_after)
    return sq_step_launch(exec, "gru_after_backward_kernel", gru_after_backward_kernel, H, s, H);
  if (stage == 0)
    return sq_step_launch(exec, "gru_gates_backward_kernel", gru_gates_backward_kernel, H, s, H);
  return sq_step_launch(exec, "gru_candidate_backward_kernel", gru_candidate_backward_kernel, H, s, H);
}
