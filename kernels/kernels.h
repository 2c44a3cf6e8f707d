/* kernels.h - what the CUDA side offers to host/: one table of operators, one of device management, and the
 * sequence driver.  Plain C; no CUDA header is needed to include it.
 *
 * The same sources are compiled twice: by nvcc (SQ_GPU(x) = sq_cuda_x) and, with -DSEQGPU_EMULATE, by g++ against
 * tests/simt (SQ_GPU(x) = sq_emulator_x), so that every kernel also runs on a machine without a GPU.
 *
 * Everything here is float32.  Functions return 0 or an error number of the device API, which
 * error_text() puts into words.  Nothing synchronises but `synchronize` and `copy_out`; nothing allocates but
 * `open`, `allocate` and the growth of graph caches inside `open`ed devices.
 */
#ifndef SQ_KERNELS_H
#define SQ_KERNELS_H

#include "core/layer.h"
#include "core/ops.h"

#ifdef SEQGPU_EMULATE
#define SQ_GPU(name) sq_emulator_##name
#else
#define SQ_GPU(name) sq_cuda_##name
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Memory and lifetime of one device context. `exec->stream` is the caller's stream (NULL = the default one). */
typedef struct sq_device {
  const char *name;                       /* "cuda", "emulator" */
  int (*count)(int *devices);             /* usable devices; 0 is not an error */
  int (*open)(sq_exec *exec, int device); /* handles and scratch into exec->device */
  void (*close)(sq_exec *exec);
  int (*allocate)(sq_exec *exec, size_t bytes, void **out); /* 256-byte aligned */
  void (*release)(sq_exec *exec, void *pointer);
  int (*copy_in)(sq_exec *exec, void *device, const void *host, size_t bytes);
  int (*copy_out)(sq_exec *exec, void *host, const void *device, size_t bytes); /* waits for the stream */
  int (*copy)(sq_exec *exec, void *to, const void *from, size_t bytes);
  int (*zero)(sq_exec *exec, void *pointer, size_t bytes);
  int (*synchronize)(sq_exec *exec);
  const char *(*error_text)(int error);
  void (*describe)(sq_exec *exec, char *text, size_t size); /* "NVIDIA H200, sm_90, 132 SMs, cuBLAS 13.0" */
} sq_device;

extern const sq_device sq_cuda_device, sq_emulator_device;
extern const sq_ops sq_cuda_ops, sq_emulator_ops;

/* The `step` plan (kernels/layer.cu): GEMMs plus one fused pointwise kernel a stage and step; the whole sequence
 * is recorded once into a CUDA graph where the device supports it and replayed while the arguments stay the same.
 * Same contract as core/layer.c. Workspace sizes in reals. */
const char *sq_cuda_layer_refuses(sq_exec *exec, const sq_problem *p, char *text, size_t size);
const char *sq_emulator_layer_refuses(sq_exec *exec, const sq_problem *p, char *text, size_t size);
int64_t sq_cuda_layer_workspace(const sq_layout *layout, int64_t seq_len, int64_t batch, int training);
int sq_cuda_layer_forward(sq_exec *exec, const sq_layer_run *run);
int sq_cuda_layer_backward(sq_exec *exec, const sq_layer_run *run);
int64_t sq_emulator_layer_workspace(const sq_layout *layout, int64_t seq_len, int64_t batch, int training);
int sq_emulator_layer_forward(sq_exec *exec, const sq_layer_run *run);
int sq_emulator_layer_backward(sq_exec *exec, const sq_layer_run *run);

/* The persistent plans (kernels/persistent*.cu): the recurrent weights stay on the chip for the whole sequence.
 *   cta       one block owns all weights and a slice of the batch
 *   cluster   a thread-block cluster owns all weights, h goes through distributed shared memory: stored and followed by a
 *             barrier, or asynchronous, counted on mbarriers
 *   grid      all SMs own the weights, h goes through L2: with a flag a block, as packets that carry their flag, or with
 *             flags and then multicast into clusters
 * For each: refuses (NULL, or why it cannot run the problem on this device; never a hang), estimate (microseconds of a
 * forward, in training of a backward with it), workspace (reals of one run), forward and backward of the directions of one
 * layer side by side, and the wave_ functions of host/plan/plan.h. */
#define SQ_PERSISTENT_ALGORITHMS(X)                                                                          \
  X(cta, "persistent-cta")                                                                                   \
  X(cluster, "persistent-cluster-barrier")                                                                   \
  X(cluster_async, "persistent-cluster-async")                                                               \
  X(grid, "persistent-grid-flags")                                                                           \
  X(grid_packets, "persistent-grid-packets")                                                                 \
  X(grid_multicast, "persistent-grid-multicast")
/* The plans of the unitary evolution RNN, with the same functions but the waves: all steps in one kernel
 * (kernels/urnn/fused.cu); transforms by cuFFT, where the build has it (kernels/urnn/cufft.cu). */
#define SQ_URNN_ALGORITHMS(X) X(fused, "fused") X(cufft, "cufft")
#define SQ_ALGORITHM_DECLARE(tier, gpu)                                                                      \
  const char *sq_##gpu##_##tier##_refuses(sq_exec *exec, const sq_problem *p, char *text, size_t size);      \
  double sq_##gpu##_##tier##_estimate(sq_exec *exec, const sq_problem *p);                                   \
  int64_t sq_##gpu##_##tier##_workspace(const sq_layout *layout, int64_t seq_len, int64_t batch,             \
                                        int training);                                                       \
  int sq_##gpu##_##tier##_forward(sq_exec *exec, const sq_layer_run *runs, int count);                       \
  int sq_##gpu##_##tier##_backward(sq_exec *exec, const sq_layer_run *runs, int count);
#define SQ_PERSISTENT_DECLARE(tier, gpu)                                                                     \
  SQ_ALGORITHM_DECLARE(tier, gpu)                                                                            \
  int sq_##gpu##_##tier##_wave_forward(sq_exec *exec, const sq_stretch *s, int count, int abreast);          \
  int sq_##gpu##_##tier##_wave_backward(sq_exec *exec, const sq_stretch *s, int count, int abreast);         \
  int sq_##gpu##_##tier##_wave_gradients(sq_exec *exec, const sq_layer_run *run);
#define SQ_PERSISTENT_CUDA(tier, name)     SQ_PERSISTENT_DECLARE(tier, cuda)
#define SQ_PERSISTENT_EMULATOR(tier, name) SQ_PERSISTENT_DECLARE(tier, emulator)
SQ_PERSISTENT_ALGORITHMS(SQ_PERSISTENT_CUDA)
SQ_PERSISTENT_ALGORITHMS(SQ_PERSISTENT_EMULATOR)
#define SQ_ALGORITHM_CUDA(tier, name)     SQ_ALGORITHM_DECLARE(tier, cuda)
#define SQ_ALGORITHM_EMULATOR(tier, name) SQ_ALGORITHM_DECLARE(tier, emulator)
SQ_URNN_ALGORITHMS(SQ_ALGORITHM_CUDA)
SQ_URNN_ALGORITHMS(SQ_ALGORITHM_EMULATOR)

#ifdef __cplusplus
}
#endif
#endif
