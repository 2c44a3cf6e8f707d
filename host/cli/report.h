/* report.h - the page about a training run. */
#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>

#include "host/cli/log_read.h"

/* Summary, charts and samples of a log that has rows; `name` is what the page calls it. */
void report_page(FILE *to, const char *name, const training_log *log);

#endif
