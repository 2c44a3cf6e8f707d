/* draw.h - how a tensor is drawn (draw.c). */
#ifndef SQ_DRAW_H
#define SQ_DRAW_H

#include "core/philox.h"
#include "host/params/params.h"

/* A tensor is drawn as matrices of `block_rows` rows, one below the other (0: as one matrix), each by
 * init(scale); then `shift` is added to rows first to last-1. */
typedef struct sq_drawing {
  const struct sq_initialiser *init;
  double scale, shift;
  int64_t block_rows, first, last;
} sq_drawing;

/* The next of the random streams that initial values are drawn from. */
sq_rng sq_params_next_rng(seqgpu_params *params);

/* A drawing as one matrix, from a name and a scale that a user gave. */
seqgpu_status sq_params_drawing(seqgpu_params *params, const char *init, double scale, sq_drawing *out);
/* How seqgpu_params_add_rnn draws parameter `index` of a plan, of which info tells. */
sq_drawing sq_params_standard_drawing(const seqgpu_plan *plan, int index, const seqgpu_param_info *info);

/* SEQGPU_EINVAL and a sentence if the drawing is for square matrices and the tensor's blocks are not. */
seqgpu_status sq_params_check_drawing(seqgpu_params *params, const sq_tensor *tensor,
                                      const sq_drawing *drawing);
/* Draws the tensor's value. */
seqgpu_status sq_params_draw(seqgpu_params *params, const sq_tensor *tensor, const sq_drawing *drawing);

#endif
