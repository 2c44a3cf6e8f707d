/* flow_look.h - all that is measured of the gradient flow of one network, and where it is kept.
 *
 * Letters as in flow.h: T = steps, L = layers, K = states of a layer.  Norms are decimal logarithms, as in
 * flow_norms.h.
 */
#ifndef FLOW_LOOK_H
#define FLOW_LOOK_H

#include "host/cli/flow_norms.h"

enum { FLOW_POINTS = 41, FLOW_NAME = 64 };

/* A state of a layer, s_t being h_t or c_t of this layer alone. */
typedef struct flow_state {
  char name[16];
  double *gradient;                       /* [T] |dF/ds_t|, t = 1 .. T */
  double *product;                        /* [points] |ds_T/ds_t|, t = point[.] */
  double *singular;                       /* [T-1] |ds_t/ds_{t-1}|, t = 2 .. T */
  double gradient_factor, product_factor; /* a step back (flow_factor) */
  double change;                          /* the most that |dF/ds_t| / |dF/ds_T| is off 1 */
} flow_state;

typedef struct flow_layer {
  flow_state state[FLOW_STATES];
  double *path_most, *path_least; /* [T] (flow_path); NULL: there is one state */
  double radius;                  /* spectral radius of weight_hh; NaN: it is not square, or there is none */
} flow_layer;

typedef struct flow_look {
  char name[FLOW_NAME], cell[FLOW_NAME];
  int64_t T, L, K, H, points;
  int64_t *step;  /* [T] 1 .. T */
  int64_t *point; /* [points] from 1 to T-1, ascending */
  flow_layer *layer;
  int gates;
  flow_gate *gate;
  int iterations; /* the most that a singular value took */
} flow_look;

/* Measures the network of `f` for a loss F whose gradient at the last states is `gradient` [S].
 * Errors: those of flow_norms.h; nothing is to be freed then. */
seqgpu_status flow_look_at(flow *f, const char *name, const double *gradient, flow_look *out);
void flow_look_free(flow_look *look);

#endif
