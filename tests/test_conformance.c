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
#include "conformance_ops.h"
#include "conformance_table.h"
#include "net.h"

#define TOLERANCE    1e-5
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* Padded steps of x and dy become NaN: they may not be looked at. */
static void poison_padding(net *n, const int32_t *lengths) {
  static const int tensors[2] = {NET_X, NET_DY};
  const int64_t T = n->desc->seq_len, B = n->desc->batch;
  for (int64_t i = 0; lengths && i < 2 * T * B; i++) {
    const int tensor = tensors[i % 2];
    const int64_t row = i / 2, width = n->count[tensor] / (T * B);
    const int64_t t = n->desc->batch_first ? row % T : row / B, b = n->desc->batch_first ? row / T : row % B;
    for (int64_t j = 0; t >= lengths[b] && j < width; j++) n->value[tensor][row * width + j] = (double)NAN;
  }
}

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
  poison_padding(&out, shape->lengths);
  net_forward(&out);
  if (!desc.inference) net_backward(&out);
  const double error = net_error(&out, &ref, NET_Y, desc.inference ? NET_CT : NET_DPARAMS, where);
  net_check(error, TOLERANCE, where, "%s: %s, %s", seqgpu_plan_name(out.plan), cell->name, shape->name);
  net_close(&out);
  net_close(&ref);
}

static void check_networks(seqgpu_context *ctx, seqgpu_context *oracle) {
  const int cpu = strcmp(seqgpu_context_device(ctx), "cpu") == 0;
  for (size_t c = 0; c < COUNT(cell_rows); c++)
    for (size_t s = 0; s < COUNT(shape_rows); s++)
      if (cpu || !shape_rows[s].cpu_only) check_row(ctx, oracle, &cell_rows[c], &shape_rows[s]);
}

/* Forward on one context, backward on another, which is given the reserve: its layout belongs to the cell. */
static void check_handover(seqgpu_context *from, seqgpu_context *to, seqgpu_context *oracle,
                           const cell_row *cell) {
  static const shape_row shape = {
      "handover", 0, 4,      5,
      3,          6, ragged, {.num_layers = 2, .bidirectional = 1, .dropout = 0.3, .batch_first = 1}};
  const seqgpu_rnn_desc desc = combine(cell, &shape);
  net ref, first, second;
  char where[64];
  run_reference(&ref, oracle, &desc, shape.lengths);
  if (!net_open(&first, from, &desc, shape.lengths) || !net_open(&second, to, &desc, shape.lengths)) return;
  net_copy_inputs(&first, &ref);
  net_copy_inputs(&second, &ref);
  net_forward(&first);
  for (int i = NET_X; i < NET_Y; i++) net_upload(to, second.device[i], second.value[i], second.count[i]);
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
