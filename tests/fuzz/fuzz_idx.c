/* fuzz_idx.c - IDX files, compressed or not; the first byte says how many dimensions are asked for. */
#define _GNU_SOURCE
#include "host/cli/idx.h"
#include "tests/fuzz/fuzz_file.h"

FUZZ_TARGET(idx) {
  const int dims = (int)(fuzz_byte(&data, &size) % IDX_DIMS) + 1;
  idx_file f;
  if (idx_read(fuzz_file(0, data, size), dims, &f) == 0) {
    volatile unsigned char last = f.data[f.size[0] * f.item - 1];
    (void)last;
  }
  idx_free(&f);
  return 0;
}
