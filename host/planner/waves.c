/* waves.c - when it pays to run the layers of a stack side by side, and in which chunks
 * (host/run/wavefront.c).
 *
 * With L layers, T steps in chunks of K, s microseconds per step, and o for what each wave pays beside its
 * steps (a launch, the weights loaded again, the small launches of each layer):
 *
 *   one after the other   L T s1                         s1: a layer has the whole device
 *   wavefront             (T / K + L - 1) (K s + o)      s:  L layers share it
 *
 * which is least near K = sqrt(T o / ((L - 1) s)).  A small step is all latency: s = s1, and with T >> K >> o
 * / s the wavefront is almost L times as fast.  Where one layer alone fills the device, s is L s1 and nothing
 * is gained. In numbers: L = 4, T = 1000, s = s1 = 1, o = 35 gives K = 108 (128 is tried), 11 waves of 163
 * us: 1.8 ms, not 4. s and s1 come from the algorithms' own models, so the planner compares like with like.
 *
 * Refused: two directions, since a layer then needs all of the one below; the backward direction alone, since
 * the chunks are cut and handed on from the first step; and the regulariser omega, which needs the gradients
 * at all steps of a layer at once.
 */
#include "host/planner/waves.h"

#include <math.h>

#include "host/plan/layers.h"
#include "host/run/wavefront.h"

/* A small launch, in microseconds. */
static const double LAUNCH_US = 2;

/* Microseconds of all waves: the algorithm's own estimate of a launch, and the small launches around it. */
static double wave_cost(seqgpu_context *ctx, const seqgpu_plan *plan, const sq_algorithm *algorithm,
                        int64_t chunk, sq_problem *p) {
  const int drops = plan->desc.dropout > 0 && p->training;
  const double forward = 1 + drops, backward = p->training ? 1 + drops : 0; /* the input's product; dx */
  const double small = LAUNCH_US * (double)plan->layers * (forward + backward);
  const int64_t chunks = (plan->desc.seq_len + chunk - 1) / chunk;
  p->seq_len = chunk;
  return (double)(chunks + plan->layers - 1) * (algorithm->estimate(&ctx->exec, p) + small);
}

int64_t sq_wave_choose(seqgpu_context *ctx, const seqgpu_plan *plan, const sq_algorithm *algorithm,
                       double *cost) {
  char text[256];
  int64_t best = 0;
  double least = *cost;
  if (algorithm->wave_forward == NULL || plan->directions != 1 || plan->desc.reverse || plan->layers < 2 ||
      plan->layers > SQ_WAVE_ABREAST || sq_plan_has_omega(plan))
    return 0;
  sq_problem p = sq_plan_problem(plan, 1, !plan->desc.inference);
  p.directions = (int)plan->layers;
  for (int64_t chunk = SQ_WAVE_CHUNK; chunk < plan->desc.seq_len; chunk *= 2) {
    const double all = wave_cost(ctx, plan, algorithm, chunk, &p);
    if (isnan(all)) return *cost = NAN, 0;
    if (all >= least) continue;
    least = all;
    best = chunk;
  }
  if (best == 0) return 0;
  const char *why = algorithm->refuses(&ctx->exec, &p, text, sizeof text);
  if (why == sq_no_answer) *cost = NAN;
  if (why != NULL) return 0;
  *cost = least;
  return best;
}
