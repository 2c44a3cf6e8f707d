/* read.h - files opened for reading, and whole files or parts of them in memory (read.c). */
#ifndef SQ_READ_H
#define SQ_READ_H

#include <stdio.h>

#include "host/context/context.h"

/* Bytes of somebody else's memory. */
typedef struct sq_bytes {
  const unsigned char *at;
  size_t size;
} sq_bytes;

/* Opens a regular file for reading; *size receives its bytes.  EIO, ENOMEM. */
seqgpu_status sq_file_open(seqgpu_context *ctx, const char *path, FILE **out, int64_t *size);

/* Reads at most `size` bytes from where the file is; *got receives how many, fewer only at its end.  EIO. */
seqgpu_status sq_file_take(seqgpu_context *ctx, const char *path, FILE *file, void *to, size_t size,
                           size_t *got);
/* Goes to byte `at` of the file.  EIO. */
seqgpu_status sq_file_seek(seqgpu_context *ctx, const char *path, FILE *file, int64_t at);

/* `size` bytes from `offset` on, or all that follow where size is -1, from the context's allocator and with a
 * zero behind them.  EFORMAT: the file ends earlier; EUNSUPPORTED: they are more than `most`; EIO, ENOMEM. */
seqgpu_status sq_file_read(seqgpu_context *ctx, const char *path, int64_t offset, int64_t size, int64_t most,
                           unsigned char **out, size_t *out_size);

#endif
