/* norm.h - normalised pre-activations: over the units of a layer, or over a batch.
 *
 *   x^ = (a - mean) / sqrt(variance + 1e-5)        to (+)= gain x^ (+ bias)
 *
 * Mean and variance are taken over
 *   the units of a row      layer normalisation (Ba, Kiros, Hinton, "Layer normalization", 2016): every number
 *                           of the vector a of one sequence at one step
 *   the batch at a step     recurrent batch normalisation (Cooijmans, Ballas, Laurent, Gulcehre, Courville,
 *                           "Recurrent batch normalization", 2017): each column has statistics of its own in
 *                           every step
 *   all steps of the batch  Laurent, Pereyra, Brakel, Zhang, Bengio, "Batch normalized recurrent neural
 *                           networks", 2016: what the input contributes, with one mean and variance for all
 *                           steps of a run
 *
 * Padded steps belong to no statistic, and are 0 in x^.  The statistics of batches are those of the run in
 * training; inference has running ones, which are parameters that are not trained: after a training forward
 *   running = 0.9 running + 0.1 of the run     in `running` of the run (core/layer.h); biased variances
 * Steps are counted from where the recurrence begins, and from the last one with statistics on share those.
 *
 * Backward, with d the gradient at the result and n the numbers that mean and variance are of:
 *   g = gain d      da = (g - sum(g)/n - x^ sum(g x^)/n) / sqrt(variance + 1e-5)
 *   d(gain) = sum of d x^,  d(bias) = sum of d: sums of the layout, after the recurrence
 * Tangents, with ta that of a, in training:
 *   t(to) += gain (ta - sum(ta)/n - x^ sum(ta x^)/n) / sqrt(variance + 1e-5)
 * to which the layout's sums have added t(gain) x^ + t(bias).
 */
#ifndef SQ_NORM_H
#define SQ_NORM_H

#include "core/cell.h"
#include "core/real.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The only state that can be normalised: the c of an LSTM. */
enum { SQ_NORM_STATE = 1 };

#define SQ_NORM_EPSILON 1e-5
#define SQ_NORM_RATE    0.1

/* The tensors of `steps` time steps, from t on in memory, of some sequences: rows of [steps, batch]. */
typedef struct FN(sq_norm_rows) {
  const sq_layout *layout;
  const sq_norm *norm;
  int64_t steps, batch;
  int64_t t, seq_len; /* of the run, for the count of steps from where the recurrence begins */
  int reverse;
  const int32_t *lengths; /* [batch] or NULL */
  const real *params;
  real *gates, *aux;
  const real *state; /* SQ_NORM_STATE after the step */
  real *stats;       /* [steps, layout->stats] in training, NULL in inference: the running ones are read */
  /* backward; for tangents, those of gates, aux and the new state */
  real *dgates, *daux;
  real *dstate;
  real *sums; /* [2, width] room for norms over a batch */
} FN(sq_norm_rows);

struct sq_norm_rows_f32;
struct sq_norm_rows_f64;

void FN(sq_norm_forward)(const FN(sq_norm_rows) * rows);
void FN(sq_norm_backward)(const FN(sq_norm_rows) * rows);
void FN(sq_norm_tangent)(const FN(sq_norm_rows) * rows);

/* The running statistics after a whole run, from the run's: of all norms of the layout. */
void FN(sq_norm_update)(const FN(sq_norm_rows) * run, real *running);

/* The slot of the running statistics that belongs to time step t. */
static inline int64_t sq_norm_slot(const sq_layout *layout, const sq_norm *norm, int reverse, int64_t seq_len,
                                   int64_t t) {
  const int64_t step = reverse ? seq_len - 1 - t : t, last = layout->param[norm->mean].rows - 1;
  return step < last ? step : last;
}

/* Whether a run in training couples the sequences of its batch. */
static inline int sq_norm_couples(const sq_layout *layout) { return layout->stats > 0; }

/* The widest norm over a batch: room for sums. */
static inline int64_t sq_norm_widest(const sq_layout *layout) {
  int64_t widest = 0;
  for (int i = 0; i < layout->norms; i++)
    if (layout->norm[i].over != SQ_OVER_UNITS && layout->norm[i].width > widest)
      widest = layout->norm[i].width;
  return widest;
}

#ifdef __cplusplus
}
#endif
#endif
