/* store.h - blocks and tensors: finding them, adding them, undoing an addition (store.c). */
#ifndef SQ_STORE_H
#define SQ_STORE_H

#include "host/params/params.h"

/* The tensor with this name, or NULL. */
sq_tensor *sq_params_tensor(const seqgpu_params *params, const char *name);
/* The same; SEQGPU_EINVAL and a sentence if there is none (or name is NULL). */
seqgpu_status sq_params_find(const seqgpu_params *params, const char *name, sq_tensor **out);

/* "prefix.name", or "name" where the prefix is NULL or empty. */
seqgpu_status sq_params_full_name(seqgpu_params *params, const char *prefix, const char *name,
                                  char out[SQ_NAME_SIZE]);

/* Device address of a tensor's part of a block's memory (value, grad, first or second); NULL for NULL. */
void *sq_params_address(const seqgpu_params *params, const sq_tensor *tensor, void *block_memory);

/* Gives a tensor to the caller, into a struct of the caller's size; out may be NULL. */
void sq_params_give(const seqgpu_params *params, const sq_tensor *tensor, seqgpu_param *out, size_t size);

/* Adds a block of zeros, with gradients and moments if it is `trained`. */
seqgpu_status sq_params_add_block(seqgpu_params *params, int64_t elements, int trained);
/* Adds a copy of `tensor` under a name that must be free, fit, and be none that checkpoints use. */
seqgpu_status sq_params_add_tensor(seqgpu_params *params, const char *name, const sq_tensor *tensor);
/* Room to list the pieces of all blocks for optimisers; after a tensor has become fixed. */
seqgpu_status sq_params_room_for_pieces(seqgpu_params *params);
/* The same whatever learning rates the tensors get. */
seqgpu_status sq_params_room_for_any_pieces(seqgpu_params *params);
/* What there is before something is added or drawn. */
typedef struct sq_params_mark {
  int blocks, tensors;
  int64_t draws;
} sq_params_mark;
static inline sq_params_mark sq_params_now(const seqgpu_params *p) {
  return (sq_params_mark){p->block_count, p->tensor_count, p->draws};
}
/* Drops what a failed call has added since; what is drawn next is what would have been.  Returns status. */
seqgpu_status sq_params_undo(seqgpu_params *params, sq_params_mark before, seqgpu_status status);

/* SEQGPU_EINVAL if the averages stand in the place of the values, which the call needs. */
seqgpu_status sq_params_check_values(const seqgpu_params *params, const char *call);
/* Allocates averages, and room for values, for every trained block that has none. */
seqgpu_status sq_params_need_average(seqgpu_params *params);
/* Allocates zeroed moments for every trained block that has none. */
seqgpu_status sq_params_need_moments(seqgpu_params *params, int first, int second);

#endif
