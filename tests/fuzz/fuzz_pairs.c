/* fuzz_pairs.c - dictionaries, translations and texts as tokens; the first byte says which. */
#include "host/cli/cli.h"
#include "host/data/bleu.h"
#include "host/data/edit_distance.h"
#include "host/data/pair_set.h"
#include "host/data/pronunciations.h"
#include "host/data/tokens.h"
#include "host/data/translations.h"
#include "tests/fuzz/fuzz.h"

/* A pair as numbers, by itself. */
static void use_pair(pair_set *s, int32_t i, const vocabulary *source, const vocabulary *target) {
  pair_batch b;
  if (!pair_set_batch(s, &i, 1, &b)) return;
  fuzz_require(b.words.source_len >= 1 && b.words.target_len == b.steps);
  for (int64_t k = 0; k < b.words.source_len; k++)
    fuzz_require(b.words.source[k] >= 0 && b.words.source[k] < source->size);
  for (int64_t t = 0; t < b.words.target_len; t++)
    fuzz_require(b.target[t] >= 0 && b.target[t] <= target->size &&
                 (b.target[t] == target->size) == (t == b.words.target_len - 1));
}

/* What was read can be counted, numbered, batched and measured. */
static void use(pair_set *s) {
  const pairs *p = &s->text;
  vocabulary source = {.unknown = -1}, target = {.unknown = -1};
  bleu score = {.answers = 0};
  fuzz_require(p->source.count == p->target.count);
  if (words_count(&p->source, 1, &source) == 0 && words_count(&p->target, 2, &target) == 0 &&
      pair_set_open(s, &source, &target, 1, 4, 1) == 0)
    for (int32_t i = 0; i < p->source.count; i++) {
      const int64_t n = pairs_length(&p->source, i), m = pairs_length(&p->target, i);
      fuzz_require(n > 0 && m > 0);
      use_pair(s, i, &source, &target);
      if (n + m < 200) /* its time grows with the square of these */
        bleu_add(&score, p->source.word + p->source.start[i], n, p->target.word + p->target.start[i], m);
    }
  fuzz_require(bleu_score(&score) >= 0 && bleu_score(&score) <= 100.000001);
  vocab_free(&source);
  vocab_free(&target);
}

/* Tokens of tokens are no fewer. */
static void use_tokens(text_file *text) {
  sentences once = SENTENCES_NONE, twice = SENTENCES_NONE;
  if (tokens_of_text("fuzz", text) != CLI_OK) return;
  char *copy = fuzz_copy((const uint8_t *)text->data, text->size);
  text_file again = {.data = copy, .size = text->size, .memory = copy};
  if (tokens_of_text("fuzz", &again) == CLI_OK &&
      sentences_add_words(&once, text->data, (int32_t)text->size) &&
      sentences_add_words(&twice, again.data, (int32_t)again.size))
    fuzz_require(once.words <= twice.words);
  text_free(&again);
  sentences_free(&once);
  sentences_free(&twice);
}

FUZZ_TARGET(pairs) {
  const unsigned kind = fuzz_byte(&data, &size) % 4;
  pair_set s = {.text = PAIRS_NONE};
  text_file text;
  int64_t left_out = 0;
  if (text_parse("fuzz", fuzz_copy(data, size), size, TOKEN_BYTES, &text) != 0) return 0;
  if (kind == 3) {
    use_tokens(&text);
    text_free(&text);
    return 0;
  }
  const int code = kind < 2 ? pronunciations_parse("fuzz", &text, (int)kind, &s.text)
                            : translations_parse("fuzz", &text, NULL, NULL, 9, &s.text, &left_out);
  if (code == CLI_OK) use(&s);
  pair_set_close(&s);
  return 0;
}
