/* charlm_streams.h - a text as parallel streams of tokens for the language model, and its loss over them. */
#ifndef CHARLM_STREAMS_H
#define CHARLM_STREAMS_H

#include <signal.h>

#include "host/cli/charlm.h"

/* Token numbers as B parallel streams, time-major: ids[t*B + b].  The inputs of a piece that starts at step t
 * are the rows from t on, its targets the same rows one step later: the training loop copies nothing. */
typedef struct charlm_streams {
  int64_t length, batch; /* predictions per stream; there are length+1 rows */
  int64_t predictions;   /* of all streams, without padding */
  int32_t *ids;          /* [length+1,B] on the device */
} charlm_streams;

/* Cuts the predictions of count tokens, at most `batch` times `length`, into streams.  Some may be one longer
 * than the others, whose last row is then masked. */
seqgpu_status charlm_streams_create(seqgpu_context *ctx, const int32_t *ids, int64_t count, int64_t batch,
                                    int64_t length, charlm_streams *out);
/* The same of only some of the streams, whose batch is then as many; predictions are those of all. */
typedef struct charlm_part {
  int64_t first, count;
} charlm_part;
seqgpu_status charlm_streams_create_part(seqgpu_context *ctx, const int32_t *ids, int64_t count,
                                         int64_t batch, int64_t length, charlm_part part,
                                         charlm_streams *out);
/* Streams that together make every prediction of count >= 2 tokens; batch 0 = charlm_eval_batch. */
seqgpu_status charlm_eval_streams(seqgpu_context *ctx, const int32_t *ids, int64_t count, int64_t batch,
                                  charlm_streams *out);
void charlm_streams_destroy(seqgpu_context *ctx, charlm_streams *s);

/* How many streams a text of `count` tokens is evaluated in: long ones, so that cold starts do not matter. */
int64_t charlm_eval_batch(int64_t count);
/* What else an evaluation does; all zeros: nothing. */
typedef struct charlm_evaluation {
  const volatile sig_atomic_t *stop; /* SEQGPU_ESTOPPED when it becomes nonzero */
  double dynamic_lr;                 /* what is read is learnt, at this rate (charlm_dynamic.h) */
  float *each; /* [predictions] in host memory: the loss of each, in the order of the text */
} charlm_evaluation;

/* Mean loss in nats over all predictions of the streams; states start at zero and are carried on. */
seqgpu_status charlm_evaluate(const charlm_pass *p, const charlm_streams *s, charlm_evaluation how,
                              double *nats);

#endif
