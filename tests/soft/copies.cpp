/* copies.cpp - the stand-in for the CUDA runtime: device memory, copies and fills.
 *
 * All host memory is taken for pageable: what is copied to the device is staged at the call, and a copy to the
 * host is complete when the call returns.  The direction must be the one that the addresses have.
 */
#include "tests/soft/runtime.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <memory>

namespace soft {

namespace {

/* What the program has allocated, by address. */
std::map<uint64_t, size_t> &allocated() {
  static std::map<uint64_t, size_t> *all = new std::map<uint64_t, size_t>();
  return *all;
}

Memory &memory() { return machine().memory; }
uint64_t address_of(const void *p) { return reinterpret_cast<uint64_t>(p); }
bool on_device(const void *p) { return memory().is_device(address_of(p)); }

/* Why a range is not there; "" if it is. */
std::string complaint(const void *device, size_t bytes, const char *what) {
  if (memory().holds(address_of(device), bytes)) return "";
  const Allocation *a = memory().find(address_of(device));
  char text[256];
  if (!on_device(device) || a == NULL)
    snprintf(text, sizeof text, "%s (%p) is no device memory", what, device);
  else if (!a->live)
    snprintf(text, sizeof text, "%s (%p) lies in memory that was freed: %zu bytes, allocation %" PRIu64, what,
             device, a->bytes, a->number);
  else
    snprintf(text, sizeof text, "%s is %zu bytes at byte %" PRIu64 " of an allocation of %zu", what, bytes,
             address_of(device) - a->begin, a->bytes);
  return text;
}

} // namespace

void check_range(const void *device, size_t bytes, const char *what, int error) {
  const std::string why = complaint(device, bytes, what);
  if (!why.empty()) refuse(error, "%s", why.c_str());
}

unsigned char *device_bytes(const void *device, size_t bytes, Wants wants, const char *what) {
  const std::string why = complaint(device, bytes, what);
  if (!why.empty()) throw Fault(why);
  if (wants == Wants::written && !memory().is_valid(address_of(device), bytes))
    throw Fault(std::string(what) + " was not written, or not all of it");
  if (wants == Wants::to_write) memory().set_valid(address_of(device), bytes, true);
  return memory().bytes(address_of(device));
}

unsigned report_memory_left() {
  for (const auto &a : allocated())
    fprintf(stderr, "soft: leak: %zu bytes, allocation %" PRIu64 ", were not freed\n", a.second,
            memory().find(a.first)->number);
  return (unsigned)allocated().size();
}

void forget_memory() {
  for (const auto &a : allocated()) {
    machine().order.memory_released(a.first, a.second);
    memory().release(a.first);
  }
  allocated().clear();
}

namespace {

void allocate(void **out, size_t bytes) {
  if (out == NULL) refuse(cudaErrorInvalidValue, "devPtr is NULL");
  forbid_while_recording();
  *out = NULL;
  if (bytes == 0) return;
  const uint64_t address = memory().allocate(bytes);
  if (address == 0) throw Answer{cudaErrorMemoryAllocation};
  allocated()[address] = bytes;
  *out = reinterpret_cast<void *>(address);
}

/* Waits for all work on the device, as the real one does. */
void release(void *pointer) {
  if (pointer == NULL) return;
  forbid_while_recording();
  const uint64_t address = address_of(pointer);
  const Allocation *a = memory().find(address);
  if (!on_device(pointer) || a == NULL) refuse(cudaErrorInvalidValue, "%p is no device memory", pointer);
  if (!a->live)
    refuse(cudaErrorInvalidValue, "%p was freed before: %zu bytes, allocation %" PRIu64, pointer, a->bytes,
           a->number);
  if (a->begin != address)
    refuse(cudaErrorInvalidValue, "%p is byte %" PRIu64 " of an allocation of %zu, not its begin", pointer,
           address - a->begin, a->bytes);
  finish_all();
  const Range nobodys = Memory::around(*a); /* so that whole pages of its shadow may go */
  machine().order.memory_released(nobodys.begin, nobodys.end - nobodys.begin);
  allocated().erase(address);
  memory().release(address);
}

/* ---- copies ---- */

/* Bytes that were never written stay so. */
void copy_validity(uint64_t to, uint64_t from, size_t bytes) {
  if (memory().is_valid(from, bytes)) {
    memory().set_valid(to, bytes, true);
    return;
  }
  for (size_t i = 0; i < bytes; i++) memory().set_valid(to + i, 1, memory().is_valid(from + i, 1));
}

Work device_to_device(void *to, const void *from, size_t bytes) {
  return [=] {
    const unsigned char *source = device_bytes(from, bytes, Wants::anything, "the source of a copy");
    unsigned char *target = device_bytes(to, bytes, Wants::anything, "the target of a copy");
    memmove(target, source, bytes);
    copy_validity(address_of(to), address_of(from), bytes);
  };
}

void write_device(void *to, const void *from, size_t bytes) {
  memcpy(device_bytes(to, bytes, Wants::to_write, "the target of a copy"), from, bytes);
}

/* A recorded copy reads the host's memory each time it is replayed; and any does when the stream gets there, if it
 * is page-locked. */
Work host_to_device(void *to, const void *from, size_t bytes, bool recorded) {
  if (recorded || page_locked) return [=] { write_device(to, from, bytes); };
  const auto *begin = static_cast<const unsigned char *>(from);
  const auto staged = std::make_shared<const std::vector<unsigned char>>(begin, begin + bytes);
  return [=] { write_device(to, staged->data(), bytes); };
}

Work device_to_host(void *to, const void *from, size_t bytes) {
  return [=] { memcpy(to, device_bytes(from, bytes, Wants::anything, "the source of a copy"), bytes); };
}

/* Refuses a direction that the addresses do not have; the one that they have. */
cudaMemcpyKind direction(const void *to, const void *from, cudaMemcpyKind asked) {
  static const char *const names[] = {"host to host", "host to device", "device to host", "device to device"};
  const cudaMemcpyKind found = (cudaMemcpyKind)((on_device(to) ? 1 : 0) + (on_device(from) ? 2 : 0));
  if (asked < cudaMemcpyHostToHost || asked > cudaMemcpyDefault)
    refuse(cudaErrorInvalidMemcpyDirection, "there is no direction %d", (int)asked);
  if (asked != cudaMemcpyDefault && asked != found)
    refuse(cudaErrorInvalidValue, "the direction is said to be %s, but is %s", names[asked], names[found]);
  return found;
}

void copy(void *to, const void *from, size_t bytes, cudaMemcpyKind asked, cudaStream_t stream) {
  check_stream(stream);
  if (bytes == 0) return;
  if (to == NULL || from == NULL) refuse(cudaErrorInvalidValue, "%s is NULL", to == NULL ? "dst" : "src");
  const cudaMemcpyKind kind = direction(to, from, asked);
  const bool recorded = is_recording(stream);
  if (on_device(to)) check_range(to, bytes, "the target");
  if (on_device(from)) check_range(from, bytes, "the source");
  if (kind == cudaMemcpyDeviceToDevice) enqueue(stream, device_to_device(to, from, bytes));
  if (kind == cudaMemcpyHostToDevice) enqueue(stream, host_to_device(to, from, bytes, recorded));
  if (kind == cudaMemcpyDeviceToHost) enqueue(stream, device_to_host(to, from, bytes));
  if (kind == cudaMemcpyHostToHost) enqueue(stream, [=] { memmove(to, from, bytes); });
  if (!recorded && !on_device(to)) finish(stream);
}

void fill(void *to, int value, size_t bytes, cudaStream_t stream) {
  check_stream(stream);
  if (bytes == 0) return;
  check_range(to, bytes, "the target");
  enqueue(stream,
          [=] { memset(device_bytes(to, bytes, Wants::to_write, "the target of a fill"), value, bytes); });
}

} // namespace

} // namespace soft

using soft::call;

extern "C" {

cudaError_t cudaMalloc(void **out, size_t bytes) {
  return call("cudaMalloc", [=] { soft::allocate(out, bytes); });
}

cudaError_t cudaFree(void *pointer) {
  return call("cudaFree", [=] { soft::release(pointer); });
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return call("cudaMemcpyAsync", [=] { soft::copy(to, from, bytes, kind, stream); });
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
  return call("cudaMemcpy", [=] {
    soft::forbid_while_recording();
    soft::copy(to, from, bytes, kind, NULL);
    soft::finish(NULL);
  });
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream) {
  return call("cudaMemsetAsync", [=] { soft::fill(to, value, bytes, stream); });
}

cudaError_t cudaMemset(void *to, int value, size_t bytes) {
  return call("cudaMemset", [=] {
    soft::forbid_while_recording();
    soft::fill(to, value, bytes, NULL);
  });
}

} // extern "C"
