/* learner.h - what a task brings to the training loop: data, loss and metric behind a few functions.
 *
 * The number of the update is all that the loop keeps of the data, and the learner finds its place by it, so
 * resuming from any checkpoint reproduces the uninterrupted run bit for bit.
 */
#ifndef LEARNER_H
#define LEARNER_H

#include <signal.h>

#include "host/cli/ranks.h"
#include "seqgpu/hessian_free.h"

typedef struct learner {
  void *self;
  seqgpu_params *params;
  const seqgpu_plan *plan;
  int64_t epoch_updates; /* updates per epoch, 0 = data without end */
  int64_t tokens;        /* time steps per update, over all sequences ... */
  int64_t last_tokens;   /* ... and of the last update of an epoch */
  char about[160];       /* "65 tokens in the vocabulary, 446 updates per epoch" */
  double baseline;       /* loss of the best answer that ignores the input, NaN = not known */
  const char *metric;    /* its name in the log; less is better */
  double metric_of_loss; /* the metric is this factor times the loss; 0: only a validation can tell */
  double token_bits;     /* the same for bits per token, 0 = the loss is not of tokens */
  /* One update by Hessian-free optimisation, in the place of all that is below up to `validate` (hessian.h);
   * NULL: there is none.  And whether it takes parts of a batch, and damps states. */
  seqgpu_status (*update)(void *self, int64_t step, seqgpu_hessian_free_report *report);
  int cuts_batches;
  /* Adds the gradients of a shard of update number `step`; of the only one, 0, where batches are whole.
   * `last`: NULL, or it is this process's last one, and is announced there before the walk back, which tells
   * it what is final. */
  seqgpu_status (*gradients)(void *self, int64_t step, int64_t shard, seqgpu_shards *last);
  /* The loss of that, and over how many tokens it is the mean; waits for the device. */
  seqgpu_status (*loss)(void *self, double *loss, double *tokens);
  /* NULL: there is nothing to validate on.  SEQGPU_ESTOPPED when *stop becomes nonzero. */
  seqgpu_status (*validate)(void *self, const volatile sig_atomic_t *stop, double *loss, double *metric);
  /* Looks for the first number that is not finite in update number `step`, which was the last one and failed:
   * SEQGPU_ENONFINITE and a sentence in the context. */
  seqgpu_status (*find)(void *self, int64_t step);
  /* Writes a sample of what was learnt, for --sample-every; NULL: there are none.  Changes nothing that is
   * learnt. */
  seqgpu_status (*sample)(void *self, FILE *to);
  /* Before process 0 saves: what only this process knows comes to the params of all.  NULL: nothing. */
  seqgpu_status (*collect)(void *self, const ranks *ranks);
  seqgpu_status (*save)(void *self, const config_cursor *cursor, const char *path);
} learner;

/* Announces this process's last shard, `last`, if there is one: what a learner does between forward and
 * backward. */
static inline seqgpu_status learner_announce(void *self, seqgpu_status (*loss_of)(void *, double *, double *),
                                             seqgpu_shards *last) {
  double loss, tokens;
  if (last == NULL) return SEQGPU_OK;
  LIB_TRY(loss_of(self, &loss, &tokens));
  return seqgpu_shards_last(last, tokens, loss);
}

#endif
