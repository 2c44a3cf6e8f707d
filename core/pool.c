/* pool.c - the worker threads of one CPU context.
 *
 * Jobs are short (10 us to some ms) and follow each other closely, so a worker that has just finished spins
 * for SPIN_NS before it sleeps, and so does a caller that waits for its workers.  An idle pool uses no
 * processor.
 *
 * Each worker has a mailbox of its own on its own cache line: `turn` counts the jobs posted to it.  A job of
 * `parts` parts touches the first parts-1 mailboxes only; the others sleep on.  The task, its argument and
 * the number of parts are plain fields: they are written before the mailboxes (release) and read after them
 * (acquire), and sq_pool_run does not return, hence not write them again, before every part is done.
 *
 * Sleeping is Dekker's handshake, once for each direction: the sleeper writes `asleep` and then reads the
 * word it waits for; the waker writes the word and then reads `asleep`.  Both are sequentially consistent, so
 * at least one of them sees the other; the mutex closes the gap between the last look and the wait.
 */
#define _POSIX_C_SOURCE 200809L

#include "core/pool.h"

#include "core/processors.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Helgrind and DRD know locks, but no atomic words: under tests/analyse.sh they are told which these are, and
 * that what comes before a change of one comes before what follows where the change is seen. */
#ifndef ATOMIC_WORD
#define ATOMIC_WORD(word) ((void)(word))
#define CHANGES(word)     ((void)(word))
#define SEEN(word)        ((void)(word))
#endif

enum { CACHE_LINE = 64, SPIN_NS = 50000, PAUSES_PER_LOOK = 32 };

/* A place to wait for an atomic word to take a value. */
typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t cond;
  atomic_int asleep;
} bed;

typedef struct {
  _Alignas(CACHE_LINE) atomic_uint turn; /* jobs posted to this worker so far */
  bed bed;
  pthread_t thread;
  sq_pool *pool;
  int part;
} worker;

struct sq_pool {
  int threads;
  int workers; /* threads started */
  long spin_ns;
  worker *worker;
  void **scratch; /* of each part */
  sq_task *task;  /* the job: valid from the post to the last part's end; a null task ends the worker */
  void *arg;
  int parts;
  _Alignas(CACHE_LINE) atomic_uint pending; /* parts of the job that workers have not finished */
  bed caller;
};

/* ---- waiting ------------------------------------------------------------------------------------------- */

static void cpu_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int bed_init(bed *b) {
  if (pthread_mutex_init(&b->mutex, NULL) != 0) return 0;
  if (pthread_cond_init(&b->cond, NULL) != 0) {
    pthread_mutex_destroy(&b->mutex);
    return 0;
  }
  atomic_init(&b->asleep, 0);
  ATOMIC_WORD(&b->asleep);
  return 1;
}

static void bed_free(bed *b) {
  pthread_cond_destroy(&b->cond);
  pthread_mutex_destroy(&b->mutex);
}

/* Spins until *word == value; false when the time is over. */
static int spin_until(atomic_uint *word, unsigned value, long spin_ns) {
  if (atomic_load_explicit(word, memory_order_acquire) == value) return 1;
  if (spin_ns == 0) return 0;
  int64_t end = now_ns() + spin_ns;
  do {
    for (int i = 0; i < PAUSES_PER_LOOK; i++) {
      if (atomic_load_explicit(word, memory_order_acquire) == value) return 1;
      cpu_pause();
    }
  } while (now_ns() < end);
  return 0;
}

static void sleep_until(bed *b, atomic_uint *word, unsigned value) {
  pthread_mutex_lock(&b->mutex);
  atomic_store(&b->asleep, 1);
  while (atomic_load(word) != value) pthread_cond_wait(&b->cond, &b->mutex);
  atomic_store(&b->asleep, 0);
  pthread_mutex_unlock(&b->mutex);
}

static void wait_until(bed *b, atomic_uint *word, unsigned value, long spin_ns) {
  if (!spin_until(word, value, spin_ns)) sleep_until(b, word, value);
  SEEN(word);
}

/* To be called after the (sequentially consistent) change of the word. */
static void wake(bed *b) {
  if (!atomic_load(&b->asleep)) return;
  pthread_mutex_lock(&b->mutex);
  pthread_cond_signal(&b->cond);
  pthread_mutex_unlock(&b->mutex);
}

/* ---- workers ------------------------------------------------------------------------------------------- */

static void *worker_main(void *arg) {
  worker *w = arg;
  sq_pool *pool = w->pool;
  for (unsigned turn = 1;; turn++) {
    wait_until(&w->bed, &w->turn, turn, pool->spin_ns);
    if (!pool->task) return NULL;
    pool->task(pool->arg, w->part, pool->parts);
    CHANGES(&pool->pending);
    if (atomic_fetch_sub(&pool->pending, 1) == 1) wake(&pool->caller);
  }
}

static void post(worker *w) {
  CHANGES(&w->turn);
  atomic_fetch_add(&w->turn, 1);
  wake(&w->bed);
}

/* The host's signal handlers must not run on our threads, so workers are born with all signals blocked. */
static int start_worker(sq_pool *pool, int index) {
  worker *w = &pool->worker[index];
  w->pool = pool;
  w->part = index + 1;
  atomic_init(&w->turn, 0);
  ATOMIC_WORD(&w->turn);
  if (!bed_init(&w->bed)) return 0;
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int failed = pthread_create(&w->thread, NULL, worker_main, w);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (failed) bed_free(&w->bed);
  return !failed;
}

static int start_workers(sq_pool *pool) {
  for (; pool->workers < pool->threads - 1; pool->workers++)
    if (!start_worker(pool, pool->workers)) return 0;
  return 1;
}

static void stop_workers(sq_pool *pool) {
  pool->task = NULL;
  for (int i = 0; i < pool->workers; i++) {
    worker *w = &pool->worker[i];
    post(w);
    pthread_join(w->thread, NULL);
    bed_free(&w->bed);
  }
}

/* ---- the pool ------------------------------------------------------------------------------------------ */

static void *alloc_lines(size_t bytes) {
  return aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
}

/* Spinning pays only while every thread has a processor of its own. */
static long spin_time(int threads) { return threads > sq_processors() ? 0 : SPIN_NS; }

static int alloc_parts(sq_pool *pool) {
  size_t threads = (size_t)pool->threads;
  pool->worker = alloc_lines(threads * sizeof(worker));
  pool->scratch = calloc(threads, sizeof(void *));
  if (!pool->worker || !pool->scratch) return 0;
  for (size_t i = 0; i < threads; i++)
    if (!(pool->scratch[i] = alloc_lines(SQ_SCRATCH_BYTES))) return 0;
  return 1;
}

static void free_parts(sq_pool *pool) {
  for (int i = 0; pool->scratch && i < pool->threads; i++) free(pool->scratch[i]);
  free(pool->scratch);
  free(pool->worker);
}

sq_pool *sq_pool_create(int threads) {
  if (threads < 1) return NULL;
  sq_pool *pool = alloc_lines(sizeof *pool);
  if (!pool) return NULL;
  memset(pool, 0, sizeof *pool);
  pool->threads = threads;
  pool->spin_ns = spin_time(threads);
  atomic_init(&pool->pending, 0);
  ATOMIC_WORD(&pool->pending);
  if (!bed_init(&pool->caller)) {
    free(pool);
    return NULL;
  }
  if (!alloc_parts(pool) || !start_workers(pool)) {
    sq_pool_destroy(pool);
    return NULL;
  }
  return pool;
}

void sq_pool_destroy(sq_pool *pool) {
  if (!pool) return;
  stop_workers(pool);
  bed_free(&pool->caller);
  free_parts(pool);
  free(pool);
}

void sq_pool_abandon(sq_pool *pool) {
  if (!pool) return;
  free_parts(pool);
  free(pool);
}

int sq_pool_threads(const sq_pool *pool) { return pool ? pool->threads : 1; }

void *sq_pool_scratch(sq_pool *pool, int part) { return pool ? pool->scratch[part] : NULL; }

static void run_here(int parts, sq_task *task, void *arg) {
  for (int part = 0; part < parts; part++) task(arg, part, parts);
}

void sq_pool_run(sq_pool *pool, int parts, sq_task *task, void *arg) {
  if (!pool || parts <= 1) {
    run_here(parts, task, arg);
    return;
  }
  pool->task = task;
  pool->arg = arg;
  pool->parts = parts;
  atomic_store(&pool->pending, (unsigned)parts - 1);
  for (int i = 0; i < parts - 1; i++) post(&pool->worker[i]);
  task(arg, 0, parts);
  wait_until(&pool->caller, &pool->pending, 0, pool->spin_ns);
}
