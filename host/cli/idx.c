/* idx.c - reading IDX files (idx.h). */
#include "host/cli/idx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/cli/cli.h"
#include "host/cli/hash.h"

#ifdef SEQGPU_ZLIB
#include <zlib.h>
#endif

static const int64_t MOST_BYTES = (int64_t)1 << 31;
enum { CHUNK = 1 << 20 };

/* ---------------------------------------------------------------- plain or compressed bytes */

#ifdef SEQGPU_ZLIB
typedef gzFile source; /* reads plain files as they are */

static source open_source(const char *path) { return gzopen(path, "rb"); }
static void close_source(source s) { gzclose(s); }
/* Bytes read: fewer than `size` at the end of the file, -1 where it cannot be read. */
static int64_t read_source(source s, void *out, size_t size) { return gzread(s, out, (unsigned)size); }
static int read_failed(source s, const char *path) {
  int error = Z_OK;
  gzerror(s, &error);
  if (error == Z_MEM_ERROR) return cli_error("%s: out of memory", path);
  if (error == Z_ERRNO) return cli_error("%s: cannot read: %s", path, strerror(errno));
  return cli_error("%s: is damaged; it cannot be read to its end", path);
}
static const char *no_magic(const unsigned char *magic) {
  (void)magic;
  return "is not an IDX file";
}
#else
typedef FILE *source;

static source open_source(const char *path) { return fopen(path, "rb"); }
static void close_source(source s) { fclose(s); }
static int64_t read_source(source s, void *out, size_t size) {
  const size_t got = fread(out, 1, size, s);
  return ferror(s) ? -1 : (int64_t)got;
}
static int read_failed(source s, const char *path) {
  (void)s;
  return cli_error("%s: cannot read: %s", path, strerror(errno));
}
static const char *no_magic(const unsigned char *magic) {
  const int compressed = magic[0] == 0x1f && magic[1] == 0x8b;
  return compressed ? "is compressed; this build has no zlib" : "is not an IDX file";
}
#endif

/* ---------------------------------------------------------------- header */

/* A file of so much data has no fewer bytes: gzip's deflate makes at most 1032 of one. */
static int64_t least_of(int64_t total) {
#ifdef SEQGPU_ZLIB
  return (total + 1031) / 1032;
#else
  return total;
#endif
}

static int64_t big_endian(const unsigned char *b) {
  return ((int64_t)b[0] << 24) | (b[1] << 16) | (b[2] << 8) | b[3];
}

static int read_header(source s, const char *path, int64_t file_size, int dims, idx_file *out) {
  unsigned char magic[4], sizes[4 * IDX_DIMS];
  int64_t got = read_source(s, magic, 4);
  if (got < 0) return read_failed(s, path);
  if (got < 4) return cli_error("%s: is too short for an IDX file", path);
  if (magic[0] != 0 || magic[1] != 0) return cli_error("%s: %s", path, no_magic(magic));
  if (magic[2] != 8)
    return cli_error("%s: has elements of type %d; they must be bytes (type 8)", path, magic[2]);
  if (magic[3] != dims) return cli_error("%s: has %d dimensions; it must have %d", path, magic[3], dims);
  got = read_source(s, sizes, 4 * (size_t)dims);
  if (got < 0) return read_failed(s, path);
  if (got < 4 * dims) return cli_error("%s: is truncated in its header", path);
  int64_t total = 1;
  for (int d = 0; d < dims; d++) {
    out->size[d] = big_endian(sizes + 4 * d);
    if (out->size[d] < 1 || out->size[d] > MOST_BYTES / total)
      return cli_error("%s: dimension %d is %lld; the product of all must be from 1 to %lld bytes", path, d,
                       (long long)out->size[d], (long long)MOST_BYTES);
    total *= out->size[d];
  }
  out->item = total / out->size[0];
  if (file_size >= least_of(total)) return CLI_OK;
  return cli_error("%s: is truncated: its header announces %lld data bytes, and the file has %lld", path,
                   (long long)total, (long long)file_size);
}

/* ---------------------------------------------------------------- data */

/* Memory grows with the data that arrive, not with what the header promises. */
static int read_data(source s, const char *path, idx_file *out) {
  const int64_t total = out->size[0] * out->item;
  for (int64_t have = 0, room = 0; have < total;) {
    if (have == room) {
      room = room + CHUNK < total / 2 ? 2 * room + CHUNK : total;
      unsigned char *larger = realloc(out->data, (size_t)room);
      if (larger == NULL) return cli_error("%s: out of memory", path);
      out->data = larger;
    }
    const int64_t wanted = room - have < CHUNK ? room - have : CHUNK;
    const int64_t got = read_source(s, out->data + have, (size_t)wanted);
    if (got < 0) return read_failed(s, path);
    if (got == 0)
      return cli_error("%s: is truncated: %lld of %lld data bytes", path, (long long)have, (long long)total);
    have += got;
  }
  unsigned char more;
  const int64_t after = read_source(s, &more, 1);
  if (after < 0) return read_failed(s, path);
  if (after == 0) return CLI_OK;
  return cli_error("%s: is too long; its header announces %lld data bytes", path, (long long)total);
}

int idx_read(const char *path, int dims, idx_file *out) {
  struct stat status;
  *out = (idx_file){.size = {0}};
  if (stat(path, &status) != 0) return cli_error("%s: cannot open: %s", path, strerror(errno));
  if (!S_ISREG(status.st_mode)) return cli_error("%s: is not a regular file", path);
  errno = 0;
  source s = open_source(path);
  if (s == NULL) return cli_error("%s: cannot open: %s", path, strerror(errno ? errno : ENOMEM));
  int code = read_header(s, path, status.st_size, dims, out);
  if (code == CLI_OK) code = read_data(s, path, out);
  close_source(s);
  if (code == CLI_OK) out->hash = hash_bytes(HASH_START, out->data, (size_t)(out->size[0] * out->item));
  if (code) idx_free(out);
  return code;
}

void idx_free(idx_file *f) {
  free(f->data);
  f->data = NULL;
}
