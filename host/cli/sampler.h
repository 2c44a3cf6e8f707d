/* sampler.h - text from a language model, one token at a time.
 *
 *   p = softmax(logits / temperature);   temperature 0: the likeliest token
 *
 * Only the likeliest top_k tokens are drawn (Fan, Lewis, Dauphin 2018), and of these only the fewest that
 * together have top_p of the probability (Holtzman et al. 2020).
 *
 * It has a plan and states of its own, and so leaves a model in training as it is.
 */
#ifndef SAMPLER_H
#define SAMPLER_H

#include "host/cli/charlm.h"
#include "host/cli/vocab.h"

typedef struct sampling {
  double temperature;
  int64_t top_k; /* 0 = all */
  double top_p;  /* 1 = all */
  uint64_t seed;
} sampling;

/* A token by its logit. */
typedef struct ranked {
  float logit;
  int32_t token;
} ranked;

typedef struct sampler {
  sampling how;
  const charlm *model;
  const vocabulary *vocab;
  charlm_pass pass;
  uint64_t drawn;
  float *logits;  /* [V] of the next token */
  double *weight; /* [V] its probabilities, not normalised; 0 = never drawn */
  ranked *rank;   /* [V] tokens, the likeliest first, where they were needed */
  void *id;       /* device */
} sampler;

/* Begins with zero states.  On failure everything is freed. */
seqgpu_status sampler_create(charlm *m, const vocabulary *v, sampling how, sampler *out);
void sampler_destroy(sampler *s);

/* Reads a token. */
seqgpu_status sampler_read(sampler *s, int32_t id);
/* Probabilities of the next token into s->weight; returns their sum.  Temperature 0 counts as 1. */
double sampler_weigh(sampler *s);
/* Tokens by their logits into s->rank. */
void sampler_rank(sampler *s);
/* Draws the next token, which has not been read yet. */
int32_t sampler_draw(sampler *s);

/* Where a text begins that has no beginning: a line end, or else the first token that is no <unk>. */
int32_t sampler_start_token(const vocabulary *v);
/* Writes prime[count], which has not been read yet, and `length` tokens more; stops early when `to`
 * fails.  Without a prime the text begins after sampler_start_token. */
seqgpu_status sampler_write(sampler *s, const int32_t *prime, int64_t count, int64_t length, FILE *to);

#endif
