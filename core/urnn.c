/* urnn.c - unitary evolution recurrent network.  Arjovsky, Shah, Bengio 2016.
 *
 *   z_t = W h_{t-1} + V x_t        W unitary: unitary.c; V complex, no bias
 *   h_t = modReLU(z_t)             z (r + b) / r where r + b > 0, else 0   (eq. 8)
 *                                  r = |z|; b is a real number per unit
 *
 * Deviation: r = sqrt(|z|^2 + 1e-10), which is |z| except below about 1e-4, where z / |z| is not usefully
 * differentiable.  So h and its gradient are defined and finite everywhere, and with b = 0 modReLU is exactly
 * the identity.
 *
 * n = hidden_size complex units; states, gates and y are [Re; Im], 2n elements, so that the layer above sees
 * both.
 * gates [B,2n] = z.   aux [B,n] = q = 1/r; its gradient buffer holds b's.
 * The first h is a parameter, h0.  Initial values: section 4.2 and the authors' program.
 *
 * Backward, with m = z . dh = Re(z) Re(dh) + Im(z) Im(dh), where r + b > 0, else 0:
 *   dz = (1 + b q) dh - b q^3 m z          db = q m
 */
#include <math.h>

#include "core/cells.h"
#include "core/step.h"
#include "core/structures.h"
#include "core/unitary.h"

#define PI 3.14159265358979323846

/* Smoothes |z| at 0. */
#define TINY RC(1e-10)

/* The order of the parameters. */
enum { WEIGHT_IH, BIAS_MOD, PHASES, REFLECTIONS, PERMUTATION, H0 };

#if SEQGPU_REAL_BITS == 32
static void add_param(sq_layout *l, const char *name, int64_t rows, int64_t cols, const char *init,
                      double scale) {
  const int index = sq_layout_add_param(l, name, rows, cols);
  l->param[index].init = init;
  l->param[index].init_scale = scale;
}

const char *sq_urnn_layout(const sq_config *config, sq_layout *layout) {
  const int64_t n = config->hidden_size;
  if (n > SQ_UNITARY_MOST) return "hidden_size: must be at most 16777216";
  layout->aux = n;
  layout->output = 2 * n;
  layout->states = 1;
  layout->state_width[0] = 2 * n;
  layout->stages = 1;
  sq_layout_add_input(layout, 2 * n, 0);
  layout->param[WEIGHT_IH].init = "xavier";
  layout->param[WEIGHT_IH].init_scale = 1;
  add_param(layout, "bias_mod", n, 1, "uniform", 0.01);
  add_param(layout, "phases", 3, n, "uniform", PI);
  add_param(layout, "reflections", 2, 2 * n, "uniform", 1);
  add_param(layout, "permutation", n, 1, "permutation", 1);
  add_param(layout, "h0", 2 * n, 1, "uniform", sqrt(3 / (2 * (double)n)));
  layout->param[PERMUTATION].fixed = 1;
  layout->initial[0] = H0;
  sq_layout_add_product(layout, (sq_product){.param = PHASES,
                                             .rows = 2 * n,
                                             .cols = 2 * n,
                                             .from = {.buffer = SQ_STATE_PREV},
                                             .to = {.buffer = SQ_GATES},
                                             .structure = &sq_unitary_structure});
  for (int64_t part = 0; part < 2; part++) /* Re and Im of a unit */
    sq_layout_add_result(layout, (sq_result){.to = {.buffer = SQ_STATE, .column = part * n}, .units = n});
  sq_layout_add_sum(layout, (sq_sum){.param = BIAS_MOD, .width = n, .to = {.buffer = SQ_AUX}});
  return NULL;
}
#endif

static const real *bias_of(const FN(sq_step) * s) { return s->params + s->layout->param[BIAS_MOD].offset; }

SQ_CLONES static void forward_row(int64_t n, const real *restrict b, const real *restrict z, real *restrict q,
                                  real *restrict h, real *restrict y) {
  for (int64_t j = 0; j < n; j++) {
    q[j] = 1 / (real)sqrt(z[j] * z[j] + z[n + j] * z[n + j] + TINY);
    const real factor = 1 + b[j] * q[j], k = factor > 0 ? factor : 0;
    y[j] = h[j] = k * z[j];
    y[n + j] = h[n + j] = k * z[n + j];
  }
}

SQ_CLONES static void backward_row(int64_t n, const real *restrict b, const real *restrict z,
                                   const real *restrict q, real *restrict dh, real *restrict dz,
                                   real *restrict db) {
  for (int64_t j = 0; j < n; j++) {
    const real bq = b[j] * q[j], active = 1 + bq > 0 ? 1 : 0;
    const real m = active * q[j] * (z[j] * dh[j] + z[n + j] * dh[n + j]);
    const real direct = active * (1 + bq), radial = bq * q[j] * m;
    dz[j] = direct * dh[j] - radial * z[j];
    dz[n + j] = direct * dh[n + j] - radial * z[n + j];
    db[j] = m;
    dh[j] = dh[n + j] = 0; /* h_{t-1} enters only through the product */
  }
}

void FN(sq_urnn_forward)(const FN(sq_step) * s, int stage) {
  (void)stage;
  const int64_t n = s->layout->config.hidden_size;
  SQ_FORWARD_ROWS(s, b) {
    forward_row(n, bias_of(s), s->gates + b * 2 * n, s->aux + b * n, s->next[0] + b * 2 * n,
                s->y + b * s->ldy);
  }
}

void FN(sq_urnn_backward)(const FN(sq_step) * s, int stage) {
  (void)stage;
  const int64_t n = s->layout->config.hidden_size;
  SQ_BACKWARD_ROWS(s, b) {
    FN(sq_step_add_dy)(s, b, s->dstate[0] + b * 2 * n);
    backward_row(n, bias_of(s), s->gates + b * 2 * n, s->aux + b * n, s->dstate[0] + b * 2 * n,
                 s->dgates + b * 2 * n, s->daux + b * n);
  }
}
