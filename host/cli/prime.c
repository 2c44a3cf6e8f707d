/* prime.c - reading the text that a model reads first (prime.h). */
#include "host/cli/prime.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"

static int hex_digit(char c) {
  return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1;
}

/* The character of the escape at s, after its backslash, and how many characters it takes; 0: it is none. */
static size_t escape_at(const char *s, char *out) {
  static const char names[] = "ntr\\\"", values[] = "\n\t\r\\\"";
  const char *name = *s ? strchr(names, *s) : NULL;
  if (name) {
    *out = values[name - names];
    return 1;
  }
  if (*s != 'x' || hex_digit(s[1]) < 0 || hex_digit(s[2]) < 0) return 0;
  *out = (char)(16 * hex_digit(s[1]) + hex_digit(s[2]));
  return 3;
}

/* The text without its escapes, which may hold zeros; t->memory is to be freed. */
static int unescape(const char *text, text_file *t) {
  char *to = t->memory = malloc(strlen(text) + 1);
  if (to == NULL) return cli_error("--prime: out of memory");
  for (const char *s = text; *s;) {
    if (*s != '\\') {
      *to++ = *s++;
      continue;
    }
    const size_t taken = escape_at(s + 1, to++);
    if (taken == 0)
      return cli_usage(
          "--prime: has \"%.2s\" at character %zu; it must be one of \\n, \\t, \\r, \\\\, \\\", \\xHH", s,
          (size_t)(s - text));
    s += 1 + taken;
  }
  t->data = t->memory;
  t->size = (size_t)(to - t->memory);
  return CLI_OK;
}

static int read_prime(const prime_options *o, token_kind kind, text_file *t) {
  if (o->text && o->file) return cli_usage("--prime: excludes --prime-file; give only one of them");
  if (o->file) return text_load(&(const arg_list){.item = {o->file}, .count = 1}, kind, t);
  return unescape(o->text ? o->text : "", t);
}

int prime_encode(const prime_options *o, const vocabulary *v, int quiet, int32_t **ids, int64_t *count) {
  const char *who = o->file ? o->file : "--prime";
  text_file t = {.data = NULL};
  vocab_misses misses;
  int code = read_prime(o, v->kind, &t);
  if (code == CLI_OK) code = vocab_encode(v, &t, who, ids, count, &misses);
  if (code == CLI_OK && !quiet) vocab_note_misses(&misses, *count, who);
  text_free(&t);
  return code;
}
