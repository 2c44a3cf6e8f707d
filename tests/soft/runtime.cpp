/* runtime.cpp - the stand-in for the CUDA runtime: calls and their errors, the device, the end of the process.
 *
 * Streams are in streams.cpp, memory in copies.cpp, launches in launch.cpp.  Errors are those that NVIDIA
 * documents for each call.  Every refused call and every fault is a sentence on stderr, once; the error text
 * of the last one is that sentence.
 *
 * A fault in a kernel breaks the device, as it breaks a context: all later calls return the error until
 * cudaDeviceReset, or soft_reset_fault of a test.
 */
#include "tests/soft/runtime.h"

#include "tests/soft/controls.h"
#include "tests/soft/coverage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mutex>

namespace soft {

namespace {

enum { BAD_EXIT = 86 };

struct Owned {
  const char *what;
  size_t (*left)();
};

/* What outlives static objects of the program: calls come before main and after it. */
struct State {
  std::recursive_mutex lock;
  std::string sentence;
  int sentence_error = 0; /* of the runtime; 0: the sentence is another library's */
  unsigned mistakes = 0;  /* refused calls and faults */
  uint64_t calls = 0;     /* of the runtime and the libraries */
  uint64_t fail_at = 0;   /* the number of the call that is to fail, 0: none */
  bool broken = false;
  std::vector<Owned> owned;
};
State &state() {
  static State *all = new State();
  return *all;
}

thread_local cudaError_t last_error = cudaSuccess;

void say(const std::string &sentence) {
  state().sentence = sentence;
  state().sentence_error = 0;
  state().mistakes++;
  fprintf(stderr, "soft: %s\n", sentence.c_str());
}

void break_device(const std::string &sentence) {
  say(sentence);
  state().sentence_error = cudaErrorLaunchFailure;
  state().broken = true;
  drop_all_work();
}

unsigned report_owned() {
  size_t all = 0;
  for (const Owned &o : state().owned) {
    if (o.left() != 0) fprintf(stderr, "soft: leak: %zu of kind %s not destroyed\n", o.left(), o.what);
    all += o.left();
  }
  return (unsigned)all;
}

/* At exit.  The streams' work is not run any more: a program that leaves it there does not want it. */
void look_back() {
  std::lock_guard<std::recursive_mutex> held(state().lock);
  write_coverage();
  unsigned bad = state().mistakes;
  if (bad != 0) fprintf(stderr, "soft: %u mistakes; the last: %s\n", bad, state().sentence.c_str());
  if (!state().broken) bad += report_owned() + report_streams_left() + report_memory_left();
  if (bad == 0) return;
  fflush(NULL);
  _exit(BAD_EXIT);
}

} // namespace

void refuse(int error, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  throw Refusal{error, text};
}

void report_at_end(const char *what, size_t (*left)()) { state().owned.push_back({what, left}); }

void watch_exit() {
  static const int registered = atexit(look_back);
  (void)registered;
}

/* What a call fails with that is told to; what gives something back does so all the same. */
int fail_as_told(const char *function, int when_broken, const std::function<void()> &body) {
  if (strstr(function, "Free") != NULL || strstr(function, "Destroy") != NULL) body();
  return strcmp(function, "cudaMalloc") == 0 ? (int)cudaErrorMemoryAllocation : when_broken;
}

int perform(const char *function, int when_broken, const std::function<void()> &body) {
  std::lock_guard<std::recursive_mutex> held(state().lock);
  start();
  if (state().broken) return when_broken;
  try {
    if (++state().calls == state().fail_at) return fail_as_told(function, when_broken, body);
    body();
    return 0;
  } catch (const Answer &answer) {
    return answer.error;
  } catch (const Refusal &refusal) {
    say(std::string(function) + ": " + refusal.sentence);
    return refusal.error;
  } catch (const Fault &fault) {
    break_device(fault.what());
    return when_broken;
  } catch (const std::exception &error) { /* no memory; PTX that nobody can read */
    break_device(std::string(function) + ": " + error.what());
    return when_broken;
  }
}

cudaError_t call(const char *function, const std::function<void()> &body) {
  std::lock_guard<std::recursive_mutex> held(state().lock);
  const unsigned mistakes = state().mistakes;
  const cudaError_t error = (cudaError_t)perform(function, cudaErrorLaunchFailure, body);
  if (error != cudaSuccess) last_error = error;
  if (state().mistakes != mistakes) state().sentence_error = error;
  return error;
}

const std::string &last_sentence() { return state().sentence; }

uint64_t calls() { return state().calls; }
void fail_call(uint64_t number) { state().fail_at = number; }

void locked(const std::function<void()> &body) {
  std::lock_guard<std::recursive_mutex> held(state().lock);
  start();
  body();
}

void mend_device() {
  drop_all_work();
  state().broken = false;
  state().mistakes = 0;
  state().sentence.clear();
  state().sentence_error = 0;
  last_error = cudaSuccess;
}

namespace {

/* ---- the device ---- */

const Device &device() { return machine().device; }

void check_device(int index) {
  if (index < 0 || index >= device_count)
    refuse(cudaErrorInvalidDevice, "there is no device %d: there are %d, from 0 on", index, device_count);
}

const struct {
  cudaDeviceAttr which;
  int (*value)();
} attributes[] = {
    {cudaDevAttrMultiProcessorCount, [] { return (int)device().processors; }},
    {cudaDevAttrMaxSharedMemoryPerBlockOptin, [] { return (int)device().shared_per_block; }},
    {cudaDevAttrMaxSharedMemoryPerMultiprocessor, [] { return (int)device().shared_per_processor; }},
    {cudaDevAttrMaxSharedMemoryPerBlock, [] { return 48 * 1024; }},
    {cudaDevAttrReservedSharedMemoryPerBlock, [] { return (int)device().shared_reserved; }},
    {cudaDevAttrMaxThreadsPerBlock, [] { return 1024; }},
    {cudaDevAttrMaxThreadsPerMultiProcessor, [] { return (int)device().threads_per_processor; }},
    {cudaDevAttrMaxBlocksPerMultiprocessor, [] { return (int)device().blocks_per_processor; }},
    {cudaDevAttrMaxRegistersPerMultiprocessor, [] { return (int)device().registers_per_processor; }},
    {cudaDevAttrWarpSize, [] { return (int)WARP; }},
    {cudaDevAttrComputeCapabilityMajor, [] { return device().major; }},
    {cudaDevAttrComputeCapabilityMinor, [] { return device().minor; }},
    {cudaDevAttrCooperativeLaunch, [] { return 1; }},
    {cudaDevAttrClusterLaunch, [] { return 1; }},
    /* Of an H100: for what computes a lower bound of a time. */
    {cudaDevAttrClockRate, [] { return 1980000; }},
    {cudaDevAttrMemoryClockRate, [] { return 2619000; }},
    {cudaDevAttrGlobalMemoryBusWidth, [] { return 5120; }},
    {cudaDevAttrL2CacheSize, [] { return 50 << 20; }},
};

void describe(cudaDeviceProp *p) {
  *p = {};
  snprintf(p->name, sizeof p->name, "software device (%s)", device().name);
  p->totalGlobalMem = machine().memory.capacity;
  p->sharedMemPerBlock = 48 * 1024;
  p->sharedMemPerBlockOptin = device().shared_per_block;
  p->sharedMemPerMultiprocessor = device().shared_per_processor;
  p->reservedSharedMemPerBlock = device().shared_reserved;
  p->regsPerBlock = p->regsPerMultiprocessor = (int)device().registers_per_processor;
  p->warpSize = WARP;
  p->maxThreadsPerBlock = 1024;
  p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024;
  p->maxThreadsDim[2] = 64;
  p->maxGridSize[0] = 0x7FFFFFFF;
  p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  p->major = device().major;
  p->minor = device().minor;
  p->multiProcessorCount = (int)device().processors;
  p->maxThreadsPerMultiProcessor = (int)device().threads_per_processor;
  p->maxBlocksPerMultiProcessor = (int)device().blocks_per_processor;
  p->memoryBusWidth = 5120;
  p->l2CacheSize = 50 << 20;
  p->cooperativeLaunch = p->clusterLaunch = 1;
}

/* ---- the texts of errors without a sentence ---- */

const struct {
  cudaError_t error;
  const char *text;
} texts[] = {
    {cudaSuccess, "no error"},
    {cudaErrorInvalidValue, "invalid argument"},
    {cudaErrorMemoryAllocation, "out of memory"},
    {cudaErrorInvalidConfiguration, "invalid configuration argument"},
    {cudaErrorInvalidDevice, "invalid device ordinal"},
    {cudaErrorInvalidDeviceFunction, "invalid device function"},
    {cudaErrorInvalidResourceHandle, "invalid resource handle"},
    {cudaErrorNotReady, "device not ready"},
    {cudaErrorNotSupported, "operation not supported"},
    {cudaErrorLaunchOutOfResources, "too many resources requested for launch"},
    {cudaErrorLaunchFailure, "unspecified launch failure"},
    {cudaErrorInvalidClusterSize, "cluster misconfiguration"},
    {cudaErrorCooperativeLaunchTooLarge, "too many blocks in cooperative launch"},
    {cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureImplicit,
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {cudaErrorStreamCaptureWrongThread,
     "attempt to terminate a thread-local capture sequence from another thread"},
    {cudaErrorIllegalState, "the operation cannot be performed in the present state"},
};

const char *text_of(cudaError_t error) {
  if (error != cudaSuccess && (int)error == state().sentence_error) return state().sentence.c_str();
  for (const auto &row : texts)
    if (row.error == error) return row.text;
  return "unrecognized error code";
}

} // namespace

} // namespace soft

using soft::call;
using soft::refuse;

extern "C" {

/* ---- errors ---- */

/* A broken device does not forget its error; all others are forgotten once they are told. */
cudaError_t cudaGetLastError(void) {
  std::lock_guard<std::recursive_mutex> held(soft::state().lock);
  if (soft::state().broken) return cudaErrorLaunchFailure;
  const cudaError_t error = soft::last_error;
  soft::last_error = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError(void) {
  std::lock_guard<std::recursive_mutex> held(soft::state().lock);
  return soft::state().broken ? cudaErrorLaunchFailure : soft::last_error;
}

const char *cudaGetErrorString(cudaError_t error) {
  std::lock_guard<std::recursive_mutex> held(soft::state().lock);
  return soft::text_of(error);
}

/* ---- the device ---- */

cudaError_t cudaGetDeviceCount(int *count) {
  return call("cudaGetDeviceCount", [&] {
    if (count == NULL) refuse(cudaErrorInvalidValue, "count is NULL");
    *count = soft::device_count;
  });
}

cudaError_t cudaSetDevice(int index) {
  return call("cudaSetDevice", [&] {
    soft::check_device(index);
    soft::current_device = index;
  });
}

cudaError_t cudaGetDevice(int *index) {
  return call("cudaGetDevice", [&] {
    if (index == NULL) refuse(cudaErrorInvalidValue, "device is NULL");
    *index = soft::current_device;
  });
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr which, int index) {
  return call("cudaDeviceGetAttribute", [&] {
    soft::check_device(index);
    if (value == NULL) refuse(cudaErrorInvalidValue, "value is NULL");
    for (const auto &row : soft::attributes)
      if (row.which == which) {
        *value = row.value();
        return;
      }
    refuse(cudaErrorInvalidValue, "the software device does not know attribute %d", (int)which);
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int index) {
  return call("cudaGetDeviceProperties", [&] {
    soft::check_device(index);
    if (properties == NULL) refuse(cudaErrorInvalidValue, "prop is NULL");
    soft::describe(properties);
  });
}

cudaError_t cudaDeviceSynchronize(void) {
  return call("cudaDeviceSynchronize", [] {
    soft::forbid_while_recording();
    soft::finish_all();
  });
}

/* Everything the program has is gone, and the device works again. */
cudaError_t cudaDeviceReset(void) {
  std::lock_guard<std::recursive_mutex> held(soft::state().lock);
  soft::state().broken = false;
  soft::drop_all_work();
  soft::forget_streams();
  soft::forget_memory();
  soft::last_error = cudaSuccess;
  return cudaSuccess;
}

} // extern "C"
