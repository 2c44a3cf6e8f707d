/* worker.c - a thread that adds up tensors over processes while the caller's thread computes (worker.h).
 *
 *   caller   give   ...   give   ...   finish          computes in between
 *   thread          sum          sum                   in the order in which they were given
 *
 * MPI's collectives that do not block make no progress but inside its calls, and NCCL's wait on the host:
 * hence a thread that asks, as a caller without one would.  It has a copy of the communicator, with a context
 * of its own, so that neither errors nor streams are shared; on a GPU its stream follows the caller's
 * (sq_device.follow).  What has become of the communicator goes back to the caller's when the thread has
 * nothing left to do.
 */
#define _POSIX_C_SOURCE 200809L

#include "host/comm/worker.h"

#include <pthread.h>
#include <signal.h>

typedef struct job {
  void *data;
  int64_t count;
} job;

struct sq_worker {
  seqgpu_comm *comm; /* the caller's */
  seqgpu_comm copy;  /* the thread's */
  void *stream;      /* of the thread's context; NULL: it has none of its own */
  pthread_t thread;
  pthread_mutex_t mutex; /* of what follows */
  pthread_cond_t changed;
  int64_t most, given, done;
  int end;
  seqgpu_status status; /* of the first sum that failed */
  job jobs[];
};

/* ---------------------------------------------------------------- the thread */

/* The next job, or 0: it is the end. */
static int next(sq_worker *w, job *out) {
  pthread_mutex_lock(&w->mutex);
  while (w->done == w->given && !w->end) pthread_cond_wait(&w->changed, &w->mutex);
  const int more = w->done < w->given;
  if (more) *out = w->jobs[w->done];
  pthread_mutex_unlock(&w->mutex);
  return more;
}

static void done(sq_worker *w, seqgpu_status status) {
  pthread_mutex_lock(&w->mutex);
  if (w->status == SEQGPU_OK) w->status = status;
  w->done++;
  pthread_cond_broadcast(&w->changed);
  pthread_mutex_unlock(&w->mutex);
}

/* After one has failed nothing may be asked of the transport any more, and each call says so at once. */
static void *work(void *argument) {
  sq_worker *w = argument;
  job j;
  while (next(w, &j)) {
    seqgpu_status status = w->status;
    if (status == SEQGPU_OK) status = seqgpu_comm_all_reduce(&w->copy, j.data, j.count);
    if (status == SEQGPU_OK) status = seqgpu_synchronize(w->copy.ctx);
    done(w, status);
  }
  return NULL;
}

/* ---------------------------------------------------------------- life */

/* A context on the device of the caller's, with a stream that runs beside it. */
static seqgpu_status open_context(sq_worker *w) {
  seqgpu_context *ctx = w->comm->ctx;
  const sq_device *device = ctx->backend->device;
  if (device->make_stream) SQ_TRY(sq_check(ctx, device->make_stream(&ctx->exec, &w->stream), "comm"));
  const seqgpu_context_options options = {.device = device->name,
                                          .device_index = ctx->device_index,
                                          .threads = 1,
                                          .dtype = ctx->dtype,
                                          .stream = w->stream,
                                          .allocator = &ctx->allocator};
  seqgpu_status status = seqgpu_context_create(&options, &w->copy.ctx);
  if (status == SEQGPU_OK)
    status = sq_comm_prepare_all_reduce(&w->copy); /* the allocator is not the thread's */
  const char *why = w->copy.ctx ? seqgpu_last_error(w->copy.ctx) : "out of memory";
  return status == SEQGPU_OK ? status : sq_fail(ctx, status, "%s", why);
}

static void close_context(sq_worker *w) {
  seqgpu_context *ctx = w->comm->ctx;
  if (w->copy.ctx != NULL && !w->copy.held) {
    sq_host_free(w->copy.ctx, w->copy.pieces);
    sq_host_free(w->copy.ctx, w->copy.staged);
  }
  seqgpu_context_destroy(w->copy.ctx);
  if (w->stream) ctx->backend->device->end_stream(&ctx->exec, w->stream);
}

/* Signals are for the program's threads. */
static int start_thread(sq_worker *w) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&w->thread, NULL, work, w);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}

static void free_worker(sq_worker *w) {
  close_context(w);
  pthread_cond_destroy(&w->changed);
  pthread_mutex_destroy(&w->mutex);
  sq_host_free(w->comm->ctx, w);
}

seqgpu_status sq_worker_start(seqgpu_comm *c, int64_t most, sq_worker **out) {
  sq_worker *w = sq_host_alloc(c->ctx, sizeof *w + (size_t)most * sizeof *w->jobs);
  if (w == NULL) return sq_fail(c->ctx, SEQGPU_ENOMEM, "comm: out of memory");
  w->comm = c;
  w->copy = *c;
  w->copy.ctx = NULL;
  w->copy.pieces = w->copy.staged = NULL; /* its own */
  w->copy.aside = 1;
  w->most = most;
  pthread_mutex_init(&w->mutex, NULL);
  pthread_cond_init(&w->changed, NULL);
  seqgpu_status status = open_context(w);
  if (status == SEQGPU_OK && start_thread(w) != 0)
    status = sq_fail(c->ctx, SEQGPU_ENOMEM, "comm: a thread cannot be started");
  if (status == SEQGPU_OK)
    *out = w;
  else
    free_worker(w);
  return status;
}

void sq_worker_stop(sq_worker *w) {
  if (w == NULL) return;
  pthread_mutex_lock(&w->mutex);
  w->end = 1;
  pthread_cond_broadcast(&w->changed);
  pthread_mutex_unlock(&w->mutex);
  pthread_join(w->thread, NULL);
  w->comm->busy = 0;
  w->comm->gone |= w->copy.gone;
  w->comm->held |= w->copy.held;
  free_worker(w);
}

/* ---------------------------------------------------------------- tensors */

seqgpu_status sq_worker_give(sq_worker *w, void *data, int64_t count) {
  seqgpu_context *ctx = w->comm->ctx;
  const sq_device *device = ctx->backend->device;
  if (device->follow) SQ_TRY(sq_check(ctx, device->follow(&w->copy.ctx->exec, &ctx->exec), "comm"));
  pthread_mutex_lock(&w->mutex);
  if (w->given == w->done) w->copy.limit = w->comm->limit; /* else the thread may read it */
  w->jobs[w->given++] = (job){data, count};
  pthread_cond_broadcast(&w->changed);
  pthread_mutex_unlock(&w->mutex);
  w->comm->busy = 1;
  return SEQGPU_OK;
}

seqgpu_status sq_worker_finish(sq_worker *w) {
  pthread_mutex_lock(&w->mutex);
  while (w->done < w->given) pthread_cond_wait(&w->changed, &w->mutex);
  w->given = w->done = 0;
  const seqgpu_status status = w->status;
  pthread_mutex_unlock(&w->mutex);
  w->comm->busy = 0;
  w->comm->gone |= w->copy.gone;
  w->comm->held |= w->copy.held;
  return status == SEQGPU_OK ? status : sq_fail(w->comm->ctx, status, "%s", seqgpu_last_error(w->copy.ctx));
}
