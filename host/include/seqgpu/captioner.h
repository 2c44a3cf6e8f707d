/** @file captioner.h
 * A captioner: a network writes what is in a picture, word after word (Show and Tell: Vinyals, Toshev,
 * Bengio, Erhan 2015), looking at parts of it (Show, Attend and Tell: Xu et al. 2015).  A picture is a grid
 * of patches, each of so many numbers: its pixels, or what any other network says of it.
 *
 *   f_p = relu(W_0 x_p + b_0)                                   each patch by itself           [P,B,F]
 *   f_p = relu(W_l [f of p and the eight around it] + b_l)      l = 1 .. layers                [P,B,F]
 *   v_p = f_p + e_p                                             e_p says where p is            [P,B,F]
 *   z_k = tanh(W_k g + b_k)                                     states to begin with           [L,B,W_k]
 *         g = mean over p of v_p with attention (Xu et al., 3.1.2), without it all f_p / sqrt(P) side by side
 *   h, a, r, logits: as a translator writes (seqgpu/translator.h), with v in the place of H
 *
 * A layer is a convolution of 3 x 3 as a linear layer on rows that are gathered; beyond the edge they are
 * zeros.
 *
 * With `aside`, f does not know the last so many numbers y of x, colours say.  A word looks where it would
 * without them, and what was written before says alone how much of either it reads:
 *
 *   d_p = relu(W_c y_p + b_c)                               of each patch by itself            [P,B,F]
 *   c   = g sum_p a_p v_p + (1 - g) sum_p a_p d_p,          g = sigmoid(w . h + b)             [T,B,F]
 *
 * So the words for a shape need not know its colour, nor those for the colour its shape: pairs of them that
 * were never learnt together can be written.
 *
 *   seqgpu_captioner_create(params, &desc, decoder, &captioner);
 *   seqgpu_tensor *logits = seqgpu_captioner_logits(captioner, tape, decoder, &batch, NULL);
 *   seqgpu_tape_cross_entropy(tape, logits, seqgpu_tape_ids(tape, 2, shape, targets), 1, 1.0);
 *   ...
 *   seqgpu_captioner_search(captioner, step, &search, &batch, &found);
 *
 * The plans are the caller's: one that trains, and another of the same network that only runs, of one step a
 * call for the search.  Any cell, in one direction.
 *
 * Letters: P = patches, B = pictures, T = steps of the captions, F = features, L = layers of the decoder,
 *          W_k = width of state k of its cell.
 */
#ifndef SEQGPU_CAPTIONER_H
#define SEQGPU_CAPTIONER_H

#include "translator.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Sizes of a captioner; they need no defaults. */
typedef struct seqgpu_captioner_desc {
  int64_t rows;           /**< of the patches, at least 1 */
  int64_t columns;        /**< likewise; P is their product */
  int64_t inputs;         /**< numbers of a patch, at least 1 */
  int64_t features;       /**< F, at least 1 */
  int64_t layers;         /**< that look at the patches around, 0 to 16 */
  int64_t words;          /**< of the vocabulary, at least 1; there is one class more, the end */
  int64_t word_size;      /**< elements of a word's vector, at least 1: input_size of the plan */
  int64_t attention_size; /**< elements that compare a step with a patch; 0: without attention */
  double dropout;         /**< probability of dropping an element of the words before, of r, in training */
  int64_t aside;          /**< the last so many inputs are set aside, 0 to inputs - 1; 0 without attention */
} seqgpu_captioner_desc;

/** A captioner; freed by seqgpu_captioner_destroy. */
typedef struct seqgpu_captioner seqgpu_captioner;

/** Pictures side by side, in host memory that may be freed after the call. */
typedef struct seqgpu_captioner_batch {
  int64_t batch;         /**< B */
  const void *patches;   /**< [P,B,inputs] in the context's element type; patches row by row */
  int64_t target_len;    /**< T, of the longest caption and its end; a search does not read it */
  const int32_t *before; /**< [T,B] the word before: -1, and then the caption's; nor this */
} seqgpu_captioner_batch;

/** What seqgpu_captioner_create calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_captioner_create_(seqgpu_params *params, const seqgpu_captioner_desc *desc,
                                                  size_t size, const seqgpu_plan *decoder,
                                                  seqgpu_captioner **out);

/** Creates a captioner, adds its weights to params and draws them: patchL.weight and patchL.bias for L from 0
 * to layers, [F, inputs] and then [F, 9 F], with attention place.weight [P, F], with
 * `aside` aside.weight [F, aside], aside.bias, choice.weight [1, Y] and choice.bias, target.weight [words,
 * word_size], the network "decoder", beginK.weight [layers of the decoder W_k, F, or without attention P F]
 * and beginK.bias for each state k, with attention query.weight, memory.weight, attention.v, reader.weight
 * and reader.bias, and output.weight [words+1, Y] and output.bias.
 * params: must outlive the captioner.  decoder: is only looked at.
 * out: receives the captioner, or NULL on failure.
 * Errors: SEQGPU_EINVAL (a size out of its range; a plan that does not fit), SEQGPU_ENOMEM; weights that were
 * added before the failure stay in params. */
static inline seqgpu_status seqgpu_captioner_create(seqgpu_params *params, const seqgpu_captioner_desc *desc,
                                                    const seqgpu_plan *decoder, seqgpu_captioner **out) {
  return seqgpu_captioner_create_(params, desc, sizeof(seqgpu_captioner_desc), decoder, out);
}

/** Frees the captioner; its weights stay in params.  NULL is allowed. */
SEQGPU_API void seqgpu_captioner_destroy(seqgpu_captioner *captioner);

/** What seqgpu_captioner_logits calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_tensor *seqgpu_captioner_logits_(const seqgpu_captioner *captioner, seqgpu_tape *tape,
                                                   const seqgpu_plan *decoder,
                                                   const seqgpu_captioner_batch *batch, size_t size,
                                                   seqgpu_tensor **attention);

/** The logits [T,B,words+1] of pictures whose captions are known, on a tape.  Those behind the end of a
 * caption mean nothing: mask them by a target of -1.
 * decoder: of the network that the captioner was created with, for at least T steps of B sequences.
 * attention: receives the weights a [T,P,B], NULL without attention; may be NULL.
 * NULL on failure, as the operators of tape.h; the tape keeps the reason. */
static inline seqgpu_tensor *seqgpu_captioner_logits(const seqgpu_captioner *captioner, seqgpu_tape *tape,
                                                     const seqgpu_plan *decoder,
                                                     const seqgpu_captioner_batch *batch,
                                                     seqgpu_tensor **attention) {
  return seqgpu_captioner_logits_(captioner, tape, decoder, batch, sizeof(seqgpu_captioner_batch), attention);
}

/** What seqgpu_captioner_search calls, with the sizes of the caller's structs. */
SEQGPU_API seqgpu_status seqgpu_captioner_search_(const seqgpu_captioner *captioner,
                                                  const seqgpu_plan *decoder,
                                                  const seqgpu_translator_options *options,
                                                  size_t options_size, const seqgpu_captioner_batch *batch,
                                                  size_t batch_size, const seqgpu_translator_answers *out,
                                                  size_t out_size);

/** Writes a caption to each picture of a batch by beam search, as seqgpu_translator_search does: a step of
 * the source is a patch, and `most`, if 0, stands for 2 P + 10.
 * decoder: as in seqgpu_captioner_logits, for at least one step of K B sequences; it may be for inference.
 * options: NULL = defaults.  Waits for the device at each word.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM, SEQGPU_EDEVICE, with a sentence. */
static inline seqgpu_status seqgpu_captioner_search(const seqgpu_captioner *captioner,
                                                    const seqgpu_plan *decoder,
                                                    const seqgpu_translator_options *options,
                                                    const seqgpu_captioner_batch *batch,
                                                    const seqgpu_translator_answers *out) {
  return seqgpu_captioner_search_(captioner, decoder, options, sizeof(seqgpu_translator_options), batch,
                                  sizeof(seqgpu_captioner_batch), out, sizeof(seqgpu_translator_answers));
}

#ifdef __cplusplus
}
#endif
#endif
