/* word_set.c - see word_set.h. */
#include "host/data/word_set.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/context/utf8.h"
#include "host/data/grow.h"

/* ---------------------------------------------------------------- vocabularies */

static const char unknown_word[] = "<unk>";

static int count_letters(const sentences_piece *word, vocabulary *out) {
  for (size_t at = 0, length; at < (size_t)word->size; at += length) {
    length = sq_utf8_length(word->text + at, (size_t)word->size - at);
    if (!vocab_count(out, word->text + at, length)) return 0;
  }
  return 1;
}

/* Ranks what was counted, if memory sufficed. */
static int finish(int ok, int32_t fixed, int64_t least, vocabulary *out) {
  if (ok && vocab_rank(out, fixed, least)) return CLI_OK;
  return cli_error("vocabulary: out of memory");
}

int words_count(const sentences *s, int64_t least, vocabulary *out) {
  *out = (vocabulary){.kind = TOKEN_UTF8};
  int ok = vocab_count(out, unknown_word, sizeof unknown_word - 1);
  for (int64_t i = 0; ok && i < s->words; i++)
    ok = vocab_count(out, sentences_key(s, i)->text, (size_t)sentences_key(s, i)->size);
  return finish(ok, 1, least, out);
}

int letters_count(const sentences *s, vocabulary *out) {
  int ok = 1;
  *out = (vocabulary){.kind = TOKEN_UTF8, .unknown = -1};
  for (int64_t i = 0; ok && i < s->words; i++) ok = count_letters(&s->word[i], out);
  return finish(ok, 0, 1, out);
}

int labels_count(const sentences *s, vocabulary *out) {
  int ok = 1;
  *out = (vocabulary){.kind = TOKEN_UTF8, .unknown = -1};
  for (int64_t i = 0; ok && i < s->labels; i++)
    ok = vocab_count(out, s->label[i].text, (size_t)s->label[i].size);
  CLI_TRY(finish(ok, 0, 1, out));
  return labels_check(out, "labels");
}

int labels_check(const vocabulary *labels, const char *who) {
  for (int32_t i = 0; i < labels->size; i++) {
    const vocab_token *t = &labels->tokens[i];
    for (size_t at = 0, length; at < t->length; at += length)
      if ((length = sq_utf8_plain(t->text + at, t->length - at)) == 0)
        return cli_error("%s: \"%.*s\" has a character that cannot be shown", who,
                         t->length < 24 ? (int)t->length : 24, t->text);
  }
  return CLI_OK;
}

/* ---------------------------------------------------------------- numbering */

static int allocate(word_set *s, const vocabulary *v) {
  const size_t words = (size_t)s->text->words + 1, count = (size_t)s->text->count + 1;
  s->length = malloc(count * sizeof *s->length);
  s->word = malloc(words * sizeof *s->word);
  s->spelling = malloc(words * sizeof *s->spelling);
  s->times = calloc((size_t)v->size + 1, sizeof *s->times);
  return s->length && s->word && s->spelling && s->times;
}

static void number_lengths(word_set *s) {
  for (int64_t i = 0; i < s->text->count; i++) {
    const int64_t length = s->text->start[i + 1] - s->text->start[i];
    s->length[i] = (int32_t)length;
    if (length > s->longest) s->longest = length;
  }
}

/* Numbers the words, and collects the different ones; 0 when out of memory. */
static int number_words(word_set *s, const vocabulary *words, vocabulary *types) {
  for (int64_t i = 0; i < s->text->words; i++) {
    const sentences_piece *w = &s->text->word[i], *key = sentences_key(s->text, i);
    s->word[i] = vocab_find(words, key->text, (size_t)key->size);
    if (s->word[i] < 0) s->word[i] = words->unknown;
    s->times[s->word[i]]++;
    s->unknown += s->word[i] == words->unknown;
    if (!vocab_count(types, w->text, (size_t)w->size)) return 0;
    s->spelling[i] = vocab_find(types, w->text, (size_t)w->size);
  }
  s->spellings = types->size;
  return 1;
}

/* Writes the letters of a word, all of them where `most` allows; how many there are. */
static int64_t number_letters(const vocab_token *word, const vocabulary *letters, int32_t *out) {
  int64_t n = 0;
  for (size_t at = 0, length; at < word->length; at += length, n++) {
    length = sq_utf8_length(word->text + at, word->length - at);
    out[n] = vocab_find(letters, word->text + at, length);
  }
  return n;
}

/* Leaves the middle of a long word out. */
static int64_t shorten(int32_t *letter, int64_t n) {
  if (n <= WORD_LETTERS) return n;
  memmove(letter + WORD_LETTERS / 2, letter + n - WORD_LETTERS / 2, WORD_LETTERS / 2 * sizeof *letter);
  return WORD_LETTERS;
}

static int spell(word_set *s, const vocabulary *letters, const vocabulary *types) {
  size_t most = 1;
  for (int32_t i = 0; i < types->size; i++)
    most += types->tokens[i].length; /* no letter is less than a byte */
  s->start = malloc((size_t)(types->size + 1) * sizeof *s->start);
  s->letter = malloc(most * sizeof *s->letter);
  s->column = malloc((size_t)(types->size + 1) * sizeof *s->column);
  if (!s->start || !s->letter || !s->column) return 0;
  s->start[0] = 0;
  for (int32_t i = 0; i < types->size; i++) {
    int32_t *first = s->letter + s->start[i];
    const int64_t n = shorten(first, number_letters(&types->tokens[i], letters, first));
    if (n > s->letters) s->letters = n;
    s->start[i + 1] = s->start[i] + n;
    s->column[i] = -1;
  }
  return 1;
}

int word_set_create(const sentences *s, const vocabulary *words, const vocabulary *letters, word_set *out) {
  vocabulary types = {.kind = TOKEN_UTF8, .unknown = -1};
  *out = (word_set){.text = s};
  if (s->words > INT32_MAX)
    return cli_error("%lld words are more than %d, the most that there may be", (long long)s->words,
                     INT32_MAX);
  int ok = allocate(out, words);
  if (ok) number_lengths(out);
  ok = ok && number_words(out, words, &types) && (!letters || spell(out, letters, &types));
  vocab_free(&types);
  return ok ? CLI_OK : cli_error("out of memory");
}

void word_set_free(word_set *s) {
  void *const memory[] = {s->length, s->word, s->times, s->spelling, s->start, s->letter, s->column};
  for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) free(memory[i]);
  for (int i = 0; i < 5; i++) free(s->memory[i]);
  *s = (word_set){.text = NULL};
}

/* ---------------------------------------------------------------- batches */

enum { LENGTHS, WORDS, SPELLINGS, LETTER_LENGTHS, LETTERS };

/* Memory `i` of the batch with room for `elements`, all -1; NULL when out of memory. */
static int32_t *room_for(word_set *s, int i, int64_t elements) {
  void *memory = s->memory[i];
  if (!grow(&memory, &s->room[i], (size_t)elements, sizeof *s->memory[i])) return NULL;
  s->memory[i] = memory;
  return memset(memory, 0xff, (size_t)elements * sizeof *s->memory[i]);
}

/* Gives each different word of sentence `i` a column, those that have one already keep it: listed in `types`,
 * which lies where the lengths of their letters will. */
static void give_columns(word_set *s, int64_t i, int32_t *types, int64_t *count) {
  for (int64_t k = s->text->start[i]; k < s->text->start[i + 1]; k++) {
    if (s->column[s->spelling[k]] >= 0) continue;
    s->column[s->spelling[k]] = (int32_t)*count;
    types[(*count)++] = s->spelling[k];
  }
}

/* Column n of the letters, which become those of word types[n]. */
static void write_letters(const word_set *s, int64_t n, int64_t N, int32_t type, int32_t *letter) {
  for (int64_t k = s->start[type]; k < s->start[type + 1]; k++)
    letter[(k - s->start[type]) * N + n] = s->letter[k];
}

static int fill_letters(word_set *s, int32_t *types, seqgpu_tagger_batch *b) {
  const int64_t N = b->spellings;
  for (int64_t n = 0; n < N; n++) {
    const int64_t length = s->start[types[n] + 1] - s->start[types[n]];
    if (length > b->longest) b->longest = length;
  }
  int32_t *letter = room_for(s, LETTERS, b->longest * N);
  if (letter == NULL) return 0;
  for (int64_t n = 0; n < N; n++) {
    const int32_t type = types[n];
    write_letters(s, n, N, type, letter);
    s->column[type] = -1;
    types[n] = (int32_t)(s->start[type + 1] - s->start[type]);
  }
  b->letter = letter;
  b->letter_lengths = types;
  return 1;
}

int word_set_batch(word_set *s, const int32_t *which, int64_t count, seqgpu_tagger_batch *out) {
  const buckets_part part = buckets_part_of(s->order, which, count);
  const int64_t T = buckets_longest(&part, s->length);
  int64_t steps = 0;
  for (int64_t b = 0; b < count; b++) steps += s->length[which[b]];
  s->first = part.first;
  s->whole = part.whole;
  int32_t *lengths = room_for(s, LENGTHS, count), *word = room_for(s, WORDS, T * count),
          *spelling = room_for(s, SPELLINGS, T * count), *types = room_for(s, LETTER_LENGTHS, steps);
  if (!lengths || !word || !spelling || !types) return 0;
  *out = (seqgpu_tagger_batch){
      .seq_len = T, .batch = count, .lengths = lengths, .word = word, .spelling = spelling};
  for (int64_t b = 0; b < count; b++) {
    const int64_t first = s->text->start[which[b]];
    lengths[b] = s->length[which[b]];
    if (s->start) give_columns(s, which[b], types, &out->spellings);
    for (int64_t t = 0; t < lengths[b]; t++) {
      word[t * count + b] = s->word[first + t];
      if (s->start) spelling[t * count + b] = s->column[s->spelling[first + t]];
    }
  }
  return !s->start || fill_letters(s, types, out);
}

/* The stream of random numbers of these. */
static const uint64_t DROPPED = UINT64_C(9) << 60;

void word_set_drop(word_set *s, const seqgpu_tagger_batch *batch, int32_t unknown, word_drop drop) {
  const int64_t B = batch->batch;
  int32_t *word = s->memory[WORDS];
  for (int64_t r = 0; (drop.p > 0 || drop.rare > 0) && r < batch->seq_len * B; r++) {
    if (word[r] < 0) continue;
    const uint64_t place = (uint64_t)(r / B * s->whole + s->first + r % B);
    const double share = drop.rare / (drop.rare + (double)s->times[word[r]]),
                 p = share > drop.p ? share : drop.p;
    if (seqgpu_uniform((uint64_t)drop.seed, DROPPED | (uint64_t)drop.step, place) < p) word[r] = unknown;
  }
}
