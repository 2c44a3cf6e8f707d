/* stream_kernel.h - what one build of stream_kernel.c offers to stream.c (internal). */
#ifndef SQ_STREAM_KERNEL_H
#define SQ_STREAM_KERNEL_H

#include <stdint.h>

/* One of the matrices of a product, as the user holds it, and the vectors that it is multiplied by. */
typedef struct sq_stream_operand {
  const float *weights; /* [rows, cols], without a gap */
  int64_t cols;
  const float *vectors; /* [batch, cols] row stride ld */
  int64_t ld;
} sq_stream_operand;

/* out[b, r] += weights[r] . vectors[b], for each operand: all of them in one pass over the rows. */
typedef struct sq_stream_product {
  float *out; /* [batch, rows] row stride ld_out */
  int64_t ld_out;
  int64_t rows, batch;
  int operands; /* 1 or 2 */
  sq_stream_operand operand[2];
} sq_stream_product;

/* The same sum in the same order for out[b, r], whatever the batch and the place of b in it. */
typedef void sq_stream_kernel(const sq_stream_product *product);

sq_stream_kernel sq_stream_baseline, sq_stream_avx2, sq_stream_avx512;

#endif
