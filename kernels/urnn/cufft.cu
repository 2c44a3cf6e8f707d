/* cufft.cu - the algorithm `cufft`: the unitary evolution RNN step by step, with Fourier transforms by cuFFT
 * (core/urnn.c).
 *
 *   forward, per step: [D1] F [D2 P R1] F^-1 [R2 D3 + V x, modReLU]
 *   backward:          [D1] F [D2 P R1] F^-1 [modReLU, D3 R2] F [D2 P R1] F^-1 [D1]
 *                      of which the first four repeat the forward step from h_{t-1}
 *
 * Each [] is one kernel, with one block of CUFFT_THREADS per sequence; each F is one batched call of cuFFT on
 * [B,n] complex numbers in natural order, in place.  Everything is replayed as one CUDA graph when the same
 * arguments come again.  Any n.  A step moves about 108 n bytes per sequence forward and 310 n backward,
 * through the second-level cache while B n is small; the limit is then the latency of 5 (backward 9)
 * dependent launches.
 */
#include "kernels/urnn/algorithms.h"

#include <stdio.h>
#include <string.h>

#include "kernels/job.h"
#include "kernels/modrelu.h"
#include "kernels/step.h"
#include "kernels/unitary.h"
#include "kernels/urnn/cufft_calls.h"

namespace {

#ifdef SEQGPU_EMULATE
enum { CUFFT_THREADS = 32 };
#else
enum { CUFFT_THREADS = 256 };
#endif

/* Complex numbers as cuFFT has them. */
typedef sq_vector<2> pairs;

/* One step of the batch; everything is in device memory. */
struct transformed {
  sq_step step; /* whose pointers to the layout are not looked at */
  unitary matrix;
  const float *bias;
  float *x1, *x2, *g; /* [B,n] complex */
  float *grads;       /* [B,8n] */
  __device__ __forceinline__ pairs row(float *x, int64_t b) const {
    return {x + b * 2 * matrix.n, x + b * 2 * matrix.n + 1};
  }
};

#define FOR_SEQUENCES(b) for (int64_t b = blockIdx.x; b < s.step.batch; b += gridDim.x)

__global__ void __launch_bounds__(CUFFT_THREADS) cufft_first_kernel(transformed s) {
  FOR_SEQUENCES(b) sq_unitary_first(s.matrix, s.step.prev[0] + b * 2 * s.matrix.n, s.row(s.x1, b));
}

__global__ void __launch_bounds__(CUFFT_THREADS) cufft_middle_kernel(transformed s) {
  FOR_SEQUENCES(b) sq_unitary_middle(s.matrix, s.row(s.x1, b), s.row(s.x2, b));
}

__global__ void __launch_bounds__(CUFFT_THREADS) cufft_last_kernel(transformed s) {
  const int64_t n = s.matrix.n;
  FOR_SEQUENCES(b) {
    const bool valid = sq_valid(s.step, b);
    float *gates = s.step.gates + b * 2 * n, *next = s.step.next[0] + b * 2 * n,
          *y = s.step.y + b * s.step.ldy;
    const float *prev = s.step.prev[0] + b * 2 * n;
    sq_unitary_last(s.matrix, s.row(s.x2, b), [&](int64_t j, sq_complex w) {
      sq_complex z = {0.0f, 0.0f}, h = z;
      float q = 0.0f;
      if (valid) {
        z = w + sq_complex{gates[j], gates[n + j]};
        h = sq_modrelu(z, s.bias[j], &q);
      }
      gates[j] = z.re;
      gates[n + j] = z.im;
      s.step.aux[b * n + j] = q;
      next[j] = valid ? h.re : prev[j];
      next[n + j] = valid ? h.im : prev[n + j];
      y[j] = h.re;
      y[n + j] = h.im;
    });
  }
}

/* modReLU and D3 R2 backward; dstate of a valid row becomes 0. */
__global__ void __launch_bounds__(CUFFT_THREADS) cufft_backward_last_kernel(transformed s) {
  const int64_t n = s.matrix.n;
  FOR_SEQUENCES(b) {
    const bool valid = sq_valid(s.step, b);
    const float *gates = s.step.gates + b * 2 * n;
    float *dstate = s.step.dstate[0] + b * 2 * n, *dgates = s.step.dgates + b * 2 * n;
    const auto turn_back = [&](int64_t j) {
      sq_complex dz = {0.0f, 0.0f};
      float db = 0.0f;
      if (valid) {
        const sq_complex dh = {dstate[j] + sq_dy(s.step, b, j), dstate[n + j] + sq_dy(s.step, b, n + j)};
        dz = sq_modrelu_backward({gates[j], gates[n + j]}, s.bias[j], s.step.aux[b * n + j], dh, &db);
        dstate[j] = dstate[n + j] = 0.0f;
      }
      dgates[j] = dz.re;
      dgates[n + j] = dz.im;
      s.step.daux[b * n + j] = db;
      return dz;
    };
    sq_unitary_backward_last(s.matrix, turn_back, s.row(s.x2, b), s.row(s.g, b),
                             s.grads + b * SQ_THETA_PARTS * n);
  }
}

__global__ void __launch_bounds__(CUFFT_THREADS) cufft_backward_middle_kernel(transformed s) {
  FOR_SEQUENCES(b)
  sq_unitary_backward_middle(s.matrix, s.row(s.x1, b), s.row(s.g, b), s.row(s.x2, b),
                             s.grads + b * SQ_THETA_PARTS * s.matrix.n);
}

__global__ void __launch_bounds__(CUFFT_THREADS) cufft_backward_first_kernel(transformed s) {
  FOR_SEQUENCES(b) {
    const int64_t at = b * 2 * s.matrix.n;
    sq_unitary_backward_first(s.matrix, s.step.prev[0] + at, s.row(s.x2, b), s.step.dstate[0] + at,
                              s.grads + b * SQ_THETA_PARTS * s.matrix.n);
  }
}

/* ---- from the host ---- */

int launch(sq_exec *exec, const char *name, void (*kernel)(transformed), const transformed &s) {
  return sq_launch(exec, name, kernel, sq_blocks(s.step.batch, 1), CUFFT_THREADS, 0, s);
}
int transform(sq_exec *exec, const transformed &s, float *x, int inverse) {
  return sq_cufft_run(exec, s.matrix.n, s.step.batch, x, inverse);
}

/* x1 = F D1 h, x2 = F^-1 D2 P R1 x1 */
int enqueue_product(sq_exec *exec, const transformed &s) {
  int error = launch(exec, "cufft_first_kernel", cufft_first_kernel, s);
  if (error == 0) error = transform(exec, s, s.x1, 0);
  if (error == 0) error = launch(exec, "cufft_middle_kernel", cufft_middle_kernel, s);
  return error != 0 ? error : transform(exec, s, s.x2, 1);
}

int enqueue_forward_step(sq_exec *exec, const transformed &s) {
  const int error = enqueue_product(exec, s);
  return error != 0 ? error : launch(exec, "cufft_last_kernel", cufft_last_kernel, s);
}

int enqueue_backward_step(sq_exec *exec, const transformed &s) {
  int error = enqueue_product(exec, s);
  if (error == 0) error = launch(exec, "cufft_backward_last_kernel", cufft_backward_last_kernel, s);
  if (error == 0) error = transform(exec, s, s.g, 0);
  if (error == 0) error = launch(exec, "cufft_backward_middle_kernel", cufft_backward_middle_kernel, s);
  if (error == 0) error = transform(exec, s, s.x2, 1);
  return error != 0 ? error : launch(exec, "cufft_backward_first_kernel", cufft_backward_first_kernel, s);
}

/* What is the same in all steps. */
transformed transformed_of(const sq_job &job) {
  const sq_layout *l = job.layout;
  const sq_layer_run *run = job.run;
  const int64_t n = l->config.hidden_size, size = sq_align_elements(run->batch * 2 * n);
  const float *params = static_cast<const float *>(run->params);
  transformed s = {};
  s.step.batch = run->batch;
  s.step.lengths = run->lengths;
  s.step.ldy = run->ldy;
  s.matrix = sq_unitary_of(n, params + l->param[l->product[0].param].offset, job.prepared[0]);
  s.bias = params + l->param[sq_layout_param(l, "bias_mod")].offset;
  s.x1 = job.spare;
  s.x2 = s.x1 + size;
  s.g = s.x2 + size;
  s.grads = job.grads[0];
  return s;
}

/* Aims it at time t. */
void aim(const sq_job &job, int64_t t, transformed *s) {
  const sq_layer_run *run = job.run;
  const int64_t B = run->batch, n = s->matrix.n, row = t * B;
  s->step.t = t;
  s->step.gates = job.gates + row * 2 * n;
  s->step.aux = job.aux + row * n;
  s->step.prev[0] = job.state[0] + sq_slot_prev(run->reverse, t) * B * 2 * n;
  s->step.next[0] = job.state[0] + sq_slot_next(run->reverse, t) * B * 2 * n;
  if (run->y != NULL) s->step.y = static_cast<float *>(run->y) + row * run->ldy;
  if (run->dy != NULL) s->step.dy = static_cast<const float *>(run->dy) + row * run->ldy;
  if (job.dgates == NULL) return;
  s->step.dgates = job.dgates + row * 2 * n;
  s->step.daux = job.daux + row * n;
  s->step.dstate[0] = job.dstate[0];
}

/* The frame has prepared the product for the kernels' own transforms; here it is prepared again, in natural
 * order. */
int prepare_naturally(sq_exec *exec, const sq_job &job) {
  const sq_layout *l = job.layout;
  const float *params = static_cast<const float *>(job.run->params);
  return sq_unitary_prepare(exec, l->config.hidden_size, params + l->param[l->product[0].param].offset,
                            job.prepared[0], 1);
}

int enqueue_forward(sq_exec *exec, const void *argument) {
  const sq_layer_run *run = static_cast<const sq_layer_run *>(argument);
  sq_job job = {};
  int error = sq_job_begin(exec, run, &job);
  if (error == 0) error = prepare_naturally(exec, job);
  transformed s = transformed_of(job);
  for (int64_t i = 0; i < job.steps && run->batch > 0 && error == 0; i++) {
    aim(job, run->reverse ? job.steps - 1 - i : i, &s);
    error = enqueue_forward_step(exec, s);
  }
  return error != 0 ? error : sq_job_end(exec, job);
}

int enqueue_backward(sq_exec *exec, const void *argument) {
  const sq_layer_run *run = static_cast<const sq_layer_run *>(argument);
  sq_job job = {};
  int error = sq_job_begin_backward(exec, run, &job);
  if (error == 0) error = prepare_naturally(exec, job);
  transformed s = transformed_of(job);
  for (int64_t i = 0; i < job.steps && run->batch > 0 && error == 0; i++) {
    aim(job, run->reverse ? i : job.steps - 1 - i, &s);
    error = enqueue_backward_step(exec, s);
  }
  return error != 0 ? error : sq_job_end_backward(exec, job);
}

int replay(sq_exec *exec, const sq_layer_run *runs, int count, int (*enqueue)(sq_exec *, const void *)) {
  int error = 0;
  for (int i = 0; i < count && error == 0; i++) error = sq_job_replay(exec, &runs[i], enqueue);
  return error;
}

} // namespace

extern "C" const char *SQ_GPU(cufft_refuses)(sq_exec *exec, const sq_problem *p, char *text, size_t size) {
  if (strcmp(p->layout->cell->name, "urnn") != 0) return "cell: cufft runs urnn only";
  const char *missing = sq_cufft_missing();
  if (missing != NULL) {
    snprintf(text, size, "algorithm: %s", missing);
    return text;
  }
  const int error = sq_cufft_ready(exec, p->layout->config.hidden_size, p->batch);
  if (error == 0) return NULL;
  if (!sq_cufft_refused(error)) return sq_no_answer;
  snprintf(text, size, "hidden_size, batch: cuFFT gives status %d for %lld transforms of %lld numbers",
           error - SQ_CUFFT_ERRORS, (long long)p->batch, (long long)p->layout->config.hidden_size);
  return text;
}

/* Microseconds: five launches of a graph per step, as long as they take on an H100, and the bytes of a step at
 * 1 TB/s. */
extern "C" double SQ_GPU(cufft_estimate)(sq_exec *, const sq_problem *p) {
  const double bytes = 108.0 * (double)p->layout->config.hidden_size * (double)p->batch;
  const double passes = p->training ? 14.0 / 5 : 1; /* backward has nine launches */
  return 5.0 + passes * (double)p->seq_len * p->directions * (5 * 2.7 + bytes / 1e6);
}

extern "C" int64_t SQ_GPU(cufft_workspace)(const sq_layout *l, int64_t seq_len, int64_t batch, int training,
                                           sq_math) {
  return sq_job_workspace(l, seq_len, batch, training) +
         (training ? 3 : 2) * sq_align_elements(batch * 2 * l->config.hidden_size);
}

extern "C" int SQ_GPU(cufft_forward)(sq_exec *exec, const sq_layer_run *runs, int count) {
  return replay(exec, runs, count, enqueue_forward);
}

extern "C" int SQ_GPU(cufft_backward)(sq_exec *exec, const sq_layer_run *runs, int count) {
  return replay(exec, runs, count, enqueue_backward);
}
