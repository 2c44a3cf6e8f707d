/* masks.cu - zoneout and recurrent dropout around the step of a cell (core/masks.h has equations, papers and
 * draws; core/masks.c the same on the CPU).
 *
 *   enter    aux = h_{t-1} m, and the mask of the update            before the products
 *   leave    state = zoned ? old : new, y                           after the last stage
 *   arrive   held = zoned ? d : 0, d = zoned ? 0 : d (+ dy)         backward, before the last stage
 *   depart   d += held;  dh += d(aux) m                             backward, after the products
 *   enter_tangent   t(aux) = th_{t-1} m                             before the products
 *   leave_tangent   ts = zoned ? ts_{t-1} : ts                      after the last stage
 *
 * Launch as in step.h: a thread draws one Philox block, 25 integer operations of each of 10 rounds, and moves
 * 8 to 28 bytes.  A step has one launch more for each of the four that it needs; without masks there is none.
 */
#include "kernels/masks.h"

#include "kernels/step.h"

namespace {

/* core/cell.h's sq_layout_masks as a kernel takes it. */
struct masks_shape {
  int64_t W[SQ_MASKS_STATES]; /* width of a state with zoneout, else 0 */
  uint64_t zone[SQ_MASKS_STATES];
  float keep[SQ_MASKS_STATES];
  int64_t candidate[SQ_MASKS_STATES];
  int64_t A;                     /* width of aux */
  int64_t dropped_width, scaled; /* 0: no such dropout */
  int64_t dropped, scale;
  uint64_t drop, update; /* words below are dropped */
  float drop_scale, update_scale;
};

masks_shape masks_shape_of(const sq_step *s) {
  const sq_layout *l = s->layout;
  const sq_layout_masks &from = l->masks;
  masks_shape n = {};
  for (int k = 0; k < l->states && k < SQ_MASKS_STATES; k++) {
    n.W[k] = from.zone[k] > 0 ? l->state_width[k] : 0;
    n.zone[k] = sq_masks_threshold(from.zone[k]);
    n.keep[k] = (float)from.zone[k];
    n.candidate[k] = from.candidate[k];
  }
  n.A = l->aux;
  n.dropped_width = from.drop > 0 ? l->state_width[0] : 0;
  n.scaled = from.update > 0 ? l->config.hidden_size : 0;
  n.dropped = from.dropped;
  n.scale = from.scale;
  n.drop = sq_masks_threshold(from.drop);
  n.update = sq_masks_threshold(from.update);
  n.drop_scale = (float)(1 / (1 - from.drop));
  n.update_scale = (float)(1 / (1 - from.update));
  return n;
}

/* The same for tangents: that of a mask is 0, that of a new state is where the state's will be. */
masks_shape masks_tangent_shape_of(const sq_step *s) {
  masks_shape n = masks_shape_of(s);
  n.scaled = 0;
  for (int64_t &candidate : n.candidate) candidate = -1;
  return n;
}

int64_t widest(const masks_shape &n) {
  int64_t width = n.dropped_width > n.scaled ? n.dropped_width : n.scaled;
  for (int64_t w : n.W) width = w > width ? w : width;
  return width;
}

__device__ __forceinline__ sq_philox_block masks_draw(const sq_masks &n, int64_t start, int64_t b,
                                                      int64_t j) {
  return sq_philox(n.key[0], 0, n.key[1] + (uint64_t)(start + b * n.width + j));
}

__device__ __forceinline__ float sequence_mask(const sq_step &s, const masks_shape &n, int64_t b, int64_t j) {
  if (s.masks.key == NULL) return 1.0f;
  const sq_philox_block drawn = masks_draw(s.masks, s.masks.sequence, b, j);
  return drawn.word[SQ_MASKS_SEQUENCE] >= n.drop ? n.drop_scale : 0.0f;
}

__device__ __forceinline__ float update_mask(const sq_step &s, const masks_shape &n, int64_t b, int64_t j) {
  if (s.masks.key == NULL) return 1.0f;
  const sq_philox_block drawn = masks_draw(s.masks, s.masks.step, b, j);
  return drawn.word[SQ_MASKS_UPDATE] >= n.update ? n.update_scale : 0.0f;
}

__global__ void masks_enter_kernel(sq_step s, masks_shape n, int64_t width) {
  SQ_FOR_ROWS(b, s.batch) {
    float *aux = s.aux + b * n.A;
    SQ_FOR_COLS(j, width) {
      if (j < n.dropped_width)
        aux[n.dropped + j] = s.prev[0][b * n.dropped_width + j] * sequence_mask(s, n, b, j);
      if (j < n.scaled) aux[n.scale + j] = update_mask(s, n, b, j);
    }
  }
}

/* Unit j of sequence b of state k, which is valid. */
__device__ __forceinline__ void leave_unit(const sq_step &s, const masks_shape &n, int k, bool zoned,
                                           int64_t b, int64_t j) {
  const int64_t at = b * n.W[k] + j;
  const float old = s.prev[k][at];
  const float made = n.candidate[k] < 0 ? s.next[k][at] : s.aux[b * n.A + n.candidate[k] + j];
  float value = zoned ? old : made;
  if (s.masks.key == NULL) value = n.keep[k] * old + (1.0f - n.keep[k]) * made;
  s.next[k][at] = value;
  if (k == 0 && s.y != NULL) s.y[b * s.ldy + j] = value;
}

__device__ __forceinline__ sq_philox_block zone_draw(const sq_step &s, int64_t b, int64_t j) {
  sq_philox_block none = {};
  return s.masks.key == NULL ? none : masks_draw(s.masks, s.masks.step, b, j);
}

__global__ void masks_leave_kernel(sq_step s, masks_shape n, int64_t width) {
  SQ_FOR_ROWS(b, s.batch) {
    if (!sq_valid(s, b)) continue;
    SQ_FOR_COLS(j, width) {
      const sq_philox_block drawn = zone_draw(s, b, j);
      SQ_UNROLL
      for (int k = 0; k < SQ_MASKS_STATES; k++)
        if (j < n.W[k]) leave_unit(s, n, k, drawn.word[SQ_MASKS_ZONE + k] < n.zone[k], b, j);
    }
  }
}

struct masks_held {
  float *at[SQ_MASKS_STATES];
};

__global__ void masks_arrive_kernel(sq_step s, masks_shape n, int64_t width, masks_held held) {
  SQ_FOR_ROWS(b, s.batch) {
    const bool valid = sq_valid(s, b);
    SQ_FOR_COLS(j, width) {
      const sq_philox_block drawn = zone_draw(s, b, j);
      SQ_UNROLL
      for (int k = 0; k < SQ_MASKS_STATES; k++) {
        if (j >= n.W[k]) continue;
        const int64_t at = b * n.W[k] + j;
        const bool keeps = valid && drawn.word[SQ_MASKS_ZONE + k] < n.zone[k];
        const float d = s.dstate[k][at] + (valid && k == 0 ? sq_dy(s, b, j) : 0.0f);
        held.at[k][at] = keeps ? d : 0.0f;
        s.dstate[k][at] = keeps ? 0.0f : d;
      }
    }
  }
}

__global__ void masks_depart_kernel(sq_step s, masks_shape n, int64_t width, masks_held held) {
  SQ_FOR_ROWS(b, s.batch) {
    SQ_FOR_COLS(j, width) {
      if (j < n.dropped_width)
        s.dstate[0][b * n.dropped_width + j] += s.daux[b * n.A + n.dropped + j] * sequence_mask(s, n, b, j);
      SQ_UNROLL
      for (int k = 0; k < SQ_MASKS_STATES; k++)
        if (j < n.W[k]) s.dstate[k][b * n.W[k] + j] += held.at[k][b * n.W[k] + j];
    }
  }
}

__global__ void masks_key_kernel(uint64_t seed, uint64_t first_block, uint64_t *key) {
  key[0] = seed;
  key[1] = first_block;
}

masks_held held_of(float *const held[SQ_MAX_STATES]) {
  masks_held h;
  for (int k = 0; k < SQ_MASKS_STATES; k++) h.at[k] = held[k];
  return h;
}

int enter(sq_exec *exec, const sq_step *s, const masks_shape &n) {
  const int64_t width = widest(n);
  return sq_step_launch(exec, "masks_enter_kernel", masks_enter_kernel, width, s, n, width);
}

int leave(sq_exec *exec, const sq_step *s, const masks_shape &n) {
  const int64_t width = widest(n);
  return sq_step_launch(exec, "masks_leave_kernel", masks_leave_kernel, width, s, n, width);
}

} // namespace

int sq_masks_key(sq_exec *exec, uint64_t seed, uint64_t first_block, uint64_t *key) {
  return SQ_LAUNCH(exec, masks_key_kernel, 1, 1, 0, seed, first_block, key);
}

int sq_masks_enter(sq_exec *exec, const sq_step *s) { return enter(exec, s, masks_shape_of(s)); }
int sq_masks_leave(sq_exec *exec, const sq_step *s) { return leave(exec, s, masks_shape_of(s)); }

int sq_masks_enter_tangent(sq_exec *exec, const sq_step *s) {
  const masks_shape n = masks_tangent_shape_of(s);
  return n.dropped_width > 0 ? enter(exec, s, n) : 0;
}

int sq_masks_leave_tangent(sq_exec *exec, const sq_step *s) {
  sq_step states = *s;
  states.y = NULL; /* it comes later, with the states that have no zoneout */
  return leave(exec, &states, masks_tangent_shape_of(s));
}

int sq_masks_arrive(sq_exec *exec, sq_step *s, float *const held[SQ_MAX_STATES]) {
  const masks_shape n = masks_shape_of(s);
  const int64_t width = widest(n);
  const int error =
      sq_step_launch(exec, "masks_arrive_kernel", masks_arrive_kernel, width, s, n, width, held_of(held));
  if (n.W[0] > 0) s->dy = NULL; /* it is in dstate now */
  return error;
}

int sq_masks_depart(sq_exec *exec, const sq_step *s, float *const held[SQ_MAX_STATES]) {
  const masks_shape n = masks_shape_of(s);
  const int64_t width = widest(n);
  return sq_step_launch(exec, "masks_depart_kernel", masks_depart_kernel, width, s, n, width, held_of(held));
}
