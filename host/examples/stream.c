/* stream.c - a GRU over a stream of samples, 64 at a time, its state carried along; nothing is allocated in
 * the loop. */
#include <seqgpu/seqgpu.h>
#include <stdio.h>

int main(void) {
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
  const seqgpu_context_options cpu = {.device = "cpu", .threads = 1};
  const seqgpu_rnn_desc desc = {
      .cell = "gru", .input_size = 1, .hidden_size = 32, .seq_len = 64, .batch = 1, .inference = 1};
  if (seqgpu_context_create(&cpu, &ctx) || seqgpu_plan_create(ctx, &desc, NULL, &plan) ||
      seqgpu_run_allocate(ctx, plan, &run))
    return puts(seqgpu_last_error(ctx)), 1;
  float *weights = (float *)run.params, *samples = (float *)run.x;
  for (int64_t i = 0; i < seqgpu_plan_get_sizes(plan).param_elements; i++)
    weights[i] = (float)(i % 7 - 3) / 30;
  for (int block = 0; block < 7500; block++) {
    for (int t = 0; t < 64; t++) samples[t] = (float)(t % 8) / 8; /* yours */
    if (seqgpu_rnn_forward(ctx, plan, &run)) return puts(seqgpu_last_error(ctx)), 1;
  }
  printf("first unit, last step: %f\n", (double)((float *)run.y)[63 * 32]);
  seqgpu_run_release(ctx, &run);
  seqgpu_plan_destroy(plan);
  seqgpu_context_destroy(ctx);
}
