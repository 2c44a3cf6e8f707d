/** @file params.h
 * Named parameters of a model on one device: values, gradients, initialisation and optimisers.
 *
 * A seqgpu_params owns a list of named tensors.  Each is a matrix [rows, cols] that was added alone, or one
 * of the parameters of a recurrent network: those lie together in one block, which is what
 * seqgpu_rnn_run.params wants, and every one of them has its own name.  Names are PyTorch's wherever PyTorch
 * has the parameter.
 *
 *   seqgpu_params_create(ctx, 1, &params);
 *   seqgpu_params_add_rnn(params, "lstm", plan, &lstm);
 *   seqgpu_params_add(params, "output.weight", V, H, "xavier", 1, &weight);
 *   for (;;) {
 *     seqgpu_params_zero_grad(params);
 *     ...                                        gradients are added to lstm.grad and weight.grad
 *     seqgpu_params_update(params, &optimizer);
 *   }
 *
 * Functions that fail return a status and leave a sentence in seqgpu_last_error(ctx), where ctx is the
 * context that seqgpu_params_create was given.  A call with params NULL returns SEQGPU_EINVAL.
 */
#ifndef SEQGPU_PARAMS_H
#define SEQGPU_PARAMS_H

#include "rnn.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The parameters of a model; owned by the program, freed by seqgpu_params_destroy. */
typedef struct seqgpu_params seqgpu_params;

/** One named tensor, row-major [rows, cols], of the context's element type.  All pointers belong to the
 * seqgpu_params and are valid as long as it lives. */
typedef struct seqgpu_param {
  const char *name; /**< as it was added, at most 127 bytes */
  int64_t rows;     /**< at least 1 */
  int64_t cols;     /**< at least 1 */
  void *value;      /**< device memory [rows, cols] */
  void *grad;       /**< device memory [rows, cols]; NULL for a tensor that is kept but not trained */
} seqgpu_param;

/** Creates an empty list of parameters.
 * ctx: must outlive it.  seed: draws every initial value; the same seed and the same order of calls give the
 * same bits.
 * out: receives the new object, or NULL on failure.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_params_create(seqgpu_context *ctx, uint64_t seed, seqgpu_params **out);

/** Frees the parameters with all their device memory.  NULL is allowed. */
SEQGPU_API void seqgpu_params_destroy(seqgpu_params *params);

/** What seqgpu_params_add calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_params_add_(seqgpu_params *params, const char *name, int64_t rows,
                                            int64_t cols, const char *init, double scale, seqgpu_param *out,
                                            size_t size);

/** Adds a trained tensor [rows, cols] and draws its initial value.
 * name: not yet taken, 1 to 127 bytes, copied; it may not begin with "optimizer." (checkpoints use that).
 * out: receives the tensor; may be NULL.
 * init, with s = scale:
 *   "zeros"        0                       "constant"    s
 *   "uniform"      uniform in [-s, s]      "normal"      normal with standard deviation s
 *   "xavier"       uniform in +-s sqrt(6 / (rows + cols)): Glorot & Bengio 2010
 *   "orthogonal"   s times orthonormal rows or columns, whichever are fewer: Saxe et al. 2013
 *   "identity"     s on the diagonal: Le et al. 2015
 * and for square matrices only
 *   "sparse"       15 links into each unit, N(0,1), scaled to spectral radius s: Sutskever et al. 2013
 *   "reservoir"    10 links into each unit, uniform, scaled to spectral radius s: Lukosevicius 2012
 *   "np"           s (A + I) / lambda_max(A + I), A = R R^T / n with R normal: Talathi & Vartak 2015
 * (s = 1.1 for "sparse" and 1 for "np" in the papers).
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM; nothing is added then. */
static inline seqgpu_status seqgpu_params_add(seqgpu_params *params, const char *name, int64_t rows,
                                              int64_t cols, const char *init, double scale,
                                              seqgpu_param *out) {
  return seqgpu_params_add_(params, name, rows, cols, init, scale, out, sizeof(seqgpu_param));
}

/** What seqgpu_params_add_rnn calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_params_add_rnn_(seqgpu_params *params, const char *prefix,
                                                const seqgpu_plan *plan, seqgpu_param *out, size_t size);

/** Adds all parameters of a plan as one block and draws them as PyTorch does: uniform in
 * +-1/sqrt(hidden_size).  The bias of a forget gate (cells "lstm" and "mlstm") gets 1 added (Gers 2000).
 * Parameters for which the cell has an initialisation of its own are drawn by that.
 * prefix: the names are prefix.weight_ih_l0 and so on; NULL or "" for names without a prefix.
 * plan: is only looked at, and may be destroyed afterwards.
 * out: receives the block as a tensor [1, param_elements] with the first parameter's name; its
 * value is what seqgpu_rnn_run.params wants and its grad what dparams wants.  May be NULL.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM; nothing is added then. */
static inline seqgpu_status seqgpu_params_add_rnn(seqgpu_params *params, const char *prefix,
                                                  const seqgpu_plan *plan, seqgpu_param *out) {
  return seqgpu_params_add_rnn_(params, prefix, plan, out, sizeof(seqgpu_param));
}

/** What seqgpu_params_add_state calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_params_add_state_(seqgpu_params *params, const char *name, int64_t rows,
                                                  int64_t cols, seqgpu_param *out, size_t size);

/** Adds a tensor [rows, cols] of zeros that checkpoints save and load but no update changes: carried states,
 * say.
 * name, out: as for seqgpu_params_add; out->grad is NULL.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM; nothing is added then. */
static inline seqgpu_status seqgpu_params_add_state(seqgpu_params *params, const char *name, int64_t rows,
                                                    int64_t cols, seqgpu_param *out) {
  return seqgpu_params_add_state_(params, name, rows, cols, out, sizeof(seqgpu_param));
}

/** Draws a named tensor again, as one matrix, by another initialiser.
 * init, scale: as for seqgpu_params_add.
 * Errors: SEQGPU_EINVAL (no such tensor or initialiser, or a matrix that is not square for one that must be),
 * SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_params_init(seqgpu_params *params, const char *name, const char *init,
                                            double scale);

/** Draws a network that seqgpu_params_add_rnn added under this prefix again, by a named scheme:
 *   scheme         weight_hh of each gate   weight_ih of each gate   biases
 *   "pytorch"      uniform, 1/sqrt(H)       uniform, 1/sqrt(H)       uniform, 1/sqrt(H)
 *   "irnn"         identity, 1              normal, 0.001            0
 *   "np"           np, 1                    xavier                   0
 *   "careful"      sparse, 1.1              normal, 0.1              0
 *   "orthogonal"   orthogonal, 1            xavier                   0
 * "pytorch" is what seqgpu_params_add_rnn does; "irnn" is Le, Jaitly, Hinton 2015 and "np" Talathi & Vartak
 * 2015, both for activation relu; "careful" is Sutskever et al. 2013, "orthogonal" Saxe et al. 2013.
 * scale: used for weight_hh instead of the number above; 0 keeps that number.  The bias of a forget gate gets
 * 1 added (Gers 2000).  Parameters with other names stay as they are.
 * Errors: SEQGPU_EINVAL, with nothing drawn: no such scheme or network, a cell without weight_hh, or a
 * weight_hh that is not square (a projection) with "np" or "careful".  SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_params_init_rnn(seqgpu_params *params, const char *prefix,
                                                const seqgpu_plan *plan, const char *scheme, double scale);

/** Sets the bias of one gate to a value, in all layers and directions of a network that seqgpu_params_add_rnn
 * added under this prefix.
 * gate: a name of the cell's ("f"), or NULL for the gate that keeps the old state: f of the LSTMs, u of the
 * GRU.  With a high value the network remembers from the first update on.
 * Errors: SEQGPU_EINVAL (the cell has no such gate with a bias of its own), SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_params_set_gate_bias(seqgpu_params *params, const char *prefix,
                                                     const seqgpu_plan *plan, const char *gate, double value);

/** Draws a square tensor as an orthogonal matrix and keeps it orthogonal: from now on an update turns it, in
 * the direction of the optimiser's step, by the Cayley map (Wisdom et al. 2016).  |W^T W - I| stays at
 * rounding error whatever the learning rate.  Weight decay has no effect on it, and its gradient is left as
 * the part that turns it.
 * An update then costs 32 products of matrices of its size (60 in float64); the call allocates device memory
 * for three of them.
 * The mark belongs to the params, not to a checkpoint: set it before loading one.  Updates only preserve what
 * they find, so a program that draws the tensor again or writes to it must leave an orthogonal matrix there.
 * Errors: SEQGPU_EINVAL (no such tensor, not square, or not trained), SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_params_orthogonal(seqgpu_params *params, const char *name);

/** Trains the biases of a network as PyTorch, Keras's GRU and ONNX have them: two, bias_ih and bias_hh, of
 * which the network's own bias is the sum.  The outputs stay the same; training then follows PyTorch, whose
 * sum of two biases moves twice as far in each step as one bias does, and whose norm of gradients counts
 * both. From now on params also have prefix.bias_ih_l0, prefix.bias_hh_l0 [G*H] and so on, as PyTorch names
 * them; bias_ih begins with what the bias is, bias_hh with 0 (of a GRU with bias_rec).  Updates change these
 * two, and prefix.bias_l0 (and bias_rec_l0) become their sum after each: who wants to write to a bias writes
 * to the parts, and what is drawn again (seqgpu_params_init_rnn, seqgpu_params_set_gate_bias) is drawn before
 * the split. seqgpu_checkpoint_load reads both parts from any file that has them, a state dict of PyTorch
 * included; seqgpu_import_load puts the sum into bias_ih.
 * prefix: as it was given to seqgpu_params_add_rnn: a network of cell "rnn", "lstm" (with all four
 * gates), or "gru" with reset_after.
 * Errors: SEQGPU_EINVAL (no such network, or it is split already), SEQGPU_ENOMEM; nothing is changed then. */
SEQGPU_API seqgpu_status seqgpu_params_split_biases(seqgpu_params *params, const char *prefix);

/** The number of named tensors; 0 for NULL. */
SEQGPU_API int seqgpu_params_count(const seqgpu_params *params);

/** What seqgpu_params_get calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_params_get_(const seqgpu_params *params, int index, seqgpu_param *out,
                                            size_t size);

/** One named tensor, in the order in which they were added.
 * index: 0 to seqgpu_params_count(params) - 1.  out: receives the tensor.
 * Errors: SEQGPU_EINVAL. */
static inline seqgpu_status seqgpu_params_get(const seqgpu_params *params, int index, seqgpu_param *out) {
  return seqgpu_params_get_(params, index, out, sizeof(seqgpu_param));
}

/** What seqgpu_params_find calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_params_find_(const seqgpu_params *params, const char *name, seqgpu_param *out,
                                             size_t size);

/** The tensor with this name.  out: receives it.
 * Errors: SEQGPU_EINVAL, also if there is none. */
static inline seqgpu_status seqgpu_params_find(const seqgpu_params *params, const char *name,
                                               seqgpu_param *out) {
  return seqgpu_params_find_(params, name, out, sizeof(seqgpu_param));
}

/** Gives trained tensors a learning rate of their own: that of the optimiser times a factor.
 * prefix: of their names: all that begin with it; NULL or "" for all there are.
 * factor: from 0 to FLT_MAX.  1 is what tensors begin with.  0 freezes them: an update then moves neither
 * them nor their moments, and its norm of the gradients does not count theirs, which are computed all the
 * same.
 * The factors belong to the params, not to a checkpoint.
 * Errors: SEQGPU_EINVAL (a factor out of its range, or no trained tensor of such a name), SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_params_set_lr(seqgpu_params *params, const char *prefix, double factor);

/** The number of trained elements in all tensors together, without frozen ones; 0 for NULL. */
SEQGPU_API int64_t seqgpu_params_elements(const seqgpu_params *params);

/** Update rules; the equations are in core/ops.h. */
typedef enum seqgpu_optimizer_kind {
  SEQGPU_OPTIMIZER_SGD = 0,
  SEQGPU_OPTIMIZER_MOMENTUM = 1,
  SEQGPU_OPTIMIZER_RMSPROP = 2,
  SEQGPU_OPTIMIZER_ADAM = 3
} seqgpu_optimizer_kind;

/** How gradients are clipped before an update; the equations are in core/ops.h. */
typedef enum seqgpu_clip_kind {
  SEQGPU_CLIP_NONE = 0,
  SEQGPU_CLIP_NORM = 1, /**< the norm of all gradients together is limited: Pascanu et al. 2013 */
  SEQGPU_CLIP_AUTO = 2, /**< the same, to a multiple of its running average */
  SEQGPU_CLIP_VALUE = 3 /**< every element is limited on its own */
} seqgpu_clip_kind;

/** An optimiser and its settings.  A field that is 0 takes the value in brackets. */
typedef struct seqgpu_optimizer {
  seqgpu_optimizer_kind kind; /**< [SEQGPU_OPTIMIZER_SGD] */
  double lr;                  /**< learning rate, at least 0, and a number of the context's element type */
  double momentum;            /**< MOMENTUM: mu, ADAM: beta1, in [0,1) [0.9] */
  double decay;               /**< RMSPROP: rho [0.95], ADAM: beta2 [0.999], in [0,1) */
  double eps;                 /**< RMSPROP, ADAM: added to the denominator [1e-8] */
  double weight_decay;        /**< L2 penalty, or decoupled: lr times this share is lost [0] */
  int nesterov;               /**< MOMENTUM: 1 for Nesterov's form; else it must be 0 */
  seqgpu_clip_kind clip;      /**< [SEQGPU_CLIP_NONE] */
  double clip_threshold;      /**< NORM, VALUE: the threshold [5]; AUTO: times the average norm [1] */
  double clip_window;         /**< AUTO: how many updates the average remembers [1000] */
  int decoupled;              /**< 1: weight decay apart from the gradient, of ADAM: AdamW; else 0 */
  double momentum_next;       /**< MOMENTUM, nesterov: mu of the next update, if it differs [momentum] */
  /** eta of noise on the clipped gradients, of variance eta / (1 + t)^noise_decay before update t, from 0:
   * Neelakantan et al. 2015 [0, none] */
  double noise;
  double noise_decay; /**< gamma, at least 0 [0.55] */
} seqgpu_optimizer;

/** Sets all gradients to 0. */
SEQGPU_API seqgpu_status seqgpu_params_zero_grad(seqgpu_params *params);

/** Allocates the moments that an optimiser of this kind needs, so that no later call of seqgpu_params_update
 * with it allocates anything.  Optional; useful ahead of a CUDA graph capture or where allocation must not
 * fail half-way.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_params_reserve(seqgpu_params *params, seqgpu_optimizer_kind kind);

/** What seqgpu_params_update calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_params_update_(seqgpu_params *params, const seqgpu_optimizer *optimizer,
                                               size_t size);

/** Clips the gradients and updates all trained parameters; the gradients are left clipped, and with their
 * noise.  If their norm is infinite or NaN nothing is updated, and the call still succeeds:
 * seqgpu_params_grad_norm tells.
 * optimizer: may change from one update to the next; moments and the count of updates stay with the params.
 * Memory: the first update with a kind that needs moments allocates them, one or two copies of the trained
 * parameters (seqgpu_params_reserve does it ahead).  Otherwise an update only enqueues work and returns.
 * Errors: SEQGPU_EINVAL (a setting out of its range, or nothing to update), SEQGPU_ENOMEM. */
static inline seqgpu_status seqgpu_params_update(seqgpu_params *params, const seqgpu_optimizer *optimizer) {
  return seqgpu_params_update_(params, optimizer, sizeof(seqgpu_optimizer));
}

/** The norm of the last update's gradients before clipping, and the factor that clipping applied; waits for
 * the device.
 * norm, scale: receive the values; either may be NULL.
 * Errors: SEQGPU_ENONFINITE if the norm was infinite or NaN (norm and scale are set all the same),
 * SEQGPU_EINVAL before the first update. */
SEQGPU_API seqgpu_status seqgpu_params_grad_norm(seqgpu_params *params, double *norm, double *scale);

/** Takes the values of all trained tensors into their average: the k-th call counts for 1/k.  Called after
 * each update from some update on, it averages the path of the parameters (Polyak & Juditsky 1992; ASGD).
 * Checkpoints then hold the averages under the names of the tensors, and what training goes on with beside
 * them; loading one to resume goes on with both, and any other load ends the averaging.
 * Memory: the first call allocates two copies of the trained parameters.  Otherwise it only enqueues work.
 * Errors: SEQGPU_EINVAL (there is no trained tensor, or the averages are in use), SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_params_average(seqgpu_params *params);

/** Puts the averages in the place of the values (use 1), for a validation, say, or back (use 0).  While they
 * are in use there are no updates.  Before the first seqgpu_params_average, and where nothing changes, it
 * does nothing.  The average of matrices that stay orthogonal is not orthogonal.
 * Errors: SEQGPU_EINVAL. */
SEQGPU_API seqgpu_status seqgpu_params_use_average(seqgpu_params *params, int use);

/** How many values are in the averages: the calls of seqgpu_params_average; 0 for NULL. */
SEQGPU_API int64_t seqgpu_params_averaged(const seqgpu_params *params);

#ifdef __cplusplus
}
#endif
#endif
