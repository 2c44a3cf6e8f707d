/* simt_tsan.h - the emulator under ThreadSanitizer: every CUDA thread is a thread of its own to it, and only
 * what orders memory on a GPU orders it there.
 *
 * Fibers run one after the other, so a missing barrier is seen elsewhere only if numbers go wrong.
 * ThreadSanitizer looks at the order instead: two accesses to the same bytes, one of them a write, are a race
 * unless a chain of edges leads from one to the other, whatever the schedule was.  Kernels are compiled with
 * -fsanitize=thread; the engine is not, and tells it
 *
 *   who runs     a Fiber of the engine is a fiber of ThreadSanitizer (__tsan_create_fiber) as well, and to
 *                switch between them is no edge.  A thread never runs on the stack of one before it in the
 *                launch: they would be one thread to ThreadSanitizer, or race for the stack
 *   the engine   is one more fiber, whose reads and writes are ignored: what it allocates is new memory
 *   edges        host -> launch -> threads -> host; __syncthreads, __syncwarp, cluster barriers, mbarriers.
 *                Flags, packets and atomics are atomics of C++, and edges if they are release and acquire.
 *                A shuffle, a vote or mma orders no memory, in CUDA neither
 *   barriers     have two edges, used in turn: with one, a thread still leaving a barrier would learn what
 *                others did after it, and a write after a read would look ordered
 *   fences       are edges to every fence after them, whoever read what: more than on a GPU
 *   st.async     is written by a fiber beside the thread's, its carrier, which knows what the thread knew,
 *                and what it wrote is known only through the mbarrier; bulk copies likewise
 *
 * An edge is the address of a byte that lives as long as what it stands for.  A race is found if both
 * accesses run and ThreadSanitizer still remembers the first (it keeps four for 8 bytes).  Proxies, and the
 * difference between the scopes of cluster and device, are not modelled.
 *
 * Compiled with SIMT_TSAN (tests/CMakeLists.txt, tests/races.cmake); otherwise all of this is nothing.
 */
#ifndef SIMT_TSAN_H
#define SIMT_TSAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef SIMT_TSAN

#include <sanitizer/tsan_interface.h>

extern "C" {
void __tsan_ignore_thread_begin(void);
void __tsan_ignore_thread_end(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void __tsan_read_range(void *p, size_t bytes);
void __tsan_write_range(void *p, size_t bytes);
}

namespace simt {
namespace tsan {

enum : bool { ON = true };
enum : size_t { FIBERS_MAX = 3000 }; /* ThreadSanitizer has 8128, and each may have a carrier */

inline void *create() { return __tsan_create_fiber(0); }
inline void *current() { return __tsan_get_current_fiber(); }
inline void run(void *fiber) { __tsan_switch_to_fiber(fiber, __tsan_switch_to_fiber_no_sync); }
inline void name(void *fiber, const char *text) { __tsan_set_fiber_name(fiber, text); }
inline void destroy(void *&fiber) {
  if (fiber != nullptr) __tsan_destroy_fiber(fiber);
  fiber = nullptr;
}

/* Of the fiber that runs now. */
inline void ignore() { __tsan_ignore_thread_begin(); }
inline void regard() { __tsan_ignore_thread_end(); }
inline void release(const void *edge) { __tsan_release(const_cast<void *>(edge)); }
inline void acquire(const void *edge) { __tsan_acquire(const_cast<void *>(edge)); }

/* An access by the line that `caller` returns to. */
inline void reads(const void *p, size_t bytes, void *caller) {
  __tsan_func_entry(caller);
  __tsan_read_range(const_cast<void *>(p), bytes);
  __tsan_func_exit();
}
inline void writes(void *p, size_t bytes, void *caller) {
  __tsan_func_entry(caller);
  __tsan_write_range(p, bytes);
  __tsan_func_exit();
}

} // namespace tsan
} // namespace simt

#else

namespace simt {
namespace tsan {

enum : bool { ON = false };
enum : size_t { FIBERS_MAX = ~(size_t)0 };

inline void *create() { return nullptr; }
inline void *current() { return nullptr; }
inline void run(void *) {}
inline void name(void *, const char *) {}
inline void destroy(void *&) {}
inline void ignore() {}
inline void regard() {}
inline void release(const void *) {}
inline void acquire(const void *) {}
inline void reads(const void *, size_t, void *) {}
inline void writes(void *, size_t, void *) {}

} // namespace tsan
} // namespace simt

#endif

namespace simt {

/* What threads meet at several times: its edge for this time, and the next one. */
struct Turns {
  uint64_t count = 0;
  char edges[2] = {};
  const char *edge(uint64_t turn) const { return &edges[turn % 2]; }
  const char *edge() const { return edge(count); }
};

} // namespace simt

#endif
