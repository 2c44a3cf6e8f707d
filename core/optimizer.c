/* optimizer.c - one update of all parameters; g is the gradient + weight_decay * p.
 *
 *   SGD        p -= lr g
 *   MOMENTUM   m = mu m + g;  p -= lr m               Polyak 1964
 *              nesterov: p -= lr (g + mu' m)          Sutskever et al. 2013, at the point that they look
 *              ahead to; mu' is mu of the next update
 *   RMSPROP    v = rho v + (1-rho) g^2                Tieleman & Hinton 2012
 *              p -= lr g / (sqrt(v) + eps)
 *   ADAM       m = b1 m + (1-b1) g                    Kingma & Ba 2015, algorithm 1
 *              v = b2 v + (1-b2) g^2
 *              p -= lr (m / (1-b1^k)) / (sqrt(v / (1-b2^k)) + eps)
 *
 * Decoupled weight decay: g is the gradient alone, and first p *= 1 - lr weight_decay (of ADAM: AdamW,
 * Loshchilov & Hutter 2019, algorithm 2, where lr is the product of their alpha and eta; of the others
 * SGDW and so on).
 *
 * A gradient that clip found not to be finite changes nothing at all: neither parameters nor moments.
 */
#include "core/ops_cpu.h"

enum { TILE = 4096 };

/* One tensor; the constants of the formulas in this precision. */
typedef struct tensor {
  real *p, *m, *v;
  const real *g;
  real lr, b1, b1_next, b2, one_minus_b1, one_minus_b2, eps, weight_decay;
  real keep;               /* of p, before all else */
  real unbias_m, unbias_v; /* 1 / (1 - b^k) */
} tensor;

SQ_CLONES static void shrink(const void *arg, int64_t first, int64_t last) {
  const tensor t = *(const tensor *)arg;
  for (int64_t i = first; i < last; i++) t.p[i] *= t.keep;
}

SQ_CLONES static void sgd(const void *arg, int64_t first, int64_t last) {
  const tensor t = *(const tensor *)arg;
  for (int64_t i = first; i < last; i++) t.p[i] -= t.lr * (t.g[i] + t.weight_decay * t.p[i]);
}

SQ_CLONES static void momentum(const void *arg, int64_t first, int64_t last) {
  const tensor t = *(const tensor *)arg;
  for (int64_t i = first; i < last; i++) {
    t.m[i] = t.b1 * t.m[i] + (t.g[i] + t.weight_decay * t.p[i]);
    t.p[i] -= t.lr * t.m[i];
  }
}

SQ_CLONES static void nesterov(const void *arg, int64_t first, int64_t last) {
  const tensor t = *(const tensor *)arg;
  for (int64_t i = first; i < last; i++) {
    const real g = t.g[i] + t.weight_decay * t.p[i];
    const real m = t.b1 * t.m[i] + g;
    t.m[i] = m;
    t.p[i] -= t.lr * (g + t.b1_next * m);
  }
}

SQ_CLONES static void rmsprop(const void *arg, int64_t first, int64_t last) {
  const tensor t = *(const tensor *)arg;
  for (int64_t i = first; i < last; i++) {
    const real g = t.g[i] + t.weight_decay * t.p[i];
    const real v = t.b2 * t.v[i] + t.one_minus_b2 * g * g;
    t.v[i] = v;
    t.p[i] -= t.lr * g / ((real)sqrt(v) + t.eps);
  }
}

SQ_CLONES static void adam(const void *arg, int64_t first, int64_t last) {
  const tensor t = *(const tensor *)arg;
  for (int64_t i = first; i < last; i++) {
    const real g = t.g[i] + t.weight_decay * t.p[i];
    const real m = t.b1 * t.m[i] + t.one_minus_b1 * g;
    const real v = t.b2 * t.v[i] + t.one_minus_b2 * g * g;
    t.m[i] = m;
    t.v[i] = v;
    t.p[i] -= t.lr * (m * t.unbias_m) / ((real)sqrt(v * t.unbias_v) + t.eps);
  }
}

static sq_range_task *const rules[] = {
    [SQ_SGD] = sgd,
    [SQ_MOMENTUM] = momentum,
    [SQ_RMSPROP] = rmsprop,
    [SQ_ADAM] = adam,
};

/* [4] is also 0 before the first clip, but then so is the norm [0]. */
static int refused(const sq_optimizer_args *a) {
  const real *state = a->clip_state;
  return state != NULL && state[4] == 0 && state[0] != 0;
}

static real *tensor_data(const sq_tensor_list *list, int64_t k) {
  return list->data != NULL ? list->data[k] : NULL;
}

int FN(sq_cpu_optimizer)(sq_exec *exec, const sq_optimizer_args *a) {
  if (refused(a)) return 0;
  sq_range_task *rule = a->kind == SQ_MOMENTUM && a->nesterov ? nesterov : rules[a->kind];
  tensor t = {
      .b1 = (real)a->momentum,
      .b1_next = (real)(a->momentum_next > 0 ? a->momentum_next : a->momentum),
      .b2 = (real)a->decay,
      .one_minus_b1 = (real)(1 - a->momentum),
      .one_minus_b2 = (real)(1 - a->decay),
      .eps = (real)a->eps,
      .weight_decay = a->decoupled ? 0 : (real)a->weight_decay,
      .unbias_m = (real)(1 / (1 - pow(a->momentum, (double)a->update))),
      .unbias_v = (real)(1 / (1 - pow(a->decay, (double)a->update))),
  };
  for (int64_t k = 0; k < a->params.count; k++) {
    t.p = a->params.data[k];
    t.g = a->grads.data[k];
    t.m = tensor_data(&a->first, k);
    t.v = tensor_data(&a->second, k);
    const double lr = a->lr_factor != NULL ? a->lr * a->lr_factor[k] : a->lr;
    t.lr = (real)lr;
    t.keep = (real)(1 - lr * a->weight_decay);
    if (a->decoupled && a->weight_decay > 0) sq_split(exec, a->params.sizes[k], TILE, 1, shrink, &t);
    sq_split(exec, a->params.sizes[k], TILE, 4, rule, &t);
  }
  return 0;
}
