/* test_alike.c - inputs that are alike (core/alike.h): what the search finds, and that networks compute with it what they
 * compute without.  A sequence by itself is too short for a search, so a batch of them is compared with each alone; and so is a
 * batch of many, whose inputs differ or not.
 */
#include "core/alike.h"

#include "host/context/context.h"
#include "tests/laws.h"

/* ---------------------------------------------------------------- the search */

enum { ROWS = 300, COLS = 40, LD = COLS + 3 };

/* Rows of x are drawn from so many; 0: all differ.  Returns how many there are. */
static int64_t draw(int64_t rows, int64_t cols, int64_t kinds, float *x, int32_t *kind) {
  float drawn[ROWS][COLS];
  int64_t of[ROWS], count = 0;
  for (int64_t k = 0; k < ROWS; k++) {
    check_fill_f32(drawn[k], COLS, -1, 1);
    of[k] = -1;
  }
  drawn[1][0] = 0.0f; /* two that are equal, and not alike, and one that is equal to nothing */
  memcpy(drawn[2], drawn[1], sizeof drawn[1]);
  drawn[2][0] = -0.0f;
  drawn[3][cols - 1] = NAN;
  for (int64_t r = 0; r < rows; r++) {
    const int64_t k = kinds ? check_below(kinds) : r;
    if (of[k] < 0) of[k] = count++;
    kind[r] = (int32_t)of[k];
    memcpy(x + r * LD, drawn[k], (size_t)cols * sizeof(float));
  }
  return count;
}

/* Whether it was found, and all of it right. */
static int finds(int64_t rows, int64_t cols, int64_t kinds, const char *what) {
  float *x = check_alloc("x", ROWS * LD * sizeof *x);
  float *memory = check_alloc("memory", (size_t)sq_alike_size_f32(rows, cols) * sizeof *memory);
  int32_t kind[ROWS];
  sq_alike_f32 a = {0};
  const int64_t count = draw(rows, cols, kinds, x, kind);
  const int found = sq_alike_find_f32(rows, cols, x, LD, memory, &a);
  if (found) {
    int same = a.rows == rows && a.kinds == count;
    for (int64_t r = 0; same && r < rows; r++)
      same = a.kind[r] == kind[r] &&
             memcmp(a.x + kind[r] * a.ldx, x + r * LD, (size_t)cols * sizeof(float)) == 0;
    CHECK(same, "%s: each row is like its kind", what);
  }
  check_free(x);
  check_free(memory);
  return found;
}

static void test_search(void) {
  CHECK(finds(ROWS, COLS, 5, "five kinds"), "rows of five kinds are found");
  CHECK(finds(ROWS, 17, ROWS / 8, "an odd width"), "and of an eighth as many");
  CHECK(finds(64, 16, 4, "the fewest"), "the fewest rows, the shortest");
  CHECK(!finds(63, COLS, 2, "few rows"), "fewer are not looked at");
  CHECK(!finds(ROWS, 15, 2, "short rows"), "nor are shorter ones");
  CHECK(!finds(ROWS, COLS, 0, "all differ"), "rows that all differ are not worth it");
  CHECK(!finds(ROWS, COLS, ROWS / 2, "half as many kinds"), "nor are half as many kinds");
  CHECK(sq_alike_size_f32(63, COLS) == 0 && sq_alike_size_f32(ROWS, 15) == 0,
        "what is not looked at needs no room");
}

/* Some of the rows take theirs from a table of the kinds; then rows are added up in it, a part after the other. */
static void test_rows(int threads) {
  enum { WIDE = 260, STRIDE = WIDE + 5, FIRST = 37 };
  float *x = malloc(ROWS * LD * sizeof *x),
        *memory = malloc((size_t)sq_alike_size_f32(ROWS, COLS) * sizeof *memory);
  float *table = check_alloc("of_kind", (size_t)sq_alike_table_size_f32(ROWS, WIDE) * sizeof *table);
  float *y = check_alloc("y", ROWS * STRIDE * sizeof *y), *sum = calloc(ROWS * WIDE, sizeof *sum);
  int32_t kind[ROWS];
  sq_alike_f32 a = {0};
  seqgpu_context *ctx = net_context("cpu", SEQGPU_DTYPE_F32, threads);
  struct sq_exec *exec = &ctx->exec;
  draw(ROWS, COLS, 11, x, kind);
  CHECK(sq_alike_find_f32(ROWS, COLS, x, LD, memory, &a), "%d threads, kinds are found", threads);
  for (int64_t i = 0; i < ROWS * STRIDE; i++) y[i] = -1;
  for (int64_t i = 0; i < a.kinds * WIDE; i++) table[i] = (float)i;
  sq_alike_spread_f32(&a, FIRST, ROWS - FIRST, WIDE, table, y + FIRST * STRIDE, STRIDE);
  int right = 1, kept = 1;
  for (int64_t r = 0; r < ROWS; r++)
    for (int64_t j = 0; j < STRIDE; j++) {
      if (r >= FIRST && j < WIDE)
        right &= y[r * STRIDE + j] == (float)(kind[r] * WIDE + j);
      else
        kept &= y[r * STRIDE + j] == -1;
    }
  CHECK(right && kept, "%d threads, each row is its kind's, and nothing else has changed", threads);
  for (int64_t r = 0; r < ROWS; r++)
    for (int64_t j = 0; j < WIDE; j++) {
      const float value = (float)check_uniform(-1, 1);
      y[r * STRIDE + j] = value;
      sum[kind[r] * WIDE + j] += value;
    }
  memset(table, 0, (size_t)(a.kinds * WIDE) * sizeof *table);
  sq_alike_add_f32(exec, &a, 0, FIRST, WIDE, y, STRIDE, table);
  sq_alike_add_f32(exec, &a, FIRST, ROWS - FIRST, WIDE, y + FIRST * STRIDE, STRIDE, table);
  CHECK(memcmp(table, sum, (size_t)(a.kinds * WIDE) * sizeof *table) == 0,
        "%d threads, a kind has the sum of its rows", threads);
  seqgpu_context_destroy(ctx);
  check_free(y);
  check_free(table);
  free(sum);
  free(memory);
  free(x);
}

/* ---------------------------------------------------------------- networks */

/* Few steps: nothing bounds the state of an LSTM without activations, nor the roundings in its sums. */
enum { T = 5, B = 28, MANY = 4 * B, I = 18, KINDS = 9 };
#define PLAIN  "cpu/step" /* one sequence would be a stream, which adds in another order */
#define RAGGED 5, 3, 5, 0, 1, 5, 4, 2, 5, 5, 0, 3, 5, 1, 5, 4, 5, 5, 2, 5, 3, 5, 0, 5, 1, 5, 4, 5
static const int32_t ragged_batch[MANY] = {RAGGED, RAGGED, RAGGED, RAGGED};

/* A batch whose inputs are of so many kinds, for layers of so many units. */
static net batch_of(seqgpu_context *ctx, const cell_row *cell, int64_t batch, int64_t kinds, int64_t units,
                    seqgpu_rnn_desc options, const int32_t *lengths) {
  const shape_row shape = {.size = {T, batch, I, units}, .desc = options};
  const seqgpu_rnn_desc desc = combine(cell, &shape);
  net n;
  net_open_as(&n, ctx, &desc, PLAIN, lengths);
  net_fill(&n);
  for (int64_t r = kinds; r < T * batch; r++)
    memcpy(n.value[NET_X] + r * I, n.value[NET_X] + check_below(kinds) * I, I * sizeof(double));
  return n;
}

/* Copies sequence b of a tensor to a batch of one, or back. */
static void one_of(const net *all, const net *one, int tensor, int64_t b, int back) {
  if (all->count[tensor] == 0) return;
  const int steps = tensor == NET_X || tensor == NET_DX || tensor == NET_Y || tensor == NET_DY;
  const int64_t width = steps ? row_width(all, tensor) : state_width(all, tensor),
                rows = one->count[tensor] / width;
  for (int64_t r = 0; r < rows; r++) {
    double *whole = all->value[tensor] + (r * all->desc.batch + b) * width,
           *part = one->value[tensor] + r * width;
    copy(back ? whole : part, back ? part : whole, width);
  }
}

/* The batch's tensors, each sequence having run by itself: all of them but params, whose gradients add up. */
static net run_alone(const net *all, const int32_t *lengths) {
  net sum;
  seqgpu_rnn_desc desc = all->desc;
  net_open_as(&sum, all->ctx, &desc, PLAIN, lengths);
  desc.batch = 1;
  for (int64_t b = 0; b < all->desc.batch; b++) {
    net one;
    net_open_as(&one, all->ctx, &desc, PLAIN, lengths ? lengths + b : NULL);
    copy(one.value[NET_PARAMS], all->value[NET_PARAMS], one.count[NET_PARAMS]);
    for (int i = NET_X; i < NET_Y; i++)
      if (i != NET_PARAMS) one_of(all, &one, i, b, 0);
    run(&one);
    for (int i = NET_Y; i < NET_DPARAMS; i++) one_of(&sum, &one, i, b, 1);
    for (int64_t i = 0; i < sum.count[NET_DPARAMS]; i++)
      sum.value[NET_DPARAMS][i] += one.value[NET_DPARAMS][i];
    net_close(&one);
  }
  return sum;
}

/* All outputs and gradients first..last of a batch, against those of its sequences. */
static double batch_differs(net all, const int32_t *lengths, int first, int last) {
  net alone = run_alone(&all, lengths);
  run(&all);
  return differ_at_end(&all, &alone, first, last);
}

static double differ_from_alone(seqgpu_context *ctx, const cell_row *cell, seqgpu_rnn_desc options,
                                const int32_t *lengths, int first, int last) {
  return batch_differs(batch_of(ctx, cell, B, KINDS, 5, options, lengths), lengths, first, last);
}

static double law_bits(const contexts *c, const cell_row *cell) {
  const double plain = differ_from_alone(c->f32, cell, DEEP, NULL, NET_Y, NET_DQ0);
  return check_worse(plain, differ_from_alone(c->f32_threads, cell, BOTH_WAYS, ragged_batch, NET_Y, NET_DQ0));
}

static double law_gradients(const contexts *c, const cell_row *cell) {
  const double plain = differ_from_alone(c->f64, cell, DEEP, NULL, NET_DPARAMS, NET_DPARAMS);
  return check_worse(plain,
                     differ_from_alone(c->f64, cell, BOTH_WAYS, ragged_batch, NET_DPARAMS, NET_DPARAMS));
}

/* So many that backward takes the gradients of parameters and inputs more than once (core/layer.c, BACK_ROWS).  What is
 * left of so many terms may be small beside them, so that their order shows. */
static double law_many(const contexts *c, const cell_row *cell) {
  net alike = batch_of(c->f64, cell, MANY, KINDS, 3, BOTH_WAYS, ragged_batch);
  net apart_all = batch_of(c->f64, cell, MANY, T * MANY, 3, DEEP, NULL);
  const double plain = batch_differs(alike, ragged_batch, NET_Y, NET_DPARAMS);
  return check_worse(plain, batch_differs(apart_all, NULL, NET_Y, NET_DPARAMS));
}

static double law_inference(const contexts *c, const cell_row *cell) {
  const seqgpu_rnn_desc inference = {.bidirectional = 1, .inference = 1};
  return differ_from_alone(c->f32, cell, inference, ragged_batch, NET_Y, NET_QT);
}

/* Adds up the rows of dx that have the same input, as an embedding does. */
static void add_up(net *n) {
  double *x = n->value[NET_X], *dx = n->value[NET_DX];
  for (int64_t r = 0; r < T * B; r++)
    for (int64_t s = 0; s < r; s++) {
      if (memcmp(x + r * I, x + s * I, I * sizeof *x) != 0) continue;
      for (int64_t j = 0; j < I; j++) {
        dx[s * I + j] += dx[r * I + j];
        dx[r * I + j] = 0;
      }
      break;
    }
}

static double differ_when_summed(net *each) {
  net sums = twin(each, each->ctx, NULL);
  sums.run.dx_summed = 1;
  if (each->run.dparams == NULL) sums.run.dparams = NULL;
  run(each);
  run(&sums);
  add_up(each);
  add_up(&sums);
  return differ_at_end(each, &sums, NET_Y, NET_DPARAMS);
}

/* Whoever asks for the sums of dx gets them, and all else is as it was; without dparams, too. */
static double law_sums(const contexts *c, const cell_row *cell) {
  net n = batch_of(c->f64, cell, B, KINDS, 5, DEEP, NULL),
      alone = batch_of(c->f64, cell, B, KINDS, 5, NONE, NULL);
  alone.run.dparams = NULL;
  return check_worse(differ_when_summed(&n), differ_when_summed(&alone));
}

/* Also where gates are wide enough to be shared among threads. */
static double law_threads(const contexts *c, const cell_row *cell) {
  net a = batch_of(c->f32, cell, B, KINDS, 70, BOTH_WAYS, NULL), b = twin(&a, c->f32_threads, NULL);
  return differ_when_run(&a, &b, NET_Y, NET_DPARAMS);
}

static const law_row laws[] = {
    {"inputs alike, a sequence has the bits that it has alone", law_bits, apart, 0, 0},
    {"inputs alike, gradients of parameters are the sums", law_gradients, apart, EXACT, 0},
    {"many sequences, gradients of each by itself", law_many, apart, 100 * EXACT, 0},
    {"inputs alike, inference", law_inference, apart, 0, 0},
    {"inputs alike, dx summed", law_sums, every, EXACT, 0},
    {"inputs alike, 1 and 3 threads, same bits", law_threads, every, 0, 0},
};

int main(void) {
  check_start();
  test_search();
  test_rows(1);
  test_rows(3);
  check_laws_everywhere(laws, COUNT(laws));
  return check_finish();
}
