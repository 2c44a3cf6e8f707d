/* failing.h - an allocator whose n-th request fails, and which counts what is still held. */
#ifndef FAILING_H
#define FAILING_H

#include <stdlib.h>

typedef struct failing {
  int left;  /* requests that are still granted */
  long live; /* pieces of memory not yet released */
} failing;

static void *failing_allocate(size_t bytes, void *user) {
  failing *f = user;
  if (f->left-- <= 0) return NULL;
  f->live++;
  return aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
}

static void failing_release(void *pointer, void *user) {
  ((failing *)user)->live--;
  free(pointer);
}

#endif
