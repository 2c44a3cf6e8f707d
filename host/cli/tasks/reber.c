/* reber.c - the embedded Reber grammar (Smith & Zipser 1989; Hochreiter & Schmidhuber 1997, experiment 1),
 * and its continual form (Gers, Schmidhuber, Cummins 2000).
 *
 *   string      B T reber T E  or  B P reber P E: the last symbol but one is the second again
 *   reber       B, then a walk through states, each way with probability 1/2, then E:
 *                 0: T to 1, P to 2    1: S to 1, X to 3    2: T to 2, V to 4
 *                 3: X to 2, S to 5    4: P to 3, V to 5    5: E
 *
 * Inputs are the 7 symbols, one-hot; the target of each step is 1 for each symbol that may come next, and 0
 * for the others.
 *   embedded-reber    one string, the rest of the T steps is empty and not scored, nor is its last symbol;
 *                     of a string of more than T symbols, the first T
 *   continual-reber   T symbols of string after string, with nothing to tell where one ends
 * A sequence is right when all outputs of all steps are off by less than 0.49 (Gers et al.).  Solved: none
 * is wrong.  Gers et al. call a solution perfect that errs in none of 10 streams of 100,000 symbols:
 * `seqgpu eval` with --T 100000 --eval-size 10.  Their training is one stream without end, until the first
 * error; here it is in windows of T symbols, each from the beginning of a string and from states of zero.
 */
#include "host/cli/tasks/task.h"

#include <string.h>

static const char symbols[] = "BTPSXVE";
enum { SYMBOLS = 7, START = 0, SECOND = 1, RECALL = 9 };

/* What may come, and the state after it; of RECALL only what came in SECOND. */
static const struct {
  char symbol[3];
  int next[2];
} states[] = {
    [START] = {"B", {SECOND}},
    [SECOND] = {"TP", {2, 2}},
    {"B", {3}},
    {"TP", {4, 5}}, /* 0 of the inner grammar, and so on */
    {"SX", {4, 6}},
    {"TV", {5, 7}},
    {"XS", {5, 8}},
    {"PV", {6, 8}},
    {"E", {RECALL}},
    [RECALL] = {"TP", {10, 10}},
    {"E", {START}},
};

static int64_t number_of(char symbol) { return strchr(symbols, symbol) - symbols; }

/* How often a symbol may come next, on average over the steps of a string: of the 12 symbols of the average
 * string each state emits one, but {"TV"} two.  Always answering that is the best without the input. */
static double baseline(int continual) {
  static const double may_come[SYMBOLS] = {2, 4.5, 3.5, 2, 2, 3, 2};
  double sum = 0;
  for (int k = 0; k < SYMBOLS; k++) {
    const double p = continual ? may_come[k] / 12 : (may_come[k] - (k == 0)) / 11; /* nothing follows E */
    sum += p * (1 - p);
  }
  return sum / SYMBOLS;
}

static int open_with(task_source *s, int continual) {
  s->steps = s->scored = s->judged = s->config->model.rnn.seq_len;
  s->inputs = s->outputs = SYMBOLS;
  s->masked = !continual;
  s->baseline = baseline(continual);
  return CLI_OK;
}

static int open_embedded(task_source *s) { return open_with(s, 0); }
static int open_continual(task_source *s) { return open_with(s, 1); }

static void draw_with(task_sequence *s, int continual) {
  int state = START, second = 0;
  for (int64_t t = 0; t < s->length; t++) {
    int way = states[state].symbol[1] ? (int)task_below(&s->random, 2) : 0;
    if (state == SECOND) second = way;
    if (state == RECALL) way = second;
    task_input(s, t, number_of(states[state].symbol[way]), 1);
    state = states[state].next[way];
    if (state == START && !continual) return;
    for (int k = 0; states[state].symbol[k]; k++)
      if (state != RECALL || k == second) task_target(s, t, number_of(states[state].symbol[k]), 1);
  }
}

static void draw_embedded(const task_source *source, task_sequence *s) {
  (void)source;
  draw_with(s, 0);
}

static void draw_continual(const task_source *source, task_sequence *s) {
  (void)source;
  draw_with(s, 1);
}

static const task_config embedded_start = {.model = TASK_MODEL(50, 20), .eval_size = 500};
static const task_config continual_start = {.model = TASK_MODEL(100, 20), .eval_size = 500};

const task_spec task_embedded_reber = {
    .name = "embedded-reber",
    .about =
        "what may come next in a string of the embedded Reber grammar; solved when no string has an output "
        "that is off by 0.49",
    .loss = TASK_SQUARED,
    .metric = "wrong_sequences",
    .error = task_wrong_sequences,
    .tolerance = 0.49,
    .shortest = 2,
    .start = &embedded_start,
    .open = open_embedded,
    .draw = draw_embedded,
};

const task_spec task_continual_reber = {
    .name = "continual-reber",
    .about = "what may come next in a stream of T symbols, strings of that grammar one after the other; "
             "perfect when "
             "10 streams of 100000 symbols are right",
    .loss = TASK_SQUARED,
    .metric = "wrong_sequences",
    .error = task_wrong_sequences,
    .tolerance = 0.49,
    .shortest = 2,
    .start = &continual_start,
    .open = open_continual,
    .draw = draw_continual,
};
