/* contenders.h - what bench_rnn times against each other: our algorithms, cuDNN (an algorithm like the
 * others), and peers.
 *
 * A contender is either a plan that is bound to one algorithm, or a peer library with its state.
 */
#ifndef BENCH_RNN_CONTENDERS_H
#define BENCH_RNN_CONTENDERS_H

#include "seqgpu/seqgpu.h"

#include "bench/peers/peer.h"
#include "bench/rnn/device.h"

enum { RNN_MAX_CONTENDERS = 32, RNN_NAME = 64 };

typedef struct rnn_contender {
  char name[RNN_NAME]; /* the algorithm's or the peer's */
  int is_cudnn;
  int is_chosen;                                     /* the planner would take this one */
  seqgpu_plan *plan;                                 /* or NULL */
  const bench_peer *peer;                            /* or NULL */
  void *state;                                       /* the peer's */
  double model_us;                                   /* by the planner's model; 0 = unknown */
  double error;                                      /* against float64 */
  double total[RNN_MAX_RUNS], forward[RNN_MAX_RUNS]; /* seconds of each run, in the order of the runs */
} rnn_contender;

/* Opens every algorithm and peer that the options name and that fits the problem; says on stdout which do
 * not, and why. Nothing has run yet.  The number of contenders; -1 after a sentence on stderr for an unknown
 * algorithm or no memory. */
int rnn_contenders_open(rnn_contender *contenders, const rnn_problem *problem, rnn_device *device,
                        const rnn_options *options);
void rnn_contenders_close(rnn_contender *contenders, int count);

/* Runs on poisoned outputs and returns the worst error; INFINITY where a call failed or left an element
 * unwritten. */
double rnn_contender_check(rnn_contender *contender, const rnn_problem *problem, const rnn_device *device);

/* Clears the gradients that accumulate; not timed.  1, or 0 on an error. */
int rnn_contender_prepare(rnn_contender *contender, const rnn_problem *problem, const rnn_device *device);
/* One run of the whole problem on buffer set `set`; on a GPU it is only enqueued.  `between` is called after
 * forward. */
int rnn_contender_run(rnn_contender *contender, const rnn_problem *problem, const rnn_device *device, int set,
                      void (*between)(void *), void *argument);

#endif
