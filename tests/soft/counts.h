/* counts.h - what kernels execute, counted where no card is: the numbers, for tests written in C.
 *
 *   soft_count_begin();
 *   ... launches ...
 *   soft_count_end();
 *   for (size_t i = 0; i < soft_counted(); i++) { const soft_counts *c = soft_count_of(i, &kernel); ... }
 *
 * Instructions are those of PTX, one for a warp however many of its lanes take part.  A wait counts as if what
 * it waits for were there already, so that no number depends on the schedule.  `chain` is an estimate
 * (chain.h), everything else is counted.
 */
#ifndef SOFT_COUNTS_H
#define SOFT_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Warp instructions by class, and then the other numbers: name in the table, what it is. */
#define SOFT_CLASSES(X)                                                                                      \
  X(INTEGER, "integer", "add, multiply, compare, select, logic, addresses")                                  \
  X(DIVISION, "division", "integer div and rem, each some twenty machine instructions")                      \
  X(FLOAT, "float", "add, multiply, fma, compare, min, max")                                                 \
  X(SPECIAL, "special", "exponentials, reciprocals, roots, float divisions")                                 \
  X(TENSOR, "tensor", "mma")                                                                                 \
  X(SHARED, "shared", "loads, stores and atomics of the block's shared memory")                              \
  X(GLOBAL, "global", "loads, stores and atomics of global memory")                                          \
  X(LOCAL, "local", "loads and stores of local memory")                                                      \
  X(BRANCH, "branch", "branches and exits")                                                                  \
  X(EXCHANGE, "exchange", "barriers, shuffles, votes, fences, mbarriers, peers' shared memory")              \
  X(MOVE, "move", "moves and conversions")                                                                   \
  X(OTHER, "other", "parameters and the rest")
#define SOFT_NUMBERS(X)                                                                                      \
  X(LANES, "lanes", "thread instructions: the active lanes of all of these")                                 \
  X(SHARED_REQUESTS, "shared_requests", "requests to shared memory by at least one lane")                    \
  X(WAVEFRONTS, "wavefronts", "their turns at the 32 banks")                                                 \
  X(WAVEFRONTS_LEAST, "wavefronts_least", "the same without bank conflicts")                                 \
  X(GLOBAL_REQUESTS, "global_requests", "requests to global memory by at least one lane")                    \
  X(SECTORS, "sectors", "the 32-byte sectors they touch")                                                    \
  X(SECTORS_LEAST, "sectors_least", "the same if their different bytes lay side by side")                    \
  X(SLOTS, "slots", "issue slots of the machine instructions that they become, of a table of costs")         \
  X(FLOPS, "flops", "float additions and multiplications, an fma and each term of an mma two")               \
  X(CHAIN, "chain", "estimated cycles of the chain of dependences")

#define SOFT_COUNT_NUMBER(id, name, what) SOFT_##id,
enum {
  SOFT_CLASSES(SOFT_COUNT_NUMBER) SOFT_CLASS_COUNT,
  SOFT_LAST_CLASS = SOFT_CLASS_COUNT - 1,
  SOFT_NUMBERS(SOFT_COUNT_NUMBER) SOFT_COUNTS
};
#undef SOFT_COUNT_NUMBER

typedef struct soft_counts {
  uint64_t of[SOFT_COUNTS];
} soft_counts;

/* Counts the launches from here to the end, which waits for them. */
void soft_count_begin(void);
void soft_count_end(void);
/* Whether ptxas keeps registers of a kernel of that name in local memory, and how many bytes of a thread; -1: no
 * kernel of this program has the name. */
long soft_spilled_bytes(const char *kernel);
/* The launches in their order; *kernel is the name as in the source, without arguments.  Valid until the next
 * begin. */
size_t soft_counted(void);
const soft_counts *soft_count_of(size_t launch, const char **kernel);
/* Blocks of a launch. */
uint64_t soft_blocks_of(size_t launch);

#ifdef __cplusplus
}
#endif
#endif
