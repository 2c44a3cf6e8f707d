/* fuzz_describe.c - descriptions of networks in the metadata of files. */
#include "tests/fuzz/fuzz_foreign.h"

FUZZ_TARGET(describe) {
  seqgpu_context *ctx = fuzz_context();
  char *text = fuzz_string(data, size);
  seqgpu_rnn_desc desc;
  seqgpu_plan *plan;
  if (fuzz_said(ctx, sq_describe_read(ctx, "fuzz", text, &desc))) {
    fuzz_description(ctx, &desc);
    if (fuzz_said(ctx, sq_foreign_plan(ctx, "fuzz", "fuzz", &desc, &plan))) seqgpu_plan_destroy(plan);
  }
  free(text);
  return 0;
}
