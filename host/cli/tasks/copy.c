/* copy.c - remembering symbols: copying memory (Hochreiter & Schmidhuber 1997; in this form Arjovsky, Shah,
 * Bengio 2016, section 5.1), and noiseless memorisation of 5 and of 20 bits (Martens & Sutskever 2011,
 * section 4.1; Pascanu, Mikolov, Bengio 2013).
 *
 *   input   n symbols out of k, T-1 blanks, a delimiter, n blanks     T + 2n steps, one-hot
 *   target  T+n blanks, the n symbols again
 *
 *   copy           n = 10, k = 8    the error rate is over the last n steps
 *   memory-5bit    n = 5,  k = 2    32 different sequences
 *   memory-20bit   n = 10, k = 5    10 log2 5 = 23 bits
 *
 * A network that remembers nothing answers blanks and then guesses, which costs n ln k / (T + 2n) nats per
 * step.  Of the two others a sequence is right when each of its answers is; solved: fewer than 1 % are wrong.
 */
#include "host/cli/tasks/task.h"

#include <math.h>

/* The `extra` classes besides the symbols are blank, and of copy a delimiter that is never right. */
static int open_with(task_source *s, int64_t extra) {
  const int64_t T = s->config->model.rnn.seq_len, n = s->config->symbols, k = s->config->alphabet;
  s->steps = s->scored = s->judged = T + 2 * n;
  s->inputs = k + 2;
  s->outputs = k + extra;
  s->baseline = (double)n * log((double)k) / (double)s->steps;
  return CLI_OK;
}

static int open_copy(task_source *s) {
  CLI_TRY(open_with(s, 2));
  s->judged = s->config->symbols;
  return CLI_OK;
}

static int open_memory(task_source *s) { return open_with(s, 1); }

static void draw(const task_source *source, task_sequence *s) {
  const int64_t n = source->config->symbols, k = source->config->alphabet, blank = k, delimiter = k + 1;
  const int64_t recall = source->steps - n; /* the first step of the answer, just after the delimiter */
  for (int64_t t = 0; t < source->steps; t++) {
    int64_t symbol = t == recall - 1 ? delimiter : blank;
    if (t < n) {
      symbol = task_below(&s->random, k);
      task_label(s, recall + t, symbol);
    }
    task_input(s, t, symbol, 1);
    if (t < recall) task_label(s, t, blank);
  }
}

static const task_config copy_start = {
    .model = TASK_MODEL(100, 128), .eval_size = 500, .symbols = 10, .alphabet = 8};
static const task_config start_5bit = {
    .model = TASK_MODEL(100, 100), .eval_size = 500, .symbols = 5, .alphabet = 2};
static const task_config start_20bit = {
    .model = TASK_MODEL(80, 100), .eval_size = 500, .symbols = 10, .alphabet = 5};

const task_spec task_copy = {
    .name = "copy",
    .about = "10 symbols out of 8, repeated after T steps; guessing gives 10 ln 8 / (T + 20) nats per step",
    .loss = TASK_CLASSES,
    .metric = "error_rate",
    .error = task_error_rate,
    .shortest = 1,
    .start = &copy_start,
    .open = open_copy,
    .draw = draw,
};

const task_spec task_memory_5bit = {
    .name = "memory-5bit",
    .about = "5 bits, repeated after T steps without distractors; solved below 1 % wrong sequences",
    .loss = TASK_CLASSES,
    .metric = "wrong_sequences",
    .error = task_wrong_sequences,
    .shortest = 1,
    .start = &start_5bit,
    .open = open_memory,
    .draw = draw,
};

const task_spec task_memory_20bit = {
    .name = "memory-20bit",
    .about = "10 symbols out of 5, repeated after T steps; solved below 1 % wrong sequences",
    .loss = TASK_CLASSES,
    .metric = "wrong_sequences",
    .error = task_wrong_sequences,
    .shortest = 1,
    .start = &start_20bit,
    .open = open_memory,
    .draw = draw,
};
