/* test_soft_functions.cpp - the kernels' logistic function and hyperbolic tangent, as nvcc compiles them, beside
 * those of the C library in float64: at small, large and special arguments, and where the tangent changes its
 * formula.  ex2.approx and rcp.approx of the software device are exact but for their rounding; those of a card may
 * be off by two units in the last place, which the documentation says.
 */
#include "tests/check.h"
#include "tests/soft/controls.h"
#include "tests/soft/kernels_for_tests.h"

#include <cuda_runtime_api.h>

#include <vector>

namespace {

/* Of both signs: every size of float, and many around 0.625. */
std::vector<float> arguments() {
  std::vector<float> x = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-45f, 0.625f, 104.0f, -104.0f, 3.4e38f};
  for (int e = -120; e < 8; e++)
    for (int i = 0; i < 16; i++) x.push_back((float)ldexp(check_uniform(1, 2), e) * (i % 2 ? -1.0f : 1.0f));
  for (int i = 0; i < 2000; i++) x.push_back((float)check_uniform(-2, 2));
  for (int i = -50; i < 50; i++) x.push_back(0.625f + (float)i * 6e-8f);
  return x;
}

double error_of(float got, double wanted) {
  if (std::isnan(wanted)) return std::isnan(got) ? 0 : INFINITY;
  return wanted == 0 ? fabs((double)got) : fabs((double)got - wanted) / fabs(wanted);
}

} // namespace

int main() {
  check_start();
  const std::vector<float> x = arguments();
  const size_t bytes = x.size() * sizeof(float);
  std::vector<float> sigmoid(x.size()), tangent(x.size());
  float *device[3];
  for (float *&d : device) CHECK(cudaMalloc(reinterpret_cast<void **>(&d), bytes) == cudaSuccess, "memory");
  cudaMemcpy(device[0], x.data(), bytes, cudaMemcpyHostToDevice);
  int count = (int)x.size();
  void *pointers[] = {&device[0], &device[1], &device[2], &count, NULL};
  const dim3 grid(((unsigned)count + 127) / 128), block(128);
  CHECK(cudaLaunchKernel(reinterpret_cast<const void *>(soft_functions), grid, block, pointers, 0, NULL) ==
            cudaSuccess,
        "the kernel runs");
  cudaMemcpy(sigmoid.data(), device[1], bytes, cudaMemcpyDeviceToHost);
  cudaMemcpy(tangent.data(), device[2], bytes, cudaMemcpyDeviceToHost);
  double worst_sigmoid = 0, worst_tangent = 0;
  for (size_t i = 0; i < x.size(); i++) {
    const double at = x[i], s = 1 / (1 + exp(-at));
    if (std::isnan(at)) {
      CHECK(std::isnan(sigmoid[i]) && std::isnan(tangent[i]), "a NaN stays one");
      continue;
    }
    /* far below 0 the result loses with e^-x, whose relative error grows with its size, and then is denormal */
    const double one =
        s < 1e-37 ? fabs((double)sigmoid[i] - s) : error_of(sigmoid[i], s) / (1 + fabs(at) / 8);
    worst_sigmoid = check_worse(worst_sigmoid, one);
    worst_tangent = check_worse(worst_tangent, error_of(tangent[i], tanh(at)));
  }
  CHECK(worst_sigmoid < 6e-7, "s(x): relative error %.2g, divided by 1 + |x|/8", worst_sigmoid);
  CHECK(worst_tangent < 4e-7, "tanh(x): relative error %.2g", worst_tangent);
  for (float *d : device) cudaFree(d);
  return check_finish();
}
