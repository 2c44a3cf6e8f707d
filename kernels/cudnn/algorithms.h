/* algorithms.h - the algorithms that NVIDIA's cuDNN runs (cudnn.cu): one for each of its own and each number
 * type.
 *
 * cuDNN has the vanilla network with tanh or relu, the LSTM without options, and the GRU that resets after
 * the product.  A bidirectional layer is one problem to it, so it gets both directions at once.
 *
 *   cudnn-standard          a GEMM and a fused kernel per step; any size
 *   cudnn-persist-static    recurrent weights on the chip, for the sizes it was built for
 *   cudnn-persist-dynamic   the same, compiled for the sizes when the plan is made (seconds)
 *   cudnn-small-h           for small hidden sizes
 *   cudnn-half-...          the same four in half, for SEQGPU_MATH_BF16 only
 *   cudnn-bf16-...          the same four in bfloat16, likewise; cuDNN 9.13 or newer
 *
 * Ragged batches run on cuDNN's standard algorithm in all of them, because the others do not accept sequences
 * of different lengths.
 *
 * The half and bf16 algorithms are cuDNN's counterpart to products of bfloat16 operands: x, weights, states,
 * gradients and all results are of the short type, sums are float32.  The caller's tensors stay float32 and
 * are converted on the way in and out:
 *   precision   half has 10 bits of mantissa, bfloat16 has 7, like the operands of our own products; ours
 *               keep states and results in float32.
 *   range       bfloat16 has that of float32.  In half, anything beyond 65504 becomes infinity: x, weights,
 *               states, and the gradient of a parameter, which cuDNN sums over all steps before it is added
 *               in float32 to what was there.
 *   gradients   In half they would fall below 6e-8, its smallest number, when a loss is a mean over many
 *               steps.  Backward is linear in dy and in the gradients at the final states, so these are
 *               multiplied by the one power of two that brings the largest of them to 1..2, and all results
 *               are divided by it.  A power of two rounds nothing.  It is found on the device in every
 *               backward pass, since a fixed one would move the limits without widening them: 2^15 remain
 *               above for sums over steps, 2^24 below.  bfloat16 needs none of this.
 *   time        The conversions count as part of the algorithm's time.  Each number is converted once: x,
 *               weights and states are kept from forward to backward.  In training they move 6 bytes per
 *               element of x, y, dy, dx and the weights, 4 more per element of dy in half (to find the
 *               largest), and 10 per element of the weights' gradients.  An LSTM with I = H pays 24 bytes per
 *               step, sequence and unit for x, y, dy and dx in bfloat16 and 28 in half, where the layer
 *               itself moves about 72 (x and dx 6, y and dy 6, gate sums 16, activations 20, gate gradients
 *               24): 25 % and 28 % of all bytes.
 *               The float32 algorithms copy y and dy, 16 bytes to the layer's 144.
 */
#ifndef SQ_CUDNN_ALGORITHMS_H
#define SQ_CUDNN_ALGORITHMS_H

#include "core/layer.h"
#include "core/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(identifier, name of the algorithm, cuDNN's name for it, sq_cudnn_type of what it reads and writes) */
#define SQ_CUDNN_ALGORITHMS(X)                                                                               \
  X(standard, "cudnn-standard", CUDNN_RNN_ALGO_STANDARD, SQ_CUDNN_F32)                                       \
  X(persist_static, "cudnn-persist-static", CUDNN_RNN_ALGO_PERSIST_STATIC, SQ_CUDNN_F32)                     \
  X(persist_dynamic, "cudnn-persist-dynamic", CUDNN_RNN_ALGO_PERSIST_DYNAMIC, SQ_CUDNN_F32)                  \
  X(small_h, "cudnn-small-h", CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H, SQ_CUDNN_F32)                           \
  X(half_standard, "cudnn-half-standard", CUDNN_RNN_ALGO_STANDARD, SQ_CUDNN_HALF)                            \
  X(half_persist_static, "cudnn-half-persist-static", CUDNN_RNN_ALGO_PERSIST_STATIC, SQ_CUDNN_HALF)          \
  X(half_persist_dynamic, "cudnn-half-persist-dynamic", CUDNN_RNN_ALGO_PERSIST_DYNAMIC, SQ_CUDNN_HALF)       \
  X(half_small_h, "cudnn-half-small-h", CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H, SQ_CUDNN_HALF)                \
  X(bf16_standard, "cudnn-bf16-standard", CUDNN_RNN_ALGO_STANDARD, SQ_CUDNN_BF16)                            \
  X(bf16_persist_static, "cudnn-bf16-persist-static", CUDNN_RNN_ALGO_PERSIST_STATIC, SQ_CUDNN_BF16)          \
  X(bf16_persist_dynamic, "cudnn-bf16-persist-dynamic", CUDNN_RNN_ALGO_PERSIST_DYNAMIC, SQ_CUDNN_BF16)       \
  X(bf16_small_h, "cudnn-bf16-small-h", CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H, SQ_CUDNN_BF16)

/* The members of sq_algorithm (host/plan/plan.h) of the same names.  Not those of kernels/algorithm.h: only
 * cuDNN knows what it needs, and its reserve cannot be read by anyone else. */
#define SQ_CUDNN_DECLARE(id, name, algorithm, type)                                                          \
  const char *sq_cudnn_##id##_refuses(sq_exec *exec, const sq_problem *p, char *text, size_t size);          \
  double sq_cudnn_##id##_estimate(sq_exec *exec, const sq_problem *p);                                       \
  int64_t sq_cudnn_##id##_workspace(sq_exec *exec, const sq_problem *p);                                     \
  int64_t sq_cudnn_##id##_reserve(sq_exec *exec, const sq_problem *p);                                       \
  int sq_cudnn_##id##_forward(sq_exec *exec, const sq_layer_run *runs, int count);                           \
  int sq_cudnn_##id##_backward(sq_exec *exec, const sq_layer_run *runs, int count);
SQ_CUDNN_ALGORITHMS(SQ_CUDNN_DECLARE)
#undef SQ_CUDNN_DECLARE

#ifdef __cplusplus
}
#endif
#endif
