/* gemm.cu - C[m,n] (+)= op(A)[m,k] op(B)[k,n], row-major, all transposes.
 *
 * With SEQGPU_CUBLAS: cuBLAS in float32 (no TF32), on the context's own workspace, so that results repeat.
 * Otherwise, and in the emulator, the kernel below.
 *
 * gemm_rounded has operands of bfloat16 (rounded.h), which tensor cores take as they are: float32 operands that cuBLAS
 * rounds itself took up to twice as long on an H100 (bench/results/h100-2026-11-27.md).
 *
 * Built-in kernel: a block computes a SIDE x SIDE tile of C (SIDE = 64, or 32 for small C, so that more
 * processors have work) with (SIDE/4)^2 threads, each a 4 x 4 piece in registers.  It walks k in slices of 16
 * that the block stages in shared memory: 2 * 16 * (SIDE + 4) floats, 8704 bytes at most.  Both operands are
 * read as data[outer * step + p * step_k]: a transpose only has other strides, and neighbouring threads load
 * along whichever axis is contiguous.
 * Moves (m n k / SIDE) * 8 bytes for 2 m n k operations; limited by shared-memory reads (2 float4 for 16
 * multiply-adds).  Each element is one chain of multiply-adds over p = 0..k-1: the result does not depend on
 * the tile size.
 */
#include "kernels/numbers.h"
#include "kernels/ops.h"
#include "kernels/rounded.h"
#include "kernels/simt.h"

#if defined(SEQGPU_CUBLAS) && !defined(SEQGPU_EMULATE)
#include "kernels/cublas_calls.h"
#define GEMM_CUBLAS 1
#endif

namespace {

enum { GEMM_DEPTH = 16, GEMM_PIECE = 4, GEMM_PAD = 4 }; /* the pad spreads banks and keeps float4 aligned */

/* Elements of float32 or, in gemm_rounded, of bfloat16. */
__device__ __forceinline__ float gemm_number(float x) { return x; }
__device__ __forceinline__ float gemm_number(uint16_t x) { return sq_from_bf16(x); }

template <class element> struct gemm_operand {
  const element *data;
  int64_t outer;        /* rows of op(A), columns of op(B) */
  int64_t step, step_k; /* strides along the outer axis and along k; one of them is 1 */
};

template <class element> struct gemm_problem {
  gemm_operand<element> a, b;
  int64_t k;
  float *c;
  int64_t ldc;
  int accumulate;
};

/* tile[p][i] = op(X)[first + i, p0 + p], zeros outside.  A thread's elements lie `rows` or `slices` apart. */
template <int SIDE, class element>
__device__ __forceinline__ void gemm_stage(const gemm_operand<element> &x, int64_t first, int64_t p0,
                                           int64_t k, float *tile) {
  constexpr int threads = (SIDE / GEMM_PIECE) * (SIDE / GEMM_PIECE), width = SIDE + GEMM_PAD;
  const bool along_k = x.step_k == 1;
  const int n = (int)threadIdx.x;
  const int i = along_k ? n / GEMM_DEPTH : n % SIDE, p = along_k ? n % GEMM_DEPTH : n / SIDE;
  const int rows = along_k ? threads / GEMM_DEPTH : 0, slices = along_k ? 0 : threads / SIDE;
  const element *from = x.data + (first + i) * x.step + (p0 + p) * x.step_k;
  const int64_t stride = rows * x.step + slices * x.step_k;
  SQ_UNROLL
  for (int e = 0; e < SIDE * GEMM_DEPTH / threads; e++) {
    const bool inside = first + i + e * rows < x.outer && p0 + p + e * slices < k;
    tile[(p + e * slices) * width + i + e * rows] = inside ? gemm_number(from[e * stride]) : 0.0f;
  }
}

/* sum[u][v] += a[p][u] b[p][v] over the staged slice. */
template <int SIDE>
__device__ __forceinline__ void gemm_slice(const float *a, const float *b, int row, int col,
                                           float (&sum)[GEMM_PIECE][GEMM_PIECE]) {
  sq_count(2 * GEMM_DEPTH * GEMM_PIECE * GEMM_PIECE);
  SQ_UNROLL
  for (int p = 0; p < GEMM_DEPTH; p++) {
    const float4 x = *reinterpret_cast<const float4 *>(a + p * (SIDE + GEMM_PAD) + row);
    const float4 y = *reinterpret_cast<const float4 *>(b + p * (SIDE + GEMM_PAD) + col);
    const float u[GEMM_PIECE] = {x.x, x.y, x.z, x.w}, v[GEMM_PIECE] = {y.x, y.y, y.z, y.w};
    SQ_UNROLL
    for (int i = 0; i < GEMM_PIECE; i++) SQ_UNROLL
    for (int j = 0; j < GEMM_PIECE; j++) sum[i][j] = fmaf(u[i], v[j], sum[i][j]);
  }
}

template <class element>
__device__ __forceinline__ void gemm_store(const gemm_problem<element> &g, int64_t row, int64_t col,
                                           const float (&sum)[GEMM_PIECE][GEMM_PIECE]) {
  SQ_UNROLL
  for (int i = 0; i < GEMM_PIECE; i++) SQ_UNROLL
  for (int j = 0; j < GEMM_PIECE; j++) {
    if (row + i >= g.a.outer || col + j >= g.b.outer) continue;
    float *c = g.c + (row + i) * g.ldc + col + j;
    *c = sum[i][j] + (g.accumulate ? *c : 0.0f);
  }
}

template <int SIDE, class element>
__global__ void __launch_bounds__((SIDE / GEMM_PIECE) * (SIDE / GEMM_PIECE), SIDE == 32 ? 8 : 3)
    gemm_kernel(gemm_problem<element> g) {
  SQ_SHARED(float4, a4, GEMM_DEPTH * (SIDE + GEMM_PAD) / 4);
  SQ_SHARED(float4, b4, GEMM_DEPTH * (SIDE + GEMM_PAD) / 4);
  float *a = reinterpret_cast<float *>(a4), *b = reinterpret_cast<float *>(b4);
  constexpr int pieces = SIDE / GEMM_PIECE;
  const int row = (int)threadIdx.x / pieces * GEMM_PIECE, col = (int)threadIdx.x % pieces * GEMM_PIECE;
  const int64_t first_row = (int64_t)blockIdx.x * SIDE;
  for (int64_t first_col = (int64_t)blockIdx.y * SIDE; first_col < g.b.outer;
       first_col += (int64_t)gridDim.y * SIDE) {
    float sum[GEMM_PIECE][GEMM_PIECE] = {};
    for (int64_t p0 = 0; p0 < g.k; p0 += GEMM_DEPTH) {
      gemm_stage<SIDE>(g.a, first_row, p0, g.k, a);
      gemm_stage<SIDE>(g.b, first_col, p0, g.k, b);
      __syncthreads();
      gemm_slice<SIDE>(a, b, row, col, sum);
      __syncthreads(); /* the slice may be overwritten */
    }
    gemm_store(g, first_row + row, first_col + col, sum);
  }
}

template <int SIDE, class element> int gemm_launch(sq_exec *exec, const gemm_problem<element> &g) {
  constexpr int threads = (SIDE / GEMM_PIECE) * (SIDE / GEMM_PIECE);
  const dim3 grid((unsigned)sq_ceil_div(g.a.outer, SIDE), sq_blocks(g.b.outer, SIDE));
  return sq_launch(exec, "gemm_kernel", gemm_kernel<SIDE, element>, grid, threads, 0, g);
}

template <class element> int gemm_built_in(sq_exec *exec, const sq_gemm_args *a) {
  gemm_problem<element> g;
  g.a = {static_cast<const element *>(a->a), a->m, a->trans_a ? 1 : a->lda, a->trans_a ? a->lda : 1};
  g.b = {static_cast<const element *>(a->b), a->n, a->trans_b ? a->ldb : 1, a->trans_b ? 1 : a->ldb};
  g.k = a->k;
  g.c = static_cast<float *>(a->c);
  g.ldc = a->ldc;
  g.accumulate = a->accumulate;
  /* Large tiles need as many tiles as there are processors (some 100) to pay. */
  const bool large = sq_ceil_div(a->m, 64) * sq_ceil_div(a->n, 64) >= 128;
  return large ? gemm_launch<64>(exec, g) : gemm_launch<32>(exec, g);
}

#ifdef GEMM_CUBLAS
/* cuBLAS forgets its workspace when its stream changes. */
int gemm_cublas_bind(sq_exec *exec, sq_gpu *gpu) {
  if (gpu->cublas_stream == exec->stream) return 0;
  cublasHandle_t handle = static_cast<cublasHandle_t>(gpu->cublas);
  const sq_cublas *blas = sq_cublas_library();
  cublasStatus_t status = blas->cublasSetStream(handle, static_cast<cudaStream_t>(exec->stream));
  if (status == CUBLAS_STATUS_SUCCESS)
    status = blas->cublasSetWorkspace(handle, gpu->cublas_space, SQ_CUBLAS_SPACE_BYTES);
  if (status != CUBLAS_STATUS_SUCCESS) return SQ_CUBLAS_ERRORS + (int)status;
  gpu->cublas_stream = exec->stream;
  return 0;
}

/* By sq_math: float32 products, or tensor cores on rounded inputs. */
const cublasComputeType_t compute_types[] = {CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32,
                                             CUBLAS_COMPUTE_32F_FAST_16BF};

/* Row-major C = op(A) op(B) is column-major C^T = op(B)^T op(A)^T.  Operands of that type. */
int gemm_cublas(sq_exec *exec, const sq_gemm_args *a, cudaDataType type, cublasComputeType_t compute) {
  sq_gpu *gpu = sq_gpu_of(exec);
  const sq_gpu_current here(exec);
  const int error = here.error != 0 ? here.error : gemm_cublas_bind(exec, gpu);
  if (error != 0) return error;
  const float one = 1.0f, beta = a->accumulate ? 1.0f : 0.0f;
  const cublasStatus_t status = sq_cublas_library()->cublasGemmEx_64(
      static_cast<cublasHandle_t>(gpu->cublas), a->trans_b ? CUBLAS_OP_T : CUBLAS_OP_N,
      a->trans_a ? CUBLAS_OP_T : CUBLAS_OP_N, a->n, a->m, a->k, &one, a->b, type, a->ldb, a->a, type, a->lda,
      &beta, a->c, CUDA_R_32F, a->ldc, compute, CUBLAS_GEMM_DEFAULT);
  return status == CUBLAS_STATUS_SUCCESS ? 0 : sq_reported(SQ_CUBLAS_ERRORS + (int)status);
}
#endif

} // namespace

extern "C" int SQ_GPU(gemm)(sq_exec *exec, const sq_gemm_args *a) {
  if (a->m == 0 || a->n == 0) return 0;
#ifdef GEMM_CUBLAS
  if (a->k > 0 && sq_gpu_of(exec)->cublas != NULL)
    return gemm_cublas(exec, a, CUDA_R_32F, compute_types[a->math]);
#endif
  return gemm_built_in<float>(exec, a);
}

int sq_gpu_gemm_rounded(sq_exec *exec, const sq_gemm_args *a) {
  if (a->m == 0 || a->n == 0) return 0;
#ifdef GEMM_CUBLAS
  if (a->k > 0 && sq_gpu_of(exec)->cublas != NULL)
    return gemm_cublas(exec, a, CUDA_R_16BF, CUBLAS_COMPUTE_32F);
#endif
  return gemm_built_in<uint16_t>(exec, a);
}
