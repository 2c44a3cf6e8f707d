/* progress.h - what training prints: a bar on a terminal, lines in a pipe, JSON Lines in a file. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>
#include <stdio.h>

typedef struct progress_report {
  int64_t step, last_step; /* last_step 0: not known, only `fraction` is */
  double fraction;         /* of the whole run, 0 to 1 */
  double epoch;            /* NaN: there are none */
  double loss;             /* mean since the last report */
  double val_loss;         /* of a line: NaN where none was measured at this step; of the bar: the last one */
  const char *metric_name;
  double metric, val_metric; /* NaN where only a validation can tell, or none did */
  double token_bits;         /* of the loss, NaN where it is not of tokens */
  double grad_norm, lr;
} progress_report;

typedef struct progress {
  FILE *log;
  const char *log_path;
  int json, terminal;
  double start, drawn, reported; /* times */
  double start_fraction;
  int64_t tokens; /* time steps since the last report */
  double speed;   /* tokens per second, of the last report */
} progress;

/* log_path NULL = none; of a log that is there only the reports up to step number `after` stay (log.h).
 * `fraction` of the run is done already.  0, or an exit code after a sentence. */
int progress_open(progress *p, const char *log_path, int64_t after, int json, double fraction);
/* Redraws the bar now and then; costs next to nothing when it does not. */
void progress_draw(progress *p, const progress_report *r);
/* Prints a line and adds one to the log.  0, or an exit code when the log cannot be written. */
int progress_line(progress *p, const progress_report *r);
/* Ends the bar, so that what follows starts on a line of its own. */
void progress_end_bar(progress *p);
int progress_close(progress *p);

#endif
