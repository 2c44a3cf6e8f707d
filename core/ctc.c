/* ctc.c - connectionist temporal classification: the probability of a label sequence, over all its
 * alignments. Graves, Fernandez, Gomez, Schmidhuber, "Connectionist temporal classification", ICML 2006.
 *
 *   p_t(k)      softmax of logits[t,b,:]; k = blank: no label at this step
 *   l           the labels with blanks before, between and behind them: S = 2 L_b + 1 states
 *   a_t(s)      = p_t(l_s) (a_{t-1}(s) + a_{t-1}(s-1) + skip_s a_{t-1}(s-2))         eq. 6; a_0 is p_0 for s < 2
 *   b_t(s)      = sum over the states s' that follow s of p_{t+1}(l_s') b_{t+1}(s')  eq. 10, without p_t
 *   skip_s      l_s is a label other than l_{s-2}
 *   loss_b      = -log P,  P = a_T(S-1) + a_T(S-2)                                    eq. 8
 *   o_t(s)      = a_t(s) b_t(s) / sum_s' a_t(s') b_t(s')      how probable it is to be in s at step t
 *   dlogits     = (p_t(k) - sum_{s: l_s = k} o_t(s)) dloss scale / N                  eq. 16
 *
 * Everything is in logarithms, and of a_t and b_t only what tells the states of a step apart: each step's
 * largest a_t is taken out and added up in double precision, and o_t is divided by its own sum.  So neither
 * the length of a sequence nor an offset that the logits of a step share costs a digit, and the gradient of
 * a step sums to 0.  States from which the end can no more be reached are left out, so that the largest is
 * one that matters.
 *
 * A pair is impossible if P = 0: fewer steps than labels and repeats, a label that is no class or is blank,
 * or logits of minus infinity.  It has no loss and no gradient, and does not count.  No step and no label: P
 * = 1.
 */
#include "core/ops_cpu.h"

#include "core/activations.h"
#include "core/loss.h"

typedef struct sequence {
  const sq_ctc_args *a;
  int64_t b, steps, states;
  const real *normal; /* [T,B,2]: the largest logit of a step, and log sum exp of what they are below it */
} sequence;

static sequence sequence_of(const sq_ctc_args *a, int64_t b) {
  return (sequence){a, b, sq_length_within(a->lengths, b, a->seq_len),
                    2 * sq_length_within(a->label_lengths, b, a->label_len) + 1, a->normal};
}

/* l_s */
static int64_t label_of(const sequence *q, int64_t s) {
  return s % 2 ? q->a->labels[s / 2 * q->a->batch + q->b] : q->a->blank;
}

static int may_skip(const sequence *q, int64_t s) {
  return s % 2 && s > 1 && label_of(q, s) != label_of(q, s - 2);
}

static int is_class(const sequence *q, int64_t k) { return k >= 0 && k < q->a->classes; }

/* log p_t(l_s) */
static real log_output(const sequence *q, int64_t t, int64_t s) {
  const int64_t k = label_of(q, s), row = t * q->a->batch + q->b;
  if (!is_class(q, k) || (s % 2 && k == q->a->blank)) return -(real)INFINITY;
  return ((const real *)q->a->logits)[row * q->a->classes + k] - q->normal[2 * row] - q->normal[2 * row + 1];
}

/* States first..end-1 of step t can be reached, and reach the end. */
static int64_t first_state(const sequence *q, int64_t t) {
  const int64_t first = q->states - 2 * (q->steps - t);
  return first < 0 ? 0 : first;
}
static int64_t end_state(const sequence *q, int64_t t) { return sq_min(q->states, 2 * (t + 1)); }

static real *row_of(void *rows, const sequence *q, int64_t t) {
  return (real *)rows + (t * q->a->batch + q->b) * (2 * q->a->label_len + 1);
}

/* log(exp a + exp b + exp c); NaN where one is. */
static real log_sum(real a, real b, real c) {
  const real ab = a > b || isnan(a) ? a : b, max = ab > c || isnan(ab) ? ab : c;
  if (max == -(real)INFINITY) return max;
  return max + (real)log((double)(FN(sq_exp)(a - max) + FN(sq_exp)(b - max) + FN(sq_exp)(c - max)));
}

static real at_or_none(const real *row, int64_t s, int64_t first, int64_t end) {
  return s >= first && s < end ? row[s] : -(real)INFINITY;
}

/* The largest of the row's states, NaN if there is one. */
static real largest(const real *row, int64_t first, int64_t end) {
  real max = -(real)INFINITY;
  for (int64_t s = first; s < end; s++) max = row[s] > max || isnan(row[s]) ? row[s] : max;
  return max;
}

/* log P; in rows log a_t without what is taken out. `keep` says how many rows there are. */
static double forward_sequence(const sequence *q, void *rows, int64_t keep) {
  double taken = 0;
  if (q->steps == 0) return q->states == 1 ? 0 : -(double)INFINITY;
  for (int64_t t = 0; t < q->steps; t++) {
    const int64_t first = first_state(q, t), end = end_state(q, t);
    const real *before = t ? row_of(rows, q, (t - 1) % keep) : NULL;
    real *now = row_of(rows, q, t % keep);
    for (int64_t s = first; s < end; s++) {
      real sum = 0;
      if (t > 0) {
        const int64_t from = first_state(q, t - 1), to = end_state(q, t - 1);
        sum = log_sum(at_or_none(before, s, from, to), at_or_none(before, s - 1, from, to),
                      may_skip(q, s) ? at_or_none(before, s - 2, from, to) : -(real)INFINITY);
      }
      now[s] = sum + log_output(q, t, s);
    }
    const real max = largest(now, first, end);
    if (max == -(real)INFINITY) return (double)max;
    for (int64_t s = first; s < end; s++) now[s] -= max;
    taken += (double)max;
  }
  const int64_t first = first_state(q, q->steps - 1), end = end_state(q, q->steps - 1);
  const real *last = row_of(rows, q, (q->steps - 1) % keep);
  return taken + (double)log_sum(at_or_none(last, q->states - 1, first, end),
                                 at_or_none(last, q->states - 2, first, end), -(real)INFINITY);
}

/* log b_t from log p_{t+1} b_{t+1} in `after`. */
static real log_beta(const sequence *q, int64_t t, int64_t s, const real *after) {
  if (t == q->steps - 1) return 0;
  const int64_t from = first_state(q, t + 1), to = end_state(q, t + 1);
  const int skips = s + 2 < q->states && may_skip(q, s + 2);
  return log_sum(at_or_none(after, s, from, to), at_or_none(after, s + 1, from, to),
                 skips ? at_or_none(after, s + 2, from, to) : -(real)INFINITY);
}

/* The rows, log a_t, become o_t: 0 for the states that are left out. */
static void occupancy(const sequence *q) {
  for (int64_t t = q->steps - 1; t >= 0; t--) {
    const int64_t first = first_state(q, t), end = end_state(q, t);
    real *row = row_of(q->a->occupancy, q, t), *now = row_of(q->a->scratch, q, t % 2);
    const real *after = row_of(q->a->scratch, q, (t + 1) % 2);
    for (int64_t s = first; s < end; s++) {
      now[s] = log_beta(q, t, s, after);
      row[s] += now[s];
    }
    const real max = largest(row, first, end);
    double sum = 0;
    for (int64_t s = 0; s < q->states; s++) {
      row[s] = s >= first && s < end ? FN(sq_exp)(row[s] - max) : 0;
      sum += (double)row[s];
    }
    for (int64_t s = first; s < end; s++) {
      row[s] = (real)((double)row[s] / sum);
      now[s] += log_output(q, t, s) - max;
    }
  }
}

/* normal of row r = t * B + b */
SQ_CLONES static void normal_rows(const void *arg, int64_t first, int64_t last) {
  const sq_ctc_args *a = arg;
  for (int64_t r = first; r < last; r++) {
    const real *z = (const real *)a->logits + r * a->classes;
    real *normal = (real *)a->normal + 2 * r, max = -(real)INFINITY, lane[SQ_LANES] = {0};
    normal[0] = normal[1] = 0;
    if (sq_past_length(a->lengths, a->batch, r)) continue;
    for (int64_t k = 0; k < a->classes; k++) max = z[k] > max ? z[k] : max;
    for (int64_t k = 0; k < a->classes; k += SQ_LANES)
      for (int64_t j = 0; j < sq_min(SQ_LANES, a->classes - k); j++)
        lane[j] += FN(sq_exp_below)(z[k + j] - max);
    normal[0] = max;
    normal[1] = (real)log((double)FN(sq_fold_sum)(SQ_LANES, lane));
  }
}

static void forward_sequences(const void *arg, int64_t first, int64_t last) {
  const sq_ctc_args *a = arg;
  for (int64_t b = first; b < last; b++) {
    const sequence q = sequence_of(a, b);
    const double log_p =
        a->occupancy ? forward_sequence(&q, a->occupancy, q.steps) : forward_sequence(&q, a->scratch, 2);
    const int impossible = log_p == -(double)INFINITY;
    ((real *)a->row_loss)[b] = impossible ? SQ_CTC_IMPOSSIBLE : (real)-log_p;
    if (a->occupancy && !impossible) occupancy(&q);
  }
}

int FN(sq_cpu_ctc_forward)(sq_exec *exec, const sq_ctc_args *a) {
  const int64_t states = 2 * a->label_len + 1;
  sq_split(exec, a->seq_len * a->batch, 1, a->classes, normal_rows, a);
  sq_split(exec, a->batch, 1, 8 * a->seq_len * states, forward_sequences, a);
  double sum = 0, count = 0;
  for (int64_t b = 0; b < a->batch; b++) {
    const real loss = ((const real *)a->row_loss)[b];
    sum += loss == SQ_CTC_IMPOSSIBLE ? 0 : (double)loss;
    count += loss == SQ_CTC_IMPOSSIBLE ? 0 : 1;
  }
  FN(sq_loss_store)(sum, count, a->mean, a->scale, 1, a->loss);
  return 0;
}

static void backward_rows(const void *arg, int64_t first, int64_t last) {
  const sq_ctc_args *a = arg;
  const real scale = (real)FN(sq_loss_gradient)(a->loss, a->dloss, a->mean, a->scale, 1);
  for (int64_t r = first; r < last; r++) {
    const int64_t t = r / a->batch;
    const sequence q = sequence_of(a, r % a->batch);
    const real *z = (const real *)a->logits + r * a->classes, *normal = q.normal + 2 * r;
    real *dz = (real *)a->dlogits + r * a->classes;
    const int hidden = t >= q.steps || ((const real *)a->row_loss)[q.b] == SQ_CTC_IMPOSSIBLE;
    for (int64_t k = 0; k < a->classes; k++)
      dz[k] = hidden ? 0 : FN(sq_exp)(z[k] - normal[0] - normal[1]) * scale;
    const real *o = row_of(a->occupancy, &q, t);
    for (int64_t s = 0; s < q.states && !hidden; s++) dz[label_of(&q, s)] -= o[s] * scale;
  }
}

int FN(sq_cpu_ctc_backward)(sq_exec *exec, const sq_ctc_args *a) {
  sq_split(exec, a->seq_len * a->batch, 1, a->classes + 2 * a->label_len, backward_rows, a);
  return 0;
}
