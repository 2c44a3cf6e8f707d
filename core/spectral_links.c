/* spectral_links.c - the spectral radius of a large matrix with few links in each row; see spectral_links.h.
 *
 * Subspace iteration (Rutishauser 1969; Saad, Numerical Methods for Large Eigenvalue Problems, chapter 5):
 *
 *   V [n,p] orthonormal;   repeat:  V = A V,  STEPS times, then orthonormalise
 *                          rho = the radius of V^T A V [p,p], by squaring (spectral.c)
 *
 * A step costs p products for each link, where squaring costs n^3: at n = 1000 with ten links a row that is
 * 0.3 million against a billion.  The error falls by |lambda_{p+1} / lambda_1| in each step.  The eigenvalues
 * of a random matrix fill a disc evenly (Girko's circular law), so that this is about sqrt(1 - p/n): slow, but
 * known, and from the last change of rho follows how much is still to come.
 */
#define SEQGPU_REAL_BITS 64 /* whose GEMM it is */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/gemm.h"
#include "core/links.h"
#include "core/philox.h"
#include "core/spectral.h"
#include "core/spectral_links.h"

/* Squaring even V^T A V takes as long as some rounds, so that it is looked at in each eighth. */
enum { P = 32, STEPS = 4, CHECK = 8, MOST_ROUNDS = 8192 };
static const double TOLERANCE = 1e-9;

/* What the iteration works on: V and A V, the links of A, and some [P,P]. */
typedef struct iteration {
  int64_t n;
  double *v, *av; /* [n,P] */
  sq_links links; /* of A */
  sq_pool *pool;  /* for its scratch */
  double gram[P * P], h[P * P];
} iteration;

/* av = A v; the P sums of a row stay in registers. */
SQ_CLONES static void multiply_links(int64_t n, const sq_links *a, const double *restrict v,
                                     double *restrict av) {
  const double *weight = a->weight;
  for (int64_t i = 0; i < n; i++) {
    double sum[P] = {0};
    for (int64_t l = a->first[i]; l < a->first[i + 1]; l++) {
      const double w = weight[l], *row = v + a->from[l] * P;
      for (int k = 0; k < P; k++) sum[k] += w * row[k];
    }
    memcpy(av + i * P, sum, sizeof sum);
  }
}

static void multiply(iteration *it) { multiply_links(it->n, &it->links, it->v, it->av); }

static void swap_vectors(iteration *it) {
  double *swap = it->v;
  it->v = it->av;
  it->av = swap;
}

/* L with V^T V = L L^T (Cholesky), in the lower triangle of l; 0 where the columns of V have become dependent. */
static int factor(double *l) {
  for (int j = 0; j < P; j++) {
    for (int i = j; i < P; i++)
      for (int k = 0; k < j; k++) l[i * P + j] -= l[i * P + k] * l[j * P + k];
    const double pivot = l[j * P + j];
    if (!(pivot > 0)) return 0;
    for (int i = j; i < P; i++) l[i * P + j] /= sqrt(pivot);
  }
  return 1;
}

/* inverse = L^-1, row by row: row i is (e_i - sum over k < i of L[i,k] row k) / L[i,i]. */
static void invert(const double *l, double *inverse) {
  memset(inverse, 0, P * P * sizeof *inverse);
  for (int i = 0; i < P; i++) {
    double *row = inverse + i * P;
    row[i] = 1;
    for (int k = 0; k < i; k++)
      for (int j = 0; j <= k; j++) row[j] -= l[i * P + k] * inverse[k * P + j];
    for (int j = 0; j <= i; j++) row[j] /= l[i * P + i];
  }
}

/* V = V L^-T: orthonormal columns; 0 where they have become dependent. */
static int orthonormalise(iteration *it) {
  sq_gemm_f64(it->pool, 1, 0, P, P, it->n, it->v, P, it->v, P, 0, it->gram, P);
  if (!factor(it->gram)) return 0;
  invert(it->gram, it->h);
  sq_gemm_f64(it->pool, 0, 1, it->n, P, P, it->v, P, it->h, P, 0, it->av, P);
  swap_vectors(it);
  return 1;
}

/* The radius of A on the subspace, whose V is orthonormal. */
static int project(iteration *it, double *radius) {
  multiply(it);
  sq_gemm_f64(it->pool, 1, 0, P, P, it->n, it->v, P, it->av, P, 0, it->h, P);
  return sq_spectral_radius(P, it->h, radius);
}

/* NaN where the subspace collapses, as that of a nilpotent matrix does. */
static int iterate(iteration *it, double *radius) {
  const double left =
      pow(1 - (double)P / (double)it->n, 0.5 * STEPS * CHECK); /* of an error, to the next look */
  double before = 0;
  *radius = (double)NAN;
  for (int round = 1; round <= MOST_ROUNDS; round++) {
    for (int step = 0; step < STEPS; step++) {
      multiply(it);
      swap_vectors(it);
    }
    if (!orthonormalise(it)) return 0;
    if (round % CHECK != 0) continue;
    if (project(it, radius)) return -1;
    if (fabs(*radius - before) < TOLERANCE * *radius * (1 - left)) return 0;
    before = *radius;
  }
  return 0;
}

int sq_spectral_radius_links(int64_t n, int64_t links, const double *a, double *radius) {
  iteration *it = calloc(1, sizeof *it);
  int failed = it == NULL;
  if (it) {
    *it = (iteration){.n = n,
                      .v = malloc((size_t)(n * P) * sizeof(double)),
                      .av = malloc((size_t)(n * P) * sizeof(double)),
                      .pool = sq_pool_create(1),
                      .links = {.most = n * links,
                                .first = malloc((size_t)(n + 1) * sizeof(int64_t)),
                                .from = malloc((size_t)(n * links) * sizeof(int32_t)),
                                .weight = malloc((size_t)(n * links) * sizeof(double))}};
    failed = !it->pool || !it->v || !it->av || !it->links.first || !it->links.from || !it->links.weight;
    if (!failed) {
      sq_rng rng = {.seed = 1}; /* any start will do; this one is the same each time */
      for (int64_t i = 0; i < n * P; i++) it->v[i] = 2 * sq_rng_uniform(&rng) - 1;
      if (!sq_links_collect_f64(n, n, a, &it->links))
        *radius = (double)NAN; /* more than were promised: that way is not for it */
      else
        failed = iterate(it, radius) != 0;
    }
    sq_pool_destroy(it->pool);
    free(it->v);
    free(it->av);
    free(it->links.first);
    free(it->links.from);
    free(it->links.weight);
  }
  free(it);
  return failed ? -1 : 0;
}
