/* options.h - the command line of a benchmark, as a table of options.
 *
 *   const bench_option table[] = {bench_option_text("--json", &o.json),
 *                                 bench_option_int("--runs", &o.runs, 1, 1000),
 *                                 bench_option_flag("--warm", &o.warm, 1)};
 *   const int code = bench_parse("bench_x", USAGE, table, BENCH_COUNT(table), argc, argv);
 *   if (code != BENCH_GO_ON) return code;
 *
 * An option takes the next argument as its value, except for a flag.  "--help" prints the usage.  The help
 * lines of options that many programs have are written once, here.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdint.h>

/* Exit codes, as of the program seqgpu; and what bench_parse returns when there is something to do. */
enum { BENCH_OK = 0, BENCH_FAILED = 1, BENCH_USAGE = 2, BENCH_GO_ON = -1 };

typedef struct bench_option {
  const char *name; /* "--runs"; without dashes: an argument that is known by its position */
  enum { BENCH_TEXT, BENCH_INT, BENCH_INT64, BENCH_NUMBER, BENCH_FLAG } kind;
  void *to;          /* what the option sets, of that kind */
  int64_t low, high; /* range of a whole number */
  int flag;          /* what a flag sets its int to */
} bench_option;

bench_option bench_option_text(const char *name, const char **to);
bench_option bench_option_int(const char *name, int *to, int low, int high);
bench_option bench_option_int64(const char *name, int64_t *to, int64_t low, int64_t high);
bench_option bench_option_number(const char *name, double *to);
bench_option bench_option_flag(const char *name, int *to, int value);

#define BENCH_COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* Options of the same name mean the same in every program. */
#define BENCH_DEVICE(to)  bench_option_text("--device", to)
#define BENCH_THREADS(to) bench_option_int("--threads", to, 0, 1024)
#define BENCH_JSON(to)    bench_option_text("--json", to)
#define BENCH_RESULTS(to) bench_option_text("--results", to)
#define BENCH_HELP_JSON                                                                                      \
  "  --json FILE            one JSON object per line; a line is written as soon as it is known\n"
#define BENCH_HELP_RESULTS                                                                                   \
  "  --results FOLDER       where the results go (default: bench/results of the source tree)\n"

/* BENCH_GO_ON, BENCH_OK after --help, or BENCH_USAGE after a sentence and the usage on stderr. */
int bench_parse(const char *program, const char *usage, const bench_option *table, int count, int argc,
                char **argv);

/* Is `name` in the comma-separated list?  A list of NULL has everything. */
int bench_listed(const char *list, const char *name);
/* Copies the next word of a comma-separated list and moves *list behind it; 0 at the end.  The room is at
 * least 1. */
int bench_next_word(const char **list, char *word, int room);

#endif
