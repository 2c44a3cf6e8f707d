/* meaning.h - what an instruction is to the counters: its class, its operations, where its requests go, what it
 * does between warps, and what it costs in the estimate of the chain.
 */
#ifndef SOFT_MEANING_H
#define SOFT_MEANING_H

#include "tests/soft/ptx.h"

#include <string>

namespace soft {

/* What an instruction does that other warps see, or sees of them. */
enum class Act : uint8_t {
  none,
  look,            /* a strong load */
  show,            /* a strong store */
  block_barrier,   /* bar.sync */
  cluster_arrive,  /* barrier.cluster.arrive */
  cluster_wait,    /* barrier.cluster.wait */
  mbarrier_arrive, /* mbarrier.arrive */
  mbarrier_wait,   /* mbarrier.try_wait, .test_wait */
  send,            /* st.async */
  copy,            /* cp.async.bulk to one block */
  copy_to_many,    /* ... with multicast */
  store_shared,    /* a plain store to the block's own shared memory */
  other            /* atomics, stores to global memory, fences: what is done cannot be taken back */
};

enum class Compare : uint8_t { none, eq, ne, lt, le, gt, ge };

/* Estimated cycles: until the result can be used, and until the warp can issue again. */
struct Cost {
  uint16_t latency, issue;
};

struct Meaning {
  uint8_t kind; /* SOFT_INTEGER... (counts.h); of a generic access: SOFT_GLOBAL */
  Act act;
  Compare compare; /* an integer setp of three operands */
  bool sign;       /* that compares signed numbers */
  bool leaves;     /* the kernel */
  bool requests;   /* goes to shared or global memory */
  uint8_t address; /* which operand that address is */
  uint16_t flops;  /* of a lane */
  Cost cost;
};

Meaning meaning_of(const std::string &name, const Access &access);

} // namespace soft

#endif
