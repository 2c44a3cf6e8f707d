/* text.h - text files and how they fall into tokens. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>
#include <stdint.h>

typedef enum token_kind {
  TOKEN_BYTES, /* every byte */
  TOKEN_UTF8,  /* every character (Unicode code point) */
  TOKEN_WORDS  /* words, single punctuation marks, line ends; other white space only separates */
} token_kind;

/* "bytes|utf8|words": the names in the order of token_kind. */
#define TOKEN_CHOICES "bytes|utf8|words"
token_kind text_token_kind(const char *name);

typedef struct text_file {
  char *data; /* after a byte order mark, if there is one */
  size_t size;
  uint64_t hash; /* FNV-1a of the data */
  char *memory;
} text_file;

/* Reads a whole file; 0, or an exit code after saying what is wrong. Empty files are refused. */
int text_read(const char *path, text_file *out);
void text_free(text_file *t);

/* Length of the UTF-8 sequence at s, of n bytes; 0 if it is none (RFC 3629). */
size_t text_utf8_length(const char *s, size_t n);

/* Says at which byte the text is not UTF-8, if it is to be read as characters or words. */
int text_check(const text_file *t, token_kind kind, const char *path);

/* The next token of *at..end: its start and length, *at moved behind it; 0 at the end.  Valid UTF-8 is assumed. */
size_t text_next_token(token_kind kind, const char **at, const char *end, const char **token);

#endif
