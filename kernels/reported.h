/* reported.h - errors that go to the caller as a status. */
#ifndef SQ_REPORTED_H
#define SQ_REPORTED_H

#include <cuda_runtime_api.h>

/* An error, of CUDA or of a library on it, that the caller gets as a status, and so not whoever next asks CUDA for
 * its last one. */
static inline int sq_reported(int error) {
  if (error != 0) cudaGetLastError();
  return error;
}

#endif
