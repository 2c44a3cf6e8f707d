/* arena.h - memory that is handed out piece by piece and taken back all at once (arena.c). */
#ifndef SQ_ARENA_H
#define SQ_ARENA_H

#include "host/context/context.h"

typedef struct sq_chunk {
  struct sq_chunk *next; /* allocated before this one */
  char *memory;
  size_t size, used;
} sq_chunk;

typedef struct sq_arena {
  seqgpu_context *ctx;
  int on_device;
  sq_chunk *newest;
  size_t total; /* bytes of all chunks */
} sq_arena;

/* Aligned to 256 bytes, not zeroed; lives until the next reset.  ENOMEM leaves the arena as it was. */
seqgpu_status sq_arena_alloc(sq_arena *arena, size_t bytes, void **out);
/* Takes everything back.  Several chunks become one, so that the same step fits without allocating; where
 * there is no memory for that one, there is none until it is asked for.  EDEVICE. */
seqgpu_status sq_arena_reset(sq_arena *arena);
/* Frees all chunks. */
void sq_arena_free(sq_arena *arena);

/* Gives an arena that has no memory yet as much as the other one's step has taken, where there is as much. */
void sq_arena_begin_like(sq_arena *arena, const sq_arena *other);

#endif
