/* timeline.h - where the time of a step goes: a build with -DSQ_TIMELINE, or the emulator, notes when the first thread
 * of the first block passes the borders of a step's phases.
 *
 *   begin      loads of the pairs' numbers are issued
 *   product    the sums are there, for the whole block
 *   pointwise  the chunks are given
 *   announce   the block has said so, and stored what only memory waits for
 *   exchange   all chunks of all blocks are here
 *
 * Clocks of one processor (clock64).  The emulator has none, and counts the marks.  With the environment variable
 * SEQGPU_TIMELINE each launch waits, and appends a line of JSON with the medians of its last steps to that file; so it
 * is for looking, not for captured runs.  Other builds have nothing of this.
 */
#ifndef SQ_PERSISTENT_TIMELINE_H
#define SQ_PERSISTENT_TIMELINE_H

#include "kernels/simt.h"

#if defined(SQ_TIMELINE) || defined(SEQGPU_EMULATE)
#define SQ_HAS_TIMELINE 1
#else
#define SQ_HAS_TIMELINE 0
#endif

enum timeline_mark {
  TIMELINE_BEGIN,
  TIMELINE_PRODUCT,
  TIMELINE_POINTWISE,
  TIMELINE_ANNOUNCE,
  TIMELINE_EXCHANGE,
  TIMELINE_MARKS
};

/* Steps of which the marks are kept, the last ones; a step has two stages at most. */
enum { TIMELINE_STEPS = 64, TIMELINE_STAGES = 2 };

/* What a kernel writes. */
struct timeline_memory {
  unsigned long long clock[TIMELINE_STEPS][TIMELINE_STAGES][TIMELINE_MARKS];
};

/* A thread's own. */
class timeline {
#if SQ_HAS_TIMELINE
public:
  __device__ __forceinline__ void open(timeline_memory *memory) {
    memory_ = blockIdx.x == 0 && blockIdx.y == 0 && threadIdx.x == 0 ? memory : NULL;
    step_ = 0;
    ticks_ = 0;
  }
  __device__ __forceinline__ void mark(int stage, timeline_mark which) {
    if (memory_ == NULL) return;
#ifdef SEQGPU_EMULATE
    ticks_++;
#else
    ticks_ = (unsigned long long)clock64();
#endif
    memory_->clock[step_ % TIMELINE_STEPS][stage][which] = ticks_;
  }
  __device__ __forceinline__ void next_step(void) { step_++; }

private:
  timeline_memory *memory_;
  unsigned step_;
  unsigned long long ticks_;
#else
public:
  __device__ __forceinline__ void open(timeline_memory *) {}
  __device__ __forceinline__ void mark(int, timeline_mark) {}
  __device__ __forceinline__ void next_step(void) {}
#endif
};

/* ---- the host's side (timeline.cu) ---- */

struct recurrence_shape;
struct sq_cut_question;

/* Before a launch: memory for the marks, or NULL if nobody looks.  After it: writes the line, frees the memory. */
timeline_memory *sq_timeline_begin(sq_exec *exec);
void sq_timeline_end(sq_exec *exec, timeline_memory *memory, const sq_cut_question &q,
                     const recurrence_shape &n, int64_t steps);

#endif
