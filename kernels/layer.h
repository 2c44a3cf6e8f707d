/* layer.h - the algorithm `step` on a device (layer.cu): GEMMs, and one fused pointwise kernel per stage and
 * time step.
 *
 * The contract is core/layer.h's, with device pointers.  Where the device supports it, everything a run
 * enqueues is recorded once into a CUDA graph, and replayed for as long as the arguments stay the same.
 * Workspace in elements; the passes of tangents and signals need that of training, and read the reserve of
 * any algorithm that keeps the cell's own.
 * `refuses` returns NULL, or why this device cannot run the problem; it may write the sentence into
 * text[size].
 */
#ifndef SQ_KERNELS_LAYER_H
#define SQ_KERNELS_LAYER_H

#include "core/layer.h"
#include "core/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SQ_LAYER_DECLARE(backend)                                                                            \
  const char *sq_##backend##_layer_refuses(sq_exec *exec, const sq_problem *p, char *text, size_t size);     \
  int64_t sq_##backend##_layer_workspace(const sq_layout *layout, int64_t seq_len, int64_t batch,            \
                                         int training);                                                      \
  int sq_##backend##_layer_forward(sq_exec *exec, const sq_layer_run *run);                                  \
  int sq_##backend##_layer_backward(sq_exec *exec, const sq_layer_run *run);                                 \
  int sq_##backend##_layer_tangent(sq_exec *exec, const sq_layer_tangent *tangent);                          \
  int sq_##backend##_layer_signals(sq_exec *exec, const sq_layer_signals *signals);                          \
  int sq_##backend##_layer_signal_gradients(sq_exec *exec, const sq_layer_signals *signals);
SQ_LAYER_DECLARE(cuda)
SQ_LAYER_DECLARE(emulator)
#undef SQ_LAYER_DECLARE

#ifdef __cplusplus
}
#endif
#endif
