/* idx.h - IDX files, the format of MNIST and its like: plain, or compressed by gzip where the build has zlib.
 *
 *   0, 0, type (8 = unsigned bytes), D = number of dimensions, D sizes (big-endian, 4 bytes each), the bytes
 *
 * Read strictly: a file that is truncated, too long, of another type or of an impossible size is refused.
 */
#ifndef IDX_H
#define IDX_H

#include <stdint.h>

enum { IDX_DIMS = 3 };

typedef struct idx_file {
  int64_t size[IDX_DIMS]; /* of each dimension */
  int64_t item;           /* size of one item: the product of all sizes but the first */
  unsigned char *data;    /* [size[0], item] */
  uint64_t hash;          /* FNV-1a of the data */
} idx_file;

/* Reads a file of `dims` dimensions (1 to IDX_DIMS); 0, or an exit code after a sentence. */
int idx_read(const char *path, int dims, idx_file *out);
void idx_free(idx_file *f);

#endif
