/* npy.c - .npy and .npz files (seqgpu/npy.h): arrays by name, whether they are a file or members of one. */
#include "host/formats/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/context/sizes.h"
#include "host/context/structs.h"
#include "host/files/read.h"
#include "host/files/replace.h"
#include "host/formats/npy_header.h"
#include "host/formats/zip.h"

/* One array: its member (in a .npy file none), its name without ".npy", and what its header says. */
typedef struct item {
  const sq_zip_member *member;
  char *name;
  sq_npy_header header;
} item;

struct seqgpu_npy {
  seqgpu_context *ctx;
  FILE *file;
  int64_t bytes;
  sq_zip_member *members;
  int member_count, count;
  item *items;
  char path[];
};

enum { ROWS = 1 << 13 }; /* numbers that are read at once */
static const char ending[] = ".npy";

/* ---------------------------------------------------------------- opening */

/* Reads a header from the start of a stream; *rest is then at the first number. */
static seqgpu_status read_header(const seqgpu_npy *f, item *it, sq_zip_stream *stream) {
  unsigned char prefix[SQ_NPY_PREFIX];
  int64_t start, length;
  SQ_TRY(sq_zip_read(stream, prefix, sizeof prefix));
  if (!sq_npy_prefix(prefix, &start, &length))
    return sq_fail(f->ctx, SEQGPU_EFORMAT, "%s: \"%.60s\" does not begin as .npy of version 1, 2 or 3 does",
                   f->path, it->name);
  char *text = sq_host_alloc(f->ctx, (size_t)length + 1);
  if (text == NULL) return sq_fail(f->ctx, SEQGPU_ENOMEM, "%s: out of memory", f->path);
  const size_t have = (size_t)(SQ_NPY_PREFIX - start);
  memcpy(text, prefix + start, have);
  seqgpu_status status = sq_zip_read(stream, text + have, (size_t)length - have);
  if (status == SEQGPU_OK) status = sq_npy_parse(f->ctx, f->path, text, (size_t)length, &it->header);
  it->header.size = start + length;
  sq_host_free(f->ctx, text);
  return status;
}

static seqgpu_status open_stream(const seqgpu_npy *f, item *it, sq_zip_stream **stream) {
  SQ_TRY(sq_zip_open(f->ctx, f->path, f->file, f->bytes, it->member, stream));
  const seqgpu_status status = read_header(f, it, *stream);
  if (status != SEQGPU_OK) sq_zip_close(*stream);
  return status;
}

static seqgpu_status look_at(const seqgpu_npy *f, item *it) {
  sq_zip_stream *stream;
  SQ_TRY(open_stream(f, it, &stream));
  sq_zip_close(stream);
  const int64_t size = it->member ? it->member->size : f->bytes;
  const int64_t need = it->header.size + it->header.elements * it->header.width;
  if (size == need) return SEQGPU_OK;
  return sq_fail(f->ctx, SEQGPU_EFORMAT, "%s: array \"%.60s\" has %lld bytes; by its shape it must have %lld",
                 f->path, it->name, (long long)size, (long long)need);
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const item *)a)->name, ((const item *)b)->name);
}

/* The arrays of a .npz; members that are none are passed over. */
static seqgpu_status list_members(seqgpu_npy *f) {
  SQ_TRY(sq_zip_directory(f->ctx, f->path, f->file, f->bytes, &f->members, &f->member_count));
  f->items = sq_host_alloc(f->ctx, (size_t)f->member_count * sizeof *f->items + 1);
  if (f->items == NULL) return sq_fail(f->ctx, SEQGPU_ENOMEM, "%s: out of memory", f->path);
  for (int i = 0; i < f->member_count; i++) {
    char *name = f->members[i].name;
    const size_t length = strlen(name), tail = sizeof ending - 1;
    if (length < tail || strcmp(name + length - tail, ending) != 0) continue;
    name[length - tail] = 0;
    f->items[f->count++] = (item){.member = &f->members[i], .name = name};
  }
  qsort(f->items, (size_t)f->count, sizeof *f->items, by_name);
  for (int i = 0; i < f->count; i++) {
    if (i > 0 && strcmp(f->items[i - 1].name, f->items[i].name) == 0)
      return sq_fail(f->ctx, SEQGPU_EFORMAT, "%s: array \"%.60s\" is there twice", f->path, f->items[i].name);
    SQ_TRY(look_at(f, &f->items[i]));
  }
  return SEQGPU_OK;
}

static seqgpu_status read_list(seqgpu_npy *f) {
  char mark[4] = "";
  size_t size;
  SQ_TRY(sq_file_take(f->ctx, f->path, f->file, mark, sizeof mark, &size));
  if (size == sizeof mark && memcmp(mark, "PK", 2) == 0) return list_members(f);
  f->items = sq_host_alloc(f->ctx, sizeof *f->items);
  if (f->items == NULL) return sq_fail(f->ctx, SEQGPU_ENOMEM, "%s: out of memory", f->path);
  f->count = 1;
  f->items[0].name = f->path + strlen(f->path);
  return look_at(f, &f->items[0]);
}

seqgpu_status sq_npy_open_file(seqgpu_context *ctx, const char *path, FILE *file, int64_t bytes,
                               seqgpu_npy **out) {
  const size_t length = strlen(path);
  *out = NULL;
  seqgpu_npy *f = sq_host_alloc(ctx, sizeof *f + length + 1);
  if (f == NULL) {
    fclose(file);
    return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  }
  f->ctx = ctx;
  f->file = file;
  f->bytes = bytes;
  memcpy(f->path, path, length + 1);
  const seqgpu_status status = read_list(f);
  if (status == SEQGPU_OK)
    *out = f;
  else
    seqgpu_npy_close(f);
  return status;
}

seqgpu_status seqgpu_npy_open(seqgpu_context *ctx, const char *path, seqgpu_npy **out) {
  FILE *file;
  int64_t bytes;
  if (out) *out = NULL;
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "npy: out is NULL");
  if (path == NULL || path[0] == 0) return sq_fail(ctx, SEQGPU_EINVAL, "npy: path is empty");
  SQ_TRY(sq_file_open(ctx, path, &file, &bytes));
  return sq_npy_open_file(ctx, path, file, bytes, out);
}

void seqgpu_npy_close(seqgpu_npy *f) {
  if (f == NULL) return;
  fclose(f->file);
  sq_zip_free_members(f->ctx, f->members, f->member_count);
  sq_host_free(f->ctx, f->items);
  sq_host_free(f->ctx, f);
}

/* ---------------------------------------------------------------- looking and reading */

int seqgpu_npy_count(const seqgpu_npy *f) { return f ? f->count : 0; }

int seqgpu_npy_find(const seqgpu_npy *f, const char *name) {
  for (int i = 0; name && i < seqgpu_npy_count(f); i++)
    if (strcmp(f->items[i].name, name) == 0) return i;
  return -1;
}

static seqgpu_status check_index(const seqgpu_npy *f, int index, const void *out) {
  if (out == NULL) return sq_fail(f->ctx, SEQGPU_EINVAL, "%s: out is NULL", f->path);
  return sq_check_range(f->ctx, "npy: index", index, 0, f->count - 1);
}

seqgpu_status seqgpu_npy_get_(const seqgpu_npy *f, int index, seqgpu_npy_info *out, size_t out_size) {
  if (f == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_index(f, index, out));
  const item *it = &f->items[index];
  seqgpu_npy_info info = {.name = it->name, .rank = it->header.rank, .elements = it->header.elements};
  memcpy(info.dtype, it->header.dtype, sizeof info.dtype);
  memcpy(info.shape, it->header.shape, sizeof info.shape);
  sq_struct_out(out, out_size, &info, sizeof info);
  return SEQGPU_OK;
}

/* Where the next number of a file in Fortran order belongs in a row-major array: an odometer whose first
 * digit runs fastest. */
typedef struct order {
  const sq_npy_header *header;
  int64_t digit[SQ_NPY_RANK], stride[SQ_NPY_RANK], at;
} order;

static order order_of(const sq_npy_header *h) {
  order o = {.header = h};
  sq_row_major(h->rank, h->shape, o.stride);
  return o;
}

static void advance(order *o) {
  if (!o->header->fortran) {
    o->at++;
    return;
  }
  for (int d = 0; d < o->header->rank; d++) {
    o->at += o->stride[d];
    if (++o->digit[d] < o->header->shape[d]) return;
    o->at -= o->digit[d] * o->stride[d];
    o->digit[d] = 0;
  }
}

static seqgpu_status read_numbers(sq_zip_stream *stream, const sq_npy_header *h, unsigned char *raw,
                                  double *out) {
  order o = order_of(h);
  for (int64_t done = 0; done < h->elements; done += ROWS) {
    const int64_t n = h->elements - done < ROWS ? h->elements - done : ROWS;
    SQ_TRY(sq_zip_read(stream, raw, (size_t)(n * h->width)));
    for (int64_t i = 0; i < n; i++) {
      out[o.at] = sq_npy_number(h, raw + i * h->width);
      advance(&o);
    }
  }
  return sq_zip_check(stream);
}

seqgpu_status seqgpu_npy_read(const seqgpu_npy *f, int index, double *out) {
  if (f == NULL) return SEQGPU_EINVAL;
  SQ_TRY(check_index(f, index, out));
  item it = f->items[index];
  sq_zip_stream *stream;
  SQ_TRY(open_stream(f, &it, &stream));
  unsigned char *raw = sq_host_alloc(f->ctx, (size_t)ROWS * 8);
  seqgpu_status status = raw ? read_numbers(stream, &f->items[index].header, raw, out)
                             : sq_fail(f->ctx, SEQGPU_ENOMEM, "%s: out of memory", f->path);
  sq_host_free(f->ctx, raw);
  sq_zip_close(stream);
  return status;
}

/* ---------------------------------------------------------------- writing */

enum { HEADER = 256, NAME = 264 };

/* A member to be written: its header, and its name with ".npy". */
typedef struct output {
  char header[HEADER], name[NAME];
} output;

static seqgpu_status check_array(seqgpu_context *ctx, const seqgpu_npy_array *a, int named,
                                 int64_t *elements) {
  *elements = 1;
  if (named && (a->name == NULL || a->name[0] == 0 || a->name[0] == '/' || strlen(a->name) > 255))
    return sq_fail(ctx, SEQGPU_EINVAL,
                   "npy: name is \"%.40s\"; it must have 1 to 255 bytes and begin with no slash",
                   a->name ? a->name : "");
  const char *name = a->name ? a->name : "";
  if (a->dtype != SEQGPU_DTYPE_F32 && a->dtype != SEQGPU_DTYPE_F64)
    return sq_fail(ctx, SEQGPU_EINVAL, "npy: dtype of \"%.60s\" is %d; it must be F32 or F64", name,
                   (int)a->dtype);
  if (a->rank < 0 || a->rank > SQ_NPY_RANK)
    return sq_fail(ctx, SEQGPU_EINVAL, "npy: rank of \"%.60s\" is %d; it must be from 0 to 8", name, a->rank);
  for (int d = 0; d < a->rank; d++)
    if (!sq_mul_size(*elements, a->shape[d], elements))
      return sq_fail(ctx, SEQGPU_EINVAL,
                     "npy: shape[%d] of \"%.60s\" is %lld; it must be at least 0, and the array at most 2^46",
                     d, name, (long long)a->shape[d]);
  if (a->values || *elements == 0) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "npy: values of \"%.60s\" is NULL", name);
}

/* The text is padded so that the numbers begin at a multiple of 64. */
static size_t make_header(const seqgpu_npy_array *a, char out[HEADER]) {
  char shape[SQ_NPY_RANK * 21 + 1] = "";
  for (int d = 0; d < a->rank; d++)
    sprintf(shape + strlen(shape), "%lld,%s", (long long)a->shape[d], d + 1 < a->rank ? " " : "");
  int used = snprintf(out + 10, HEADER - 10, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                      a->dtype == SEQGPU_DTYPE_F64 ? "<f8" : "<f4", shape);
  while ((10 + used + 1) % 64 != 0) out[10 + used++] = ' ';
  out[10 + used++] = '\n';
  static const char magic[8] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0};
  memcpy(out, magic, sizeof magic);
  out[8] = (char)(used & 255);
  out[9] = (char)(used >> 8);
  return 10 + (size_t)used;
}

static seqgpu_status make_parts(seqgpu_context *ctx, const seqgpu_npy_array *arrays, int count, int zipped,
                                output *outputs, sq_zip_part *parts) {
  int64_t elements;
  for (int i = 0; i < count; i++) {
    SQ_TRY(check_array(ctx, &arrays[i], zipped, &elements));
    snprintf(outputs[i].name, NAME, "%.255s%s", zipped ? arrays[i].name : "", ending);
    parts[i] = (sq_zip_part){.name = outputs[i].name, .head = outputs[i].header, .data = arrays[i].values};
    parts[i].head_size = make_header(&arrays[i], outputs[i].header);
    parts[i].data_size = (size_t)elements * seqgpu_dtype_size(arrays[i].dtype);
  }
  return SEQGPU_OK;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static seqgpu_status check_names(seqgpu_context *ctx, const sq_zip_part *parts, int count) {
  const char **names = sq_host_alloc(ctx, (size_t)count * sizeof *names + 1), *twice = NULL;
  if (names == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "npy: out of memory");
  for (int i = 0; i < count; i++) names[i] = parts[i].name;
  qsort(names, (size_t)count, sizeof *names, by_text);
  for (int i = 1; i < count; i++)
    if (strcmp(names[i - 1], names[i]) == 0) twice = names[i];
  sq_host_free(ctx, names);
  return twice ? sq_fail(ctx, SEQGPU_EINVAL, "npy: the name of \"%.60s\" is given twice", twice) : SEQGPU_OK;
}

static seqgpu_status write_parts(seqgpu_context *ctx, const char *path, int zipped, sq_zip_part *parts,
                                 int count) {
  sq_replacement r;
  SQ_TRY(sq_replace_begin(ctx, path, &r));
  seqgpu_status status = SEQGPU_OK;
  if (!zipped) {
    fwrite(parts[0].head, 1, parts[0].head_size, r.file);
    if (parts[0].data_size > 0) fwrite(parts[0].data, 1, parts[0].data_size, r.file);
  } else {
    status = sq_zip_write(ctx, path, r.file, parts, count);
  }
  return sq_replace_end(&r, status);
}

seqgpu_status seqgpu_npy_write(seqgpu_context *ctx, const char *path, const seqgpu_npy_array *arrays,
                               int count) {
  SQ_TRY(sq_usable(ctx));
  if (path == NULL || path[0] == 0) return sq_fail(ctx, SEQGPU_EINVAL, "npy: path is empty");
  if (arrays == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "npy: arrays is NULL");
  const size_t length = strlen(path), tail = sizeof ending - 1;
  const int zipped = length < tail || strcmp(path + length - tail, ending) != 0;
  SQ_TRY(sq_check_range(ctx, "npy: count", count, zipped ? 0 : 1, zipped ? 65535 : 1));
  output *outputs = sq_host_alloc(ctx, (size_t)count * sizeof *outputs + 1);
  sq_zip_part *parts = sq_host_alloc(ctx, (size_t)count * sizeof *parts + 1);
  seqgpu_status status = SEQGPU_ENOMEM;
  if (outputs && parts) {
    status = make_parts(ctx, arrays, count, zipped, outputs, parts);
    if (status == SEQGPU_OK) status = check_names(ctx, parts, count);
    if (status == SEQGPU_OK) status = write_parts(ctx, path, zipped, parts, count);
  } else {
    sq_fail(ctx, status, "%s: out of memory", path);
  }
  sq_host_free(ctx, outputs);
  sq_host_free(ctx, parts);
  return status;
}
