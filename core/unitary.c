/* unitary.c - the structured product of the unitary evolution RNN.
 *
 *   W = D3 R2 F^-1 D2 P R1 F D1                                   Arjovsky, Shah, Bengio 2016, eq. 6
 *
 *   D = diag(e^{i w_j})        R = I - 2 v v^* / |v|^2        P a fixed permutation, (P z)_j = z_{p(j)}
 *   F the unitary Fourier transform: 1 / sqrt n both ways, here 1 / n in D2
 *
 * Every factor is unitary, hence W too: it keeps the norm of h, and of a gradient, over any number of steps.
 * What the rounding of a factor does to the norm it does in every step, so the mean of that is taken back: of
 * D1 and D3 by D2, of the transforms by the way in which their tables are rounded (core/turn.h).  In float32
 * some 1e-8 a step is left, and more for less than 16 units.
 * 7 n parameters are learnt; a product takes O(n log n) operations.  Numbers are complex, in split form:
 * `from` and `to` are [Re h; Im h], 2n elements.  An invalid permutation (an index too large, a duplicate, or
 * NaN) stands for the identity, and so does v = 0.
 *
 * One row, and its gradient.  g at a complex number is dL/dRe + i dL/dIm, so that a linear step y = A z has
 * g_z = A^* g_y:
 *   x1 = F D1 h      r = R1 x1      x2 = F^-1 D2 P r      to = D3 R2 x2
 *   y = D z:   g_z = conj(e^{iw}) g_y             dw_j += Im(g_z) Re(z) - Re(g_z) Im(z)
 *   y = R z:   a = v^* z, b = v^* g_y, s = 2 / |v|^2
 *              g_z = g_y - s b v                  dv += -s (conj(a) g_y + conj(b) z - s Re(conj(b) a) v)
 * and tangents go through the factors like values:
 *   y = D z:   ty = e^{iw} tz + i tw y
 *   y = R z:   ty = tz - (s (v^* tz + tv^* z) + ts a) v - s a tv       ts = -s^2 Re(v^* tv)
 * Backward computes x1 and x2 again from h: two transforms forward and four backward, none of which is
 * reordered.
 */
#include "core/unitary.h"

#include <math.h>
#include <string.h>

#include "core/dot.h"
#include "core/structures.h"

#if SEQGPU_REAL_BITS == 32
static int64_t params(const sq_layout *l, const sq_product *p) {
  (void)l;
  return SQ_THETA_PARTS * (p->cols / 2);
}
static int64_t prepared_size(const sq_layout *l, const sq_product *p) {
  (void)l;
  return sq_unitary_tables(p->cols / 2) + sq_fft_tables(p->cols / 2);
}
/* x1, x2, the gradient and one more vector, and the transform's. */
static int64_t scratch(const sq_layout *l, const sq_product *p) {
  (void)l;
  return 4 * p->cols + sq_fft_scratch(p->cols / 2);
}

const sq_structure sq_unitary_structure = {.name = "unitary",
                                           .params = params,
                                           .prepared = prepared_size,
                                           .scratch = scratch,
                                           .prepare_f32 = sq_unitary_rows_prepare_f32,
                                           .prepare_f64 = sq_unitary_rows_prepare_f64,
                                           .forward_f32 = sq_unitary_rows_forward_f32,
                                           .forward_f64 = sq_unitary_rows_forward_f64,
                                           .backward_f32 = sq_unitary_rows_backward_f32,
                                           .backward_f64 = sq_unitary_rows_backward_f64,
                                           .tangent_f32 = sq_unitary_rows_tangent_f32,
                                           .tangent_f64 = sq_unitary_rows_tangent_f64};
#endif

/* ---- what all steps have in common ---- */

/* The index nearest to a parameter, in 0..n-1 whatever its value. */
static int64_t index_of(real x, int64_t n) {
  const real up = x + RC(0.5);
  return up >= 0 && up < (real)n ? (int64_t)up : 0;
}

static int is_permutation(int64_t n, const real *numbers, real *seen) {
  int64_t distinct = 0;
  memset(seen, 0, (size_t)n * sizeof *seen);
  for (int64_t j = 0; j < n; j++) seen[index_of(numbers[j], n)] = 1;
  for (int64_t j = 0; j < n; j++) distinct += seen[j] != 0;
  return distinct == n;
}

/* scale e^{iw} */
static void prepare_turn(double w, double scale, real *cosine, real *sine) {
  *cosine = (real)(scale * cos(w));
  *sine = (real)(scale * sin(w));
}

/* By how much the numbers are too long on average, to first order. */
static double excess_of(int64_t n, const real *c, const real *s) {
  double sum = 0;
  for (int64_t j = 0; j < n; j++) sum += (double)c[j] * (double)c[j] + (double)s[j] * (double)s[j] - 1;
  return sum / (2 * (double)n);
}

/* D2 makes up for what D1 and D3, as they are rounded, do to the norm in every step. */
static void prepare_phases(int64_t n, const real *phases, const real *order, real *prepared) {
  real *cosine[3], *sine[3];
  for (int d = 0; d < 3; d++) {
    cosine[d] = prepared + (SQ_UNITARY_COS1 + 2 * d) * n;
    sine[d] = cosine[d] + n;
  }
  for (int64_t j = 0; j < n; j++) {
    prepare_turn(phases[j], 1, &cosine[0][j], &sine[0][j]);
    prepare_turn(phases[2 * n + j], 1, &cosine[2][j], &sine[2][j]);
  }
  const double excess = excess_of(n, cosine[0], sine[0]) + excess_of(n, cosine[2], sine[2]);
  for (int64_t j = 0; j < n; j++)
    prepare_turn(phases[n + (int64_t)order[j]], (1 - excess) / (double)n, &cosine[1][j], &sine[1][j]);
}

/* 2 / |v|^2 */
static real scale_of(int64_t n, const real *v) {
  double square = 0;
  for (int64_t j = 0; j < 2 * n; j++) square += (double)v[j] * (double)v[j];
  return square > 0 ? (real)(2 / square) : 0;
}

void FN(sq_unitary_rows_prepare)(const sq_layout *layout, const sq_product *product, const real *theta,
                                 real *prepared) {
  (void)layout;
  const int64_t n = product->cols / 2;
  const real *v1 = theta + SQ_THETA_V1 * n, *permutation = theta + SQ_THETA_PERMUTATION * n;
  real *order = prepared + SQ_UNITARY_ORDER * n, *from = prepared + SQ_UNITARY_FROM * n;
  real *scales = prepared + SQ_UNITARY_PARTS * n;
  const int valid = is_permutation(n, permutation, from);
  for (int64_t k = 0; k < n; k++) {
    const int64_t f = sq_fft_place(n, k), source = valid ? index_of(permutation[f], n) : f;
    order[k] = (real)f;
    from[k] = (real)sq_fft_place(n, source);
    prepared[SQ_UNITARY_V1_RE * n + k] = v1[f];
    prepared[SQ_UNITARY_V1_IM * n + k] = v1[n + f];
    prepared[SQ_UNITARY_PV1_RE * n + k] = v1[source];
    prepared[SQ_UNITARY_PV1_IM * n + k] = v1[n + source];
  }
  prepare_phases(n, theta + SQ_THETA_PHASES * n, order, prepared);
  scales[0] = scale_of(n, v1);
  scales[1] = scale_of(n, theta + SQ_THETA_V2 * n);
  FN(sq_fft_prepare)(n, prepared + sq_unitary_tables(n));
}

/* ---- one row ---- */

typedef struct vector {
  real *re, *im;
} vector;

typedef struct complex_number {
  real re, im;
} complex_number;

/* A product seen from a row. */
typedef struct matrix {
  int64_t n;
  const real *theta, *prepared, *tables;
  real *work; /* the transform's */
} matrix;

#define PART(m, name)  ((m)->prepared + SQ_UNITARY_##name * (m)->n)
#define SCALE(m, i)    ((m)->prepared[SQ_UNITARY_PARTS * (m)->n + (i)])
#define THETA(m, name) ((m)->theta + SQ_THETA_##name * (m)->n)

/* The lanes of an inner product (dot.h). */
enum { LANES = 16 };

/* v^* z */
SQ_INLINE complex_number dot(int64_t n, const real *restrict vr, const real *restrict vi,
                             const real *restrict zr, const real *restrict zi) {
  real re[LANES] = {0}, im[LANES] = {0};
  int64_t j = 0;
  for (; j + LANES <= n; j += LANES)
    for (int l = 0; l < LANES; l++) {
      re[l] += vr[j + l] * zr[j + l] + vi[j + l] * zi[j + l];
      im[l] += vr[j + l] * zi[j + l] - vi[j + l] * zr[j + l];
    }
  for (int l = 0; j < n; j++, l++) {
    re[l] += vr[j] * zr[j] + vi[j] * zi[j];
    im[l] += vr[j] * zi[j] - vi[j] * zr[j];
  }
  return (complex_number){FN(sq_fold_sum)(LANES, re), FN(sq_fold_sum)(LANES, im)};
}

/* y = D z */
SQ_INLINE void turn(int64_t n, const real *restrict c, const real *restrict s, const real *restrict zr,
                    const real *restrict zi, real *restrict yr, real *restrict yi) {
  for (int64_t j = 0; j < n; j++) {
    yr[j] = c[j] * zr[j] - s[j] * zi[j];
    yi[j] = c[j] * zi[j] + s[j] * zr[j];
  }
}

/* x2 = D2 P (x1 - a v1), a = s v1^* x1: P and R1 in one pass. */
SQ_INLINE void reflect_and_permute(const matrix *m, complex_number a, const real *restrict x1r,
                                   const real *restrict x1i, real *restrict x2r, real *restrict x2i) {
  const real *restrict from = PART(m, FROM), *restrict vr = PART(m, PV1_RE), *restrict vi = PART(m, PV1_IM);
  const real *restrict c = PART(m, COS2), *restrict s = PART(m, SIN2);
  for (int64_t k = 0; k < m->n; k++) {
    const int32_t at = (int32_t)from[k];
    const real re = x1r[at] - (a.re * vr[k] - a.im * vi[k]), im = x1i[at] - (a.re * vi[k] + a.im * vr[k]);
    x2r[k] = c[k] * re - s[k] * im;
    x2i[k] = c[k] * im + s[k] * re;
  }
}

SQ_INLINE complex_number scaled(real s, complex_number z) { return (complex_number){s * z.re, s * z.im}; }

/* x1 = F D1 h */
SQ_CLONES static void first_half(const matrix *m, const real *h, vector x1) {
  turn(m->n, PART(m, COS1), PART(m, SIN1), h, h + m->n, x1.re, x1.im);
  FN(sq_fft_forward)(m->n, m->tables, x1.re, x1.im, m->work);
}

/* x2 = F^-1 D2 P R1 x1; returns s v1^* x1. */
SQ_CLONES static complex_number second_half(const matrix *m, vector x1, vector x2) {
  const complex_number a = scaled(SCALE(m, 0), dot(m->n, PART(m, V1_RE), PART(m, V1_IM), x1.re, x1.im));
  reflect_and_permute(m, a, x1.re, x1.im, x2.re, x2.im);
  FN(sq_fft_inverse)(m->n, m->tables, x2.re, x2.im, m->work);
  return a;
}

/* to (+)= D3 R2 x2 */
SQ_CLONES static void last_factors(const matrix *m, const real *restrict zr, const real *restrict zi,
                                   int accumulate, real *restrict to) {
  const int64_t n = m->n;
  const real *restrict vr = THETA(m, V2), *restrict vi = vr + n;
  const real *restrict c = PART(m, COS3), *restrict s = PART(m, SIN3);
  const complex_number a = scaled(SCALE(m, 1), dot(n, vr, vi, zr, zi));
  if (!accumulate) memset(to, 0, (size_t)(2 * n) * sizeof *to);
  for (int64_t j = 0; j < n; j++) {
    const real re = zr[j] - (a.re * vr[j] - a.im * vi[j]), im = zi[j] - (a.re * vi[j] + a.im * vr[j]);
    to[j] += c[j] * re - s[j] * im;
    to[n + j] += c[j] * im + s[j] * re;
  }
}

/* ---- backward of one row ---- */

/* What the gradients of a reflection have in common: dv += da g + db z + dd v and g_z = g - sb v. */
typedef struct reflection {
  complex_number sa, sb; /* s v^* z, s v^* g */
  real dd;
} reflection;

SQ_INLINE reflection reflection_of(real s, complex_number sa, complex_number b) {
  const complex_number sb = scaled(s, b);
  return (reflection){sa, sb, sb.re * sa.re + sb.im * sa.im};
}

/* Both D3 and R2: g = D3^* d(to) becomes the gradient at x2; their parameters' gradients. */
SQ_CLONES static void backward_last(const matrix *m, const real *restrict dto, const real *restrict zr,
                                    const real *restrict zi, real *restrict gr, real *restrict gi,
                                    real *restrict grads) {
  const int64_t n = m->n;
  const real *restrict vr = THETA(m, V2), *restrict vi = vr + n;
  const real *restrict c = PART(m, COS3), *restrict s = PART(m, SIN3);
  real *restrict dw = grads + (SQ_THETA_PHASES + 2) * n, *restrict dv = grads + SQ_THETA_V2 * n;
  for (int64_t j = 0; j < n; j++) {
    gr[j] = c[j] * dto[j] + s[j] * dto[n + j];
    gi[j] = c[j] * dto[n + j] - s[j] * dto[j];
  }
  const reflection r =
      reflection_of(SCALE(m, 1), scaled(SCALE(m, 1), dot(n, vr, vi, zr, zi)), dot(n, vr, vi, gr, gi));
  for (int64_t j = 0; j < n; j++) {
    const real ur = zr[j] - (r.sa.re * vr[j] - r.sa.im * vi[j]);
    const real ui = zi[j] - (r.sa.re * vi[j] + r.sa.im * vr[j]);
    dw[j] += gi[j] * ur - gr[j] * ui;
    dv[j] -= r.sa.re * gr[j] + r.sa.im * gi[j] + r.sb.re * zr[j] + r.sb.im * zi[j] - r.dd * vr[j];
    dv[n + j] -= r.sa.re * gi[j] - r.sa.im * gr[j] + r.sb.re * zi[j] - r.sb.im * zr[j] - r.dd * vi[j];
    gr[j] -= r.sb.re * vr[j] - r.sb.im * vi[j];
    gi[j] -= r.sb.re * vi[j] + r.sb.im * vr[j];
  }
}

/* D2 and P: g, placed, at their result becomes d at r = R1 x1; dw2.  P itself is not learnt. */
SQ_CLONES static void backward_permute(const matrix *m, complex_number a, vector x1, const real *restrict gr,
                                       const real *restrict gi, real *restrict dr, real *restrict di,
                                       real *restrict grads) {
  const int64_t n = m->n;
  const real *restrict from = PART(m, FROM), *restrict order = PART(m, ORDER);
  const real *restrict vr = PART(m, PV1_RE), *restrict vi = PART(m, PV1_IM);
  const real *restrict c = PART(m, COS2), *restrict s = PART(m, SIN2);
  real *restrict dw = grads + (SQ_THETA_PHASES + 1) * n;
  for (int64_t k = 0; k < n; k++) {
    const int32_t at = (int32_t)from[k];
    const real ur = x1.re[at] - (a.re * vr[k] - a.im * vi[k]), ui = x1.im[at] - (a.re * vi[k] + a.im * vr[k]);
    const real re = c[k] * gr[k] + s[k] * gi[k], im = c[k] * gi[k] - s[k] * gr[k];
    dw[(int32_t)order[k]] += im * ur - re * ui;
    dr[at] = re;
    di[at] = im;
  }
}

/* R1: d at its result becomes d at x1; dv1. */
SQ_CLONES static void backward_first_reflection(const matrix *m, complex_number sa, const real *restrict zr,
                                                const real *restrict zi, real *restrict dr, real *restrict di,
                                                real *restrict grads) {
  const int64_t n = m->n;
  const real *restrict vr = PART(m, V1_RE), *restrict vi = PART(m, V1_IM), *restrict order = PART(m, ORDER);
  real *restrict dv = grads + SQ_THETA_V1 * n;
  const reflection r = reflection_of(SCALE(m, 0), sa, dot(n, vr, vi, dr, di));
  for (int64_t k = 0; k < n; k++) {
    const int32_t f = (int32_t)order[k];
    dv[f] -= r.sa.re * dr[k] + r.sa.im * di[k] + r.sb.re * zr[k] + r.sb.im * zi[k] - r.dd * vr[k];
    dv[n + f] -= r.sa.re * di[k] - r.sa.im * dr[k] + r.sb.re * zi[k] - r.sb.im * zr[k] - r.dd * vi[k];
  }
  for (int64_t k = 0; k < n; k++) {
    dr[k] -= r.sb.re * vr[k] - r.sb.im * vi[k];
    di[k] -= r.sb.re * vi[k] + r.sb.im * vr[k];
  }
}

/* D1: d(from) += D1^* d; dw1. */
SQ_CLONES static void backward_first_phases(const matrix *m, const real *restrict h, const real *restrict dr,
                                            const real *restrict di, real *restrict dfrom,
                                            real *restrict grads) {
  const int64_t n = m->n;
  const real *restrict c = PART(m, COS1), *restrict s = PART(m, SIN1);
  for (int64_t j = 0; j < n; j++) {
    const real re = c[j] * dr[j] + s[j] * di[j], im = c[j] * di[j] - s[j] * dr[j];
    grads[j] += im * h[j] - re * h[n + j];
    dfrom[j] += re;
    dfrom[n + j] += im;
  }
}

/* ---- the rows ---- */

/* Vector i of a row's scratch. */
static vector room(const FN(sq_rows) * r, int64_t b, int i) {
  const int64_t cols = r->product->cols;
  real *at = r->scratch + b * (4 * cols + sq_fft_scratch(cols / 2)) + i * cols;
  return (vector){at, at + cols / 2};
}

static matrix matrix_of(const FN(sq_rows) * r, int64_t b) {
  const int64_t n = r->product->cols / 2;
  return (matrix){.n = n,
                  .theta = r->params,
                  .prepared = r->prepared,
                  .tables = r->prepared + sq_unitary_tables(n),
                  .work = room(r, b, 4).re};
}

void FN(sq_unitary_rows_forward)(const FN(sq_rows) * r) {
  for (int64_t b = 0; b < r->rows; b++) {
    const matrix m = matrix_of(r, b);
    const vector x1 = room(r, b, 0), x2 = room(r, b, 1);
    first_half(&m, r->from + b * r->ld_from, x1);
    second_half(&m, x1, x2);
    last_factors(&m, x2.re, x2.im, r->accumulate, r->to + b * r->ld_to);
  }
}

void FN(sq_unitary_rows_backward)(const FN(sq_rows) * r) {
  for (int64_t b = 0; b < r->rows; b++) {
    const matrix m = matrix_of(r, b);
    const vector x1 = room(r, b, 0), x2 = room(r, b, 1), g = room(r, b, 2), d = room(r, b, 3);
    const real *h = r->from + b * r->ld_from;
    real *grads = r->grads + b * SQ_THETA_PARTS * m.n;
    first_half(&m, h, x1);
    const complex_number sa = second_half(&m, x1, x2);
    backward_last(&m, r->dto + b * r->ld_to, x2.re, x2.im, g.re, g.im, grads);
    FN(sq_fft_forward)(m.n, m.tables, g.re, g.im, m.work); /* the adjoint of the unscaled inverse */
    backward_permute(&m, sa, x1, g.re, g.im, d.re, d.im, grads);
    backward_first_reflection(&m, sa, x1.re, x1.im, d.re, d.im, grads);
    FN(sq_fft_inverse)(m.n, m.tables, d.re, d.im, m.work);
    backward_first_phases(&m, h, d.re, d.im, r->dfrom + b * r->ld_from, grads);
  }
}

/* ---- tangent of one row: z becomes a factor's result, tz its tangent ---- */

/* z = D z, in place, where tw are the tangents of D's phases. */
SQ_CLONES static void turn_tangent(int64_t n, const real *restrict c, const real *restrict s,
                                   const real *restrict tw, vector z, vector tz) {
  for (int64_t j = 0; j < n; j++) {
    const real re = c[j] * z.re[j] - s[j] * z.im[j], im = c[j] * z.im[j] + s[j] * z.re[j];
    const real tre = c[j] * tz.re[j] - s[j] * tz.im[j], tim = c[j] * tz.im[j] + s[j] * tz.re[j];
    z.re[j] = re;
    z.im[j] = im;
    tz.re[j] = tre - tw[j] * im;
    tz.im[j] = tim + tw[j] * re;
  }
}

/* z -= a v */
SQ_INLINE void subtract(int64_t n, complex_number a, const real *restrict vr, const real *restrict vi,
                        vector z) {
  for (int64_t j = 0; j < n; j++) {
    z.re[j] -= a.re * vr[j] - a.im * vi[j];
    z.im[j] -= a.re * vi[j] + a.im * vr[j];
  }
}

/* z = R z, in place. */
SQ_CLONES static void reflect_tangent(int64_t n, real s, const real *vr, const real *vi, const real *tvr,
                                      const real *tvi, vector z, vector tz) {
  const complex_number a = dot(n, vr, vi, z.re, z.im), b = dot(n, tvr, tvi, z.re, z.im);
  const complex_number c = dot(n, vr, vi, tz.re, tz.im);
  const real ts = -s * s * dot(n, vr, vi, tvr, tvi).re;
  subtract(n, (complex_number){s * (b.re + c.re) + ts * a.re, s * (b.im + c.im) + ts * a.im}, vr, vi, tz);
  subtract(n, scaled(s, a), tvr, tvi, tz);
  subtract(n, scaled(s, a), vr, vi, z);
}

/* to = P from: what lies at a place comes from another. */
SQ_INLINE void permute(const matrix *m, vector from, vector to) {
  for (int64_t k = 0; k < m->n; k++) {
    const int32_t at = (int32_t)PART(m, FROM)[k];
    to.re[k] = from.re[at];
    to.im[k] = from.im[at];
  }
}

/* to = numbers in the order of the places between F and F^-1. */
SQ_INLINE void place(const matrix *m, const real *from, real *to) {
  for (int64_t k = 0; k < m->n; k++) to[k] = from[(int32_t)PART(m, ORDER)[k]];
}

/* From z = h in vectors 0 and 1 to D3 R2 x2 in vectors 2 and 3; theta' as theta. */
static void tangent_row(const matrix *m, const real *ttheta, vector z, vector tz, vector x2, vector tx2) {
  const int64_t n = m->n;
  const real *tw = ttheta + SQ_THETA_PHASES * n, *tv1 = ttheta + SQ_THETA_V1 * n,
             *tv2 = ttheta + SQ_THETA_V2 * n;
  turn_tangent(n, PART(m, COS1), PART(m, SIN1), tw, z, tz);
  FN(sq_fft_forward)(n, m->tables, z.re, z.im, m->work);
  FN(sq_fft_forward)(n, m->tables, tz.re, tz.im, m->work);
  place(m, tv1, x2.re);
  place(m, tv1 + n, x2.im);
  reflect_tangent(n, SCALE(m, 0), PART(m, V1_RE), PART(m, V1_IM), x2.re, x2.im, z, tz);
  permute(m, z, x2);
  permute(m, tz, tx2);
  place(m, tw + n, z.re);
  turn_tangent(n, PART(m, COS2), PART(m, SIN2), z.re, x2, tx2);
  FN(sq_fft_inverse)(n, m->tables, x2.re, x2.im, m->work);
  FN(sq_fft_inverse)(n, m->tables, tx2.re, tx2.im, m->work);
  reflect_tangent(n, SCALE(m, 1), THETA(m, V2), THETA(m, V2) + n, tv2, tv2 + n, x2, tx2);
  turn_tangent(n, PART(m, COS3), PART(m, SIN3), tw + 2 * n, x2, tx2);
}

void FN(sq_unitary_rows_tangent)(const FN(sq_rows) * r) {
  const size_t bytes = (size_t)r->product->cols * sizeof(real);
  for (int64_t b = 0; b < r->rows; b++) {
    const matrix m = matrix_of(r, b);
    const vector z = room(r, b, 0), tz = room(r, b, 1), x2 = room(r, b, 2), tx2 = room(r, b, 3);
    real *to = r->to + b * r->ld_to;
    memcpy(z.re, r->from + b * r->ld_from, bytes);
    memcpy(tz.re, r->tfrom + b * r->ld_from, bytes);
    tangent_row(&m, r->tparams, z, tz, x2, tx2);
    for (int64_t j = 0; j < r->product->cols; j++) to[j] += tx2.re[j];
  }
}
