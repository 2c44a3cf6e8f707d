/* replace.h - a file written as a stream, or from memory, that takes the place of another when it is finished
 * (replace.c; how, says target.h). */
#ifndef SQ_REPLACE_H
#define SQ_REPLACE_H

#include <stdio.h>

#include "host/files/target.h"

typedef struct sq_replacement {
  sq_target target;
  FILE *file; /* to write to */
} sq_replacement;

/* Opens a file beside `path`.  After a failure there is nothing to end. */
seqgpu_status sq_replace_begin(seqgpu_context *ctx, const char *path, sq_replacement *out);
/* With status SEQGPU_OK flushes the file and puts it in place; otherwise, or where that fails, removes it.
 * Returns the first failure. */
seqgpu_status sq_replace_end(sq_replacement *replacement, seqgpu_status status);

/* Both at once, with all bytes of the file. */
seqgpu_status sq_replace_with(seqgpu_context *ctx, const char *path, const void *bytes, size_t size);

#endif
