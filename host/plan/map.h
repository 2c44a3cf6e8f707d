/* map.h - where everything lies that a run keeps (reserve) or borrows (workspace). */
#ifndef SQ_PLAN_MAP_H
#define SQ_PLAN_MAP_H

#include "host/plan/plan.h"

/* Asks plan->algorithm how much memory it needs for the largest run, and notes it in the plan. */
seqgpu_status sq_plan_ask_memory(seqgpu_context *ctx, seqgpu_plan *plan);

/* What the regulariser of a layer and direction borrows: u [T,B,S] of all states; v [T,B,H], or where the
 * algorithm makes the signals, gates and aux of one step; three numbers a row, two in all. */
int64_t sq_omega_elements(const seqgpu_plan *plan, int64_t seq_len, int64_t batch);

/* Where everything of such a run lies. */
sq_network_map sq_plan_map(const seqgpu_plan *plan, int64_t seq_len, int64_t batch, int ragged, int training);

#endif
