/* cufft.cpp - the stand-in for cuFFT, as far as kernels/ calls it: rows of complex numbers, transformed in
 * double on the plan's stream, so that a recording sees it. */
#include "tests/soft/runtime.h"

#include <cufft.h>
#include <math.h>

#include <complex>
#include <map>

namespace soft {

namespace {

struct Transforms {
  int n = 0, batch = 0;
  cudaStream_t stream = NULL;
};

std::map<cufftHandle, Transforms> &plans() {
  static std::map<cufftHandle, Transforms> *all = [] {
    report_at_end("plan of cuFFT", [] { return plans().size(); });
    return new std::map<cufftHandle, Transforms>();
  }();
  return *all;
}

Transforms &plan_of(cufftHandle handle) {
  const auto found = plans().find(handle);
  if (found == plans().end()) refuse(CUFFT_INVALID_PLAN, "%d is no plan of cuFFT", handle);
  return found->second;
}

cufftResult fft(const char *function, const std::function<void()> &body) {
  return (cufftResult)perform(function, CUFFT_EXEC_FAILED, body);
}

typedef std::complex<double> complex;

int smallest_factor(int n) {
  for (int f = 2; f * f <= n; f++)
    if (n % f == 0) return f;
  return n;
}

/* out[k] = sum over j of in[j * stride] w^(j k), w = exp(sign 2 pi i / n): the sums over j = r, r + f, ... for
 * each r below the smallest factor f of n, joined. */
void transform(const complex *in, int n, int stride, double sign, complex *out) {
  if (n == 1) {
    out[0] = in[0];
    return;
  }
  const int f = smallest_factor(n), part = n / f;
  std::vector<complex> parts((size_t)n), turn((size_t)n);
  for (int r = 0; r < f; r++) transform(in + r * stride, part, stride * f, sign, parts.data() + r * part);
  for (int k = 0; k < n; k++) turn[(size_t)k] = std::polar(1.0, sign * 2 * M_PI * k / n);
  for (int k = 0; k < n; k++) {
    out[k] = 0;
    for (int r = 0; r < f; r++)
      out[k] += turn[(size_t)((int64_t)r * k % n)] * parts[(size_t)(r * part + k % part)];
  }
}

void transform_rows(const Transforms &t, const cufftComplex *from, cufftComplex *to, double sign) {
  std::vector<complex> in((size_t)t.n), out((size_t)t.n);
  const size_t bytes = (size_t)t.n * sizeof(cufftComplex);
  for (int b = 0; b < t.batch; b++) {
    const int64_t at = (int64_t)b * t.n;
    const auto *row =
        reinterpret_cast<const cufftComplex *>(device_bytes(from + at, bytes, Wants::written, "idata"));
    for (int i = 0; i < t.n; i++) in[(size_t)i] = complex(row[i].x, row[i].y);
    transform(in.data(), t.n, 1, sign, out.data());
    auto *result = reinterpret_cast<cufftComplex *>(device_bytes(to + at, bytes, Wants::to_write, "odata"));
    for (int i = 0; i < t.n; i++) result[i] = {(float)out[(size_t)i].real(), (float)out[(size_t)i].imag()};
  }
}

} // namespace

} // namespace soft

using soft::fft;

extern "C" {

/* Rows of n complex numbers, one behind the other. */
cufftResult cufftPlanMany(cufftHandle *handle, int rank, int *n, int *inembed, int istride, int idist,
                          int *onembed, int ostride, int odist, cufftType type, int batch) {
  return fft("cufftPlanMany", [=] {
    soft::forbid_while_recording();
    const bool dense = (inembed == NULL || (istride == 1 && idist == *n)) &&
                       (onembed == NULL || (ostride == 1 && odist == *n));
    if (rank != 1 || type != CUFFT_C2C || !dense)
      soft::refuse(CUFFT_NOT_SUPPORTED, "the stand-in knows dense rows of one dimension, complex to complex");
    if (*n < 1 || batch < 1) soft::refuse(CUFFT_INVALID_SIZE, "%d rows of %d", batch, *n);
    static int last = 0;
    *handle = ++last;
    soft::plans()[*handle].n = *n;
    soft::plans()[*handle].batch = batch;
  });
}
cufftResult cufftSetStream(cufftHandle handle, cudaStream_t stream) {
  return fft("cufftSetStream", [=] {
    soft::check_stream(stream);
    soft::plan_of(handle).stream = stream;
  });
}
cufftResult cufftExecC2C(cufftHandle handle, cufftComplex *from, cufftComplex *to, int direction) {
  return fft("cufftExecC2C", [=] {
    const soft::Transforms t = soft::plan_of(handle);
    soft::check_stream(t.stream);
    if (direction != CUFFT_FORWARD && direction != CUFFT_INVERSE)
      soft::refuse(CUFFT_INVALID_VALUE, "there is no direction %d", direction);
    const size_t bytes = (size_t)t.n * (size_t)t.batch * sizeof(cufftComplex);
    soft::check_range(from, bytes, "idata", CUFFT_INVALID_VALUE);
    soft::check_range(to, bytes, "odata", CUFFT_INVALID_VALUE);
    soft::enqueue(t.stream, [=] { soft::transform_rows(t, from, to, direction); });
  });
}
cufftResult cufftDestroy(cufftHandle handle) {
  return fft("cufftDestroy", [=] {
    soft::plan_of(handle);
    soft::plans().erase(handle);
  });
}

} // extern "C"
