/* ops_cpu.h - what the CPU operators share: their prototypes, the split of work over threads, lane sums.
 *
 * Results must not depend on the number of threads.  So work is split only between elements of the result, each
 * of which one thread computes alone, in an order that is a property of the sizes.
 */
#ifndef SQ_OPS_CPU_H
#define SQ_OPS_CPU_H

#include <math.h>

#include "ops.h"
#include "real.h"

#define SQ_OP_DECLARE(name, args) int FN(sq_cpu_##name)(sq_exec * exec, const args *a);
SQ_OPS(SQ_OP_DECLARE)
#undef SQ_OP_DECLARE

/* --- threads --- */

/* The part first..last-1 of a loop over 0..n-1; arg is the operator's argument struct. */
typedef void sq_range_task(const void *arg, int64_t first, int64_t last);

typedef struct sq_split_job {
  sq_range_task *task;
  const void *arg;
  int64_t n;
} sq_split_job;

static inline int64_t sq_split_at(int64_t n, int part, int parts) {
  return n / parts * part + n % parts * part / parts;
}

static inline void sq_split_part(void *arg, int part, int parts) {
  const sq_split_job *job = arg;
  job->task(job->arg, sq_split_at(job->n, part, parts), sq_split_at(job->n, part + 1, parts));
}

/* Work for one more thread, in elements: about 10 us, several times what it takes to wake it. */
enum { SQ_SPLIT_ELEMENTS = 32768 };

/* Runs task over 0..n-1, on several threads if n indices of `each` elements are enough work for them. */
static inline void sq_split(sq_exec *exec, int64_t n, int64_t each, sq_range_task *task, const void *arg) {
  if (n <= 0) return;
  sq_split_job job = {task, arg, n};
  const int64_t wanted = (int64_t)((double)n * (double)each / SQ_SPLIT_ELEMENTS) + 1;
  int64_t parts = sq_pool_threads(exec->pool);
  if (parts > wanted) parts = wanted;
  if (parts > n) parts = n;
  sq_pool_run(exec->pool, (int)parts, sq_split_part, &job);
}

/* --- lanes ---
 * A sum over a row in one variable does not vectorise without -ffast-math, because that changes the order of
 * additions.  So the order is laid down: element i goes to lane i % SQ_LANES, and the lanes are folded in halves.
 * Rounding errors grow with n / SQ_LANES instead of n. */
enum { SQ_LANES = 64 };

static inline int64_t sq_min(int64_t a, int64_t b) { return a < b ? a : b; }

static inline real FN(sq_fold_sum)(real lane[SQ_LANES]) {
  for (int half = SQ_LANES / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++) lane[j] += lane[half + j];
  return lane[0];
}

static inline real FN(sq_fold_max)(real lane[SQ_LANES]) {
  for (int half = SQ_LANES / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++) lane[j] = lane[half + j] > lane[j] ? lane[half + j] : lane[j];
  return lane[0];
}

#endif
