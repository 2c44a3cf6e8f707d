/* kernels.h - all that the CUDA side offers to host/, in plain C: no CUDA header is needed to include it.
 *
 * Everything is float32.  A function returns 0 or an error number of the device, which sq_device.error_text
 * puts into words.  Work is enqueued on exec->stream: only `synchronize` and `copy_out` wait for it.  Memory
 * is allocated by `open`, by `allocate`, and by what an open device caches (recorded graphs, cuDNN's and
 * cuFFT's descriptors).
 */
#ifndef SQ_KERNELS_H
#define SQ_KERNELS_H

#include "kernels/cudnn/algorithms.h"
#include "kernels/device.h"
#include "kernels/layer.h"
#include "kernels/ops.h"
#include "kernels/persistent/algorithms.h"
#include "kernels/urnn/algorithms.h"

#endif
