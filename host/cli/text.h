/* text.h - text files, and how they are split into tokens. */
#ifndef TEXT_H
#define TEXT_H

#include "host/cli/args_table.h"

typedef enum token_kind {
  TOKEN_BYTES, /* every byte */
  TOKEN_UTF8,  /* every character (Unicode code point) */
  TOKEN_WORDS, /* of older checkpoints: words, single punctuation marks, line ends; other white space only
                  separates words, and is lost */
  TOKEN_SPACED /* words and single punctuation marks, each with the space before it; other white space
                  one by one: together they are the text */
} token_kind;

/* "bytes|utf8|words": the names in the order of token_kind.  Words that are learnt today are TOKEN_SPACED. */
#define TOKEN_CHOICES "bytes|utf8|words"
token_kind text_token_kind(const char *name);

typedef struct text_file {
  const char *data; /* after a byte order mark, if there is one */
  size_t size;
  uint64_t hash; /* FNV-1a of the bytes in the files, by text_load */
  size_t mark;   /* size of the byte order mark */
  char *memory;
} text_file;

/* Reads a whole file, a compressed one too, or "-", standard input; 0, or an exit code after a sentence.
 * Empty files are refused. */
int text_read(const char *path, text_file *out);
/* Reads files, of which there is at least one, as one text for tokens of a kind: characters and words must
 * be UTF-8, or UTF-16, which is converted. */
int text_load(const arg_list *paths, token_kind kind, text_file *out);
/* The same of the bytes of one file, which come from malloc and are taken; `path` is what the sentences call
 * it. */
int text_parse(const char *path, char *bytes, size_t size, token_kind kind, text_file *out);
/* A string as a text: nothing to free. */
text_file text_of(const char *string);
void text_free(text_file *t);

/* Refuses a text that is to be read as characters or words but is not UTF-8; the sentence names the
 * first wrong byte. */
int text_check(const text_file *t, token_kind kind, const char *path);

/* How many characters a text has: code points, or bytes where it is not UTF-8. */
int64_t text_characters(const text_file *t);
/* The same of what its first `tokens` tokens take, with all that lies before the next token. */
int64_t text_characters_of(const text_file *t, token_kind kind, int64_t tokens);

/* The next token of *at..end, which is valid UTF-8: its start and length, *at moved past it; 0 at the end. */
size_t text_next_token(token_kind kind, const char **at, const char *end, const char **token);

#endif
