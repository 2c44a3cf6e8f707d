/* beam.c - see beam.h. */
#include "host/models/beam.h"

#include <math.h>
#include <string.h>

#include "host/context/context.h"

/* A hypothesis that has ended after `words` words, the last of them in this row. */
typedef struct sq_beam_end {
  int64_t count, words; /* count: how many of the sentence have ended */
  int32_t row;
  double score;
} sq_beam_end;

/* A continuation of a row. */
typedef struct sq_beam_item {
  double sum;
  int32_t row, word;
} sq_beam_item;

static const double NONE = -(double)INFINITY;

/* ---------------------------------------------------------------- life */

seqgpu_status sq_beam_create(seqgpu_context *ctx, const sq_beam_sizes *sizes, sq_beam *out) {
  const size_t rows = (size_t)(sizes->width * sizes->batch), all = rows * (size_t)sizes->most;
  *out = (sq_beam){.ctx = ctx, .sizes = *sizes};
  out->word = sq_host_alloc(ctx, all * sizeof *out->word);
  out->row = sq_host_alloc(ctx, all * sizeof *out->row);
  out->sum = sq_host_alloc(ctx, rows * sizeof *out->sum);
  out->end = sq_host_alloc(ctx, (size_t)sizes->batch * sizeof *out->end);
  out->item = sq_host_alloc(ctx, (size_t)(2 * sizes->width) * sizeof *out->item);
  out->logit = sq_host_alloc(ctx, (size_t)sizes->classes * sizeof *out->logit);
  if (!out->word || !out->row || !out->sum || !out->end || !out->item || !out->logit)
    return sq_fail(ctx, SEQGPU_ENOMEM, "beam: out of memory");
  for (size_t r = 0; r < rows; r++)
    out->sum[r] = r < (size_t)sizes->batch ? 0 : NONE; /* one: the empty one */
  for (int64_t b = 0; b < sizes->batch; b++) out->end[b] = (sq_beam_end){.score = NONE};
  return SEQGPU_OK;
}

void sq_beam_destroy(sq_beam *b) {
  void *const memory[] = {b->word, b->row, b->sum, b->end, b->item, b->logit};
  for (size_t i = 0; b->ctx && i < sizeof memory / sizeof memory[0]; i++) sq_host_free(b->ctx, memory[i]);
  *b = (sq_beam){.ctx = NULL};
}

int sq_beam_done(const sq_beam *b) {
  if (b->step == b->sizes.most) return 1;
  for (int64_t r = 0; r < b->sizes.width * b->sizes.batch; r++)
    if (b->sum[r] > NONE) return 0;
  return 1;
}

/* ---------------------------------------------------------------- a step */

static double normed(const sq_beam *b, double sum, int64_t length) {
  return b->sizes.length_norm > 0 ? sum / pow((double)length, b->sizes.length_norm) : sum;
}

/* Logarithms of the probabilities of a row, but for a constant, which is returned. */
static double read_row(sq_beam *b, const void *logits, int64_t row) {
  const int64_t V = b->sizes.classes;
  const int wide = seqgpu_context_dtype(b->ctx) == SEQGPU_DTYPE_F64;
  double most = NONE, sum = 0;
  for (int64_t v = 0; v < V; v++) {
    b->logit[v] = wide ? ((const double *)logits)[row * V + v] : (double)((const float *)logits)[row * V + v];
    if (b->logit[v] > most) most = b->logit[v];
  }
  int64_t v = 0; /* there is at least one class */
  do sum += exp(b->logit[v] - most);
  while (++v < V);
  return most + log(sum);
}

/* Puts a continuation in its place among the count best, of at most 2K; how many there are now. */
static int64_t place(sq_beam *b, int64_t count, sq_beam_item item) {
  const int64_t room = 2 * b->sizes.width;
  int64_t at = count < room ? count : room - 1;
  if (count == room && !(item.sum > b->item[at].sum)) return count;
  for (; at > 0 && item.sum > b->item[at - 1].sum; at--) b->item[at] = b->item[at - 1];
  b->item[at] = item;
  return count < room ? count + 1 : room;
}

/* The 2K best continuations of a sentence: of so many at least K do not end. */
static int64_t find_best(sq_beam *b, int64_t sentence, const void *logits) {
  int64_t count = 0;
  for (int64_t k = 0; k < b->sizes.width; k++) {
    const int64_t row = k * b->sizes.batch + sentence;
    if (!(b->sum[row] > NONE)) continue;
    const double base = b->sum[row] - read_row(b, logits, row);
    for (int64_t v = b->sizes.banned; v < b->sizes.classes; v++)
      if (base + b->logit[v] > NONE)
        count = place(b, count, (sq_beam_item){base + b->logit[v], (int32_t)row, (int32_t)v});
  }
  return count;
}

static void end_one(sq_beam *b, int64_t sentence, const sq_beam_item *item) {
  sq_beam_end *end = &b->end[sentence];
  const double score = normed(b, item->sum, b->step + 1);
  if (end->count++ == 0 || score > end->score) *end = (sq_beam_end){end->count, b->step, item->row, score};
}

static void step_sentence(sq_beam *b, int64_t sentence, const void *logits) {
  const int64_t K = b->sizes.width, B = b->sizes.batch, count = find_best(b, sentence, logits);
  int32_t *word = b->word + b->step * K * B, *row = b->row + b->step * K * B;
  int64_t live = 0;
  for (int64_t i = 0; i < count && live < K; i++) {
    const sq_beam_item *item = &b->item[i];
    if (item->word == b->sizes.classes - 1) {
      if (i < K) end_one(b, sentence, item);
      continue;
    }
    const int64_t to = live++ * B + sentence;
    b->sum[to] = item->sum;
    word[to] = item->word;
    row[to] = item->row;
  }
  if (b->end[sentence].count >= K) live = 0;
  for (int64_t k = live; k < K; k++) {
    const int64_t to = k * B + sentence;
    b->sum[to] = NONE;
    word[to] = 0;
    row[to] = (int32_t)to;
  }
}

void sq_beam_step(sq_beam *b, const void *logits) {
  for (int64_t i = 0; i < b->sizes.batch; i++) step_sentence(b, i, logits);
  b->step++;
}

const int32_t *sq_beam_words(const sq_beam *b) {
  return b->word + (b->step - 1) * b->sizes.width * b->sizes.batch;
}

const int32_t *sq_beam_parents(const sq_beam *b) {
  return b->row + (b->step - 1) * b->sizes.width * b->sizes.batch;
}

/* ---------------------------------------------------------------- the answer */

/* The best of those that did not end. */
static sq_beam_end cut_off(const sq_beam *b, int64_t sentence) {
  sq_beam_end end = {.score = NONE};
  for (int64_t k = 0; k < b->sizes.width; k++) {
    const int64_t row = k * b->sizes.batch + sentence;
    const double score = b->step > 0 ? normed(b, b->sum[row], b->step) : NONE;
    if (score > end.score) end = (sq_beam_end){0, b->step, (int32_t)row, score};
  }
  return end;
}

int64_t sq_beam_answer(const sq_beam *b, int64_t sentence, int32_t *word, int32_t *row, double *score) {
  const int64_t rows = b->sizes.width * b->sizes.batch;
  const sq_beam_end end = b->end[sentence].count > 0 ? b->end[sentence] : cut_off(b, sentence);
  int32_t at = end.row;
  for (int64_t t = end.words - 1; t >= 0; t--) {
    word[t] = b->word[t * rows + at];
    at = row[t] = b->row[t * rows + at];
  }
  *score = end.score;
  return end.words;
}
