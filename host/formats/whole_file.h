/* whole_file.h - a file read into memory, and a file replaced by one from memory (whole_file.c). */
#ifndef SQ_WHOLE_FILE_H
#define SQ_WHOLE_FILE_H

#include "host/context/context.h"

/* Reads `size` bytes from `offset` on, or all that follow where size is -1, but no more than `most`.  *out is
 * freed with sq_host_free.  EIO; EFORMAT: the file ends earlier; EUNSUPPORTED: there is more than `most`;
 * ENOMEM. */
seqgpu_status sq_whole_file_read(seqgpu_context *ctx, const char *path, int64_t offset, int64_t size,
                                 int64_t most, unsigned char **out, size_t *out_size);

/* Writes the bytes to a file beside `path`, and renames it to that when they are on the disk.  EIO: `path` is
 * what it was. */
seqgpu_status sq_whole_file_replace(seqgpu_context *ctx, const char *path, const void *bytes, size_t size);

#endif
