/* text_bytes.c - reading a file of any kind into memory (text_bytes.h).  gzip: RFC 1952, members one after
 * another. */
#define _POSIX_C_SOURCE 200809L

#include "host/cli/text_bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/cli/cli.h"

#ifdef SEQGPU_ZLIB
#include <zlib.h>
#endif

/* Bytes that grow. */
typedef struct heap {
  char *data;
  size_t size, room;
} heap;

/* Makes room for at least one more byte; 0 when out of memory. */
static int grow(heap *h) {
  if (h->size < h->room) return 1;
  const size_t room = h->room ? 2 * h->room : 1 << 16;
  char *larger = realloc(h->data, room);
  if (larger == NULL) return 0;
  h->data = larger;
  h->room = room;
  return 1;
}

/* Reads to the end, also from a pipe, whose size is not known beforehand; 0, or an errno. */
static int read_stream(FILE *file, heap *h) {
  for (;;) {
    if (!grow(h)) return ENOMEM;
    const size_t n = fread(h->data + h->size, 1, h->room - h->size, file);
    h->size += n;
    if (n == 0) return ferror(file) ? errno : 0;
  }
}

static int read_file(const char *path, heap *h) {
  const int is_input = strcmp(path, "-") == 0;
  errno = 0;
  FILE *file = is_input ? stdin : fopen(path, "rb");
  if (file == NULL) return cli_error("%s: cannot open: %s", path, strerror(errno));
  struct stat status;
  const int folder = fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode);
  const int error = folder ? 0 : read_stream(file, h);
  if (!is_input) fclose(file);
  if (folder) return cli_error("%s: is a folder; it must be a text", path);
  return error ? cli_error("%s: cannot read: %s", path, strerror(error)) : CLI_OK;
}

/* ---------------------------------------------------------------- gzip */

static int is_compressed(const heap *h) { return h->size >= 3 && memcmp(h->data, "\x1f\x8b\x08", 3) == 0; }

#ifdef SEQGPU_ZLIB
enum { GZIP = 16 + MAX_WBITS, PIECE = 1 << 16 }; /* zlib counts the bytes of a piece in 32 bits */

static uInt at_most(size_t n) { return n < PIECE ? (uInt)n : PIECE; }

/* Unpacks all members: Z_STREAM_END, or what is wrong. */
static int inflate_all(z_stream *z, const heap *packed, heap *out) {
  size_t fed = 0;
  for (;;) {
    if (z->avail_in == 0 && fed < packed->size) {
      z->next_in = (Bytef *)packed->data + fed;
      z->avail_in = at_most(packed->size - fed);
      fed += z->avail_in;
    }
    if (!grow(out)) return Z_MEM_ERROR;
    z->next_out = (Bytef *)out->data + out->size;
    z->avail_out = at_most(out->room - out->size);
    const uInt before = z->avail_out;
    const int status = inflate(z, Z_NO_FLUSH);
    out->size += before - z->avail_out;
    if (status == Z_STREAM_END && z->avail_in == 0 && fed == packed->size) return status;
    if (status == Z_STREAM_END && inflateReset(z) == Z_OK) continue;
    if (status != Z_OK) return status;
  }
}

static int unpack(const char *path, const heap *packed, heap *out) {
  z_stream z = {.next_in = NULL};
  if (inflateInit2(&z, GZIP) != Z_OK) return cli_error("%s: out of memory", path);
  const int status = inflate_all(&z, packed, out);
  inflateEnd(&z);
  if (status == Z_STREAM_END) return CLI_OK;
  if (status == Z_MEM_ERROR) return cli_error("%s: out of memory after %zu unpacked bytes", path, out->size);
  return cli_error("%s: is compressed by gzip, and %s", path,
                   status == Z_BUF_ERROR ? "truncated" : "damaged");
}
#else
static int unpack(const char *path, const heap *packed, heap *out) {
  (void)packed, (void)out;
  return cli_error("%s: is compressed by gzip; this build has no zlib", path);
}
#endif

/* ---------------------------------------------------------------- any file */

int text_unpack(const char *path, char **bytes, size_t *size) {
  const heap packed = {.data = *bytes, .size = *size};
  heap plain = {.data = NULL};
  if (!is_compressed(&packed)) return CLI_OK;
  const int code = unpack(path, &packed, &plain);
  free(packed.data);
  if (code != CLI_OK) {
    free(plain.data);
    plain = (heap){.data = NULL};
  }
  *bytes = plain.data;
  *size = plain.size;
  return code;
}

int text_bytes(const char *path, char **out, size_t *size) {
  heap file = {.data = NULL};
  const int code = read_file(path, &file);
  if (code != CLI_OK) {
    free(file.data);
    file = (heap){.data = NULL};
  }
  *out = file.data;
  *size = file.size;
  return code == CLI_OK ? text_unpack(path, out, size) : code;
}

int text_string(const char *path, const char *what, char **out) {
  char *bytes;
  size_t size;
  *out = NULL;
  CLI_TRY(text_bytes(path, &bytes, &size));
  char *text = realloc(bytes, size + 1);
  if (text == NULL) {
    free(bytes);
    return cli_error("%s: out of memory", path);
  }
  text[size] = 0;
  if (strlen(text) < size) {
    free(text);
    return cli_error("%s: holds a zero byte; it must be %s", path, what);
  }
  *out = text;
  return CLI_OK;
}
