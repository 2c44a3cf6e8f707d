/* seqgpu/ops.h - the operators around a recurrent network, on the caller's memory.
 *
 * All tensors are device memory of the context; calls enqueue on its stream.
 */
#ifndef SEQGPU_OPS_H
#define SEQGPU_OPS_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y[R,out] = x[R,in] W[out,in]^T + b[out]   (b may be NULL) */
SEQGPU_API seqgpu_status seqgpu_linear_forward(seqgpu_context *ctx, int64_t rows, int64_t in, int64_t out,
                                               const void *x, const void *w, const void *b, void *y);
/* dx = dy W;  dW += dy^T x;  db += sum of dy's rows.  Each of dx, dw, db may be NULL. */
SEQGPU_API seqgpu_status seqgpu_linear_backward(seqgpu_context *ctx, int64_t rows, int64_t in, int64_t out,
                                                const void *x, const void *w, const void *dy, void *dx,
                                                void *dw, void *db);

/* y[R,dim] = table[ids[r],:]; an id outside 0..vocab-1 gives zeros.  dtable += , in the order of the rows. */
SEQGPU_API seqgpu_status seqgpu_embedding_forward(seqgpu_context *ctx, int64_t rows, int64_t dim,
                                                  int64_t vocab, const int32_t *ids, const void *table,
                                                  void *y);
SEQGPU_API seqgpu_status seqgpu_embedding_backward(seqgpu_context *ctx, int64_t rows, int64_t dim,
                                                   int64_t vocab, const int32_t *ids, const void *dy,
                                                   void *dtable);

/* Softmax and cross-entropy of logits [R,V] against targets [R] (negative: the row is masked).
 *   loss[0] = scale * (sum of -log p[target], divided by the number of unmasked rows if `mean`), loss[1] = that number
 * row_loss [R], lse [R] (log of the sum of exponentials; backward needs it). */
SEQGPU_API seqgpu_status seqgpu_cross_entropy_forward(seqgpu_context *ctx, int64_t rows, int64_t classes,
                                                      int mean, double scale, const void *logits,
                                                      const int32_t *targets, void *lse, void *row_loss,
                                                      void *loss);
SEQGPU_API seqgpu_status seqgpu_cross_entropy_backward(seqgpu_context *ctx, int64_t rows, int64_t classes,
                                                       int mean, double scale, const void *logits,
                                                       const int32_t *targets, const void *lse,
                                                       const void *loss, void *dlogits);

/* Squared error of x [R,dim] against targets [R,dim]; mask [R], 0: the row is masked, NULL = every row counts.
 *   loss[0] = scale * (sum of (x - target)^2, divided by the numbers in the unmasked rows if `mean`),
 *   loss[1] = the number of unmasked rows.  row_loss [R].  Backward overwrites dx [R,dim]. */
SEQGPU_API seqgpu_status seqgpu_squared_error_forward(seqgpu_context *ctx, int64_t rows, int64_t dim,
                                                      int mean, double scale, const void *x,
                                                      const void *targets, const int32_t *mask,
                                                      void *row_loss, void *loss);
SEQGPU_API seqgpu_status seqgpu_squared_error_backward(seqgpu_context *ctx, int64_t rows, int64_t dim,
                                                       int mean, double scale, const void *x,
                                                       const void *targets, const int32_t *mask,
                                                       const void *loss, void *dx);

/* Number `index` of the library's only source of randomness, Philox4x32-10, uniform in (0, 1): word index % 4 of block
 * index / 4 of `stream` under `seed`.  Same arguments, same number, on every machine; a generator's whole state is its index. */
SEQGPU_API double seqgpu_uniform(uint64_t seed, uint64_t stream, uint64_t index);

/* y = x with probability 1-p scaled by 1/(1-p), else 0.  Backward is the same call on dy with the same seed, offset. */
SEQGPU_API seqgpu_status seqgpu_dropout(seqgpu_context *ctx, int64_t count, double p, uint64_t seed,
                                        uint64_t offset, const void *x, void *y);

#ifdef __cplusplus
}
#endif
#endif
