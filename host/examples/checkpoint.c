/* checkpoint.c - saves a network with its initial weights, reads it back, and lists what the file holds.
 *
 *   checkpoint FILE.safetensors
 */
#include <seqgpu/seqgpu.h>
#include <stdio.h>

static int list(seqgpu_context *ctx, const char *path) {
  seqgpu_checkpoint *file;
  seqgpu_tensor_info info;
  if (seqgpu_checkpoint_open(ctx, path, &file)) return 1;
  printf("made by: %s\n", seqgpu_checkpoint_meta(file, "made_by"));
  for (int i = 0; i < seqgpu_checkpoint_tensor_count(file); i++)
    if (seqgpu_checkpoint_tensor_get(file, i, &info) == SEQGPU_OK)
      printf("%-24s %s %lld elements\n", info.name, info.dtype, (long long)info.elements);
  seqgpu_checkpoint_close(file);
  return 0;
}

/* The same seed draws the same weights; another one is overwritten by what the file holds. */
static seqgpu_status make(seqgpu_context *ctx, uint64_t seed, seqgpu_params **params) {
  seqgpu_plan *plan;
  const seqgpu_rnn_desc desc = {.cell = "lstm", .input_size = 3, .hidden_size = 8, .seq_len = 1, .batch = 1};
  seqgpu_status status = seqgpu_plan_create(ctx, &desc, NULL, &plan);
  if (status == SEQGPU_OK) status = seqgpu_params_create(ctx, seed, params);
  if (status == SEQGPU_OK) status = seqgpu_params_add_rnn(*params, "lstm", plan, NULL);
  seqgpu_plan_destroy(plan);
  return status;
}

int main(int argc, char **argv) {
  if (argc != 2) return puts("usage: checkpoint FILE.safetensors"), 2;
  const seqgpu_meta meta[] = {{"made_by", "checkpoint.c"}};
  seqgpu_context *ctx;
  seqgpu_params *saved, *loaded;
  seqgpu_checkpoint *file;
  if (seqgpu_context_create(NULL, &ctx) || make(ctx, 1, &saved) || make(ctx, 2, &loaded) ||
      seqgpu_checkpoint_save(saved, argv[1], meta, 1) || list(ctx, argv[1]) ||
      seqgpu_checkpoint_open(ctx, argv[1], &file) || seqgpu_checkpoint_load(file, loaded, 0))
    return puts(seqgpu_last_error(ctx)), 1;
  seqgpu_checkpoint_close(file);
  seqgpu_params_destroy(loaded);
  seqgpu_params_destroy(saved);
  seqgpu_context_destroy(ctx);
  return 0;
}
