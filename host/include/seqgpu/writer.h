/** @file writer.h
 * A model that writes a text by pen: a model of pen strokes (drawer.h) that reads the text through a window
 * of Gaussians, which it moves along (Graves, "Generating sequences with recurrent neural networks", 2013,
 * section 5).
 *
 *   x_t = how far point t-1 lies from the one before, in x and in y; 1 if a stroke ended there; 0 at first
 *                                                                                [T,B,3]
 *   c_u = vector of letter u of the text                                         [U,B,C]
 *   h^1_t = first network over x_t, w_(t-1), a step at a time; w_0 = 0           [T,B,Y]
 *   w_t = window over c, by the 3K numbers W_win h^1_t + b: seqgpu_tape_window   [T,B,C]
 *   h^n = further network over h^(n-1), x, w                 n = 2 ... N         [T,B,Y]
 *   y_t = W_out (h^1_t, ..., h^N_t) + b                                          [T,B,1+6M]
 *   p(point t | points before, text) = that of y_t: seqgpu_tape_mixture_density
 *
 * Graves has c_u say which letter it is by a single 1; here it is a vector that is learnt.  Each h is dropped
 * where it goes on, not where the window and the next step of its own layer read it.
 *
 *   seqgpu_writer_create(params, &desc, first, further, &writer);
 *   seqgpu_tensor *y = seqgpu_writer_mixtures(writer, tape, first, further, &batch, NULL, NULL);
 *   seqgpu_tape_mixture_density(tape, y, seqgpu_tape_input(tape, 3, shape, points),
 *                               seqgpu_tape_lengths(tape, B, lengths), 1, 1.0);
 *
 * The plans, of one layer each, are the caller's: `first` has seq_len 1 and input_size 3 + C, `further`
 * input_size Y + 3 + C.  Those that train and those that only run share the parameters.  Any cell, one
 * direction.
 *
 * Letters: T = points, B = drawings, U = letters of the longest text, K = Gaussians of the window, M = of the
 *          mixture, N = layers, C = elements of a letter's vector, Y = output width of the plans.
 */
#ifndef SEQGPU_WRITER_H
#define SEQGPU_WRITER_H

#include "params.h"
#include "rnn.h"
#include "tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The most layers of a writer. */
#define SEQGPU_WRITER_LAYERS 16

/** Sizes of a writer; they need no defaults. */
typedef struct seqgpu_writer_desc {
  int64_t layers;      /**< N, 1 to SEQGPU_WRITER_LAYERS */
  int64_t mixtures;    /**< M, at least 1 */
  int64_t gaussians;   /**< K, at least 1 */
  int64_t letters;     /**< that there are, at least 1 */
  int64_t letter_size; /**< C, at least 1 */
  double dropout;      /**< probability of dropping an element of an h, in training; 0 to 1 */
} seqgpu_writer_desc;

/** A writer; freed by seqgpu_writer_destroy. */
typedef struct seqgpu_writer seqgpu_writer;

/** Drawings side by side and their texts, in host memory that may be freed after the call. */
typedef struct seqgpu_writer_batch {
  int64_t batch;               /**< B */
  int64_t points;              /**< T, of the longest drawing */
  const int32_t *lengths;      /**< [B] points of each drawing, 1 to T; NULL: all have T */
  const void *before;          /**< [T,B,3] x above, in the context's element type */
  int64_t text_len;            /**< U, of the longest text */
  const int32_t *text_lengths; /**< [B] letters of each text, 0 to U; NULL: all have U */
  const int32_t *text;         /**< [U,B] numbers of letters; behind the end of a text anything */
  /* what went before the first point, on the same tape; zeros stand for nothing */
  seqgpu_tensor *const
      *initial;            /**< the layers' states, those of the first layer first, as in seqgpu_tape_rnn */
  seqgpu_tensor *window;   /**< w [1,B,C] */
  seqgpu_tensor *position; /**< kappa [B,K], of seqgpu_tape_window_position */
} seqgpu_writer_batch;

/** What seqgpu_writer_create calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_writer_create_(seqgpu_params *params, const seqgpu_writer_desc *desc,
                                               size_t size, const seqgpu_plan *first,
                                               const seqgpu_plan *further, seqgpu_writer **out);

/** Creates a writer, adds its weights to params and draws them: letters.weight [letters, C], the layers
 * "layer1", "layer2", ..., window.weight [3K, Y] and window.bias, output.weight [1+6M, NY] and output.bias.
 * params: must outlive the writer.  first, further: are only looked at; further is NULL where there is one
 * layer. out: receives the writer, or NULL on failure.
 * Errors: SEQGPU_EINVAL (a size out of its range; a plan whose sizes do not fit, that has more than one
 * layer, or that reads in both directions), SEQGPU_ENOMEM; weights that were added before the failure stay in
 * params. */
static inline seqgpu_status seqgpu_writer_create(seqgpu_params *params, const seqgpu_writer_desc *desc,
                                                 const seqgpu_plan *first, const seqgpu_plan *further,
                                                 seqgpu_writer **out) {
  return seqgpu_writer_create_(params, desc, sizeof(seqgpu_writer_desc), first, further, out);
}

/** Frees the writer; its weights stay in params.  NULL is allowed. */
SEQGPU_API void seqgpu_writer_destroy(seqgpu_writer *writer);

/** What seqgpu_writer_mixtures calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_tensor *seqgpu_writer_mixtures_(const seqgpu_writer *writer, seqgpu_tape *tape,
                                                  const seqgpu_plan *first, const seqgpu_plan *further,
                                                  const seqgpu_writer_batch *batch, size_t size,
                                                  seqgpu_tensor **h, seqgpu_tensor **windows);

/** What says how probable each next point is: y [T,B,1+6M], as seqgpu_tape_mixture_density reads it, on a
 * tape. first, further: of the layers that the writer was created with, for at least B drawings, further for
 * T points. past: what goes before; NULL: nothing.
 * h [N]: receives the output of each layer, of the first one only that of the last step, whose
 * seqgpu_tape_rnn_final are the states to go on with; may be NULL.
 * windows [T]: receives w_t [1,B,C] of each step, which seqgpu_tape_window_weights and
 * seqgpu_tape_window_position look behind; may be NULL.
 * NULL on failure, as the operators of tape.h; the tape keeps the reason. */
static inline seqgpu_tensor *seqgpu_writer_mixtures(const seqgpu_writer *writer, seqgpu_tape *tape,
                                                    const seqgpu_plan *first, const seqgpu_plan *further,
                                                    const seqgpu_writer_batch *batch, seqgpu_tensor **h,
                                                    seqgpu_tensor **windows) {
  return seqgpu_writer_mixtures_(writer, tape, first, further, batch, sizeof(seqgpu_writer_batch), h,
                                 windows);
}

#ifdef __cplusplus
}
#endif
#endif
