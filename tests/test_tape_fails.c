/* test_tape_fails.c - every computation of tape_cases.h where memory ends or the device fails in the middle
 * of it: the tape keeps the status and its sentence, nothing leaks, and the step before it stays repeatable.
 */
#include "host/tape/tensor.h"
#include "tests/breaking.h"
#include "tests/tape_cases.h"

static const test_case *present; /* the case that runs */
static seqgpu_tensor *result;    /* its y */

/* What follows the clearing of the tape: the case up to the gradients, on leaves in the test's own memory. */
static seqgpu_status compute(world *w) {
  const double ones[2] = {1, 1};
  seqgpu_status status = seqgpu_tape_status(w->tape);
  seqgpu_tape_set_counter(w->tape, COUNTER);
  for (int i = 0; status == SEQGPU_OK && i < w->leaves; i++) {
    int64_t shape[SEQGPU_TAPE_RANK];
    const int rank = leaf_shape(w, present, i, shape);
    w->leaf[i] = seqgpu_tape_wrap(w->tape, rank, shape, w->value[i], w->grad[i]);
  }
  seqgpu_tensor *y = result = present->build(w);
  if (status == SEQGPU_OK) status = seqgpu_tape_status(w->tape);
  double *dy = calloc((size_t)seqgpu_tensor_elements(y) + 1, sizeof *dy);
  if (status == SEQGPU_OK) status = seqgpu_tape_backward(w->tape, y, y->elements == 1 ? ones : dy);
  free(dy);
  return status;
}

static seqgpu_status step(world *w) {
  const seqgpu_status status = seqgpu_tape_clear(w->tape, 1);
  return status == SEQGPU_OK ? compute(w) : status;
}

static seqgpu_status open_case(world *w, seqgpu_context *ctx) {
  *w = (world){.ctx = ctx};
  seqgpu_status status = seqgpu_tape_create(ctx, 77, &w->tape);
  for (int k = 0; status == SEQGPU_OK && k < PLANS && present->plan[k]; k++)
    status = seqgpu_plan_create(ctx, present->plan[k], NULL, &w->plan[k]);
  for (int i = 0; status == SEQGPU_OK && i < LEAVES && present->shape[i][0] != 0; i++) {
    int64_t shape[SEQGPU_TAPE_RANK];
    size_t count = 1;
    for (int r = leaf_shape(w, present, i, shape) - 1; r >= 0; r--) count *= (size_t)shape[r];
    w->value[i] = calloc(count, sizeof(double));
    w->grad[i] = calloc(count, sizeof(double));
    w->leaves = i + 1;
  }
  return status;
}

static void close_case(world *w) {
  for (int i = 0; i < w->leaves; i++) {
    free(w->value[i]);
    free(w->grad[i]);
  }
  for (int k = 0; k < PLANS; k++) seqgpu_plan_destroy(w->plan[k]);
  seqgpu_tape_destroy(w->tape);
}

/* --- the device fails --- */

static seqgpu_status one_step(seqgpu_context *ctx) {
  world w;
  seqgpu_status status = open_case(&w, ctx);
  for (int k = 0; status == SEQGPU_OK && k < PLANS && w.plan[k]; k++) breaking_plan(w.plan[k]);
  if (status == SEQGPU_OK) status = step(&w);
  close_case(&w);
  return status;
}

static int bends; /* y is a loss with a curvature */

/* The same, and how y moves where all leaves move by their own values; and its curvature along that. */
static seqgpu_status look_further(seqgpu_context *ctx, int curvature) {
  world w;
  const void *direction[LEAVES];
  seqgpu_status status = open_case(&w, ctx);
  for (int k = 0; status == SEQGPU_OK && k < PLANS && w.plan[k]; k++) breaking_plan(w.plan[k]);
  if (status == SEQGPU_OK) status = step(&w);
  for (int i = 0; i < w.leaves; i++) direction[i] = w.value[i];
  if (status == SEQGPU_OK) status = seqgpu_tape_tangent(w.tape, result, w.leaves, w.leaf, direction);
  if (status == SEQGPU_OK && curvature) status = seqgpu_tape_gauss_newton(w.tape, result, 0, NULL, NULL);
  bends = status == SEQGPU_OK && result->op && result->op->memory == SQ_TAPE_LOSS && result->op->curvature;
  close_case(&w);
  return status;
}

static seqgpu_status with_tangents(seqgpu_context *ctx) { return look_further(ctx, 0); }
static seqgpu_status with_curvature(seqgpu_context *ctx) { return look_further(ctx, 1); }

/* --- memory ends --- */

/* Leaves `pieces` of 256 bytes in the tape's memory, the least that is handed out; the rest is in use. */
static seqgpu_tensor *use_all_but(world *w, const void *zeros, size_t pieces) {
  const sq_chunk *chunk = w->tape->device.newest;
  const int64_t spare = (int64_t)(chunk->size - 256 * pieces) / (int64_t)w->ctx->element_size;
  seqgpu_tape_clear(w->tape, 1);
  return seqgpu_tape_input(w->tape, 1, &spare, zeros);
}

/* The operator that takes the n-th piece of memory is refused it, for n = 0, 1, ..., until the step has
 * enough; then it computes the same as before. */
static void check_memory_ends(const test_case *c) {
  present = c;
  failing f = {.fail_at = -1};
  const seqgpu_allocator allocator = {failing_allocate, failing_release, &f};
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .allocator = &allocator};
  seqgpu_context *ctx = NULL;
  world w;
  net_require(ctx, seqgpu_context_create(&options, &ctx), "seqgpu_context_create");
  net_require(ctx, open_case(&w, ctx), "the case");
  int refused = 0, right = 1, done = 0;
  for (int warm = 0; warm < 3; warm++) net_require(ctx, step(&w), "a step with enough memory");
  void *zeros = calloc(w.tape->device.newest->size, 1);
  for (size_t pieces = 0; !done && pieces < 256; pieces++) {
    right &= use_all_but(&w, zeros, pieces) != NULL;
    f.fail_at = f.requests;
    const seqgpu_status status = compute(&w);
    f.fail_at = -1;
    done = status == SEQGPU_OK;
    refused += !done;
    right &= done || (status == SEQGPU_ENOMEM && strstr(seqgpu_tape_error(w.tape), "memory") != NULL);
  }
  CHECK(right && done && refused > 0 && step(&w) == SEQGPU_OK, "tape %s, memory ends at each of %d pieces",
        c->name, refused);
  free(zeros);
  close_case(&w);
  seqgpu_context_destroy(ctx);
  CHECK(f.live == 0, "tape %s, and nothing leaks", c->name);
}

int main(void) {
  check_start();
  for (int i = 0; i < CASES; i++) {
    char name[96];
    present = &cases[i];
    snprintf(name, sizeof name, "tape %s", present->name);
    breaking_each(name, SEQGPU_DTYPE_F32, one_step);
    snprintf(name, sizeof name, "tape %s, tangents", present->name);
    breaking_each(name, SEQGPU_DTYPE_F32, with_tangents);
    if (bends) {
      snprintf(name, sizeof name, "tape %s, curvature", present->name);
      breaking_each(name, SEQGPU_DTYPE_F32, with_curvature);
    }
    check_memory_ends(&cases[i]);
  }
  return check_finish();
}
