/* step.h - one time step of one layer, as the pointwise functions of the cells see it.
 *
 * The struct exists in both precisions (sq_step_f32, sq_step_f64) and the CUDA launchers take the f32 one,
 * with device pointers.  All tensors are the rows of one step, [B, width], dense unless a stride is named.
 *
 * Masked rows: row b is *valid* at time t if lengths is NULL or t < lengths[b].  For any other row, the
 * forward step passes the previous state on (h = h_prev, c = c_prev) and writes zeros to y, gates and aux,
 * whatever they held.  The backward step writes zeros to dgates and daux, leaves dstate as it is (the
 * gradient passes through to the previous step), and reads neither dy nor the gates.
 */
#ifndef SQ_STEP_H
#define SQ_STEP_H

#include "core/activations.h"
#include "core/cell.h"
#include "core/masks.h"
#include "core/real.h"

typedef struct FN(sq_step) {
  const sq_layout *layout;
  int64_t batch;                   /* rows of this slice */
  int64_t t;                       /* time step, for the mask */
  int quick;                       /* 1: float64 may have tanh as in quick.h, not libm's; forward */
  const int32_t *lengths;          /* [B] or NULL */
  const real *params;              /* the layer's flat parameter buffer */
  real *gates;                     /* [B,G] forward: in/out; backward: in, the activations */
  real *aux;                       /* [B,A] likewise */
  const real *prev[SQ_MAX_STATES]; /* [B,W_k] states before this step */
  real *next[SQ_MAX_STATES];       /* [B,W_k] states after this step; backward: in */
  real *y;                         /* [B,output] stride ldy, forward: h, or what else the cell's file says */
  int64_t ldy;
  const real *dy;              /* [B,output] stride ldy, backward; NULL = zeros */
  real *dstate[SQ_MAX_STATES]; /* [B,W_k] in: gradient at next; out: the pointwise part of the gradient at
                                  prev, to which the driver adds the products */
  real *dgates;                /* [B,G] out */
  real *daux;                  /* [B,A] out at product results; in where a later product came from aux */
  sq_masks masks;              /* what the driver draws from around the cell's step (masks.h) */
} FN(sq_step);

static inline int FN(sq_step_valid)(const FN(sq_step) * s, int64_t b) {
  return s->lengths == NULL || s->t < s->lengths[b];
}

/* Where a product reads at this step, and the row stride there. */
static inline const real *FN(sq_step_operand)(const FN(sq_step) * s, sq_place place, int64_t *ld) {
  if (place.buffer == SQ_AUX) {
    *ld = s->layout->aux;
    return s->aux + place.column;
  }
  *ld = s->layout->state_width[place.state];
  return (place.buffer == SQ_STATE ? s->next[place.state] : s->prev[place.state]) + place.column;
}

/* An invalid row of a forward step: the state passes on, y is zero. */
static inline void FN(sq_step_pass)(const FN(sq_step) * s, int64_t b) {
  for (int k = 0; k < s->layout->states; k++) {
    const int64_t w = s->layout->state_width[k];
    for (int64_t j = 0; j < w; j++) s->next[k][b * w + j] = s->prev[k][b * w + j];
  }
  for (int64_t j = 0; j < s->layout->output; j++) s->y[b * s->ldy + j] = 0;
  for (int64_t j = 0; j < s->layout->gates; j++) s->gates[b * s->layout->gates + j] = 0;
  for (int64_t j = 0; j < s->layout->aux; j++) s->aux[b * s->layout->aux + j] = 0;
}

/* An invalid row of a backward step: no gradient reaches the step, dstate passes on untouched. */
static inline void FN(sq_step_stop)(const FN(sq_step) * s, int64_t b) {
  for (int64_t j = 0; j < s->layout->gates; j++) s->dgates[b * s->layout->gates + j] = 0;
  for (int64_t j = 0; j < s->layout->aux; j++) s->daux[b * s->layout->aux + j] = 0;
}

/* Asks for `count` elements that will be read soon. */
static inline void FN(sq_step_ask)(const real *from, int64_t count) {
  for (int64_t j = 0; j < count; j += 64 / (int64_t)sizeof(real)) __builtin_prefetch(from + j);
}

/* Whether a backward step has a row b.  Asks for what the row after it will read: forward wrote it a whole sequence ago,
 * and a cell reads its gates in no order that a processor would guess. */
static inline int FN(sq_step_row_back)(const FN(sq_step) * s, int64_t b) {
  const sq_layout *l = s->layout;
  const int64_t next = b + 1;
  if (next >= s->batch) return b < s->batch;
  FN(sq_step_ask)(s->gates + next * l->gates, l->gates);
  FN(sq_step_ask)(s->aux + next * l->aux, l->aux);
  for (int k = 0; k < l->states; k++)
    FN(sq_step_ask)(s->prev[k] + next * l->state_width[k], l->state_width[k]);
  if (s->dy) FN(sq_step_ask)(s->dy + next * s->ldy, l->output);
  return 1;
}

/* The loops over the rows of a step: the block that follows is for valid rows; other rows are passed or
 * stopped.  They are macros because the row functions of the cells have different arguments, and because the
 * calls of these must stay direct: they are the hot loops, compiled for several vector widths (SQ_CLONES). */
#define SQ_FORWARD_ROWS(s, b)                                                                                \
  for (int64_t b = 0; b < (s)->batch; b++)                                                                   \
    if (!FN(sq_step_valid)(s, b))                                                                            \
      FN(sq_step_pass)(s, b);                                                                                \
    else
#define SQ_BACKWARD_ROWS(s, b)                                                                               \
  for (int64_t b = 0; FN(sq_step_row_back)(s, b); b++)                                                       \
    if (!FN(sq_step_valid)(s, b))                                                                            \
      FN(sq_step_stop)(s, b);                                                                                \
    else

/* d += `width` columns of dy_t from `column` on: the gradient that reaches a state from outside the
 * recurrence. */
static inline void FN(sq_step_add_dy_part)(const FN(sq_step) * s, int64_t b, int64_t column, int64_t width,
                                           real *d) {
  if (s->dy == NULL) return;
  const real *dy = s->dy + b * s->ldy + column;
  for (int64_t j = 0; j < width; j++) d[j] += dy[j];
}

/* dh += dy_t, where y is h. */
static inline void FN(sq_step_add_dy)(const FN(sq_step) * s, int64_t b, real *dh) {
  FN(sq_step_add_dy_part)(s, b, 0, s->layout->output, dh);
}

/* The masks around a step (masks.c).  `held` [B,W_k]: what of dstate k passes the cell by, for states with
 * zoneout. */
void FN(sq_masks_enter)(const FN(sq_step) * s);
void FN(sq_masks_leave)(const FN(sq_step) * s);
void FN(sq_masks_arrive)(FN(sq_step) * s, real *const held[SQ_MAX_STATES]);
void FN(sq_masks_depart)(const FN(sq_step) * s, real *const held[SQ_MAX_STATES]);
/* Of a step of tangents (layer_tangent.c). */
void FN(sq_masks_enter_tangent)(const FN(sq_step) * s);
void FN(sq_masks_leave_tangent)(const FN(sq_step) * s);

#endif
