/* mixture.c - the loss of a pen stroke: a mixture of M bivariate Gaussians for where the next point is, and a
 * Bernoulli for whether the stroke ends there, masked by lengths.
 * Graves, "Generating sequences with recurrent neural networks", 2013, equations 18 to 26 and 29 to 37.
 *
 * A row of params: e, then M each of p, mx, my, sx, sy, r; a row of points: x, y, end (0 or 1).
 *   weight_j = softmax of p     sigma_x = exp(sx)     rho = tanh(r)     P(end) = 1 / (1 + exp(-e))
 *   a = (x - mx) / sigma_x,  b = (y - my) / sigma_y,  C = 1 / (1 - rho^2) = cosh^2 r
 *   n_j    = -log 2pi - sx - sy + log(C) / 2 - (a^2 + C (b - rho a)^2) / 2
 *   loss_r = -log sum_j weight_j exp(n_j) - log P(end or not)                     0 where masked
 *   loss   = scale sum_r loss_r / N              N = unmasked rows if mean (at least 1), else 1
 * Backward, with g_j = weight_j exp(n_j) / sum over all:
 *   dp  = weight - g                             de = P(end) - end
 *   dmx = -g C (a - rho b) / sigma_x             dsx = -g (C a (a - rho b) - 1);   my and sy likewise
 *   dr  = -g (a b + rho (1 - C Z)),              C Z = a^2 + C (b - rho a)^2
 *
 * Graves has exp(+e) where this has exp(-e), so that e is a logit here.  Everything is in logarithms: C comes from
 * log(1 - rho^2) = 2 (log 2 - |r| - log(1 + exp(-2|r|))), which rho, once it has rounded to 1, no more knows.
 */
#include "core/ops_cpu.h"

#include "core/activations.h"
#include "core/loss.h"

static const double LOG_2PI = 1.8378770664093454836, LOG_2 = 0.69314718055994530942;

static int masked(const sq_mixture_args *a, int64_t r) { return sq_past_length(a->lengths, a->batch, r); }

/* One Gaussian, seen from the point. */
typedef struct component {
  double inverse_x, inverse_y; /* 1 / sigma */
  double a, b, rho, c, cz, log_density;
} component;

/* Backward needs each Gaussian of a row twice; more than so many are computed anew. */
enum { KEPT = 32 };

enum { P, MX, MY, SX, SY, R };

/* Number `which` of Gaussian j of a row of params. */
static double param(const sq_mixture_args *a, const real *row, int which, int64_t j) {
  return (double)row[1 + which * a->mixtures + j];
}

/* With t = exp(-2|r|): tanh |r| = (1 - t) / (1 + t), C = (1 + t)^2 / (4 t), however large r is. */
static component component_of(const sq_mixture_args *a, const real *row, const real *point, int64_t j) {
  const double sx = param(a, row, SX, j), sy = param(a, row, SY, j), r = param(a, row, R, j), size = fabs(r);
  const double t = exp(-2 * size), log_c = 2 * (size + log1p(t) - LOG_2);
  component g = {.inverse_x = exp(-sx), .inverse_y = exp(-sy), .rho = copysign((1 - t) / (1 + t), r)};
  g.a = ((double)point[0] - param(a, row, MX, j)) * g.inverse_x;
  g.b = ((double)point[1] - param(a, row, MY, j)) * g.inverse_y;
  g.c = (1 + t) * (1 + t) / (4 * t);
  const double off = g.b - g.rho * g.a;
  g.cz = g.a * g.a + g.c * off * off;
  g.log_density = -LOG_2PI - sx - sy + 0.5 * (log_c - g.cz);
  return g;
}

/* log sum exp, one term after the other: log(sum) + max.  A NaN stays. */
typedef struct log_total {
  double max, sum;
} log_total;

static void add(log_total *t, double x) {
  if (x > t->max) {
    t->sum = t->sum * exp(t->max - x) + 1;
    t->max = x;
  } else if (x != -(double)INFINITY) {
    t->sum += exp(x - t->max);
  }
}

static double log_of(log_total t) { return t.max + log(t.sum); }

/* log sum_j exp(p_j), and of exp(p_j + n_j); leaves the first Gaussians in kept, [KEPT] or NULL. */
static void totals(const sq_mixture_args *a, const real *row, const real *point, component *kept,
                   double *weights, double *joint) {
  log_total w = {-(double)INFINITY, 0}, all = w;
  for (int64_t j = 0; j < a->mixtures; j++) {
    const double p = param(a, row, P, j);
    const component g = component_of(a, row, point, j);
    if (kept && j < KEPT) kept[j] = g;
    add(&w, p);
    add(&all, p + g.log_density);
  }
  *weights = log_of(w);
  *joint = log_of(all);
}

/* -log P(end or not) of a logit. */
static double end_loss(double e, double end) {
  return (e > 0 ? e * (1 - end) : -e * end) + log1p(exp(-fabs(e)));
}

static void forward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_mixture_args *a = arg;
  for (int64_t r = first; r < last; r++) {
    const real *row = (const real *)a->params + r * (1 + 6 * a->mixtures);
    const real *point = (const real *)a->points + 3 * r;
    double weights, joint;
    real *loss = (real *)a->row_loss + r;
    *loss = 0;
    if (masked(a, r)) continue;
    totals(a, row, point, NULL, &weights, &joint);
    *loss = (real)(weights - joint + end_loss((double)row[0], (double)point[2]));
  }
}

int FN(sq_cpu_mixture_forward)(sq_exec *exec, const sq_mixture_args *a) {
  sq_split(exec, a->rows, 1, 64 * a->mixtures, forward_rows, a);
  double sum = 0, count = 0;
  for (int64_t r = 0; r < a->rows; r++) {
    sum += (double)((const real *)a->row_loss)[r];
    count += masked(a, r) ? 0 : 1;
  }
  FN(sq_loss_store)(sum, count, a->mean, a->scale, 1, a->loss);
  return 0;
}

static void backward_row(const sq_mixture_args *a, const real *row, const real *point, double scale,
                         real *d) {
  const int64_t M = a->mixtures;
  const double e = (double)row[0], small = exp(-fabs(e)), on = (e < 0 ? small : 1) / (1 + small),
               off = (e < 0 ? 1 : small) / (1 + small), end = (double)point[2];
  component kept[KEPT];
  double weights, joint;
  totals(a, row, point, kept, &weights, &joint);
  d[0] = (real)(((1 - end) * on - end * off) * scale);
  for (int64_t j = 0; j < M; j++) {
    const component g = j < KEPT ? kept[j] : component_of(a, row, point, j);
    const double p = param(a, row, P, j), share = exp(p + g.log_density - joint) * scale;
    const double x = g.c * (g.a - g.rho * g.b), y = g.c * (g.b - g.rho * g.a);
    real *to = d + 1 + j;
    to[P * M] = (real)(exp(p - weights) * scale - share);
    to[MX * M] = (real)(-share * x * g.inverse_x);
    to[MY * M] = (real)(-share * y * g.inverse_y);
    to[SX * M] = (real)(-share * (g.a * x - 1));
    to[SY * M] = (real)(-share * (g.b * y - 1));
    to[R * M] = (real)(-share * (g.a * g.b + g.rho * (1 - g.cz)));
  }
}

static void backward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_mixture_args *a = arg;
  const int64_t width = 1 + 6 * a->mixtures;
  const double scale = FN(sq_loss_gradient)(a->loss, a->dloss, a->mean, a->scale, 1);
  for (int64_t r = first; r < last; r++) {
    real *d = (real *)a->dparams + r * width;
    if (masked(a, r))
      for (int64_t i = 0; i < width; i++) d[i] = 0;
    else
      backward_row(a, (const real *)a->params + r * width, (const real *)a->points + 3 * r, scale, d);
  }
}

int FN(sq_cpu_mixture_backward)(sq_exec *exec, const sq_mixture_args *a) {
  sq_split(exec, a->rows, 1, 128 * a->mixtures, backward_rows, a);
  return 0;
}
