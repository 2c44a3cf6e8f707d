/* stream_kernel.h - what one build of stream_kernel.c offers to stream.c (internal). */
#ifndef SQ_STREAM_KERNEL_H
#define SQ_STREAM_KERNEL_H

#include <stdint.h>

#include "core/lanes.h"
#include "core/stream_pack.h"

/* One of the matrices of a product, from row `row` on, and the vectors that it is multiplied by. */
typedef struct sq_stream_operand {
  const void
      *weights; /* floats [rows, cols] without a gap, as the user holds them; or packed (stream_pack.h) */
  const float *scales; /* of int8 */
  int64_t row;
  int64_t cols;
  const float *vectors; /* [batch, cols] row stride ld */
  int64_t ld;
} sq_stream_operand;

/* out[b, r] += weights[row + r] . vectors[b], for each operand: all of them in one pass over the rows. */
typedef struct sq_stream_product {
  float *out; /* [batch, rows] row stride ld_out */
  int64_t ld_out;
  int64_t rows, batch;
  int operands; /* 1 or 2 */
  sq_stream_operand operand[2];
  float *scratch; /* for packed weights: sq_stream_scratch elements */
  int down; /* 1: from the last rows to the first, with the same results; packed weights go upwards all the same */
} sq_stream_product;

/* Room for the vectors of a product with packed weights. */
static inline int64_t sq_stream_scratch(int64_t cols, int64_t batch) {
  return batch * (sq_stream_stride(cols) + 1);
}

/* What each instruction set has (stream_kernel.c, stream_packed.c, stream_step.c):
 *   multiply    the same sum in the same order for out[b, r], whatever the batch and the place of b in it;
 *               multiply_bf16 and multiply_int8 for operands that are packed
 *   lstm, gru   the only stage of a plain "lstm", and of a "gru" with reset_after: what core/step.h says, but
 *               for the gates and aux of inference, which nobody reads */
#define SQ_STREAM_KERNELS(isa)                                                                               \
  void sq_stream_multiply_##isa(const sq_stream_product *product);                                           \
  void sq_stream_multiply_bf16_##isa(const sq_stream_product *product);                                      \
  void sq_stream_multiply_int8_##isa(const sq_stream_product *product);                                      \
  void sq_stream_lstm_##isa(const struct sq_step_f32 *step);                                                 \
  void sq_stream_gru_##isa(const struct sq_step_f32 *step);

struct sq_step_f32;
SQ_STREAM_KERNELS(baseline)
SQ_STREAM_KERNELS(avx2)
SQ_STREAM_KERNELS(avx512)

/* avx512 with AVX512VNNI (sq_has_vnni): stream_packed.c alone, for its int8. */
void sq_stream_multiply_int8_vnni(const sq_stream_product *product);
void sq_stream_multiply_bf16_vnni(const sq_stream_product *product);

/* A function's name in the build for -DSQ_ISA=name. */
#define SQ_STREAM_JOIN(name, isa) sq_stream_##name##_##isa
#define SQ_STREAM_NAME(name, isa) SQ_STREAM_JOIN(name, isa)
#define SQ_STREAM(name)           SQ_STREAM_NAME(name, SQ_ISA)

#endif
