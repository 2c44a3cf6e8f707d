/* test_conformance.c - every backend against the CPU's float64: backend x cell x option x shape, forward and backward.
 *
 * A row fails if any tensor that comes out (y, final states, dx, dinitial, each parameter's gradient) is further than
 * 1e-5 from the reference, |out - ref| / |ref|.  Inputs are drawn fresh from the printed seed; outputs,
 * reserve and workspace are poisoned with NaN before, padded steps of x and dy are NaN, and guards are read after.
 *
 * Then: forward on one backend, backward on another with the same reserve.  Then: all other operators.
 *
 *   test_conformance [backend]
 */
#include "cells.h"
#include "conformance_ops.h"
#include "net.h"

#define TOLERANCE    1e-5
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const int32_t ragged[5] = {4, 0, 1, 3, 4};
static const int32_t nothing[2] = {0, 0};

static const shape_row shapes[] = {
    {"T = 1", {1, 2, 3, 5}, NULL, {0}},
    {"B = 1", {3, 1, 4, 5}, NULL, {0}},
    {"H = 1", {2, 2, 3, 1}, NULL, {0}},
    {"H = 31", {2, 3, 5, 31}, NULL, {0}},
    {"H = 33, I = 34", {2, 5, 34, 33}, NULL, {0}},
    {"H = 64, B = 8", {2, 8, 16, 64}, NULL, {0}},
    {"T = 40", {40, 2, 3, 5}, NULL, {0}},
    {"ragged", {4, 5, 3, 6}, ragged, {0}},
    {"all lengths 0", {3, 2, 3, 5}, nothing, {0}},
    {"bidirectional", {3, 3, 4, 5}, NULL, {.bidirectional = 1}},
    {"sum", {3, 3, 4, 5}, NULL, {.bidirectional = 1, .merge = SEQGPU_SUM}},
    {"two layers, dropout", {3, 3, 4, 7}, NULL, {.num_layers = 2, .dropout = 0.4}},
    {"three layers, bidirectional, batch first",
     {3, 2, 4, 5},
     NULL,
     {.num_layers = 3, .bidirectional = 1, .batch_first = 1}},
    {"ragged, two layers, sum",
     {4, 5, 3, 6},
     ragged,
     {.num_layers = 2, .bidirectional = 1, .merge = SEQGPU_SUM}},
    {"ragged, two layers, bidirectional, dropout, batch first",
     {4, 5, 3, 6},
     ragged,
     {.num_layers = 2, .bidirectional = 1, .dropout = 0.5, .batch_first = 1}},
    {"inference", {4, 3, 3, 6}, NULL, {.inference = 1}},
    {"inference, ragged, three layers, bidirectional, batch first",
     {4, 5, 3, 6},
     ragged,
     {.num_layers = 3, .bidirectional = 1, .batch_first = 1, .inference = 1, .dropout = 0.5}},
};

/* Too large for emulated threads.  The CPU's inference works in chunks of about 1024 rows of [T,B]. */
static const shape_row large_shapes[] = {
    {"inference in chunks", {12, 200, 2, 3}, NULL, {.num_layers = 2, .bidirectional = 1, .inference = 1}},
    {"inference, B > chunk", {3, 1100, 2, 3}, NULL, {.bidirectional = 1, .inference = 1}},
    {"wide", {3, 37, 130, 257}, NULL, {0}},
};
static const shape_row handover = {"handover",
                                   {4, 5, 3, 6},
                                   ragged,
                                   {.num_layers = 2, .bidirectional = 1, .dropout = 0.3, .batch_first = 1}};

/* The reference of one row: inputs drawn, forward and backward in float64. */
static void run_reference(net *ref, seqgpu_context *oracle, const seqgpu_rnn_desc *desc,
                          const int32_t *lengths) {
  if (!net_open(ref, oracle, desc, lengths)) return;
  net_fill(ref);
  net_round_inputs(ref);
  net_forward(ref);
  if (!desc->inference) net_backward(ref);
}

static void check_row(seqgpu_context *ctx, seqgpu_context *oracle, const cell_row *cell,
                      const shape_row *shape) {
  const seqgpu_rnn_desc desc = combine(cell, shape);
  net ref, out;
  char where[64];
  run_reference(&ref, oracle, &desc, shape->lengths);
  if (!net_open(&out, ctx, &desc, shape->lengths)) return;
  net_copy_inputs(&out, &ref);
  net_poison_padding(&out, shape->lengths);
  net_forward(&out);
  if (!desc.inference) net_backward(&out);
  const double error = net_error(&out, &ref, NET_Y, desc.inference ? NET_CT : NET_DPARAMS, where);
  net_check(error, TOLERANCE, where, "%s: %s, %s", seqgpu_plan_name(out.plan), cell->name, shape->name);
  net_close(&out);
  net_close(&ref);
}

static void check_networks(seqgpu_context *ctx, seqgpu_context *oracle) {
  const int emulated = strcmp(seqgpu_context_device(ctx), "emulator") == 0;
  for (size_t c = 0; c < COUNT(cell_rows); c++) {
    for (size_t s = 0; s < COUNT(shapes); s++) check_row(ctx, oracle, &cell_rows[c], &shapes[s]);
    for (size_t s = 0; s < COUNT(large_shapes) && !emulated; s++)
      check_row(ctx, oracle, &cell_rows[c], &large_shapes[s]);
  }
}

/* Forward on one context, backward on another, which is given the reserve: its layout belongs to the cell. */
static void check_handover(seqgpu_context *from, seqgpu_context *to, seqgpu_context *oracle,
                           const cell_row *cell) {
  const seqgpu_rnn_desc desc = combine(cell, &handover);
  net ref, first, second;
  char where[64];
  run_reference(&ref, oracle, &desc, handover.lengths);
  if (!net_open(&first, from, &desc, handover.lengths) || !net_open(&second, to, &desc, handover.lengths))
    return;
  net_copy_inputs(&first, &ref);
  net_copy_inputs(&second, &ref);
  net_forward(&first);
  const size_t bytes = seqgpu_plan_reserve_size(first.plan);
  CHECK(bytes == seqgpu_plan_reserve_size(second.plan), "%s and %s have one reserve layout",
        seqgpu_plan_name(first.plan), seqgpu_plan_name(second.plan));
  void *reserve = malloc(bytes);
  net_require(from, seqgpu_copy_out(from, reserve, first.reserve, bytes), "seqgpu_copy_out");
  net_require(to, seqgpu_copy_in(to, second.reserve, reserve, bytes), "seqgpu_copy_in");
  free(reserve);
  net_backward(&second);
  const double error = net_error(&second, &ref, NET_DX, NET_DPARAMS, where);
  net_check(error, TOLERANCE, where, "forward %s, backward %s: %s", seqgpu_plan_name(first.plan),
            seqgpu_plan_name(second.plan), cell->name);
  net_close(&second);
  net_close(&first);
  net_close(&ref);
}

static void check_backend(const char *device, seqgpu_context *oracle) {
  const seqgpu_context_options options = {.device = device, .threads = 2};
  seqgpu_context *ctx = NULL, *cpu = net_context("cpu", SEQGPU_F32, 1);
  if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK) {
    check_skip(seqgpu_last_error(ctx), "conformance of %s", device);
  } else {
    check_networks(ctx, oracle);
    op_check_all(ctx, oracle);
    for (size_t c = 0; c < COUNT(cell_rows) && strcmp(device, "cpu") != 0; c++) {
      check_handover(cpu, ctx, oracle, &cell_rows[c]);
      check_handover(ctx, cpu, oracle, &cell_rows[c]);
    }
  }
  seqgpu_context_destroy(ctx);
  seqgpu_context_destroy(cpu);
}

int main(int argc, char **argv) {
  static const char *const devices[] = {"cpu", "emulator", "cuda"};
  check_start();
  seqgpu_context *oracle = net_context("cpu", SEQGPU_F64, 1);
  for (size_t i = 0; i < COUNT(devices); i++)
    if (argc < 2 || strcmp(argv[1], devices[i]) == 0) check_backend(devices[i], oracle);
  seqgpu_context_destroy(oracle);
  return check_finish();
}
