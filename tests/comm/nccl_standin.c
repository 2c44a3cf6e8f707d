/* nccl_standin.c - stands in for libnccl.so.2 in the tests, so that host/comm/nccl.c runs without a card, on
 * the emulator, whose device memory is plain memory: processes of one machine that share a file.
 *
 * The functions that we call, with the contract that NVIDIA documents.  It shows that our calls hand over the
 * right bytes in the right order, and what they do when something fails; that NCCL takes them so only cards
 * can show.  Where the contract leaves something open, this is unkind:
 *   - with `blocking` 0 nothing is done before it is asked for by ncclCommGetAsyncError
 *   - memory to be received into is filled with NaN at once, and what is sent is read at the last moment
 *   - a message of another size than is received is an error
 * A stream is not modelled: when ncclCommGetAsyncError says success, all is done.
 *
 *   bytes     process r writes to channel (r, peer), a ring of CHANNEL bytes in the file, and the peer reads
 *   death     each process has one byte of the file locked as long as it lives
 *
 * Environment: SEQGPU_STANDIN_NCCL          the version it plays, 21400 for 2.14
 *              SEQGPU_STANDIN_NCCL_FOLDER   where its files are, /tmp without
 *              SEQGPU_STANDIN_NCCL_FAIL     Send:3: the third call of ncclSend fails
 *              SEQGPU_STANDIN_NCCL_DEAF     it does not see that a process has died
 */
#define _GNU_SOURCE /* F_OFD_SETLK */

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/comm/nccl_open.h"

enum { CHANNEL = 1 << 16, MOST = 16 /* processes */, OPERATIONS = 4 * MOST };
enum { SYSTEM_ERROR = 2, INVALID_ARGUMENT = 4, INVALID_USAGE = 5, REMOTE_ERROR = 6 };

typedef struct channel {
  _Atomic uint64_t written, read;
  unsigned char bytes[CHANNEL];
} channel;

typedef struct segment {
  _Atomic int here[MOST]; /* who has come */
  channel channels[];     /* [size, size], from and to */
} segment;

typedef struct operation {
  int sends, peer;
  unsigned char *bytes;
  uint64_t size, header, done; /* `done` counts the 8 bytes of the header too, which says the size */
} operation;

typedef struct communicator {
  segment *shared;
  size_t shared_size;
  char path[sizeof(sq_nccl_id)];
  int fd, rank, size, blocking, error, is_open, finalized;
  int count; /* of the operations since the last group */
  int questions;
  operation operations[OPERATIONS];
} communicator;

static int depth;                 /* of groups */
static communicator *in_group[8]; /* those that have operations in it */
static int in_group_count;

/* ---------------------------------------------------------------- failures on demand */

static int fails(const char *name) {
  static char counted[32];
  static long calls;
  const char *wanted = getenv("SEQGPU_STANDIN_NCCL_FAIL"), *colon = wanted ? strchr(wanted, ':') : NULL;
  if (colon == NULL || strlen(name) != (size_t)(colon - wanted)) return 0;
  if (strncmp(name, wanted, strlen(name)) != 0) return 0;
  if (strcmp(counted, name) != 0) calls = 0;
  snprintf(counted, sizeof counted, "%s", name);
  return ++calls == atol(colon + 1);
}

#define MAY_FAIL(name)                                                                                       \
  if (fails(name)) return SYSTEM_ERROR

/* ---------------------------------------------------------------- the file */

static channel *channel_of(const communicator *c, int from, int to) {
  return &c->shared->channels[from * c->size + to];
}

static int lock(int fd, int command, int rank, short *type) {
  struct flock l = {.l_type = *type, .l_whence = SEEK_SET, .l_start = rank, .l_len = 1};
  const int failed = fcntl(fd, command, &l);
  *type = l.l_type;
  return failed;
}

static int has_died(const communicator *c, int rank) {
  short type = F_WRLCK;
  if (getenv("SEQGPU_STANDIN_NCCL_DEAF") != NULL) return 0;
  return lock(c->fd, F_OFD_GETLK, rank, &type) == 0 && type == F_UNLCK;
}

static int attach(communicator *c) {
  short type = F_WRLCK;
  c->shared_size = sizeof(segment) + (size_t)c->size * (size_t)c->size * sizeof(channel);
  c->fd = open(c->path, O_RDWR | O_CLOEXEC);
  if (c->fd < 0 || ftruncate(c->fd, (off_t)c->shared_size) != 0) return -1;
  void *at = mmap(NULL, c->shared_size, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
  if (at == MAP_FAILED || lock(c->fd, F_OFD_SETLK, c->rank, &type) != 0) return -1;
  c->shared = at;
  atomic_store(&c->shared->here[c->rank], 1);
  return 0;
}

static void detach(communicator *c) {
  if (c->shared != NULL) munmap(c->shared, c->shared_size);
  if (c->fd >= 0) close(c->fd);
  free(c);
}

/* ---------------------------------------------------------------- bytes */

/* Where byte `done` of a message is, and how many follow it there. */
static unsigned char *place(operation *o, uint64_t *length) {
  const uint64_t head = sizeof o->header;
  *length = o->done < head ? head - o->done : head + o->size - o->done;
  return o->done < head ? (unsigned char *)&o->header + o->done : o->bytes + (o->done - head);
}

/* Moves what can be moved now. */
static void move(operation *o, channel *ch) {
  uint64_t length;
  for (;;) {
    unsigned char *at = place(o, &length);
    const uint64_t written = atomic_load(&ch->written), read = atomic_load(&ch->read);
    const uint64_t spot = (o->sends ? written : read) % CHANNEL;
    uint64_t n = o->sends ? CHANNEL - (written - read) : written - read;
    if (n > length) n = length;
    if (n > CHANNEL - spot) n = CHANNEL - spot;
    if (n == 0) return;
    if (o->sends) {
      memcpy(ch->bytes + spot, at, n);
      atomic_store(&ch->written, written + n);
    } else {
      memcpy(at, ch->bytes + spot, n);
      atomic_store(&ch->read, read + n);
    }
    o->done += n;
  }
}

static int is_done(const operation *o) { return o->done == sizeof o->header + o->size; }

/* One of a pair of processes and one direction goes after the other. */
static int is_next(const communicator *c, int i) {
  for (int k = 0; k < i; k++)
    if (c->operations[k].sends == c->operations[i].sends && c->operations[k].peer == c->operations[i].peer &&
        !is_done(&c->operations[k]))
      return 0;
  return 1;
}

static int step(communicator *c, int i) {
  operation *o = &c->operations[i];
  const int looks =
      c->questions % 256 == 255; /* for the dead: before the bytes that they have left are read */
  const int died = looks && has_died(c, o->peer);
  move(o, o->sends ? channel_of(c, c->rank, o->peer) : channel_of(c, o->peer, c->rank));
  if (!o->sends && o->done >= sizeof o->header && o->header != o->size) return INVALID_USAGE;
  return died && !is_done(o) ? REMOTE_ERROR : SQ_NCCL_SUCCESS;
}

static int all_arrived(communicator *c) {
  for (int r = 0; r < c->size; r++) {
    if (!atomic_load(&c->shared->here[r])) return SQ_NCCL_IN_PROGRESS;
    if (c->questions % 256 == 255 && has_died(c, r) && r != c->rank) return REMOTE_ERROR;
  }
  if (c->rank == 0) unlink(c->path);
  c->is_open = 1;
  return SQ_NCCL_SUCCESS;
}

static int advance(communicator *c) {
  int left = 0;
  c->questions++;
  if (!c->is_open) {
    const int state = all_arrived(c);
    if (state != SQ_NCCL_SUCCESS) return state;
  }
  for (int i = 0; i < c->count; i++) {
    if (is_done(&c->operations[i])) continue;
    const int error = is_next(c, i) ? step(c, i) : SQ_NCCL_SUCCESS;
    if (error != SQ_NCCL_SUCCESS) return error;
    left += !is_done(&c->operations[i]);
  }
  if (left == 0) c->count = 0;
  return left > 0 ? SQ_NCCL_IN_PROGRESS : SQ_NCCL_SUCCESS;
}

/* What a call answers that has begun something. */
static int begun(communicator *c) {
  if (!c->blocking) return SQ_NCCL_IN_PROGRESS;
  int state;
  while ((state = advance(c)) == SQ_NCCL_IN_PROGRESS) usleep(10);
  return state;
}

/* ---------------------------------------------------------------- the interface: life */

#define EXPORT __attribute__((visibility("default")))

/* What is declared here is what host/comm/nccl_open.h takes the functions for. */
#define DECLARE(name, type, arguments) EXPORT type nccl##name arguments;
SQ_NCCL_FUNCTIONS(DECLARE)

int ncclGetVersion(int *version) {
  const char *played = getenv("SEQGPU_STANDIN_NCCL");
  *version = played ? atoi(played) : SQ_NCCL_VERSION;
  return SQ_NCCL_SUCCESS;
}

const char *ncclGetErrorString(int error) {
  return error == SYSTEM_ERROR    ? "unhandled system error"
         : error == INVALID_USAGE ? "invalid usage"
         : error == REMOTE_ERROR  ? "remote process exited or there was a network error"
                                  : "invalid argument";
}

const char *ncclGetLastError(sq_nccl_comm comm) {
  (void)comm;
  return "a stand-in said so";
}

int ncclGetUniqueId(sq_nccl_id *id) {
  MAY_FAIL("GetUniqueId");
  const char *folder = getenv("SEQGPU_STANDIN_NCCL_FOLDER");
  memset(id, 0, sizeof *id);
  snprintf(id->bytes, sizeof id->bytes, "%s/nccl-XXXXXX", folder ? folder : "/tmp");
  const int fd = mkstemp(id->bytes);
  if (fd < 0) return SYSTEM_ERROR;
  close(fd);
  return SQ_NCCL_SUCCESS;
}

int ncclCommInitRankConfig(sq_nccl_comm *comm, int size, sq_nccl_id id, int rank, sq_nccl_config *config) {
  MAY_FAIL("CommInitRankConfig");
  if (config->size < sizeof *config || config->magic != (unsigned)SQ_NCCL_MAGIC ||
      config->version < SQ_NCCL_VERSION || size < 1 || size > MOST || rank < 0 || rank >= size)
    return INVALID_ARGUMENT;
  communicator *c = calloc(1, sizeof *c);
  if (c == NULL) return SYSTEM_ERROR;
  c->rank = rank;
  c->size = size;
  c->blocking = config->blocking;
  memcpy(c->path, id.bytes, sizeof c->path);
  if (attach(c) != 0) {
    detach(c);
    return SYSTEM_ERROR;
  }
  *comm = c;
  return begun(c);
}

int ncclCommGetAsyncError(sq_nccl_comm comm, int *state) {
  MAY_FAIL("CommGetAsyncError");
  communicator *c = comm;
  if (c->error == 0) {
    *state = advance(c);
    c->error = *state == SQ_NCCL_IN_PROGRESS ? 0 : *state;
  } else
    *state = c->error;
  return SQ_NCCL_SUCCESS;
}

int ncclCommFinalize(sq_nccl_comm comm) {
  MAY_FAIL("CommFinalize");
  communicator *c = comm;
  c->finalized = 1;
  return begun(c);
}

int ncclCommDestroy(sq_nccl_comm comm) {
  communicator *c = comm;
  const int failed = fails("CommDestroy") || c->count > 0 || (!c->finalized && !c->blocking);
  detach(c);
  return failed ? INVALID_USAGE : SQ_NCCL_SUCCESS;
}

int ncclCommAbort(sq_nccl_comm comm) {
  detach(comm);
  return SQ_NCCL_SUCCESS;
}

int ncclCommCount(sq_nccl_comm comm, int *size) {
  MAY_FAIL("CommCount");
  *size = ((communicator *)comm)->size;
  return SQ_NCCL_SUCCESS;
}

int ncclCommUserRank(sq_nccl_comm comm, int *rank) {
  MAY_FAIL("CommUserRank");
  *rank = ((communicator *)comm)->rank;
  return SQ_NCCL_SUCCESS;
}

/* ---------------------------------------------------------------- the interface: bytes */

static int begin(void) {
  if (depth++ == 0) in_group_count = 0;
  return SQ_NCCL_SUCCESS;
}

static int end(void) {
  int state = SQ_NCCL_SUCCESS;
  if (--depth > 0) return state;
  for (int i = 0; i < in_group_count; i++) {
    const int one = begun(in_group[i]);
    if (one != SQ_NCCL_SUCCESS) state = one;
  }
  return state;
}

static int add(communicator *c, int sends, void *bytes, size_t size, int type, int peer) {
  if (type != SQ_NCCL_BYTES || peer < 0 || peer >= c->size || c->count == OPERATIONS || c->finalized)
    return INVALID_ARGUMENT;
  begin();
  int known = 0;
  for (int i = 0; i < in_group_count; i++) known |= in_group[i] == c;
  if (!known) in_group[in_group_count++] = c;
  if (!sends) memset(bytes, 0xff, size);
  c->operations[c->count++] =
      (operation){.sends = sends, .peer = peer, .bytes = bytes, .size = size, .header = sends ? size : 0};
  return end();
}

int ncclGroupStart(void) {
  MAY_FAIL("GroupStart");
  return begin();
}

int ncclGroupEnd(void) {
  const int state = end();
  MAY_FAIL("GroupEnd");
  return state;
}

int ncclSend(const void *from, size_t count, int type, int peer, sq_nccl_comm comm, void *stream) {
  (void)stream;
  MAY_FAIL("Send");
  return add(comm, 1, (void *)(uintptr_t)from, count, type, peer);
}

int ncclRecv(void *to, size_t count, int type, int peer, sq_nccl_comm comm, void *stream) {
  (void)stream;
  MAY_FAIL("Recv");
  return add(comm, 0, to, count, type, peer);
}

int ncclBroadcast(const void *from, void *to, size_t count, int type, int root, sq_nccl_comm comm,
                  void *stream) {
  MAY_FAIL("Broadcast");
  communicator *c = comm;
  (void)stream;
  int state = begin();
  if (c->rank == root && to != from) memcpy(to, from, count);
  if (c->rank != root) state = add(c, 0, to, count, type, root);
  for (int r = 0; c->rank == root && r < c->size; r++)
    if (r != root) state = add(c, 1, (void *)(uintptr_t)from, count, type, r);
  const int last = end();
  return state == SQ_NCCL_SUCCESS ? last : state;
}
