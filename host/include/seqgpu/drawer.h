/** @file drawer.h
 * A model of pen strokes: where the pen goes next, and whether it is lifted there (Graves, "Generating
 * sequences with recurrent neural networks", 2013, section 4).
 *
 *   x_t = how far point t-1 lies from the one before, in x and in y; 1 if a stroke ended there; 0 at first
 *                                                                                [T,B,3]
 *   h^1 = dropout network over x                                                 [T,B,Y]
 *   h^n = dropout network over h^(n-1), x           n = 2 ... N                  [T,B,Y]
 *   y_t = W_out (h^1_t, ..., h^N_t) + b                                          [T,B,1+6M]
 *   p(point t | points before) = the M Gaussians and the Bernoulli of y_t: seqgpu_tape_mixture_density
 *
 * Every layer reads x, and the output reads every layer: the skip connections of the paper.
 *
 *   seqgpu_drawer_create(params, &desc, first, further, &drawer);
 *   seqgpu_tensor *y =
 *       seqgpu_drawer_mixtures(drawer, tape, first, further, T, B, lengths, before, NULL, NULL);
 *   seqgpu_tape_mixture_density(tape, y, seqgpu_tape_input(tape, 3, shape, points),
 *                               seqgpu_tape_lengths(tape, B, lengths), 1, 1.0);
 *
 * The plans, of one layer each, are the caller's: `first` of the first layer, `further` of any later one,
 * whose input_size is 3 + Y.  Those that train and those that only run, of one step a call to draw, share the
 * parameters.  Any cell, any options, one direction.  Offsets are best divided by their deviation.
 *
 * Letters: T = points, B = drawings, M = Gaussians, N = layers, Y = output width of the plans.
 */
#ifndef SEQGPU_DRAWER_H
#define SEQGPU_DRAWER_H

#include "params.h"
#include "rnn.h"
#include "tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The most layers of a drawer. */
#define SEQGPU_DRAWER_LAYERS 16

/** Sizes of a drawer; they need no defaults. */
typedef struct seqgpu_drawer_desc {
  int64_t layers;   /**< N, 1 to SEQGPU_DRAWER_LAYERS */
  int64_t mixtures; /**< M, at least 1 */
  double dropout;   /**< probability of dropping an element of an h, in training; 0 to 1 */
} seqgpu_drawer_desc;

/** A drawer; freed by seqgpu_drawer_destroy. */
typedef struct seqgpu_drawer seqgpu_drawer;

/** What seqgpu_drawer_create calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_drawer_create_(seqgpu_params *params, const seqgpu_drawer_desc *desc,
                                               size_t size, const seqgpu_plan *first,
                                               const seqgpu_plan *further, seqgpu_drawer **out);

/** Creates a drawer, adds its weights to params and draws them: the layers "layer1", "layer2", ...,
 * output.weight [1+6M, NY] and output.bias.
 * params: must outlive the drawer.  first, further: are only looked at; further is NULL where there is one
 * layer.
 * out: receives the drawer, or NULL on failure.
 * Errors: SEQGPU_EINVAL (a size out of its range; a plan whose sizes do not fit, that has more than one
 * layer, or that reads in both directions), SEQGPU_ENOMEM; weights that were added before the failure stay in
 * params. */
static inline seqgpu_status seqgpu_drawer_create(seqgpu_params *params, const seqgpu_drawer_desc *desc,
                                                 const seqgpu_plan *first, const seqgpu_plan *further,
                                                 seqgpu_drawer **out) {
  return seqgpu_drawer_create_(params, desc, sizeof(seqgpu_drawer_desc), first, further, out);
}

/** Frees the drawer; its weights stay in params.  NULL is allowed. */
SEQGPU_API void seqgpu_drawer_destroy(seqgpu_drawer *drawer);

/** What says how probable each next point is, for drawings side by side: y [T,B,1+6M], as
 * seqgpu_tape_mixture_density reads it, on a tape.
 * first, further: of the layers that the drawer was created with, for at least T points of B drawings.
 * lengths [B]: points of each drawing, 1 to T, or NULL: all have T.
 * before [T,B,3]: x above, in the context's element type.  Both in host memory that may be freed after the
 * call.
 * initial: the layers' states before the first point, those of the first layer first, as in seqgpu_tape_rnn;
 * NULL: zeros.
 * h [N]: receives the output [T,B,Y] of each layer, whose seqgpu_tape_rnn_final are the states to go on with;
 * may be NULL.
 * NULL on failure, as the operators of tape.h; the tape keeps the reason. */
SEQGPU_API seqgpu_tensor *seqgpu_drawer_mixtures(const seqgpu_drawer *drawer, seqgpu_tape *tape,
                                                 const seqgpu_plan *first, const seqgpu_plan *further,
                                                 int64_t T, int64_t B, const int32_t *lengths,
                                                 const void *before, seqgpu_tensor *const *initial,
                                                 seqgpu_tensor **h);

#ifdef __cplusplus
}
#endif
#endif
