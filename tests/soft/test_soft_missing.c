/* test_soft_missing.c - where cuBLAS, cuFFT and cuDNN are not installed, a context opens all the same, and the
 * algorithms that need them say which library is missing.  Products of bfloat16 are the built-in GEMM's then. */
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

/* The products over a whole sequence have rounded operands (kernels/rounded.h); their results have one tile, or
 * 128 and more, which are the larger ones. */
static void check_rounded(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = {
      .cell = "rnn", .seq_len = 2, .batch = 256, .input_size = 1024, .hidden_size = 16};
  seqgpu_rnn_desc asked = desc;
  asked.math = SEQGPU_MATH_BF16;
  seqgpu_context *oracle = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  net ref, out;
  char where[64];
  check_at("cuda/persistent-cta bf16");
  if (net_reference(&ref, oracle, &desc, NULL, SEQGPU_MATH_BF16) &&
      net_open_as(&out, ctx, &asked, "persistent-cta", NULL)) {
    net_copy_inputs(&out, &ref);
    net_run(&out);
    net_check(net_error(&out, &ref, NET_Y, NET_DPARAMS, where), arithmetic[SEQGPU_MATH_BF16].limit, where,
              "rnn, products of bfloat16 without cuBLAS");
    net_close(&out);
    net_close(&ref);
  }
  seqgpu_context_destroy(oracle);
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
  check_rounded(ctx);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
