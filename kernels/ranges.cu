/* ranges.cu - named ranges on a profiler's time line: NVTX 3, whose headers come with the CUDA toolkit.
 *
 * Nothing is linked and nothing is opened unless a profiler (nsys, ncu) sets NVTX_INJECTION64_PATH; without
 * one a range costs a test of a pointer.  A toolkit without the headers has no ranges.
 */
#include "kernels/device.h"

#if !defined(SEQGPU_EMULATE) && defined(__has_include)
#if __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
#define SQ_NVTX
#endif
#endif

extern "C" void sq_gpu_range(const char *name) {
#ifdef SQ_NVTX
  if (name != NULL)
    nvtxRangePushA(name);
  else
    nvtxRangePop();
#else
  (void)name;
#endif
}
