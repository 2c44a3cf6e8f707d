/* fit.h - whether a file has what a tensor of a model needs (fit.c): looked up in the header, before memory
 * is asked for and data are read.
 */
#ifndef SQ_FIT_H
#define SQ_FIT_H

#include "host/checkpoint/names.h"
#include "host/checkpoint/safetensors.h"

typedef struct sq_fit {
  seqgpu_context *ctx; /* for sentences; its element type is what resumed tensors must have */
  const sq_st_file *file;
  int resume;
} sq_fit;

/* EFORMAT and a sentence that names a tensor of the file. */
seqgpu_status sq_fit_error(const sq_fit *fit, const char *name, const char *why);

/* Finds a tensor of the file and checks that it can be [rows, cols] here.  EFORMAT. */
seqgpu_status sq_fit_find(const sq_fit *fit, const char *name, int64_t rows, int64_t cols,
                          const sq_st_tensor **out);

/* Finds what the value of a tensor is made of: found[0], and where PyTorch has two biases found[1], to be
 * added.  The recurrent bias of a GRU (SQ_FORM_GRU_REC) is the last third of found[0].  NULL where there is
 * none; both are NULL for a bias of zeros that the file leaves out (PyTorch's bias=False).  EFORMAT. */
seqgpu_status sq_fit_value(const sq_fit *fit, const sq_tensor *tensor, const sq_st_tensor *found[2]);

#endif
