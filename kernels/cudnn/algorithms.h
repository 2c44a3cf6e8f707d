/* cudnn_plans.h - the plans that NVIDIA's cuDNN runs, one for each of its algorithms and number types, and what they are
 * made of.
 *
 * cuDNN has the vanilla network with tanh or relu, the LSTM without options and the GRU that resets after the product.
 * Where a bidirectional layer is one problem to it, it gets both directions at once.
 *
 *   cudnn-standard          a GEMM and a fused step, any size
 *   cudnn-persist-static    recurrent weights on the chip, for the sizes it was made for
 *   cudnn-persist-dynamic   the same, compiled for the sizes at plan time (seconds)
 *   cudnn-small-h           for small hidden sizes
 *   cudnn-half-...          the same four in half, for SEQGPU_MATH_BF16 only
 *
 * Ragged batches run on the standard algorithm in all of them: the others do not take sequences of different lengths.
 *
 * The half plans are what cuDNN has to set against products of bfloat16 operands: x, weights, states, gradients and all
 * results are half, sums float32.  The caller's tensors are float32 as ever and are converted on the way in and out:
 *   range       what is beyond 65504 becomes infinity: x, weights, states, and a gradient of a parameter, which cuDNN sums
 *               over all steps before it is added in float32 to what was there.
 *   gradients   would fall below 6e-8, half's smallest number, as losses that are means over many steps make them.
 *               Backward is linear in dy and the gradients at the final states, so these are multiplied by the one power
 *               of two that brings the largest of all their numbers to 1..2, and all results divided by it.  A power of
 *               two rounds nothing.  It is found on the device in each backward, since a fixed one would move the
 *               limits and not widen them: 2^15 are left above for sums over steps, 2^24 below.
 *   time        the conversions are part of the plan's.  Each number is converted once: x, weights and states are kept from
 *               forward to backward.  Bytes moved for them in training: 6 a number of x, y, dx and of the weights, 10 of dy
 *               (4 to find the largest) and of the weights' gradients.  By the bytes, an LSTM of I = H pays 28 a step,
 *               sequence and unit for x, y, dy and dx, where the layer itself moves about 72 in half (x and dx 6, y and
 *               dy 6, gate sums 16, activations 20, gate gradients 24): 28 % of all bytes.  The float32 plans copy y and
 *               dy, 16 to the layer's 144.
 */
#ifndef SQ_CUDNN_ALGORITHMS_H
#define SQ_CUDNN_ALGORITHMS_H

#include "kernels/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(identifier, name of the plan, cuDNN's name of the algorithm, and of the number type) */
#define SQ_CUDNN_ALGORITHMS(X)                                                                               \
  X(standard, "cudnn-standard", CUDNN_RNN_ALGO_STANDARD, CUDNN_DATA_FLOAT)                                   \
  X(persist_static, "cudnn-persist-static", CUDNN_RNN_ALGO_PERSIST_STATIC, CUDNN_DATA_FLOAT)                 \
  X(persist_dynamic, "cudnn-persist-dynamic", CUDNN_RNN_ALGO_PERSIST_DYNAMIC, CUDNN_DATA_FLOAT)              \
  X(small_h, "cudnn-small-h", CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H, CUDNN_DATA_FLOAT)                       \
  X(half_standard, "cudnn-half-standard", CUDNN_RNN_ALGO_STANDARD, CUDNN_DATA_HALF)                          \
  X(half_persist_static, "cudnn-half-persist-static", CUDNN_RNN_ALGO_PERSIST_STATIC, CUDNN_DATA_HALF)        \
  X(half_persist_dynamic, "cudnn-half-persist-dynamic", CUDNN_RNN_ALGO_PERSIST_DYNAMIC, CUDNN_DATA_HALF)     \
  X(half_small_h, "cudnn-half-small-h", CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H, CUDNN_DATA_HALF)

/* As the members of sq_algorithm (host/plan/plan.h) of the same names; the reserve is private. */
#define SQ_CUDNN_DECLARE(id, name, algorithm, type)                                                          \
  const char *sq_cudnn_##id##_refuses(sq_exec *exec, const sq_problem *p, char *text, size_t size);          \
  double sq_cudnn_##id##_estimate(sq_exec *exec, const sq_problem *p);                                       \
  int64_t sq_cudnn_##id##_workspace(sq_exec *exec, const sq_problem *p);                                     \
  int64_t sq_cudnn_##id##_reserve(sq_exec *exec, const sq_problem *p);                                       \
  int sq_cudnn_##id##_forward(sq_exec *exec, const sq_layer_run *runs, int count);                           \
  int sq_cudnn_##id##_backward(sq_exec *exec, const sq_layer_run *runs, int count);
SQ_CUDNN_ALGORITHMS(SQ_CUDNN_DECLARE)

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

/* weights = params, block by block, and params += weights / scale.  half: the weights are half, else float32; scale: of
 * sq_cudnn_move below. */
int SQ_GPU(cudnn_pack)(sq_exec *exec, int half, const sq_cudnn_blocks *blocks, const float *params,
                       void *weights);
int SQ_GPU(cudnn_unpack)(sq_exec *exec, int half, const sq_cudnn_blocks *blocks, const void *weights,
                         const uint32_t *largest, float *params);

/* A tensor on its way to cuDNN or back: rows [outer,B] of `width` numbers, of which cuDNN's are float32 or half. */
typedef struct sq_cudnn_move {
  int half;
  int64_t outer, batch, width;
  const int32_t *lengths; /* [B] or NULL; row (t,b) is padding if t * step >= lengths[b] */
  int step; /* 1: outer counts time steps; 0: directions, and sequences without steps are padding */
  const void *src;
  int64_t ld_src;
  void *dst;
  int64_t ld_dst;
  int accumulate;
  const float *padding; /* [outer,B,width], what comes out of padding; NULL: zeros */
  const uint32_t
      *largest; /* bits of a float32 >= 0: scale = 1 / the power of two below it; NULL, or 0: scale = 1 */
} sq_cudnn_move;

/* To cuDNN: dst = scale * src (NULL: zeros), zeros in padding.  Back: dst (+)= src / scale; dst may be src or padding. */
int SQ_GPU(cudnn_take)(sq_exec *exec, const sq_cudnn_move *m);
int SQ_GPU(cudnn_give)(sq_exec *exec, const sq_cudnn_move *m);

/* *largest = max(*largest, |src|) over all rows but padding, src float32 or NULL; a NaN counts as nothing. */
int SQ_GPU(cudnn_largest)(sq_exec *exec, const sq_cudnn_move *m, uint32_t *largest);

#ifdef __cplusplus
}
#endif
#endif
