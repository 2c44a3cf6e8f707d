/* charlm_streams.c - streams of tokens, and the loss of the language model over them (charlm_streams.h). */
#include "host/cli/charlm_streams.h"

#include <stdlib.h>

#include "host/cli/charlm_dynamic.h"

/* Where stream b begins, so that the streams share `total` predictions evenly.  No product that overflows. */
static int64_t first_of(int64_t b, int64_t batch, int64_t total) {
  const int64_t each = total / batch, rest = total % batch;
  return b * each + (b < rest ? b : rest);
}

seqgpu_status charlm_streams_create_part(seqgpu_context *ctx, const int32_t *ids, int64_t count,
                                         int64_t batch, int64_t length, charlm_part part,
                                         charlm_streams *out) {
  const size_t size = (size_t)(length + 1) * (size_t)part.count;
  *out = (charlm_streams){.length = length, .batch = part.count};
  const int64_t total = out->predictions = count - 1 < length * batch ? count - 1 : length * batch;
  void *device;
  LIB_TRY(seqgpu_malloc(ctx, size * sizeof *ids, &device));
  out->ids = device;
  int32_t *host = malloc(size * sizeof *host);
  if (host == NULL) {
    charlm_streams_destroy(ctx, out);
    return cli_no_memory();
  }
  for (int64_t b = 0; b < part.count; b++) {
    const int64_t first = first_of(part.first + b, batch, total),
                  after = first_of(part.first + b + 1, batch, total);
    for (int64_t t = 0; t <= length; t++)
      host[t * part.count + b] = first + t <= after ? ids[first + t] : -1; /* beyond its end: masked */
  }
  const seqgpu_status status = seqgpu_copy_in(ctx, out->ids, host, size * sizeof *host);
  free(host);
  if (status != SEQGPU_OK) charlm_streams_destroy(ctx, out);
  return status;
}

seqgpu_status charlm_streams_create(seqgpu_context *ctx, const int32_t *ids, int64_t count, int64_t batch,
                                    int64_t length, charlm_streams *out) {
  return charlm_streams_create_part(ctx, ids, count, batch, length, (charlm_part){0, batch}, out);
}

void charlm_streams_destroy(seqgpu_context *ctx, charlm_streams *s) {
  seqgpu_free(ctx, s->ids);
  s->ids = NULL;
}

int64_t charlm_eval_batch(int64_t count) {
  const int64_t streams = (count - 1) / 1000;
  return streams < 1 ? 1 : streams > 50 ? 50 : streams;
}

seqgpu_status charlm_eval_streams(seqgpu_context *ctx, const int32_t *ids, int64_t count, int64_t batch,
                                  charlm_streams *out) {
  if (batch == 0) batch = charlm_eval_batch(count);
  if (batch > count - 1) batch = count - 1;
  return charlm_streams_create(ctx, ids, count, batch, (count - 1 + batch - 1) / batch, out);
}

/* What the losses of a piece are, [T,B] as the device has them, among those of all predictions. */
static void sort_losses(const charlm_streams *s, int64_t t, int64_t T, const float *piece, float *each) {
  for (int64_t b = 0; b < s->batch; b++) {
    const int64_t first = first_of(b, s->batch, s->predictions) + t,
                  after = first_of(b + 1, s->batch, s->predictions);
    for (int64_t k = 0; k < T && first + k < after; k++) each[first + k] = piece[k * s->batch + b];
  }
}

static seqgpu_status take_losses(const charlm_pass *p, const charlm_streams *s, int64_t t, int64_t T,
                                 float *each) {
  const size_t size = (size_t)(T * s->batch) * sizeof *each;
  float *piece = malloc(size);
  if (piece == NULL) return cli_no_memory();
  const seqgpu_status status = seqgpu_copy_out(p->model->ctx, piece, p->row_loss, size);
  if (status == SEQGPU_OK) sort_losses(s, t, T, piece, each);
  free(piece);
  return status;
}

seqgpu_status charlm_evaluate(const charlm_pass *p, const charlm_streams *s, charlm_evaluation how,
                              double *nats) {
  double sum = 0;
  LIB_TRY(charlm_zero_state(p));
  for (int64_t t = 0; t < s->length; t += p->T) {
    const int64_t T = s->length - t < p->T ? s->length - t : p->T;
    const int32_t *ids = s->ids + t * s->batch, *targets = ids + s->batch;
    float loss;
    if (how.stop && *how.stop) return SEQGPU_ESTOPPED;
    LIB_TRY(charlm_forward(p, T, ids, 0));
    LIB_TRY(charlm_loss(p, T, targets, 0));
    LIB_TRY(seqgpu_copy_out(p->model->ctx, &loss, p->loss, sizeof loss));
    sum += (double)loss;
    if (how.each) LIB_TRY(take_losses(p, s, t, T, how.each));
    if (how.dynamic_lr > 0) LIB_TRY(charlm_dynamic_learn(p, T, ids, targets, how.dynamic_lr));
  }
  *nats = sum / (double)s->predictions;
  return SEQGPU_OK;
}
