/* params.h - the parameters of a model as they lie in memory: the types that the files of this room share.
 *
 *   store.c       blocks, tensors and their names: life and memory
 *   draw.c        how a tensor is drawn
 *   add.c         lone tensors, states, and whole recurrent networks
 *   schemes.c     networks drawn again: by a scheme, and the biases of gates
 *   orthogonal.c  matrices that stay orthogonal
 *   split.c       biases that are the sum of two trained ones
 *   groups.c      learning rates of their own, and frozen tensors
 *   update.c      gradients and optimisers
 *   share.c       moments that processes share out
 *   schedule.c    learning rate and momentum over a run
 *   average.c     averages of the values over updates
 *
 * Memory comes in blocks, one per addition: a lone tensor, or all parameters of a recurrent network.
 * Optimisers walk blocks.  Tensors name parts of blocks; checkpoints walk tensors.
 */
#ifndef SQ_PARAMS_H
#define SQ_PARAMS_H

#include <string.h>

#include "host/context/context.h"
#include "seqgpu/params.h"

enum { SQ_NAME_SIZE = 128, SQ_CLIP_STATE = 8 };

/* Device memory, [elements] each.  grad is NULL for a tensor that is kept but not trained. */
typedef struct sq_param_block {
  int64_t elements;
  void *value, *grad;
  void *first, *second; /* moments; NULL until an optimiser needs them */
  int64_t *edges; /* [processes + 1] in host memory: where their slices begin; NULL: nothing is shared out */
  int is_cut;     /* the moments are those of this process's slice alone (share.h) */
  void *average, *raw; /* of a trained block: the mean of its values; room for values; NULL until averaged */
} sq_param_block;

/* How a tensor lies in a file.  PyTorch has two biases per layer where we have one:
 *   BIAS      ours = bias_ih + bias_hh
 *   GRU_BIAS  [3H] the same for the gates r and u; for the candidate ours is bias_ih alone, and
 *   GRU_REC   [H]  is the candidate's part of bias_hh (it stands inside the product with r) */
typedef enum sq_file_form {
  SQ_FORM_MATRIX, /* [rows, cols] */
  SQ_FORM_VECTOR, /* [rows] */
  SQ_FORM_BIAS,
  SQ_FORM_GRU_BIAS,
  SQ_FORM_GRU_REC,
  SQ_FORM_GRU_BEFORE /* [3H] of a GRU that resets before the product, as it is: PyTorch has none */
} sq_file_form;

typedef struct sq_tensor {
  char name[SQ_NAME_SIZE];
  int64_t rows, cols;
  int block;
  int64_t offset; /* in the block, in elements */
  int fixed;      /* in a trained block, but not trained itself */
  double lr;      /* factor of its learning rate; 0: frozen, which for updates is the same as fixed */
  sq_file_form form;
  void *scratch;             /* device memory of a matrix that stays orthogonal (orthogonal.c), else NULL */
  struct sq_tensor *part[2]; /* of a bias that is a sum: bias_ih and bias_hh (split.c), else NULL */
  struct sq_tensor *rec;     /* and of a GRU its bias_rec */
} sq_tensor;

/* Where tensors come from that are loaded after they were added: they are checked before memory is asked
 * for, and not drawn. */
typedef struct sq_params_source {
  const void *self;
  int all; /* states come from there, too; else only what is trained */
  /* SEQGPU_OK if the tensor can be loaded; NULL: tensors are drawn. */
  seqgpu_status (*expect)(const struct sq_params_source *source, seqgpu_params *params,
                          const sq_tensor *tensor);
} sq_params_source;

/* After an update, of params whose moments are shared out: brings the values of all slices to all. */
typedef seqgpu_status sq_params_gather(void *about, const seqgpu_params *params);

typedef struct sq_params_share {
  int rank, size; /* of the processes; 0: nothing is shared out */
  sq_params_gather *gather;
  void *about;
} sq_params_share;

struct seqgpu_params {
  seqgpu_context *ctx;
  uint64_t seed;
  int64_t draws;   /* tensors drawn so far: each draws from a random stream of its own */
  int64_t updates; /* calls of seqgpu_params_update so far */
  sq_param_block *blocks;
  int block_count, block_room;
  sq_tensor **tensors; /* each allocated alone, so that names stay where they are */
  int tensor_count, tensor_room;
  void *clip_state; /* [SQ_CLIP_STATE] */
  int has_first, has_second;
  int64_t averaged; /* values in the averages; 0: there are none */
  int in_use;       /* 1: values are the averages, and the values themselves are in `raw` */
  /* The operators' lists of tensors, [piece_room] each: a block is one piece, or several where tensors divide
   * it that are fixed or have a learning rate of their own. */
  void **list[4]; /* values, gradients, first and second moments */
  int64_t *sizes;
  double *lr; /* factors of the learning rate */
  int piece_room;
  sq_params_share share;
  sq_params_source source;
};

/* Whether a tensor, trained or not, is loaded later. */
static inline int sq_params_is_loaded(const seqgpu_params *p, int trained) {
  return p->source.expect != NULL && (trained || p->source.all);
}

static inline int64_t sq_tensor_elements(const sq_tensor *t) { return t->rows * t->cols; }

/* Whether updates leave it alone. */
static inline int sq_tensor_is_still(const sq_tensor *t) { return t->fixed || t->lr == 0; }

/* Kinds of parameters are told by the start of their names: "weight_hh_", "bias_l". */
static inline int sq_starts_with(const char *text, const char *start) {
  return strncmp(text, start, strlen(start)) == 0;
}

#endif
