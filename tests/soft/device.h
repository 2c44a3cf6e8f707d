/* device.h - the cards that the software device can be: a row of a table each. */
#ifndef SOFT_DEVICE_H
#define SOFT_DEVICE_H

#include <stddef.h>

namespace soft {

struct Device {
  const char *name;                       /* as SEQGPU_SOFT_DEVICE names it */
  int major, minor;                       /* compute capability */
  unsigned processors, per_cluster_group; /* SMs, and SMs of a GPC: a cluster lies in one */
  size_t shared_per_block, shared_per_processor, shared_reserved;
  unsigned cluster_max; /* blocks, non-portable size */
  unsigned threads_per_processor, blocks_per_processor, registers_per_processor;
};

/* The row of that name; NULL if there is none. */
const Device *find_device(const char *name);
/* The names of all rows, for a message. */
const char *device_names();

/* Blocks of a kernel that one processor holds at a time: 0 if not even one fits. */
unsigned blocks_per_processor(const Device &device, unsigned threads, unsigned registers, size_t shared);
/* Clusters of so many blocks that the whole device holds at a time. */
unsigned clusters_on(const Device &device, unsigned cluster, unsigned blocks_per_processor);

} // namespace soft

#endif
