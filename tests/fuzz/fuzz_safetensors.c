/* fuzz_safetensors.c - checkpoints: opened, looked at, verified, and loaded into parameters that are there
 * already and into those that are made for the file. */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz_file.h"

/* A gru has all kinds of tensors in a file: matrices, and biases in two parts. */
static void add_model(seqgpu_context *ctx, seqgpu_params *params) {
  const seqgpu_rnn_desc desc = {
      .cell = "gru", .input_size = 1, .hidden_size = 1, .seq_len = 1, .batch = 1, .reset_after = 1};
  seqgpu_plan *plan;
  fuzz_require(seqgpu_plan_create(ctx, &desc, NULL, &plan) == SEQGPU_OK);
  if (fuzz_said(ctx, seqgpu_params_add(params, "w", 2, 2, "normal", 1, NULL)))
    fuzz_said(ctx, seqgpu_params_add_rnn(params, "r", plan, NULL));
  seqgpu_plan_destroy(plan);
}

static seqgpu_params *new_params(seqgpu_context *ctx) {
  seqgpu_params *params;
  fuzz_require(seqgpu_params_create(ctx, 1, &params) == SEQGPU_OK);
  return params;
}

static void look_at(seqgpu_context *ctx, const seqgpu_checkpoint *c) {
  seqgpu_meta meta;
  seqgpu_tensor_info info;
  for (int i = 0; i < seqgpu_checkpoint_meta_count(c); i++) {
    fuzz_require(seqgpu_checkpoint_meta_get(c, i, &meta) == SEQGPU_OK);
    fuzz_require(seqgpu_checkpoint_meta(c, meta.key) == meta.value);
  }
  fuzz_said(ctx, seqgpu_checkpoint_verify(c, SEQGPU_CHECKPOINT_HEADER));
  for (int i = 0; i < seqgpu_checkpoint_tensor_count(c); i++) {
    fuzz_require(seqgpu_checkpoint_tensor_get(c, i, &info) == SEQGPU_OK);
    fuzz_require(seqgpu_checkpoint_find(c, info.name) == i);
    double *numbers = malloc((size_t)info.elements * sizeof *numbers + 1);
    fuzz_require(numbers != NULL);
    const int whole = fuzz_said(ctx, seqgpu_checkpoint_read(c, i, numbers));
    fuzz_require(whole == fuzz_said(ctx, seqgpu_checkpoint_verify(c, i)));
    free(numbers);
  }
}

static void load(seqgpu_context *ctx, seqgpu_checkpoint *c, int resume) {
  static seqgpu_params *there;
  if (there == NULL) add_model(ctx, there = new_params(ctx));
  fuzz_said(ctx, seqgpu_checkpoint_load(c, there, resume));
  fuzz_said(ctx, seqgpu_checkpoint_load_some(c, there, "r.", NULL));
  seqgpu_params *made = new_params(ctx);
  if (fuzz_said(ctx, seqgpu_checkpoint_attach(c, made, resume))) {
    add_model(ctx, made);
    fuzz_said(ctx, seqgpu_checkpoint_load(c, made, resume));
  }
  seqgpu_params_destroy(made);
}

FUZZ_TARGET(safetensors) {
  seqgpu_context *ctx = fuzz_context();
  seqgpu_checkpoint *c;
  const int resume = fuzz_byte(&data, &size) & 1;
  if (fuzz_said(ctx, seqgpu_checkpoint_open(ctx, fuzz_file(0, data, size), &c))) {
    look_at(ctx, c);
    load(ctx, c, resume);
  }
  seqgpu_checkpoint_close(c);
  return 0;
}
