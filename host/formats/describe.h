/* describe.h - a descriptor as a line of text, and back (describe.c). */
#ifndef SQ_DESCRIBE_H
#define SQ_DESCRIBE_H

#include "host/formats/format.h"
#include "seqgpu/checkpoint.h"

/* "cell=lstm input_size=3 hidden_size=8 num_layers=2": every field that is not 0 and belongs to the network
 * rather than to a run.  EINVAL: text[size] is too short. */
seqgpu_status sq_describe(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, char *text, size_t size);

/* The descriptor of such a line.  EFORMAT: a word of it is none; EUNSUPPORTED: a field or a cell that this
 * library does not have.  `path` is for sentences. */
seqgpu_status sq_describe_read(seqgpu_context *ctx, const char *path, const char *text,
                               seqgpu_rnn_desc *desc);

/* The descriptor by the metadata that the program's training commands write ("cell", "layers", "hidden", and
 * the options under their keys); input_size stays 0. */
seqgpu_status sq_describe_read_config(seqgpu_context *ctx, const char *path, const seqgpu_checkpoint *file,
                                      seqgpu_rnn_desc *desc);

#endif
