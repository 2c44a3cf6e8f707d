/* arrays.c - a file as a list of named arrays, whatever it is packed in (arrays.h). */
#include "host/formats/arrays.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/context/shape.h"
#include "host/files/read.h"
#include "host/formats/foreign.h"
#include "seqgpu/npy.h"

/* ---------------------------------------------------------------- containers */

static seqgpu_status st_read(const void *source, int index, double *out) {
  return seqgpu_checkpoint_read(source, index, out);
}
static void st_close(void *source) { seqgpu_checkpoint_close(source); }

static seqgpu_status npy_read(const void *source, int index, double *out) {
  return seqgpu_npy_read(source, index, out);
}
static void npy_close(void *source) { seqgpu_npy_close(source); }

static seqgpu_status make_list(sq_arrays *a, int count) {
  a->list = sq_host_alloc(a->ctx, (size_t)count * sizeof *a->list + 1);
  a->count = count;
  return a->list ? SEQGPU_OK : sq_fail(a->ctx, SEQGPU_ENOMEM, "%s: out of memory", a->path);
}

static void describe(sq_array *to, const char *name, int rank, const int64_t *shape, int64_t elements) {
  to->name = name;
  to->rank = rank;
  memcpy(to->shape, shape, sizeof to->shape);
  to->elements = elements;
}

static seqgpu_status open_safetensors(sq_arrays *a) {
  seqgpu_checkpoint *file;
  seqgpu_tensor_info info;
  SQ_TRY(seqgpu_checkpoint_open(a->ctx, a->path, &file));
  a->source = file;
  a->read = st_read;
  a->close = st_close;
  a->checkpoint = file;
  SQ_TRY(make_list(a, seqgpu_checkpoint_tensor_count(file)));
  for (int i = 0; i < a->count; i++) {
    (void)seqgpu_checkpoint_tensor_get(file, i, &info); /* there are as many */
    describe(&a->list[i], info.name, info.rank, info.shape, info.elements);
  }
  return SEQGPU_OK;
}

static seqgpu_status open_npy(sq_arrays *a) {
  seqgpu_npy *file;
  seqgpu_npy_info info;
  SQ_TRY(seqgpu_npy_open(a->ctx, a->path, &file));
  a->source = file;
  a->read = npy_read;
  a->close = npy_close;
  SQ_TRY(make_list(a, seqgpu_npy_count(file)));
  for (int i = 0; i < a->count; i++) {
    (void)seqgpu_npy_get(file, i, &info); /* there are as many */
    describe(&a->list[i], info.name, info.rank, info.shape, info.elements);
  }
  return SEQGPU_OK;
}

static int is_npy(const unsigned char *head, size_t size) {
  return size > 6 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "\x93NUMPY", 6) == 0);
}

int sq_arrays_recognise(const unsigned char *head, size_t size) {
  return is_npy(head, size) || (size > 9 && head[7] == 0 && head[8] == '{');
}

static void close_file(sq_arrays *a) {
  sq_host_free(a->ctx, a->list);
  if (a->source) a->close(a->source);
  a->list = NULL;
  a->source = NULL;
}

/* *out need not be closed after a failure. */
static seqgpu_status open_file(seqgpu_context *ctx, const char *path, sq_arrays *out) {
  unsigned char head[8] = {0};
  FILE *file;
  int64_t bytes = 0;
  SQ_TRY(sq_file_open(ctx, path, &file, &bytes));
  size_t size = 0;
  seqgpu_status status = sq_file_take(ctx, path, file, head, sizeof head, &size);
  fclose(file);
  *out = (sq_arrays){.ctx = ctx, .path = path};
  if (status == SEQGPU_OK) status = is_npy(head, size) ? open_npy(out) : open_safetensors(out);
  if (status != SEQGPU_OK) close_file(out);
  return status;
}

seqgpu_status sq_arrays_read(seqgpu_context *ctx, const char *path,
                             seqgpu_status (*take)(const sq_arrays *arrays, sq_foreign *out),
                             sq_foreign *out) {
  sq_arrays arrays;
  SQ_TRY(open_file(ctx, path, &arrays));
  const seqgpu_status status = take(&arrays, out);
  close_file(&arrays);
  return status;
}

/* ---------------------------------------------------------------- arrays */

static int by_name(const void *name, const void *array) {
  return strcmp(name, ((const sq_array *)array)->name);
}

sq_array *sq_arrays_find(const sq_arrays *a, const char *name) {
  return bsearch(name, a->list, (size_t)a->count, sizeof *a->list, by_name);
}

sq_array *sq_arrays_first(const sq_arrays *a, const char *start) {
  int low = 0, high = a->count; /* what is before low is less, what is from high on is not */
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (strcmp(a->list[middle].name, start) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low < a->count && strncmp(a->list[low].name, start, strlen(start)) == 0 ? &a->list[low] : NULL;
}

sq_array *sq_arrays_next(const sq_arrays *a, sq_array *array, const char *start) {
  const sq_array *end = a->list + a->count;
  return ++array < end && strncmp(array->name, start, strlen(start)) == 0 ? array : NULL;
}

seqgpu_status sq_arrays_fit(const sq_arrays *a, const sq_array *array, const char *name, int64_t rows,
                            int64_t cols) {
  char shape[SQ_SHAPE_TEXT];
  if (array == NULL)
    return sq_fail(a->ctx, SEQGPU_EFORMAT, "%s: array \"%.100s\" is not in the file", a->path, name);
  if (array->rank == 2 && array->shape[0] == rows && array->shape[1] == cols) return SEQGPU_OK;
  if (array->rank == 1 && array->shape[0] == rows && cols == 1) return SEQGPU_OK;
  return sq_fail(a->ctx, SEQGPU_EFORMAT, "%s: array \"%.100s\" is %s; it must be [%lld,%lld]", a->path, name,
                 sq_shape_text(array->rank, array->shape, shape), (long long)rows, (long long)cols);
}

seqgpu_status sq_arrays_take(const sq_arrays *a, sq_array *array, double *out) {
  array->taken = 1;
  return a->read(a->source, (int)(array - a->list), out);
}

seqgpu_status sq_arrays_leave_rest(const sq_arrays *a, sq_foreign *foreign) {
  char shape[SQ_SHAPE_TEXT];
  for (int i = 0; i < a->count; i++) {
    const sq_array *array = &a->list[i];
    if (array->taken) continue;
    SQ_TRY(sq_foreign_leave(a->ctx, foreign, "array \"%.100s\" %s", array->name,
                            sq_shape_text(array->rank, array->shape, shape)));
  }
  return SEQGPU_OK;
}
