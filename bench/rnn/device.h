/* device.h - a context and the buffers of one problem of bench_rnn.
 *
 * All algorithms share the buffers, since the layouts belong to the cell; workspace and reserve are as large
 * as the most demanding algorithm wants them.
 */
#ifndef BENCH_RNN_DEVICE_H
#define BENCH_RNN_DEVICE_H

#include "seqgpu/seqgpu.h"

#include "bench/rnn/problem.h"

enum { RNN_MAX_SETS = 2 };

typedef struct rnn_device {
  seqgpu_context *ctx;
  int sets; /* how many copies of x, dy, y, dx there are; runs use them in turn */
  void *x[RNN_MAX_SETS], *dy[RNN_MAX_SETS], *y[RNN_MAX_SETS], *dx[RNN_MAX_SETS];
  void *params, *dparams, *reserve, *workspace, *lengths, *check_dy, *check_lengths;
  size_t workspace_bytes, reserve_bytes;
  double clock_hz; /* of the SMs after the last race; 0 = unknown */
} rnn_device;

/* 1, or 0 after a sentence on stderr; close it in both cases. */
int rnn_device_context(rnn_device *device, const rnn_problem *problem, const char *name);
int rnn_device_buffers(rnn_device *device, const rnn_problem *problem, size_t workspace_bytes,
                       size_t reserve_bytes);
void rnn_device_close(rnn_device *device);

/* Does the device still take work?  An error in a kernel spoils it for the whole process. */
int rnn_device_works(const rnn_device *device);

/* Fills a buffer with NaN. */
int rnn_poison(const rnn_device *device, void *buffer, int64_t count);
/* How many elements are not finite. */
int64_t rnn_count_not_finite(const rnn_device *device, const void *buffer, int64_t count);

#endif
