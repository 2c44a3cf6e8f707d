/* test_task_draws.c - what the tasks draw: each sequence is one of the task's, and its target is the right
 * one, by code that shares nothing with host/cli/tasks/; and the baseline is the loss of the best answer
 * without the input.
 *
 * Letters: L = steps of a sequence, I = inputs, O = outputs or classes.  A sequence is written into the
 * middle column of a batch of three, whose other columns stay as they are.
 */
#include "host/cli/tasks/task.h"
#include "tests/check.h"

enum { COLUMNS = 3, MINE = 1, MOST_STEPS = 80, MOST_OUTPUTS = 128, DRAWN = 10000 };

/* One drawn sequence, and how to read it. */
typedef struct drawn {
  const task_source *source;
  int64_t L;
  float *x, *target; /* [T,3,I], [S,3,O] */
  int32_t *label;    /* [S,3] */
} drawn;

static double input(const drawn *d, int64_t t, int64_t i) {
  return (double)d->x[(t * COLUMNS + MINE) * d->source->inputs + i];
}
static double target(const drawn *d, int64_t t, int64_t o) {
  return (double)d->target[(t * COLUMNS + MINE) * d->source->outputs + o];
}
static int32_t label(const drawn *d, int64_t t) { return d->label[t * COLUMNS + MINE]; }

/* The symbol of a step: which input is 1, the others being 0; -1 if all are 0, -2 if it is no symbol. */
static int64_t symbol(const drawn *d, int64_t t) {
  int64_t found = -1;
  for (int64_t i = 0; i < d->source->inputs; i++) {
    if (input(d, t, i) == 0) continue;
    if (input(d, t, i) != 1 || found >= 0) return -2;
    found = i;
  }
  return found;
}

/* Where the one answer of a task that is scored at its end stands. */
static int64_t end_row(const drawn *d) { return d->L - d->source->config->model.rnn.seq_len; }

/* ---------------------------------------------------------------- two marked numbers */

/* An input without what centring has taken from it. */
static double whole(const drawn *d, int64_t t, int64_t i) {
  const double mean = i ? 2.0 / (double)d->L : 0.5;
  return input(d, t, i) + (d->source->config->centre ? mean : 0);
}

/* Two marks in [from, middle) and [middle, to); the numbers there. */
static int marked(const drawn *d, int64_t middle, int64_t to, double number[2]) {
  int marks = 0, right = 1;
  for (int64_t t = 0; t < d->L; t++) {
    const double mark = whole(d, t, 1);
    right &= whole(d, t, 0) >= 0 && whole(d, t, 0) <= 1;
    if (fabs(mark) < 1e-6) continue;
    right &= fabs(mark - 1) < 1e-6 && marks < 2 && (t < middle) == (marks == 0) && t < to;
    if (marks < 2) number[marks] = whole(d, t, 0);
    marks++;
  }
  return right && marks == 2;
}

/* Whether the target is this one, less its mean where it is centred. */
static int answered(const drawn *d, double wanted, double mean) {
  return fabs(wanted - (d->source->config->centre ? mean : 0) - target(d, end_row(d), 0)) < 1e-6;
}

static int right_adding(const drawn *d) {
  double n[2] = {0};
  return marked(d, d->L / 2, d->L, n) && answered(d, n[0] + n[1], 1);
}

static int right_multiplication(const drawn *d) {
  double n[2] = {0};
  return marked(d, d->L / 10, d->L / 2, n) && answered(d, n[0] * n[1], 0.25);
}

static int right_xor(const drawn *d) {
  double n[2] = {0};
  for (int64_t t = 0; t < d->L; t++)
    if (whole(d, t, 0) != 0 && whole(d, t, 0) != 1) return 0;
  return marked(d, d->L / 10, d->L / 2, n) && label(d, end_row(d)) == (int)(n[0] + n[1]) % 2;
}

/* ---------------------------------------------------------------- symbols to remember */

/* n of k, then T-1 blanks, a delimiter, n blanks; asked for: blanks, and the n again. */
static int right_memory(const drawn *d, int64_t n, int64_t k) {
  const int64_t T = d->L - 2 * n, blank = k, delimiter = k + 1;
  int right = 1;
  for (int64_t t = 0; t < d->L; t++) {
    const int64_t s = symbol(d, t);
    const int first = t < n, last = t >= T + n;
    right &= first ? s >= 0 && s < k : s == (t == T + n - 1 ? delimiter : blank);
    right &= label(d, t) == (last ? symbol(d, t - T - n) : blank);
  }
  return right;
}

static int right_copy(const drawn *d) { return right_memory(d, 10, 8); }
static int right_5bit(const drawn *d) { return right_memory(d, 5, 2); }
static int right_20bit(const drawn *d) { return right_memory(d, 10, 5); }

/* The class counts the sequences of A and B in the order of a dictionary. */
static int right_temporal_order(const drawn *d) {
  static const int begin[2][3] = {{1, 4}, {1, 3, 6}};
  const int three = d->source->config->symbols == 3;
  int found = 0, class = 0;
  for (int64_t t = 0; t < d->L; t++) {
    const int64_t s = symbol(d, t);
    if (s < 0 || s > 5) return 0;
    if (s > 1) continue;
    if (found == 2 + three) return 0;
    const int tenth = begin[three][found++];
    if (t < tenth * d->L / 10 || t > (tenth + 1) * d->L / 10) return 0;
    class = class * 2 + (s == 1);
  }
  return found == 2 + three && class == label(d, end_row(d));
}

static int right_permutation(const drawn *d) {
  int right = symbol(d, 0) == 0 || symbol(d, 0) == 1;
  for (int64_t t = 1; t < d->L; t++) right &= symbol(d, t) >= 2 && symbol(d, t) < 100;
  if (!d->source->config->every_step) return right && label(d, end_row(d)) == symbol(d, 0);
  for (int64_t t = 0; t < d->L; t++) right &= label(d, t) == symbol(d, t + 1 < d->L ? t + 1 : 0);
  return right;
}

/* ---------------------------------------------------------------- the grammar
 *
 * A symbol may come next if the text with it is the beginning of a text of the grammar.  Each function
 * takes the text from here on and says whether it is the beginning of what follows: a right-linear grammar,
 *   A -> T C | P D    C -> S C | X F    D -> T D | V G    F -> X D | S "E" rest    G -> P F | V "E" rest
 */
typedef struct outside {
  char second;
  int continual;
} outside;

static int begins_string(const char *text, int continual);
static int begins_c(const char *text, outside o);
static int begins_d(const char *text, outside o);
static int begins_f(const char *text, outside o);

/* "E", the second symbol of the string, "E", and another string or the end. */
static int begins_rest(const char *text, outside o) {
  const char rest[] = {'E', o.second, 'E'};
  for (int i = 0; i < 3; i++, text++)
    if (*text != rest[i]) return *text == 0;
  return o.continual ? begins_string(text, 1) : *text == 0;
}
static int begins_g(const char *text, outside o) {
  return *text == 0 || (*text == 'P' && begins_f(text + 1, o)) || (*text == 'V' && begins_rest(text + 1, o));
}
static int begins_f(const char *text, outside o) {
  return *text == 0 || (*text == 'X' && begins_d(text + 1, o)) || (*text == 'S' && begins_rest(text + 1, o));
}
static int begins_d(const char *text, outside o) {
  return *text == 0 || (*text == 'T' && begins_d(text + 1, o)) || (*text == 'V' && begins_g(text + 1, o));
}
static int begins_c(const char *text, outside o) {
  return *text == 0 || (*text == 'S' && begins_c(text + 1, o)) || (*text == 'X' && begins_f(text + 1, o));
}
static int begins_a(const char *text, outside o) {
  return *text == 0 || (*text == 'T' && begins_c(text + 1, o)) || (*text == 'P' && begins_d(text + 1, o));
}
static int begins_string(const char *text, int continual) {
  if (*text == 0) return 1;
  if (*text++ != 'B') return 0;
  if (*text == 0) return 1;
  const outside o = {*text++, continual};
  if (o.second != 'T' && o.second != 'P') return 0;
  return *text == 0 || (*text == 'B' && begins_a(text + 1, o));
}

static int right_reber(const drawn *d, int continual) {
  static const char names[] = "BTPSXVE";
  char text[MOST_STEPS + 2] = "";
  for (int64_t t = 0; t < d->L; t++) {
    const int64_t s = symbol(d, t);
    int legal = 0, asked = 0;
    if (s < 0) { /* the string has ended, and nothing was asked for after it */
      for (int64_t rest = t; rest < d->L; rest++)
        if (symbol(d, rest) != -1 || label(d, rest) != 0) return 0;
      return !continual && label(d, t - 1) == 0 && strcmp(text + t - 1, "E") == 0;
    }
    text[t] = names[s];
    if (!begins_string(text, continual)) return 0;
    for (int64_t o = 0; o < 7; o++) {
      text[t + 1] = names[o];
      legal |= begins_string(text, continual) << o;
      asked |= (target(d, t, o) == 1) << o;
    }
    text[t + 1] = 0;
    if (legal != asked || label(d, t) != (legal != 0)) return 0;
  }
  return 1;
}

static int right_embedded_reber(const drawn *d) { return right_reber(d, 0); }
static int right_continual_reber(const drawn *d) { return right_reber(d, 1); }

/* What stands in the papers, and what differs from it in one symbol. */
static void test_grammar(void) {
  CHECK(begins_string("BTBTSSXSETE", 0) && begins_string("BPBPTTVPXVVEPE", 0), "strings of the grammar");
  CHECK(!begins_string("BTBTSSXSEPE", 0) && !begins_string("BTBTSSVSETE", 0), "strings that are not of it");
  CHECK(begins_string("BTBTXSETEBPBPVVEPEB", 1) && !begins_string("BTBTXSETEBPBPVVETEB", 1), "streams of it");
}

/* ---------------------------------------------------------------- the best answer without the input */

typedef struct answers {
  double sum[MOST_OUTPUTS], square[MOST_OUTPUTS], steps; /* of targets */
  int count[MOST_STEPS][MOST_OUTPUTS];                   /* of labels, by the scored step */
} answers;

static void add_answers(answers *a, const drawn *d) {
  const task_source *s = d->source;
  for (int64_t t = 0; t < s->scored; t++) {
    if (label(d, t) < 0) continue;
    a->count[t][label(d, t)]++;
    if (label(d, t) > 0) a->steps++;
    for (int64_t o = 0; o < s->outputs; o++) {
      a->sum[o] += target(d, t, o);
      a->square[o] += target(d, t, o) * target(d, t, o);
    }
  }
}

/* The mean over the outputs of the variance of their targets. */
static double variance(const answers *a, int64_t outputs) {
  double sum = 0;
  for (int64_t o = 0; o < outputs; o++)
    sum += a->square[o] / a->steps - a->sum[o] / a->steps * a->sum[o] / a->steps;
  return sum / (double)outputs;
}

/* The entropy of the classes, each scored step by itself; nats per answer. */
static double entropy(const answers *a, int64_t scored, int64_t classes) {
  double sum = 0, all = 0;
  for (int64_t t = 0; t < scored; t++) {
    double here = 0;
    for (int64_t c = 0; c < classes; c++) here += a->count[t][c];
    for (int64_t c = 0; c < classes; c++)
      if (a->count[t][c]) sum -= a->count[t][c] * log(a->count[t][c] / here);
    all += here;
  }
  return sum / all;
}

/* ---------------------------------------------------------------- all tasks */

static const struct row {
  const task_spec *task;
  int64_t T, longest, symbols; /* symbols 0: the task's own */
  int flag;                    /* the task's own: --centre, --every-step */
  int (*right)(const drawn *d);
} rows[] = {
    {&task_adding, 11, 0, 0, 0, right_adding},
    {&task_adding, 5, 8, 0, 0, right_adding},
    {&task_adding, 9, 0, 0, 1, right_adding},
    {&task_multiplication, 10, 0, 0, 0, right_multiplication},
    {&task_multiplication, 30, 33, 0, 0, right_multiplication},
    {&task_multiplication, 30, 33, 0, 1, right_multiplication},
    {&task_xor, 20, 0, 0, 1, right_xor},
    {&task_xor, 25, 0, 0, 0, right_xor},
    {&task_xor, 30, 33, 0, 0, right_xor},
    {&task_copy, 1, 0, 0, 0, right_copy},
    {&task_copy, 9, 0, 0, 0, right_copy},
    {&task_memory_5bit, 7, 0, 0, 0, right_5bit},
    {&task_memory_20bit, 7, 0, 0, 0, right_20bit},
    {&task_temporal_order, 23, 0, 2, 0, right_temporal_order},
    {&task_temporal_order, 20, 29, 3, 0, right_temporal_order},
    {&task_permutation, 12, 0, 0, 0, right_permutation},
    {&task_permutation, 5, 7, 0, 0, right_permutation},
    {&task_permutation, 6, 0, 0, 1, right_permutation},
    {&task_embedded_reber, 60, 0, 0, 0, right_embedded_reber},
    {&task_embedded_reber, 10, 0, 0, 0, right_embedded_reber},
    {&task_continual_reber, 60, 0, 0, 0, right_continual_reber},
};

/* Sequence `number`, of some length that the task allows. */
static void draw(drawn *d, const task_spec *task, uint64_t seed, int64_t number) {
  const task_source *s = d->source;
  const int64_t T = s->config->model.rnn.seq_len;
  const int64_t end = task->at_end && s->config->longest ? number % (s->config->longest - T + 1) : 0;
  memset(d->x, 0, (size_t)(s->steps * COLUMNS * s->inputs) * sizeof *d->x);
  memset(d->target, 0, (size_t)(s->scored * COLUMNS * s->outputs) * sizeof *d->target);
  for (int64_t i = 0; i < s->scored * COLUMNS; i++) d->label[i] = task->loss == TASK_CLASSES ? -1 : 0;
  d->L = task->at_end ? T + end : s->steps;
  task_sequence sequence = {.number = number,
                            .length = d->L,
                            .random = {seed, (uint64_t)number, 0},
                            .x = d->x + MINE * s->inputs,
                            .target = d->target + (end * COLUMNS + MINE) * s->outputs,
                            .label = d->label + end * COLUMNS + MINE,
                            .x_stride = COLUMNS * s->inputs,
                            .target_stride = COLUMNS * s->outputs,
                            .label_stride = COLUMNS};
  task->draw(s, &sequence);
}

/* 1 if the columns beside it are as they were. */
static int kept_apart(const drawn *d, int32_t unscored) {
  const task_source *s = d->source;
  int apart = 1;
  for (int64_t i = 0; i < s->steps * COLUMNS * s->inputs; i++)
    if (i / s->inputs % COLUMNS != MINE) apart &= d->x[i] == 0;
  for (int64_t i = 0; i < s->scored * COLUMNS; i++)
    if (i % COLUMNS != MINE) apart &= d->label[i] == unscored;
  return apart;
}

static void test_row(const struct row *row, answers *a) {
  const task_spec *task = row->task;
  task_config config = *task->start;
  task_source source = {.config = &config};
  config.model.rnn.seq_len = row->T;
  config.longest = row->longest;
  config.every_step = config.centre = row->flag;
  if (row->symbols) config.symbols = row->symbols;
  const char *where = row->flag ? ", its own flag" : row->longest ? ", lengths drawn" : "";
  if (!CHECK(task->open(&source) == 0, "task %s, T %lld%s opens", task->name, (long long)row->T, where))
    return;
  drawn d = {.source = &source};
  d.x = check_alloc("x", (size_t)(source.steps * COLUMNS * source.inputs) * sizeof *d.x);
  d.target = check_alloc("target", (size_t)(source.scored * COLUMNS * source.outputs) * sizeof *d.target);
  d.label = check_alloc("label", (size_t)(source.scored * COLUMNS) * sizeof *d.label);
  const uint64_t seed = check_random();
  int64_t wrong = 0, first_wrong = -1;
  *a = (answers){.steps = 0};
  for (int64_t n = 0; n < DRAWN; n++) {
    draw(&d, task, seed, n);
    add_answers(a, &d);
    if (row->right(&d) && kept_apart(&d, task->loss == TASK_CLASSES ? -1 : 0)) continue;
    if (wrong++ == 0) first_wrong = n;
  }
  char why[120];
  snprintf(why, sizeof why, "%lld of %d are wrong, first number %lld of seed %llu", (long long)wrong, DRAWN,
           (long long)first_wrong, (unsigned long long)seed);
  check_record(wrong == 0, why, "task %s, T %lld%s: the target of each sequence", task->name,
               (long long)row->T, where);
  const double measured =
      task->loss == TASK_CLASSES ? entropy(a, source.scored, source.outputs) : variance(a, source.outputs);
  /* The average string of the grammar has 12 symbols: shorter windows cut it. */
  if (task != &task_embedded_reber || row->T > 12)
    check_error(fabs(measured / source.baseline - 1), 0.08, "task %s, T %lld%s: the baseline", task->name,
                (long long)row->T, where);
  check_free(d.x);
  check_free(d.target);
  check_free(d.label);
}

int main(void) {
  check_start();
  test_grammar();
  check_at("cpu f32");
  static answers a; /* large */
  for (size_t i = 0; i < COUNT(rows); i++) test_row(&rows[i], &a);
  return check_finish();
}
