/* spectral_draw.c - recurrent matrices with a given spectral radius; see spectral_draw.h. */
#define SEQGPU_REAL_BITS 64 /* whose GEMM it is */
#include "core/spectral_draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/gemm.h"
#include "core/spectral.h"
#include "core/spectral_links.h"

static void scale(int64_t n, double factor, double *weight) {
  for (int64_t i = 0; i < n * n; i++) weight[i] *= factor;
}

static int scale_to_radius(int64_t n, double radius, double *weight) {
  double now;
  if (sq_spectral_radius(n, weight, &now)) return -1;
  if (now > 0) scale(n, radius / now, weight);
  return 0;
}

/* From some hundred units on squaring takes seconds, and at 5,000 many minutes. */
static int scale_links(int64_t n, int64_t links, double radius, double *weight) {
  enum { MANY = 512, FEW = 16 };
  double now = (double)NAN;
  if (n < MANY || links > n / FEW) return scale_to_radius(n, radius, weight);
  if (sq_spectral_radius_links(n, links, weight, &now)) return -1;
  if (!isfinite(now) || now == 0) return scale_to_radius(n, radius, weight);
  scale(n, radius / now, weight);
  return 0;
}

int sq_draw_links(sq_rng *rng, int64_t n, int64_t links, sq_link_weight kind, double radius, double *weight) {
  memset(weight, 0, (size_t)(n * n) * sizeof *weight);
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = 0; k < links && k < n; k++) {
      int64_t j = sq_rng_below(rng, (uint32_t)n);
      while (weight[i * n + j] != 0) j = sq_rng_below(rng, (uint32_t)n); /* taken */
      double pair[2] = {2 * sq_rng_uniform(rng) - 1};
      if (kind == SQ_LINK_NORMAL) sq_rng_normal_pair(rng, pair);
      weight[i * n + j] = pair[0];
    }
  return scale_links(n, links, radius, weight);
}

/* weight = R R^T / n of normal numbers; r [n,n] is work. */
static void draw_squares(sq_pool *pool, sq_rng *rng, int64_t n, double *r, double *weight) {
  double pair[2];
  for (int64_t i = 0; i < n * n; i++) {
    if (i % 2 == 0) sq_rng_normal_pair(rng, pair);
    r[i] = pair[i % 2] / sqrt((double)n);
  }
  sq_gemm_f64(pool, 0, 1, n, n, n, r, n, r, n, 0, weight, n);
}

int sq_draw_normalised_positive(sq_rng *rng, int64_t n, double scale, double *weight) {
  double *r = malloc((size_t)(n * n + 1) * sizeof *r);
  sq_pool *pool = sq_pool_create(1); /* for its scratch */
  const int failed = r == NULL || pool == NULL;
  if (!failed) draw_squares(pool, rng, n, r, weight);
  sq_pool_destroy(pool);
  free(r);
  if (failed) return -1;
  for (int64_t i = 0; i < n; i++) weight[i * n + i] += 1;
  return scale_to_radius(n, scale, weight);
}
