/* pool.h - the worker threads of one CPU context.
 *
 * The caller chooses the number of threads; the library starts no other but the one that
 * seqgpu_shards_overlap asks for.  A pool of 1 thread starts none at all and runs everything in the caller.
 * Work is split by index, never by timing, so results do not depend on which worker is faster.
 */
#ifndef SQ_POOL_H
#define SQ_POOL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sq_pool sq_pool;

/* One part of a parallel job: `part` of `parts`, `arg` as given to sq_pool_run. */
typedef void sq_task(void *arg, int part, int parts);

/* Starts threads-1 workers (the caller is the other one).  NULL if there is not enough memory or no more
 * threads. */
sq_pool *sq_pool_create(int threads);
void sq_pool_destroy(sq_pool *pool);
/* Frees the memory alone: in a child of fork(), which has none of the workers. */
void sq_pool_abandon(sq_pool *pool);
int sq_pool_threads(const sq_pool *pool);

/* Runs task(arg, part, parts) for part = 0..parts-1, parts <= threads of the pool, and returns when all
 * are done.  Must not be called from inside a task. A NULL pool runs every part in the caller. */
void sq_pool_run(sq_pool *pool, int parts, sq_task *task, void *arg);

/* Scratch memory of one part for packing (64-byte aligned, SQ_SCRATCH_BYTES), allocated with the pool so that
 * no operator allocates.  Contents do not survive between calls.  Part 0 of a NULL pool is not available.
 * AddressSanitizer marks all of it whenever a context is made: it has less then, and products more blocks. */
#ifdef __SANITIZE_ADDRESS__
enum { SQ_SCRATCH_BYTES = 512 << 10 };
#else
enum { SQ_SCRATCH_BYTES = 4 << 20 };
#endif
void *sq_pool_scratch(sq_pool *pool, int part);

#ifdef __cplusplus
}
#endif
#endif
