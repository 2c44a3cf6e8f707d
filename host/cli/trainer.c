/* trainer.c - the training loop: gradients, update, now and then a report, a validation, a checkpoint. */
#define _POSIX_C_SOURCE 200809L

#include "host/cli/trainer.h"

#include <math.h>
#include <stdlib.h>

#include "host/cli/json.h"

typedef struct trainer {
  const run_options *options;
  const model_config *config;
  seqgpu_context *ctx;
  config_cursor cursor;
  learner learner;
  int64_t last_step;                  /* of the run, 0 = no limit but time */
  int64_t saved, validated, reported; /* the steps of the last ones, -1 = none */
  int reached;                        /* the goal of --stop-at or --stop-at-metric */
  double start_time;
  seqgpu_optimizer optimizer;
  double loss_sum, last_loss; /* since the last report; the mean of that report */
  int64_t loss_count;
  double val_loss, val_metric, grad_norm;
  progress shown;
} trainer;

static volatile sig_atomic_t stop_signal; /* the only thing a signal handler may touch */

static void on_signal(int number) { stop_signal = number; }

static void catch_signals(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  signal(SIGPIPE, SIG_IGN); /* the reader of the lines has gone: no reason to die without saving */
}

/* ---------------------------------------------------------------- checkpoints */

static int failed(trainer *t) {
  progress_end_bar(&t->shown);
  return cli_library_error(t->ctx);
}

/* 1 if every element of a parameter is finite; 0 also when it cannot be read. */
static int is_finite_tensor(trainer *t, const seqgpu_param *p) {
  const size_t count = (size_t)(p->rows * p->cols);
  float *host = malloc(count * sizeof *host);
  int finite = host && seqgpu_copy_out(t->ctx, host, p->value, count * sizeof *host) == SEQGPU_OK;
  for (size_t i = 0; finite && i < count; i++) finite = isfinite(host[i]) != 0;
  free(host);
  return finite;
}

/* A model with infinities in it must not replace a good one. */
static int check_finite(trainer *t) {
  for (int i = 0; i < seqgpu_params_count(t->learner.params); i++) {
    seqgpu_param p;
    seqgpu_params_get(t->learner.params, i, &p);
    if (is_finite_tensor(t, &p)) continue;
    progress_end_bar(&t->shown);
    return cli_error("step %lld: %s is no longer finite, so training stopped and this step was not saved; "
                     "try a lower --lr",
                     (long long)t->cursor.step, p.name);
  }
  return CLI_OK;
}

static int save(trainer *t) {
  const char *path = t->options->checkpoint;
  if (path == NULL || t->saved == t->cursor.step) return CLI_OK;
  CLI_TRY(check_finite(t));
  if (t->learner.save(t->learner.self, &t->cursor, path) != SEQGPU_OK) return failed(t);
  t->saved = t->cursor.step;
  return CLI_OK;
}

/* ---------------------------------------------------------------- one update */

static double epoch_of(const trainer *t, int64_t step) {
  const int64_t updates = t->learner.epoch_updates;
  return updates > 0 ? (double)step / (double)updates : (double)NAN;
}

static seqgpu_status update(trainer *t, double *loss) {
  const learner *l = &t->learner;
  const int64_t step = t->cursor.step, updates = l->epoch_updates;
  t->optimizer.lr = updates > 0 ? config_learning_rate(t->config, step / updates) : t->config->lr;
  LIB_TRY(seqgpu_params_zero_grad(l->params));
  LIB_TRY(l->gradients(l->self, step));
  LIB_TRY(seqgpu_params_update(l->params, &t->optimizer));
  LIB_TRY(l->loss(l->self, loss));
  return seqgpu_params_grad_norm(l->params, &t->grad_norm, NULL);
}

static int not_finite(trainer *t, double loss) {
  progress_end_bar(&t->shown);
  const char *path = t->options->checkpoint;
  char kept[64] = "";
  if (path) snprintf(kept, sizeof kept, "; the checkpoint still holds step %lld", (long long)t->saved);
  return cli_error(
      "step %lld: the loss is %g and the gradient norm %g, so training stopped%s; try a lower --lr or --clip",
      (long long)t->cursor.step + 1, loss, t->grad_norm, kept);
}

static int train_step(trainer *t) {
  double loss = 0;
  const seqgpu_status status = update(t, &loss);
  if (status == SEQGPU_ENONFINITE || (status == SEQGPU_OK && !isfinite(loss))) return not_finite(t, loss);
  if (status != SEQGPU_OK) return failed(t);
  t->cursor.step++;
  t->loss_sum += loss;
  t->loss_count++;
  t->shown.tokens += t->learner.tokens;
  return CLI_OK;
}

/* ---------------------------------------------------------------- reports */

/* The share of the run that is done, by the limit that comes first. */
static double fraction(const trainer *t) {
  const double minutes = t->options->minutes;
  const double by_time = minutes > 0 ? (cli_now() - t->start_time) / (60 * minutes) : 0;
  const double by_step = t->last_step > 0 ? (double)t->cursor.step / (double)t->last_step : 0;
  return fmin(1, fmax(by_time, by_step));
}

static progress_report report(const trainer *t) {
  const learner *l = &t->learner;
  const double loss = t->loss_count ? t->loss_sum / (double)t->loss_count : t->last_loss;
  return (progress_report){
      .step = t->cursor.step,
      .last_step = t->last_step,
      .fraction = fraction(t),
      .epoch = epoch_of(t, t->cursor.step),
      .loss = loss,
      .val_loss = t->val_loss,
      .metric_name = l->metric,
      .metric = l->metric_of_loss > 0 ? l->metric_of_loss * loss : (double)NAN,
      .val_metric = t->val_metric,
      .grad_norm = t->grad_norm,
      .lr = t->optimizer.lr,
  };
}

static int report_line(trainer *t) {
  const progress_report r = report(t);
  t->last_loss = r.loss;
  t->loss_sum = 0;
  t->loss_count = 0;
  t->reported = t->cursor.step;
  return progress_line(&t->shown, &r);
}

/* Also says whether the goal of the run is reached. */
static int validate(trainer *t) {
  const learner *l = &t->learner;
  const run_options *o = t->options;
  t->validated = t->cursor.step;
  if (l->validate == NULL) return CLI_OK;
  const seqgpu_status status = l->validate(l->self, &stop_signal, &t->val_loss, &t->val_metric);
  if (status != SEQGPU_OK && status != SEQGPU_ESTOPPED) return failed(t);
  t->reached = (o->stop_at > 0 && t->val_loss <= o->stop_at) ||
               (o->stop_at_metric > 0 && t->val_metric <= o->stop_at_metric);
  return CLI_OK;
}

/* --sample-every: the learner writes, and the log keeps it. */
static int show_sample(trainer *t) {
  char *text = NULL;
  size_t size = 0;
  FILE *to = open_memstream(&text, &size);
  if (to == NULL) return cli_error("out of memory");
  const seqgpu_status status = t->learner.sample(t->learner.self, to);
  int code = fclose(to) == 0 ? CLI_OK : cli_error("out of memory");
  if (status != SEQGPU_OK) code = failed(t);
  if (code == CLI_OK) code = progress_sample(&t->shown, t->cursor.step, text, size);
  free(text);
  return code;
}

static int is_multiple(int64_t step, int64_t every) { return every > 0 && step % every == 0; }

/* What is due after an update. */
static int after_step(trainer *t) {
  const run_options *o = t->options;
  const int64_t step = t->cursor.step;
  const int last = step == t->last_step; /* then finish() validates and reports */
  const int valid = is_multiple(step, o->eval_every) && !last;
  if (valid) CLI_TRY(validate(t));
  if (valid || (is_multiple(step, o->log_every) && !last)) CLI_TRY(report_line(t));
  if (is_multiple(step, o->sample_every)) CLI_TRY(show_sample(t));
  if (is_multiple(step, o->checkpoint_every)) CLI_TRY(save(t));
  if (t->shown.terminal) {
    const progress_report r = report(t);
    progress_draw(&t->shown, &r);
  }
  return CLI_OK;
}

/* ---------------------------------------------------------------- the run */

static int is_over(const trainer *t) {
  const double minutes = t->options->minutes;
  if (t->reached || (t->last_step > 0 && t->cursor.step >= t->last_step)) return 1;
  return minutes > 0 && cli_now() - t->start_time >= 60 * minutes;
}

static int loop(trainer *t) {
  while (!is_over(t) && !stop_signal) {
    CLI_TRY(train_step(t));
    CLI_TRY(after_step(t));
  }
  return CLI_OK;
}

static int finish(trainer *t) {
  if (!stop_signal && t->validated != t->cursor.step) CLI_TRY(validate(t));
  if (!stop_signal && t->reported != t->cursor.step) CLI_TRY(report_line(t));
  CLI_TRY(save(t));
  progress_end_bar(&t->shown);
  if (!stop_signal) return CLI_OK;
  const char *path = t->options->checkpoint;
  cli_error("stopped after step %lld; %s%s", (long long)t->cursor.step, path ? "saved in " : "not saved",
            path ? path : "");
  return CLI_STOPPED;
}

static void print_start(const trainer *t) {
  const learner *l = &t->learner;
  const long long total = seqgpu_params_elements(l->params);
  const int json = t->options->common.json;
  if (json && t->options->dry_run) {
    printf("{\"parameters\": %lld, \"plan\": \"%s\"", total, seqgpu_plan_algorithm(l->plan));
    json_number(stdout, ", \"baseline\": ", 9, l->baseline);
    printf("}\n");
  }
  if (json || t->options->common.quiet) return;
  char device[200];
  seqgpu_context_describe(t->ctx, device, sizeof device);
  printf("%lld parameters, %s; %s, algorithm %s\n", total, l->about, device, seqgpu_plan_algorithm(l->plan));
}

static int prepare(trainer *t) {
  const run_options *o = t->options;
  CLI_TRY(config_optimizer(t->config, &t->optimizer));
  if ((o->stop_at > 0 || o->stop_at_metric > 0) && t->learner.validate == NULL)
    return cli_usage("--stop-at: there is nothing to validate on; it needs validation data");
  if (o->epochs > 0) t->last_step = (int64_t)ceil(o->epochs * (double)t->learner.epoch_updates);
  if (o->steps > 0 && (t->last_step == 0 || o->steps < t->last_step)) t->last_step = o->steps;
  t->val_loss = t->val_metric = t->last_loss = t->grad_norm = (double)NAN;
  t->saved = t->validated = t->reported = -1;
  return CLI_OK;
}

/* The run that was prepared; the log is open. */
static int run(trainer *t) {
  const run_options *o = t->options;
  catch_signals();    /* from here on there may be a temporary file to clean up */
  int code = save(t); /* that it cannot be written should show now, not after an hour */
  if (code == CLI_OK && !o->resume) code = progress_empty_log(&t->shown);
  if (code) {
    progress_abandon(&t->shown);
    return code;
  }
  print_start(t);
  code = loop(t);
  if (code == CLI_OK) code = finish(t);
  const int closed = progress_close(&t->shown);
  return code ? code : closed;
}

int trainer_run(const run_options *options, const model_config *config, run_start *start, learner l) {
  trainer t = {
      .options = options, .config = config, .ctx = start->ctx, .cursor = start->cursor, .learner = l};
  CLI_TRY(prepare(&t));
  if (options->dry_run) {
    print_start(&t);
    return CLI_OK;
  }
  t.start_time = cli_now();
  const double done = t.last_step > 0 ? fraction(&t) : 0;
  const progress_target target = {.mode = options->common.json    ? PROGRESS_JSON
                                          : options->common.quiet ? PROGRESS_QUIET
                                                                  : PROGRESS_TEXT,
                                  .log = options->log,
                                  .tensorboard = options->tensorboard};
  CLI_TRY(progress_open(&t.shown, &target, done));
  return run(&t);
}
