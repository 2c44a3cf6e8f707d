/* fuzz_onnx.c - libFuzzer on the reader of ONNX model files.
 *
 *   build/bin/fuzz_onnx -max_total_time=60 tests/fuzz/corpus/onnx
 *
 * Whatever the bytes are, the reader gives a status; with a failure, a sentence; and frees what it took.
 */
#include "host/formats/onnx.h"
#include "tests/foreign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static seqgpu_context *ctx;
  sq_foreign out = {0};
  if (ctx == NULL) ctx = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  ctx->error[0] = 0;
  const seqgpu_status status = sq_onnx_read_bytes(ctx, "fuzz/model.onnx", (sq_bytes){data, size}, &out);
  if (status != SEQGPU_OK && ctx->error[0] == 0) __builtin_trap();
  sq_foreign_free(ctx, &out);
  return 0;
}
