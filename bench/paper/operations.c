/* operations.c - paper_operations: how many operations the CUDA kernels of the unitary RNN and of the LSTM do
 * per step.
 *
 *   uRNN   algorithm fused: complex additions (2), products (6), dots, reflections, modReLU; n log n
 *   LSTM   algorithm step with our own GEMM: 2 per multiply-add of a product; n^2.  Its pointwise steps, of
 *          order n, are not counted.
 *
 * The kernels run on the SIMT emulator, which adds up what they report (sq_count of kernels/simt.h): there
 * is no clock and no chance in it, and the numbers are the same everywhere.  One layer with one input,
 * forward and backward.  A step is half of the difference between T = 3 and T = 1, so that what a run does
 * once (packing, first states) does not count.  The LSTM runs 32 sequences, which fill a tile of the GEMM,
 * and is reported per sequence.  scaling.h describes the fits; the results are urnn-operations.json and
 * .svg.
 *
 *   paper_operations [--results FOLDER]
 */
#include <math.h>
#include <string.h>

#include "bench/paper/scaling.h"
#include "tests/simt/simt_controls.h"

enum { TILE = 32 };

/* Operations of a run of `steps` steps over all sequences; NaN after an error. */
static double count_run(seqgpu_context *ctx, seqgpu_rnn_desc desc, const char *algorithm, int64_t steps) {
  scaling_run r;
  double operations = (double)NAN;
  desc.seq_len = steps;
  if (scaling_open(&r, ctx, &desc, algorithm)) {
    const uint64_t before = sq_simt_operations();
    if (!seqgpu_rnn_forward(ctx, r.plan, &r.run) && !seqgpu_rnn_backward(ctx, r.plan, &r.run))
      operations = (double)(sq_simt_operations() - before);
  }
  scaling_close(&r);
  return operations;
}

static double count_size(seqgpu_context *ctx, const char *cell, int64_t n) {
  const int unitary = strcmp(cell, "urnn") == 0, batch = unitary ? 1 : TILE;
  const seqgpu_rnn_desc desc = {.cell = cell, .input_size = 1, .hidden_size = n, .batch = batch};
  const char *algorithm = unitary ? "fused" : "step";
  const double one = count_run(ctx, desc, algorithm, 1);
  return (count_run(ctx, desc, algorithm, 3) - one) / 2 / batch;
}

int main(int argc, char **argv) {
  scaling_experiment experiment = {
      .program = "paper_operations",
      .name = "urnn-operations",
      .about = "Operations per step of the unitary RNN beside the LSTM, forward and backward",
      .ran_on =
          "the SIMT emulator: counts of the CUDA kernels of the algorithms fused (urnn) and step (lstm), "
          "one input; no time, and no GPU",
      .title = "Operations of a step",
      .quantity = "operations per step and sequence",
      .unit = "operations per step",
      .scale = 1,
      .device = {.device = "emulator"},
      .measure = count_size,
      .cells = {{.cell = "urnn", .formula = "n log2 n", .cost = scaling_n_log_n, .sizes = SCALING_SIZES},
                {.cell = "lstm", .formula = "n^2", .cost = scaling_n_squared, .sizes = SCALING_SIZES - 2}},
      .count = 2};
  return scaling_main(&experiment, argc, argv);
}
