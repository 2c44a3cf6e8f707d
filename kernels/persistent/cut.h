/* cut.h - how the work of a persistent algorithm is cut: which units and sequences a block gets, what that
 * should cost, and whether all of it fits on the device at a time.  persistent.cu asks, cut.cu answers.
 */
#ifndef SQ_PERSISTENT_CUT_H
#define SQ_PERSISTENT_CUT_H

#include "kernels/persistent/algorithms.h"
#include "kernels/persistent/persistent.h"

/* Clusters up to this size are portable. */
enum { PORTABLE_CLUSTER = 8 };

/* How far apart the blocks of a group are, which decides what they exchange through. */
enum sq_reach { SQ_ONE_BLOCK, SQ_ONE_CLUSTER, SQ_WHOLE_GRID };

/* SQ_PERSISTENT_cta, ...: the algorithms in the order of SQ_PERSISTENT_ALGORITHMS. */
enum sq_persistent {
#define SQ_PERSISTENT_NUMBER(id, name) SQ_PERSISTENT_##id,
  SQ_PERSISTENT_ALGORITHMS(SQ_PERSISTENT_NUMBER)
#undef SQ_PERSISTENT_NUMBER
      SQ_PERSISTENT_COUNT
};

struct sq_persistent_info {
  sq_reach reach;
  int buffers;   /* operands in shared memory */
  int barriers;  /* mbarriers there */
  int packets;   /* 1: an operand takes twice its size in global memory */
  int apart;     /* 1: blocks of H of an operand may arrive one at a time */
  int grouped;   /* blocks of a grid in clusters, of that many blocks at least; 0: they are not */
  int split;     /* 1: the depth of the product is divided among the blocks of a cluster (split.h) */
  int held;      /* 1: tensor cores have a part of their weights in registers, and half of the threads */
  int adds_bias; /* 1: forward adds the bias to the gates, which else begin with it */
  int lanes;     /* 1: the weights are in registers (lanes.h) */
  /* The one whose kernels run forward, and backward: where the depth is split, forward is that of the same exchange,
   * and where h is multicast, backward divides the depth. */
  sq_persistent pass[2];
  recurrence_kernel *(*kernel)(int cell, int backward, sq_math math, int each);
};
extern const sq_persistent_info sq_persistent_algorithms[SQ_PERSISTENT_COUNT];

/* A question: which cut for this pass of this problem on this device? */
struct sq_cut_question {
  sq_persistent which;
  int cell, backward;
  int abreast; /* runs side by side in a launch: directions, or layers */
  sq_math math;
  int64_t hidden, batch;
  sq_gpu_limits limits;
};

/* Microseconds of a step by the model (cost.h), which are the sum of the three. */
struct sq_step_cost {
  double product;   /* of the weights and the operand */
  double pointwise; /* the cell's, with the barriers around it */
  double exchange;  /* of the next operand */
};

/* The best answer, and what to report if there is none. */
struct sq_cut {
  recurrence_shape shape;
  double microseconds; /* per step; negative: none fits */
  double launch;       /* and once, of what comes before the first step */
  sq_step_cost terms;  /* of these microseconds */
  size_t least_bytes;  /* of shared memory, over all cuts tried; 0: none could even be tried */
  int error; /* of the device, when it was asked how much of a cut it holds; then there is no answer */
};

/* The pointwise step of a layout, RECURRENCE_...; -1: none. */
int sq_cut_cell(const sq_layout *l);

int sq_cut_ask(const sq_exec *exec, sq_persistent which, const sq_layout *l, int64_t batch, int abreast,
               sq_math math, int backward, sq_cut_question *q);
/* The cheapest cut according to the model.  The context remembers its answers, but no failures. */
sq_cut sq_cut_choose(sq_exec *exec, const sq_cut_question &q);

sq_mode sq_cut_mode(const sq_cut_question &q, const recurrence_shape &n);
/* The most units of a layer whose weights fit into registers, of a device with clusters of that size; 0: no
 * limit. */
int sq_cut_most_units(sq_persistent which, int cell, int cluster_max);

recurrence_kernel *sq_cut_kernel(const sq_cut_question &q, const recurrence_shape &n);
/* *count: blocks, or clusters, of this cut that fit on the device together. */
int sq_cut_resident(sq_exec *exec, const sq_cut_question &q, const recurrence_shape &n, int *count);

/* Forgets the answers that a context remembers. */
void sq_cut_close(sq_gpu *gpu);

#endif
