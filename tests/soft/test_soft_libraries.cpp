/* test_soft_libraries.cpp - what stands in for cuBLAS and cuFFT against plain loops in double, and their misuse;
 * how many blocks fit on a processor against NVIDIA's own arithmetic (cuda_occupancy.h); fat binaries that
 * cannot be read. */
#include "tests/check.h"
#include "tests/soft/controls.h"
#include "tests/soft/device.h"

#include <cuda_occupancy.h>
#include <cuda_runtime_api.h>
#ifdef SOFT_CUBLAS
#include <cublas_v2.h>
#endif
#ifdef SOFT_CUFFT
#include <cufft.h>
#endif

#include <complex>
#include <vector>

namespace {

template <class T> T *on_device(const std::vector<T> &values) {
  void *p = NULL;
  cudaMalloc(&p, values.size() * sizeof(T));
  cudaMemcpy(p, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice);
  return static_cast<T *>(p);
}

template <class T> std::vector<T> from_device(const T *device, size_t count) {
  std::vector<T> values(count);
  cudaMemcpy(values.data(), device, count * sizeof(T), cudaMemcpyDeviceToHost);
  return values;
}

std::vector<float> random_floats(int64_t count) {
  std::vector<float> x((size_t)count);
  check_fill_f32(x.data(), count, -1, 1);
  return x;
}

void refused(int status, int wanted, const char *words, const char *name) {
  char why[700];
  snprintf(why, sizeof why, "status %d, sentence \"%s\"", status, soft_last_fault());
  check_record(status == wanted && strstr(soft_last_fault(), words) != NULL, why, "refuses: %s", name);
  soft_reset_fault();
}

#ifdef SOFT_CUBLAS

/* ---- cuBLAS: matrices in columns ---- */

struct sizes {
  int64_t m, n, k, lda, ldb, ldc; /* leading dimensions as stored */
  bool ta, tb;
};

double element(const std::vector<float> &x, int64_t ld, bool transposed, int64_t row, int64_t column) {
  return (double)x[(size_t)(transposed ? column + row * ld : row + column * ld)];
}

cublasStatus_t multiply(cublasHandle_t handle, const sizes &z, float alpha, const float *a, const float *b,
                        float beta, float *c, cublasComputeType_t type) {
  return cublasGemmEx_64(handle, z.ta ? CUBLAS_OP_T : CUBLAS_OP_N, z.tb ? CUBLAS_OP_T : CUBLAS_OP_N, z.m, z.n,
                         z.k, &alpha, a, CUDA_R_32F, z.lda, b, CUDA_R_32F, z.ldb, &beta, c, CUDA_R_32F, z.ldc,
                         type, CUBLAS_GEMM_DEFAULT);
}

/* The error of a product, and whether anything between the columns of C was touched. */
void check_product(cublasHandle_t handle, const sizes &z, float beta, cublasComputeType_t type,
                   double limit) {
  const std::vector<float> a = random_floats(z.lda * (z.ta ? z.m : z.k)),
                           b = random_floats(z.ldb * (z.tb ? z.k : z.n)), c = random_floats(z.ldc * z.n);
  float *da = on_device(a), *db = on_device(b), *dc = on_device(c);
  const cublasStatus_t status = multiply(handle, z, 1.5f, da, db, beta, dc, type);
  const std::vector<float> out = from_device(dc, c.size());
  check_distance distance = {0, 0};
  int touched = 0;
  for (int64_t j = 0; j < z.n; j++)
    for (int64_t i = 0; i < z.ldc; i++) {
      const size_t at = (size_t)(i + j * z.ldc);
      if (i >= z.m) touched += out[at] != c[at];
      if (i >= z.m) continue;
      double sum = 0;
      for (int64_t k = 0; k < z.k; k++) sum += element(a, z.lda, z.ta, i, k) * element(b, z.ldb, z.tb, k, j);
      check_distance_add(&distance, (double)out[at], 1.5 * sum + (beta != 0 ? (double)(beta * c[at]) : 0.0));
    }
  CHECK(status == CUBLAS_STATUS_SUCCESS && touched == 0, "only the product's own elements are written");
  check_error(check_distance_error(distance), limit, "product %d x %d x %d, %c%c, beta %g, type %d", (int)z.m,
              (int)z.n, (int)z.k, z.ta ? 'T' : 'N', z.tb ? 'T' : 'N', (double)beta, (int)type);
  cudaFree(da);
  cudaFree(db);
  cudaFree(dc);
}

/* 1 + 2^-12 has more bits than TF32, 1 + 2^-8 more than bfloat16: they are rounded away, and no others. */
void check_rounding(cublasHandle_t handle) {
  const struct {
    cublasComputeType_t type;
    float in, out;
  } rows[] = {{CUBLAS_COMPUTE_32F, 1 + 0x1p-12f, 1 + 0x1p-12f},
              {CUBLAS_COMPUTE_32F_FAST_TF32, 1 + 0x1p-12f, 1},
              {CUBLAS_COMPUTE_32F_FAST_TF32, 1 + 0x1p-10f, 1 + 0x1p-10f},
              {CUBLAS_COMPUTE_32F_FAST_16BF, 1 + 0x1p-9f, 1},
              {CUBLAS_COMPUTE_32F_FAST_16BF, 1 + 0x1p-7f, 1 + 0x1p-7f}};
  float *one = on_device<float>({1}), *c = on_device<float>({0});
  for (const auto &row : rows) {
    float *x = on_device<float>({row.in});
    multiply(handle, {1, 1, 1, 1, 1, 1, false, false}, 1, x, one, 0, c, row.type);
    CHECK(from_device(c, 1)[0] == row.out, "type %d makes %a of %a", (int)row.type, (double)row.out,
          (double)row.in);
    cudaFree(x);
  }
  cudaFree(one);
  cudaFree(c);
}

void check_blas_misuse(cublasHandle_t handle) {
  float *a = on_device(random_floats(12)), *c = on_device(random_floats(16));
  void *unwritten = NULL, *small = NULL;
  cudaMalloc(&unwritten, 48);
  cudaMalloc(&small, 40);
  const sizes z = {4, 4, 3, 4, 3, 4, false, false};
  refused(multiply(handle, z, 1, a, static_cast<float *>(small), 0, c, CUBLAS_COMPUTE_32F),
          CUBLAS_STATUS_INVALID_VALUE, "B is 48 bytes at byte 0 of an allocation of 40",
          "a matrix that is too small");
  refused(multiply(handle, {4, 4, 3, 3, 3, 4, false, false}, 1, a, a, 0, c, CUBLAS_COMPUTE_32F),
          CUBLAS_STATUS_INVALID_VALUE, "A has 4 rows and leading dimension 3", "columns that overlap");
  refused(multiply(handle, z, 1, a, a, 0, c, CUBLAS_COMPUTE_64F), CUBLAS_STATUS_NOT_SUPPORTED, "compute type",
          "another compute type");
  refused(cublasSetWorkspace_v2(handle, static_cast<char *>(unwritten) + 4, 4), CUBLAS_STATUS_INVALID_VALUE,
          "256 bytes", "a workspace that is not aligned");
  multiply(handle, z, 1, a, static_cast<float *>(unwritten), 0, c, CUBLAS_COMPUTE_32F);
  refused(cudaDeviceSynchronize(), cudaErrorLaunchFailure, "B was not written",
          "a matrix that was never written");
  cudaFree(a);
  cudaFree(c);
  cudaFree(unwritten);
  cudaFree(small);
}

/* A product that is recorded runs at the replay, in its stream. */
void check_blas_recorded(cublasHandle_t handle) {
  float *a = on_device<float>({3}), *c = on_device<float>({0});
  cudaStream_t stream = NULL;
  cudaGraph_t graph = NULL;
  cudaGraphExec_t ready = NULL;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  cublasSetStream_v2(handle, stream);
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  multiply(handle, {1, 1, 1, 1, 1, 1, false, false}, 1, a, a, 1, c, CUBLAS_COMPUTE_32F);
  cudaStreamEndCapture(stream, &graph);
  CHECK(from_device(c, 1)[0] == 0, "a recorded product has not run");
  cudaGraphInstantiate(&ready, graph, 0);
  cudaGraphLaunch(ready, stream);
  cudaGraphLaunch(ready, stream);
  cudaStreamSynchronize(stream);
  CHECK(from_device(c, 1)[0] == 18, "it runs at each replay");
  cudaGraphExecDestroy(ready);
  cudaGraphDestroy(graph);
  cublasSetStream_v2(handle, NULL);
  cudaStreamDestroy(stream);
  cudaFree(a);
  cudaFree(c);
}

void check_blas() {
  cublasHandle_t handle = NULL;
  CHECK(cublasCreate_v2(&handle) == CUBLAS_STATUS_SUCCESS, "makes a handle of cuBLAS");
  for (int t = 0; t < 4; t++) {
    const bool ta = t & 1, tb = t & 2;
    const sizes z = {5, 7, 9, (ta ? 9 : 5) + 2, (tb ? 7 : 9) + 1, 6, ta, tb};
    for (const float beta : {0.0f, 1.0f, -0.5f}) check_product(handle, z, beta, CUBLAS_COMPUTE_32F, 1e-6);
    check_product(handle, z, 0, CUBLAS_COMPUTE_32F_FAST_TF32, 1e-3);
    check_product(handle, z, 0, CUBLAS_COMPUTE_32F_FAST_16BF, 1e-2);
  }
  check_rounding(handle);
  check_blas_misuse(handle);
  check_blas_recorded(handle);
  CHECK(cublasDestroy_v2(handle) == CUBLAS_STATUS_SUCCESS, "destroys it");
  refused(cublasDestroy_v2(handle), CUBLAS_STATUS_NOT_INITIALIZED, "no handle", "destroying it twice");
}

#else
void check_blas() { check_skip("this build has no cuBLAS", "products"); }
#endif

#ifdef SOFT_CUFFT

/* ---- cuFFT ---- */

void check_transform(int n, int direction) {
  const int batch = 3;
  cufftHandle plan = 0;
  std::vector<float> in = random_floats((int64_t)2 * n * batch);
  auto *data = reinterpret_cast<cufftComplex *>(on_device(in));
  const cufftResult made = cufftPlanMany(&plan, 1, &n, NULL, 1, n, NULL, 1, n, CUFFT_C2C, batch);
  const cufftResult ran = cufftExecC2C(plan, data, data, direction);
  const std::vector<float> out = from_device(reinterpret_cast<float *>(data), in.size());
  check_distance distance = {0, 0};
  for (int b = 0; b < batch; b++)
    for (int k = 0; k < n; k++) {
      std::complex<double> sum = 0;
      for (int j = 0; j < n; j++) {
        const size_t at = (size_t)(2 * (b * n + j));
        sum += std::complex<double>(in[at], in[at + 1]) * std::polar(1.0, direction * 2 * M_PI * j * k / n);
      }
      check_distance_add(&distance, (double)out[(size_t)(2 * (b * n + k))], sum.real());
      check_distance_add(&distance, (double)out[(size_t)(2 * (b * n + k) + 1)], sum.imag());
    }
  CHECK(made == CUFFT_SUCCESS && ran == CUFFT_SUCCESS, "plans and runs a transform of %d", n);
  check_error(check_distance_error(distance), 1e-6, "transform of %d, direction %d", n, direction);
  cufftDestroy(plan);
  cudaFree(data);
}

void check_fft() {
  for (const int n : {1, 2, 5, 12, 16, 30, 49}) {
    check_transform(n, CUFFT_FORWARD);
    check_transform(n, CUFFT_INVERSE);
  }
  int n = 8;
  cufftHandle plan = 0;
  auto *data = reinterpret_cast<cufftComplex *>(on_device(random_floats(30)));
  refused(cufftPlanMany(&plan, 2, &n, NULL, 1, n, NULL, 1, n, CUFFT_C2C, 1), CUFFT_NOT_SUPPORTED,
          "one dimension", "two dimensions");
  cufftPlanMany(&plan, 1, &n, NULL, 1, n, NULL, 1, n, CUFFT_C2C, 2);
  refused(cufftExecC2C(plan, data, data, CUFFT_FORWARD), CUFFT_INVALID_VALUE,
          "idata is 128 bytes at byte 0 of an allocation of 120", "too little data");
  cufftDestroy(plan);
  refused(cufftExecC2C(plan, data, data, CUFFT_FORWARD), CUFFT_INVALID_PLAN, "no plan",
          "a plan that is gone");
  cudaFree(data);
}

#else
void check_fft() { check_skip("this build has no cuFFT", "transforms"); }
#endif

/* ---- occupancy ---- */

int nvidia_blocks(const soft::Device &d, int threads, int registers, size_t shared) {
  cudaOccDeviceProp p;
  p.computeMajor = d.major;
  p.computeMinor = d.minor;
  p.maxThreadsPerBlock = 1024;
  p.maxThreadsPerMultiprocessor = (int)d.threads_per_processor;
  p.regsPerBlock = p.regsPerMultiprocessor = (int)d.registers_per_processor;
  p.warpSize = 32;
  p.sharedMemPerBlock = 48 * 1024;
  p.sharedMemPerMultiprocessor = d.shared_per_processor;
  p.numSms = (int)d.processors;
  p.sharedMemPerBlockOptin = d.shared_per_block;
  p.reservedSharedMemPerBlock = d.shared_reserved;
  cudaOccFuncAttributes f;
  f.maxThreadsPerBlock = 1024;
  f.numRegs = registers;
  f.sharedSizeBytes = 0;
  f.partitionedGCConfig = PARTITIONED_GC_OFF;
  f.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
  f.maxDynamicSharedSizeBytes = d.shared_per_block;
  f.numBlockBarriers = 1;
  const cudaOccDeviceState state;
  cudaOccResult result = {};
  const cudaOccError error =
      cudaOccMaxActiveBlocksPerMultiprocessor(&result, &p, &f, &state, threads, shared);
  return error == CUDA_OCC_SUCCESS ? result.activeBlocksPerMultiprocessor : -1;
}

void check_occupancy() {
  const soft::Device &device = *soft::find_device("H100");
  int wrong = 0;
  char which[120] = "";
  for (int i = 0; i < 20000; i++) {
    const int threads = 1 + (int)check_below(1024), registers = 16 + (int)check_below(240);
    const size_t shared = (size_t)check_below((int64_t)(i % 2 ? device.shared_per_block : 20000) + 1);
    const int theirs = nvidia_blocks(device, threads, registers, shared);
    const int ours = (int)soft::blocks_per_processor(device, (unsigned)threads, (unsigned)registers, shared);
    if (ours == theirs || wrong++ != 0) continue;
    snprintf(which, sizeof which, "%d threads, %d registers, %zu bytes: %d, NVIDIA's %d", threads, registers,
             shared, ours, theirs);
  }
  check_record(wrong == 0, which, "20,000 kernels: as many blocks a processor as NVIDIA's arithmetic says");
}

void check_clusters() {
  const soft::Device &h100 = *soft::find_device("H100"), &four = *soft::find_device("4 SMs");
  CHECK(soft::clusters_on(h100, 16, 1) == 8, "an H100 holds 8 clusters of 16 blocks, one in each GPC");
  CHECK(soft::clusters_on(h100, 2, 1) == 66, "and 66 of 2");
  CHECK(soft::clusters_on(h100, 32, 1) == 0, "and none of 32");
  CHECK(soft::clusters_on(four, 4, 1) == 1 && soft::clusters_on(four, 8, 1) == 0 &&
            soft::clusters_on(four, 8, 2) == 1,
        "4 SMs hold a cluster of 4, or one of 8 where two blocks share a processor");
}

/* ---- fat binaries ---- */

extern "C" {
void **__cudaRegisterFatBinary(void *);
void __cudaRegisterFunction(void **, const char *, char *, const char *, int, void *, void *, void *, void *,
                            int *);
}

/* Registers an object with one entry and launches its kernel. */
cudaError_t launch_from(uint16_t kind, uint32_t architecture, uint32_t compressed, const char *text,
                        const char *host) {
  struct object {
    uint32_t magic;
    uint16_t version, header;
    uint64_t size;
    uint16_t kind, entry_version;
    uint32_t entry_header;
    uint64_t bytes;
    uint32_t compressed, options;
    uint16_t minor, major;
    uint32_t architecture;
    char rest[32], text[200];
  };
  auto *o = new object(); /* registered for ever */
  *o = {0xBA55ED50, 1, 16, 64 + 200, kind, 0x101, 64, 200, compressed, 0, 0, 9, architecture, {}, {}};
  snprintf(o->text, sizeof o->text, "%s", text);
  struct wrapper {
    uint32_t magic, version;
    const void *data;
    void *more;
  };
  wrapper w = {0x466243B1, 1, o, NULL};
  void **handle = __cudaRegisterFatBinary(&w);
  __cudaRegisterFunction(handle, host, NULL, "kernel", -1, NULL, NULL, NULL, NULL, NULL);
  return cudaLaunchKernel(host, dim3(1), dim3(1), NULL, 0, NULL);
}

void check_fat_binaries() {
  static const char hosts[5] = {};
  static const char good[] =
      ".version 8.0\n.target sm_90\n.address_size 64\n.visible .entry kernel()\n{\nret;\n}\n";
  CHECK(launch_from(1, 90, 0, good, &hosts[0]) == cudaSuccess && cudaDeviceSynchronize() == cudaSuccess,
        "runs a kernel of an object: %s", soft_last_fault());
  refused(launch_from(1, 90, 77, good, &hosts[1]), cudaErrorLaunchFailure, "--no-compress", "compressed PTX");
  refused(launch_from(1, 100, 0, good, &hosts[2]), cudaErrorLaunchFailure, "90-virtual",
          "PTX for a later device");
  refused(launch_from(2, 90, 0, good, &hosts[3]), cudaErrorLaunchFailure, "no PTX", "machine code alone");
  refused(launch_from(1, 90, 0, ".version 8.0\n.target sm_90\n.address_size 64\n", &hosts[4]),
          cudaErrorLaunchFailure, "no kernel kernel", "PTX without the kernel");
}

} // namespace

int main() {
  check_start();
  check_blas();
  check_fft();
  check_occupancy();
  check_clusters();
  check_fat_binaries();
  return check_finish();
}
