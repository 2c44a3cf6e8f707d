/* learning.h - how a run learns over its updates: schedules of learning rate and momentum, averages of the
 * weights, noise, and tensors with a learning rate of their own.
 *
 * All of it follows from the options, the number of the update, and what validations have led to
 * (learning_state), which checkpoints keep: so a resumed run goes on bit for bit.
 */
#ifndef LEARNING_H
#define LEARNING_H

#include "host/cli/cli.h"
#include "host/cli/how.h"

typedef struct learning_options {
  char schedule[ARGS_WORD];
  int64_t warmup, every; /* every: updates, of plateau validations */
  double factor, lowest; /* factor 0: 0.1 */
  double weight_decay, noise, noise_decay;
  int64_t momentum_end, average, average_patience;
  int momentum_rise;
  char freeze[ARGS_LINE], lr_of[ARGS_LINE]; /* "PREFIX,PREFIX" and "PREFIX=FACTOR,PREFIX=FACTOR" */
} learning_options;

#define LEARNING_DEFAULTS                                                                                    \
  { .schedule = "constant" }

/* --lr-schedule and so on; all of them are kept in checkpoints. */
extern const arg_spec learning_specs[];

enum { LEARNING_RECENT = 8, LEARNING_TEXT = 512 };

/* What validations have led to; zeros before the first one. */
typedef struct learning_state {
  int64_t validations;
  double scale;         /* of the learning rate, by plateaus */
  double best;          /* loss, since the rate fell last */
  int64_t worse;        /* validations since then that were no better */
  int64_t average_from; /* the first update that --average-patience lets into the average; 0: none yet */
  double earlier;       /* the best loss but for the last --average-patience, which stand in `recent` */
  double recent[LEARNING_RECENT];
} learning_state;

/* Refuses what single rows cannot; 0, or CLI_USAGE after a sentence. */
int learning_check(const learning_options *o);
/* Learning rate and momentum of update number `step`, from 0; lr and out->momentum are what they begin
 * with. */
void learning_set_rates(const learning_options *o, const learning_state *s, int64_t step, double lr,
                        seqgpu_optimizer *out);
/* Freezes tensors, and gives others their learning rates; 0, or an exit code after a sentence. */
int learning_set_groups(const learning_options *o, seqgpu_context *ctx, seqgpu_params *params);
/* 1 if the weights are averaged, or may be one day. */
int learning_may_average(const learning_options *o);
/* 1 if the values after `step` updates enter their average. */
int learning_averages(const learning_options *o, const learning_state *s, int64_t step);

/* 1 if the run depends on when it was validated. */
int learning_needs_validations(const learning_options *o);
/* Takes note of a validation after `step` updates. */
void learning_validated(const learning_options *o, learning_state *s, int64_t step, double loss);

/* The state as a line of numbers, and from there; 0 if the text is none. */
void learning_write(const learning_state *s, char text[LEARNING_TEXT]);
int learning_read(const char *text, learning_state *s);

#endif
