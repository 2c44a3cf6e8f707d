/* nvml.c - see nvml.h.  The library is opened when it is first asked for, since nothing else needs it; its
 * header is not needed: three functions, whose types are stated here. */
#include "bench/common/nvml.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef void *nvml_device;
enum { NVML_CLOCK_SM = 1 };

typedef struct nvml {
  int (*init)(void);
  int (*find)(const char *bus_id, nvml_device *out);
  int (*clock)(nvml_device device, int which, unsigned *mhz);
} nvml;

/* ISO C has no conversion from an object pointer to a function's. */
static int load(void *library, const char *name, void *function) {
  void *found = dlsym(library, name);
  memcpy(function, &found, sizeof found);
  return found != NULL;
}

static const nvml *opened(void) {
  static nvml functions;
  static int state; /* 1: usable, -1: not */
  if (state == 0) {
    void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    const int whole = library && load(library, "nvmlInit_v2", &functions.init) &&
                      load(library, "nvmlDeviceGetHandleByPciBusId_v2", &functions.find) &&
                      load(library, "nvmlDeviceGetClockInfo", &functions.clock);
    state = whole && functions.init() == 0 ? 1 : -1;
  }
  return state > 0 ? &functions : NULL;
}

double bench_nvml_clock_hz(unsigned domain, unsigned bus, unsigned device) {
  const nvml *n = opened();
  char place[32];
  nvml_device card = NULL;
  unsigned mhz = 0;
  snprintf(place, sizeof place, "%08x:%02x:%02x.0", domain, bus, device);
  if (n == NULL || n->find(place, &card) != 0 || n->clock(card, NVML_CLOCK_SM, &mhz) != 0) return 0;
  return 1e6 * mhz;
}
