/* esn.h - what the experiments of paper_esn share: settings, networks, and a row of the results. */
#ifndef PAPER_ESN_H
#define PAPER_ESN_H

#include "seqgpu/seqgpu.h"

#include "bench/paper/results.h"

enum {
  ESN_NETWORKS = 5
}; /* independent networks per row: their median, smallest and largest error are reported */

/* Everything that makes a network; the series belongs to the experiment. */
typedef struct esn_setting {
  seqgpu_esn_desc desc;
  double lambda;          /* of the ridge regression */
  int64_t train, washout; /* steps of the series, and how many of them only settle the state */
} esn_setting;

/* A network with the objects that it lives in. */
typedef struct esn_net {
  seqgpu_context *ctx;
  seqgpu_params *params;
  seqgpu_esn *esn;
} esn_net;

/* Draws a reservoir from `seed` and solves its read-out for u [train,I] (or NULL) and d [train,O].  0, or 1
 * after a sentence on stderr; close the network in both cases. */
int esn_open(esn_net *net, const esn_setting *setting, uint64_t seed, const double *u, const double *d);
void esn_close(esn_net *net);
/* Prints the sentence of the network's last failed call; returns 1. */
int esn_failed(const esn_net *net);

/* Writes settings, the errors of ESN_NETWORKS networks (sorted in place) and the number to beat as an object
 * of the open array of r; returns the median. */
double esn_report(results *r, const char *name, const esn_setting *setting, double errors[ESN_NETWORKS],
                  double to_beat, double seconds);

/* For --search: the number a `fraction` of the way from low to high on a logarithmic scale. */
double esn_between(double low, double high, double fraction);
void esn_print_setting(const esn_setting *setting);

#endif
