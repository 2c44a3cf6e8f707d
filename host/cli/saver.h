/* saver.h - the checkpoints of a run: when one is due, under which names, and that no good one is lost. */
#ifndef SAVER_H
#define SAVER_H

#include "host/cli/learner.h"
#include "host/cli/lock.h"
#include "host/cli/numbered.h"
#include "host/cli/run.h"

enum { SAVER_PIECE = 1 << 14 };

typedef struct saver {
  const run_options *options;
  seqgpu_context *ctx;
  const learner *learner;
  int64_t saved;    /* the step that is in the file, -1 = nothing of this run */
  double saved_at;  /* time of the last save, or of the beginning */
  numbered copies;  /* of --keep */
  int64_t best;     /* the step in the file of --keep-best, -1 = none */
  double best_loss; /* its validation loss */
  int best_failed;  /* a better one could not be saved */
  float *piece;     /* [SAVER_PIECE] of a parameter: looking at a model takes no more memory than this */
  lock lock;
} saver;

/* 0 if nothing stands where the run would save but what it may replace: before anything is opened. */
int saver_check(const run_options *options);
/* Takes the lock, and finds what earlier runs left where this one continues.  Nothing is written but the
 * lock.  0, or an exit code after a sentence; saver_close is to be called anyhow. */
int saver_open(saver *s, const run_options *options, seqgpu_context *ctx, const learner *l,
               const config_cursor *start);
/* Whether --checkpoint-every or --checkpoint-minutes asks for a save at this step. */
int saver_is_due(const saver *s, int64_t step);
/* Saves the model if that step is not in the file yet, with its copy; nothing without --checkpoint.  A file
 * that cannot be written is a failure only of the last save: until then the model is still in memory, and the
 * next save may succeed. */
int saver_save(saver *s, const config_cursor *cursor, int is_last);
/* The validation loss is the best so far: saves the model apart, if --keep-best asks for it.  Where that
 * fails it says so, and the best model is still the one in the file. */
int saver_save_best(saver *s, const config_cursor *cursor, double val_loss);
void saver_close(saver *s);

#endif
