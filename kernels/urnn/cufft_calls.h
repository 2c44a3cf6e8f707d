/* cufft_calls.h - the calls of cuFFT that the algorithm cufft needs, and their twins in the emulator
 * (cufft_calls.cu). */
#ifndef SQ_CUFFT_CALLS_H
#define SQ_CUFFT_CALLS_H

#include "kernels/context.h"

/* NULL if cuFFT, or the emulator's twin, is there, else the sentence why not. */
const char *sq_cufft_missing(void);

/* Makes what transforms of `batch` vectors of n complex numbers need, for which cuFFT allocates a work area.
 * It is kept until the context closes, since recorded graphs refer to it. */
int sq_cufft_ready(sq_exec *exec, int64_t n, int64_t batch);

/* Whether that error of sq_cufft_ready is what cuFFT says of sizes that it does not have. */
bool sq_cufft_refused(int error);

/* Transforms data [batch,n] of complex numbers (Re and Im in turns) in place, in natural order; neither
 * direction is scaled.  Enqueued on exec->stream. */
int sq_cufft_run(sq_exec *exec, int64_t n, int64_t batch, float *data, int inverse);

/* Destroys a context's transforms. */
void sq_cufft_close(sq_gpu *gpu);

#endif
