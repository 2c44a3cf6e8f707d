/* prime.h - the text that a model reads first: from the command line, or from a file. */
#ifndef PRIME_H
#define PRIME_H

#include "host/cli/vocab.h"

/* --prime TEXT, in which \n, \t, \r, \\, \" and \xHH stand for characters, and --prime-file FILE, "-"
 * being standard input; NULL = not given. */
typedef struct prime_options {
  const char *text, *file;
} prime_options;

/* The rows of both, whose fields lie in a prime_options at `at`. */
#define PRIME_ROWS(at)                                                                                       \
  ROW_TEXT("prime", (at) + offsetof(prime_options, text), "TEXT",                                            \
           "beginning of the text; \\n, \\t, \\\\ and \\xHH stand for characters"),                          \
      ROW_TEXT("prime-file", (at) + offsetof(prime_options, file), "FILE",                                   \
               "file with the beginning of the text, - = standard input")

/* The numbers of its tokens, in an array with room for at least one; none where no prime is given.  0, or
 * an exit code after a sentence. */
int prime_encode(const prime_options *o, const vocabulary *v, int quiet, int32_t **ids, int64_t *count);

#endif
