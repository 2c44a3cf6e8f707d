/* params_internal.h - what params.c and checkpoint.c share: the tensors of a model as they lie in memory.
 *
 * Memory comes in blocks, one an addition: a lone tensor, or all weights of a recurrent network.  Optimisers walk
 * blocks.  Names point into blocks; checkpoints walk names.
 */
#ifndef SQ_PARAMS_INTERNAL_H
#define SQ_PARAMS_INTERNAL_H

#include "core/philox.h"
#include "host/plan/layers.h"
#include "seqgpu/params.h"

enum { SQ_NAME_SIZE = 128, SQ_CLIP_STATE = 8 };

/* Device memory of `count` reals each.  grad is NULL for a tensor that is kept but not trained. */
typedef struct sq_param_block {
  int64_t count;
  void *value, *grad;
  void *first, *second; /* moments, allocated by the first update that needs them */
} sq_param_block;

/* How a tensor lies in a file.  PyTorch has two biases a layer where we have one:
 *   BIAS      ours = bias_ih + bias_hh
 *   GRU_BIAS  [3H] the same for the gates r and u; for the candidate ours is bias_ih alone, and
 *   GRU_REC   [H]  is the candidate's part of bias_hh (it stands inside the product with r) */
typedef enum sq_file_form {
  SQ_FORM_MATRIX, /* [rows, cols] */
  SQ_FORM_VECTOR, /* [rows] */
  SQ_FORM_BIAS,
  SQ_FORM_GRU_BIAS,
  SQ_FORM_GRU_REC
} sq_file_form;

typedef struct sq_tensor {
  char name[SQ_NAME_SIZE];
  int64_t rows, cols;
  int block;
  int64_t offset; /* in the block, reals */
  int fixed;      /* in a trained block, but not trained itself */
  sq_file_form form;
  void *scratch; /* device memory of a matrix that stays orthogonal (params_orthogonal.c), else NULL */
} sq_tensor;

struct seqgpu_params {
  seqgpu_context *ctx;
  uint64_t seed;
  int64_t draws;   /* initialisations so far: each draws from a random stream of its own */
  int64_t updates; /* seqgpu_params_update calls so far */
  sq_param_block *blocks;
  int block_count, block_room;
  sq_tensor **tensors; /* each on its own, so that names stay where they are */
  int tensor_count, tensor_room;
  void *clip_state; /* [SQ_CLIP_STATE] */
  int has_first, has_second;
  /* one array each for the operators' tensor lists, [piece_room]: a block is one piece, or what fixed tensors cut it into */
  void **list[4]; /* values, gradients, first and second moments */
  int64_t *sizes;
  int piece_room;
};

static inline int64_t sq_tensor_count(const sq_tensor *t) { return t->rows * t->cols; }

/* The tensor of a name, NULL if there is none. */
sq_tensor *sq_params_tensor(const seqgpu_params *params, const char *name);

/* Device address of a tensor's part of a block's memory (value, grad, first or second). */
void *sq_params_address(const seqgpu_params *params, const sq_tensor *tensor, void *block_memory);

/* Allocates zeroed moments for every trained block that has none. */
seqgpu_status sq_params_need_moments(seqgpu_params *params, int first, int second);

/* Before the gradients are clipped, and after the optimiser's step: for matrices that stay orthogonal (params_orthogonal.c). */
seqgpu_status sq_params_before_update(seqgpu_params *params);
seqgpu_status sq_params_after_update(seqgpu_params *params);

/* Drops the blocks and tensors beyond these counts, which an addition that failed has added; returns status. */
seqgpu_status sq_params_undo(seqgpu_params *params, int blocks, int tensors, seqgpu_status status);

/* ---- initial values (params_init.c) ---- */

/* The next of the random streams that initial values are drawn from. */
sq_rng sq_params_next_rng(seqgpu_params *params);

/* How a tensor is drawn: as matrices of `block_rows` rows, one below the other (0: as one matrix), each by init(scale);
 * then `shift` is added to the rows first..last-1. */
typedef struct sq_drawing {
  const struct sq_initialiser *init;
  double scale, shift;
  int64_t block_rows, first, last;
} sq_drawing;

/* A drawing as one matrix from names that a user gave. */
seqgpu_status sq_params_drawing(seqgpu_params *params, const char *init, double scale, sq_drawing *out);
/* What seqgpu_params_add_rnn does with a parameter of the plan. */
sq_drawing sq_params_standard_drawing(const seqgpu_plan *plan, int index, const seqgpu_param_info *info);
seqgpu_status sq_params_draw(seqgpu_params *params, const sq_tensor *tensor, const sq_drawing *drawing);

/* "prefix.name", or "name" where the prefix is NULL or empty. */
seqgpu_status sq_params_full_name(seqgpu_params *params, const char *prefix, const seqgpu_param_info *info,
                                  char out[SQ_NAME_SIZE]);
int sq_starts_with(const char *text, const char *start);

#endif
