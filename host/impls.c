/* impls.c - the table of implementations.  The planner takes the cheapest applicable row of the context's device. */
#include "plan.h"

static const char *always(const seqgpu_context *ctx, const sq_layout *layout, int64_t seq_len,
                          int64_t batch) {
  (void)ctx;
  (void)layout;
  (void)seq_len;
  (void)batch;
  return NULL;
}

/* `step` moves every weight once a step and pays two launches a product and stage: the plan that always works, and
 * whose estimate the persistent plans undercut where they fit. */
static double step_estimate(const seqgpu_context *ctx, const sq_layout *layout, int64_t seq_len,
                            int64_t batch) {
  (void)ctx;
  double flops = 0;
  for (int i = 0; i < layout->products; i++)
    flops += 2.0 * (double)layout->product[i].rows * (double)layout->product[i].cols * (double)batch;
  const double launches = layout->products + layout->stages;
  return (double)seq_len * (1.3 * launches + flops / 2e7);
}

const sq_impl sq_impls[] = {
    {"cpu/step", "cpu", "step", SEQGPU_F32, always, step_estimate, sq_sequence_workspace_f32,
     sq_sequence_forward_f32, sq_sequence_backward_f32},
    {"cpu/step", "cpu", "step", SEQGPU_F64, always, step_estimate, sq_sequence_workspace_f64,
     sq_sequence_forward_f64, sq_sequence_backward_f64},
#ifdef SEQGPU_WITH_CUDA
    {"cuda/step", "cuda", "step", SEQGPU_F32, always, step_estimate, sq_cuda_sequence_workspace,
     sq_cuda_sequence_forward, sq_cuda_sequence_backward},
#endif
#ifdef SEQGPU_WITH_EMULATOR
    {"emulator/step", "emulator", "step", SEQGPU_F32, always, step_estimate, sq_emulator_sequence_workspace,
     sq_emulator_sequence_forward, sq_emulator_sequence_backward},
#endif
    {NULL, NULL, NULL, SEQGPU_F32, NULL, NULL, NULL, NULL, NULL},
};
