/* said.h - what the program prints: a standard stream goes to a file for a while.
 *
 *   said_stream err = said_begin(STDERR_FILENO);
 *   code = ...;
 *   said_end(&err, text, sizeof text);
 *
 *   said_listen();
 *   CHECK(said_answer(text_read("/tmp", &t), "/tmp: is a folder; it must be a text"), "a folder");
 */
#ifndef SAID_H
#define SAID_H

#include "tests/check.h"

#include <unistd.h>

typedef struct said_stream {
  int descriptor, saved;
  FILE *file;
} said_stream;

static inline said_stream said_begin(int descriptor) {
  said_stream s = {descriptor, dup(descriptor), tmpfile()};
  fflush(stdout);
  if (s.saved < 0 || s.file == NULL || dup2(fileno(s.file), descriptor) < 0) exit(EXIT_FAILURE);
  return s;
}

/* The stream goes where it went; text[size] gets what was printed, with a zero behind it. */
static inline void said_end(said_stream *s, char *text, size_t size) {
  fflush(stdout);
  const ssize_t n = pread(s->descriptor, text, size - 1, 0);
  text[n > 0 ? n : 0] = 0;
  dup2(s->saved, s->descriptor);
  close(s->saved);
  fclose(s->file);
}

/* --- refusals --- */

static said_stream said_errors;
static char said[4096]; /* on standard error, after said_answer */

static inline void said_listen(void) { said_errors = said_begin(STDERR_FILENO); }

/* Whether what was called since said_listen refused what it was given with this sentence, which "seqgpu: "
 * precedes; or, if `wanted` is NULL, took it and was silent. */
static inline int said_answer(int code, const char *wanted) {
  char sentence[sizeof said] = "";
  said_end(&said_errors, said, sizeof said);
  if (wanted) snprintf(sentence, sizeof sentence, "seqgpu: %s\n", wanted);
  return (code != 0) == (wanted != NULL) && strcmp(said, sentence) == 0;
}

/* Bytes in memory of their own, of their size, so that a read beyond them is seen; from malloc. */
static inline char *said_copy(const char *bytes, size_t size) {
  char *copy = malloc(size + !size);
  if (copy == NULL) exit(EXIT_FAILURE);
  memcpy(copy, bytes, size);
  return copy;
}

#define SAID_BYTES(text) (text), sizeof(text) - 1

#endif
