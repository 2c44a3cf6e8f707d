/* counts.cpp - the counters for tests written in C (counts.h). */
#include "tests/soft/counts.h"

#include "tests/soft/counters.h"
#include "tests/soft/fatbin.h"
#include "tests/soft/runtime.h"

namespace soft {

static Counting counting;
static bool races; /* whether they were looked for before: a launch is counted without */

} // namespace soft

using soft::counting;
using soft::locked;

extern "C" {

void soft_count_begin(void) {
  locked([] {
    soft::finish_all();
    counting.launches.clear();
    if (soft::machine().counters != nullptr) return;
    soft::machine().counters = &counting;
    soft::races = soft::machine().order.on;
    soft::machine().order.on = false;
  });
}

void soft_count_end(void) {
  locked([] {
    soft::finish_all();
    soft::machine().counters = nullptr;
    soft::machine().order.on = soft::races;
  });
}

long soft_spilled_bytes(const char *kernel) {
  long bytes = -1;
  locked([&] {
    for (soft::Registered *r : soft::registered_kernels())
      if (r->name == kernel) bytes = (long)soft::decoded(*r)->stack_bytes;
  });
  return bytes;
}

size_t soft_counted(void) { return counting.launches.size(); }

const soft_counts *soft_count_of(size_t launch, const char **kernel) {
  if (kernel != nullptr) *kernel = counting.launches[launch].kernel.c_str();
  return &counting.launches[launch].counts;
}

uint64_t soft_blocks_of(size_t launch) { return counting.launches[launch].blocks; }

} // extern "C"
