/* flow_model.h - the gradient flow of a model that was trained: back from its loss at the last step. */
#ifndef FLOW_MODEL_H
#define FLOW_MODEL_H

#include "host/cli/command.h"
#include "host/cli/flow_look.h"
#include "host/cli/prime.h"

typedef struct flow_source {
  const char *checkpoint;
  const network_options *base;
  const prime_options *prime; /* of a language model; neither: its inputs are drawn */
  int64_t steps;              /* the most; of a task, the task's own are taken */
  int64_t seed;               /* of what is drawn */
} flow_source;

/* Of a language model, F is the cross-entropy of the last token of the text, the steps being those that read
 * the ones before it; where no text is given tokens are drawn, all alike likely.  Of a task, F is the loss
 * at the last step that counts in the first sequence of its validation.
 * loss: receives F.  An exit code, after a sentence unless it is 0. */
int flow_model_look(seqgpu_context *ctx, const flow_source *source, flow_look *out, double *loss);

#endif
