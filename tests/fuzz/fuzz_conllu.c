/* fuzz_conllu.c - CoNLL-U files, lines of words, and labelled lines; the first byte says which, and whether words
 * are also looked up in small letters. */
#include "host/cli/cli.h"
#include "host/data/conllu.h"
#include "host/data/labelled_lines.h"
#include "host/data/word_set.h"
#include "tests/fuzz/fuzz.h"

/* What was read can be counted, numbered and batched. */
static void use(const sentences *s) {
  vocabulary words = {.unknown = -1}, letters = {.unknown = -1};
  word_set set = {.text = NULL};
  fuzz_require(s->count == 0 || (s->start[0] == 0 && s->start[s->count] == s->words));
  if (words_count(s, 2, &words) == 0 && letters_count(s, &letters) == 0 &&
      word_set_create(s, &words, &letters, &set) == 0)
    for (int32_t i = 0; i < s->count; i++) {
      seqgpu_tagger_batch b;
      if (set.length[i] == 0 || !word_set_batch(&set, &i, 1, &b)) continue;
      for (int64_t t = 0; t < b.seq_len; t++)
        fuzz_require(b.word[t] >= 0 && b.word[t] < words.size && b.spelling[t] >= 0 &&
                     b.spelling[t] < b.spellings);
      for (int64_t n = 0; n < b.spellings; n++)
        fuzz_require(b.letter_lengths[n] >= 1 && b.letter_lengths[n] <= b.longest &&
                     b.longest <= WORD_LETTERS);
    }
  word_set_free(&set);
  vocab_free(&words);
  vocab_free(&letters);
}

FUZZ_TARGET(conllu) {
  static int (*const readers[])(const char *path, text_file *text,
                                sentences *out) = {sentences_parse_lines, conllu_parse, labelled_lines_parse};
  const unsigned first = fuzz_byte(&data, &size), kind = first % 3;
  sentences s = SENTENCES_NONE;
  text_file text;
  if (text_parse("fuzz", fuzz_copy(data, size), size, TOKEN_BYTES, &text) == 0 &&
      readers[kind]("fuzz", &text, &s) == CLI_OK) {
    fuzz_require(s.labels == (kind == 0 ? 0 : kind == 1 ? s.words : s.count));
    use(&s);
    if (first / 3 % 2 && sentences_look_up_small(&s)) use(&s);
  }
  sentences_free(&s);
  return 0;
}
