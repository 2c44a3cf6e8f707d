/* translator.h - the two halves of a translator (seqgpu/translator.h), which training runs on one tape, and a
 * search on tapes of their own. */
#ifndef SQ_TRANSLATOR_H
#define SQ_TRANSLATOR_H

#include "seqgpu/translator.h"

struct seqgpu_translator {
  seqgpu_context *ctx;
  seqgpu_translator_desc desc;
  int bridged; /* the encoder reads in both directions */
  seqgpu_param source, target, encoder, decoder, bridge[SEQGPU_MAX_STATES], bridge_bias[SEQGPU_MAX_STATES];
  seqgpu_param query, memory, v, reader, reader_bias, weight, bias;
};

/* What the encoder has read of B sources. */
typedef struct sq_translator_source {
  int64_t batch;
  seqgpu_tensor *keys, *values, *lengths; /* [S,B,D], [S,B,E], [B]; NULL without attention */
  seqgpu_tensor
      *initial[SEQGPU_MAX_STATES]; /* [L,R,W_k] what the decoder begins with, of R = B or K B rows */
} sq_translator_source;

void sq_translator_read(const seqgpu_translator *m, seqgpu_tape *tape, const seqgpu_plan *encoder,
                        const seqgpu_translator_batch *batch, sq_translator_source *out);

/* The logits [T,R,target_words+1] after the words `before` [T,R]; row k B + b looks at source b.
 * h, context: receive the decoder's output, and the tensor that seqgpu_tape_attention returned, of T R / B steps,
 * NULL without attention. */
seqgpu_tensor *sq_translator_write(const seqgpu_translator *m, seqgpu_tape *tape, const seqgpu_plan *decoder,
                                   const sq_translator_source *source, int64_t T, int64_t R,
                                   const int32_t *before, seqgpu_tensor **h, seqgpu_tensor **context);

/* 0, or a sentence about a batch that cannot be one. */
seqgpu_status sq_translator_check(const seqgpu_translator *m, const seqgpu_translator_batch *batch);

#endif
