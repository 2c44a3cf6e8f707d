/* cufft_calls.cu - batched Fourier transforms by cuFFT, or in the emulator by core/fft.c; see
 * cufft_calls.h. */
#include "kernels/urnn/cufft_calls.h"

#ifdef SEQGPU_EMULATE

#include <stdlib.h>

#include "core/fft.h"

const char *sq_cufft_missing(void) { return NULL; }
int sq_cufft_ready(sq_exec *, int64_t, int64_t) { return 0; }
bool sq_cufft_refused(int) { return true; }

namespace {

/* core/fft.c works on planes, and leaves frequencies at places of its own. */
void transform(int64_t n, const float *tables, float *row, int inverse, float *re, float *scratch) {
  float *im = re + n;
  for (int64_t j = 0; j < n; j++) {
    const int64_t at = inverse ? sq_fft_place(n, j) : j;
    re[at] = row[2 * j];
    im[at] = row[2 * j + 1];
  }
  (inverse ? sq_fft_inverse_f32 : sq_fft_forward_f32)(n, tables, re, im, scratch);
  for (int64_t j = 0; j < n; j++) {
    const int64_t at = inverse ? j : sq_fft_place(n, j);
    row[2 * j] = re[at];
    row[2 * j + 1] = im[at];
  }
}

} // namespace

int sq_cufft_run(sq_exec *, int64_t n, int64_t batch, float *data, int inverse) {
  const int64_t tables = sq_fft_tables(n), elements = tables + 2 * n + sq_fft_scratch(n);
  float *memory = static_cast<float *>(malloc((size_t)elements * sizeof(float)));
  if (memory == NULL) return SQ_CUFFT_ERRORS;
  sq_fft_prepare_f32(n, memory);
  for (int64_t b = 0; b < batch; b++)
    transform(n, memory, data + b * 2 * n, inverse, memory + tables, memory + tables + 2 * n);
  free(memory);
  return 0;
}

void sq_cufft_close(sq_gpu *) {}

#elif defined(SEQGPU_CUFFT)

#include <cufft.h>
#include <new>

#include "kernels/library.h"
#include "kernels/reported.h"

#define CUFFT_FUNCTIONS(F) F(cufftPlanMany) F(cufftDestroy) F(cufftSetStream) F(cufftExecC2C)

struct sq_cufft {
  int64_t n, batch;
  cufftHandle handle;
  sq_cufft *next;
};

namespace {

struct cufft {
  CUFFT_FUNCTIONS(SQ_LIBRARY_MEMBER)
};
SQ_LIBRARY(cufft, CUFFT_FUNCTIONS, "libcufft.so." SQ_LIBRARY_TEXT(CUFFT_VER_MAJOR), SEQGPU_CUFFT_PATH)

int error_of(cufftResult status) {
  return status == CUFFT_SUCCESS ? 0 : sq_reported(SQ_CUFFT_ERRORS + (int)status);
}

sq_cufft *find(const sq_gpu *gpu, int64_t n, int64_t batch) {
  sq_cufft *p = gpu->cufft;
  while (p != NULL && (p->n != n || p->batch != batch)) p = p->next;
  return p;
}

} // namespace

const char *sq_cufft_missing(void) {
  const char *why = NULL;
  cufft_library(&why);
  return why;
}

int sq_cufft_ready(sq_exec *exec, int64_t n, int64_t batch) {
  sq_gpu *gpu = sq_gpu_of(exec);
  if (find(gpu, n, batch) != NULL) return 0;
  const sq_gpu_current here(exec);
  if (here.error != 0) return here.error;
  sq_cufft *p = new (std::nothrow) sq_cufft();
  if (p == NULL) return error_of(CUFFT_ALLOC_FAILED);
  int size = (int)n;
  const int error = error_of(cufft_library(NULL)->cufftPlanMany(&p->handle, 1, &size, NULL, 1, size, NULL, 1,
                                                                size, CUFFT_C2C, (int)batch));
  if (error != 0) {
    delete p;
    return error;
  }
  p->n = n;
  p->batch = batch;
  p->next = gpu->cufft;
  gpu->cufft = p;
  return 0;
}

bool sq_cufft_refused(int error) {
  return error == error_of(CUFFT_INVALID_SIZE) || error == error_of(CUFFT_INVALID_VALUE) ||
         error == error_of(CUFFT_NOT_SUPPORTED);
}

int sq_cufft_run(sq_exec *exec, int64_t n, int64_t batch, float *data, int inverse) {
  int error = sq_cufft_ready(exec, n, batch); /* nothing to do, unless the batch is smaller than the plan's */
  if (error != 0) return error;
  const sq_gpu_current here(exec);
  if (here.error != 0) return here.error;
  const cufftHandle handle = find(sq_gpu_of(exec), n, batch)->handle;
  cufftComplex *z = reinterpret_cast<cufftComplex *>(data);
  error = error_of(cufft_library(NULL)->cufftSetStream(handle, static_cast<cudaStream_t>(exec->stream)));
  if (error != 0) return error;
  return error_of(cufft_library(NULL)->cufftExecC2C(handle, z, z, inverse ? CUFFT_INVERSE : CUFFT_FORWARD));
}

void sq_cufft_close(sq_gpu *gpu) {
  while (gpu->cufft != NULL) {
    sq_cufft *p = gpu->cufft;
    gpu->cufft = p->next;
    cufft_library(NULL)->cufftDestroy(p->handle);
    delete p;
  }
}

#else

const char *sq_cufft_missing(void) { return "this build has no cuFFT"; }
int sq_cufft_ready(sq_exec *, int64_t, int64_t) { return SQ_CUFFT_ERRORS; }
int sq_cufft_run(sq_exec *, int64_t, int64_t, float *, int) { return SQ_CUFFT_ERRORS; }
void sq_cufft_close(sq_gpu *) {}

#endif
