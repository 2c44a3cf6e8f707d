/* charlm.h - the language model of `seqgpu train charlm`: embedding, recurrent layers, linear layer, softmax.
 *
 * Letters: T = steps of a piece, B = streams read in parallel, V = tokens of the vocabulary, E = embedding,
 *          Y = width of the last layer's output.
 */
#ifndef CHARLM_H
#define CHARLM_H

#include <signal.h>

#include "host/cli/config.h"
#include "host/cli/vocab.h"

/* Everything that makes a run what it is: kept in the checkpoint by the rows of charlm_specs. */
typedef struct charlm_config {
  model_config model;
  char tokens[ARGS_WORD];
  int64_t embedding, vocab_limit; /* embedding 0 = hidden */
  double val_fraction;
} charlm_config;

extern const charlm_config charlm_defaults;
/* Appends the rows of the options above to the table of a command whose options hold the config at `shift`. */
void charlm_join_specs(arg_spec table[ARGS_MAX], size_t shift);

/* A model on a device. */
typedef struct charlm {
  seqgpu_context *ctx;
  charlm_config config;
  int64_t vocab, embedding_size, output_size;
  seqgpu_params *params;
  seqgpu_param embedding, rnn, weight, bias;
} charlm;

/* Buffers for pieces of at most T steps of B streams, and the states that are carried from piece to piece. */
typedef struct charlm_pass {
  const charlm *model;
  seqgpu_plan *plan;
  int64_t T, B;
  int training;
  int states;
  size_t state_bytes[2];
  seqgpu_param state[2];          /* of the model's params when training, so that they are saved */
  void *x, *y, *dropped, *logits; /* [T,B,E] [T,B,Y] [T,B,Y] [T,B,V] */
  void *lse, *row_loss, *loss;    /* [T,B] [T,B] [2] */
  void *dx, *dy, *dlogits;        /* training; dy is [T,B,Y] */
  void *reserve, *workspace;
  uint64_t random_blocks; /* that one piece draws for its dropout */
} charlm_pass;

/* Token numbers as B parallel streams, time-major: ids[t*B + b].  The inputs of a piece that starts at step t are rows
 * t.., its targets the same rows one step later, so nothing is copied in the training loop. */
typedef struct charlm_streams {
  int64_t length, batch; /* predictions of one stream; there are length+1 rows */
  int64_t predictions;   /* of all streams, without padding */
  int32_t *ids;          /* device */
} charlm_streams;

/* Makes the model and draws its weights.  `threads` etc. belong to ctx.  Returns 0, or 1 after a sentence; also when
 * the model and its buffers for T x B would not fit into memory. */
int charlm_create(seqgpu_context *ctx, const charlm_config *config, int64_t vocab, int64_t T, int64_t B,
                  int training, charlm *out);
void charlm_destroy(charlm *m);

seqgpu_status charlm_pass_create(charlm *m, int64_t T, int64_t B, int training, charlm_pass *out);
void charlm_pass_destroy(charlm_pass *p);
seqgpu_status charlm_zero_state(const charlm_pass *p);
/* The recurrent part's arguments for a piece of T steps; dropout masks are those of update number `step`. */
seqgpu_rnn_run charlm_run(const charlm_pass *p, int64_t T, uint64_t step);
/* Logits of T steps; ids [T,B] on the device.  States are carried on. */
seqgpu_status charlm_forward(const charlm_pass *p, int64_t T, const int32_t *ids, uint64_t step);
/* Loss of the last forward into p->loss: the mean, or the sum.  Masked where a target is negative. */
seqgpu_status charlm_loss(const charlm_pass *p, int64_t T, const int32_t *targets, int mean);
/* Gradients of the mean loss, added to those of the parameters. */
seqgpu_status charlm_backward(const charlm_pass *p, int64_t T, const int32_t *ids, const int32_t *targets,
                              uint64_t step);

seqgpu_status charlm_streams_create(seqgpu_context *ctx, const int32_t *ids, int64_t count, int64_t batch,
                                    int64_t length, charlm_streams *out);
void charlm_streams_destroy(seqgpu_context *ctx, charlm_streams *s);

/* How many streams a text of `count` tokens is evaluated in: long ones, so that cold starts do not matter. */
int64_t charlm_eval_batch(int64_t count);
/* Mean loss in nats over all predictions of the streams; states start at zero and are carried on.
 * SEQGPU_ESTOPPED when *stop becomes nonzero (stop may be NULL). */
seqgpu_status charlm_evaluate(const charlm_pass *p, const charlm_streams *s,
                              const volatile sig_atomic_t *stop, double *nats);

/* ---- checkpoints (charlm_file.c) ---- */

extern const char charlm_format[];

/* Saves model, config, vocabulary and cursor; a library status (the sentence is in the context). */
seqgpu_status charlm_save(const charlm *m, const vocabulary *v, const config_cursor *cursor, int64_t epoch,
                          const char *path);
/* Opens a checkpoint; *is_charlm is 0 for any other .safetensors file, and then config and cursor are as before. */
int charlm_open(seqgpu_context *ctx, const char *path, seqgpu_checkpoint **file, charlm_config *config,
                config_cursor *cursor, int *is_charlm);
/* The vocabulary of a charlm checkpoint. */
int charlm_open_vocab(const seqgpu_checkpoint *file, const charlm_config *config, vocabulary *out);
/* All three and the weights, with buffers for T x B: what sample, eval and inspect need. */
int charlm_load(seqgpu_context *ctx, const char *path, int64_t T, int64_t B, int training, charlm *m,
                vocabulary *v, config_cursor *cursor);

#endif
