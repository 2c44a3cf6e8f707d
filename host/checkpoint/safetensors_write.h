/* safetensors_write.h - the atomic writer of .safetensors files (safetensors_write.c). */
#ifndef SQ_SAFETENSORS_WRITE_H
#define SQ_SAFETENSORS_WRITE_H

#include "host/checkpoint/safetensors.h"

/* Provides the data of tensor `index`, in host memory that is only borrowed. */
typedef seqgpu_status sq_st_fetch(void *user, int index, void *host);

/* Writes `count` tensors in the given order; with 8-byte types first, all of them are aligned.  `bytes` and
 * `begin` of the tensors are computed here. */
seqgpu_status sq_st_write(seqgpu_context *ctx, const char *path, sq_st_tensor *tensors, int count,
                          const seqgpu_meta *meta, int meta_count, sq_st_fetch *fetch, void *user);

#endif
