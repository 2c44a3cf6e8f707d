/* zip.h - the members of a zip file: read as a stream, stored or deflated, and written stored (zip.c). */
#ifndef SQ_ZIP_H
#define SQ_ZIP_H

#include <stdio.h>

#include "host/context/context.h"
#include "host/files/crc.h"

typedef struct sq_zip_member {
  char *name;   /* without control characters */
  int deflated; /* else stored */
  uint32_t crc;
  int64_t packed, size; /* bytes in the file, and of the member */
  int64_t header;       /* where its local header is */
} sq_zip_member;

/* Reads the directory of a file of `bytes` bytes into *members, which sq_zip_free_members frees.
 * EFORMAT, EUNSUPPORTED, EIO, ENOMEM. */
seqgpu_status sq_zip_directory(seqgpu_context *ctx, const char *path, FILE *file, int64_t bytes,
                               sq_zip_member **members, int *count);
void sq_zip_free_members(seqgpu_context *ctx, sq_zip_member *members, int count);

/* A member, or a whole file that is no zip file, read from its start. */
typedef struct sq_zip_stream sq_zip_stream;
/* member NULL: the whole file. */
seqgpu_status sq_zip_open(seqgpu_context *ctx, const char *path, FILE *file, int64_t bytes,
                          const sq_zip_member *member, sq_zip_stream **out);
/* Exactly `size` bytes.  EFORMAT: there are not as many, or they are not what was packed. */
seqgpu_status sq_zip_read(sq_zip_stream *stream, void *to, size_t size);
/* After the last byte was read: its checksum.  EFORMAT: it is wrong, or there are more bytes. */
seqgpu_status sq_zip_check(sq_zip_stream *stream);
void sq_zip_close(sq_zip_stream *stream);

/* ---- writing ---- */

/* A member in two parts, header and data; the caller's, and may not change before sq_zip_write is done. */
typedef struct sq_zip_part {
  const char *name;
  const void *head, *data;
  size_t head_size, data_size;
  uint32_t crc; /* of both, set by sq_zip_write */
} sq_zip_part;

/* Writes all members and the directory; errors of the file show in ferror(file).  After EUNSUPPORTED, it
 * would have 4 GiB or more, and ENOMEM nothing is written. */
seqgpu_status sq_zip_write(seqgpu_context *ctx, const char *path, FILE *file, sq_zip_part *parts, int count);

#endif
