/* stream.c - the layer driver for streams: audio, control, games, which bring one time step a call.
 *
 *   for t: gates = b
 *          for each stage: gates += [W_ih | W_hh] [x_t ; h_{t-1}]     stage 0: both in one pass
 *                          aux   =  W h_{t-1}                         products to aux, by themselves
 *                          the cell's pointwise step                  core/step.h
 *
 * The driver of whole sequences (layer.c) packs the recurrent weights at each call and makes one GEMM of the
 * inputs of all steps.  That pays from some tens of steps on; for a single step the packing is several times
 * the work itself.  Here the weights are read once a step, in the layout in which the user holds them, so
 * they may change between any two calls.  The products are stream_kernel.c's, in the processor's best
 * instruction set; the pointwise steps are the cells' own, so every cell and option with dense products
 * works, but for those of the plain LSTM and GRU (stream_step.c).
 *
 * Weights of fewer bits, bfloat16 or int8, are packed once (stream_pack.h) and read in their place: half or a
 * quarter of the bytes, which is what a step takes its time for.  The rest of the step is the same.
 *
 * Nothing is allocated or locked, and nothing but a hint (turn_round) is shared with another thread.  A sequence
 * has the same bits whatever the rest of its batch, and however its steps are divided into calls.
 *
 * Denormals: on x86 the call sets flush-to-zero and denormals-are-zero and restores the caller's mode at the
 * end.  A decaying state would otherwise make steps many times as slow as others, which a stream cannot
 * afford.  Numbers below 1.2e-38 become zero; no other result changes.
 */
#include "core/stream.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/cells.h"
#include "core/step.h"
#include "core/stream_kernel.h"
#include "core/structure.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

typedef void pointwise(const sq_step_f32 *step);

/* The functions of an instruction set (stream_kernel.h). */
typedef struct sq_stream_kernels {
  void (*multiply[SQ_STREAM_FORMATS])(const sq_stream_product *product);
  pointwise *lstm, *gru;
} sq_stream_kernels;

typedef struct stream {
  const sq_layer_run *run;
  const sq_layout *layout;
  const sq_stream_kernels *kernels;
  sq_stream_format format;
  const sq_stream_map *packed;      /* NULL for float32 */
  pointwise *only;                  /* the one stage of a cell that has its step here, or NULL */
  float *gates, *aux;               /* [B,G], [B,A] */
  float *scratch;                   /* of products with packed weights */
  float *state[SQ_MAX_STATES][2];   /* [B,W_k]: steps write to one and the other in turn */
  const float *prev[SQ_MAX_STATES]; /* [B,W_k]: the state before the step */
  const float *x;                   /* [B,I] of the step, row stride ldx */
  int down;                         /* the step reads the weights from their end */
} stream;

/* ---------------------------------------------------------------- processor */

static const sq_stream_kernels *best_kernels(void) {
#define ROW(isa, packed_isa)                                                                                 \
  {                                                                                                          \
    {sq_stream_multiply_##isa, sq_stream_multiply_bf16_##packed_isa, sq_stream_multiply_int8_##packed_isa},  \
        sq_stream_lstm_##isa, sq_stream_gru_##isa                                                            \
  }
  static const sq_stream_kernels baseline = ROW(baseline, baseline);
#if defined(__x86_64__)
  static const sq_stream_kernels avx2 = ROW(avx2, avx2), avx512 = ROW(avx512, avx512),
                                 vnni = ROW(avx512, vnni);
  if (sq_has_vnni()) return &vnni;
  if (sq_best_isa() == SQ_ISA_AVX512) return &avx512;
  if (sq_best_isa() == SQ_ISA_AVX2) return &avx2;
#endif
#undef ROW
  return &baseline;
}

/* Flushes denormals from now on; returns the mode to restore. */
static unsigned flush_denormals(void) {
#if defined(__SSE__)
  enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };
  const unsigned mode = _mm_getcsr();
  _mm_setcsr(mode | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
  return mode;
#else
  return 0;
#endif
}

static void restore_denormals(unsigned mode) {
#if defined(__SSE__)
  _mm_setcsr(mode);
#else
  (void)mode;
#endif
}

/* ---------------------------------------------------------------- products */

static const float *weight(const stream *s, int param) {
  return (const float *)s->run->params + s->layout->param[param].offset;
}

/* Rows `row`.. of a matrix, in the format of the stream, without vectors yet. */
static sq_stream_operand *add_rows(const stream *s, int param, int64_t row, sq_stream_product *g) {
  sq_stream_operand *o = &g->operand[g->operands++];
  o->row = row;
  o->cols = s->layout->param[param].cols;
  o->scales = NULL;
  if (s->format == SQ_STREAM_F32) {
    o->weights = weight(s, param);
    return o;
  }
  const char *base = (const char *)s->packed;
  o->weights = base + s->packed->weights[param];
  if (s->format == SQ_STREAM_INT8) o->scales = (const float *)(base + s->packed->scales[param]);
  return o;
}

/* What a product multiplies. */
static void add_operand(const stream *s, const sq_step_f32 *step, const sq_product *p, sq_stream_product *g) {
  sq_stream_operand *o = add_rows(s, p->param, p->row, g);
  o->vectors = sq_step_operand_f32(step, p->from, &o->ld);
}

/* Rows `row`.. of W_ih and the inputs of the step. */
static void add_input(const stream *s, int64_t row, sq_stream_product *g) {
  sq_stream_operand *o = add_rows(s, 0, row, g);
  o->vectors = s->x;
  o->ld = s->run->ldx;
}

/* Columns column.. of the gates or of aux as the result of a product, which has no operand yet.  Its fields are
 * set one by one: clearing those of the operands first would cost a small layer a twentieth of its step. */
static void begin_product(const stream *s, int to_gates, int64_t column, int64_t rows, sq_stream_product *g) {
  g->out = (to_gates ? s->gates : s->aux) + column;
  g->ld_out = to_gates ? s->layout->gates : s->layout->aux;
  g->rows = rows;
  g->batch = s->run->batch;
  g->operands = 0;
  g->scratch = s->scratch;
  g->down = s->down;
}

/* Gates from..to of W_ih x by themselves. */
static void project(const stream *s, int64_t from, int64_t to) {
  if (from >= to) return;
  sq_stream_product g;
  begin_product(s, 1, from, to - from, &g);
  add_input(s, from, &g);
  s->kernels->multiply[s->format](&g);
}

/* A product, together with the input's share of the same gates if there is one to add. */
static void multiply(const stream *s, const sq_step_f32 *step, const sq_product *p, int with_input) {
  const int to_gates = p->to.buffer == SQ_GATES;
  sq_stream_product g;
  begin_product(s, to_gates, p->to.column, p->rows, &g);
  if (with_input) add_input(s, p->to.column, &g);
  add_operand(s, step, p, &g);
  for (int64_t b = 0; b < g.batch && !to_gates; b++)
    memset(g.out + b * g.ld_out, 0, (size_t)g.rows * sizeof(float));
  s->kernels->multiply[s->format](&g);
}

static void begin_gates(const stream *s) {
  const sq_layout *l = s->layout;
  const float *bias = l->bias < 0 ? NULL : weight(s, l->bias);
  for (int64_t b = 0; b < s->run->batch; b++) {
    float *gates = s->gates + b * l->gates;
    if (bias) memcpy(gates, bias, (size_t)l->biased * sizeof(float));
    memset(gates + l->biased, 0, (size_t)(l->gates - l->biased) * sizeof(float));
  }
}

/* Stage 0: every gate gets its W_ih x, by itself or with a product of this stage. */
static void first_products(const stream *s, const sq_step_f32 *step) {
  const sq_layout *l = s->layout;
  int64_t done = 0; /* gates that have their input */
  begin_gates(s);
  for (int i = 0; i < l->products; i++) {
    const sq_product *p = &l->product[i];
    if (p->stage != 0) continue;
    const int with_input = p->to.buffer == SQ_GATES && p->to.column >= done;
    if (with_input) project(s, done, p->to.column);
    multiply(s, step, p, with_input);
    if (with_input) done = p->to.column + p->rows;
  }
  project(s, done, l->gates);
}

static void later_products(const stream *s, const sq_step_f32 *step, int stage) {
  for (int i = 0; i < s->layout->products; i++)
    if (s->layout->product[i].stage == stage) multiply(s, step, &s->layout->product[i], 0);
}

/* ---------------------------------------------------------------- steps */

/* The step of stream_step.c that is the whole cell; NULL: the cell's own.  The LSTM's is without options. */
static pointwise *only_step(const sq_stream_kernels *kernels, const sq_layout *l) {
  if (l->cell->forward_f32 == sq_lstm_forward_f32 && sq_option_beyond(&l->config, 0) == NULL)
    return kernels->lstm;
  return l->cell->forward_f32 == sq_gru_forward_f32 && l->config.reset_after ? kernels->gru : NULL;
}

/* The states before the first step: the caller's, or zeros. */
static void enter(stream *s) {
  for (int k = 0; k < s->layout->states; k++) {
    s->prev[k] = s->run->initial[k];
    if (s->prev[k]) continue;
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): lay_out has set the state */
    memset(s->state[k][1], 0, (size_t)(s->run->batch * s->layout->state_width[k]) * sizeof(float));
    s->prev[k] = s->state[k][1];
  }
}

/* Step t, the i-th of the run; its states are the next one's. */
static void step_at(stream *s, int64_t t, int64_t i) {
  const sq_layer_run *run = s->run;
  const sq_layout *l = s->layout;
  sq_step_f32 step = {
      .layout = l, .batch = run->batch, .t = t, .lengths = run->lengths, .params = run->params};
  s->x = (const float *)run->x + t * run->batch * run->ldx;
  step.gates = s->gates;
  step.aux = s->aux;
  step.y = (float *)run->y + t * run->batch * run->ldy;
  step.ldy = run->ldy;
  for (int k = 0; k < l->states; k++) {
    step.prev[k] = s->prev[k];
    step.next[k] = s->state[k][i % 2];
    s->prev[k] = step.next[k];
  }
  first_products(s, &step);
  if (s->only) {
    s->only(&step);
    return;
  }
  l->cell->forward_f32(&step, 0);
  for (int stage = 1; stage < l->stages; stage++) {
    later_products(s, &step, stage);
    l->cell->forward_f32(&step, stage);
  }
}

static void leave(const stream *s) {
  for (int k = 0; k < s->layout->states; k++)
    if (s->run->final[k] && s->run->final[k] != s->prev[k])
      memcpy(s->run->final[k], s->prev[k],
             (size_t)(s->run->batch * s->layout->state_width[k]) * sizeof(float));
}

/* Places in the workspace; returns what it takes but for the scratch, which comes last. */
static int64_t lay_out(stream *s, const sq_layout *layout, int64_t batch, float *at) {
  int64_t size = 0;
  const int64_t gates = size;
  size += sq_align_elements(batch * layout->gates);
  const int64_t aux = size;
  size += sq_align_elements(batch * layout->aux);
  if (s) {
    s->gates = at + gates;
    s->aux = at + aux;
  }
  for (int k = 0; k < layout->states; k++)
    for (int turn = 0; turn < 2; turn++) {
      if (s) s->state[k][turn] = at + size;
      size += sq_align_elements(batch * layout->state_width[k]);
    }
  if (s) s->scratch = at + size;
  return size;
}

static int64_t workspace(sq_stream_format format, const sq_layout *layout, int64_t batch) {
  const int64_t size = lay_out(NULL, layout, batch, NULL);
  if (format == SQ_STREAM_F32) return size;
  return size + sq_align_elements(sq_stream_scratch(sq_stream_widest(layout), batch));
}

/* Weights of which L2 cannot hold much more, and whether the last step with such has read them from their end.  The
 * next one goes the other way, and begins with what the last one has left in the caches: if all went one way, each
 * weight would be gone when its turn comes.  6 to 9 % less time for an LSTM of 192 to 256 units and 1 MB of L2.
 * Results have the same bits either way.  Threads that stream at once may read each other's, and then gain less;
 * one for each thread would be memory that the loader allocates in the middle of a call. */
enum { LARGE = 128 << 10 };
static atomic_int down;

static int turn_round(void) {
  const int now = !atomic_load_explicit(&down, memory_order_relaxed);
  atomic_store_explicit(&down, now, memory_order_relaxed);
  return now;
}

static void forward(sq_stream_format format, const sq_layer_run *run) {
  stream s = {.run = run, .layout = run->layout, .kernels = best_kernels(), .format = format};
  s.packed = run->packed;
  s.only = only_step(s.kernels, run->layout);
  const int64_t T = run->batch > 0 ? run->seq_len : 0;
  lay_out(&s, run->layout, run->batch, run->workspace);
  enter(&s);
  const int large = format == SQ_STREAM_F32 && run->layout->param_elements > LARGE;
  for (int64_t i = 0; i < T; i++) {
    s.down = large && turn_round();
    step_at(&s, run->reverse ? T - 1 - i : i, i);
  }
  leave(&s);
}

/* ---------------------------------------------------------------- the rows of the table */

static int forward_all(sq_stream_format format, const sq_layer_run *runs, int count) {
  const unsigned mode = flush_denormals();
  for (int i = 0; i < count; i++) forward(format, &runs[i]);
  restore_denormals(mode);
  return 0;
}

/* Everything but what a driver does around the cell's step. */
static const unsigned KNOWN_OPTIONS =
    ~(unsigned)(SQ_OPTION_ZONEOUT_HIDDEN | SQ_OPTION_ZONEOUT_CELL | SQ_OPTION_RECURRENT_DROPOUT |
                SQ_OPTION_UPDATE_DROPOUT | SQ_OPTION_NORMS);

const char *sq_stream_refuses(struct sq_exec *exec, const sq_problem *problem, char *text, size_t size) {
  (void)exec;
  if (problem->training) return "inference is 0; it must be 1: a stream keeps nothing for a backward";
  const char *option = sq_option_beyond(&problem->layout->config, KNOWN_OPTIONS);
  if (option) return option;
  if (sq_layout_structured(problem->layout))
    return "cell has a recurrent matrix that is not stored; it must be one that is, for a stream to read";
  if (problem->batch <= SQ_STREAM_BATCH) return NULL;
  snprintf(text, size, "batch is %lld; it must be at most %d: more sequences share packed weights",
           (long long)problem->batch, SQ_STREAM_BATCH);
  return text;
}

const char *sq_stream_int8_refuses(struct sq_exec *exec, const sq_problem *problem, char *text, size_t size) {
  const int64_t widest = sq_stream_widest(problem->layout);
  const char *why = sq_stream_refuses(exec, problem, text, size);
  if (why || widest <= SQ_STREAM_INT8_COLS) return why;
  snprintf(
      text, size,
      "input_size or hidden_size makes a matrix of %lld columns; they must be at most %d: their products "
      "are added in 32 bits",
      (long long)widest, SQ_STREAM_INT8_COLS);
  return text;
}

/* The other functions of a format's row. */
#define ROW(name, format)                                                                                    \
  int name##_forward(struct sq_exec *exec, const sq_layer_run *runs, int count) {                            \
    (void)exec;                                                                                              \
    return forward_all(format, runs, count);                                                                 \
  }                                                                                                          \
  int64_t name##_workspace(struct sq_exec *exec, const sq_problem *problem) {                                \
    (void)exec;                                                                                              \
    return workspace(format, problem->layout, problem->batch);                                               \
  }
#define PACKED_ROW(name, format)                                                                             \
  ROW(name, format)                                                                                          \
  int64_t name##_packed(const sq_layout *layout) { return sq_stream_map_of(format, layout).size; }           \
  void name##_pack(const sq_layout *layout, const void *params, void *packed) {                              \
    sq_stream_pack(format, layout, params, packed);                                                          \
  }

ROW(sq_stream, SQ_STREAM_F32)
PACKED_ROW(sq_stream_bf16, SQ_STREAM_BF16)
PACKED_ROW(sq_stream_int8, SQ_STREAM_INT8)
