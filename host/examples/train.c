/* train.c - an LSTM learns to predict the next letter of a sentence.  A letter's vector serves on the way in
 * and out. */
#include <seqgpu/seqgpu.h>
#include <stdio.h>
enum { T = 44, H = 64, LETTERS = 128 };
int main(void) {
  const int32_t *text = (const int32_t *)U"the quick brown fox jumps over the lazy dog. ";
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_param letters, lstm;
  const seqgpu_rnn_desc desc = {.cell = "lstm", .input_size = H, .hidden_size = H, .seq_len = T, .batch = 1};
  if (seqgpu_context_create(NULL, &ctx) || seqgpu_plan_create(ctx, &desc, NULL, &plan) ||
      seqgpu_params_create(ctx, 1, &params) || seqgpu_tape_create(ctx, 1, &tape) ||
      seqgpu_params_add(params, "letters", LETTERS, H, "normal", 0.3, &letters) ||
      seqgpu_params_add_rnn(params, "lstm", plan, &lstm))
    return puts(seqgpu_last_error(ctx)), 1;
  const seqgpu_optimizer adam = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.01, .clip = SEQGPU_CLIP_NORM};
  double loss = 1;
  for (int step = 1; step <= 100; step++) {
    seqgpu_tensor *table = seqgpu_tape_param(tape, &letters);
    seqgpu_tensor *x = seqgpu_tape_embedding(tape, table, seqgpu_tape_ids(tape, 2, (int64_t[]){T, 1}, text));
    seqgpu_tensor *h = seqgpu_tape_rnn(tape, plan, seqgpu_tape_param(tape, &lstm), x, NULL, NULL);
    seqgpu_tensor *next = seqgpu_tape_ids(tape, 2, (int64_t[]){T, 1}, text + 1);
    seqgpu_tensor *y = seqgpu_tape_cross_entropy(tape, seqgpu_tape_linear(tape, h, table, NULL), next, 1, 1);
    if (seqgpu_tape_update(tape, y, params, &adam, &loss)) return puts(seqgpu_last_error(ctx)), 1;
    if (step % 20 == 0) printf("step %3d  %.4f nats per letter\n", step, loss);
  }
}
