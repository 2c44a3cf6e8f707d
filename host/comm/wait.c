/* wait.c - waiting for other processes, by asking (wait.h). */
#define _POSIX_C_SOURCE 200809L

#include "host/comm/wait.h"

#include <sched.h>
#include <time.h>

double sq_comm_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Between two questions: at first nothing, then the processor goes to whoever wants it, which may be the
 * process that is waited for; and a wait that is long anyhow leaves it free.  A thread beside one that
 * computes does so almost at once. */
static void pause_before(int64_t question, double waited, int aside) {
  enum { EAGER = 2000 };
  const struct timespec nap = {0, 50000};
  if (question < EAGER && !aside) return;
  if (waited < (aside ? 1e-4 : 5e-3))
    sched_yield();
  else
    nanosleep(&nap, NULL);
}

seqgpu_status sq_comm_wait(seqgpu_comm *c, const char *what, sq_comm_ask *ask, void *about) {
  const double start = sq_comm_now();
  double waited = 0;
  for (int64_t question = 0; waited <= c->limit; question++) {
    int done = 0;
    const seqgpu_status status = ask(c, what, about, &done);
    if (status == SEQGPU_OK && done) return SEQGPU_OK;
    if (status != SEQGPU_OK) {
      c->gone = 1;
      return status;
    }
    pause_before(question, waited, c->aside);
    waited = sq_comm_now() - start;
  }
  c->gone = 1;
  return sq_fail(c->ctx, SEQGPU_EPEER,
                 "comm: %s: process %d of %d has waited %g s for the others; one of them has ended or hangs",
                 what, c->rank, c->size, c->limit);
}
