/* device.c - the buffers of one problem (device.h). */
#include "bench/rnn/device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Elements that pass through the host at a time. */
enum { CHUNK = 1 << 20 };

static int fail(const rnn_device *d, const char *what) {
  fprintf(stderr, "bench_rnn: %s: %s\n", what, seqgpu_last_error(d->ctx));
  return 0;
}

/* Device memory with a copy of `host`, or with zeros. */
static int buffer(rnn_device *d, void **out, int64_t bytes, const void *host) {
  if (seqgpu_malloc(d->ctx, (size_t)bytes, out) != SEQGPU_OK) return fail(d, "memory");
  const seqgpu_status status =
      host ? seqgpu_copy_in(d->ctx, *out, host, (size_t)bytes) : seqgpu_zero(d->ctx, *out, (size_t)bytes);
  return status == SEQGPU_OK ? 1 : fail(d, "copy");
}

int rnn_device_context(rnn_device *d, const rnn_problem *p, const char *name) {
  const seqgpu_context_options options = {.device = name, .threads = p->threads};
  *d = (rnn_device){.sets = RNN_MAX_SETS};
  if (seqgpu_context_create(&options, &d->ctx) != SEQGPU_OK) return fail(d, "context");
  return 1;
}

static int one_set(rnn_device *d, const rnn_problem *p, int i) {
  const int64_t x = 4 * p->x_count, y = 4 * p->y_count;
  if (!buffer(d, &d->x[i], x, p->x) || !buffer(d, &d->y[i], y, NULL)) return 0;
  return !p->training || (buffer(d, &d->dy[i], y, p->dy) && buffer(d, &d->dx[i], x, NULL));
}

int rnn_device_buffers(rnn_device *d, const rnn_problem *p, size_t workspace_bytes, size_t reserve_bytes) {
  const int64_t params = 4 * p->param_elements, check_dy = 4 * p->check.seq_len * p->row.batch * p->out;
  d->workspace_bytes = workspace_bytes;
  d->reserve_bytes = reserve_bytes;
  /* data that overflow every cache by themselves need no second set */
  if (4 * (p->x_count + p->y_count) > (int64_t)1 << 29) d->sets = 1;
  for (int i = 0; i < d->sets; i++)
    if (!one_set(d, p, i)) return 0;
  if (!buffer(d, &d->params, params, p->params) || !buffer(d, &d->workspace, (int64_t)workspace_bytes, NULL))
    return 0;
  if (p->lengths && (!buffer(d, &d->lengths, 4 * p->row.batch, p->lengths) ||
                     !buffer(d, &d->check_lengths, 4 * p->row.batch, p->check.lengths)))
    return 0;
  return !p->training ||
         (buffer(d, &d->dparams, params, NULL) && buffer(d, &d->reserve, (int64_t)reserve_bytes, NULL) &&
          buffer(d, &d->check_dy, check_dy, p->check.dy));
}

void rnn_device_close(rnn_device *d) {
  void *const memory[] = {d->x[0],    d->x[1],      d->dy[0],   d->dy[1],    d->y[0],
                          d->y[1],    d->dx[0],     d->dx[1],   d->params,   d->dparams,
                          d->reserve, d->workspace, d->lengths, d->check_dy, d->check_lengths};
  for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) seqgpu_free(d->ctx, memory[i]);
  seqgpu_context_destroy(d->ctx);
}

int rnn_device_works(const rnn_device *d) { return seqgpu_synchronize(d->ctx) == SEQGPU_OK; }

int rnn_poison(const rnn_device *d, void *to, int64_t count) {
  float *chunk = malloc(CHUNK * sizeof *chunk);
  int good = chunk != NULL;
  if (chunk) memset(chunk, 0xff, CHUNK * sizeof *chunk);
  for (int64_t at = 0; good && at < count; at += CHUNK) {
    const int64_t n = count - at < CHUNK ? count - at : CHUNK;
    good = seqgpu_copy_in(d->ctx, (float *)to + at, chunk, (size_t)n * sizeof *chunk) == SEQGPU_OK;
  }
  good = good && seqgpu_synchronize(d->ctx) == SEQGPU_OK; /* the copies may still read the chunk */
  free(chunk);
  return good;
}

int64_t rnn_count_not_finite(const rnn_device *d, const void *from, int64_t count) {
  float *chunk = malloc(CHUNK * sizeof *chunk);
  int64_t bad = chunk ? 0 : count;
  for (int64_t at = 0; chunk && at < count; at += CHUNK) {
    const int64_t n = count - at < CHUNK ? count - at : CHUNK;
    memset(chunk, 0xff, (size_t)n * sizeof *chunk); /* a copy that fails counts as NaN */
    seqgpu_copy_out(d->ctx, chunk, (const float *)from + at, (size_t)n * sizeof *chunk);
    for (int64_t i = 0; i < n; i++) bad += !isfinite(chunk[i]);
  }
  free(chunk);
  return bad;
}
