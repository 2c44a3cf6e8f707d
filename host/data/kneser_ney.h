/* kneser_ney.h - an n-gram model of tokens with interpolated modified Kneser-Ney smoothing, the language model
 * that neural ones are compared with, and mixed with.
 *
 *   p_k(w | h) = max(c(hw) - D_k(c(hw)), 0) / c(h.) + gamma(h) p_{k-1}(w | h'),    p_0 = 1/V
 *   gamma(h)   = (D_k(1) N_1(h.) + D_k(2) N_2(h.) + D_k(3) N_3+(h.)) / c(h.)
 *   D_k(1)     = 1 - 2 Y n_2/n_1   D_k(2) = 2 - 3 Y n_3/n_2   D_k(3+) = 3 - 4 Y n_4/n_3
 *   Y          = n_1 / (n_1 + 2 n_2)
 *
 * h are the k-1 tokens before w, and h' the same without the first of them.  c of the longest n-grams is how
 * often the text has them; of shorter ones it is how many different tokens stand before them, of which the
 * beginning of the text is one.  N_i(h.) are the tokens w with c(hw) = i, c(h.) the sum of all, and n_i the
 * n-grams of length k with c = i.  Where a text is so small or so regular that a discount is not between 0 and
 * its count, the three are 0.5, 1 and 1.5, as in KenLM.  A context that the text never continues is shortened.
 *
 * Kneser, Ney, Improved backing-off for m-gram language modeling, 1995; Chen, Goodman, An empirical study of
 * smoothing techniques for language modeling, 1999, section 3; Heafield et al. 2013.
 */
#ifndef KNESER_NEY_H
#define KNESER_NEY_H

#include <stdint.h>

enum { KNESER_NEY_MOST = 9 }; /* the longest n-grams */

typedef struct kneser_ney kneser_ney;

/* Counts ids[count], numbers from 0 to vocab - 1, of which there is at least one; order: the length of the
 * longest n-grams, 1 to KNESER_NEY_MOST.  NULL when out of memory. */
kneser_ney *kneser_ney_create(const int32_t *ids, int64_t count, int32_t vocab, int order);
void kneser_ney_destroy(kneser_ney *m);

/* The probability of a token after history[length], the last of which stands right before it; over all tokens
 * they add up to 1.  Negative numbers in a history are unknown to every text. */
double kneser_ney_probability(const kneser_ney *m, const int32_t *history, int64_t length, int32_t token);

/* How many different n-grams of a length there are. */
int64_t kneser_ney_count(const kneser_ney *m, int length);

#endif
