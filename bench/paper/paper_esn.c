/* paper_esn.c - echo state networks on the tasks of their papers, on one core, in float64.
 *
 *   paper_esn mackey-glass | narma10 [--results FOLDER] [--search N]
 *
 * The results are esn-mackey-glass.json and .svg, and so on.  --search N tries N random settings and prints
 * them with their errors, on series and networks of other seeds than those that are reported.  The settings
 * in the tables are the best of such searches, rounded.
 */
#include <stdio.h>
#include <string.h>

#include "bench/common/options.h"
#include "bench/paper/esn_mackey.h"
#include "bench/paper/esn_narma.h"

static const char USAGE[] =
    "usage: paper_esn mackey-glass | narma10 [options]\n" BENCH_HELP_RESULTS
    "  --search N             try N random settings instead of running the experiment\n";

static const struct {
  const char *name;
  int (*run)(const char *folder, int search);
} experiments[] = {{"mackey-glass", esn_mackey_glass}, {"narma10", esn_narma10}};

int main(int argc, char **argv) {
  const char *name = "", *folder = NULL;
  int search = 0;
  const bench_option table[] = {bench_option_text("EXPERIMENT", &name), BENCH_RESULTS(&folder),
                                bench_option_int("--search", &search, 1, 1000000)};
  const int code = bench_parse("paper_esn", USAGE, table, BENCH_COUNT(table), argc, argv);
  if (code != BENCH_GO_ON) return code;
  for (int i = 0; i < BENCH_COUNT(experiments); i++)
    if (strcmp(name, experiments[i].name) == 0) return experiments[i].run(folder, search);
  fprintf(stderr, "paper_esn: the experiment is \"%s\"; it must be mackey-glass or narma10\n", name);
  return BENCH_USAGE;
}
