/* fuzz_npy.c - .npy and .npz files. */
#define _POSIX_C_SOURCE 200809L
#include "host/formats/npy.h"
#include "tests/fuzz/fuzz.h"

static void read_all(seqgpu_context *ctx, const seqgpu_npy *f) {
  seqgpu_npy_info info;
  for (int i = 0; i < seqgpu_npy_count(f); i++) {
    fuzz_require(seqgpu_npy_get(f, i, &info) == SEQGPU_OK);
    fuzz_require(seqgpu_npy_find(f, info.name) == i);
    double *numbers = malloc((size_t)info.elements * sizeof *numbers + 1);
    fuzz_require(numbers != NULL);
    fuzz_said(ctx, seqgpu_npy_read(f, i, numbers));
    free(numbers);
  }
}

FUZZ_TARGET(npy) {
  seqgpu_context *ctx = fuzz_context();
  seqgpu_npy *f = NULL;
  if (size == 0) return 0;
  char *copy = fuzz_copy(data, size);
  FILE *file = fmemopen(copy, size, "rb");
  fuzz_require(file != NULL);
  if (fuzz_said(ctx, sq_npy_open_file(ctx, "fuzz", file, (int64_t)size, &f))) read_all(ctx, f);
  seqgpu_npy_close(f);
  free(copy);
  return 0;
}
