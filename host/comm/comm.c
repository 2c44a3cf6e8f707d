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
  if (c->gone) return;
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
  if (!c->gone) return SEQGPU_OK;
  return sq_fail(c->ctx, SEQGPU_EPEER,
                 "comm: an earlier call failed since another process was gone; nothing can be asked of the "
                 "others any more");
}

seqgpu_status seqgpu_comm_barrier(seqgpu_comm *c) {
  SQ_TRY(sq_comm_usable(c));
  return c->size > 1 ? c->transport->barrier(c) : SEQGPU_OK;
}

seqgpu_status seqgpu_comm_broadcast(seqgpu_comm *c, void *data, size_t size, int root) {
  SQ_TRY(sq_comm_usable(c));
  SQ_TRY(sq_check_range(c->ctx, "comm_broadcast: root", root, 0, c->size - 1));
  if (data == NULL && size > 0) return sq_fail(c->ctx, SEQGPU_EINVAL, "comm_broadcast: data is NULL");
  for (size_t at = 0; at < size && c->size > 1; at += SQ_COMM_BLOCK) {
    const size_t left = size - at, n = left < SQ_COMM_BLOCK ? left : SQ_COMM_BLOCK;
    SQ_TRY(c->transport->broadcast(c, (char *)data + at, (int)n, root));
  }
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- a sum in host memory */

enum { SHORT = 4096 }; /* bytes of all processes' numbers together that go in one message each */

static void add(void *to, const void *from, int64_t n, seqgpu_dtype dtype) {
  if (dtype == SEQGPU_DTYPE_F64) {
    double *a = to;
    const double *b = from;
    for (int64_t i = 0; i < n; i++) a[i] += b[i];
  } else {
    float *a = to;
    const float *b = from;
    for (int64_t i = 0; i < n; i++) a[i] += b[i];
  }
}

/* The N pieces of n elements each become their sum, in place of the first. */
static void add_tree(const seqgpu_comm *c, char *pieces, int64_t n, seqgpu_dtype dtype) {
  const size_t size = (size_t)n * seqgpu_dtype_size(dtype);
  for (int step = 1; step < c->size; step *= 2)
    for (int i = 0; i + step < c->size; i += 2 * step)
      add(pieces + (size_t)i * size, pieces + (size_t)(i + step) * size, n, dtype);
}

static seqgpu_status need_pieces(seqgpu_comm *c) {
  const size_t size = SQ_COMM_BLOCK + (size_t)c->size * sizeof(double); /* pieces are rounded up */
  if (c->pieces == NULL) c->pieces = sq_host_alloc(c->ctx, size > SHORT ? size : SHORT);
  return c->pieces ? SEQGPU_OK : sq_fail(c->ctx, SEQGPU_ENOMEM, "comm: out of memory for %zu bytes", size);
}

static seqgpu_status sum_short(seqgpu_comm *c, char *values, int64_t n, seqgpu_dtype dtype) {
  const int size = (int)((size_t)n * seqgpu_dtype_size(dtype));
  char *pieces = c->pieces;
  for (int r = 0; r < c->size; r++) {
    c->sizes[r] = size;
    c->sizes[c->size + r] = r * size;
  }
  memcpy(pieces + c->rank * size, values, (size_t)size);
  SQ_TRY(c->transport->gather(c, pieces, c->sizes, c->sizes + c->size));
  add_tree(c, pieces, n, dtype);
  memcpy(values, pieces, (size_t)size);
  return SEQGPU_OK;
}

static seqgpu_status sum_block(seqgpu_comm *c, char *values, int64_t n, seqgpu_dtype dtype) {
  const int64_t N = c->size, element = (int64_t)seqgpu_dtype_size(dtype);
  int *size = c->sizes, *at = c->sizes + N;
  for (int64_t r = 0; r < N; r++) {
    const int64_t first = n * r / N, after = n * (r + 1) / N;
    size[r] = (int)((after - first) * element);
    at[r] = (int)(first * element);
  }
  const int mine = size[c->rank];
  SQ_TRY(c->transport->scatter(c, values, size, at, c->pieces));
  add_tree(c, c->pieces, mine / element, dtype);
  memcpy(values + at[c->rank], c->pieces, (size_t)mine);
  return c->transport->gather(c, values, size, at);
}

seqgpu_status sq_comm_sum_host(seqgpu_comm *c, void *values, int64_t count, seqgpu_dtype dtype) {
  const int64_t element = (int64_t)seqgpu_dtype_size(dtype), most = SQ_COMM_BLOCK / element;
  if (c->size == 1 || count == 0) return SEQGPU_OK;
  SQ_TRY(need_pieces(c));
  if (count <= SHORT / element / c->size) return sum_short(c, values, count, dtype);
  for (int64_t done = 0; done < count; done += most) {
    const int64_t n = count - done < most ? count - done : most;
    SQ_TRY(sum_block(c, (char *)values + done * element, n, dtype));
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
  return sq_comm_sum_host(c, values, count, SEQGPU_DTYPE_F64);
}

/* ---------------------------------------------------------------- a sum on the device */

static seqgpu_status sum_staged(seqgpu_comm *c, char *data, size_t size) {
  seqgpu_context *ctx = c->ctx;
  if (c->staged == NULL) c->staged = sq_host_alloc(ctx, SQ_COMM_BLOCK);
  if (c->staged == NULL)
    return sq_fail(ctx, SEQGPU_ENOMEM, "comm: out of memory for %d bytes", SQ_COMM_BLOCK);
  for (size_t at = 0; at < size; at += SQ_COMM_BLOCK) {
    const size_t left = size - at, n = left < SQ_COMM_BLOCK ? left : SQ_COMM_BLOCK;
    SQ_TRY(seqgpu_copy_out(ctx, c->staged, data + at, n));
    SQ_TRY(sq_comm_sum_host(c, c->staged, (int64_t)(n / ctx->element_size), ctx->dtype));
    SQ_TRY(seqgpu_copy_in(ctx, data + at, c->staged, n));
    SQ_TRY(seqgpu_synchronize(ctx)); /* `staged` is written again */
  }
  return SEQGPU_OK;
}

seqgpu_status seqgpu_comm_all_reduce(seqgpu_comm *c, void *data, int64_t count) {
  SQ_TRY(check_tensor(c, "comm_all_reduce", data, count));
  if (c->size == 1) return SEQGPU_OK;
  if (c->ctx->backend == &sq_backend_cpu) return sq_comm_sum_host(c, data, count, c->ctx->dtype);
  return sum_staged(c, data, (size_t)count * c->ctx->element_size);
}
