/* cg.c - preconditioned conjugate gradients; see cg.h.
 *
 *   r = A x - b    z = M^-1 r    d = -z
 *   repeat:  a = r.z / d.Ad      x += a d    r += a Ad    z = M^-1 r    d = (r.z / r.z before) d - z
 *
 * Hestenes & Stiefel 1952; when to stop, and which iterates to keep: Martens 2010, sections 4.4 and 4.6.  The
 * quadratic costs nothing: x .  A x / 2 - b . x = x . (r - b) / 2.
 */
#include "host/hf/cg.h"

#include <math.h>
#include <string.h>

#include "core/dot.h"

/* to += a x */
static void add(int64_t n, double a, const double *x, double *to) {
  for (int64_t i = 0; i < n; i++) to[i] += a * x[i];
}

void sq_cg_close(sq_cg *cg) {
  for (int i = 0; i < SQ_CG_KEPT; i++) {
    sq_host_free(cg->ctx, cg->kept[i]);
    cg->kept[i] = NULL;
  }
  double **const vectors[] = {&cg->x, &cg->r, &cg->z, &cg->d, &cg->ad, &cg->value};
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
    sq_host_free(cg->ctx, *vectors[i]);
    *vectors[i] = NULL;
  }
}

static seqgpu_status out_of_memory(sq_cg *cg) {
  return sq_fail(cg->ctx, SEQGPU_ENOMEM, "hessian_free: out of memory for vectors of %lld numbers",
                 (long long)cg->n);
}

seqgpu_status sq_cg_open(sq_cg *cg) {
  double **const vectors[] = {&cg->x, &cg->r, &cg->z, &cg->d, &cg->ad};
  int there = 1;
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
    there &= (*vectors[i] = sq_host_alloc(cg->ctx, (size_t)cg->n * sizeof(double))) != NULL;
  cg->value = sq_host_alloc(cg->ctx, (size_t)(cg->most + 1) * sizeof(double));
  if (there && cg->value) return SEQGPU_OK;
  sq_cg_close(cg);
  return out_of_memory(cg);
}

/* The iterate after so many iterations, in the place after the last one that was kept. */
static seqgpu_status keep(sq_cg *cg) {
  double **to = &cg->kept[cg->kept_count];
  if (*to == NULL) *to = sq_host_alloc(cg->ctx, (size_t)cg->n * sizeof(double));
  if (*to == NULL) return out_of_memory(cg);
  memcpy(*to, cg->x, (size_t)cg->n * sizeof(double));
  cg->kept_at[cg->kept_count++] = cg->iterations;
  return SEQGPU_OK;
}

static void precondition(sq_cg *cg) {
  for (int64_t i = 0; i < cg->n; i++) cg->z[i] = cg->diag ? cg->r[i] / cg->diag[i] : cg->r[i];
}

static double quadratic(const sq_cg *cg) {
  return 0.5 * (sq_dot(cg->n, cg->x, cg->r) - sq_dot(cg->n, cg->x, cg->b));
}

static int is_slow(const sq_cg *cg) {
  const int i = cg->iterations, k = i / 10 > 10 ? i / 10 : 10;
  if (i <= k || cg->value[i] >= 0) return 0;
  return (cg->value[i] - cg->value[i - k]) / cg->value[i] < k * cg->progress;
}

/* One product.  *rz: r.z before and after.  0 where there is nothing left to gain. */
static seqgpu_status advance(sq_cg *cg, double *rz, int *more) {
  SQ_TRY(cg->product(cg->self, cg->d, cg->ad));
  const double curvature = sq_dot(cg->n, cg->d, cg->ad), rate = *rz / curvature;
  *more = curvature > 0 && isfinite(rate);
  if (!*more) return SEQGPU_OK;
  add(cg->n, rate, cg->d, cg->x);
  add(cg->n, rate, cg->ad, cg->r);
  precondition(cg);
  const double before = *rz;
  *rz = sq_dot(cg->n, cg->r, cg->z);
  for (int64_t i = 0; i < cg->n; i++) cg->d[i] = *rz / before * cg->d[i] - cg->z[i];
  cg->value[++cg->iterations] = quadratic(cg);
  return SEQGPU_OK;
}

/* r = A x - b, where x may be 0. */
static seqgpu_status residual(sq_cg *cg) {
  if (sq_dot(cg->n, cg->x, cg->x) > 0)
    SQ_TRY(cg->product(cg->self, cg->x, cg->r));
  else
    memset(cg->r, 0, (size_t)cg->n * sizeof(double));
  add(cg->n, -1, cg->b, cg->r);
  return SEQGPU_OK;
}

seqgpu_status sq_cg_run(sq_cg *cg) {
  cg->iterations = cg->kept_count = 0;
  SQ_TRY(residual(cg));
  precondition(cg);
  for (int64_t i = 0; i < cg->n; i++) cg->d[i] = -cg->z[i];
  cg->value[0] = quadratic(cg);
  double rz = sq_dot(cg->n, cg->r, cg->z), next = 1;
  const double enough = 1e-28 * rz;
  int more = rz > 0;
  while (more && rz > enough && cg->iterations < cg->most && !is_slow(cg)) {
    SQ_TRY(advance(cg, &rz, &more));
    if (!more || cg->iterations < (int)ceil(next)) continue;
    SQ_TRY(keep(cg));
    while ((int)ceil(next) <= cg->iterations) next *= 1.3;
  }
  return cg->kept_count && cg->kept_at[cg->kept_count - 1] == cg->iterations ? SEQGPU_OK : keep(cg);
}
