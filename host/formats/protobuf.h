/* protobuf.h - the wire format of Protocol Buffers: fields off a message, and fields onto one (protobuf.c).
 *
 *   message = field*      field = key value      key = varint of number << 3 | type
 *   type 0: a varint, seven bits a byte, the lowest first       type 1: 8 bytes, little-endian
 *   type 2: a varint n, then n bytes: text, a message, or a packed list of numbers      type 5: 4 bytes
 *
 * (protobuf.dev/programming-guides/encoding.)  Types 3 and 4, the groups of long ago, are refused.  Nothing
 * is copied: what is read points into the message.  Messages inside messages are read where somebody asks for
 * them, so nothing here recurses.
 */
#ifndef SQ_PROTOBUF_H
#define SQ_PROTOBUF_H

#include "host/files/read.h"

enum { SQ_PB_VARINT = 0, SQ_PB_EIGHT = 1, SQ_PB_BYTES = 2, SQ_PB_FOUR = 5 };

typedef struct sq_pb_field {
  int number;     /* from 1 */
  int type;       /* one of the four */
  uint64_t value; /* of types 0, 1 and 5 */
  sq_bytes bytes; /* of type 2 */
} sq_pb_field;

/* Takes the next field off the front of *message.  1: here it is; 0: the message is at its end; -1: it is
 * damaged. */
int sq_pb_next(sq_bytes *message, sq_pb_field *out);

/* Takes the next number off the front of the bytes of a packed list of varints: 1, 0 or -1 as above. */
int sq_pb_varint(sq_bytes *list, uint64_t *out);

/* A message as it grows.  All zeros but ctx to begin with; the data are the caller's to free
 * (sq_host_free).  After `failed`, out of memory, nothing more is added. */
typedef struct sq_pb_out {
  seqgpu_context *ctx;
  unsigned char *data;
  size_t size, room;
  int failed;
} sq_pb_out;

void sq_pb_put_number(sq_pb_out *out, int number, int64_t value);
void sq_pb_put_float(sq_pb_out *out, int number, float value);
void sq_pb_put_bytes(sq_pb_out *out, int number, const void *bytes, size_t size);
void sq_pb_put_text(sq_pb_out *out, int number, const char *text);

/* A message inside: what is put between begin and end is its content; `start` is what begin returned. */
size_t sq_pb_begin(sq_pb_out *out, int number);
void sq_pb_end(sq_pb_out *out, size_t start);

/* Room for `size` more bytes at the end, counted as written, NULL after a failure: for large contents. */
unsigned char *sq_pb_extend(sq_pb_out *out, size_t size);

#endif
