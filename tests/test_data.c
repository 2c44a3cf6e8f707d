/* test_data.c - what applications read and how they batch it (host/data): CoNLL-U and lines of words by many
 * small texts, numbers of words and letters by code of its own, batches that are every sentence once, images
 * that move as they should.
 */
#define _DEFAULT_SOURCE

#include "host/data/buckets.h"
#include "host/data/clip_set.h"
#include "host/data/conllu.h"
#include "host/data/labelled_lines.h"
#include "host/data/labelled_set.h"
#include "host/data/shuffle.h"
#include "host/data/word_set.h"
#include "tests/said.h"

#include <sys/mman.h>

/* ---------------------------------------------------------------- texts */

typedef struct text_row {
  const char *text;
  const char *words; /* with their labels, a bar after each sentence */
  const char *sentence;
} text_row;

#define REST       "\t_\t_\t_\t_\t_\t_"
#define W(n, w, t) n "\t" w "\tl\t" t REST "\n"
#define NUMBER     ", the number of the next word, or a range from there"
static const text_row conllu_rows[] = {
    {"# text = a b\n" W("1", "a", "X") W("2", "b", "Y") "\n" W("1", "c", "X") "\n", "a/X b/Y | c/X | ", NULL},
    {W("1", "a", "X"), "a/X | ", NULL}, /* no empty line at the end */
    {"1\ta\tl\tX" REST, "a/X | ", NULL},
    {"\xEF\xBB\xBF" W("1", "a", "X"), "a/X | ", NULL},
    {"1\ta b\t_\tX" REST "\r\n\r\n" W("1", "#", "Y"), "a b/X | #/Y | ", NULL},
    {W("1-2", "ab", "_") W("1", "a", "X") W("2", "b", "Y") W("2.1", "e", "_"), "a/X b/Y | ", NULL},
    {W("0.1", "e", "_") W("1", "a", "X"), "a/X | ", NULL},
    {"\n\n" W("1", "\xC3\xA9", "X") "\n\n# end\n", "\xC3\xA9/X | ", NULL},
    {"\n", "", "t: has no sentence; it must have at least one"},
    {"# nothing\n", "", "t: has no sentence; it must have at least one"},
    {"1\ta\tl\tX\n", "", "t: line 1 has 4 columns; a word has 10, with tabs between them"},
    {"1 a l X _ _ _ _ _ _\n", "", "t: line 1 has 1 columns; a word has 10, with tabs between them"},
    {"1\ta\tl\tX" REST "\t_\n", "",
     "t: line 1 has more than 10 columns; a word has 10, with tabs between them"},
    {W("2", "a", "X"), "", "t: line 1: \"2\" must be 1" NUMBER},
    {W("1", "a", "X") W("1", "b", "X"), "", "t: line 2: \"1\" must be 2" NUMBER},
    {W("1", "a", "X") W("3", "b", "X"), "", "t: line 2: \"3\" must be 2" NUMBER},
    {W("0", "a", "X"), "", "t: line 1: \"0\" must be 1" NUMBER},
    {W("-1", "a", "X"), "", "t: line 1: \"-1\" must be 1" NUMBER},
    {W("1x", "a", "X"), "", "t: line 1: \"1x\" must be 1" NUMBER},
    {W("1-1", "a", "X"), "", "t: line 1: \"1-1\" must be 1" NUMBER},
    {W("2-3", "a", "X"), "", "t: line 1: \"2-3\" must be 1" NUMBER},
    {W("1-", "a", "X"), "", "t: line 1: \"1-\" must be 1" NUMBER},
    {W("1.1", "a", "X"), "", "t: line 1: \"1.1\" must be 1" NUMBER},
    {W("0.0", "a", "X"), "", "t: line 1: \"0.0\" must be 1" NUMBER},
    {W("9999999999999999999999999", "a", "X"), "",
     "t: line 1: \"999999999999999999999999\" must be 1" NUMBER},
    {W("1", "", "X"), "", "t: line 1: the word in column 2 is empty"},
    {W("1", "a", ""), "", "t: line 1: \"\" in column 4 must be the tag of the word"},
    {W("1", "a", "_"), "", "t: line 1: \"_\" in column 4 must be the tag of the word"},
    {W("1", "a", "X") "# late\n", "", "t: line 2: a comment must stand before the words of its sentence"},
    {"# \xff\n" W("1", "a", "X"), "", "t: line 1, byte 2: is no character; it must be UTF-8 text"},
    {W("1", "\xC3", "X"), "", "t: line 1, byte 2: is no character; it must be UTF-8 text"},
};

static void write_words(const sentences *s, char *out, size_t size) {
  size_t used = 0;
  for (int64_t i = 0; i < s->count; i++) {
    for (int64_t k = s->start[i]; k < s->start[i + 1]; k++) {
      const sentences_piece w = s->word[k], l = s->labels > k ? s->label[k] : (sentences_piece){"", 0};
      used += (size_t)snprintf(out + used, size - used, "%.*s%s%.*s ", (int)w.size, w.text,
                               s->labels ? "/" : "", (int)l.size, l.text);
    }
    used += (size_t)snprintf(out + used, size - used, "| ");
  }
}

static void check_conllu(void) {
  for (size_t i = 0; i < COUNT(conllu_rows); i++) {
    const text_row *r = &conllu_rows[i];
    const size_t size = strlen(r->text);
    sentences s = SENTENCES_NONE;
    text_file text;
    char words[200] = "";
    if (text_parse("t", said_copy(r->text, size), size, TOKEN_BYTES, &text) != 0) exit(EXIT_FAILURE);
    said_listen();
    const int code = conllu_parse("t", &text, &s);
    const int ok = said_answer(code, r->sentence);
    if (code == 0) write_words(&s, words, sizeof words);
    check_record(ok && strcmp(words, r->words) == 0, code ? said : words, "CoNLL-U, row %zu", i);
    sentences_free(&s);
  }
}

static const char *write_sample(const char *bytes, size_t size) {
  static char path[64];
  snprintf(path, sizeof path, "/tmp/seqgpu-data-%ld", (long)getpid());
  FILE *to = fopen(path, "wb");
  if (to == NULL || fwrite(bytes, 1, size, to) != size || fclose(to) != 0) exit(EXIT_FAILURE);
  return path;
}

static const struct {
  const char *text;
  size_t size;
  const char *words, *sentence;
} line_rows[] = {
    {SAID_BYTES("a b\n\n c\t\n"), "a b | | c | ", NULL},
    {SAID_BYTES("a\r\nb"), "a | b | ", NULL},
    {SAID_BYTES(" \n"), "| ", NULL},
    {SAID_BYTES("a\nb\0c\n"), "", "line 2, byte 1: is zero; it must be UTF-8 text"},
    {SAID_BYTES("a\xC3\n"), "", "line 1, byte 1: is no character; it must be UTF-8 text"},
    {SAID_BYTES(""), "", "is empty; it must have some text"},
};

static const text_row labelled_rows[] = {
    {"good a b\nbad  c\n", "a b | c | ", NULL},
    {"1 1\r\n2\tx", "1 | x | ", NULL},
    {"good\n", "", "t: line 1 has a label alone; it must have a label and at least one word"},
    {"good a\n \n", "", "t: line 2 has nothing; it must have a label and at least one word"},
    {"good \xff\n", "", "t: line 1, byte 5: is no character; it must be UTF-8 text"},
};

static void check_labelled(void) {
  for (size_t i = 0; i < COUNT(labelled_rows); i++) {
    const text_row *r = &labelled_rows[i];
    const size_t size = strlen(r->text);
    sentences s = SENTENCES_NONE;
    text_file text;
    char words[100] = "";
    if (text_parse("t", said_copy(r->text, size), size, TOKEN_BYTES, &text) != 0) exit(EXIT_FAILURE);
    said_listen();
    const int code = labelled_lines_parse("t", &text, &s);
    const int ok = said_answer(code, r->sentence) && (code != 0 || s.labels == s.count);
    s.labels = 0; /* they are not those of words */
    if (code == 0) write_words(&s, words, sizeof words);
    check_record(ok && strcmp(words, r->words) == 0, code ? said : words, "labelled lines, row %zu", i);
    sentences_free(&s);
  }
}

/* A set numbers its labels, and says how well one does without looking. */
static void check_set(void) {
  static const char lines[] = "a x y\nb x\na z\na x y z\n";
  const size_t size = sizeof lines - 1;
  labelled_set set = {.text = SENTENCES_NONE};
  vocabulary words, labels;
  text_file file;
  if (text_parse("t", said_copy(lines, size), size, TOKEN_BYTES, &file) != 0 ||
      labelled_lines_parse("t", &file, &set.text) != 0 || words_count(&set.text, 2, &words) != 0 ||
      labels_count(&set.text, &labels) != 0)
    exit(EXIT_FAILURE);
  CHECK(labelled_set_open(&set, &words, NULL, &labels, "t", 2, 1) == 0, "a set without letters");
  CHECK(set.label[0] == 0 && set.label[1] == 1 && set.label[2] == 0 && set.label[3] == 0, "its labels");
  const double p = 0.75, entropy = -(p * log(p) + (1 - p) * log(1 - p));
  CHECK(fabs(labelled_set_entropy(&set, labels.size) - entropy) < 1e-12, "its entropy");
  seqgpu_tagger_batch b;
  static const int32_t which[] = {3, 1};
  CHECK(word_set_batch(&set.words, which, 2, &b) && b.seq_len == 3 && b.word[0] == b.word[1] &&
            b.word[3] == -1 && b.spellings == 0,
        "a batch of words alone");
  word_set_drop(&set.words, &b, 0, (word_drop){.p = 1, .seed = 1, .step = 7});
  CHECK(b.word[0] == 0 && b.word[1] == 0 && b.word[3] == -1, "all words are dropped, and no padding");
  vocab_free(&words);
  vocab_free(&labels);
  labelled_set_close(&set);
}

static void check_lines(void) {
  for (size_t i = 0; i < COUNT(line_rows); i++) {
    const char *path = write_sample(line_rows[i].text, line_rows[i].size);
    sentences s = SENTENCES_NONE;
    char words[100] = "", sentence[200];
    snprintf(sentence, sizeof sentence, "%s: %s", path, line_rows[i].sentence ? line_rows[i].sentence : "");
    said_listen();
    const int code = sentences_read_lines(path, &s);
    const int ok = said_answer(code, line_rows[i].sentence ? sentence : NULL);
    if (code == 0) write_words(&s, words, sizeof words);
    check_record(ok && strcmp(words, line_rows[i].words) == 0, code ? said : words, "lines of words, row %zu",
                 i);
    sentences_free(&s);
    remove(path);
  }
}

/* No line is longer than an int32_t can say: what is more is the next one.  The memory is never written. */
static void check_longest_line(void) {
  const size_t size = (size_t)INT32_MAX + 3;
  const char *all = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
             *at = all, *line;
  int32_t one = 0, two = 0;
  if (all == MAP_FAILED) {
    check_skip("no room for it", "a line of 2^31 bytes");
    return;
  }
  const int found = sentences_line(&at, all + size, &line, &one) && line == all &&
                    sentences_line(&at, all + size, &line, &two) && line == all + INT32_MAX;
  CHECK(found && one == INT32_MAX && two == 3 && !sentences_line(&at, all + size, &line, &two),
        "a line of 2^31 bytes is two");
  munmap((void *)all, size);
}

/* ---------------------------------------------------------------- numbers */

static const char text[] = W("1", "the", "D") W("2", "cat", "N")
    W("3", "the", "D") "\n" W("1", "\xC3\xA9t", "V") "\n" W("1", "abcdefghijklmnopqrstuvwxyz0123456789", "N")
        W("2", "the", "D") W("3", "cat", "N") W("4", "hat", "N") "\n";

static void read_text(sentences *s) {
  text_file file;
  if (text_parse("t", said_copy(text, sizeof text - 1), sizeof text - 1, TOKEN_BYTES, &file) != 0 ||
      conllu_parse("t", &file, s) != 0)
    exit(EXIT_FAILURE);
}

/* The tokens of a vocabulary with their counts. */
static int is_vocabulary(const vocabulary *v, const char *wanted) {
  char out[400] = "";
  for (int32_t i = 0; i < v->size; i++) {
    const size_t used = strlen(out);
    snprintf(out + used, sizeof out - used, "%.*s %lld ", (int)v->tokens[i].length, v->tokens[i].text,
             (long long)v->tokens[i].count);
  }
  return check_record(strcmp(out, wanted) == 0, out, "a vocabulary is %s", wanted);
}

/* Every number of a batch, looked up by hand. */
static void check_batch(const word_set *s, const vocabulary *words, const vocabulary *letters,
                        const seqgpu_tagger_batch *b, const int32_t *which) {
  int ok = 1;
  for (int64_t i = 0; i < b->batch; i++)
    for (int64_t t = 0; t < b->seq_len; t++) {
      const int64_t r = t * b->batch + i, k = s->text->start[which[i]] + t;
      const int inside = k < s->text->start[which[i] + 1];
      ok &= inside == (t < b->lengths[i]);
      if (!inside) {
        ok &= b->word[r] == -1 && b->spelling[r] == -1;
        continue;
      }
      const sentences_piece w = s->text->word[k];
      const int32_t known = vocab_find(words, w.text, (size_t)w.size), n = b->spelling[r];
      ok &= b->word[r] == (known < 0 ? 0 : known) && n >= 0 && n < b->spellings;
      int64_t c = 0;
      for (int32_t at = 0; at < w.size; c++) {
        const int32_t size = (unsigned char)w.text[at] < 0x80 ? 1 : 2;
        const int skipped = w.size > 32 && c >= 16 && c < w.size - 16;
        const int64_t row = w.size > 32 && c >= 16 ? c - (w.size - 32) : c;
        if (!skipped)
          ok &= b->letter[row * b->spellings + n] == vocab_find(letters, w.text + at, (size_t)size);
        at += size;
      }
      ok &= b->letter_lengths[n] == (c > 32 ? 32 : c) && b->letter_lengths[n] <= b->longest;
    }
  CHECK(ok, "a batch of %d sentences", (int)b->batch);
}

static void check_numbers(void) {
  sentences s = SENTENCES_NONE;
  vocabulary words, letters, labels, few;
  word_set set;
  seqgpu_tagger_batch b;
  read_text(&s);
  if (!CHECK(words_count(&s, 2, &words) == 0 && letters_count(&s, &letters) == 0 &&
                 labels_count(&s, &labels) == 0,
             "vocabularies are counted"))
    return;
  is_vocabulary(&words, "<unk> 1 the 3 cat 2 ");
  is_vocabulary(&labels, "N 4 D 3 V 1 ");
  CHECK(vocab_find(&letters, "\xC3\xA9", 2) >= 0 && vocab_find(&letters, "\xC3", 1) < 0,
        "letters are characters");
  CHECK(words_count(&s, 9, &few) == 0 && few.size == 1 && few.unknown == 0, "all words are rare");
  if (!CHECK(word_set_create(&s, &words, &letters, &set) == 0, "a set of sentences")) return;
  CHECK(set.longest == 4 && set.letters == 32 && set.spellings == 5 && set.unknown == 3,
        "its sizes: %d words, %d letters, %d different, %d unknown", (int)set.longest, (int)set.letters,
        (int)set.spellings, (int)set.unknown);
  static const int32_t all[] = {2, 0, 1}, one[] = {1}, again[] = {0, 0};
  if (CHECK(word_set_batch(&set, all, 3, &b) && b.batch == 3 && b.spellings == 5 && b.seq_len == 4,
            "different words stand once"))
    check_batch(&set, &words, &letters, &b, all);
  if (CHECK(word_set_batch(&set, one, 1, &b) && b.batch == 1 && b.spellings == 1 && b.longest == 2,
            "a small batch after a large one"))
    check_batch(&set, &words, &letters, &b, one);
  if (CHECK(word_set_batch(&set, again, 2, &b) && b.batch == 2 && b.spellings == 2, "a sentence twice"))
    check_batch(&set, &words, &letters, &b, again);
  word_set_free(&set);
  vocab_free(&words);
  vocab_free(&letters);
  vocab_free(&labels);
  vocab_free(&few);
  sentences_free(&s);
}

/* A model's labels are those that it has learnt, and can all be shown. */
static void check_labels(void) {
  labelled_set set = {.text = SENTENCES_NONE};
  vocabulary words, labels, other;
  text_file file = text_of("a x\nb x\nc x\n"), learnt = text_of("a x\nb x\nd x\n"),
            strange = text_of("good\x1b[2J x\n"), longer = text_of("abcdefghijklmnopqrstuvwxyz\xC2\x9b x\n");
  sentences l = SENTENCES_NONE, s = SENTENCES_NONE, t = SENTENCES_NONE;
  if (labelled_lines_parse("t", &file, &set.text) != 0 || labelled_lines_parse("t", &learnt, &l) != 0 ||
      words_count(&set.text, 1, &words) != 0 || labels_count(&l, &labels) != 0 ||
      labelled_lines_parse("t", &strange, &s) != 0 || labelled_lines_parse("t", &longer, &t) != 0)
    exit(EXIT_FAILURE);
  CHECK(labelled_set_open(&set, &words, NULL, &labels, "t", 2, 1) == 0 &&
            set.label[0] == vocab_find(&labels, "a", 1) && set.label[1] >= 0 && set.label[2] == -1,
        "a label that is not learnt");
  CHECK(fabs(labelled_set_entropy(&set, labels.size) - log(2)) < 1e-12,
        "is not counted, nor is one that does not come");
  said_listen();
  CHECK(said_answer(labels_count(&s, &other), "labels: \"good?[2J\" has a character that cannot be shown"),
        "a label that cannot be shown");
  vocab_free(&other);
  said_listen();
  CHECK(said_answer(labels_count(&t, &other),
                    "labels: \"abcdefghijklmnopqrstuvwx\" has a character that cannot be shown"),
        "nor can a longer one");
  vocab_free(&other);
  vocab_free(&words);
  vocab_free(&labels);
  sentences_free(&l);
  sentences_free(&s);
  sentences_free(&t);
  labelled_set_close(&set);
}

/* More words than the numbers of a set can tell apart. */
static void check_too_many(void) {
  const sentences s = {.words = (int64_t)INT32_MAX + 1};
  const vocabulary none = {.unknown = 0};
  word_set set;
  said_listen();
  CHECK(said_answer(word_set_create(&s, &none, NULL, &set),
                    "2147483648 words are more than 2147483647, the most that there may be"),
        "too many words");
  word_set_free(&set);
}

/* ---------------------------------------------------------------- batches */

enum { MOST = 1300 };

/* An epoch has every sequence once; its batches are as large as they can be, and their lengths near. */
static void check_epoch(buckets *b, int64_t epoch) {
  char seen[MOST] = {0};
  int ok = 1, small = 0;
  double padding = 0, steps = 0;
  for (int64_t i = 0; i < b->batches; i++) {
    int64_t count;
    const int32_t *which = buckets_batch(b, epoch * b->batches + i, &count);
    small += count < b->batch;
    for (int64_t k = 0; k < count; k++) {
      ok &= !seen[which[k]] && (k == 0 || b->length[which[k]] <= b->length[which[k - 1]]);
      seen[which[k]] = 1;
      steps += b->length[which[k]];
      padding += b->length[which[0]] - b->length[which[k]];
    }
  }
  for (int64_t i = 0; i < b->count; i++) ok &= seen[i];
  CHECK(ok && small == (b->count % b->batch != 0), "epoch %d of %d sequences in batches of %d", (int)epoch,
        (int)b->count, (int)b->batch);
  CHECK(b->count < 1000 || padding < 0.1 * steps, "little is padding: %.0f of %.0f", padding, steps);
}

static int same(const int32_t *a, const int32_t *b, int64_t n) {
  return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

/* The shards of an update are its batch, one after another, none larger by more than a sequence than another. */
static void check_shards(buckets *b, int64_t step, int64_t shards) {
  int64_t all, count, covered = 0, least = INT64_MAX, most = 0;
  int ok = 1;
  const int32_t *batch = buckets_batch(b, step, &all);
  for (int64_t k = 0; k < shards; k++) {
    buckets_take(b, k, shards);
    const int32_t *which = buckets_batch(b, step, &count);
    const buckets_part part = buckets_part_of(b, which, count);
    ok &= part.batch == batch && part.whole == all && part.first == covered && part.count == count &&
          which == batch + covered;
    ok &= buckets_longest(&part, b->length) == b->length[batch[0]];
    covered += count;
    if (count < least) least = count;
    if (count > most) most = count;
  }
  const int32_t other[] = {0, 0};
  const buckets_part others = buckets_part_of(b, other, 2);
  ok &= others.batch == other && others.whole == 2 && others.first == 0;
  CHECK(ok && covered == all && most - least <= 1, "%d sequences in %d shards", (int)all, (int)shards);
  buckets_take(b, 0, 0);
}

static void check_buckets(void) {
  static const struct { int64_t count, batch; } sizes[] = {{MOST, 8}, {1200, 12}, {7, 3}, {5, 9}, {1, 1}};
  static int32_t length[MOST];
  for (int i = 0; i < MOST; i++) length[i] = 1 + (int32_t)check_below(40);
  for (size_t i = 0; i < COUNT(sizes); i++) {
    buckets b;
    int64_t count, before_it, longest = 0, most = 0;
    int32_t first[16], ok = 1;
    CHECK(buckets_create(sizes[i].count, length, sizes[i].batch, 3, &b) == 0, "batches are made");
    check_epoch(&b, 0);
    check_epoch(&b, 5);
    const int32_t *which = buckets_batch(&b, b.batches, &count);
    memcpy(first, which, (size_t)count * sizeof *first);
    buckets_in_turn(&b, 0, &count);
    buckets_batch(&b, 0, &count);
    which = buckets_batch(&b, b.batches, &count);
    CHECK(same(first, which, count), "an update has its batch whatever came before it");
    before_it = count;
    which = buckets_batch(&b, 0, &count);
    if (sizes[i].count > 1000)
      CHECK(!same(first, which, count < before_it ? count : before_it), "epochs differ");
    for (int64_t k = 0, before = INT32_MAX; k < b.batches; k++) {
      which = buckets_in_turn(&b, k, &count);
      for (int64_t j = 0; j < count; j++) {
        ok &= length[which[j]] <= before;
        before = length[which[j]];
        if (k == 0) most += length[which[j]];
      }
      longest += count;
    }
    for (int64_t k = 0; k < b.batches; k += 1 + b.batches / 4)
      check_shards(&b, b.batches + k, 1 + (k + (int64_t)i) % 5);
    CHECK(ok && longest == sizes[i].count, "in turn: all, by falling length");
    CHECK(buckets_most_steps(&b) == most, "the most steps are those of the longest");
    buckets_free(&b);
  }
}

static void check_shuffle(void) {
  int32_t a[100], b[100], seen = 0;
  shuffle(a, 100, 1, 2);
  shuffle(b, 100, 1, 2);
  CHECK(same(a, b, 100), "the same order of a seed and a stream");
  shuffle(b, 100, 1, 3);
  CHECK(!same(a, b, 100), "another of another stream");
  for (int k = 0; k < 100; k++)
    for (int i = 0; i < 100; i++) seen += a[i] == k;
  CHECK(seen == 100, "a permutation");
}

/* ---------------------------------------------------------------- clips */

enum { IMAGES = 300, SIDE = 12 };

/* Images of 2 x 3 pixels, none of which is 0; image i has label i % 7. */
static void make_images(labelled_images *out) {
  *out = (labelled_images){.images = {.size = {IMAGES, 2, 3}, .item = 6},
                           .labels = {.size = {IMAGES}, .item = 1}};
  out->count = IMAGES;
  out->images.data = malloc(IMAGES * 6);
  out->labels.data = malloc(IMAGES);
  if (!out->images.data || !out->labels.data) exit(EXIT_FAILURE);
  for (int i = 0; i < IMAGES * 6; i++) out->images.data[i] = (unsigned char)(1 + i * 7 % 255);
  for (int i = 0; i < IMAGES; i++) out->labels.data[i] = (unsigned char)(i % 7);
}

/* Where the image stands in a frame, and that nothing else does; 0 if it is not so. */
static int find_image(const float *frame, const unsigned char *image, int *x, int *y) {
  int first = 0, ok = 1;
  while (first < SIDE * SIDE && frame[first] == 0) first++;
  *x = first % SIDE, *y = first / SIDE;
  for (int i = 0; i < SIDE * SIDE; i++) {
    const int r = i / SIDE - *y, c = i % SIDE - *x, inside = r >= 0 && r < 2 && c >= 0 && c < 3;
    ok &= frame[i] == (inside ? (float)image[r * 3 + c] / 255 : 0);
  }
  return ok && *x + 3 <= SIDE && *y + 2 <= SIDE;
}

/* The direction of a step, as clip_set.h numbers them; -1 where it is along no axis and no diagonal. */
static int direction_of(int dx, int dy) {
  static const int number[3][3] = {{3, 2, 1}, {4, -1, 0}, {5, 6, 7}}; /* [up, -, down][left, -, right] */
  if (dx && dy && abs(dx) != abs(dy)) return -1;
  return number[1 + (dy > 0) - (dy < 0)][1 + (dx > 0) - (dx < 0)];
}

/* Clip i of a batch; how fast it moves, or 0 if it is wrong. */
static int clip_speed(const clip_set *s, const clip_batch *b, int32_t which, int64_t i) {
  int x = 0, y = 0, dx = 0, dy = 0, ok = b->lengths[i] == s->length[which];
  for (int t = 0; t < b->seq_len; t++) {
    const float *frame = b->x + (t * b->batch + i) * SIDE * SIDE;
    int nx, ny;
    const int there = t < b->lengths[i];
    ok &= b->label[t * b->batch + i] == (there ? which % 7 : -1);
    for (int k = 0; !there && k < SIDE * SIDE; k++) ok &= frame[k] == 0;
    if (!there) continue;
    ok &= find_image(frame, s->images.images.data + which * 6, &nx, &ny);
    ok &= t < 2 || (nx - x == dx && ny - y == dy);
    if (t > 0) dx = nx - x, dy = ny - y;
    x = nx, y = ny;
  }
  ok &= direction_of(dx, dy) == b->motion[i];
  return ok ? (abs(dx) > abs(dy) ? abs(dx) : abs(dy)) : 0;
}

/* All clips of an epoch or of a validation: right, and all kinds of them. */
static void check_clips_of(clip_set *s, int training) {
  int ok = 1, directions[CLIP_DIRECTIONS] = {0}, speeds[4] = {0}, seen = 0;
  for (int64_t k = 0; k < s->order.batches; k++) {
    clip_batch b;
    int64_t count;
    const clip_draw draw = {5, k};
    const int32_t *which =
        training ? buckets_batch(&s->order, k, &count) : buckets_in_turn(&s->order, k, &count);
    ok &= clip_set_batch(s, which, count, training ? &draw : NULL, &b) && b.batch == count;
    for (int64_t i = 0; ok && i < count; i++) {
      const int speed = clip_speed(s, &b, which[i], i);
      ok &= speed >= 1 && speed <= 3 && b.motion[i] >= 0 && b.motion[i] < CLIP_DIRECTIONS;
      if (!ok) break;
      directions[b.motion[i]]++;
      speeds[speed]++;
    }
  }
  for (int d = 0; d < CLIP_DIRECTIONS; d++) seen += directions[d] > IMAGES / 20;
  CHECK(ok, "every image moves along a line, and never out of the frame");
  CHECK(seen == CLIP_DIRECTIONS && speeds[1] && speeds[2] && speeds[3], "in all directions, at all speeds");
}

/* The first batch of two draws. */
static int same_clips(clip_set *s, const clip_draw *one, const clip_draw *two) {
  static const int32_t which[] = {4, 9};
  clip_batch b;
  if (!clip_set_batch(s, which, 2, one, &b)) return 0;
  const size_t size = (size_t)(b.seq_len * 2 * SIDE * SIDE) * sizeof(float);
  float *first = malloc(size);
  if (first == NULL) return 0;
  memcpy(first, b.x, size);
  const int same_x = clip_set_batch(s, which, 2, two, &b) && memcmp(first, b.x, size) == 0;
  free(first);
  return same_x;
}

/* Written and read again, a clip is the same; shrunk, its mean stays. */
static void check_clip_file(clip_set *s) {
  static const int32_t second[] = {1}, first[] = {0};
  char folder[] = "/tmp/seqgpu-clip-XXXXXX", path[64];
  clip_form half = s->form;
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  seqgpu_context *ctx;
  clip_set file = {.count = 0};
  clip_batch wanted, got;
  half.shrink = 2;
  if (!mkdtemp(folder)) exit(EXIT_FAILURE);
  snprintf(path, sizeof path, "%s/clip.npy", folder);
  if (!CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context")) return;
  CHECK(clip_set_write(s, ctx, 1, path) == SEQGPU_OK, "a clip is written");
  CHECK(clip_set_read(&file, ctx, path, &half) == 0 && clip_set_read_all(&file, 4) == 0 && file.count == 1,
        "and read");
  if (CHECK(clip_set_batch(s, second, 1, NULL, &wanted) && clip_set_batch(&file, first, 1, NULL, &got),
            "batches")) {
    int ok = got.seq_len == wanted.seq_len && got.motion[0] == -1 && got.label[0] == -1;
    for (int64_t i = 0; ok && i < got.seq_len * SIDE * SIDE / 4; i++) {
      const float *at = wanted.x + i / 36 * 144 + i % 36 / 6 * 24 + i % 6 * 2;
      ok &= fabs((double)(got.x[i] - (at[0] + at[1] + at[SIDE] + at[SIDE + 1]) / 4)) < 1e-6;
    }
    CHECK(ok, "it is the same, of half the side");
  }
  clip_set_close(&file);
  CHECK(unlink(path) == 0 && rmdir(folder) == 0, "nothing else is left");
  seqgpu_context_destroy(ctx);
}

/* An array of bytes, or of floats: its shape, and the value of all of them. */
static void write_clip(const char *path, const char *dtype, const char *shape, int64_t count, float value) {
  unsigned char head[128] = "\x93NUMPY\x01\0\x76\0";
  const int bytes = dtype[1] != 'f',
            n = snprintf((char *)head + 10, sizeof head - 11,
                         "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", dtype, shape);
  FILE *to = fopen(path, "wb");
  memset(head + 10 + n, ' ', (size_t)(117 - n));
  head[127] = '\n';
  if (to == NULL || fwrite(head, 1, sizeof head, to) != sizeof head) exit(EXIT_FAILURE);
  const unsigned char byte = bytes ? (unsigned char)value : 0;
  for (int64_t i = 0; i < count; i++)
    if (bytes)
      fwrite(&byte, sizeof byte, 1, to);
    else
      fwrite(&value, sizeof value, 1, to);
  if (fclose(to) != 0) exit(EXIT_FAILURE);
}

static const struct {
  const char *dtype, *shape;
  int count;
  float value;
  const char *sentence; /* behind the path; NULL: it is read */
} clip_rows[] = {
#define SHAPE " must be an array [frames,2,2], of 1 to 1048576 frames"
    {"<f4", "(3, 2, 2)", 12, 0.5F, NULL},
    {"|u1", "(1, 2, 2)", 4, 255, NULL},
    {"|i1", "(1, 2, 2)", 4, 127, NULL},
    {"<f4", "(2, 2)", 4, 0.5F, SHAPE},
    {"<f4", "(1, 3, 2, 2)", 12, 0.5F, SHAPE},
    {"<f4", "(0, 2, 2)", 0, 0, SHAPE},
    {"<f4", "(3, 1, 2)", 6, 0.5F, SHAPE},
    {"<f4", "(3, 2, 1)", 6, 0.5F, SHAPE},
    {"|u1", "(1048577, 2, 2)", 4 * 1048577, 0, SHAPE},
    {"<f4", "(1, 2, 2)", 4, 1.5F, " has a pixel of 1.5; it must be from 0 to 1"},
    {"<f4", "(1, 2, 2)", 4, -1, " has a pixel of -1; it must be from 0 to 1"},
    {"<f4", "(1, 2, 2)", 4, (float)NAN, " has a pixel of nan; it must be from 0 to 1"},
};

static void check_clip_rows(void) {
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  const clip_form form = {.side = 2, .shrink = 1};
  seqgpu_context *ctx;
  char path[64], sentence[200];
  if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK) exit(EXIT_FAILURE);
  snprintf(path, sizeof path, "/tmp/seqgpu-clip-%ld.npy", (long)getpid());
  for (size_t i = 0; i < COUNT(clip_rows); i++) {
    clip_set s = {.count = 0};
    write_clip(path, clip_rows[i].dtype, clip_rows[i].shape, clip_rows[i].count, clip_rows[i].value);
    snprintf(sentence, sizeof sentence, "%s:%s", path, clip_rows[i].sentence ? clip_rows[i].sentence : "");
    said_listen();
    const int ok = said_answer(clip_set_read(&s, ctx, path, &form), clip_rows[i].sentence ? sentence : NULL);
    check_record(ok, said, "clips of a file, row %zu", i);
    clip_set_close(&s);
  }
  clip_set two = {.count = 0};
  for (int i = 0; i < 2; i++) { /* a short one after a long one */
    write_clip(path, clip_rows[i].dtype, clip_rows[i].shape, clip_rows[i].count, clip_rows[i].value);
    CHECK(clip_set_read(&two, ctx, path, &form) == 0, "clip %d of a set", i);
  }
  CHECK(two.count == 2 && two.longest == 3 && two.length[1] == 1 && two.start[1] == 3, "clips of two files");
  clip_set_close(&two);
  unlink(path);
  seqgpu_context_destroy(ctx);
}

static void check_clips(void) {
  const clip_form form = {.side = SIDE, .shrink = 1, .shortest = 3, .longest = 6, .speed = 3};
  const clip_draw one = {5, 7}, two = {5, 8}, three = {6, 7};
  clip_set s = {.count = 0};
  make_images(&s.images);
  CHECK(clip_set_open(&s, "images", &form, 1, 8, 5) == 0 && s.count == IMAGES && s.longest == 6,
        "clips are made");
  check_clips_of(&s, 1);
  check_clips_of(&s, 0);
  CHECK(same_clips(&s, &one, &one) && same_clips(&s, NULL, NULL), "an update has its clips");
  CHECK(!same_clips(&s, &one, &two) && !same_clips(&s, &one, &three), "others have others");
  check_clip_file(&s);
  clip_set_close(&s);
}

int main(void) {
  check_start();
  check_conllu();
  check_lines();
  check_longest_line();
  check_labelled();
  check_set();
  check_numbers();
  check_labels();
  check_too_many();
  check_buckets();
  check_shuffle();
  check_clip_rows();
  check_clips();
  return check_finish();
}
