/* ops_cpu.h - what the CPU operators share: their prototypes, the split of work over threads, lane sums.
 *
 * Results must not depend on the number of threads.  So work is split only between elements of the result,
 * each of which one thread computes alone, in an order that is a property of the sizes.  That is not quite
 * enough: the compiler may round the vector body of a loop and its scalar tail differently (a*b+c fused or
 * not), so no loop may begin or end where a thread's share does.  Hence the grain of sq_split.
 */
#ifndef SQ_OPS_CPU_H
#define SQ_OPS_CPU_H

#include <math.h>

#include "core/dot.h"
#include "core/ops.h"
#include "core/real.h"

#define SQ_OP_DECLARE(name, args) int FN(sq_cpu_##name)(sq_exec * exec, const args *a);
SQ_OPS(SQ_OP_DECLARE)
#undef SQ_OP_DECLARE

static inline int64_t sq_min(int64_t a, int64_t b) { return a < b ? a : b; }

/* --- threads --- */

/* Does the indices first..last-1; arg is the operator's argument struct. */
typedef void sq_range_task(const void *arg, int64_t first, int64_t last);

typedef struct sq_split_job {
  sq_range_task *task;
  const void *arg;
  int64_t n, grain;
} sq_split_job;

/* First index of a part: a multiple of the grain, or n. */
static inline int64_t sq_split_at(const sq_split_job *job, int part, int parts) {
  const int64_t grains = (job->n + job->grain - 1) / job->grain;
  return sq_min(job->n, (grains / parts * part + grains % parts * part / parts) * job->grain);
}

static inline void sq_split_part(void *arg, int part, int parts) {
  const sq_split_job *job = arg;
  const int64_t end = sq_split_at(job, part + 1, parts);
  const int64_t step = job->grain > 1 ? job->grain : job->n;
  for (int64_t i = sq_split_at(job, part, parts); i < end; i += step)
    job->task(job->arg, i, sq_min(i + step, end));
}

/* Work for one more thread, in elements: about 10 us, several times what it takes to wake it. */
enum { SQ_SPLIT_ELEMENTS = 32768 };

/* Runs task over 0..n-1, on several threads if n indices of `each` elements are enough work for them.
 * Grain 1: an index is a loop of its own, a row; the task gets any number at a time.  Grain > 1: an index
 * is an element; the task gets exactly one grain at a time (the last may be shorter), whatever the number
 * of threads. */
static inline void sq_split(sq_exec *exec, int64_t n, int64_t grain, int64_t each, sq_range_task *task,
                            const void *arg) {
  if (n <= 0) return;
  sq_split_job job = {task, arg, n, grain};
  int64_t parts = sq_pool_threads(exec->pool);
  parts = sq_min(parts, (int64_t)((double)n * (double)each / SQ_SPLIT_ELEMENTS) + 1);
  parts = sq_min(parts, (n + grain - 1) / grain);
  sq_pool_run(exec->pool, (int)parts, sq_split_part, &job);
}

/* The lanes of a sum over a row (core/dot.h). */
enum { SQ_LANES = 64 };

#endif
