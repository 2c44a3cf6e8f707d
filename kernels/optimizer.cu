/* optimizer.cu - one update of all parameters; g is the gradient + weight_decay * p.
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
 * Launch: up to OPTIMIZER_TENSORS tensors per launch, one row of blocks of 256 threads per tensor, one thread
 * per element, grid-stride.  No shared memory.  12 (SGD) to 28 (ADAM) bytes per element: limited by memory.
 * If the clip state holds a norm that is not finite, every thread returns at once.
 */
#include "kernels/ops.h"
#include "kernels/simt.h"

namespace {

enum { OPTIMIZER_TENSORS = 64, OPTIMIZER_THREADS = 256 };

struct optimizer_tensors {
  int count;
  float *p[OPTIMIZER_TENSORS];
  const float *g[OPTIMIZER_TENSORS];
  float *m[OPTIMIZER_TENSORS], *v[OPTIMIZER_TENSORS]; /* NULL where the rule has none */
  int64_t sizes[OPTIMIZER_TENSORS];
  float lr[OPTIMIZER_TENSORS], keep[OPTIMIZER_TENSORS]; /* keep: of p, before all else; 1 = untouched */
};

struct optimizer_rule {
  float b1, b1_next, b2, one_minus_b1, one_minus_b2, eps, weight_decay;
  float unbias_m, unbias_v; /* 1 / (1 - b^k) */
};

/* One struct per rule: reads and writes m and v in place, returns what p loses at the learning rate lr. */
struct rule_sgd {
  enum { first = 0, second = 0 };
  static __device__ float step(const optimizer_rule &, float lr, float g, float &, float &) { return lr * g; }
};
struct rule_momentum {
  enum { first = 1, second = 0 };
  static __device__ float step(const optimizer_rule &u, float lr, float g, float &m, float &) {
    m = u.b1 * m + g;
    return lr * m;
  }
};
struct rule_nesterov {
  enum { first = 1, second = 0 };
  static __device__ float step(const optimizer_rule &u, float lr, float g, float &m, float &) {
    m = u.b1 * m + g;
    return lr * (g + u.b1_next * m);
  }
};
struct rule_rmsprop {
  enum { first = 0, second = 1 };
  static __device__ float step(const optimizer_rule &u, float lr, float g, float &, float &v) {
    v = u.b2 * v + u.one_minus_b2 * g * g;
    return lr * g / (sqrtf(v) + u.eps);
  }
};
struct rule_adam {
  enum { first = 1, second = 1 };
  static __device__ float step(const optimizer_rule &u, float lr, float g, float &m, float &v) {
    m = u.b1 * m + u.one_minus_b1 * g;
    v = u.b2 * v + u.one_minus_b2 * g * g;
    return lr * (m * u.unbias_m) / (sqrtf(v * u.unbias_v) + u.eps);
  }
};

template <typename rule>
__global__ void __launch_bounds__(OPTIMIZER_THREADS)
    optimizer_kernel(optimizer_tensors t, optimizer_rule u, const float *clip_state) {
  if (clip_state != NULL && !isfinite(clip_state[0])) return;
  const unsigned k = blockIdx.y;
  float *p = t.p[k], *first = t.m[k], *second = t.v[k];
  const float *g = t.g[k];
  const float lr = t.lr[k], keep = t.keep[k];
  SQ_FOR_EACH(i, t.sizes[k]) {
    float m = rule::first ? first[i] : 0.0f, v = rule::second ? second[i] : 0.0f;
    const float value = keep == 1.0f ? p[i] : keep * p[i];
    p[i] = value - rule::step(u, lr, g[i] + u.weight_decay * p[i], m, v);
    if (rule::first) first[i] = m;
    if (rule::second) second[i] = v;
  }
}

float *tensor_of(const sq_tensor_list &list, int64_t k) {
  return list.data != NULL ? static_cast<float *>(list.data[k]) : NULL;
}

/* As many tensors from `first` on as fit; *largest: size of the largest. */
optimizer_tensors optimizer_group(const sq_optimizer_args *a, int64_t first, int64_t *largest) {
  optimizer_tensors t = {};
  *largest = 0;
  for (int64_t k = first; k < a->params.count && t.count < OPTIMIZER_TENSORS; k++, t.count++) {
    t.p[t.count] = tensor_of(a->params, k);
    t.g[t.count] = tensor_of(a->grads, k);
    t.m[t.count] = tensor_of(a->first, k);
    t.v[t.count] = tensor_of(a->second, k);
    t.sizes[t.count] = a->params.sizes[k];
    const double lr = a->lr_factor != NULL ? a->lr * a->lr_factor[k] : a->lr;
    t.lr[t.count] = (float)lr;
    t.keep[t.count] = a->decoupled ? (float)(1.0 - lr * a->weight_decay) : 1.0f;
    if (t.sizes[t.count] > *largest) *largest = t.sizes[t.count];
  }
  return t;
}

template <typename rule>
int optimizer_run(sq_exec *exec, const sq_optimizer_args *a, const optimizer_rule &u) {
  int error = 0;
  for (int64_t k = 0; error == 0 && k < a->params.count; k += OPTIMIZER_TENSORS) {
    int64_t largest;
    const optimizer_tensors t = optimizer_group(a, k, &largest);
    const dim3 grid(sq_blocks(largest, OPTIMIZER_THREADS), (unsigned)t.count);
    error = SQ_LAUNCH(exec, optimizer_kernel<rule>, grid, OPTIMIZER_THREADS, 0, t, u,
                      static_cast<const float *>(a->clip_state));
  }
  return error;
}

typedef int optimizer_runner(sq_exec *exec, const sq_optimizer_args *a, const optimizer_rule &u);

/* In the order of sq_optimizer_kind; without and with nesterov. */
optimizer_runner *const optimizer_rules[][2] = {{optimizer_run<rule_sgd>, optimizer_run<rule_sgd>},
                                                {optimizer_run<rule_momentum>, optimizer_run<rule_nesterov>},
                                                {optimizer_run<rule_rmsprop>, optimizer_run<rule_rmsprop>},
                                                {optimizer_run<rule_adam>, optimizer_run<rule_adam>}};

} // namespace

extern "C" int SQ_GPU(optimizer)(sq_exec *exec, const sq_optimizer_args *a) {
  optimizer_rule u;
  u.b1 = (float)a->momentum;
  u.b1_next = (float)(a->momentum_next > 0.0 ? a->momentum_next : a->momentum);
  u.b2 = (float)a->decay;
  u.one_minus_b1 = (float)(1.0 - a->momentum);
  u.one_minus_b2 = (float)(1.0 - a->decay);
  u.eps = (float)a->eps;
  u.weight_decay = a->decoupled ? 0.0f : (float)a->weight_decay;
  u.unbias_m = (float)(1.0 / (1.0 - pow(a->momentum, (double)a->update)));
  u.unbias_v = (float)(1.0 / (1.0 - pow(a->decay, (double)a->update)));
  return optimizer_rules[a->kind][a->nesterov != 0](exec, a, u);
}
