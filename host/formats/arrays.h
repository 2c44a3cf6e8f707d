/* arrays.h - a file as a list of named arrays, whatever it is packed in: .safetensors or .npz (arrays.c).
 *
 * The formats that are no more than names and orders (PyTorch's, Keras's, our own) read this.
 */
#ifndef SQ_ARRAYS_H
#define SQ_ARRAYS_H

#include "host/formats/format.h"
#include "seqgpu/checkpoint.h"

enum { SQ_ARRAY_RANK = 8 };

typedef struct sq_array {
  const char *name; /* as long as the list is open */
  int rank;
  int64_t shape[SQ_ARRAY_RANK];
  int64_t elements;
  int taken; /* set by sq_arrays_take */
} sq_array;

typedef struct sq_arrays {
  seqgpu_context *ctx;
  const char *path;
  int count;
  sq_array *list; /* by name */
  void *source;   /* what holds the data */
  seqgpu_status (*read)(const void *source, int index, double *out);
  void (*close)(void *source);
  const seqgpu_checkpoint *checkpoint; /* the source, where it is a .safetensors file: for its metadata */
} sq_arrays;

/* Opens a file for `take`, which makes networks of its arrays. */
seqgpu_status sq_arrays_read(seqgpu_context *ctx, const char *path,
                             seqgpu_status (*take)(const sq_arrays *arrays, sq_foreign *out),
                             sq_foreign *out);

/* The array with this name, or NULL. */
sq_array *sq_arrays_find(const sq_arrays *arrays, const char *name);
/* The first array whose name begins with a text, and the one behind `array` if its name does; NULL if there
 * is none. */
sq_array *sq_arrays_first(const sq_arrays *arrays, const char *start);
sq_array *sq_arrays_next(const sq_arrays *arrays, sq_array *array, const char *start);
/* EFORMAT and a sentence unless the array is [rows, cols], or [rows] where cols is 1; NULL is "not in the
 * file". */
seqgpu_status sq_arrays_fit(const sq_arrays *arrays, const sq_array *array, const char *name, int64_t rows,
                            int64_t cols);
/* Reads the elements and marks the array as taken. */
seqgpu_status sq_arrays_take(const sq_arrays *arrays, sq_array *array, double *out);
/* Adds the names of all arrays that nobody took to foreign->left. */
seqgpu_status sq_arrays_leave_rest(const sq_arrays *arrays, sq_foreign *foreign);

/* Whether the bytes that a format recognises files by are of one of these containers. */
int sq_arrays_recognise(const unsigned char *head, size_t size);

#endif
