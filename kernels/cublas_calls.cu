/* cublas_calls.cu - opens cuBLAS; see cublas_calls.h. */
#if defined(SEQGPU_CUBLAS) && !defined(SEQGPU_EMULATE)
#include "kernels/cublas_calls.h"

SQ_LIBRARY(sq_cublas, SQ_CUBLAS_FUNCTIONS, "libcublas.so." SQ_LIBRARY_TEXT(CUBLAS_VER_MAJOR),
           SEQGPU_CUBLAS_PATH)

#endif
