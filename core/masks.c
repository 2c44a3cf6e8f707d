/* masks.c - zoneout and recurrent dropout around the step of a cell (masks.h has equations, papers and
 * draws).
 *
 *   enter    before the products: aux = h_{t-1} m, and the mask of the update
 *   leave    after the last stage: the states, and y, from the old and the new values
 * Backward, where d is the gradient at a state:
 *   arrive   before the last stage: dy joins d; d of zoned units is held back, the rest stays for the cell
 *   depart   after the products: what was held back, and (d(aux) m) of the products' operand, are added
 * Tangents, of which the step's gates, aux and states are then, go through the same masks; that of a new state
 * comes in the state itself, and that of a mask is 0.
 *   enter_tangent   before the products: t(aux) = th_{t-1} m
 *   leave_tangent   after the last stage: the tangents of the states, from the old and the new ones
 */
#include "core/masks.h"

#include <math.h>
#include <string.h>

#include "core/step.h"

static sq_philox_block draw(const sq_masks *n, int64_t start, int64_t row, int64_t unit) {
  return sq_philox(n->key[0], 0, n->key[1] + (uint64_t)(start + row * n->width + unit));
}

/* The mask of a unit, from its word. */
static real mask_of(uint32_t word, double p) {
  return word >= sq_masks_threshold(p) ? (real)(1 / (1 - p)) : 0;
}

static real sequence_mask(const FN(sq_step) * s, int64_t b, int64_t j) {
  const sq_masks *n = &s->masks;
  if (n->key == NULL) return 1;
  return mask_of(draw(n, n->sequence, b, j).word[SQ_MASKS_SEQUENCE], s->layout->masks.drop);
}

void FN(sq_masks_enter_tangent)(const FN(sq_step) * s) {
  const sq_layout *l = s->layout;
  const int64_t W = l->state_width[0];
  for (int64_t b = 0; l->masks.drop > 0 && b < s->batch; b++)
    for (int64_t j = 0; j < W; j++)
      s->aux[b * l->aux + l->masks.dropped + j] = s->prev[0][b * W + j] * sequence_mask(s, b, j);
}

void FN(sq_masks_enter)(const FN(sq_step) * s) {
  const sq_layout *l = s->layout;
  const int64_t H = l->config.hidden_size;
  FN(sq_masks_enter_tangent)(s);
  for (int64_t b = 0; l->masks.update > 0 && b < s->batch; b++) {
    real *scale = s->aux + b * l->aux + l->masks.scale;
    for (int64_t j = 0; j < H; j++)
      scale[j] = s->masks.key == NULL
                     ? 1
                     : mask_of(draw(&s->masks, s->masks.step, b, j).word[SQ_MASKS_UPDATE], l->masks.update);
  }
}

/* Whether the unit keeps its old state. */
static int zoned(const FN(sq_step) * s, int k, int64_t b, int64_t j) {
  return draw(&s->masks, s->masks.step, b, j).word[SQ_MASKS_ZONE + k] <
         sq_masks_threshold(s->layout->masks.zone[k]);
}

/* Row b of state k, whose new value is `made` but for zoneout. */
static void leave_row(const FN(sq_step) * s, int k, int64_t b, const real *made) {
  const int64_t W = s->layout->state_width[k];
  const real *old = s->prev[k] + b * W, keep = (real)s->layout->masks.zone[k];
  real *to = s->next[k] + b * W;
  for (int64_t j = 0; j < W; j++) {
    if (s->masks.key == NULL)
      to[j] = keep * old[j] + (1 - keep) * made[j];
    else
      to[j] = zoned(s, k, b, j) ? old[j] : made[j];
  }
}

void FN(sq_masks_leave_tangent)(const FN(sq_step) * s) {
  const sq_layout *l = s->layout;
  for (int k = 0; k < l->states; k++)
    for (int64_t b = 0; l->masks.zone[k] > 0 && b < s->batch; b++)
      if (FN(sq_step_valid)(s, b)) leave_row(s, k, b, s->next[k] + b * l->state_width[k]);
}

void FN(sq_masks_leave)(const FN(sq_step) * s) {
  const sq_layout *l = s->layout;
  for (int k = 0; k < l->states; k++) {
    const int64_t W = l->state_width[k], candidate = l->masks.candidate[k];
    for (int64_t b = 0; l->masks.zone[k] > 0 && b < s->batch; b++) {
      const real *h = s->next[k] + b * W;
      if (!FN(sq_step_valid)(s, b)) continue;
      leave_row(s, k, b, candidate < 0 ? h : s->aux + b * l->aux + candidate);
      if (k == 0) memcpy(s->y + b * s->ldy, h, (size_t)W * sizeof(real));
    }
  }
}

void FN(sq_masks_arrive)(FN(sq_step) * s, real *const held[SQ_MAX_STATES]) {
  for (int k = 0; k < s->layout->states; k++) {
    const int64_t W = s->layout->state_width[k];
    for (int64_t b = 0; s->layout->masks.zone[k] > 0 && b < s->batch; b++) {
      real *d = s->dstate[k] + b * W, *kept = held[k] + b * W;
      const int valid = FN(sq_step_valid)(s, b);
      if (valid && k == 0) FN(sq_step_add_dy)(s, b, d);
      for (int64_t j = 0; j < W; j++) {
        const int keeps = valid && zoned(s, k, b, j);
        kept[j] = keeps ? d[j] : 0;
        if (keeps) d[j] = 0;
      }
    }
  }
  if (s->layout->masks.zone[0] > 0) s->dy = NULL; /* it is in dstate now */
}

void FN(sq_masks_depart)(const FN(sq_step) * s, real *const held[SQ_MAX_STATES]) {
  const sq_layout *l = s->layout;
  const int64_t W = l->state_width[0];
  for (int64_t b = 0; l->masks.drop > 0 && b < s->batch; b++)
    for (int64_t j = 0; j < W; j++)
      s->dstate[0][b * W + j] += s->daux[b * l->aux + l->masks.dropped + j] * sequence_mask(s, b, j);
  for (int k = 0; k < l->states; k++)
    for (int64_t i = 0; l->masks.zone[k] > 0 && i < s->batch * l->state_width[k]; i++)
      s->dstate[k][i] += held[k][i];
}
