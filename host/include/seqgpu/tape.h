/** @file tape.h
 * Differentiation, in reverse mode and in forward mode, whose nodes are whole-sequence operators.
 *
 * Every builder below computes its result at once and records how it came about; seqgpu_tape_backward then
 * walks back through the operators.  A recurrent layer over T steps is one node, so the tape costs a little
 * per operator and nothing per time step.  One training step:
 *
 *   seqgpu_tensor *x = seqgpu_tape_embedding(tape, table, seqgpu_tape_ids(tape, 2, shape, text));
 *   seqgpu_tensor *y = seqgpu_tape_rnn(tape, plan, block, x, NULL, NULL);
 *   seqgpu_tensor *z = seqgpu_tape_linear(tape, y, w, b);
 *   seqgpu_tensor *loss = seqgpu_tape_cross_entropy(tape, z, targets, 1, 1.0);
 *   if (seqgpu_tape_update(tape, loss, params, &optimizer, &value)) puts(seqgpu_last_error(ctx));
 *
 * Errors.  Builders return a tensor instead of a status, the one exception to the rules of base.h: only so
 * can they nest like the formulas they stand for.  A builder that fails returns NULL.  The tape keeps the
 * status and the sentence of the first failure, every later builder returns NULL at once, and
 * seqgpu_tape_status, seqgpu_tape_backward and seqgpu_tape_update report that failure.  So a whole model is
 * built without a check and checked in one place.
 * Whatever fails on a tape, seqgpu_last_error(ctx) says the same sentence as seqgpu_tape_error(tape).
 *
 * Memory.  Tensors belong to the tape and end with the next seqgpu_tape_clear.  Values, gradients and what
 * backward needs lie in device memory that the tape keeps between steps: a step that needs no more than each
 * of the two before it allocates nothing.
 *
 * Gradients.  Those of wrapped memory (parameters) are added to the caller's buffer.  Those of everything
 * else start afresh with each backward: the first contribution overwrites, every further one adds, in an
 * order fixed by the tape.  A tensor may be used any number of times.
 *
 * Shapes are row-major, of rank 1 to SEQGPU_TAPE_RANK; time-major sequences are [T,B,F].  "vector [n]" means
 * any shape of n elements, so that an [n,1] parameter serves.  Everything works on every device and in both
 * element types.
 */
#ifndef SEQGPU_TAPE_H
#define SEQGPU_TAPE_H

#include "params.h"
#include "rnn.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The largest rank of a tensor on a tape. */
enum { SEQGPU_TAPE_RANK = 4 };

/** A tape; owned by the program, freed by seqgpu_tape_destroy. */
typedef struct seqgpu_tape seqgpu_tape;
/** A value on a tape; owned by the tape, valid until seqgpu_tape_clear.  Using it afterwards is EINVAL; after
 * one more clear its memory may be another tensor's. */
typedef struct seqgpu_tensor seqgpu_tensor;

/* --- the tape --- */

/** Creates an empty tape in training mode.
 * ctx: must outlive it; a tape is used by one thread at a time, like its context.  seed: draws the dropout
 * masks.
 * out: receives the tape, or NULL on failure.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_tape_create(seqgpu_context *ctx, uint64_t seed, seqgpu_tape **out);

/** Frees a tape with all its tensors and memory.  NULL is allowed. */
SEQGPU_API void seqgpu_tape_destroy(seqgpu_tape *tape);

/** Starts the next step: forgets all tensors and the error, and keeps the memory.
 * training: 1, or 0 for inference: dropout then does nothing, nothing is kept for a backward, and there is
 * none.
 * Errors: SEQGPU_EDEVICE. */
SEQGPU_API seqgpu_status seqgpu_tape_clear(seqgpu_tape *tape, int training);

/** SEQGPU_OK, or the status of the first failure since the last clear; SEQGPU_EINVAL for NULL. */
SEQGPU_API seqgpu_status seqgpu_tape_status(const seqgpu_tape *tape);

/** The sentence of the first failure since the last clear, "" if nothing failed; valid until the next call on
 * the tape. */
SEQGPU_API const char *seqgpu_tape_error(const seqgpu_tape *tape);

/** How many Philox blocks the dropout masks have used so far.  The counter only grows, so no two steps drop
 * alike.  Save it with a checkpoint to resume training bit for bit; 0 for NULL. */
SEQGPU_API uint64_t seqgpu_tape_counter(const seqgpu_tape *tape);

/** Sets the counter to a saved one; call it directly after seqgpu_tape_clear. */
SEQGPU_API void seqgpu_tape_set_counter(seqgpu_tape *tape, uint64_t counter);

/** The batch of the steps to come is a part of a larger one, and draws its masks: its sequences are numbers
 * first, first + 1, ... of `whole`.  A batch that comes in parts, each from the same counter, then drops what
 * the whole would, and the counter moves on as it would there.  Call it directly after seqgpu_tape_clear,
 * which does not change it.
 * whole: 0 for batches that are whole, as they are in a new tape.
 * seqgpu_tape_dropout then takes the last dimension but one for that of the sequences; all parts have the
 * same number of steps.  A plan that draws must have been made with whole_batch of at least `whole`.
 * Errors: SEQGPU_EINVAL. */
SEQGPU_API seqgpu_status seqgpu_tape_set_part(seqgpu_tape *tape, int64_t first, int64_t whole);

/** The bytes that the tape holds, device and host memory together; 0 for NULL. */
SEQGPU_API size_t seqgpu_tape_memory(const seqgpu_tape *tape);

/** The next walks back tell `ready` of each gradient in wrapped memory once nothing of the walk will add to
 * it any more; of a recurrent network layer by layer, the last one first.  So what is to be done with
 * gradients, adding them up with those of other processes, say, may begin while others are still computed.
 * about: what it gets.  ready: NULL for none, as after seqgpu_tape_clear.  NULL tape: does nothing. */
SEQGPU_API void seqgpu_tape_set_ready(seqgpu_tape *tape, seqgpu_gradient_ready *ready, void *about);

/** Computes the gradients of `loss` with respect to everything it was computed from.
 * dloss: the gradient of loss itself, in host memory, of its shape and the context's element type; NULL: loss
 * is one element and its gradient is 1.
 * May be called again, also for another tensor; gradients of wrapped memory then add up.
 * Errors: the tape's first failure if there was one.  SEQGPU_EINVAL: the tape is not in training mode, or
 * nothing that loss was computed from has a gradient buffer.  SEQGPU_ENOMEM, SEQGPU_EDEVICE. */
SEQGPU_API seqgpu_status seqgpu_tape_backward(seqgpu_tape *tape, seqgpu_tensor *loss, const void *dloss);

/** Forward mode: how y moves when leaves move, the product of a Jacobian with a vector.  Where backward
 * answers for one result and every leaf, this answers for one direction of the leaves and every tensor up to
 * y; seqgpu_tensor_tangent has the answers.  It costs about as much as a backward, and may be called again
 * with other directions.
 * y: any tensor of the tape.  leaf [count]: tensors of seqgpu_tape_input, seqgpu_tape_wrap or
 * seqgpu_tape_param; all other leaves stay where they are.
 * direction [count]: for each leaf, device memory of its shape, which must stay until the next call or clear.
 * Errors: the tape's first failure if there was one.  SEQGPU_EINVAL: the tape is not in training mode; a plan
 * that y depends on is for inference; the targets of a squared error move.  SEQGPU_EUNSUPPORTED: y depends on
 * a recurrent network whose algorithm on a GPU has no tangents, which are cuDNN's, or on a layer of cell
 * "urnn" that is too large for them; seqgpu_rnn_desc.tangents leaves such algorithms out.
 * SEQGPU_ENOMEM, SEQGPU_EDEVICE. */
SEQGPU_API seqgpu_status seqgpu_tape_tangent(seqgpu_tape *tape, seqgpu_tensor *y, int count,
                                             seqgpu_tensor *const *leaf, const void *const *direction);

/** A Gauss-Newton product: the curvature of loss in the direction v of the last seqgpu_tape_tangent, which
 * must have been called with this loss as y.  Adds to the gradients of wrapped memory
 *   G v = J^T H J v + strength[0] J_0^T J_0 v + strength[1] J_1^T J_1 v + ...
 * where J is the Jacobian of what the losses in `loss` are computed from (logits, x), H their second
 * derivatives with respect to that, and J_i the Jacobian of damped[i].  H is positive semi-definite, and so
 * is G unless a loss is scaled by a negative number.  Where residuals are 0, or logits and x linear in the
 * leaves, J^T H J is the Hessian (Schraudolph 2002).  The further terms keep a step of v from moving other
 * tensors much, the states of a recurrent network, say (structural damping: Martens & Sutskever 2011).
 * loss: one element: a cross-entropy, also a binary one, a squared error, or sums (seqgpu_tape_add) and
 * multiples (seqgpu_tape_scale) of them.
 * damped [count]: tensors that loss depends on.  strength [count]: host memory.  NULL where count is 0.
 * May be called again, also after other tangents.  Gradients of everything else are those of this call.
 * Errors: those of seqgpu_tape_backward.  SEQGPU_EINVAL: loss is no sum of losses; the last
 * seqgpu_tape_tangent was for another tensor.  SEQGPU_EUNSUPPORTED: a plan with the regulariser omega. */
SEQGPU_API seqgpu_status seqgpu_tape_gauss_newton(seqgpu_tape *tape, seqgpu_tensor *loss, int count,
                                                  seqgpu_tensor *const *damped, const double *strength);

/** What seqgpu_tape_update calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_tape_update_(seqgpu_tape *tape, seqgpu_tensor *loss, seqgpu_params *params,
                                             const seqgpu_optimizer *optimizer, size_t size, double *value);

/** One training step: seqgpu_params_zero_grad, seqgpu_tape_backward, seqgpu_params_update,
 * seqgpu_tensor_number, and seqgpu_tape_clear for the next step.  To look at other tensors of the step, make
 * the calls one by one. loss: one element.  params: of the tape's context.  optimizer: see
 * seqgpu_params_update. value: receives the loss, and the call then waits for the device; NULL: it only
 * enqueues work. Errors: those of the five calls.  A gradient that is not finite is no error;
 * seqgpu_params_grad_norm tells.  After a failure the tape is not cleared: seqgpu_tape_status,
 * seqgpu_tape_error and seqgpu_last_error agree. */
static inline seqgpu_status seqgpu_tape_update(seqgpu_tape *tape, seqgpu_tensor *loss, seqgpu_params *params,
                                               const seqgpu_optimizer *optimizer, double *value) {
  return seqgpu_tape_update_(tape, loss, params, optimizer, sizeof(seqgpu_optimizer), value);
}

/* --- leaves: they return NULL on failure, and the tape keeps the reason --- */

/** A constant, copied from host memory of the context's element type.  shape [rank].  host: may be freed
 * after the call. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_input(seqgpu_tape *tape, int rank, const int64_t *shape,
                                            const void *host);

/** The caller's device memory as a tensor, without a copy; it must stay until clear.
 * shape [rank].  grad: device memory of the same shape to which backward adds the gradient; NULL makes it a
 * constant. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_wrap(seqgpu_tape *tape, int rank, const int64_t *shape,
                                           const void *value, void *grad);

/** What seqgpu_tape_param calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_param_(seqgpu_tape *tape, const seqgpu_param *param, size_t size);

/** A parameter [rows, cols] as seqgpu_params_add gives it; wraps its value and gradient. */
static inline seqgpu_tensor *seqgpu_tape_param(seqgpu_tape *tape, const seqgpu_param *param) {
  return seqgpu_tape_param_(tape, param, sizeof(seqgpu_param));
}

/** Integers, copied from host memory: the ids of an embedding, the targets of a cross-entropy.
 * shape [rank].  host: may be freed after the call. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_ids(seqgpu_tape *tape, int rank, const int64_t *shape,
                                          const int32_t *host);

/** Integers that are on the device already, without a copy; they must stay until clear.  shape [rank]. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_wrap_ids(seqgpu_tape *tape, int rank, const int64_t *shape,
                                               const int32_t *device);

/** The lengths [batch] of a ragged batch, copied from host memory; each at least 0. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_lengths(seqgpu_tape *tape, int64_t batch, const int32_t *host);

/* --- operators: they return NULL on failure, and the tape keeps the reason ---
 * SEQGPU_EINVAL: an argument is NULL (except where NULL has a meaning), belongs to another tape or has the
 * wrong shape.  SEQGPU_ENOMEM, SEQGPU_EDEVICE. */

/** Looks up rows of a table: table [V,D], ids [...] -> [...,D].  An id outside 0..V-1 gives zeros.  ids has
 * at most rank 3. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_embedding(seqgpu_tape *tape, seqgpu_tensor *table, seqgpu_tensor *ids);

/** A linear layer: x [...,in], w [out,in], b vector [out] or NULL -> x w^T + b [...,out]. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_linear(seqgpu_tape *tape, seqgpu_tensor *x, seqgpu_tensor *w,
                                             seqgpu_tensor *b);

/** A network of recurrent layers over a whole sequence.
 * plan: must live until clear.  In training, what is kept for backward has the size of the plan's largest
 * run, so single steps deserve a plan of their own with seq_len 1; and the plan must not be for inference if
 * a gradient is to pass.
 *   params   vector: all parameters of the plan
 *   x        [T,B,I], or [B,T,I] if the plan is batch_first; T and B at most the plan's
 *   initial  NULL = zeros, or one tensor per state of the cell, of which each may be NULL: [L*N,B,W], or
 *            [B,W] where L*N is 1; W is the state's width, L the number of layers, N of directions
 *   lengths  of seqgpu_tape_lengths [B], each at most T; NULL = all T
 * -> y [T,B,Y] (or [B,T,Y]). */
SEQGPU_API seqgpu_tensor *seqgpu_tape_rnn(seqgpu_tape *tape, const seqgpu_plan *plan, seqgpu_tensor *params,
                                          seqgpu_tensor *x, seqgpu_tensor *const *initial,
                                          seqgpu_tensor *lengths);

/** A state after the last step of each sequence.
 * y: a tensor that seqgpu_tape_rnn returned.  state: 0 is h, 1 the cell's second state, c of an LSTM.
 * -> [L*N,B,W]. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_rnn_final(seqgpu_tape *tape, seqgpu_tensor *y, int state);

/** a + b, element by element; both have the same shape, and so has the result. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_add(seqgpu_tape *tape, seqgpu_tensor *a, seqgpu_tensor *b);

/** a * b, element by element; both have the same shape, and so has the result. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_mul(seqgpu_tape *tape, seqgpu_tensor *a, seqgpu_tensor *b);

/** alpha x, in the shape of x. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_scale(seqgpu_tape *tape, seqgpu_tensor *x, double alpha);

/** g(x), element by element, in the shape of x. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_activation(seqgpu_tape *tape, seqgpu_tensor *x,
                                                 seqgpu_activation activation);

/** Softmax along the last dimension, in the shape of x: exp(x) / sum of exp(x), of numbers of any size.
 * lengths: of seqgpu_tape_lengths [B] for x [...,B,D], each at most D: so many numbers of each row count; the
 * rest is not read, and 0 in the result, as is a row of length 0.  NULL = all D.
 * A row with NaN is NaN, and so is one of nothing but minus infinity. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_softmax(seqgpu_tape *tape, seqgpu_tensor *x, seqgpu_tensor *lengths);

/** Joins along the last dimension: a [...,A], b [...,B] -> [...,A+B]. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_concat(seqgpu_tape *tape, seqgpu_tensor *a, seqgpu_tensor *b);

/** A range of the first dimension, time steps say: x [n,...] -> x[first..first+count-1] [count,...].  Without
 * a copy.  x may be ids. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_rows(seqgpu_tape *tape, seqgpu_tensor *x, int64_t first, int64_t count);

/** A range of the last dimension: x [...,D] -> x[...,first..first+count-1] [...,count], the inverse of
 * seqgpu_tape_concat.  A copy, unlike seqgpu_tape_rows. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_columns(seqgpu_tape *tape, seqgpu_tensor *x, int64_t first,
                                              int64_t count);

/** The same elements in another shape [rank].  Without a copy.  x may be ids. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_reshape(seqgpu_tape *tape, seqgpu_tensor *x, int rank,
                                              const int64_t *shape);

/** In training, each element becomes 0 with probability p, else x/(1-p); in inference the result is x itself.
 * p: from 0 to 1. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_dropout(seqgpu_tape *tape, seqgpu_tensor *x, double p);

/** Attention of one decoder step, additive (Bahdanau, Cho, Bengio 2015), or, where v is NULL, multiplicative
 * (Luong, Pham, Manning 2015):
 *   a = softmax over s of v . tanh(query + keys[s]), or of query . keys[s],   context = sum_s a[s] values[s]
 * query [B,D], keys [S,B,D], values [S,B,E], v vector [D] or NULL, lengths [B] with each 1..S or NULL = all S
 * -> context [B,E].  Luong et al.'s "dot" has keys = values, their "general" keys that are a linear layer of
 * these.  Of a whole sequence, where no query waits for the context of another: query [T,B,D] -> context
 * [T,B,E], each step as if alone. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_attention(seqgpu_tape *tape, seqgpu_tensor *query, seqgpu_tensor *keys,
                                                seqgpu_tensor *values, seqgpu_tensor *v,
                                                seqgpu_tensor *lengths);

/** What becomes of the steps of a sequence: their mean, their maximum element by element, the last one. */
typedef enum seqgpu_pooling {
  SEQGPU_POOLING_MEAN = 0,
  SEQGPU_POOLING_MAX = 1,
  SEQGPU_POOLING_LAST = 2
} seqgpu_pooling;

/** One vector for each sequence, from all its steps: x [T,B,F] -> [B,F].
 * lengths: of seqgpu_tape_lengths [B], each at most T; what follows is not read; NULL = all T.  A sequence of
 * length 0 gives zeros.  Of equal maxima the first one gets the gradient; a NaN is the largest number. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_pooling(seqgpu_tape *tape, seqgpu_tensor *x, seqgpu_tensor *lengths,
                                              seqgpu_pooling pooling);

/** The attention weights a [S,B], or [T,S,B], behind a tensor that seqgpu_tape_attention returned.  To look at: no
 * gradient passes. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_attention_weights(seqgpu_tape *tape, seqgpu_tensor *context);

/** A window of K Gaussians that slides over U characters (Graves 2013, section 5.1), for T steps:
 *   kappa_t = kappa_{t-1} + exp(k_t)
 *   phi[t,u] = sum_j exp(a_tj) exp(-exp(b_tj) (kappa_tj - u)^2),  u = 1 ... U
 *   context_t = sum_u phi[t,u] values_u
 *   params   [T,B,3K]: K each of a, b, k
 *   before   [B,K]: kappa before the first step; NULL: 0, ahead of the first character
 *   values   [U,B,C]: of each character
 *   lengths  of seqgpu_tape_lengths [B], each at most U: what follows is not read; NULL = all U
 * -> context [T,B,C].  A model whose next params depend on this context asks for one step at a time. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_window(seqgpu_tape *tape, seqgpu_tensor *params, seqgpu_tensor *before,
                                             seqgpu_tensor *values, seqgpu_tensor *lengths);

/** kappa [B,K] after the last step, to go on with, behind a tensor that seqgpu_tape_window returned. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_window_position(seqgpu_tape *tape, seqgpu_tensor *context);

/** phi [T,B,U+1] behind a tensor that seqgpu_tape_window returned.  The place after a sequence's last
 * character says how near the window is to the end of the text: nothing is read there, and beyond it is 0.
 * To look at: no gradient passes. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_window_weights(seqgpu_tape *tape, seqgpu_tensor *context);

/** Softmax cross-entropy of logits [...,V] with targets [...] -> [1]:
 *   scale * sum of -log p[target], divided by the number of unmasked rows if `mean` is 1
 * A row whose target is negative is masked. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_cross_entropy(seqgpu_tape *tape, seqgpu_tensor *logits,
                                                    seqgpu_tensor *targets, int mean, double scale);

/** As seqgpu_tape_cross_entropy, with label smoothing (Szegedy et al. 2016): of the probability that is
 * wanted, `smoothing`, from 0 to 1, is spread evenly over all V classes, the target among them.  A logit of
 * minus infinity makes the loss infinite. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_smoothed_cross_entropy(seqgpu_tape *tape, seqgpu_tensor *logits,
                                                             seqgpu_tensor *targets, int mean, double scale,
                                                             double smoothing);

/** Squared error of x [...,D] against constant targets of the same shape -> [1]:
 *   scale * sum of (x - target)^2, divided by the number of elements in the unmasked rows if `mean` is 1
 * mask: ids [...] of seqgpu_tape_ids; a row with 0 is masked.  NULL: every row counts. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_squared_error(seqgpu_tape *tape, seqgpu_tensor *x,
                                                    seqgpu_tensor *targets, seqgpu_tensor *mask, int mean,
                                                    double scale);

/** Binary cross-entropy of logits [T,B,D] with constant targets of the same shape, from 0 to 1 -> [1]:
 *   scale * sum of -(y log p + (1-y) log(1-p)), p = 1 / (1 + exp(-logit)), divided by the number of unmasked
 *   steps (t,b) if `mean` is 1: so many nats a step, the D elements of a step added
 * lengths: of seqgpu_tape_lengths [B], each at most T; steps beyond are masked and not read.  NULL: every step
 * counts, and logits may have any shape [...,D]. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_binary_cross_entropy(seqgpu_tape *tape, seqgpu_tensor *logits,
                                                           seqgpu_tensor *targets, seqgpu_tensor *lengths,
                                                           int mean, double scale);

/** Connectionist temporal classification (Graves et al. 2006): which labels a sequence has is known, and not
 * at which steps.  -> [1]:
 *   scale * sum of -log P, divided by the number of sequences that count if `mean` is 1
 * where P is the probability of a sequence's labels over all their alignments: a path of classes becomes
 * labels when repeats, and then blanks, are taken out.
 *   logits         [T,B,K], before the softmax
 *   lengths        of seqgpu_tape_lengths [B], each at most T; NULL = all T
 *   labels         ids [L,B]; what the label lengths hide may be anything below K.  L is not limited
 *   label_lengths  of seqgpu_tape_lengths [B], each at most L; NULL = all L
 *   blank          the class that stands for no label
 * A sequence is impossible, P = 0, if it has fewer steps than labels and adjacent equal labels together, or a
 * label that is negative, or blank.  It has no gradient and does not count: seqgpu_tape_loss_count says how
 * many do, and seqgpu_tape_loss_each which are impossible.  Offsets of the logits cost no digit. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_ctc(seqgpu_tape *tape, seqgpu_tensor *logits, seqgpu_tensor *lengths,
                                          seqgpu_tensor *labels, seqgpu_tensor *label_lengths, int64_t blank,
                                          int mean, double scale);

/** The loss of pen strokes (Graves 2013): where the next point is, by a mixture of M bivariate Gaussians, and
 * whether the stroke ends there, by a Bernoulli.  -> [1]:
 *   scale * sum of -log of that density, divided by the number of unmasked rows if `mean` is 1
 *   params   [T,B,1+6M]: e, then M each of p, mx, my, sx, sy, r: the weights are the softmax of p, the means
 *            mx and my, the deviations exp(sx) and exp(sy), the correlation tanh(r); e is the logit of the end
 *   points   [T,B,3], constant: x, y, and 1 where the stroke ends, else 0
 *   lengths  of seqgpu_tape_lengths [B], each at most T; steps beyond are masked and not read; NULL: every
 *            step counts, and params may have any shape [...,1+6M]
 * Only r beyond 40 or so leaves the range of float32; far points and tiny deviations do not. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_mixture_density(seqgpu_tape *tape, seqgpu_tensor *params,
                                                      seqgpu_tensor *points, seqgpu_tensor *lengths, int mean,
                                                      double scale);

/** How many rows, of CTC sequences, count in a loss -> [1].
 * loss: a tensor that one of the losses returned.  To look at, and to weigh batches by: no gradient passes. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_loss_count(seqgpu_tape *tape, seqgpu_tensor *loss);

/** The loss of each row, of CTC of each sequence -> [R], not divided and not scaled: 0 of a masked row, -1 of
 * a sequence that is impossible.  loss: a tensor that one of the losses returned.  No gradient passes. */
SEQGPU_API seqgpu_tensor *seqgpu_tape_loss_each(seqgpu_tape *tape, seqgpu_tensor *loss);

/* --- reading --- */

/** Waits for the device and copies the value to host memory, of the context's element type, or int32_t for
 * ids and lengths. host: room for seqgpu_tensor_elements(tensor) elements. Errors: SEQGPU_EINVAL,
 * SEQGPU_EDEVICE; they are not failures of the tape. */
SEQGPU_API seqgpu_status seqgpu_tensor_read(const seqgpu_tensor *tensor, void *host);

/** Waits for the device and reads a tensor of one element, whatever the context's element type.
 * out: receives it.
 * Errors: SEQGPU_EINVAL, SEQGPU_EDEVICE; they are not failures of the tape. */
SEQGPU_API seqgpu_status seqgpu_tensor_number(const seqgpu_tensor *tensor, double *out);

/** The rank of a tensor; 0 for NULL.  shape: receives the dimensions in an array [SEQGPU_TAPE_RANK]; may be
 * NULL. */
SEQGPU_API int seqgpu_tensor_shape(const seqgpu_tensor *tensor, int64_t *shape);

/** The number of elements of a tensor; 0 for NULL. */
SEQGPU_API int64_t seqgpu_tensor_elements(const seqgpu_tensor *tensor);

/** The value in device memory, valid until clear; NULL for NULL. */
SEQGPU_API const void *seqgpu_tensor_value(const seqgpu_tensor *tensor);

/** The gradient in device memory, valid until clear; NULL if the last backward brought none, and for NULL. */
SEQGPU_API const void *seqgpu_tensor_grad(const seqgpu_tensor *tensor);

/** The tangent of the last seqgpu_tape_tangent in device memory, of the tensor's shape, valid until clear;
 * NULL where it is 0 because nothing moved that the tensor depends on, past that call's y, and for NULL. */
SEQGPU_API const void *seqgpu_tensor_tangent(const seqgpu_tensor *tensor);

/** Looks for the first number that is infinite or NaN among the values on the tape, in the order in which
 * they were computed, and then among the gradients of the last backward, in the order in which it came to
 * them.  Of a network it names layer, part and step (seqgpu_rnn_check_finite).  Waits for the device;
 * nothing is looked at before it is asked, so a step costs no more for it.
 * SEQGPU_ENONFINITE and a sentence that names it; SEQGPU_OK if all are finite. */
SEQGPU_API seqgpu_status seqgpu_tape_check_finite(seqgpu_tape *tape);

#ifdef __cplusplus
}
#endif
#endif
