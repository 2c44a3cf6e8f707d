/* log_read.h - the JSON Lines that training logs (progress.h), read again. */
#ifndef LOG_READ_H
#define LOG_READ_H

#include <stddef.h>
#include <stdint.h>

/* One report; NaN for what it does not say. */
typedef struct log_row {
  double step, epoch, loss, val_loss, metric, val_metric, grad_norm, lr, tokens_per_s, elapsed_s;
} log_row;

typedef struct log_sample {
  double step;
  char *text;
  size_t size;
} log_sample;

typedef struct training_log {
  log_row *row;
  int64_t rows, row_room;
  log_sample *sample;
  int64_t samples, sample_room;
  char metric[64]; /* its name, "" if no row has one */
} training_log;

/* Reads a file, "-" being standard input.  A step that comes again, because the run was resumed, replaces
 * what was there from that step on; a last line that is cut is left out.  0, or an exit code after a
 * sentence that names the line. */
int log_read(const char *path, training_log *out);
/* The same of a text in memory, which is changed; `path` is what the sentences call it. */
int log_parse(const char *path, char *text, training_log *out);
void log_free(training_log *l);

#endif
