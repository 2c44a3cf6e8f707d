/* replace.c - see replace.h. */
#define _POSIX_C_SOURCE 200809L

#include "host/files/replace.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A second descriptor, for the stream to close: the target's own keeps the lock until the file is in place. */
static seqgpu_status open_stream(sq_replacement *r) {
  const int fd = dup(r->target.fd);
  r->file = fd < 0 ? NULL : fdopen(fd, "wb");
  if (r->file) return SEQGPU_OK;
  if (fd < 0)
    return sq_fail(r->target.ctx, SEQGPU_EIO, "%s: cannot write: %s", r->target.path, strerror(errno));
  close(fd);
  return sq_fail(r->target.ctx, SEQGPU_ENOMEM, "%s: out of memory", r->target.path);
}

seqgpu_status sq_replace_begin(seqgpu_context *ctx, const char *path, sq_replacement *out) {
  *out = (sq_replacement){.file = NULL};
  seqgpu_status status = sq_target_open(ctx, path, NULL, &out->target);
  if (status == SEQGPU_OK) status = open_stream(out);
  if (status != SEQGPU_OK) sq_target_close(&out->target);
  return status;
}

static seqgpu_status end_stream(sq_replacement *r) {
  const int failed = ferror(r->file);
  if (fclose(r->file) == 0 && !failed) return SEQGPU_OK;
  return sq_fail(r->target.ctx, SEQGPU_EIO, "%s: cannot write: %s", r->target.path, strerror(errno));
}

seqgpu_status sq_replace_end(sq_replacement *r, seqgpu_status status) {
  const seqgpu_status ended = end_stream(r);
  if (status == SEQGPU_OK) status = ended;
  if (status == SEQGPU_OK) status = sq_target_finish(&r->target);
  sq_target_close(&r->target);
  return status;
}

seqgpu_status sq_replace_with(seqgpu_context *ctx, const char *path, const void *bytes, size_t size) {
  sq_target target;
  seqgpu_status status = sq_target_open(ctx, path, NULL, &target);
  if (status == SEQGPU_OK) status = sq_target_write(&target, bytes, (int64_t)size);
  if (status == SEQGPU_OK) status = sq_target_finish(&target);
  sq_target_close(&target);
  return status;
}
