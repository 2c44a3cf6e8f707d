/* formats.c - the table of formats, and which of them a file is of (formats.h). */
#define _POSIX_C_SOURCE 200809L

#include "host/formats/formats.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "host/files/read.h"

/* A file is of the first format that recognises it; PyTorch's takes any list of named arrays, so it comes
 * after the others of that kind. */
const sq_format *const sq_formats[] = {&sq_format_seqgpu,   &sq_format_keras, &sq_format_pytorch,
                                       &sq_format_rtneural, &sq_format_nam,   &sq_format_onnx};
const int sq_format_count = sizeof sq_formats / sizeof sq_formats[0];

seqgpu_status sq_format_named(seqgpu_context *ctx, const char *name, const sq_format **out) {
  char names[256] = "";
  for (int i = 0; i < sq_format_count; i++) {
    *out = sq_formats[i];
    if (strcmp(sq_formats[i]->name, name) == 0) return SEQGPU_OK;
    const size_t used = strlen(names);
    snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", sq_formats[i]->name);
  }
  return sq_fail(ctx, SEQGPU_EINVAL, "format: is \"%.40s\"; it must be one of %s", name, names);
}

/* The first bytes of a file and its last, in memory that the caller frees: one more byte than there are. */
static seqgpu_status read_ends(seqgpu_context *ctx, const char *path, unsigned char **head, size_t *size) {
  FILE *file;
  int64_t bytes = 0;
  size_t first = 0, last = 0;
  SQ_TRY(sq_file_open(ctx, path, &file, &bytes));
  const size_t room = bytes < 2 * SQ_FORMAT_HEAD ? (size_t)bytes : 2 * SQ_FORMAT_HEAD;
  const size_t front = room < SQ_FORMAT_HEAD ? room : SQ_FORMAT_HEAD;
  *head = sq_host_alloc(ctx, room + 1);
  seqgpu_status status = *head ? sq_file_take(ctx, path, file, *head, front, &first)
                               : sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  if (status == SEQGPU_OK && bytes > 2 * SQ_FORMAT_HEAD)
    status = sq_file_seek(ctx, path, file, bytes - SQ_FORMAT_HEAD);
  if (status == SEQGPU_OK) status = sq_file_take(ctx, path, file, *head + first, room - front, &last);
  *size = first + last;
  fclose(file);
  return status;
}

/* *out receives the first of these rows that recognises the file, or NULL. */
static seqgpu_status recognise(seqgpu_context *ctx, const char *path, const sq_format *const *from, int count,
                               const sq_format **out) {
  size_t size = 0;
  unsigned char *head = NULL;
  *out = NULL;
  const seqgpu_status status = read_ends(ctx, path, &head, &size);
  for (int i = 0; status == SEQGPU_OK && *out == NULL && i < count; i++)
    if (from[i]->recognises(head, size, path)) *out = from[i];
  sq_host_free(ctx, head);
  return status;
}

seqgpu_status sq_format_detect(seqgpu_context *ctx, const char *path, const sq_format **out) {
  SQ_TRY(recognise(ctx, path, sq_formats, sq_format_count, out));
  if (*out) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EFORMAT, "%s: is of no format that this library reads", path);
}

seqgpu_status sq_format_may_replace(seqgpu_context *ctx, const char *path, const sq_format *format) {
  const sq_format *found;
  struct stat about;
  if (stat(path, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size == 0) return SEQGPU_OK;
  SQ_TRY(recognise(ctx, path, &format, 1, &found));
  if (found) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "%s: is there and is no file of format %s, so it is not replaced", path,
                 format->name);
}
