/* mpi.c - communicators over MPI (seqgpu/comm.h).
 *
 * Every call starts a collective that does not block, and asks until it is done or the limit has passed: an
 * MPI that waited by itself would do so for ever when another process is gone (MPI 3.1, chapter 8.3, promises
 * nothing about a peer that dies).  Errors come back as numbers, since the duplicate of the communicator says
 * MPI_ERRORS_RETURN.
 */
#include "host/comm/comm.h"
#include "host/comm/mpi_open.h"
#include "host/comm/wait.h"

#ifndef SEQGPU_MPI

seqgpu_status seqgpu_comm_create_mpi(seqgpu_context *ctx, const void *communicator, seqgpu_comm **out) {
  (void)communicator;
  if (out) *out = NULL;
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "comm: out is NULL");
  return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                 "comm: this build has no MPI; it must be configured where MPI's mpi.h is found");
}

#else

typedef struct mpi_link {
  sq_mpi mpi;
  MPI_Comm comm;
  int started; /* by us, and so ended by us */
} mpi_link;

/* ---------------------------------------------------------------- waiting */

static seqgpu_status mpi_failed(seqgpu_comm *c, const char *what, int error) {
  const mpi_link *l = c->link;
  char text[MPI_MAX_ERROR_STRING] = "unknown error";
  int length;
  l->mpi.Error_string(error, text, &length);
  c->gone = 1;
  return sq_fail(c->ctx, SEQGPU_EPEER, "comm: %s: MPI says: %.300s", what, text);
}

static seqgpu_status ask(seqgpu_comm *c, const char *what, void *request, int *done) {
  const mpi_link *l = c->link;
  const int error = l->mpi.Test(request, done, MPI_STATUS_IGNORE);
  return error == MPI_SUCCESS ? SEQGPU_OK : mpi_failed(c, what, error);
}

/* `error` is what the call that made the request returned. */
static seqgpu_status finish(seqgpu_comm *c, const char *what, int error, MPI_Request *request) {
  const seqgpu_status status =
      error == MPI_SUCCESS ? sq_comm_wait(c, what, ask, request) : mpi_failed(c, what, error);
  c->held = c->gone; /* a process that comes back goes on where it was */
  return status;
}

/* ---------------------------------------------------------------- the transport */

static seqgpu_status barrier(seqgpu_comm *c) {
  const mpi_link *l = c->link;
  MPI_Request request;
  return finish(c, "barrier", l->mpi.Ibarrier(l->comm, &request), &request);
}

static seqgpu_status scatter(seqgpu_comm *c, const void *from, const int *size, const int *at, void *to) {
  const mpi_link *l = c->link;
  const int mine = size[c->rank];
  int *each = c->exchange, *places = c->exchange + c->size;
  MPI_Request request;
  for (int r = 0; r < c->size; r++) {
    each[r] = mine;
    places[r] = r * mine;
  }
  return finish(
      c, "sum",
      l->mpi.Ialltoallv(from, size, at, l->mpi.byte, to, each, places, l->mpi.byte, l->comm, &request),
      &request);
}

static seqgpu_status gather(seqgpu_comm *c, void *data, const int *size, const int *at) {
  const mpi_link *l = c->link;
  MPI_Request request;
  return finish(
      c, "sum",
      l->mpi.Iallgatherv(MPI_IN_PLACE, 0, l->mpi.byte, data, size, at, l->mpi.byte, l->comm, &request),
      &request);
}

static seqgpu_status broadcast(seqgpu_comm *c, void *data, int size, int root) {
  const mpi_link *l = c->link;
  MPI_Request request;
  return finish(c, "broadcast", l->mpi.Ibcast(data, size, l->mpi.byte, root, l->comm, &request), &request);
}

/* Freeing and ending wait for the others without a limit, so the barrier comes first. */
static void close_link(seqgpu_comm *c) {
  mpi_link *l = c->link;
  if (c->gone || barrier(c) != SEQGPU_OK) return;
  l->mpi.Comm_free(&l->comm);
  if (l->started) l->mpi.Finalize();
  sq_host_free(c->ctx, l);
  sq_comm_free(c);
}

static const sq_transport transport = {0, barrier, scatter, gather, broadcast, close_link};

/* ---------------------------------------------------------------- joining */

/* MPI runs afterwards, or there is a sentence. */
static seqgpu_status start(seqgpu_context *ctx, mpi_link *l, int may_start) {
  int running = 0, ended = 0, level;
  l->mpi.Initialized(&running);
  l->mpi.Finalized(&ended);
  if (ended)
    return sq_fail(ctx, SEQGPU_EINVAL, "comm: MPI has ended in this process, and cannot be started again");
  if (running) return SEQGPU_OK;
  if (!may_start)
    return sq_fail(ctx, SEQGPU_EINVAL,
                   "comm: MPI is not started in %s; if the program did start it, it was another MPI",
                   SEQGPU_MPI);
  if (l->mpi.Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level) != MPI_SUCCESS)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "comm: MPI could not be started");
  l->started = 1;
  return SEQGPU_OK;
}

/* The duplicate, whose errors come back. */
static seqgpu_status join(seqgpu_context *ctx, mpi_link *l, MPI_Comm from, seqgpu_comm **out) {
  int rank = 0, size = 1, level = MPI_THREAD_SINGLE;
  MPI_Request request;
  l->mpi.Comm_rank(from, &rank);
  l->mpi.Comm_size(from, &size);
  seqgpu_comm *c = sq_comm_new(ctx, rank, size);
  if (c == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "comm: out of memory");
  c->transport = &transport;
  c->link = l;
  l->mpi.Query_thread(&level);
  c->one_thread = level < MPI_THREAD_SERIALIZED;
  const seqgpu_status status = finish(c, "create", l->mpi.Comm_idup(from, &l->comm, &request), &request);
  if (status != SEQGPU_OK) return status; /* its memory stays: the others may still write to it */
  l->mpi.Comm_set_errhandler(l->comm, l->mpi.errors_return);
  *out = c;
  return SEQGPU_OK;
}

seqgpu_status seqgpu_comm_create_mpi(seqgpu_context *ctx, const void *communicator, seqgpu_comm **out) {
  if (out) *out = NULL;
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "comm: out is NULL");
  mpi_link *l = sq_host_alloc(ctx, sizeof *l);
  if (l == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "comm: out of memory");
  seqgpu_status status = sq_mpi_open(ctx, &l->mpi);
  if (status == SEQGPU_OK) status = start(ctx, l, communicator == NULL);
  if (status == SEQGPU_OK) {
    status = join(ctx, l, communicator ? *(const MPI_Comm *)communicator : l->mpi.world, out);
    if (status == SEQGPU_EPEER) return status;
  }
  if (status != SEQGPU_OK && l->started) l->mpi.Finalize();
  if (status != SEQGPU_OK) sq_host_free(ctx, l);
  return status;
}

#endif
