/* vocab.h - the tokens of a model: counting them in a text, numbering them, and printing them again. */
#ifndef VOCAB_H
#define VOCAB_H

#include <stdio.h>

#include "host/cli/hash.h"
#include "host/cli/text.h"

typedef struct vocab_token {
  char *text; /* no zero at its end: use length */
  size_t length;
  int64_t count; /* occurrences in the text it was built from */
} vocab_token;

typedef struct vocabulary {
  token_kind kind;
  int32_t size;
  int32_t unknown; /* the number of <unk>, -1 if there is none */
  vocab_token *tokens;
  int32_t room;
  int32_t *slots; /* hash table of token numbers, -1 = free */
  size_t slot_count;
  hash_key key; /* of this table alone: nobody can choose words that collide */
} vocabulary;

/* The tokens of a text, at most `limit` of them (words; 0 = all).  Bytes are all 256; characters are
 * numbered in their own order after <unk>, words by falling frequency after <unk>.  Words are
 * TOKEN_SPACED.  0, or an exit code after a sentence about `path`. */
int vocab_build(const text_file *t, const char *path, token_kind kind, int64_t limit, vocabulary *out);
void vocab_free(vocabulary *v);

/* ---- token by token, where a text is no file: a vocabulary of {.unknown = -1}, of kind TOKEN_UTF8 ---- */

/* Counts a token of at least one byte, adding it if it is new; 0 when out of memory. */
int vocab_count(vocabulary *v, const char *s, size_t length);
/* The number of a token, -1 if there is none. */
int32_t vocab_find(const vocabulary *v, const char *s, size_t length);
/* The first `fixed` tokens stay where they are, the others are numbered anew by falling frequency, and those
 * that were counted less than `least` times are dropped; 0 when out of memory. */
int vocab_rank(vocabulary *v, int32_t fixed, int64_t least);

/* ---- of a text ---- */

/* The tokens of a text that a vocabulary lacks. */
typedef struct vocab_misses {
  int64_t count;
  size_t first;   /* the byte where the first of them begins */
  char token[16]; /* the first of them, or how it begins */
  int left_out;   /* 1: the vocabulary, of an older checkpoint, has no <unk> */
} vocab_misses;

/* Numbers the tokens of a text into a new array with room for at least one.  What is not in the vocabulary
 * becomes <unk>, or is left out where there is none, and is counted in *misses (NULL: not counted).  0, or
 * an exit code after a sentence about `path`. */
int vocab_encode(const vocabulary *v, const text_file *t, const char *path, int32_t **ids, int64_t *count,
                 vocab_misses *misses);
/* Says on standard error how many tokens were missed, if any were. */
void vocab_note_misses(const vocab_misses *misses, int64_t count, const char *path);

/* One line for a checkpoint, from malloc (NULL: out of memory), and back. */
char *vocab_write(const vocabulary *v);
int vocab_read(const char *line, token_kind kind, vocabulary *out);

/* Writes token `id` after token `before` (-1: the first): words get their spaces back. */
void vocab_print(const vocabulary *v, int32_t before, int32_t id, FILE *to);

#endif
