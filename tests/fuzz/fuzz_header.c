/* fuzz_header.c - the JSON of .safetensors files, and the checksums in it; the first two bytes say how many
 * bytes of data follow. */
#include "host/checkpoint/checksum.h"
#include "host/checkpoint/header.h"
#include "tests/fuzz/fuzz.h"

static void look_at(const sq_st_header *h) {
  uint32_t sum;
  int64_t bytes = 0;
  for (int i = 0; i < h->count; i++) {
    bytes += h->tensors[i].bytes;
    fuzz_require(i == 0 || strcmp(h->tensors[i - 1].name, h->tensors[i].name) < 0);
  }
  fuzz_require(bytes >= 0 && bytes <= 0xffff);
  if (h->sums && sq_sums_fit(h->sums, h->count))
    for (int i = 0; i <= h->count; i++) sq_sums_get(h->sums, i, &sum);
}

FUZZ_TARGET(header) {
  seqgpu_context *ctx = fuzz_context();
  const unsigned low = fuzz_byte(&data, &size), high = fuzz_byte(&data, &size);
  sq_st_header header = {0};
  char *text = fuzz_copy(data, size);
  if (fuzz_said(ctx, sq_st_header_parse(ctx, "fuzz", text, size, low | high << 8, &header))) look_at(&header);
  sq_st_header_free(ctx, &header);
  free(text);
  return 0;
}
