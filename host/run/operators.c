/* operators.c - the operators around a recurrent network: linear, embedding, losses, dropout (seqgpu/ops.h).
 *
 * Each function checks its arguments and runs one or two rows of the operator table.
 */
#include "core/philox.h"
#include "core/spectral.h"
#include "host/context/context.h"
#include "host/context/sizes.h"
#include "seqgpu/ops.h"

static seqgpu_status check_count(seqgpu_context *ctx, const char *name, int64_t value, int64_t least) {
  return sq_check_range(ctx, name, value, least, (int64_t)1 << 40);
}

static seqgpu_status check_pair(seqgpu_context *ctx, const char *a_name, int64_t a, int64_t a_least,
                                const char *b_name, int64_t b, int64_t b_least) {
  int64_t product;
  SQ_TRY(check_count(ctx, a_name, a, a_least));
  SQ_TRY(check_count(ctx, b_name, b, b_least));
  if (sq_mul_size(a, b, &product)) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "%s, %s are %lld and %lld; their product must be at most 2^46", a_name,
                 b_name, (long long)a, (long long)b);
}

/* A pointer that is read or written when `count` is not zero. */
static seqgpu_status need(seqgpu_context *ctx, const char *name, const void *pointer, int64_t count) {
  if (pointer || count == 0) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "%s is NULL", name);
}

static seqgpu_status check_linear(seqgpu_context *ctx, int64_t rows, int64_t in, int64_t out) {
  SQ_TRY(sq_usable(ctx));
  SQ_TRY(check_pair(ctx, "rows", rows, 0, "in", in, 1));
  SQ_TRY(check_pair(ctx, "in", in, 1, "out", out, 1));
  return check_pair(ctx, "rows", rows, 0, "out", out, 1);
}

seqgpu_status seqgpu_linear_forward(seqgpu_context *ctx, int64_t rows, int64_t in, int64_t out, const void *x,
                                    const void *w, const void *b, void *y) {
  SQ_TRY(check_linear(ctx, rows, in, out));
  SQ_TRY(need(ctx, "x", x, rows));
  SQ_TRY(need(ctx, "w", w, 1));
  SQ_TRY(need(ctx, "y", y, rows));
  if (rows == 0) return SEQGPU_OK;
  const sq_bias_args bias = {rows, out, b, y, out};
  if (b) SQ_TRY(SQ_RUN(ctx, bias, &bias));
  const sq_gemm_args product = {.trans_b = 1,
                                .accumulate = b != NULL,
                                .m = rows,
                                .n = out,
                                .k = in,
                                .a = x,
                                .lda = in,
                                .b = w,
                                .ldb = in,
                                .c = y,
                                .ldc = out};
  return SQ_RUN(ctx, gemm, &product);
}

seqgpu_status seqgpu_linear_backward(seqgpu_context *ctx, int64_t rows, int64_t in, int64_t out,
                                     const void *x, const void *w, const void *dy, void *dx, void *dw,
                                     void *db) {
  SQ_TRY(check_linear(ctx, rows, in, out));
  SQ_TRY(need(ctx, "dy", dy, rows));
  if (dw) SQ_TRY(need(ctx, "x", x, rows));
  if (dx) SQ_TRY(need(ctx, "w", w, rows));
  if (rows == 0) return SEQGPU_OK;
  if (dx) {
    const sq_gemm_args a = {0, 0, 0, rows, in, out, dy, out, w, in, dx, in, 0};
    SQ_TRY(SQ_RUN(ctx, gemm, &a));
  }
  if (dw) {
    const sq_gemm_args a = {1, 0, 1, out, in, rows, dy, out, x, in, dw, in, 0};
    SQ_TRY(SQ_RUN(ctx, gemm, &a));
  }
  if (db == NULL) return SEQGPU_OK;
  const sq_reduce_args r = {.rows = rows, .cols = out, .a = dy, .lda = out, .out = db};
  return SQ_RUN(ctx, reduce, &r);
}

static seqgpu_status check_embedding(seqgpu_context *ctx, int64_t rows, int64_t dim, int64_t vocab,
                                     const int32_t *ids) {
  SQ_TRY(sq_usable(ctx));
  SQ_TRY(check_pair(ctx, "rows", rows, 0, "dim", dim, 1));
  SQ_TRY(check_pair(ctx, "vocab", vocab, 1, "dim", dim, 1));
  return need(ctx, "ids", ids, rows);
}

seqgpu_status seqgpu_embedding_forward(seqgpu_context *ctx, int64_t rows, int64_t dim, int64_t vocab,
                                       const int32_t *ids, const void *table, void *y) {
  SQ_TRY(check_embedding(ctx, rows, dim, vocab, ids));
  SQ_TRY(need(ctx, "table", table, 1));
  SQ_TRY(need(ctx, "y", y, rows));
  const sq_embedding_args a = {.rows = rows, .dim = dim, .vocab = vocab, .ids = ids, .table = table, .y = y};
  return SQ_RUN(ctx, embedding_forward, &a);
}

seqgpu_status seqgpu_embedding_backward(seqgpu_context *ctx, int64_t rows, int64_t dim, int64_t vocab,
                                        const int32_t *ids, const void *dy, void *dtable) {
  SQ_TRY(check_embedding(ctx, rows, dim, vocab, ids));
  SQ_TRY(need(ctx, "dy", dy, rows));
  SQ_TRY(need(ctx, "dtable", dtable, 1));
  const sq_embedding_args a = {
      .rows = rows, .dim = dim, .vocab = vocab, .ids = ids, .dy = dy, .dtable = dtable};
  return SQ_RUN(ctx, embedding_backward, &a);
}

/* What every loss over rows takes. */
static seqgpu_status check_loss(seqgpu_context *ctx, int mean, double scale, const void *loss) {
  if (mean != 0 && mean != 1) return sq_fail(ctx, SEQGPU_EINVAL, "mean is %d; it must be 0 or 1", mean);
  if (!(scale - scale == 0)) return sq_fail(ctx, SEQGPU_EINVAL, "scale is %g; it must be finite", scale);
  return need(ctx, "loss", loss, 1);
}

/* A GPU's memory cannot be looked at; there such a row is masked. */
static seqgpu_status check_targets(seqgpu_context *ctx, const sq_xent_args *a) {
  for (int64_t r = 0; r < a->rows && ctx->backend == &sq_backend_cpu; r++)
    if (a->targets[r] >= a->classes)
      return sq_fail(ctx, SEQGPU_EINVAL,
                     "targets[%lld] is %d; it must be below %lld, the classes, or negative", (long long)r,
                     (int)a->targets[r], (long long)a->classes);
  return SEQGPU_OK;
}

static seqgpu_status check_xent(seqgpu_context *ctx, const sq_xent_args *a) {
  SQ_TRY(sq_usable(ctx));
  SQ_TRY(check_pair(ctx, "rows", a->rows, 0, "classes", a->classes, 1));
  SQ_TRY(check_loss(ctx, a->mean, a->scale, a->loss));
  SQ_TRY(need(ctx, "logits", a->logits, a->rows));
  SQ_TRY(need(ctx, "targets", a->targets, a->rows));
  SQ_TRY(check_targets(ctx, a));
  return need(ctx, "lse", a->lse, a->rows);
}

seqgpu_status seqgpu_cross_entropy_forward(seqgpu_context *ctx, int64_t rows, int64_t classes, int mean,
                                           double scale, const void *logits, const int32_t *targets,
                                           void *lse, void *row_loss, void *loss) {
  const sq_xent_args a = {.rows = rows,
                          .classes = classes,
                          .mean = mean,
                          .scale = scale,
                          .logits = logits,
                          .targets = targets,
                          .lse = lse,
                          .row_loss = row_loss,
                          .loss = loss};
  SQ_TRY(check_xent(ctx, &a));
  SQ_TRY(need(ctx, "row_loss", row_loss, rows));
  return SQ_RUN(ctx, xent_forward, &a);
}

seqgpu_status seqgpu_cross_entropy_backward(seqgpu_context *ctx, int64_t rows, int64_t classes, int mean,
                                            double scale, const void *logits, const int32_t *targets,
                                            const void *lse, const void *loss, void *dlogits) {
  const sq_xent_args a = {.rows = rows,
                          .classes = classes,
                          .mean = mean,
                          .scale = scale,
                          .logits = logits,
                          .targets = targets,
                          .lse = (void *)(uintptr_t)lse,
                          .loss = (void *)(uintptr_t)loss,
                          .dlogits = dlogits};
  SQ_TRY(check_xent(ctx, &a));
  SQ_TRY(need(ctx, "dlogits", dlogits, rows));
  return SQ_RUN(ctx, xent_backward, &a);
}

static seqgpu_status check_mse(seqgpu_context *ctx, const sq_mse_args *a) {
  SQ_TRY(sq_usable(ctx));
  SQ_TRY(check_pair(ctx, "rows", a->rows, 0, "dim", a->dim, 1));
  SQ_TRY(check_loss(ctx, a->mean, a->scale, a->loss));
  SQ_TRY(need(ctx, "x", a->x, a->rows));
  return need(ctx, "targets", a->targets, a->rows);
}

seqgpu_status seqgpu_squared_error_forward(seqgpu_context *ctx, int64_t rows, int64_t dim, int mean,
                                           double scale, const void *x, const void *targets,
                                           const int32_t *mask, void *row_loss, void *loss) {
  const sq_mse_args a = {.rows = rows,
                         .dim = dim,
                         .mean = mean,
                         .scale = scale,
                         .x = x,
                         .targets = targets,
                         .mask = mask,
                         .row_loss = row_loss,
                         .loss = loss};
  SQ_TRY(check_mse(ctx, &a));
  SQ_TRY(need(ctx, "row_loss", row_loss, rows));
  return SQ_RUN(ctx, mse_forward, &a);
}

seqgpu_status seqgpu_squared_error_backward(seqgpu_context *ctx, int64_t rows, int64_t dim, int mean,
                                            double scale, const void *x, const void *targets,
                                            const int32_t *mask, const void *loss, void *dx) {
  const sq_mse_args a = {.rows = rows,
                         .dim = dim,
                         .mean = mean,
                         .scale = scale,
                         .x = x,
                         .targets = targets,
                         .mask = mask,
                         .loss = (void *)(uintptr_t)loss,
                         .dx = dx};
  SQ_TRY(check_mse(ctx, &a));
  SQ_TRY(need(ctx, "dx", dx, rows));
  return SQ_RUN(ctx, mse_backward, &a);
}

static seqgpu_status check_bce(seqgpu_context *ctx, const sq_bce_args *a) {
  SQ_TRY(sq_usable(ctx));
  SQ_TRY(check_pair(ctx, "rows", a->rows, 0, "dim", a->dim, 1));
  SQ_TRY(check_count(ctx, "batch", a->batch, 1));
  if (a->rows % a->batch != 0)
    return sq_fail(ctx, SEQGPU_EINVAL, "rows is %lld; it must be a multiple of %lld, the batch",
                   (long long)a->rows, (long long)a->batch);
  SQ_TRY(check_loss(ctx, a->mean, a->scale, a->loss));
  SQ_TRY(need(ctx, "logits", a->logits, a->rows));
  return need(ctx, "targets", a->targets, a->rows);
}

seqgpu_status seqgpu_binary_cross_entropy_forward(seqgpu_context *ctx, int64_t rows, int64_t dim,
                                                  int64_t batch, int mean, double scale, const void *logits,
                                                  const void *targets, const int32_t *lengths, void *row_loss,
                                                  void *loss) {
  const sq_bce_args a = {.rows = rows,
                         .dim = dim,
                         .batch = batch,
                         .mean = mean,
                         .scale = scale,
                         .logits = logits,
                         .targets = targets,
                         .lengths = lengths,
                         .row_loss = row_loss,
                         .loss = loss};
  SQ_TRY(check_bce(ctx, &a));
  SQ_TRY(need(ctx, "row_loss", row_loss, rows));
  return SQ_RUN(ctx, bce_forward, &a);
}

seqgpu_status seqgpu_binary_cross_entropy_backward(seqgpu_context *ctx, int64_t rows, int64_t dim,
                                                   int64_t batch, int mean, double scale, const void *logits,
                                                   const void *targets, const int32_t *lengths,
                                                   const void *loss, void *dlogits) {
  const sq_bce_args a = {.rows = rows,
                         .dim = dim,
                         .batch = batch,
                         .mean = mean,
                         .scale = scale,
                         .logits = logits,
                         .targets = targets,
                         .lengths = lengths,
                         .loss = (void *)(uintptr_t)loss,
                         .dlogits = dlogits};
  SQ_TRY(check_bce(ctx, &a));
  SQ_TRY(need(ctx, "dlogits", dlogits, rows));
  return SQ_RUN(ctx, bce_backward, &a);
}

seqgpu_status seqgpu_dropout(seqgpu_context *ctx, int64_t count, double p, uint64_t seed, uint64_t offset,
                             const void *x, void *y) {
  SQ_TRY(sq_usable(ctx));
  SQ_TRY(check_count(ctx, "count", count, 0));
  if (!(p >= 0 && p <= 1)) return sq_fail(ctx, SEQGPU_EINVAL, "dropout: p is %g; it must be from 0 to 1", p);
  SQ_TRY(need(ctx, "x", x, count));
  SQ_TRY(need(ctx, "y", y, count));
  const sq_dropout_args a = {.count = count, .p = p, .seed = seed, .offset = offset, .x = x, .y = y};
  return SQ_RUN(ctx, dropout, &a);
}

seqgpu_status seqgpu_dropout_part(seqgpu_context *ctx, int64_t steps, int64_t batch, int64_t width, double p,
                                  uint64_t seed, uint64_t offset, int64_t first, int64_t whole, const void *x,
                                  void *y) {
  int64_t rows, count, all;
  SQ_TRY(sq_usable(ctx));
  SQ_TRY(check_count(ctx, "steps", steps, 0));
  SQ_TRY(check_count(ctx, "batch", batch, 0));
  SQ_TRY(check_count(ctx, "width", width, 0));
  SQ_TRY(check_count(ctx, "whole", whole, batch));
  SQ_TRY(sq_check_range(ctx, "first", first, 0, whole - batch));
  if (!sq_mul_size(steps, whole, &rows) || !sq_mul_size(rows, width, &all))
    return sq_fail(ctx, SEQGPU_EINVAL, "dropout: the whole has more elements than can be counted");
  count = steps * batch * width;
  if (!(p >= 0 && p <= 1)) return sq_fail(ctx, SEQGPU_EINVAL, "dropout: p is %g; it must be from 0 to 1", p);
  SQ_TRY(need(ctx, "x", x, count));
  SQ_TRY(need(ctx, "y", y, count));
  sq_dropout_args a = {.count = count, .p = p, .seed = seed, .offset = offset, .x = x, .y = y};
  if (whole > batch) {
    a.row = batch * width;
    a.pitch = whole * width;
    a.first = first * width;
  }
  return SQ_RUN(ctx, dropout, &a);
}

seqgpu_status seqgpu_spectral_radius(seqgpu_context *ctx, int64_t n, const double *matrix, double *radius) {
  SQ_TRY(sq_usable(ctx));
  SQ_TRY(sq_check_range(ctx, "n", n, 0, 1 << 20));
  SQ_TRY(need(ctx, "matrix", matrix, n));
  SQ_TRY(need(ctx, "radius", radius, 1));
  if (sq_spectral_radius(n, matrix, radius) == 0) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_ENOMEM, "spectral_radius: out of memory for %lld rows", (long long)n);
}

double seqgpu_uniform(uint64_t seed, uint64_t stream, uint64_t index) {
  return sq_philox_uniform(sq_philox(seed, stream, index / 4).word[index % 4]);
}
