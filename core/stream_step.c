/* stream_step.c - the pointwise steps of plain LSTMs and GRUs for streams, for one instruction set.
 *
 *   lstm   c = s(f) c_{t-1} + s(i) tanh(g)     h = s(o) tanh(c)                gates [B,4H] = i,f,g,o (lstm.c)
 *   gru    c = tanh(c + s(r) (q + b_rec))      h = (1-s(u)) c + s(u) h_{t-1}   gates [B,3H] = r,u,c, aux = q
 *
 * Compiled once for each instruction set with -DSQ_ISA=name.  The cells' own steps (lstm.c, gru.c) go over a
 * row once for each gate and keep what backward reads.  A stream keeps nothing, and its rows are short, so
 * here a row is one loop in which the gates of a unit are independent of one another: 1.6 times as fast
 * at H = 16 (AVX2), where the time of a loop is that of its longest chain.
 *
 * s(x) = 1/(1+e^-x) with one power of two, since -x is kept inside +-87, where e^-x is a normal number.
 * Largest relative error, over every seventh float, 1.5e-7 for x >= -87; below, s(x) stays at 1.65e-38.
 */
#include "core/step.h"
#include "core/stream_kernel.h"

SQ_INLINE float sigmoid(float x) {
  float a = -x > 87.0f ? 87.0f : -x; /* this way round a NaN stays */
  a = a < -87.0f ? -87.0f : a;
  uint32_t n;
  const float e = 1.0f + sq_exp_reduce(a, &n);
  return 1.0f / (1.0f + e * sq_float_power2(n - 512u + 127u));
}

static void lstm_row(int64_t H, const float *restrict a, const float *restrict cp, float *restrict c,
                     float *restrict h, float *restrict y) {
  for (int64_t j = 0; j < H; j++) {
    const float i = sigmoid(a[j]), f = sigmoid(a[H + j]), o = sigmoid(a[3 * H + j]);
    c[j] = f * cp[j] + i * sq_tanh_f32(a[2 * H + j]);
    y[j] = h[j] = o * sq_tanh_f32(c[j]);
  }
}

static void gru_row(int64_t H, const float *restrict a, const float *restrict q, const float *restrict bias,
                    const float *restrict hp, float *restrict h, float *restrict y) {
  for (int64_t j = 0; j < H; j++) {
    const float r = sigmoid(a[j]), u = sigmoid(a[H + j]);
    const float c = sq_tanh_f32(a[2 * H + j] + r * (q[j] + bias[j]));
    y[j] = h[j] = (1 - u) * c + u * hp[j];
  }
}

void SQ_STREAM(lstm)(const struct sq_step_f32 *s) {
  const int64_t H = s->layout->config.hidden_size;
  SQ_FORWARD_ROWS(s, b) {
    lstm_row(H, s->gates + b * 4 * H, s->prev[1] + b * H, s->next[1] + b * H, s->next[0] + b * H,
             s->y + b * s->ldy);
  }
}

/* b_rec is the layer's last parameter. */
void SQ_STREAM(gru)(const struct sq_step_f32 *s) {
  const int64_t H = s->layout->config.hidden_size;
  const float *bias = s->params + s->layout->param[s->layout->params - 1].offset;
  SQ_FORWARD_ROWS(s, b) {
    gru_row(H, s->gates + b * 3 * H, s->aux + b * H, bias, s->prev[0] + b * H, s->next[0] + b * H,
            s->y + b * s->ldy);
  }
}
