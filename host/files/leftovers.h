/* leftovers.h - temporary files of processes that were killed (leftovers.c). */
#ifndef SQ_LEFTOVERS_H
#define SQ_LEFTOVERS_H

#include <stddef.h>

/* Every temporary file is called so; its process holds an flock on it as long as it lives. */
#define SQ_LEFTOVER_PREFIX ".seqgpu-"
#define SQ_LEFTOVER_SUFFIX ".tmp"

/* Removes those of dead processes from a folder, the first `length` characters of `path` ("": the current
 * one).  It has no errors: what cannot be removed stays. */
void sq_leftovers_remove(const char *path, size_t length);

#endif
