/* initialise.h - initialisation of weights, by name, in host memory.
 *
 * One table row per initialiser.  Each fills a dense [rows, cols] matrix, where rows are what the matrix
 * computes (fan out) and cols what it reads (fan in), and draws from the generator in row-major order.
 * Numbers are computed in double precision and rounded, so both precisions get the same weights from the same
 * seed.  A weight of several gates is several matrices, one below the other: one call for each.
 */
#ifndef SQ_INITIALISE_H
#define SQ_INITIALISE_H

#include "core/philox.h"
#include "core/real.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, default value, 1 if it needs a square matrix, what it does with the value).  A new one is a row and
 * a function. */
#define SQ_INITIALISERS(X)                                                                                   \
  X(uniform, 0.1, 0, "uniform in (-value, value)")                                                           \
  X(normal, 0.1, 0, "normal with standard deviation value")                                                  \
  X(xavier, 1.0, 0, "uniform in +-value sqrt(6 / (rows + cols)): Glorot & Bengio 2010, eq. 16")              \
  X(orthogonal, 1.0, 0, "value times orthonormal rows or columns, the fewer ones: Saxe et al. 2013")         \
  X(identity, 1.0, 0, "value on the diagonal, else 0: IRNN, Le et al. 2015")                                 \
  X(sparse, 1.1, 1, "15 links into each unit, normal, spectral radius value: Sutskever et al. 2013")         \
  X(reservoir, 0.95, 1, "10 links into each unit, uniform, spectral radius value: Lukosevicius 2012")        \
  X(np, 1.0, 1, "positive definite, largest eigenvalue value, others below: Talathi & Vartak 2015")          \
  X(constant, 1.0, 0, "value everywhere")                                                                    \
  X(zeros, 0.0, 0, "0 everywhere; the value is not used")                                                    \
  X(permutation, 0.0, 0, "0, 1, 2, ... in random order; the value is not used")

/* Returns 0, or -1 when there is no memory for the work. */
#define SQ_INITIALISER_DECLARE(id, standard, square, about)                                                  \
  int sq_initialise_##id##_f32(sq_rng *rng, int64_t rows, int64_t cols, double value, float *weight);        \
  int sq_initialise_##id##_f64(sq_rng *rng, int64_t rows, int64_t cols, double value, double *weight);
SQ_INITIALISERS(SQ_INITIALISER_DECLARE)
#undef SQ_INITIALISER_DECLARE

typedef struct sq_initialiser {
  const char *name;
  double value; /* the default */
  int square;   /* rows must be cols */
  const char *about;
  int (*fill_f32)(sq_rng *rng, int64_t rows, int64_t cols, double value, float *weight);
  int (*fill_f64)(sq_rng *rng, int64_t rows, int64_t cols, double value, double *weight);
} sq_initialiser;

/* NULL for an unknown name. */
extern const sq_initialiser sq_initialisers[];
extern const int sq_initialiser_count;
const sq_initialiser *sq_initialiser_find(const char *name);

#ifdef __cplusplus
}
#endif
#endif
