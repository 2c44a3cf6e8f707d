/* test_pairs.c - what applications read that write a sequence for a sequence, and what they are measured by
 * (host/data): dictionaries and translations by many small texts, tokens and BLEU against what sacrebleu makes
 * (goldens/bleu.tsv), edit distance against all ways there are, batches of pairs by code of its own.
 */
#define _XOPEN_SOURCE 700

#include "host/data/bleu.h"
#include "host/data/edit_distance.h"
#include "host/data/pair_set.h"
#include "host/data/pronunciations.h"
#include "host/data/tokens.h"
#include "host/data/translations.h"
#include "tests/said.h"

static text_file text_for(const char *bytes) {
  const size_t size = strlen(bytes);
  text_file t;
  if (text_parse("t", said_copy(bytes, size), size, TOKEN_BYTES, &t) != 0) exit(EXIT_FAILURE);
  return t;
}

/* "a b = X Y | " for each pair. */
static void write_pairs(const pairs *p, char *out, size_t size) {
  size_t used = 0;
  *out = 0;
  for (int64_t i = 0; i < p->source.count; i++)
    for (int side = 0; side < 2; side++) {
      const sentences *s = side ? &p->target : &p->source;
      for (int64_t k = s->start[i]; k < s->start[i + 1]; k++)
        used += (size_t)snprintf(out + used, size - used, "%.*s ", (int)s->word[k].size, s->word[k].text);
      used += (size_t)snprintf(out + used, size - used, side ? "| " : "= ");
    }
}

/* ---------------------------------------------------------------- readers */

typedef struct text_row {
  const char *text, *other; /* other: of a second file */
  const char *pairs, *sentence;
} text_row;

static const text_row dictionary[] = {
    {"read R EH1 D\nread(2) R IY1 D\n", NULL, "r e a d = R EH D | r e a d = R IY D | ", NULL},
    {";;; # about\n\nTOOL'S  T UW1 L Z\r\n", NULL, "t o o l ' s = T UW L Z | ", NULL},
    {"aalen AE1 L AH0 N # place, german\n a# B", NULL, "a a l e n = AE L AH N | a # = B | ", NULL},
    {"\xC3\xA9t\tE T 1\n", NULL, "\xC3\xA9 t = E T 1 | ", NULL},
    {"(2) A\na() B\n) C\n(a) D\na(2 E\n", NULL, "( 2 ) = A | a ( ) = B | ) = C | ( a ) = D | a ( 2 = E | ",
     NULL},
    {"123) A\na2) B\n", NULL, "1 2 3 ) = A | a 2 ) = B | ", NULL}, /* numbers in no brackets */
    {"a A\nb\n", NULL, "", "t: line 2: \"b\" has no phonemes; they must stand behind the word"},
    {"a # A\n", NULL, "", "t: line 1: \"a\" has no phonemes; they must stand behind the word"},
    {";;; a\n", NULL, "", "t: has no word; it must have at least one"},
    {"a \xff\n", NULL, "", "t: line 1, byte 2: is no character; it must be UTF-8 text"},
};

static const text_row translated[] = {
    {"a b\tX\nc\tY Z\tno more\r\n", NULL, "a b = X | c = Y Z | ", NULL},
    {"a b\nc\n", "X\nY Z\n", "a b = X | c = Y Z | ", NULL},
    {"a b c d e f\tX\nc\tY\n", NULL, "c = Y | ", NULL}, /* more than five */
    {"a\nb\n", "X\n1 2 3 4 5 6", "a = X | ", NULL},
    {"a\tX\nb Y\n", NULL, "", "t: line 2 has no tab; it must stand between a sentence and its translation"},
    {"a\t\n", NULL, "", "t: line 1 has no words; it must have a sentence"},
    {"a\n\n", "X\nY\n", "", "t: line 2 has no words; it must have a sentence"},
    {"a\nb\n", "X\n \n", "", "u: line 2 has no words; it must have a sentence"},
    {"a\nb\n", "X\n", "", "u: has no line 2, but t has; each must be the translation of the other"},
    {"a\n", "X\nY", "", "t: has no line 2, but u has; each must be the translation of the other"},
    {"a\n", "\xC3\n", "", "u: line 1, byte 0: is no character; it must be UTF-8 text"},
};

static void check_rows(const char *what, const text_row *rows, size_t count, int translates) {
  for (size_t i = 0; i < count; i++) {
    const text_row *r = &rows[i];
    pairs p = PAIRS_NONE;
    text_file text = text_for(r->text), other = {.data = NULL};
    char got[400] = "";
    int64_t left_out = 0;
    if (r->other) other = text_for(r->other);
    said_listen();
    const int code = translates
                         ? translations_parse("t", &text, "u", r->other ? &other : NULL, 5, &p, &left_out)
                         : pronunciations_parse("t", &text, 0, &p);
    const int ok = said_answer(code, r->sentence);
    if (code == 0) write_pairs(&p, got, sizeof got);
    check_record(ok && strcmp(got, r->pairs) == 0, code ? said : got, "%s, row %zu", what, i);
    pairs_free(&p);
  }
}

static void check_stress(void) {
  pairs p = PAIRS_NONE;
  text_file text = text_for("read R EH1 D\n");
  char got[100];
  CHECK(pronunciations_parse("t", &text, 1, &p) == 0, "phonemes that keep their stress");
  write_pairs(&p, got, sizeof got);
  check_record(strcmp(got, "r e a d = R EH1 D | ") == 0, got, "their digits");
  pairs_free(&p);
}

/* ---------------------------------------------------------------- goldens */

static const char *columns_of(char *line, char *column[4]) {
  int n = 0;
  for (char *at = line; n < 4; n++) {
    column[n] = at ? at : line + strlen(line);
    if (at && (at = strchr(at, '\t')) != NULL) *at++ = 0;
  }
  return column[0];
}

/* Words of tokens, which stay in *text. */
static sentences words_of(const char *line, text_file *text) {
  sentences s = SENTENCES_NONE;
  *text = text_for(line);
  if (tokens_of_text("t", text) != 0 || !sentences_add_words(&s, text->data, (int32_t)text->size))
    exit(EXIT_FAILURE);
  return s;
}

static void check_tokens(const char *line, const char *wanted) {
  text_file text;
  sentences s = words_of(line, &text);
  char got[400] = "";
  for (int64_t i = 0; i < s.words; i++) {
    const size_t used = strlen(got);
    snprintf(got + used, sizeof got - used, "%s%.*s", i ? " " : "", (int)s.word[i].size, s.word[i].text);
  }
  check_record(strcmp(got, wanted) == 0, got, "tokens of %s", line);
  sentences_free(&s);
  text_free(&text);
}

/* Capital letters of two bytes, and what lies between them. */
static void check_capitals(void) {
  check_tokens("\xC3\x80\xC3\x97\xC3\x9E\xC3\x9F", "\xC3\xA0\xC3\x97\xC3\xBE\xC3\x9F");
  check_tokens("\xC5\xB8\xC4\xB0\xC4\xB9", "\xC3\xBF\xC4\xB0\xC4\xBA");
  check_tokens("\xCE\xA9\xCE\xA2\xCE\xA3", "\xCF\x89\xCE\xA2\xCF\x83");
  check_tokens("\xD0\x90\xD0\xAF\xD0\x81\xD0\xB0", "\xD0\xB0\xD1\x8F\xD1\x91\xD0\xB0");
  text_file none = {.data = NULL};
  CHECK(tokens_of_text("t", &none) == 0 && none.size == 0, "tokens of nothing");
  text_free(&none);
}

static void add_pair(bleu *b, const char *answer, const char *reference) {
  text_file one, two;
  sentences is = words_of(answer, &one), must = words_of(reference, &two);
  CHECK(bleu_add(b, is.word, is.words, must.word, must.words), "an answer is counted");
  sentences_free(&is);
  sentences_free(&must);
  text_free(&one);
  text_free(&two);
}

static void check_goldens(void) {
  FILE *from = fopen("goldens/bleu.tsv", "r");
  char line[1000], *column[4];
  bleu b = {{0}, {0}, 0, 0};
  int scores = 0;
  while (from && fgets(line, sizeof line, from)) {
    line[strcspn(line, "\n")] = 0;
    const char *kind = columns_of(line, column);
    if (strcmp(kind, "tokens") == 0) check_tokens(column[1], column[2]);
    if (strcmp(kind, "pair") == 0) add_pair(&b, column[2], column[3]);
    if (strcmp(kind, "bleu") != 0) continue;
    check_error(fabs(bleu_score(&b) - strtod(column[2], NULL)), 1e-8, "BLEU of corpus %s", column[1]);
    b = (bleu){{0}, {0}, 0, 0};
    scores++;
  }
  CHECK(scores == 8, "goldens/bleu.tsv is there");
  if (from) fclose(from);
}

/* ---------------------------------------------------------------- edit distance */

/* By the definition, all ways tried. */
static int64_t plain_distance(const int32_t *a, int64_t n, const int32_t *b, int64_t m) {
  if (n == 0 || m == 0) return n + m;
  const int64_t changed = (a[0] != b[0]) + plain_distance(a + 1, n - 1, b + 1, m - 1),
                out = 1 + plain_distance(a + 1, n - 1, b, m), in = 1 + plain_distance(a, n, b + 1, m - 1);
  return changed < out ? (changed < in ? changed : in) : out < in ? out : in;
}

static void check_distances(void) {
  int ok = 1;
  for (int i = 0; i < 300; i++) {
    int32_t a[6], b[6];
    int64_t row[7];
    const int64_t n = (int64_t)check_below(7), m = (int64_t)check_below(7);
    for (int k = 0; k < 6; k++) a[k] = (int32_t)check_below(3), b[k] = (int32_t)check_below(3);
    ok &= edit_distance(a, n, b, m, row) == plain_distance(a, n, b, m);
  }
  CHECK(ok, "the edit distance is the least of all ways");
  static const int32_t kitten[] = {'k', 'i', 't', 't', 'e', 'n'},
                       sitting[] = {'s', 'i', 't', 't', 'i', 'n', 'g'};
  int64_t row[8];
  CHECK(edit_distance(kitten, 6, sitting, 7, row) == 3, "edit distance, kitten to sitting");
}

/* ---------------------------------------------------------------- batches */

static const char dictionary_text[] = "ab X Y Z\nb X\ncab Z Z\nb(2) Y\n";

static void check_batch(pair_set *s, const int32_t *which, int64_t B) {
  pair_batch b;
  int ok = pair_set_batch(s, which, B, &b) && b.words.batch == B;
  int64_t steps = 0;
  for (int64_t i = 0; ok && i < B; i++) {
    const int64_t n = s->source.length[which[i]], m = s->target.length[which[i]];
    const int32_t *from = s->source.word + s->text.source.start[which[i]],
                  *to = s->target.word + s->text.target.start[which[i]];
    ok &= b.words.source_lengths[i] == n;
    for (int64_t k = 0; k < b.words.source_len; k++)
      ok &= b.words.source[k * B + i] == (k >= n ? -1 : from[s->backwards ? n - 1 - k : k]);
    for (int64_t t = 0; t < b.words.target_len; t++) {
      ok &= b.target[t * B + i] == (t > m ? -1 : t == m ? s->end : to[t]);
      ok &= b.words.before[t * B + i] == (t == 0 || t > m ? -1 : to[t - 1]);
    }
    steps += m + 1;
  }
  CHECK(ok && b.steps == steps, "a batch of %d pairs%s", (int)B, s->backwards ? ", read backwards" : "");
}

static void check_set(int backwards) {
  static const int32_t all[] = {2, 0, 3, 1}, one[] = {1};
  pair_set s = {.text = PAIRS_NONE};
  vocabulary letters, phonemes;
  text_file text = text_for(dictionary_text);
  if (pronunciations_parse("t", &text, 0, &s.text) != 0 || words_count(&s.text.source, 1, &letters) != 0 ||
      words_count(&s.text.target, 2, &phonemes) != 0)
    exit(EXIT_FAILURE);
  CHECK(letters.size == 4 && phonemes.size == 4 && letters.unknown == 0, "vocabularies, <unk> first");
  CHECK(pair_set_open(&s, &letters, &phonemes, backwards, 3, 1) == 0 && s.order.batches == 2 && s.end == 4,
        "a set of pairs");
  CHECK(s.length[0] == 5 && s.length[1] == 2 && pair_set_steps(&s) == 11, "their lengths");
  const double p[] = {2 / 11., 2 / 11., 3 / 11., 4 / 11.};
  double entropy = 0;
  for (int k = 0; k < 4; k++) entropy -= p[k] * log(p[k]);
  check_error(fabs(pair_set_entropy(&s) - entropy), 1e-12, "the entropy of phonemes and ends");
  check_batch(&s, all, 4);
  check_batch(&s, one, 1);
  vocab_free(&letters);
  vocab_free(&phonemes);
  pair_set_close(&s);
}

/* Sources alone, some of them empty. */
static void check_sources(void) {
  static const int32_t which[] = {2, 0};
  pair_set s = {.text = PAIRS_NONE};
  vocabulary words;
  text_file text = text_for("a b\n\nb\n");
  pair_batch b;
  if (sentences_parse_lines("t", &text, &s.text.source) != 0 || words_count(&s.text.source, 1, &words) != 0)
    exit(EXIT_FAILURE);
  CHECK(pair_set_open(&s, &words, &words, 0, 8, 1) == 0 && s.length[1] == 0, "sources alone");
  CHECK(pair_set_batch(&s, which, 2, &b) && b.words.target_len == 0 && b.steps == 0 &&
            b.words.source_len == 2 && b.words.source[0] == b.words.source[3] && b.words.source[2] == -1,
        "a batch of them");
  vocab_free(&words);
  pair_set_close(&s);
}

/* Without targets nothing is known of them; a pair may not be longer than a number says. */
static void check_no_targets(void) {
  int64_t start[] = {0, INT32_MAX};
  pair_set s = {.text = PAIRS_NONE};
  vocabulary words = {.unknown = 0};
  CHECK(pair_set_open(&s, &words, &words, 0, 1, 1) == 0 && pair_set_steps(&s) == 0, "no pairs");
  CHECK(pair_set_entropy(&s) == 0, "and no entropy");
  s.text.source.count = s.text.target.count = 1;
  s.text.source.start = s.text.target.start = start;
  said_listen();
  CHECK(said_answer(pair_set_open(&s, &words, &words, 0, 1, 1), "a pair is too long"),
        "a pair of 2^32 words");
  s.text.source.start = s.text.target.start = NULL; /* no memory of malloc */
  pair_set_close(&s);
}

int main(void) {
  check_start();
  check_rows("dictionary", dictionary, COUNT(dictionary), 0);
  check_rows("translations", translated, COUNT(translated), 1);
  check_stress();
  check_goldens();
  check_capitals();
  check_distances();
  check_set(0);
  check_set(1);
  check_sources();
  check_no_targets();
  return check_finish();
}
