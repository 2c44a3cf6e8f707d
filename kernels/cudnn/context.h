/* context.h - cuDNN's part of a device context (layer.cu; in the tests as well, where a stand-in takes
 * cuDNN's place). */
#ifndef SQ_CUDNN_CONTEXT_H
#define SQ_CUDNN_CONTEXT_H

#include "kernels/context.h"

/* Destroys the handle and the descriptors. */
void sq_cudnn_close(sq_gpu *gpu);

/* The sentence for an error from SQ_CUDNN_TOO_LARGE on. */
const char *sq_cudnn_error_text(int error);

/* ", cuDNN 9.1", to be appended to the description of a device. */
void sq_cudnn_describe(char *text, size_t size);

#endif
