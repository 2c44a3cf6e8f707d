/* test_simt.h - what the emulator's own tests share: seeds, and the check of a launch that must fail with a
 * sentence. */
#ifndef TEST_SIMT_H
#define TEST_SIMT_H

#include <string>

#include "kernels/simt.h"
#include "tests/check.h"

namespace {

enum { SEEDS = 32, THREADS = 64 };

sq_exec exec_of_test = {};
sq_exec *const exec = &exec_of_test;

uint64_t fresh_seed() { return check_random(); }

/* Under how many fresh seeds, out of SEEDS, is right() false?  It makes a run, and says whether all of it was
 * right. */
template <typename F> int wrong_seeds(F right) {
  int wrong = 0;
  for (int s = 0; s < SEEDS; s++) {
    simt::set_seed(fresh_seed());
    wrong += !right();
  }
  return wrong;
}

/* A block counts its threads, with a barrier in between. */
__global__ void healthy_kernel(int *count) {
  atomicAdd(count, 1);
  __syncthreads();
  atomicAdd(count, 1);
}

/* An error result whose sentence has all the words, and which leaves the emulator fit for the next launch. */
void check_error_result(int error, int wanted, const char *name, const char *const *words, size_t count) {
  CHECK(error == wanted, "%s: is an error result (%d)", name, error);
  const std::string text = simt::last_error();
  bool all = true;
  for (size_t i = 0; i < count; i++) all = all && text.find(words[i]) != std::string::npos;
  if (!CHECK(all, "%s: is described", name)) printf("  %s\n", text.c_str());
  int threads = 0;
  const int after = SQ_LAUNCH(exec, healthy_kernel, 1, THREADS, 0, &threads);
  CHECK(after == 0 && threads == 2 * THREADS, "%s: the next launch runs", name);
}

#define CHECK_ERROR_RESULT(error, wanted, name, ...)                                                         \
  do {                                                                                                       \
    const char *const words[] = {__VA_ARGS__};                                                               \
    check_error_result(error, wanted, name, words, sizeof words / sizeof words[0]);                          \
  } while (0)

} // namespace

#endif
