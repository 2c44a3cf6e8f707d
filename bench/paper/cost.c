/* cost.c - paper_cost: what a step of the unitary RNN costs as the network grows, beside the LSTM, on one
 * core.
 *
 *   uRNN   two Fourier transforms, diagonals and reflections: n log n          LSTM   4 H^2 products
 *
 * One layer with one input, T = 32, B = 4, forward and backward.  The time per step and sequence is the least
 * of RUNS, since whatever else this machine does can only add to it.  scaling.h describes the fits; the
 * results are urnn-cost.json and .svg. operations.c counts what the CUDA kernels of both cells do.
 *
 *   paper_cost [--results FOLDER]
 */
#include <math.h>

#include "bench/common/measure.h"
#include "bench/paper/scaling.h"

enum { STEPS = 32, BATCH = 4, RUNS = 15 };

/* Seconds per step and sequence; NaN after an error. */
static double time_runs(const scaling_run *r) {
  double samples[RUNS];
  for (int i = -1; i < RUNS; i++) { /* the first run warms up */
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
  scaling_run run;
  const double seconds = scaling_open(&run, ctx, &desc, NULL) ? time_runs(&run) : (double)NAN;
  scaling_close(&run);
  return seconds;
}

int main(int argc, char **argv) {
  scaling_experiment experiment = {
      .program = "paper_cost",
      .name = "urnn-cost",
      .about = "A step of the unitary RNN beside the LSTM, forward and backward",
      .ran_on = "CPU, one thread, float32, T = 32, B = 4, one input; least of 15 runs",
      .title = "Cost of a step",
      .quantity = "seconds per step and sequence",
      .unit = "us per step",
      .scale = 1e6,
      .device = {.device = "cpu", .threads = 1},
      .measure = time_size,
      .cells = {{.cell = "urnn", .formula = "n log2 n", .cost = scaling_n_log_n, .sizes = SCALING_SIZES},
                {.cell = "lstm", .formula = "n^2", .cost = scaling_n_squared, .sizes = SCALING_SIZES - 1}},
      .count = 2};
  return scaling_main(&experiment, argc, argv);
}
