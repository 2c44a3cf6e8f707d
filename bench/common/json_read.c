/* json_read.c - finds values in JSON (json_read.h). */
#include "bench/common/json_read.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_space(const char *at) { return at + strspn(at, " \t\r\n"); }

/* Behind the closing quote; NULL if there is none. */
static const char *skip_text(const char *at) {
  for (at++; *at && *at != '"'; at++)
    if (*at == '\\' && at[1]) at++;
  return *at == '"' ? at + 1 : NULL;
}

/* Behind a value: brackets are counted outside of texts, so nested groups need no recursion. */
static const char *skip_value(const char *at) {
  int depth = 0;
  do {
    if (*at == '"') {
      at = skip_text(at);
      if (at == NULL) return NULL;
    } else if (*at == '{' || *at == '[') {
      depth++, at++;
    } else if (*at == '}' || *at == ']') {
      depth--, at++;
    } else if (depth > 0 && *at) {
      at++; /* commas, colons, numbers and words of an open group */
    } else {
      at += strcspn(at, ",]} \t\r\n");
    }
    if (*at == 0 && depth > 0) return NULL;
  } while (depth > 0);
  return at;
}

int json_text(const char *value, char *out, size_t size) {
  size_t n = 0;
  if (value == NULL || *value != '"') return 0;
  for (const char *c = value + 1; *c && *c != '"' && n + 1 < size; c++) {
    if (*c == '\\' && c[1]) c++;
    out[n++] = *c;
  }
  out[n] = 0;
  return 1;
}

/* `at` is where an element or a key may begin: its value, or NULL at the end of the group. */
static const char *value_at(const char *at, char *key, size_t size) {
  at = skip_space(at);
  if (key && size) key[0] = 0;
  if (*at == 0 || *at == ']' || *at == '}') return NULL;
  if (*at != '"') return at;
  const char *behind = skip_text(at);
  if (behind == NULL) return NULL;
  behind = skip_space(behind);
  if (*behind != ':') return at; /* a text in an array, not a key */
  if (key) json_text(at, key, size);
  return skip_space(behind + 1);
}

const char *json_next(const char *value, char *key, size_t size) {
  const char *at = value ? skip_value(value) : NULL;
  if (at == NULL) return NULL;
  at = skip_space(at);
  return *at == ',' ? value_at(at + 1, key, size) : NULL;
}

const char *json_item(const char *group, int i, char *key, size_t size) {
  if (group == NULL || (*group != '[' && *group != '{')) return NULL;
  const char *at = value_at(group + 1, key, size);
  for (; at && i > 0; i--) at = json_next(at, key, size);
  return at;
}

const char *json_member(const char *object, const char *key) {
  char name[128];
  if (object == NULL) return NULL;
  object = skip_space(object);
  if (*object != '{') return NULL;
  const char *at = json_item(object, 0, name, sizeof name);
  while (at && strcmp(name, key) != 0) at = json_next(at, name, sizeof name);
  return at;
}

double json_number(const char *value) {
  char *end;
  if (value == NULL) return (double)NAN;
  const double number = strtod(value, &end);
  return end == value ? (double)NAN : number;
}

int json_true(const char *value) { return value != NULL && strncmp(value, "true", 4) == 0; }

char *json_file(const char *path) {
  FILE *file = fopen(path, "rb");
  char *text = NULL;
  size_t size = 0, got = 1;
  while (file && got > 0) {
    char *grown = realloc(text, size + 65536 + 1);
    if (grown == NULL) break;
    text = grown;
    got = fread(text + size, 1, 65536, file);
    size += got;
    text[size] = 0;
  }
  if (file && got == 0 && !ferror(file)) {
    fclose(file);
    return text;
  }
  fprintf(stderr, "%s: %s\n", path, errno ? strerror(errno) : "cannot be read");
  if (file) fclose(file);
  free(text);
  return NULL;
}
