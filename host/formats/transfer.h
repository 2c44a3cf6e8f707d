/* transfer.h - networks between files and parameters on a device (transfer.c). */
#ifndef SQ_TRANSFER_H
#define SQ_TRANSFER_H

#include "host/formats/format.h"
#include "seqgpu/params.h"

/* Adds the parameters of a network, its read-out and its initial states, as seqgpu/exchange.h names them. */
seqgpu_status sq_transfer_add(seqgpu_params *params, const char *prefix, const sq_foreign_net *net);
/* Copies the numbers of a network into parameters of its shapes; all or nothing. */
seqgpu_status sq_transfer_load(seqgpu_params *params, const char *prefix, const sq_foreign_net *net);
/* Adds a network with the parameters' numbers. */
seqgpu_status sq_transfer_take(const seqgpu_params *params, const char *prefix, const seqgpu_plan *plan,
                               sq_foreign *to);

/* The name of state `state`, "h". */
enum { SQ_STATE_NAME = 16 };
void sq_transfer_state_name(const seqgpu_plan *plan, int state, char out[SQ_STATE_NAME]);

/* ENONFINITE if one of the numbers is NaN, or infinite in the context's type. */
seqgpu_status sq_transfer_check(seqgpu_context *ctx, const char *name, const double *host, int64_t elements);
/* Host numbers to device memory of the context's type; waits for them. */
seqgpu_status sq_transfer_copy_in(seqgpu_context *ctx, const double *host, int64_t elements, void *device);

#endif
