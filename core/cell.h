/* cell.h - what a recurrent cell is, as data.
 *
 * A cell is a *layout* (which elements a time step has, which products connect them, which parameters there
 * are) and a *pointwise* function, forward and backward.  The layer driver (core/layer.c, kernels/layer.cu)
 * reads the layout and does everything else once for all cells:
 *
 *   gates[t] = W_ih x_t + b     one GEMM over all time steps, before the recurrence; b may be shorter
 *   for each t, for each stage: its products, then its pointwise step
 *   backward: the same in reverse, then one GEMM per weight over the whole sequence
 *
 * Letters: T = time steps, B = batch, I = input size, H = hidden size, P = projection size (h is [B,P] then),
 * G = rows of W_ih, A = width of the auxiliary buffer.
 *
 * The tensors of one step (row-major, one row per sequence of the batch):
 *   gates [B,G]       pre-activations; the pointwise step replaces them by the activations, kept for backward
 *   aux [B,A]         whatever else a later product or the backward step needs
 *   state k [B,W_k]   state 0 is h, state 1 the cell's second state (c of an LSTM)
 * Backward has dgates [B,G], daux [B,A] (gradients at the *results of products*), and dstate k [B,W_k].
 */
#ifndef SQ_CELL_H
#define SQ_CELL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  SQ_MAX_STATES = 3,
  SQ_MAX_STAGES = 3,
  SQ_MAX_PRODUCTS = 4,
  SQ_MAX_SUMS = 8,
  SQ_MAX_NORMS = 4,
  SQ_MAX_RESULTS = 6,
  SQ_MAX_PARAMS = 18,
  SQ_MAX_PARTS = 8
};

/* The element-wise functions g of the literature. */
typedef enum sq_activation { SQ_TANH, SQ_RELU, SQ_SIGMOID, SQ_IDENTITY } sq_activation;

/* The C type of each kind of option. */
typedef int64_t sq_option_SIZE;
typedef int sq_option_FLAG;
typedef sq_activation sq_option_ACTIVATION;
typedef double sq_option_SHARE;

/* What the user chose for one layer: its sizes, and the options of core/options.def. */
typedef struct sq_config {
  int64_t input_size;  /* I */
  int64_t hidden_size; /* H */
#define OPTION(BIT, field, kind, ...) sq_option_##kind field;
#include "core/options.def"
#undef OPTION
} sq_config;

/* The options as bits: a cell says which of them it has; setting any other is refused. */
enum {
#define OPTION(BIT, ...) SQ_OPTION_NUMBER_##BIT,
#include "core/options.def"
#undef OPTION
  SQ_OPTIONS
};
enum {
#define OPTION(BIT, ...) SQ_OPTION_##BIT = 1 << SQ_OPTION_NUMBER_##BIT,
#include "core/options.def"
#undef OPTION
};

/* Options that cells have together. */
enum { SQ_OPTION_NORMS = SQ_OPTION_LAYER_NORM | SQ_OPTION_BATCH_NORM_INPUT | SQ_OPTION_BATCH_NORM_STEPS };

/* A row of core/options.def, for code that treats all options alike. */
typedef struct sq_option {
  const char *name; /* "projection_size" */
  unsigned bit;
  double (*value)(const sq_config *config);
  double least, most;
  const char *refusal; /* of a cell that lacks it */
  const char *beyond;  /* of an algorithm that lacks it */
} sq_option;
extern const sq_option sq_options[SQ_OPTIONS];

/* NULL if every option is in its range, else the first that is not. */
const sq_option *sq_option_out_of_range(const sq_config *config);

/* The first option that is set and not in `known`, a set of SQ_OPTION_... bits; NULL if there is none. */
const sq_option *sq_option_first(const sq_config *config, unsigned known);

/* For algorithms that have only the options in `known`: NULL, or why not the first other one that is set. */
const char *sq_option_beyond(const sq_config *config, unsigned known);

/* A place in the tensors of one step. */
typedef enum sq_buffer { SQ_NONE, SQ_GATES, SQ_AUX, SQ_STATE, SQ_STATE_PREV } sq_buffer;
typedef struct sq_place {
  sq_buffer buffer;
  int state;      /* which state, for SQ_STATE and SQ_STATE_PREV */
  int64_t column; /* first column */
} sq_place;

struct sq_structure;

/* to[B,rows] (+)= from[B,cols] W[row..row+rows, 0..cols]^T: a recurrent product of one step.
 * A target in the gates is added to (it holds W_ih x + b); a target in aux is overwritten.
 * With a structure, W is not stored but made of simpler factors, whose parameters begin at `param`
 * (core/structure.h): a unitary matrix of Fourier transforms, or a product of reflections. */
typedef struct sq_product {
  int stage;
  int param;                            /* W, or the first parameter of the structure */
  int64_t row;                          /* first row of W */
  int64_t rows, cols;                   /* block of W; cols is the whole width of W */
  sq_place from;                        /* SQ_STATE_PREV, SQ_STATE (written by an earlier stage) or SQ_AUX */
  sq_place to;                          /* SQ_GATES or SQ_AUX */
  const struct sq_structure *structure; /* NULL: a dense matrix */
  int adds; /* backward, with an operand in aux: adds to its gradient, which is overwritten else */
} sq_product;

/* What mean and variance are taken over (core/norm.h). */
typedef enum sq_norm_over { SQ_OVER_UNITS, SQ_OVER_BATCH, SQ_OVER_RUN } sq_norm_over;

/* x^ = (a - mean) / sigma;  to[j] (+)= gain[row+j] x^[j] (+ bias[j]), j < width: after the products of a
 * stage, before its pointwise step; SQ_BEFORE_STEPS: of all steps at once, before the recurrence. Backward
 * turns the gradient at the result into that at a: in aux by itself, in the gates in its place, at a state by
 * adding to it. */
enum { SQ_BEFORE_STEPS = -1 };
typedef struct sq_norm {
  int stage;
  sq_norm_over over;
  int64_t width;
  sq_place from; /* a: SQ_AUX, SQ_GATES or SQ_STATE */
  int64_t hat;   /* x^: column of aux; may be that of a */
  sq_place to;   /* SQ_GATES or SQ_AUX */
  int adds;      /* to += */
  int gain, bias;
  int64_t row;        /* of gain, and column of the running statistics */
  int64_t scale;      /* over units: column of aux with 1/sigma */
  int64_t stats;      /* over a batch: mean [width] and variance [width] among the layout's stats */
  int mean, variance; /* over a batch: parameters [steps, columns], the running statistics */
} sq_norm;

/* dparam[j] += sum over t, b of dto[t,b,column+j] * from[t,b,j], j < width (from SQ_NONE: * 1):
 * the gradient of a bias or of a diagonal weight, computed once after the recurrence. */
typedef struct sq_sum {
  int param;
  int64_t width;
  sq_place to, from;
  int64_t row; /* the first j of the parameter */
} sq_sum;

/* What a pointwise step computes: `units` columns of a state or of aux, of which column j depends on the
 * operands of unit j alone.  These are the columns j, units + j, 2 units + j, ... of the states before the
 * step, and of gates and aux from the first on.  So one backward of ones gives the derivatives of all units
 * at once, which is how tangents are computed (core/layer_tangent.c). */
typedef struct sq_result {
  int stage;
  int back;    /* backward of that many stages before it goes on to operands of its own */
  sq_place to; /* SQ_STATE or SQ_AUX */
  int64_t units;
  int64_t first_gate, first_aux;
} sq_result;

/* One named parameter, a [rows, cols] matrix (cols = 1: a vector) at `offset` of the layer's flat buffer. */
typedef struct sq_param {
  const char *name; /* "weight_ih", "weight_hh", "bias", ... PyTorch's where PyTorch has it */
  int64_t rows, cols;
  int64_t offset;   /* in elements */
  const char *init; /* a name of core/initialise.h, and a scale; NULL: uniform in +-1/sqrt(H) */
  double init_scale;
  int fixed; /* saved with the model but not trained: its gradient is 0 (the uRNN's permutation) */
} sq_param;

/* What people look at, by name: a gate, a state. */
typedef struct sq_part {
  char name[8];
  sq_place place; /* SQ_GATES, SQ_AUX or SQ_STATE */
  int64_t width;
} sq_part;

/* What chance does to a step (core/masks.h), around the cell's own: all zero if it is not asked for. */
typedef struct sq_layout_masks {
  double zone[SQ_MAX_STATES]; /* probability that a unit keeps its old state */
  /* column of aux where the step writes the new state; -1: the state itself */
  int64_t candidate[SQ_MAX_STATES];
  double drop, update;    /* probability of dropping a unit of h_{t-1}, of the update */
  int64_t dropped, scale; /* columns of aux: h_{t-1} times its mask, the mask of the update; or -1 */
} sq_layout_masks;

typedef struct sq_layout {
  const struct sq_cell *cell;
  sq_config config;
  int64_t gates;  /* G */
  int64_t aux;    /* A */
  sq_place input; /* where W_ih x goes: the gates, or aux if it is normalised first */
  int64_t output; /* width of y: h (H or P), and if it is wider the next state behind it */
  int states;
  int64_t state_width[SQ_MAX_STATES];
  int stages;
  int products;
  sq_product product[SQ_MAX_PRODUCTS]; /* ordered by stage */
  int sums;
  sq_sum sum[SQ_MAX_SUMS];
  int results;
  sq_result result[SQ_MAX_RESULTS]; /* whose operands norms and products leave */
  int norms;
  sq_norm norm[SQ_MAX_NORMS]; /* ordered by stage */
  int64_t stats;              /* statistics of a step: of all norms over a batch */
  int params;
  sq_param param[SQ_MAX_PARAMS]; /* [0] is always weight_ih [G,I] */
  int64_t param_elements;        /* elements of the flat buffer of one layer and direction */
  int bias;                      /* index of "bias", -1: none */
  int64_t biased; /* its rows: that many columns of the gates begin at W_ih x + b, the others at W_ih x */
  /* Index of the parameter [W_k] that state k starts from where the caller gives no initial state; -1: zeros.
   * Only cells with a structured product have one. */
  int initial[SQ_MAX_STATES];
  sq_layout_masks masks;
  int parts; /* those that the cell's layout adds, then states and H-wide gates under the cell's names */
  sq_part part[SQ_MAX_PARTS];
} sq_layout;

struct sq_step_f32;
struct sq_step_f64;

/* One row of core/cells.def. */
typedef struct sq_cell {
  const char *name;
  const char *about;  /* the equations in one line, for `seqgpu info` */
  const char *states; /* names of the states, comma-separated: "h,c"; a layout may have fewer */
  const char *gates;  /* names of the blocks of `gates`, comma-separated: "i,f,g,o" */
  unsigned options;   /* SQ_OPTION_...: what this cell has */
  /* Fills in *layout, except cell and config; in layout->config, only the values that an option left at 0
   * stands for.
   * Returns NULL, or a sentence saying which option of the config this cell cannot have. */
  const char *(*layout)(const sq_config *config, sq_layout *layout);
  /* CPU pointwise steps; stage s of every row of the slice. */
  void (*forward_f32)(const struct sq_step_f32 *step, int stage);
  void (*backward_f32)(const struct sq_step_f32 *step, int stage);
  void (*forward_f64)(const struct sq_step_f64 *step, int stage);
  void (*backward_f64)(const struct sq_step_f64 *step, int stage);
} sq_cell;

/* The layout of a cell with a config.  Returns NULL, or a sentence that names an option and its limit. */
const char *sq_layout_resolve(const sq_cell *cell, const sq_config *config, sq_layout *layout);

/* Index of a parameter by name, -1 if the layout has none. */
int sq_layout_param(const sq_layout *layout, const char *name);

/* The part of `gates` with this name, NULL if there is none. */
const sq_part *sq_layout_gate(const sq_layout *layout, const char *name);

/* Building blocks for a cell's layout function.  Each appends an entry; add_param returns its index, and
 * add_part leaves out a part whose name is taken. */
int sq_layout_add_param(sq_layout *layout, const char *name, int64_t rows, int64_t cols);

/* What the input contributes: G gates, weight_ih [G,I], and for the first `biased` of them a bias with its
 * gradient's sum (biased = 0: no bias at all). */
void sq_layout_add_input(sq_layout *layout, int64_t gates, int64_t biased);

/* All of a cell that has one stage and whose state h [H] is also its output and its one block of gates,
 * except for the recurrent product. */
void sq_layout_one_gate(sq_layout *layout);
void sq_layout_add_product(sq_layout *layout, sq_product product);
void sq_layout_add_sum(sq_layout *layout, sq_sum sum);
/* Only of what is not the rule: a state that is not named here is a result of the last stage, with as many
 * units as columns, and operands from the first column on. */
void sq_layout_add_result(sq_layout *layout, sq_result result);
void sq_layout_add_part(sq_layout *layout, const char *name, sq_place place, int64_t width);

/* Appends columns to aux, and returns the first. */
int64_t sq_layout_add_aux(sq_layout *layout, int64_t width);

/* The config's zoneout and dropouts: at the end of a layout, whose products then read what dropout leaves of
 * h_{t-1}.  A cell with a second state that has zoneout sets its candidate itself. */
void sq_layout_add_masks(sq_layout *layout);

/* Normalisation, as the config asks (norm.c): NULL, or why the options do not go together; what the input
 * contributes, where the first `first` gates are one group and the others another; the results of products
 * first..first+count-1; a new state, before zoneout, for `stage`, into aux; the sum of input and product, in
 * the place of both. */
const char *sq_layout_refuses_norms(const sq_config *config);
int sq_layout_norms_recurrence(const sq_config *config);
void sq_layout_norm_input(sq_layout *layout, int64_t first);
void sq_layout_norm_products(sq_layout *layout, int first, int count);
void sq_layout_norm_state(sq_layout *layout, int stage, int state);
void sq_layout_norm_gates(sq_layout *layout);

/* 1 if a product of the layout is structured, or a state starts from a parameter.  Such a layer runs on the
 * drivers that walk step by step, but not on algorithms that know only dense recurrences. */
int sq_layout_structured(const sq_layout *layout);

#ifdef __cplusplus
}
#endif
#endif
