/* check_kernels.c - compares the CUDA kernels of every cell, forward and backward, with the float64
 * reference.
 *
 * A quick look for someone at a shell (and for bench/demo.sh); the whole table is tests/test_conformance.c.
 * Runs on the GPU where there is one, else on the SIMT emulator: the same kernel sources, each CUDA thread a
 * fiber of this program.
 */
#include "seqgpu/seqgpu.h"
#include <math.h>
#include <stdio.h>

#include "bench/common/measure.h"
#include "bench/common/options.h"

static const char USAGE[] = "usage: check_kernels\n"
                            "Compares y, dx and dparams of every cell's kernels with float64 on the CPU.\n";

enum { T = 5, B = 3, I = 7, H = 9, MAX_PARAMS = 4096, MAX_ELEMENTS = T * B * 2 * H };
static const double LIMIT = 1e-5;

/* What one run computes, as float64. */
typedef struct result {
  double y[MAX_ELEMENTS], dx[T * B * I], dparams[MAX_PARAMS];
  int64_t y_count, param_elements;
} result;

/* The same problem for the device and the reference, drawn in float32. */
static float x[T * B * I], dy[MAX_ELEMENTS], params[MAX_PARAMS];

static void *upload(seqgpu_context *ctx, const float *from, int64_t count) {
  const size_t size = seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  static double wide[MAX_PARAMS];
  void *memory = NULL;
  for (int64_t i = 0; from && i < count; i++) wide[i] = from[i];
  if (seqgpu_malloc(ctx, (size_t)count * size, &memory) != SEQGPU_OK) return NULL;
  if (from == NULL)
    seqgpu_zero(ctx, memory, (size_t)count * size);
  else
    seqgpu_copy_in(ctx, memory, size == 8 ? (const void *)wide : from, (size_t)count * size);
  return memory;
}

static void download(seqgpu_context *ctx, const void *from, int64_t count, double *to) {
  static float narrow[MAX_PARAMS];
  if (seqgpu_context_dtype(ctx) == SEQGPU_DTYPE_F64) {
    seqgpu_copy_out(ctx, to, from, (size_t)count * sizeof(double));
    return;
  }
  seqgpu_copy_out(ctx, narrow, from, (size_t)count * sizeof(float));
  for (int64_t i = 0; i < count; i++) to[i] = narrow[i];
}

/* Forward and backward on a context; 0 after a sentence on stderr if a call failed. */
static int run(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, result *out) {
  seqgpu_plan *plan = NULL;
  if (seqgpu_plan_create(ctx, desc, NULL, &plan) != SEQGPU_OK) {
    fprintf(stderr, "check_kernels: %s\n", seqgpu_last_error(ctx));
    return 0;
  }
  out->param_elements = seqgpu_plan_get_sizes(plan).param_elements;
  out->y_count = T * B * seqgpu_plan_get_sizes(plan).output_width;
  const int64_t size = (int64_t)seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  seqgpu_rnn_run r = {.seq_len = T, .batch = B, .seed = 1};
  r.x = upload(ctx, x, T * B * I);
  r.params = upload(ctx, params, out->param_elements);
  r.dy = upload(ctx, dy, out->y_count);
  r.y = upload(ctx, NULL, out->y_count);
  r.dx = upload(ctx, NULL, T * B * I);
  r.dparams = upload(ctx, NULL, out->param_elements);
  r.workspace = upload(ctx, NULL, (int64_t)seqgpu_plan_get_sizes(plan).workspace / size);
  r.reserve = upload(ctx, NULL, (int64_t)seqgpu_plan_get_sizes(plan).reserve / size);
  const int good =
      seqgpu_rnn_forward(ctx, plan, &r) == SEQGPU_OK && seqgpu_rnn_backward(ctx, plan, &r) == SEQGPU_OK;
  if (!good) fprintf(stderr, "check_kernels: %s\n", seqgpu_last_error(ctx));
  download(ctx, r.y, out->y_count, out->y);
  download(ctx, r.dx, T * B * I, out->dx);
  download(ctx, r.dparams, out->param_elements, out->dparams);
  const void *all[] = {r.x, r.params, r.dy, r.y, r.dx, r.dparams, r.workspace, r.reserve};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) seqgpu_free(ctx, (void *)(uintptr_t)all[i]);
  seqgpu_plan_destroy(plan);
  return good;
}

static int check(seqgpu_context *device, seqgpu_context *oracle, const char *name, seqgpu_rnn_desc desc) {
  static result out, ref;
  desc.input_size = I;
  desc.hidden_size = H;
  desc.seq_len = T;
  desc.batch = B;
  if (!run(device, &desc, &out) || !run(oracle, &desc, &ref)) return 0;
  const double forward = bench_error(out.y, ref.y, ref.y_count);
  const double backward =
      fmax(bench_error(out.dx, ref.dx, T * B * I), bench_error(out.dparams, ref.dparams, ref.param_elements));
  const int good = forward <= LIMIT && backward <= LIMIT;
  printf("%-4s %-26s forward %.1e  backward %.1e\n", good ? "ok" : "FAIL", name, forward, backward);
  return good;
}

/* The GPU where there is one, else the emulator. */
static seqgpu_context *open_device(void) {
  const char *names[] = {"cuda", "emulator"};
  for (int i = 0; i < 2; i++) {
    seqgpu_context *ctx = NULL;
    const seqgpu_context_options options = {.device = names[i]};
    if (seqgpu_context_create(&options, &ctx) == SEQGPU_OK) return ctx;
    seqgpu_context_destroy(ctx);
  }
  return NULL;
}

/* What is checked, in the order of the lines. */
static const struct {
  const char *name;
  seqgpu_rnn_desc desc;
} table[] = {
    {"rnn tanh", {.cell = "rnn"}},
    {"leaky", {.cell = "leaky", .leak = 0.3}},
    {"lstm", {.cell = "lstm"}},
    {"lstm, peepholes", {.cell = "lstm", .peephole = 1}},
    {"lstm0", {.cell = "lstm0"}},
    {"gru, reset before", {.cell = "gru"}},
    {"gru, reset after", {.cell = "gru", .reset_after = 1}},
    {"urnn", {.cell = "urnn"}},
    {"scrn", {.cell = "scrn", .leak = 0.3, .learn_leak = 1}},
    {"mrnn", {.cell = "mrnn", .factor_size = 20}},
    {"mlstm", {.cell = "mlstm"}},
    {"lstm, 2 layers, both ways", {.cell = "lstm", .num_layers = 2, .bidirectional = 1}},
};

int main(int argc, char **argv) {
  const int code = bench_parse("check_kernels", USAGE, NULL, 0, argc, argv);
  if (code != BENCH_GO_ON) return code;
  seqgpu_context *device = open_device(), *oracle = NULL;
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .dtype = SEQGPU_DTYPE_F64};
  if (device == NULL || seqgpu_context_create(&options, &oracle) != SEQGPU_OK) {
    fprintf(stderr, "check_kernels: there is no device to check\n");
    return BENCH_FAILED;
  }
  bench_fill(x, T * B * I, 1, 1);
  bench_fill(dy, MAX_ELEMENTS, 1, 2);
  bench_fill(params, MAX_PARAMS, 0.5, 3);
  char text[256];
  seqgpu_context_describe(device, text, sizeof text);
  printf("%s, limit %.0e\n", text, LIMIT);
  int failures = 0;
  for (int i = 0; i < BENCH_COUNT(table); i++)
    failures += !check(device, oracle, table[i].name, table[i].desc);
  seqgpu_context_destroy(device);
  seqgpu_context_destroy(oracle);
  return failures ? BENCH_FAILED : BENCH_OK;
}
