/* impls.c - the table of implementations.  The planner takes the cheapest applicable row of the context's device. */
#include "kernels/cudnn/algorithms.h"
#include "core/structure.h"
#include "host/plan/plan.h"

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
  for (int i = 0; i < layout->products; i++) {
    const sq_product *p = &layout->product[i];
    const double weights = p->structure ? 10.0 * (double)p->structure->params(layout, p) /* a guess */
                                        : (double)p->rows * (double)p->cols;
    flops += 2.0 * weights * (double)problem->batch;
  }
  const double launches = layout->products + layout->stages;
  const double passes =
      problem->training ? 2 : 1; /* backward has the same launches, and the transposed products */
  return passes * (double)problem->seq_len * problem->directions * (1.3 * launches + flops / 2e7);
}

/* Room that depends on the layer and the sizes of a run alone. */
#define OF_LAYOUT(name)                                                                                      \
  static int64_t name##_of(sq_exec *exec, const sq_problem *p) {                                             \
    (void)exec;                                                                                              \
    return name(p->layout, p->seq_len, p->batch, p->training);                                               \
  }
OF_LAYOUT(sq_layer_workspace_f32)
OF_LAYOUT(sq_layer_workspace_f64)

/* A driver of single sequences runs the directions one after the other. */
#define ONE_BY_ONE(name)                                                                                     \
  static int name##_all(sq_exec *exec, const sq_layer_run *runs, int count) {                                \
    int error = 0;                                                                                           \
    for (int i = 0; i < count && error == 0; i++) error = name(exec, &runs[i]);                              \
    return error;                                                                                            \
  }
ONE_BY_ONE(sq_layer_forward_f32)
ONE_BY_ONE(sq_layer_backward_f32)
ONE_BY_ONE(sq_layer_forward_f64)
ONE_BY_ONE(sq_layer_backward_f64)
#ifdef SEQGPU_WITH_CUDA
OF_LAYOUT(sq_cuda_layer_workspace)
ONE_BY_ONE(sq_cuda_layer_forward)
ONE_BY_ONE(sq_cuda_layer_backward)
#endif
#ifdef SEQGPU_WITH_EMULATOR
OF_LAYOUT(sq_emulator_layer_workspace)
ONE_BY_ONE(sq_emulator_layer_forward)
ONE_BY_ONE(sq_emulator_layer_backward)
#endif

#define STEP_ROW(on, type, refusal, id, suffix)                                                              \
  {.name = on "/step",                                                                                       \
   .device = on,                                                                                             \
   .plan = "step",                                                                                           \
   .dtype = type,                                                                                            \
   .refuses = refusal,                                                                                       \
   .estimate = step_estimate,                                                                                \
   .workspace = sq_##id##layer_workspace##suffix##_of,                                                       \
   .forward = sq_##id##layer_forward##suffix##_all,                                                          \
   .backward = sq_##id##layer_backward##suffix##_all},

/* Plans of the kernels whose room depends on the layer and the sizes alone, in float32; `more` initialises further
 * members of the row. */
#define PLAN_ROW(on, tier, text, more)                                                                       \
  {.name = #on "/" text,                                                                                     \
   .device = #on,                                                                                            \
   .plan = text,                                                                                             \
   .dtype = SEQGPU_DTYPE_F32,                                                                                \
   .refuses = sq_##on##_##tier##_refuses,                                                                    \
   .estimate = sq_##on##_##tier##_estimate,                                                                  \
   .workspace = sq_##on##_##tier##_workspace_of,                                                             \
   .forward = sq_##on##_##tier##_forward,                                                                    \
   .backward = sq_##on##_##tier##_backward more},
#define WAVES(on, tier)                                                                                      \
  , .wave_forward = sq_##on##_##tier##_wave_forward, .wave_backward = sq_##on##_##tier##_wave_backward,      \
    .wave_gradients = sq_##on##_##tier##_wave_gradients
#define CUDA_WORKSPACE(tier, text)          OF_LAYOUT(sq_cuda_##tier##_workspace)
#define EMULATOR_WORKSPACE(tier, text)      OF_LAYOUT(sq_emulator_##tier##_workspace)
#define CUDA_PERSISTENT_ROW(tier, text)     PLAN_ROW(cuda, tier, text, WAVES(cuda, tier))
#define EMULATOR_PERSISTENT_ROW(tier, text) PLAN_ROW(emulator, tier, text, WAVES(emulator, tier))
#ifdef SEQGPU_WITH_CUDA
SQ_PERSISTENT_ALGORITHMS(CUDA_WORKSPACE)
SQ_URNN_ALGORITHMS(CUDA_WORKSPACE)
#endif
#ifdef SEQGPU_WITH_EMULATOR
SQ_PERSISTENT_ALGORITHMS(EMULATOR_WORKSPACE)
SQ_URNN_ALGORITHMS(EMULATOR_WORKSPACE)
#endif

/* The unitary evolution RNN's own plans (kernels/urnn_*.cu). */
#define CUDA_URNN_ROW(tier, text)     PLAN_ROW(cuda, tier, text, )
#define EMULATOR_URNN_ROW(tier, text) PLAN_ROW(emulator, tier, text, )

/* cuDNN's algorithms in each number type, a row each (kernels/cudnn/cudnn.cu). */
#define CUDNN_ROW(on, id, text)                                                                              \
  {.name = on "/" text,                                                                                      \
   .device = on,                                                                                             \
   .plan = text,                                                                                             \
   .dtype = SEQGPU_DTYPE_F32,                                                                                \
   .refuses = sq_cudnn_##id##_refuses,                                                                       \
   .estimate = sq_cudnn_##id##_estimate,                                                                     \
   .workspace = sq_cudnn_##id##_workspace,                                                                   \
   .reserve = sq_cudnn_##id##_reserve,                                                                       \
   .forward = sq_cudnn_##id##_forward,                                                                       \
   .backward = sq_cudnn_##id##_backward},

#define CUDA_CUDNN_ROW(id, text, algorithm, type) CUDNN_ROW("cuda", id, text)
#define EMULATOR_CUDNN_ROW(id, text, algorithm, type)                                                        \
  CUDNN_ROW("emulator", id, text) /* tests/simt/cudnn_standin.cpp */

/* clang-format off */
const sq_algorithm sq_algorithms[] = {
    STEP_ROW("cpu", SEQGPU_DTYPE_F32, never_refuses, , _f32)
    STEP_ROW("cpu", SEQGPU_DTYPE_F64, never_refuses, , _f64)
#ifdef SEQGPU_WITH_CUDA
    SQ_PERSISTENT_ALGORITHMS(CUDA_PERSISTENT_ROW)
    SQ_URNN_ALGORITHMS(CUDA_URNN_ROW)
    STEP_ROW("cuda", SEQGPU_DTYPE_F32, sq_cuda_layer_refuses, cuda_, )
#endif
#ifdef SEQGPU_CUDNN
    SQ_CUDNN_ALGORITHMS(CUDA_CUDNN_ROW)
#endif
#ifdef SEQGPU_WITH_EMULATOR
    SQ_PERSISTENT_ALGORITHMS(EMULATOR_PERSISTENT_ROW)
    SQ_URNN_ALGORITHMS(EMULATOR_URNN_ROW)
    STEP_ROW("emulator", SEQGPU_DTYPE_F32, sq_emulator_layer_refuses, emulator_, )
#endif
#ifdef SEQGPU_CUDNN_STANDIN
    SQ_CUDNN_ALGORITHMS(EMULATOR_CUDNN_ROW)
#endif
    {.name = NULL},
};
/* clang-format on */
