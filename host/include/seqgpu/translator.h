/** @file translator.h
 * A translator: one network reads a sequence, another writes a second one, word after word, looking back at
 * the first (Sutskever, Vinyals, Le 2014; Bahdanau, Cho, Bengio 2015; Luong, Pham, Manning 2015).
 *
 *   x_s      = dropout embedding of word s of the source                                        [S,B,word_size]
 *   H        = encoder over x                                                                   [S,B,E]
 *   z_k      = last states of the encoder; of one that reads in both directions, layer by layer,
 *              tanh(W_k [forward; backward] + b_k)                                              [L,B,W_k]
 *   h        = decoder over the words before, which begins with z                               [T,B,Y]
 *   a_t      = softmax over s of v . tanh(W_q h_t + W_m H_s)   Bahdanau et al., A.1.2 with h_t  [S,B]
 *              or of h_t . W_m H_s, or of h_t . H_s            Luong et al., equation 8
 *   c_t      = sum_s a_ts H_s                                  Bahdanau et al., equation 5      [B,E]
 *   r_t      = tanh(W_r [h_t; c_t] + b_r)                      Luong et al., equation 5         [B,Y]
 *   logits_t = W_out dropout r_t + b_out                                                        [B,words+1]
 *
 * The class behind the last word is the end of the sequence.  What stands before the first word reads as
 * zeros.  No context goes back into the decoder, so a whole sequence is one run of each network, and attention
 * is looked up for all its steps afterwards (Luong et al.'s global attention without input feeding).  Without
 * attention r is h: what was read lies in z alone, as Sutskever et al. have it, who read the source backwards.
 *
 *   seqgpu_translator_create(params, &desc, encoder, decoder, &translator);
 *   seqgpu_tensor *logits = seqgpu_translator_logits(translator, tape, encoder, decoder, &batch, NULL);
 *   seqgpu_tape_cross_entropy(tape, logits, seqgpu_tape_ids(tape, 2, shape, targets), 1, 1.0);
 *   ...
 *   seqgpu_translator_search(translator, encoder, step, &search, &batch, &found);
 *
 * The plans are the caller's: those that train, and others of the same networks that only run, of one step a
 * call for the search.  Any cell, the same for both; the decoder reads in one direction.
 *
 * Letters: S = steps of the source, T = of the target, B = sequences, K = hypotheses, E, Y = output widths of
 *          encoder and decoder, L = layers of each, W_k = width of state k of the cell.
 */
#ifndef SEQGPU_TRANSLATOR_H
#define SEQGPU_TRANSLATOR_H

#include "params.h"
#include "rnn.h"
#include "tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How what is written is compared with what was read. */
typedef enum seqgpu_attention {
  SEQGPU_ATTENTION_ADDITIVE = 0, /**< v . tanh(W_q h_t + W_m H_s) (Bahdanau et al. 2015) */
  SEQGPU_ATTENTION_GENERAL = 1,  /**< h_t . W_m H_s (Luong et al. 2015) */
  SEQGPU_ATTENTION_DOT = 2,      /**< h_t . H_s (Luong et al. 2015): E and Y must be equal */
  SEQGPU_ATTENTION_NONE = 3      /**< not at all */
} seqgpu_attention;

/** Sizes of a translator; they need no defaults. */
typedef struct seqgpu_translator_desc {
  int64_t source_words;   /**< of the source's vocabulary, at least 1 */
  int64_t target_words;   /**< of the target's, at least 1; there is one class more, the end */
  int64_t word_size;      /**< elements of a word's vector, at least 1: input_size of both plans */
  int64_t attention_size; /**< elements of v; 0: without attention; unused but for ADDITIVE */
  double dropout; /**< probability of dropping an element of x, of the words before, of r, in training */
  seqgpu_attention attention; /**< which one */
} seqgpu_translator_desc;

/** A translator; freed by seqgpu_translator_destroy. */
typedef struct seqgpu_translator seqgpu_translator;

/** Pairs of sequences side by side, in host memory that may be freed after the call. */
typedef struct seqgpu_translator_batch {
  int64_t batch;                 /**< B */
  int64_t source_len;            /**< S, of the longest source */
  const int32_t *source_lengths; /**< [B] words of each source, 1 to S */
  const int32_t *source;         /**< [S,B] numbers of words; behind the end of a source -1 */
  int64_t target_len;            /**< T, of the longest target and its end; a search does not read it */
  const int32_t *before;         /**< [T,B] the word before: -1, and then the target's; nor this */
} seqgpu_translator_batch;

/** How seqgpu_translator_search looks for an answer; zeros are defaults. */
typedef struct seqgpu_translator_options {
  int64_t beam;       /**< K, hypotheses of each sequence; 0 is 1: always the likeliest word */
  int64_t most;       /**< words of an answer; 0: twice those of the longest source, and 10 */
  int64_t banned;     /**< the first so many words are never written: 1 where word 0 is the unknown one */
  double length_norm; /**< the probability's logarithm is divided by length^this; 0: it is not */
} seqgpu_translator_options;

/** Where the answers go, memory of the caller; `most` is what the options say, or what their 0 stands for. */
typedef struct seqgpu_translator_answers {
  int32_t *word;     /**< [B,most] the words of each answer */
  int32_t *lengths;  /**< [B] how many they are, without the end */
  int32_t *attended; /**< [B,most] the step of the source that each word attends to most; NULL: not wanted */
  double *score;     /**< [B] the logarithm of an answer's probability, by its length; NULL: not wanted */
} seqgpu_translator_answers;

/** What seqgpu_translator_create calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_translator_create_(seqgpu_params *params, const seqgpu_translator_desc *desc,
                                                   size_t size, const seqgpu_plan *encoder,
                                                   const seqgpu_plan *decoder, seqgpu_translator **out);

/** Creates a translator, adds its weights to params and draws them: source.weight [source_words, word_size],
 * target.weight [target_words, word_size], the networks "encoder" and "decoder", of an encoder in both
 * directions bridgeK.weight [W_k, 2 W_k of the encoder] and bridgeK.bias for each state k, with attention
 * query.weight and attention.v (ADDITIVE), memory.weight (but for DOT), reader.weight [Y, Y+E] and
 * reader.bias, and output.weight [target_words+1, Y] and output.bias.
 * params: must outlive the translator.  Both plans are only looked at.
 * out: receives the translator, or NULL on failure.
 * Errors: SEQGPU_EINVAL (a size out of its range; plans that do not fit it or each other; DOT where E is not
 * Y), SEQGPU_ENOMEM; weights that were added before the failure stay in params. */
static inline seqgpu_status seqgpu_translator_create(seqgpu_params *params,
                                                     const seqgpu_translator_desc *desc,
                                                     const seqgpu_plan *encoder, const seqgpu_plan *decoder,
                                                     seqgpu_translator **out) {
  return seqgpu_translator_create_(params, desc, sizeof(seqgpu_translator_desc), encoder, decoder, out);
}

/** Frees the translator; its weights stay in params.  NULL is allowed. */
SEQGPU_API void seqgpu_translator_destroy(seqgpu_translator *translator);

/** What seqgpu_translator_logits calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_tensor *seqgpu_translator_logits_(const seqgpu_translator *translator, seqgpu_tape *tape,
                                                    const seqgpu_plan *encoder, const seqgpu_plan *decoder,
                                                    const seqgpu_translator_batch *batch, size_t size,
                                                    seqgpu_tensor **attention);

/** The logits [T,B,target_words+1] of pairs whose targets are known, on a tape.  Those behind the end of a
 * target mean nothing: mask them by a target of -1.
 * encoder, decoder: of the networks that the translator was created with, for at least S and T steps of B
 * sequences.
 * attention: receives the weights a [T,S,B], NULL without attention; may be NULL.
 * NULL on failure, as the operators of tape.h; the tape keeps the reason. */
static inline seqgpu_tensor *seqgpu_translator_logits(const seqgpu_translator *translator, seqgpu_tape *tape,
                                                      const seqgpu_plan *encoder, const seqgpu_plan *decoder,
                                                      const seqgpu_translator_batch *batch,
                                                      seqgpu_tensor **attention) {
  return seqgpu_translator_logits_(translator, tape, encoder, decoder, batch, sizeof(seqgpu_translator_batch),
                                   attention);
}

/** What seqgpu_translator_search calls, with the sizes of the caller's structs. */
SEQGPU_API seqgpu_status seqgpu_translator_search_(const seqgpu_translator *translator,
                                                   const seqgpu_plan *encoder, const seqgpu_plan *decoder,
                                                   const seqgpu_translator_options *options,
                                                   size_t options_size, const seqgpu_translator_batch *batch,
                                                   size_t batch_size, const seqgpu_translator_answers *out,
                                                   size_t out_size);

/** Writes an answer to each source of a batch, by beam search (Sutskever et al. 2014, section 3.2): the K
 * likeliest beginnings of an answer are gone on with, until K answers have ended, and the best of these is
 * taken.  An answer that does not end is cut off.
 * encoder, decoder: as in seqgpu_translator_logits, for at least one step of K B sequences the decoder.
 * Both may be for inference.  options: NULL = defaults.
 * Waits for the device at each word.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM, SEQGPU_EDEVICE, with a sentence. */
static inline seqgpu_status seqgpu_translator_search(const seqgpu_translator *translator,
                                                     const seqgpu_plan *encoder, const seqgpu_plan *decoder,
                                                     const seqgpu_translator_options *options,
                                                     const seqgpu_translator_batch *batch,
                                                     const seqgpu_translator_answers *out) {
  return seqgpu_translator_search_(translator, encoder, decoder, options, sizeof(seqgpu_translator_options),
                                   batch, sizeof(seqgpu_translator_batch), out,
                                   sizeof(seqgpu_translator_answers));
}

#ifdef __cplusplus
}
#endif
#endif
