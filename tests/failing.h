/* failing.h - what a program does when memory is refused: it runs again and again, and each time another
 * request fails.
 *
 *   const long requests = failing_each("cpu", scenario, 0);
 *
 * A scenario gets a new context, releases what it takes, and returns the first status that is not SEQGPU_OK.
 */
#ifndef FAILING_H
#define FAILING_H

#include "seqgpu/seqgpu.h"
#include "tests/check.h"

/* An allocator that refuses one request, and counts what is still held. */
typedef struct failing {
  long requests, fail_at, live;
} failing;

static inline void *failing_allocate(size_t bytes, void *user) {
  failing *f = (failing *)user;
  if (f->requests++ == f->fail_at) return NULL;
  f->live++;
  return check_alloc("memory of the library", bytes);
}

static inline void failing_release(void *pointer, void *user) {
  ((failing *)user)->live--;
  check_free(pointer);
}

/* Request n of the scenario, its context's among them, is refused for n = 0, 1, ...: it says SEQGPU_ENOMEM
 * and a sentence, or succeeds all the same where it `recovers`, and nothing leaks.  Ends after a run in which
 * nothing was refused, which must succeed; returns the number of its requests, or 0 where the build has no
 * such device. */
static inline long failing_each(const char *device, seqgpu_status (*scenario)(seqgpu_context *),
                                int recovers) {
  failing f = {.requests = 1};
  for (long n = 0; f.requests > f.fail_at && n < 1000; n++) {
    f = (failing){.fail_at = n};
    const seqgpu_allocator allocator = {failing_allocate, failing_release, &f};
    const seqgpu_context_options options = {.device = device, .threads = 1, .allocator = &allocator};
    seqgpu_context *ctx = NULL;
    seqgpu_status status = seqgpu_context_create(&options, &ctx);
    if (status == SEQGPU_EINVAL) {
      check_skip(seqgpu_last_error(ctx), "memory of %s", device);
      seqgpu_context_destroy(ctx);
      return 0;
    }
    if (status == SEQGPU_OK) status = scenario(ctx);
    const int refused = f.requests > n,
              said = ctx == NULL || strstr(seqgpu_last_error(ctx), "memory") != NULL;
    if (refused)
      CHECK((status == SEQGPU_ENOMEM && said) || (status == SEQGPU_OK && recovers),
            "%s, request %ld fails: ENOMEM, and a sentence", device, n);
    else
      CHECK(status == SEQGPU_OK, "%s, with enough memory, %ld requests, everything succeeds", device, n);
    if (n == 0) CHECK(ctx == NULL, "%s, no memory for a context leaves NULL", device);
    seqgpu_context_destroy(ctx);
    CHECK(f.live == 0, "%s, request %ld fails: nothing leaks", device, n);
  }
  return f.requests;
}

#endif
