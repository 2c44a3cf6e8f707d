/* fuzz_json.c - models in JSON: RTNeural's, AIDA-X's and Neural Amp Modeler's. */
#include "host/formats/formats.h"
#include "tests/fuzz/fuzz_foreign.h"

static void try_format(seqgpu_context *ctx, const sq_format *format, const char *text, size_t size) {
  const sq_bytes bytes = {(const unsigned char *)text, size};
  sq_foreign out = {0};
  if (fuzz_said(ctx, format->parse(ctx, "fuzz", bytes, &out))) fuzz_networks(ctx, &out);
  sq_foreign_free(ctx, &out);
}

FUZZ_TARGET(json) {
  seqgpu_context *ctx = fuzz_context();
  const sq_format *const formats[] = {&sq_format_rtneural, &sq_format_nam};
  char *text = fuzz_copy(data, size);
  for (int i = 0; i < 2; i++)
    if (size > 0 && formats[i]->recognises((const unsigned char *)text, size, "fuzz"))
      try_format(ctx, formats[i], text, size);
  free(text);
  return 0;
}
