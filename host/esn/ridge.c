/* ridge.c - ridge regression: checks and memory (seqgpu/ridge.h); the arithmetic is in core/ridge.c. */
#include "seqgpu/ridge.h"

#include <math.h>
#include <string.h>

#include "core/ridge.h"
#include "host/context/context.h"

struct seqgpu_ridge {
  seqgpu_context *ctx;
  const sq_ridge_method *method;
  int64_t in, out, rows;
  size_t seen_size;
  double *seen;  /* what the method remembers */
  double *trial; /* a copy of it, which solve consumes */
  double *work;  /* the method's */
};

static const sq_ridge_method *const methods[] = {
    [SEQGPU_RIDGE_QR] = &sq_ridge_qr,
    [SEQGPU_RIDGE_CHOLESKY] = &sq_ridge_cholesky,
};
enum { METHODS = sizeof methods / sizeof methods[0] };

enum { MOST = 1 << 20 }; /* of features, of outputs */

seqgpu_status seqgpu_ridge_create(seqgpu_context *ctx, int64_t in, int64_t out, seqgpu_ridge_method method,
                                  seqgpu_ridge **result) {
  if (result) *result = NULL;
  SQ_TRY(sq_usable(ctx));
  if (result == NULL) return sq_fail(ctx, SEQGPU_EINVAL, "ridge: result is NULL");
  SQ_TRY(sq_check_range(ctx, "ridge: in", in, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "ridge: out", out, 1, MOST));
  if ((int)method < 0 || (int)method >= METHODS)
    return sq_fail(ctx, SEQGPU_EINVAL, "ridge: method is %d; it must be one of seqgpu_ridge_method",
                   (int)method);
  seqgpu_ridge *r = sq_host_alloc(ctx, sizeof *r);
  if (r == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "ridge: out of memory");
  *r = (seqgpu_ridge){.ctx = ctx, .method = methods[method], .in = in, .out = out};
  r->seen_size = (size_t)(in * (in + out)) * sizeof(double);
  r->seen = sq_host_alloc(ctx, r->seen_size);
  r->trial = sq_host_alloc(ctx, r->seen_size);
  r->work = sq_host_alloc(ctx, (size_t)r->method->work(in, out) * sizeof(double));
  if (r->seen == NULL || r->trial == NULL || r->work == NULL) {
    seqgpu_ridge_destroy(r);
    return sq_fail(ctx, SEQGPU_ENOMEM, "ridge: out of memory for %lld features", (long long)in);
  }
  *result = r;
  return SEQGPU_OK;
}

void seqgpu_ridge_destroy(seqgpu_ridge *r) {
  if (r == NULL) return;
  sq_host_free(r->ctx, r->seen);
  sq_host_free(r->ctx, r->trial);
  sq_host_free(r->ctx, r->work);
  sq_host_free(r->ctx, r);
}

seqgpu_status seqgpu_ridge_reset(seqgpu_ridge *r) {
  if (r == NULL) return SEQGPU_EINVAL;
  memset(r->seen, 0, r->seen_size);
  r->rows = 0;
  return SEQGPU_OK;
}

int64_t seqgpu_ridge_rows(const seqgpu_ridge *r) { return r ? r->rows : 0; }

static seqgpu_status check_finite(const seqgpu_ridge *r, const char *name, int64_t rows, int64_t width,
                                  const double *data) {
  if (data == NULL) return sq_fail(r->ctx, SEQGPU_EINVAL, "ridge: %s is NULL", name);
  for (int64_t i = 0; i < rows * width; i++)
    if (!isfinite(data[i]))
      return sq_fail(r->ctx, SEQGPU_EINVAL, "ridge: %s has %g in row %lld, column %lld; it must be finite",
                     name, data[i], (long long)(i / width), (long long)(i % width));
  return SEQGPU_OK;
}

seqgpu_status seqgpu_ridge_add(seqgpu_ridge *r, int64_t rows, const double *x, const double *y) {
  if (r == NULL) return SEQGPU_EINVAL;
  SQ_TRY(sq_usable(r->ctx));
  if (rows < 0)
    return sq_fail(r->ctx, SEQGPU_EINVAL, "ridge: rows is %lld; it must be at least 0", (long long)rows);
  if (rows == 0) return SEQGPU_OK;
  SQ_TRY(check_finite(r, "x", rows, r->in, x));
  SQ_TRY(check_finite(r, "y", rows, r->out, y));
  r->method->add(r->ctx->exec.pool, r->in, r->out, r->seen, rows, x, y, r->work);
  r->rows += rows;
  return SEQGPU_OK;
}

seqgpu_status seqgpu_ridge_solve(seqgpu_ridge *r, double lambda, double *w) {
  if (r == NULL) return SEQGPU_EINVAL;
  SQ_TRY(sq_usable(r->ctx));
  if (w == NULL) return sq_fail(r->ctx, SEQGPU_EINVAL, "ridge: w is NULL");
  if (!(isfinite(lambda) && lambda >= 0))
    return sq_fail(r->ctx, SEQGPU_EINVAL, "ridge: lambda is %g; it must be finite and at least 0", lambda);
  if (r->rows == 0) return sq_fail(r->ctx, SEQGPU_EINVAL, "ridge: there are no rows yet");
  memcpy(r->trial, r->seen, r->seen_size);
  const int64_t singular = r->method->solve(r->ctx->exec.pool, r->in, r->out, r->trial, lambda, r->work, w);
  if (singular == 0) return SEQGPU_OK;
  return sq_fail(r->ctx, SEQGPU_EINVAL,
                 "ridge: lambda is %g, which is too small: up to rounding, feature %lld of %lld is a "
                 "combination of those before it",
                 lambda, (long long)singular - 1, (long long)r->in);
}
