/* forecast.c - one-step prediction of generated series (series.h): Mackey-Glass and NARMA10.
 *
 * There is one series of LONG values for training and one for validation; a sequence is a window of T steps
 * at a random place.  The first WARM_UP steps are not scored, because what they depend on lies before the
 * window.
 *   mackey-glass   input x[t] - 1, target x[t+1] - 1
 *   narma10        input u[t], target y[t+1]
 * Always answering the mean gives the variance of the series as loss, and an NRMSE of 1.
 */
#include <math.h>
#include <stdlib.h>

#include "host/cli/series.h"
#include "host/cli/tasks/task.h"

enum { LONG = 20000, WARM_UP = 20 };

/* Input and target at step t, of training [0] and validation [1]. */
typedef struct series {
  double x[2][LONG + 1], y[2][LONG + 1];
} series;

static uint64_t seed_of(const task_source *s, int validation) {
  return 2 * (uint64_t)s->config->model.seed + (uint64_t)validation;
}

static double variance(const double *y, int64_t n) {
  double sum = 0, squares = 0;
  for (int64_t t = 0; t < n; t++) sum += y[t];
  for (int64_t t = 0; t < n; t++) squares += (y[t] - sum / (double)n) * (y[t] - sum / (double)n);
  return squares / (double)n;
}

/* Fills both series; 0, or an exit code after a sentence. */
typedef int fill_series(const task_source *s, series *out);

static int open_series(task_source *s, fill_series *fill) {
  s->steps = s->config->model.rnn.seq_len;
  s->scored = s->judged = s->steps - WARM_UP;
  s->inputs = s->outputs = 1;
  series *both = s->data = malloc(sizeof *both);
  if (both == NULL) return cli_error("out of memory");
  CLI_TRY(fill(s, both));
  s->baseline = variance(both->y[1], LONG);
  return CLI_OK;
}

static int fill_mackey_glass(const task_source *s, series *out) {
  for (int k = 0; k < 2; k++) {
    if (series_mackey_glass(LONG + 1, s->config->tau, seed_of(s, k), out->x[k]) != 0)
      return cli_error("out of memory");
    for (int64_t t = 0; t <= LONG; t++) out->x[k][t] -= 1;
    for (int64_t t = 0; t < LONG; t++) out->y[k][t] = out->x[k][t + 1];
  }
  return CLI_OK;
}

static int fill_narma(const task_source *s, series *out) {
  for (int k = 0; k < 2; k++) series_narma10(LONG, seed_of(s, k), out->x[k], out->y[k]);
  return CLI_OK;
}

static int open_mackey_glass(task_source *s) { return open_series(s, fill_mackey_glass); }
static int open_narma(task_source *s) { return open_series(s, fill_narma); }
static void close(task_source *s) { free(s->data); }

static void draw(const task_source *source, task_sequence *s) {
  const series *both = source->data;
  const int64_t first = task_below(&s->random, LONG - source->steps + 1);
  for (int64_t t = 0; t < source->steps; t++) {
    task_input(s, t, 0, both->x[s->validation][first + t]);
    if (t >= WARM_UP) task_target(s, t - WARM_UP, 0, both->y[s->validation][first + t]);
  }
}

/* The delay is a number of integration steps. */
static int check_tau(const task_config *c) {
  const double steps = c->tau * SERIES_STEPS;
  if (fabs(steps - round(steps)) <= 1e-9 * steps) return CLI_OK;
  return cli_usage("--tau: is %.17g; it must be a multiple of %g, the step of the integration", c->tau,
                   1.0 / SERIES_STEPS);
}

static const arg_spec mackey_glass_options[] = {
    ROW_REAL("tau", ARG_KEEP_RUN, TASK_FIELD(tau), 1, 1000, "F",
             "delay of the equation, in tenths: 17 = mildly chaotic, 30 = strongly"),
    ROW_END,
};

static const task_config start = {.model = TASK_MODEL(100, 64), .eval_size = 100, .tau = 17};

const task_spec task_mackey_glass = {
    .name = "mackey-glass",
    .about = "the next value of a chaotic series; always answering the mean gives an NRMSE of 1",
    .loss = TASK_SQUARED,
    .metric = "nrmse",
    .error = task_nrmse,
    .shortest = WARM_UP + 1,
    .longest = LONG,
    .options = mackey_glass_options,
    .start = &start,
    .check = check_tau,
    .open = open_mackey_glass,
    .draw = draw,
    .close = close,
};

const task_spec task_narma10 = {
    .name = "narma10",
    .about =
        "the output of a nonlinear system of order 10 from its random input; the mean gives an NRMSE of 1",
    .loss = TASK_SQUARED,
    .metric = "nrmse",
    .error = task_nrmse,
    .shortest = WARM_UP + 1,
    .longest = LONG,
    .start = &start,
    .open = open_narma,
    .draw = draw,
    .close = close,
};
