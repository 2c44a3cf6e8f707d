/* sentences.h - sentences as lists of words, each with the place of its text; readers (conllu.h, ...) fill
 * them, and add labels: of words or of sentences. */
#ifndef SENTENCES_H
#define SENTENCES_H

#include "host/cli/text.h"

/* Bytes of one of the texts; no zero at their end. */
typedef struct sentences_piece {
  const char *text;
  int32_t size;
} sentences_piece;

typedef struct sentences {
  int64_t count, words, labels;
  int64_t *start;                /* [count+1] of each sentence among the words; the last is `words` */
  sentences_piece *word, *label; /* [words], [labels] */
  sentences_piece *key;          /* [words] as vocabularies have them; NULL: as they are */
  char *small;                   /* what the keys point into */
  uint64_t hash;                 /* of the files, FNV-1a */
  int64_t bytes;                 /* of the files */
  text_file text[ARGS_LIST];     /* what the pieces point into */
  int texts;
  int64_t room_sentences, room_words, room_labels;
} sentences;

/* None yet. */
#define SENTENCES_NONE                                                                                       \
  { .hash = HASH_START }
void sentences_free(sentences *s);

/* Each returns 0 when out of memory. */
int sentences_add_word(sentences *s, const char *text, int32_t size);
/* The words of a line, with white space between them. */
int sentences_add_words(sentences *s, const char *line, int32_t size);
int sentences_add_label(sentences *s, const char *text, int32_t size);
/* The words since the last end are a sentence. */
int sentences_end(sentences *s);

/* Vocabularies will have its words, all of which have been read, in small letters; the letters stay as they are.
 * 0 when out of memory. */
int sentences_look_up_small(sentences *s);
/* Word `i` as vocabularies have it. */
static inline const sentences_piece *sentences_key(const sentences *s, int64_t i) {
  return s->key ? &s->key[i] : &s->word[i];
}

/* Takes a text over, whose pieces will be words: its hash and size count from now on. */
void sentences_take(sentences *s, text_file *text);

/* Finds the next line of *at..end, without its line end, "\n" or "\r\n": *line and *size; 0 at the end. */
int sentences_line(const char **at, const char *end, const char **line, int32_t *size);
/* 0 if a line is a text: UTF-8 without a zero byte.  Else CLI_FAILED after a sentence. */
int sentences_check_line(const char *path, int64_t number, const char *line, int32_t size);

/* Reads lines of words with white space between them, a sentence each; empty lines are sentences of no words.
 * 0, or an exit code after a sentence; sentences_free is to be called in any case. */
int sentences_read_lines(const char *path, sentences *out);
/* The same of a text, which is taken. */
int sentences_parse_lines(const char *path, text_file *text, sentences *out);

#endif
