/* gradient_flow.h - `seqgpu inspect --gradient-flow`: what becomes of gradients on their way back through the
 * steps of a model, or of networks that are drawn to be compared. */
#ifndef GRADIENT_FLOW_H
#define GRADIENT_FLOW_H

#include "host/cli/command.h"
#include "host/cli/config.h"
#include "host/cli/prime.h"

typedef struct gradient_flow_options {
  int asked;
  double input_scale; /* of drawn inputs */
  model_config model; /* of a drawn network; cell "" = one of each kind */
} gradient_flow_options;

/* The default: so small inputs leave an RNN where it is linear for a while. */
#define GRADIENT_FLOW_DEFAULTS                                                                               \
  {                                                                                                          \
    .input_scale = 1e-4, .model = {                                                                          \
      .init = "pytorch",                                                                                     \
      .forget_bias = "auto",                                                                                 \
      .rnn = {.num_layers = 1, .hidden_size = 64, .seq_len = 100},                                           \
      .seed = 1                                                                                              \
    }                                                                                                        \
  }

/* Appends its rows to the table of a command whose options hold a gradient_flow_options at `shift`. */
void gradient_flow_join_specs(arg_spec table[ARGS_MAX], size_t shift);

/* What the rows and those of the rest of the command line cannot have together; given: which of `specs` were
 * given.  0, or CLI_USAGE after a sentence. */
int gradient_flow_check(const gradient_flow_options *o, const char *checkpoint, const arg_spec *specs,
                        const unsigned char *given);

/* Measures, and prints or writes: JSON with base->common.json, else a table unless there is a page for the
 * file `html`. checkpoint NULL: there is no model.  An exit code, after a sentence unless it is 0. */
int gradient_flow(const char *checkpoint, const network_options *base, const gradient_flow_options *o,
                  const prime_options *prime, const char *html);

#endif
