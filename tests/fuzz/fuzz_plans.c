/* fuzz_plans.c - the file of measured plans, behind its first line unless the first byte is odd. */
#define _GNU_SOURCE
#include "host/planner/cache.h"
#include "tests/fuzz/fuzz_file.h"

static void find(const char *path, const char *key) {
  char name[16] = "";
  if (sq_plan_cache_find(path, key, name, sizeof name))
    fuzz_require(memchr(name, 0, sizeof name) != NULL && strchr(name, '\t') == NULL);
}

FUZZ_TARGET(plans) {
  const int bare = fuzz_byte(&data, &size) & 1;
  char *text = malloc(size + 64);
  fuzz_require(text != NULL);
  const int used = bare ? 0 : snprintf(text, 64, "seqgpu plans 1, library %s\n", seqgpu_version());
  if (size > 0) memcpy(text + used, data, size);
  const char *path = fuzz_file(0, (const uint8_t *)text, (size_t)used + size);
  find(path, "k");
  find(path, "cpu, 1 thread lstm algorithm=any input_size=1");
  free(text);
  return 0;
}
