/* tape_world.h - a small computation on the tape, under test: random leaves, plans, a builder.
 *
 *   world w;
 *   world_open(&w, ctx, &some_case);             plans made, leaves drawn
 *   seqgpu_tensor *y = world_build(&w, &some_case, 1);
 *   world_backward(&w, y, dy);                   gradients of sum(dy * y) in w.host_grad
 *   world_close(&w);
 *
 * The leaves are in float64 on the host, whatever the context computes in.
 */
#ifndef TAPE_WORLD_H
#define TAPE_WORLD_H

#include "seqgpu/seqgpu.h"
#include "tests/net.h"

#define DIM(...)                                                                                             \
  (int64_t[]) { __VA_ARGS__ }

enum { LEAVES = 10, PLANS = 2, PLAN_0 = -1, PLAN_1 = -2, COUNTER = 1000, ONES = 1024 };

/* One case at work: its leaves in float64 and on the device, and the tensors of the present step. */
typedef struct world {
  seqgpu_context *ctx;
  seqgpu_tape *tape;
  seqgpu_plan *plan[PLANS];
  int leaves;
  int64_t count[LEAVES];
  double *host[LEAVES], *host_grad[LEAVES];
  void *value[LEAVES], *grad[LEAVES];
  seqgpu_tensor *leaf[LEAVES];
  double *ones; /* [ONES], or NULL: see rounded */
  int64_t ones_used;
} world;

typedef struct test_case {
  const char *name;
  seqgpu_tensor *(*build)(world *w);
  int64_t shape[LEAVES][SEQGPU_TAPE_RANK]; /* of the leaves, 0 ends; PLAN_k: the parameters of plan k */
  const seqgpu_rnn_desc *plan[PLANS];
} test_case;

/* The case's shape of leaf i, with the parameters of a plan counted; its rank. */
static inline int leaf_shape(const world *w, const test_case *c, int i, int64_t shape[SEQGPU_TAPE_RANK]) {
  memcpy(shape, c->shape[i], sizeof c->shape[i]);
  if (shape[0] < 0) shape[0] = seqgpu_plan_get_sizes(w->plan[shape[0] == PLAN_0 ? 0 : 1]).param_elements;
  int rank = 0;
  while (rank < SEQGPU_TAPE_RANK && shape[rank] != 0) rank++;
  return rank;
}

static inline void world_leaf(world *w, const test_case *c, int i) {
  int64_t shape[SEQGPU_TAPE_RANK];
  w->count[i] = 1;
  for (int r = leaf_shape(w, c, i, shape) - 1; r >= 0; r--) w->count[i] *= shape[r];
  const size_t bytes = (size_t)w->count[i] * sizeof(double);
  w->host[i] = malloc(bytes);
  w->host_grad[i] = malloc(bytes);
  net_require(w->ctx, seqgpu_malloc(w->ctx, bytes, &w->value[i]), "seqgpu_malloc");
  net_require(w->ctx, seqgpu_malloc(w->ctx, bytes, &w->grad[i]), "seqgpu_malloc");
}

/* Leaves in float32's numbers, away from the kink of relu; parameters of a plan so large that its states
 * differ from step to step: attention lives on the differences. */
static inline void world_draw(world *w, const test_case *c) {
  for (int i = 0; i < w->leaves; i++) {
    const double scale = c->shape[i][0] < 0 ? 1.5 : 1;
    for (int64_t j = 0; j < w->count[i]; j++)
      w->host[i][j] = (double)(float)(scale * check_uniform(0.1, 1) * (check_random() & 1 ? 1 : -1));
  }
}

/* algorithm: of the plans; NULL: any. */
static inline void world_open_by(world *w, seqgpu_context *ctx, const test_case *c, const char *algorithm) {
  const seqgpu_plan_options options = {.algorithm = algorithm};
  *w = (world){.ctx = ctx};
  net_require(ctx, seqgpu_tape_create(ctx, 77, &w->tape), "seqgpu_tape_create");
  for (int k = 0; k < PLANS && c->plan[k]; k++)
    net_require(ctx, seqgpu_plan_create(ctx, c->plan[k], &options, &w->plan[k]), "seqgpu_plan_create");
  for (; w->leaves < LEAVES && c->shape[w->leaves][0] != 0; w->leaves++) world_leaf(w, c, w->leaves);
  world_draw(w, c);
}

static inline void world_open(world *w, seqgpu_context *ctx, const test_case *c) {
  world_open_by(w, ctx, c, NULL);
}

static inline void world_close(world *w) {
  for (int i = 0; i < w->leaves; i++) {
    seqgpu_free(w->ctx, w->value[i]);
    seqgpu_free(w->ctx, w->grad[i]);
    free(w->host[i]);
    free(w->host_grad[i]);
  }
  seqgpu_tape_destroy(w->tape);
  for (int k = 0; k < PLANS; k++) seqgpu_plan_destroy(w->plan[k]);
}

/* A step up to the case's tensor; dropout draws the same each time. */
static inline seqgpu_tensor *world_build(world *w, const test_case *c, int training) {
  net_require(w->ctx, seqgpu_tape_clear(w->tape, training), "seqgpu_tape_clear");
  seqgpu_tape_set_counter(w->tape, COUNTER);
  w->ones_used = 0;
  for (int i = 0; i < w->leaves; i++) {
    int64_t shape[SEQGPU_TAPE_RANK];
    const int rank = leaf_shape(w, c, i, shape);
    net_upload(w->ctx, w->value[i], w->host[i], w->count[i]);
    w->leaf[i] = seqgpu_tape_wrap(w->tape, rank, shape, w->value[i], w->grad[i]);
  }
  return c->build(w);
}

/* An intermediate result of a model.  The float64 world of a trial (test_tape.c) multiplies it by ones, which
 * the probes of conditioned.h move like inputs: so the reference tells what the rounding of this result, and
 * of its gradient, does. Inputs alone do not: where an attention reads states that are nearly the same, they
 * move all of them alike. */
static inline seqgpu_tensor *rounded(world *w, seqgpu_tensor *y) {
  int64_t shape[SEQGPU_TAPE_RANK];
  const int64_t n = seqgpu_tensor_elements(y), first = w->ones_used;
  if (w->ones == NULL || y == NULL) return y;
  if (first + n > ONES) {
    check_record(0, "more intermediate results than ones", "rounded");
    return y;
  }
  w->ones_used += n;
  const int rank = seqgpu_tensor_shape(y, shape);
  return seqgpu_tape_mul(w->tape, y, seqgpu_tape_input(w->tape, rank, shape, w->ones + first));
}

/* The value, in float64; the caller frees it. */
static inline double *world_read(world *w, seqgpu_tensor *y) {
  const int64_t n = seqgpu_tensor_elements(y);
  double *out = calloc((size_t)n + 1, sizeof *out);
  if (y) net_download(w->ctx, out, seqgpu_tensor_value(y), n);
  return out;
}

/* Gradients of sum(dy * y) into host_grad, from zeroed buffers. */
static inline seqgpu_status world_backward(world *w, seqgpu_tensor *y, const double *dy) {
  for (int i = 0; i < w->leaves; i++)
    net_require(w->ctx, seqgpu_zero(w->ctx, w->grad[i], (size_t)w->count[i] * sizeof(double)), "seqgpu_zero");
  const int64_t n = seqgpu_tensor_elements(y);
  float *narrow = calloc((size_t)n + 1, sizeof *narrow);
  /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): dy has as many elements as y */
  for (int64_t i = 0; i < n; i++) narrow[i] = (float)dy[i];
  const int f32 = seqgpu_context_dtype(w->ctx) == SEQGPU_DTYPE_F32;
  const seqgpu_status status = seqgpu_tape_backward(w->tape, y, f32 ? (const void *)narrow : dy);
  net_require(w->ctx, status, "seqgpu_tape_backward");
  free(narrow);
  for (int i = 0; i < w->leaves; i++) net_download(w->ctx, w->host_grad[i], w->grad[i], w->count[i]);
  return status;
}

static inline void dy_draw(double *dy, int64_t n) {
  for (int64_t i = 0; i < n; i++) dy[i] = (double)(float)check_uniform(-1, 1);
}

static inline double *random_dy(const seqgpu_tensor *y) {
  const int64_t n = seqgpu_tensor_elements(y);
  double *dy = calloc((size_t)n + 1, sizeof *dy);
  dy_draw(dy, n);
  return dy;
}

#endif
