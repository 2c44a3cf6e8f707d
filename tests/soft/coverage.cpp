/* coverage.cpp - see coverage.h. */
#include "tests/soft/coverage.h"

#include "tests/soft/fatbin.h"
#include "tests/soft/machine.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <unistd.h>

namespace soft {

void write_coverage() {
  const char *folder = getenv("SEQGPU_SOFT_COVERAGE");
  if (folder == nullptr) return;
  const std::string path = std::string(folder) + "/" + std::to_string(getpid()) + ".txt";
  FILE *file = fopen(path.c_str(), "w");
  if (file == nullptr) {
    fprintf(stderr, "soft: %s cannot be written\n", path.c_str());
    return;
  }
  std::set<std::string> lines;
  for (const Registered *r : registered_kernels()) {
    const Kernel *k = r->kernel.get();
    size_t ran = 0;
    for (size_t i = 0; k != nullptr && i < k->code.size(); i++) {
      if (!k->ran[i]) continue;
      ran++;
      lines.insert(place_of(*k, k->code[i].line));
    }
    fprintf(file, "kernel\t%s\t%llu\t%zu\t%zu\n", r->name.c_str(), r->launches, ran,
            k != nullptr ? k->code.size() : 0);
  }
  for (const std::string &line : lines) fprintf(file, "line\t%s\n", line.c_str());
  fclose(file);
}

} // namespace soft
