/* omega.h - the regulariser of a layer and direction, beside its backward (omega.c). */
#ifndef SQ_RUN_OMEGA_H
#define SQ_RUN_OMEGA_H

#include "host/run/network.h"

/* Adds to run->dparams what the regulariser wants of weight_hh, and writes its value; before the layer's
 * own backward, which may overwrite dfinal.  index: of the layer and direction. */
seqgpu_status sq_omega_add(const sq_net *n, const sq_layer_run *run, int64_t index);

#endif
