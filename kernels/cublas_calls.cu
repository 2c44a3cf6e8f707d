/* cublas_calls.cu - opens cuBLAS; see cublas_calls.h. */
#if defined(SEQGPU_CUBLAS) && !defined(SEQGPU_EMULATE)
#include "kernels/cublas_calls.h"

const sq_cublas *sq_cublas_library(void) {
  static sq_cublas functions;
  static const bool there = [] {
    sq_library library("libcublas.so." SQ_LIBRARY_TEXT(CUBLAS_VER_MAJOR), SEQGPU_CUBLAS_PATH);
    SQ_CUBLAS_FUNCTIONS(SQ_LIBRARY_LOAD)
    return library.complete;
  }();
  return there ? &functions : nullptr;
}

#endif
