/* tensor.h - what a .safetensors file says about one of its tensors. */
#ifndef SQ_ST_TENSOR_H
#define SQ_ST_TENSOR_H

#include "host/checkpoint/element.h"
#include "host/context/context.h"
#include "seqgpu/checkpoint.h"

enum { SQ_ST_RANK = 8, SQ_ST_NAME = 255 };

typedef struct sq_st_tensor {
  const char *name;
  sq_st_dtype dtype;
  int rank;
  int64_t shape[SQ_ST_RANK];
  int64_t elements; /* their product */
  int64_t begin;    /* bytes from the start of the data */
  int64_t bytes;
} sq_st_tensor;

#endif
