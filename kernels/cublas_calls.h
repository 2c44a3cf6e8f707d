/* cublas_calls.h - the functions of cuBLAS that we call (library.h). */
#ifndef SQ_CUBLAS_CALLS_H
#define SQ_CUBLAS_CALLS_H

#include <cublas_v2.h>

#include "kernels/library.h"

#define SQ_CUBLAS_FUNCTIONS(F)                                                                               \
  F(cublasCreate)                                                                                            \
  F(cublasDestroy)                                                                                           \
  F(cublasSetStream)                                                                                         \
  F(cublasSetWorkspace)                                                                                      \
  F(cublasGetVersion)                                                                                        \
  F(cublasGetStatusString)                                                                                   \
  F(cublasGemmEx_64)

struct sq_cublas {
  SQ_CUBLAS_FUNCTIONS(SQ_LIBRARY_MEMBER)
};

const sq_cublas *sq_cublas_library(const char **why = nullptr);

#endif
