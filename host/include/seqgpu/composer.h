/** @file composer.h
 * A model of polyphonic music: which keys of a piano sound next (Boulanger-Lewandowski, Bengio, Vincent 2012:
 * the recurrent network that theirs are compared with).
 *
 *   x_t      = dropout of the keys that sound at step t-1, as 0 and 1; silence before the first   [T,B,keys]
 *   h        = network over x                                                                     [T,B,Y]
 *   logits_t = W_out dropout h_t + b                                                              [T,B,keys]
 *   p(key k sounds at step t | what was before) = 1 / (1 + exp(-logit_tk))
 *
 * Given what was before, the keys of a step are independent: its loss is the sum of theirs, and nats a step
 * is how models of this music are compared.
 *
 *   seqgpu_composer_create(params, &desc, plan, &composer);
 *   seqgpu_tensor *logits = seqgpu_composer_logits(composer, tape, plan, T, B, lengths, before, NULL, NULL);
 *   seqgpu_tape_binary_cross_entropy(tape, logits, seqgpu_tape_input(tape, 3, shape, keys),
 *                                    seqgpu_tape_lengths(tape, B, lengths), 1, 1.0);
 *
 * The plans are the caller's: one that trains, and others of the same network that only run, of one step a
 * call, to compose.  Any cell, any options, one direction.
 *
 * Letters: T = steps, B = pieces, Y = output width of the plan.
 */
#ifndef SEQGPU_COMPOSER_H
#define SEQGPU_COMPOSER_H

#include "params.h"
#include "rnn.h"
#include "tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Sizes of a composer; they need no defaults. */
typedef struct seqgpu_composer_desc {
  int64_t keys;         /**< of the instrument, at least 1: input_size of the plan */
  double dropout;       /**< probability of dropping an element of h, in training; 0 to 1 */
  double input_dropout; /**< the same of x: of dropping a key that sounds */
} seqgpu_composer_desc;

/** A composer; freed by seqgpu_composer_destroy. */
typedef struct seqgpu_composer seqgpu_composer;

/** What seqgpu_composer_create calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_composer_create_(seqgpu_params *params, const seqgpu_composer_desc *desc,
                                                 size_t size, const seqgpu_plan *plan, seqgpu_composer **out);

/** Creates a composer, adds its weights to params and draws them: the network "rnn", output.weight [keys, Y]
 * and output.bias.
 * params: must outlive the composer.  plan: is only looked at.
 * out: receives the composer, or NULL on failure.
 * Errors: SEQGPU_EINVAL (a size out of its range; a plan whose input_size does not fit, or that reads in both
 * directions), SEQGPU_ENOMEM; weights that were added before the failure stay in params. */
static inline seqgpu_status seqgpu_composer_create(seqgpu_params *params, const seqgpu_composer_desc *desc,
                                                   const seqgpu_plan *plan, seqgpu_composer **out) {
  return seqgpu_composer_create_(params, desc, sizeof(seqgpu_composer_desc), plan, out);
}

/** Frees the composer; its weights stay in params.  NULL is allowed. */
SEQGPU_API void seqgpu_composer_destroy(seqgpu_composer *composer);

/** The logits [T,B,keys] of pieces side by side, on a tape.
 * plan: of the network that the composer was created with, for at least T steps of B pieces.
 * lengths [B]: steps of each piece, 1 to T, or NULL: all have T.
 * before [T,B,keys]: which keys sound a step earlier, 0 or 1, in the context's element type.  Both in host
 * memory that may be freed after the call.
 * initial: the network's states before the first step, as in seqgpu_tape_rnn; NULL: zeros.
 * h: receives the network's output [T,B,Y], whose seqgpu_tape_rnn_final are the states to go on with; may be
 * NULL.
 * NULL on failure, as the operators of tape.h; the tape keeps the reason. */
SEQGPU_API seqgpu_tensor *seqgpu_composer_logits(const seqgpu_composer *composer, seqgpu_tape *tape,
                                                 const seqgpu_plan *plan, int64_t T, int64_t B,
                                                 const int32_t *lengths, const void *before,
                                                 seqgpu_tensor *const *initial, seqgpu_tensor **h);

#ifdef __cplusplus
}
#endif
#endif
