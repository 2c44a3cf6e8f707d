/* temporal_order.c - temporal order of 2 or 3 symbols (Hochreiter & Schmidhuber 1997, experiments 6a and 6b;
 * in this form Pascanu, Mikolov, Bengio 2013, section 4.1).
 *
 * A sequence of T symbols, all distractors (c, d, e, f) but for 2 or 3 that are A or B, at random places in
 *   2:  [T/10, 2T/10]  [4T/10, 5T/10]
 *   3:  [T/10, 2T/10]  [3T/10, 4T/10]  [6T/10, 7T/10]
 * The class at the last step tells which they were, in order: 4 or 8 classes.  Solved: less than 1 % errors.
 */
#include "host/cli/tasks/task.h"

#include <math.h>

enum { DISTRACTORS = 4, INPUTS = 2 + DISTRACTORS, MOST = 3 };

static int open(task_source *s) {
  const int64_t classes = (int64_t)1 << s->config->symbols;
  task_open_at_end(s, INPUTS, classes, log((double)classes));
  return CLI_OK;
}

static void draw(const task_source *source, task_sequence *s) {
  static const int tenth[][MOST] = {[2] = {1, 4}, [3] = {1, 3, 6}};
  const int64_t T = s->length, symbols = source->config->symbols;
  int64_t class = 0, next = 0, place = -1;
  for (int64_t t = 0; t < T; t++) {
    if (next < symbols && t == T * tenth[symbols][next] / 10) {
      const int64_t last = T * (tenth[symbols][next] + 1) / 10; /* of the tenth, whose last step counts too */
      place = t + task_below(&s->random, last - t + 1);
      next++;
    }
    if (t != place) {
      task_input(s, t, 2 + task_below(&s->random, DISTRACTORS), 1);
      continue;
    }
    const int64_t b = task_below(&s->random, 2);
    task_input(s, t, b, 1);
    class = 2 * class + b;
  }
  task_label(s, 0, class);
}

static const arg_spec options[] = {
    ROW_INT("symbols", ARG_KEEP_RUN, TASK_FIELD(symbols), 2, MOST, "N", "symbols to remember, 2 or 3"),
    ROW_END,
};

static const task_config start = {.model = TASK_MODEL(50, 50), .eval_size = 1000, .symbols = 2};

const task_spec task_temporal_order = {
    .name = "temporal-order",
    .about = "the order of 2 or 3 symbols among distractors in T steps; solved below 1 % errors",
    .loss = TASK_CLASSES,
    .metric = "error_rate",
    .error = task_error_rate,
    .shortest = 10,
    .at_end = 1,
    .options = options,
    .start = &start,
    .open = open,
    .draw = draw,
};
