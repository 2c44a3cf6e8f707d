/* seqgpu/params.h - named parameters, their initialisation and optimisation.
 *
 * A seqgpu_params holds the parameters of a model on one device: values, gradients and optimiser moments.  Layers of
 * a recurrent network live in one block (what seqgpu_rnn_run.params wants), of which every weight has its own name.
 */
#ifndef SEQGPU_PARAMS_H
#define SEQGPU_PARAMS_H

#include "rnn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct seqgpu_params seqgpu_params;

/* One named tensor. Pointers are device memory and stay valid as long as the seqgpu_params. */
typedef struct seqgpu_param {
  const char *name;
  int64_t rows, cols;
  void *value;
  void *grad; /* NULL for a tensor that is kept, but not trained */
} seqgpu_param;

/* `seed` draws every initial value: same seed, same order of calls, same bits. */
SEQGPU_API seqgpu_status seqgpu_params_create(seqgpu_context *ctx, uint64_t seed, seqgpu_params **out);
SEQGPU_API void seqgpu_params_destroy(seqgpu_params *params);

/* Adds [rows, cols] under a name that is not yet taken (at most 127 bytes).  out may be NULL.  init, with scale s:
 *   "zeros"        0                       "constant"    s
 *   "uniform"      in +-s                  "normal"      standard deviation s
 *   "xavier"       in +-s sqrt(6/(rows+cols)): Glorot & Bengio 2010
 *   "orthogonal"   s times orthonormal rows or columns, the fewer ones: Saxe et al. 2013
 *   "identity"     s on the diagonal: Le et al. 2015
 * and for square matrices
 *   "sparse"       15 links into each unit, N(0,1), scaled to spectral radius s: Sutskever et al. 2013 (s = 1.1)
 *   "reservoir"    10 links into each unit, uniform, scaled to spectral radius s: Lukosevicius 2012
 *   "np"           s (A + I) / lambda_max(A + I), A = R R^T / n with R normal: Talathi & Vartak 2015 (s = 1) */
SEQGPU_API seqgpu_status seqgpu_params_add(seqgpu_params *params, const char *name, int64_t rows,
                                           int64_t cols, const char *init, double scale, seqgpu_param *out);
/* Adds a block for the plan's parameters, named prefix.weight_ih_l0 and so on, uniform in +-1/sqrt(hidden_size) as
 * PyTorch does; forget gates (of "lstm", "mlstm") get 1 added to their bias (Gers 2000).  out->value is the block. */
SEQGPU_API seqgpu_status seqgpu_params_add_rnn(seqgpu_params *params, const char *prefix,
                                               const seqgpu_plan *plan, seqgpu_param *out);
/* Adds a tensor that is saved and loaded, but not trained (carried states, say); zeros. */
SEQGPU_API seqgpu_status seqgpu_params_add_state(seqgpu_params *params, const char *name, int64_t rows,
                                                 int64_t cols, seqgpu_param *out);
/* Draws a named tensor again with another initialiser, as one matrix. */
SEQGPU_API seqgpu_status seqgpu_params_init(seqgpu_params *params, const char *name, const char *init,
                                            double scale);

/* Draws a network that seqgpu_params_add_rnn added under this prefix again, by a scheme:
 *   scheme         weight_hh of each gate   weight_ih of each gate   biases
 *   "pytorch"      uniform, 1/sqrt(H)       uniform, 1/sqrt(H)       uniform, 1/sqrt(H)   as seqgpu_params_add_rnn
 *   "irnn"         identity, 1              normal, 0.001            0    Le, Jaitly, Hinton 2015 (activation: relu)
 *   "np"           np, 1                    xavier                   0    Talathi & Vartak 2015 (activation: relu)
 *   "careful"      sparse, 1.1              normal, 0.1              0    Sutskever et al. 2013
 *   "orthogonal"   orthogonal, 1            xavier                   0    Saxe et al. 2013
 * scale: of weight_hh instead of the number above; 0 = that number.  The bias of a forget gate gets 1 added (Gers 2000).
 * Parameters of other names stay as they are.  EINVAL, and nothing drawn: a cell without weight_hh, or one that is not
 * square (a projection) with "np" or "careful". */
SEQGPU_API seqgpu_status seqgpu_params_init_rnn(seqgpu_params *params, const char *prefix,
                                                const seqgpu_plan *plan, const char *scheme, double scale);
/* Sets the bias of a gate in all layers and directions.  gate: a name of the cell's ("f"), or NULL for the gate that keeps
 * the old state, f of the LSTMs and u of the GRU: a high value remembers from the first update on. */
SEQGPU_API seqgpu_status seqgpu_params_set_gate_bias(seqgpu_params *params, const char *prefix,
                                                     const seqgpu_plan *plan, const char *gate, double value);

/* Draws a square tensor as an orthogonal matrix, and keeps it one: from now on an update turns it, in the direction of the
 * optimiser's step, by the Cayley map (Wisdom et al. 2016).  |W^T W - I| stays at rounding, whatever the learning rate;
 * weight decay has no effect on it; its gradient is left as that part of it which turns.  An update costs 32 products of
 * matrices of its size (60 in float64).
 * The mark belongs to params, not to a checkpoint: set it before loading one.  Updates only keep what they find: whoever
 * draws the tensor again or writes other numbers into it takes an orthogonal matrix again. */
SEQGPU_API seqgpu_status seqgpu_params_orthogonal(seqgpu_params *params, const char *name);

SEQGPU_API int seqgpu_params_count(const seqgpu_params *params); /* named tensors */
SEQGPU_API seqgpu_status seqgpu_params_get(const seqgpu_params *params, int index, seqgpu_param *out);
SEQGPU_API seqgpu_status seqgpu_params_find(const seqgpu_params *params, const char *name, seqgpu_param *out);
SEQGPU_API int64_t seqgpu_params_total(const seqgpu_params *params); /* trained numbers */

typedef enum seqgpu_optimizer_kind {
  SEQGPU_OPTIMIZER_SGD,
  SEQGPU_OPTIMIZER_MOMENTUM,
  SEQGPU_OPTIMIZER_RMSPROP,
  SEQGPU_OPTIMIZER_ADAM
} seqgpu_optimizer_kind;
typedef enum seqgpu_clip_kind {
  SEQGPU_CLIP_NONE,
  SEQGPU_CLIP_NORM,
  SEQGPU_CLIP_AUTO,
  SEQGPU_CLIP_VALUE
} seqgpu_clip_kind;

/* The equations stand in core/ops.h.  A field left 0 takes the value in brackets. */
typedef struct seqgpu_optimizer {
  seqgpu_optimizer_kind kind;
  double lr;
  double momentum;     /* MOMENTUM mu, ADAM beta1 [0.9] */
  double decay;        /* RMSPROP rho [0.95], ADAM beta2 [0.999] */
  double eps;          /* [1e-8] */
  double weight_decay; /* L2 */
  int nesterov;        /* MOMENTUM */
  seqgpu_clip_kind clip;
  double clip_threshold; /* NORM, VALUE: the threshold [5]; AUTO: factor over the running average norm [1] */
  double clip_window;    /* AUTO: updates the average remembers [1000] */
} seqgpu_optimizer;

SEQGPU_API seqgpu_status seqgpu_params_zero_grad(seqgpu_params *params);
/* Clips and updates; the gradients are left clipped.  If their norm is not finite nothing is updated. */
SEQGPU_API seqgpu_status seqgpu_params_update(seqgpu_params *params, const seqgpu_optimizer *optimizer);
/* Norm of the last update's gradients before clipping, and the factor applied; waits for the device.
 * SEQGPU_ENONFINITE (values still set) if the norm was infinite or NaN. */
SEQGPU_API seqgpu_status seqgpu_params_grad_norm(seqgpu_params *params, double *norm, double *scale);

#ifdef __cplusplus
}
#endif
#endif
