/* seqgpu/checkpoint.h - saving and loading named parameters as .safetensors files. */
#ifndef SEQGPU_CHECKPOINT_H
#define SEQGPU_CHECKPOINT_H

#include "params.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Checkpoints are .safetensors files: weights under their names (recurrent ones as PyTorch writes them, with bias_ih and
 * bias_hh), optimiser moments, counters, and text metadata in __metadata__.  They are written to a temporary
 * file beside the target, flushed to disk, and renamed: a reader never sees half a file. */
typedef struct seqgpu_meta {
  const char *key, *value; /* UTF-8 */
} seqgpu_meta;
SEQGPU_API seqgpu_status seqgpu_checkpoint_save(seqgpu_params *params, const char *path,
                                                const seqgpu_meta *meta, int meta_count);

typedef struct seqgpu_checkpoint seqgpu_checkpoint;
/* Reads and checks the whole header (strictly: sizes, types, overlaps, names).  ctx is used for errors and memory. */
SEQGPU_API seqgpu_status seqgpu_checkpoint_open(seqgpu_context *ctx, const char *path,
                                                seqgpu_checkpoint **out);
SEQGPU_API void seqgpu_checkpoint_close(seqgpu_checkpoint *checkpoint);
/* NULL when there is no such key; valid until close. */
SEQGPU_API const char *seqgpu_checkpoint_meta(const seqgpu_checkpoint *checkpoint, const char *key);
/* The same by position, from 0; NULL past the last. */
SEQGPU_API const char *seqgpu_checkpoint_meta_at(const seqgpu_checkpoint *checkpoint, int index,
                                                 const char **key);

/* What the file holds, whatever model it is of, in the order of the names. */
typedef struct seqgpu_tensor_info {
  const char *name;  /* valid until close */
  const char *dtype; /* "F32", "F64", "I32", "I64" */
  int dims;
  int64_t shape[8];
  int64_t count; /* numbers */
} seqgpu_tensor_info;
SEQGPU_API int seqgpu_checkpoint_count(const seqgpu_checkpoint *checkpoint);
SEQGPU_API seqgpu_status seqgpu_checkpoint_tensor(const seqgpu_checkpoint *checkpoint, int index,
                                                  seqgpu_tensor_info *out);
/* The numbers of one tensor as doubles, out[count] in host memory. */
SEQGPU_API seqgpu_status seqgpu_checkpoint_read(const seqgpu_checkpoint *checkpoint, int index, double *out);

/* Loads every tensor of params; all or nothing: on error params is unchanged. With `resume` also moments, counters
 * and states, which must then be there; without it only the trained weights. */
SEQGPU_API seqgpu_status seqgpu_checkpoint_load(seqgpu_checkpoint *checkpoint, seqgpu_params *params,
                                                int resume);

#ifdef __cplusplus
}
#endif
#endif
