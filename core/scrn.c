/* scrn.c - structurally constrained recurrent network: a hidden layer beside a context that changes slowly.
 *
 *   s_t = (1 - alpha) B x_t + alpha s_{t-1}                     context, C units      (eq. 5)
 *   h_t = sigmoid(P s_t + A x_t + R h_{t-1} + b)                hidden, H units       (eq. 6)
 *   y_t = [h_t | s_t]    the layer above weighs both:  U h_t + V s_t  (eq. 7)
 *
 * Mikolov, Joulin, Chopra, Mathieu, Ranzato, "Learning longer memory in recurrent neural networks", ICLR
 * workshop 2015.  The paper has no bias; ours belongs to the hidden half alone, so the context stays a plain
 * average of B x.
 * a = 1 - alpha is the leak, config.leak; 0 stands for the paper's 0.05.  With learn_leak each context unit
 * learns its own, a = sigmoid(leak_logit), starting from config.leak (the paper's section 3.3: "adaptive
 * context features").
 *
 * Parameters: weight_ih [H+C,I] = A over B, bias [H], weight_hh [H,H] = R, weight_hs [H,C] = P, leak_logit
 * [C].
 * gates [B,H+C] = h, then bx = B x (u below).  States: h [B,H], s [B,C].
 * Stage 0 computes s; stage 1 computes h, after the products P s_t and R h_{t-1}.
 * aux [B,C], with learn_leak only: nothing forward; backward, the gradient at leak_logit.
 *
 * Backward:  d(pre-activation of h) = dh h (1 - h);  the driver adds P^T of it to ds, R^T of it to dh_{t-1};
 *            du = a ds     ds_{t-1} = (1 - a) ds     d(leak_logit) = ds (u - s_{t-1}) a (1 - a)
 */
#include "core/cells.h"
#include "core/step.h"

#if SEQGPU_REAL_BITS == 32
const char *sq_scrn_layout(const sq_config *config, sq_layout *layout) {
  const int64_t H = config->hidden_size, C = config->context_size ? config->context_size : H;
  const double leak = config->leak != 0 ? config->leak : 0.05; /* the paper's */
  if (config->learn_leak && leak == 1) return "learn_leak: learning must begin at a leak below 1";
  layout->config.leak = leak;
  layout->output = H + C;
  layout->aux = config->learn_leak ? C : 0;
  layout->states = layout->stages = 2;
  layout->state_width[0] = H;
  layout->state_width[1] = C;
  sq_layout_add_input(layout, H + C, H);
  const int whh = sq_layout_add_param(layout, "weight_hh", H, H);
  const int whs = sq_layout_add_param(layout, "weight_hs", H, C);
  sq_product recurrent = {.stage = 1, .param = whh, .rows = H, .cols = H};
  recurrent.from = (sq_place){.buffer = SQ_STATE_PREV};
  recurrent.to = (sq_place){.buffer = SQ_GATES};
  sq_layout_add_product(layout, recurrent);
  sq_product context = {.stage = 1, .param = whs, .rows = H, .cols = C};
  context.from = (sq_place){.buffer = SQ_STATE, .state = 1};
  context.to = (sq_place){.buffer = SQ_GATES};
  sq_layout_add_product(layout, context);
  sq_layout_add_result(layout,
                       (sq_result){.to = {.buffer = SQ_STATE, .state = 1}, .units = C, .first_gate = H});
  sq_layout_add_part(layout, "bx", (sq_place){.buffer = SQ_GATES, .column = H}, C);
  if (!config->learn_leak) return NULL;
  const int logit = sq_layout_add_param(layout, "leak_logit", C, 1);
  layout->param[logit].init = "constant";
  layout->param[logit].init_scale = log(leak / (1 - leak));
  sq_layout_add_sum(layout, (sq_sum){.param = logit, .width = C, .to = {.buffer = SQ_AUX}});
  return NULL;
}
#endif

/* leak_logit, or NULL where all units share the leak of the config. */
static const real *logits(const FN(sq_step) * s) {
  if (!s->layout->config.learn_leak) return NULL;
  return s->params + s->layout->param[sq_layout_param(s->layout, "leak_logit")].offset;
}

SQ_INLINE real leak_of(const real *logit, real shared, int64_t j) {
  return logit ? FN(sq_sigmoid)(logit[j]) : shared;
}

SQ_CLONES static void forward_context(const FN(sq_step) * s, int64_t b, const real *restrict logit) {
  const int64_t H = s->layout->state_width[0], C = s->layout->state_width[1];
  const real shared = (real)s->layout->config.leak;
  const real *restrict u = s->gates + b * (H + C) + H, *restrict old = s->prev[1] + b * C;
  real *restrict context = s->next[1] + b * C, *restrict y = s->y + b * s->ldy + H;
  for (int64_t j = 0; j < C; j++) {
    const real a = leak_of(logit, shared, j);
    y[j] = context[j] = a * u[j] + (1 - a) * old[j];
  }
}

SQ_CLONES static void forward_hidden(const FN(sq_step) * s, int64_t b) {
  const int64_t H = s->layout->state_width[0];
  real *restrict a = s->gates + b * s->layout->gates;
  real *restrict h = s->next[0] + b * H, *restrict y = s->y + b * s->ldy;
  FN(sq_activate_row)(SQ_SIGMOID, H, a, a);
  for (int64_t j = 0; j < H; j++) y[j] = h[j] = a[j];
}

SQ_CLONES static void backward_hidden(const FN(sq_step) * s, int64_t b) {
  const int64_t H = s->layout->state_width[0], G = s->layout->gates;
  const real *restrict h = s->gates + b * G;
  real *restrict d = s->dgates + b * G, *restrict dh = s->dstate[0] + b * H;
  FN(sq_step_add_dy_part)(s, b, 0, H, dh);
  for (int64_t j = 0; j < H; j++) {
    d[j] = dh[j] * h[j] * (1 - h[j]);
    dh[j] = 0; /* h_{t-1} enters only through the product */
  }
}

SQ_CLONES static void backward_context(const FN(sq_step) * s, int64_t b, const real *restrict logit) {
  const int64_t H = s->layout->state_width[0], C = s->layout->state_width[1];
  const real shared = (real)s->layout->config.leak;
  const real *restrict u = s->gates + b * (H + C) + H, *restrict old = s->prev[1] + b * C;
  real *restrict ds = s->dstate[1] + b * C, *restrict du = s->dgates + b * (H + C) + H;
  real *restrict dlogit = logit ? s->daux + b * C : NULL;
  FN(sq_step_add_dy_part)(s, b, H, C, ds);
  for (int64_t j = 0; j < C; j++) {
    const real a = leak_of(logit, shared, j);
    if (dlogit) dlogit[j] = ds[j] * (u[j] - old[j]) * a * (1 - a);
    du[j] = a * ds[j];
    ds[j] *= 1 - a;
  }
}

void FN(sq_scrn_forward)(const FN(sq_step) * s, int stage) {
  const real *logit = logits(s);
  SQ_FORWARD_ROWS(s, b) {
    if (stage == 0)
      forward_context(s, b, logit);
    else
      forward_hidden(s, b);
  }
}

void FN(sq_scrn_backward)(const FN(sq_step) * s, int stage) {
  const real *logit = logits(s);
  SQ_BACKWARD_ROWS(s, b) {
    if (stage == 1)
      backward_hidden(s, b);
    else
      backward_context(s, b, logit);
  }
}
