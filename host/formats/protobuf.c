/* protobuf.c - the wire format of Protocol Buffers (protobuf.h). */
#include "host/formats/protobuf.h"

#include <string.h>

/* ---------------------------------------------------------------- reading */

enum { VARINT_BYTES = 10, LEAST_ROOM = 256 };

int sq_pb_varint(sq_bytes *list, uint64_t *out) {
  uint64_t value = 0;
  if (list->size == 0) return 0;
  for (size_t i = 0; i < VARINT_BYTES && i < list->size; i++) {
    const uint64_t seven = list->at[i] & 0x7f;
    if (i == VARINT_BYTES - 1 && seven > 1) return -1; /* more than 64 bits */
    value |= seven << (7 * i);
    if (list->at[i] & 0x80) continue;
    *list = (sq_bytes){list->at + i + 1, list->size - i - 1};
    *out = value;
    return 1;
  }
  return -1;
}

/* `count` bytes off the front, as a little-endian number. */
static int take_fixed(sq_bytes *message, size_t count, uint64_t *out) {
  if (message->size < count) return -1;
  *out = 0;
  for (size_t i = 0; i < count; i++) *out |= (uint64_t)message->at[i] << (8 * i);
  *message = (sq_bytes){message->at + count, message->size - count};
  return 1;
}

static int take_bytes(sq_bytes *message, sq_bytes *out) {
  uint64_t length;
  if (sq_pb_varint(message, &length) != 1 || length > message->size) return -1;
  *out = (sq_bytes){message->at, (size_t)length};
  *message = (sq_bytes){message->at + length, message->size - (size_t)length};
  return 1;
}

int sq_pb_next(sq_bytes *message, sq_pb_field *out) {
  uint64_t key;
  const int got = sq_pb_varint(message, &key);
  if (got != 1) return got;
  if (key >> 3 == 0 || key >> 3 > 0x1fffffff) return -1; /* numbers have 29 bits */
  *out = (sq_pb_field){.number = (int)(key >> 3), .type = (int)(key & 7)};
  switch (out->type) {
  case SQ_PB_VARINT:
    return sq_pb_varint(message, &out->value) == 1 ? 1 : -1;
  case SQ_PB_EIGHT:
    return take_fixed(message, 8, &out->value);
  case SQ_PB_BYTES:
    return take_bytes(message, &out->bytes);
  case SQ_PB_FOUR:
    return take_fixed(message, 4, &out->value);
  default:
    return -1;
  }
}

/* ---------------------------------------------------------------- writing */

unsigned char *sq_pb_extend(sq_pb_out *out, size_t size) {
  if (out->failed) return NULL;
  if (size > out->room - out->size) {
    const size_t least = out->size + size, room = least > 2 * out->room ? least : 2 * out->room;
    const size_t larger = room > LEAST_ROOM ? room : LEAST_ROOM;
    out->failed = !sq_host_enlarge(out->ctx, (void **)&out->data, out->size, larger);
    if (out->failed) return NULL;
    out->room = larger;
  }
  out->size += size;
  return out->data + out->size - size;
}

static size_t encode(uint64_t value, unsigned char form[VARINT_BYTES]) {
  size_t n = 0;
  for (; value > 0x7f; value >>= 7) form[n++] = (unsigned char)(value | 0x80);
  form[n++] = (unsigned char)value;
  return n;
}

static void put(sq_pb_out *out, const void *bytes, size_t size) {
  unsigned char *to = sq_pb_extend(out, size);
  if (to && size) memcpy(to, bytes, size);
}

static void put_varint(sq_pb_out *out, uint64_t value) {
  unsigned char form[VARINT_BYTES];
  put(out, form, encode(value, form));
}

static void put_key(sq_pb_out *out, int number, int type) {
  put_varint(out, (uint64_t)number << 3 | (uint64_t)type);
}

void sq_pb_put_number(sq_pb_out *out, int number, int64_t value) {
  put_key(out, number, SQ_PB_VARINT);
  put_varint(out, (uint64_t)value);
}

void sq_pb_put_float(sq_pb_out *out, int number, float value) {
  put_key(out, number, SQ_PB_FOUR);
  put(out, &value, sizeof value);
}

void sq_pb_put_bytes(sq_pb_out *out, int number, const void *bytes, size_t size) {
  put_key(out, number, SQ_PB_BYTES);
  put_varint(out, size);
  put(out, bytes, size);
}

void sq_pb_put_text(sq_pb_out *out, int number, const char *text) {
  sq_pb_put_bytes(out, number, text, strlen(text));
}

size_t sq_pb_begin(sq_pb_out *out, int number) {
  put_key(out, number, SQ_PB_BYTES);
  return out->size;
}

/* The length is known only now: the content moves up to make room for it. */
void sq_pb_end(sq_pb_out *out, size_t start) {
  unsigned char form[VARINT_BYTES];
  if (out->failed) return;
  const size_t content = out->size - start, length = encode(content, form);
  if (sq_pb_extend(out, length) == NULL) return;
  memmove(out->data + start + length, out->data + start, content);
  memcpy(out->data + start, form, length);
}
