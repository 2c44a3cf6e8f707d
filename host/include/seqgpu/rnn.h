/** @file
 * seqgpu/rnn.h - recurrent networks over whole sequences, on the caller's memory.
 *
 *   seqgpu_rnn_desc desc = {.cell = "lstm", .input_size = 65, .hidden_size = 128, .seq_len = 50, .batch = 8};
 *   seqgpu_plan_create(ctx, &desc, NULL, &plan);    chooses an algorithm for this device
 *   seqgpu_rnn_forward(ctx, plan, &run);            as often as you like, on your buffers
 *   seqgpu_rnn_backward(ctx, plan, &run);
 *
 * The descriptor says *what* is computed, the plan options *how*; a plan is the two together, resolved for a
 * device.
 *
 * Letters: T = seq_len, B = batch, I = input_size, H = hidden_size, L = num_layers, N = directions (1 or 2),
 *          W_k = width of state k (h: H, or projection_size; c: H),
 *          O = width of one direction's output (mostly W_0),
 *          Y = width of y: O, or 2 O where two directions are concatenated.
 */
#ifndef SEQGPU_RNN_H
#define SEQGPU_RNN_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- cells ---- */

/** What there is to know about a cell of this build. */
typedef struct seqgpu_cell_info {
  const char *name;  /**< "lstm"; static memory */
  const char *about; /**< its equations and their source in one line; static memory */
} seqgpu_cell_info;

/** The number of cells in this build. */
SEQGPU_API int seqgpu_cell_count(void);

/** What seqgpu_cell_get calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_cell_get_(int index, seqgpu_cell_info *out, size_t out_size);

/** Describes cell `index`.  EINVAL, without a sentence since there is no context: the index is not in
 * 0 .. seqgpu_cell_count() - 1, or out is NULL. */
static inline seqgpu_status seqgpu_cell_get(int index, seqgpu_cell_info *out) {
  return seqgpu_cell_get_(index, out, sizeof(seqgpu_cell_info));
}

/* ---- what: the descriptor ---- */

/** An element-wise function g. */
typedef enum seqgpu_activation {
  SEQGPU_ACTIVATION_TANH = 0,
  SEQGPU_ACTIVATION_RELU = 1,
  SEQGPU_ACTIVATION_SIGMOID = 2,
  SEQGPU_ACTIVATION_IDENTITY = 3
} seqgpu_activation;

/** How the outputs of the two directions of a layer become one. */
typedef enum seqgpu_merge {
  SEQGPU_MERGE_CONCAT = 0, /**< side by side: Y = 2 O */
  SEQGPU_MERGE_SUM = 1     /**< added: Y = O */
} seqgpu_merge;

/** The least exact arithmetic that products may use on a GPU; a device may always be more exact, and the CPU
 * is.  Sums and states stay float32.  The exceptions are algorithms that round more, and run only where they
 * are named.  "cudnn-half" and "cudnn-bf16", for BF16, hold everything, states included, in half precision
 * (10 bits of mantissa, at most 65504; what is larger becomes infinity) or in bfloat16 (7 bits, the range of
 * float32; cuDNN 9.13 or newer); measuring may choose them as well.  "stream-bf16" and "stream-int8", on the
 * CPU, round the weights. */
typedef enum seqgpu_math {
  SEQGPU_MATH_F32 = 0,
  SEQGPU_MATH_TF32 = 1, /**< inputs of a product rounded to 10 bits of mantissa */
  SEQGPU_MATH_BF16 = 2  /**< inputs of a product rounded to 7 bits of mantissa */
} seqgpu_math;

/** What seqgpu_rnn_desc.omega weighs: how far error signals change their norm on their way back through a
 * step, from d_t = dE/ds_t to u_t = d_t ds_t/ds_{t-1}, where s_t is all states together, (h_t, c_t) of an
 * LSTM (Pascanu, Mikolov, Bengio 2013, section 3.3, for cell "rnn").  A step counts where |d_t|^2 is 1e-20 or
 * more.  The gradient holds error signals, states and gates constant, so that u_t depends on the recurrent
 * weights alone: weight_hh, and where an LSTM has them, its peepholes, weight_gates and weight_hr.
 *   NORMS     the paper's: sum over the steps of (|u_t|/|d_t| - 1)^2, mean over the batch
 *   SQUARES   the authors' code's: mean over all steps that count of (|u_t|^2/|d_t|^2 - 1)^2 */
typedef enum seqgpu_omega_form { SEQGPU_OMEGA_NORMS = 0, SEQGPU_OMEGA_SQUARES = 1 } seqgpu_omega_form;

/** A network of recurrent layers, and the largest run of it. */
typedef struct seqgpu_rnn_desc {
  /** "rnn", "lstm", "gru", ...: see seqgpu_cell_get.  Cell "urnn" divides by a modulus that is smoothed at 0:
   * with z = W h + V x and r = sqrt(Re(z)^2 + Im(z)^2 + 1e-10), its state is h = z max(0, 1 + b / r). */
  const char *cell;
  int64_t input_size;           /**< I, elements per step */
  int64_t hidden_size;          /**< H, units per layer and direction */
  int64_t num_layers;           /**< L; 0 = 1 */
  int64_t seq_len;              /**< the largest T of any run */
  int64_t batch;                /**< the largest B of any run */
  int bidirectional;            /**< 0 or 1 */
  seqgpu_merge merge;           /**< of the two directions */
  seqgpu_activation activation; /**< cells "rnn", "leaky", "householder" */
  int64_t projection_size;      /**< LSTM cells: width of h, below hidden_size; 0 = no projection */
  int peephole;                 /**< LSTM cells: gates see the cell state */
  int coupled;                  /**< cell "lstm": f = 1 - i */
  int reset_after;              /**< cell "gru": the form of PyTorch and cuDNN */
  int64_t factor_size;          /**< multiplicative cells: width of the factored product; 0 = hidden_size */
  int64_t context_size;         /**< cell "scrn": units of the slow context; 0 = hidden_size */
  double leak;    /**< leaky states: share of the new value in each step, (0,1]; 0 = the cell's default */
  int learn_leak; /**< cell "scrn": each context unit learns its own leak */
  int64_t reflections; /**< cell "householder": how many; 0 = hidden_size */
  double dropout;      /**< probability of dropping, between layers and in training only */
  int batch_first;     /**< x and y are [B,T,*] instead of [T,B,*] */
  int inference;       /**< 1: no reserve, no backward */
  seqgpu_math math;    /**< the least exact arithmetic allowed */
  int reverse;         /**< 1: from each sequence's last step to its first; not with bidirectional */
  /* cell "lstm": the variants of Greff et al. 2017; peephole and coupled are further ones */
  int no_input_gate;        /**< i = 1 */
  int no_forget_gate;       /**< f = 1: cell "lstm0" */
  int no_output_gate;       /**< o = 1 */
  int no_input_activation;  /**< the cell input without its tanh */
  int no_output_activation; /**< h = o c, without the tanh */
  /* Masks of the recurrence, in training only, drawn from run.seed and run.offset; inference has the
   * expectation. */
  /** cells "rnn", "lstm", "lstm0", "gru": probability that a unit of h keeps its old value in a step (Krueger
   * et al. 2017) */
  double zoneout_hidden;
  double zoneout_cell; /**< LSTM cells: the same of c */
  /** the same cells: probability that products do not see a unit of h, in all steps of a run (Gal, Ghahramani
   * 2016) */
  double recurrent_dropout;
  /** LSTM cells, "gru": probability that a unit is not updated by g (GRU: c) in a step (Semeniuta
   * et al. 2016) */
  double update_dropout;
  /** cells "rnn", "leaky", "lstm", "lstm0" and "gru": backward adds omega times the gradient of a
   * regulariser; 0 = none.  It is defined without zoneout, dropout of the recurrence and normalisation, whose
   * options must be 0.  cuDNN's algorithms do not have it. */
  double omega;
  seqgpu_omega_form omega_form; /**< which one */
  /* Normalisation of pre-activations, cells "rnn", "lstm", "lstm0" and "gru"; one of the three at most. */
  int layer_norm;       /**< over the units of each sequence and step (Ba, Kiros, Hinton 2016) */
  int batch_norm_input; /**< W_ih x over all steps and sequences of a run (Laurent et al. 2016) */
  /** over the batch, in each step by itself, also of recurrent products and of an LSTM's c (Cooijmans et al.
   * 2017): the steps that have running statistics of their own */
  int64_t batch_norm_steps;
  /** cell "lstm": i, f and o also see those of the step before, which are a third state, q (Greff et al.
   * 2017) */
  int full_gate_recurrence;
  /** 1: only algorithms that have tangents (seqgpu_tape_tangent) may run it, of those on a GPU not cuDNN's;
   * not with inference */
  int tangents;
  /** runs are parts of batches, whose masks they share (seqgpu_rnn_run.whole_batch): the largest such batch;
   * 0 = there are none */
  int64_t whole_batch;
} seqgpu_rnn_desc;

/* ---- how: algorithms and plans ---- */

/** How a plan chooses among the algorithms that fit.
 *
 * Measuring needs no buffers of the caller: it allocates what a run needs, runs each candidate for a second
 * or so at most, waits for the device, and frees everything.  Where that memory is not available, the
 * estimate decides.  Two measurements may disagree, and two algorithms may differ in the last bits of their
 * results; `cache` makes a choice last. */
typedef enum seqgpu_plan_mode {
  SEQGPU_PLAN_ESTIMATE = 0, /**< by a model of the costs */
  SEQGPU_PLAN_MEASURE = 1   /**< by timing each of them */
} seqgpu_plan_mode;

/** How a descriptor is to run. */
typedef struct seqgpu_plan_options {
  /** NULL = the planner's choice; or a name, "step" or "cuda/step"; or the beginning of several names,
   * "persistent" or "cudnn", among which the planner chooses.  seqgpu_algorithm_get lists all names, and says
   * which of them are never a choice and must be given whole. */
  const char *algorithm;
  seqgpu_plan_mode mode; /**< estimate or measure */
  /** SEQGPU_PLAN_MEASURE: a text file of earlier choices, keyed by device, version and descriptor; NULL =
   * none.  What is in it is not measured again; what is not is measured and added.  A file that cannot be
   * read, is damaged or is of another version counts as empty; one that cannot be written, or is no such
   * file, is left alone.  Never an error. */
  const char *cache;
} seqgpu_plan_options;

/** A descriptor with the algorithm that runs it.  Immutable: threads may share a plan, each with a context
 * and buffers of its own, as long as the contexts are on the same device.  The context it was made with must
 * outlive it. */
typedef struct seqgpu_plan seqgpu_plan;

/** What seqgpu_plan_create calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_plan_create_(seqgpu_context *ctx, const seqgpu_rnn_desc *desc,
                                             size_t desc_size, const seqgpu_plan_options *options,
                                             size_t options_size, seqgpu_plan **out);

/** Resolves a descriptor for the context's device.  options NULL = all defaults.  Strings are copied.
 * EINVAL: a field is out of range, the cell lacks an option that is set, or no algorithm has that name.
 * EUNSUPPORTED: the named algorithms cannot run this descriptor; the sentence says why.  ENOMEM.  EDEVICE: the
 * device failed when it was asked how much of one it holds; another would have other bits. */
static inline seqgpu_status seqgpu_plan_create(seqgpu_context *ctx, const seqgpu_rnn_desc *desc,
                                               const seqgpu_plan_options *options, seqgpu_plan **out) {
  return seqgpu_plan_create_(ctx, desc, sizeof(seqgpu_rnn_desc), options, sizeof(seqgpu_plan_options), out);
}

/** Frees the plan.  NULL is allowed. */
SEQGPU_API void seqgpu_plan_destroy(seqgpu_plan *plan);

/** What the planner thinks of one algorithm. */
typedef struct seqgpu_algorithm_info {
  char name[64];     /**< "cuda/persistent-cluster-async" */
  char why_not[256]; /**< "", or a sentence that says why it cannot run the descriptor */
  /** Microseconds of a forward by the planner's model, and of the backward with it unless desc->inference; 0
   * where it cannot run. */
  double estimate_us;
  int by_name; /**< 1: it rounds more than desc->math allows, and runs only where its whole name is given */
} seqgpu_algorithm_info;

/** The number of algorithms that the context's device has, whether they fit a descriptor or not. */
SEQGPU_API int seqgpu_algorithm_count(const seqgpu_context *ctx);

/** What seqgpu_algorithm_get calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_algorithm_get_(seqgpu_context *ctx, const seqgpu_rnn_desc *desc,
                                               size_t desc_size, int index, seqgpu_algorithm_info *out,
                                               size_t out_size);

/** What the planner thinks of algorithm `index` for a descriptor.
 * EINVAL: a descriptor that no algorithm could run, or an index out of range.  ENOMEM.  EDEVICE: the device failed
 * when it was asked what it holds. */
static inline seqgpu_status seqgpu_algorithm_get(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, int index,
                                                 seqgpu_algorithm_info *out) {
  return seqgpu_algorithm_get_(ctx, desc, sizeof(seqgpu_rnn_desc), index, out, sizeof(seqgpu_algorithm_info));
}

/* ---- what a plan answers ---- */

/** The algorithm that runs, with its device: "cpu/step", "cuda/persistent-cta"; "none" for NULL.  Static
 * memory. */
SEQGPU_API const char *seqgpu_plan_algorithm(const seqgpu_plan *plan);

/** Writes the descriptor into *out: what seqgpu_plan_get_desc returns. */
SEQGPU_API void seqgpu_plan_get_desc_(const seqgpu_plan *plan, seqgpu_rnn_desc *out, size_t out_size);
/** The plan's descriptor, with num_layers filled in and `cell` in static memory; zeros for a NULL plan. */
static inline seqgpu_rnn_desc seqgpu_plan_get_desc(const seqgpu_plan *plan) {
  seqgpu_rnn_desc desc;
  seqgpu_plan_get_desc_(plan, &desc, sizeof desc);
  return desc;
}

/** The most states that any cell may ever have. */
enum { SEQGPU_MAX_STATES = 4 };

/** Every buffer of the plan's largest run.  A smaller run uses the beginning of each. */
typedef struct seqgpu_plan_sizes {
  /* bytes */
  size_t params;                   /**< params, dparams */
  size_t x;                        /**< x, dx */
  size_t y;                        /**< y, dy */
  size_t state[SEQGPU_MAX_STATES]; /**< initial, final and their gradients; 0 from state_count on */
  size_t workspace;                /**< workspace */
  size_t reserve;                  /**< reserve; 0 for inference */
  /* elements */
  int64_t param_elements;                 /**< of params */
  int64_t output_width;                   /**< Y, per row of y */
  int64_t state_width[SEQGPU_MAX_STATES]; /**< W_k, per row of state k */
  /* objects */
  int state_count; /**< states of the cell: 1 (h), 2 (h and c, say) */
  /** Philox blocks that the dropout and zoneout masks of a run, or of the whole batch that it is a part of,
   * use from run.offset on: add it to the offset after each training step. */
  uint64_t random_blocks;
  size_t packed; /**< bytes of packed; 0 unless the algorithm packs weights (seqgpu_rnn_pack) */
  size_t omega;  /**< bytes of omega; 0 where the descriptor has none */
} seqgpu_plan_sizes;

/** Writes the sizes into *out: what seqgpu_plan_get_sizes returns. */
SEQGPU_API void seqgpu_plan_get_sizes_(const seqgpu_plan *plan, seqgpu_plan_sizes *out, size_t out_size);
/** The sizes of all buffers of the plan's largest run; zeros for a NULL plan. */
static inline seqgpu_plan_sizes seqgpu_plan_get_sizes(const seqgpu_plan *plan) {
  seqgpu_plan_sizes sizes;
  seqgpu_plan_get_sizes_(plan, &sizes, sizeof sizes);
  return sizes;
}

/** One named parameter inside the plan's flat parameter buffer: a row-major [rows, cols] matrix. */
typedef struct seqgpu_param_info {
  char name[64];  /**< "weight_hh_l0_reverse": PyTorch's name where PyTorch has the parameter */
  int64_t rows;   /**< of the matrix */
  int64_t cols;   /**< of the matrix; 1 for a vector */
  int64_t offset; /**< of its first element, in elements */
  int layer;      /**< from 0 */
  int direction;  /**< 0, or 1 for the backward direction */
  int fixed;      /**< 1: not to be trained; its gradient is 0 (a permutation, running statistics) */
} seqgpu_param_info;

/** The number of named parameters, 0 for NULL. */
SEQGPU_API int seqgpu_plan_param_count(const seqgpu_plan *plan);

/** What seqgpu_plan_param_get calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_plan_param_get_(seqgpu_context *ctx, const seqgpu_plan *plan, int index,
                                                seqgpu_param_info *out, size_t out_size);

/** Describes parameter `index`.  EINVAL: plan or out is NULL, or the index is not in 0 ..
 * seqgpu_plan_param_count - 1. */
static inline seqgpu_status seqgpu_plan_param_get(seqgpu_context *ctx, const seqgpu_plan *plan, int index,
                                                  seqgpu_param_info *out) {
  return seqgpu_plan_param_get_(ctx, plan, index, out, sizeof(seqgpu_param_info));
}

/** Something that can be looked at inside a cell: a state ("h", "c"), a gate ("i", "f", "r"), or what else
 * has a name. */
typedef struct seqgpu_part_info {
  char name[16]; /**< "h", "c", "i" */
  int64_t width; /**< elements per step and sequence */
} seqgpu_part_info;

/** The number of named parts of the plan's cell, 0 for NULL. */
SEQGPU_API int seqgpu_plan_part_count(const seqgpu_plan *plan);

/** What seqgpu_plan_part_get calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_plan_part_get_(seqgpu_context *ctx, const seqgpu_plan *plan, int index,
                                               seqgpu_part_info *out, size_t out_size);

/** Describes part `index`.  EINVAL: plan or out is NULL, or the index is not in 0 .. seqgpu_plan_part_count -
 * 1. */
static inline seqgpu_status seqgpu_plan_part_get(seqgpu_context *ctx, const seqgpu_plan *plan, int index,
                                                 seqgpu_part_info *out) {
  return seqgpu_plan_part_get_(ctx, plan, index, out, sizeof(seqgpu_part_info));
}

/** How a pass over a layer is cut into pieces of work for a GPU, where the algorithm keeps the recurrent
 * weights on the chip ("persistent-...").  A group of blocks holds the weights of one direction of the
 * layer, and runs a slice of the batch. */
typedef struct seqgpu_cut_info {
  int ctas;     /**< blocks of a group */
  int cluster;  /**< of them in a thread-block cluster; 1 = there are no clusters */
  int slices;   /**< of the batch */
  int launches; /**< one after the other, each with as many slices as the device has room for */
  int units;    /**< of the layer, that a block owns */
  int columns;  /**< sequences of a slice */
  int width;    /**< columns with their padding */
  int parts
      [2];     /**< into which the depth of the step's first and second product is cut; 0 = no such product */
  int threads; /**< of a block */
  int shared_size; /**< bytes of shared memory of a block */
  /** Clusters that fit on the device together, by its driver; blocks where cluster is 1. */
  int resident;
  double step_us; /**< microseconds of a time step by the planner's model: an estimate */
  /** Blocks, one after the other, that the operand of the step's first and second product arrives in; 1 = all
   * at once, 0 = no such product.  Backward, an operand that shared memory has no room for arrives gate by
   * gate. */
  int blocks[2];
  double product_us;   /**< of step_us: the products by the recurrent weights */
  double pointwise_us; /**< of step_us: the cell's pointwise steps, and barriers */
  double exchange_us;  /**< of step_us: giving blocks the results of others */
} seqgpu_cut_info;

/** What seqgpu_plan_cut_get calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_plan_cut_get_(seqgpu_context *ctx, const seqgpu_plan *plan, int backward,
                                              seqgpu_cut_info *out, size_t out_size);

/** Describes the cut of the plan's forward pass (backward 0) or of its backward pass (1). EINVAL: plan or out
 * is NULL, backward is neither 0 nor 1.  EUNSUPPORTED: the plan's algorithm cuts nothing, or not for this
 * pass. */
static inline seqgpu_status seqgpu_plan_cut_get(seqgpu_context *ctx, const seqgpu_plan *plan, int backward,
                                                seqgpu_cut_info *out) {
  return seqgpu_plan_cut_get_(ctx, plan, backward, out, sizeof(seqgpu_cut_info));
}

/* ---- runs ---- */

/** Is told that a gradient has got its last contribution: `elements` numbers from `gradient` on, device
 * memory, which on a GPU what is on the context's stream by then will have written.  seqgpu_shards_ready
 * (comm.h) is one.  A status other than SEQGPU_OK ends the walk back, which returns it. */
typedef seqgpu_status seqgpu_gradient_ready(void *about, const void *gradient, int64_t elements);

/** One run of a plan.  All pointers but host_lengths are device memory of the context; the same struct goes
 * to forward and to backward.  No buffer may overlap another one, except that final may be the memory of
 * initial, and dinitial that of dfinal; in training a pass refuses (EINVAL) to write over something else that
 * it uses, in inference to write y over x or two states into one memory. */
typedef struct seqgpu_rnn_run {
  int64_t seq_len; /**< T, at most the plan's */
  int64_t batch;   /**< B, at most the plan's */
  /** [B], each from 0 to T, or NULL = all T.  Padded steps are not read and contribute no gradient; y and dx
   * are 0 there. */
  const int32_t *lengths;
  /** The same lengths in host memory, or NULL.  Only the cudnn algorithms want them: without, a ragged run of
   * theirs waits for the stream to read `lengths` back. */
  const int32_t *host_lengths;
  const void *params;                     /**< [param_elements] */
  const void *x;                          /**< [T,B,I] */
  const void *initial[SEQGPU_MAX_STATES]; /**< state k: [L*N,B,W_k]; NULL = zeros */
  void *y;                                /**< [T,B,Y] */
  /** Like initial, or NULL.  With the memory of initial, states are carried from run to run. */
  void *final[SEQGPU_MAX_STATES];
  void *reserve;   /**< written by forward, read by backward; NULL: inference, without dropout */
  void *workspace; /**< its contents are free between calls */
  uint64_t seed;   /**< of the dropout masks: the same for backward */
  uint64_t offset; /**< of the dropout masks: the same for backward, a new one for each training step */
  /* backward */
  const void *dy;                        /**< [T,B,Y], or NULL = zeros */
  const void *dfinal[SEQGPU_MAX_STATES]; /**< like final; NULL = zeros */
  void *dx;                              /**< [T,B,I], overwritten; NULL = not wanted */
  void *dinitial[SEQGPU_MAX_STATES];     /**< like initial, overwritten; NULL = not wanted */
  void *dparams;                         /**< [param_elements], added to; NULL = not wanted */
  void *memory;                          /**< of seqgpu_run_allocate; else NULL */
  /* weights in fewer bits */
  void *packed; /**< written by seqgpu_rnn_pack, read by forward; NULL where sizes.packed is 0 */
  /* how much memory there is, for the library to check; 0 = not told */
  size_t workspace_bytes; /**< bytes at workspace */
  size_t reserve_bytes;   /**< bytes at reserve */
  /** backward: [L*N,2], for each layer and direction the regulariser (desc.omega) without its factor, and how
   * many steps of sequences count; NULL = not wanted, and where there is no regulariser it must be. */
  void *omega;
  /** With batch normalisation: [param_elements], of which a forward with a reserve writes the running
   * statistics (the fixed parameters running_mean_... and running_var_...), moved by a tenth to those of the
   * run.  Usually the memory of params; NULL = not wanted.  Without batch normalisation it is not looked at. */
  void *running;
  /** Sequences of the batch that this run is a part of, at most the plan's whole_batch: with the same seed and
   * offset each gets the masks that it would have in the whole.  The same for backward; 0 = the run is the whole. */
  int64_t whole_batch;
  int64_t first_sequence; /**< the number in that batch of this run's first one */
  /** backward: told of dparams layer by layer, the last one first, each while those below it are still to
   * come; NULL = not wanted */
  seqgpu_gradient_ready *ready;
  void *ready_about; /**< what it gets */
  /** backward: 1: of inputs that are the same to the bit one may get the sum of their gradients in dx, and the
   * others 0.  Whoever adds them up by input, as seqgpu_embedding_backward does, loses nothing, and a matrix
   * product is saved where many are the same.  Algorithms that do not look for such inputs give each its own. */
  int dx_summed;
} seqgpu_rnn_run;

/** What seqgpu_run_allocate calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_run_allocate_(seqgpu_context *ctx, const seqgpu_plan *plan,
                                              seqgpu_rnn_run *run, size_t run_size);

/** Fills *run for the plan's largest run, with device memory for every buffer, all set to 0: params, x, y,
 * workspace, packed, the states (initial and final are the same memory, so that they are carried from run to
 * run), and unless the plan is for inference reserve, dy, dx and dparams.  Any of the pointers may then be
 * replaced by the caller's own buffers. Free it with seqgpu_run_release.  ENOMEM: *run is all zeros. */
static inline seqgpu_status seqgpu_run_allocate(seqgpu_context *ctx, const seqgpu_plan *plan,
                                                seqgpu_rnn_run *run) {
  return seqgpu_run_allocate_(ctx, plan, run, sizeof(seqgpu_rnn_run));
}

/** Frees what seqgpu_run_allocate took, and nothing else that the run points to.  NULL is allowed. */
SEQGPU_API void seqgpu_run_release(seqgpu_context *ctx, seqgpu_rnn_run *run);

/** What seqgpu_rnn_pack calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_rnn_pack_(seqgpu_context *ctx, const seqgpu_plan *plan,
                                          const seqgpu_rnn_run *run, size_t run_size);

/** Packs run.params into run.packed, for the algorithms that read weights in fewer bits, "stream-bf16" and
 * "stream-int8": once, and again after each change of the weights.  Their forward reads biases and other
 * vectors in params, and every matrix in packed.  Plans that differ in seq_len and batch alone may share
 * packed, and threads may, too.  Where sizes.packed is 0 there is nothing to do. EINVAL: params or packed is
 * NULL, packed is not at a multiple of 8 bytes, or it is given to a plan that packs nothing. */
static inline seqgpu_status seqgpu_rnn_pack(seqgpu_context *ctx, const seqgpu_plan *plan,
                                            const seqgpu_rnn_run *run) {
  return seqgpu_rnn_pack_(ctx, plan, run, sizeof(seqgpu_rnn_run));
}

/** What seqgpu_rnn_forward calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_rnn_forward_(seqgpu_context *ctx, const seqgpu_plan *plan,
                                             const seqgpu_rnn_run *run, size_t run_size);

/** Runs the network: y and final from params, x and initial; with a reserve, what backward needs is kept in
 * it. EINVAL: a missing or wrong argument, also lengths out of range where the library can see them (on the
 * CPU). */
static inline seqgpu_status seqgpu_rnn_forward(seqgpu_context *ctx, const seqgpu_plan *plan,
                                               const seqgpu_rnn_run *run) {
  return seqgpu_rnn_forward_(ctx, plan, run, sizeof(seqgpu_rnn_run));
}

/** What seqgpu_rnn_backward calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_rnn_backward_(seqgpu_context *ctx, const seqgpu_plan *plan,
                                              const seqgpu_rnn_run *run, size_t run_size);

/** Back-propagation through time: the gradients of the run's last forward, whose reserve, seq_len, batch,
 * lengths, seed and offset must be unchanged.  On the CPU the reserve says what run filled it, and another
 * run is EINVAL; a GPU's memory cannot be looked at without waiting for it, and there the gradients would be
 * wrong.  Writes dx and dinitial, adds to dparams.  For truncated BPTT, run a piece of the sequence at a
 * time and carry `final` into the next piece's `initial`. */
static inline seqgpu_status seqgpu_rnn_backward(seqgpu_context *ctx, const seqgpu_plan *plan,
                                                const seqgpu_rnn_run *run) {
  return seqgpu_rnn_backward_(ctx, plan, run, sizeof(seqgpu_rnn_run));
}

/** What seqgpu_rnn_inspect calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_rnn_inspect_(seqgpu_context *ctx, const seqgpu_plan *plan,
                                             const seqgpu_rnn_run *run, size_t run_size, int layer,
                                             int direction, const char *part, void *out, int64_t *width);

/** Looks inside the cells after a forward with a reserve.  `part` is a name of seqgpu_plan_part_get; `out` is
 * host memory [T,B,width] of the context's element type, or NULL to ask for the width alone; `width` may be
 * NULL.  Waits for the device.  EUNSUPPORTED: the cudnn algorithms, whose reserve only cuDNN can read. */
static inline seqgpu_status seqgpu_rnn_inspect(seqgpu_context *ctx, const seqgpu_plan *plan,
                                               const seqgpu_rnn_run *run, int layer, int direction,
                                               const char *part, void *out, int64_t *width) {
  return seqgpu_rnn_inspect_(ctx, plan, run, sizeof(seqgpu_rnn_run), layer, direction, part, out, width);
}

/** What seqgpu_rnn_check_finite calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_rnn_check_finite_(seqgpu_context *ctx, const seqgpu_plan *plan,
                                                  const seqgpu_rnn_run *run, size_t run_size);

/** Looks for the first number that is infinite or NaN in what a run has read and written, in the order in
 * which it was computed: x, params, initial; with a reserve each layer, its earliest step, gates before
 * states; y, final; then what the run has of dy, dfinal, dx (the latest step, to which backward comes
 * first), dparams, dinitial. Waits for the device.  SEQGPU_ENONFINITE and a sentence that names it, with
 * layer, step, sequence and unit, as far as they apply; SEQGPU_OK if all are finite.  Of the cudnn
 * algorithms the layers cannot be looked at. */
static inline seqgpu_status seqgpu_rnn_check_finite(seqgpu_context *ctx, const seqgpu_plan *plan,
                                                    const seqgpu_rnn_run *run) {
  return seqgpu_rnn_check_finite_(ctx, plan, run, sizeof(seqgpu_rnn_run));
}

#ifdef __cplusplus
}
#endif
#endif
