/* nccl.c - communicators over NCCL, between GPUs (seqgpu/comm.h).
 *
 * Bytes go from device to device, each piece by a send and a receive, and are added up in the order of the
 * tree (comm.c); NCCL's own sum is in an order that depends on its rings.  Numbers of the host go by way of
 * memory on the device.
 *
 * A call waits for the stream first, so that the limit is the others' alone; starts its sends and receives
 * there; and asks both NCCL, which may see that a process is gone, and the device, until all is done.  If
 * that fails, ncclCommAbort stops what is on the stream: it would wait for ever.
 */
#include "host/comm/meet.h"
#include "host/comm/nccl_open.h"
#include "host/comm/wait.h"

typedef struct nccl_link {
  sq_nccl nccl;
  sq_nccl_comm comm; /* NULL: it has been aborted */
  int owned;         /* made here, and so ended here */
  char *stage;       /* device [sq_comm_pieces_size]: numbers of the host on their way */
} nccl_link;

/* ---------------------------------------------------------------- waiting */

static int is_error(int result) { return result != SQ_NCCL_SUCCESS && result != SQ_NCCL_IN_PROGRESS; }

static seqgpu_status nccl_failed(seqgpu_comm *c, const char *what, int result) {
  const nccl_link *l = c->link;
  const char *more = l->nccl.GetLastError(l->comm);
  c->gone = 1;
  return sq_fail(c->ctx, SEQGPU_EPEER, "comm: %s: NCCL says: %.100s%s%.300s", what,
                 l->nccl.GetErrorString(result), more && more[0] ? ": " : "", more ? more : "");
}

/* Whether NCCL has done what it does on the host. */
static seqgpu_status ask_host(seqgpu_comm *c, const char *what, void *about, int *done) {
  const nccl_link *l = c->link;
  int state = SQ_NCCL_SUCCESS;
  (void)about;
  const int result = l->nccl.CommGetAsyncError(l->comm, &state);
  if (is_error(result) || is_error(state)) return nccl_failed(c, what, is_error(result) ? result : state);
  *done = state == SQ_NCCL_SUCCESS;
  return SEQGPU_OK;
}

static seqgpu_status ask(seqgpu_comm *c, const char *what, void *about, int *done) {
  int idle = 0;
  SQ_TRY(ask_host(c, what, about, done));
  SQ_TRY(sq_check(c->ctx, c->ctx->backend->device->idle(&c->ctx->exec, &idle), what));
  *done = *done && idle;
  return SEQGPU_OK;
}

/* `result` is what the last call of NCCL returned.  What cannot be finished is aborted. */
static seqgpu_status finish(seqgpu_comm *c, const char *what, int result, sq_comm_ask *question) {
  nccl_link *l = c->link;
  const seqgpu_status status =
      is_error(result) ? nccl_failed(c, what, result) : sq_comm_wait(c, what, question, NULL);
  if (status != SEQGPU_OK && l->comm != NULL) {
    l->nccl.CommAbort(l->comm);
    l->comm = NULL;
  }
  return status;
}

/* ---------------------------------------------------------------- pieces from device to device */

/* Pieces that go to each process or come from it: `size[r]` bytes at `at[r]`. */
typedef struct pieces {
  char *bytes;
  const int *size, *at;
} pieces;

static int start(const seqgpu_comm *c, const pieces *from, const pieces *to) {
  const nccl_link *l = c->link;
  void *stream = c->ctx->exec.stream;
  int first = l->nccl.GroupStart();
  for (int r = 0; r < c->size && !is_error(first); r++) {
    if (r == c->rank) continue;
    if (from->size[r] > 0)
      first =
          l->nccl.Send(from->bytes + from->at[r], (size_t)from->size[r], SQ_NCCL_BYTES, r, l->comm, stream);
    if (to->size[r] > 0 && !is_error(first))
      first = l->nccl.Recv(to->bytes + to->at[r], (size_t)to->size[r], SQ_NCCL_BYTES, r, l->comm, stream);
  }
  const int last = l->nccl.GroupEnd();
  return is_error(first) ? first : last;
}

static seqgpu_status exchange(seqgpu_comm *c, const char *what, const pieces *from, const pieces *to) {
  const int r = c->rank;
  const char *own = from->bytes + from->at[r];
  if (own != to->bytes + to->at[r])
    SQ_TRY(seqgpu_copy(c->ctx, to->bytes + to->at[r], own, (size_t)from->size[r]));
  SQ_TRY(seqgpu_synchronize(c->ctx));
  return finish(c, what, start(c, from, to), ask);
}

/* As many bytes from each process as this one has, one after the other. */
static void set_equal(seqgpu_comm *c, int size) {
  for (int r = 0; r < c->size; r++) {
    c->exchange[r] = size;
    c->exchange[c->size + r] = r * size;
  }
}

static seqgpu_status scatter_device(seqgpu_comm *c, const void *from, const int *size, const int *at,
                                    void *to) {
  set_equal(c, size[c->rank]);
  const pieces out = {(char *)(uintptr_t)from, size, at};
  const pieces in = {to, c->exchange, c->exchange + c->size};
  return exchange(c, "sum", &out, &in);
}

/* The own piece to all: it has one place, whoever it goes to. */
static seqgpu_status gather_device(seqgpu_comm *c, void *data, const int *size, const int *at) {
  for (int r = 0; r < c->size; r++) {
    c->exchange[r] = size[c->rank];
    c->exchange[c->size + r] = at[c->rank];
  }
  const pieces out = {data, c->exchange, c->exchange + c->size};
  const pieces in = {data, size, at};
  return exchange(c, "sum", &out, &in);
}

static seqgpu_status broadcast_device(seqgpu_comm *c, void *data, int size, int root) {
  const nccl_link *l = c->link;
  SQ_TRY(seqgpu_synchronize(c->ctx));
  return finish(
      c, "broadcast",
      l->nccl.Broadcast(data, data, (size_t)size, SQ_NCCL_BYTES, root, l->comm, c->ctx->exec.stream), ask);
}

/* ---------------------------------------------------------------- numbers of the host */

static seqgpu_status barrier(seqgpu_comm *c) {
  const nccl_link *l = c->link;
  set_equal(c, 1);
  const pieces out = {l->stage, c->exchange, c->exchange + c->size};
  const pieces in = {c->pieces_on_device, c->exchange, c->exchange + c->size};
  return exchange(c, "barrier", &out, &in);
}

static seqgpu_status scatter(seqgpu_comm *c, const void *from, const int *size, const int *at, void *to) {
  const nccl_link *l = c->link;
  const int last = c->size - 1;
  SQ_TRY(seqgpu_copy_in(c->ctx, l->stage, from, (size_t)(at[last] + size[last])));
  SQ_TRY(scatter_device(c, l->stage, size, at, c->pieces_on_device));
  return seqgpu_copy_out(c->ctx, to, c->pieces_on_device, (size_t)c->size * (size_t)size[c->rank]);
}

static seqgpu_status gather(seqgpu_comm *c, void *data, const int *size, const int *at) {
  const nccl_link *l = c->link;
  const int r = c->rank, last = c->size - 1;
  SQ_TRY(seqgpu_copy_in(c->ctx, l->stage + at[r], (char *)data + at[r], (size_t)size[r]));
  SQ_TRY(gather_device(c, l->stage, size, at));
  return seqgpu_copy_out(c->ctx, data, l->stage, (size_t)(at[last] + size[last]));
}

static seqgpu_status broadcast(seqgpu_comm *c, void *data, int size, int root) {
  const nccl_link *l = c->link;
  if (c->rank == root) SQ_TRY(seqgpu_copy_in(c->ctx, l->stage, data, (size_t)size));
  SQ_TRY(broadcast_device(c, l->stage, size, root));
  return c->rank == root ? SEQGPU_OK : seqgpu_copy_out(c->ctx, data, l->stage, (size_t)size);
}

/* ---------------------------------------------------------------- leaving */

/* What an aborted communicator had on the stream has ended: its memory is nobody's. */
static void free_link(seqgpu_comm *c) {
  nccl_link *l = c->link;
  seqgpu_free(c->ctx, l->stage);
  sq_host_free(c->ctx, l);
  sq_comm_free(c);
}

static void close_link(seqgpu_comm *c) {
  nccl_link *l = c->link;
  if (!c->gone && c->size > 1) barrier(c);
  if (l->owned && !c->gone) finish(c, "destroy", l->nccl.CommFinalize(l->comm), ask_host);
  if (l->owned && !c->gone) l->nccl.CommDestroy(l->comm);
  free_link(c);
}

static const sq_transport between_hosts = {0, barrier, scatter, gather, broadcast, close_link};
static const sq_transport between_devices = {
    1, barrier, scatter_device, gather_device, broadcast_device, close_link};

/* ---------------------------------------------------------------- joining */

static seqgpu_status check(seqgpu_context *ctx, seqgpu_comm **out) {
  if (out) *out = NULL;
  SQ_TRY(sq_usable(ctx));
  if (out == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "comm: out is NULL");
  if (ctx->backend->device->idle != NULL) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "comm: the context is on the %s; NCCL connects GPUs",
                 ctx->backend->device->name);
}

/* A communicator that is not joined yet, with all its memory. */
static seqgpu_status prepare(seqgpu_context *ctx, const sq_nccl *nccl, int rank, int size,
                             seqgpu_comm **out) {
  nccl_link *l = sq_host_alloc(ctx, sizeof *l);
  seqgpu_comm *c = l ? sq_comm_new(ctx, rank, size) : NULL;
  if (c == NULL) {
    sq_host_free(ctx, l);
    return sq_fail(ctx, SEQGPU_ENOMEM, "comm: out of memory");
  }
  l->nccl = *nccl;
  c->link = l;
  c->transport = &between_hosts;
  c->device = &between_devices;
  void *stage = NULL;
  seqgpu_status status = seqgpu_malloc(ctx, sq_comm_pieces_size(c), &c->pieces_on_device);
  if (status == SEQGPU_OK) status = seqgpu_malloc(ctx, sq_comm_pieces_size(c), &stage);
  if (status == SEQGPU_OK) status = seqgpu_zero(ctx, stage, (size_t)size); /* what a barrier sends */
  l->stage = stage;
  if (status == SEQGPU_OK)
    *out = c;
  else
    free_link(c);
  return status;
}

seqgpu_status seqgpu_comm_wrap_nccl(seqgpu_context *ctx, void *communicator, seqgpu_comm **out) {
  sq_nccl nccl;
  int rank = 0, size = 0;
  SQ_TRY(check(ctx, out));
  if (communicator == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "comm: communicator is NULL");
  SQ_TRY(sq_nccl_open(ctx, &nccl));
  int result = nccl.CommCount(communicator, &size);
  if (result == SQ_NCCL_SUCCESS) result = nccl.CommUserRank(communicator, &rank);
  if (result != SQ_NCCL_SUCCESS)
    return sq_fail(ctx, SEQGPU_EINVAL, "comm: NCCL says of communicator: %.100s",
                   nccl.GetErrorString(result));
  SQ_TRY(prepare(ctx, &nccl, rank, size, out));
  nccl_link *l = (*out)->link;
  l->comm = communicator;
  return SEQGPU_OK;
}

/* ncclCommInitRankConfig, which takes the device that is current. */
typedef struct joining {
  nccl_link *link;
  sq_nccl_id id;
  int rank, size, result;
} joining;

static void init(void *about) {
  joining *j = about;
  sq_nccl_config config = {sizeof config, (unsigned)SQ_NCCL_MAGIC, SQ_NCCL_VERSION, 0};
  j->result = j->link->nccl.CommInitRankConfig(&j->link->comm, j->size, j->id, j->rank, &config);
}

static seqgpu_status join(seqgpu_comm *c, const char *path, double seconds) {
  seqgpu_context *ctx = c->ctx;
  joining j = {.link = c->link, .rank = c->rank, .size = c->size};
  if (c->rank == 0) {
    const int result = j.link->nccl.GetUniqueId(&j.id);
    if (result != SQ_NCCL_SUCCESS) return nccl_failed(c, "create", result);
  }
  SQ_TRY(sq_meet(ctx, path, c->rank, c->size, seconds, j.id.bytes));
  SQ_TRY(sq_check(ctx, ctx->backend->device->within(&ctx->exec, init, &j), "comm"));
  j.link->owned = 1;
  return finish(c, "create", j.result, ask_host);
}

seqgpu_status seqgpu_comm_create_file(seqgpu_context *ctx, const char *path, int rank, int size,
                                      double seconds, seqgpu_comm **out) {
  sq_nccl nccl;
  seqgpu_comm *c;
  SQ_TRY(check(ctx, out));
  SQ_TRY(sq_meet_check(ctx, path, rank, size, seconds));
  SQ_TRY(sq_nccl_open(ctx, &nccl));
  SQ_TRY(prepare(ctx, &nccl, rank, size, &c));
  c->limit = seconds;
  const seqgpu_status status = join(c, path, seconds);
  if (status == SEQGPU_OK)
    *out = c;
  else
    free_link(c);
  return status;
}
