/* test_comm_threads.c - sums that begin early (host/comm/early.c, worker.c), among threads of this process
 * that stand for processes: each has a context and a communicator, and their transport is memory that all of
 * them see.
 *
 * So ThreadSanitizer sees both sides, and each call of the transport, and each request for memory, can be
 * made to fail.
 */
#include <pthread.h>
#include <time.h>

#include "host/comm/shards.h"
#include "seqgpu/ops.h"
#include "tests/failing.h"

enum { MOST = 3, SHARDS = 3, A = 300, B = 701, ELEMENTS = A + B, LIMIT = 20 /* seconds */ };

/* ---------------------------------------------------------------- a transport among threads */

typedef struct board {
  int size;
  pthread_mutex_t mutex; /* of what follows */
  pthread_cond_t changed;
  int arrived, turn;
  int calls, fails_at; /* of process 0; 0: none fails */
  int gone;
  const void *from[MOST];
  const int *at[MOST];
} board;

static struct timespec deadline(void) {
  struct timespec t;
  timespec_get(&t, TIME_UTC);
  t.tv_sec += LIMIT;
  return t;
}

static seqgpu_status peer_gone(seqgpu_comm *c) {
  c->gone = 1;
  return sq_fail(c->ctx, SEQGPU_EPEER, "comm: a thread said so");
}

/* Waits until all have come; EPEER if one says that it is gone. */
static seqgpu_status meet(seqgpu_comm *c) {
  board *b = c->link;
  const struct timespec end = deadline();
  pthread_mutex_lock(&b->mutex);
  const int turn = b->turn;
  if (++b->arrived == b->size) {
    b->arrived = 0;
    b->turn++;
    pthread_cond_broadcast(&b->changed);
  }
  while (b->turn == turn && !b->gone)
    if (pthread_cond_timedwait(&b->changed, &b->mutex, &end) != 0) b->gone = 1;
  const int good = b->turn != turn;
  pthread_mutex_unlock(&b->mutex);
  return good ? SEQGPU_OK : peer_gone(c);
}

/* The beginning of each call: process 0 counts, and one of its calls may fail. */
static seqgpu_status begin(seqgpu_comm *c, const void *from, const int *at) {
  board *b = c->link;
  pthread_mutex_lock(&b->mutex);
  if (c->rank == 0 && ++b->calls == b->fails_at) b->gone = 1;
  pthread_cond_broadcast(&b->changed);
  b->from[c->rank] = from;
  b->at[c->rank] = at;
  const int gone = b->gone;
  pthread_mutex_unlock(&b->mutex);
  return gone ? peer_gone(c) : meet(c);
}

static seqgpu_status barrier(seqgpu_comm *c) {
  SQ_TRY(begin(c, NULL, NULL));
  return meet(c);
}

static seqgpu_status scatter(seqgpu_comm *c, const void *from, const int *size, const int *at, void *to) {
  const board *b = c->link;
  const size_t mine = (size_t)size[c->rank];
  SQ_TRY(begin(c, from, at));
  for (int r = 0; r < c->size; r++)
    memcpy((char *)to + (size_t)r * mine, (const char *)b->from[r] + b->at[r][c->rank], mine);
  return meet(c);
}

static seqgpu_status gather(seqgpu_comm *c, void *data, const int *size, const int *at) {
  const board *b = c->link;
  SQ_TRY(begin(c, data, at));
  for (int r = 0; r < c->size; r++)
    if (r != c->rank) memcpy((char *)data + at[r], (const char *)b->from[r] + at[r], (size_t)size[r]);
  return meet(c);
}

static seqgpu_status broadcast(seqgpu_comm *c, void *data, int size, int root) {
  const board *b = c->link;
  SQ_TRY(begin(c, data, NULL));
  if (c->rank != root) memcpy(data, b->from[root], (size_t)size);
  return meet(c);
}

static void close_link(seqgpu_comm *c) { sq_comm_free(c); }

static const sq_transport transport = {0, barrier, scatter, gather, broadcast, close_link};

/* ---------------------------------------------------------------- a process */

/* What a thread does, and what it finds. */
typedef struct process {
  pthread_t thread;
  board *board;
  int rank, update;
  seqgpu_status status;
  char sentence[200];
  int wrong, waited;
  seqgpu_context *ctx;
  seqgpu_comm *comm;
  seqgpu_params *params;
  seqgpu_param a, b;
} process;

static seqgpu_status open(process *p) {
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  SQ_TRY(seqgpu_context_create(&options, &p->ctx));
  SQ_TRY(seqgpu_params_create(p->ctx, 1, &p->params));
  SQ_TRY(seqgpu_params_add(p->params, "a", A, 1, "zeros", 0, &p->a));
  SQ_TRY(seqgpu_params_add(p->params, "b", B, 1, "zeros", 0, &p->b));
  p->comm = sq_comm_new(p->ctx, p->rank, p->board->size);
  if (p->comm == NULL) return SEQGPU_ENOMEM;
  p->comm->transport = &transport;
  p->comm->link = p->board;
  return SEQGPU_OK;
}

/* The gradients of shard k of this process. */
static void draw(process *p, int k) {
  float g[ELEMENTS];
  const uint64_t stream = (uint64_t)((p->update * MOST + p->rank) * SHARDS + k);
  for (int i = 0; i < ELEMENTS; i++) g[i] = (float)seqgpu_uniform(7, stream, (uint64_t)i) - 0.5F;
  memcpy(p->a.grad, g, A * sizeof *g);
  memcpy(p->b.grad, g + A, B * sizeof *g);
}

/* Of process 0: waits until the thread that sums has asked for something, though not all gradients are
 * there. */
static int wait_for_sum(process *p, int before) {
  board *b = p->board;
  const struct timespec end = deadline();
  int late = 0;
  pthread_mutex_lock(&b->mutex);
  while (b->calls == before && !b->gone && !late) late = pthread_cond_timedwait(&b->changed, &b->mutex, &end);
  pthread_mutex_unlock(&b->mutex);
  return !late;
}

/* The gradients of the last shard become final from the end on, in pieces that are no buckets. */
static seqgpu_status tell(process *p, seqgpu_shards *s) {
  const float *a = p->a.grad, *b = p->b.grad;
  pthread_mutex_lock(&p->board->mutex);
  const int before = p->board->calls;
  pthread_mutex_unlock(&p->board->mutex);
  SQ_TRY(seqgpu_shards_ready(s, b + 150, B - 150));
  SQ_TRY(seqgpu_shards_ready(s, b + 3, 147));
  if (p->rank == 0 && s->early.worker) p->waited += wait_for_sum(p, before);
  SQ_TRY(seqgpu_shards_ready(s, a, A));
  return SEQGPU_OK; /* b[0..2] is never told of */
}

/* A batch, of which this process has `rank` shards, process 0 none but in every third update. */
static seqgpu_status batch(process *p, seqgpu_shards *s, float out[ELEMENTS]) {
  const int count = p->update % 3 == 0 ? SHARDS - p->rank : p->rank + (p->update % 3 == 1);
  double loss;
  for (int k = 0; k < count; k++) {
    const double weight = (double)(1 + (p->rank + k + p->update) % 4);
    if (k == count - 1 && s->early.worker) {
      SQ_TRY(seqgpu_shards_last(s, weight, 2));
      draw(p, k);
      SQ_TRY(tell(p, s));
    } else {
      draw(p, k);
      SQ_TRY(seqgpu_shards_add(s, weight, 2));
    }
  }
  SQ_TRY(seqgpu_shards_average(s, &loss));
  p->wrong += loss != 2;
  memcpy(out, p->a.grad, A * sizeof *out);
  memcpy(out + A, p->b.grad, B * sizeof *out);
  return SEQGPU_OK;
}

/* Every batch twice, with the sum at the end and with one that begins early: the same bits. */
static seqgpu_status live(process *p, seqgpu_shards *after, seqgpu_shards *early) {
  float one[ELEMENTS], other[ELEMENTS];
  SQ_TRY(seqgpu_shards_overlap(early, 512));
  for (p->update = 0; p->update < 6; p->update++) {
    SQ_TRY(batch(p, after, one));
    SQ_TRY(batch(p, early, other));
    p->wrong += memcmp(one, other, sizeof one) != 0;
  }
  return SEQGPU_OK;
}

static void *run(void *argument) {
  process *p = argument;
  seqgpu_shards *after = NULL, *early = NULL;
  p->status = open(p);
  if (p->status == SEQGPU_OK) p->status = seqgpu_shards_create(p->params, p->comm, &after);
  if (p->status == SEQGPU_OK) p->status = seqgpu_shards_create(p->params, p->comm, &early);
  if (p->status == SEQGPU_OK) p->status = live(p, after, early);
  snprintf(p->sentence, sizeof p->sentence, "%s", seqgpu_last_error(p->ctx));
  seqgpu_shards_destroy(after);
  seqgpu_shards_destroy(early);
  seqgpu_comm_destroy(p->comm);
  seqgpu_params_destroy(p->params);
  seqgpu_context_destroy(p->ctx);
  return NULL;
}

/* `size` processes, of which call number `fails_at` of the first fails; returns how many calls it made. */
static int run_all(process p[MOST], int size, int fails_at) {
  board b = {.size = size, .fails_at = fails_at};
  pthread_mutex_init(&b.mutex, NULL);
  pthread_cond_init(&b.changed, NULL);
  for (int r = 0; r < size; r++) {
    p[r] = (process){.board = &b, .rank = r};
    if (pthread_create(&p[r].thread, NULL, run, &p[r]) != 0) abort();
  }
  for (int r = 0; r < size; r++) pthread_join(p[r].thread, NULL);
  pthread_cond_destroy(&b.changed);
  pthread_mutex_destroy(&b.mutex);
  return b.calls;
}

static int check_size(int size) {
  process p[MOST];
  const int calls = run_all(p, size, 0);
  int good = 1, wrong = 0, waited = 0;
  for (int r = 0; r < size; r++) {
    good = good && p[r].status == SEQGPU_OK;
    wrong += p[r].wrong;
    waited += p[r].waited;
    if (p[r].status != SEQGPU_OK) printf("# process %d: %s\n", r, p[r].sentence);
  }
  CHECK(good && wrong == 0, "%d processes: early sums have the bits of late ones", size);
  CHECK(waited > 0, "%d processes: sums begin before the last gradient is there", size);
  return calls;
}

/* Each call that process 0 makes fails: both end, with a sentence. */
static void check_failures(int calls) {
  process p[MOST];
  int wrong = 0;
  for (int n = 1; n <= calls; n++) {
    run_all(p, 2, n);
    for (int r = 0; r < 2; r++)
      wrong += p[r].status != SEQGPU_EPEER || strstr(p[r].sentence, "a thread said so") == NULL;
  }
  CHECK(wrong == 0 && calls > 20, "each of %d calls fails: a status and a sentence in both", calls);
}

/* ---------------------------------------------------------------- memory that is refused */

/* The other process has what this one has, and answers at once. */
static seqgpu_status same_scatter(seqgpu_comm *c, const void *from, const int *size, const int *at,
                                  void *to) {
  const size_t mine = (size_t)size[c->rank];
  for (int r = 0; r < c->size; r++)
    memcpy((char *)to + (size_t)r * mine, (const char *)from + at[c->rank], mine);
  return SEQGPU_OK;
}
static seqgpu_status same_gather(seqgpu_comm *c, void *data, const int *size, const int *at) {
  memset((char *)data + at[1], 0, (size_t)size[1]);
  (void)c;
  return SEQGPU_OK;
}
static seqgpu_status same_bytes(seqgpu_comm *c, void *data, int size, int root) {
  (void)c, (void)data, (void)size, (void)root;
  return SEQGPU_OK;
}
static seqgpu_status same_barrier(seqgpu_comm *c) {
  (void)c;
  return SEQGPU_OK;
}
static const sq_transport same = {0, same_barrier, same_scatter, same_gather, same_bytes, close_link};

/* Early sums and shared out moments, of which each request for memory may be refused. */
static seqgpu_status update_once(seqgpu_context *ctx) {
  const seqgpu_optimizer adam = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.1};
  seqgpu_params *params = NULL;
  seqgpu_shards *shards = NULL;
  seqgpu_param a;
  seqgpu_comm *comm = sq_comm_new(ctx, 0, 2);
  if (comm == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "out of memory");
  comm->transport = &same;
  seqgpu_status status = seqgpu_params_create(ctx, 1, &params);
  if (status == SEQGPU_OK) status = seqgpu_params_add(params, "a", 9000, 1, "zeros", 0, &a);
  if (status == SEQGPU_OK) status = seqgpu_shards_create(params, comm, &shards);
  if (status == SEQGPU_OK) status = seqgpu_shards_overlap(shards, 8192);
  if (status == SEQGPU_OK) status = seqgpu_params_update(params, &adam); /* so that moments are cut */
  if (status == SEQGPU_OK) status = seqgpu_comm_share_moments(comm, params);
  if (status == SEQGPU_OK) status = seqgpu_shards_last(shards, 1, 0);
  if (status == SEQGPU_OK) status = seqgpu_shards_ready(shards, a.grad, 9000);
  if (status == SEQGPU_OK) status = seqgpu_shards_average(shards, NULL);
  if (status == SEQGPU_OK) status = seqgpu_params_update(params, &adam);
  if (status == SEQGPU_OK) status = seqgpu_comm_collect_moments(comm, params, 0);
  if (status == SEQGPU_OK) status = seqgpu_params_update(params, &adam);
  seqgpu_shards_destroy(shards);
  seqgpu_params_destroy(params);
  seqgpu_comm_destroy(comm);
  return status;
}

int main(void) {
  check_start();
  check_failures(check_size(2));
  check_size(3);
  CHECK(failing_each("cpu", update_once, 0) > 20, "it does ask for memory");
  return check_finish();
}
