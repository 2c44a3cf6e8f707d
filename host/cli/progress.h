/* progress.h - what training prints: lines, under them a bar on a terminal, and JSON Lines in a file. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>
#include <stdio.h>

#include "host/cli/events.h"
#include "seqgpu/hessian_free.h"

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
  const seqgpu_hessian_free_report *hessian; /* the last update, where it is Hessian-free; else NULL */
} progress_report;

typedef enum progress_mode { PROGRESS_TEXT, PROGRESS_JSON, PROGRESS_QUIET } progress_mode;

typedef struct progress {
  FILE *log;
  const char *log_path;
  events *events;
  progress_mode mode;
  int terminal;
  double start, drawn, reported; /* times */
  double start_fraction;
  int64_t tokens; /* time steps since the last report */
  double speed;   /* tokens per second, of the last report */
} progress;

/* Where reports go; NULL = nowhere. */
typedef struct progress_target {
  progress_mode mode;      /* standard output */
  const char *log;         /* a file of JSON Lines */
  int64_t after;           /* of a log that is there only the reports up to that step stay (log.h) */
  const char *tensorboard; /* a folder of event files */
} progress_target;

/* `fraction` of the run is done already.  0, or an exit code after a sentence. */
int progress_open(progress *p, const progress_target *target, double fraction);
/* Redraws the bar now and then, as wide as the terminal is now; costs next to nothing when it does not. */
void progress_draw(progress *p, const progress_report *r);
/* Prints a line and adds one to the log.  0, or an exit code when the log cannot be written. */
int progress_line(progress *p, const progress_report *r);
/* Prints a sample of what was learnt after an update, and adds it to the log.  0, or an exit code as
 * above. */
int progress_sample(progress *p, int64_t step, const char *text, size_t size);
/* Removes the bar, so that what follows starts on a line of its own. */
void progress_end_bar(progress *p);
int progress_close(progress *p);

#endif
