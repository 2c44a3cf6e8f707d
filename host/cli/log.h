/* log.h - the log of training runs: JSON Lines, one object per report, {"step": N, ...}. */
#ifndef LOG_H
#define LOG_H

#include <stdint.h>
#include <stdio.h>

/* 0 if reports may be added to what is there: nothing, a log, or a pipe or device; else CLI_FAILED after a
 * sentence. */
int log_check(const char *path);

/* Opens it for adding.  A report that a killed run left unfinished is removed, and so are, at its end, the
 * reports of steps after number `after`, which a resumed run reports again (INT64_MAX: none).  0, or
 * CLI_FAILED after a sentence. */
int log_open(const char *path, int64_t after, FILE **out);

#endif
