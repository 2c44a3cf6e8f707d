/* test_stream.c - what algorithm `cpu/stream` promises beyond right results (test_conformance.c looks at
 * these).
 *
 * Every cell that it runs, sizes around those of its blocks and vectors, inputs from the printed seed; calls,
 * batch and weights also with packed weights, of which test_stream_packed.c has the rest:
 *   calls     one step a call with the state carried has the bits of the whole sequence in one call
 *   batch     a sequence has the bits that it has by itself, in any batch and any place of it
 *   weights   they are read at each call, or packed again: a change in between is seen
 *   refusals  training, five sequences, a matrix that is not stored: a sentence each, which names the argument
 *   planner   it is the choice for a step, and not for a long sequence
 *   mode      flush-to-zero is set during the call alone (x86)
 *   kernels   those of each instruction set that the processor has: products against float64, pointwise steps
 *             against the cells' own
 */
#include "core/cells.h"
#include "core/step.h"
#include "core/stream_kernel.h"
#include "tests/stream_net.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

/* ---------------------------------------------------------------- calls */

/* Step t of `whole` through `one`, whose states are carried. */
static int step_agrees(network *one, const network *whole, int64_t t, int64_t B, int64_t I) {
  const int64_t Y = whole->sizes.output_width;
  one->run.x = of(whole->run.x) + t * B * I;
  forward(one);
  return same(one->run.y, of(whole->run.y) + t * B * Y, (size_t)(B * Y) * sizeof(float));
}

static void check_calls(seqgpu_context *ctx, const char *algorithm, const cell_row *cell, int64_t B,
                        int64_t I, int64_t H, int layers) {
  enum { T = 6 };
  seqgpu_rnn_desc desc = desc_of(cell, T, B, I, H);
  desc.num_layers = layers;
  network whole, one;
  if (!open_network(&whole, ctx, &desc, algorithm)) return;
  desc.seq_len = 1;
  if (!open_network(&one, ctx, &desc, algorithm)) return;
  fill(&whole);
  one.run.params = whole.run.params;
  one.run.packed = whole.run.packed; /* the plans differ in seq_len alone */
  for (int k = 0; k < whole.sizes.state_count; k++)
    memcpy(one.run.final[k], whole.run.initial[k], whole.sizes.state[k]);
  forward(&whole);
  int equal = 1;
  for (int64_t t = 0; t < T; t++) equal &= step_agrees(&one, &whole, t, B, I);
  for (int k = 0; k < whole.sizes.state_count; k++)
    equal &= same(one.run.final[k], whole.run.final[k], whole.sizes.state[k]);
  CHECK(equal, "%s, B = %d, I = %d, H = %d, %d layers: a step a call", cell->name, (int)B, (int)I, (int)H,
        layers);
  close_network(&one);
  close_network(&whole);
}

/* ---------------------------------------------------------------- batch */

/* The inputs of sequence b of `all` into `one`. */
static void take_sequence(network *one, const network *all, int64_t b, int64_t T, int64_t B, int64_t I) {
  for (int64_t t = 0; t < T; t++)
    memcpy(of(one->run.x) + t * I, of(all->run.x) + (t * B + b) * I, (size_t)I * sizeof(float));
  for (int k = 0; k < all->sizes.state_count; k++) {
    const int64_t width = all->sizes.state_width[k];
    memcpy(of(one->run.initial[k]), of(all->run.initial[k]) + b * width, (size_t)width * sizeof(float));
  }
}

static int sequence_agrees(const network *one, const float *y, int64_t b, int64_t T, int64_t B) {
  const int64_t Y = one->sizes.output_width;
  int equal = 1;
  for (int64_t t = 0; t < T; t++)
    equal &= same(of(one->run.y) + t * Y, y + (t * B + b) * Y, (size_t)Y * sizeof(float));
  return equal;
}

static void check_batch(seqgpu_context *ctx, const char *algorithm, const cell_row *cell, int64_t B,
                        int64_t I, int64_t H) {
  enum { T = 3 };
  seqgpu_rnn_desc desc = desc_of(cell, T, B, I, H);
  network all, one;
  if (!open_network(&all, ctx, &desc, algorithm)) return;
  desc.batch = 1;
  if (!open_network(&one, ctx, &desc, algorithm)) return;
  fill(&all);
  one.run.params = all.run.params;
  one.run.packed = all.run.packed;
  for (int k = 0; k < all.sizes.state_count; k++) all.run.final[k] = NULL; /* the initial ones stay */
  forward(&all);
  int equal = 1;
  for (int64_t b = 0; b < B; b++) {
    take_sequence(&one, &all, b, T, B, I);
    forward(&one);
    equal &= sequence_agrees(&one, of(all.run.y), b, T, B);
  }
  CHECK(equal, "%s, B = %d, I = %d, H = %d: each sequence by itself", cell->name, (int)B, (int)I, (int)H);
  close_network(&one);
  close_network(&all);
}

/* ---------------------------------------------------------------- weights */

static void check_weights(seqgpu_context *ctx, const char *algorithm, const cell_row *cell) {
  const seqgpu_rnn_desc desc = desc_of(cell, 1, 1, 9, 20);
  network n;
  if (!open_network(&n, ctx, &desc, algorithm)) return;
  fill(&n);
  for (int k = 0; k < n.sizes.state_count; k++) n.run.final[k] = NULL;
  float *before = malloc(n.sizes.y);
  forward(&n);
  memcpy(before, n.run.y, n.sizes.y);
  for (int64_t i = 0; i < n.sizes.param_elements; i++) of(n.run.params)[i] *= 0.75f;
  pack(&n);
  forward(&n);
  CHECK(!same(before, n.run.y, n.sizes.y), "%s: new weights are seen", cell->name);
  free(before);
  close_network(&n);
}

/* ---------------------------------------------------------------- refusals */

static void check_refusal(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const char *named) {
  const seqgpu_plan_options options = {.algorithm = "stream"};
  seqgpu_plan *plan = NULL;
  const seqgpu_status status = seqgpu_plan_create(ctx, desc, &options, &plan);
  const char *sentence = seqgpu_last_error(ctx);
  CHECK(status == SEQGPU_EUNSUPPORTED && plan == NULL, "refused for its %s", named);
  CHECK(strstr(sentence, named) != NULL && strstr(sentence, "must be") != NULL, "the sentence: %s", sentence);
  seqgpu_plan_destroy(plan);
}

static void check_refusals(seqgpu_context *ctx) {
  seqgpu_rnn_desc desc = {
      .cell = "lstm", .input_size = 4, .hidden_size = 8, .seq_len = 1, .batch = 1, .inference = 0};
  check_refusal(ctx, &desc, "inference is 0");
  desc.inference = 1;
  desc.batch = 5;
  check_refusal(ctx, &desc, "batch is 5");
  desc.batch = 1;
  desc.cell = "urnn";
  check_refusal(ctx, &desc, "cell");
}

/* ---------------------------------------------------------------- planner */

static const char *chosen(seqgpu_context *ctx, seqgpu_rnn_desc desc, int64_t T, int64_t B) {
  seqgpu_plan *plan = NULL;
  desc.seq_len = T;
  desc.batch = B;
  seqgpu_plan_create(ctx, &desc, NULL, &plan);
  const char *name = seqgpu_plan_algorithm(plan); /* static memory */
  seqgpu_plan_destroy(plan);
  return name;
}

static void check_planner(seqgpu_context *ctx) {
  for (int64_t H = 16; H <= 256; H *= 2) {
    const seqgpu_rnn_desc desc = {.cell = "lstm", .input_size = H, .hidden_size = H, .inference = 1};
    CHECK(strcmp(chosen(ctx, desc, 1, 1), "cpu/stream") == 0, "H = %d: a step is a stream's", (int)H);
    CHECK(strcmp(chosen(ctx, desc, 1000, 1), "cpu/step") == 0, "H = %d: 1000 steps are not", (int)H);
    CHECK(strcmp(chosen(ctx, desc, 1, 5), "cpu/step") == 0, "H = %d: nor are five sequences", (int)H);
  }
}

/* ---------------------------------------------------------------- mode */

#if defined(__SSE__)
enum { FLUSH = 0x8000, ZERO = 0x0040 };

/* 0 on a processor that only seems to be one: Valgrind's keeps all denormals. */
static int flushes(void) {
  const unsigned ours = _mm_getcsr();
  _mm_setcsr(ours | FLUSH);
  const unsigned mode = _mm_getcsr();
  _mm_setcsr(ours);
  return (mode & FLUSH) != 0;
}

/* In a mode with flush-to-zero on or off: it stays, and so do the bits of a result of ordinary numbers. */
static void check_mode(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = desc_of(&cell_rows[0], 2, 1, 9, 20);
  const unsigned ours = _mm_getcsr();
  float y[2][40];
  network n;
  if (!open_network(&n, ctx, &desc, "stream")) return;
  fill(&n);
  for (int k = 0; k < n.sizes.state_count; k++) n.run.final[k] = NULL;
  for (unsigned on = 0; on < 2; on++) {
    const unsigned before = on ? ours | FLUSH | ZERO : ours & ~(unsigned)(FLUSH | ZERO);
    _mm_setcsr(before);
    forward(&n);
    const unsigned after = _mm_getcsr();
    _mm_setcsr(ours);
    CHECK(((before ^ after) & (FLUSH | ZERO)) == 0, "flush-to-zero %s: the caller's mode is back",
          on ? "on" : "off");
    memcpy(y[on], n.run.y, sizeof y[on]);
  }
  CHECK(same(y[0], y[1], sizeof y[0]), "ordinary numbers have the same bits in both modes");
  close_network(&n);
}

/* A leaky state decays through the denormals: it must reach 0, as it can only where they are flushed. */
static void check_decay(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = {.cell = "leaky",
                                .input_size = 8,
                                .hidden_size = 8,
                                .seq_len = 1,
                                .batch = 1,
                                .inference = 1,
                                .leak = 0.1};
  network n;
  if (!open_network(&n, ctx, &desc, "stream")) return;
  float *h = n.run.final[0]; /* weights and input are 0 */
  for (int j = 0; j < 8; j++) h[j] = 1.3e-38f;
  for (int t = 0; t < 3; t++) forward(&n);
  int zero = 1;
  for (int j = 0; j < 8; j++) zero &= h[j] == 0;
  CHECK(zero, "a state below the normal numbers is 0");
  close_network(&n);
}
#endif

/* ---------------------------------------------------------------- kernels */

typedef struct kernels {
  const char *name;
  int here; /* the processor has it */
  void (*multiply)(const sq_stream_product *product);
  void (*lstm)(const sq_step_f32 *step);
  void (*gru)(const sq_step_f32 *step);
} kernels;

enum { MOST_ROWS = 21, MOST_COLS = 40, MOST_BATCH = 4, LD = MOST_COLS + 3 };

/* |out - ref| / |ref| of a product that adds two operands, of `cols` and 2 cols / 3 + 1 columns; NaN if it has other
 * bits from the last rows to the first. */
static double product_error(const kernels *k, int64_t rows, int64_t cols, int64_t batch) {
  float *w[2], v[2][MOST_BATCH * LD], out[MOST_BATCH * LD], down[MOST_BATCH * LD];
  double ref[MOST_BATCH * LD];
  sq_stream_product p = {.out = out, .ld_out = LD, .rows = rows, .batch = batch, .operands = 2};
  check_fill_f32(out, COUNT(out), -1, 1);
  memcpy(down, out, sizeof out);
  for (size_t i = 0; i < COUNT(out); i++) ref[i] = (double)out[i];
  for (int i = 0; i < 2; i++) {
    const int64_t width = i ? 2 * cols / 3 + 1 : cols;
    w[i] = check_alloc("weights", (size_t)(rows * width) * sizeof(float));
    check_fill_f32(w[i], rows * width, -1, 1);
    check_fill_f32(v[i], COUNT(v[i]), -1, 1);
    p.operand[i] = (sq_stream_operand){.weights = w[i], .cols = width, .vectors = v[i], .ld = LD};
    for (int64_t b = 0; b < batch; b++)
      for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < width; c++)
          ref[b * LD + r] += (double)w[i][r * width + c] * (double)v[i][b * LD + c];
  }
  k->multiply(&p);
  p.out = down;
  p.down = 1;
  k->multiply(&p);
  check_free(w[0]);
  check_free(w[1]);
  if (memcmp(down, out, sizeof out) != 0) return (double)NAN;
  return check_norm_f32(out, ref, COUNT(out)); /* what lies between the rows must stay */
}

static void check_products(const kernels *k) {
  static const int64_t rows[] = {1, 3, 4, 8, 21}, cols[] = {1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 32, 40};
  double worst = 0;
  for (size_t r = 0; r < COUNT(rows); r++)
    for (size_t c = 0; c < COUNT(cols); c++)
      for (int64_t batch = 1; batch <= MOST_BATCH; batch++) {
        const double error = product_error(k, rows[r], cols[c], batch);
        worst = check_worse(error, worst);
      }
  check_error(worst, 1e-6, "%s: products", k->name);
}

/* The largest difference, in h and in what else comes out, of a step from the cell's own on the same row. */
static double step_difference(const char *cell, void (*step)(const sq_step_f32 *), int reset_after,
                              double scale) {
  enum { H = 37 };
  const sq_config config = {.input_size = 1, .hidden_size = H, .reset_after = reset_after};
  sq_layout layout;
  float params[4 * H * (H + 3)], gates[2][4 * H], aux[2][H], prev[2][H], next[2][2][H], y[2][H];
  sq_layout_resolve(sq_cell_find(cell), &config, &layout);
  check_fill_f32(params, COUNT(params), -1, 1);
  check_fill_f32(gates[0], 4 * H, -scale, scale);
  check_fill_f32(aux[0], H, -1, 1);
  check_fill_f32(&prev[0][0], 2 * H, -1, 1);
  check_fill_f32(&y[0][0], 2 * H, -1, 1); /* different ones, until they are written */
  check_fill_f32(&next[0][0][0], 4 * H, -1, 1);
  memcpy(gates[1], gates[0], sizeof gates[0]);
  memcpy(aux[1], aux[0], sizeof aux[0]);
  for (int i = 0; i < 2; i++) {
    sq_step_f32 s = {.layout = &layout, .batch = 1, .params = params, .gates = gates[i], .aux = aux[i]};
    s.y = y[i];
    s.ldy = H;
    for (int n = 0; n < layout.states; n++) s.prev[n] = prev[n], s.next[n] = next[i][n];
    if (i)
      step(&s);
    else
      layout.cell->forward_f32(&s, 0);
  }
  double worst = 0;
  for (int j = 0; j < H; j++) {
    const double difference = fabs((double)y[0][j] - (double)y[1][j]);
    worst = check_worse(difference, worst);
    for (int n = 0; n < layout.states; n++) {
      const double other = fabs((double)next[0][n][j] - (double)next[1][n][j]);
      worst = check_worse(other, worst);
    }
  }
  return worst;
}

static void check_kernels(void) {
  const kernels all[] = {
    {"baseline", 1, sq_stream_multiply_baseline, sq_stream_lstm_baseline, sq_stream_gru_baseline},
#if defined(__x86_64__)
    {"avx2", sq_best_isa() >= SQ_ISA_AVX2, sq_stream_multiply_avx2, sq_stream_lstm_avx2, sq_stream_gru_avx2},
    {"avx512", sq_best_isa() >= SQ_ISA_AVX512, sq_stream_multiply_avx512, sq_stream_lstm_avx512,
     sq_stream_gru_avx512},
#endif
  };
  for (size_t i = 0; i < COUNT(all); i++) {
    if (!all[i].here) {
      check_skip("the processor does not have it", "%s", all[i].name);
      continue;
    }
    check_products(&all[i]);
    for (double scale = 1; scale <= 1000; scale *= 10) { /* to gates that are 0 or 1 */
      check_error(step_difference("lstm", all[i].lstm, 0, scale), 2e-6, "%s: lstm, gates to %g", all[i].name,
                  scale);
      check_error(step_difference("gru", all[i].gru, 1, scale), 2e-6, "%s: gru, gates to %g", all[i].name,
                  scale);
    }
  }
}

/* ---------------------------------------------------------------- all */

static void check_cell(seqgpu_context *ctx, const char *algorithm, const cell_row *cell) {
  static const int64_t sizes[][2] = {{1, 1}, {3, 5}, {8, 16}, {17, 8}, {20, 33}, {40, 70}};
  for (size_t i = 0; i < COUNT(sizes); i++) {
    if (sizes[i][1] < cell->least_hidden) continue;
    for (int64_t B = 1; B <= 4; B++)
      check_calls(ctx, algorithm, cell, B, sizes[i][0], sizes[i][1], 1 + (int)(B % 2));
    for (int64_t B = 2; B <= 4; B++) check_batch(ctx, algorithm, cell, B, sizes[i][0], sizes[i][1]);
  }
  check_weights(ctx, algorithm, cell);
}

/* So many weights that every other step reads them from their end. */
static void check_large(seqgpu_context *ctx, const char *algorithm) {
  const cell_row lstm = {.name = "lstm", .desc = {.cell = "lstm"}},
                 gru = {.name = "gru", .desc = {.cell = "gru"}};
  for (int64_t B = 1; B <= 4; B++) {
    check_calls(ctx, algorithm, &lstm, B, 150, 141, 1);
    check_calls(ctx, algorithm, &gru, B, 150, 163, 1);
  }
}

int main(void) {
  static const char *const algorithms[] = {"stream", "stream-bf16", "stream-int8"};
  check_start();
  const seqgpu_context_options options = {.device = "cpu", .threads = 2};
  seqgpu_context *ctx = NULL;
  check_at("cpu/stream f32");
  if (!CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context")) return check_finish();
  check_kernels();
  check_refusals(ctx);
  check_planner(ctx);
#if defined(__SSE__)
  if (flushes()) {
    check_mode(ctx);
    check_decay(ctx);
  } else {
    check_skip("the processor flushes no denormals", "its mode");
  }
#else
  check_skip("no MXCSR here", "mode of the processor");
#endif
  for (size_t a = 0; a < COUNT(algorithms); a++) {
    check_at("cpu/%s f32", algorithms[a]);
    check_large(ctx, algorithms[a]);
    for (size_t c = 0; c < COUNT(cell_rows); c++) check_cell(ctx, algorithms[a], &cell_rows[c]);
  }
  seqgpu_context_destroy(ctx);
  return check_finish();
}
