/* test_soft_runtime.cpp - the stand-in for the CUDA runtime: what it does, and that it refuses each misuse with
 * the error that NVIDIA documents and a sentence that names it.
 *
 *   test_soft_runtime leak      leaves things behind: another run of this program looks at what is said of it
 */
#include "tests/check.h"
#include "tests/soft/controls.h"
#include "tests/soft/kernels_for_tests.h"

#include <cuda_runtime_api.h>
#include <sys/wait.h>

#include <thread>
#include <vector>

namespace {

/* The call was refused with that error and a sentence with the words; forgets it. */
void refused(cudaError_t error, cudaError_t wanted, const char *words, const char *name) {
  char why[700];
  snprintf(why, sizeof why, "error %d (%s), sentence \"%s\"", (int)error, cudaGetErrorString(error),
           soft_last_fault());
  check_record(error == wanted && strstr(soft_last_fault(), words) != NULL, why, "refuses: %s", name);
  soft_reset_fault();
}

void good(cudaError_t error, const char *name) {
  check_record(error == cudaSuccess, cudaGetErrorString(error), "%s", name);
}

void *allocate(size_t bytes) {
  void *p = NULL;
  if (cudaMalloc(&p, bytes) != cudaSuccess) printf("FAIL cudaMalloc: %s\n", soft_last_fault());
  return p;
}
float *floats(size_t count) { return static_cast<float *>(allocate(count * sizeof(float))); }

template <class... P>
cudaError_t launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream,
                   P... arguments) {
  void *pointers[] = {&arguments..., NULL};
  return cudaLaunchKernel(reinterpret_cast<const void *>(kernel), grid, block, pointers, shared, stream);
}

/* With a cluster, or cooperatively. */
template <class... P>
cudaError_t launch_as(unsigned cluster, bool cooperative, void (*kernel)(P...), dim3 grid, dim3 block,
                      size_t shared, P... arguments) {
  void *pointers[] = {&arguments..., NULL};
  cudaLaunchAttribute attribute[2] = {};
  attribute[0].id = cudaLaunchAttributeClusterDimension;
  attribute[0].val.clusterDim = {cluster, 1, 1};
  attribute[1].id = cudaLaunchAttributeCooperative;
  attribute[1].val.cooperative = cooperative;
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared;
  config.attrs = attribute;
  config.numAttrs = 2;
  return cudaLaunchKernelExC(&config, reinterpret_cast<const void *>(kernel), pointers);
}

template <class... P> cudaError_t set(void (*kernel)(P...), cudaFuncAttribute which, int value) {
  return cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel), which, value);
}

float first_of(const float *device) {
  float value = NAN;
  cudaMemcpy(&value, device, sizeof value, cudaMemcpyDeviceToHost);
  return value;
}

/* ---- memory ---- */

void check_memory() {
  float *a = floats(10), *b = floats(10), host[20] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, back[10] = {};
  void *none = NULL;
  good(cudaMemcpy(a, host, sizeof back, cudaMemcpyHostToDevice), "copies to the device");
  good(cudaMemcpy(b, a, sizeof back, cudaMemcpyDefault), "copies on the device, by the addresses");
  good(cudaMemcpy(back, b, sizeof back, cudaMemcpyDeviceToHost), "copies from the device");
  CHECK(memcmp(host, back, sizeof back) == 0, "copies arrive");
  good(cudaMemset(b, 0, sizeof back), "fills");
  CHECK(first_of(b) == 0, "a fill arrives");

  refused(cudaMemcpy(a, host, 44, cudaMemcpyDefault), cudaErrorInvalidValue,
          "the target is 44 bytes at byte 0 of an allocation of 40", "a copy beyond the end");
  refused(cudaMemcpy(host, b + 5, 24, cudaMemcpyDefault), cudaErrorInvalidValue,
          "the source is 24 bytes at byte 20 of an allocation of 40", "a copy from beyond the end");
  refused(cudaMemset(b + 9, 0, 8), cudaErrorInvalidValue, "allocation of 40", "a fill beyond the end");
  refused(cudaMemset(host, 0, 8), cudaErrorInvalidValue, "no device memory", "a fill of host memory");
  refused(cudaMemcpy(a, host, 4, cudaMemcpyDeviceToDevice), cudaErrorInvalidValue,
          "said to be device to device, but is host to device", "a wrong direction");
  refused(cudaMemcpy(a, NULL, 4, cudaMemcpyDefault), cudaErrorInvalidValue, "src is NULL",
          "a copy from NULL");
  refused(cudaFree(a + 1), cudaErrorInvalidValue, "byte 4 of an allocation of 40", "freeing the middle");
  refused(cudaFree(host), cudaErrorInvalidValue, "no device memory", "freeing host memory");
  good(cudaFree(NULL), "NULL may be freed");
  good(cudaFree(b), "frees");
  refused(cudaFree(b), cudaErrorInvalidValue, "was freed before: 40 bytes", "freeing twice");
  refused(cudaMemcpy(host, b, 4, cudaMemcpyDefault), cudaErrorInvalidValue, "was freed",
          "a copy from freed memory");
  CHECK(cudaMalloc(&none, (size_t)1 << 60) == cudaErrorMemoryAllocation && none == NULL,
        "too much memory is an answer");
  CHECK(*soft_last_fault() == '\0' && cudaGetLastError() == cudaErrorMemoryAllocation &&
            cudaGetLastError() == cudaSuccess,
        "it is no mistake, and told once");
  good(cudaFree(a), "frees the other");
  CHECK(soft_allocated() == 0, "all memory is free");
}

/* Host memory is pageable: what is copied is what it held at the call. */
void check_staging() {
  float *a = floats(1), value = 1;
  int changed = 0;
  for (int i = 0; i < 32; i++) {
    value = 1;
    cudaMemcpyAsync(a, &value, sizeof value, cudaMemcpyHostToDevice, NULL);
    value = 2;
    changed += first_of(a) != 1;
  }
  CHECK(changed == 0, "host memory may change after a copy to the device has been asked for");
  cudaFree(a);
}

/* ---- streams ---- */

/* How often work on one stream was not done yet when another, or the host, looked. */
int late(unsigned flags, bool waits) {
  cudaStream_t stream;
  float *a = floats(1), value = 0;
  int count = 0;
  cudaStreamCreateWithFlags(&stream, flags);
  for (int i = 0; i < 64; i++) {
    cudaMemset(a, 0, sizeof value);
    cudaDeviceSynchronize();
    launch(soft_fill, 1, 1, 0, stream, a, 1.0f, 1);
    if (waits) cudaStreamSynchronize(stream);
    cudaMemcpyAsync(&value, a, sizeof value, cudaMemcpyDeviceToHost, NULL);
    count += value != 1;
  }
  cudaStreamDestroy(stream);
  cudaFree(a);
  return count;
}

void check_streams() {
  cudaStream_t stream = NULL;
  float *a = floats(1);
  const int seen = late(cudaStreamNonBlocking, false);
  CHECK(seen > 0 && seen < 64, "work of a non-blocking stream may be late, and may be early (%d of 64)",
        seen);
  CHECK(late(cudaStreamDefault, false) == 0, "the default stream waits for a blocking one");
  CHECK(late(cudaStreamNonBlocking, true) == 0, "who waits for a stream finds its work done");
  refused(cudaStreamCreateWithFlags(&stream, 77), cudaErrorInvalidValue, "0x4d",
          "flags of a stream that there are not");
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  good(cudaStreamDestroy(stream), "destroys a stream");
  refused(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle, "was destroyed",
          "waiting for a stream that is gone");
  refused(launch(soft_fill, 1, 1, 0, stream, a, 1.0f, 1), cudaErrorInvalidResourceHandle, "was destroyed",
          "a launch into a stream that is gone");
  refused(cudaStreamDestroy(stream), cudaErrorInvalidResourceHandle, "was destroyed",
          "destroying a stream twice");
  refused(cudaMemsetAsync(a, 0, 4, reinterpret_cast<cudaStream_t>(&stream)), cudaErrorInvalidResourceHandle,
          "was never made", "something else for a stream");
  cudaFree(a);
}

void check_events() {
  cudaEvent_t from = NULL, to = NULL;
  float ms = -1;
  cudaEventCreate(&from);
  cudaEventCreate(&to);
  refused(cudaEventElapsedTime(&ms, from, to), cudaErrorInvalidResourceHandle, "never recorded",
          "the time between events that were not recorded");
  good(cudaEventRecord(from, NULL), "records an event");
  good(cudaEventRecord(to, NULL), "and another");
  good(cudaEventSynchronize(to), "waits for it");
  good(cudaEventElapsedTime(&ms, from, to), "the time between them");
  CHECK(ms >= 0, "is a time");
  cudaEventDestroy(from);
  good(cudaEventDestroy(to), "destroys an event");
  refused(cudaEventRecord(to, NULL), cudaErrorInvalidResourceHandle, "was destroyed",
          "recording an event that is gone");
  refused(cudaEventCreateWithFlags(&from, 32), cudaErrorInvalidValue, "0x20",
          "flags of an event that there are not");
  good(cudaEventCreateWithFlags(&from, cudaEventDisableTiming), "an event without times");
  cudaEventCreate(&to);
  cudaEventRecord(from, NULL);
  cudaEventRecord(to, NULL);
  cudaEventSynchronize(to);
  refused(cudaEventElapsedTime(&ms, from, to), cudaErrorInvalidResourceHandle, "without times", "its time");
  cudaEventDestroy(from);
  cudaEventDestroy(to);
}

/* How often a stream sees what another one had to do first: `waits` for an event, which is gone by then, or not. */
int seen_behind(bool waits) {
  int seen = 0;
  float *a, b;
  cudaStream_t ahead, behind;
  cudaMalloc(reinterpret_cast<void **>(&a), sizeof *a);
  cudaStreamCreateWithFlags(&ahead, cudaStreamNonBlocking);
  cudaStreamCreateWithFlags(&behind, cudaStreamNonBlocking);
  for (int i = 1; i <= 50; i++) {
    cudaEvent_t event;
    launch(soft_fill, 1, 1, 0, ahead, a, (float)i, 1);
    cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
    cudaEventRecord(event, ahead);
    if (waits) good(cudaStreamWaitEvent(behind, event, 0), "a stream waits for another");
    cudaEventDestroy(event);
    cudaMemcpyAsync(&b, a, sizeof b, cudaMemcpyDeviceToHost, behind);
    cudaStreamSynchronize(behind);
    seen += b == (float)i;
  }
  cudaStreamDestroy(ahead);
  cudaStreamDestroy(behind);
  cudaFree(a);
  return seen;
}

void check_waiting() {
  const int without = seen_behind(false);
  CHECK(without < 50, "a stream does not wait by itself: it saw %d of 50", without);
  CHECK(seen_behind(true) == 50, "and sees all that it has waited for");
}

/* ---- recording ---- */

cudaStream_t begin() {
  cudaStream_t stream = NULL;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  good(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begins a recording");
  return stream;
}

/* Ends a recording that a call has made invalid. */
void end_invalid(cudaStream_t stream, const char *what) {
  cudaGraph_t graph = NULL;
  char name[120];
  snprintf(name, sizeof name, "the recording after %s", what);
  refused(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated, "has made it invalid",
          name);
  CHECK(graph == NULL, "no graph after %s", what);
  cudaStreamDestroy(stream);
}

void check_replay() {
  float *a = floats(1), value = 5, more = 1;
  cudaGraph_t graph = NULL;
  cudaGraphExec_t ready = NULL;
  float *b = floats(1);
  cudaMemcpy(b, &more, sizeof more, cudaMemcpyDefault);
  cudaStream_t stream = begin();
  cudaStreamCaptureStatus status;
  good(cudaStreamIsCapturing(stream, &status), "asks whether a stream is recorded");
  CHECK(status == cudaStreamCaptureStatusActive, "it is");
  good(launch(soft_add, 1, 1, 0, stream, a, (const float *)a, (const float *)b, 1), "records a launch");
  good(cudaStreamEndCapture(stream, &graph), "ends the recording");
  good(cudaGraphInstantiate(&ready, graph, 0), "makes it ready");
  good(cudaGraphDestroy(graph), "destroys the graph");
  cudaMemcpy(a, &value, sizeof value, cudaMemcpyDefault);
  CHECK(first_of(a) == 5, "what was recorded did not run");
  for (int i = 0; i < 3; i++) good(cudaGraphLaunch(ready, stream), "replays");
  cudaStreamSynchronize(stream);
  CHECK(first_of(a) == 8, "a replay runs what was recorded, each time");
  refused(cudaGraphInstantiate(&ready, graph, 0), cudaErrorInvalidResourceHandle, "was destroyed",
          "a graph that is gone");
  cudaFree(b);
  cudaGraphLaunch(ready, stream);
  refused(cudaStreamSynchronize(stream), cudaErrorLaunchFailure, "freed", "a replay on memory that is gone");
  good(cudaGraphExecDestroy(ready), "destroys the executable");
  refused(cudaGraphLaunch(ready, NULL), cudaErrorInvalidResourceHandle, "was destroyed",
          "replaying what is gone");
  cudaStreamDestroy(stream);
  cudaFree(a);
}

void check_recording() {
  float *a = floats(1), value = 0;
  void *p = NULL;
  cudaGraph_t graph = NULL;
  cudaStream_t stream = NULL, other = NULL;
  refused(cudaStreamBeginCapture(NULL, cudaStreamCaptureModeThreadLocal), cudaErrorStreamCaptureUnsupported,
          "default stream", "recording the default stream");
  stream = begin();
  refused(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaErrorIllegalState, "already",
          "recording twice");
  refused(cudaMalloc(&p, 4), cudaErrorStreamCaptureUnsupported, "while a stream is recorded",
          "cudaMalloc while recording");
  end_invalid(stream, "cudaMalloc");
  stream = begin();
  refused(cudaFree(a), cudaErrorStreamCaptureUnsupported, "while a stream is recorded",
          "cudaFree while recording");
  end_invalid(stream, "cudaFree");
  stream = begin();
  refused(cudaStreamSynchronize(stream), cudaErrorStreamCaptureUnsupported, "cannot be waited for",
          "waiting for a recorded stream");
  refused(launch(soft_fill, 1, 1, 0, stream, a, 1.0f, 1), cudaErrorStreamCaptureInvalidated, "invalid",
          "a launch into an invalid recording");
  end_invalid(stream, "a wait");
  stream = begin();
  refused(cudaMemcpy(a, &value, 4, cudaMemcpyDefault), cudaErrorStreamCaptureUnsupported,
          "while a stream is recorded", "cudaMemcpy while recording");
  end_invalid(stream, "cudaMemcpy");
  stream = begin();
  good(launch(soft_fill, 1, 1, 0, (cudaStream_t)NULL, a, 1.0f, 1),
       "the default stream works beside the recording of a non-blocking one");
  cudaError_t elsewhere = cudaSuccess;
  std::thread([&] { elsewhere = cudaMalloc(&p, 4); }).join();
  good(elsewhere, "another thread may allocate beside a thread-local recording");
  std::thread([&] { elsewhere = cudaStreamEndCapture(stream, &graph); }).join();
  refused(elsewhere, cudaErrorStreamCaptureWrongThread, "another thread",
          "another thread that ends the recording");
  good(cudaStreamEndCapture(stream, &graph), "the recording is still good");
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
  refused(cudaStreamEndCapture(NULL, &graph), cudaErrorIllegalState, "is not recorded",
          "ending what was not begun");
  cudaStreamCreateWithFlags(&other, cudaStreamDefault);
  cudaStreamBeginCapture(other, cudaStreamCaptureModeThreadLocal);
  refused(launch(soft_fill, 1, 1, 0, (cudaStream_t)NULL, a, 1.0f, 1), cudaErrorStreamCaptureImplicit,
          "blocking stream that is recorded", "the default stream while a blocking one is recorded");
  end_invalid(other, "work on the default stream");
  cudaFree(p);
  cudaFree(a);
}

/* ---- launches ---- */

void check_limits() {
  int *a = static_cast<int *>(allocate(1024 * sizeof(int)));
  unsigned *ranks = reinterpret_cast<unsigned *>(a);
  float *f = reinterpret_cast<float *>(a);
  refused(launch(soft_fill, dim3(0), 1, 0, (cudaStream_t)NULL, f, 0.0f, 1), cudaErrorInvalidConfiguration,
          "grid.x is 0", "an empty grid");
  refused(launch(soft_fill, dim3(1, 70000), 1, 0, (cudaStream_t)NULL, f, 0.0f, 1),
          cudaErrorInvalidConfiguration, "grid.y is 70000", "a grid that is too high");
  refused(launch(soft_fill, 1, dim3(1, 1, 65), 0, (cudaStream_t)NULL, f, 0.0f, 1),
          cudaErrorInvalidConfiguration, "block.z is 65", "a block that is too deep");
  refused(launch(soft_fill, 1, dim3(64, 32), 0, (cudaStream_t)NULL, f, 0.0f, 1),
          cudaErrorInvalidConfiguration, "2048 threads", "too many threads");
  refused(launch(soft_bounded, 1, 65, 0, (cudaStream_t)NULL, a), cudaErrorInvalidValue,
          "at most 64 (.maxntid)", "more threads than the kernel is compiled for");
  good(launch(soft_bounded, 1, 64, 0, (cudaStream_t)NULL, a), "as many threads as it is compiled for");
  good(launch(soft_static_shared, 1, 32, 9152, (cudaStream_t)NULL, a),
       "48 KB of shared memory, static and dynamic");
  refused(launch(soft_static_shared, 1, 32, 9153, (cudaStream_t)NULL, a), cudaErrorInvalidValue,
          "49153 in all", "a byte more than 48 KB");
  refused(set(soft_dynamic_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024 + 1),
          cudaErrorInvalidValue, "232449 bytes", "opting in to more than there is");
  good(set(soft_dynamic_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, 100000),
       "opting in to more than 48 KB");
  good(launch(soft_dynamic_shared, 1, 32, 100000, (cudaStream_t)NULL, a), "a launch with it");
  refused(launch(soft_dynamic_shared, 1, 32, 100004, (cudaStream_t)NULL, a), cudaErrorInvalidValue,
          "MaxDynamicSharedMemorySize 100000", "more than it has opted in to");
  launch(soft_dynamic_shared, 1, 32, 128, (cudaStream_t)NULL, (int *)NULL);
  refused(cudaDeviceSynchronize(), cudaErrorLaunchFailure, "NULL pointer", "NULL for an array");
  refused(cudaLaunchKernel(a, 1, 1, NULL, 0, NULL), cudaErrorInvalidDeviceFunction, "is no kernel",
          "what is no kernel");

  good(launch_as(4, false, soft_cluster_ranks, 8, 32, 0, ranks), "clusters of 4");
  unsigned found[8] = {};
  cudaMemcpy(found, ranks, sizeof found, cudaMemcpyDefault);
  int wrong = 0;
  for (unsigned i = 0; i < 8; i++) wrong += found[i] != i % 4;
  CHECK(wrong == 0, "each block has its rank");
  refused(launch_as(4, false, soft_cluster_ranks, 6, 32, 0, ranks), cudaErrorInvalidConfiguration,
          "no multiple of the cluster's 4", "a grid that is no multiple of the cluster");
  refused(launch_as(16, false, soft_cluster_ranks, 16, 32, 0, ranks), cudaErrorInvalidClusterSize,
          "NonPortableClusterSizeAllowed", "a cluster that is not portable");
  good(set(soft_cluster_ranks, cudaFuncAttributeNonPortableClusterSizeAllowed, 1), "allows such clusters");
  good(launch_as(16, false, soft_cluster_ranks, 16, 32, 0, ranks), "and launches one");
  refused(launch_as(32, false, soft_cluster_ranks, 32, 32, 0, ranks), cudaErrorInvalidClusterSize,
          "the device takes 16", "a cluster that no device has");
  good(set(soft_cluster_ranks, cudaFuncAttributeMaxDynamicSharedMemorySize, 200000), "much shared memory");
  refused(launch_as(8, false, soft_cluster_ranks, 8, 32, 200000, ranks), cudaErrorInvalidClusterSize,
          "no cluster of 8 blocks fits", "a cluster larger than the device");
  good(launch_as(1, true, soft_cluster_ranks, 4, 32, 200000, ranks), "a cooperative grid that fits");
  refused(launch_as(1, true, soft_cluster_ranks, 5, 32, 200000, ranks), cudaErrorCooperativeLaunchTooLarge,
          "holds 4 of them", "a cooperative grid that does not fit");
  refused(launch_as(4, true, soft_cluster_ranks, 8, 32, 200000, ranks), cudaErrorCooperativeLaunchTooLarge,
          "holds 4 of them", "cooperative clusters that do not fit");
  good(cudaDeviceSynchronize(), "all that was launched ran");
  cudaFree(a);
}

/* ---- faults ---- */

void check_faults() {
  float *a = floats(4), value = 0;
  const uint64_t before = soft_launches();
  launch(soft_fill, 1, 8, 0, (cudaStream_t)NULL, a, 1.0f, 8);
  const cudaError_t error = cudaDeviceSynchronize();
  CHECK(soft_launches() == before + 1, "the launch is counted");
  CHECK(error == cudaErrorLaunchFailure && strstr(cudaGetErrorString(error), "soft_fill") &&
            strstr(cudaGetErrorString(error), "kernels_for_tests.cu:"),
        "a fault is a sentence with the kernel and the line: %s", cudaGetErrorString(error));
  CHECK(cudaMemcpy(&value, a, 4, cudaMemcpyDefault) == cudaErrorLaunchFailure, "after it nothing works");
  CHECK(cudaGetLastError() == cudaErrorLaunchFailure && cudaGetLastError() == cudaErrorLaunchFailure,
        "and the error stays");
  soft_reset_fault();
  good(cudaMemcpy(a, &value, 4, cudaMemcpyDefault), "until the test forgets it");
  cudaFree(a);
  a = floats(4);
  launch(soft_fill, 1, 8, 0, (cudaStream_t)NULL, a, 1.0f, 8);
  cudaDeviceSynchronize();
  good(cudaDeviceReset(), "or the device is reset");
  soft_reset_fault();
  CHECK(soft_allocated() == 0, "which frees everything");
  refused(cudaFree(a), cudaErrorInvalidValue, "was freed before", "freeing what the reset has freed");
}

void check_device() {
  int value = 0;
  cudaDeviceProp p;
  good(cudaGetDeviceCount(&value), "counts devices");
  CHECK(value == 1, "there is one");
  refused(cudaSetDevice(1), cudaErrorInvalidDevice, "no device 1", "another device");
  CHECK(soft_set_device("H100") == 1 && soft_set_device("H99") == 0, "devices are found by name");
  good(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 0), "asks for an attribute");
  CHECK(value == 132, "the H100 has 132 processors");
  good(cudaGetDeviceProperties(&p, 0), "asks for properties");
  CHECK(p.multiProcessorCount == 132 && p.major == 9 && strstr(p.name, "H100"),
        "they are those of the device");
  soft_set_device("4 SMs");
}

/* ---- the end of the process ---- */

int leak() {
  cudaStream_t stream;
  floats(3);
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  return 0;
}

void check_end(const char *program, const char *word, int status, const char *said) {
  char command[600], text[4000];
  snprintf(command, sizeof command, "env -u SEQGPU_SOFT_SEED '%s' %s 2>&1", program, word);
  FILE *out = popen(command, "r");
  text[fread(text, 1, sizeof text - 1, out)] = '\0';
  const int got = WEXITSTATUS(pclose(out));
  CHECK(got == status && strstr(text, said) != NULL, "%s: exit status %d and \"%s\"", word, got, said);
}

int mistake() {
  cudaFree(reinterpret_cast<void *>(8));
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "leak") == 0) return leak();
  if (argc > 1 && strcmp(argv[1], "mistake") == 0) return mistake();
  if (argc > 1) return (int)cudaFree(NULL);
  check_start();
  check_memory();
  check_staging();
  check_streams();
  check_events();
  check_waiting();
  check_replay();
  check_recording();
  check_limits();
  check_faults();
  check_device();
  check_end(argv[0], "leak", 86, "leak: 12 bytes, allocation 1,");
  check_end(argv[0], "leak", 86, "leak: 1 of kind stream");
  check_end(argv[0], "mistake", 86, "1 mistakes; the last: cudaFree: 0x8 is no device memory");
  check_end(argv[0], "nothing", 0, "soft seed");
  return check_finish();
}
