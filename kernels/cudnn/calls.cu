/* calls.cu - opens cuDNN; see calls.h.  In the emulator a stand-in is linked instead (tests/simt). */
#include "kernels/cudnn/calls.h"

SQ_LIBRARY(sq_cudnn_functions, SQ_CUDNN_FUNCTIONS, "libcudnn.so." SQ_LIBRARY_TEXT(CUDNN_MAJOR),
           SEQGPU_CUDNN_PATH)
