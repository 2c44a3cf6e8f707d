/* gpu.h - the card as the benchmarks see it: what it is, a clock on its stream, a cold L2.
 *
 * gpu_cuda.c implements it with the CUDA runtime; in a build without CUDA gpu_none.c answers that there is no
 * card.  All work goes to the default stream, which a context with stream NULL uses as well.
 */
#ifndef BENCH_GPU_H
#define BENCH_GPU_H

#include <stdint.h>

typedef struct bench_gpu_info {
  char name[256];
  int major, minor, sms;
  double clock_hz;           /* the SMs' highest */
  double memory_bytes_per_s; /* datasheet: bus width x memory clock x 2 */
  int64_t l2_bytes, shared_bytes_per_sm, register_bytes_per_sm;
} bench_gpu_info;

typedef struct bench_gpu bench_gpu;

/* NULL with *why set where there is no usable GPU. */
bench_gpu *bench_gpu_open(bench_gpu_info *info, const char **why);
void bench_gpu_close(bench_gpu *gpu);

/* Each returns 1, or 0 after an error of the device. */
int bench_gpu_flush_l2(bench_gpu *gpu); /* enqueues a write of twice the size of the L2 */
enum { BENCH_GPU_MARKS = 3 };
int bench_gpu_mark(bench_gpu *gpu, int mark);                         /* enqueues an event */
int bench_gpu_seconds(bench_gpu *gpu, int from, int to, double *out); /* waits for `to` */
double bench_gpu_clock_hz(void);                                      /* of the SMs now; 0 = unknown */
const char *bench_gpu_error(const bench_gpu *gpu);                    /* what the last failed call said */

#endif
