/* gpu_none.c - bench/common/gpu.h in a build without CUDA. */
#include <stddef.h>

#include "bench/common/gpu.h"

bench_gpu *bench_gpu_open(bench_gpu_info *info, const char **why) {
  *info = (bench_gpu_info){.name = ""};
  *why = "this build has no CUDA";
  return NULL;
}

void bench_gpu_close(bench_gpu *gpu) { (void)gpu; }

int bench_gpu_flush_l2(bench_gpu *gpu) {
  (void)gpu;
  return 0;
}

int bench_gpu_mark(bench_gpu *gpu, int mark) {
  (void)gpu;
  (void)mark;
  return 0;
}

int bench_gpu_seconds(bench_gpu *gpu, int from, int to, double *out) {
  (void)gpu;
  (void)from;
  (void)to;
  *out = 0;
  return 0;
}

double bench_gpu_clock_hz(void) { return 0; }

const char *bench_gpu_error(const bench_gpu *gpu) {
  (void)gpu;
  return "this build has no CUDA";
}
