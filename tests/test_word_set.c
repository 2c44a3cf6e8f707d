/* test_word_set.c - sentences as numbers (host/data/word_set.h): words without regard to capitals, and how often
 * words are read as <unk>.  What else they are is in test_data.c.
 */
#include "host/data/word_set.h"
#include "tests/check.h"

/* Where capitals do not count they do not in vocabularies either, and letters stay as they are. */
static void check_small(void) {
  static const char lines[] = "The CAT \xC3\x89t\xC3\xA9\nthe cat \xC3\xA9t\xC3\xA9\nTHE\n";
  text_file file = text_of(lines);
  sentences s = SENTENCES_NONE;
  vocabulary words, letters;
  word_set set;
  seqgpu_tagger_batch b;
  static const int32_t all[] = {0, 1};
  if (sentences_parse_lines("t", &file, &s) != 0 || !sentences_look_up_small(&s) ||
      words_count(&s, 2, &words) != 0 || letters_count(&s, &letters) != 0 ||
      word_set_create(&s, &words, &letters, &set) != 0 || !word_set_batch(&set, all, 2, &b))
    exit(EXIT_FAILURE);
  CHECK(words.size == 4 && vocab_find(&words, "the", 3) == 1 && words.tokens[1].count == 3 &&
            vocab_find(&words, "\xC3\xA9t\xC3\xA9", 5) > 0 && vocab_find(&words, "The", 3) < 0,
        "a vocabulary in small letters");
  CHECK(set.unknown == 0 && b.word[0] == 1 && b.word[0] == b.word[1] && b.word[4] == b.word[5],
        "a word is the same with capitals");
  CHECK(set.spellings == 7 && b.spellings == 6 && vocab_find(&letters, "T", 1) >= 0, "its letters are not");
  vocab_free(&words);
  vocab_free(&letters);
  word_set_free(&set);
  sentences_free(&s);
}

/* How often the first two words of a set become <unk> in 2000 updates. */
static void count_dropped(word_set *s, word_drop drop, double *often, double *once) {
  static const int32_t first[] = {0};
  seqgpu_tagger_batch b;
  *often = *once = 0;
  for (drop.step = 0; drop.step < 2000; drop.step++) {
    if (!word_set_batch(s, first, 1, &b)) exit(EXIT_FAILURE);
    word_set_drop(s, &b, 0, drop);
    *often += b.word[0] == 0;
    *once += b.word[1] == 0;
  }
}

/* Three times "a", once "b": rare words are dropped more often, and none less than p says. */
static void check_rare(void) {
  static const struct {
    double p, rare, often, once;
  } rows[] = {{0, 1, 0.25, 0.5}, {0, 3, 0.5, 0.75}, {0.4, 1, 0.4, 0.5}, {0.4, 0, 0.4, 0.4}};
  text_file file = text_of("a b\na a\n");
  sentences s = SENTENCES_NONE;
  vocabulary words;
  word_set set;
  if (sentences_parse_lines("t", &file, &s) != 0 || words_count(&s, 1, &words) != 0 ||
      word_set_create(&s, &words, NULL, &set) != 0)
    exit(EXIT_FAILURE);
  for (size_t i = 0; i < COUNT(rows); i++) {
    double often, once;
    count_dropped(&set, (word_drop){.p = rows[i].p, .rare = rows[i].rare, .seed = 3}, &often, &once);
    CHECK(fabs(often / 2000 - rows[i].often) < 0.04 && fabs(once / 2000 - rows[i].once) < 0.04,
          "--rare-dropout %g: %g and %g of 2000", rows[i].rare, often, once);
  }
  vocab_free(&words);
  word_set_free(&set);
  sentences_free(&s);
}

int main(void) {
  check_start();
  check_small();
  check_rare();
  return check_finish();
}
