/* test_api_structs.c - structs of another size than the library's, and runs whose buffers the library makes.
 *
 * test_grown.sh shows the same with a whole program against a library whose structs have grown; here are the
 * edges: a size of 0, fields that are missing, fields that are too many.
 */
#include <stddef.h>
#include <string.h>

#include "seqgpu/seqgpu.h"
#include "tests/refused.h"

enum { T = 4, B = 3, I = 2, H = 5 };

static seqgpu_rnn_desc small_desc(void) {
  return (seqgpu_rnn_desc){.cell = "lstm", .input_size = I, .hidden_size = H, .seq_len = T, .batch = B};
}

/* --- structs that the library takes --- */

/* A program of a newer library: one more field than this one knows. */
typedef struct newer_desc {
  seqgpu_rnn_desc known;
  int64_t more;
} newer_desc;

static seqgpu_status create(seqgpu_context *ctx, const void *desc, size_t size) {
  seqgpu_plan *plan = NULL;
  const seqgpu_status status = seqgpu_plan_create_(ctx, desc, size, NULL, 0, &plan);
  seqgpu_plan_destroy(plan);
  return status;
}

static void check_taken(seqgpu_context *ctx) {
  newer_desc desc = {small_desc(), 0};
  ACCEPTED(ctx, create(ctx, &desc, sizeof desc));
  desc.more = 1;
  REFUSED(ctx, EINVAL, "newer library", create(ctx, &desc, sizeof desc));
  ACCEPTED(ctx, create(ctx, &desc, sizeof desc.known));
  REFUSED(ctx, EINVAL, "desc", create(ctx, &desc, 0));
  /* a program that did not know `math` yet: whatever lies behind its struct is not looked at */
  desc.known.math = (seqgpu_math)77;
  REFUSED(ctx, EINVAL, "math", create(ctx, &desc, sizeof desc.known));
  ACCEPTED(ctx, create(ctx, &desc, offsetof(seqgpu_rnn_desc, math)));
  /* the plain functions are functions: a compound literal is an argument like any other */
  seqgpu_plan *plan = NULL;
  ACCEPTED(ctx,
           seqgpu_plan_create(
               ctx,
               &(seqgpu_rnn_desc){.cell = "gru", .input_size = 1, .hidden_size = 2, .seq_len = 1, .batch = 1},
               &(seqgpu_plan_options){.algorithm = "step", .mode = SEQGPU_PLAN_ESTIMATE}, &plan));
  seqgpu_plan_destroy(plan);
}

static void check_context_options(void) {
  struct {
    seqgpu_context_options known;
    int64_t more;
  } newer = {{.device = "cpu", .threads = 1}, 1};
  seqgpu_context *ctx = NULL;
  const seqgpu_status status = seqgpu_context_create_(&newer.known, sizeof newer, &ctx);
  CHECK(status == SEQGPU_EINVAL && ctx && strstr(seqgpu_last_error(ctx), "options"),
        "options of a newer program: EINVAL, and why");
  seqgpu_context_destroy(ctx);
  newer.known.dtype = (seqgpu_dtype)9; /* a field that an older program did not have */
  CHECK(seqgpu_context_create_(&newer.known, offsetof(seqgpu_context_options, dtype), &ctx) == SEQGPU_OK,
        "options of an older program");
  CHECK(seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F32, "what they lack is 0");
  seqgpu_context_destroy(ctx);
}

/* --- structs that the library fills --- */

/* Fewer bytes than the library has: no more are written.  More: the rest becomes 0. */
static void check_filled(const seqgpu_plan *plan) {
  unsigned char whole[sizeof(seqgpu_plan_sizes)], text[sizeof whole + 40];
  seqgpu_plan_get_sizes_(plan, (seqgpu_plan_sizes *)(void *)whole, sizeof whole);
  int cut = 1, rest = 1;
  for (size_t size = 0; size < sizeof text; size += 8) {
    memset(text, 0xff, sizeof text);
    seqgpu_plan_get_sizes_(plan, (seqgpu_plan_sizes *)(void *)text, size);
    const size_t known = size < sizeof whole ? size : sizeof whole;
    cut = cut && memcmp(text, whole, known) == 0;
    for (size_t i = known; i < sizeof text; i++) rest = rest && text[i] == (i < size ? 0 : 0xff);
  }
  CHECK(cut, "sizes: as many fields as the caller knows");
  CHECK(rest, "sizes: zeros beyond the library's fields, nothing beyond the caller's");
}

/* --- runs --- */

static int aligned(const void *pointer) { return pointer != NULL && (uintptr_t)pointer % 64 == 0; }

static void check_allocated(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = small_desc();
  seqgpu_plan *plan = NULL;
  seqgpu_rnn_run run;
  ACCEPTED(ctx, seqgpu_plan_create(ctx, &desc, NULL, &plan));
  ACCEPTED(ctx, seqgpu_run_allocate(ctx, plan, &run));
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(plan);
  CHECK(run.seq_len == T && run.batch == B, "a run is as large as the plan's largest");
  CHECK(aligned(run.params) && aligned(run.x) && aligned(run.y) && aligned(run.workspace) &&
            aligned(run.reserve) && aligned(run.dy) && aligned(run.dx) && aligned(run.dparams),
        "every buffer of a training run is there, aligned");
  CHECK(run.initial[0] == run.final[0] && run.initial[1] == run.final[1] && aligned(run.final[1]) &&
            run.final[2] == NULL,
        "states are carried on in place, as many as the cell has");
  memset((void *)(uintptr_t)run.dy, 0x3e, sizes.y); /* about 0.18 */
  ACCEPTED(ctx, seqgpu_rnn_forward(ctx, plan, &run));
  ACCEPTED(ctx, seqgpu_rnn_backward(ctx, plan, &run));
  float own[T * B * H];
  run.y = own; /* what the caller puts in is the caller's */
  ACCEPTED(ctx, seqgpu_rnn_forward(ctx, plan, &run));
  seqgpu_run_release(ctx, &run);
  CHECK(run.memory == NULL, "a released run holds nothing");
  seqgpu_run_release(ctx, &run);
  seqgpu_run_release(ctx, NULL);
  check_filled(plan);
  REFUSED(ctx, EINVAL, "plan", seqgpu_run_allocate(ctx, NULL, &run));
  CHECK(run.memory == NULL && run.x == NULL, "a run that could not be made is all zeros");
  REFUSED(ctx, EINVAL, "run", seqgpu_run_allocate(ctx, plan, NULL));
  seqgpu_plan_destroy(plan);
}

static void check_inference(seqgpu_context *ctx) {
  seqgpu_rnn_desc desc = small_desc();
  seqgpu_plan *plan = NULL;
  seqgpu_rnn_run run;
  desc.inference = 1;
  ACCEPTED(ctx, seqgpu_plan_create(ctx, &desc, NULL, &plan));
  ACCEPTED(ctx, seqgpu_run_allocate(ctx, plan, &run));
  CHECK(run.reserve == NULL && run.dy == NULL && run.dx == NULL && run.dparams == NULL,
        "inference has no gradients");
  ACCEPTED(ctx, seqgpu_rnn_forward(ctx, plan, &run));
  seqgpu_run_release(ctx, &run);
  seqgpu_plan_destroy(plan);
}

int main(void) {
  const seqgpu_context_options f32 = {.device = "cpu", .threads = 1};
  seqgpu_context *ctx = NULL;
  check_start();
  ACCEPTED(ctx, seqgpu_context_create(&f32, &ctx));
  check_taken(ctx);
  check_context_options();
  check_allocated(ctx);
  check_inference(ctx);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
