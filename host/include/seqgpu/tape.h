/* seqgpu/tape.h - reverse-mode differentiation whose nodes are whole-sequence operators.
 *
 * Every builder below computes its result at once and remembers how it came about; seqgpu_tape_backward then
 * walks back through the operators.  A recurrent layer over T steps is one node, so the tape costs a little per
 * operator and nothing per time step.  A training step:
 *
 *   seqgpu_tape_clear(tape, 1);
 *   seqgpu_tensor *x = seqgpu_tape_embedding(tape, table, seqgpu_tape_ids(tape, 2, (int64_t[]){T, B}, text));
 *   seqgpu_tensor *y = seqgpu_tape_rnn(tape, plan, block, x, NULL, NULL);
 *   seqgpu_tensor *loss = seqgpu_tape_cross_entropy(tape, seqgpu_tape_linear(tape, y, w, b), targets, 1, 1.0);
 *   seqgpu_params_zero_grad(params);
 *   status = seqgpu_tape_backward(tape, loss, NULL);
 *
 * Errors.  Builders return a tensor instead of a status: the one exception to the rule of seqgpu.h, because only so do
 * they nest like the formulas they stand for.  A builder that fails returns NULL; the tape keeps the status and the
 * sentence of the first failure, every later builder returns NULL at once, and seqgpu_tape_status and
 * seqgpu_tape_backward report it.  So a whole model is built without a check and checked in one place.
 *
 * Memory.  Tensors belong to the tape and die at the next seqgpu_tape_clear.  Values, gradients and what backward
 * needs lie in device memory that the tape keeps between steps: a step that needs no more than an earlier one
 * allocates nothing.
 *
 * Gradients.  Those of wrapped memory (parameters) are added to the caller's buffer.  Those of everything else
 * start afresh with each backward: the first contribution overwrites, every further one adds, in an order fixed by
 * the tape.  A tensor may be used any number of times.
 *
 * Shapes are row-major, of rank 1 to SEQGPU_TAPE_RANK; time-major sequences are [T,B,F].  "vector [n]" means any
 * shape of n numbers, so that an [n,1] parameter serves.  Works on every device and in both number types.
 */
#ifndef SEQGPU_TAPE_H
#define SEQGPU_TAPE_H

#include "params.h"
#include "rnn.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SEQGPU_TAPE_RANK = 4 };

typedef struct seqgpu_tape seqgpu_tape;
typedef struct seqgpu_tensor seqgpu_tensor;

/* --- the tape --- */

/* A tape in training mode.  `seed` draws its dropout masks.  The context must outlive it.  A tape is used by one thread
 * at a time, like its context. */
SEQGPU_API seqgpu_status seqgpu_tape_create(seqgpu_context *ctx, uint64_t seed, seqgpu_tape **out);
SEQGPU_API void seqgpu_tape_destroy(seqgpu_tape *tape); /* NULL is allowed */

/* Starts the next step: forgets all tensors and the error, keeps the memory.  training 0: dropout does nothing,
 * nothing is kept for a backward, and there is none. */
SEQGPU_API seqgpu_status seqgpu_tape_clear(seqgpu_tape *tape, int training);

/* SEQGPU_OK, or the first failure since clear, and its sentence ("" if none). */
SEQGPU_API seqgpu_status seqgpu_tape_status(const seqgpu_tape *tape);
SEQGPU_API const char *seqgpu_tape_error(const seqgpu_tape *tape);

/* Philox blocks drawn so far.  It only grows, so no two steps drop alike; save it and set it (right after clear) to
 * resume a training run bit for bit. */
SEQGPU_API uint64_t seqgpu_tape_counter(const seqgpu_tape *tape);
SEQGPU_API void seqgpu_tape_set_counter(seqgpu_tape *tape, uint64_t counter);

/* Bytes the tape holds, device and host together. */
SEQGPU_API size_t seqgpu_tape_memory(const seqgpu_tape *tape);

/* Gradients of `loss` with respect to everything it came from.  dloss: its own gradient, host memory of its shape and
 * the context's type; NULL: loss is one number and its gradient 1.  Returns the tape's first error if it has one. May
 * be called again, for another tensor too: gradients of wrapped memory then add up.
 * EINVAL: not in training mode, or nothing behind loss has a gradient buffer. */
SEQGPU_API seqgpu_status seqgpu_tape_backward(seqgpu_tape *tape, seqgpu_tensor *loss, const void *dloss);

/* --- leaves --- */

/* A copy of host numbers of the context's type; no gradient. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_input(seqgpu_tape *tape, int rank, const int64_t *shape,
                                            const void *host);
/* The caller's device memory, which must stay until clear.  grad: += by backward, same shape; NULL: constant. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_wrap(seqgpu_tape *tape, int rank, const int64_t *shape,
                                           const void *value, void *grad);
/* A parameter [rows, cols] as seqgpu_params_add gives it: wraps its value and gradient. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_param(seqgpu_tape *tape, const seqgpu_param *param);
/* A copy of integers: ids of an embedding, targets of a cross-entropy. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_ids(seqgpu_tape *tape, int rank, const int64_t *shape,
                                          const int32_t *host);
/* Integers that already are on the device. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_wrap_ids(seqgpu_tape *tape, int rank, const int64_t *shape,
                                               const int32_t *device);
/* A copy of the lengths [batch] of a ragged batch, each at least 0. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_lengths(seqgpu_tape *tape, int64_t batch, const int32_t *host);

/* --- operators ---
 * EINVAL if an argument is NULL (except where NULL has a meaning), belongs to another tape, or has the wrong shape. */

/* table [V,D], ids [...] -> [...,D]; an id outside 0..V-1 gives zeros.  ids has rank 3 at most. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_embedding(seqgpu_tape *tape, seqgpu_tensor *table, seqgpu_tensor *ids);

/* x [...,in], w [out,in], b vector [out] or NULL -> x w^T + b [...,out] */
SEQGPU_API seqgpu_tensor *seqgpu_tape_linear(seqgpu_tape *tape, seqgpu_tensor *x, seqgpu_tensor *w,
                                             seqgpu_tensor *b);

/* A network of recurrent layers over a sequence.  plan: must live until clear; what is kept for backward has the
 * size of its largest run, so single steps want a plan of their own with seq_len 1.
 *   params   vector [seqgpu_plan_param_count]
 *   x        [T,B,I], or [B,T,I] if the plan is batch_first; T and B at most the plan's
 *   initial  NULL = zeros, or one tensor for each state of the cell, of which each may be NULL: [L*N,B,W], or [B,W]
 *            where L*N is 1; W as seqgpu_plan_state_size
 *   lengths  of seqgpu_tape_lengths [B], each at most T; NULL = all T
 * -> y [T,B,Y] (or [B,T,Y]).  In training the plan must not be for inference if a gradient is to pass. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_rnn(seqgpu_tape *tape, const seqgpu_plan *plan, seqgpu_tensor *params,
                                          seqgpu_tensor *x, seqgpu_tensor *const *initial,
                                          seqgpu_tensor *lengths);
/* State `state` (0: h, 1: the second one, c of an LSTM) after the last step of each sequence, [L*N,B,W], of a tensor
 * that seqgpu_tape_rnn returned. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_rnn_final(seqgpu_tape *tape, seqgpu_tensor *y, int state);

/* a + b, a * b element by element, of equal shapes; alpha * x; g(x). */
SEQGPU_API seqgpu_tensor *seqgpu_tape_add(seqgpu_tape *tape, seqgpu_tensor *a, seqgpu_tensor *b);
SEQGPU_API seqgpu_tensor *seqgpu_tape_mul(seqgpu_tape *tape, seqgpu_tensor *a, seqgpu_tensor *b);
SEQGPU_API seqgpu_tensor *seqgpu_tape_scale(seqgpu_tape *tape, seqgpu_tensor *x, double alpha);
SEQGPU_API seqgpu_tensor *seqgpu_tape_activation(seqgpu_tape *tape, seqgpu_tensor *x,
                                                 seqgpu_activation activation);

/* a [...,A], b [...,B] -> [...,A+B] */
SEQGPU_API seqgpu_tensor *seqgpu_tape_concat(seqgpu_tape *tape, seqgpu_tensor *a, seqgpu_tensor *b);
/* x [n,...] -> x[first..first+count-1] [count,...]: a range of time steps. No copy; ids may be cut too. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_rows(seqgpu_tape *tape, seqgpu_tensor *x, int64_t first, int64_t count);
/* The same numbers in another shape.  No copy; ids may be reshaped too. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_reshape(seqgpu_tape *tape, seqgpu_tensor *x, int rank,
                                              const int64_t *shape);

/* In training: zero with probability p (0..1), else x/(1-p).  Otherwise x itself. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_dropout(seqgpu_tape *tape, seqgpu_tensor *x, double p);

/* Additive attention of one decoder step (Bahdanau, Cho, Bengio 2015):
 *   a = softmax over s of v . tanh(query + keys[s]),   context = sum_s a[s] values[s]
 * query [B,D], keys [S,B,D], values [S,B,E], v vector [D], lengths [B] with each 1..S or NULL = all S -> [B,E] */
SEQGPU_API seqgpu_tensor *seqgpu_tape_attention(seqgpu_tape *tape, seqgpu_tensor *query, seqgpu_tensor *keys,
                                                seqgpu_tensor *values, seqgpu_tensor *v,
                                                seqgpu_tensor *lengths);
/* a [S,B] of a tensor that seqgpu_tape_attention returned, for looking at: no gradient passes. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_attention_weights(seqgpu_tape *tape, seqgpu_tensor *context);

/* Softmax cross-entropy of logits [...,V] with targets [...] (negative: masked) -> [1]:
 *   scale * sum of -log p[target], divided by the number of unmasked rows if `mean` */
SEQGPU_API seqgpu_tensor *seqgpu_tape_cross_entropy(seqgpu_tape *tape, seqgpu_tensor *logits,
                                                    seqgpu_tensor *targets, int mean, double scale);

/* Squared error of x [...,D] against targets of the same shape, which must be constant -> [1]:
 *   scale * sum of (x - target)^2, divided by the numbers in the unmasked rows if `mean`
 * mask: ids [...] of seqgpu_tape_ids, 0: the row is masked; NULL = every row counts. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_squared_error(seqgpu_tape *tape, seqgpu_tensor *x,
                                                    seqgpu_tensor *targets, seqgpu_tensor *mask, int mean,
                                                    double scale);

/* --- reading --- */

/* Copies the value to host memory (the context's type, int32_t for ids and lengths) when the device is done. */
SEQGPU_API seqgpu_status seqgpu_tensor_read(const seqgpu_tensor *tensor, void *host);
/* The value of a tensor of one number, in either type. */
SEQGPU_API seqgpu_status seqgpu_tensor_number(const seqgpu_tensor *tensor, double *out);
/* Rank, and the dimensions if shape [SEQGPU_TAPE_RANK] is not NULL; 0 for NULL. */
SEQGPU_API int seqgpu_tensor_shape(const seqgpu_tensor *tensor, int64_t *shape);
SEQGPU_API int64_t seqgpu_tensor_count(const seqgpu_tensor *tensor); /* numbers; 0 for NULL */
/* Device memory.  The gradient is NULL where the last backward brought none. */
SEQGPU_API const void *seqgpu_tensor_value(const seqgpu_tensor *tensor);
SEQGPU_API const void *seqgpu_tensor_grad(const seqgpu_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
