/* comm.c - communicators: rank, size and limit; sums, and bytes from one process to all (seqgpu/comm.h).
 *
 * A sum over N processes moves 2 (N-1)/N of its bytes, as a ring does, but adds in the order of a fixed tree:
 *
 *   scatter   process r gets piece r of N from everyone
 *   add       in pairs, pairs of pairs, ...            ((p_0 + p_1) + (p_2 + p_3)) + ...
 *   gather    everyone gets every piece
 *
 * A short one, whose time is that of its messages, is one gather of all there is.
 */
#include "host/comm/comm.h"

#include <string.h>

/* ---------------------------------------------------------------- life */

seqgpu_comm *sq_comm_new(seqgpu_context *ctx, int rank, int size) {
  seqgpu_comm *c = sq_host_alloc(ctx, sizeof *c);
  if (c == NULL) return NULL;
  c->ctx = ctx;
  c->rank = rank;
  c->size = size;
  c->limit = 20;
  c->sizes = sq_host_alloc(ctx, 4 * (size_t)size * sizeof *c->sizes);
  c->exchange = c->sizes ? c->sizes + 2 * size : NULL;
  if (c->sizes != NULL) return c;
  sq_host_free(ctx, c);
  return NULL;
}

/* A process that is gone may come back and write what was sent: then its memory stays. */
void sq_comm_free(seqgpu_comm *c) {
  seqgpu_context *ctx = c->ctx;
  if (c->held) return;
  seqgpu_free(ctx, c->pieces_on_device);
  sq_host_free(ctx, c->sizes);
  sq_host_free(ctx, c->pieces);
  sq_host_free(ctx, c->staged);
  sq_host_free(ctx, c);
}

void seqgpu_comm_destroy(seqgpu_comm *c) {
  if (c != NULL) c->transport->close(c);
}

int seqgpu_comm_rank(const seqgpu_comm *c) { return c ? c->rank : 0; }
int seqgpu_comm_size(const seqgpu_comm *c) { return c ? c->size : 1; }

seqgpu_status seqgpu_comm_set_limit(seqgpu_comm *c, double seconds) {
  if (c == NULL) return SEQGPU_EINVAL;
  if (!(seconds > 0 && seconds <= 1e6))
    return sq_fail(c->ctx, SEQGPU_EINVAL, "comm_set_limit: seconds is %g; it must be above 0, to 1e6",
                   seconds);
  c->limit = seconds;
  return SEQGPU_OK;
}

seqgpu_status sq_comm_usable(seqgpu_comm *c) {
  if (c == NULL) return SEQGPU_EINVAL;
  SQ_TRY(sq_usable(c->ctx));
  if (c->busy)
    return sq_fail(c->ctx, SEQGPU_EINVAL,
                   "comm: gradients are on their way; seqgpu_shards_average must come first");
  if (!c->gone) return SEQGPU_OK;
  return sq_fail(c->ctx, SEQGPU_EPEER,
                 "comm: an earlier call failed since another process was gone; nothing can be asked of the "
                 "others any more");
}

seqgpu_status seqgpu_comm_barrier(seqgpu_comm *c) {
  SQ_TRY(sq_comm_usable(c));
  return c->size > 1 ? c->transport->barrier(c) : SEQGPU_OK;
}

static seqgpu_status broadcast(seqgpu_comm *c, const sq_transport *t, void *data, size_t size, int root) {
  for (size_t at = 0; at < size && c->size > 1; at += SQ_COMM_BLOCK) {
    const size_t left = size - at, n = left < SQ_COMM_BLOCK ? left : SQ_COMM_BLOCK;
    SQ_TRY(t->broadcast(c, (char *)data + at, (int)n, root));
  }
  return SEQGPU_OK;
}

seqgpu_status seqgpu_comm_broadcast(seqgpu_comm *c, void *data, size_t size, int root) {
  SQ_TRY(sq_comm_usable(c));
  SQ_TRY(sq_check_range(c->ctx, "comm_broadcast: root", root, 0, c->size - 1));
  if (data == NULL && size > 0) return sq_fail(c->ctx, SEQGPU_EINVAL, "comm_broadcast: data is NULL");
  return broadcast(c, c->transport, data, size, root);
}

seqgpu_status sq_comm_broadcast_device(seqgpu_comm *c, void *data, size_t size, int root) {
  return broadcast(c, c->device, data, size, root);
}

/* ---------------------------------------------------------------- a sum */

enum { SHORT = 4096 }; /* bytes of all processes' numbers together that go in one message each */

/* A sum of numbers of one type, between memory of the hosts or of the devices. */
typedef struct addition {
  seqgpu_comm *comm;
  const sq_transport *transport;
  seqgpu_dtype dtype;
  int64_t element; /* bytes */
  char *pieces;
} addition;

size_t sq_comm_pieces_size(const seqgpu_comm *c) {
  return SQ_COMM_BLOCK + (size_t)c->size * sizeof(double); /* pieces are rounded up */
}

static seqgpu_status need_pieces(seqgpu_comm *c) {
  const size_t size = sq_comm_pieces_size(c);
  if (c->pieces == NULL) c->pieces = sq_host_alloc(c->ctx, size);
  return c->pieces ? SEQGPU_OK : sq_fail(c->ctx, SEQGPU_ENOMEM, "comm: out of memory for %zu bytes", size);
}

static seqgpu_status begin(seqgpu_comm *c, const sq_transport *t, seqgpu_dtype dtype, addition *out) {
  if (!t->on_device) SQ_TRY(need_pieces(c));
  void *pieces = t->on_device ? c->pieces_on_device : c->pieces;
  *out = (addition){c, t, dtype, (int64_t)seqgpu_dtype_size(dtype), pieces};
  return SEQGPU_OK;
}

static seqgpu_status add(const addition *s, void *to, const void *from, int64_t n) {
  if (s->transport->on_device) {
    const sq_map_args args = {.kind = SQ_MAP_ADD, .count = n, .alpha = 1, .a = to, .b = from, .y = to};
    return n > 0 ? SQ_RUN(s->comm->ctx, map, &args) : SEQGPU_OK;
  }
  if (s->dtype == SEQGPU_DTYPE_F64) {
    double *a = to;
    const double *b = from;
    for (int64_t i = 0; i < n; i++) a[i] += b[i];
  } else {
    float *a = to;
    const float *b = from;
    for (int64_t i = 0; i < n; i++) a[i] += b[i];
  }
  return SEQGPU_OK;
}

/* The N pieces of n elements each become their sum, in place of the first. */
static seqgpu_status add_tree(const addition *s, int64_t n) {
  for (int step = 1; step < s->comm->size; step *= 2)
    for (int i = 0; i + step < s->comm->size; i += 2 * step)
      SQ_TRY(add(s, s->pieces + i * n * s->element, s->pieces + (i + step) * n * s->element, n));
  return SEQGPU_OK;
}

static seqgpu_status copy(const addition *s, void *to, const void *from, int64_t size) {
  if (s->transport->on_device) return seqgpu_copy(s->comm->ctx, to, from, (size_t)size);
  memcpy(to, from, (size_t)size);
  return SEQGPU_OK;
}

static seqgpu_status sum_short(const addition *s, char *values, int64_t n) {
  seqgpu_comm *c = s->comm;
  const int size = (int)(n * s->element);
  for (int r = 0; r < c->size; r++) {
    c->sizes[r] = size;
    c->sizes[c->size + r] = r * size;
  }
  SQ_TRY(copy(s, s->pieces + c->rank * size, values, size));
  SQ_TRY(s->transport->gather(c, s->pieces, c->sizes, c->sizes + c->size));
  SQ_TRY(add_tree(s, n));
  return copy(s, values, s->pieces, size);
}

static seqgpu_status sum_block(const addition *s, char *values, int64_t n) {
  seqgpu_comm *c = s->comm;
  const int64_t N = c->size;
  int *size = c->sizes, *at = c->sizes + N;
  for (int64_t r = 0; r < N; r++) {
    const int64_t first = n * r / N, after = n * (r + 1) / N;
    size[r] = (int)((after - first) * s->element);
    at[r] = (int)(first * s->element);
  }
  const int mine = size[c->rank];
  SQ_TRY(s->transport->scatter(c, values, size, at, s->pieces));
  SQ_TRY(add_tree(s, mine / s->element));
  SQ_TRY(copy(s, values + at[c->rank], s->pieces, mine));
  return s->transport->gather(c, values, size, at);
}

static seqgpu_status sum(seqgpu_comm *c, const sq_transport *t, void *values, int64_t count,
                         seqgpu_dtype dtype) {
  addition s;
  if (c->size == 1 || count == 0) return SEQGPU_OK;
  SQ_TRY(begin(c, t, dtype, &s));
  if (count <= SHORT / s.element / c->size) return sum_short(&s, values, count);
  const int64_t most = SQ_COMM_BLOCK / s.element;
  for (int64_t done = 0; done < count; done += most) {
    const int64_t n = count - done < most ? count - done : most;
    SQ_TRY(sum_block(&s, (char *)values + done * s.element, n));
  }
  return SEQGPU_OK;
}

static seqgpu_status check_tensor(seqgpu_comm *c, const char *call, const void *data, int64_t count) {
  SQ_TRY(sq_comm_usable(c));
  if (count < 0)
    return sq_fail(c->ctx, SEQGPU_EINVAL, "%s: count is %lld; it must be at least 0", call, (long long)count);
  if (data == NULL && count > 0) return sq_fail(c->ctx, SEQGPU_EINVAL, "%s: its numbers are NULL", call);
  return SEQGPU_OK;
}

seqgpu_status seqgpu_comm_sum(seqgpu_comm *c, double *values, int64_t count) {
  SQ_TRY(check_tensor(c, "comm_sum", values, count));
  return sum(c, c->transport, values, count, SEQGPU_DTYPE_F64);
}

/* ---------------------------------------------------------------- a sum on the device */

seqgpu_status sq_comm_stage(seqgpu_comm *c, char **out) {
  if (c->staged == NULL) c->staged = sq_host_alloc(c->ctx, SQ_COMM_BLOCK);
  *out = c->staged;
  return c->staged ? SEQGPU_OK
                   : sq_fail(c->ctx, SEQGPU_ENOMEM, "comm: out of memory for %d bytes", SQ_COMM_BLOCK);
}

seqgpu_status sq_comm_prepare_all_reduce(seqgpu_comm *c) {
  char *stage;
  if (c->device != NULL) return SEQGPU_OK;
  SQ_TRY(need_pieces(c));
  return c->ctx->backend == &sq_backend_cpu ? SEQGPU_OK : sq_comm_stage(c, &stage);
}

static seqgpu_status sum_staged(seqgpu_comm *c, char *data, size_t size) {
  seqgpu_context *ctx = c->ctx;
  char *stage;
  SQ_TRY(sq_comm_stage(c, &stage));
  for (size_t at = 0; at < size; at += SQ_COMM_BLOCK) {
    const size_t left = size - at, n = left < SQ_COMM_BLOCK ? left : SQ_COMM_BLOCK;
    SQ_TRY(seqgpu_copy_out(ctx, stage, data + at, n));
    SQ_TRY(sum(c, c->transport, stage, (int64_t)(n / ctx->element_size), ctx->dtype));
    SQ_TRY(seqgpu_copy_in(ctx, data + at, stage, n));
    SQ_TRY(seqgpu_synchronize(ctx)); /* it is written again */
  }
  return SEQGPU_OK;
}

seqgpu_status seqgpu_comm_all_reduce(seqgpu_comm *c, void *data, int64_t count) {
  SQ_TRY(check_tensor(c, "comm_all_reduce", data, count));
  if (c->size == 1) return SEQGPU_OK;
  if (c->device != NULL) return sum(c, c->device, data, count, c->ctx->dtype);
  if (c->ctx->backend == &sq_backend_cpu) return sum(c, c->transport, data, count, c->ctx->dtype);
  return sum_staged(c, data, (size_t)count * c->ctx->element_size);
}
