/* impls.c - the table of implementations.  The planner takes the cheapest applicable row of the context's device. */
#include "plan.h"

static const char *never_refuses(sq_exec *exec, const sq_problem *problem, char *text, size_t size) {
  (void)exec;
  (void)problem;
  (void)text;
  (void)size;
  return NULL;
}

/* `step` moves every weight once a step and pays a launch a product and stage: the plan that always works, and whose
 * estimate the persistent plans undercut where they fit. */
static double step_estimate(sq_exec *exec, const sq_problem *problem) {
  (void)exec;
  const sq_layout *layout = problem->layout;
  double flops = 0;
  for (int i = 0; i < layout->products; i++)
    flops += 2.0 * (double)layout->product[i].rows * (double)layout->product[i].cols * (double)problem->batch;
  const double launches = layout->products + layout->stages;
  return (double)problem->seq_len * problem->directions * (1.3 * launches + flops / 2e7);
}

/* A driver of single sequences runs the directions one after the other. */
#define ONE_BY_ONE(name)                                                                                     \
  static int name##_all(sq_exec *exec, const sq_sequence *runs, int count) {                                 \
    int error = 0;                                                                                           \
    for (int i = 0; i < count && error == 0; i++) error = name(exec, &runs[i]);                              \
    return error;                                                                                            \
  }
ONE_BY_ONE(sq_sequence_forward_f32)
ONE_BY_ONE(sq_sequence_backward_f32)
ONE_BY_ONE(sq_sequence_forward_f64)
ONE_BY_ONE(sq_sequence_backward_f64)
#ifdef SEQGPU_WITH_CUDA
ONE_BY_ONE(sq_cuda_sequence_forward)
ONE_BY_ONE(sq_cuda_sequence_backward)
#endif
#ifdef SEQGPU_WITH_EMULATOR
ONE_BY_ONE(sq_emulator_sequence_forward)
ONE_BY_ONE(sq_emulator_sequence_backward)
#endif

#define STEP_ROW(device, dtype, id, suffix)                                                                  \
  {                                                                                                          \
    device "/step", device, "step", dtype, never_refuses, step_estimate,                                     \
        sq_##id##sequence_workspace##suffix, sq_##id##sequence_forward##suffix##_all,                        \
        sq_##id##sequence_backward##suffix##_all                                                             \
  }

const sq_impl sq_impls[] = {
    STEP_ROW("cpu", SEQGPU_F32, , _f32),
    STEP_ROW("cpu", SEQGPU_F64, , _f64),
#ifdef SEQGPU_WITH_CUDA
    STEP_ROW("cuda", SEQGPU_F32, cuda_, ),
#endif
#ifdef SEQGPU_WITH_EMULATOR
    STEP_ROW("emulator", SEQGPU_F32, emulator_, ),
#endif
    {NULL, NULL, NULL, SEQGPU_F32, NULL, NULL, NULL, NULL, NULL},
};
