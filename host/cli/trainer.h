/* trainer.h - the training loop, whatever is learnt (learner.h): updates, reports, validations, Ctrl-C. */
#ifndef TRAINER_H
#define TRAINER_H

#include "host/cli/learner.h"
#include "host/cli/run.h"

/* Trains until the end, a signal, or an error, from start->cursor on; saves.  An exit code. */
int trainer_run(const run_options *options, const model_config *config, run_start *start, learner l);

#endif
