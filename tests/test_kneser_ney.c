/* test_kneser_ney.c - the n-gram model (host/data/kneser_ney.h): probabilities by the definitions alone
 * (goldens/make_kneser_ney.py); laws: after any context they add up to 1, none is 0, and there are as many
 * n-grams as a count of the text finds.
 */
#include "host/data/kneser_ney.h"
#include "tests/goldens.h"

#define GOLDENS "goldens/kneser_ney.bin" /* ctest runs in tests/ */

/* Numbers of a golden, from malloc. */
static int32_t *numbers_of(const golden *g) {
  int32_t *ids = malloc((size_t)g->count * sizeof *ids);
  for (int64_t i = 0; ids && i < g->count; i++) ids[i] = (int32_t)g->data[i];
  if (ids == NULL) exit(EXIT_FAILURE);
  return ids;
}

/* ---------------------------------------------------------------- goldens */

static void check_golden(const char *name) {
  const golden *text = look_for(name, "text"), *sizes = look_for(name, "sizes"),
               *contexts = look_for(name, "contexts"), *p = look_for(name, "p");
  CHECK(text && sizes && contexts && p, "%s: is in the file", name);
  if (!text || !sizes || !contexts || !p) return;
  const int32_t vocab = (int32_t)sizes->data[0];
  const int64_t length = contexts->dims[1];
  int32_t *ids = numbers_of(text), *history = numbers_of(contexts);
  kneser_ney *m = kneser_ney_create(ids, text->count, vocab, (int)sizes->data[1]);
  double *ours = calloc((size_t)p->count, sizeof *ours);
  for (int64_t i = 0; m && ours && i < p->count; i++)
    ours[i] = kneser_ney_probability(m, history + i / vocab * length, length, (int32_t)(i % vocab));
  CHECK(m && ours, "%s: a model", name);
  if (m && ours) check_error(check_norm_f64(ours, p->data, p->count), 1e-12, "%s: probabilities", name);
  kneser_ney_destroy(m);
  free(ours);
  free(ids);
  free(history);
}

/* ---------------------------------------------------------------- laws */

enum { VOCAB = 9, TOKENS = 300, CONTEXTS = 60 };

/* How many different pieces of a length a text has. */
static int64_t count_pieces(const int32_t *ids, int64_t count, int length) {
  int64_t different = 0;
  for (int64_t i = 0; i + length <= count; i++) {
    int64_t k = 0;
    while (k < i && memcmp(ids + k, ids + i, (size_t)length * sizeof *ids) != 0) k++;
    different += k == i;
  }
  return different;
}

static void check_laws(const int32_t *ids, int64_t count, int order) {
  kneser_ney *m = kneser_ney_create(ids, count, VOCAB, order);
  double worst = 0, least = 1;
  CHECK(m != NULL, "order %d, %lld tokens: a model", order, (long long)count);
  if (m == NULL) return;
  for (int c = 0; c < CONTEXTS; c++) {
    int32_t random[KNESER_NEY_MOST];
    const int64_t length = check_below(KNESER_NEY_MOST), place = check_below(count);
    for (int64_t k = 0; k < length; k++) random[k] = (int32_t)check_below(VOCAB + 1) - 1;
    const int seen = c % 2 && place >= length;
    double sum = 0;
    for (int32_t w = 0; w < VOCAB; w++) {
      const double p = kneser_ney_probability(m, seen ? ids + place - length : random, length, w);
      sum += p;
      least = p < least ? p : least;
    }
    worst = check_worse(worst, fabs(sum - 1));
  }
  check_error(worst, 1e-12, "order %d, %lld tokens: probabilities add up to 1", order, (long long)count);
  CHECK(least > 0, "order %d, %lld tokens: nothing is impossible", order, (long long)count);
  for (int k = 1; k <= order; k++)
    CHECK(kneser_ney_count(m, k) == count_pieces(ids, count, k), "order %d, %lld tokens: n-grams of %d",
          order, (long long)count, k);
  kneser_ney_destroy(m);
}

/* A token that always follows another is all but certain after it, and the more so the longer the context. */
static void check_certain(void) {
  int32_t ids[TOKENS];
  for (int i = 0; i < TOKENS; i++) ids[i] = i % 2 ? 0 : (int32_t)(1 + check_below(VOCAB - 1));
  kneser_ney *m = kneser_ney_create(ids, TOKENS, VOCAB, 2);
  CHECK(m && kneser_ney_probability(m, ids, 1, 0) > 0.9, "after its cue a token is all but certain");
  CHECK(m && kneser_ney_probability(m, ids + 1, 1, 0) < 0.05, "and nowhere else");
  kneser_ney_destroy(m);
}

int main(void) {
  static const char *const cases[] = {"order1", "order2", "order3", "order5", "regular", "one"};
  static const int orders[] = {1, 2, 3, 5, KNESER_NEY_MOST};
  static const int64_t counts[] = {1, 2, 4, 50, TOKENS};
  int32_t ids[TOKENS];
  check_start();
  CHECK(read_goldens(GOLDENS), "%s can be read", GOLDENS);
  for (size_t i = 0; i < COUNT(cases); i++) check_golden(cases[i]);
  free_goldens();
  for (int i = 0; i < TOKENS; i++) ids[i] = (int32_t)check_below(1 + check_below(VOCAB - 1));
  for (size_t i = 0; i < COUNT(orders); i++)
    for (size_t k = 0; k < COUNT(counts); k++) check_laws(ids, counts[k], orders[i]);
  check_certain();
  return check_finish();
}
