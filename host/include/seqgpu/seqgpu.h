/* seqgpu/seqgpu.h - all of libseqgpu. */
#ifndef SEQGPU_SEQGPU_H
#define SEQGPU_SEQGPU_H

#include "base.h"
#include "checkpoint.h"
#include "esn.h"
#include "ops.h"
#include "params.h"
#include "ridge.h"
#include "rnn.h"
#include "tape.h"

#endif
