/* adding.c - the adding problem (Hochreiter & Schmidhuber 1997, experiment 4; in this form Arjovsky, Shah,
 * Bengio 2016, section 5.2).
 *
 * Each step has a number uniform in (0,1) and a mark, which is 1 at one step of the first half and at one of
 * the second, else 0.  The target at the last step is the sum of the two marked numbers.  Always answering 1
 * gives a mean squared error of 1/6, the variance of the sum.  --centre takes the means from all of these, as
 * Sutskever, Martens, Dahl, Hinton 2013 do.
 */
#include "host/cli/tasks/task.h"

static int open(task_source *s) {
  task_open_at_end(s, TASK_MARKED_INPUTS, 1, 1.0 / 6);
  return CLI_OK;
}

static void draw(const task_source *source, task_sequence *s) {
  const int64_t T = s->length, half = T / 2;
  const int64_t first = task_below(&s->random, half), second = half + task_below(&s->random, T - half);
  double sum = 0;
  for (int64_t t = 0; t < T; t++) {
    const double number = task_uniform(&s->random);
    const int marked = t == first || t == second;
    task_marked_input(source, s, t, number, marked);
    if (marked) sum += number;
  }
  task_target(s, 0, 0, source->config->centre ? sum - 1 : sum);
}

static const task_config start = {.model = TASK_MODEL(100, 128), .eval_size = 1000};

const task_spec task_adding = {
    .name = "adding",
    .about = "the sum of two marked numbers among T; always answering 1 gives a squared error of 1/6",
    .loss = TASK_SQUARED,
    .metric = "error_rate",
    .error = task_error_rate,
    .tolerance = 0.04, /* Hochreiter & Schmidhuber */
    .shortest = 2,
    .at_end = 1,
    .options = task_marked_options,
    .start = &start,
    .open = open,
    .draw = draw,
};
