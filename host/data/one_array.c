/* one_array.c - see one_array.h. */
#include "host/data/one_array.h"

#include <stdlib.h>

#include "host/cli/cli.h"

int one_array_open(seqgpu_context *ctx, const char *path, seqgpu_npy **file, seqgpu_npy_info *is) {
  if (seqgpu_npy_open(ctx, path, file) != SEQGPU_OK) return cli_library_error(ctx);
  const int count = seqgpu_npy_count(*file);
  if (count == 1) return (int)seqgpu_npy_get(*file, 0, is); /* it is there, so that this cannot fail */
  seqgpu_npy_close(*file);
  return cli_error("%s: has %d arrays; it must have one", path, count);
}

double *one_array_read(seqgpu_context *ctx, const char *path, const seqgpu_npy *file,
                       const seqgpu_npy_info *is) {
  double *value = malloc((size_t)is->elements * sizeof *value);
  if (value == NULL) {
    cli_error("%s: out of memory", path);
    return NULL;
  }
  if (seqgpu_npy_read(file, 0, value) == SEQGPU_OK) return value;
  cli_library_error(ctx);
  free(value);
  return NULL;
}
