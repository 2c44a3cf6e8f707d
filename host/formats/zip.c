/* zip.c - the members of a zip file (zip.h; PKWARE's APPNOTE 6.3, the records below).
 *
 *   local header   "PK" 3 4  ...  26: name length, 28: extra length, 30: name, extra, then the data
 *   directory      "PK" 1 2  8: flags  10: method  16: crc, sizes  28: lengths  42: local header
 *                            46: name, extra, comment
 *   end            "PK" 5 6  10: entries  12: size  16: directory  20: comment length
 *
 * The directory is what counts; local headers only say where the data begin.
 */
#include "host/formats/zip.h"

#include <stdlib.h>
#include <string.h>

#ifdef SEQGPU_ZLIB
#include <zlib.h>
#endif

#include "host/files/read.h"

enum { LOCAL = 30, ENTRY = 46, END = 22, COMMENT = 65535, STORED = 0, DEFLATED = 8, CHUNK = 1 << 14 };
enum { MOST_RATIO = 1032 }; /* deflate makes no less of its input: a smaller member lies about its size */
static const char local_mark[] = "PK\3\4", entry_mark[] = "PK\1\2", end_mark[] = "PK\5\6";

static uint32_t u16(const unsigned char *p) { return (uint32_t)(p[0] | p[1] << 8); }
static uint32_t u32(const unsigned char *p) { return u16(p) | u16(p + 2) << 16; }

static seqgpu_status bad(seqgpu_context *ctx, const char *path, const char *why) {
  return sq_fail(ctx, SEQGPU_EFORMAT, "%s: is no valid zip file: %s", path, why);
}

/* ---------------------------------------------------------------- the directory */

static seqgpu_status read_at(seqgpu_context *ctx, const char *path, FILE *file, int64_t at, void *to,
                             size_t size) {
  size_t got;
  SQ_TRY(sq_file_seek(ctx, path, file, at));
  SQ_TRY(sq_file_take(ctx, path, file, to, size, &got));
  return got == size ? SEQGPU_OK : bad(ctx, path, "it is cut off");
}

/* The end record is last, behind it only a comment as long as it says. */
static const unsigned char *find_end(const unsigned char *tail, size_t size) {
  for (size_t i = size < END ? 0 : size - END + 1; i-- > 0;)
    if (memcmp(tail + i, end_mark, 4) == 0 && i + END + u16(tail + i + 20) == size) return tail + i;
  return NULL;
}

static seqgpu_status read_entry(seqgpu_context *ctx, const char *path, const unsigned char *e, size_t room,
                                int64_t bytes, sq_zip_member *m, size_t *length) {
  if (room < ENTRY || memcmp(e, entry_mark, 4) != 0) return bad(ctx, path, "its directory is damaged");
  const size_t name = u16(e + 28);
  *length = ENTRY + name + u16(e + 30) + u16(e + 32);
  if (*length > room) return bad(ctx, path, "its directory is damaged");
  for (size_t i = 0; i < name; i++)
    if (e[ENTRY + i] < 0x20 || e[ENTRY + i] == 0x7f) return bad(ctx, path, "a name has a control character");
  m->name = sq_host_alloc(ctx, name + 1);
  if (m->name == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  memcpy(m->name, e + ENTRY, name);
  m->crc = u32(e + 16);
  m->packed = u32(e + 20);
  m->size = u32(e + 24);
  m->header = u32(e + 42);
  m->deflated = u16(e + 10) == DEFLATED;
  if (m->packed == UINT32_MAX || m->size == UINT32_MAX || m->header == UINT32_MAX)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "%s: member \"%.60s\" has 4 GiB or more", path, m->name);
  if (u16(e + 8) & 1)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "%s: member \"%.60s\" is encrypted", path, m->name);
  if (!m->deflated && u16(e + 10) != STORED)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                   "%s: member \"%.60s\" is compressed by method %u; it must be stored or deflated", path,
                   m->name, (unsigned)u16(e + 10));
  if (m->header + LOCAL + m->packed > bytes || (!m->deflated && m->packed != m->size) ||
      m->size / MOST_RATIO > m->packed)
    return sq_fail(ctx, SEQGPU_EFORMAT, "%s: member \"%.60s\" has sizes that cannot be", path, m->name);
  return SEQGPU_OK;
}

static seqgpu_status read_entries(seqgpu_context *ctx, const char *path, const unsigned char *directory,
                                  size_t size, int64_t bytes, sq_zip_member *members, int *count, int most) {
  size_t at = 0, length = 0;
  while (*count < most) {
    const seqgpu_status status =
        read_entry(ctx, path, directory + at, size - at, bytes, &members[(*count)++], &length);
    if (status != SEQGPU_OK) return status;
    at += length;
  }
  return SEQGPU_OK;
}

static int by_place(const void *a, const void *b) {
  const sq_zip_member *x = a, *y = b;
  return (x->header > y->header) - (x->header < y->header);
}

/* Members that share bytes would be more, unpacked, than so many bytes can be. */
static seqgpu_status check_places(seqgpu_context *ctx, const char *path, sq_zip_member *members, int count) {
  if (count > 0) qsort(members, (size_t)count, sizeof *members, by_place);
  for (int i = 1; i < count; i++)
    if (members[i - 1].header + LOCAL + members[i - 1].packed > members[i].header)
      return sq_fail(ctx, SEQGPU_EFORMAT, "%s: member \"%.60s\" overlaps another one", path, members[i].name);
  return SEQGPU_OK;
}

seqgpu_status sq_zip_directory(seqgpu_context *ctx, const char *path, FILE *file, int64_t bytes,
                               sq_zip_member **members, int *count) {
  const size_t size = bytes < END + COMMENT ? (size_t)bytes : END + COMMENT;
  unsigned char *tail = sq_host_alloc(ctx, size + 1), *directory = NULL;
  *members = NULL;
  *count = 0;
  if (tail == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  seqgpu_status status = read_at(ctx, path, file, bytes - (int64_t)size, tail, size);
  const unsigned char *end = status == SEQGPU_OK ? find_end(tail, size) : NULL;
  if (status == SEQGPU_OK && (end == NULL || (int64_t)u32(end + 12) + u32(end + 16) > bytes))
    status = bad(ctx, path, "it has no directory");
  if (status == SEQGPU_OK) {
    const int most = (int)u16(end + 10);
    const size_t all = u32(end + 12);
    directory = sq_host_alloc(ctx, all + 1);
    *members = sq_host_alloc(ctx, (size_t)most * sizeof **members + 1);
    if (directory == NULL || *members == NULL)
      status = sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
    if (status == SEQGPU_OK) status = read_at(ctx, path, file, u32(end + 16), directory, all);
    if (status == SEQGPU_OK) status = read_entries(ctx, path, directory, all, bytes, *members, count, most);
    if (status == SEQGPU_OK) status = check_places(ctx, path, *members, *count);
  }
  sq_host_free(ctx, tail);
  sq_host_free(ctx, directory);
  if (status == SEQGPU_OK) return status;
  sq_zip_free_members(ctx, *members, *count);
  *members = NULL;
  *count = 0;
  return status;
}

void sq_zip_free_members(seqgpu_context *ctx, sq_zip_member *members, int count) {
  for (int i = 0; i < count; i++) sq_host_free(ctx, members[i].name);
  sq_host_free(ctx, members);
}

/* ---------------------------------------------------------------- a member as a stream */

struct sq_zip_stream {
  seqgpu_context *ctx;
  const char *path, *name;
  FILE *file;
  int deflated, checked;
  int64_t at, packed, size; /* packed and unpacked bytes that are still to come, and where in the file */
  uint32_t sum, expected;
  sq_crc crc; /* made if checked */
#ifdef SEQGPU_ZLIB
  z_stream z;
  unsigned char chunk[CHUNK];
#endif
};

static seqgpu_status bad_member(const sq_zip_stream *s, const char *why) {
  return sq_fail(s->ctx, SEQGPU_EFORMAT, "%s: %s%.60s%s %s", s->path, s->name[0] ? "member \"" : "", s->name,
                 s->name[0] ? "\"" : "the file", why);
}

/* Where the data of a member begin. */
static seqgpu_status find_data(sq_zip_stream *s, const sq_zip_member *m, int64_t bytes) {
  unsigned char local[LOCAL];
  SQ_TRY(read_at(s->ctx, s->path, s->file, m->header, local, sizeof local));
  if (memcmp(local, local_mark, 4) != 0) return bad_member(s, "has no header");
  s->at = m->header + LOCAL + u16(local + 26) + u16(local + 28);
  return s->at + s->packed > bytes ? bad_member(s, "extends beyond the end of the file") : SEQGPU_OK;
}

#ifdef SEQGPU_ZLIB
/* zlib's memory is the context's, too. */
static void *inflate_alloc(void *user, uInt items, uInt size) {
  return sq_host_alloc(user, (size_t)items * size);
}

static void inflate_free(void *user, void *pointer) { sq_host_free(user, pointer); }
#endif

static seqgpu_status begin_inflating(sq_zip_stream *s) {
#ifdef SEQGPU_ZLIB
  s->z = (z_stream){.zalloc = inflate_alloc, .zfree = inflate_free, .opaque = s->ctx};
  if (inflateInit2(&s->z, -MAX_WBITS) == Z_OK) return SEQGPU_OK;
  s->deflated = 0;
  return sq_fail(s->ctx, SEQGPU_ENOMEM, "%s: out of memory", s->path);
#else
  s->deflated = 0;
  return sq_fail(s->ctx, SEQGPU_EUNSUPPORTED, "%s: member \"%.60s\" is deflated; this build has no zlib",
                 s->path, s->name);
#endif
}

seqgpu_status sq_zip_open(seqgpu_context *ctx, const char *path, FILE *file, int64_t bytes,
                          const sq_zip_member *member, sq_zip_stream **out) {
  *out = NULL;
  sq_zip_stream *s = sq_host_alloc(ctx, sizeof *s);
  if (s == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  s->ctx = ctx;
  s->path = path;
  s->name = member ? member->name : "";
  s->file = file;
  s->packed = member ? member->packed : bytes;
  s->size = member ? member->size : bytes;
  s->checked = member != NULL;
  s->expected = member ? member->crc : 0;
  if (s->checked) sq_crc_make(&s->crc);
  seqgpu_status status = member ? find_data(s, member, bytes) : SEQGPU_OK;
  if (status == SEQGPU_OK && member && member->deflated) {
    s->deflated = 1;
    status = begin_inflating(s);
  }
  if (status == SEQGPU_OK) *out = s;
  if (status != SEQGPU_OK) sq_zip_close(s);
  return status;
}

static seqgpu_status read_stored(sq_zip_stream *s, void *to, size_t size) {
  SQ_TRY(read_at(s->ctx, s->path, s->file, s->at, to, size));
  s->at += (int64_t)size;
  s->packed -= (int64_t)size;
  return SEQGPU_OK;
}

#ifdef SEQGPU_ZLIB
static seqgpu_status read_deflated(sq_zip_stream *s, void *to, size_t size) {
  s->z.next_out = to;
  s->z.avail_out = (uInt)size;
  while (s->z.avail_out > 0) {
    if (s->z.avail_in == 0 && s->packed > 0) {
      const size_t next = s->packed < CHUNK ? (size_t)s->packed : CHUNK;
      SQ_TRY(read_stored(s, s->chunk, next));
      s->z.next_in = s->chunk;
      s->z.avail_in = (uInt)next;
    }
    const int code = inflate(&s->z, Z_NO_FLUSH);
    if (code == Z_MEM_ERROR) return sq_fail(s->ctx, SEQGPU_ENOMEM, "%s: out of memory", s->path);
    if (code == Z_BUF_ERROR) return bad_member(s, "is cut off"); /* all that there is has been taken */
    if (code != Z_OK && !(code == Z_STREAM_END && s->z.avail_out == 0))
      return bad_member(s, "cannot be unpacked");
  }
  return SEQGPU_OK;
}
#else
static seqgpu_status read_deflated(sq_zip_stream *s, void *to, size_t size) {
  (void)to;
  (void)size;
  return bad_member(s, "is deflated; this build has no zlib");
}
#endif

seqgpu_status sq_zip_read(sq_zip_stream *s, void *to, size_t size) {
  if ((int64_t)size > s->size) return bad_member(s, "is cut off");
  for (size_t done = 0; done < size;) {
    const size_t part = size - done < (1u << 30) ? size - done : 1u << 30; /* zlib counts in 32 bits */
    char *place = (char *)to + done;
    SQ_TRY(s->deflated ? read_deflated(s, place, part) : read_stored(s, place, part));
    done += part;
  }
  if (s->checked) s->sum = sq_crc_add(&s->crc, s->sum, to, size);
  s->size -= (int64_t)size;
  return SEQGPU_OK;
}

seqgpu_status sq_zip_check(sq_zip_stream *s) {
  if (s->size != 0) return bad_member(s, "has bytes after its last number");
  return s->checked && s->sum != s->expected ? bad_member(s, "has another checksum than its directory says")
                                             : SEQGPU_OK;
}

void sq_zip_close(sq_zip_stream *s) {
  if (s == NULL) return;
#ifdef SEQGPU_ZLIB
  if (s->deflated) inflateEnd(&s->z);
#endif
  sq_host_free(s->ctx, s);
}

/* ---------------------------------------------------------------- writing */

static void put16(FILE *file, uint32_t v) {
  fputc((int)(v & 255), file);
  fputc((int)(v >> 8 & 255), file);
}

static void put32(FILE *file, uint32_t v) {
  put16(file, v & 65535);
  put16(file, v >> 16);
}

/* The fields that both records share: version, flags, method, time, date (the first of 1980, so that the same
 * members make the same bytes), checksum, sizes, length of the name. */
static void put_common(FILE *file, const sq_zip_part *p) {
  const uint32_t size = (uint32_t)(p->head_size + p->data_size);
  const uint32_t fields[] = {20, 0, STORED, 0, 0x21};
  for (int i = 0; i < 5; i++) put16(file, fields[i]);
  put32(file, p->crc);
  put32(file, size);
  put32(file, size);
  put16(file, (uint32_t)strlen(p->name));
}

static uint64_t record_size(const sq_zip_part *p) {
  return LOCAL + strlen(p->name) + p->head_size + p->data_size;
}

static void put_member(FILE *file, const sq_zip_part *p) {
  fwrite(local_mark, 1, 4, file);
  put_common(file, p);
  put16(file, 0);
  fputs(p->name, file);
  fwrite(p->head, 1, p->head_size, file);
  if (p->data_size > 0) fwrite(p->data, 1, p->data_size, file);
}

static void put_entry(FILE *file, const sq_zip_part *p, uint32_t at) {
  fwrite(entry_mark, 1, 4, file);
  put16(file, 20);
  put_common(file, p);
  for (int i = 0; i < 4; i++) put16(file, 0); /* extra, comment, disk, internal attributes */
  put32(file, 0);                             /* external attributes */
  put32(file, at);
  fputs(p->name, file);
}

static seqgpu_status sum_parts(seqgpu_context *ctx, const char *path, sq_zip_part *parts, int count) {
  sq_crc *crc = sq_host_alloc(ctx, sizeof *crc);
  if (crc == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "%s: out of memory", path);
  sq_crc_make(crc);
  for (sq_zip_part *p = parts; p < parts + count; p++) {
    p->crc = sq_crc_add(crc, 0, p->head, p->head_size);
    if (p->data_size > 0) p->crc = sq_crc_add(crc, p->crc, p->data, p->data_size);
  }
  sq_host_free(ctx, crc);
  return SEQGPU_OK;
}

seqgpu_status sq_zip_write(seqgpu_context *ctx, const char *path, FILE *file, sq_zip_part *parts, int count) {
  uint64_t directory = 0, size = 0, at = 0;
  for (int i = 0; i < count; i++) directory += record_size(&parts[i]);
  for (int i = 0; i < count; i++) size += ENTRY + strlen(parts[i].name);
  if (directory + size + END >= UINT32_MAX || count > 65535)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "%s: would have 4 GiB or more, or more than 65535 arrays", path);
  SQ_TRY(sum_parts(ctx, path, parts, count));
  for (int i = 0; i < count; i++) put_member(file, &parts[i]);
  for (int i = 0; i < count; i++) {
    put_entry(file, &parts[i], (uint32_t)at);
    at += record_size(&parts[i]);
  }
  fwrite(end_mark, 1, 4, file);
  put32(file, 0); /* two disks */
  put16(file, (uint32_t)count);
  put16(file, (uint32_t)count);
  put32(file, (uint32_t)size);
  put32(file, (uint32_t)directory);
  put16(file, 0);
  return SEQGPU_OK;
}
