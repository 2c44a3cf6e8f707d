/* labelled_set.c - see labelled_set.h. */
#include "host/data/labelled_set.h"

#include <math.h>
#include <stdlib.h>

#include "host/cli/cli.h"

static int number_labels(labelled_set *s, const vocabulary *labels, const char *path) {
  const sentences *t = &s->text;
  const int64_t most = t->words > t->labels ? t->words : t->labels;
  int64_t known = 0;
  s->label = malloc(((size_t)most + 1) * sizeof *s->label);
  if (s->label == NULL) return cli_error("out of memory");
  for (int64_t i = 0; i < most; i++) s->label[i] = -1;
  for (int64_t i = 0; i < t->labels; i++) {
    s->label[i] = vocab_find(labels, t->label[i].text, (size_t)t->label[i].size);
    known += s->label[i] >= 0;
  }
  if (known > 0 || t->labels == 0) return CLI_OK;
  return cli_error("%s: has none of the %d labels of the model, the first of which is %.*s", path,
                   (int)labels->size, (int)labels->tokens[0].length, labels->tokens[0].text);
}

int labelled_set_open(labelled_set *s, const vocabulary *words, const vocabulary *letters,
                      const vocabulary *labels, const char *path, int64_t batch, int64_t seed) {
  if (s->text.count == 0) return CLI_OK;
  CLI_TRY(word_set_create(&s->text, words, letters, &s->words));
  s->words.order = &s->order;
  CLI_TRY(number_labels(s, labels, path));
  return buckets_create(s->text.count, s->words.length, batch, seed, &s->order);
}

void labelled_set_close(labelled_set *s) {
  buckets_free(&s->order);
  word_set_free(&s->words);
  sentences_free(&s->text);
  free(s->label);
}

double labelled_set_entropy(const labelled_set *s, int32_t labels) {
  double sum = 0, all = 0, *counts = calloc((size_t)labels, sizeof *counts);
  if (counts == NULL) return (double)NAN;
  for (int64_t i = 0; i < s->text.labels; i++) {
    if (s->label[i] < 0) continue;
    counts[s->label[i]]++;
    all++;
  }
  for (int32_t k = 0; k < labels; k++)
    if (counts[k] > 0) sum -= counts[k] / all * log(counts[k] / all);
  free(counts);
  return sum;
}
