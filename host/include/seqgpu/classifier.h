/** @file classifier.h
 * A classifier of sentences: what someone thinks of a film, what a question asks for.
 *
 *   x_t    = dropout embedding of word t                                    [T,B,word_size]
 *   h      = network over x                                                 [T,B,Y]
 *   s      = last:       h where each direction ends, side by side
 *            attention:  sum_t a_t h_t,  a = softmax over t of v . tanh(W h_t)    (Yang et al. 2016)
 *            mean, max:  over t, element by element                               (Collobert et al. 2011)
 *   logits = W_out dropout s + b                                            [B,classes]
 *
 *   seqgpu_classifier_create(params, &desc, plan, &classifier);
 *   seqgpu_tensor *logits = seqgpu_classifier_logits(classifier, tape, plan, T, B, lengths, words, NULL);
 *   seqgpu_tape_cross_entropy(tape, logits, seqgpu_tape_ids(tape, 1, &B, classes), 1, 1.0);
 *
 * The plans are the caller's: one that trains, and others of the same network that only run.  Any cell, any
 * options, one direction or two.
 *
 * Letters: T = steps, B = sentences, Y = output width of the plan.
 */
#ifndef SEQGPU_CLASSIFIER_H
#define SEQGPU_CLASSIFIER_H

#include "params.h"
#include "rnn.h"
#include "tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How the outputs over a sentence become one vector. */
typedef enum seqgpu_classifier_pool {
  SEQGPU_CLASSIFIER_LAST = 0,      /**< the state where each direction ends */
  SEQGPU_CLASSIFIER_ATTENTION = 1, /**< a mean by learnt weights */
  SEQGPU_CLASSIFIER_MEAN = 2,      /**< the mean */
  SEQGPU_CLASSIFIER_MAX = 3        /**< the largest value of each element */
} seqgpu_classifier_pool;

/** Sizes of a classifier; they need no defaults. */
typedef struct seqgpu_classifier_desc {
  int64_t words;               /**< of the vocabulary, at least 1 */
  int64_t word_size;           /**< elements of a word's vector, at least 1: input_size of the plan */
  int64_t classes;             /**< at least 1 */
  seqgpu_classifier_pool pool; /**< which one */
  int64_t attention_size;      /**< rows of W, at least 1; unused but for ATTENTION */
  double dropout;              /**< probability of dropping an element of x and of s, in training; 0 to 1 */
} seqgpu_classifier_desc;

/** A classifier; freed by seqgpu_classifier_destroy. */
typedef struct seqgpu_classifier seqgpu_classifier;

/** What seqgpu_classifier_create calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_classifier_create_(seqgpu_params *params, const seqgpu_classifier_desc *desc,
                                                   size_t size, const seqgpu_plan *plan,
                                                   seqgpu_classifier **out);

/** Creates a classifier, adds its weights to params and draws them: embedding.weight [words, word_size], the
 * network "rnn", attention.weight [attention_size, Y] and attention.v if there is attention, output.weight
 * and output.bias.
 * params: must outlive the classifier.  plan: is only looked at.
 * out: receives the classifier, or NULL on failure.
 * Errors: SEQGPU_EINVAL (a size out of its range; a plan whose input_size does not fit), SEQGPU_ENOMEM;
 * weights that were added before the failure stay in params. */
static inline seqgpu_status seqgpu_classifier_create(seqgpu_params *params,
                                                     const seqgpu_classifier_desc *desc,
                                                     const seqgpu_plan *plan, seqgpu_classifier **out) {
  return seqgpu_classifier_create_(params, desc, sizeof(seqgpu_classifier_desc), plan, out);
}

/** Frees the classifier; its weights stay in params.  NULL is allowed. */
SEQGPU_API void seqgpu_classifier_destroy(seqgpu_classifier *classifier);

/** The logits [B,classes] of B sentences side by side, on a tape.
 * plan: of the network that the classifier was created with, for at least T steps of B sentences.
 * lengths [B]: words of each sentence, 1 to T.  word [T,B]: their numbers; behind the end of a sentence -1.
 * Both in host memory that may be freed after the call.
 * attention: receives a [T,B], to look at, or NULL where there is no attention; may be NULL.
 * NULL on failure, as the operators of tape.h; the tape keeps the reason. */
SEQGPU_API seqgpu_tensor *seqgpu_classifier_logits(const seqgpu_classifier *classifier, seqgpu_tape *tape,
                                                   const seqgpu_plan *plan, int64_t T, int64_t B,
                                                   const int32_t *lengths, const int32_t *word,
                                                   seqgpu_tensor **attention);

#ifdef __cplusplus
}
#endif
#endif
