/* header.c - the JSON at the beginning of a .safetensors file (header.h).
 *
 * The reader takes files from strangers.  It knows the one form that the format allows, takes time and
 * memory in proportion to the text, and calls nothing of itself.  Numbers are whole, of at most 15 digits;
 * strings are UTF-8 without control characters and without U+0000; no name or key stands twice; the tensors
 * cover the data exactly.
 */
#include "host/checkpoint/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/checkpoint/checksum.h"
#include "host/context/sizes.h"
#include "host/context/utf8.h"

enum { MAX_DIGITS = 15, SHOWN = 64 };

typedef struct reader {
  seqgpu_context *ctx;
  const char *path;
  char *text, *at, *end;
  int64_t data_bytes;
  sq_st_header *out;
} reader;

/* ---------------------------------------------------------------- errors */

static seqgpu_status bad_header(const reader *r, const char *why) {
  char where[60] = "";
  if (r->at < r->end)
    snprintf(where, sizeof where, " (byte %lld of its header)", (long long)(r->at - r->text));
  return sq_fail(r->ctx, SEQGPU_EFORMAT, "%s: is not a valid .safetensors file: %s%s", r->path, why, where);
}

static seqgpu_status out_of_memory(const reader *r) {
  return sq_fail(r->ctx, SEQGPU_ENOMEM, "%s: out of memory", r->path);
}

/* A stranger's name for a sentence: plain characters, and not too many. */
static const char *show(const char *name, char out[SHOWN]) {
  size_t used = 0;
  for (size_t left = strlen(name), taken; left > 0 && used + 5 < SHOWN; name += taken, left -= taken)
    used += sq_utf8_shown(name, left, out + used, &taken);
  out[used] = 0;
  return out;
}

static seqgpu_status bad_tensor(const reader *r, const char *name, const char *why) {
  char shown[SHOWN];
  return sq_fail(r->ctx, SEQGPU_EFORMAT, "%s: tensor \"%s\" %s", r->path, show(name, shown), why);
}

/* ---------------------------------------------------------------- words */

static void skip_space(reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

/* Takes a character, if it comes next. */
static int take(reader *r, char c) {
  skip_space(r);
  if (r->at == r->end || *r->at != c) return 0;
  r->at++;
  return 1;
}

/* Four hexadecimal digits; -1 if they are none. */
static int32_t take_hex(reader *r) {
  int32_t code = 0;
  if (r->end - r->at < 4) return -1;
  for (int i = 0; i < 4; i++) {
    const char c = *r->at++;
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    code = code << 4 | digit;
  }
  return code;
}

/* What follows "\u", with the second half of a pair of surrogates; -1 if it is no character. */
static int32_t take_code(reader *r) {
  const int32_t code = take_hex(r);
  if (code < 0xd800 || code > 0xdfff) return code == 0 ? -1 : code;
  if (code > 0xdbff || r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u') return -1;
  r->at += 2;
  const int32_t second = take_hex(r);
  if (second < 0xdc00 || second > 0xdfff) return -1;
  return 0x10000 + ((code - 0xd800) << 10 | (second - 0xdc00));
}

/* Decodes what follows a backslash; *to moves past it. */
static seqgpu_status take_escape(reader *r, char **to) {
  static const char from[] = "\"\\/bfnrt", decoded[] = "\"\\/\b\f\n\r\t";
  const char c = r->at < r->end ? *r->at++ : 0;
  const char *known = c ? strchr(from, c) : NULL;
  if (known) {
    *(*to)++ = decoded[known - from];
    return SEQGPU_OK;
  }
  const int32_t code = c == 'u' ? take_code(r) : -1;
  if (code < 0) return bad_header(r, "a string contains an escape that is no character");
  *to += sq_utf8_write((uint32_t)code, *to);
  return SEQGPU_OK;
}

/* Decodes a string where it stands: it only becomes shorter. */
static seqgpu_status take_string(reader *r, char **out) {
  if (!take(r, '"')) return bad_header(r, "a string was expected");
  char *to = *out = r->at;
  while (r->at < r->end && *r->at != '"') {
    const size_t length = sq_utf8_length(r->at, (size_t)(r->end - r->at));
    if (length == 0) return bad_header(r, "a string is not valid UTF-8");
    if ((unsigned char)*r->at < 0x20) return bad_header(r, "a string contains a control character");
    if (*r->at == '\\') {
      r->at++;
      SQ_TRY(take_escape(r, &to));
      continue;
    }
    memmove(to, r->at, length);
    to += length;
    r->at += length;
  }
  if (r->at == r->end) return bad_header(r, "a string is not terminated");
  r->at++;
  *to = 0;
  return SEQGPU_OK;
}

static seqgpu_status take_number(reader *r, int64_t *out) {
  skip_space(r);
  const char *start = r->at;
  *out = 0;
  while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - start <= MAX_DIGITS)
    *out = 10 * *out + (*r->at++ - '0');
  if (r->at == start) return bad_header(r, "a whole number was expected");
  if (r->at - start > MAX_DIGITS) return bad_header(r, "a number is too large");
  if (*start == '0' && r->at - start > 1) return bad_header(r, "a number has a leading zero");
  return SEQGPU_OK;
}

/* Goes on in a list that ends with `close`: *more says whether another entry follows the `taken` ones. */
static seqgpu_status next_entry(reader *r, int taken, char close, int *more) {
  *more = 0;
  if (take(r, close)) return SEQGPU_OK;
  if (taken > 0 && !take(r, ',')) return bad_header(r, "a comma or the end of a list was expected");
  *more = 1;
  return SEQGPU_OK;
}

static seqgpu_status take_key(reader *r, char **key) {
  SQ_TRY(take_string(r, key));
  return take(r, ':') ? SEQGPU_OK : bad_header(r, "a colon was expected");
}

/* Moves an array of `count` elements to where there is room for one more. */
static seqgpu_status grow(const reader *r, void **array, size_t element, int count, int *room) {
  if (count < *room) return SEQGPU_OK;
  const int larger = *room ? 2 * *room : 16;
  if (!sq_host_enlarge(r->ctx, array, (size_t)count * element, (size_t)larger * element))
    return out_of_memory(r);
  *room = larger;
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- one tensor */

/* The fields of a tensor, in the order of `fields`. */
typedef enum field { DTYPE, SHAPE, OFFSETS, FIELDS } field;
static const char *const fields[FIELDS] = {"dtype", "shape", "data_offsets"};
static const char *const missing[FIELDS] = {"has no dtype", "has no shape", "has no data_offsets"};
static const char *const repeated[FIELDS] = {"has two dtypes", "has two shapes", "has data_offsets twice"};

static seqgpu_status take_dtype(reader *r, sq_st_tensor *t) {
  char *name, shown[SHOWN], tensor[SHOWN];
  if (!take(r, '"')) return bad_tensor(r, t->name, "has a dtype that is not text");
  r->at--;
  SQ_TRY(take_string(r, &name));
  const int found = sq_st_dtype_find(name);
  t->dtype = (sq_st_dtype)(found < 0 ? 0 : found);
  if (found >= 0) return SEQGPU_OK;
  return sq_fail(r->ctx, SEQGPU_EUNSUPPORTED,
                 "%s: tensor \"%s\" is of type %s, which this library does not know", r->path,
                 show(t->name, tensor), show(name, shown));
}

static seqgpu_status take_shape(reader *r, sq_st_tensor *t) {
  if (!take(r, '[')) return bad_tensor(r, t->name, "has a shape that is not a list");
  t->elements = 1;
  for (int more;;) {
    SQ_TRY(next_entry(r, t->rank, ']', &more));
    if (!more) return SEQGPU_OK;
    if (t->rank == SQ_ST_RANK) return bad_tensor(r, t->name, "has more than 8 dimensions");
    int64_t *size = &t->shape[t->rank++];
    SQ_TRY(take_number(r, size));
    if (!sq_mul_size(t->elements, *size, &t->elements)) return bad_tensor(r, t->name, "is too large");
  }
}

/* end: where the data of the tensor end. */
static seqgpu_status take_offsets(reader *r, sq_st_tensor *t, int64_t *end) {
  int more;
  if (!take(r, '[')) return bad_tensor(r, t->name, "has data_offsets that are not a list");
  SQ_TRY(take_number(r, &t->begin));
  SQ_TRY(next_entry(r, 1, ']', &more));
  if (!more) return bad_tensor(r, t->name, "has one data_offset instead of two");
  SQ_TRY(take_number(r, end));
  return take(r, ']') ? SEQGPU_OK : bad_tensor(r, t->name, "has more than two data_offsets");
}

static seqgpu_status take_fields(reader *r, sq_st_tensor *t, int64_t *end) {
  int seen[FIELDS] = {0};
  for (int taken = 0, more;; taken++) {
    char *key;
    SQ_TRY(next_entry(r, taken, '}', &more));
    if (!more) break;
    SQ_TRY(take_key(r, &key));
    int which = 0;
    while (which < FIELDS && strcmp(fields[which], key) != 0) which++;
    if (which == FIELDS)
      return bad_tensor(r, t->name, "has an entry that is none of dtype, shape and data_offsets");
    if (seen[which]++) return bad_tensor(r, t->name, repeated[which]);
    if (which == DTYPE) SQ_TRY(take_dtype(r, t));
    if (which == SHAPE) SQ_TRY(take_shape(r, t));
    if (which == OFFSETS) SQ_TRY(take_offsets(r, t, end));
  }
  for (int i = 0; i < FIELDS; i++)
    if (!seen[i]) return bad_tensor(r, t->name, missing[i]);
  return SEQGPU_OK;
}

static seqgpu_status take_tensor(reader *r, const char *name) {
  sq_st_header *h = r->out;
  int64_t end = 0;
  const size_t length = strlen(name);
  if (length == 0) return bad_tensor(r, name, "has an empty name");
  if (length > SQ_ST_NAME) return bad_tensor(r, name, "has a name of more than 255 bytes");
  if (!take(r, '{')) return bad_tensor(r, name, "is not described by dtype, shape and data_offsets");
  SQ_TRY(grow(r, (void **)&h->tensors, sizeof *h->tensors, h->count, &h->room));
  sq_st_tensor *t = &h->tensors[h->count++];
  t->name = name;
  SQ_TRY(take_fields(r, t, &end));
  t->bytes = t->elements * sq_st_dtype_size(t->dtype);
  if (end - t->begin == t->bytes) return SEQGPU_OK;
  return bad_tensor(r, name, "has data_offsets that do not match its shape");
}

/* ---------------------------------------------------------------- metadata */

/* The checksums are no metadata of the user's. */
static seqgpu_status add_meta(reader *r, const char *key, const char *value) {
  sq_st_header *h = r->out;
  if (strcmp(key, SQ_SUMS_KEY) == 0) {
    if (h->sums) return bad_header(r, "metadata key \"" SQ_SUMS_KEY "\" appears twice");
    h->sums = value;
    return SEQGPU_OK;
  }
  SQ_TRY(grow(r, (void **)&h->meta, sizeof *h->meta, h->meta_count, &h->meta_room));
  h->meta[h->meta_count++] = (seqgpu_meta){key, value};
  return SEQGPU_OK;
}

static seqgpu_status take_meta(reader *r) {
  sq_st_header *h = r->out;
  if (h->by_key) return bad_header(r, "__metadata__ appears twice");
  if (!take(r, '{')) return bad_header(r, "__metadata__ is not an object");
  for (int taken = 0, more;; taken++) {
    char *key, *value;
    SQ_TRY(next_entry(r, taken, '}', &more));
    if (!more) break;
    SQ_TRY(take_key(r, &key));
    skip_space(r);
    if (r->at == r->end || *r->at != '"') return bad_header(r, "__metadata__ has a value that is not text");
    SQ_TRY(take_string(r, &value));
    SQ_TRY(add_meta(r, key, value));
  }
  h->by_key = sq_host_alloc(r->ctx, ((size_t)h->meta_count + 1) * sizeof *h->by_key);
  return h->by_key ? SEQGPU_OK : out_of_memory(r);
}

static int by_key(const void *a, const void *b) {
  return strcmp((*(const seqgpu_meta *const *)a)->key, (*(const seqgpu_meta *const *)b)->key);
}

/* Sorts the keys. */
static seqgpu_status check_keys(const reader *r) {
  sq_st_header *h = r->out;
  char shown[SHOWN];
  for (int i = 0; i < h->meta_count; i++) h->by_key[i] = &h->meta[i];
  if (h->meta_count > 0) qsort(h->by_key, (size_t)h->meta_count, sizeof *h->by_key, by_key);
  for (int i = 1; i < h->meta_count; i++)
    if (strcmp(h->by_key[i - 1]->key, h->by_key[i]->key) == 0)
      return sq_fail(r->ctx, SEQGPU_EFORMAT, "%s: metadata key \"%s\" appears twice", r->path,
                     show(h->by_key[i]->key, shown));
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- all tensors */

static int by_place(const void *a, const void *b) {
  const sq_st_tensor *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return (x->bytes > y->bytes) - (x->bytes < y->bytes); /* empty ones first */
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const sq_st_tensor *)a)->name, ((const sq_st_tensor *)b)->name);
}

static void sort(sq_st_header *h, int (*order)(const void *, const void *)) {
  if (h->count > 0) qsort(h->tensors, (size_t)h->count, sizeof *h->tensors, order);
}

static seqgpu_status check_names(const reader *r) {
  sq_st_header *h = r->out;
  sort(h, by_name);
  for (int i = 1; i < h->count; i++)
    if (strcmp(h->tensors[i - 1].name, h->tensors[i].name) == 0)
      return bad_tensor(r, h->tensors[i].name, "appears twice");
  return SEQGPU_OK;
}

/* The tensors must cover the data exactly: no gaps, no overlaps, nothing after the last. */
static seqgpu_status check_places(const reader *r) {
  sq_st_header *h = r->out;
  int64_t end = 0;
  sort(h, by_place);
  for (int i = 0; i < h->count; i++) {
    const sq_st_tensor *t = &h->tensors[i];
    if (t->begin != end)
      return bad_tensor(r, t->name, t->begin < end ? "overlaps another one" : "leaves a gap before it");
    end += t->bytes;
    if (end > r->data_bytes) return bad_tensor(r, t->name, "extends beyond the end of the file");
  }
  if (end != r->data_bytes) return bad_header(r, "there are bytes after the last tensor");
  sort(h, by_name);
  return SEQGPU_OK;
}

static seqgpu_status take_entries(reader *r) {
  if (r->at == r->end || *r->at != '{') return bad_header(r, "its header is not a JSON object");
  r->at++;
  for (int taken = 0, more;; taken++) {
    char *name;
    SQ_TRY(next_entry(r, taken, '}', &more));
    if (!more) break;
    SQ_TRY(take_key(r, &name));
    if (strcmp(name, "__metadata__") == 0)
      SQ_TRY(take_meta(r));
    else
      SQ_TRY(take_tensor(r, name));
  }
  skip_space(r);
  return r->at == r->end ? SEQGPU_OK : bad_header(r, "there is text after its header's JSON");
}

seqgpu_status sq_st_header_parse(seqgpu_context *ctx, const char *path, char *text, size_t size,
                                 int64_t data_bytes, sq_st_header *out) {
  reader r = {ctx, path, text, text, text + size, data_bytes, out};
  SQ_TRY(take_entries(&r));
  SQ_TRY(check_keys(&r));
  SQ_TRY(check_names(&r));
  return check_places(&r);
}

void sq_st_header_free(seqgpu_context *ctx, sq_st_header *h) {
  sq_host_free(ctx, h->tensors);
  sq_host_free(ctx, h->meta);
  sq_host_free(ctx, h->by_key);
}
