/* safetensors.h - reading .safetensors files (safetensors.c); it knows nothing of models.
 *
 * The format: 8 bytes, little-endian: n;  n bytes of JSON
 *   {"__metadata__": {"key": "text", ...},
 *    "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
 * then the data, row-major; offsets count from their start.
 *
 * The reader takes files from strangers: everything is checked when a file is opened (header.c), before it
 * is used.
 */
#ifndef SQ_SAFETENSORS_H
#define SQ_SAFETENSORS_H

#include "host/checkpoint/tensor.h"

typedef struct sq_st_file sq_st_file;

/* Opens and checks.  Errors: EIO, EFORMAT, ENOMEM; EUNSUPPORTED for an element type that element.h does
 * not have. */
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

/* ---- data.  Where the file has checksums, they are compared: EFORMAT with the tensor's name if one is
 * wrong. */

/* tensor->bytes bytes into host memory. */
seqgpu_status sq_st_read(seqgpu_context *ctx, const sq_st_file *file, const sq_st_tensor *tensor, void *host);
int sq_st_has_sums(const sq_st_file *file);
/* Compares the data of a tensor, and what the header says, without keeping them. */
seqgpu_status sq_st_check(seqgpu_context *ctx, const sq_st_file *file, const sq_st_tensor *tensor);
seqgpu_status sq_st_check_header(seqgpu_context *ctx, const sq_st_file *file);

#endif
