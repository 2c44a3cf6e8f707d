/* charlm.h - the language model of `seqgpu train charlm`: embedding, recurrent layers, linear layer, softmax.
 *
 * Letters: T = steps per piece, B = streams read in parallel, V = tokens of the vocabulary,
 *          E = width of the embedding, Y = width of the last layer's output.
 */
#ifndef CHARLM_H
#define CHARLM_H

#include "host/cli/network.h"

/* Nats per bit. */
#define CHARLM_LN2 0.69314718055994530942

/* Everything that makes a run what it is; the rows of charlm_join_specs keep it in the checkpoint. */
typedef struct charlm_config {
  model_config model;
  char tokens[ARGS_WORD];
  int64_t embedding, vocab_limit; /* embedding 0 = hidden_size, vocab_limit 0 = none */
  int tie;                        /* the output layer's weights are those of the embedding */
  double embedding_dropout, val_fraction;
} charlm_config;

extern const charlm_config charlm_defaults;
/* Appends the rows of these options to the table of a command whose options hold the config at `shift`. */
void charlm_join_specs(arg_spec table[ARGS_MAX], size_t shift);

/* How many tokens of a text, at its end, are kept for validation: none, or at least 2. */
int64_t charlm_val_count(const charlm_config *config, int64_t count);

/* A model on a device. */
typedef struct charlm {
  seqgpu_context *ctx;
  charlm_config config;
  int64_t vocab, embedding_size, output_size;
  seqgpu_params *params;
  seqgpu_param embedding, rnn, weight, bias; /* tied: weight is embedding */
} charlm;

enum { CHARLM_STATES = 3 }; /* the most that a cell has: h, c, q */

/* A plan and buffers for pieces of at most T steps of B streams, and the states carried between them. */
typedef struct charlm_pass {
  const charlm *model;
  seqgpu_plan *plan;
  int64_t T, B;
  int64_t whole, first; /* streams of all shards, and which of them is the first here; 0: all are here */
  int training;
  int states;
  size_t state_size[CHARLM_STATES];
  seqgpu_param state[CHARLM_STATES]; /* of the model's params when training, so that they are saved ... */
  void *saved[CHARLM_STATES];        /* ... or where batches come in shards, what is saved of all of them */
  void *x, *y, *dropped, *logits;    /* [T,B,E] [T,B,Y] [T,B,Y] [T,B,V]; x is dropped where it stands */
  void *lse, *row_loss, *loss;       /* [T,B] [T,B] [2] */
  void *dx, *dy, *dlogits;           /* training; dy is [T,B,Y] */
  void *reserve, *workspace;
  uint64_t random_blocks;    /* that the dropout of one piece of all streams draws, ... */
  uint64_t embedding_blocks; /* ... and those before that of the embedding */
  seqgpu_shards *last;       /* NULL, or is told which gradients are final (learner.h) */
} charlm_pass;

/* Makes the model and draws its weights, or leaves them for seqgpu_checkpoint_load.  0, or CLI_FAILED after
 * a sentence, also if the file does not have its weights, or the model and the buffers of a pass over T
 * steps of B streams would not fit into memory. */
int charlm_create(seqgpu_context *ctx, const charlm_config *config, int64_t vocab, int64_t T, int64_t B,
                  int training, weights_source from, charlm *out);
void charlm_destroy(charlm *m);

seqgpu_status charlm_pass_create(charlm *m, int64_t T, int64_t B, int training, charlm_pass *out);
void charlm_pass_destroy(charlm_pass *p);
seqgpu_status charlm_zero_state(const charlm_pass *p);
/* The recurrent part's arguments for a piece of T steps; dropout masks are those of update number `step`. */
seqgpu_rnn_run charlm_run(const charlm_pass *p, int64_t T, uint64_t step);
/* Logits of T steps into p->logits; ids [T,B] on the device.  States are carried on. */
seqgpu_status charlm_forward(const charlm_pass *p, int64_t T, const int32_t *ids, uint64_t step);
/* Carries the states on and does nothing else. */
seqgpu_status charlm_carry(const charlm_pass *p, int64_t T, const int32_t *ids, uint64_t step);
/* Makes a pass over the tokens ids[n], in host memory, and runs it forward, without dropout: what gates and
 * states did is then in its reserve. */
seqgpu_status charlm_look(charlm *m, const int32_t *ids, int64_t n, charlm_pass *out);
/* Loss of the last forward into p->loss: the mean, or the sum.  A negative target is masked. */
seqgpu_status charlm_loss(const charlm_pass *p, int64_t T, const int32_t *targets, int mean);
/* Gradients of the mean loss, added to those of the parameters. */
seqgpu_status charlm_backward(const charlm_pass *p, int64_t T, const int32_t *ids, const int32_t *targets,
                              uint64_t step);
/* After both: SEQGPU_ENONFINITE and a sentence about the first number that is not finite, in the order of the
 * computation; the gradients of the parameters are not looked at. */
seqgpu_status charlm_find_not_finite(const charlm_pass *p, int64_t T, uint64_t step);

#endif
