/* mutants.cpp - see mutants.h. */
#include "tests/soft/mutants.h"

#include "tests/soft/fatbin.h"
#include "tests/soft/machine.h"
#include "tests/soft/mutate.h"

#include <map>

namespace soft {

namespace {

Registered &kernel_named(const char *name) {
  for (Registered *r : registered_kernels())
    if (r->name == name) return *r;
  throw Fault(std::string("there is no kernel ") + name);
}

/* Of each kernel once: a kernel has hundreds. */
const std::vector<Mutant> &all_mutants(const char *name) {
  static std::map<std::string, std::vector<Mutant>> known;
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  return known[name] = mutants_of(*decoded(kernel_named(name)));
}

} // namespace

} // namespace soft

size_t soft_all_kernels(const char **names, size_t room) {
  size_t count = 0;
  for (const soft::Registered *r : soft::registered_kernels())
    if (count < room) names[count++] = r->name.c_str();
  return count;
}

uint64_t soft_launches_of(const char *kernel) { return soft::kernel_named(kernel).launches; }

size_t soft_mutants(const char *kernel) { return soft::all_mutants(kernel).size(); }

int soft_mutant(const char *kernel, size_t index, const char **kind, const char **place) {
  static std::string at;
  const soft::Mutant &m = soft::all_mutants(kernel)[index];
  const soft::Kernel &k = *soft::decoded(soft::kernel_named(kernel));
  at = soft::place_of(k, k.code[m.at].line);
  *kind = m.kind.c_str();
  *place = at.c_str();
  return (k.ran[m.at] ? SOFT_REACHED : 0) | (m.change == soft::Mutant::exchanged ? SOFT_EXCHANGED : 0);
}

void soft_plant(const char *kernel, size_t index) {
  soft::Registered &registered = soft::kernel_named(kernel);
  registered.kernel = std::make_shared<const soft::Kernel>(
      soft::mutated(*soft::decoded(registered), soft::all_mutants(kernel)[index]));
}
