/* translator.h - the two halves of a translator (seqgpu/translator.h), which training runs on one tape, and a
 * search on tapes of their own.  The half that writes is also a captioner's (seqgpu/captioner.h), whose
 * pictures take the place of sources. */
#ifndef SQ_TRANSLATOR_H
#define SQ_TRANSLATOR_H

#include "seqgpu/translator.h"

struct seqgpu_translator {
  seqgpu_context *ctx;
  const char *who; /* "translator", for sentences */
  seqgpu_translator_desc desc;
  int bridged; /* the encoder reads in both directions */
  seqgpu_param source, target, encoder, decoder, bridge[SEQGPU_MAX_STATES], bridge_bias[SEQGPU_MAX_STATES];
  seqgpu_param query, memory, v, reader, reader_bias, weight, bias;
  seqgpu_param choice, choice_bias; /* where a source has values aside */
};

/* Whether it has attention, and whether that is additive. */
static inline int sq_translator_adds(const seqgpu_translator_desc *d) {
  return d->attention == SEQGPU_ATTENTION_ADDITIVE && d->attention_size > 0;
}
static inline int sq_translator_attends(const seqgpu_translator_desc *d) {
  return sq_translator_adds(d) || d->attention == SEQGPU_ATTENTION_GENERAL ||
         d->attention == SEQGPU_ATTENTION_DOT;
}

/* What the encoder has read of B sources. */
typedef struct sq_translator_source {
  int64_t batch;
  seqgpu_tensor *keys, *values; /* [S,B,D or Y], [S,B,E]; keys NULL without attention */
  int64_t aside; /* the last so many of the E are other values in the same places: half of them, or none */
  seqgpu_tensor *lengths; /* [B]; NULL: all have S */
  seqgpu_tensor
      *initial[SEQGPU_MAX_STATES]; /* [L,R,W_k] what the decoder begins with, of R = B or K B rows */
} sq_translator_source;

void sq_translator_read(const seqgpu_translator *m, seqgpu_tape *tape, const seqgpu_plan *encoder,
                        const seqgpu_translator_batch *batch, sq_translator_source *out);

/* The logits [T,R,target_words+1] after the words `before` [T,R]; row k B + b looks at source b.
 * h, context: receive the decoder's output, and the tensor that seqgpu_tape_attention returned, of T R / B
 * steps, NULL without attention. */
seqgpu_tensor *sq_translator_write(const seqgpu_translator *m, seqgpu_tape *tape, const seqgpu_plan *decoder,
                                   const sq_translator_source *source, int64_t T, int64_t R,
                                   const int32_t *before, seqgpu_tensor **h, seqgpu_tensor **context);

/* 0, or a sentence about a batch that cannot be one. */
seqgpu_status sq_translator_check(const seqgpu_translator *m, const seqgpu_translator_batch *batch);

/* The weights of the half that writes, beside the network "decoder": the vectors of words; and what attention
 * to E elements a step, if there is any, and the output take. */
seqgpu_status sq_translator_add_words(seqgpu_params *p, seqgpu_translator *m);
seqgpu_status sq_translator_add_output(seqgpu_params *p, seqgpu_translator *m, int64_t E, int64_t Y);

/* What a step takes to choose between values and those aside. */
seqgpu_status sq_translator_add_choice(seqgpu_params *p, seqgpu_translator *m, int64_t Y);

/* Writes answers to what `read` leaves on a tape, whose batch, source_len and source_lengths (NULL: all have
 * source_len) `batch` says.  Everything else is as seqgpu_translator_search has it. */
typedef void sq_translator_reader(const void *self, seqgpu_tape *tape, sq_translator_source *out);
typedef struct sq_translator_asked {
  const seqgpu_translator_options *options; /* NULL = defaults */
  size_t options_size;
  const seqgpu_translator_answers *out;
  size_t out_size;
} sq_translator_asked;
seqgpu_status sq_translator_find(const seqgpu_translator *m, const seqgpu_plan *decoder,
                                 const seqgpu_translator_batch *batch, const sq_translator_asked *asked,
                                 sq_translator_reader *read, const void *self);

#endif
