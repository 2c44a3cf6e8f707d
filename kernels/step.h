/* step.h - what the pointwise kernels of the cells share.
 *
 * A launcher (cells.h) is called once per stage and time step with core/step.h's struct, whose pointers are
 * the device's.  Its contract, masked rows included, is the one described there.  The kernels take the struct
 * by value and never look at its layout, which is in host memory.
 *
 * All of them are launched the same way: one thread per pair (sequence b, unit j), 32 units x 8 sequences per
 * block, no shared memory.  A thread owns all gates of its unit, so nothing is exchanged.  They move a few
 * dozen bytes per thread for a handful of transcendentals: limited by memory, and at small sizes by the
 * launch.
 */
#ifndef SQ_KERNELS_STEP_H
#define SQ_KERNELS_STEP_H

#include "kernels/simt.h"

#include "core/step.h"

typedef sq_step_f32 sq_step;

/* Is row b valid at this step? */
static __device__ __forceinline__ bool sq_valid(const sq_step &s, int64_t b) {
  return s.lengths == NULL || s.t < s.lengths[b];
}

/* dy[b,j], the gradient that reaches the output from outside the recurrence. */
static __device__ __forceinline__ float sq_dy(const sq_step &s, int64_t b, int64_t j) {
  return s.dy != NULL ? s.dy[b * s.ldy + j] : 0.0f;
}

/* The instances of a kernel template, in the order of sq_activation. */
#define SQ_EACH_ACTIVATION(kernel)                                                                           \
  { kernel<SQ_TANH>, kernel<SQ_RELU>, kernel<SQ_SIGMOID>, kernel<SQ_IDENTITY> }

/* A parameter of the layer by name, on the device; NULL if the layout has none. */
static inline const float *sq_step_param(const sq_step *s, const char *name) {
  const int index = sq_layout_param(s->layout, name);
  return index < 0 ? NULL : s->params + s->layout->param[index].offset;
}

/* Launches kernel(step, more...) over batch x cols. */
template <typename K, typename... M>
static int sq_step_launch(sq_exec *exec, const char *name, K *kernel, int64_t cols, const sq_step *s,
                          M... more) {
  return sq_launch(exec, name, kernel, sq_matrix_grid(s->batch, cols), sq_matrix_block(), 0, *s, more...);
}

#endif
