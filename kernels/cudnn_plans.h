/* cudnn_plans.h - the plans that NVIDIA's cuDNN runs, one for each of its algorithms, and what they are made of.
 *
 * cuDNN has the vanilla network with tanh or relu, the LSTM without options and the GRU that resets after the product.
 * Where a bidirectional layer is one problem to it, it gets both directions at once.
 *
 *   cudnn-standard          a GEMM and a fused step, any size
 *   cudnn-persist-static    recurrent weights on the chip, for the sizes it was made for
 *   cudnn-persist-dynamic   the same, compiled for the sizes at plan time (seconds)
 *   cudnn-small-h           for small hidden sizes
 *
 * Ragged batches run on the standard algorithm in all of them: the others do not take sequences of different lengths.
 */
#ifndef SQ_CUDNN_PLANS_H
#define SQ_CUDNN_PLANS_H

#include "kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(identifier, name of the plan, cuDNN's name of the algorithm) */
#define SQ_CUDNN_PLANS(X)                                                                                    \
  X(standard, "cudnn-standard", CUDNN_RNN_ALGO_STANDARD)                                                     \
  X(persist_static, "cudnn-persist-static", CUDNN_RNN_ALGO_PERSIST_STATIC)                                   \
  X(persist_dynamic, "cudnn-persist-dynamic", CUDNN_RNN_ALGO_PERSIST_DYNAMIC)                                \
  X(small_h, "cudnn-small-h", CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H)

/* As the members of sq_impl (host/plan.h) of the same names; the reserve is private. */
#define SQ_CUDNN_DECLARE(id, name, algorithm)                                                                \
  const char *sq_cudnn_##id##_refuses(sq_exec *exec, const sq_problem *p, char *text, size_t size);          \
  double sq_cudnn_##id##_estimate(sq_exec *exec, const sq_problem *p);                                       \
  int64_t sq_cudnn_##id##_workspace(sq_exec *exec, const sq_problem *p);                                     \
  int64_t sq_cudnn_##id##_reserve(sq_exec *exec, const sq_problem *p);                                       \
  int sq_cudnn_##id##_forward(sq_exec *exec, const sq_sequence *runs, int count);                            \
  int sq_cudnn_##id##_backward(sq_exec *exec, const sq_sequence *runs, int count);
SQ_CUDNN_PLANS(SQ_CUDNN_DECLARE)

/* ---- cudnn_pack.cu: small kernels around it, which the emulator runs, too ---- */

/* A run of `count` numbers: in our parameters from `ours` on (-1: not there, zeros to cuDNN), in cuDNN's weight space
 * from `theirs` on. */
typedef struct sq_cudnn_block {
  int64_t ours, theirs, count;
} sq_cudnn_block;

/* Two directions of four gates, each with an input and a recurrent matrix and a bias for both. */
enum { SQ_CUDNN_BLOCKS = 2 * 4 * 4 };
typedef struct sq_cudnn_blocks {
  int count;
  sq_cudnn_block block[SQ_CUDNN_BLOCKS];
} sq_cudnn_blocks;

/* weights = params, block by block, and params += weights. */
int SQ_GPU(cudnn_pack)(sq_exec *exec, const sq_cudnn_blocks *blocks, const float *params, float *weights);
int SQ_GPU(cudnn_unpack)(sq_exec *exec, const sq_cudnn_blocks *blocks, const float *weights, float *params);

/* out[r,:] = from[r,:] (NULL: 0) in those rows of [D*B, width] whose sequence r % B has no steps. */
int SQ_GPU(cudnn_empty)(sq_exec *exec, int64_t directions, int64_t batch, int64_t width,
                        const int32_t *lengths, const float *from, float *out);

#ifdef __cplusplus
}
#endif
#endif
