/* backend.h - the two builds of the kernels.
 *
 * The same sources are compiled by nvcc, and with -DSEQGPU_EMULATE by g++ against tests/simt, so that every
 * kernel also runs on a machine without a GPU.  The two sets of symbols differ in their prefix: SQ_GPU(x) is
 * sq_cuda_x or sq_emulator_x.
 */
#ifndef SQ_BACKEND_H
#define SQ_BACKEND_H

#ifdef SEQGPU_EMULATE
#define SQ_GPU(name) sq_emulator_##name
#else
#define SQ_GPU(name) sq_cuda_##name
#endif

#endif
