/* config.h - what makes a run what it is, whatever is learnt: layers, sequences, optimiser.
 *
 * Each row of a table is an option of the command line and a key of the checkpoint's metadata.  The config of
 * every task begins with a model_config, so that one table serves them all.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include "host/cli/cli.h"
#include "host/cli/how.h"
#include "host/cli/learning.h"

/* Of Hessian-free optimisation (hessian.h); 0: the library's. */
typedef struct hessian_options {
  double damping, structural, progress, decay, exponent;
  int64_t iterations, curvature, cases; /* the last two: sequences of a batch */
  int cold;
} hessian_options;
extern const arg_spec hessian_specs[];

typedef struct model_config {
  char cell[ARGS_WORD], optimizer[ARGS_WORD], clip[ARGS_WORD];
  char init[ARGS_WORD], forget_bias[ARGS_WORD];
  seqgpu_rnn_desc rnn; /* what the user chooses of it: sizes, options of the cell, T and B, dropout */
  double init_scale, init_input;
  int64_t seed, lr_decay_after;
  int64_t shards; /* of a batch, whose gradients are computed apart; 0: not settled yet (ranks.h) */
  double lr, momentum, decay; /* momentum and decay 0: the library's */
  double lr_decay;            /* factor per epoch, from epoch lr_decay_after on */
  how_options how;
  learning_options learning;
  hessian_options hessian;
} model_config;

/* Appends the rows of model_specs, learning_specs, hessian_specs and how_specs to the table of options that hold the config
 * at `shift`. */
void config_join_specs(arg_spec table[ARGS_MAX], size_t shift);
/* For data that has epochs. */
extern const arg_spec epoch_specs[];

/* The number of --forget-bias, NaN for "auto"; 0 if the text is neither, else 1. */
int config_forget_bias(const model_config *c, double *value);
/* 0, or CLI_USAGE after a sentence. */
int config_check_bias(const model_config *c);
/* Checks what single rows cannot, that too; 0, or CLI_USAGE after a sentence. */
int config_check(const model_config *c);
/* The library's optimiser for the options; 0, or CLI_USAGE after a sentence. */
int config_optimizer(const model_config *c, seqgpu_optimizer *out);
double config_learning_rate(const model_config *c, int64_t epoch);

/* ---- metadata: the rows that are kept (args.h: arg_keep); `config` is the struct of the rows ---- */

/* Where training stands; with the config and the tensors that is everything. */
typedef struct config_cursor {
  int64_t step;
  uint64_t data_hash; /* of the files that are learnt from, 0 without any */
  int64_t data_size;
  /* Younger than the format: 0 where a file does not say. */
  int64_t train_size; /* what is learnt of them: sequences, or predictions, per epoch */
  uint64_t val_hash;  /* of files that are only validated on */
  int has_val_loss;   /* of the file of --keep-best: what was measured at that step */
  double val_loss;
  /* Where the run depends on its validations, after every so many updates: what they have led to. */
  int64_t eval_every;
  learning_state learning;
} config_cursor;

/* Of a cursor in a file: so many updates are the work of years, and their sequences, a million each, still
 * have numbers that fit. */
#define CONFIG_MOST_STEPS INT64_C(1000000000000)

enum { CONFIG_META = ARGS_MAX + 12 };
/* What goes into __metadata__: lines of text, and the keys and values that point to them. */
typedef struct config_meta {
  char text[CONFIG_META][ARGS_VALUE];
  char learning[LEARNING_TEXT];
  seqgpu_meta meta[CONFIG_META];
  int count;
} config_meta;

/* Format, kept rows under their keys, and cursor, but no time, place or duration: two runs that do the same
 * write the same file. */
void config_write(config_meta *out, const char *format, const arg_spec *specs, const void *config,
                  const config_cursor *cursor);
/* Adds one more; key and value stay the caller's. */
void config_add(config_meta *out, const char *key, const char *value);

int config_is_of(const seqgpu_checkpoint *file, const char *format);
/* Reads the kept rows.  A row that the file lacks is younger than the file and keeps its value.  0, or an
 * exit code after a sentence. */
int config_read(const seqgpu_checkpoint *file, const char *path, const arg_spec *specs, void *config,
                config_cursor *cursor);

/* What the file of --keep-best says of its model: the step and the loss of its validation; -1 and NaN if it
 * says nothing.  0, or an exit code after a sentence. */
int config_read_measure(const seqgpu_checkpoint *file, const char *path, int64_t *step, double *val_loss);

/* Takes from a checkpoint what the command line does not say.  What it does say (given[row]) must agree where
 * it has to: with the shape of the model always, with the run when it is resumed. */
int config_merge(const arg_spec *specs, const unsigned char *given, void *config, const void *stored,
                 const char *path, int resume);

#endif
