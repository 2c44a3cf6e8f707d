/* noise.c - noise on gradients: x += sigma times a number that is as good as normal (noise.h).
 * Neelakantan, Vilnis, Le, Sutskever, Kaiser, Kurach, Martens, "Adding gradient noise improves learning
 * for very deep networks", 2015.
 */
#include "core/noise.h"

#include "core/ops_cpu.h"

enum { TILE = 256 };

typedef struct part {
  real *x;
  real scale;
  uint64_t seed, stream, first; /* first: place of x[0] in the long vector */
} part;

static void add_range(const void *arg, int64_t first, int64_t last) {
  const part *p = arg;
  for (int64_t i = first; i < last; i++)
    p->x[i] += p->scale * (real)sq_noise_number(p->seed, p->stream, p->first + (uint64_t)i);
}

int FN(sq_cpu_noise)(sq_exec *exec, const sq_noise_args *a) {
  part p = {.scale = (real)sq_noise_scale(a->sigma), .seed = a->seed, .stream = a->stream};
  for (int64_t k = 0; k < a->tensors.count; k++) {
    p.x = a->tensors.data[k];
    sq_split(exec, a->tensors.sizes[k], TILE, 16, add_range, &p);
    p.first += (uint64_t)a->tensors.sizes[k];
  }
  return 0;
}
