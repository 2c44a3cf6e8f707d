/* test_races.c - the kernels have no races: every kernel, by way of operators, cells and algorithms, on the
 * emulator under ThreadSanitizer (simt_tsan.h), which sees a missing barrier whether or not a number goes
 * wrong.
 *
 * tests/races.cmake builds it, and test_cudnn_pack.c likewise, which has the kernels around cuDNN.  All tests
 * run so, with many shapes, in a build with SEQGPU_TEST_SANITIZE=thread.
 */
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
    {"persistent-cta", 2, 100000, 1},           {"persistent-lanes-cta", 2, 100000, 1},
    {"persistent-lanes-cluster", 8, 26000, 4},  {"persistent-cluster-async", 8, 26000, 4},
    {"persistent-grid-flags", 8, 19500, 1},     {"persistent-grid-packets", 8, 20000, 1},
    {"persistent-grid-multicast", 8, 21000, 2}, {"persistent-split-flags", 8, 21000, 2},
    {"persistent-split-packets", 8, 21000, 4},
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
/* Blocks overwrite the initial state that others begin with; the second slice has no steps. */
static const int32_t one_slice[16] = {3, 3, 3, 3, 3, 3, 3, 3};
static const shape_row in_place = {
    "final state in the initial one's memory", {3, 16, 3, 20}, one_slice, {.inference = 1}};
static const int32_t two_steps[5] = {2, 0, 1, 2, 2};
static const shape_row two_layers = {"two layers",
                                     {2, 5, 4, 6},
                                     two_steps,
                                     {.num_layers = 2, .bidirectional = 1, .dropout = 0.3, .batch_first = 1}};
static const cell_row fourier_cell = {"urnn", {.cell = "urnn"}, 2, 0};
/* Of the uRNN's fast kernels: those that keep their factors, and those that cannot. */
static const shape_row fourier_shapes[] = {{"H = 8", {2, 5, 4, 8}, two_steps, {.bidirectional = 1}},
                                           {"H = 512", {2, 2, 4, 512}, NULL, {0}}};

/* An operator with all its options; and sizes at which it takes another kernel. */
static const int64_t usual[3] = {33, 67, 5};
static const struct {
  const char *name;
  int64_t size[3];
} large[] = {{"gemm", {3, 64 * 127 + 1, 17}}, {"xent_forward", {5, 1100, 1}}};

/* The first number of a permutation becomes its second: the kernel that looks writes one word twice. */
static void repeat_a_number(net *n) {
  seqgpu_param_info p;
  for (int i = 0; i < seqgpu_plan_param_count(n->plan); i++) {
    net_require(n->ctx, seqgpu_plan_param_get(n->ctx, n->plan, i, &p), "seqgpu_plan_param_get");
    if (p.fixed) n->value[NET_PARAMS][p.offset] = n->value[NET_PARAMS][p.offset + 1];
  }
}

static void check_row(seqgpu_context *ctx, const char *algorithm, const cell_row *cell,
                      const shape_row *shape, seqgpu_math math) {
  const long before = reports;
  seqgpu_rnn_desc desc = combine(cell, shape);
  net n;
  desc.math = math;
  if (!net_open_as(&n, ctx, &desc, algorithm, shape->lengths)) return;
  net_fill(&n);
  if (cell == &fourier_cell) repeat_a_number(&n);
  if (shape == &in_place) n.run.final[0] = (void *)n.run.initial[0];
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
  check_row(ctx, device->algorithm, &persistent_cells[0], &in_place, SEQGPU_MATH_F32);
  sq_simt_reset_device();
  if (strstr(device->algorithm, "cta") == NULL)
    CHECK(exchanged() > before, "%s: several blocks exchange", device->algorithm);
}

static void check_operator(seqgpu_context *ctx, const op_row *row, const int64_t size[3], int option) {
  const long before = reports;
  op_case c = {.m = size[0], .n = size[1], .k = size[2], .option = option};
  double *value[OP_TENSORS] = {NULL};
  row->lay(&c);
  const int tensors = c.tensors;
  for (int i = 0; i < tensors; i++) {
    value[i] = (double *)malloc((size_t)c.tensor[i].count * sizeof(double) + 1);
    op_draw(&c.tensor[i], value[i]);
  }
  op_run(ctx, row, &c, value);
  for (int i = 0; i < tensors; i++) free(value[i]);
  CHECK(reports == before, "emulator: %s %lld x %lld x %lld, option %d, no race", row->name,
        (long long)size[0], (long long)size[1], (long long)size[2], option);
}

static void check_operators(seqgpu_context *ctx) {
  for (size_t r = 0; r < COUNT(op_rows); r++) {
    for (int option = 0; option < op_rows[r].options; option++)
      check_operator(ctx, &op_rows[r], usual, option);
    for (size_t l = 0; l < COUNT(large); l++)
      if (strcmp(op_rows[r].name, large[l].name) == 0) check_operator(ctx, &op_rows[r], large[l].size, 0);
  }
}

int main(void) {
  check_start();
  printf("SEQGPU_SIMT_SEED %llu\n", (unsigned long long)sq_simt_get_seed());
  seqgpu_context *emulator = net_context("emulator", SEQGPU_DTYPE_F32, 1);
  check_operators(emulator);
  for (size_t c = 0; c < COUNT(cell_rows); c++)
    check_row(emulator, "step", &cell_rows[c], &two_layers, SEQGPU_MATH_F32);
  for (size_t s = 0; s < COUNT(fourier_shapes); s++) {
    check_row(emulator, "fused", &fourier_cell, &fourier_shapes[s], SEQGPU_MATH_F32);
    check_row(emulator, "cufft", &fourier_cell, &fourier_shapes[s], SEQGPU_MATH_F32);
    check_row(emulator, "step", &fourier_cell, &fourier_shapes[s], SEQGPU_MATH_F32);
  }
  for (size_t d = 0; d < COUNT(devices); d++) check_persistent(emulator, &devices[d]);
  seqgpu_context_destroy(emulator);
  return check_finish();
}
