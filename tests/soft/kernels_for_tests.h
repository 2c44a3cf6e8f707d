/* kernels_for_tests.h - kernels of the tests of the software device; kernels_for_tests.cu says what each is for. */
#ifndef KERNELS_FOR_TESTS_H
#define KERNELS_FOR_TESTS_H

#ifdef __CUDACC__
#define SOFT_KERNEL __global__ void
#else
#define SOFT_KERNEL void /* its host function */
#endif

/* ---- sound ones ---- */
SOFT_KERNEL soft_fill(float *out, float value, int count);
SOFT_KERNEL soft_add(float *out, const float *a, const float *b, int count);
SOFT_KERNEL soft_bounded(int *out);        /* compiled for at most 64 threads */
SOFT_KERNEL soft_static_shared(int *out);  /* 40,000 bytes of static shared memory */
SOFT_KERNEL soft_dynamic_shared(int *out); /* as many ints of dynamic shared memory as there are threads */
SOFT_KERNEL soft_cluster_ranks(unsigned *out); /* the rank of each block in its cluster */
/* The logistic function and the hyperbolic tangent of kernels/simt.h. */
SOFT_KERNEL soft_functions(const float *x, float *sigmoid, float *tangent, int count);

/* ---- each with a mistake ---- */
SOFT_KERNEL soft_bad_no_barrier(int *out); /* reads a neighbour's shared memory without a barrier */
SOFT_KERNEL soft_bad_unwritten_shared(int *out);
SOFT_KERNEL soft_bad_unwritten_global(int *out, const int *in);
SOFT_KERNEL soft_bad_divergent_barrier(int *out);
SOFT_KERNEL soft_bad_wait_for_ever(const int *flag);
SOFT_KERNEL soft_bad_misaligned(char *bytes);
SOFT_KERNEL soft_bad_two_writers(int *out); /* all blocks write the same place */

#endif
