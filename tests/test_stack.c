/* test_stack.c - how much of the caller's stack the library takes, for every cell (seqgpu/base.h states it).
 *
 * Each cell trains once and infers once in a thread whose stack is SEQGPU_STACK_SIZE and ends at a page that
 * must not be touched; the stack is painted before, so that the deepest byte written can be told.  A small
 * network and one large enough for blocked products and the pool's threads.  It runs on the product, since
 * sanitizers widen frames.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <pthread.h>
#include <sys/mman.h>

#include "seqgpu/seqgpu.h"
#include "tests/check.h"
#include "tests/shapes.h"

enum { STACK = SEQGPU_STACK_SIZE, RESERVE = STACK / 4, GUARD = 64 << 10, PAINT = 0xa5 };

typedef struct job {
  seqgpu_dtype dtype;
  const seqgpu_rnn_desc *desc;
  seqgpu_status status;
  char error[512];
} job;

static seqgpu_status train(seqgpu_context *ctx, const seqgpu_plan *plan, seqgpu_rnn_run *run) {
  seqgpu_status status = seqgpu_rnn_forward(ctx, plan, run);
  return status == SEQGPU_OK && run->reserve ? seqgpu_rnn_backward(ctx, plan, run) : status;
}

static void *train_main(void *argument) {
  job *j = argument;
  seqgpu_context *ctx;
  seqgpu_plan *plan = NULL;
  seqgpu_rnn_run run = {.seq_len = 0};
  const seqgpu_context_options options = {.device = "cpu", .threads = 2, .dtype = j->dtype};
  j->status = seqgpu_context_create(&options, &ctx);
  if (j->status == SEQGPU_OK) j->status = seqgpu_plan_create(ctx, j->desc, NULL, &plan);
  if (j->status == SEQGPU_OK) j->status = seqgpu_run_allocate(ctx, plan, &run);
  if (j->status == SEQGPU_OK) j->status = train(ctx, plan, &run);
  if (j->status != SEQGPU_OK) memcpy(j->error, seqgpu_last_error(ctx), sizeof j->error);
  seqgpu_run_release(ctx, &run);
  seqgpu_plan_destroy(plan);
  seqgpu_context_destroy(ctx);
  return NULL;
}

/* Bytes of a fresh stack that the thread wrote to, with what the C library puts there; -1: it could not
 * start. */
static long stack_of(void *(*thread_main)(void *), void *argument) {
  unsigned char *memory =
      mmap(NULL, GUARD + STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  pthread_attr_t attributes;
  pthread_t thread;
  if (memory == MAP_FAILED || mprotect(memory, GUARD, PROT_NONE)) return -1;
  memset(memory + GUARD, PAINT, STACK);
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, memory + GUARD, STACK);
  const int failed = pthread_create(&thread, &attributes, thread_main, argument);
  if (!failed) pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
  long untouched = 0;
  while (untouched < STACK && memory[GUARD + untouched] == PAINT) untouched++;
  munmap(memory, GUARD + STACK);
  return failed ? -1 : STACK - untouched;
}

static long try_cell(const cell_row *row, const shape_row *shape, seqgpu_dtype dtype) {
  const seqgpu_rnn_desc desc = combine(row, shape);
  job j = {.dtype = dtype, .desc = &desc};
  const long used = stack_of(train_main, &j);
  CHECK(used >= 0 && j.status == SEQGPU_OK, "a thread of that stack, %s, %s: %s", row->name,
        desc.inference ? "inference" : "training", j.error);
  return used;
}

static void *empty_main(void *argument) { return argument; }

int main(void) {
  const shape_row shapes[] = {
      {"", {5, 4, 3, 6}, NULL, {.num_layers = 3, .bidirectional = 1, .dropout = 0.3, .batch_first = 1}},
      {"", {9, 70, 33, 48}, NULL, {.num_layers = 2}},
      {"", {9, 4, 33, 16}, NULL, {.num_layers = 2, .inference = 1}}};
  long most = 0;
  check_start();
  check_at("cpu");
  const long empty = stack_of(empty_main, NULL);
  if (empty < 0) { /* OpenBLAS, whose thread-local memory is on each stack */
    check_skip("this program's libraries leave no room on such a stack", "the caller's stack");
    return check_finish();
  }
  for (size_t i = 0; i < COUNT(cell_rows); i++)
    for (size_t s = 0; s < COUNT(shapes); s++)
      for (int dtype = SEQGPU_DTYPE_F32; dtype <= SEQGPU_DTYPE_F64; dtype++) {
        const long used = try_cell(&cell_rows[i], &shapes[s], (seqgpu_dtype)dtype);
        if (used > most) most = used;
      }
  printf("the deepest stack: %ld bytes, an empty thread's: %ld\n", most, empty);
  CHECK(most + RESERVE <= SEQGPU_STACK_SIZE, "stack: a quarter of SEQGPU_STACK_SIZE is never touched");
  return check_finish();
}
