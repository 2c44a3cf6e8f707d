/* gpu.h - the card as the benches see it: what it is, a clock on its stream, a cold L2.
 *
 * gpu_cuda.c has it with the CUDA runtime, gpu_none.c says in a build without CUDA that there is none.  Everything is
 * on the default stream, where a context with stream NULL enqueues too.
 */
#ifndef BENCH_GPU_H
#define BENCH_GPU_H

#include <stdint.h>

typedef struct bench_gpu_info {
  char name[256];
  int major, minor, sms;
  double clock_hz;           /* of the SMs, the highest */
  double memory_bytes_per_s; /* datasheet: bus width x memory clock x 2 */
  int64_t l2_bytes, shared_bytes_per_sm, register_bytes_per_sm;
} bench_gpu_info;

typedef struct bench_gpu bench_gpu;

/* NULL with *why set where there is no usable GPU. */
bench_gpu *bench_gpu_open(bench_gpu_info *info, const char **why);
void bench_gpu_close(bench_gpu *gpu);

/* Each returns 1, or 0 after an error of the device. */
int bench_gpu_flush_l2(bench_gpu *gpu); /* enqueues a write of twice the L2 */
enum { BENCH_GPU_MARKS = 3 };
int bench_gpu_mark(bench_gpu *gpu, int mark);                         /* enqueues an event */
int bench_gpu_seconds(bench_gpu *gpu, int from, int to, double *out); /* waits for `to` */
const char *bench_gpu_error(const bench_gpu *gpu);                    /* of the last call that failed */

#endif
