/* launch.cpp - the stand-in for the CUDA runtime: launches, what they may ask for, and how much fits.
 *
 * Limits are those of compute capability 9.0 and of the chosen device (device.cpp).  Parameters are copied at
 * the call.  A kernel is decoded when it is first launched or asked about.
 */
#include "tests/soft/fatbin.h"
#include "tests/soft/runtime.h"

#include <string.h>

#include <vector>

namespace soft {

namespace {

enum : size_t { SHARED_BY_DEFAULT = 48 * 1024 }; /* of a kernel that has not opted in to more */
enum : uint32_t { THREADS_OF_A_BLOCK = 1024, PORTABLE_CLUSTER = 8 };

/* A launch as the host asks for it. */
struct Asked {
  Registered *kernel;
  Dim3 grid, block;
  size_t shared;
  cudaStream_t stream;
  uint32_t cluster = 1;
  bool cooperative = false;
};

const Device &device() { return machine().device; }

Registered *kernel_of(const void *function) {
  Registered *kernel = find_kernel(function);
  if (kernel == NULL) refuse(cudaErrorInvalidDeviceFunction, "%p is no kernel", function);
  decoded(*kernel);
  return kernel;
}

Dim3 dim_of(dim3 d) { return {d.x, d.y, d.z}; }

/* ---- the checks of a launch ---- */

void check_grid(const Asked &a) {
  const struct {
    const char *name;
    uint32_t value, most;
  } sizes[] = {{"grid.x", a.grid.x, 0x7FFFFFFF}, {"grid.y", a.grid.y, 65535},  {"grid.z", a.grid.z, 65535},
               {"block.x", a.block.x, 1024},     {"block.y", a.block.y, 1024}, {"block.z", a.block.z, 64}};
  for (const auto &size : sizes)
    if (size.value == 0 || size.value > size.most)
      refuse(cudaErrorInvalidConfiguration, "%s: %s is %u; it must be 1 to %u", a.kernel->name.c_str(),
             size.name, size.value, size.most);
}

void check_threads(const Asked &a, const Kernel &kernel) {
  const uint64_t threads = a.block.count();
  if (threads > THREADS_OF_A_BLOCK)
    refuse(cudaErrorInvalidConfiguration, "%s: a block of %u threads; it may have %u", kernel.name.c_str(),
           (unsigned)threads, THREADS_OF_A_BLOCK);
  if (threads > kernel.max_threads)
    refuse(cudaErrorInvalidValue,
           "%s: a block of %u threads; the kernel is compiled for at most %u (.maxntid)", kernel.name.c_str(),
           (unsigned)threads, kernel.max_threads);
  if (blocks_per_processor(device(), (unsigned)threads, kernel.registers, 0) == 0)
    refuse(cudaErrorLaunchOutOfResources,
           "%s: a block of %u threads of %u registers does not fit on a processor", kernel.name.c_str(),
           (unsigned)threads, kernel.registers);
}

void check_shared(const Asked &a, const Kernel &kernel) {
  const size_t all = a.shared + kernel.static_shared_bytes;
  if (all > device().shared_per_block)
    refuse(cudaErrorInvalidValue, "%s: a block wants %zu bytes of shared memory; there are %zu",
           kernel.name.c_str(), all, device().shared_per_block);
  const bool fits =
      a.kernel->dynamic_shared != 0 ? a.shared <= a.kernel->dynamic_shared : all <= SHARED_BY_DEFAULT;
  if (!fits)
    refuse(cudaErrorInvalidValue,
           "%s: a block wants %zu bytes of dynamic shared memory, %zu in all; the kernel has "
           "cudaFuncAttributeMaxDynamicSharedMemorySize %zu",
           kernel.name.c_str(), a.shared, all,
           a.kernel->dynamic_shared != 0 ? a.kernel->dynamic_shared
                                         : (size_t)SHARED_BY_DEFAULT - kernel.static_shared_bytes);
}

unsigned blocks_on_a_processor(const Kernel &kernel, uint64_t threads, size_t dynamic) {
  return blocks_per_processor(device(), (unsigned)threads, kernel.registers,
                              dynamic + kernel.static_shared_bytes);
}

unsigned clusters_at_a_time(const Asked &a, const Kernel &kernel) {
  return clusters_on(device(), a.cluster, blocks_on_a_processor(kernel, a.block.count(), a.shared));
}

void check_cluster(const Asked &a, const Kernel &kernel) {
  const char *name = kernel.name.c_str();
  if (a.cluster > device().cluster_max)
    refuse(cudaErrorInvalidClusterSize, "%s: a cluster of %u blocks; the device takes %u", name, a.cluster,
           device().cluster_max);
  if (a.cluster > PORTABLE_CLUSTER && !a.kernel->any_cluster)
    refuse(cudaErrorInvalidClusterSize,
           "%s: a cluster of %u blocks, which is more than %u, without "
           "cudaFuncAttributeNonPortableClusterSizeAllowed",
           name, a.cluster, PORTABLE_CLUSTER);
  if (a.grid.x % a.cluster != 0)
    refuse(cudaErrorInvalidConfiguration, "%s: grid.x is %u, no multiple of the cluster's %u blocks", name,
           a.grid.x, a.cluster);
  if (clusters_at_a_time(a, kernel) == 0)
    refuse(cudaErrorInvalidClusterSize,
           "%s: no cluster of %u blocks fits: %zu bytes of shared memory each, groups of %u processors", name,
           a.cluster, a.shared + kernel.static_shared_bytes, device().per_cluster_group);
}

void check_cooperative(const Asked &a, const Kernel &kernel) {
  const uint64_t resident =
      a.cluster > 1
          ? (uint64_t)clusters_at_a_time(a, kernel) * a.cluster
          : (uint64_t)blocks_on_a_processor(kernel, a.block.count(), a.shared) * device().processors;
  if (a.cooperative && a.grid.count() > resident)
    refuse(cudaErrorCooperativeLaunchTooLarge,
           "%s: a cooperative grid of %llu blocks; the device holds %llu of them at a time",
           kernel.name.c_str(), (unsigned long long)a.grid.count(), (unsigned long long)resident);
}

void check(const Asked &a) {
  const Kernel &kernel = *a.kernel->kernel;
  check_stream(a.stream);
  check_current(a.stream);
  check_grid(a);
  check_threads(a, kernel);
  check_shared(a, kernel);
  if (a.cluster > 1) check_cluster(a, kernel);
  check_cooperative(a, kernel);
}

/* ---- launching ---- */

std::vector<unsigned char> copy_parameters(const Kernel &kernel, void **arguments) {
  std::vector<unsigned char> all(kernel.parameter_bytes);
  for (size_t i = 0; i < kernel.parameters.size(); i++) {
    const Variable &p = kernel.parameters[i];
    if (arguments == NULL || arguments[i] == NULL)
      refuse(cudaErrorInvalidValue, "%s: argument %zu is NULL", kernel.name.c_str(), i);
    memcpy(all.data() + p.offset, arguments[i], p.bytes);
  }
  return all;
}

void launch(const Asked &a, void **arguments) {
  check(a);
  Launch l;
  l.kernel = a.kernel->kernel;
  l.grid = a.grid;
  l.block = a.block;
  l.cluster = a.cluster;
  l.cooperative = a.cooperative;
  l.dynamic_shared = a.shared;
  l.parameters = copy_parameters(*l.kernel, arguments);
  Registered *const kernel = a.kernel;
  enqueue(a.stream, [l, kernel] {
    kernel->launches++;
    machine().run(l);
  });
}

void read_attribute(const cudaLaunchAttribute &attribute, Asked *a) {
  switch (attribute.id) {
  case cudaLaunchAttributeIgnore:
    break;
  case cudaLaunchAttributeClusterDimension:
    a->cluster = attribute.val.clusterDim.x;
    if (a->cluster == 0 || attribute.val.clusterDim.y != 1 || attribute.val.clusterDim.z != 1)
      refuse(cudaErrorInvalidClusterSize,
             "a cluster of %u x %u x %u blocks; the software device takes n x 1 x 1", a->cluster,
             attribute.val.clusterDim.y, attribute.val.clusterDim.z);
    break;
  case cudaLaunchAttributeCooperative:
    a->cooperative = attribute.val.cooperative != 0;
    break;
  default:
    refuse(cudaErrorNotSupported, "the software device does not know launch attribute %d", (int)attribute.id);
  }
}

Asked asked_by(const cudaLaunchConfig_t *config, const void *function) {
  if (config == NULL) refuse(cudaErrorInvalidValue, "config is NULL");
  Asked a = {kernel_of(function), dim_of(config->gridDim), dim_of(config->blockDim), config->dynamicSmemBytes,
             config->stream};
  for (unsigned i = 0; i < config->numAttrs; i++) read_attribute(config->attrs[i], &a);
  return a;
}

cudaError_t launch_plain(const char *name, const void *function, dim3 grid, dim3 block, void **arguments,
                         size_t shared, cudaStream_t stream) {
  return call(name, [=] {
    launch({kernel_of(function), dim_of(grid), dim_of(block), shared, stream}, arguments);
  });
}

/* ---- attributes ---- */

void set_attribute(const void *function, cudaFuncAttribute which, int value) {
  attributes_set++;
  Registered *kernel = kernel_of(function);
  const size_t fixed = kernel->kernel->static_shared_bytes;
  switch (which) {
  case cudaFuncAttributeMaxDynamicSharedMemorySize:
    if (value < 0 || fixed + (size_t)value > device().shared_per_block)
      refuse(cudaErrorInvalidValue,
             "%s: %d bytes of dynamic shared memory and %zu static ones; a block may have %zu",
             kernel->name.c_str(), value, fixed, device().shared_per_block);
    kernel->dynamic_shared = (size_t)value;
    break;
  case cudaFuncAttributeNonPortableClusterSizeAllowed:
    kernel->any_cluster = value != 0;
    break;
  default:
    refuse(cudaErrorNotSupported, "the software device does not know function attribute %d", (int)which);
  }
}

/* <<<...>>>: what the caller pushes, the host function of the kernel pops. */
struct Configuration {
  dim3 grid, block;
  size_t shared;
  cudaStream_t stream;
};
thread_local std::vector<Configuration> configurations;

} // namespace

} // namespace soft

using soft::call;
using soft::refuse;

extern "C" {

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, CUstream_st *stream);
cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void *stream);
cudaError_t __cudaGetKernel(cudaKernel_t *kernel, const void *function);
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void **arguments, size_t shared,
                               cudaStream_t stream);

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, CUstream_st *stream) {
  soft::configurations.push_back({grid, block, shared, stream});
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void *stream) {
  if (soft::configurations.empty()) return cudaErrorMissingConfiguration;
  const soft::Configuration c = soft::configurations.back();
  soft::configurations.pop_back();
  *grid = c.grid;
  *block = c.block;
  *shared = c.shared;
  *static_cast<cudaStream_t *>(stream) = c.stream;
  return cudaSuccess;
}

/* The handle of a kernel is its host function. */
cudaError_t __cudaGetKernel(cudaKernel_t *kernel, const void *function) {
  *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void *>(function));
  return cudaSuccess;
}
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void **arguments, size_t shared,
                               cudaStream_t stream) {
  return soft::launch_plain("<<<>>>", kernel, grid, block, arguments, shared, stream);
}

cudaError_t cudaLaunchKernel(const void *function, dim3 grid, dim3 block, void **arguments, size_t shared,
                             cudaStream_t stream) {
  return soft::launch_plain("cudaLaunchKernel", function, grid, block, arguments, shared, stream);
}
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *config, const void *function, void **arguments) {
  return call("cudaLaunchKernelExC", [=] { soft::launch(soft::asked_by(config, function), arguments); });
}

cudaError_t cudaFuncSetAttribute(const void *function, cudaFuncAttribute which, int value) {
  return call("cudaFuncSetAttribute", [=] { soft::set_attribute(function, which, value); });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes, const void *function) {
  return call("cudaFuncGetAttributes", [=] {
    if (attributes == NULL) refuse(cudaErrorInvalidValue, "attr is NULL");
    const soft::Kernel &kernel = *soft::kernel_of(function)->kernel;
    *attributes = cudaFuncAttributes();
    attributes->sharedSizeBytes = kernel.static_shared_bytes;
    attributes->numRegs = (int)kernel.registers;
    attributes->maxThreadsPerBlock = (int)kernel.max_threads;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, const void *function,
                                                                   int threads, size_t shared,
                                                                   unsigned flags) {
  return call("cudaOccupancyMaxActiveBlocksPerMultiprocessor", [=] {
    if (blocks == NULL || threads < 1 || flags > cudaOccupancyDisableCachingOverride)
      refuse(cudaErrorInvalidValue, "numBlocks %p, %d threads, flags %#x", static_cast<void *>(blocks),
             threads, flags);
    const soft::Kernel &kernel = *soft::kernel_of(function)->kernel;
    const bool fits = (unsigned)threads <= kernel.max_threads;
    *blocks = fits ? (int)soft::blocks_on_a_processor(kernel, (uint64_t)threads, shared) : 0;
  });
}

cudaError_t cudaOccupancyMaxActiveClusters(int *clusters, const void *function,
                                           const cudaLaunchConfig_t *config) {
  return call("cudaOccupancyMaxActiveClusters", [=] {
    if (clusters == NULL) refuse(cudaErrorInvalidValue, "numClusters is NULL");
    const soft::Asked a = soft::asked_by(config, function);
    if (a.cluster > soft::PORTABLE_CLUSTER && !a.kernel->any_cluster)
      refuse(cudaErrorInvalidClusterSize,
             "%s: a cluster of %u blocks without cudaFuncAttributeNonPortableClusterSizeAllowed",
             a.kernel->name.c_str(), a.cluster);
    *clusters = (int)soft::clusters_at_a_time(a, *a.kernel->kernel);
  });
}

} // extern "C"
