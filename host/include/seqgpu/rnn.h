/* seqgpu/rnn.h - recurrent networks over whole sequences, on the caller's memory.
 *
 * Letters: T = seq_len, B = batch, I = input_size, H = hidden_size, P = projection_size, L = num_layers,
 *          N = number of directions (1 or 2), O = width of h (H, or P with a projection),
 *          Y = width of y: O, or 2 O for a bidirectional network whose outputs are concatenated.
 *
 * A network of recurrent layers is used in three steps:
 *   seqgpu_rnn_desc  desc = {.cell = "lstm", .input_size = 65, ...};
 *   seqgpu_plan_create(ctx, &desc, &plan);        chooses how to run it on this device
 *   seqgpu_rnn_forward(plan, &run);               as often as you like, on your buffers
 */
#ifndef SEQGPU_RNN_H
#define SEQGPU_RNN_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum seqgpu_activation {
  SEQGPU_ACTIVATION_TANH,
  SEQGPU_ACTIVATION_RELU,
  SEQGPU_ACTIVATION_SIGMOID,
  SEQGPU_ACTIVATION_IDENTITY
} seqgpu_activation;

typedef enum seqgpu_merge { SEQGPU_MERGE_CONCAT, SEQGPU_MERGE_SUM } seqgpu_merge;

/* The least exact arithmetic that products may use on a GPU; a device may always be more exact (the CPU is).  Sums
 * and states stay float32.  TF32 rounds the inputs of a product to 10 bits of mantissa, BF16 to 7.
 * The plans "cudnn-half" are the exception: for BF16 they hold everything in half (10 bits, at most 65504, and what is larger
 * becomes infinity), states too.  They run where they are named, or measured to be the fastest. */
typedef enum seqgpu_math { SEQGPU_MATH_F32, SEQGPU_MATH_TF32, SEQGPU_MATH_BF16 } seqgpu_math;

/* How a plan is chosen among those that fit: by a model of the costs, or by timing each of them.  Measuring needs no
 * buffers of the caller: it allocates what a run needs, runs for up to a second or so for each candidate, waits for the
 * device, and frees everything; where that memory is not to be had, the model decides. Two measurements may differ,
 * and so may the last bits of two plans' results: `cache` makes the choice last. */
typedef enum seqgpu_plan_mode { SEQGPU_PLAN_ESTIMATE, SEQGPU_PLAN_MEASURE } seqgpu_plan_mode;

typedef struct seqgpu_rnn_desc {
  const char *cell; /* "rnn", "lstm", "gru", ...: see seqgpu_cell_name */
  int64_t input_size, hidden_size;
  int64_t num_layers;           /* 0 = 1 */
  int64_t seq_len, batch;       /* the largest T and B of any run */
  int bidirectional;            /* 0 or 1 */
  seqgpu_merge merge;           /* of the two directions */
  seqgpu_activation activation; /* cells "rnn", "leaky", "householder" */
  int64_t projection_size;      /* lstm cells: 0 = none, else < hidden_size */
  int peephole;                 /* lstm cells */
  int coupled;                  /* cell "lstm": f = 1 - i */
  int reset_after;              /* cell "gru": PyTorch's and cuDNN's form */
  int64_t factor_size;          /* multiplicative cells: width of the factored product, 0 = hidden_size */
  int64_t context_size;         /* cell "scrn": units of the slow context, 0 = hidden_size */
  double leak;         /* leaky states: share of the new value a step, (0,1]; 0 = the cell's default */
  int learn_leak;      /* cell "scrn": each context unit learns its own leak */
  int64_t reflections; /* cell "householder": how many, 0 = hidden_size */
  double dropout;      /* probability of dropping, between layers only, in training only */
  int batch_first;     /* x and y are [B,T,*] instead of [T,B,*] */
  int inference;       /* 1: no reserve, no backward */
  seqgpu_math math;
  /* NULL = the planner's choice, or a name: "step", "cuda/step", or the beginning of several ("persistent", "cudnn"),
   * of which the planner chooses one.  See seqgpu_plan_candidate for all names. */
  const char *plan;
  seqgpu_plan_mode mode;
  /* SEQGPU_PLAN_MEASURE: a text file of earlier choices, by device, version and descriptor, or NULL = none.  What is
   * in it is not measured again; what is not is measured and added.  A file that cannot be read, is damaged or of
   * another version counts as empty, and one that cannot be written, or is no such file, is left: never an error. */
  const char *cache;
} seqgpu_rnn_desc;

/* A plan is immutable after creation: threads may share one, each with its own context and buffers, as long as
 * the contexts are on the same device.  The context it was made with must outlive it. */
typedef struct seqgpu_plan seqgpu_plan;

SEQGPU_API seqgpu_status seqgpu_plan_create(seqgpu_context *ctx, const seqgpu_rnn_desc *desc,
                                            seqgpu_plan **out);
SEQGPU_API void seqgpu_plan_destroy(seqgpu_plan *plan);

/* The ways to run a descriptor on a context's device: index 0 to seqgpu_plan_num_candidates(ctx) - 1. */
typedef struct seqgpu_plan_candidate_info {
  char name[64];      /* "cuda/persistent-cluster-async" */
  char why_not[256];  /* "", or the reason why it cannot run this descriptor: a sentence */
  double estimate_us; /* microseconds by the planner's model, of a forward and, unless desc->inference, of
                           a backward with it; 0 where it cannot run */
} seqgpu_plan_candidate_info;
SEQGPU_API int seqgpu_plan_num_candidates(const seqgpu_context *ctx);
/* What the planner thinks of one of them; desc->plan, mode and cache are not looked at.  EINVAL: a descriptor that no
 * plan could run, or an index out of range. */
SEQGPU_API seqgpu_status seqgpu_plan_candidate(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, int index,
                                               seqgpu_plan_candidate_info *out);

/* "cpu/step", "cuda/step": backend and implementation that run. */
SEQGPU_API const char *seqgpu_plan_name(const seqgpu_plan *plan);
SEQGPU_API const seqgpu_rnn_desc *seqgpu_plan_desc(const seqgpu_plan *plan);
/* Y, the width of y. */
SEQGPU_API int64_t seqgpu_plan_output_size(const seqgpu_plan *plan);
/* Bytes of the caller's buffers for the largest run, any alignment a seqgpu_malloc gives. */
SEQGPU_API size_t seqgpu_plan_workspace_size(const seqgpu_plan *plan);
SEQGPU_API size_t seqgpu_plan_reserve_size(const seqgpu_plan *plan);

/* Philox blocks that the dropout masks of one run use, from run.offset on: add it to the offset after each step. */
SEQGPU_API uint64_t seqgpu_plan_random_blocks(const seqgpu_plan *plan);

/* One named parameter inside the plan's flat parameter buffer: a row-major [rows, cols] matrix. */
typedef struct seqgpu_param_info {
  char name[64]; /* "weight_hh_l0_reverse": PyTorch's names where PyTorch has the parameter */
  int64_t rows, cols;
  int64_t offset; /* in numbers */
  int layer, direction;
  int fixed; /* 1: not to be trained, and its gradient is 0 (the permutation of cell "urnn") */
} seqgpu_param_info;

/* Numbers (not bytes) in the parameter buffer, and its parts. */
SEQGPU_API int64_t seqgpu_plan_param_count(const seqgpu_plan *plan);
SEQGPU_API int seqgpu_plan_num_params(const seqgpu_plan *plan);
SEQGPU_API seqgpu_status seqgpu_plan_param(const seqgpu_plan *plan, int index, seqgpu_param_info *out);

/* Number of states of the cell (1: h; 2: h and c) and their widths. */
SEQGPU_API int seqgpu_plan_num_states(const seqgpu_plan *plan);
SEQGPU_API int64_t seqgpu_plan_state_size(const seqgpu_plan *plan, int state);

/* All pointers are device memory of the plan's context; the same struct goes forward and backward. */
typedef struct seqgpu_rnn_run {
  int64_t seq_len, batch; /* T, B: at most the plan's */
  const int32_t *lengths; /* [B], each 0..T, or NULL = all T. Padded steps are neither read nor written to
                                gradients; y and dx are zero there */
  /* The same numbers in host memory, or NULL.  Only the cudnn plans look at them: without, a ragged run of theirs waits
   * for the stream to read `lengths` back. */
  const int32_t *host_lengths;
  const void *params;     /* [seqgpu_plan_param_count] */
  const void *x;          /* [T,B,I] */
  const void *initial[2]; /* [L*N,B,O] h, [L*N,B,H] c; NULL = zeros */
  void *y;                /* [T,B,Y] */
  void *final[2];        /* like initial, or NULL; may be the same memory as initial: states are carried on */
  void *reserve;         /* written by forward, read by backward; NULL in inference: then no dropout either */
  void *workspace;       /* contents free between calls */
  uint64_t seed, offset; /* of the dropout masks: give backward the same; a new offset a step */
  /* backward */
  const void *dy;        /* [T,B,Y] or NULL = zeros */
  const void *dfinal[2]; /* or NULL = zeros */
  void *dx;              /* [T,B,I] = , or NULL */
  void *dinitial[2];     /* = , or NULL */
  void *dparams;         /* += , or NULL */
} seqgpu_rnn_run;

/* Neither x, y nor the states may overlap other buffers of the run (except final over initial). */
SEQGPU_API seqgpu_status seqgpu_rnn_forward(seqgpu_context *ctx, const seqgpu_plan *plan,
                                            const seqgpu_rnn_run *run);
SEQGPU_API seqgpu_status seqgpu_rnn_backward(seqgpu_context *ctx, const seqgpu_plan *plan,
                                             const seqgpu_rnn_run *run);

/* What there is to see inside the plan's cell, by index: states ("h", "c"), gates ("i", "f", "r", ...) and what else it has
 * names for; NULL past the last.  *width receives H, O, or the part's own; it may be NULL. */
SEQGPU_API const char *seqgpu_plan_part(const seqgpu_plan *plan, int index, int64_t *width);
/* Looks inside the cells after a forward with reserve: part is a name of seqgpu_plan_part,
 * out is host memory [T,B,width] of the context's type.  out may be NULL to ask the width.
 * EUNSUPPORTED for the cudnn plans, whose reserve only cuDNN can read. */
SEQGPU_API seqgpu_status seqgpu_rnn_inspect(seqgpu_context *ctx, const seqgpu_plan *plan,
                                            const seqgpu_rnn_run *run, int layer, int direction,
                                            const char *part, void *out, int64_t *width);

#ifdef __cplusplus
}
#endif
#endif
