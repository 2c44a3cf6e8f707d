/* map.cu - element-wise maps: y (+)= f(a, b). The kinds and their formulas are in core/ops.h (sq_map_args).
 *
 * Launch: blocks of 256 threads, four elements per thread where a, b and y are 16-byte aligned, grid-stride
 * loop.
 * No shared memory.  Moves 8 to 16 bytes per element for at most one transcendental: limited by memory.
 * y may be a or b: every element is read and written by one thread.
 */
#include "kernels/ops.h"
#include "kernels/simt.h"

namespace {

enum { MAP_THREADS = 256 };

/* One struct per map; `second`: it reads b. */
template <int g> struct map_activation {
  enum { second = 0 };
  static __device__ float apply(float a, float, float) { return sq_activate<g>(a); }
};
template <int g> struct map_activation_grad {
  enum { second = 1 };
  static __device__ float apply(float a, float b, float) { return b * sq_activate_grad<g>(a); }
};
struct map_scale {
  enum { second = 0 };
  static __device__ float apply(float a, float, float alpha) { return alpha * a; }
};
struct map_add {
  enum { second = 1 };
  static __device__ float apply(float a, float b, float) { return a + b; }
};
struct map_mul {
  enum { second = 1 };
  static __device__ float apply(float a, float b, float) { return a * b; }
};

template <typename map> __device__ __forceinline__ float map_one(float a, float b, float alpha, float old) {
  return old + map::apply(a, b, alpha);
}
struct map_towards {
  enum { second = 1 };
  static __device__ float apply(float a, float b, float alpha) { return b + alpha * (a - b); }
};

/* The first 4 * quads elements as float4, the rest one by one. */
template <typename map>
__global__ void __launch_bounds__(MAP_THREADS)
    map_kernel(int64_t count, int64_t quads, float alpha, const float *a, const float *b, float *y,
               int accumulate) {
  const float4 zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  SQ_FOR_EACH(i, quads) {
    const float4 u = reinterpret_cast<const float4 *>(a)[i];
    const float4 v = map::second ? reinterpret_cast<const float4 *>(b)[i] : zero;
    const float4 old = accumulate ? reinterpret_cast<const float4 *>(y)[i] : zero;
    reinterpret_cast<float4 *>(y)[i] =
        make_float4(map_one<map>(u.x, v.x, alpha, old.x), map_one<map>(u.y, v.y, alpha, old.y),
                    map_one<map>(u.z, v.z, alpha, old.z), map_one<map>(u.w, v.w, alpha, old.w));
  }
  SQ_FOR_EACH(k, count - 4 * quads) {
    const int64_t i = 4 * quads + k;
    y[i] = map_one<map>(a[i], map::second ? b[i] : 0.0f, alpha, accumulate ? y[i] : 0.0f);
  }
}

template <typename map> int map_launch(sq_exec *exec, const sq_map_args *m) {
  const bool wide = sq_aligned16(m->a) && sq_aligned16(m->y) && (!map::second || sq_aligned16(m->b));
  const int64_t quads = wide ? m->count / 4 : 0;
  const unsigned blocks = sq_blocks(wide ? sq_ceil_div(m->count, 4) : m->count, MAP_THREADS);
  return SQ_LAUNCH(exec, map_kernel<map>, blocks, MAP_THREADS, 0, m->count, quads, (float)m->alpha,
                   static_cast<const float *>(m->a), static_cast<const float *>(m->b),
                   static_cast<float *>(m->y), m->accumulate);
}

typedef int map_launcher(sq_exec *exec, const sq_map_args *m);

/* In the order of sq_activation. */
map_launcher *const map_activations[] = {
    map_launch<map_activation<SQ_TANH>>, map_launch<map_activation<SQ_RELU>>,
    map_launch<map_activation<SQ_SIGMOID>>, map_launch<map_activation<SQ_IDENTITY>>};
map_launcher *const map_activation_grads[] = {
    map_launch<map_activation_grad<SQ_TANH>>, map_launch<map_activation_grad<SQ_RELU>>,
    map_launch<map_activation_grad<SQ_SIGMOID>>, map_launch<map_activation_grad<SQ_IDENTITY>>};

int map_run_activation(sq_exec *exec, const sq_map_args *m) {
  return map_activations[m->activation](exec, m);
}
int map_run_activation_grad(sq_exec *exec, const sq_map_args *m) {
  return map_activation_grads[m->activation](exec, m);
}

/* In the order of sq_map_kind. */
map_launcher *const map_kinds[] = {map_run_activation,  map_run_activation_grad, map_launch<map_scale>,
                                   map_launch<map_add>, map_launch<map_mul>,     map_launch<map_towards>};

} // namespace

extern "C" int SQ_GPU(map)(sq_exec *exec, const sq_map_args *m) { return map_kinds[m->kind](exec, m); }
