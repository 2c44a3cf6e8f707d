/* factor.c - the factored recurrent product of multiplicative cells; equations and paper in factor.h. */
#include "core/factor.h"

#if SEQGPU_REAL_BITS == 32
void sq_factor_layout(sq_layout *layout, int64_t own) {
  const int64_t H = layout->config.hidden_size,
                F = layout->config.factor_size ? layout->config.factor_size : H;
  layout->config.factor_size = F;
  layout->aux = 2 * F;
  layout->stages = 2;
  sq_layout_add_input(layout, own + F, own);
  const int wfh = sq_layout_add_param(layout, "weight_fh", F, H);
  const int whf = sq_layout_add_param(layout, "weight_hf", own, F);
  const sq_place gates = {.buffer = SQ_GATES}, fx = {.buffer = SQ_GATES, .column = own};
  const sq_place fh = {.buffer = SQ_AUX}, m = {.buffer = SQ_AUX, .column = F}, h = {.buffer = SQ_STATE_PREV};
  sq_layout_add_product(layout,
                        (sq_product){.stage = 0, .param = wfh, .rows = F, .cols = H, .from = h, .to = fh});
  sq_layout_add_product(
      layout, (sq_product){.stage = 1, .param = whf, .rows = own, .cols = F, .from = m, .to = gates});
  sq_layout_add_result(layout, (sq_result){.to = m, .units = F, .first_gate = own});
  sq_layout_add_part(layout, "fx", fx, F);
  sq_layout_add_part(layout, "m", m, F);
}
#endif

SQ_CLONES static void forward_row(int64_t F, const real *restrict fx, const real *restrict fh,
                                  real *restrict m) {
  for (int64_t j = 0; j < F; j++) m[j] = fx[j] * fh[j];
}

SQ_CLONES static void backward_row(int64_t F, const real *restrict fx, const real *restrict fh,
                                   const real *restrict e, real *restrict dfx, real *restrict dfh) {
  for (int64_t j = 0; j < F; j++) {
    dfx[j] = e[j] * fh[j];
    dfh[j] = e[j] * fx[j];
  }
}

void FN(sq_factor_forward)(const FN(sq_step) * s) {
  const int64_t F = s->layout->config.factor_size, N = s->layout->biased;
  SQ_FORWARD_ROWS(s, b) {
    real *aux = s->aux + b * 2 * F;
    forward_row(F, s->gates + b * (N + F) + N, aux, aux + F);
  }
}

void FN(sq_factor_backward)(const FN(sq_step) * s) {
  const int64_t F = s->layout->config.factor_size, N = s->layout->biased;
  SQ_BACKWARD_ROWS(s, b) {
    const int64_t fx = b * (N + F) + N, fh = b * 2 * F;
    backward_row(F, s->gates + fx, s->aux + fh, s->daux + fh + F, s->dgates + fx, s->daux + fh);
  }
}
