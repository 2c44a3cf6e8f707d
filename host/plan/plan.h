/* plan.h - implementations and plans, inside the library.
 *
 * An implementation (sq_algorithm) is one way to run a layer on a backend: a row of sq_algorithms in impls.c.  Nothing above
 * that table knows which backend it talks to.  A plan is a descriptor resolved: layouts, parameter map, chosen row.
 */
#ifndef SQ_PLAN_H
#define SQ_PLAN_H

#include "host/context/context.h"
#include "seqgpu/rnn.h"

typedef struct sq_algorithm {
  const char *name; /* "cpu/step": device/plan */
  const char *device;
  const char *plan;
  seqgpu_dtype dtype;
  /* NULL if it can run this problem on this context, else the reason why not (may use text[size]). */
  const char *(*refuses)(sq_exec *exec, const sq_problem *problem, char *text, size_t size);
  /* Microseconds that a forward takes, in training a forward and a backward, by a model; only compared with other rows of the same device.  May be asked of
   * problems that the row refuses, and answers at once: it opens and allocates nothing. */
  double (*estimate)(sq_exec *exec, const sq_problem *problem);
  /* Reals that each direction of the problem borrows, and keeps from forward to backward; negative: the device failed.
   * reserve NULL: it keeps the cell's own layout (sq_reserve_layout), which any row's backward can read and
   * seqgpu_rnn_inspect shows.  Otherwise the reserve is private to the row. */
  int64_t (*workspace)(sq_exec *exec, const sq_problem *problem);
  int64_t (*reserve)(sq_exec *exec, const sq_problem *problem);
  /* `count` directions of one layer: independent recurrences over the same x, which may run side by side.  They have
   * dx in common: the second one's is added to the first one's.  Everything else that has a place for each direction
   * (states, their gradients, parameters, workspaces, reserves) lies one direction after the other, without a gap. */
  int (*forward)(sq_exec *exec, const sq_layer_run *runs, int count);
  int (*backward)(sq_exec *exec, const sq_layer_run *runs, int count);
  /* Layers of one size side by side (wavefront.c); NULL: one after the other only.  `refuses` and `estimate` are then also asked
   * of problems whose `directions` are layers.  `count` stretches, of layers that do not wait for one another in this call;
   * `abreast` is the most that any call brings: however many come, the results have the same bits.  backward makes dx of the
   * stretches, gradients a layer's dparams after all of them. */
  int (*wave_forward)(sq_exec *exec, const sq_stretch *stretches, int count, int abreast);
  int (*wave_backward)(sq_exec *exec, const sq_stretch *stretches, int count, int abreast);
  int (*wave_gradients)(sq_exec *exec, const sq_layer_run *run);
} sq_algorithm;

/* All rows, ended by a row without a name. */
extern const sq_algorithm sq_algorithms[];

struct seqgpu_plan {
  seqgpu_allocator allocator;
  seqgpu_rnn_desc desc; /* cell and plan point to static names, cache is NULL */
  const char *device;
  seqgpu_dtype dtype;
  const sq_algorithm *algorithm;
  int64_t chunk;         /* steps of a chunk of the wavefront; 0: layers run one after the other */
  sq_layout first, rest; /* of layer 0, and of the layers above it */
  int64_t layers, directions;
  int64_t out;   /* Y */
  int64_t count; /* numbers in the flat parameter buffer */
  int64_t
      scratch_size[2]; /* reals of a direction's workspace in inference, in training: of the largest run */
  int64_t
      private_reserve[2]; /* reals of a direction's reserve in layer 0, above it; 0 where it is the cell's */
};

/* Whether the numbers of a descriptor are in range, alone and together (plan_check.c). */
seqgpu_status sq_plan_check(seqgpu_context *ctx, const seqgpu_rnn_desc *desc);

/* The sizes and cell options of a descriptor, as core/ wants them (resolve.c). */
sq_config sq_plan_config(const seqgpu_rnn_desc *desc);

/* Everything of a plan but the implementation and the memory it needs (plan.c). */
seqgpu_status sq_plan_resolve(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, seqgpu_plan *plan);

/* Chooses plan->algorithm among the rows called `wanted` (NULL: all), and asks it for its memory; `cache` names the file of
 * measured choices or is NULL (planner.c). */
seqgpu_status sq_plan_choose(seqgpu_context *ctx, seqgpu_plan *plan, const char *wanted, const char *cache);

/* What a row is asked about a layer of the plan (planner.c). */
sq_problem sq_plan_problem(const seqgpu_plan *plan, int64_t layer, int training);

/* Asks plan->algorithm how much memory it needs for the largest run, and notes it in the plan (plan_map.c). */
seqgpu_status sq_plan_ask_memory(seqgpu_context *ctx, seqgpu_plan *plan);

/* Times plan->algorithm on buffers of its own: median microseconds of a forward, and of the backward with it unless the plan
 * is for inference.  Waits for the device (plan_measure.c). */
seqgpu_status sq_plan_time(seqgpu_context *ctx, const seqgpu_plan *plan, double *microseconds);

/* Steps of a chunk with which the row's layers should run side by side, 0: one after the other is as good, or all there is.
 * *cost, the microseconds of all layers one after the other, is lowered to those of the wavefront (wavefront.c). */
int64_t sq_wave_choose(seqgpu_context *ctx, const seqgpu_plan *plan, const sq_algorithm *row, double *cost);

/* The layout of a layer, and where the parameters of (layer, direction) begin. */
const sq_layout *sq_plan_layout(const seqgpu_plan *plan, int64_t layer);
const sq_param *sq_plan_param(const seqgpu_plan *plan, int index); /* as seqgpu_plan_param counts them */
int64_t sq_plan_param_offset(const seqgpu_plan *plan, int64_t layer, int64_t direction);

/* Offsets in reals of everything a run keeps or borrows, for its own seq_len and batch. -1: not needed. */
typedef struct sq_network_map {
  /* reserve (training), or workspace (inference) */
  int64_t clean_x;   /* [T,B,I] time-major, padding zeroed */
  int64_t layer_out; /* layer l's output at layer_out + l * layer_out_size */
  int64_t layer_out_size;
  int64_t first_reserve, rest_reserve; /* sizes of one direction's reserve */
  int64_t reserves;                    /* start of the reserves: layer 0's directions, then the others */
  int64_t reserve_size;
  /* workspace */
  int64_t sequence; /* the implementation's own, scratch_size for each direction, or layer of a wavefront */
  int64_t scratch_size;
  int64_t half;    /* [T,B,O] second direction's output of a sum */
  int64_t y;       /* [T,B,Y] time-major y or dy */
  int64_t dx;      /* [T,B,I] time-major dx */
  int64_t grad[2]; /* [T,B,Y] gradients between layers */
  int64_t
      carry; /* wavefront: states, or their gradients, between the chunks of a layer, carry_size for each */
  int64_t carry_size;
  int64_t workspace_size;
} sq_network_map;

sq_network_map sq_plan_map(const seqgpu_plan *plan, int64_t seq_len, int64_t batch, int ragged, int training);

#endif
