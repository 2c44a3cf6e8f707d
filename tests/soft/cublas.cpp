/* cublas.cpp - the stand-in for cuBLAS, as far as kernels/ calls it.
 *
 * A call checks its arguments and enqueues its work on the handle's stream, so that a recording sees it.  A
 * matrix product rounds its operands as the compute type says, and adds in float, in the order of k.
 */
#include "tests/simt/simt_numbers.h"
#include "tests/soft/runtime.h"

#include <cublas_v2.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <set>

struct cublasContext {
  cudaStream_t stream = NULL;
};

namespace soft {

namespace {

std::set<cublasHandle_t> &handles() {
  static std::set<cublasHandle_t> *all = [] {
    report_at_end("handle of cuBLAS", [] { return handles().size(); });
    return new std::set<cublasHandle_t>();
  }();
  return *all;
}

void check_handle(cublasHandle_t handle) {
  if (handles().count(handle) == 0)
    refuse(CUBLAS_STATUS_NOT_INITIALIZED, "%p is no handle of cuBLAS", static_cast<void *>(handle));
}

cublasStatus_t blas(const char *function, const std::function<void()> &body) {
  return (cublasStatus_t)perform(function, CUBLAS_STATUS_EXECUTION_FAILED, body);
}

/* ---- matrix products ---- */

/* A matrix in columns, ld elements apart, float or bfloat16; op(A) = A, or its transpose. */
struct Matrix {
  const void *data;
  cudaDataType type;
  int64_t rows, columns, ld; /* as stored */
  bool transposed;
  const char *name;
};

size_t element_bytes(const Matrix &m) { return m.type == CUDA_R_16BF ? sizeof(uint16_t) : sizeof(float); }
size_t column_bytes(const Matrix &m) { return (size_t)m.rows * element_bytes(m); }
const void *column_of(const Matrix &m, int64_t j) {
  return static_cast<const char *>(m.data) + (size_t)(j * m.ld) * element_bytes(m);
}

void check_matrix(const Matrix &m) {
  if (m.ld < 1 || m.ld < m.rows)
    refuse(CUBLAS_STATUS_INVALID_VALUE, "%s has %lld rows and leading dimension %lld", m.name,
           (long long)m.rows, (long long)m.ld);
  if (m.rows == 0 || m.columns == 0) return;
  const size_t elements = (size_t)((m.columns - 1) * m.ld + m.rows);
  check_range(m.data, elements * element_bytes(m), m.name, CUBLAS_STATUS_INVALID_VALUE);
}

typedef float Rounding(float);
float exactly(float x) { return x; }
float as_tf32(float x) { return simt::float_of(simt::to_tf32(x)); }
float as_bf16(float x) { return simt::float_of((uint32_t)simt::to_bf16(x) << 16); }

Rounding *rounding_of(cublasComputeType_t type) {
  if (type == CUBLAS_COMPUTE_32F || type == CUBLAS_COMPUTE_32F_PEDANTIC) return exactly;
  if (type == CUBLAS_COMPUTE_32F_FAST_TF32) return as_tf32;
  if (type == CUBLAS_COMPUTE_32F_FAST_16BF) return as_bf16;
  refuse(CUBLAS_STATUS_NOT_SUPPORTED, "the stand-in does not know compute type %d", (int)type);
}

/* op(M) rounded and dense, [its columns][its rows] if it comes from the left, [its rows][its columns] from the
 * right: k is the outer index of both. */
std::vector<float> operand(const Matrix &m, Rounding *rounded, bool left) {
  std::vector<float> out((size_t)(m.rows * m.columns));
  const bool columns_outside = left != m.transposed;
  for (int64_t j = 0; j < m.columns; j++) {
    const auto *bytes = device_bytes(column_of(m, j), column_bytes(m), Wants::written, m.name);
    const auto *floats = reinterpret_cast<const float *>(bytes);
    const auto *halves = reinterpret_cast<const uint16_t *>(bytes);
    for (int64_t i = 0; i < m.rows; i++) {
      const float value =
          m.type == CUDA_R_16BF ? simt::float_of((uint32_t)halves[i] << 16) : rounded(floats[i]);
      out[(size_t)(columns_outside ? j * m.rows + i : i * m.columns + j)] = value;
    }
  }
  return out;
}

struct Product {
  Matrix a, b, c;
  int64_t m, n, k;
  float alpha, beta;
  Rounding *rounded;
};

/* sum[0..m) = column j of op(A) op(B) */
void product_column(const Product &p, const std::vector<float> &a, const std::vector<float> &b, int64_t j,
                    std::vector<float> *sum) {
  float *const s = sum->data();
  for (int64_t i = 0; i < p.m; i++) s[i] = 0;
  for (int64_t k = 0; k < p.k; k++) {
    const float *row = a.data() + k * p.m, factor = b[(size_t)(k * p.n + j)];
    for (int64_t i = 0; i < p.m; i++) s[i] = fmaf(row[i], factor, s[i]);
  }
}

void multiply(const Product &p) {
  const std::vector<float> a = operand(p.a, p.rounded, true), b = operand(p.b, p.rounded, false);
  std::vector<float> sum((size_t)p.m);
  for (int64_t j = 0; j < p.n; j++) {
    const void *at = column_of(p.c, j);
    if (p.beta != 0) device_bytes(at, column_bytes(p.c), Wants::written, p.c.name);
    auto *c = reinterpret_cast<float *>(device_bytes(at, column_bytes(p.c), Wants::to_write, p.c.name));
    product_column(p, a, b, j, &sum);
    for (int64_t i = 0; i < p.m; i++) c[i] = p.alpha * sum[(size_t)i] + (p.beta != 0 ? p.beta * c[i] : 0.0f);
  }
}

} // namespace

} // namespace soft

using soft::blas;
using soft::refuse;

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle) {
  return blas("cublasCreate", [=] {
    soft::forbid_while_recording();
    *handle = new cublasContext();
    soft::handles().insert(*handle);
  });
}
cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  return blas("cublasDestroy", [=] {
    soft::check_handle(handle);
    soft::handles().erase(handle);
    delete handle;
  });
}
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  return blas("cublasSetStream", [=] {
    soft::check_handle(handle);
    soft::check_stream(stream);
    handle->stream = stream;
  });
}
cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void *space, size_t bytes) {
  return blas("cublasSetWorkspace", [=] {
    soft::check_handle(handle);
    soft::check_range(space, bytes, "the workspace", CUBLAS_STATUS_INVALID_VALUE);
    if (reinterpret_cast<uintptr_t>(space) % 256 != 0)
      refuse(CUBLAS_STATUS_INVALID_VALUE, "the workspace %p is not aligned to 256 bytes", space);
  });
}
cublasStatus_t cublasGetVersion_v2(cublasHandle_t handle, int *version) {
  return blas("cublasGetVersion", [=] {
    soft::check_handle(handle);
    *version = CUBLAS_VERSION;
  });
}
const char *cublasGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS ? "success" : soft::last_sentence().c_str();
}

cublasStatus_t cublasGemmEx_64(cublasHandle_t handle, cublasOperation_t trans_a, cublasOperation_t trans_b,
                               int64_t m, int64_t n, int64_t k, const void *alpha, const void *a,
                               cudaDataType type_a, int64_t lda, const void *b, cudaDataType type_b,
                               int64_t ldb, const void *beta, void *c, cudaDataType type_c, int64_t ldc,
                               cublasComputeType_t compute, cublasGemmAlgo_t) {
  return blas("cublasGemmEx", [=] {
    soft::check_handle(handle);
    soft::check_stream(handle->stream);
    if (m < 0 || n < 0 || k < 0) refuse(CUBLAS_STATUS_INVALID_VALUE, "a size is negative");
    if ((type_a != CUDA_R_32F && type_a != CUDA_R_16BF) || type_b != type_a || type_c != CUDA_R_32F)
      refuse(CUBLAS_STATUS_NOT_SUPPORTED,
             "the stand-in knows two matrices of float, or bfloat16, into one of float");
    if (type_a == CUDA_R_16BF && compute != CUBLAS_COMPUTE_32F)
      refuse(CUBLAS_STATUS_NOT_SUPPORTED, "matrices of bfloat16 are multiplied by CUBLAS_COMPUTE_32F alone");
    if (m == 0 || n == 0) return;
    const bool ta = trans_a != CUBLAS_OP_N, tb = trans_b != CUBLAS_OP_N;
    const soft::Matrix ma = {a, type_a, ta ? k : m, ta ? m : k, lda, ta, "A"},
                       mb = {b, type_b, tb ? n : k, tb ? k : n, ldb, tb, "B"};
    const soft::Matrix mc = {c, type_c, m, n, ldc, false, "C"};
    for (const soft::Matrix &one : {ma, mb, mc}) soft::check_matrix(one);
    const float factor = *static_cast<const float *>(alpha), kept = *static_cast<const float *>(beta);
    const soft::Product p = {ma, mb, mc, m, n, k, factor, kept, soft::rounding_of(compute)};
    soft::enqueue(handle->stream, [p] { soft::multiply(p); });
  });
}

} // extern "C"
