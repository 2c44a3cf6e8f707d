/* beam.h - beam search over sequences of words, whatever model says how likely each word is (Sutskever, Vinyals,
 * Le 2014, section 3.2; lengths are evened out as by Wu et al. 2016, equation 14, without their constant).
 *
 * For each of B sentences there are K hypotheses, in rows k B + b.  A step takes logits of all rows, and keeps
 * the K likeliest continuations of each sentence: word and row that they come from.  A hypothesis whose next
 * word is the end, and that is among the K likeliest, has ended; a sentence is done with K of these.
 *
 *   sq_beam_create(ctx, &sizes, &beam);
 *   while (!sq_beam_done(&beam)) {
 *     ... logits of rows whose words before are sq_beam_words(&beam) ...
 *     sq_beam_step(&beam, logits);
 *     ... states move from rows sq_beam_parents(&beam) ...
 *   }
 *   length = sq_beam_answer(&beam, b, words, rows, &score);
 */
#ifndef SQ_BEAM_H
#define SQ_BEAM_H

#include "seqgpu/base.h"

typedef struct sq_beam_sizes {
  int64_t batch, width, most; /* B, K, words of an answer */
  int64_t classes;            /* words, and the end, which is the last of them */
  int64_t banned;             /* the first so many are never chosen */
  double length_norm;         /* a sum of logarithms is divided by length^this */
} sq_beam_sizes;

typedef struct sq_beam {
  seqgpu_context *ctx;
  sq_beam_sizes sizes;
  int64_t step;              /* words that each hypothesis has */
  int32_t *word, *row;       /* [most,K,B] the word, and the row of the step before */
  double *sum;               /* [K,B] of logarithms; minus infinity: no hypothesis */
  struct sq_beam_end *end;   /* [B] the best that has ended */
  struct sq_beam_item *item; /* [2K] */
  double *logit;             /* [classes] */
} sq_beam;

/* sq_beam_destroy is to be called in any case. */
seqgpu_status sq_beam_create(seqgpu_context *ctx, const sq_beam_sizes *sizes, sq_beam *out);
void sq_beam_destroy(sq_beam *b);

/* 1 if every sentence is done. */
int sq_beam_done(const sq_beam *b);
/* Takes the logits [K,B,classes] of the context's element type, in host memory. */
void sq_beam_step(sq_beam *b, const void *logits);
/* Of the last step, [K,B]: words, and the rows they come from.  Rows without a hypothesis have word 0 of
 * themselves. */
const int32_t *sq_beam_words(const sq_beam *b);
const int32_t *sq_beam_parents(const sq_beam *b);

/* The best answer to sentence b, without its end: how many words.  word [most]; row [most]: the row that each
 * word was chosen from; score: its normed sum of logarithms. */
int64_t sq_beam_answer(const sq_beam *b, int64_t sentence, int32_t *word, int32_t *row, double *score);

#endif
