/* calls.h - the functions of cuDNN that we call (library.h). */
#ifndef SQ_CUDNN_CALLS_H
#define SQ_CUDNN_CALLS_H

#include <cudnn.h>

#include "kernels/library.h"

#define SQ_CUDNN_FUNCTIONS(F)                                                                                \
  F(cudnnGetVersion)                                                                                         \
  F(cudnnGetErrorString)                                                                                     \
  F(cudnnCreate)                                                                                             \
  F(cudnnDestroy)                                                                                            \
  F(cudnnSetStream)                                                                                          \
  F(cudnnCreateDropoutDescriptor)                                                                            \
  F(cudnnSetDropoutDescriptor)                                                                               \
  F(cudnnDestroyDropoutDescriptor)                                                                           \
  F(cudnnCreateRNNDescriptor)                                                                                \
  F(cudnnSetRNNDescriptor_v8)                                                                                \
  F(cudnnBuildRNNDynamic)                                                                                    \
  F(cudnnDestroyRNNDescriptor)                                                                               \
  F(cudnnCreateRNNDataDescriptor)                                                                            \
  F(cudnnSetRNNDataDescriptor)                                                                               \
  F(cudnnDestroyRNNDataDescriptor)                                                                           \
  F(cudnnCreateTensorDescriptor)                                                                             \
  F(cudnnSetTensorNdDescriptor)                                                                              \
  F(cudnnGetTensorNdDescriptor)                                                                              \
  F(cudnnDestroyTensorDescriptor)                                                                            \
  F(cudnnGetRNNWeightSpaceSize)                                                                              \
  F(cudnnGetRNNTempSpaceSizes)                                                                               \
  F(cudnnGetRNNWeightParams)                                                                                 \
  F(cudnnRNNForward)                                                                                         \
  F(cudnnRNNBackwardData_v8)                                                                                 \
  F(cudnnRNNBackwardWeights_v8)

struct sq_cudnn_functions {
  SQ_CUDNN_FUNCTIONS(SQ_LIBRARY_MEMBER)
};

const sq_cudnn_functions *sq_cudnn_functions_library(const char **why = nullptr);

/* For all that runs after it was opened. */
static inline const sq_cudnn_functions &dnn(void) { return *sq_cudnn_functions_library(); }

#endif
