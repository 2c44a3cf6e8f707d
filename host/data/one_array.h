/* one_array.h - the one array of a .npy file, as the readers of clips and of pictures take it. */
#ifndef ONE_ARRAY_H
#define ONE_ARRAY_H

#include "seqgpu/seqgpu.h"

/* Opens a file that must hold one array, and says what that is.  0, or an exit code after a sentence that
 * begins with the path; there is then nothing to close. */
int one_array_open(seqgpu_context *ctx, const char *path, seqgpu_npy **file, seqgpu_npy_info *is);

/* Its numbers [is->elements], from malloc; NULL after a sentence. */
double *one_array_read(seqgpu_context *ctx, const char *path, const seqgpu_npy *file,
                       const seqgpu_npy_info *is);

#endif
