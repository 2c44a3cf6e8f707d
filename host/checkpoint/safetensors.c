/* safetensors.c - the strict reader of .safetensors files (safetensors.h). */
#define _POSIX_C_SOURCE 200809L

#include "host/checkpoint/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/context/sizes.h"
#include "host/context/utf8.h"

#ifdef SEQGPU_CJSON
#include <cjson/cJSON.h>
#else
typedef struct cJSON cJSON;
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is little-endian");

/* A header of MAX_COMMAS values takes some 100 MB as a tree; 100 MB of text without that limit could be
 * gigabytes. */
enum { PREFIX = 8, MAX_HEADER = 100000000, MAX_COMMAS = 1000000, MAX_DEPTH = 3, MAX_DIGITS = 15 };

struct sq_st_file {
  seqgpu_context *ctx;
  int fd;
  int64_t data; /* where the data begin in the file */
  cJSON *header;
  const cJSON *metadata;
  int count;
  sq_st_tensor *tensors; /* sorted by name */
  char path[];
};

static const struct {
  const char *name;
  int64_t size;
} dtypes[] = {
    [SQ_ST_F32] = {"F32", 4}, [SQ_ST_F64] = {"F64", 8}, [SQ_ST_I32] = {"I32", 4}, [SQ_ST_I64] = {"I64", 8}};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

const char *sq_st_dtype_name(sq_st_dtype dtype) { return dtypes[dtype].name; }
int64_t sq_st_dtype_size(sq_st_dtype dtype) { return dtypes[dtype].size; }

/* ---------------------------------------------------------------- text */

#ifdef SEQGPU_CJSON

/* For messages: a stranger's name without control characters, and not too long. */
typedef struct shown {
  char text[64];
} shown;
static shown show(const char *name) {
  shown s = {""};
  for (size_t i = 0; i + 1 < sizeof s.text && name[i]; i++)
    s.text[i] = (unsigned char)name[i] < 0x20 || name[i] == 0x7f ? '?' : name[i];
  return s;
}

/* End of the string that starts at text[i] == '"', or 0 with a reason. */
static size_t scan_string(const char *text, size_t n, size_t i, const char **why) {
  for (i++; i < n && text[i] != '"';) {
    const unsigned char c = (unsigned char)text[i];
    const size_t step = c == '\\' ? 2 : sq_utf8_length(text + i, n - i);
    if (c < 0x20) *why = "a string contains a control character";
    if (step == 0) *why = "a string is not valid UTF-8";
    if (n - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0) *why = "a string contains a zero character";
    if (*why) return 0;
    i += step;
  }
  if (i < n) return i + 1;
  *why = "a string is not terminated";
  return 0;
}

/* NULL, or why the header is refused before it is parsed.  cJSON would accept much that has no place here:
 * numbers that are not whole, control characters, zero characters (they would truncate names), unlimited
 * nesting. */
static const char *scan_header(const char *text, size_t n) {
  const char *why = NULL;
  int depth = 0, commas = 0, digits = 0;
  for (size_t i = 0; i < n;) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9';
    if (digit && digits == 1 && text[i - 1] == '0') return "a number has a leading zero";
    digits = digit ? digits + 1 : 0;
    if (digits > MAX_DIGITS) return "a number is too large";
    if (c == ',' && ++commas > MAX_COMMAS) return "it has too many entries";
    if ((c == '{' || c == '[') && ++depth > MAX_DEPTH) return "it is nested too deeply";
    if (c == '}' || c == ']') depth--;
    if (c == '"') {
      i = scan_string(text, n, i, &why);
      if (why) return why;
      continue;
    }
    if (!digit && (c == 0 || !strchr("{}[],: \t\r\n", c)))
      return "it contains something other than text and whole numbers";
    i++;
  }
  return NULL;
}

/* ---------------------------------------------------------------- header */

static seqgpu_status bad_header(const sq_st_file *f, const char *why) {
  return sq_fail(f->ctx, SEQGPU_EFORMAT, "%s: is not a valid .safetensors file: %s", f->path, why);
}

static seqgpu_status bad_tensor(const sq_st_file *f, const char *name, const char *why) {
  return sq_fail(f->ctx, SEQGPU_EFORMAT, "%s: tensor \"%s\" %s", f->path, show(name).text, why);
}

static seqgpu_status parse_dtype(const sq_st_file *f, sq_st_tensor *t, const cJSON *item) {
  if (!cJSON_IsString(item)) return bad_tensor(f, t->name, "has no dtype");
  for (int i = 0; i < DTYPES; i++) {
    t->dtype = (sq_st_dtype)i;
    if (strcmp(dtypes[i].name, item->valuestring) == 0) return SEQGPU_OK;
  }
  return sq_fail(f->ctx, SEQGPU_EUNSUPPORTED,
                 "%s: tensor \"%s\" is of type %s; it must be F32, F64, I32 or I64", f->path,
                 show(t->name).text, show(item->valuestring).text);
}

static seqgpu_status parse_shape(const sq_st_file *f, sq_st_tensor *t, const cJSON *item) {
  const cJSON *number;
  if (!cJSON_IsArray(item)) return bad_tensor(f, t->name, "has no shape");
  t->elements = 1;
  cJSON_ArrayForEach(number, item) {
    if (!cJSON_IsNumber(number)) return bad_tensor(f, t->name, "has a shape that is not numbers");
    if (t->rank == SQ_ST_RANK) return bad_tensor(f, t->name, "has too many dimensions");
    const int64_t size = (int64_t)number->valuedouble;
    if (!sq_mul_size(t->elements, size, &t->elements)) return bad_tensor(f, t->name, "is too large");
    t->shape[t->rank++] = size;
  }
  t->bytes = t->elements * dtypes[t->dtype].size;
  return SEQGPU_OK;
}

static seqgpu_status parse_offsets(const sq_st_file *f, sq_st_tensor *t, const cJSON *item) {
  if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2 || !cJSON_IsNumber(item->child) ||
      !cJSON_IsNumber(item->child->next))
    return bad_tensor(f, t->name, "has no pair of data_offsets");
  t->begin = (int64_t)item->child->valuedouble;
  if ((int64_t)item->child->next->valuedouble - t->begin != t->bytes)
    return bad_tensor(f, t->name, "has data_offsets that do not match its shape");
  return SEQGPU_OK;
}

static seqgpu_status parse_tensor(const sq_st_file *f, const cJSON *item, sq_st_tensor *t) {
  t->name = item->string;
  const size_t length = strlen(t->name);
  if (length == 0 || length > SQ_ST_NAME)
    return bad_tensor(f, t->name, "has a name that is empty or too long");
  if (!cJSON_IsObject(item) || cJSON_GetArraySize(item) != 3)
    return bad_tensor(f, t->name, "is not described by dtype, shape and data_offsets");
  SQ_TRY(parse_dtype(f, t, cJSON_GetObjectItemCaseSensitive(item, "dtype")));
  SQ_TRY(parse_shape(f, t, cJSON_GetObjectItemCaseSensitive(item, "shape")));
  return parse_offsets(f, t, cJSON_GetObjectItemCaseSensitive(item, "data_offsets"));
}

static int by_place(const void *a, const void *b) {
  const sq_st_tensor *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return (x->bytes > y->bytes) - (x->bytes < y->bytes); /* empty ones first */
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const sq_st_tensor *)a)->name, ((const sq_st_tensor *)b)->name);
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The tensors must cover the data exactly: no gaps, no overlaps, nothing after the last. */
static seqgpu_status check_places(sq_st_file *f, int64_t data_bytes) {
  qsort(f->tensors, (size_t)f->count, sizeof *f->tensors, by_place);
  int64_t end = 0;
  for (int i = 0; i < f->count; i++) {
    const sq_st_tensor *t = &f->tensors[i];
    if (t->begin != end)
      return bad_tensor(f, t->name, t->begin < end ? "overlaps another one" : "leaves a gap before it");
    end += t->bytes;
    if (end > data_bytes) return bad_tensor(f, t->name, "extends beyond the end of the file");
  }
  if (end != data_bytes) return bad_header(f, "there are bytes after the last tensor");
  return SEQGPU_OK;
}

static seqgpu_status check_names(sq_st_file *f) {
  qsort(f->tensors, (size_t)f->count, sizeof *f->tensors, by_name);
  for (int i = 1; i < f->count; i++)
    if (strcmp(f->tensors[i - 1].name, f->tensors[i].name) == 0)
      return bad_tensor(f, f->tensors[i].name, "appears twice");
  return SEQGPU_OK;
}

static seqgpu_status parse_metadata(sq_st_file *f, const cJSON *item) {
  if (f->metadata) return bad_header(f, "__metadata__ appears twice");
  if (!cJSON_IsObject(item)) return bad_header(f, "__metadata__ is not an object");
  f->metadata = item;
  const int count = cJSON_GetArraySize(item);
  const char **keys = sq_host_alloc(f->ctx, (size_t)(count + 1) * sizeof *keys);
  if (keys == NULL) return sq_fail(f->ctx, SEQGPU_ENOMEM, "%s: out of memory", f->path);
  int n = 0;
  const char *why = NULL;
  const cJSON *text;
  cJSON_ArrayForEach(text, item) {
    if (!cJSON_IsString(text)) why = "__metadata__ has a value that is not text";
    keys[n++] = text->string;
  }
  qsort(keys, (size_t)n, sizeof *keys, by_text);
  for (int i = 1; i < n; i++)
    if (strcmp(keys[i - 1], keys[i]) == 0) why = "__metadata__ repeats a key";
  sq_host_free(f->ctx, keys);
  return why ? bad_header(f, why) : SEQGPU_OK;
}

/* Fills the list of tensors from the text of the header. */
static seqgpu_status parse_header(sq_st_file *f, const char *text, size_t n, int64_t data_bytes) {
  const char *why = scan_header(text, n);
  if (why) return bad_header(f, why);
  const char *end = NULL;
  f->header = cJSON_ParseWithLengthOpts(text, n, &end, 0);
  if (f->header == NULL) return bad_header(f, "its header is not JSON");
  while (end < text + n && *end == ' ') end++;
  if (end != text + n || !cJSON_IsObject(f->header))
    return bad_header(f, "its header is not one JSON object");
  const int items = cJSON_GetArraySize(f->header);
  f->tensors = sq_host_alloc(f->ctx, (size_t)(items + 1) * sizeof *f->tensors);
  if (f->tensors == NULL) return sq_fail(f->ctx, SEQGPU_ENOMEM, "%s: out of memory", f->path);
  const cJSON *item;
  cJSON_ArrayForEach(item, f->header) {
    if (strcmp(item->string, "__metadata__") == 0)
      SQ_TRY(parse_metadata(f, item));
    else
      SQ_TRY(parse_tensor(f, item, &f->tensors[f->count++]));
  }
  SQ_TRY(check_places(f, data_bytes));
  return check_names(f);
}

#else

static seqgpu_status parse_header(sq_st_file *f, const char *text, size_t n, int64_t data_bytes) {
  (void)text;
  (void)n;
  (void)data_bytes;
  return sq_fail(f->ctx, SEQGPU_EUNSUPPORTED, "%s: this build has no cJSON, so it cannot read checkpoints",
                 f->path);
}

#endif

/* ---------------------------------------------------------------- reading */

static seqgpu_status io_error(seqgpu_context *ctx, const char *what, const char *path) {
  return sq_fail(ctx, SEQGPU_EIO, "%s: cannot %s: %s", path, what, strerror(errno));
}

static seqgpu_status read_all(seqgpu_context *ctx, const sq_st_file *f, int64_t at, void *to, int64_t bytes) {
  for (int64_t done = 0; done < bytes;) {
    const ssize_t n = pread(f->fd, (char *)to + done, (size_t)(bytes - done), (off_t)(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(ctx, "read", f->path);
    if (n == 0) return sq_fail(ctx, SEQGPU_EFORMAT, "%s: is truncated", f->path);
    done += n;
  }
  return SEQGPU_OK;
}

static seqgpu_status read_header(sq_st_file *f) {
  struct stat status;
  if (fstat(f->fd, &status) != 0) return io_error(f->ctx, "read", f->path);
  if (!S_ISREG(status.st_mode)) return sq_fail(f->ctx, SEQGPU_EIO, "%s: is not a regular file", f->path);
  const int64_t size = status.st_size;
  uint64_t length;
  if (size < PREFIX)
    return sq_fail(f->ctx, SEQGPU_EFORMAT, "%s: is too short to be a .safetensors file", f->path);
  SQ_TRY(read_all(f->ctx, f, 0, &length, PREFIX));
  if (length > MAX_HEADER)
    return sq_fail(f->ctx, SEQGPU_EFORMAT, "%s: is not a .safetensors file: its header would exceed %d MB",
                   f->path, MAX_HEADER / 1000000);
  if ((int64_t)length > size - PREFIX)
    return sq_fail(f->ctx, SEQGPU_EFORMAT, "%s: is truncated within its header", f->path);
  f->data = PREFIX + (int64_t)length;
  char *text = sq_host_alloc(f->ctx, length + 1);
  if (text == NULL) return sq_fail(f->ctx, SEQGPU_ENOMEM, "%s: out of memory", f->path);
  seqgpu_status result = read_all(f->ctx, f, PREFIX, text, (int64_t)length);
  if (result == SEQGPU_OK) result = parse_header(f, text, length, size - f->data);
  sq_host_free(f->ctx, text);
  return result;
}

seqgpu_status sq_st_open(seqgpu_context *ctx, const char *path, sq_st_file **out) {
  const size_t length = strlen(path);
  sq_st_file *f = sq_host_alloc(ctx, sizeof *f + length + 1);
  if (f == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  f->ctx = ctx;
  memcpy(f->path, path, length + 1);
  f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* do not wait for a pipe's writer */
  const seqgpu_status status = f->fd < 0 ? io_error(ctx, "open", path) : read_header(f);
  if (status == SEQGPU_OK)
    *out = f;
  else
    sq_st_close(f);
  return status;
}

void sq_st_close(sq_st_file *f) {
  if (f == NULL) return;
  if (f->fd >= 0) close(f->fd);
#ifdef SEQGPU_CJSON
  cJSON_Delete(f->header);
#endif
  sq_host_free(f->ctx, f->tensors);
  sq_host_free(f->ctx, f);
}

const char *sq_st_path(const sq_st_file *f) { return f->path; }
int sq_st_count(const sq_st_file *f) { return f->count; }
const sq_st_tensor *sq_st_at(const sq_st_file *f, int index) { return &f->tensors[index]; }

const sq_st_tensor *sq_st_find(const sq_st_file *f, const char *name) {
  int low = 0, high = f->count;
  while (low < high) {
    const int middle = low + (high - low) / 2, order = strcmp(f->tensors[middle].name, name);
    if (order == 0) return &f->tensors[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

const char *sq_st_meta(const sq_st_file *f, const char *key) {
#ifdef SEQGPU_CJSON
  return f->metadata ? cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(f->metadata, key)) : NULL;
#else
  (void)f;
  (void)key;
  return NULL;
#endif
}

int sq_st_meta_count(const sq_st_file *f) {
#ifdef SEQGPU_CJSON
  return f->metadata ? cJSON_GetArraySize(f->metadata) : 0;
#else
  (void)f;
  return 0;
#endif
}

seqgpu_meta sq_st_meta_at(const sq_st_file *f, int index) {
#ifdef SEQGPU_CJSON
  const cJSON *item = cJSON_GetArrayItem(f->metadata, index);
  return (seqgpu_meta){item->string, item->valuestring};
#else
  (void)f;
  (void)index;
  return (seqgpu_meta){NULL, NULL};
#endif
}

seqgpu_status sq_st_read(seqgpu_context *ctx, const sq_st_file *f, const sq_st_tensor *t, void *host) {
  return read_all(ctx, f, f->data + t->begin, host, t->bytes);
}
