/* clip.c - the norm of the gradient over all tensors, and clipping.
 * Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, alg. 1.
 *
 *   norm = sqrt(sum of squares)                              in double precision
 *   NORM   g *= min(1, threshold / norm)
 *   AUTO   threshold = factor * average, then
 *          average += (min(norm, 10 average) - average) / min(updates, window)
 *   VALUE  g = min(max(g, -threshold), threshold)
 *
 * AUTO without an average yet (first update, or only zeros so far) clips nothing and takes the norm as
 * average. `updates` counts the updates that entered the average: those with a finite norm.  A norm that is
 * not finite sets the scale and all gradients to 0 (not to 0 * NaN), whatever the kind; only NONE leaves them
 * alone.
 *
 * The tensors are one long vector here, cut into at most MAX_PIECES pieces of equal size that depends
 * on nothing but its length; one thread sums a piece, and the pieces are added in order.
 */
#include "core/ops_cpu.h"

enum { SMALLEST_PIECE = 4096, MAX_PIECES = 1024, TILE = 4096 };

typedef struct piece_sums {
  const sq_clip_args *args;
  int64_t total, piece; /* elements of all tensors, elements of one piece */
  int64_t first;        /* piece of the round */
  double *sum;          /* of its pieces */
} piece_sums;

SQ_INLINE void add_squares(int64_t n, const real *g, double lane[SQ_LANES]) {
  for (int64_t i = 0; i < n; i += SQ_LANES) {
    const int64_t width = sq_min(SQ_LANES, n - i);
    for (int64_t j = 0; j < width; j++) lane[j] += (double)g[i + j] * (double)g[i + j];
  }
}

/* Sum of squares of elements first..last-1 of the long vector. */
SQ_INLINE double sum_squares(const sq_tensor_list *list, int64_t first, int64_t last) {
  double lane[SQ_LANES] = {0}, sum = 0;
  int64_t start = 0; /* of tensor k */
  for (int64_t k = 0; k < list->count && start < last; start += list->sizes[k++]) {
    const int64_t from = first > start ? first - start : 0;
    const int64_t to = sq_min(last - start, list->sizes[k]);
    if (from < to) add_squares(to - from, (const real *)list->data[k] + from, lane);
  }
  for (int j = 0; j < SQ_LANES; j++) sum += lane[j];
  return sum;
}

SQ_CLONES static void sum_pieces(const void *arg, int64_t first, int64_t last) {
  const piece_sums *p = arg;
  for (int64_t i = first; i < last; i++) {
    const int64_t begin = (p->first + i) * p->piece;
    p->sum[i] = sum_squares(&p->args->grads, begin, sq_min(begin + p->piece, p->total));
  }
}

/* A round of pieces at a time, for the sake of the caller's stack. */
static double gradient_norm(sq_exec *exec, const sq_clip_args *a) {
  enum { ROUND = MAX_PIECES / 2 };
  double sum[ROUND];
  piece_sums p = {a, 0, SMALLEST_PIECE, 0, sum};
  for (int64_t k = 0; k < a->grads.count; k++) p.total += a->grads.sizes[k];
  if (p.piece < (p.total + MAX_PIECES - 1) / MAX_PIECES) p.piece = (p.total + MAX_PIECES - 1) / MAX_PIECES;
  const int64_t pieces = (p.total + p.piece - 1) / p.piece;
  double total = 0;
  for (; p.first < pieces; p.first += ROUND) {
    const int64_t count = sq_min(ROUND, pieces - p.first);
    sq_split(exec, count, 1, p.piece, sum_pieces, &p);
    for (int64_t i = 0; i < count; i++) total += sum[i];
  }
  return sqrt(total);
}

/* What to multiply by, from a finite norm, and the average for AUTO. */
static double clip_scale(const sq_clip_args *a, double norm, real *state) {
  double threshold = a->threshold;
  if (a->kind == SQ_CLIP_AUTO) {
    const double average = (double)state[2], updates = (double)state[3] + 1;
    threshold = average > 0 ? a->threshold * average : norm;
    const double seen = average > 0 ? fmin(norm, 10 * average) : norm;
    const double weight = average > 0 ? 1 / fmax(1, fmin(updates, a->window)) : 1;
    state[2] = (real)(average + (seen - average) * weight);
    state[3] = (real)updates;
  } else {
    state[3] += 1;
  }
  if (a->kind == SQ_CLIP_NONE || a->kind == SQ_CLIP_VALUE) return 1;
  return norm > threshold ? threshold / norm : 1;
}

typedef struct change {
  real *g;
  real scale, threshold;
} change;

static void zero_range(const void *arg, int64_t first, int64_t last) {
  const change *c = arg;
  for (int64_t i = first; i < last; i++) c->g[i] = 0;
}

SQ_CLONES static void scale_range(const void *arg, int64_t first, int64_t last) {
  const change *c = arg;
  for (int64_t i = first; i < last; i++) c->g[i] *= c->scale;
}

SQ_CLONES static void limit_range(const void *arg, int64_t first, int64_t last) {
  const change *c = arg;
  for (int64_t i = first; i < last; i++) {
    const real low = c->g[i] < -c->threshold ? -c->threshold : c->g[i];
    c->g[i] = low > c->threshold ? c->threshold : low;
  }
}

/* What the gradients need, NULL if nothing. */
static sq_range_task *choose_change(const sq_clip_args *a, int finite, double scale) {
  if (a->kind == SQ_CLIP_NONE) return NULL;
  if (!finite) return zero_range;
  if (a->kind == SQ_CLIP_VALUE) return limit_range;
  return scale < 1 ? scale_range : NULL;
}

int FN(sq_cpu_clip)(sq_exec *exec, const sq_clip_args *a) {
  real *state = a->state;
  const double norm = gradient_norm(exec, a);
  const int finite = isfinite((real)norm) != 0;
  const double scale = finite ? clip_scale(a, norm, state) : 0;
  state[0] = (real)norm;
  state[1] = (real)scale;
  state[4] = finite ? 1 : 0;
  sq_range_task *task = choose_change(a, finite, scale);
  for (int64_t k = 0; task != NULL && k < a->grads.count; k++) {
    const change c = {a->grads.data[k], (real)scale, (real)a->threshold};
    sq_split(exec, a->grads.sizes[k], TILE, 1, task, &c);
  }
  return 0;
}
