/* device.h - what one open device context holds, for the files of kernels/ only. */
#ifndef SQ_DEVICE_H
#define SQ_DEVICE_H

#include "kernels/kernels.h"

/* Scratch of the context for partial sums. Used in stream order: one stream at a time. */
enum { SQ_SCRATCH_FLOATS = 1 << 20 };

struct sq_graph_cache;
struct sq_cudnn;
struct sq_cufft;
struct sq_cut_memory;

typedef struct sq_gpu {
  int index;             /* of the device */
  float *scratch;        /* SQ_SCRATCH_FLOATS */
  void *cublas;          /* cublasHandle_t, NULL without cuBLAS */
  void *cublas_stream;   /* the stream the handle was last given */
  void *cublas_space;    /* its workspace: without one it would allocate, and results could vary */
  void *capture;         /* a stream to record graphs on */
  sq_graph_cache *graph; /* recorded sequences */
  sq_cudnn *cudnn;       /* its handle and descriptors; NULL before a cudnn plan asked for them */
  sq_cufft *cufft;       /* transforms that plan cufft has asked for, a list */
  sq_cut_memory *cuts; /* how persistent plans divide their work, once they were asked (persistent_cut.cu) */
} sq_gpu;

static inline sq_gpu *sq_gpu_of(const sq_exec *exec) { return static_cast<sq_gpu *>(exec->device); }

/* Makes the context's device current in this thread. */
int sq_gpu_bind(const sq_exec *exec);

/* What a persistent plan asks of a device. */
typedef struct sq_gpu_limits {
  int processors;
  size_t shared_bytes; /* of one block, at most */
  int cluster_max;     /* blocks of a cluster; 1: the device has no clusters */
} sq_gpu_limits;
int sq_gpu_limits_of(const sq_exec *exec, sq_gpu_limits *limits);

/* Text of errors that are neither CUDA's nor the emulator's: statuses of cuBLAS and cuDNN live from here on. */
enum { SQ_CUBLAS_ERRORS = 10000, SQ_CUBLAS_SPACE_BYTES = 32 << 20 };
enum { SQ_CUDNN_ERRORS = 20000, SQ_CUDNN_TOO_LARGE = 19999 };

/* Likewise cuFFT's; what plan cufft has made is closed with the context (cufft.cu). */
enum { SQ_CUFFT_ERRORS = 30000 };
void sq_cufft_close(sq_gpu *gpu);

/* cuDNN's part of a context (cudnn.cu): closing it, its errors in words, and ", cuDNN 9.1". */
void sq_cudnn_close(sq_gpu *gpu);
const char *sq_cudnn_error_text(int error);
void sq_cudnn_describe(char *text, size_t size);

/* Forgets what persistent plans were asked (persistent_cut.cu). */
void sq_cut_close(sq_gpu *gpu);

/* Runs enqueue(exec, argument), which only launches and copies on exec->stream. From the second call with the same
 * key on, what it enqueued is replayed as one CUDA graph.  The key must say everything enqueue depends on; one
 * longer than SQ_GRAPH_KEY_BYTES is never replayed. */
enum { SQ_GRAPH_KEY_BYTES = 2560 };
int sq_graph_run(sq_exec *exec, const void *key, size_t key_bytes, int (*enqueue)(sq_exec *, const void *),
                 const void *argument);
void sq_graph_close(sq_gpu *gpu);

/* Strided copy and fill of device memory on exec->stream, in floats (device.cu). */
int sq_gpu_zero(sq_exec *exec, void *p, int64_t floats);
int sq_gpu_copy(sq_exec *exec, void *to, const void *from, int64_t floats);

/* out[j] += sum of partial[i,j] over i < parts, in order (bias.cu). */
int sq_gpu_add_parts(sq_exec *exec, const float *partial, int64_t parts, int64_t cols, float *out);

#endif
