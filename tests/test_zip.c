/* test_zip.c - zip files below .npz (host/formats/zip.h): each field of the records is believed only where it
 * can be true, and a stream gives exactly the bytes that were packed.
 *
 * A good archive is built in memory, record by record, and each row changes one field of it.  Deflated
 * members are made of stored blocks, which need no compressor.
 */
#define _GNU_SOURCE /* fopencookie */

#include "host/formats/zip.h"
#include "tests/failing.h"
#include "tests/refused.h"

static seqgpu_context *ctx;

enum { ROOM = 1 << 18, MEMBERS = 2 };

/* Where its records begin. */
typedef struct archive {
  unsigned char bytes[ROOM];
  size_t size, local[MEMBERS], entry[MEMBERS], end;
} archive;

/* ---------------------------------------------------------------- building */

static void put(unsigned char *at, int width, uint32_t value) {
  for (int i = 0; i < width; i++) at[i] = (unsigned char)(value >> 8 * i);
}

/* CRC-32, bit by bit. */
static uint32_t crc_of(const unsigned char *bytes, size_t size) {
  uint32_t sum = ~0u;
  for (size_t i = 0; i < size; i++) {
    sum ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum;
}

/* Data as deflate's stored blocks; the bytes of the whole. */
static size_t deflate(const unsigned char *data, size_t size, unsigned char *out) {
  enum { BLOCK = 50000 };
  size_t used = 0;
  for (size_t at = 0; at < size; at += BLOCK) {
    const size_t part = size - at < BLOCK ? size - at : BLOCK;
    out[used] = at + part == size; /* the last one */
    put(out + used + 1, 2, (uint32_t)part);
    put(out + used + 3, 2, (uint32_t)~part);
    memcpy(out + used + 5, data + at, part);
    used += 5 + part;
  }
  return used;
}

typedef struct content {
  const char *name;
  const unsigned char *data;
  size_t size;
  int deflated;
} content;

/* The fields that both records share, from the version needed to the lengths. */
static void put_common(unsigned char *at, const content *c, size_t packed) {
  put(at, 2, 20);
  put(at + 4, 2, c->deflated ? 8 : 0);
  put(at + 10, 4, crc_of(c->data, c->size));
  put(at + 14, 4, (uint32_t)packed);
  put(at + 18, 4, (uint32_t)c->size);
  put(at + 22, 2, (uint32_t)strlen(c->name));
}

static void build(archive *a, const content *members, int count) {
  size_t packed[MEMBERS];
  memset(a, 0, sizeof *a);
  for (int i = 0; i < count; i++) {
    unsigned char *at = a->bytes + (a->local[i] = a->size), *data = at + 30 + strlen(members[i].name);
    memcpy(at, "PK\3\4", 4);
    memcpy(at + 30, members[i].name, strlen(members[i].name));
    packed[i] = members[i].deflated ? deflate(members[i].data, members[i].size, data) : members[i].size;
    if (!members[i].deflated) memcpy(data, members[i].data, members[i].size);
    put_common(at + 4, &members[i], packed[i]);
    a->size += 30 + strlen(members[i].name) + packed[i];
  }
  const size_t directory = a->size;
  for (int i = 0; i < count; i++) {
    unsigned char *at = a->bytes + (a->entry[i] = a->size);
    memcpy(at, "PK\1\2", 4);
    put_common(at + 6, &members[i], packed[i]);
    put(at + 42, 4, (uint32_t)a->local[i]);
    memcpy(at + 46, members[i].name, strlen(members[i].name));
    a->size += 46 + strlen(members[i].name);
  }
  unsigned char *end = a->bytes + (a->end = a->size);
  memcpy(end, "PK\5\6", 4);
  put(end + 10, 2, (uint32_t)count);
  put(end + 12, 4, (uint32_t)(a->size - directory));
  put(end + 16, 4, (uint32_t)directory);
  a->size += 22;
}

/* ---------------------------------------------------------------- reading */

static const content two[MEMBERS] = {{"a", (const unsigned char *)"hello", 5, 0},
                                     {"b", (const unsigned char *)"goodbye", 7, 1}};

/* Reads a member to its end, in two parts; its bytes go to `out`. */
static seqgpu_status read_member(FILE *file, int64_t bytes, const sq_zip_member *m, unsigned char *out) {
  sq_zip_stream *stream = NULL;
  seqgpu_status status = sq_zip_open(ctx, "x.zip", file, bytes, m, &stream);
  const size_t half = (size_t)m->size / 2;
  if (status == SEQGPU_OK) status = sq_zip_read(stream, out, half);
  if (status == SEQGPU_OK) status = sq_zip_read(stream, out + half, (size_t)m->size - half);
  if (status == SEQGPU_OK) status = sq_zip_check(stream);
  sq_zip_close(stream);
  return status;
}

/* Reads all members, which must be those that were packed. */
static seqgpu_status read_archive(archive *a, const content *members, int count) {
  static unsigned char out[ROOM];
  sq_zip_member *found = NULL;
  int n = 0;
  FILE *file = fmemopen(a->bytes, a->size, "rb");
  seqgpu_status status = sq_zip_directory(ctx, "x.zip", file, (int64_t)a->size, &found, &n);
  for (int i = 0; status == SEQGPU_OK && i < n; i++) {
    status = read_member(file, (int64_t)a->size, &found[i], out);
    if (status == SEQGPU_OK && (n != count || strcmp(found[i].name, members[i].name) != 0 ||
                                memcmp(out, members[i].data, members[i].size) != 0))
      status = SEQGPU_EDEVICE; /* what is no status of the reader's */
  }
  sq_zip_free_members(ctx, found, n);
  fclose(file);
  return status;
}

/* Whether this build unpacks. */
static int unpacks(void) {
  static archive a;
  build(&a, two, 2);
  const seqgpu_status status = read_archive(&a, two, 2);
  if (status == SEQGPU_EUNSUPPORTED) {
    check_skip(seqgpu_last_error(ctx), "deflated members of a zip file");
    return 0;
  }
  check_record(status == SEQGPU_OK, seqgpu_last_error(ctx), "a stored and a deflated member");
  return 1;
}

/* ---------------------------------------------------------------- one field that is wrong */

typedef enum record { LOCAL_0, LOCAL_1, DATA_1, ENTRY_0, ENTRY_1, END } record;

/* A field of a record, and what it says instead. */
static const struct {
  const char *name;
  record record;
  int offset, width;
  uint32_t value;
  seqgpu_status status;
  const char *word;
} faults[] = {
    {"nothing", END, 0, 0, 0, SEQGPU_OK, ""},
    {"no end record", END, 3, 1, 7, SEQGPU_EFORMAT, "it has no directory"},
    {"a comment that is not there", END, 20, 2, 1, SEQGPU_EFORMAT, "it has no directory"},
    {"a directory beyond the end", END, 16, 4, 200, SEQGPU_EFORMAT, "it has no directory"},
    {"more entries than there are", END, 10, 2, 3, SEQGPU_EFORMAT, "its directory is damaged"},
    {"fewer bytes than an entry has", END, 12, 4, 30, SEQGPU_EFORMAT, "its directory is damaged"},
    {"no entry", ENTRY_1, 0, 1, 'Q', SEQGPU_EFORMAT, "its directory is damaged"},
    {"a name beyond the directory", ENTRY_1, 28, 2, 900, SEQGPU_EFORMAT, "its directory is damaged"},
    {"a control character", ENTRY_0, 46, 1, 0x1b, SEQGPU_EFORMAT, "a name has a control character"},
    {"another one", ENTRY_0, 46, 1, 0x7f, SEQGPU_EFORMAT, "a name has a control character"},
    {"4 GiB packed", ENTRY_0, 20, 4, UINT32_MAX, SEQGPU_EUNSUPPORTED, "\"a\" has 4 GiB or more"},
    {"4 GiB unpacked", ENTRY_0, 24, 4, UINT32_MAX, SEQGPU_EUNSUPPORTED, "\"a\" has 4 GiB or more"},
    {"4 GiB before it", ENTRY_0, 42, 4, UINT32_MAX, SEQGPU_EUNSUPPORTED, "\"a\" has 4 GiB or more"},
    {"encryption", ENTRY_0, 8, 2, 1, SEQGPU_EUNSUPPORTED, "member \"a\" is encrypted"},
    {"another method", ENTRY_0, 10, 2, 12, SEQGPU_EUNSUPPORTED,
     "\"a\" is compressed by method 12; it must be"},
    {"a header beyond the end", ENTRY_0, 42, 4, 5000, SEQGPU_EFORMAT, "\"a\" has sizes that cannot be"},
    {"another size than it is stored in", ENTRY_0, 24, 4, 6, SEQGPU_EFORMAT,
     "\"a\" has sizes that cannot be"},
    {"more than can be packed", ENTRY_1, 24, 4, 1 << 20, SEQGPU_EFORMAT, "\"b\" has sizes that cannot be"},
    {"no local header", LOCAL_0, 2, 1, 9, SEQGPU_EFORMAT, "member \"a\" has no header"},
    {"data beyond the end", LOCAL_0, 28, 2, 500, SEQGPU_EFORMAT, "\"a\" extends beyond the end of the file"},
    {"another checksum", ENTRY_0, 16, 1, 1, SEQGPU_EFORMAT, "another checksum than its directory says"},
    {"no deflated data", DATA_1, 0, 1, 7, SEQGPU_EFORMAT, "member \"b\" cannot be unpacked"},
    {"deflated data of another size", ENTRY_1, 24, 4, 20, SEQGPU_EFORMAT, "member \"b\" cannot be unpacked"},
    {"deflated data that are cut off", ENTRY_1, 20, 4, 8, SEQGPU_EFORMAT, "member \"b\" is cut off"},
    {"deflated data that are cut off early", ENTRY_1, 20, 4, 1, SEQGPU_EFORMAT, "member \"b\" is cut off"},
};

static void test_faults(void) {
  static archive a;
  for (size_t i = 0; i < COUNT(faults); i++) {
    build(&a, two, 2);
    const size_t places[] = {a.local[0], a.local[1], a.local[1] + 31, a.entry[0], a.entry[1], a.end};
    put(a.bytes + places[faults[i].record] + faults[i].offset, faults[i].width, faults[i].value);
    forget_error(ctx);
    const seqgpu_status status = read_archive(&a, two, 2);
    if (status == SEQGPU_OK || faults[i].status == SEQGPU_OK)
      CHECK(status == faults[i].status, "%s is wrong", faults[i].name);
    else
      refused(ctx, status, faults[i].status, faults[i].word, faults[i].name);
  }
}

/* ---------------------------------------------------------------- other shapes of a file */

/* More than is unpacked at once, and more than is searched for the end record. */
static void test_large(void) {
  enum { LARGE = 100000 };
  static unsigned char data[LARGE];
  static archive a;
  for (size_t i = 0; i < LARGE; i++) data[i] = (unsigned char)check_random();
  for (int deflated = 0; deflated < 2; deflated++) {
    const content one = {"large", data, LARGE, deflated};
    build(&a, &one, 1);
    const seqgpu_status status = read_archive(&a, &one, 1);
    check_record(status == SEQGPU_OK, seqgpu_last_error(ctx), "100000 bytes, deflated: %d", deflated);
  }
}

static void test_comment(void) {
  static archive a;
  build(&a, two, 1);
  put(a.bytes + a.end + 20, 2, 4);
  memcpy(a.bytes + a.size, "PK\5\6", 4); /* a comment that looks like an end record itself */
  a.size += 4;
  CHECK(read_archive(&a, two, 1) == SEQGPU_OK, "an archive with a comment");
  a.size = 21;
  REFUSED(ctx, EFORMAT, "it has no directory", read_archive(&a, two, 1));
}

/* A file that is no archive, read as one member. */
static void test_whole_file(void) {
  char text[] = "12345", out[8];
  FILE *file = fmemopen(text, 5, "rb");
  sq_zip_stream *stream = NULL;
  CHECK(sq_zip_open(ctx, "x.npy", file, 5, NULL, &stream) == SEQGPU_OK &&
            sq_zip_read(stream, out, 4) == SEQGPU_OK && memcmp(out, text, 4) == 0,
        "a file as a stream");
  REFUSED(ctx, EFORMAT, "the file has bytes after its last", sq_zip_check(stream));
  REFUSED(ctx, EFORMAT, "the file is cut", sq_zip_read(stream, out, 2));
  CHECK(sq_zip_read(stream, out, 1) == SEQGPU_OK && out[0] == '5' && sq_zip_check(stream) == SEQGPU_OK,
        "and its last byte");
  sq_zip_close(stream);
  fclose(file);
  file = fmemopen(text, 3, "rb"); /* it has become shorter */
  CHECK(sq_zip_open(ctx, "x.npy", file, 5, NULL, &stream) == SEQGPU_OK, "a file as a stream");
  REFUSED(ctx, EFORMAT, "it is cut off", sq_zip_read(stream, out, 5));
  sq_zip_close(stream);
  sq_zip_close(NULL);
  fclose(file);
}

/* A disk that fails: each read, or each seek, from number `good` on. */
typedef struct disk {
  FILE *file;
  int reads, seeks;
} disk;

static ssize_t disk_read(void *self, char *to, size_t size) {
  disk *d = self;
  return d->reads-- > 0 ? (ssize_t)fread(to, 1, size, d->file) : -1;
}

static int disk_seek(void *self, off64_t *at, int whence) {
  disk *d = self;
  if (d->seeks-- <= 0 || fseek(d->file, (long)*at, whence) != 0) return -1;
  *at = ftell(d->file);
  return 0;
}

static void test_broken_disk(void) {
  static archive a;
  static const cookie_io_functions_t calls = {.read = disk_read, .seek = disk_seek};
  build(&a, two, 2);
  for (int seeks = 0; seeks < 2; seeks++) {
    disk d = {fmemopen(a.bytes, a.size, "rb"), seeks ? 99 : 0, seeks ? 0 : 99};
    sq_zip_member *members = NULL;
    int count = 0;
    FILE *file = fopencookie(&d, "rb", calls);
    setvbuf(file, NULL, _IONBF, 0);
    REFUSED(ctx, EIO, "x.zip: cannot read",
            sq_zip_directory(ctx, "x.zip", file, (int64_t)a.size, &members, &count));
    fclose(file);
    fclose(d.file);
  }
}

/* ---------------------------------------------------------------- writing, and memory */

static void test_writing(void) {
  static sq_zip_part parts[65536];
  unsigned char bytes[64];
  FILE *file = fmemopen(bytes, sizeof bytes, "wb");
  sq_zip_part huge = {.name = "a", .head = "", .data = bytes, .data_size = UINT32_MAX};
  REFUSED(ctx, EUNSUPPORTED, "4 GiB or more", sq_zip_write(ctx, "x.zip", file, &huge, 1));
  for (int i = 0; i < 65536; i++) parts[i] = (sq_zip_part){.name = "a", .head = ""};
  REFUSED(ctx, EUNSUPPORTED, "more than 65535 arrays", sq_zip_write(ctx, "x.zip", file, parts, 65536));
  CHECK(ftell(file) == 0, "and nothing is written");
  fclose(file);
}

static seqgpu_status read_both(seqgpu_context *c) {
  static archive a;
  seqgpu_context *before = ctx;
  build(&a, two, 2);
  ctx = c;
  const seqgpu_status status = read_archive(&a, two, 2);
  ctx = before;
  return status;
}

int main(void) {
  check_start();
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  if (!CHECK(seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context")) return check_finish();
  if (unpacks()) {
    test_faults();
    test_large();
    failing_each("cpu", read_both, 0);
  }
  test_comment();
  test_whole_file();
  test_broken_disk();
  test_writing();
  seqgpu_context_destroy(ctx);
  return check_finish();
}
