/* npy.h - opening .npy and .npz files that are open already (npy.c). */
#ifndef SQ_NPY_H
#define SQ_NPY_H

#include <stdio.h>

#include "host/context/context.h"
#include "seqgpu/npy.h"

/* As seqgpu_npy_open, of a file of so many bytes, which it takes and closes, after a failure as well; `path`
 * is what the sentences call it. */
seqgpu_status sq_npy_open_file(seqgpu_context *ctx, const char *path, FILE *file, int64_t bytes,
                               seqgpu_npy **out);

#endif
