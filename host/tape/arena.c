/* arena.c - the memory that a tape keeps between steps.
 *
 * An arena is a list of chunks; only the newest one has room.  A step that finds it full gets another chunk,
 * and the reset before the next step replaces all chunks by one, as large as what was used.  From then on a
 * step of the same size finds room in that one, at the same addresses, and allocates nothing.  Where there is
 * no memory for it ahead, the step itself asks for what it needs: a step that is over must not fail for the
 * next one.
 */
#include "host/tape/arena.h"

enum { ALIGNMENT = 256, MIN_CHUNK = 64 << 10, MAX_SPARE = 64 << 20 };

static size_t round_up(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static size_t at_most(size_t size, size_t limit) { return size < limit ? size : limit; }
static size_t at_least(size_t size, size_t limit) { return size > limit ? size : limit; }

static void free_memory(sq_arena *arena, void *memory) {
  if (arena->on_device)
    seqgpu_free(arena->ctx, memory);
  else
    sq_host_free(arena->ctx, memory);
}

static seqgpu_status allocate_memory(sq_arena *arena, size_t bytes, void **out) {
  if (arena->on_device) return seqgpu_malloc(arena->ctx, bytes, out);
  *out = sq_host_alloc(arena->ctx, bytes);
  if (*out != NULL) return SEQGPU_OK;
  return sq_fail(arena->ctx, SEQGPU_ENOMEM, "tape: out of memory for %zu bytes of tensors", bytes);
}

static seqgpu_status add_chunk(sq_arena *arena, size_t size) {
  void *memory = NULL;
  SQ_TRY(allocate_memory(arena, size, &memory));
  sq_chunk *chunk = sq_host_alloc(arena->ctx, sizeof *chunk);
  if (chunk == NULL) {
    free_memory(arena, memory);
    return sq_fail(arena->ctx, SEQGPU_ENOMEM, "tape: out of memory for its list of chunks");
  }
  *chunk = (sq_chunk){arena->newest, memory, size, 0};
  arena->newest = chunk;
  arena->total += size;
  return SEQGPU_OK;
}

seqgpu_status sq_arena_alloc(sq_arena *arena, size_t bytes, void **out) {
  const size_t size = round_up(bytes);
  if (arena->newest == NULL || arena->newest->size - arena->newest->used < size) {
    /* doubling: even a long first step then needs few chunks */
    const size_t spare = at_least(at_most(arena->total, MAX_SPARE), MIN_CHUNK);
    SQ_TRY(add_chunk(arena, at_least(size, spare)));
  }
  *out = arena->newest->memory + arena->newest->used;
  arena->newest->used += size;
  return SEQGPU_OK;
}

void sq_arena_free(sq_arena *arena) {
  while (arena->newest != NULL) {
    sq_chunk *chunk = arena->newest;
    arena->newest = chunk->next;
    free_memory(arena, chunk->memory);
    sq_host_free(arena->ctx, chunk);
  }
  arena->total = 0;
}

static size_t used_by(const sq_arena *arena) {
  size_t used = 0;
  for (const sq_chunk *chunk = arena->newest; chunk != NULL; chunk = chunk->next) used += chunk->used;
  return used;
}

void sq_arena_begin_like(sq_arena *arena, const sq_arena *other) {
  const size_t used = used_by(other);
  if (arena->newest == NULL && used > 0) add_chunk(arena, at_least(round_up(used + used / 8), MIN_CHUNK));
}

seqgpu_status sq_arena_reset(sq_arena *arena) {
  if (arena->newest == NULL) return SEQGPU_OK;
  if (arena->newest->next == NULL) {
    arena->newest->used = 0;
    return SEQGPU_OK;
  }
  const size_t used = used_by(arena);
  /* an eighth more, so that slowly growing steps do not come here every time */
  const size_t size = at_most(round_up(used + used / 8), arena->total);
  if (arena->on_device) SQ_TRY(seqgpu_synchronize(arena->ctx)); /* the last step may still be running */
  sq_arena_free(arena);
  add_chunk(arena, size);
  return SEQGPU_OK;
}
