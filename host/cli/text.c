/* text.c - texts from files, and splitting them into tokens (text.h). */
#include "host/cli/text.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/cli/hash.h"
#include "host/cli/text_bytes.h"
#include "host/cli/utf16.h"
#include "host/context/utf8.h"

token_kind text_token_kind(const char *name) {
  return strcmp(name, "words") == 0 ? TOKEN_WORDS : strcmp(name, "utf8") == 0 ? TOKEN_UTF8 : TOKEN_BYTES;
}

/* ---------------------------------------------------------------- files */

/* Bytes of malloc as a text. */
static int take(const char *path, char *bytes, size_t size, text_file *out) {
  *out = (text_file){.memory = bytes, .size = size};
  out->mark = out->size >= 3 && memcmp(out->memory, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
  out->data = out->memory + out->mark;
  out->size -= out->mark;
  if (out->size == 0) {
    text_free(out);
    return cli_error("%s: is empty; it must have some text", path);
  }
  return CLI_OK;
}

int text_read(const char *path, text_file *out) {
  char *bytes;
  size_t size;
  *out = (text_file){0};
  CLI_TRY(text_bytes(path, &bytes, &size));
  return take(path, bytes, size, out);
}

/* UTF-16 becomes UTF-8, unless it is bytes that are wanted. */
static int decode(text_file *t, token_kind kind, const char *path) {
  const utf16_order order = kind == TOKEN_BYTES ? UTF16_NONE : utf16_find(t->data, t->size);
  if (order == UTF16_NONE) return CLI_OK;
  char *text;
  size_t size;
  const size_t end = utf16_to_utf8(t->data, t->size, order, &text, &size);
  if (end < t->size) return cli_error("%s: is UTF-16, but byte %zu is no character", path, t->mark + end);
  if (text == NULL) return cli_error("%s: out of memory", path);
  free(t->memory);
  t->data = t->memory = text;
  t->size = size;
  t->mark = 0;
  return size > 0 ? CLI_OK : cli_error("%s: is empty; it must have some text", path);
}

/* A text as it was read becomes one for tokens of a kind; `hash` is that of the texts before it. */
static int prepare(text_file *t, uint64_t hash, token_kind kind, const char *path) {
  t->hash = hash_bytes(hash, t->data, t->size);
  CLI_TRY(decode(t, kind, path));
  return text_check(t, kind, path);
}

int text_parse(const char *path, char *bytes, size_t size, token_kind kind, text_file *out) {
  *out = (text_file){0};
  CLI_TRY(text_unpack(path, &bytes, &size));
  CLI_TRY(take(path, bytes, size, out));
  const int code = prepare(out, HASH_START, kind, path);
  if (code != CLI_OK) text_free(out);
  return code;
}

static int append(text_file *to, const text_file *t, const char *path) {
  char *larger = realloc(to->memory, to->size + t->size);
  if (larger == NULL) return cli_error("%s: out of memory", path);
  memcpy(larger + to->size, t->data, t->size);
  to->data = to->memory = larger;
  to->size += t->size;
  return CLI_OK;
}

int text_load(const arg_list *paths, token_kind kind, text_file *out) {
  *out = (text_file){.hash = HASH_START};
  int code = CLI_OK;
  for (int i = 0; i < paths->count && code == CLI_OK; i++) {
    text_file t;
    if ((code = text_read(paths->item[i], &t)) != CLI_OK) break;
    code = prepare(&t, out->hash, kind, paths->item[i]);
    out->hash = t.hash;
    if (code == CLI_OK && paths->count == 1) {
      *out = t;
      return CLI_OK;
    }
    if (code == CLI_OK) code = append(out, &t, paths->item[i]);
    text_free(&t);
  }
  if (code != CLI_OK) text_free(out);
  return code;
}

text_file text_of(const char *string) { return (text_file){.data = string, .size = strlen(string)}; }

void text_free(text_file *t) {
  free(t->memory);
  *t = (text_file){0};
}

/* The first byte that is not UTF-8, the size if there is none. */
static size_t valid_utf8(const text_file *t) {
  size_t at = 0;
  for (size_t length; at < t->size; at += length)
    if ((length = sq_utf8_length(t->data + at, t->size - at)) == 0) break;
  return at;
}

int text_check(const text_file *t, token_kind kind, const char *path) {
  const size_t at = kind == TOKEN_BYTES ? t->size : valid_utf8(t);
  if (at == t->size) return CLI_OK;
  return cli_error("%s: byte %zu is not valid UTF-8; --tokens bytes takes any file", path, t->mark + at);
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

/* A space belongs to the word or mark that follows it. */
static size_t next_spaced(const char **at, const char *end, const char **token) {
  *token = *at;
  if (*at == end) return 0;
  if (**at == ' ' && *at + 1 < end && !is_blank((*at)[1]) && (*at)[1] != '\n') ++*at;
  const char *word = *at;
  while (*at < end && is_word_byte(**at)) ++*at;
  if (*at == word) ++*at;
  return (size_t)(*at - *token);
}

size_t text_next_token(token_kind kind, const char **at, const char *end, const char **token) {
  if (kind == TOKEN_WORDS) return next_word(at, end, token);
  if (kind == TOKEN_SPACED) return next_spaced(at, end, token);
  if (*at == end) return 0;
  const size_t length = kind == TOKEN_UTF8 ? sq_utf8_length(*at, (size_t)(end - *at)) : 1;
  *token = *at;
  *at += length;
  return length;
}

/* ---------------------------------------------------------------- characters */

static int64_t count_characters(const text_file *t, size_t size) {
  if (valid_utf8(t) < t->size) return (int64_t)size;
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
