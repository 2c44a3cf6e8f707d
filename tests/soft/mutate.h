/* mutate.h - mutants of a kernel: copies with one small fault planted, to see whether the tests notice.
 *
 * Two families.  Synchronisation: each barrier, fence, release, acquire and mbarrier instruction, deleted or
 * weakened.  Operands: two sources of an instruction of inline assembly exchanged, fragment registers of the
 * tensor cores included.
 */
#ifndef SOFT_MUTATE_H
#define SOFT_MUTATE_H

#include "tests/soft/ptx.h"

#include <string>
#include <vector>

namespace soft {

struct Mutant {
  enum Change : uint8_t { deleted, renamed, passed, exchanged } change;
  uint32_t at, partner;  /* instructions; partner: deleted together with it, or `at` */
  uint8_t first, second; /* operands that are exchanged */
  std::string name;      /* renamed: the new name; exchanged: how the names of the instructions begin */
  std::string kind;      /* of the table's row: "bar.sync deleted" */
};

std::vector<Mutant> mutants_of(const Kernel &kernel);
Kernel mutated(const Kernel &kernel, const Mutant &mutant);

} // namespace soft

#endif
