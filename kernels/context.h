/* context.h - what one open device context holds, for the files of kernels/ only (device.cu). */
#ifndef SQ_KERNELS_CONTEXT_H
#define SQ_KERNELS_CONTEXT_H

#include "core/ops.h"

/* Scratch of the context for partial sums.  Used in stream order: one stream at a time. */
enum { SQ_SCRATCH_ELEMENTS = 1 << 20 };

/* Places for kernels that have been prepared: one that finds its place taken is prepared again. */
enum { SQ_PREPARED = 256 };

struct sq_graph_cache;
struct sq_cudnn;
struct sq_cufft;
struct sq_cut_memory;

typedef struct sq_gpu {
  int index;             /* of the device */
  float *scratch;        /* SQ_SCRATCH_ELEMENTS */
  int64_t *strays;       /* device memory: targets that were no class, as xent.cu counts them */
  void *cublas;          /* cublasHandle_t, NULL without cuBLAS */
  void *cublas_stream;   /* the stream the handle was last given */
  void *cublas_space;    /* its workspace: without one it would allocate, and results could vary */
  void *capture;         /* a stream to record graphs on */
  sq_graph_cache *graph; /* recorded runs (graph.cu) */
  sq_cudnn *cudnn;       /* cuDNN's handle and descriptors; NULL before its first use (cudnn/layer.cu) */
  sq_cufft *cufft; /* the transforms that the algorithm cufft has asked for, a list (urnn/cufft_calls.cu) */
  sq_cut_memory *cuts; /* how persistent algorithms divide their work, once asked (persistent/cut.cu) */
  const void *prepared[SQ_PREPARED]; /* kernels that sq_gpu_prepare has seen, each at a place of its own */
} sq_gpu;

static inline sq_gpu *sq_gpu_of(const sq_exec *exec) { return static_cast<sq_gpu *>(exec->device); }

/* Makes the context's device current in this thread while it lives, and then the caller's again: a thread may
 * work with several devices, and with CUDA by itself.  error: why it is not current, or 0. */
class sq_gpu_current {
public:
  explicit sq_gpu_current(const sq_exec *exec);
  ~sq_gpu_current();
  sq_gpu_current(const sq_gpu_current &) = delete;
  sq_gpu_current &operator=(const sq_gpu_current &) = delete;
  int error;

private:
  [[maybe_unused]] int before_, now_; /* the caller's device, and the context's */
};

/* Lets a kernel take as much shared memory, and clusters as large, as the device has: asked of CUDA once, not at
 * each launch, and the same for all threads that launch it. */
int sq_gpu_prepare(sq_exec *exec, const void *kernel);

/* What algorithms that stay on the chip must know of a device. */
typedef struct sq_gpu_limits {
  int processors;
  size_t shared_bytes; /* of one block, at most */
  int cluster_max;     /* blocks of a cluster; 1: the device has no clusters */
} sq_gpu_limits;
int sq_gpu_limits_of(const sq_exec *exec, sq_gpu_limits *limits);

/* Error numbers that are neither CUDA's nor the emulator's: each library's statuses are counted on from its
 * base. */
enum {
  SQ_CUBLAS_ERRORS = 10000,
  SQ_CUDNN_CAPTURED = 19997,
  SQ_CUDNN_MISSING = 19998,
  SQ_CUDNN_TOO_LARGE = 19999,
  SQ_CUDNN_ERRORS = 20000,
  SQ_CUFFT_ERRORS = 30000
};

enum { SQ_CUBLAS_SPACE_BYTES = 32 << 20 };

/* Fill with zeros, and copy, device memory on exec->stream; count in elements. */
int sq_gpu_zero(sq_exec *exec, void *p, int64_t count);
int sq_gpu_copy(sq_exec *exec, void *to, const void *from, int64_t count);
/* The strays, which begin anew at 0; waits for the stream. */
int sq_gpu_strays(sq_exec *exec, int64_t *count);

#endif
