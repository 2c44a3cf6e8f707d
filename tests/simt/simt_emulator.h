/* simt_emulator.h - the CUDA vocabulary of kernels/, executed on the CPU.
 *
 * A test tool.  kernels/simt.h includes this file under -DSEQGPU_EMULATE, and the same .cu sources are then
 * compiled as C++ and run here:
 *
 *   thread       one fiber (ucontext); a thread that never waits runs on the fiber of the one before it
 *   schedule     at every wait and exit the next thread is drawn at random from the ready threads of the
 *                resident blocks, so the order of blocks and of threads between two barriers is random, and
 *                some warps run far ahead of others; one seed, one schedule
 *   barriers     __syncthreads, __syncwarp, shuffles and votes are rendezvous.  A block in which nobody can
 *                run and somebody waits is an error result that names kernel, block, threads and lines
 *   shared       every SQ_SHARED is a heap block of exactly its size, so that AddressSanitizer sees its
 *                borders, filled with 0xFF at block start, so that an unwritten float is a NaN; freed at
 *                block end
 *   atomics      integers only: a sum of floats in arrival order would not be deterministic
 *   clusters     the blocks of a cluster are resident together; a peer's shared memory is that block's own
 *                heap block; arrive and wait are two halves of a barrier over all threads of the cluster
 *   grids        a cooperative launch with more blocks than the device holds at a time is refused, as the
 *                driver does; other launches have few resident blocks, so that waiting for a block that is
 *                not there yet shows
 *   flags        a thread that waits for a flag sleeps until somebody stores to it with release.  When nobody
 *                can run and somebody waits, the launch is a deadlock: an error result, never a hang
 *   asynchrony   bytes stored or copied to a cluster's shared memory are in flight until they are drawn, in
 *                any order, and count on an mbarrier; a block that exits with bytes in flight to it, or an
 *                mbarrier that was not initialised, is an error
 *   mma          m16n8k8 (TF32) and m16n8k16 (bfloat16), registers and lanes as in the PTX ISA; inputs are
 *                what cvt.rna.tf32 and cvt.rn.bf16 make of them, sums are float32 in the order of k
 *   device       number of processors, shared memory and largest cluster can be set, so that small problems
 *                need several blocks
 *
 * Memory order: races are seen where the tests are built with ThreadSanitizer (simt_tsan.h).
 *
 * Not modelled: the hardware's bank conflicts, coalescing and speed.
 *
 * State is one engine per OS thread; a launch runs to its end in the calling thread.
 */
#ifndef SIMT_EMULATOR_H
#define SIMT_EMULATOR_H

#include "tests/simt/simt_controls.h"
#include "tests/simt/simt_numbers.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

namespace simt {

/* Error numbers of a launch, apart from any errno. */
enum {
  OK = 0,
  BAD_LAUNCH = 9001,
  DIVERGED = 9002,
  BAD_LANE = 9003,
  BAD_SHARED = 9004,
  NO_MEMORY = 9005,
  DEADLOCK = 9006,
  TOO_LARGE = 9007 /* a cooperative grid that cannot be resident */
};

/* Where the running thread is: what threadIdx and its companions read. */
struct Here {
  uint3 thread, block;
  dim3 block_dim, grid_dim;
};
extern __thread Here *here;
void count(unsigned operations); /* on floats, where the kernels count them */

/* Place in the source, for messages and to tell one barrier from another. */
struct Site {
  const char *what;
  int line;
};

enum class WarpOp { sync, shuffle, ballot, mma_tf32, mma_bf16 };

/* The emulated device of this OS thread, at first the one on which most tests run. */
struct Device {
  unsigned processors = 4;
  size_t shared_per_block = 227 << 10, shared_per_processor = 228 << 10;
  unsigned cluster_max = 16;
};
Device device();
void set_device(const Device &device);
/* Blocks of a kernel that one processor holds at a time. */
unsigned occupancy(unsigned threads, size_t dynamic_shared);

/* How a grid is launched: blocks a cluster (along x), and whether all blocks must be resident together. */
struct Mode {
  unsigned cluster;
  bool cooperative;
};

/* Runs invoke(argument) once per thread of the grid.  Returns OK or an error number; last_error() has the
 * sentence. */
int launch(const char *kernel, dim3 grid, dim3 block, size_t dynamic_shared, void (*invoke)(void *),
           void *argument, Mode mode = {1, false});
const char *last_error();

/* The seed of this OS thread's schedules; setting it starts the sequence of schedules anew.  At first it is
 * SEQGPU_SIMT_SEED of the environment, or 1. */
void set_seed(uint64_t seed);
uint64_t seed();

/* What this OS thread has run. */
struct Counters {
  uint64_t launches, blocks, threads;
  uint64_t block_barriers, warp_operations, cluster_barriers; /* completed rendezvous */
  uint64_t releases;                                          /* of flags */
  uint64_t landed, phases, packets; /* bytes in shared memory, of mbarriers, stored */
  uint64_t switches;                /* of fibers */
  uint64_t schedule;                /* hash of every scheduling decision since set_seed */
};
Counters counters();

void sync_block(Site site);
/* Deposits `value` at the rendezvous of `mask` and returns the value of lane `source`, or the ballot. */
uint64_t warp_exchange(WarpOp op, unsigned mask, uint64_t value, unsigned source, Site site);
unsigned lane();
/* The block's shared array of this key: allocated by the first thread that asks. */
void *shared_array(const void *key, size_t bytes);
void *shared_dynamic();

/* Clusters. */
unsigned cluster_rank();
void cluster_arrive(Site site);
void cluster_wait(Site site);
/* Where `address`, in this block's shared memory, is in the block of that rank of the cluster. */
void *cluster_peer(const void *address, unsigned rank, Site site);

/* Fences of the device take effect in the order in which they run. */
void fence();
/* The thread sleeps until somebody wakes those who sleep on this address. */
void sleep_on(const void *address, Site site);
void wake(const void *address);

/* Flags in global memory. */
void count_release();
inline void store_release(uint32_t *flag, uint32_t value) {
  __atomic_store_n(flag, value, __ATOMIC_RELEASE);
  count_release();
  wake(flag);
}
inline void wait_at_least(const uint32_t *flag, uint32_t value, Site site) {
  while (__atomic_load_n(flag, __ATOMIC_ACQUIRE) < value) sleep_on(flag, site);
}

/* Packets in global memory: two words of 8 bytes, {a, turn} and {b, turn}. */
typedef uint64_t __attribute__((may_alias)) packet_half;
void count_packet();
inline void store_packet(uint4 *to, uint4 p) {
  packet_half *half = reinterpret_cast<packet_half *>(to);
  __atomic_store_n(half, p.x | (uint64_t)p.y << 32, __ATOMIC_RELAXED);
  __atomic_store_n(half + 1, p.z | (uint64_t)p.w << 32, __ATOMIC_RELAXED);
  count_packet();
  wake(to);
}
inline uint4 load_packet(const uint4 *from) {
  const packet_half *half = reinterpret_cast<const packet_half *>(from);
  const uint64_t first = __atomic_load_n(half, __ATOMIC_RELAXED);
  const uint64_t second = __atomic_load_n(half + 1, __ATOMIC_RELAXED);
  return {(unsigned)first, (unsigned)(first >> 32), (unsigned)second, (unsigned)(second >> 32)};
}
inline uint4 wait_packet(const uint4 *from, uint32_t turn, Site site) {
  uint4 p;
  while (p = load_packet(from), p.y != turn || p.w != turn) sleep_on(from, site);
  return p;
}

/* mbarriers of one arrival, and bytes that land on them some time (kernels/async.h). */
void mbarrier_init(uint64_t *bar);
void mbarrier_expect(uint64_t *bar, unsigned bytes, Site site);
void mbarrier_wait(uint64_t *bar, unsigned parity, Site site);
void store_async(const void *own, uint64_t *bar, unsigned rank, uint4 value, Site site);
void copy_bulk(const void *own, const void *from, unsigned bytes, uint64_t *bar, unsigned ranks, Site site);

/* What one lane brings to c += a b and takes away. */
struct Fragments {
  float *c; /* [4] */
  const uint32_t *a, *b;
};
void mma(WarpOp op, const Fragments &mine, Site site);

template <typename T> T shuffle(unsigned mask, T value, unsigned source, Site site) {
  static_assert(sizeof(T) <= 8 && std::is_arithmetic<T>::value, "shuffles move numbers of up to 8 bytes");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  bits = warp_exchange(WarpOp::shuffle, mask, bits, source, site);
  memcpy(&value, &bits, sizeof value);
  return value;
}

inline unsigned down(unsigned delta) { return lane() + delta < 32 ? lane() + delta : lane(); }
inline unsigned up(unsigned delta) { return lane() >= delta ? lane() - delta : lane(); }
inline unsigned ballot(unsigned mask, bool predicate, Site site) {
  return (unsigned)warp_exchange(WarpOp::ballot, mask, predicate, 0, site);
}

template <typename T> T atomic_add(T *address, T value) {
  static_assert(std::is_integral<T>::value, "atomics of floats are not deterministic");
  return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}
template <typename T> T atomic_max(T *address, T value) {
  static_assert(std::is_integral<T>::value, "CUDA has no atomic maximum of floats");
  T old = __atomic_load_n(address, __ATOMIC_RELAXED);
  while (value > old &&
         !__atomic_compare_exchange_n(address, &old, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
  return old;
}

} // namespace simt

#define threadIdx (simt::here->thread)
#define blockIdx  (simt::here->block)
#define blockDim  (simt::here->block_dim)
#define gridDim   (simt::here->grid_dim)

#define SIMT_SITE(what) (simt::Site{what, __LINE__})

#define __syncthreads()  simt::sync_block(SIMT_SITE("__syncthreads"))
#define __syncwarp(mask) ((void)simt::warp_exchange(simt::WarpOp::sync, mask, 0, 0, SIMT_SITE("__syncwarp")))
#define __shfl_sync(mask, value, source)                                                                     \
  simt::shuffle(mask, value, (unsigned)(source)&31u, SIMT_SITE("__shfl_sync"))
#define __shfl_xor_sync(mask, value, bits)                                                                   \
  simt::shuffle(mask, value, simt::lane() ^ (unsigned)(bits), SIMT_SITE("__shfl_xor_sync"))
#define __shfl_down_sync(mask, value, delta)                                                                 \
  simt::shuffle(mask, value, simt::down((unsigned)(delta)), SIMT_SITE("__shfl_down_sync"))
#define __shfl_up_sync(mask, value, delta)                                                                   \
  simt::shuffle(mask, value, simt::up((unsigned)(delta)), SIMT_SITE("__shfl_up_sync"))
#define __ballot_sync(mask, predicate) simt::ballot(mask, (predicate), SIMT_SITE("__ballot_sync"))
#define __any_sync(mask, predicate)    (simt::ballot(mask, (predicate), SIMT_SITE("__any_sync")) != 0u)
#define __all_sync(mask, predicate)    (simt::ballot(mask, (predicate), SIMT_SITE("__all_sync")) == (mask))
#define atomicAdd(address, value)      simt::atomic_add(address, value)
#define atomicMax(address, value)      simt::atomic_max(address, value)

inline int __ffs(int bits) { return __builtin_ffs(bits); }

#endif
