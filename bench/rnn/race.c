/* race.c - the timing of bench_rnn: in every round each contender runs once, so that a machine whose speed
 * drifts is slow for all of them.
 *
 * GPU: events on the stream around forward and backward.  Before each run the L2 is written over, which also
 *      gives the host time to enqueue the run before the clock starts; the sets of buffers take turns.
 * CPU: the host's clock.  A sample is repeated until it lasts 5 ms, so that waking up after the rest does
 *      not decide it.
 */
#include "bench/rnn/race.h"

#include <stdio.h>

#include "bench/common/measure.h"
#include "bench/rnn/journal.h"

/* One race, and the run under way. */
typedef struct race {
  const rnn_problem *problem;
  const rnn_device *device;
  bench_gpu *gpu;
  int flush, rest;
  int repeats[RNN_MAX_CONTENDERS];
  double start, forward_end; /* on the CPU */
} race;

static void mark_forward(void *argument) {
  race *r = argument;
  if (r->gpu)
    bench_gpu_mark(r->gpu, 1);
  else
    r->forward_end = bench_now();
}

static int run_on_gpu(race *r, rnn_contender *contender, int set, double *total, double *forward) {
  const int last = r->problem->training ? 2 : 1;
  if (r->flush && !bench_gpu_flush_l2(r->gpu)) return 0;
  if (!bench_gpu_mark(r->gpu, 0)) return 0;
  if (!rnn_contender_run(contender, r->problem, r->device, set, mark_forward, r)) return 0;
  if (last == 2 && !bench_gpu_mark(r->gpu, last)) return 0;
  return bench_gpu_seconds(r->gpu, 0, last, total) && bench_gpu_seconds(r->gpu, 0, 1, forward);
}

static int run_on_cpu(race *r, rnn_contender *contender, int repeats, int set, double *total,
                      double *forward) {
  *forward = 0;
  const double start = bench_now();
  for (int k = 0; k < repeats; k++) {
    r->start = r->forward_end = bench_now();
    if (!rnn_contender_run(contender, r->problem, r->device, set, mark_forward, r)) return 0;
    *forward += (r->forward_end - r->start) / repeats;
  }
  *total = (bench_now() - start) / repeats;
  if (r->rest) bench_rest();
  return 1;
}

/* How many runs make a sample of this contender. */
static int repeats_for(race *r, rnn_contender *contender) {
  double total = 0, forward = 0;
  if (r->gpu || !run_on_cpu(r, contender, 1, 0, &total, &forward)) return 1;
  return total > 5e-3 ? 1 : (int)(5e-3 / (total > 1e-6 ? total : 1e-6)) + 1;
}

static int run_once(race *r, rnn_contender *contender, int index, int set, double *total, double *forward) {
  if (!rnn_contender_prepare(contender, r->problem, r->device)) return 0;
  return r->gpu ? run_on_gpu(r, contender, set, total, forward)
                : run_on_cpu(r, contender, r->repeats[index], set, total, forward);
}

int rnn_race(rnn_contender *contenders, int count, const rnn_problem *problem, const rnn_device *device,
             bench_gpu *gpu, const rnn_options *o) {
  race r = {.problem = problem, .device = device, .gpu = gpu, .flush = !o->warm, .rest = count > 1};
  /* a graph is recorded at the second run on the same buffers: each set gets three runs before the clock
   * counts */
  const int least = gpu ? 3 * device->sets : 0, warmup = o->warmup > least ? o->warmup : least;
  for (int s = 0; s < count; s++) r.repeats[s] = repeats_for(&r, &contenders[s]);
  for (int i = -warmup; i < o->runs; i++) {
    for (int s = 0; s < count; s++) {
      double total = 0, forward = 0;
      rnn_journal_turn(o, problem->number, contenders[s].name);
      if (!run_once(&r, &contenders[s], s, (i + warmup) % device->sets, &total, &forward)) {
        fprintf(stderr, "bench_rnn: %s: %s\n", contenders[s].name, gpu ? bench_gpu_error(gpu) : "failed");
        return 0;
      }
      if (i < 0) continue;
      contenders[s].total[i] = total;
      contenders[s].forward[i] = forward;
    }
  }
  return 1;
}
