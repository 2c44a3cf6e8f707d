/* copy.c - copying memory (Hochreiter & Schmidhuber 1997; in this form Arjovsky, Shah, Bengio 2016,
 * section 5.1).
 *
 *   input   10 symbols, T-1 blanks, a delimiter, 10 blanks            T + 20 steps of 10 one-hot inputs
 *   target  T+10 blanks, the 10 symbols again
 *
 * Symbols are drawn from 8.  A network that remembers nothing answers blanks and then guesses, which
 * costs 10 ln 8 / (T + 20) nats per step.
 * The error rate is over the last 10 steps.
 */
#include "host/cli/tasks/task.h"

#include <math.h>

enum { SYMBOLS = 8, BLANK = 8, DELIMITER = 9, CLASSES = 10, LENGTH = 10 };

static int open(task_source *s) {
  const int64_t T = s->config->model.rnn.seq_len;
  s->steps = s->scored = T + 2 * LENGTH;
  s->judged = LENGTH;
  s->inputs = s->outputs = CLASSES;
  s->baseline = LENGTH * log(SYMBOLS) / (double)(T + 2 * LENGTH);
  return CLI_OK;
}

static void draw(const task_source *source, task_sequence *s) {
  const int64_t recall = source->steps - LENGTH; /* the first step of the answer, just after the delimiter */
  for (int64_t t = 0; t < source->steps; t++) {
    int64_t symbol = t == recall - 1 ? DELIMITER : BLANK;
    if (t < LENGTH) {
      symbol = task_below(&s->random, SYMBOLS);
      task_label(s, recall + t, symbol);
    }
    task_input(s, t, symbol, 1);
    if (t < recall) task_label(s, t, BLANK);
  }
}

static const task_config start = {.model = TASK_MODEL(100, 128), .eval_size = 500};

const task_spec task_copy = {
    .name = "copy",
    .about = "10 symbols out of 8, repeated after T steps; guessing gives 10 ln 8 / (T + 20) nats per step",
    .loss = TASK_CLASSES,
    .metric = "error_rate",
    .error = task_error_rate,
    .shortest = 1,
    .start = &start,
    .open = open,
    .draw = draw,
};
