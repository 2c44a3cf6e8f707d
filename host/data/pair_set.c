/* pair_set.c - see pair_set.h. */
#include "host/data/pair_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/data/grow.h"

static int has_targets(const pair_set *s) { return s->text.target.count > 0; }

int pair_set_open(pair_set *s, const vocabulary *source, const vocabulary *target, int backwards,
                  int64_t batch, int64_t seed) {
  const int64_t count = s->text.source.count;
  s->backwards = backwards;
  s->end = target->size;
  if (count == 0) return CLI_OK;
  CLI_TRY(word_set_create(&s->text.source, source, NULL, &s->source));
  if (has_targets(s)) CLI_TRY(word_set_create(&s->text.target, target, NULL, &s->target));
  s->length = malloc((size_t)count * sizeof *s->length);
  if (s->length == NULL) return cli_error("out of memory");
  for (int64_t i = 0; i < count; i++) {
    const int64_t length = (int64_t)s->source.length[i] + (has_targets(s) ? s->target.length[i] : 0);
    if (length > INT32_MAX) return cli_error("a pair is too long");
    s->length[i] = (int32_t)length;
  }
  return buckets_create(count, s->length, batch, seed, &s->order);
}

void pair_set_close(pair_set *s) {
  buckets_free(&s->order);
  word_set_free(&s->source);
  word_set_free(&s->target);
  pairs_free(&s->text);
  free(s->length);
  free(s->memory);
  *s = (pair_set){.text = PAIRS_NONE};
}

/* ---------------------------------------------------------------- batches */

/* Sources and their lengths. */
static void fill_sources(const pair_set *s, const int32_t *which, int64_t B, int32_t *lengths,
                         int32_t *source) {
  for (int64_t b = 0; b < B; b++) {
    const int32_t *word = s->source.word + s->text.source.start[which[b]];
    const int64_t n = lengths[b] = s->source.length[which[b]];
    for (int64_t i = 0; i < n; i++) source[i * B + b] = word[s->backwards ? n - 1 - i : i];
  }
}

static void fill_targets(const pair_set *s, const int32_t *which, int64_t B, int32_t *before,
                         int32_t *target) {
  for (int64_t b = 0; b < B; b++) {
    const int32_t *word = s->target.word + s->text.target.start[which[b]];
    const int64_t n = s->target.length[which[b]];
    for (int64_t t = 0; t < n; t++) before[(t + 1) * B + b] = target[t * B + b] = word[t];
    target[n * B + b] = s->end;
  }
}

int pair_set_batch(pair_set *s, const int32_t *which, int64_t count, pair_batch *out) {
  const buckets_part part = buckets_part_of(&s->order, which, count);
  const int64_t S = buckets_longest(&part, s->source.length),
                T = has_targets(s) ? buckets_longest(&part, s->target.length) + 1 : 0;
  const size_t elements = (size_t)((1 + S + 2 * T) * count);
  void *memory = s->memory;
  if (!grow(&memory, &s->room, elements, sizeof *s->memory)) return 0;
  s->memory = memset(memory, 0xff, elements * sizeof *s->memory);
  int32_t *lengths = s->memory, *source = lengths + count, *before = source + S * count,
          *target = before + T * count;
  *out = (pair_batch){.words = {.batch = count,
                                .source_len = S,
                                .source_lengths = lengths,
                                .source = source,
                                .target_len = T,
                                .before = before},
                      .target = target};
  fill_sources(s, which, count, lengths, source);
  if (T > 0) fill_targets(s, which, count, before, target);
  for (int64_t b = 0; T > 0 && b < count; b++) out->steps += s->target.length[which[b]] + 1;
  return 1;
}

/* ---------------------------------------------------------------- knowing nothing */

int64_t pair_set_steps(const pair_set *s) { return s->text.target.words + s->text.target.count; }

double pair_set_entropy(const pair_set *s) {
  const double all = (double)pair_set_steps(s);
  double sum = 0, *counts = calloc((size_t)s->end + 1, sizeof *counts);
  if (counts == NULL) return (double)NAN;
  for (int64_t i = 0; i < s->text.target.words; i++) counts[s->target.word[i]]++;
  counts[s->end] = (double)s->text.target.count;
  for (int32_t k = 0; k <= s->end; k++)
    if (counts[k] > 0) sum -= counts[k] * log(counts[k] / all);
  free(counts);
  return all > 0 ? sum / all : 0;
}
