/* hessian_free.c - a network learns to say what it heard four steps ago, by Hessian-free optimisation. */
#include <seqgpu/seqgpu.h>
#include <stdio.h>
#include <stdlib.h>
enum { T = 20, B = 50, H = 20, LAG = 4 };
typedef struct model {
  const seqgpu_plan *plan;
  seqgpu_param rnn, w, b;
  float heard[T * B], wanted[T * B];
  int32_t mask[T * B]; /* 0 where nothing was heard yet */
} model;
/* The loss of a batch; here it is the same one for the gradient and for the curvature. */
static seqgpu_tensor *build(seqgpu_hessian_free *hf, seqgpu_tape *tape, seqgpu_hessian_free_batch batch,
                            int64_t index, void *user) {
  model *m = user;
  (void)batch, (void)index;
  seqgpu_tensor *x = seqgpu_tape_input(tape, 3, (int64_t[]){T, B, 1}, m->heard);
  seqgpu_tensor *wanted = seqgpu_tape_input(tape, 3, (int64_t[]){T, B, 1}, m->wanted);
  seqgpu_tensor *h = seqgpu_tape_rnn(tape, m->plan, seqgpu_tape_param(tape, &m->rnn), x, NULL, NULL);
  h = seqgpu_hessian_free_damp(hf, h, 1.0 / B);
  seqgpu_tensor *y =
      seqgpu_tape_linear(tape, h, seqgpu_tape_param(tape, &m->w), seqgpu_tape_param(tape, &m->b));
  return seqgpu_tape_squared_error(tape, y, wanted, seqgpu_tape_ids(tape, 2, (int64_t[]){T, B}, m->mask), 1,
                                   1);
}
int main(void) {
  static model m;
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_params *params;
  seqgpu_hessian_free *hf;
  const seqgpu_rnn_desc desc = {
      .cell = "rnn", .input_size = 1, .hidden_size = H, .seq_len = T, .batch = B, .tangents = 1};
  const seqgpu_hessian_free_options options = {.structural = 0.03};
  if (seqgpu_context_create(&(seqgpu_context_options){.device = "cpu"}, &ctx) ||
      seqgpu_plan_create(ctx, &desc, NULL, &plan) || seqgpu_params_create(ctx, 1, &params) ||
      seqgpu_params_add_rnn(params, "rnn", plan, &m.rnn) ||
      seqgpu_params_add(params, "w", 1, H, "xavier", 1, &m.w) ||
      seqgpu_params_add(params, "b", 1, 1, "zeros", 0, &m.b) ||
      seqgpu_hessian_free_create(params, &options, &hf))
    return puts(seqgpu_last_error(ctx)), 1;
  m.plan = plan;
  for (int i = 0; i < T * B; i++) {
    m.heard[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    m.mask[i] = i >= LAG * B;
    m.wanted[i] = m.mask[i] ? m.heard[i - LAG * B] : 0;
  }
  for (int update = 1; update <= 8; update++) {
    seqgpu_hessian_free_report r;
    if (seqgpu_hessian_free_update(hf, build, &m, &r)) return puts(seqgpu_last_error(ctx)), 1;
    printf("update %d  loss %.5f  lambda %.3f  %d iterations\n", update, r.new_loss, r.lambda, r.iterations);
  }
}
