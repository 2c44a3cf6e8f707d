/* cells.h - the launchers of every cell on this backend, generated from core/cells.def; kernels/step.h has
 * their contract. */
#ifndef SQ_KERNELS_CELLS_H
#define SQ_KERNELS_CELLS_H

#include "core/ops.h"
#include "kernels/backend.h"

#define CELL(id, ...)                                                                                        \
  extern "C" int SQ_GPU(id##_forward)(sq_exec * exec, const struct sq_step_f32 *step, int stage);            \
  extern "C" int SQ_GPU(id##_backward)(sq_exec * exec, const struct sq_step_f32 *step, int stage);
#include "core/cells.def"
#undef CELL

#endif
