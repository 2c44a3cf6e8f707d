/** @file transcriber.h
 * A transcriber: what is said in a recording, or written by a pen, where nobody knows at which step (Graves,
 * Fernandez, Gomez, Schmidhuber 2006; Graves, Mohamed, Hinton 2013).
 *
 *   h        = network over the features x, both directions        [T,B,Y]
 *   logits_t = W_out dropout h_t + b                               [T,B,K]
 *   a path of classes, one a step, becomes labels when repeats, and then blanks, are taken out
 *
 *   seqgpu_transcriber_create(params, &desc, plan, &transcriber);
 *   seqgpu_tensor *logits = seqgpu_transcriber_logits(transcriber, tape, plan, T, B, lengths, x);
 *   seqgpu_tape_ctc(tape, logits, seqgpu_tape_lengths(tape, B, lengths), labels, label_lengths, 0, 1, 1.0);
 *
 * and, with the logits of one recording on the host:
 *
 *   seqgpu_ctc_beam(ctx, logits, T, B * K, K, 0, 8, labels, &count, NULL);
 *
 * The plans are the caller's: those that train, and others of the same network that only run.  Any cell, any
 * options, one direction or two.
 *
 * Letters: T = steps, B = recordings, Y = output width of the plan, K = classes, the blank among them.
 */
#ifndef SEQGPU_TRANSCRIBER_H
#define SEQGPU_TRANSCRIBER_H

#include "params.h"
#include "rnn.h"
#include "tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Sizes of a transcriber; they need no defaults. */
typedef struct seqgpu_transcriber_desc {
  int64_t features; /**< of a step, at least 1: input_size of the plan */
  int64_t classes;  /**< K, labels and the blank, at least 2 */
  double dropout;   /**< probability of dropping an element of h, in training; 0 to 1 */
} seqgpu_transcriber_desc;

/** A transcriber; freed by seqgpu_transcriber_destroy. */
typedef struct seqgpu_transcriber seqgpu_transcriber;

/** What seqgpu_transcriber_create calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_transcriber_create_(seqgpu_params *params,
                                                    const seqgpu_transcriber_desc *desc, size_t size,
                                                    const seqgpu_plan *plan, seqgpu_transcriber **out);

/** Creates a transcriber, adds its weights to params and draws them: the network "rnn", output.weight [K, Y]
 * and output.bias.
 * params: must outlive the transcriber.  plan: is only looked at.
 * out: receives the transcriber, or NULL on failure.
 * Errors: SEQGPU_EINVAL (a size out of its range; a plan whose input_size does not fit), SEQGPU_ENOMEM;
 * weights that were added before the failure stay in params. */
static inline seqgpu_status seqgpu_transcriber_create(seqgpu_params *params,
                                                      const seqgpu_transcriber_desc *desc,
                                                      const seqgpu_plan *plan, seqgpu_transcriber **out) {
  return seqgpu_transcriber_create_(params, desc, sizeof(seqgpu_transcriber_desc), plan, out);
}

/** Frees the transcriber; its weights stay in params.  NULL is allowed. */
SEQGPU_API void seqgpu_transcriber_destroy(seqgpu_transcriber *transcriber);

/** The logits [T,B,K] of recordings side by side, on a tape.
 * plan: of the network that the transcriber was created with, for at least T steps of B recordings.
 * lengths [B]: steps of each recording, 1 to T, or NULL: all have T.
 * x [T,B,features]: in the context's element type.  Both in host memory that may be freed after the call.
 * NULL on failure, as the operators of tape.h; the tape keeps the reason. */
SEQGPU_API seqgpu_tensor *seqgpu_transcriber_logits(const seqgpu_transcriber *transcriber, seqgpu_tape *tape,
                                                    const seqgpu_plan *plan, int64_t T, int64_t B,
                                                    const int32_t *lengths, const void *x);

/** The labels of the most probable path: the likeliest class of each step, without repeats and then
 * without blanks.
 * ctx: receives the sentence of an error.
 * logits: of one recording, in host memory: step t at logits + t * stride, K of them, of any offset.  Where
 * one is not a number, the labels mean nothing.
 * labels [steps]: receive the labels, *count of them.
 * Errors: SEQGPU_EINVAL (a pointer is NULL; a size out of its range; blank is no class). */
SEQGPU_API seqgpu_status seqgpu_ctc_best_path(seqgpu_context *ctx, const float *logits, int64_t steps,
                                              int64_t stride, int64_t classes, int64_t blank, int32_t *labels,
                                              int64_t *count);

/** The most probable labels, all paths to each of them added up, as far as a beam finds them: prefix beam
 * search (Graves 2008, section 7.5; Hannun et al. 2014).  With a beam that holds every prefix it is exact.
 * The arguments as in seqgpu_ctc_best_path, and
 *   beam             how many beginnings are kept from step to step, 1 to 1048576
 *   log_probability  receives the logarithm of the probability of these labels, of what the beam has kept;
 *                    may be NULL
 * Errors: those of seqgpu_ctc_best_path, and SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_ctc_beam(seqgpu_context *ctx, const float *logits, int64_t steps,
                                         int64_t stride, int64_t classes, int64_t blank, int64_t beam,
                                         int32_t *labels, int64_t *count, double *log_probability);

#ifdef __cplusplus
}
#endif
#endif
