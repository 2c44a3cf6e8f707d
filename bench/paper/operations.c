/* operations.c - paper_operations: what a step of the unitary RNN and of the LSTM does in their CUDA kernels, as they grow.
 *
 *   uRNN   plan fused: complex additions (2), products (6), dots, reflections, modReLU; n log n
 *   LSTM   plan step with our own GEMM: 2 for each multiply-add of a product; n^2.  Its pointwise steps, of n, are not counted
 *
 * The kernels run on the SIMT emulator, which adds up what they say they do (sq_count of kernels/simt.h): no clock, no
 * chance, the same numbers everywhere.  One layer of 1 input, forward and backward; a step is half of the difference between
 * T = 3 and T = 1, so what a run does once (packing, first states) does not count.  The LSTM runs 32 sequences, which fill a
 * tile of the GEMM, and one is a part of that.  Fits as law.h has them; results in urnn-operations.json and .svg.
 *
 *   paper_operations [--results FOLDER]
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/paper/scaling.h"
#include "tests/simt/simt_controls.h"

enum { TILE = 32 };

/* Operations of a run of `steps`, all sequences; NaN where it failed. */
static double count_run(seqgpu_context *ctx, seqgpu_rnn_desc desc, const char *algorithm, int64_t steps) {
  law_run r;
  double operations = (double)NAN;
  desc.seq_len = steps;
  if (law_open(&r, ctx, &desc, algorithm)) {
    const uint64_t before = sq_simt_operations();
    if (!seqgpu_rnn_forward(ctx, r.plan, &r.run) && !seqgpu_rnn_backward(ctx, r.plan, &r.run))
      operations = (double)(sq_simt_operations() - before);
  }
  law_close(&r);
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
  law_side sides[2] = {{.cell = "urnn", .law = "n log2 n", .cost = law_n_log_n, .sizes = LAW_SIZES},
                       {.cell = "lstm", .law = "n^2", .cost = law_n_squared, .sizes = LAW_SIZES - 2}};
  law_report report = {
      .name = "urnn-operations",
      .about = "Operations of a step of the unitary RNN against the LSTM, forward and backward",
      .ran_on = "the SIMT emulator: counts of the CUDA kernels of plan fused (urnn) and plan step "
                "(lstm), one input; no time, and no GPU",
      .quantity = "operations a step and sequence"};
  if (!law_arguments(argc, argv, &report.folder)) return 2;
  seqgpu_context *ctx;
  const seqgpu_context_options emulator = {.device = "emulator"};
  if (seqgpu_context_create(&emulator, &ctx)) return fprintf(stderr, "%s\n", seqgpu_last_error(ctx)), 1;
  for (int i = 0; i < 2; i++) law_measure(&sides[i], ctx, count_size, "operations a step", 1);
  seqgpu_context_destroy(ctx);
  return !law_publish(&report, sides, 2);
}
