/* bleu.c - see bleu.h. */
#include "host/data/bleu.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers words: equal ones have the number of the first of them. */
static void number(const sentences_piece *const word[2], const int64_t count[2], int32_t *out) {
  for (int64_t i = 0; i < count[0] + count[1]; i++) {
    const sentences_piece *w = i < count[0] ? &word[0][i] : &word[1][i - count[0]];
    int64_t k = 0;
    for (; k < i; k++) {
      const sentences_piece *v = k < count[0] ? &word[0][k] : &word[1][k - count[0]];
      if (v->size == w->size && memcmp(v->text, w->text, (size_t)w->size) == 0) break;
    }
    out[i] = (int32_t)k;
  }
}

/* How often words[n] are among the first `count` words of a text. */
static int64_t occurrences(const int32_t *words, int64_t n, const int32_t *text, int64_t count) {
  int64_t found = 0;
  for (int64_t i = 0; i + n <= count; i++) found += memcmp(text + i, words, (size_t)n * sizeof *words) == 0;
  return found;
}

int bleu_add(bleu *b, const sentences_piece *answer, int64_t answers, const sentences_piece *reference,
             int64_t references) {
  int32_t *is = malloc((size_t)(answers + references + 1) * sizeof *is);
  if (is == NULL) return 0;
  const int32_t *must = is + answers;
  number((const sentences_piece *const[]){answer, reference}, (int64_t[]){answers, references}, is);
  for (int64_t n = 1; n <= BLEU_ORDERS; n++)
    for (int64_t i = 0; i + n <= answers; i++) {
      const int64_t earlier = occurrences(is + i, n, is, i + n - 1);
      b->all[n - 1]++;
      b->right[n - 1] += earlier < occurrences(is + i, n, must, references);
    }
  b->answers += answers;
  b->references += references;
  free(is);
  return 1;
}

double bleu_score(const bleu *b) {
  double sum = 0, smoothed = 1;
  for (int n = 0; n < BLEU_ORDERS; n++) {
    if (b->all[n] == 0) return 0; /* no answer has so many words */
    const double right = b->right[n] > 0 ? (double)b->right[n] : 1 / (smoothed *= 2);
    sum += log(right / (double)b->all[n]);
  }
  if (b->right[0] == 0) return 0;
  const double short_by = 1 - (double)b->references / (double)b->answers;
  return 100 * exp((short_by < 0 ? short_by : 0) + sum / BLEU_ORDERS);
}
