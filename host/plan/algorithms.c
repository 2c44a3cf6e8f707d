/* algorithms.c - the table of algorithms.  The planner takes the cheapest that fits, of the context's device.
 */
#include "host/plan/algorithms.h"

#include "core/masks.h"
#include "core/stream.h"
#include "core/structure.h"
#include "kernels/cudnn/algorithms.h"

static const char *never_refuses(sq_exec *exec, const sq_problem *problem, char *text, size_t size) {
  (void)exec;
  (void)problem;
  (void)text;
  (void)size;
  return NULL;
}

/* Weights that the products of a step read. */
static double recurrent_weights(const sq_layout *layout) {
  double weights = 0;
  for (int i = 0; i < layout->products; i++) {
    const sq_product *p = &layout->product[i];
    weights += p->structure ? 10.0 * (double)p->structure->params(layout, p) /* a guess */
                            : (double)p->rows * (double)p->cols;
  }
  return weights;
}

/* ---------------------------------------------------------------- a GPU's step */

#if defined(SEQGPU_WITH_CUDA) || defined(SEQGPU_WITH_EMULATOR)
/* `step` reads every weight in each step and pays a launch per product and stage: the algorithm that always
 * works, and whose estimate the persistent ones undercut where they fit.  Fitted to an H100 SXM, as theirs is
 * (kernels/persistent/cost.cu). */
static double step_estimate(sq_exec *exec, const sq_problem *problem) {
  (void)exec;
  const sq_layout *layout = problem->layout;
  const double flops = 2.0 * recurrent_weights(layout) * (double)problem->batch;
  const double launches =
      layout->products + layout->stages + layout->norms + sq_masks_enters(layout) + sq_masks_leaves(layout);
  const double passes =
      problem->training ? 2 : 1; /* backward: as many launches, and the transposed products */
  return passes * (double)problem->seq_len * problem->directions * (3.3 * launches + flops / 4.6e7);
}
#endif

/* ---------------------------------------------------------------- the CPU's step and stream */

/* With W_ih. */
static double weights_of(const sq_layout *layout) {
  return (double)layout->gates * (double)layout->config.input_size + recurrent_weights(layout);
}

/* Microseconds of a call, of a sequence in each step, and of a weight: in each call, in each step.  Fitted to
 * LSTMs of H = 16, 64, 128 with 1, 2 and 4 sequences in calls of 1, 8 and 32 steps on an AMD EPYC 7003 (Zen 3),
 * one thread; with one sequence the two meet at about 30 steps. */
static const double CALL_US = 0.2, SEQUENCE_US = 0.1, PACKED_US = 1.6e-4;
static const double STEP_US[2] = {2.4e-5, 2.7e-5}; /* for any number of sequences, and for each */
static const double STREAM_US[SQ_STREAM_BATCH] = {5.6e-5, 8.5e-5, 11e-5, 21e-5};

static double cpu_step_estimate(sq_exec *exec, const sq_problem *p) {
  (void)exec;
  const double weights = weights_of(p->layout), B = (double)p->batch, T = (double)p->seq_len;
  const double step = SEQUENCE_US * B + weights * (STEP_US[0] + STEP_US[1] * B);
  const double passes = p->training ? 3 : 1; /* backward: gradients of states and of weights */
  return p->directions * passes * (CALL_US + weights * PACKED_US + T * step);
}

static double stream_cost(const sq_problem *p, double weights) {
  const int64_t last = p->batch < SQ_STREAM_BATCH ? p->batch : SQ_STREAM_BATCH;
  const double step = SEQUENCE_US * (double)p->batch + weights * STREAM_US[last - 1];
  return p->directions * (CALL_US + (double)p->seq_len * step);
}

static double stream_estimate(sq_exec *exec, const sq_problem *p) {
  (void)exec;
  return stream_cost(p, weights_of(p->layout));
}

/* As though the time were that of the bytes.  They are never compared: only a whole name stands for them. */
static double stream_bf16_estimate(sq_exec *exec, const sq_problem *p) {
  (void)exec;
  return stream_cost(p, weights_of(p->layout) / 2);
}

static double stream_int8_estimate(sq_exec *exec, const sq_problem *p) {
  (void)exec;
  return stream_cost(p, weights_of(p->layout) / 4);
}

/* ---------------------------------------------------------------- functions in the form of the table */

/* A workspace that depends on the layer and the sizes alone, or on the arithmetic as well. */
#define WORKSPACE_OF(function, ...)                                                                          \
  static int64_t function##_of(sq_exec *exec, const sq_problem *p) {                                         \
    (void)exec;                                                                                              \
    return function(p->layout, p->seq_len, p->batch, __VA_ARGS__);                                           \
  }
#define WORKSPACE(function)         WORKSPACE_OF(function, p->training)
#define WORKSPACE_BY_MATH(function) WORKSPACE_OF(function, p->training, p->math)

/* A driver of one layer and direction, called for the directions one after the other. */
#define ONE_BY_ONE(function) ONE_BY_ONE_OF(function, sq_layer_run)
#define ONE_BY_ONE_OF(function, type)                                                                        \
  static int function##_all(sq_exec *exec, const type *runs, int count) {                                    \
    int error = 0;                                                                                           \
    for (int i = 0; i < count && error == 0; i++) error = function(exec, &runs[i]);                          \
    return error;                                                                                            \
  }

WORKSPACE(sq_layer_workspace_f32)
WORKSPACE(sq_layer_workspace_f64)
ONE_BY_ONE(sq_layer_forward_f32)
ONE_BY_ONE(sq_layer_backward_f32)
ONE_BY_ONE(sq_layer_forward_f64)
ONE_BY_ONE(sq_layer_backward_f64)
ONE_BY_ONE_OF(sq_layer_tangent_f32, sq_layer_tangent)
ONE_BY_ONE_OF(sq_layer_tangent_f64, sq_layer_tangent)

#ifdef SEQGPU_WITH_CUDA
#define CUDA_WORKSPACE(id, text) WORKSPACE_BY_MATH(sq_cuda_##id##_workspace)
WORKSPACE(sq_cuda_layer_workspace)
ONE_BY_ONE(sq_cuda_layer_forward)
ONE_BY_ONE(sq_cuda_layer_backward)
ONE_BY_ONE_OF(sq_cuda_layer_tangent, sq_layer_tangent)
SQ_PERSISTENT_ALGORITHMS(CUDA_WORKSPACE)
SQ_URNN_ALGORITHMS(CUDA_WORKSPACE)
#endif

#ifdef SEQGPU_WITH_EMULATOR
#define EMULATOR_WORKSPACE(id, text) WORKSPACE_BY_MATH(sq_emulator_##id##_workspace)
WORKSPACE(sq_emulator_layer_workspace)
ONE_BY_ONE(sq_emulator_layer_forward)
ONE_BY_ONE(sq_emulator_layer_backward)
ONE_BY_ONE_OF(sq_emulator_layer_tangent, sq_layer_tangent)
SQ_PERSISTENT_ALGORITHMS(EMULATOR_WORKSPACE)
SQ_URNN_ALGORITHMS(EMULATOR_WORKSPACE)
#endif

/* ---------------------------------------------------------------- rows */

/* What every row begins with. */
#define NAMED(on, text, type) .name = on "/" text, .device = on, .id = text, .dtype = type

/* The passes of `step` on a GPU that read any reserve of the cell's own: tangents, and all of them. */
#define GPU_STEP_TANGENTS(on)                                                                                \
  .pass_workspace = sq_##on##_layer_workspace_of, .pass_refuses = sq_##on##_layer_refuses,                   \
  .tangent = sq_##on##_layer_tangent_all
#define GPU_STEP_PASSES(on)                                                                                  \
  GPU_STEP_TANGENTS(on), .signals = sq_##on##_layer_signals,                                                 \
                         .signal_gradients = sq_##on##_layer_signal_gradients

/* `step` on a GPU, or on the emulator of one. */
#define GPU_STEP_ROW(on)                                                                                     \
  {NAMED(#on, "step", SEQGPU_DTYPE_F32),                                                                     \
   .refuses = sq_##on##_layer_refuses,                                                                       \
   .estimate = step_estimate,                                                                                \
   .workspace = sq_##on##_layer_workspace_of,                                                                \
   .forward = sq_##on##_layer_forward_all,                                                                   \
   .backward = sq_##on##_layer_backward_all,                                                                 \
   GPU_STEP_PASSES(on)},

/* What the algorithms with kernels of their own have in common. */
#define OWN_KERNELS(on, function, text)                                                                      \
  NAMED(#on, text, SEQGPU_DTYPE_F32),                                                                        \
      .refuses = sq_##on##_##function##_refuses, .estimate = sq_##on##_##function##_estimate,                \
      .workspace = sq_##on##_##function##_workspace_of, .forward = sq_##on##_##function##_forward,           \
      .backward = sq_##on##_##function##_backward

/* The unitary evolution RNN's own (kernels/urnn/). */
#define URNN_ROW(on, function, text) {OWN_KERNELS(on, function, text), GPU_STEP_TANGENTS(on)},

/* Those whose weights stay on the chip (kernels/persistent/): they run layers side by side, too. */
#define PERSISTENT_ROW(on, function, text)                                                                   \
  {OWN_KERNELS(on, function, text),                                                                          \
   GPU_STEP_PASSES(on),                                                                                      \
   .wave_forward = sq_##on##_##function##_wave_forward,                                                      \
   .wave_backward = sq_##on##_##function##_wave_backward,                                                    \
   .wave_gradients = sq_##on##_##function##_wave_gradients,                                                  \
   .cut = sq_##on##_##function##_cut},

/* cuDNN's algorithms in each element type (kernels/cudnn/). */
#define CUDNN_ROW(on, function, text)                                                                        \
  {NAMED(on, text, SEQGPU_DTYPE_F32),          .refuses = sq_cudnn_##function##_refuses,                     \
   .estimate = sq_cudnn_##function##_estimate, .workspace = sq_cudnn_##function##_workspace,                 \
   .reserve = sq_cudnn_##function##_reserve,   .forward = sq_cudnn_##function##_forward,                     \
   .backward = sq_cudnn_##function##_backward},

#define CUDA_PERSISTENT_ROW(id, text)                 PERSISTENT_ROW(cuda, id, text)
#define CUDA_URNN_ROW(id, text)                       URNN_ROW(cuda, id, text)
#define CUDA_CUDNN_ROW(id, text, algorithm, type)     CUDNN_ROW("cuda", id, text)
#define EMULATOR_PERSISTENT_ROW(id, text)             PERSISTENT_ROW(emulator, id, text)
#define EMULATOR_URNN_ROW(id, text)                   URNN_ROW(emulator, id, text)
#define EMULATOR_CUDNN_ROW(id, text, algorithm, type) CUDNN_ROW("emulator", id, text) /* against a stand-in */

/* clang-format off */
const sq_algorithm sq_algorithms[] = {
    {NAMED("cpu", "step", SEQGPU_DTYPE_F32),
     .refuses = never_refuses,
     .estimate = cpu_step_estimate,
     .workspace = sq_layer_workspace_f32_of,
     .forward = sq_layer_forward_f32_all,
     .backward = sq_layer_backward_f32_all,
     .tangent = sq_layer_tangent_f32_all,
     .signals = sq_layer_signals_f32,
     .signal_gradients = sq_layer_signal_gradients_f32},
    {NAMED("cpu", "stream", SEQGPU_DTYPE_F32), /* inference only: it needs no backward */
     .refuses = sq_stream_refuses,
     .estimate = stream_estimate,
     .workspace = sq_stream_workspace,
     .forward = sq_stream_forward},
    {NAMED("cpu", "stream-bf16", SEQGPU_DTYPE_F32),
     .by_name = 1,
     .refuses = sq_stream_refuses,
     .estimate = stream_bf16_estimate,
     .workspace = sq_stream_bf16_workspace,
     .packed = sq_stream_bf16_packed,
     .pack = sq_stream_bf16_pack,
     .forward = sq_stream_bf16_forward},
    {NAMED("cpu", "stream-int8", SEQGPU_DTYPE_F32),
     .by_name = 1,
     .refuses = sq_stream_int8_refuses,
     .estimate = stream_int8_estimate,
     .workspace = sq_stream_int8_workspace,
     .packed = sq_stream_int8_packed,
     .pack = sq_stream_int8_pack,
     .forward = sq_stream_int8_forward},
    {NAMED("cpu", "step", SEQGPU_DTYPE_F64),
     .refuses = never_refuses,
     .estimate = cpu_step_estimate,
     .workspace = sq_layer_workspace_f64_of,
     .forward = sq_layer_forward_f64_all,
     .backward = sq_layer_backward_f64_all,
     .tangent = sq_layer_tangent_f64_all,
     .signals = sq_layer_signals_f64,
     .signal_gradients = sq_layer_signal_gradients_f64},
#ifdef SEQGPU_WITH_CUDA
    SQ_PERSISTENT_ALGORITHMS(CUDA_PERSISTENT_ROW)
    SQ_URNN_ALGORITHMS(CUDA_URNN_ROW)
    GPU_STEP_ROW(cuda)
#endif
#ifdef SEQGPU_CUDNN
    SQ_CUDNN_ALGORITHMS(CUDA_CUDNN_ROW)
#endif
#ifdef SEQGPU_WITH_EMULATOR
    SQ_PERSISTENT_ALGORITHMS(EMULATOR_PERSISTENT_ROW)
    SQ_URNN_ALGORITHMS(EMULATOR_URNN_ROW)
    GPU_STEP_ROW(emulator)
#endif
#ifdef SEQGPU_CUDNN_STANDIN
    SQ_CUDNN_ALGORITHMS(EMULATOR_CUDNN_ROW)
#endif
    {.name = NULL},
};
/* clang-format on */

const char *sq_pass_refusal(sq_exec *exec, const sq_algorithm *algorithm, const sq_problem *problem,
                            char *text, size_t size) {
  return algorithm->pass_refuses ? algorithm->pass_refuses(exec, problem, text, size) : NULL;
}
