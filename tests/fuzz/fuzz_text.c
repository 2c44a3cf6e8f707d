/* fuzz_text.c - texts, compressed or not, in UTF-8, UTF-16 or neither, and their tokens; the first byte says
 * of which kind, the second how many words are kept. */
#include "host/cli/vocab.h"
#include "tests/fuzz/fuzz.h"

/* What was written is read as the same tokens. */
static void write_and_read(const vocabulary *v) {
  vocabulary again;
  char *line = vocab_write(v);
  fuzz_require(line != NULL && vocab_read(line, v->kind, &again) == 0);
  fuzz_require(again.size == v->size && again.kind == v->kind && again.unknown == v->unknown);
  for (int32_t i = 0; i < v->size; i++)
    fuzz_require(again.tokens[i].length == v->tokens[i].length &&
                 memcmp(again.tokens[i].text, v->tokens[i].text, v->tokens[i].length) == 0);
  vocab_free(&again);
  free(line);
}

/* The tokens of a text, one after the other, are the text. */
static void put_together(const vocabulary *v, const text_file *t, const int32_t *ids, int64_t count) {
  size_t at = 0;
  for (int64_t i = 0; i < count; i++) {
    const vocab_token *token = &v->tokens[ids[i]];
    fuzz_require(at + token->length <= t->size && memcmp(t->data + at, token->text, token->length) == 0);
    at += token->length;
    vocab_print(v, i > 0 ? ids[i - 1] : -1, ids[i], fuzz_sink());
  }
  fuzz_require(at == t->size);
}

static void number(const text_file *t, token_kind kind, int64_t limit) {
  vocabulary v;
  vocab_misses misses;
  int32_t *ids;
  int64_t count;
  if (vocab_build(t, "fuzz", kind, limit, &v) != 0) return;
  write_and_read(&v);
  fuzz_require(vocab_encode(&v, t, "fuzz", &ids, &count, &misses) == 0);
  fuzz_require(limit > 0 || misses.count == 0);
  if (misses.count == 0) put_together(&v, t, ids, count);
  const int64_t all = text_characters(t);
  fuzz_require(text_characters_of(t, v.kind, count) == all &&
               text_characters_of(t, v.kind, count / 2) <= all);
  free(ids);
  vocab_free(&v);
}

FUZZ_TARGET(text) {
  static const token_kind kinds[] = {TOKEN_BYTES, TOKEN_UTF8, TOKEN_WORDS, TOKEN_UTF8,
                                     TOKEN_WORDS, TOKEN_UTF8, TOKEN_WORDS, TOKEN_WORDS}; /* bytes take long */
  const token_kind kind = kinds[fuzz_byte(&data, &size) % 8];
  const int64_t limit = fuzz_byte(&data, &size) % 8;
  text_file t;
  if (text_parse("fuzz", fuzz_copy(data, size), size, kind, &t) == 0) number(&t, kind, limit);
  text_free(&t);
  return 0;
}
