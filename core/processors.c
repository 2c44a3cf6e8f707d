/* processors.c - the processors of the affinity mask; see processors.h. */
#define _GNU_SOURCE /* sched_getaffinity */

#include "core/processors.h"

#include <limits.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>

/* 0 where the mask cannot be had.  The kernel refuses a set that is smaller than its own. */
static int in_affinity_mask(void) {
  for (int most = CPU_SETSIZE; most <= 1 << 20; most *= 4) {
    cpu_set_t *set = CPU_ALLOC((size_t)most);
    if (set == NULL) return 0;
    const size_t size = CPU_ALLOC_SIZE((size_t)most);
    const int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
  return 0;
}
#else
static int in_affinity_mask(void) { return 0; }
#endif

int sq_processors(void) {
  const int allowed = in_affinity_mask();
  if (allowed > 0) return allowed;
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online < 1 ? 1 : online > INT_MAX ? INT_MAX : (int)online;
}
