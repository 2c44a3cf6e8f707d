/* access.h - what the files of memory instructions share: access.cpp (ld, st, fence, addresses), atomics.cpp
 * (atom, red), async.cpp (mbarrier, st.async, cp.async.bulk).
 */
#ifndef SOFT_ACCESS_H
#define SOFT_ACCESS_H

#include "tests/soft/addresses.h"

#include <string>
#include <vector>

namespace soft {

/* The parts of an instruction's name between its dots. */
typedef std::vector<std::string> Parts;

/* Reads a strength, scope, space or kind of cache into `access`; false if the part is none of them. */
bool read_qualifier(const std::string &part, Access *access);
/* A type, "f32": its bytes and sign. */
bool read_type(const std::string &part, Access *access);

inline bool acquires(const Access &a) {
  return a.strength == Strength::acquire || a.strength == Strength::acq_rel || a.strength == Strength::sc;
}
inline bool releases(const Access &a) {
  return a.strength == Strength::release || a.strength == Strength::acq_rel || a.strength == Strength::sc;
}
inline bool beyond_block(const Access &a) { return a.scope > Scope::cta; }

/* False if the name is none of theirs. */
bool decode_atomic(const Parts &parts, Instruction *instruction);
bool decode_async(const Parts &parts, Instruction *instruction);

} // namespace soft

#endif
