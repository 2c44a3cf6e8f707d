/* marked.c - the product, or the exclusive or, of two marked numbers among T (Hochreiter & Schmidhuber
 * 1997, experiment 5; Martens & Sutskever 2011, section 4.1; in this form Pascanu, Mikolov, Bengio 2013).
 *
 * Each step has a number and a mark, which is 1 at one step of the first tenth and at one between T/10 and
 * T/2, else 0.  The target at the last step is
 *   multiplication   the product of the two marked numbers, all uniform in (0,1)
 *   xor              the class 0 or 1: the exclusive or of the two, all 0 or 1
 * The mark -1 that Hochreiter & Schmidhuber give the first and the last step is left out, as Pascanu et
 * al. do. Lengths of T to 11/10 T, as in the other two papers, are --T-max.  Solved: fewer than 1 % of the
 * answers are wrong, that is of multiplication off by more than 0.04.  --centre takes their means from the
 * inputs and from the product.
 */
#include "host/cli/tasks/task.h"

#include <math.h>

const arg_spec task_marked_options[] = {
    ROW_FLAG("centre", ARG_KEEP_RUN, TASK_FIELD(centre),
             "take their means from numbers, marks and targets (Sutskever 2013)"),
    ROW_END,
};

/* Always answering 1/4 gives the variance of the product, 1/9 - 1/16. */
static int open_multiplication(task_source *s) {
  task_open_at_end(s, TASK_MARKED_INPUTS, 1, 7.0 / 144);
  return CLI_OK;
}

static int open_xor(task_source *s) {
  task_open_at_end(s, TASK_MARKED_INPUTS, 2, log(2));
  return CLI_OK;
}

/* Draws and marks; marked[2] receives the two numbers. */
static void draw_marked(const task_source *source, task_sequence *s, int bits, double marked[2]) {
  const int64_t T = s->length, tenth = T / 10;
  const int64_t place[2] = {task_below(&s->random, tenth), tenth + task_below(&s->random, T / 2 - tenth)};
  for (int64_t t = 0; t < T; t++) {
    const double number = bits ? (double)task_below(&s->random, 2) : task_uniform(&s->random);
    task_marked_input(source, s, t, number, t == place[0] || t == place[1]);
    for (int k = 0; k < 2; k++)
      if (t == place[k]) marked[k] = number;
  }
}

static void draw_multiplication(const task_source *source, task_sequence *s) {
  double marked[2] = {0};
  draw_marked(source, s, 0, marked);
  task_target(s, 0, 0, marked[0] * marked[1] - (source->config->centre ? 0.25 : 0));
}

static void draw_xor(const task_source *source, task_sequence *s) {
  double marked[2] = {0};
  draw_marked(source, s, 1, marked);
  task_label(s, 0, marked[0] != marked[1]);
}

static const task_config start = {.model = TASK_MODEL(100, 100), .eval_size = 1000};

const task_spec task_multiplication = {
    .name = "multiplication",
    .about =
        "the product of two marked numbers among T; always answering 1/4 gives a squared error of 7/144; "
        "solved below 1 % errors",
    .loss = TASK_SQUARED,
    .metric = "error_rate",
    .error = task_error_rate,
    .tolerance = 0.04, /* Hochreiter & Schmidhuber */
    .shortest = 10,
    .at_end = 1,
    .options = task_marked_options,
    .start = &start,
    .open = open_multiplication,
    .draw = draw_multiplication,
};

const task_spec task_xor = {
    .name = "xor",
    .about = "the exclusive or of two marked bits among T; guessing gives ln 2 nats; solved below 1 % errors",
    .loss = TASK_CLASSES,
    .metric = "error_rate",
    .error = task_error_rate,
    .shortest = 10,
    .at_end = 1,
    .options = task_marked_options,
    .start = &start,
    .open = open_xor,
    .draw = draw_xor,
};
