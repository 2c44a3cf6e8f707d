/* plan.h - what a plan is made of: an algorithm, and a descriptor resolved for it.
 *
 * An algorithm (sq_algorithm) is one way to run a layer on a device: a row of the table in algorithms.c.
 * Nothing above that table knows which device it talks to.  A plan is a descriptor with its layouts, the
 * place of its parameters, and the algorithm that was chosen.
 */
#ifndef SQ_PLAN_H
#define SQ_PLAN_H

#include "host/context/context.h"
#include "kernels/persistent/questions.h"
#include "seqgpu/rnn.h"

typedef struct sq_algorithm {
  const char *name; /* "cpu/step": device/id */
  const char *device;
  const char *id;
  seqgpu_dtype dtype;
  int by_name; /* 1: less exact than the descriptor allows, so that only its whole name stands for it */

  /* NULL if it can run this problem on this context, else the reason why not (may use text[size]); sq_no_answer
   * if the device failed when it was asked. */
  const char *(*refuses)(sq_exec *exec, const sq_problem *problem, char *text, size_t size);

  /* Microseconds of a forward by a model, in training of a forward and a backward; only compared with other
   * algorithms of the same device.  May be asked about problems that the algorithm refuses, and answers at
   * once: it opens and allocates nothing.  NaN: the device failed when it was asked. */
  double (*estimate)(sq_exec *exec, const sq_problem *problem);

  /* Elements that each direction of the problem borrows, and keeps from forward to backward; negative: the
   * device failed. reserve NULL: it keeps the cell's own layout (sq_reserve_layout), which the backward of
   * any algorithm can read and seqgpu_rnn_inspect shows.  Otherwise the reserve is private to the algorithm.
   */
  int64_t (*workspace)(sq_exec *exec, const sq_problem *problem);
  int64_t (*reserve)(sq_exec *exec, const sq_problem *problem);

  /* `count` directions of one layer: independent recurrences over the same x, which may run side by side.
   * They share dx: the second one's is added to the first one's.  Everything else that has a place per
   * direction (states, their gradients, parameters, workspaces, reserves) lies one direction after the other,
   * without a gap.  backward NULL: `refuses` refuses training. */
  int (*forward)(sq_exec *exec, const sq_layer_run *runs, int count);
  int (*backward)(sq_exec *exec, const sq_layer_run *runs, int count);

  /* The elements that the passes below borrow, where they are another algorithm's; NULL: as `workspace`. */
  int64_t (*pass_workspace)(sq_exec *exec, const sq_problem *problem);
  /* And why these cannot run; NULL: they can. */
  const char *(*pass_refuses)(sq_exec *exec, const sq_problem *problem, char *text, size_t size);

  /* The same for tangents, of runs whose forward kept the cell's own reserve; NULL: it has none. */
  int (*tangent)(sq_exec *exec, const sq_layer_tangent *tangents, int count);

  /* The regulariser of cells whose error signals are no recurrence of their own (host/run/omega.c): the
   * signals, then what they want of the weights; NULL: it has none. */
  int (*signals)(sq_exec *exec, const sq_layer_signals *signals);
  int (*signal_gradients)(sq_exec *exec, const sq_layer_signals *signals);

  /* Weights that are packed once for many runs (seqgpu_rnn_pack): the bytes of a layer and direction, a
   * multiple of 64, and who writes them.  NULL: params are read as they lie. */
  int64_t (*packed)(const sq_layout *layout);
  void (*pack)(const sq_layout *layout, const void *params, void *packed);

  /* Layers of one size side by side (host/run/wavefront.c); NULL: only one after the other.  `refuses` and
   * `estimate` are then also asked about problems whose `directions` are layers.  `count` stretches, of
   * layers that do not wait for one another in this call; `abreast` is the most that any call brings: however
   * many come, the results have the same bits. backward makes the dx of the stretches, gradients a layer's
   * dparams after all of them. */
  int (*wave_forward)(sq_exec *exec, const sq_stretch *stretches, int count, int abreast);
  int (*wave_backward)(sq_exec *exec, const sq_stretch *stretches, int count, int abreast);
  int (*wave_gradients)(sq_exec *exec, const sq_layer_run *run);

  /* How it cuts a pass of the problem; not 0: it does not fit.  NULL: it cuts nothing. */
  int (*cut)(sq_exec *exec, const sq_problem *problem, int backward, sq_cut_numbers *out);
} sq_algorithm;

enum { SQ_STAMP_ELEMENTS = 16 };

/* Offsets in elements of everything that a run keeps or borrows, for its own seq_len and batch; -1: not
 * needed. */
typedef struct sq_network_map {
  int64_t stamp; /* host memory: what the run was that filled the reserve (host/run/guard.h) */
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
  int64_t omega; /* what the regulariser needs (host/run/omega.c) */
  int64_t workspace_size;
} sq_network_map;

struct seqgpu_plan {
  seqgpu_allocator allocator;
  seqgpu_rnn_desc desc; /* num_layers filled in; cell is a static name */
  const char *device;
  seqgpu_dtype dtype;
  const sq_algorithm *algorithm;
  int64_t chunk;         /* steps per chunk of the wavefront; 0: layers run one after the other */
  sq_layout first, rest; /* of layer 0, and of the layers above it */
  int64_t layers, directions;
  int64_t output_width;   /* Y */
  int64_t param_elements; /* of the flat parameter buffer */
  /* elements per direction, for the largest run */
  int64_t scratch_size[2];   /* of the algorithm's workspace: in inference, in training */
  sq_network_map largest[2]; /* of inference at the largest sizes: with full lengths, ragged */
  int64_t packed_size[2];    /* layer 0, the layers above; bytes per direction; 0: the algorithm packs none */
  uint64_t mark;             /* of the network, in the reserves that it filled; 0: its device keeps none */
  uint64_t packed_mark;      /* of weights that were packed for it */
  int64_t private_reserve[2]; /* layer 0, the layers above; 0 where the reserve is the cell's */
};

#endif
