/* mirrors.c - enums of the public headers that are cast to a twin of core/: their constants must agree. */
#include "core/ops.h"
#include "host/context/context.h"
#include "seqgpu/params.h"
#include "seqgpu/rnn.h"

#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), #ours " differs from " #theirs)

SAME(SEQGPU_ACTIVATION_TANH, SQ_TANH);
SAME(SEQGPU_ACTIVATION_RELU, SQ_RELU);
SAME(SEQGPU_ACTIVATION_SIGMOID, SQ_SIGMOID);
SAME(SEQGPU_ACTIVATION_IDENTITY, SQ_IDENTITY);

SAME(SEQGPU_MATH_F32, SQ_MATH_F32);
SAME(SEQGPU_MATH_TF32, SQ_MATH_TF32);
SAME(SEQGPU_MATH_BF16, SQ_MATH_BF16);

SAME(SEQGPU_OPTIMIZER_SGD, SQ_SGD);
SAME(SEQGPU_OPTIMIZER_MOMENTUM, SQ_MOMENTUM);
SAME(SEQGPU_OPTIMIZER_RMSPROP, SQ_RMSPROP);
SAME(SEQGPU_OPTIMIZER_ADAM, SQ_ADAM);

SAME(SEQGPU_CLIP_NONE, SQ_CLIP_NONE);
SAME(SEQGPU_CLIP_NORM, SQ_CLIP_NORM);
SAME(SEQGPU_CLIP_AUTO, SQ_CLIP_AUTO);
SAME(SEQGPU_CLIP_VALUE, SQ_CLIP_VALUE);

/* Tables with an entry per element type are indexed by it, and every state of a cell has a place in a run. */
_Static_assert(SEQGPU_DTYPE_F32 == 0 && SEQGPU_DTYPE_F64 == 1, "sq_backend.ops is indexed by seqgpu_dtype");
_Static_assert((int)SQ_MAX_STATES <= (int)SEQGPU_MAX_STATES, "seqgpu_rnn_run has no place for all states");
