/* sparse.c - a layer whose recurrent matrix is mostly zeros, step by step.
 *
 *   for t: gates = b + W_ih x_t
 *          gates_j += sum of w h_{t-1, from}     over the links (from, w) into unit j
 *          the cell's pointwise step             core/step.h
 *
 * The matrix is stored with its zeros, as any other, since it may be trained and saved as such; its links are
 * collected before a run.  With ten links into each of 1,000 units that is a hundredth of the products, and a
 * read of the whole matrix for a run instead of one for each step.
 */
#include "core/sparse.h"

#include <string.h>

#include "core/dot.h"
#include "core/step.h"

#if SEQGPU_REAL_BITS == 32
int sq_sparse_applies(const sq_layout *l) {
  const sq_product *p = &l->product[0];
  return l->products == 1 && l->stages == 1 && l->states == 1 && l->aux == 0 && p->structure == NULL &&
         p->rows == l->gates && p->row == 0 && p->to.buffer == SQ_GATES && p->from.buffer == SQ_STATE_PREV &&
         p->from.column == 0;
}

/* gates [B,G], two states [B,W_0] that steps write in turn */
int64_t sq_sparse_workspace(const sq_layout *l, int64_t batch) {
  return sq_align_elements(batch * l->gates) + 2 * sq_align_elements(batch * l->state_width[0]);
}
#endif

int FN(sq_sparse_collect)(const sq_layout *l, const void *params, sq_links *links) {
  const sq_param *p = &l->param[l->product[0].param];
  return FN(sq_links_collect)(p->rows, p->cols, (const real *)params + p->offset, links);
}

/* W_ih x of one unit; few inputs are the rule. */
SQ_INLINE real input_of(int64_t I, const real *w, const real *x) {
  enum { FEW = 8 };
  if (I > FEW) return FN(sq_dot_lanes)(FEW, I, w, x);
  real sum = 0;
  for (int64_t k = 0; k < I; k++) sum += w[k] * x[k];
  return sum;
}

/* gates [G] of one sequence.  Two sums a unit: one alone would wait for each product. */
SQ_CLONES static void products(const sq_layer_run *run, const sq_links *links, const real *restrict x,
                               const real *restrict h, real *restrict gates) {
  const sq_layout *l = run->layout;
  const int64_t G = l->gates, I = l->config.input_size;
  const real *params = run->params, *w_ih = params + l->param[0].offset, *weight = links->weight;
  const real *bias = l->bias < 0 ? NULL : params + l->param[l->bias].offset;
  const int32_t *from = links->from;
  int64_t n = 0;
  for (int64_t j = 0; j < G; j++) {
    const int64_t end = links->first[j + 1];
    real even = input_of(I, w_ih + j * I, x), odd = bias && j < l->biased ? bias[j] : 0;
    for (; n + 2 <= end; n += 2) {
      even += weight[n] * h[from[n]];
      odd += weight[n + 1] * h[from[n + 1]];
    }
    for (; n < end; n++) even += weight[n] * h[from[n]];
    gates[j] = even + odd;
  }
}

static void forward_cell(const sq_layout *l, const FN(sq_step) * step) {
#if SEQGPU_REAL_BITS == 32
  l->cell->forward_f32(step, 0);
#else
  l->cell->forward_f64(step, 0);
#endif
}

void FN(sq_sparse_forward)(const sq_layer_run *run, const sq_links *links) {
  const sq_layout *l = run->layout;
  const int64_t B = run->batch, W = l->state_width[0];
  FN(sq_step)
  step = {
      .layout = l, .batch = B, .quick = 1, .params = run->params, .gates = run->workspace, .ldy = run->ldy};
  real *state = step.gates + sq_align_elements(B * l->gates);
  const real *h = run->initial[0];
  for (int64_t t = 0; t < run->seq_len; t++) {
    const real *x = (const real *)run->x + t * B * run->ldx;
    for (int64_t b = 0; b < B; b++)
      products(run, links, x + b * run->ldx, h + b * W, step.gates + b * l->gates);
    step.t = t;
    step.prev[0] = h;
    step.next[0] = state + t % 2 * sq_align_elements(B * W);
    step.y = (real *)run->y + t * B * run->ldy;
    forward_cell(l, &step);
    h = step.next[0];
  }
  if (run->final[0] && run->final[0] != h) memcpy(run->final[0], h, (size_t)(B * W) * sizeof(real));
}
