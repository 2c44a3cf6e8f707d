/* map.h - where everything lies that a run keeps (reserve) or borrows (workspace). */
#ifndef SQ_PLAN_MAP_H
#define SQ_PLAN_MAP_H

#include "host/plan/plan.h"

/* Asks plan->algorithm how much memory it needs for the largest run, and notes it in the plan. */
seqgpu_status sq_plan_ask_memory(seqgpu_context *ctx, seqgpu_plan *plan);

/* Offsets in elements of everything that a run keeps or borrows, for its own seq_len and batch; -1: not
 * needed. */
typedef struct sq_network_map {
  /* reserve (training), or workspace (inference) */
  int64_t clean_x;   /* [T,B,I] time-major, padding zeroed */
  int64_t layer_out; /* layer l's output at layer_out + l * layer_out_size */
  int64_t layer_out_size;
  int64_t first_reserve, rest_reserve; /* sizes of one direction's reserve */
  int64_t reserves;                    /* start of the reserves: layer 0's directions, then the others */
  int64_t reserve_size;
  /* workspace */
  int64_t scratch; /* the algorithm's own, scratch_size per direction, or per layer of a wavefront */
  int64_t scratch_size;
  int64_t half;    /* [T,B,O] second direction's output of a sum */
  int64_t y;       /* [T,B,Y] time-major y or dy */
  int64_t dx;      /* [T,B,I] time-major dx */
  int64_t grad[2]; /* [T,B,Y] gradients between layers */
  int64_t carry;   /* wavefront: states or their gradients between chunks, carry_size each */
  int64_t carry_size;
  int64_t workspace_size;
} sq_network_map;

sq_network_map sq_plan_map(const seqgpu_plan *plan, int64_t seq_len, int64_t batch, int ragged, int training);

#endif
