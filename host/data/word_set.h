/* word_set.h - sentences as numbers: of their words and of the letters of these; vocabularies; batches.
 *
 * Letters: T = words of the longest sentence, B = sentences, N = different words, C = letters of the longest.
 */
#ifndef WORD_SET_H
#define WORD_SET_H

#include "host/cli/vocab.h"
#include "host/data/buckets.h"
#include "host/data/sentences.h"
#include "seqgpu/tagger.h"

/* <unk>, and then the words (sentences_key) that the sentences have at least `least` times, by falling frequency.  0, or
 * CLI_FAILED after a sentence; vocab_free is to be called in any case. */
int words_count(const sentences *s, int64_t least, vocabulary *out);
/* The characters of their words, by falling frequency. */
int letters_count(const sentences *s, vocabulary *out);
/* The labels, by falling frequency; they are printed, so labels_check must pass. */
int labels_count(const sentences *s, vocabulary *out);
/* 0 if every character of the labels does nothing to a terminal but appear; else CLI_FAILED after a sentence
 * about `who`. */
int labels_check(const vocabulary *labels, const char *who);

/* Of a longer word the first half and the last half of so many letters are read. */
enum { WORD_LETTERS = 32 };

/* A set of sentences, all of which have words. */
typedef struct word_set {
  const sentences *text;
  int32_t *length;          /* [count] words of each sentence */
  int32_t *word;            /* [words] numbers of the vocabulary; what is not in it is <unk> */
  int64_t *times;           /* how often they have each number of the vocabulary */
  int32_t *spelling;        /* [words] which of the different words it is */
  int64_t spellings;        /* different words */
  int64_t *start;           /* [spellings+1] of each among the letters */
  int32_t *letter;          /* numbers of the alphabet; what is not in it is -1 */
  int64_t unknown;          /* words that are <unk> */
  int64_t longest, letters; /* words of the longest sentence; letters of the longest word */
  const buckets *order;     /* that the batches may be of; NULL: none */
  int64_t first, whole;     /* what the last batch is of the whole one */
  int32_t *column;          /* [spellings] of the batch, -1 = not in it */
  int32_t *memory[5];       /* of the batch */
  size_t room[5];           /* elements */
} word_set;

/* Numbers sentences, which must stay; letters: NULL = only their words.  0, or CLI_FAILED after a sentence;
 * word_set_free is to be called in any case. */
int word_set_create(const sentences *s, const vocabulary *words, const vocabulary *letters, word_set *out);
void word_set_free(word_set *s);

/* The sentences which[count] side by side: valid until the next call.  0 when out of memory. */
int word_set_batch(word_set *s, const int32_t *which, int64_t count, seqgpu_tagger_batch *out);

/* How probable it is that a word becomes <unk>: p, or where the sentences have it n times and the share
 * rare / (rare + n) is more, that. */
typedef struct word_drop {
  double p, rare;
  int64_t seed, step; /* which ones, follows from them */
} word_drop;
void word_set_drop(word_set *s, const seqgpu_tagger_batch *batch, int32_t unknown, word_drop drop);

#endif
