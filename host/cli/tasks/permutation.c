/* permutation.c - the random permutation problem (Hochreiter & Schmidhuber 1997, experiment 2; Martens &
 * Sutskever 2011, section 4.1; Pascanu, Mikolov, Bengio 2013), which in spite of its name permutes nothing.
 *
 * T symbols out of 100, one-hot: the first is 0 or 1, the others are drawn from 2..99.  After the last step
 * comes the first symbol again, and the task is to predict it.  Solved: fewer than 1 % errors in that.
 * --every-step asks for the next symbol at each step, as Martens & Sutskever do, although the others
 * cannot be known; the error rate is over the last step all the same.
 */
#include "host/cli/tasks/task.h"

#include <math.h>

enum { SYMBOLS = 100, KEPT = 2 }; /* KEPT of them are remembered */

static int open(task_source *s) {
  task_open_at_end(s, SYMBOLS, SYMBOLS, log(KEPT));
  if (!s->config->every_step) return CLI_OK;
  s->scored = s->steps;
  s->judged = 1;
  s->baseline = ((double)(s->steps - 1) * log(SYMBOLS - KEPT) + log(KEPT)) / (double)s->steps;
  return CLI_OK;
}

static void draw(const task_source *source, task_sequence *s) {
  const int64_t T = s->length, first = task_below(&s->random, KEPT);
  const int everywhere = source->config->every_step;
  task_input(s, 0, first, 1);
  for (int64_t t = 1; t < T; t++) {
    const int64_t symbol = KEPT + task_below(&s->random, SYMBOLS - KEPT);
    task_input(s, t, symbol, 1);
    if (everywhere) task_label(s, t - 1, symbol);
  }
  task_label(s, everywhere ? T - 1 : 0, first);
}

static int check(const task_config *c) {
  if (!c->every_step || c->longest == 0) return CLI_OK;
  return cli_usage("--every-step: excludes --T-max; its error rate is over the last step of all sequences");
}

static const arg_spec options[] = {
    ROW_FLAG("every-step", ARG_KEEP_RUN, TASK_FIELD(every_step), "ask for the next symbol at every step"),
    ROW_END,
};

static const task_config start = {.model = TASK_MODEL(100, 100), .eval_size = 1000};

const task_spec task_permutation = {
    .name = "permutation",
    .about =
        "which of 2 symbols came first, after T - 1 of 98 others; guessing gives ln 2 nats; solved below "
        "1 % errors",
    .loss = TASK_CLASSES,
    .metric = "error_rate",
    .error = task_error_rate,
    .shortest = 2,
    .at_end = 1,
    .options = options,
    .start = &start,
    .check = check,
    .open = open,
    .draw = draw,
};
