/* fuzz_log.c - the log of a run that is resumed: where it is cut so that the run goes on behind it.  The
 * first byte is the update after which it does. */
#define _GNU_SOURCE
#include <sys/stat.h>

#include "host/cli/log.h"
#include "tests/fuzz/fuzz_file.h"

/* What stays is what was there, and perhaps the end of its last line. */
static void check_rest(const char *path, const uint8_t *data, size_t size) {
  FILE *file = fopen(path, "rb");
  uint8_t *rest = malloc(size + 2);
  fuzz_require(file != NULL && rest != NULL);
  const size_t left = fread(rest, 1, size + 2, file);
  const size_t same = left > 0 && (left > size || rest[left - 1] != data[left - 1]) ? left - 1 : left;
  fuzz_require(left <= size + 1 && (same == 0 || memcmp(rest, data, same) == 0));
  fuzz_require(same == left || rest[same] == '\n');
  fclose(file);
  free(rest);
}

FUZZ_TARGET(log) {
  const int64_t after = fuzz_byte(&data, &size) - 1;
  const char *path = fuzz_file(0, data, size);
  FILE *file;
  if (log_check(path) != 0 || log_open(path, after, &file) != 0) return 0;
  fuzz_require(fclose(file) == 0);
  check_rest(path, data, size);
  return 0;
}
