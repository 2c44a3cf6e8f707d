/* test_npy.c - .npy and .npz files (seqgpu/npy.h): what NumPy writes is read, what is written reads back, and
 * damaged files are refused.  goldens/exchange/types.npz and version*.npy are NumPy's (make_exchange.py).
 */
#define _POSIX_C_SOURCE 200809L

#include "seqgpu/seqgpu.h"
#include <sys/stat.h>
#include <unistd.h>

#include "host/formats/zip.h"
#include "tests/check.h"
#include "tests/failing.h"
#include "tests/refused.h"

static char folder[64]; /* of this run */
static seqgpu_context *ctx;

static const char *at(const char *name) {
  static char paths[4][160];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static void write_file(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  fwrite(bytes, 1, size, file);
  fclose(file);
}

/* ---------------------------------------------------------------- what NumPy writes */

/* Whether an array counts 0, 1, 2, ... */
static int counts_up(const seqgpu_npy *file, int index, int64_t elements) {
  seqgpu_npy_info info;
  double value[16];
  if (index < 0 || seqgpu_npy_get(file, index, &info) != SEQGPU_OK || info.elements != elements) return 0;
  if (seqgpu_npy_read(file, index, value) != SEQGPU_OK) return 0;
  for (int64_t i = 0; i < elements; i++)
    if (value[i] != (double)i) return 0;
  return 1;
}

static void test_types(void) {
  static const char *const names[] = {"f2", "f4", "f8", "i1", "i2",      "i4",      "i8",
                                      "u1", "u2", "u4", "u8", "swapped", "fortran", "cube"};
  seqgpu_npy *file = NULL;
  seqgpu_npy_info info;
  double value[16];
  if (!CHECK(seqgpu_npy_open(ctx, "goldens/exchange/types.npz", &file) == SEQGPU_OK, "NumPy's .npz opens"))
    return;
  for (size_t i = 0; i < COUNT(names); i++)
    CHECK(counts_up(file, seqgpu_npy_find(file, names[i]), 12), "type %s", names[i]);
  const int scalar = seqgpu_npy_find(file, "scalar"), empty = seqgpu_npy_find(file, "empty"),
            flags = seqgpu_npy_find(file, "flags");
  CHECK(seqgpu_npy_get(file, scalar, &info) == SEQGPU_OK && info.rank == 0 && info.elements == 1 &&
            strcmp(info.dtype, "<f8") == 0 && seqgpu_npy_read(file, scalar, value) == SEQGPU_OK &&
            value[0] == 7,
        "a scalar");
  CHECK(seqgpu_npy_get(file, empty, &info) == SEQGPU_OK && info.rank == 2 && info.shape[0] == 0 &&
            info.shape[1] == 3 && seqgpu_npy_read(file, empty, value) == SEQGPU_OK,
        "an empty array");
  CHECK(seqgpu_npy_read(file, flags, value) == SEQGPU_OK && value[0] == 0 && value[1] == 1, "booleans");
  CHECK(seqgpu_npy_find(file, "none") == -1 && seqgpu_npy_count(file) == 17, "names");
  REFUSED(ctx, EINVAL, "index is 17", seqgpu_npy_read(file, 17, value));
  REFUSED(ctx, EINVAL, "out", seqgpu_npy_read(file, 0, NULL));
  seqgpu_npy_close(file);
}

static void test_deflated(void) {
  seqgpu_npy *file = NULL;
  const seqgpu_status status = seqgpu_npy_open(ctx, "goldens/exchange/deflated.npz", &file);
  if (status == SEQGPU_EUNSUPPORTED)
    check_skip(seqgpu_last_error(ctx), "a deflated .npz");
  else
    CHECK(status == SEQGPU_OK && counts_up(file, seqgpu_npy_find(file, "cube"), 12), "a deflated .npz");
  seqgpu_npy_close(file);
}

static void test_versions(void) {
  char path[64];
  for (int version = 1; version <= 3; version++) {
    seqgpu_npy *file = NULL;
    snprintf(path, sizeof path, "goldens/exchange/version%d.npy", version);
    CHECK(seqgpu_npy_open(ctx, path, &file) == SEQGPU_OK && seqgpu_npy_count(file) == 1 &&
              counts_up(file, 0, 12),
          "version %d", version);
    seqgpu_npy_close(file);
  }
}

/* ---------------------------------------------------------------- there and back */

static void test_back(void) {
  float narrow[24];
  double wide[24], read[24];
  check_fill_f32(narrow, 24, -1, 1);
  check_fill_f64(wide, 24, -1, 1);
  const seqgpu_npy_array arrays[] = {
      {.name = "a/b", .dtype = SEQGPU_DTYPE_F32, .rank = 3, .shape = {2, 3, 4}, .values = narrow},
      {.name = "wide", .dtype = SEQGPU_DTYPE_F64, .rank = 1, .shape = {24}, .values = wide},
      {.name = "none", .dtype = SEQGPU_DTYPE_F64, .rank = 2, .shape = {0, 5}},
      {.name = "one", .dtype = SEQGPU_DTYPE_F64, .values = wide},
  };
  seqgpu_npy *file = NULL;
  seqgpu_npy_info info;
  CHECK(seqgpu_npy_write(ctx, at("all.npz"), arrays, 4) == SEQGPU_OK &&
            seqgpu_npy_open(ctx, at("all.npz"), &file) == SEQGPU_OK && seqgpu_npy_count(file) == 4,
        "a .npz of four arrays");
  CHECK(seqgpu_npy_get(file, 0, &info) == SEQGPU_OK && strcmp(info.name, "a/b") == 0 && info.rank == 3 &&
            info.shape[2] == 4,
        "names and shapes");
  int same = seqgpu_npy_read(file, 0, read) == SEQGPU_OK;
  for (int i = 0; i < 24; i++) same &= read[i] == (double)narrow[i];
  CHECK(same, "the same float32");
  CHECK(seqgpu_npy_read(file, seqgpu_npy_find(file, "wide"), read) == SEQGPU_OK &&
            memcmp(read, wide, sizeof wide) == 0,
        "the same float64");
  seqgpu_npy_close(file);
  CHECK(seqgpu_npy_write(ctx, at("one.npy"), arrays + 1, 1) == SEQGPU_OK &&
            seqgpu_npy_open(ctx, at("one.npy"), &file) == SEQGPU_OK &&
            seqgpu_npy_read(file, 0, read) == SEQGPU_OK && memcmp(read, wide, sizeof wide) == 0,
        "a .npy");
  seqgpu_npy_close(file);
  CHECK(seqgpu_npy_write(ctx, at("one.npy"), &(seqgpu_npy_array){.rank = 1}, 1) == SEQGPU_OK &&
            seqgpu_npy_open(ctx, at("one.npy"), &file) == SEQGPU_OK &&
            seqgpu_npy_get(file, 0, &info) == SEQGPU_OK && info.elements == 0 &&
            strcmp(info.dtype, "<f4") == 0,
        "a .npy of no numbers");
  seqgpu_npy_close(file);
  unlink(at("all.npz"));
  unlink(at("one.npy"));
}

/* A file that is there survives what is refused, and what a link points to is replaced, not the link. */
static void test_replaced(void) {
  const double one = 1;
  const seqgpu_npy_array array = {.name = "a", .dtype = SEQGPU_DTYPE_F64, .values = &one};
  struct stat status;
  seqgpu_npy *file = NULL;
  write_file(at("there.npy"), "precious", 8);
  CHECK(chmod(at("there.npy"), 0640) == 0 && symlink("there.npy", at("link.npy")) == 0,
        "a file and a link to it");
  REFUSED(ctx, EINVAL, "count", seqgpu_npy_write(ctx, at("there.npy"), &array, 2));
  CHECK(stat(at("there.npy"), &status) == 0 && status.st_size == 8, "a refused write changes nothing");
  CHECK(seqgpu_npy_write(ctx, at("link.npy"), &array, 1) == SEQGPU_OK &&
            lstat(at("link.npy"), &status) == 0 && S_ISLNK(status.st_mode) &&
            stat(at("there.npy"), &status) == 0 && (status.st_mode & 0777) == 0640 &&
            seqgpu_npy_open(ctx, at("there.npy"), &file) == SEQGPU_OK,
        "through a link, the mode kept");
  seqgpu_npy_close(file);
  unlink(at("link.npy"));
  unlink(at("there.npy"));
}

/* ---------------------------------------------------------------- what is refused */

/* Opens a .npy with this text for a header and `data` bytes of zeros behind it. */
static seqgpu_status open_made(const char *header, size_t data, seqgpu_npy **file) {
  unsigned char bytes[512] = "\x93NUMPY\1";
  bytes[8] = (unsigned char)strlen(header);
  memcpy(bytes + 10, header, strlen(header));
  write_file(at("bad.npy"), bytes, 10 + strlen(header) + data);
  return seqgpu_npy_open(ctx, at("bad.npy"), file);
}

static void refuse(const char *header, size_t data, seqgpu_status expected, const char *word) {
  seqgpu_npy *file = NULL;
  forget_error(ctx);
  refused(ctx, open_made(header, data, &file), expected, word, header);
  seqgpu_npy_close(file);
}

#define ONE "'fortran_order': False, 'shape': (1,), }"

/* A header, the bytes behind it, and what is said. */
static const struct {
  const char *header;
  size_t data;
  seqgpu_status status;
  const char *word;
} headers[] = {
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 11, SEQGPU_EFORMAT, "it must have"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 13, SEQGPU_EFORMAT, "it must have"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999, 99999999999), }", 0, SEQGPU_EFORMAT,
     "too large"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999999,), }", 0, SEQGPU_EFORMAT,
     "too large"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 0, SEQGPU_EFORMAT, "whole numbers"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (x,), }", 0, SEQGPU_EFORMAT, "whole numbers"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1;), }", 0, SEQGPU_EFORMAT, "its shape is no tuple"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1", 0, SEQGPU_EFORMAT, "its shape is no tuple"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': 1, }", 0, SEQGPU_EFORMAT, "its shape is no tuple"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 4, SEQGPU_EFORMAT,
     "8 dimensions"},
    {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }", 4, SEQGPU_EFORMAT, "fortran_order"},
    {"{'descr': '<f4', 'shape': (1,), }", 4, SEQGPU_EFORMAT, "lacks"},
    {"{'descr': '<f4', 'descr': '<f4', " ONE, 4, SEQGPU_EFORMAT, "unknown or there twice"},
    {"{'endian': '<f4', " ONE, 4, SEQGPU_EFORMAT, "unknown or there twice"},
    {"{'a key that is longer than any of NumPy': '<f4', " ONE, 4, SEQGPU_EFORMAT, "no dictionary"},
    {"{'descr' '<f4', " ONE, 4, SEQGPU_EFORMAT, "no dictionary"},
    {"{'descr': '<f4'; " ONE, 4, SEQGPU_EFORMAT, "no dictionary"},
    {"{'descr': '<f4'", 0, SEQGPU_EFORMAT, "no dictionary"},
    {"{ ", 0, SEQGPU_EFORMAT, "no dictionary"},
    {"{3: 4}", 0, SEQGPU_EFORMAT, "no dictionary"},
    {"[1]", 4, SEQGPU_EFORMAT, "dictionary"},
    {"{'descr': '<f4", 0, SEQGPU_EFORMAT, "its descr is no string"},
    {"{'descr': 4, " ONE, 0, SEQGPU_EFORMAT, "its descr is no string"},
    {"{'descr': '|O', " ONE, 4, SEQGPU_EUNSUPPORTED, "|O"},
    {"{'descr': '<c8', " ONE, 8, SEQGPU_EUNSUPPORTED, "<c8"},
    {"{'descr': '<f16', " ONE, 16, SEQGPU_EUNSUPPORTED, "<f16"},
    {"{'descr': 'xf4', " ONE, 4, SEQGPU_EUNSUPPORTED, "xf4"},
    {"{'descr': '<f1', " ONE, 1, SEQGPU_EUNSUPPORTED, "<f1"},
    {"{'descr': '<i3', " ONE, 3, SEQGPU_EUNSUPPORTED, "<i3"},
    {"{'descr': '|b2', " ONE, 2, SEQGPU_EUNSUPPORTED, "|b2"},
    {"{'descr': [('a', '<f4')], " ONE, 4, SEQGPU_EUNSUPPORTED, "structure"},
    {"{'descr': ('<f4', (2,)), " ONE, 8, SEQGPU_EUNSUPPORTED, "structure"},
};

/* As others write it: the quotes of JSON, lines, numbers of Python 2, no comma at the end. */
static const char *const accepted[] = {
    "{\"descr\": \"<f8\", \"fortran_order\": True, \"shape\": (2L, 3L)}",
    "{\n 'shape': (2,\n3), 'descr':'=f8','fortran_order' :False}  \n",
};

/* The bytes before the text. */
static const struct {
  const char *name, bytes[14];
} prefixes[] = {
    {"no mark", "\x93NUMPX\1\0\x2\0{}"},
    {"version 0", "\x93NUMPY\0\0\x2\0{}"},
    {"version 4", "\x93NUMPY\4\0\x2\0\0\0{}"},
    {"no text", "\x93NUMPY\1\0\x1\0{}"},
    {"a text of 16 MiB", "\x93NUMPY\2\0\0\0\0\1{}"},
};

static void test_headers(void) {
  for (size_t i = 0; i < COUNT(headers); i++)
    refuse(headers[i].header, headers[i].data, headers[i].status, headers[i].word);
  for (size_t i = 0; i < COUNT(accepted); i++) {
    seqgpu_npy *file = NULL;
    seqgpu_npy_info info = {.rank = 0};
    CHECK(open_made(accepted[i], 48, &file) == SEQGPU_OK && seqgpu_npy_get(file, 0, &info) == SEQGPU_OK &&
              info.rank == 2 && info.shape[0] == 2 && info.shape[1] == 3,
          "header %zu of other programs", i);
    seqgpu_npy_close(file);
  }
  for (size_t i = 0; i < COUNT(prefixes); i++) {
    seqgpu_npy *file = NULL;
    write_file(at("bad.npy"), prefixes[i].bytes, sizeof prefixes[i].bytes);
    forget_error(ctx);
    refused(ctx, seqgpu_npy_open(ctx, at("bad.npy"), &file), SEQGPU_EFORMAT, "does not begin as .npy",
            prefixes[i].name);
  }
}

/* ---------------------------------------------------------------- members that are none of ours */

/* A zip file of the same .npy under these names. */
static void write_members(const char *const *names, int count) {
  static const char one[] = "\x93NUMPY\1\0\x38\0{'descr': '|u1', 'fortran_order': False, 'shape': (), }   \7";
  sq_zip_part parts[3];
  for (int i = 0; i < count; i++)
    parts[i] =
        (sq_zip_part){.name = names[i], .head = one, .head_size = 10 + 0x38, .data = "\7", .data_size = 1};
  FILE *file = fopen(at("made.npz"), "wb");
  CHECK(sq_zip_write(ctx, "made.npz", file, parts, count) == SEQGPU_OK, "a zip file is made");
  fclose(file);
}

static void test_members(void) {
  static const char *const mixed[] = {"npy", "a.npy", "a.txt"}, *const twice[] = {"a.npy", "b.npy", "a.npy"};
  seqgpu_npy *file = NULL;
  double value = 0;
  write_members(mixed, 3);
  CHECK(seqgpu_npy_open(ctx, at("made.npz"), &file) == SEQGPU_OK && seqgpu_npy_count(file) == 1 &&
            seqgpu_npy_find(file, "a") == 0 && seqgpu_npy_read(file, 0, &value) == SEQGPU_OK && value == 7,
        "members that are no .npy are passed over");
  seqgpu_npy_close(file);
  write_members(twice, 3);
  REFUSED(ctx, EFORMAT, "array \"a\" is there twice", seqgpu_npy_open(ctx, at("made.npz"), &file));
  unlink(at("made.npz"));
}

static void test_refused(void) {
  seqgpu_npy *none = NULL, *file = NULL;
  double number;
  CHECK(seqgpu_npy_count(NULL) == 0 && seqgpu_npy_find(NULL, "a") == -1, "no file has no arrays");
  REFUSED(NULL, EINVAL, "", seqgpu_npy_open(NULL, "x", &none));
  REFUSED(NULL, EINVAL, "", seqgpu_npy_get(NULL, 0, &(seqgpu_npy_info){.rank = 0}));
  REFUSED(NULL, EINVAL, "", seqgpu_npy_read(NULL, 0, &number));
  REFUSED(NULL, EINVAL, "", seqgpu_npy_write(NULL, "x", NULL, 0));
  REFUSED(ctx, EINVAL, "out is NULL", seqgpu_npy_open(ctx, "x", NULL));
  REFUSED(ctx, EINVAL, "path", seqgpu_npy_open(ctx, NULL, &none));
  REFUSED(ctx, EINVAL, "path", seqgpu_npy_open(ctx, "", &none));
  REFUSED(ctx, EIO, "nothing.npy", seqgpu_npy_open(ctx, at("nothing.npy"), &none));
  CHECK(open_made("{'descr': '<f8', " ONE, 8, &file) == SEQGPU_OK && seqgpu_npy_find(file, NULL) == -1,
        "a good file");
  REFUSED(ctx, EINVAL, "index is -1", seqgpu_npy_get(file, -1, &(seqgpu_npy_info){.rank = 0}));
  seqgpu_npy_close(file);
  static double many[2000];
  const seqgpu_npy_array array = {.dtype = SEQGPU_DTYPE_F64, .rank = 1, .shape = {2000}, .values = many};
  CHECK(seqgpu_npy_write(ctx, at("bad.npy"), &array, 1) == SEQGPU_OK &&
            seqgpu_npy_open(ctx, at("bad.npy"), &file) == SEQGPU_OK && truncate(at("bad.npy"), 9000) == 0,
        "a file that becomes shorter");
  REFUSED(ctx, EFORMAT, "cut off", seqgpu_npy_read(file, 0, many));
  seqgpu_npy_close(file);
  unlink(at("bad.npy"));
  const double one = 1;
  seqgpu_npy_array bad[2] = {{.name = "a", .dtype = SEQGPU_DTYPE_F64, .values = &one},
                             {.name = "a", .dtype = SEQGPU_DTYPE_F64, .values = &one}};
  REFUSED(ctx, EINVAL, "twice", seqgpu_npy_write(ctx, at("x.npz"), bad, 2));
  bad[1].name = "/etc/passwd";
  REFUSED(ctx, EINVAL, "slash", seqgpu_npy_write(ctx, at("x.npz"), bad, 2));
  bad[1].name = "b";
  bad[1].rank = 9;
  REFUSED(ctx, EINVAL, "rank", seqgpu_npy_write(ctx, at("x.npz"), bad, 2));
  bad[1].rank = 1;
  bad[1].shape[0] = -1;
  REFUSED(ctx, EINVAL, "shape", seqgpu_npy_write(ctx, at("x.npz"), bad, 2));
  bad[1].shape[0] = 1;
  bad[1].values = NULL;
  REFUSED(ctx, EINVAL, "values", seqgpu_npy_write(ctx, at("x.npz"), bad, 2));
  bad[1].dtype = (seqgpu_dtype)7;
  REFUSED(ctx, EINVAL, "dtype", seqgpu_npy_write(ctx, at("x.npz"), bad, 2));
  bad[1].dtype = SEQGPU_DTYPE_F64;
  bad[1].rank = -1;
  REFUSED(ctx, EINVAL, "rank", seqgpu_npy_write(ctx, at("x.npz"), bad, 2));
  char name[257];
  memset(name, 'n', 256);
  name[256] = 0;
  const char *const names[] = {NULL, "", name};
  for (size_t i = 0; i < COUNT(names); i++) {
    bad[1].name = names[i];
    REFUSED(ctx, EINVAL, "1 to 255 bytes", seqgpu_npy_write(ctx, at("x.npz"), bad, 2));
  }
  REFUSED(ctx, EINVAL, "path", seqgpu_npy_write(ctx, NULL, bad, 1));
  REFUSED(ctx, EINVAL, "path", seqgpu_npy_write(ctx, "", bad, 1));
  REFUSED(ctx, EINVAL, "arrays", seqgpu_npy_write(ctx, at("x.npz"), NULL, 1));
  REFUSED(ctx, EINVAL, "from 0 to 65535", seqgpu_npy_write(ctx, "npy", bad, 65536));
  CHECK(access(at("x.npz"), F_OK) != 0, "a refused write leaves no file");
}

/* ---------------------------------------------------------------- damaged files */

/* Opens and reads all of a file; 1: it was read, 0: refused with a sentence, -1: neither. */
static int read_all(const char *path) {
  seqgpu_npy *file = NULL;
  seqgpu_npy_info info;
  double value[16];
  seqgpu_status status = seqgpu_npy_open(ctx, path, &file);
  for (int i = 0; status == SEQGPU_OK && i < seqgpu_npy_count(file); i++) {
    status = seqgpu_npy_get(file, i, &info);
    if (status == SEQGPU_OK && info.elements <= 16) status = seqgpu_npy_read(file, i, value);
  }
  seqgpu_npy_close(file);
  if (status == SEQGPU_OK) return 1;
  return strlen(seqgpu_last_error(ctx)) > 10 ? 0 : -1;
}

/* Refuses a .npz of one member, with a name of 5 letters, that its directory lists `entries` times under
 * other names. */
static void refuse_member(const unsigned char *member, size_t size, int entries, const char *word) {
  enum { ENTRY = 46 + 5, END = 22 };
  unsigned char bytes[400] = {0};
  seqgpu_npy *file = NULL;
  memcpy(bytes, member, size);
  unsigned char *e = bytes + size;
  for (int i = 0; i < entries; i++, e += ENTRY) {
    memcpy(e, "PK\1\2\24\0", 6);
    memcpy(e + 6, member + 4, 26);
    memcpy(e + 46, member + 30, 5);
    e[46] = (unsigned char)(e[46] + i);
  }
  memcpy(e, "PK\5\6", 4);
  e[8] = e[10] = (unsigned char)entries;
  e[12] = (unsigned char)(entries * ENTRY);
  e[16] = (unsigned char)size;
  write_file(at("bomb.npz"), bytes, (size_t)(e + END - bytes));
  REFUSED(ctx, EFORMAT, word, seqgpu_npy_open(ctx, at("bomb.npz"), &file));
  seqgpu_npy_close(file);
  unlink(at("bomb.npz"));
}

/* Files that would be far larger unpacked than they are, refused before anything is unpacked: by a size that
 * deflate cannot pack into so few bytes, and by several members that are the same bytes. */
static void test_bomb(void) {
  static const unsigned char large[] = "PK\3\4\24\0\0\0\10\0\0\0\41\0\0\0\0\0\4\0\0\0\0\0\0\100\5\0\0\0a.npy"
                                       "\1\2\3\4";
  static const unsigned char shared[] = "PK\3\4\24\0\0\0\0\0\0\0\41\0\0\0\0\0\4\0\0\0\4\0\0\0\5\0\0\0a.npy"
                                        "\1\2\3\4";
  refuse_member(large, sizeof large - 1, 1, "sizes that cannot be");
  refuse_member(shared, sizeof shared - 1, 3, "overlaps");
}

/* An array without elements may have sizes whose product is none. */
static void test_empty(void) {
  seqgpu_npy_info info;
  seqgpu_npy *file = NULL;
  double none;
  static const char header[] = "\x93NUMPY\1\0\150\0{'descr': '<f4', 'fortran_order': True, 'shape': "
                               "(0, 70368744177664, 70368744177664, 70368744177664)}   ";
  write_file(at("empty.npy"), header, sizeof header - 1);
  ACCEPTED(ctx, seqgpu_npy_open(ctx, at("empty.npy"), &file));
  CHECK(seqgpu_npy_get(file, 0, &info) == SEQGPU_OK && info.elements == 0 &&
            seqgpu_npy_read(file, 0, &none) == SEQGPU_OK,
        "no elements of large sizes are read");
  seqgpu_npy_close(file);
  unlink(at("empty.npy"));
}

static void test_damaged(void) {
  static unsigned char good[1 << 14], bad[1 << 14];
  FILE *file = fopen("goldens/exchange/types.npz", "rb");
  if (!CHECK(file != NULL, "a .npz to damage is there")) return;
  const size_t size = fread(good, 1, sizeof good, file);
  fclose(file);
  if (!CHECK(size > 0, "and not empty")) return;
  int cut = 1, behaved = 1;
  for (size_t n = 0; n < size; n += 13) {
    write_file(at("cut.npz"), good, n);
    cut &= read_all(at("cut.npz")) == 0;
  }
  CHECK(cut, "cut off anywhere, a .npz is refused");
  enum { FLIPS = 400 };
  for (int i = 0; i < FLIPS; i++) {
    memcpy(bad, good, size);
    const size_t place = (size_t)check_below((int64_t)size);
    bad[place] = (unsigned char)(bad[place] ^ 1u << check_below(8));
    write_file(at("cut.npz"), bad, size);
    behaved &= read_all(at("cut.npz")) >= 0;
  }
  CHECK(behaved, "a bit flipped, a .npz is refused with a sentence or read");
  unlink(at("cut.npz"));
}

/* Numbers that were changed after the file was written. */
static void test_checksum(void) {
  unsigned char bytes[1024];
  const double values[4] = {1, 2, 3, 4};
  const seqgpu_npy_array array = {
      .name = "a", .dtype = SEQGPU_DTYPE_F64, .rank = 1, .shape = {4}, .values = values};
  double read[4];
  seqgpu_npy *npy = NULL;
  CHECK(seqgpu_npy_write(ctx, at("sum.npz"), &array, 1) == SEQGPU_OK, "a .npz of four numbers");
  FILE *file = fopen(at("sum.npz"), "rb");
  const size_t size = fread(bytes, 1, sizeof bytes, file),
               first = 30 + 5 + 128; /* header, name, .npy header */
  fclose(file);
  bytes[first + 9] ^= 16;
  write_file(at("sum.npz"), bytes, size);
  ACCEPTED(ctx, seqgpu_npy_open(ctx, at("sum.npz"), &npy));
  REFUSED(ctx, EFORMAT, "checksum", seqgpu_npy_read(npy, 0, read));
  seqgpu_npy_close(npy);
  unlink(at("sum.npz"));
}

static seqgpu_status read_and_write(seqgpu_context *c) {
  seqgpu_npy *file = NULL;
  double value[16] = {0};
  const seqgpu_npy_array array = {
      .name = "a", .dtype = SEQGPU_DTYPE_F64, .rank = 1, .shape = {16}, .values = value};
  seqgpu_status status = seqgpu_npy_write(c, at("memory.npz"), &array, 1);
  if (status == SEQGPU_OK) status = seqgpu_npy_open(c, at("memory.npz"), &file);
  if (status == SEQGPU_OK) status = seqgpu_npy_read(file, 0, value);
  seqgpu_npy_close(file);
  file = NULL;
  if (status == SEQGPU_OK) status = seqgpu_npy_write(c, at("memory.npy"), &array, 1);
  if (status == SEQGPU_OK) status = seqgpu_npy_open(c, at("memory.npy"), &file);
  seqgpu_npy_close(file);
  unlink(at("memory.npz"));
  unlink(at("memory.npy"));
  return status;
}

int main(void) {
  check_start();
  snprintf(folder, sizeof folder, "/tmp/seqgpu-npy-%ld", (long)getpid());
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  if (!CHECK(mkdir(folder, 0700) == 0 && seqgpu_context_create(&options, &ctx) == SEQGPU_OK, "a context"))
    return check_finish();
  test_types();
  test_deflated();
  test_versions();
  test_back();
  test_replaced();
  test_headers();
  test_members();
  test_refused();
  test_bomb();
  test_empty();
  test_damaged();
  test_checksum();
  failing_each("cpu", read_and_write, 0);
  seqgpu_context_destroy(ctx);
  CHECK(rmdir(folder) == 0, "nothing is left behind");
  return check_finish();
}
