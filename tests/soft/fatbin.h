/* fatbin.h - the kernels that nvcc's objects bring along, found by the address of their host function. */
#ifndef SOFT_FATBIN_H
#define SOFT_FATBIN_H

#include "tests/soft/ptx.h"

#include <memory>
#include <string>
#include <vector>

namespace soft {

struct Binary;

/* A kernel of some object, and what the program has set about it. */
struct Registered {
  std::string name; /* of its .entry */
  Binary *binary;
  std::shared_ptr<const Kernel> kernel; /* NULL before its first use */
  size_t dynamic_shared = 0;            /* cudaFuncAttributeMaxDynamicSharedMemorySize; 0: never set */
  bool any_cluster = false;             /* cudaFuncAttributeNonPortableClusterSizeAllowed */
  unsigned long long launches = 0;
};

/* NULL if no object has registered that host function. */
Registered *find_kernel(const void *host_function);
/* Decodes it when it is first asked for.  Throws std::runtime_error with a sentence. */
const std::shared_ptr<const Kernel> &decoded(Registered &kernel);
/* All there are, in the order of registration. */
const std::vector<Registered *> &registered_kernels();

} // namespace soft

#endif
