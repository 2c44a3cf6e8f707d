/* test_lives.c - whatever memory is refused: the call says ENOMEM in a sentence, leaks nothing, and succeeds
 * when it is made again, with the same results, bit for bit.  The lives are in faults/lives.h; tests of a
 * file's own scenarios are in failing.h.
 */
#define _POSIX_C_SOURCE 200809L

#include <unistd.h>

#include "tests/failing.h"
#include "tests/faults/lives.h"

typedef struct tried {
  seqgpu_status status; /* of the whole life */
  long requests, live;
  int failures, said; /* calls that failed, and whether with ENOMEM and a sentence */
  uint64_t hash;
} tried;

/* One life, in which request `fail_at` is refused; its context's are not counted, failing.h looks at them. */
static tried live_once(const char *device, int index, long fail_at) {
  char path[64]; /* in memory, where flushing takes no time */
  snprintf(path, sizeof path, "%s/seqgpu-lives-%ld", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
           (long)getpid());
  failing f = {.fail_at = -1};
  const seqgpu_allocator allocator = {failing_allocate, failing_release, &f};
  const seqgpu_context_options options = {.device = device, .threads = 1, .allocator = &allocator};
  life l = {.path = path, .hash = 14695981039346656037u};
  tried t = {.status = seqgpu_context_create(&options, &l.ctx)};
  f = (failing){.fail_at = fail_at, .live = f.live};
  if (t.status == SEQGPU_OK) t.status = lives[index].live(&l);
  t.requests = f.requests;
  life_close(&l);
  t.failures = l.failures;
  t.said = l.failures == 0 || (l.last == SEQGPU_ENOMEM && strstr(l.said, "memory") != NULL);
  t.hash = l.hash;
  seqgpu_context_destroy(l.ctx);
  t.live = f.live;
  return t;
}

static void refuse_each(const char *device, int index) {
  const char *name = lives[index].name;
  const tried usual = live_once(device, index, -1);
  long failed = 0;
  if (!CHECK(usual.status == SEQGPU_OK && usual.failures == 0 && usual.live == 0,
             "%s, %s: with enough memory", device, name))
    return;
  for (long n = 0; n < usual.requests; n++) {
    const tried t = live_once(device, index, n);
    failed += t.failures > 0;
    const char *wrong = t.status != SEQGPU_OK  ? "the second call fails, too"
                        : t.failures > 1       ? "one refusal fails two calls"
                        : !t.said              ? "it is not said to be memory"
                        : t.live != 0          ? "something leaks"
                        : t.hash != usual.hash ? "the results are others"
                                               : NULL;
    if (wrong)
      check_record(0, wrong, "%s, %s: request %ld of %ld is refused", device, name, n, usual.requests);
  }
  CHECK(failed > 0, "%s, %s: %ld requests, each refused once: %ld calls fail, and succeed the second time",
        device, name, usual.requests, failed);
}

int main(void) {
  static const char *const devices[] = {"cpu", "emulator"};
  check_start();
  for (int d = 0; d < 2; d++) {
    const seqgpu_context_options options = {.device = devices[d], .threads = 1};
    seqgpu_context *ctx = NULL;
    const int there = seqgpu_context_create(&options, &ctx) == SEQGPU_OK;
    if (!there) check_skip(seqgpu_last_error(ctx), "memory of %s", devices[d]);
    seqgpu_context_destroy(ctx);
    for (int i = 0; there && i < LIVES; i++)
      if (d == 0 || lives[i].on_emulator) refuse_each(devices[d], i);
  }
  return check_finish();
}
