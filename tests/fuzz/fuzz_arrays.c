/* fuzz_arrays.c - networks in lists of arrays, .npz or .safetensors: of Keras, of PyTorch and of our own
 * checkpoints, and which of them it is. */
#define _GNU_SOURCE
#include "host/formats/formats.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/fuzz/fuzz_foreign.h"

static const sq_format *choose(seqgpu_context *ctx, unsigned choice, const char *path) {
  const sq_format *const formats[] = {&sq_format_keras, &sq_format_pytorch, &sq_format_seqgpu};
  const sq_format *found = NULL;
  if (choice < 3) return formats[choice];
  return fuzz_said(ctx, sq_format_detect(ctx, path, &found)) ? found : NULL;
}

FUZZ_TARGET(arrays) {
  seqgpu_context *ctx = fuzz_context();
  const unsigned choice = fuzz_byte(&data, &size) & 3;
  const char *path = fuzz_file(0, data, size);
  const sq_format *format = choose(ctx, choice, path);
  sq_foreign out = {0};
  if (format && fuzz_said(ctx, format->read(ctx, path, &out))) fuzz_networks(ctx, &out);
  sq_foreign_free(ctx, &out);
  return 0;
}
