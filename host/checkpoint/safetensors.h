/* safetensors.h - .safetensors files and their strict reader (safetensors.c); it knows nothing of models.
 *
 * The format: 8 bytes, little-endian: n;  n bytes of JSON
 *   {"__metadata__": {"key": "text", ...},
 *    "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 * then the data, row-major; offsets count from their start.
 *
 * The reader takes files from strangers: everything is checked when a file is opened, before it is used.
 */
#ifndef SQ_SAFETENSORS_H
#define SQ_SAFETENSORS_H

#include "host/context/context.h"
#include "seqgpu/checkpoint.h"

enum { SQ_ST_RANK = 8, SQ_ST_NAME = 255 };

typedef enum sq_st_dtype { SQ_ST_F32, SQ_ST_F64, SQ_ST_I32, SQ_ST_I64 } sq_st_dtype;

typedef struct sq_st_tensor {
  const char *name;
  sq_st_dtype dtype;
  int rank;
  int64_t shape[SQ_ST_RANK];
  int64_t elements; /* their product */
  int64_t begin;    /* bytes from the start of the data */
  int64_t bytes;
} sq_st_tensor;

typedef struct sq_st_file sq_st_file;

const char *sq_st_dtype_name(sq_st_dtype dtype);
int64_t sq_st_dtype_size(sq_st_dtype dtype);

/* Opens and checks.  Errors: EIO, EFORMAT, ENOMEM; EUNSUPPORTED for a element type not listed above. */
seqgpu_status sq_st_open(seqgpu_context *ctx, const char *path, sq_st_file **out);
void sq_st_close(sq_st_file *file);
const char *sq_st_path(const sq_st_file *file);
/* Tensors, in the order of their names. */
int sq_st_count(const sq_st_file *file);
const sq_st_tensor *sq_st_at(const sq_st_file *file, int index);
/* The tensor with this name, or NULL. */
const sq_st_tensor *sq_st_find(const sq_st_file *file, const char *name);
/* The metadata's value for a key, or NULL. */
const char *sq_st_meta(const sq_st_file *file, const char *key);
int sq_st_meta_count(const sq_st_file *file);
/* index: from 0 to the count less one. */
seqgpu_meta sq_st_meta_at(const sq_st_file *file, int index);
/* tensor->bytes bytes into host memory. */
seqgpu_status sq_st_read(seqgpu_context *ctx, const sq_st_file *file, const sq_st_tensor *tensor, void *host);

#endif
