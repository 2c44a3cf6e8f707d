/** @file speaker.h
 * A speaker: text becomes steps of sound, of a log-mel spectrogram say, one after another, each said after
 * what was said before (the attention of Bahdanau, Cho, Bengio 2015; pre-net, several frames a step and two
 * recurrent networks as in Tacotron: Wang et al. 2017; the end as in Tacotron 2: Shen et al. 2018).
 *
 *   H       = encoder over the embeddings of the letters of the text                        [S,B,E]
 *   p_t     = dropout relu(W_2 dropout relu(W_1 x_(t-1) + b_1) + b_2)      the pre-net      [T,B,P]
 *   l       = listener over (p_t, the vector of the voice)                                  [T,B,Y]
 *   a_t     = softmax over s of v . tanh(W_q l_t + W_m H_s)                                 [S,B]
 *   c_t     = sum_s a_ts H_s                                                                [B,E]
 *   g       = decoder over (l_t, c_t)                                                       [T,B,Z]
 *   x_t     = W_x (g_t, c_t) + b_x         a step of the sound                              [T,B,F]
 *   e_t     = w . (g_t, c_t) + b_e         the logit of its being the last                  [T,B,1]
 *
 * The listener hears what was said, x_(t-1), and so knows how far the text has been read; no context goes
 * back into it.  In training what was said before is known, and a whole sequence is one run of each network.
 * What is heard before the first step is 0.
 *
 *   seqgpu_speaker_create(params, &desc, encoder, listener, decoder, &speaker);
 *   seqgpu_tensor *x = seqgpu_speaker_say(speaker, tape, encoder, listener, decoder, &batch, beside);
 *   seqgpu_tape_add(tape, seqgpu_tape_squared_error(tape, x, wanted, NULL, 1, 1.0),
 *                   seqgpu_tape_binary_cross_entropy(tape, beside[SEQGPU_SPEAKER_END], ends, lengths,
 *                                                    1, 1.0));
 *
 * The plans are the caller's: those that train, and others of the same networks that only run, of one step a
 * call of listener and decoder to say something new.  Any cell, the same for these two, which read in one
 * direction.
 *
 * Letters: S = letters of the text, T = steps, B = sequences, F = features of a step, P = units of the
 *          pre-net, E, Y, Z = output widths of encoder, listener and decoder.
 */
#ifndef SEQGPU_SPEAKER_H
#define SEQGPU_SPEAKER_H

#include "params.h"
#include "rnn.h"
#include "tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Sizes of a speaker; they need no defaults. */
typedef struct seqgpu_speaker_desc {
  int64_t letters;        /**< that a text may have, at least 1 */
  int64_t letter_size;    /**< elements of a letter's vector, at least 1: input_size of the encoder */
  int64_t voices;         /**< that are told apart; 0: none are */
  int64_t voice_size;     /**< elements of a voice's vector; 0 where there are no voices */
  int64_t features;       /**< F, at least 1 */
  int64_t prenet_size;    /**< P, at least 1; input_size of the listener is P + voice_size */
  int64_t attention_size; /**< elements of v, at least 1 */
  double dropout;         /**< probability of dropping a unit of the pre-net, in training; 0 to 1 */
} seqgpu_speaker_desc;

/** A speaker; freed by seqgpu_speaker_destroy. */
typedef struct seqgpu_speaker seqgpu_speaker;

/** Texts side by side and what was said before each step, in host memory that may be freed after the call. */
typedef struct seqgpu_speaker_batch {
  int64_t batch;                 /**< B */
  int64_t text_len;              /**< S, of the longest text */
  const int32_t *text_lengths;   /**< [B] letters of each text, 1 to S */
  const int32_t *text;           /**< [S,B] numbers of letters; -1: one that is not known, or none */
  const int32_t *voice;          /**< [B] the voice of each, -1: none; NULL: none has one */
  int64_t seq_len;               /**< T */
  const void *before;            /**< [T,B,F] x_(t-1), in the context's element type */
  seqgpu_tensor *const *initial; /**< states before the first step, as in seqgpu_tape_rnn: those of the
                                           listener, then those of the decoder; NULL: zeros */
} seqgpu_speaker_batch;

/** What seqgpu_speaker_say leaves beside the steps. */
enum {
  SEQGPU_SPEAKER_END = 0,       /**< e [T,B,1] */
  SEQGPU_SPEAKER_ATTENTION = 1, /**< a [T,S,B]; no gradient passes */
  SEQGPU_SPEAKER_LISTENER = 2,  /**< l, whose seqgpu_tape_rnn_final are states to go on with */
  SEQGPU_SPEAKER_DECODER = 3,   /**< g, the same */
  SEQGPU_SPEAKER_BESIDE = 4     /**< how many there are */
};

/** What seqgpu_speaker_create calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_status seqgpu_speaker_create_(seqgpu_params *params, const seqgpu_speaker_desc *desc,
                                                size_t size, const seqgpu_plan *encoder,
                                                const seqgpu_plan *listener, const seqgpu_plan *decoder,
                                                seqgpu_speaker **out);

/** Creates a speaker, adds its weights to params and draws them: letter.weight [letters, letter_size], with
 * voices voice.weight [voices, voice_size], prenet1.weight [P, F] and prenet1.bias, prenet2.weight [P, P] and
 * prenet2.bias, the networks "encoder", "listener" and "decoder", query.weight, memory.weight, attention.v,
 * output.weight [F, Z+E] and output.bias, end.weight [1, Z+E] and end.bias.
 * params: must outlive the speaker.  The plans are only looked at.
 * out: receives the speaker, or NULL on failure.
 * Errors: SEQGPU_EINVAL (a size out of its range; plans that do not fit it or each other), SEQGPU_ENOMEM;
 * weights that were added before the failure stay in params. */
static inline seqgpu_status seqgpu_speaker_create(seqgpu_params *params, const seqgpu_speaker_desc *desc,
                                                  const seqgpu_plan *encoder, const seqgpu_plan *listener,
                                                  const seqgpu_plan *decoder, seqgpu_speaker **out) {
  return seqgpu_speaker_create_(params, desc, sizeof(seqgpu_speaker_desc), encoder, listener, decoder, out);
}

/** Frees the speaker; its weights stay in params.  NULL is allowed. */
SEQGPU_API void seqgpu_speaker_destroy(seqgpu_speaker *speaker);

/** What seqgpu_speaker_say calls, with the size of the caller's struct. */
SEQGPU_API seqgpu_tensor *seqgpu_speaker_say_(const seqgpu_speaker *speaker, seqgpu_tape *tape,
                                              const seqgpu_plan *encoder, const seqgpu_plan *listener,
                                              const seqgpu_plan *decoder, const seqgpu_speaker_batch *batch,
                                              size_t size, seqgpu_tensor **beside);

/** The steps x [T,B,F] that texts become, each after what was said before it, on a tape.
 * encoder, listener, decoder: of the networks that the speaker was created with, for at least S steps, and at
 * least T, of B sequences.
 * beside [SEQGPU_SPEAKER_BESIDE]: receives what else there is of them, all NULL on failure; may be NULL.
 * NULL on failure, as the operators of tape.h; the tape keeps the reason. */
static inline seqgpu_tensor *seqgpu_speaker_say(const seqgpu_speaker *speaker, seqgpu_tape *tape,
                                                const seqgpu_plan *encoder, const seqgpu_plan *listener,
                                                const seqgpu_plan *decoder, const seqgpu_speaker_batch *batch,
                                                seqgpu_tensor **beside) {
  return seqgpu_speaker_say_(speaker, tape, encoder, listener, decoder, batch, sizeof(seqgpu_speaker_batch),
                             beside);
}

#ifdef __cplusplus
}
#endif
#endif
