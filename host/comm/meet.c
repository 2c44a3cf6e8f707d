/* meet.c - the word of process 0 to all, by way of files (meet.h).
 *
 *   PATH.r    process r is here: a nonce that it has drawn, which no other run has
 *   PATH      process 0's: the word, and behind it the nonces of all that have come
 *
 * Process r takes the word where its own nonce stands behind it, and removes PATH.r.  So what an earlier run
 * has left misleads nobody: its PATH has no nonce of this run, and a PATH.r of it is answered, and answered
 * again when the process comes and replaces it.  Process 0 has finished when every PATH.r has come and, once
 * answered, gone.
 *
 * Every file is written under another name and renamed (host/files/target.h), so that no one reads half of
 * it; where two processes write the same one, the later has it, and the other sees a nonce that is not its own.
 */
#define _DEFAULT_SOURCE /* getrandom */

#include "host/comm/meet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "host/comm/wait.h"
#include "host/files/replace.h"
#include "host/files/retry.h"

enum { NAME = 1024 };

typedef struct nonce {
  uint64_t a, b;
} nonce;

/* Both files, each on machines of one byte order. */
typedef struct page {
  char magic[8];
  int32_t size, rank;
  nonce from;              /* of the process that wrote it */
  char word[SQ_MEET_WORD]; /* in PATH */
} page;                    /* and in PATH [size] nonces, 0 where nobody has come */

static const char magic[8] = {'s', 'q', 'm', 'e', 'e', 't', '1', '\n'};

typedef struct meeting {
  seqgpu_context *ctx;
  const char *path;
  double end; /* by sq_comm_now */
  double seconds;
  page mine;
  nonce *come; /* [size]; process 0's lie behind its page */
  unsigned char *bytes;
  size_t bytes_size;
} meeting;

/* ---------------------------------------------------------------- files */

/* From the system's random numbers; where it has none, from who asks, and when. */
static nonce draw(void) {
  nonce n;
  struct timespec t;
  if (getrandom(&n, sizeof n, GRND_NONBLOCK) == (ssize_t)sizeof n) return n;
  clock_gettime(CLOCK_REALTIME, &t);
  return (nonce){(uint64_t)t.tv_sec << 32 ^ (uint64_t)t.tv_nsec ^ 1, (uint64_t)getpid()};
}

static int same(nonce x, nonce y) { return x.a == y.a && x.b == y.b; }
static int is_drawn(nonce x) { return x.a != 0 || x.b != 0; }

static void name_of(const meeting *m, int rank, char name[NAME + 16]) {
  if (rank == 0)
    snprintf(name, NAME + 16, "%s", m->path);
  else
    snprintf(name, NAME + 16, "%s.%d", m->path, rank);
}

static seqgpu_status leave(const meeting *m, const page *p, const void *bytes, size_t size) {
  char name[NAME + 16];
  name_of(m, p->rank, name);
  return sq_replace_with(m->ctx, name, bytes, size);
}

/* The first `size` bytes of the file of process `rank`; 0 if it is not there, or is no such file. */
static int look(const meeting *m, int rank, void *out, size_t size) {
  char name[NAME + 16];
  name_of(m, rank, name);
  const int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return 0;
  const int64_t got = sq_read_at(fd, out, (int64_t)size, 0);
  close(fd);
  const page *p = out;
  return got == (int64_t)size && memcmp(p->magic, magic, sizeof magic) == 0 && p->rank == rank;
}

static void take_away(const meeting *m, int rank) {
  char name[NAME + 16];
  name_of(m, rank, name);
  unlink(name);
}

/* Whether the file of this process is still its own. */
static int keeps_its_file(const meeting *m) {
  page p;
  return look(m, m->mine.rank, &p, sizeof p) && same(p.from, m->mine.from);
}

/* ---------------------------------------------------------------- waiting */

static int is_late(const meeting *m) {
  const struct timespec nap = {0, 20000000};
  if (sq_comm_now() > m->end) return 1;
  nanosleep(&nap, NULL);
  return 0;
}

static seqgpu_status taken_over(const meeting *m) {
  return sq_fail(m->ctx, SEQGPU_EPEER, "comm: %s: another process meets there as number %d too", m->path,
                 m->mine.rank);
}

/* ---------------------------------------------------------------- process 0 */

/* Takes down who has come; *changed: somebody has.  Returns a process that has not come, or has not yet gone
 * with the answer; 0: there is none. */
static int take_down(meeting *m, int *changed) {
  int missing = 0;
  *changed = 0;
  for (int r = 1; r < m->mine.size; r++) {
    page p;
    const int here = look(m, r, &p, sizeof p) && p.size == m->mine.size;
    if (here && !same(p.from, m->come[r])) {
      m->come[r] = p.from;
      *changed = 1;
    }
    if (here || !is_drawn(m->come[r])) missing = r;
  }
  return missing;
}

static seqgpu_status call_all(meeting *m) {
  for (;;) {
    int changed;
    const int missing = take_down(m, &changed);
    if (changed) SQ_TRY(leave(m, &m->mine, m->bytes, m->bytes_size));
    if (missing == 0) return SEQGPU_OK;
    if (!keeps_its_file(m)) return taken_over(m);
    if (is_late(m))
      return sq_fail(m->ctx, SEQGPU_EPEER,
                     "comm: %s: process 0 of %d has waited %g s for process %d, which has not come", m->path,
                     m->mine.size, m->seconds, missing);
  }
}

/* ---------------------------------------------------------------- the others */

/* Whether process 0 has answered; then the word is in m->mine. */
static int is_answered(meeting *m) {
  const page *p = (const page *)m->bytes;
  if (!look(m, 0, m->bytes, m->bytes_size) || p->size != m->mine.size) return 0;
  if (!same(m->come[m->mine.rank], m->mine.from)) return 0;
  memcpy(m->mine.word, p->word, sizeof p->word);
  return 1;
}

static seqgpu_status come(meeting *m) {
  while (!is_answered(m)) {
    if (!keeps_its_file(m)) return taken_over(m);
    if (is_late(m))
      return sq_fail(
          m->ctx, SEQGPU_EPEER,
          "comm: %s: process %d of %d has waited %g s for process 0, which has not come, or is not one of %d",
          m->path, m->mine.rank, m->mine.size, m->seconds, m->mine.size);
  }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- both */

seqgpu_status sq_meet_check(seqgpu_context *ctx, const char *path, int rank, int size, double seconds) {
  if (path == NULL || path[0] == 0)
    return sq_fail(ctx, SEQGPU_EINVAL, "comm_create_file: path is %s", path ? "empty" : "NULL");
  if (strlen(path) >= NAME)
    return sq_fail(ctx, SEQGPU_EINVAL, "comm_create_file: path has %zu bytes; it must have at most %d",
                   strlen(path), NAME - 1);
  SQ_TRY(sq_check_range(ctx, "comm_create_file: size", size, 1, SQ_MEET_MOST));
  SQ_TRY(sq_check_range(ctx, "comm_create_file: rank", rank, 0, size - 1));
  if (seconds > 0 && seconds <= 1e6) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "comm_create_file: seconds is %g; it must be above 0, to 1e6", seconds);
}

seqgpu_status sq_meet(seqgpu_context *ctx, const char *path, int rank, int size, double seconds,
                      char word[SQ_MEET_WORD]) {
  if (size == 1) return SEQGPU_OK;
  meeting m = {.ctx = ctx, .path = path, .end = sq_comm_now() + seconds, .seconds = seconds};
  m.bytes_size = sizeof(page) + (size_t)size * sizeof(nonce);
  m.bytes = sq_host_alloc(ctx, m.bytes_size);
  if (m.bytes == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "comm: out of memory");
  m.come = (nonce *)(m.bytes + sizeof(page));
  m.mine = (page){.size = size, .rank = rank, .from = draw()};
  memcpy(m.mine.magic, magic, sizeof magic);
  if (rank == 0) {
    memcpy(m.mine.word, word, sizeof m.mine.word);
    memcpy(m.bytes, &m.mine, sizeof m.mine);
  }
  seqgpu_status status =
      leave(&m, &m.mine, rank == 0 ? m.bytes : (void *)&m.mine, rank == 0 ? m.bytes_size : sizeof m.mine);
  const int came = status == SEQGPU_OK;
  if (came) status = rank == 0 ? call_all(&m) : come(&m);
  if (came && keeps_its_file(&m)) take_away(&m, rank);
  if (status == SEQGPU_OK) memcpy(word, m.mine.word, sizeof m.mine.word);
  sq_host_free(ctx, m.bytes);
  return status;
}
