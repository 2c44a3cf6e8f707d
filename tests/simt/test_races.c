/* test_races.c - the kernels have no races: every operator, and every cell with every algorithm, once on the
 * emulator under ThreadSanitizer (simt_tsan.h), which sees a missing barrier whether or not a number goes
 * wrong.
 *
 * tests/races.cmake builds it: kernels by Clang, at -O0 and without the library's own code, to be quick.  All
 * other tests run likewise in a build with SEQGPU_TEST_SANITIZE=thread.
 */
#include "host/plan/algorithms.h"
#include "tests/conformance_ops.h"
#include "tests/net.h"
#include "tests/shapes.h"
#include "tests/simt/simt_controls.h"

/* ThreadSanitizer calls it at each report. */
static long reports;
void __tsan_on_report(void *report);
void __tsan_on_report(void *report) {
  (void)report;
  reports++;
}

/* A persistent plan on a device where 20 units take several blocks. */
typedef struct device_row {
  const char *algorithm;
  unsigned processors;
  size_t shared;
  unsigned cluster_max;
} device_row;

static const device_row devices[] = {
    {"persistent-cta", 2, 100000, 1},          {"persistent-cluster-barrier", 8, 26000, 4},
    {"persistent-cluster-async", 8, 26000, 4}, {"persistent-grid-flags", 8, 19500, 1},
    {"persistent-grid-packets", 8, 20000, 1},  {"persistent-grid-multicast", 8, 20000, 2},
};

/* One row for each kernel of kernels/persistent/cells.h. */
static const cell_row persistent_cells[] = {
    {"rnn", {.cell = "rnn"}, 1, 0},
    {"leaky", {.cell = "leaky", .leak = 0.3}, 1, 0},
    {"lstm peephole", {.cell = "lstm", .peephole = 1}, 1, 0},
    {"lstm0 peephole", {.cell = "lstm0", .peephole = 1}, 1, 0},
    {"gru", {.cell = "gru"}, 1, 0},
    {"gru reset_after", {.cell = "gru", .reset_after = 1}, 1, 0},
};

/* Four steps: each buffer of an exchange is used twice. */
static const shape_row persistent_shape = {"four steps", {4, 5, 3, 20}, ragged, {0}};
static const shape_row two_layers = {"two layers",
                                     {3, 5, 4, 6},
                                     ragged,
                                     {.num_layers = 2, .bidirectional = 1, .dropout = 0.3, .batch_first = 1}};
static const shape_row inference = {"inference", {3, 5, 4, 6}, ragged, {.num_layers = 2, .inference = 1}};

static int refuses(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const char *algorithm) {
  seqgpu_plan *plan = NULL;
  const seqgpu_plan_options options = {.algorithm = algorithm};
  const seqgpu_status status = seqgpu_plan_create(ctx, desc, &options, &plan);
  seqgpu_plan_destroy(plan);
  return status == SEQGPU_EUNSUPPORTED;
}

static void check_row(seqgpu_context *ctx, const char *algorithm, const cell_row *cell,
                      const shape_row *shape, seqgpu_math math) {
  const long before = reports;
  seqgpu_rnn_desc desc = combine(cell, shape);
  net n;
  desc.math = math;
  if (refuses(ctx, &desc, algorithm) || !net_open_as(&n, ctx, &desc, algorithm, shape->lengths)) return;
  net_fill(&n);
  net_forward(&n);
  if (!desc.inference) net_backward(&n);
  CHECK(reports == before, "%s: %s, %s, %s, no race", seqgpu_plan_algorithm(n.plan), cell->name, shape->name,
        arithmetic[math].name);
  net_close(&n);
}

static uint64_t exchanged(void) {
  return sq_simt_cluster_barriers() + sq_simt_releases() + sq_simt_phases() + sq_simt_packets();
}

static void check_persistent(seqgpu_context *ctx, const device_row *device) {
  const uint64_t before = exchanged();
  sq_simt_set_device(device->processors, device->shared, device->cluster_max);
  for (size_t c = 0; c < COUNT(persistent_cells); c++)
    for (int math = SEQGPU_MATH_F32; math <= SEQGPU_MATH_BF16; math++)
      check_row(ctx, device->algorithm, &persistent_cells[c], &persistent_shape, (seqgpu_math)math);
  sq_simt_reset_device();
  if (strcmp(device->algorithm, "persistent-cta") != 0)
    CHECK(exchanged() > before, "%s: several blocks exchange", device->algorithm);
}

int main(void) {
  check_start();
  printf("SEQGPU_SIMT_SEED %llu\n", (unsigned long long)sq_simt_get_seed());
  seqgpu_context *oracle = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  seqgpu_context *emulator = net_context("emulator", SEQGPU_DTYPE_F32, 1);
  for (size_t d = 0; d < COUNT(devices); d++) check_persistent(emulator, &devices[d]);
  for (const sq_algorithm *row = sq_algorithms; row->name; row++) {
    if (strcmp(row->device, "emulator") != 0 || strncmp(row->id, "persistent", 10) == 0) continue;
    for (size_t c = 0; c < COUNT(cell_rows); c++) {
      check_row(emulator, row->id, &cell_rows[c], &two_layers, SEQGPU_MATH_F32);
      check_row(emulator, row->id, &cell_rows[c], &inference, SEQGPU_MATH_F32);
    }
  }
  const long before = reports;
  op_check_all(emulator, oracle);
  CHECK(reports == before, "operators, no race");
  seqgpu_context_destroy(emulator);
  seqgpu_context_destroy(oracle);
  return check_finish();
}
