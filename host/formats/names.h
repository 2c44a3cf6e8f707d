/* names.h - a network's parameters in a list of arrays, under our names or PyTorch's (names.c). */
#ifndef SQ_NAMES_H
#define SQ_NAMES_H

#include "host/formats/arrays.h"

/* Adds the network whose parameters stand in the file as PREFIXweight_ih_l0 and so on.
 * bare: biases may be missing, and are zero then.
 * The shapes of all of them are compared with the descriptor before memory is asked for. */
seqgpu_status sq_names_take(const sq_arrays *arrays, const char *prefix, const char *name,
                            const seqgpu_rnn_desc *desc, int bare, sq_foreign *to, sq_foreign_net **net);

#endif
