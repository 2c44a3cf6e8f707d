/* async.h - asynchronous stores and copies of Hopper, which write into the shared memory of a cluster and
 * complete on an mbarrier; and packets, numbers in global memory that carry their own flag.
 *
 * An mbarrier is 8 bytes of dynamic shared memory.  A phase of it ends when its one arrival,
 * sq_mbarrier_expect, has come and with it all the bytes that the arrival announced.  Phases are told apart
 * by their parity, 0 at first.  Bytes may come before the arrival, but not before the previous phase has
 * ended; the exchange must see to that.
 *
 * In the emulator, bytes in flight land at a random time, at the latest when no other thread can run, so that
 * a missing wait gives wrong results.  Wrong counts end in a deadlock, or in bytes still in flight when a
 * block ends; both are errors.  Below sm_90 everything except the packets compiles to nothing.
 */
#ifndef SQ_ASYNC_H
#define SQ_ASYNC_H

#include "kernels/simt.h"

#ifndef SEQGPU_EMULATE
static __device__ __forceinline__ unsigned sq_shared_address(const void *p) {
  return (unsigned)__cvta_generic_to_shared(p);
}
#endif

/* To be called before the barrier of the cluster that tells the peers that it exists. */
static __device__ __forceinline__ void sq_mbarrier_init(uint64_t *bar) {
#ifdef SEQGPU_EMULATE
  simt::mbarrier_init(bar);
#elif SQ_HAS_CLUSTERS
  asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;\n"
               "fence.mbarrier_init.release.cluster;" ::"r"(sq_shared_address(bar))
               : "memory");
#else
  (void)bar;
#endif
}

/* The arrival of a phase, which announces the bytes to come in it; below 2^20. */
static __device__ __forceinline__ void sq_mbarrier_expect(uint64_t *bar, unsigned bytes) {
#ifdef SEQGPU_EMULATE
  simt::mbarrier_expect(bar, bytes, SIMT_SITE("mbarrier expect"));
#elif SQ_HAS_CLUSTERS
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(sq_shared_address(bar)),
               "r"(bytes)
               : "memory");
#else
  (void)bar, (void)bytes;
#endif
}

/* Waits until the phase of that parity has ended; this thread then sees what it brought. */
static __device__ __forceinline__ void sq_mbarrier_wait(uint64_t *bar, unsigned parity) {
#ifdef SEQGPU_EMULATE
  simt::mbarrier_wait(bar, parity, SIMT_SITE("mbarrier wait"));
#elif SQ_HAS_CLUSTERS
  asm volatile("{\n"
               ".reg .pred done;\n"
               "again:\n"
               "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], %1;\n"
               "@!done bra again;\n"
               "}" ::"r"(sq_shared_address(bar)),
               "r"(parity)
               : "memory");
#else
  (void)bar, (void)parity;
#endif
}

/* Stores to where `own` lies in the block of that rank, and completes 16 bytes on the `bar` there. */
static __device__ __forceinline__ void sq_store_async(uint4 *own, uint64_t *bar, unsigned rank, uint4 v) {
#ifdef SEQGPU_EMULATE
  simt::store_async(own, bar, rank, v, SIMT_SITE("st.async"));
#elif SQ_HAS_CLUSTERS
  asm volatile("{\n"
               ".reg .u32 there, flag;\n"
               "mapa.shared::cluster.u32 there, %0, %2;\n"
               "mapa.shared::cluster.u32 flag, %1, %2;\n"
               "st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.u32 [there], {%3, %4, %5, %6}, "
               "[flag];\n"
               "}" ::"r"(sq_shared_address(own)),
               "r"(sq_shared_address(bar)), "r"(rank), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w)
               : "memory");
#else
  (void)own, (void)bar, (void)rank, (void)v;
#endif
}

/* Copies from global memory to where `own` lies in every block of `ranks` (one bit each); completes on the
 * `bar` of each. */
static __device__ __forceinline__ void sq_copy_multicast(uint4 *own, const uint4 *from, unsigned bytes,
                                                         uint64_t *bar, uint16_t ranks) {
#ifdef SEQGPU_EMULATE
  simt::copy_bulk(own, from, bytes, bar, ranks, SIMT_SITE("cp.async.bulk"));
#elif SQ_HAS_CLUSTERS
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
               "[%0], [%1], %2, [%3], %4;" ::"r"(sq_shared_address(own)),
               "l"(from), "r"(bytes), "r"(sq_shared_address(bar)), "h"(ranks)
               : "memory");
#else
  (void)own, (void)from, (void)bytes, (void)bar, (void)ranks;
#endif
}

/* Needed between what other blocks did, which this thread knows of by their flags, and a bulk copy: it reads
 * what they stored in global memory, and overwrites what they loaded from shared memory, through another
 * "proxy" than threads do.  So it is for both state spaces. */
static __device__ __forceinline__ void sq_fence_bulk(void) {
#if !defined(SEQGPU_EMULATE) && SQ_HAS_CLUSTERS
  asm volatile("fence.proxy.async;" ::: "memory");
#endif
}

/* ---- packets: two numbers, each with the turn it belongs to in the same 8 bytes ----
 *
 * 8 bytes are stored and loaded as one, so whoever sees the turn sees the number: no flag, no fence, and a
 * single trip through L2.
 */
static __device__ __forceinline__ void sq_packet_store(uint4 *to, uint32_t a, uint32_t b, uint32_t turn) {
#ifdef SEQGPU_EMULATE
  simt::store_packet(to, {a, turn, b, turn});
#else
  asm volatile("{\n"
               ".reg .b64 first, second;\n"
               "mov.b64 first, {%1, %3};\n"
               "mov.b64 second, {%2, %3};\n"
               "st.relaxed.gpu.global.v2.b64 [%0], {first, second};\n"
               "}" ::"l"(to),
               "r"(a), "r"(b), "r"(turn)
               : "memory");
#endif
}

/* A packet as it is at the moment: {a, its turn, b, its turn}. */
static __device__ __forceinline__ uint4 sq_packet_load(const uint4 *from) {
#ifdef SEQGPU_EMULATE
  return simt::load_packet(from);
#else
  uint4 p;
  asm volatile("{\n"
               ".reg .b64 first, second;\n"
               "ld.relaxed.gpu.global.v2.b64 {first, second}, [%4];\n"
               "mov.b64 {%0, %1}, first;\n"
               "mov.b64 {%2, %3}, second;\n"
               "}"
               : "=r"(p.x), "=r"(p.y), "=r"(p.z), "=r"(p.w)
               : "l"(from)
               : "memory");
  return p;
#endif
}

static __device__ __forceinline__ bool sq_packet_is(const uint4 &p, uint32_t turn) {
  return p.y == turn && p.w == turn;
}

/* Pairs of neighbouring packets, at buffer[2 at[i]] where at[i] >= 0, as soon as all belong to that turn; `p` comes as
 * zeros.  Those that are late are asked for together: an answer takes a trip to L2, and one after the other would take
 * as many trips.  In the emulator the thread sleeps meanwhile. */
template <int count>
static __device__ __forceinline__ void sq_packets_wait(const uint4 *buffer, const int (&at)[count],
                                                       uint32_t turn, uint4 (&p)[count][2]) {
#ifdef SEQGPU_EMULATE
  for (int i = 0; i < count; i++)
    for (int k = 0; k < 2 && at[i] >= 0; k++)
      p[i][k] = simt::wait_packet(&buffer[2 * at[i] + k], turn, SIMT_SITE("packet wait"));
#else
  for (bool late = true; late;) {
    SQ_UNROLL
    for (int i = 0; i < count; i++) {
      const uint4 *from = &buffer[2 * at[i]];
      if (at[i] >= 0 && !sq_packet_is(p[i][0], turn)) p[i][0] = sq_packet_load(from);
      if (at[i] >= 0 && !sq_packet_is(p[i][1], turn)) p[i][1] = sq_packet_load(from + 1);
    }
    late = false;
    SQ_UNROLL
    for (int i = 0; i < count; i++)
      late = late || (at[i] >= 0 && !(sq_packet_is(p[i][0], turn) && sq_packet_is(p[i][1], turn)));
  }
#endif
}

#endif
