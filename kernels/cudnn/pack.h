/* pack.h - the small kernels around cuDNN (pack.cu), which also run on the emulator: between our parameters
 * and its weight space, and between our tensors and its rows.
 */
#ifndef SQ_CUDNN_PACK_H
#define SQ_CUDNN_PACK_H

#include "core/ops.h"
#include "kernels/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The type of everything that cuDNN reads and writes in a run; half and bfloat16 are converted on the way in
 * and out. */
typedef enum sq_cudnn_type { SQ_CUDNN_F32, SQ_CUDNN_HALF, SQ_CUDNN_BF16 } sq_cudnn_type;

/* In bytes. */
static inline int64_t sq_cudnn_type_size(sq_cudnn_type type) { return type == SQ_CUDNN_F32 ? 4 : 2; }

/* A run of `count` elements: from `ours` on in our parameters (-1: not there, zeros to cuDNN), from `theirs`
 * on in cuDNN's weight space. */
typedef struct sq_cudnn_block {
  int64_t ours, theirs, count;
} sq_cudnn_block;

/* Two directions of four gates; each gate has an input and a recurrent matrix, and a bias for both. */
enum { SQ_CUDNN_BLOCKS = 2 * 4 * 4 };
typedef struct sq_cudnn_blocks {
  int count;
  sq_cudnn_block block[SQ_CUDNN_BLOCKS];
} sq_cudnn_blocks;

/* pack: weights = params, block by block.  unpack: params += weights / scale.  type: of the weights;
 * params are float32.  The scale follows from `largest` as in sq_cudnn_move. */
int SQ_GPU(cudnn_pack)(sq_exec *exec, sq_cudnn_type type, const sq_cudnn_blocks *blocks, const float *params,
                       void *weights);
int SQ_GPU(cudnn_unpack)(sq_exec *exec, sq_cudnn_type type, const sq_cudnn_blocks *blocks,
                         const void *weights, const uint32_t *largest, float *params);

/* A tensor on its way to cuDNN or back: rows [outer,B,width]; float32 on our side. */
typedef struct sq_cudnn_move {
  sq_cudnn_type type; /* on cuDNN's side */
  int64_t outer, batch, width;
  const int32_t *lengths; /* [B] or NULL; row (t,b) is padding if t * step >= lengths[b] */
  int step; /* 1: outer counts time steps; 0: it counts directions, and sequences without steps are padding */
  const void *src;
  int64_t ld_src;
  void *dst;
  int64_t ld_dst;
  int accumulate;
  const float *padding;    /* [outer,B,width], what comes out of padding; NULL: zeros */
  const uint32_t *largest; /* bits of a float32 >= 0; scale = 1 / the power of two below it; NULL or 0: 1 */
} sq_cudnn_move;

/* To cuDNN: dst = scale * src (NULL: zeros), zeros in padding.  Back: dst (+)= src / scale; dst may be src or
 * padding. */
int SQ_GPU(cudnn_take)(sq_exec *exec, const sq_cudnn_move *m);
int SQ_GPU(cudnn_give)(sq_exec *exec, const sq_cudnn_move *m);

/* *largest = max(*largest, |src|) over all rows that are not padding, src float32 or NULL; a NaN is
 * ignored. */
int SQ_GPU(cudnn_largest)(sq_exec *exec, const sq_cudnn_move *m, uint32_t *largest);

#ifdef __cplusplus
}
#endif
#endif
