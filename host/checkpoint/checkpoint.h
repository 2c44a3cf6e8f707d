/* checkpoint.h - a file that is open for reading (checkpoint.c), as load.c sees it. */
#ifndef SQ_CHECKPOINT_H
#define SQ_CHECKPOINT_H

#include "host/checkpoint/safetensors.h"

struct seqgpu_checkpoint {
  seqgpu_context *ctx;
  sq_st_file *file;
};

#endif
