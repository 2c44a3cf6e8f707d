/* test_soft_missing.c - where cuBLAS, cuFFT and cuDNN are not installed, a context opens all the same, and the
 * algorithms that need them say which library is missing. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "tests/net.h"

/* The sentence of an algorithm that cannot run the descriptor. */
static void check_refusal(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const char *algorithm,
                          const char *library) {
  seqgpu_algorithm_info info;
  int asked = 0;
  for (int i = 0; i < seqgpu_algorithm_count(ctx); i++) {
    net_require(ctx, seqgpu_algorithm_get(ctx, desc, i, &info), "seqgpu_algorithm_get");
    if (strcmp(info.name, algorithm) != 0) continue;
    CHECK(strstr(info.why_not, library) != NULL, "%s names %s: %s", algorithm, library, info.why_not);
    asked++;
  }
  if (asked == 0) check_skip("this build does not have it", "%s", algorithm);
}

int main(void) {
  setenv("SEQGPU_SOFT_LIBRARIES", "0", 1);
  check_start();
  check_at("cuda f32");
  seqgpu_context *ctx = net_context("cuda", SEQGPU_DTYPE_F32, 1);
  char text[256];
  seqgpu_context_describe(ctx, text, sizeof text);
  CHECK(strstr(text, "built-in GEMM") != NULL, "the context's own products: %s", text);
  CHECK(strstr(text, "cuDNN") == NULL, "no cuDNN: %s", text);
  seqgpu_rnn_desc desc = {.cell = "urnn", .seq_len = 3, .batch = 2, .input_size = 4, .hidden_size = 8};
  check_refusal(ctx, &desc, "cuda/cufft", "libcufft.so");
  desc.cell = "lstm";
  check_refusal(ctx, &desc, "cuda/cudnn-standard", "libcudnn.so");
  seqgpu_context_destroy(ctx);
  return check_finish();
}
