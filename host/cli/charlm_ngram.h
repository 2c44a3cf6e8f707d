/* charlm_ngram.h - a language model beside the n-grams of the text that it was trained on, and mixed with them:
 *
 *   p(w | h) = (1 - s) p_model(w | h) + s p_ngram(w | h)
 *
 * s is the share with which a text, which neither was trained on, is the most probable.  Jelinek, Mercer 1980;
 * Mikolov et al. 2010.
 */
#ifndef CHARLM_NGRAM_H
#define CHARLM_NGRAM_H

#include "host/cli/charlm_file.h"
#include "host/data/kneser_ney.h"

/* The text on which a model was trained, as tokens; its last val_count are those of validation. */
typedef struct charlm_training {
  int32_t *ids; /* from malloc */
  int64_t count, val_count;
} charlm_training;

/* Reads the text that a checkpoint names, which must be as it was.  0, or an exit code after a sentence. */
int charlm_training_open(seqgpu_context *ctx, const char *path, const vocabulary *v, charlm_training *out);

/* Losses of all tokens but the first, in nats: each[count-1]. */
void charlm_ngram_losses(const kneser_ney *ngrams, const int32_t *ids, int64_t count, float *each);

double charlm_mean(const float *each, int64_t count);
/* The mean loss of both together. */
double charlm_mixed(const float *model, const float *ngrams, int64_t count, double share);
/* The share of the n-grams with which that is the least. */
double charlm_best_share(const float *model, const float *ngrams, int64_t count);

#endif
