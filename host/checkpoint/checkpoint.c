/* checkpoint.c - .safetensors files from the outside: opening them, looking at what they hold, verifying it
 * (seqgpu/checkpoint.h).
 */
#include "host/checkpoint/checkpoint.h"

#include <string.h>

#include "host/context/structs.h"

seqgpu_status seqgpu_checkpoint_open(seqgpu_context *ctx, const char *path, seqgpu_checkpoint **out) {
  if (out) *out = NULL;
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "checkpoint: out is NULL");
  if (path == NULL || path[0] == 0) return sq_fail(ctx, SEQGPU_EINVAL, "checkpoint: path is empty");
  seqgpu_checkpoint *c = sq_host_alloc(ctx, sizeof *c);
  if (c == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  c->ctx = ctx;
  const seqgpu_status status = sq_st_open(ctx, path, &c->file);
  if (status == SEQGPU_OK)
    *out = c;
  else
    seqgpu_checkpoint_close(c);
  return status;
}

void seqgpu_checkpoint_close(seqgpu_checkpoint *c) {
  if (c == NULL) return;
  sq_st_close(c->file);
  sq_host_free(c->ctx, c);
}

const char *seqgpu_checkpoint_meta(const seqgpu_checkpoint *c, const char *key) {
  return c && key ? sq_st_meta(c->file, key) : NULL;
}

int seqgpu_checkpoint_meta_count(const seqgpu_checkpoint *c) { return c ? sq_st_meta_count(c->file) : 0; }

int seqgpu_checkpoint_tensor_count(const seqgpu_checkpoint *c) { return c ? sq_st_count(c->file) : 0; }

int seqgpu_checkpoint_find(const seqgpu_checkpoint *c, const char *name) {
  const sq_st_tensor *t = c && name ? sq_st_find(c->file, name) : NULL;
  return t ? (int)(t - sq_st_at(c->file, 0)) : -1;
}

/* There is a place for the answer, and `index` is one of `count` things. */
static seqgpu_status check_index(const seqgpu_checkpoint *c, int index, int count, const void *out) {
  if (out == NULL) return sq_fail(c->ctx, SEQGPU_EINVAL, "%s: out is NULL", sq_st_path(c->file));
  if (index >= 0 && index < count) return SEQGPU_OK;
  return sq_fail(c->ctx, SEQGPU_EINVAL, "%s: index is %d; it must be at least 0 and below %d",
                 sq_st_path(c->file), index, count);
}

seqgpu_status seqgpu_checkpoint_meta_get(const seqgpu_checkpoint *c, int index, seqgpu_meta *out) {
  if (c == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_index(c, index, sq_st_meta_count(c->file), out));
  *out = sq_st_meta_at(c->file, index);
  return SEQGPU_OK;
}

seqgpu_status seqgpu_checkpoint_tensor_get_(const seqgpu_checkpoint *c, int index, seqgpu_tensor_info *out,
                                            size_t size) {
  if (c == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_index(c, index, sq_st_count(c->file), out));
  const sq_st_tensor *t = sq_st_at(c->file, index);
  seqgpu_tensor_info info = {
      .name = t->name, .dtype = sq_st_dtype_name(t->dtype), .rank = t->rank, .elements = t->elements};
  memcpy(info.shape, t->shape, sizeof info.shape);
  sq_struct_out(out, size, &info, sizeof info);
  return SEQGPU_OK;
}

seqgpu_status seqgpu_checkpoint_read(const seqgpu_checkpoint *c, int index, double *out) {
  if (c == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_index(c, index, sq_st_count(c->file), out));
  const sq_st_tensor *t = sq_st_at(c->file, index);
  void *raw = sq_host_alloc(c->ctx, (size_t)t->bytes + 1);
  if (raw == NULL) return sq_fail(c->ctx, SEQGPU_ENOMEM, "%s: out of memory", sq_st_path(c->file));
  const seqgpu_status status = sq_st_read(c->ctx, c->file, t, raw);
  for (int64_t i = 0; status == SEQGPU_OK && i < t->elements; i++) out[i] = sq_st_element(raw, t->dtype, i);
  sq_host_free(c->ctx, raw);
  return status;
}

int seqgpu_checkpoint_has_checksums(const seqgpu_checkpoint *c) { return c ? sq_st_has_sums(c->file) : 0; }

seqgpu_status seqgpu_checkpoint_verify(const seqgpu_checkpoint *c, int index) {
  if (c == NULL) return SEQGPU_EINVAL;
  if (index == SEQGPU_CHECKPOINT_HEADER) return sq_st_check_header(c->ctx, c->file);
  SQ_TRY(check_index(c, index, sq_st_count(c->file), c));
  return sq_st_check(c->ctx, c->file, sq_st_at(c->file, index));
}
