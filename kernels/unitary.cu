/* unitary.cu - the unitary product of a batch at one step (core/unitary.c), for the algorithm `step`.
 *
 * One block of UNITARY_THREADS per sequence, the whole product in one launch.  Vectors are in shared memory,
 * two of 8 n bytes forward and four backward and for tangents, which limits n: `step` refuses what does not fit; `cufft` has
 * no such limit.
 * n a power of two: about 11.5 n log2 n + 50 n operations forward, and log2 n barriers, which are the limit;
 * any other n:
 * 16 n^2 operations.
 * Bytes per row: h in, W h in and out, 8 n each; the factors, 50 n, come from the second-level cache.
 */
#include "kernels/unitary.h"

#include "kernels/structures.h"

namespace {

#ifdef SEQGPU_EMULATE
enum { UNITARY_THREADS = 32, PREPARE_THREADS = 64 };
#else
enum { UNITARY_THREADS = 256, PREPARE_THREADS = 256 };
#endif

struct unitary_rows : sq_device_rows {
  unitary matrix;
};

/* x1 = F D1 h, then x2 = F^-1 D2 P R1 x1, each left in whichever of the two vectors it ends in. */
__device__ __forceinline__ void unitary_first_half(const unitary &u, const float *h, sq_planes *x1,
                                                   sq_planes *other) {
  sq_unitary_first(u, h, *x1);
  __syncthreads();
  sq_fft_block_forward(u.n, u.table, x1, other);
}
__device__ __forceinline__ void unitary_second_half(const unitary &u, sq_planes x1, sq_planes *x2,
                                                    sq_planes *other) {
  sq_unitary_middle(u, x1, *x2);
  __syncthreads();
  sq_fft_block_inverse(u.n, u.table, x2, other);
}

__global__ void __launch_bounds__(UNITARY_THREADS) unitary_kernel(unitary_rows r) {
  SQ_SHARED_DYNAMIC(float, shared);
  const unitary &u = r.matrix;
  for (int64_t b = blockIdx.x; b < r.rows; b += gridDim.x) {
    sq_planes x = sq_planes_at(shared, u.n), y = sq_planes_at(shared + 2 * u.n, u.n);
    float *to = r.to + b * r.ld_to;
    unitary_first_half(u, r.from + b * r.ld_from, &x, &y);
    sq_planes x1 = x; /* the inverse may use its memory, once x2 has been computed from it */
    unitary_second_half(u, x, &y, &x1);
    sq_unitary_last(u, y, [&](int64_t j, sq_complex z) {
      to[j] = r.accumulate ? to[j] + z.re : z.re;
      to[u.n + j] = r.accumulate ? to[u.n + j] + z.im : z.im;
    });
    __syncthreads(); /* the next row overwrites shared memory that others still read */
  }
}

__global__ void __launch_bounds__(UNITARY_THREADS) unitary_backward_kernel(unitary_rows r) {
  SQ_SHARED_DYNAMIC(float, shared);
  const unitary &u = r.matrix;
  for (int64_t b = blockIdx.x; b < r.rows; b += gridDim.x) {
    sq_planes x1 = sq_planes_at(shared, u.n), x2 = sq_planes_at(shared + 2 * u.n, u.n);
    sq_planes g = sq_planes_at(shared + 4 * u.n, u.n), other = sq_planes_at(shared + 6 * u.n, u.n);
    const float *h = r.from + b * r.ld_from, *dto = r.dto + b * r.ld_to;
    float *grads = r.grads + b * SQ_THETA_PARTS * u.n;
    unitary_first_half(u, h, &x1, &other);
    unitary_second_half(u, x1, &x2, &other);
    sq_unitary_backward_last(
        u,
        [&](int64_t j) {
          return sq_complex{dto[j], dto[u.n + j]};
        },
        x2, g, grads);
    __syncthreads();
    sq_fft_block_forward(u.n, u.table, &g, &other);
    sq_unitary_backward_middle(u, x1, g, x2, grads); /* x2 is not needed any more */
    __syncthreads();
    sq_fft_block_inverse(u.n, u.table, &x2, &other);
    sq_unitary_backward_first(u, h, x2, r.dfrom + b * r.ld_from, grads);
    __syncthreads(); /* the next row overwrites shared memory that others still read */
  }
}

/* ---- tangent of one row (core/unitary.c): z becomes a factor's result, tz its tangent ---- */

/* D z, where tw is the tangent of D's phase: its tangent. */
__device__ __forceinline__ sq_complex unitary_turn_tangent(sq_complex turn, float tw, sq_complex turned,
                                                           sq_complex tz) {
  const sq_complex t = turn * tz, moved = sq_times_i(turned);
  sq_count(4);
  return {t.re + tw * moved.re, t.im + tw * moved.im};
}

/* z = R z, in place; v(k) and tv(k) are number k of the reflection's vector, and of its tangent. */
template <typename Vector, typename Tangent>
__device__ __forceinline__ void unitary_reflect_tangent(int64_t n, float s, Vector v, Tangent tv, sq_planes z,
                                                        sq_planes tz) {
  float sums[8] = {0.0f}; /* v^* z, tv^* z, v^* tz, v^* tv */
  SQ_UNITS(k, n) {
    sq_add_dot(sums, v(k), z.get(k));
    sq_add_dot(sums + 2, tv(k), z.get(k));
    sq_add_dot(sums + 4, v(k), tz.get(k));
    sq_add_dot(sums + 6, v(k), tv(k));
  }
  sq_block_sums<8>(sums);
  const float ts = -s * s * sums[6];
  const sq_complex a = {s * sums[0], s * sums[1]};
  const sq_complex b = {s * (sums[2] + sums[4]) + ts * sums[0], s * (sums[3] + sums[5]) + ts * sums[1]};
  SQ_UNITS(k, n) {
    tz.set(k, tz.get(k) - b * v(k) - a * tv(k));
    z.set(k, z.get(k) - a * v(k));
  }
}

__global__ void __launch_bounds__(UNITARY_THREADS)
    unitary_tangent_kernel(unitary_rows r, const float *ttheta) {
  SQ_SHARED_DYNAMIC(float, shared);
  const unitary &u = r.matrix;
  const int64_t n = u.n;
  const float *tw = ttheta + SQ_THETA_PHASES * n, *tv1 = ttheta + SQ_THETA_V1 * n,
              *tv2 = ttheta + SQ_THETA_V2 * n;
  for (int64_t b = blockIdx.x; b < r.rows; b += gridDim.x) {
    sq_planes z = sq_planes_at(shared, n), tz = sq_planes_at(shared + 2 * n, n);
    sq_planes x = sq_planes_at(shared + 4 * n, n), tx = sq_planes_at(shared + 6 * n, n);
    const float *h = r.from + b * r.ld_from, *th = r.tfrom + b * r.ld_from;
    float *to = r.to + b * r.ld_to;
    SQ_UNITS(j, n) {
      const sq_complex turn = u.turn(SQ_UNITARY_COS1, j), turned = turn * sq_complex{h[j], h[n + j]};
      z.set(j, turned);
      tz.set(j, unitary_turn_tangent(turn, tw[j], turned, {th[j], th[n + j]}));
    }
    __syncthreads();
    sq_fft_block_forward(n, u.table, &z, &x);
    sq_fft_block_forward(n, u.table, &tz, &tx);
    unitary_reflect_tangent(
        n, u.scale(0), [&](int64_t k) { return u.v1(k); },
        [&](int64_t k) {
          return sq_complex{tv1[u.order(k)], tv1[n + u.order(k)]};
        },
        z, tz);
    __syncthreads(); /* P takes what other threads have written */
    SQ_UNITS(k, n) {
      const sq_complex turn = u.turn(SQ_UNITARY_COS2, k), turned = turn * z.get(u.from(k));
      x.set(k, turned);
      tx.set(k, unitary_turn_tangent(turn, tw[n + u.order(k)], turned, tz.get(u.from(k))));
    }
    __syncthreads();
    sq_fft_block_inverse(n, u.table, &x, &z);
    sq_fft_block_inverse(n, u.table, &tx, &tz);
    unitary_reflect_tangent(
        n, u.scale(1), [&](int64_t j) { return u.v2_at(j); },
        [&](int64_t j) {
          return sq_complex{tv2[j], tv2[n + j]};
        },
        x, tx);
    SQ_UNITS(j, n) {
      const sq_complex turn = u.turn(SQ_UNITARY_COS3, j);
      const sq_complex t = unitary_turn_tangent(turn, tw[2 * n + j], turn * x.get(j), tx.get(j));
      to[j] += t.re;
      to[n + j] += t.im;
    }
    __syncthreads(); /* the next row overwrites shared memory that others still read */
  }
}

/* ---- what all steps have in common: one block ---- */

/* The index nearest to a parameter, in 0..n-1 whatever its value. */
__device__ __forceinline__ int64_t unitary_index(float x, int64_t n) {
  const float up = x + 0.5f;
  return up >= 0.0f && up < (float)n ? (int64_t)up : 0;
}

/* 2 / |v|^2 */
__device__ __forceinline__ float unitary_scale(int64_t n, const float *v) {
  double square = 0.0;
  SQ_UNITS(j, 2 * n) square += (double)v[j] * (double)v[j];
  square = sq_block_sum(square);
  return square > 0.0 ? (float)(2.0 / square) : 0.0f;
}

/* How much a factor is too long, to first order, as it is stored. */
__device__ __forceinline__ double unitary_excess(sq_complex u) {
  return 0.5 * ((double)u.re * (double)u.re + (double)u.im * (double)u.im - 1.0);
}

/* This thread's part of how much a transform makes a vector too long on average. */
__device__ __forceinline__ double unitary_transform_excess(int64_t n, const float *table) {
  double sum = 0.0;
  if (!sq_fft_fast(n)) {
    SQ_UNITS(k, n) sum += unitary_excess({table[k], table[n + k]});
    return sum / (double)n;
  }
  for (int s = 0; s + 1 < sq_fft_stages(n); s += 2) {
    SQ_UNITS(j, n / 4) {
      const sq_fft_factors f = sq_fft_powers(sq_fft_factor(table, n, s, j));
      for (int r = 0; r < 3; r++) sum += unitary_excess(f.w[r]);
    }
  }
  return sum / (double)n;
}

/* Atomic, because several numbers may be the same. */
__device__ __forceinline__ bool unitary_is_permutation(int64_t n, const float *numbers, unsigned *seen) {
  SQ_UNITS(j, n) seen[j] = 0;
  __syncthreads();
  SQ_UNITS(j, n) atomicMax(&seen[unitary_index(numbers[j], n)], 1u);
  __syncthreads();
  float distinct[1] = {0.0f};
  SQ_UNITS(j, n) distinct[0] += (float)seen[j];
  sq_block_sums<1>(distinct);
  return distinct[0] == (float)n; /* exact: n is at most SQ_UNITARY_MOST */
}

__device__ __forceinline__ void unitary_diagonal(int64_t n, int cosine, int64_t k, float w, double scale,
                                                 float *prepared) {
  prepared[cosine * n + k] = (float)(scale * (double)cosf(w));
  prepared[(cosine + 1) * n + k] = (float)(scale * (double)sinf(w));
}

/* D1, D3 and the table of the transforms; every thread gets by how much D1, D3 and, if they are our own, the
 * two transforms make a vector too long on average. */
__device__ __forceinline__ double unitary_prepare_turns(const unitary &u, const float *phases,
                                                        float *prepared, float *table, bool own_transforms) {
  double excess = 0.0;
  SQ_UNITS(k, u.n) {
    const double angle = 6.283185307179586 * (double)k / (double)u.n;
    double cosine, sine;
    sincos(angle, &sine, &cosine);
    table[k] = (float)cosine;
    table[u.n + k] = (float)sine;
    unitary_diagonal(u.n, SQ_UNITARY_COS1, k, phases[k], 1.0, prepared);
    unitary_diagonal(u.n, SQ_UNITARY_COS3, k, phases[2 * u.n + k], 1.0, prepared);
    excess += unitary_excess(u.turn(SQ_UNITARY_COS1, k)) + unitary_excess(u.turn(SQ_UNITARY_COS3, k));
  }
  excess /= (double)u.n;
  __syncthreads(); /* the table is complete */
  if (own_transforms) excess += 2.0 * unitary_transform_excess(u.n, table);
  return sq_block_sum(excess);
}

/* What the rounding of the factors does to the norm, it does in every step of a sequence: in the transforms
 * up to 1.3e-7 of it.  D2 makes up for the mean.  (core/turn.h rounds each factor with a view to those before
 * it, which is no work for many threads.)  Not for that of cuFFT's transforms: nobody knows its factors. */
__global__ void __launch_bounds__(PREPARE_THREADS, 1)
    unitary_prepare_kernel(int64_t n, const float *theta, float *prepared, float *table, int natural_order) {
  const float *phases = theta + SQ_THETA_PHASES * n, *v1 = theta + SQ_THETA_V1 * n;
  const float *permutation = theta + SQ_THETA_PERMUTATION * n;
  float *from = prepared + SQ_UNITARY_FROM * n, *scales = prepared + SQ_UNITARY_PARTS * n;
  const unitary u = {n, prepared, theta + SQ_THETA_V2 * n, table};
  const bool valid = unitary_is_permutation(n, permutation, reinterpret_cast<unsigned *>(from));
  const bool reversed = sq_fft_fast(n) && natural_order == 0;
  const double excess = unitary_prepare_turns(u, phases, prepared, table, natural_order == 0);
  /* `from` has been read by all: the sums are barriers */
  SQ_UNITS(k, n) {
    const int64_t f = reversed ? sq_fft_placed(n, k) : k;
    const int64_t source = valid ? unitary_index(permutation[f], n) : f;
    unitary_diagonal(n, SQ_UNITARY_COS2, k, phases[n + f], (1.0 - excess) / (double)n, prepared);
    prepared[SQ_UNITARY_ORDER * n + k] = (float)f;
    from[k] = (float)(reversed ? sq_fft_placed(n, source) : source);
    prepared[SQ_UNITARY_V1_RE * n + k] = v1[f];
    prepared[SQ_UNITARY_V1_IM * n + k] = v1[n + f];
    prepared[SQ_UNITARY_PV1_RE * n + k] = v1[source];
    prepared[SQ_UNITARY_PV1_IM * n + k] = v1[n + source];
  }
  const float first = unitary_scale(n, v1), second = unitary_scale(n, theta + SQ_THETA_V2 * n);
  if (threadIdx.x == 0) {
    scales[0] = first;
    scales[1] = second;
  }
}

unitary_rows rows_of(const sq_rows_f32 *a) {
  return {sq_device_rows_of(a), sq_unitary_of(a->product->cols / 2, a->params, a->prepared)};
}

} // namespace

int sq_unitary_prepare(sq_exec *exec, int64_t n, const float *theta, float *prepared, int natural_order) {
  return sq_launch(exec, "unitary_prepare_kernel", unitary_prepare_kernel, 1, PREPARE_THREADS, 0, n, theta,
                   prepared, prepared + sq_unitary_tables(n), natural_order);
}

extern "C" int SQ_GPU(unitary_rows_prepare)(sq_exec *exec, const sq_layout *, const sq_product *product,
                                            const float *params, float *prepared) {
  return sq_unitary_prepare(exec, product->cols / 2, params, prepared, 0);
}

/* Two vectors; in training four. */
extern "C" size_t SQ_GPU(unitary_rows_shared)(const sq_product *product, int backward) {
  return (backward ? 4 : 2) * (size_t)product->cols * sizeof(float);
}

extern "C" int SQ_GPU(unitary_rows_forward)(sq_exec *exec, const sq_rows_f32 *a) {
  const unitary_rows r = rows_of(a);
  return sq_launch_as(exec, {1, false}, "unitary_kernel", unitary_kernel, sq_blocks(r.rows, 1),
                      UNITARY_THREADS, SQ_GPU(unitary_rows_shared)(a->product, 0), r);
}

extern "C" int SQ_GPU(unitary_rows_backward)(sq_exec *exec, const sq_rows_f32 *a) {
  const unitary_rows r = rows_of(a);
  return sq_launch_as(exec, {1, false}, "unitary_backward_kernel", unitary_backward_kernel,
                      sq_blocks(r.rows, 1), UNITARY_THREADS, SQ_GPU(unitary_rows_shared)(a->product, 1), r);
}

extern "C" int SQ_GPU(unitary_rows_tangent)(sq_exec *exec, const sq_rows_f32 *a) {
  const unitary_rows r = rows_of(a);
  return sq_launch_as(exec, {1, false}, "unitary_tangent_kernel", unitary_tangent_kernel,
                      sq_blocks(r.rows, 1), UNITARY_THREADS, SQ_GPU(unitary_rows_shared)(a->product, 1), r,
                      a->tparams);
}
