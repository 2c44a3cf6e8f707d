/* measure.c - how long a plan takes on this device (measure.h).
 *
 * The largest run of the descriptor on buffers that are allocated for it and freed again: a few warm-up runs
 * (the first loads kernels, the second records graphs), then the median of up to SAMPLES samples.  A sample
 * is as many runs as make up about a millisecond, between two waits for the device, so that the cost of
 * waiting does not count.
 */
#define _POSIX_C_SOURCE 200809L

#include <time.h>

#include "host/planner/measure.h"

enum { WARM_UPS = 3, SAMPLES = 7, MOST_REPEATS = 16, NOISE = 512 };
static const double BUDGET_US = 1e6, SAMPLE_US = 1e3; /* of warm-ups and of samples together; of one sample */

/* One plan with a run of its own. */
typedef struct trial {
  seqgpu_context *ctx;
  const seqgpu_plan *plan;
  seqgpu_rnn_run run;
} trial;

/* ---------------------------------------------------------------- buffers */

typedef union noise {
  double f64[NOISE];
  float f32[NOISE];
} noise;

/* Numbers of either type, small enough for gates that are neither saturated nor dead. */
static void make_noise(seqgpu_dtype dtype, noise *out) {
  uint32_t state = 1;
  for (int i = 0; i < NOISE; i++) {
    state = state * 1664525u + 1013904223u; /* Knuth's "quick and dirty" generator: only speed is looked at */
    const double v = ((double)(state >> 8) / (double)(1 << 23) - 1) * 0.1;
    if (dtype == SEQGPU_DTYPE_F64)
      out->f64[i] = v;
    else
      out->f32[i] = (float)v;
  }
}

/* Noise at the beginning of a buffer, then doubled until it is full: zeros would flatter a chip that saves
 * power. */
static seqgpu_status fill(seqgpu_context *ctx, void *to, size_t bytes) {
  noise numbers;
  make_noise(ctx->dtype, &numbers);
  size_t done = NOISE * ctx->element_size;
  if (done > bytes) done = bytes;
  SQ_TRY(seqgpu_copy_in(ctx, to, &numbers, done));
  while (done < bytes) {
    const size_t next = done < bytes - done ? done : bytes - done;
    SQ_TRY(seqgpu_copy(ctx, (char *)to + done, to, next));
    done += next;
  }
  return seqgpu_synchronize(ctx); /* noise is on the stack */
}

/* Noise in everything a run reads; states start at zero and are not carried on. */
static seqgpu_status prepare(trial *t) {
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(t->plan);
  SQ_TRY(seqgpu_run_allocate(t->ctx, t->plan, &t->run));
  for (int k = 0; k < sizes.state_count; k++) t->run.initial[k] = t->run.final[k] = NULL;
  SQ_TRY(fill(t->ctx, (void *)(uintptr_t)t->run.x, sizes.x));
  SQ_TRY(fill(t->ctx, (void *)(uintptr_t)t->run.params, sizes.params));
  return t->run.dy ? fill(t->ctx, (void *)(uintptr_t)t->run.dy, sizes.y) : SEQGPU_OK;
}

/* ---------------------------------------------------------------- timing */

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* Microseconds of one run, the mean of `repeats` in a row. */
static seqgpu_status sample(const trial *t, int repeats, double *microseconds) {
  SQ_TRY(seqgpu_synchronize(t->ctx));
  const double start = now_us();
  for (int i = 0; i < repeats; i++) {
    SQ_TRY(seqgpu_rnn_forward(t->ctx, t->plan, &t->run));
    if (t->run.reserve) SQ_TRY(seqgpu_rnn_backward(t->ctx, t->plan, &t->run));
  }
  SQ_TRY(seqgpu_synchronize(t->ctx));
  *microseconds = (now_us() - start) / repeats;
  return SEQGPU_OK;
}

/* Puts a value into its place among `count` sorted ones. */
static void insert_sorted(double *sorted, int count, double value) {
  for (; count > 0 && sorted[count - 1] > value; count--) sorted[count] = sorted[count - 1];
  sorted[count] = value;
}

static seqgpu_status median(const trial *t, double *out) {
  double taken[SAMPLES], one = 0;
  const double end = now_us() + BUDGET_US;
  SQ_TRY(sample(t, 1, &one));
  for (int i = 1; i < WARM_UPS && now_us() + one < end; i++) SQ_TRY(sample(t, 1, &one));
  const int repeats = one * MOST_REPEATS < SAMPLE_US ? MOST_REPEATS
                      : one < SAMPLE_US              ? (int)(SAMPLE_US / one)
                                                     : 1;
  int count = 0;
  do {
    SQ_TRY(sample(t, repeats, &one));
    insert_sorted(taken, count++, one);
  } while (count < SAMPLES && now_us() + one * repeats < end);
  *out = taken[count / 2];
  return SEQGPU_OK;
}

seqgpu_status sq_plan_time(seqgpu_context *ctx, const seqgpu_plan *plan, double *microseconds) {
  trial t = {.ctx = ctx, .plan = plan};
  seqgpu_status status = prepare(&t);
  if (status == SEQGPU_OK) status = median(&t, microseconds);
  seqgpu_run_release(ctx, &t.run);
  return status;
}
