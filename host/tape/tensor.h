/* tensor.h - a tape and its tensors: the types that the files of this room share.
 *
 *   arena.c      memory that is kept between steps
 *   record.c     how a result is recorded: errors, new tensors, operators applied
 *   grad.c       where gradients lie, and who adds to them
 *   tangent.c    where tangents lie, and the walk forward
 *   curvature.c  the walk back with curvature times tangent in place of the gradient
 *   ops.c        operators on rows and elements
 *   losses.c     operators whose result is one element: cross-entropy, squared error, binary cross-entropy
 *   ctc.c        connectionist temporal classification
 *   mixture.c    mixture density of pen strokes
 *   sequences.c  operators on sequences: rnn, pooling, attention
 *   softmax.c    softmax along the last dimension
 *   window.c     the Gaussian window over characters
 *   finite.c     the first number that is not finite
 *   ready.c      which gradients nothing will add to any more
 *   tape.c       life of a tape, leaves, the walk backward, reading
 *
 * An operator is a builder (checks its arguments and finds the shape), a forward, a backward, a tangent, and
 * one sq_tape_op that names them; they stand together in one of these files, and nothing else knows them.
 */
#ifndef SQ_TENSOR_H
#define SQ_TENSOR_H

#include "host/context/shape.h"
#include "host/tape/arena.h"
#include "seqgpu/tape.h"

typedef struct sq_shape {
  int rank;
  int64_t dim[SEQGPU_TAPE_RANK];
} sq_shape;

/* What a tensor holds: reals of the context's element type, or int32.  SQ_INDEXED: reals or ids. */
typedef enum sq_element { SQ_REALS, SQ_IDS, SQ_LENGTHS, SQ_INDEXED } sq_element;

/* States of a recurrent network; inputs of the operator that has most of them, the rnn. */
enum {
  SQ_TAPE_STATES = sizeof((seqgpu_rnn_run *)0)->initial / sizeof(void *),
  SQ_TAPE_INPUTS = 3 + SQ_TAPE_STATES
};

struct sq_tape_op;

/* What an operator remembers besides its inputs. */
typedef union sq_tape_attr {
  double alpha;
  sq_activation activation;
  int64_t first; /* row or column */
  int state;
  struct {
    double p;
    uint64_t offset;           /* of its Philox blocks */
    int64_t row, pitch, first; /* of a part (core/ops.h) */
  } dropout;
  struct {
    int mean;
    double scale;
    int64_t rows;
    void *lse, *row_loss; /* lse: cross-entropy; of CTC the two parts of it */
    double smoothing;     /* cross-entropy */
    int64_t blank;        /* CTC, as what follows */
    void *occupancy;
  } loss;
  struct {
    seqgpu_tensor *weights;
  } attention;
  struct {
    sq_pooling_kind kind;
    void *at; /* of a maximum: the steps */
  } pooling;
  struct {
    seqgpu_tensor *phi, *last; /* last: of seqgpu_tape_window_position, NULL until asked for */
    void *kappa;
  } window;
  struct {
    const seqgpu_plan *plan;
    seqgpu_rnn_run run;
    seqgpu_tensor *final[SQ_TAPE_STATES]; /* of seqgpu_tape_rnn_final, NULL until asked for */
  } rnn;
} sq_tape_attr;

struct seqgpu_tensor {
  seqgpu_tape *tape;
  uint64_t step;               /* the tape's when it was made */
  seqgpu_tensor *older;        /* the tensor made before this one */
  seqgpu_tensor *newer;        /* made after it; only during a walk forward */
  const struct sq_tape_op *op; /* NULL: a leaf */
  seqgpu_tensor *input[SQ_TAPE_INPUTS];
  sq_tape_attr attr;
  sq_shape shape;
  int64_t elements;
  sq_element element;
  void *value, *grad;
  seqgpu_tensor *base;     /* a view: whose memory this is, never itself a view; else NULL */
  int64_t base_offset;     /* of a view, in elements */
  int32_t lowest, highest; /* lengths and copied ids: the range of the values; else 0 */
  int needs_grad;
  int wrapped;         /* value and gradient are the caller's */
  int written;         /* grad holds a gradient: the next contribution adds */
  int reached;         /* a gradient came here: this backward has to pass it on */
  void *tangent;       /* its memory, of a view in its base's; a leaf's is the caller's */
  int moves;           /* the last walk forward brought a tangent; else it is 0 */
  seqgpu_tensor *last; /* of a leaf that a gradient comes to: the tensor that adds the last of it (ready.c) */
  double weight;       /* how much the loss of a Gauss-Newton product moves with this loss */
};

struct seqgpu_tape {
  seqgpu_context *ctx;
  uint64_t seed, counter;
  int64_t first, whole; /* of seqgpu_tape_set_part */
  seqgpu_gradient_ready *ready;
  void *ready_about;
  int training;
  uint64_t step;   /* how often it was cleared */
  sq_arena device; /* for values, gradients and tangents */
  sq_arena aside;  /* for what one walk back needs besides */
  /* For seqgpu_tensor, in turn: what was made before the last clear is still there to say so. */
  sq_arena host[2];
  void *scratch; /* device memory that is free between operators */
  size_t scratch_size;
  seqgpu_tensor *newest;
  int steady;           /* networks leave the running statistics of batch normalisation as they are, ... */
  int held;             /* ... which has happened */
  int curves;           /* the walk back is that of a Gauss-Newton product */
  seqgpu_tensor *moved; /* whose tangent the last walk forward was for; NULL: there was none */
  seqgpu_status status;
  char error[SQ_ERROR_SIZE];
};

/* OWN: the operator gets memory for its value.  PLACED: its forward says where the value lies.  LOSS: it gets
 * two elements, the value and the number of rows that count in it. */
typedef enum sq_tape_memory { SQ_TAPE_OWN, SQ_TAPE_PLACED, SQ_TAPE_LOSS } sq_tape_memory;

typedef struct sq_tape_op {
  const char *name;
  sq_tape_memory memory;
  seqgpu_status (*forward)(seqgpu_tensor *y);  /* y->value from the values of y->input */
  seqgpu_status (*backward)(seqgpu_tensor *y); /* from y->grad to the gradients of y->input */
  seqgpu_status (*tangent)(seqgpu_tensor *y);  /* y->tangent from those of y->input, of which one moves */
  /* Of a loss: its second derivatives with respect to input[0], times that one's tangent and y->weight, to
   * the gradient of input[0].  Of a sum of losses: hands y->weight on.  NULL: it is neither. */
  seqgpu_status (*curvature)(seqgpu_tensor *y);
} sq_tape_op;

/* "[3,4]" for a sentence. */
#define SQ_SHAPE(shape) sq_shape_text((shape).rank, (shape).dim, (char[SQ_SHAPE_TEXT]){0})

/* Was it made before the tape was cleared? */
static inline int sq_is_stale(const seqgpu_tensor *t) { return t->step != t->tape->step; }

static inline int64_t sq_last_dim(const seqgpu_tensor *t) { return t->shape.dim[t->shape.rank - 1]; }

/* How many vectors along the last dimension. */
static inline int64_t sq_rows(const seqgpu_tensor *t) { return t->elements / sq_last_dim(t); }

static inline int sq_same_dims(const int64_t *a, const int64_t *b, int count) {
  for (int i = 0; i < count; i++)
    if (a[i] != b[i]) return 0;
  return 1;
}

static inline int sq_same_shape(sq_shape a, sq_shape b) {
  return a.rank == b.rank && sq_same_dims(a.dim, b.dim, a.rank);
}

#endif
