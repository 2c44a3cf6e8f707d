/* bleu.h - BLEU of a corpus (Papineni et al. 2002), as sacrebleu counts it by default: up to four words, one
 * reference, a precision of 0 smoothed by halves (its "exp").
 *
 *   BLEU = 100 exp(min(0, 1 - r/h)) (p_1 p_2 p_3 p_4)^(1/4)
 *   p_n  = n-grams of the answers that their references have too, each as often as there / n-grams of answers
 *   h, r = words of all answers, of all references
 */
#ifndef BLEU_H
#define BLEU_H

#include "host/data/sentences.h"

enum { BLEU_ORDERS = 4 };

/* All 0 before the first answer. */
typedef struct bleu {
  int64_t right[BLEU_ORDERS], all[BLEU_ORDERS];
  int64_t answers, references; /* words */
} bleu;

/* Counts an answer and its reference; 0 when out of memory. */
int bleu_add(bleu *b, const sentences_piece *answer, int64_t answers, const sentences_piece *reference,
             int64_t references);
/* From 0 to 100. */
double bleu_score(const bleu *b);

#endif
