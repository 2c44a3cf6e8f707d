/* fuzz_onnx.c - ONNX model files. */
#include "host/formats/onnx.h"
#include "tests/fuzz/fuzz_foreign.h"

FUZZ_TARGET(onnx) {
  seqgpu_context *ctx = fuzz_context();
  sq_foreign out = {0};
  char *copy = fuzz_copy(data, size);
  const sq_bytes bytes = {(const unsigned char *)copy, size};
  if (fuzz_said(ctx, sq_onnx_read_bytes(ctx, "fuzz/model.onnx", bytes, &out))) fuzz_networks(ctx, &out);
  sq_foreign_free(ctx, &out);
  free(copy);
  return 0;
}
