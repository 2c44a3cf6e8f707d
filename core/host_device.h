/* host_device.h - marks what the CPU path and the kernels both compile: __host__ __device__ under nvcc. */
#ifndef SQ_HOST_DEVICE_H
#define SQ_HOST_DEVICE_H

#ifdef __CUDACC__
#define SQ_HOST_DEVICE __host__ __device__
#else
#define SQ_HOST_DEVICE
#endif

#endif
