/* cost.c - paper_cost: what a step of the unitary RNN costs as it grows, against the LSTM, on one core.
 *
 *   uRNN   two Fourier transforms, diagonals and reflections: n log n          LSTM   4 H^2 products
 *
 * One layer of 1 input, T = 32, B = 4, forward and backward: the time of one step of one sequence, the least of
 * RUNS, as whatever else this machine does can only add to it.  Fits as law.h has them; results in urnn-cost.json and .svg.
 * operations.c counts what the CUDA kernels of both do.
 *
 *   paper_cost [--results FOLDER]
 */
#include <math.h>
#include <stdio.h>

#include "bench/paper/scaling.h"

enum { STEPS = 32, BATCH = 4, RUNS = 15 };

/* Seconds of one step of one sequence; NaN where it failed. */
static double time_runs(const law_run *r) {
  double samples[RUNS];
  for (int i = -1; i < RUNS; i++) { /* the first warms up */
    const double begin = bench_now();
    if (seqgpu_rnn_forward(r->ctx, r->plan, &r->run) || seqgpu_rnn_backward(r->ctx, r->plan, &r->run))
      return (double)NAN;
    if (i >= 0) samples[i] = (bench_now() - begin) / (STEPS * BATCH);
  }
  return bench_statistics(samples, RUNS).min;
}

static double time_size(seqgpu_context *ctx, const char *cell, int64_t n) {
  const seqgpu_rnn_desc desc = {
      .cell = cell, .input_size = 1, .hidden_size = n, .seq_len = STEPS, .batch = BATCH};
  law_run run;
  const double seconds = law_open(&run, ctx, &desc, NULL) ? time_runs(&run) : (double)NAN;
  law_close(&run);
  return seconds;
}

int main(int argc, char **argv) {
  law_side sides[2] = {{.cell = "urnn", .law = "n log2 n", .cost = law_n_log_n, .sizes = LAW_SIZES},
                       {.cell = "lstm", .law = "n^2", .cost = law_n_squared, .sizes = LAW_SIZES - 1}};
  law_report report = {.name = "urnn-cost",
                       .about = "A step of the unitary RNN against the LSTM, forward and backward",
                       .ran_on = "CPU, one thread, float32, T = 32, B = 4, one input; least of 15 runs",
                       .quantity = "seconds a step and sequence"};
  if (!law_arguments(argc, argv, &report.folder)) return 2;
  seqgpu_context *ctx;
  const seqgpu_context_options cpu = {.device = "cpu", .threads = 1};
  if (seqgpu_context_create(&cpu, &ctx)) return fprintf(stderr, "%s\n", seqgpu_last_error(ctx)), 1;
  for (int i = 0; i < 2; i++) law_measure(&sides[i], ctx, time_size, "us a step", 1e6);
  seqgpu_context_destroy(ctx);
  return !law_publish(&report, sides, 2);
}
