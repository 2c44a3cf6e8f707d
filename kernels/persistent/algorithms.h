/* algorithms.h - the persistent algorithms (persistent.cu): the recurrent weights stay on the chip for the
 * whole sequence.
 *
 *   cta       one block owns all weights and a slice of the batch
 *   lanes     of both: the weights of a small layer are in registers, and a unit's lanes add up its products (lanes.h)
 *   cluster   a thread-block cluster owns all weights; h goes through distributed shared memory, asynchronously,
 *             counted on mbarriers (a barrier of the cluster instead was 5 to 48 % slower on an H100)
 *   grid      all SMs own the weights; h goes through L2: with one flag per block, as packets that carry
 *             their own flag, or, forward, with flags and then multicast into clusters
 *   split     forward as grid; backward, the blocks of a cluster divide the depth of the product (split.h)
 *
 * The three wave_ functions run stretches of several layers side by side (host/plan/plan.h).
 */
#ifndef SQ_PERSISTENT_ALGORITHMS_H
#define SQ_PERSISTENT_ALGORITHMS_H

#include "kernels/algorithm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(identifier, name of the algorithm) */
#define SQ_PERSISTENT_ALGORITHMS(X)                                                                          \
  X(cta, "persistent-cta")                                                                                   \
  X(cta_lanes, "persistent-lanes-cta")                                                                       \
  X(cluster_lanes, "persistent-lanes-cluster")                                                               \
  X(cluster_async, "persistent-cluster-async")                                                               \
  X(grid, "persistent-grid-flags")                                                                           \
  X(grid_packets, "persistent-grid-packets")                                                                 \
  X(grid_multicast, "persistent-grid-multicast")                                                             \
  X(split_flags, "persistent-split-flags")                                                                   \
  X(split_packets, "persistent-split-packets")

#define SQ_WAVES_DECLARE(backend, id)                                                                        \
  int sq_##backend##_##id##_wave_forward(sq_exec *exec, const sq_stretch *s, int count, int abreast);        \
  int sq_##backend##_##id##_wave_backward(sq_exec *exec, const sq_stretch *s, int count, int abreast);       \
  int sq_##backend##_##id##_wave_gradients(sq_exec *exec, const sq_layer_run *run);
#define SQ_PERSISTENT_DECLARE(id, name)                                                                      \
  SQ_ALGORITHM_DECLARE(cuda, id)                                                                             \
  SQ_WAVES_DECLARE(cuda, id)                                                                                 \
  SQ_ALGORITHM_DECLARE(emulator, id)                                                                         \
  SQ_WAVES_DECLARE(emulator, id)
SQ_PERSISTENT_ALGORITHMS(SQ_PERSISTENT_DECLARE)
#undef SQ_PERSISTENT_DECLARE
#undef SQ_WAVES_DECLARE

#ifdef __cplusplus
}
#endif
#endif
