/* test_soft_caller.c - what the library leaves to a caller who works with CUDA by himself: the thread's current
 * device, CUDA's last error, a stream that he records, and page-locked memory. */
#include <cuda_runtime_api.h>
#include <stdlib.h>

#include "tests/net.h"
#include "tests/soft/controls.h"

/* A context on device 1 of two, while the thread's is device 0. */
static void check_device_left(void) {
  check_at("cuda f32: a caller's device");
  soft_set_devices(2);
  int now = -1;
  const seqgpu_context_options options = {.device = "cuda", .device_index = 1, .threads = 1};
  seqgpu_context *ctx = NULL;
  net_require(ctx, seqgpu_context_create(&options, &ctx), "seqgpu_context_create");
  const seqgpu_rnn_desc desc = {.cell = "lstm", .seq_len = 3, .batch = 2, .input_size = 3, .hidden_size = 8};
  net n;
  CHECK(net_open(&n, ctx, &desc, NULL), "a network on device 1");
  net_fill(&n);
  net_forward(&n);
  net_backward(&n);
  CHECK(cudaGetDevice(&now) == cudaSuccess && now == 0, "device 0 is current again, not %d", now);
  net_close(&n);
  seqgpu_context_destroy(ctx);
  CHECK(cudaGetDevice(&now) == cudaSuccess && now == 0, "and after the context's end: %d", now);
  soft_set_devices(1);
}

/* An error that the library has reported is CUDA's last one no more. */
static void check_error_left(seqgpu_context *ctx) {
  check_at("cuda f32: CUDA's last error");
  void *memory = NULL;
  CHECK(seqgpu_malloc(ctx, (size_t)1 << 60, &memory) == SEQGPU_ENOMEM, "so much memory is not there");
  CHECK(cudaGetLastError() == cudaSuccess, "the caller does not find that error");
  soft_reset_fault();
}

/* Attributes of a kernel are set before its first launch and not again. */
static void check_attributes(seqgpu_context *ctx) {
  check_at("cuda/persistent-cta f32: lstm, attributes of its kernels");
  const seqgpu_rnn_desc desc = {.cell = "lstm", .seq_len = 3, .batch = 2, .input_size = 3, .hidden_size = 8};
  net n;
  CHECK(net_open_as(&n, ctx, &desc, "persistent-cta", NULL), "a network");
  net_fill(&n);
  const uint64_t before = soft_attributes_set();
  net_forward(&n);
  net_backward(&n);
  const uint64_t first = soft_attributes_set();
  net_forward(&n);
  net_backward(&n);
  CHECK(first - before <= 4, "%llu are set, two of each kernel at most",
        (unsigned long long)(first - before));
  CHECK(soft_attributes_set() == first, "and none again");
  net_close(&n);
}

/* A ragged run by cuDNN wants the lengths on the host; to fetch them would end a recording. */
static void check_recording(void) {
  check_at("cuda/cudnn-standard f32: lstm, a recorded stream");
  static const int32_t lengths[2] = {3, 1};
  cudaStream_t stream;
  cudaGraph_t graph = NULL;
  CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess, "a stream");
  const seqgpu_context_options options = {.device = "cuda", .threads = 1, .stream = stream};
  seqgpu_context *ctx = NULL;
  net_require(ctx, seqgpu_context_create(&options, &ctx), "seqgpu_context_create");
  const seqgpu_rnn_desc desc = {.cell = "lstm", .seq_len = 3, .batch = 2, .input_size = 3, .hidden_size = 8};
  net n;
  if (!net_open_as(&n, ctx, &desc, "cudnn-standard", lengths)) {
    check_skip("this build does not have it", "a recorded stream");
  } else {
    net_fill(&n);
    net_forward(&n);
    n.run.host_lengths = NULL;
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess,
          "recording begins");
    CHECK(seqgpu_rnn_forward(ctx, n.plan, &n.run) != SEQGPU_OK, "lengths only on the device are refused");
    CHECK(strstr(seqgpu_last_error(ctx), "host_lengths") != NULL, "by name: %s", seqgpu_last_error(ctx));
    n.run.host_lengths = lengths;
    net_require(ctx, seqgpu_rnn_forward(ctx, n.plan, &n.run), "seqgpu_rnn_forward with host_lengths");
    CHECK(cudaStreamEndCapture(stream, &graph) == cudaSuccess && graph != NULL, "the recording is whole");
    if (graph != NULL) cudaGraphDestroy(graph);
    net_close(&n);
  }
  seqgpu_context_destroy(ctx);
  cudaStreamDestroy(stream);
}

/* The contract of seqgpu/base.h: after a run outside, a run is recorded on another stream than the context began with, and
 * the graph does what the run did. */
static void check_set_stream(void) {
  check_at("cuda f32: lstm, another stream, recorded");
  enum { ELEMENTS = 3 * 2 * 8 };
  float before[ELEMENTS], after[ELEMENTS];
  cudaStream_t stream;
  cudaGraph_t graph = NULL;
  cudaGraphExec_t ready = NULL;
  const seqgpu_context_options options = {.device = "cuda", .threads = 1};
  seqgpu_context *ctx = NULL;
  net_require(ctx, seqgpu_context_create(&options, &ctx), "seqgpu_context_create");
  const seqgpu_rnn_desc desc = {.cell = "lstm", .seq_len = 3, .batch = 2, .input_size = 3, .hidden_size = 8};
  net n;
  CHECK(net_open_as(&n, ctx, &desc, "step", NULL), "a network");
  net_fill(&n);
  net_forward(&n);
  net_require(ctx, seqgpu_copy_out(ctx, before, n.run.y, sizeof before), "seqgpu_copy_out");
  CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess, "a stream");
  net_require(ctx, seqgpu_context_set_stream(ctx, stream), "seqgpu_context_set_stream");
  CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess, "recording begins");
  net_require(ctx, seqgpu_zero(ctx, n.run.y, sizeof before), "seqgpu_zero");
  net_require(ctx, seqgpu_rnn_forward(ctx, n.plan, &n.run), "seqgpu_rnn_forward");
  CHECK(cudaStreamEndCapture(stream, &graph) == cudaSuccess && graph != NULL, "the recording is whole");
  net_require(ctx, seqgpu_zero(ctx, n.run.y, sizeof before), "seqgpu_zero");
  CHECK(cudaGraphInstantiate(&ready, graph, 0) == cudaSuccess &&
            cudaGraphLaunch(ready, stream) == cudaSuccess,
        "the graph runs");
  net_require(ctx, seqgpu_copy_out(ctx, after, n.run.y, sizeof after), "seqgpu_copy_out");
  CHECK(memcmp(before, after, sizeof before) == 0, "the graph gives the same bits");
  cudaGraphExecDestroy(ready);
  cudaGraphDestroy(graph);
  net_close(&n);
  seqgpu_context_destroy(ctx);
  cudaStreamDestroy(stream);
}

/* An allocator whose memory changes when it is freed. */
enum { HEAD = 64 };
static void *give(size_t bytes, void *user) {
  (void)user;
  char *block = aligned_alloc(HEAD, (bytes + 2 * HEAD - 1) / HEAD * HEAD);
  if (block == NULL) return NULL;
  memcpy(block, &bytes, sizeof bytes);
  return block + HEAD;
}
static void take(void *pointer, void *user) {
  size_t bytes;
  (void)user;
  if (pointer == NULL) return;
  char *block = (char *)pointer - HEAD;
  memcpy(&bytes, block, sizeof bytes);
  memset(pointer, 0xFF, bytes);
  free(block);
}

static void check_page_locked(void) {
  check_at("cuda f32: page-locked memory of the caller's allocator");
  const seqgpu_allocator allocator = {.allocate = give, .release = take};
  const seqgpu_context_options options = {.device = "cuda", .threads = 1, .allocator = &allocator};
  soft_set_page_locked(1);
  seqgpu_context *ctx = NULL;
  seqgpu_params *params = NULL;
  seqgpu_param weight;
  net_require(ctx, seqgpu_context_create(&options, &ctx), "seqgpu_context_create");
  net_require(ctx, seqgpu_params_create(ctx, check_random(), &params), "seqgpu_params_create");
  net_require(ctx, seqgpu_params_add(params, "weight", 40, 30, "xavier", 1, &weight), "seqgpu_params_add");
  float values[1200];
  net_require(ctx, seqgpu_copy_out(ctx, values, weight.value, sizeof values), "seqgpu_copy_out");
  int finite = 0;
  for (int i = 0; i < 1200; i++) finite += fabsf(values[i]) < 1;
  CHECK(finite == 1200, "%d of 1200 initial values have arrived", finite);
  seqgpu_params_destroy(params);
  seqgpu_context_destroy(ctx);
  soft_set_page_locked(0);
}

int main(void) {
  check_start();
  check_device_left();
  seqgpu_context *ctx = net_context("cuda", SEQGPU_DTYPE_F32, 1);
  check_error_left(ctx);
  check_attributes(ctx);
  seqgpu_context_destroy(ctx);
  check_recording();
  check_set_stream();
  for (int i = 0; i < 8; i++) check_page_locked(); /* whether a copy waits is chance */
  return check_finish();
}
