/* fuzz_file.h - files in memory, for readers that take a path. */
#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

enum { FUZZ_FILES = 2 };

/* The path of file `number`, which holds these bytes until the next call. */
static inline const char *fuzz_file(int number, const uint8_t *data, size_t size) {
  static struct {
    int fd;
    char path[32];
  } files[FUZZ_FILES];
  fuzz_require(number < FUZZ_FILES);
  if (files[number].path[0] == 0) {
    fuzz_require((files[number].fd = memfd_create("fuzz", MFD_CLOEXEC)) >= 0);
    snprintf(files[number].path, sizeof files[number].path, "/proc/self/fd/%d", files[number].fd);
  }
  fuzz_require(ftruncate(files[number].fd, 0) == 0);
  fuzz_require(pwrite(files[number].fd, data, size, 0) == (ssize_t)size);
  return files[number].path;
}

#endif
