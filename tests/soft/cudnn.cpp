/* cudnn.cpp - the stand-in for cuDNN (tests/simt/cudnn_standin.cpp) on the software device: its work goes
 * through streams, and its pointers are the device's. */
#include "tests/simt/cudnn_seat.h"
#include "tests/soft/runtime.h"

#include <string.h>

namespace seat {

using soft::Wants;

cudnnStatus_t enqueue(cudaStream_t stream, const Work &work) {
  const auto body = [&] {
    soft::check_stream(stream);
    soft::enqueue(stream, [work] {
      const char *why = work();
      if (why != NULL) throw soft::Fault(std::string("cuDNN: ") + why);
    });
  };
  return (cudnnStatus_t)soft::perform("cuDNN", CUDNN_STATUS_EXECUTION_FAILED, body);
}

/* What was never written is NaN there, and shows in the results: there are gaps that cuDNN may read. */
const void *readable(const void *device, size_t bytes) {
  return device != NULL ? soft::device_bytes(device, bytes, Wants::anything, "cuDNN: an input") : NULL;
}
void *writable(void *device, size_t bytes) {
  return device != NULL ? soft::device_bytes(device, bytes, Wants::to_write, "cuDNN: an output") : NULL;
}
bool fails() {
  return soft::perform("cuDNN", 1, [] {}) != 0;
}

void count(int by) {
  static long objects;
  static const bool told = [] {
    soft::report_at_end("object of cuDNN", [] { return (size_t)objects; });
    return true;
  }();
  (void)told;
  objects += by;
}

void spoil(void *device, size_t bytes) {
  memset(writable(device, bytes), 0xFF, bytes);
  soft::machine().memory.set_valid(reinterpret_cast<uint64_t>(device), bytes, false);
}

} // namespace seat
