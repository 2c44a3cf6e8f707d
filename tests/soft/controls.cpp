/* controls.cpp - the seed, the device, and what tests ask (controls.h). */
#include "tests/soft/controls.h"

#include "tests/soft/fatbin.h"
#include "tests/soft/runtime.h"
#include "tests/soft/weak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

namespace soft {

namespace {

uint64_t seed, random_state;

void plant(uint64_t value) {
  seed = random_state = value;
  machine().set_seed(value);
}

uint64_t fresh_seed() {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return ((uint64_t)now.tv_sec * 1000003u + (uint64_t)now.tv_nsec) % 1000000007u;
}

} // namespace

int device_count = 1;
thread_local int current_device;
bool page_locked;
uint64_t attributes_set;

void start() {
  static bool started;
  if (started) return;
  started = true;
  const char *given = getenv("SEQGPU_SOFT_SEED"), *late = getenv("SEQGPU_SOFT_WEAK"),
             *fail = getenv("SEQGPU_SOFT_FAIL");
  plant(given != NULL ? strtoull(given, NULL, 0) : fresh_seed());
  if (given == NULL) printf("soft seed %llu\n", (unsigned long long)seed);
  if (late != NULL) weak = strcmp(late, "0") != 0;
  if (fail != NULL) fail_call(strtoull(fail, NULL, 0));
}

unsigned chance(unsigned below) { /* splitmix64 (Vigna) */
  uint64_t z = random_state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (unsigned)((z ^ (z >> 31)) % below);
}

} // namespace soft

using soft::locked;
using soft::machine;

extern "C" {

void soft_set_seed(uint64_t seed) {
  locked([&] { soft::plant(seed); });
}
uint64_t soft_get_seed(void) {
  uint64_t seed = 0;
  locked([&] { seed = soft::seed; });
  return seed;
}

int soft_set_device(const char *name) {
  const soft::Device *device = soft::find_device(name);
  if (device != NULL)
    locked([&] {
      soft::finish_all();
      machine().device = *device;
    });
  return device != NULL;
}
const char *soft_get_device(void) {
  const char *name = NULL;
  locked([&] { name = machine().device.name; });
  return name;
}

void soft_set_devices(int count) {
  locked([&] { soft::device_count = count; });
}
void soft_set_page_locked(int on) {
  locked([&] { soft::page_locked = on != 0; });
}
uint64_t soft_calls(void) {
  uint64_t count = 0;
  locked([&] { count = soft::calls(); });
  return count;
}
void soft_fail_call(uint64_t n) {
  locked([&] { soft::fail_call(n == 0 ? 0 : soft::calls() + n); });
}
uint64_t soft_attributes_set(void) {
  uint64_t count = 0;
  locked([&] { count = soft::attributes_set; });
  return count;
}

void soft_set_weak(int on) {
  locked([&] { soft::weak = on != 0; });
}

const char *soft_last_fault(void) {
  const char *sentence = NULL;
  locked([&] { sentence = soft::last_sentence().c_str(); });
  return sentence;
}
void soft_reset_fault(void) {
  locked([&] { soft::mend_device(); });
}

uint64_t soft_launches(void) {
  uint64_t count = 0;
  locked([&] { count = machine().launches; });
  return count;
}
uint64_t soft_instructions(void) {
  uint64_t count = 0;
  locked([&] { count = machine().instructions; });
  return count;
}
size_t soft_allocated(void) {
  size_t bytes = 0;
  locked([&] { bytes = machine().memory.live_bytes(); });
  return bytes;
}
size_t soft_kernels(const char **names, size_t room) {
  size_t count = 0;
  locked([&] {
    for (const soft::Registered *kernel : soft::registered_kernels()) {
      if (kernel->launches == 0) continue;
      if (names != NULL && count < room) names[count] = kernel->name.c_str();
      count++;
    }
  });
  return count;
}

} // extern "C"
