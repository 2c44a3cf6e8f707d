/* householder.c - a recurrent network whose recurrent matrix stays orthogonal while it is trained.
 *
 *   h_t = g(W_ih x_t + b + Q h_{t-1})      Q = H_1 H_2 ... H_k      H_i = I - 2 v_i v_i^T / |v_i|^2
 *
 * Mhammedi, Hellicar, Rahman, Bailey, "Efficient orthogonal parametrisation of recurrent neural networks
 * using Householder reflections", ICML 2017.  Every Q of this form is orthogonal whatever the v_i, and k = H
 * reflections reach every orthogonal matrix with determinant (-1)^H; nothing has to be projected back after
 * an update.
 * Parameters: vectors [k,H] = the v_i.  A product costs O(H k).  v_i = 0 stands for the identity.
 *
 * The pointwise step is the vanilla network's (rnn.c), with all its activations.
 *
 * The product of one row, H_k first, and its gradient; u = H_i z, and d(u) is known:
 *   s = 2 / |v|^2     z = u - s (v.u) v     d(z) = d(u) - s (v.d(u)) v
 *   d(v) += -s ( (v.d(u)) z + (v.z) d(u) - s (v.d(u)) (v.z) v )
 * Its tangent, where ts = -s^2 (v.tv) and t(v.z) = v.tz + tv.z:
 *   tu = tz - s t(v.z) v - ts (v.z) v - s (v.z) tv
 * A reflection is its own inverse, so backward walks from Q h back to h and needs no record of what lies
 * between.
 */
#include <string.h>

#include "core/cells.h"
#include "core/dot.h"
#include "core/step.h"
#include "core/structures.h"

#if SEQGPU_REAL_BITS == 32
static int64_t vectors(const sq_layout *l) {
  return l->config.reflections ? l->config.reflections : l->config.hidden_size;
}

static int64_t params(const sq_layout *l, const sq_product *p) { return vectors(l) * p->cols; }
static int64_t prepared(const sq_layout *l, const sq_product *p) {
  (void)p;
  return vectors(l);
}
static int64_t scratch(const sq_layout *l, const sq_product *p) {
  (void)l;
  return 2 * p->cols;
}

const sq_structure sq_householder_structure = {.name = "householder",
                                               .params = params,
                                               .prepared = prepared,
                                               .scratch = scratch,
                                               .prepare_f32 = sq_householder_rows_prepare_f32,
                                               .prepare_f64 = sq_householder_rows_prepare_f64,
                                               .forward_f32 = sq_householder_rows_forward_f32,
                                               .forward_f64 = sq_householder_rows_forward_f64,
                                               .backward_f32 = sq_householder_rows_backward_f32,
                                               .backward_f64 = sq_householder_rows_backward_f64,
                                               .tangent_f32 = sq_householder_rows_tangent_f32,
                                               .tangent_f64 = sq_householder_rows_tangent_f64};

const char *sq_householder_layout(const sq_config *config, sq_layout *layout) {
  const int64_t H = config->hidden_size;
  if (config->reflections > H) return "reflections: must be at most hidden_size";
  sq_layout_one_gate(layout);
  const int v = sq_layout_add_param(layout, "vectors", vectors(layout), H);
  layout->param[v].init = "normal"; /* uniform directions */
  layout->param[v].init_scale = 1;
  sq_layout_add_product(layout, (sq_product){.param = v,
                                             .rows = H,
                                             .cols = H,
                                             .from = {.buffer = SQ_STATE_PREV},
                                             .to = {.buffer = SQ_GATES},
                                             .structure = &sq_householder_structure});
  return NULL;
}
#endif

void FN(sq_householder_forward)(const FN(sq_step) * s, int stage) { FN(sq_rnn_forward)(s, stage); }
void FN(sq_householder_backward)(const FN(sq_step) * s, int stage) { FN(sq_rnn_backward)(s, stage); }

/* ---- the product ---- */

/* The lanes of an inner product, whose order is this file's own (dot.h). */
enum { LANES = 16 };

SQ_INLINE real dot(int64_t n, const real *restrict a, const real *restrict b) {
  real lane[LANES] = {0}, rest = 0;
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int j = 0; j < LANES; j++) lane[j] += a[i + j] * b[i + j];
  for (; i < n; i++) rest += a[i] * b[i];
  return FN(sq_fold_sum)(LANES, lane) + rest;
}

/* prepared [k] = 2 / |v_i|^2 */
SQ_CLONES void FN(sq_householder_rows_prepare)(const sq_layout *layout, const sq_product *product,
                                               const real *theta, real *twice) {
  const int64_t H = product->cols, k = layout->param[product->param].rows;
  for (int64_t i = 0; i < k; i++) {
    const real square = dot(H, theta + i * H, theta + i * H);
    twice[i] = square > 0 ? 2 / square : 0;
  }
}

/* z -= s (v.z) v; returns v.z */
SQ_INLINE real reflect(int64_t n, real s, const real *restrict v, real *restrict z) {
  const real along = dot(n, v, z), step = s * along;
  for (int64_t i = 0; i < n; i++) z[i] -= step * v[i];
  return along;
}

SQ_CLONES static void forward_row(const FN(sq_rows) * r, const real *restrict from, real *restrict z) {
  const int64_t H = r->product->cols, k = r->layout->param[r->product->param].rows;
  memcpy(z, from, (size_t)H * sizeof(real));
  for (int64_t i = k - 1; i >= 0; i--) reflect(H, r->prepared[i], r->params + i * H, z);
}

/* z = Q from and d = d(to) on entry; d(from) on exit. */
SQ_CLONES static void backward_row(const FN(sq_rows) * r, real *restrict z, real *restrict d,
                                   real *restrict grads) {
  const int64_t H = r->product->cols, k = r->layout->param[r->product->param].rows;
  for (int64_t i = 0; i < k; i++) {
    const real *restrict v = r->params + i * H;
    real *restrict dv = grads + i * H;
    const real s = r->prepared[i], vd = dot(H, v, d);
    const real vz = -reflect(H, s, v, z); /* v.z = -v.u */
    const real a = -s * vd, b = -s * vz, c = s * s * vd * vz;
    for (int64_t j = 0; j < H; j++) dv[j] += a * z[j] + b * d[j] + c * v[j];
    for (int64_t j = 0; j < H; j++) d[j] += a * v[j];
  }
}

void FN(sq_householder_rows_forward)(const FN(sq_rows) * r) {
  const int64_t H = r->product->cols;
  for (int64_t b = 0; b < r->rows; b++) {
    real *z = r->scratch + b * 2 * H, *to = r->to + b * r->ld_to;
    forward_row(r, r->from + b * r->ld_from, z);
    for (int64_t j = 0; j < H; j++) to[j] = r->accumulate ? to[j] + z[j] : z[j];
  }
}

void FN(sq_householder_rows_backward)(const FN(sq_rows) * r) {
  const int64_t H = r->product->cols, count = r->layout->param[r->product->param].rows * H;
  for (int64_t b = 0; b < r->rows; b++) {
    real *z = r->scratch + b * 2 * H, *d = z + H, *dfrom = r->dfrom + b * r->ld_from;
    forward_row(r, r->from + b * r->ld_from, z);
    memcpy(d, r->dto + b * r->ld_to, (size_t)H * sizeof(real));
    backward_row(r, z, d, r->grads + b * count);
    for (int64_t j = 0; j < H; j++) dfrom[j] += d[j];
  }
}

/* z and its tangent tz = Q tz + Q' z, in place. */
SQ_CLONES static void tangent_row(const FN(sq_rows) * r, real *restrict z, real *restrict tz) {
  const int64_t H = r->product->cols, k = r->layout->param[r->product->param].rows;
  for (int64_t i = k - 1; i >= 0; i--) {
    const real *restrict v = r->params + i * H, *restrict tv = r->tparams + i * H;
    const real s = r->prepared[i], ts = -s * s * dot(H, v, tv), along_tv = dot(H, tv, z);
    const real vz = reflect(H, s, v, z);
    const real a = s * (dot(H, v, tz) + along_tv) + ts * vz, b = s * vz;
    for (int64_t j = 0; j < H; j++) tz[j] -= a * v[j] + b * tv[j];
  }
}

void FN(sq_householder_rows_tangent)(const FN(sq_rows) * r) {
  const int64_t H = r->product->cols;
  for (int64_t b = 0; b < r->rows; b++) {
    real *z = r->scratch + b * 2 * H, *tz = z + H, *to = r->to + b * r->ld_to;
    memcpy(z, r->from + b * r->ld_from, (size_t)H * sizeof(real));
    memcpy(tz, r->tfrom + b * r->ld_from, (size_t)H * sizeof(real));
    tangent_row(r, z, tz);
    for (int64_t j = 0; j < H; j++) to[j] += tz[j];
  }
}
