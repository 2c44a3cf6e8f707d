/** @file checkpoint.h
 * Saving and loading named parameters as .safetensors files.
 *
 * A checkpoint holds the weights under their names (those of recurrent networks as PyTorch writes them, with
 * bias_ih and bias_hh), the optimiser's moments and counters, and text metadata in __metadata__.  It is
 * written to a temporary file beside the target, flushed to disk and renamed, so a reader never sees half a
 * file.
 *
 * Every function here works on host memory and files; those that take parameters wait for their device.
 */
#ifndef SEQGPU_CHECKPOINT_H
#define SEQGPU_CHECKPOINT_H

#include "params.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One entry of the metadata, in UTF-8.  It is passed as an array and therefore never grows. */
typedef struct seqgpu_meta {
  const char *key;   /**< differs from all other keys */
  const char *value; /**< any text */
} seqgpu_meta;

/** Writes all tensors of params, the optimiser's state and the metadata to a file, replacing one that is
 * there.
 * path: of a regular file, in a folder that can be written.  Links are followed.  A file that is there is
 * replaced only if it is empty or a .safetensors file; its permissions are kept, and its owner where the
 * process may give files away.  meta [meta_count]: keys must differ; may be NULL if meta_count is 0.
 * Whatever fails, a file that was there before is unchanged.  Temporary files (.seqgpu-*.tmp) that killed
 * processes of the same user left in the folder are removed.
 * A checksum of each tensor and one of the rest are written under the metadata key "seqgpu.crc32", which is
 * reserved.
 * Errors: SEQGPU_EINVAL (an argument, text that is not UTF-8, or a file of another kind), SEQGPU_EIO,
 * SEQGPU_ENOMEM, SEQGPU_EDEVICE. */
SEQGPU_API seqgpu_status seqgpu_checkpoint_save(seqgpu_params *params, const char *path,
                                                const seqgpu_meta *meta, int meta_count);

/** The same with the values of all tensors alone: no moments, counters or random streams.  The file is a
 * third of the size, say, and training cannot be resumed from it; seqgpu_checkpoint_load with resume 0 reads
 * it. */
SEQGPU_API seqgpu_status seqgpu_checkpoint_save_weights(seqgpu_params *params, const char *path,
                                                        const seqgpu_meta *meta, int meta_count);

/** A checkpoint that is open for reading; freed by seqgpu_checkpoint_close. */
typedef struct seqgpu_checkpoint seqgpu_checkpoint;

/** Opens a file, reads its header and checks it strictly: sizes, types, overlaps and names.  No data are read
 * yet.
 * ctx: used for memory and for the sentences of errors; must outlive the checkpoint.  out: receives the
 * checkpoint, or NULL on failure.
 * Errors: SEQGPU_EINVAL, SEQGPU_EIO, SEQGPU_EFORMAT (damaged, or not a .safetensors file), SEQGPU_ENOMEM;
 * SEQGPU_EUNSUPPORTED for an element type that seqgpu_tensor_info does not list. */
SEQGPU_API seqgpu_status seqgpu_checkpoint_open(seqgpu_context *ctx, const char *path,
                                                seqgpu_checkpoint **out);

/** Closes the file and frees the checkpoint with all texts it gave out.  NULL is allowed. */
SEQGPU_API void seqgpu_checkpoint_close(seqgpu_checkpoint *checkpoint);

/** The metadata's value for a key, valid until close; NULL if there is no such key. */
SEQGPU_API const char *seqgpu_checkpoint_meta(const seqgpu_checkpoint *checkpoint, const char *key);

/** The number of metadata entries; 0 for NULL. */
SEQGPU_API int seqgpu_checkpoint_meta_count(const seqgpu_checkpoint *checkpoint);

/** One metadata entry, in the order of the file.
 * index: 0 to seqgpu_checkpoint_meta_count(checkpoint) - 1.  out: receives the entry, whose texts are valid
 * until close.
 * Errors: SEQGPU_EINVAL. */
SEQGPU_API seqgpu_status seqgpu_checkpoint_meta_get(const seqgpu_checkpoint *checkpoint, int index,
                                                    seqgpu_meta *out);

/** What a file says about one of its tensors. */
typedef struct seqgpu_tensor_info {
  const char *name;  /**< valid until close */
  const char *dtype; /**< F64, F32, F16, BF16, F8_E5M2, F8_E4M3, F8_E8M0, I64 to I8, U64 to U8, BOOL */
  int rank;          /**< how many dimensions, 0 to 8 */
  int64_t shape[8];  /**< the dimensions; 0 beyond the rank */
  int64_t elements;  /**< their product */
} seqgpu_tensor_info;

/** The number of tensors in the file, whatever model it is of; 0 for NULL. */
SEQGPU_API int seqgpu_checkpoint_tensor_count(const seqgpu_checkpoint *checkpoint);

/** What seqgpu_checkpoint_tensor_get calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_checkpoint_tensor_get_(const seqgpu_checkpoint *checkpoint, int index,
                                                       seqgpu_tensor_info *out, size_t size);

/** Describes one tensor of the file, in alphabetical order of the names.
 * index: 0 to seqgpu_checkpoint_tensor_count(checkpoint) - 1.  out: receives the description.
 * Errors: SEQGPU_EINVAL. */
static inline seqgpu_status seqgpu_checkpoint_tensor_get(const seqgpu_checkpoint *checkpoint, int index,
                                                         seqgpu_tensor_info *out) {
  return seqgpu_checkpoint_tensor_get_(checkpoint, index, out, sizeof(seqgpu_tensor_info));
}

/** The index of the tensor with this name, -1 if there is none. */
SEQGPU_API int seqgpu_checkpoint_find(const seqgpu_checkpoint *checkpoint, const char *name);

/** Reads the data of one tensor, converted to double: integers beyond 2^53 are rounded, a BOOL is 0 or 1.
 * index: as for seqgpu_checkpoint_tensor_get.  out: host memory [elements].
 * Errors: SEQGPU_EINVAL, SEQGPU_EIO, SEQGPU_EFORMAT (the checksum says that the data are damaged, or the
 * file was truncated after it was opened), SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_checkpoint_read(const seqgpu_checkpoint *checkpoint, int index, double *out);

/** Loads every tensor of params from the file by its name; the file may hold more.  All or nothing: if
 * anything is missing or does not fit, params is unchanged (a device error while copying is the exception).
 * resume: 0 loads the trained weights only, from F32, F64, F16 or BF16; biases that the file leaves out
 * (PyTorch's bias=False: the weight is there, no bias is) become zeros.  1 also loads the moments, counters,
 * random streams and states, which must be there and of the context's element type: training then continues
 * as if it had never stopped.
 * Errors: SEQGPU_EINVAL, SEQGPU_EFORMAT (a tensor is missing, of another shape, or not what its checksum
 * says), SEQGPU_ENONFINITE (a weight is infinite or NaN), SEQGPU_EIO, SEQGPU_ENOMEM, SEQGPU_EDEVICE; the
 * sentence is in the context of params. */
SEQGPU_API seqgpu_status seqgpu_checkpoint_load(seqgpu_checkpoint *checkpoint, seqgpu_params *params,
                                                int resume);

/** Says that params will be loaded from this file: tensors that are added from now on are looked up in its
 * header before memory is asked for, and they are not drawn, but zeros until seqgpu_checkpoint_load.  So a
 * model whose sizes come from a stranger costs no more than the file holds, and a costly initialisation
 * nothing.  Later draws are the same as without this.
 * The checkpoint must stay open until seqgpu_checkpoint_load, which ends this; if that fails, the tensors
 * have no values.  resume: as for seqgpu_checkpoint_load.
 * Errors: SEQGPU_EINVAL; SEQGPU_EFORMAT if the header is not what its checksum says.  The calls that add
 * tensors then give SEQGPU_EFORMAT for one that is missing or of another shape; the sentence is in the
 * context of params. */
SEQGPU_API seqgpu_status seqgpu_checkpoint_attach(const seqgpu_checkpoint *checkpoint, seqgpu_params *params,
                                                  int resume);

/** 1 if the file carries checksums, as those of this library do since version 0.2; else 0, also for NULL. */
SEQGPU_API int seqgpu_checkpoint_has_checksums(const seqgpu_checkpoint *checkpoint);

/** For seqgpu_checkpoint_verify: everything but the data. */
#define SEQGPU_CHECKPOINT_HEADER (-1)

/** Reads the data of one tensor and compares their checksum; a file without checksums is not read.
 * index: as for seqgpu_checkpoint_tensor_get, or SEQGPU_CHECKPOINT_HEADER for names, types, shapes and
 * metadata.
 * Errors: SEQGPU_EFORMAT with the tensor's name if the checksum differs; SEQGPU_EINVAL, SEQGPU_EIO,
 * SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_checkpoint_verify(const seqgpu_checkpoint *checkpoint, int index);

/** Loads some tensors of params from the file by their names: the trained ones whose names begin with
 * `prefix`.  What the file does not have keeps its value; what it has in another shape is refused.  All or
 * nothing, as seqgpu_checkpoint_load.
 * prefix: "encoder." for all of a network called encoder; NULL or "" = every tensor.
 * loaded: receives how many tensors of params were loaded; may be NULL.
 * Errors: SEQGPU_EINVAL, SEQGPU_EFORMAT (a shape or an element type that does not fit), SEQGPU_EIO,
 * SEQGPU_ENOMEM, SEQGPU_EDEVICE. */
SEQGPU_API seqgpu_status seqgpu_checkpoint_load_some(seqgpu_checkpoint *checkpoint, seqgpu_params *params,
                                                     const char *prefix, int *loaded);

#ifdef __cplusplus
}
#endif
#endif
