/* text.c - reading text files and splitting them into tokens (text.h). */
#define _POSIX_C_SOURCE 200809L

#include "host/cli/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/cli/cli.h"
#include "host/cli/hash.h"
#include "host/context/utf8.h"

token_kind text_token_kind(const char *name) {
  return strcmp(name, "words") == 0 ? TOKEN_WORDS : strcmp(name, "utf8") == 0 ? TOKEN_UTF8 : TOKEN_BYTES;
}

/* ---------------------------------------------------------------- files */

/* Reads to the end, also from a pipe, whose size is not known beforehand. */
static int read_stream(FILE *file, text_file *t) {
  size_t room = 0;
  for (;;) {
    if (t->size == room) {
      room = room ? 2 * room : 1 << 16;
      char *larger = realloc(t->memory, room);
      if (larger == NULL) return ENOMEM;
      t->memory = larger;
    }
    const size_t n = fread(t->memory + t->size, 1, room - t->size, file);
    t->size += n;
    if (n == 0) return ferror(file) ? errno : 0;
  }
}

int text_read(const char *path, text_file *out) {
  *out = (text_file){0};
  errno = 0;
  FILE *file = fopen(path, "rb");
  if (file == NULL) return cli_error("%s: cannot open: %s", path, strerror(errno));
  struct stat status;
  if (fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode)) {
    fclose(file);
    return cli_error("%s: is a folder; it must be a text", path);
  }
  const int error = read_stream(file, out);
  fclose(file);
  if (error) {
    text_free(out);
    return cli_error("%s: cannot read: %s", path, strerror(error));
  }
  out->mark = out->size >= 3 && memcmp(out->memory, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
  out->data = out->memory + out->mark;
  out->size -= out->mark;
  if (out->size == 0) {
    text_free(out);
    return cli_error("%s: is empty; it must have some text", path);
  }
  out->hash = hash_bytes(HASH_START, out->data, out->size);
  return CLI_OK;
}

text_file text_of(const char *string) { return (text_file){.data = string, .size = strlen(string)}; }

void text_free(text_file *t) {
  free(t->memory);
  *t = (text_file){0};
}

int text_check(const text_file *t, token_kind kind, const char *path) {
  if (kind == TOKEN_BYTES) return CLI_OK;
  for (size_t i = 0; i < t->size;) {
    const size_t length = sq_utf8_length(t->data + i, t->size - i);
    if (length == 0)
      return cli_error("%s: byte %zu is not valid UTF-8; --tokens bytes takes any file", path, t->mark + i);
    i += length;
  }
  return CLI_OK;
}

/* ---------------------------------------------------------------- tokens */

static int is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '\'' ||
         (unsigned char)c >= 0x80;
}

static int is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

static size_t next_word(const char **at, const char *end, const char **token) {
  while (*at < end && is_blank(**at)) ++*at;
  *token = *at;
  while (*at < end && is_word_byte(**at)) ++*at;
  if (*at == *token && *at < end) ++*at;
  return (size_t)(*at - *token);
}

size_t text_next_token(token_kind kind, const char **at, const char *end, const char **token) {
  if (kind == TOKEN_WORDS) return next_word(at, end, token);
  if (*at == end) return 0;
  const size_t length = kind == TOKEN_UTF8 ? sq_utf8_length(*at, (size_t)(end - *at)) : 1;
  *token = *at;
  *at += length;
  return length;
}

/* ---------------------------------------------------------------- characters */

static int is_utf8(const text_file *t) {
  for (size_t i = 0, length; i < t->size; i += length)
    if ((length = sq_utf8_length(t->data + i, t->size - i)) == 0) return 0;
  return 1;
}

static int64_t count_characters(const text_file *t, size_t size) {
  if (!is_utf8(t)) return (int64_t)size;
  int64_t count = 0;
  for (size_t i = 0; i < size; i++) count += ((unsigned char)t->data[i] & 0xC0) != 0x80;
  return count;
}

int64_t text_characters(const text_file *t) { return count_characters(t, t->size); }

int64_t text_characters_of(const text_file *t, token_kind kind, int64_t tokens) {
  const char *at = t->data, *end = at + t->size, *token = at;
  for (int64_t i = 0; i <= tokens; i++)
    if (text_next_token(kind, &at, end, &token) == 0) return text_characters(t);
  return count_characters(t, (size_t)(token - t->data));
}
