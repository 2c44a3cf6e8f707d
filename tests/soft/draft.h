/* draft.h - a kernel between parse.cpp, which reads the text, and lower.cpp, which gives registers their
 * places: operands are still registers by number, and constants.
 */
#ifndef SOFT_DRAFT_H
#define SOFT_DRAFT_H

#include "tests/soft/ptx.h"

namespace soft {

struct Value {
  /* dynamic: an address in the dynamic shared array; nobody: the sink `_` */
  enum Kind : uint8_t { reg, constant, dynamic, nobody } kind;
  uint8_t size; /* bytes of a lane; 0: a predicate */
  bool written;
  uint32_t number; /* of the register */
  uint64_t bits;   /* of a constant, or the offset in the dynamic array; of a predicate: all lanes' mask */
};

struct Step {
  std::string name;
  std::vector<Value> values;
  int64_t displacement;
  bool guarded, negated;
  uint32_t guard; /* register */
  bool jumps;
  uint32_t target;
  uint32_t line; /* Kernel::lines */
};

struct Register {
  uint8_t size;        /* bytes of a lane; 0: a predicate */
  std::string special; /* "%tid.x", or empty */
};

struct Draft {
  std::vector<Register> registers;
  std::vector<Step> steps;
};

/* True for an instruction that writes no register. */
bool writes_nothing(const std::string &name);

/* Gives registers places in the frame, those that are never needed at the same time the same one, and writes
 * kernel->code, constants, specials and frame_bytes. */
void lower(const Draft &draft, Kernel *kernel);

} // namespace soft

#endif
