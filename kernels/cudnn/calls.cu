/* calls.cu - opens cuDNN; see calls.h.  In the emulator a stand-in is linked instead (tests/simt). */
#include "kernels/cudnn/calls.h"

#ifdef SEQGPU_EMULATE

const sq_cudnn_functions *sq_cudnn_functions_library(const char **) {
  static const sq_cudnn_functions linked = [] {
    sq_cudnn_functions functions;
    SQ_CUDNN_FUNCTIONS(SQ_LIBRARY_LINKED)
    return functions;
  }();
  return &linked;
}

#else

SQ_LIBRARY(sq_cudnn_functions, SQ_CUDNN_FUNCTIONS, "libcudnn.so." SQ_LIBRARY_TEXT(CUDNN_MAJOR),
           SEQGPU_CUDNN_PATH)

#endif
