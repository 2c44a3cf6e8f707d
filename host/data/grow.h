/* grow.h - memory that is used again and only grows. */
#ifndef GROW_H
#define GROW_H

#include <stddef.h>

/* Room for so many elements of a size, of which *memory has *room; 0 when out of memory. */
int grow(void **memory, size_t *room, size_t elements, size_t size);

#endif
