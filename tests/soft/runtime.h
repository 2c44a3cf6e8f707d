/* runtime.h - what the files of the stand-in for the CUDA runtime share.
 *
 * Each call of the host is a body that runs under the lock.  It returns normally, or throws: a Refusal where
 * the host did what it must not do, a Fault (machine.h) where a kernel did, which breaks the device as it does
 * a real one.  Work is enqueued on streams and runs when somebody waits for it, or sooner by a coin.
 */
#ifndef SOFT_RUNTIME_H
#define SOFT_RUNTIME_H

#include "tests/soft/machine.h"

#include <cuda_runtime_api.h>

#include <functional>
#include <string>

namespace soft {

/* ---- calls ---- */

/* A call was wrong; `error` is the runtime's or the library's own number. */
struct Refusal {
  int error;
  std::string sentence;
};
[[noreturn]] void refuse(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs the body; 0, or the error: the refusal's, or `when_broken` after a fault. */
int perform(const char *function, int when_broken, const std::function<void()> &body);
/* The same for a function of the runtime, which remembers the error for cudaGetLastError. */
cudaError_t call(const char *function, const std::function<void()> &body);
/* An error that is an answer and no mistake of the host: there is no sentence. */
struct Answer {
  int error;
};

/* How many calls there were so far, and the number of the one that is to fail; 0 = none. */
uint64_t calls();
void fail_call(uint64_t number);

/* The fault or refusal that is remembered last, and how many there were since soft_reset_fault. */
const std::string &last_sentence();
/* Runs a body of the controls under the lock. */
void locked(const std::function<void()> &body);
/* Forgets the fault and all that is enqueued. */
void mend_device();
/* At the end of the process, what was left or done wrong is told: called before main. */
void watch_exit();

/* ---- streams (streams.cpp) ---- */

typedef std::function<void()> Work;
/* Enqueues, or records while the stream is captured. */
void enqueue(cudaStream_t stream, const Work &work);
bool is_recording(cudaStream_t stream);
/* Runs all that is enqueued there and what that waits for. */
void finish(cudaStream_t stream);
void finish_all();
void drop_all_work();
/* Refuses a call that no thread may make while it records. */
void forbid_while_recording();
/* Refuses streams that are destroyed or that never were. */
void check_stream(cudaStream_t stream);
/* Refuses work for a stream of another device than this thread's current one. */
void check_current(cudaStream_t stream);
/* One line on stderr for everything that was not destroyed; how many. */
unsigned report_streams_left();
void forget_streams();

/* ---- device memory (copies.cpp) ---- */

/* Refuses, with that error, unless all of it is in one live allocation; `what` begins the sentence. */
void check_range(const void *device, size_t bytes, const char *what, int error = cudaErrorInvalidValue);
/* Where the bytes lie, for work that runs now: throws Fault if the range is no longer there.  Reading, they
 * must have been written, unless `anything` will do; writing, they are from now on. */
enum class Wants { anything, written, to_write };
unsigned char *device_bytes(const void *device, size_t bytes, Wants wants, const char *what);
unsigned report_memory_left();
void forget_memory();

/* Something that the host must give back; left(): how many it still has at the end of the process. */
void report_at_end(const char *what, size_t (*left)());

/* ---- the device and chance (controls.cpp) ---- */

/* Once, at the first call: the environment. */
void start();
/* The cards, the one that is current in this thread, and whether copies read the host's memory late. */
extern int device_count;
extern thread_local int current_device;
extern bool page_locked;
extern uint64_t attributes_set;
/* Of the runtime's own chance, apart from the machine's schedules: in 0..below-1. */
unsigned chance(unsigned below);

} // namespace soft

#endif
