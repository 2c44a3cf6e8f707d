/** @file npy.h
 * NumPy's .npy and .npz files, for data and states.
 *
 * Read: versions 1 to 3 of .npy, little- or big-endian; floats of 2, 4 and 8 bytes, integers and booleans; C
 * and Fortran order, which comes out row-major.  .npz: stored members, and deflated ones in a build with
 * zlib.
 * Written: version 1, little-endian, row-major; members stored, which numpy.load reads.
 * Everything is on the host.  Files may come from anyone: sizes are compared with the file before memory is
 * asked for, and checksums of members are looked at.
 */
#ifndef SEQGPU_NPY_H
#define SEQGPU_NPY_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A .npy or .npz file that is open for reading; freed by seqgpu_npy_close. */
typedef struct seqgpu_npy seqgpu_npy;

/** Opens a file and reads the headers of all its arrays; no data are read yet.
 * ctx: for memory and sentences; must outlive the file.  out: receives the file, or NULL on failure.
 * Errors: SEQGPU_EINVAL, SEQGPU_EIO, SEQGPU_EFORMAT (damaged, or neither .npy nor .npz), SEQGPU_EUNSUPPORTED
 * (an element type, compression or encryption that is not read here), SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_npy_open(seqgpu_context *ctx, const char *path, seqgpu_npy **out);

/** Closes the file and frees all texts it gave out.  NULL is allowed. */
SEQGPU_API void seqgpu_npy_close(seqgpu_npy *file);

/** One array of a file. */
typedef struct seqgpu_npy_info {
  const char *name; /**< the member's name without ".npy"; "" in a .npy file; valid until close */
  char dtype[8];    /**< "<f4", as NumPy writes it */
  int rank;         /**< how many dimensions, 0 to 8 */
  int64_t shape[8]; /**< the dimensions; 0 beyond the rank */
  int64_t elements; /**< their product */
} seqgpu_npy_info;

/** The number of arrays: 1 in a .npy file; 0 for NULL. */
SEQGPU_API int seqgpu_npy_count(const seqgpu_npy *file);

/** What seqgpu_npy_get calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_npy_get_(const seqgpu_npy *file, int index, seqgpu_npy_info *out,
                                         size_t out_size);

/** Describes an array, in alphabetical order of the names.
 * EINVAL: the index is not in 0 .. seqgpu_npy_count - 1, or out is NULL. */
static inline seqgpu_status seqgpu_npy_get(const seqgpu_npy *file, int index, seqgpu_npy_info *out) {
  return seqgpu_npy_get_(file, index, out, sizeof(seqgpu_npy_info));
}

/** The index of the array with this name, -1 if there is none. */
SEQGPU_API int seqgpu_npy_find(const seqgpu_npy *file, const char *name);

/** Reads an array, row-major, converted to double.
 * out: host memory [elements].
 * Errors: SEQGPU_EINVAL, SEQGPU_EIO, SEQGPU_EFORMAT (truncated, or its checksum is wrong), SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_npy_read(const seqgpu_npy *file, int index, double *out);

/** An array to be written.  It is passed as an array and therefore never grows. */
typedef struct seqgpu_npy_array {
  const char *name;   /**< of the member, without ".npy"; unused in a .npy file */
  seqgpu_dtype dtype; /**< of values, and in the file */
  int rank;           /**< 0 to 8 */
  int64_t shape[8];   /**< at least 0 each */
  const void *values; /**< host memory, row-major */
} seqgpu_npy_array;

/** Writes one array to a .npy file, or any number to a .npz file: by the end of `path`.  A file that is there
 * is replaced once the new one is complete.
 * Errors: SEQGPU_EINVAL (an argument; names must differ, be no longer than 255 bytes and hold no slash at
 * their beginning), SEQGPU_EIO, SEQGPU_ENOMEM; SEQGPU_EUNSUPPORTED for a member or a file of 4 GiB
 * or more. */
SEQGPU_API seqgpu_status seqgpu_npy_write(seqgpu_context *ctx, const char *path,
                                          const seqgpu_npy_array *arrays, int count);

#ifdef __cplusplus
}
#endif
#endif
