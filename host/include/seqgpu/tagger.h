/** @file tagger.h
 * A tagger: a class for each word of a sentence, part-of-speech tags say (Ling et al. 2015; Plank, Soegaard,
 * Goldberg 2016).
 *
 *   s_n      = [h_forward; h_backward] of a network that reads the letters of spelling n       [N,S]
 *   x_t      = dropout [embedding of word t; s of its spelling]                                 [T,B,I]
 *   h        = network over x, both directions                                                  [T,B,Y]
 *   logits_t = W_out dropout h_t + b                                                            [T,B,tags]
 *
 * A word that is in no vocabulary still has a spelling.  Each spelling is read once, however many words of
 * the batch have it.
 *
 *   seqgpu_tagger_create(params, &desc, letters, sentence, &tagger);
 *   seqgpu_tensor *logits = seqgpu_tagger_logits(tagger, tape, letters, sentence, &batch);
 *   seqgpu_tape_cross_entropy(tape, logits, seqgpu_tape_ids(tape, 2, shape, tags), 1, 1.0);
 *
 * The plans are the caller's: those that train, and others of the same networks that only run.  `letters`
 * reads desc.letter_size elements a step, `sentence` those of seqgpu_tagger_input_size.  Either may have any
 * cell, any options, and one direction or two.
 *
 * Letters: T = steps, B = sentences, N = spellings, C = letters of the longest, I = input_size of `sentence`,
 *          S = what the final h of `letters` has, all directions of its last layer together.
 */
#ifndef SEQGPU_TAGGER_H
#define SEQGPU_TAGGER_H

#include "params.h"
#include "rnn.h"
#include "tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Sizes of a tagger; they need no defaults. */
typedef struct seqgpu_tagger_desc {
  int64_t words;       /**< of the vocabulary, at least 1 */
  int64_t word_size;   /**< elements of a word's vector, at least 1 */
  int64_t letters;     /**< of the alphabet, at least 1; unused without a plan for letters */
  int64_t letter_size; /**< elements of a letter's vector, at least 1; unused without a plan for letters */
  int64_t tags;        /**< classes, at least 1 */
  double dropout;      /**< probability of dropping an element of x and of h, in training; 0 to 1 */
} seqgpu_tagger_desc;

/** A tagger; freed by seqgpu_tagger_destroy. */
typedef struct seqgpu_tagger seqgpu_tagger;

/** Sentences side by side, in host memory that may be freed after the call. */
typedef struct seqgpu_tagger_batch {
  int64_t seq_len;               /**< T, of the longest sentence */
  int64_t batch;                 /**< B */
  const int32_t *lengths;        /**< [B] words of each sentence, 1 to T */
  const int32_t *word;           /**< [T,B] numbers of words; behind the end of a sentence -1 */
  const int32_t *spelling;       /**< [T,B] numbers of their spellings, 0 to N-1; behind the end -1 */
  int64_t longest;               /**< C */
  int64_t spellings;             /**< N */
  const int32_t *letter_lengths; /**< [N] letters of each spelling, 1 to C */
  const int32_t *letter;         /**< [C,N] numbers of letters; one that is in no alphabet is -1 */
} seqgpu_tagger_batch;

/** What seqgpu_tagger_create calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_tagger_create_(seqgpu_params *params, const seqgpu_tagger_desc *desc,
                                               size_t size, const seqgpu_plan *letters,
                                               const seqgpu_plan *sentence, seqgpu_tagger **out);

/** Creates a tagger, adds its weights to params and draws them: embedding.weight [words, word_size],
 * letters.weight [letters, letter_size] and the network "speller", the network "rnn", output.weight
 * [tags, Y] and output.bias.
 * params: must outlive the tagger.  letters: NULL: words have no spelling.  Both plans are only looked at.
 * out: receives the tagger, or NULL on failure.
 * Errors: SEQGPU_EINVAL (a size out of its range; a plan whose input_size does not fit), SEQGPU_ENOMEM;
 * weights that were added before the failure stay in params. */
static inline seqgpu_status seqgpu_tagger_create(seqgpu_params *params, const seqgpu_tagger_desc *desc,
                                                 const seqgpu_plan *letters, const seqgpu_plan *sentence,
                                                 seqgpu_tagger **out) {
  return seqgpu_tagger_create_(params, desc, sizeof(seqgpu_tagger_desc), letters, sentence, out);
}

/** Frees the tagger; its weights stay in params.  NULL is allowed. */
SEQGPU_API void seqgpu_tagger_destroy(seqgpu_tagger *tagger);

/** I, what the sentence's network reads in a step: word_size and, where there is a plan for letters, S. */
SEQGPU_API int64_t seqgpu_tagger_input_size(int64_t word_size, const seqgpu_plan *letters);

/** What seqgpu_tagger_logits calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_tensor *seqgpu_tagger_logits_(const seqgpu_tagger *tagger, seqgpu_tape *tape,
                                                const seqgpu_plan *letters, const seqgpu_plan *sentence,
                                                const seqgpu_tagger_batch *batch, size_t size);

/** The logits [T,B,tags] of a batch, on a tape.  Those behind the end of a sentence mean nothing: mask them
 * by a target of -1.
 * letters, sentence: of the networks that the tagger was created with, for at least C steps of N spellings
 * and T steps of B sentences; letters is NULL where it was then.
 * NULL on failure, as the operators of tape.h; the tape keeps the reason. */
static inline seqgpu_tensor *seqgpu_tagger_logits(const seqgpu_tagger *tagger, seqgpu_tape *tape,
                                                  const seqgpu_plan *letters, const seqgpu_plan *sentence,
                                                  const seqgpu_tagger_batch *batch) {
  return seqgpu_tagger_logits_(tagger, tape, letters, sentence, batch, sizeof(seqgpu_tagger_batch));
}

#ifdef __cplusplus
}
#endif
#endif
