/* window.c - a window of Gaussians that slides over characters.
 * Graves, "Generating sequences with recurrent neural networks", 2013, equations 46 to 51.
 *
 * A row of params: K each of a, b, k; u = 1 ... U counts the characters, n = lengths[b].
 *   alpha = exp(a),  beta = exp(b),  kappa_t = kappa_{t-1} + exp(k_t)
 *   e_j(u)     = alpha_j exp(-beta_j (kappa_j - u)^2)
 *   phi(u)     = sum_j e_j(u),  u = 1 ... n + 1         n + 1 says that the text is written
 *   context    = sum_{u <= n} phi(u) values_u
 *
 * Backward, with d(u) = dcontext . values_u and q = kappa_j - u:
 *   da = sum_u d e      db = -beta sum_u d e q^2      dvalues_u += phi(u) dcontext
 *   dkappa_t = dkappa_{t+1} - 2 beta sum_u d e q      dk = exp(k) dkappa_t
 * from the last step to the first; what is left is the gradient at kappa_0.
 *
 * Tangent, with a t before what moves:
 *   tkappa_t = tkappa_{t-1} + exp(k) tk
 *   tphi(u)  = sum_j e_j(u) (ta - beta q (q tb + 2 tkappa))
 *   tcontext = sum_{u <= n} tphi(u) values_u + phi(u) tvalues_u
 *
 * A sequence is one thread's; sums over characters go by SQ_LANES lanes, as core/dot.h has them.
 */
#include "core/lengths.h"
#include "core/ops_cpu.h"

#include "core/activations.h"

/* Row (t,b) of a tensor [T,B,n]. */
static real *row_of(const sq_window_args *a, const void *tensor, int64_t t, int64_t b, int64_t n) {
  return (real *)tensor + (t * a->batch + b) * n;
}
/* The same of one that may be NULL. */
static const real *row_if(const sq_window_args *a, const void *tensor, int64_t t, int64_t b, int64_t n) {
  return tensor ? row_of(a, tensor, t, b, n) : NULL;
}

/* Sequence b of a tensor [U,B,C]: character u (from 0). */
static const real *value_of(const sq_window_args *a, const void *values, int64_t u, int64_t b) {
  return (const real *)values + (u * a->batch + b) * a->value_dim;
}

/* ---------------------------------------------------------------- forward */

/* kappa of a step, from that before it. */
static void slide(const sq_window_args *a, const real *params, const real *before, real *kappa) {
  const real *k = params + 2 * a->gaussians;
  for (int64_t j = 0; j < a->gaussians; j++) kappa[j] = (before ? before[j] : 0) + FN(sq_exp)(k[j]);
}

/* phi of characters 1 ... count. */
SQ_INLINE void weigh(int64_t K, const real *params, const real *kappa, int64_t count, real *phi) {
  for (int64_t i = 0; i < count; i += SQ_LANES) {
    const int64_t width = sq_min(SQ_LANES, count - i);
    real sum[SQ_LANES] = {0};
    for (int64_t j = 0; j < K; j++) {
      const real alpha = params[j], beta = FN(sq_exp)(params[K + j]), off = kappa[j] - (real)(i + 1);
      for (int64_t l = 0; l < width; l++) {
        const real q = off - (real)l;
        sum[l] += FN(sq_exp)(alpha - beta * q * q);
      }
    }
    for (int64_t l = 0; l < width; l++) phi[i + l] = sum[l];
  }
}

SQ_CLONES static void forward_sequences(const void *arg, int64_t first, int64_t last) {
  const sq_window_args *a = arg;
  const int64_t K = a->gaussians, C = a->value_dim, P = a->source_len + 1;
  for (int64_t b = first; b < last; b++) {
    const int64_t n = sq_length_within(a->lengths, b, a->source_len);
    const real *before = row_if(a, a->before, 0, b, K);
    for (int64_t t = 0; t < a->seq_len; t++) {
      const real *params = row_of(a, a->params, t, b, 3 * K);
      real *kappa = row_of(a, a->kappa, t, b, K), *phi = row_of(a, a->phi, t, b, P),
           *context = row_of(a, a->context, t, b, C);
      slide(a, params, before, kappa);
      before = kappa;
      weigh(K, params, kappa, n + 1, phi);
      for (int64_t u = n + 1; u < P; u++) phi[u] = 0;
      for (int64_t c = 0; c < C; c++) context[c] = 0;
      for (int64_t u = 0; u < n; u++) {
        const real *value = value_of(a, a->values, u, b);
        for (int64_t c = 0; c < C; c++) context[c] += phi[u] * value[c];
      }
    }
  }
}

/* Elements of work of a sequence: an exponential counts eight. */
static int64_t work(const sq_window_args *a) {
  return a->seq_len * (a->source_len + 1) * (8 * a->gaussians + a->value_dim);
}

int FN(sq_cpu_window_forward)(sq_exec *exec, const sq_window_args *a) {
  sq_split(exec, a->batch, 1, work(a), forward_sequences, a);
  return 0;
}

/* ---------------------------------------------------------------- backward */

/* Sums over characters of d e, d e q and d e q^2. */
typedef struct moments {
  real zero, one, two;
} moments;

SQ_INLINE moments moments_of(real alpha, real beta, real kappa, int64_t count, const real *d) {
  real zero[SQ_LANES] = {0}, one[SQ_LANES] = {0}, two[SQ_LANES] = {0};
  for (int64_t i = 0; i < count; i += SQ_LANES) {
    const int64_t width = sq_min(SQ_LANES, count - i);
    const real off = kappa - (real)(i + 1);
    for (int64_t l = 0; l < width; l++) {
      const real q = off - (real)l, de = d[i + l] * FN(sq_exp)(alpha - beta * q * q);
      zero[l] += de;
      one[l] += de * q;
      two[l] += de * q * q;
    }
  }
  return (moments){FN(sq_fold_sum)(SQ_LANES, zero), FN(sq_fold_sum)(SQ_LANES, one),
                   FN(sq_fold_sum)(SQ_LANES, two)};
}

/* d of a step's characters, and its share of dvalues. */
SQ_INLINE void value_gradients(const sq_window_args *a, int64_t b, const real *g, const real *phi, real *d) {
  const int64_t C = a->value_dim, n = sq_length_within(a->lengths, b, a->source_len);
  for (int64_t u = 0; u < n; u++) {
    d[u] = g ? FN(sq_dot_lanes)(SQ_LANES, C, g, value_of(a, a->values, u, b)) : 0;
    if (a->dvalues == NULL || g == NULL) continue;
    real *dvalue = (real *)a->dvalues + (u * a->batch + b) * C;
    for (int64_t c = 0; c < C; c++) dvalue[c] += phi[u] * g[c];
  }
}

SQ_CLONES static void backward_sequences(const void *arg, int64_t first, int64_t last) {
  const sq_window_args *a = arg;
  const int64_t K = a->gaussians, C = a->value_dim, P = a->source_len + 1;
  for (int64_t b = first; b < last; b++) {
    const int64_t n = sq_length_within(a->lengths, b, a->source_len);
    const real *dlast = row_if(a, a->dlast, 0, b, K);
    real *dkappa = row_of(a, a->dbefore, 0, b, K);
    for (int64_t j = 0; j < K; j++) dkappa[j] = dlast ? dlast[j] : 0;
    for (int64_t t = a->seq_len - 1; t >= 0; t--) {
      const real *params = row_of(a, a->params, t, b, 3 * K), *kappa = row_of(a, a->kappa, t, b, K);
      real *d = row_of(a, a->scratch, t, b, P), *dparams = row_of(a, a->dparams, t, b, 3 * K);
      value_gradients(a, b, row_if(a, a->dcontext, t, b, C), row_of(a, a->phi, t, b, P), d);
      for (int64_t j = 0; j < K; j++) {
        const real beta = FN(sq_exp)(params[K + j]);
        const moments m = moments_of(params[j], beta, kappa[j], n, d);
        dkappa[j] -= 2 * beta * m.one;
        dparams[j] = m.zero;
        dparams[K + j] = -beta * m.two;
        dparams[2 * K + j] = FN(sq_exp)(params[2 * K + j]) * dkappa[j];
      }
    }
  }
}

int FN(sq_cpu_window_backward)(sq_exec *exec, const sq_window_args *a) {
  sq_split(exec, a->batch, 1, 2 * work(a), backward_sequences, a);
  return 0;
}

/* ---------------------------------------------------------------- tangent */

/* tphi of characters 1 ... count; tparams may be NULL. */
SQ_INLINE void weigh_tangent(int64_t K, const real *params, const real *kappa, const real *tparams,
                             const real *tkappa, int64_t count, real *tphi) {
  for (int64_t u = 0; u < count; u++) {
    real sum = 0;
    for (int64_t j = 0; j < K; j++) {
      const real beta = FN(sq_exp)(params[K + j]), q = kappa[j] - (real)(u + 1);
      const real ta = tparams ? tparams[j] : 0, tb = tparams ? tparams[K + j] : 0;
      sum += FN(sq_exp)(params[j] - beta * q * q) * (ta - beta * q * (q * tb + 2 * tkappa[j]));
    }
    tphi[u] = sum;
  }
}

SQ_CLONES static void tangent_sequences(const void *arg, int64_t first, int64_t last) {
  const sq_window_args *a = arg;
  const int64_t K = a->gaussians, C = a->value_dim, P = a->source_len + 1;
  for (int64_t b = first; b < last; b++) {
    const int64_t n = sq_length_within(a->lengths, b, a->source_len);
    const real *before = row_if(a, a->tbefore, 0, b, K);
    for (int64_t t = 0; t < a->seq_len; t++) {
      const real *params = row_of(a, a->params, t, b, 3 * K), *tparams = row_if(a, a->tparams, t, b, 3 * K),
                 *phi = row_of(a, a->phi, t, b, P);
      real *tkappa = row_of(a, a->tkappa, t, b, K), *tphi = row_of(a, a->scratch, t, b, P),
           *tcontext = row_of(a, a->tcontext, t, b, C);
      for (int64_t j = 0; j < K; j++)
        tkappa[j] =
            (before ? before[j] : 0) + (tparams ? FN(sq_exp)(params[2 * K + j]) * tparams[2 * K + j] : 0);
      before = tkappa;
      weigh_tangent(K, params, row_of(a, a->kappa, t, b, K), tparams, tkappa, n, tphi);
      for (int64_t c = 0; c < C; c++) tcontext[c] = 0;
      for (int64_t u = 0; u < n; u++) {
        const real *value = value_of(a, a->values, u, b),
                   *tvalue = a->tvalues ? value_of(a, a->tvalues, u, b) : NULL;
        for (int64_t c = 0; c < C; c++) tcontext[c] += tphi[u] * value[c] + (tvalue ? phi[u] * tvalue[c] : 0);
      }
    }
  }
}

int FN(sq_cpu_window_tangent)(sq_exec *exec, const sq_window_args *a) {
  sq_split(exec, a->batch, 1, 2 * work(a), tangent_sequences, a);
  return 0;
}
