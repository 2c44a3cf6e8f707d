/* grow.c - see grow.h. */
#include "host/data/grow.h"

#include <stdlib.h>

int grow(void **memory, size_t *room, size_t elements, size_t size) {
  if (*room >= elements) return 1;
  void *larger = realloc(*memory, elements * size);
  if (larger == NULL) return 0;
  *memory = larger;
  *room = elements;
  return 1;
}
