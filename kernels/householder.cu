/* householder.cu - products of Householder reflections (core/householder.c has the equations and the paper).
 *
 *   Q h = H_1 ... H_k h      H_i = I - s_i v_i v_i^T, s_i = 2 / |v_i|^2
 *
 * One block of HOUSEHOLDER_THREADS per sequence.  Its row (backward: the row and its gradient; in the tangent
 * pass, its tangent) stays in shared memory, 4 H or 8 H bytes, for all k reflections.  A reflection is one
 * block-wide sum (two backward, four for tangents) and one pass over the row:
 * 4 H k multiply-adds per row forward, 10 H k backward and for tangents, and the vectors once through the L2
 * cache for every
 * row.
 * Limits: the latency of k block sums, one after another.  H is bounded by the shared memory of a block:
 * 29,000 in training on sm_90.
 * The pointwise step is the vanilla network's.
 */
#include "kernels/cells.h"
#include "kernels/step.h"
#include "kernels/structures.h"

namespace {

#ifdef SEQGPU_EMULATE
enum { HOUSEHOLDER_THREADS = 32 };
#else
enum { HOUSEHOLDER_THREADS = 256 };
#endif

struct householder_rows : sq_device_rows {
  int64_t width, count; /* H, k */
  const float *vectors, *twice;
};

#define FOR_UNITS(j) for (int64_t j = threadIdx.x; j < r.width; j += blockDim.x)

/* The block's v.z, in every thread. */
__device__ __forceinline__ float householder_dot(const householder_rows &r, const float *v, const float *z) {
  float sum = 0.0f;
  FOR_UNITS(j) sum += v[j] * z[j];
  return sq_block_sum(sum);
}

/* z = Q from[b]; each thread touches only its own elements of z. */
__device__ __forceinline__ void householder_apply(const householder_rows &r, int64_t b, float *z) {
  FOR_UNITS(j) z[j] = r.from[b * r.ld_from + j];
  for (int64_t i = r.count - 1; i >= 0; i--) {
    const float *v = r.vectors + i * r.width;
    const float step = r.twice[i] * householder_dot(r, v, z);
    FOR_UNITS(j) z[j] -= step * v[j];
  }
}

__global__ void __launch_bounds__(HOUSEHOLDER_THREADS) householder_kernel(householder_rows r) {
  SQ_SHARED_DYNAMIC(float, z);
  for (int64_t b = blockIdx.x; b < r.rows; b += gridDim.x) {
    householder_apply(r, b, z);
    float *to = r.to + b * r.ld_to;
    FOR_UNITS(j) to[j] = r.accumulate ? to[j] + z[j] : z[j];
  }
}

__global__ void __launch_bounds__(HOUSEHOLDER_THREADS) householder_backward_kernel(householder_rows r) {
  SQ_SHARED_DYNAMIC(float, z);
  float *d = z + r.width;
  for (int64_t b = blockIdx.x; b < r.rows; b += gridDim.x) {
    householder_apply(r, b, z);
    FOR_UNITS(j) d[j] = r.dto[b * r.ld_to + j];
    for (int64_t i = 0; i < r.count; i++) {
      const float *v = r.vectors + i * r.width;
      float *dv = r.grads + (b * r.count + i) * r.width;
      const float s = r.twice[i], vd = householder_dot(r, v, d), vu = householder_dot(r, v, z);
      const float a = -s * vd, back = s * vu, c = -s * s * vd * vu; /* v.z = -v.u */
      FOR_UNITS(j) {
        z[j] -= back * v[j];
        dv[j] += a * z[j] + back * d[j] + c * v[j];
        d[j] += a * v[j];
      }
    }
    FOR_UNITS(j) r.dfrom[b * r.ld_from + j] += d[j];
  }
}

/* The row and its tangent, as core/householder.c has them. */
__global__ void __launch_bounds__(HOUSEHOLDER_THREADS)
    householder_tangent_kernel(householder_rows r, const float *tvectors) {
  SQ_SHARED_DYNAMIC(float, z);
  float *tz = z + r.width;
  for (int64_t b = blockIdx.x; b < r.rows; b += gridDim.x) {
    FOR_UNITS(j) z[j] = r.from[b * r.ld_from + j];
    FOR_UNITS(j) tz[j] = r.tfrom[b * r.ld_from + j];
    for (int64_t i = r.count - 1; i >= 0; i--) {
      const float *v = r.vectors + i * r.width, *tv = tvectors + i * r.width;
      const float s = r.twice[i], ts = -s * s * householder_dot(r, v, tv),
                  along_tv = householder_dot(r, tv, z);
      const float vz = householder_dot(r, v, z), along = s * (householder_dot(r, v, tz) + along_tv) + ts * vz;
      FOR_UNITS(j) {
        z[j] -= s * vz * v[j];
        tz[j] -= along * v[j] + s * vz * tv[j];
      }
    }
    FOR_UNITS(j) r.to[b * r.ld_to + j] += tz[j];
  }
}

/* twice[i] = 2 / |v_i|^2: one block per vector. */
__global__ void __launch_bounds__(HOUSEHOLDER_THREADS)
    householder_prepare_kernel(householder_rows r, float *twice) {
  for (int64_t i = blockIdx.x; i < r.count; i += gridDim.x) {
    const float *v = r.vectors + i * r.width;
    const float square = householder_dot(r, v, v);
    if (threadIdx.x == 0) twice[i] = square > 0.0f ? 2.0f / square : 0.0f;
  }
}

householder_rows rows_of(const sq_rows_f32 *a) {
  const int64_t count = a->layout->param[a->product->param].rows;
  return {sq_device_rows_of(a), a->product->cols, count, a->params, a->prepared};
}

} // namespace

extern "C" int SQ_GPU(householder_forward)(sq_exec *exec, const sq_step *s, int stage) {
  return SQ_GPU(rnn_forward)(exec, s, stage);
}

extern "C" int SQ_GPU(householder_backward)(sq_exec *exec, const sq_step *s, int stage) {
  return SQ_GPU(rnn_backward)(exec, s, stage);
}

extern "C" int SQ_GPU(householder_rows_prepare)(sq_exec *exec, const sq_layout *layout,
                                                const sq_product *product, const float *params,
                                                float *prepared) {
  householder_rows r = {};
  r.width = product->cols;
  r.count = layout->param[product->param].rows;
  r.vectors = params;
  return sq_launch(exec, "householder_prepare_kernel", householder_prepare_kernel, sq_blocks(r.count, 1),
                   HOUSEHOLDER_THREADS, 0, r, prepared);
}

/* The row; in training, also its gradient or its tangent. */
extern "C" size_t SQ_GPU(householder_rows_shared)(const sq_product *product, int backward) {
  return (backward ? 2 : 1) * (size_t)product->cols * sizeof(float);
}

extern "C" int SQ_GPU(householder_rows_forward)(sq_exec *exec, const sq_rows_f32 *a) {
  const householder_rows r = rows_of(a);
  return sq_launch_as(exec, {1, false}, "householder_kernel", householder_kernel, sq_blocks(r.rows, 1),
                      HOUSEHOLDER_THREADS, SQ_GPU(householder_rows_shared)(a->product, 0), r);
}

extern "C" int SQ_GPU(householder_rows_backward)(sq_exec *exec, const sq_rows_f32 *a) {
  const householder_rows r = rows_of(a);
  return sq_launch_as(exec, {1, false}, "householder_backward_kernel", householder_backward_kernel,
                      sq_blocks(r.rows, 1), HOUSEHOLDER_THREADS,
                      SQ_GPU(householder_rows_shared)(a->product, 1), r);
}

extern "C" int SQ_GPU(householder_rows_tangent)(sq_exec *exec, const sq_rows_f32 *a) {
  const householder_rows r = rows_of(a);
  return sq_launch_as(exec, {1, false}, "householder_tangent_kernel", householder_tangent_kernel,
                      sq_blocks(r.rows, 1), HOUSEHOLDER_THREADS,
                      SQ_GPU(householder_rows_shared)(a->product, 1), r, a->tparams);
}
