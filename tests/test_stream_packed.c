/* test_stream_packed.c - streams with weights of fewer bits, `cpu/stream-bf16` and `cpu/stream-int8`: what
 * test_stream.c does not look at for them.
 *
 *   kernels   products of each instruction set that the processor has, each number against float64 within what
 *             rounding to the format allows: rows whose sizes differ by orders of magnitude, each with a scale
 *   networks  random ones against float64: the errors that host/doc/design.md states
 *   numbers   NaN, infinity, zero and denormal, in weights, inputs and states
 *   choice    the planner never takes them; the beginning of a name does not stand for them
 *   refusals  training, five sequences, a matrix too wide, weights that were not packed, or for another plan
 */
#include "core/cells.h"
#include "core/stream_kernel.h"
#include "tests/refused.h"
#include "tests/stream_net.h"

static const struct {
  const char *algorithm, *name; /* in full */
  double limit;                 /* of the error of a network */
} formats[] = {{"stream-bf16", "cpu/stream-bf16", 3e-3}, {"stream-int8", "cpu/stream-int8", 1e-2}};

/* ---------------------------------------------------------------- kernels */

typedef void multiply(const sq_stream_product *product);

enum { MOST_ROWS = 77, MOST_COLS = 40, MOST_BATCH = 4, LD = MOST_ROWS + 3 };

/* A product of rows first..first+rows-1 of a matrix that has `below` rows more. */
typedef struct product_case {
  int64_t first, rows, below, cols, batch;
} product_case;

/* Random weights whose rows, and vectors, have sizes from 1e-3 to 1e3. */
static void fill_scaled(int64_t rows, int64_t cols, int64_t ld, float *at) {
  for (int64_t r = 0; r < rows; r++) {
    const double scale = pow(10, check_uniform(-3, 3));
    check_fill_f32(at + r * ld, cols, -scale, scale);
  }
}

static double largest(int64_t count, const float *at) {
  double most = 0;
  for (int64_t i = 0; i < count; i++) most = check_worse(most, fabs((double)at[i]));
  return most;
}

/* How far out[r] may be from w . v: what rounding each factor allows, and float32 sums. */
static double allowed(sq_stream_format format, int64_t cols, const float *w, const float *v) {
  const double wide = format == SQ_STREAM_INT8 ? largest(cols, w) / 254 : 0,
               vide = format == SQ_STREAM_INT8 ? largest(cols, v) / 254 : 0;
  double all = 0;
  for (int64_t k = 0; k < cols; k++) {
    const double a = fabs((double)w[k]), b = fabs((double)v[k]);
    all += format == SQ_STREAM_INT8 ? a * vide + b * wide + wide * vide : a * b * 0x1p-8;
    all += a * b * 1e-6;
  }
  return all;
}

/* The largest error of a product as a share of what is allowed. */
static double product_share(multiply *run, sq_stream_format format, const product_case *c) {
  const int64_t height = c->first + c->rows + c->below;
  const sq_config config = {.input_size = c->cols, .hidden_size = height};
  sq_layout layout;
  sq_layout_resolve(sq_cell_find("rnn"), &config, &layout);
  float *params = check_alloc("params", (size_t)layout.param_elements * sizeof(float));
  float v[MOST_BATCH * MOST_COLS], out[MOST_BATCH * LD], before[MOST_BATCH * LD];
  const sq_stream_map map = sq_stream_map_of(format, &layout);
  char *packed = check_alloc("packed", (size_t)map.size);
  float *scratch = check_alloc("scratch", (size_t)sq_stream_scratch(c->cols, c->batch) * sizeof(float));
  memset(params, 0, (size_t)layout.param_elements * sizeof(float));
  float *w = params + layout.param[0].offset;
  fill_scaled(height, c->cols, c->cols, w);
  fill_scaled(c->batch, c->cols, MOST_COLS, v);
  check_fill_f32(out, COUNT(out), -1e-6, 1e-6);
  memcpy(before, out, sizeof out);
  sq_stream_pack(format, &layout, params, packed);
  const sq_stream_operand o = {.weights = packed + map.weights[0],
                               .scales = format == SQ_STREAM_INT8 ? (float *)(packed + map.scales[0]) : NULL,
                               .row = c->first,
                               .cols = c->cols,
                               .vectors = v,
                               .ld = MOST_COLS};
  run(&(sq_stream_product){.out = out,
                           .ld_out = LD,
                           .rows = c->rows,
                           .batch = c->batch,
                           .operands = 1,
                           .operand = {o},
                           .scratch = scratch});
  double worst = 0;
  for (int64_t b = 0; b < MOST_BATCH; b++)
    for (int64_t r = 0; r < LD; r++) {
      const int64_t at = b * LD + r;
      const int wanted = b < c->batch && r < c->rows;
      double sum = (double)before[at];
      for (int64_t k = 0; k < c->cols && wanted; k++)
        sum += (double)w[(c->first + r) * c->cols + k] * (double)v[b * MOST_COLS + k];
      const double error = fabs((double)out[at] - sum);
      const double most =
          wanted ? allowed(format, c->cols, w + (c->first + r) * c->cols, v + b * MOST_COLS) : 0;
      worst = check_worse(error / (most + 1e-13), worst);
    }
  check_free(scratch);
  check_free(packed);
  check_free(params);
  return worst;
}

static void check_products(const char *name, multiply *run, sq_stream_format format) {
  static const int64_t firsts[] = {0, 3, 8, 20}, rows[] = {1, 7, 8, 32, 45},
                       cols[] = {1, 2, 3, 4, 5, 16, 31, 40};
  double worst = 0;
  for (size_t f = 0; f < COUNT(firsts); f++)
    for (size_t r = 0; r < COUNT(rows); r++)
      for (size_t k = 0; k < COUNT(cols); k++)
        for (int64_t batch = 1; batch <= MOST_BATCH; batch++) {
          const product_case c = {firsts[f], rows[r], (int64_t)f, cols[k], batch};
          const double share = product_share(run, format, &c);
          worst = check_worse(share, worst);
        }
  check_error(worst, 1, "%s: products, as a share of what rounding allows", name);
  CHECK(worst > 0.1, "%s: that share is %.2f, so it could be seen to be larger", name, worst);
}

static void check_kernels(void) {
  const struct {
    const char *name;
    int here;
    multiply *bf16, *int8;
  } all[] = {
    {"baseline", 1, sq_stream_multiply_bf16_baseline, sq_stream_multiply_int8_baseline},
#if defined(__x86_64__)
    {"avx2", sq_best_isa() >= SQ_ISA_AVX2, sq_stream_multiply_bf16_avx2, sq_stream_multiply_int8_avx2},
    {"avx512", sq_best_isa() >= SQ_ISA_AVX512, sq_stream_multiply_bf16_avx512,
     sq_stream_multiply_int8_avx512},
    {"vnni", sq_has_vnni(), sq_stream_multiply_bf16_vnni, sq_stream_multiply_int8_vnni},
#endif
  };
  for (size_t i = 0; i < COUNT(all); i++) {
    char name[64];
    if (!all[i].here) {
      check_skip("the processor does not have it", "%s", all[i].name);
      continue;
    }
    snprintf(name, sizeof name, "bf16, %s", all[i].name);
    check_products(name, all[i].bf16, SQ_STREAM_BF16);
    snprintf(name, sizeof name, "int8, %s", all[i].name);
    check_products(name, all[i].int8, SQ_STREAM_INT8);
  }
}

/* ---------------------------------------------------------------- networks */

/* Random weights as a new layer has them, of +-1/sqrt(H), and inputs of +-1. */
static void draw(network *n, const seqgpu_rnn_desc *desc) {
  const double bound = 1 / sqrt((double)desc->hidden_size);
  check_fill_f32(of(n->run.params), n->sizes.param_elements, -bound, bound);
  check_fill_f32(of(n->run.x), (int64_t)(n->sizes.x / sizeof(float)), -1, 1);
  pack(n);
}

/* y of the same run in float64; the caller frees it. */
static double *reference(seqgpu_context *oracle, const seqgpu_rnn_desc *desc, const network *n) {
  network ref;
  if (!open_network(&ref, oracle, desc, "step")) return NULL;
  const int64_t x = (int64_t)(n->sizes.x / sizeof(float)), y = (int64_t)(n->sizes.y / sizeof(float));
  double *out = check_alloc("reference", (size_t)y * sizeof(double));
  for (int64_t i = 0; i < n->sizes.param_elements; i++)
    ((double *)(uintptr_t)ref.run.params)[i] = (double)of(n->run.params)[i];
  for (int64_t i = 0; i < x; i++) ((double *)(uintptr_t)ref.run.x)[i] = (double)of(n->run.x)[i];
  forward(&ref);
  memcpy(out, ref.run.y, (size_t)y * sizeof(double));
  close_network(&ref);
  return out;
}

/* |y - ref| / |ref| of a network of this descriptor, drawn at random. */
static double network_error(seqgpu_context *ctx, seqgpu_context *oracle, const seqgpu_rnn_desc *desc,
                            const char *algorithm) {
  network n;
  if (!open_network(&n, ctx, desc, algorithm)) return 0;
  draw(&n, desc);
  forward(&n);
  double *ref = reference(oracle, desc, &n);
  const double error = check_norm_f32(n.run.y, ref, (int64_t)(n.sizes.y / sizeof(float)));
  check_free(ref);
  close_network(&n);
  return error;
}

static void check_networks(seqgpu_context *ctx, size_t format, int draws) {
  static const struct {
    const char *cell;
    int64_t I, H;
    int layers, directions;
  } all[] = {{"lstm", 16, 16, 1, 1}, {"lstm", 40, 64, 2, 1}, {"lstm", 128, 128, 1, 1}, {"lstm", 3, 20, 2, 2},
             {"gru", 16, 16, 1, 1},  {"gru", 40, 64, 2, 1},  {"gru", 128, 128, 1, 1},  {"gru", 3, 20, 2, 2}};
  const seqgpu_context_options options = {.device = "cpu", .dtype = SEQGPU_DTYPE_F64, .threads = 1};
  seqgpu_context *oracle = NULL;
  if (!CHECK(seqgpu_context_create(&options, &oracle) == SEQGPU_OK, "a float64 context")) return;
  double worst = 0;
  for (size_t i = 0; i < COUNT(all); i++)
    for (int d = 0; d < draws; d++) {
      const seqgpu_rnn_desc desc = {.cell = all[i].cell,
                                    .input_size = all[i].I,
                                    .hidden_size = all[i].H,
                                    .num_layers = all[i].layers,
                                    .bidirectional = all[i].directions == 2,
                                    .seq_len = 50,
                                    .batch = 1 + d % 4,
                                    .reset_after = d % 2 && strcmp(all[i].cell, "gru") == 0,
                                    .inference = 1};
      const double error = network_error(ctx, oracle, &desc, formats[format].algorithm);
      worst = check_worse(error, worst);
    }
  check_error(worst, formats[format].limit, "the worst of %d networks", (int)COUNT(all) * draws);
  CHECK(worst > 1e-4, "the weights are rounded: %.1e", worst);
  seqgpu_context_destroy(oracle);
}

/* ---------------------------------------------------------------- numbers */

enum { WIDTH = 12 };

static int nans(const float *y) {
  int count = 0;
  for (int j = 0; j < WIDTH; j++) count += isnan(y[j]) != 0;
  return count;
}

/* A network of one step, filled, whose states stay where they are. */
static int open_step(network *n, seqgpu_context *ctx, const char *algorithm, const char *cell) {
  const seqgpu_rnn_desc desc = {.cell = cell,
                                .input_size = WIDTH,
                                .hidden_size = WIDTH,
                                .seq_len = 1,
                                .batch = 1,
                                .reset_after = strcmp(cell, "gru") == 0,
                                .inference = 1};
  if (!open_network(n, ctx, &desc, algorithm)) return 0;
  fill(n);
  for (int k = 0; k < n->sizes.state_count; k++) n->run.final[k] = NULL;
  return 1;
}

/* One element of the input, of the state, and of a row of W_ih is set to something that is not finite. */
static void check_not_finite(seqgpu_context *ctx, const char *algorithm, const char *cell, uint32_t bits) {
  const int infinite = (bits & 0x7FFFFF) == 0, rounds_inputs = strcmp(algorithm, "stream-int8") == 0;
  network n;
  float bad;
  memcpy(&bad, &bits, sizeof bad);
  if (!open_step(&n, ctx, algorithm, cell)) return;
  float *x = of(n.run.x), *h = of(n.run.initial[0]), *w = of(n.run.params);
  const float kept[3] = {x[5], h[5], w[3 * WIDTH + 2]};
  forward(&n);
  CHECK(nans(n.run.y) == 0, "%s: finite numbers give finite numbers", cell);
  x[5] = bad;
  forward(&n);
  if (!infinite || rounds_inputs) CHECK(nans(n.run.y) == WIDTH, "%s: input %08x", cell, (unsigned)bits);
  x[5] = kept[0];
  h[5] = bad;
  forward(&n);
  if (!infinite || rounds_inputs) CHECK(nans(n.run.y) == WIDTH, "%s: state %08x", cell, (unsigned)bits);
  h[5] = kept[1];
  w[3 * WIDTH + 2] = bad; /* of the first gate of unit 3 */
  pack(&n);
  forward(&n);
  CHECK(nans(n.run.y) == 1 && isnan(((float *)n.run.y)[3]), "%s: weight %08x", cell, (unsigned)bits);
  close_network(&n);
}

/* An input too small to be seen is as good as none, and a large one saturates. */
static void check_sizes(seqgpu_context *ctx, const char *algorithm, const char *cell) {
  network n;
  float none[WIDTH];
  if (!open_step(&n, ctx, algorithm, cell)) return;
  memset(of(n.run.x), 0, n.sizes.x);
  forward(&n);
  memcpy(none, n.run.y, sizeof none);
  CHECK(nans(none) == 0, "%s: an input of zeros", cell);
  for (int j = 0; j < WIDTH; j++) of(n.run.x)[j] = 1e-40f;
  forward(&n);
  CHECK(same(none, n.run.y, sizeof none), "%s: an input of denormals", cell);
  for (int j = 0; j < WIDTH; j++) of(n.run.x)[j] = 1e-37f; /* normal, but 127 / 1e-37 is not */
  forward(&n);
  CHECK(same(none, n.run.y, sizeof none), "%s: an input of the least normal numbers", cell);
  for (int j = 0; j < WIDTH; j++) of(n.run.x)[j] = j % 2 ? 1e30f : -1e30f;
  forward(&n);
  CHECK(nans(n.run.y) == 0 && largest(WIDTH, n.run.y) <= 1, "%s: an input of 1e30", cell);
  close_network(&n);
}

static void check_numbers(seqgpu_context *ctx, const char *algorithm) {
  static const uint32_t bits[] = {0x7FC00000, 0xFFC00000, 0x7F800001, 0x7FC000FF, 0x7F800000, 0xFF800000};
  static const char *const cells[] = {"lstm", "gru"};
  for (size_t c = 0; c < COUNT(cells); c++) {
    for (size_t i = 0; i < COUNT(bits); i++) check_not_finite(ctx, algorithm, cells[c], bits[i]);
    check_sizes(ctx, algorithm, cells[c]);
  }
}

/* ---------------------------------------------------------------- choice */

static void check_choice(seqgpu_context *ctx, size_t format) {
  const seqgpu_rnn_desc desc = {
      .cell = "lstm", .input_size = 64, .hidden_size = 64, .seq_len = 1, .batch = 1, .inference = 1};
  const char *const wanted[] = {NULL, "stream", "cpu/stream"};
  seqgpu_plan *plan = NULL;
  for (size_t i = 0; i < COUNT(wanted); i++)
    for (int mode = SEQGPU_PLAN_ESTIMATE; mode <= SEQGPU_PLAN_MEASURE; mode++) {
      const seqgpu_plan_options options = {.algorithm = wanted[i], .mode = (seqgpu_plan_mode)mode};
      seqgpu_plan_create(ctx, &desc, &options, &plan);
      CHECK(plan && strcmp(seqgpu_plan_algorithm(plan), formats[format].name) != 0, "\"%s\" is not %s",
            wanted[i] ? wanted[i] : "any", formats[format].name);
      CHECK(seqgpu_plan_get_sizes(plan).packed == 0, "and packs nothing");
      seqgpu_plan_destroy(plan);
    }
  const char *const names[] = {formats[format].algorithm, formats[format].name};
  for (size_t i = 0; i < COUNT(names); i++) {
    const seqgpu_plan_options options = {.algorithm = names[i]};
    seqgpu_plan_create(ctx, &desc, &options, &plan);
    CHECK(plan && strcmp(seqgpu_plan_algorithm(plan), formats[format].name) == 0, "\"%s\"", names[i]);
    seqgpu_plan_destroy(plan);
  }
  int listed = 0;
  seqgpu_algorithm_info info;
  for (int i = 0; seqgpu_algorithm_get(ctx, &desc, i, &info) == SEQGPU_OK; i++)
    listed += strcmp(info.name, formats[format].name) == 0 && info.by_name && info.why_not[0] == 0;
  CHECK(listed == 1, "%s is listed as one to be named", formats[format].name);
}

/* ---------------------------------------------------------------- refusals */

static void check_descriptors(seqgpu_context *ctx, const char *algorithm) {
  seqgpu_rnn_desc desc = {.cell = "lstm", .input_size = 4, .hidden_size = 8, .seq_len = 1, .batch = 1};
  const seqgpu_plan_options options = {.algorithm = algorithm};
  seqgpu_plan *plan = NULL;
  REFUSED(ctx, EUNSUPPORTED, "inference is 0", seqgpu_plan_create(ctx, &desc, &options, &plan));
  desc.inference = 1;
  desc.batch = 5;
  REFUSED(ctx, EUNSUPPORTED, "batch is 5", seqgpu_plan_create(ctx, &desc, &options, &plan));
  desc.batch = 1;
  desc.cell = "urnn";
  REFUSED(ctx, EUNSUPPORTED, "cell", seqgpu_plan_create(ctx, &desc, &options, &plan));
  desc.cell = "lstm";
  desc.input_size = 131073;
  if (strcmp(algorithm, "stream-int8") == 0)
    REFUSED(ctx, EUNSUPPORTED, "131073", seqgpu_plan_create(ctx, &desc, &options, &plan));
  desc.input_size = 131072;
  ACCEPTED(ctx, seqgpu_plan_create(ctx, &desc, &options, &plan));
  seqgpu_plan_destroy(plan);
}

static void check_runs(seqgpu_context *ctx, const char *algorithm) {
  const char *other = strcmp(algorithm, "stream-int8") == 0 ? "stream-bf16" : "stream-int8";
  network n, strange, plain;
  if (!open_step(&n, ctx, algorithm, "lstm") || !open_step(&strange, ctx, other, "lstm") ||
      !open_step(&plain, ctx, "stream", "lstm"))
    return;
  void *packed = n.run.packed;
  ACCEPTED(ctx, seqgpu_rnn_forward(ctx, n.plan, &n.run));
  ACCEPTED(ctx, seqgpu_rnn_pack(ctx, plain.plan, &plain.run)); /* nothing to do */
  CHECK(plain.run.packed == NULL && plain.sizes.packed == 0, "a plan that packs nothing has no room for it");
  n.run.packed = NULL;
  REFUSED(ctx, EINVAL, "packed is NULL", seqgpu_rnn_forward(ctx, n.plan, &n.run));
  REFUSED(ctx, EINVAL, "packed is NULL", seqgpu_rnn_pack(ctx, n.plan, &n.run));
  n.run.packed = (char *)packed + 4;
  REFUSED(ctx, EINVAL, "multiple of 8", seqgpu_rnn_forward(ctx, n.plan, &n.run));
  REFUSED(ctx, EINVAL, "multiple of 8", seqgpu_rnn_pack(ctx, n.plan, &n.run));
  n.run.packed = strange.run.packed;
  REFUSED(ctx, EINVAL, "seqgpu_rnn_pack", seqgpu_rnn_forward(ctx, n.plan, &n.run));
  n.run.packed = packed;
  plain.run.packed = packed;
  REFUSED(ctx, EINVAL, "packed is given", seqgpu_rnn_forward(ctx, plain.plan, &plain.run));
  REFUSED(ctx, EINVAL, "packed is given", seqgpu_rnn_pack(ctx, plain.plan, &plain.run));
  memset(packed, 0, n.sizes.packed);
  REFUSED(ctx, EINVAL, "seqgpu_rnn_pack", seqgpu_rnn_forward(ctx, n.plan, &n.run));
  const void *params = n.run.params;
  n.run.params = NULL;
  REFUSED(ctx, EINVAL, "params is NULL", seqgpu_rnn_pack(ctx, n.plan, &n.run));
  n.run.params = params;
  REFUSED(ctx, EINVAL, "plan", seqgpu_rnn_pack(ctx, NULL, &n.run));
  REFUSED(ctx, EINVAL, "run", seqgpu_rnn_pack(ctx, n.plan, NULL));
  REFUSED(NULL, EINVAL, "ctx", seqgpu_rnn_pack(NULL, n.plan, &n.run));
  close_network(&plain);
  close_network(&strange);
  close_network(&n);
}

int main(int argc, char **argv) {
  const int draws = argc > 1 ? atoi(argv[1]) : 4;
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  seqgpu_context *ctx = NULL;
  check_start();
  check_at("cpu/stream, packed");
  if (!CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context")) return check_finish();
  check_kernels();
  for (size_t f = 0; f < COUNT(formats); f++) {
    check_at("%s", formats[f].name);
    check_networks(ctx, f, draws);
    check_numbers(ctx, formats[f].algorithm);
    check_choice(ctx, f);
    check_descriptors(ctx, formats[f].algorithm);
    check_runs(ctx, formats[f].algorithm);
  }
  seqgpu_context_destroy(ctx);
  return check_finish();
}
