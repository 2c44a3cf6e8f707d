/* layer.h - descriptors, sizes and places of weights of one layer in cuDNN: what cudnn.cu builds its calls
 * from (layer.cu).
 *
 * Only for cudnn.cu and layer.cu, which call the library.  The functions return 0 or an error that
 * sq_cudnn_error_text puts into words.
 */
#ifndef SQ_CUDNN_LAYER_H
#define SQ_CUDNN_LAYER_H

#include <cuda_runtime.h>

#include "kernels/cudnn/calls.h"
#include "kernels/cudnn/context.h"
#include "kernels/cudnn/pack.h"

static_assert(CUDNN_MAJOR >= 9, "written for the RNN functions of cuDNN 9");

enum { SQ_CUDNN_SLOTS = 32 };

/* How a layer runs: a row of SQ_CUDNN_ALGORITHMS. */
struct sq_cudnn_way {
  cudnnRNNAlgo_t algorithm;
  sq_cudnn_type type;
};

/* Whether gradients are scaled in this type, into its range: see algorithms.h. */
static inline bool sq_cudnn_scales(sq_cudnn_type type) { return type == SQ_CUDNN_HALF; }

/* What an RNN descriptor depends on. */
struct sq_cudnn_key {
  sq_cudnn_way way;
  cudnnRNNMode_t mode;
  cudnnMathType_t math;
  int32_t input, hidden, directions;
};

/* A descriptor, and where its weights are. */
struct sq_cudnn_layer {
  bool ready;
  uint64_t used;
  sq_cudnn_key key;
  cudnnRNNDescriptor_t rnn;
  size_t weight_bytes;
  bool blocks_known;
  sq_cudnn_blocks blocks;
  int built_batch; /* PERSIST_DYNAMIC: the batch it was compiled for */
};

/* Of one context. */
struct sq_cudnn {
  cudnnHandle_t handle;
  cudnnDropoutDescriptor_t no_dropout;
  cudnnRNNDataDescriptor_t x, y;
  cudnnTensorDescriptor_t state, matrix, bias;
  int *lengths; /* [room], host */
  int64_t room;
  uint64_t clock;
  sq_cudnn_layer slot[SQ_CUDNN_SLOTS];
};

static inline int sq_cudnn_status_error(cudnnStatus_t s) {
  return s == CUDNN_STATUS_SUCCESS ? 0 : SQ_CUDNN_ERRORS + (int)s;
}

/* Leaves the function with the error of a cuDNN call. */
#define TRY(call)                                                                                            \
  do {                                                                                                       \
    const int try_error = (call);                                                                            \
    if (try_error != 0) return try_error;                                                                    \
  } while (0)
#define TRY_CUDNN(call) TRY(sq_cudnn_status_error(call))

static const int SQ_CUDNN_BAD_PARAM = SQ_CUDNN_ERRORS + (int)CUDNN_STATUS_BAD_PARAM;

/* Offsets count float32 elements, whatever the type of what lies there.  In training, `kept` parts are in the
 * reserve, behind cuDNN's own; else they are in the workspace. */
struct sq_cudnn_room {
  size_t work_bytes, reserve_bytes; /* cuDNN's own */
  /* from the beginning of the kept part; x if it is not float32, which is read where the caller has it */
  int64_t kept_weights, kept_state[SQ_MAX_STATES], kept_x, kept_y, kept_size;
  int64_t reserve_size;                                                 /* all of the reserve */
  int64_t dweights, work, dy, dx, dstate[SQ_MAX_STATES], kept, largest; /* workspace */
  int64_t end[SQ_MAX_STATES]; /* workspace: states, or their gradients, on their way out */
  int64_t workspace_size;
};

/* The context's handle, on the context's stream; made at the first call. */
int sq_cudnn_open(sq_exec *exec, sq_cudnn **out);

/* The key of a layer that cuDNN has, and its descriptor, made at the first call in place of the least
 * recently used one. */
sq_cudnn_key sq_cudnn_key_of(const sq_layout *l, sq_cudnn_way way, sq_math math, int directions);
int sq_cudnn_find_layer(sq_cudnn *c, const sq_cudnn_key &key, sq_cudnn_layer **out);
/* PERSIST_DYNAMIC is compiled for one batch; a run with another one compiles it again. */
int sq_cudnn_build(sq_cudnn *c, sq_cudnn_layer *l, int64_t batch);

/* Room for c->lengths in host memory; made for the plan's batch when the plan is made, so that runs allocate
 * nothing. */
int sq_cudnn_want_lengths(sq_cudnn *c, int64_t batch);
/* Sets c->x, c->y and c->state for runs of c->lengths. */
int sq_cudnn_describe_data(sq_cudnn *c, const sq_cudnn_key &k, int64_t seq_len, int64_t batch);

/* Lays out the memory of a run that c->x describes. */
int sq_cudnn_place(sq_cudnn *c, const sq_cudnn_layer *l, int64_t T, int64_t B, int training,
                   sq_cudnn_room *out);
/* Elements per direction of a problem, enough for the algorithm and for the standard one, which ragged
 * batches take. */
int sq_cudnn_ask(sq_exec *exec, const sq_problem *p, sq_cudnn_way way, int64_t *workspace, int64_t *reserve);
/* Where the weights of both directions lie in a weight space, into l->blocks; its contents are not looked
 * at. */
int sq_cudnn_find_blocks(sq_cudnn *c, sq_cudnn_layer *l, const sq_layout *ours, const void *weights);

/* cuDNN's own memory begins at multiples of 256 bytes; what the caller gives may begin anywhere. */
float *sq_cudnn_align_up(void *p);
int64_t sq_cudnn_elements_of(size_t bytes);

#endif
