/* npy_header.c - what stands before the numbers of a .npy file, and how a number is read (npy_header.h).
 *
 *   "\x93NUMPY" major minor length text, padded with blanks to a multiple of 64 and ended by a line feed
 *   text: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
 *
 * (NEP 1; the length has 2 bytes in version 1 and 4 in versions 2 and 3, whose text may be UTF-8.)
 */
#include "host/formats/npy_header.h"

#include <stdio.h>
#include <string.h>

#include "host/checkpoint/element.h"
#include "host/context/sizes.h"

int sq_npy_prefix(const unsigned char p[SQ_NPY_PREFIX], int64_t *start, int64_t *length) {
  if (memcmp(p, "\x93NUMPY", 6) != 0 || p[6] < 1 || p[6] > 3) return 0;
  *start = p[6] == 1 ? 10 : 12;
  *length = p[8] | (int64_t)p[9] << 8;
  if (p[6] > 1) *length |= (int64_t)p[10] << 16 | (int64_t)p[11] << 24;
  return *length >= 2 && *length <= SQ_NPY_MOST;
}

/* ---------------------------------------------------------------- the text */

typedef struct cursor {
  const char *at, *end;
} cursor;

static void skip_blanks(cursor *c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\n')) c->at++;
}

static int take(cursor *c, const char *text) {
  skip_blanks(c);
  const size_t length = strlen(text);
  if ((size_t)(c->end - c->at) < length || memcmp(c->at, text, length) != 0) return 0;
  c->at += length;
  return 1;
}

/* A string in single or double quotes, without escapes. */
static int take_string(cursor *c, char out[32]) {
  skip_blanks(c);
  if (c->at == c->end || (*c->at != '\'' && *c->at != '"')) return 0;
  const char quote = *c->at++;
  const char *close = memchr(c->at, quote, (size_t)(c->end - c->at));
  if (close == NULL || close - c->at > 31) return 0;
  memcpy(out, c->at, (size_t)(close - c->at));
  out[close - c->at] = 0;
  c->at = close + 1;
  return 1;
}

static int take_number(cursor *c, int64_t *out) {
  skip_blanks(c);
  const char *first = c->at;
  for (*out = 0; c->at < c->end && *c->at >= '0' && *c->at <= '9' && c->at - first < 15; c->at++)
    *out = *out * 10 + (*c->at - '0');
  if (c->at < c->end && *c->at == 'L') c->at++; /* of Python 2 */
  return c->at > first;
}

static const char *take_shape(cursor *c, sq_npy_header *h) {
  if (!take(c, "(")) return "its shape is no tuple";
  h->elements = 1;
  while (!take(c, ")")) {
    int64_t size;
    if (h->rank == SQ_NPY_RANK) return "it has more than 8 dimensions";
    if (!take_number(c, &size)) return "its shape is not whole numbers";
    if (!sq_mul_size(h->elements, size, &h->elements)) return "it is too large";
    h->shape[h->rank++] = size;
    if (!take(c, ",") && (c->at == c->end || *c->at != ')')) return "its shape is no tuple";
  }
  return NULL;
}

/* Letters of NumPy: byte order, kind, bytes. */
static int known_type(const char *text, sq_npy_header *h) {
  if (strlen(text) != 3 || strchr("<>|=", text[0]) == NULL) return 0;
  h->kind = text[1];
  h->width = text[2] - '0';
  h->swapped = text[0] == '>';
  memcpy(h->dtype, text, 4);
  if (h->kind == 'b') return h->width == 1;
  if (h->kind == 'f') return h->width == 2 || h->width == 4 || h->width == 8;
  return (h->kind == 'i' || h->kind == 'u') &&
         (h->width == 1 || h->width == 2 || h->width == 4 || h->width == 8);
}

enum { SEEN_TYPE = 1, SEEN_ORDER = 2, SEEN_SHAPE = 4, SEEN_ALL = 7 };

/* One "'key': value"; the sentence of what is wrong, or NULL. */
static const char *take_entry(cursor *c, sq_npy_header *h, char type[32], int *seen) {
  char key[32];
  if (!take_string(c, key) || !take(c, ":")) return "its header is no dictionary";
  const int bit = strcmp(key, "descr") == 0           ? SEEN_TYPE
                  : strcmp(key, "fortran_order") == 0 ? SEEN_ORDER
                  : strcmp(key, "shape") == 0         ? SEEN_SHAPE
                                                      : 0;
  if (bit == 0 || *seen & bit) return "its header has a key that is unknown or there twice";
  *seen |= bit;
  if (bit == SEEN_SHAPE) return take_shape(c, h);
  if (bit == SEEN_TYPE) {
    if (take_string(c, type)) return NULL;
    if (take(c, "[") || take(c, "(")) strcpy(type, "a structure");
    return "its descr is no string";
  }
  h->fortran = take(c, "True");
  return h->fortran || take(c, "False") ? NULL : "its fortran_order is neither True nor False";
}

seqgpu_status sq_npy_parse(seqgpu_context *ctx, const char *name, const char *text, size_t length,
                           sq_npy_header *out) {
  cursor c = {text, text + length};
  char type[32] = "";
  const char *why = NULL;
  int seen = 0;
  memset(out, 0, sizeof *out);
  if (!take(&c, "{")) why = "its header is no dictionary";
  while (why == NULL && !take(&c, "}")) {
    why = take_entry(&c, out, type, &seen);
    if (why == NULL && !take(&c, ",") && (c.at == c.end || *c.at != '}')) why = "its header is no dictionary";
  }
  const int structure = strcmp(type, "a structure") == 0;
  if (structure || (why == NULL && seen == SEEN_ALL && !known_type(type, out)))
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                   "%s: its elements are of type %s; they must be floats, integers or booleans", name, type);
  if (why == NULL && seen != SEEN_ALL) why = "its header lacks descr, fortran_order or shape";
  return why ? sq_fail(ctx, SEQGPU_EFORMAT, "%s: is no valid .npy: %s", name, why) : SEQGPU_OK;
}

/* ---------------------------------------------------------------- numbers */

double sq_npy_number(const sq_npy_header *h, const unsigned char *bytes) {
  uint64_t bits = 0;
  for (int i = 0; i < h->width; i++) bits |= (uint64_t)bytes[h->swapped ? h->width - 1 - i : i] << 8 * i;
  float narrow;
  double value;
  const uint32_t low = (uint32_t)bits;
  if (h->kind == 'u' || h->kind == 'b') return (double)bits;
  if (h->kind == 'i') {
    const int unused = 64 - 8 * h->width;
    return (double)((int64_t)(bits << unused) >> unused);
  }
  const uint16_t half = (uint16_t)bits;
  if (h->width == 2) return sq_st_element(&half, SQ_ST_F16, 0);
  memcpy(&narrow, &low, sizeof narrow);
  memcpy(&value, &bits, sizeof value);
  return h->width == 4 ? (double)narrow : value;
}
