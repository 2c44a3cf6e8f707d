/* plan_counts.h - what a plan executes per time step, counted on the software device: plan x cell x direction x
 * arithmetic, on a shape.
 *
 * A sequence of T steps and one of 2 T are run; the difference, divided by T, is a step, and what the shorter
 * one executes beyond T of those is the set-up (weights brought onto the chip, the first and the last step).
 * Products that a plan leaves to cuBLAS and transforms that it leaves to cuFFT are not kernels of this library,
 * and are not counted.
 */
#ifndef PLAN_COUNTS_H
#define PLAN_COUNTS_H

#include "host/plan/algorithms.h"
#include "tests/net.h"
#include "tests/shapes.h"
#include "tests/soft/controls.h"
#include "tests/soft/counts.h"

enum { COUNTED_STEPS = 2, COUNTED_BATCH = 8, COUNTED_INPUT = 16, COUNTED_UNITS = 64, COUNTED_SEED = 1 };

typedef struct counted_size {
  int64_t batch, input, units;
  int recurrence; /* 1: only what runs step after step, not the products and sums over the whole sequence */
} counted_size;
static const counted_size counted_small = {COUNTED_BATCH, COUNTED_INPUT, COUNTED_UNITS, 0};

/* The kernels of which one launch runs all steps. */
static inline int is_recurrence(const char *kernel) {
  return strstr(kernel, "recurrence_main") != NULL || strstr(kernel, "fused") != NULL;
}

typedef struct plan_counts {
  const char *algorithm, *cell, *direction;
  seqgpu_math math;
  double step[SOFT_COUNTS];               /* of a step */
  double launches;                        /* of a step */
  double setup_instructions, setup_chain; /* of a run */
  double blocks;                          /* of the largest launch */
  double divisions;                       /* of integers, in a step of a persistent kernel */
  seqgpu_cut_info cut;                    /* zeros where the algorithm cuts nothing */
} plan_counts;

typedef void plan_counts_visitor(void *self, const plan_counts *counts);

/* All warp instructions of a count. */
static inline double counted_instructions(const double count[SOFT_COUNTS]) {
  double sum = 0;
  for (int k = 0; k < SOFT_CLASS_COUNT; k++) sum += count[k];
  return sum;
}

/* What one call of a run executes. */
typedef struct run_counts {
  double of[SOFT_COUNTS], launches, blocks, divisions;
} run_counts;

static inline run_counts run_counted(seqgpu_status (*call)(net *), net *n, int recurrence) {
  run_counts sum = {{0}, 0, 0, 0};
  soft_count_begin();
  call(n);
  soft_count_end();
  sum.launches = (double)soft_counted();
  for (size_t i = 0; i < soft_counted(); i++) {
    const char *kernel;
    const soft_counts *launch = soft_count_of(i, &kernel);
    if (recurrence && !is_recurrence(kernel)) continue;
    for (int k = 0; k < SOFT_COUNTS; k++) sum.of[k] += (double)launch->of[k];
    if (strstr(kernel, "recurrence_main") != NULL) sum.divisions += (double)launch->of[SOFT_DIVISION];
    sum.blocks = fmax(sum.blocks, (double)soft_blocks_of(i));
  }
  return sum;
}

/* Opens a network of so many steps; 0 if the algorithm refuses it. */
static inline int open_counted(net *n, seqgpu_context *ctx, const char *algorithm, const cell_row *cell,
                               seqgpu_math math, counted_size size, int64_t steps) {
  const shape_row shape = {"counted", {steps, size.batch, size.input, size.units}, NULL, {0}};
  const seqgpu_plan_options options = {.algorithm = algorithm};
  seqgpu_rnn_desc desc = combine(cell, &shape);
  seqgpu_plan *plan = NULL;
  desc.math = math;
  const seqgpu_status status = seqgpu_plan_create(ctx, &desc, &options, &plan);
  seqgpu_plan_destroy(plan);
  return status != SEQGPU_EUNSUPPORTED && net_open_as(n, ctx, &desc, algorithm, NULL);
}

/* Forward and backward of one plan; 0 if the algorithm refuses the problem.  The shorter sequence is the
 * beginning of the longer one, so that what depends on the numbers is the same in both. */
static inline int count_plan(seqgpu_context *ctx, const char *algorithm, const cell_row *cell,
                             seqgpu_math math, counted_size size, plan_counts rows[2]) {
  static const char *const directions[2] = {"forward", "backward"};
  static seqgpu_status (*const calls[2])(net *) = {net_forward, net_backward};
  net once, twice;
  if (!open_counted(&twice, ctx, algorithm, cell, math, size, 2 * COUNTED_STEPS)) return 0;
  if (!open_counted(&once, ctx, algorithm, cell, math, size, COUNTED_STEPS)) return 0;
  check_counts.random = COUNTED_SEED;
  net_fill(&twice);
  for (int i = 0; i < NET_Y; i++)
    if (once.count[i]) memcpy(once.value[i], twice.value[i], (size_t)once.count[i] * sizeof(double));
  for (int d = 0; d < 2; d++) {
    plan_counts *row = &rows[d];
    *row = (plan_counts){algorithm, cell->name, directions[d], math, {0}, 0, 0, 0, 0, 0, {0}};
    seqgpu_plan_cut_get(ctx, twice.plan, d, &row->cut);
    const run_counts shorter = run_counted(calls[d], &once, size.recurrence),
                     longer = run_counted(calls[d], &twice, size.recurrence);
    for (int k = 0; k < SOFT_COUNTS; k++) row->step[k] = (longer.of[k] - shorter.of[k]) / COUNTED_STEPS;
    row->launches = (longer.launches - shorter.launches) / COUNTED_STEPS;
    row->setup_instructions =
        counted_instructions(shorter.of) - COUNTED_STEPS * counted_instructions(row->step);
    row->blocks = shorter.blocks;
    row->divisions = (longer.divisions - shorter.divisions) / COUNTED_STEPS;
    row->setup_chain = shorter.of[SOFT_CHAIN] - COUNTED_STEPS * row->step[SOFT_CHAIN];
  }
  net_close(&once);
  net_close(&twice);
  return 1;
}

/* Every algorithm of the library's own that runs on a CUDA device. */
static inline int is_counted(const sq_algorithm *row) {
  return strcmp(row->device, "cuda") == 0 && row->dtype == SEQGPU_DTYPE_F32 &&
         strncmp(row->id, "cudnn", 5) != 0;
}

static inline void count_plans(seqgpu_context *ctx, plan_counts_visitor *visit, void *self) {
  plan_counts rows[2];
  for (const sq_algorithm *a = sq_algorithms; a->name; a++)
    for (size_t c = 0; is_counted(a) && c < COUNT(cell_rows); c++)
      for (int math = SEQGPU_MATH_F32; math <= SEQGPU_MATH_BF16; math++)
        if (count_plan(ctx, a->id, &cell_rows[c], (seqgpu_math)math, counted_small, rows)) {
          visit(self, &rows[0]);
          visit(self, &rows[1]);
        }
}

#endif
