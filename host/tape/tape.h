/* tape_internal.h - what the files of the tape share: its memory, its nodes, and the table of operators.
 *
 *   tape.c         life of a tape, leaves, backward, readers
 *   tape_memory.c  the arena that is kept between steps
 *   tape_ops.c     operators on rows and elements
 *   tape_seq.c     operators on sequences: rnn, attention
 *
 * An operator is a builder (checks arguments, finds the shape), a forward, a backward, and one row of SQ_TAPE_OPS.
 */
#ifndef SQ_TAPE_INTERNAL_H
#define SQ_TAPE_INTERNAL_H

#include "host/context/context.h"
#include "seqgpu/tape.h"

/* --- memory that is kept between steps --- */

typedef struct sq_chunk {
  struct sq_chunk *next; /* allocated before this one */
  char *memory;
  size_t size, used;
} sq_chunk;

/* Hands out memory piece by piece and takes it back all at once. */
typedef struct sq_arena {
  seqgpu_context *ctx;
  int on_device;
  sq_chunk *newest;
  size_t total; /* bytes of all chunks */
} sq_arena;

/* Aligned to 256 bytes, not zeroed; lives until the next reset.  ENOMEM leaves the arena as it was. */
seqgpu_status sq_arena_alloc(sq_arena *arena, size_t bytes, void **out);
/* Takes everything back.  Several chunks become one, so that the same step fits without another allocation. */
seqgpu_status sq_arena_reset(sq_arena *arena);
void sq_arena_free(sq_arena *arena);

/* --- tensors --- */

typedef struct sq_shape {
  int rank;
  int64_t dim[SEQGPU_TAPE_RANK];
} sq_shape;

/* What a tensor holds: reals of the context's type, or int32.  SQ_INDEXED: reals or ids. */
typedef enum sq_element { SQ_REALS, SQ_IDS, SQ_LENGTHS, SQ_INDEXED } sq_element;

enum { SQ_TAPE_INPUTS = 5 };

struct sq_tape_op;

/* What an operator remembers besides its inputs. */
typedef union sq_tape_attr {
  double alpha;
  sq_activation activation;
  int64_t first_row;
  int state;
  struct {
    double p;
    uint64_t offset; /* of its Philox blocks */
  } dropout;
  struct {
    int mean;
    double scale;
    void *lse, *row_loss; /* lse: cross-entropy only */
  } loss;
  struct {
    seqgpu_tensor *weights;
  } attention;
  struct {
    const seqgpu_plan *plan;
    seqgpu_rnn_run run;
    seqgpu_tensor *final[2]; /* of seqgpu_tape_rnn_final, NULL until asked for */
  } rnn;
} sq_tape_attr;

struct seqgpu_tensor {
  seqgpu_tape *tape;
  seqgpu_tensor *older;        /* the tensor made before this one */
  const struct sq_tape_op *op; /* NULL: a leaf */
  seqgpu_tensor *input[SQ_TAPE_INPUTS];
  sq_tape_attr attr;
  sq_shape shape;
  int64_t elements;
  sq_element element;
  void *value, *grad;
  seqgpu_tensor *base;     /* a view: whose memory this is, never itself a view; else NULL */
  int64_t base_offset;     /* of a view, in elements */
  int32_t lowest, highest; /* lengths: the range of the values */
  int needs_grad;
  int wrapped; /* value and gradient are the caller's */
  int written; /* grad holds a gradient: the next contribution adds */
  int reached; /* a gradient came here: this backward has to pass it on */
};

struct seqgpu_tape {
  seqgpu_context *ctx;
  uint64_t seed, counter;
  int training;
  sq_arena device, host; /* numbers; tensors */
  void *scratch;         /* device memory that is free between operators */
  size_t scratch_size;
  seqgpu_tensor *newest;
  seqgpu_status status;
  char error[SQ_ERROR_SIZE];
};

/* --- the table of operators ---
 * X(name, memory): OWN gets memory for its value, PLACED says in its forward where the value lies. */
#define SQ_TAPE_OPS(X)                                                                                       \
  X(embedding, OWN)                                                                                          \
  X(linear, OWN)                                                                                             \
  X(add, OWN)                                                                                                \
  X(mul, OWN)                                                                                                \
  X(scale, OWN)                                                                                              \
  X(activation, OWN)                                                                                         \
  X(concat, OWN)                                                                                             \
  X(rows, PLACED)                                                                                            \
  X(reshape, PLACED)                                                                                         \
  X(dropout, OWN)                                                                                            \
  X(cross_entropy, PLACED)                                                                                   \
  X(squared_error, PLACED)                                                                                   \
  X(rnn, OWN)                                                                                                \
  X(rnn_final, PLACED)                                                                                       \
  X(attention, OWN)

typedef enum sq_tape_memory { SQ_TAPE_OWN, SQ_TAPE_PLACED } sq_tape_memory;

typedef struct sq_tape_op {
  const char *name;
  sq_tape_memory memory;
  seqgpu_status (*forward)(seqgpu_tensor *y);  /* y->value from the values of y->input */
  seqgpu_status (*backward)(seqgpu_tensor *y); /* from y->grad to the gradients of y->input */
} sq_tape_op;

typedef enum sq_tape_op_id {
#define SQ_TAPE_ID(name, memory) SQ_TAPE_##name,
  SQ_TAPE_OPS(SQ_TAPE_ID)
#undef SQ_TAPE_ID
} sq_tape_op_id;
#define SQ_TAPE_DECLARE(name, memory)                                                                        \
  seqgpu_status sq_tape_##name##_forward(seqgpu_tensor *y);                                                  \
  seqgpu_status sq_tape_##name##_backward(seqgpu_tensor *y);
SQ_TAPE_OPS(SQ_TAPE_DECLARE)
#undef SQ_TAPE_DECLARE
extern const sq_tape_op sq_tape_ops[];

/* --- for builders --- */

/* A tensor that a builder was given, and how its errors call it. */
typedef struct sq_tape_arg {
  const char *name;
  seqgpu_tensor *tensor;
  sq_element element;
  int optional; /* may be NULL */
} sq_tape_arg;

/* 1 if the tape has no error and every argument is there, of this tape and of its kind; else 0, recorded. */
int sq_tape_accepts(seqgpu_tape *tape, sq_tape_op_id op, int count, const sq_tape_arg *args);
/* Records the first error of the tape; always NULL, so that a builder can return it. */
seqgpu_tensor *sq_tape_fail(seqgpu_tape *tape, seqgpu_status status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
/* A new tensor without value; NULL, recorded, when its shape is impossible or memory ran out. */
seqgpu_tensor *sq_tape_tensor(seqgpu_tape *tape, const char *who, sq_element element, sq_shape shape);
/* A new tensor computed by the operator from args; NULL, recorded, on failure. */
seqgpu_tensor *sq_tape_apply(seqgpu_tape *tape, sq_tape_op_id op, sq_shape shape, int count,
                             const sq_tape_arg *args, sq_tape_attr attr);

enum { SQ_SHAPE_TEXT = 100 };
/* "[3,4]" for a sentence. */
const char *sq_shape_text(sq_shape shape, char text[SQ_SHAPE_TEXT]);
#define SQ_SHAPE(shape) sq_shape_text((shape), (char[SQ_SHAPE_TEXT]){0})

static inline int64_t sq_last_dim(const seqgpu_tensor *t) { return t->shape.dim[t->shape.rank - 1]; }
static inline int sq_same_dims(const int64_t *a, const int64_t *b, int count) {
  for (int i = 0; i < count; i++)
    if (a[i] != b[i]) return 0;
  return 1;
}
static inline int sq_same_shape(sq_shape a, sq_shape b) {
  return a.rank == b.rank && sq_same_dims(a.dim, b.dim, a.rank);
}

/* --- for forward and backward --- */

/* Device memory for elements of the context's number type, kept until clear. */
seqgpu_status sq_tape_alloc(seqgpu_tape *tape, int64_t elements, void **out);
/* Device memory that the next operator may use too. */
seqgpu_status sq_tape_scratch(seqgpu_tape *tape, size_t bytes, void **out);

/* Where a backward leaves the gradient of an input, by what its operator can do.  *at is NULL for a tensor that is
 * NULL or needs no gradient.  In one backward, ask for all _to_add before any _to_set: memory that an input
 * shares with another one (a view, or the same tensor twice) is then never overwritten. */

/* It can do both: *accumulate says which. */
seqgpu_status sq_grad_open(seqgpu_tensor *x, void **at, int *accumulate);
/* It only adds: *at holds the sum so far, zeros if nothing came yet. */
seqgpu_status sq_grad_to_add(seqgpu_tensor *x, void **at);
/* It only overwrites: *at is the gradient itself, or memory beside it that sq_grad_join adds afterwards. */
seqgpu_status sq_grad_to_set(seqgpu_tensor *x, void **at);
/* Nothing to do for memory that is the gradient itself, nor for a tensor that needs none. */
seqgpu_status sq_grad_join(seqgpu_tensor *x, void *at);
/* The tensor in whose memory the gradient of x lies. */
static inline seqgpu_tensor *sq_owner(seqgpu_tensor *x) { return x->base != NULL ? x->base : x; }

#endif
