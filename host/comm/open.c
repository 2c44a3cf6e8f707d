/* open.c - functions of a library that is opened where it is first used (open.h). */
#include "host/comm/open.h"

#include <dlfcn.h>
#include <string.h>

sq_opened sq_open_library(const char *name, int everywhere) {
  return (sq_opened){.handle = dlopen(name, RTLD_NOW | (everywhere ? RTLD_GLOBAL : RTLD_LOCAL))};
}

void *sq_open_find(sq_opened *library, const char *name) {
  void *found = dlsym(library->handle, name);
  if (found == NULL && library->missing == NULL) library->missing = name;
  return found;
}

void sq_open_function(sq_opened *library, const char *name, void *out) {
  void *found = sq_open_find(library, name);
  memcpy(out, &found, sizeof found);
}
