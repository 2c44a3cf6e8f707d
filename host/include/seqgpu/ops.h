/** @file
 * seqgpu/ops.h - the operators around a recurrent network, on the caller's memory.
 *
 * All pointers are device memory of the context, and all calls enqueue on its stream.  A pointer may be NULL
 * where its comment says so, or where it would point to no elements.  R = rows, such as T*B. EINVAL, for all
 * of them: a size out of range, or a pointer that is NULL.
 */
#ifndef SEQGPU_OPS_H
#define SEQGPU_OPS_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** y = x W^T + b.  x [R,in], w [out,in], b [out] or NULL, y [R,out]. */
SEQGPU_API seqgpu_status seqgpu_linear_forward(seqgpu_context *ctx, int64_t rows, int64_t in, int64_t out,
                                               const void *x, const void *w, const void *b, void *y);

/** Gradients of seqgpu_linear_forward from dy [R,out]: dx = dy W, dw += dy^T x, db += the sum of dy's rows.
 * Each of dx, dw and db may be NULL: not wanted. */
SEQGPU_API seqgpu_status seqgpu_linear_backward(seqgpu_context *ctx, int64_t rows, int64_t in, int64_t out,
                                                const void *x, const void *w, const void *dy, void *dx,
                                                void *dw, void *db);

/** y[r] = table[ids[r]].  ids [R], table [vocab,dim], y [R,dim].  An id outside 0 .. vocab-1 gives zeros. */
SEQGPU_API seqgpu_status seqgpu_embedding_forward(seqgpu_context *ctx, int64_t rows, int64_t dim,
                                                  int64_t vocab, const int32_t *ids, const void *table,
                                                  void *y);

/** Gradient of seqgpu_embedding_forward: dtable[ids[r]] += dy[r], in the order of the rows. */
SEQGPU_API seqgpu_status seqgpu_embedding_backward(seqgpu_context *ctx, int64_t rows, int64_t dim,
                                                   int64_t vocab, const int32_t *ids, const void *dy,
                                                   void *dtable);

/** Softmax and cross-entropy of logits [R,V] against targets [R]; a negative target masks its row.  EINVAL on
 * the CPU: a target is V or more; a GPU, whose memory the library cannot look at, masks such rows, does not
 * count them in loss[1], and counts them for seqgpu_context_stray_targets.
 *   loss[0] = scale * sum of -log p[target], divided by the number of unmasked rows if `mean`
 *   loss[1] = the number of unmasked rows
 * Also written: row_loss [R], and lse [R], the log of the sum of exponentials, which backward reads.  loss
 * [2].  An offset that a row's logits share costs the loss and the gradient no digit; lse has those of the
 * offset. */
SEQGPU_API seqgpu_status seqgpu_cross_entropy_forward(seqgpu_context *ctx, int64_t rows, int64_t classes,
                                                      int mean, double scale, const void *logits,
                                                      const int32_t *targets, void *lse, void *row_loss,
                                                      void *loss);

/** Gradient of seqgpu_cross_entropy_forward from what it was given and wrote: overwrites dlogits [R,V]. */
SEQGPU_API seqgpu_status seqgpu_cross_entropy_backward(seqgpu_context *ctx, int64_t rows, int64_t classes,
                                                       int mean, double scale, const void *logits,
                                                       const int32_t *targets, const void *lse,
                                                       const void *loss, void *dlogits);

/** Squared error of x [R,dim] against targets [R,dim]; mask [R] hides the rows where it is 0; NULL = no row
 * is hidden.
 *   loss[0] = scale * sum of (x - target)^2, divided by the number of elements in unmasked rows if `mean`
 *   loss[1] = the number of unmasked rows
 * Also written: row_loss [R].  loss [2]. */
SEQGPU_API seqgpu_status seqgpu_squared_error_forward(seqgpu_context *ctx, int64_t rows, int64_t dim,
                                                      int mean, double scale, const void *x,
                                                      const void *targets, const int32_t *mask,
                                                      void *row_loss, void *loss);

/** Gradient of seqgpu_squared_error_forward from what it was given and wrote: overwrites dx [R,dim]. */
SEQGPU_API seqgpu_status seqgpu_squared_error_backward(seqgpu_context *ctx, int64_t rows, int64_t dim,
                                                       int mean, double scale, const void *x,
                                                       const void *targets, const int32_t *mask,
                                                       const void *loss, void *dx);

/** Binary cross-entropy of logits [R,dim] against targets [R,dim], numbers from 0 to 1.  R = T * batch, and row
 * t * batch + b with t >= lengths[b] is masked and not read.  lengths [batch]; NULL = no row is masked.
 *   loss[0] = scale * sum of -(y log p + (1-y) log(1-p)), p = 1 / (1 + exp(-logit)), divided by the number of
 *             unmasked rows if `mean`
 *   loss[1] = the number of unmasked rows
 * Also written: row_loss [R].  loss [2].  No logit overflows, and a sure one costs no digit. */
SEQGPU_API seqgpu_status seqgpu_binary_cross_entropy_forward(seqgpu_context *ctx, int64_t rows, int64_t dim,
                                                             int64_t batch, int mean, double scale,
                                                             const void *logits, const void *targets,
                                                             const int32_t *lengths, void *row_loss,
                                                             void *loss);

/** Gradient of seqgpu_binary_cross_entropy_forward from what it was given and wrote: overwrites
 * dlogits [R,dim]. */
SEQGPU_API seqgpu_status seqgpu_binary_cross_entropy_backward(seqgpu_context *ctx, int64_t rows, int64_t dim,
                                                              int64_t batch, int mean, double scale,
                                                              const void *logits, const void *targets,
                                                              const int32_t *lengths, const void *loss,
                                                              void *dlogits);

/** Dropout: y = x / (1-p) with probability 1-p, else 0.  x and y [count], and may be the same memory.
 * Backward is the same call on dy with the same seed and offset; (count + 3) / 4 blocks of random numbers are
 * used from offset on. */
SEQGPU_API seqgpu_status seqgpu_dropout(seqgpu_context *ctx, int64_t count, double p, uint64_t seed,
                                        uint64_t offset, const void *x, void *y);

/** The same of a part of a batch, with the mask that it has in the whole: x and y [steps,batch,width] are
 * sequences first .. first + batch - 1 of a tensor [steps,whole,width], whose (steps whole width + 3) / 4
 * blocks are used. */
SEQGPU_API seqgpu_status seqgpu_dropout_part(seqgpu_context *ctx, int64_t steps, int64_t batch, int64_t width,
                                             double p, uint64_t seed, uint64_t offset, int64_t first,
                                             int64_t whole, const void *x, void *y);

/** Looks for a number that is infinite or NaN in x [count], and waits for the device.  SEQGPU_ENONFINITE
 * and a sentence that begins with `name` and has its index and value; SEQGPU_OK if all are finite. */
SEQGPU_API seqgpu_status seqgpu_check_finite(seqgpu_context *ctx, const char *name, const void *x,
                                             int64_t count);

/** The spectral radius of a matrix: the largest absolute value of its eigenvalues.
 * matrix [n,n]: host memory, row-major, in float64 whatever the context's element type.
 * radius: receives it; 0 for n = 0, NaN where the matrix is not finite.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_spectral_radius(seqgpu_context *ctx, int64_t n, const double *matrix,
                                                double *radius);

/** A number uniform in (0, 1) from the library's only source of randomness, Philox4x32-10: word index % 4 of
 * block index / 4 of `stream` under `seed`.  Same arguments, same number, on every machine, so the whole
 * state of a generator is its index. */
SEQGPU_API double seqgpu_uniform(uint64_t seed, uint64_t stream, uint64_t index);

#ifdef __cplusplus
}
#endif
#endif
