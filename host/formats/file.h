/* file.h - whole files: read into memory within a limit, and replaced only by a finished one (file.c). */
#ifndef SQ_FILE_H
#define SQ_FILE_H

#include <stdio.h>

#include "host/context/context.h"

/* Opens a regular file for reading; *size receives its bytes. */
seqgpu_status sq_file_open(seqgpu_context *ctx, const char *path, FILE **out, int64_t *size);

/* The whole file as text that ends with a zero, from the context's allocator.  EFORMAT: it has more bytes
 * than `most`. */
seqgpu_status sq_file_read(seqgpu_context *ctx, const char *path, int64_t most, char **text, size_t *size);

/* Whether the bytes that a format recognises files by contain a text. */
int sq_head_contains(const unsigned char *head, size_t size, const char *text);

/* A file that takes the place of `path` when it is finished. */
typedef struct sq_replacement {
  seqgpu_context *ctx;
  const char *path; /* as the caller says it */
  FILE *file;       /* to write to */
  char *target, *temp;
} sq_replacement;

/* Opens a file in the folder of the target (of what it points to, where it is a link). */
seqgpu_status sq_replace_begin(seqgpu_context *ctx, const char *path, sq_replacement *out);
/* With status SEQGPU_OK flushes the file and puts it in place; otherwise, or where that fails, removes it.
 * Returns the first failure. */
seqgpu_status sq_replace_end(sq_replacement *replacement, seqgpu_status status);

#endif
