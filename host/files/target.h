/* target.h - a file that is replaced as a whole: written beside its place, flushed, renamed (target.c). */
#ifndef SQ_TARGET_H
#define SQ_TARGET_H

#include <sys/types.h>

#include "host/context/context.h"

typedef struct sq_target {
  seqgpu_context *ctx;
  const char *path; /* as the caller wrote it: the sentences name it */
  char *place;      /* where it is: links are followed */
  char *temp;       /* beside the place; "" while there is none */
  int fd;           /* of the temporary file, -1 without one */
  int exists;       /* then these are kept: */
  mode_t mode;
  uid_t owner;
  gid_t group;
} sq_target;

/* Finds the place of `path` and opens a temporary file beside it, after removing what dead processes left in
 * that folder.  `is_ours` looks at the file that is there, open for reading, and its size: 0 = must not be
 * replaced, -1 = errno; NULL: any regular file is.  Whatever comes of it, sq_target_close is to be called.
 * Errors: EINVAL, EIO, ENOMEM. */
seqgpu_status sq_target_open(seqgpu_context *ctx, const char *path, int (*is_ours)(int fd, int64_t size),
                             sq_target *out);
/* At the end of what is written, or from where the next function went. */
seqgpu_status sq_target_write(const sq_target *t, const void *from, int64_t bytes);
/* To byte `at` of what is already written. */
seqgpu_status sq_target_go_to(const sq_target *t, int64_t at);
/* Flushes, and gives the file its name. */
seqgpu_status sq_target_finish(sq_target *t);
/* Removes the temporary file if it was not finished. */
void sq_target_close(sq_target *t);

#endif
