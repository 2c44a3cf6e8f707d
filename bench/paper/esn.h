/* esn.h - what the two experiments of paper_esn share: settings, networks, and how a row of results is written. */
#ifndef PAPER_ESN_H
#define PAPER_ESN_H

#include "seqgpu/seqgpu.h"

#include "bench/paper/curves.h"

enum { ESN_NETWORKS = 5 }; /* independent networks of a row: median, smallest and largest are told */

/* Everything that makes a network; the series is the experiment's. */
typedef struct esn_setting {
  seqgpu_esn_desc desc;
  double lambda;          /* of the ridge regression */
  int64_t train, washout; /* steps of the series, and how many of them only bring the state in */
} esn_setting;

/* A network and what it lives in. */
typedef struct esn_net {
  seqgpu_context *ctx;
  seqgpu_params *params;
  seqgpu_esn *esn;
} esn_net;

/* A reservoir drawn from `seed`, its read-out solved for u [train,I] (or NULL) and d [train,O].  0, or 1 after a sentence on stderr; the
 * network must be closed in both cases. */
int esn_open(esn_net *net, const esn_setting *setting, uint64_t seed, const double *u, const double *d);
void esn_close(esn_net *net);
/* The sentence of the network's last failed call; returns 1. */
int esn_failed(const esn_net *net);

/* Settings, the errors of ESN_NETWORKS networks (sorted here) and the number to beat, as an object of the open array of r;
 * returns the median. */
double esn_report(results *r, const char *name, const esn_setting *setting, double errors[ESN_NETWORKS],
                  double to_beat, double seconds);

/* The number between low and high that `fraction` of the way (on a logarithmic scale) points at: for --search. */
double esn_between(double low, double high, double fraction);
void esn_print_setting(const esn_setting *setting);

/* The experiments; search > 0: instead of the experiment, that many random settings on series and networks that the
 * experiment does not see. */
int esn_mackey_glass(const char *folder, int search);
int esn_narma10(const char *folder, int search);

#endif
