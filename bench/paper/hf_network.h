/* hf_network.h - the network of paper_hf on a tape: tanh units, and a linear layer at the last step. */
#ifndef PAPER_HF_NETWORK_H
#define PAPER_HF_NETWORK_H

#include "bench/paper/hf_tasks.h"
#include "bench/paper/network.h"

enum { HF_TEST = 1000 }; /* sequences of the test, the same ones for every method and seed */

/* What a network is made of.  `init` is a scheme of seqgpu_params_init_rnn. */
typedef struct hf_sizes {
  const char *init;
  int steps, units, threads;
  int large, small; /* sequences of a batch for gradients, and of one for the curvature */
} hf_sizes;

typedef struct hf_network {
  const hf_task *task;
  network net; /* its plans: of the gradient or the test, and of the curvature or a single case */
  hf_data test, gradient, curvature, single;
} hf_network;

/* Draws the weights from `seed`.  0, or 1 after a sentence on stderr; to be closed in any case. */
int hf_network_open(hf_network *n, const hf_sizes *sizes, const hf_task *task, uint64_t seed);
void hf_network_close(hf_network *n);

/* The mean loss over the sequences of d, on a tape: of the test, of a gradient, of the curvature or of a
 * single case.  *hidden receives the states of all steps, *answers the outputs [B,outputs]; may be NULL. */
seqgpu_tensor *hf_network_loss(const hf_network *n, seqgpu_tape *tape, const hf_data *d,
                               seqgpu_tensor **hidden, seqgpu_tensor **answers);
/* The share of wrong answers in the test, and its loss.  0, or 1 after a sentence on stderr. */
int hf_network_test(hf_network *n, double *wrong, double *loss);

#endif
