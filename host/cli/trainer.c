/* trainer.c - the training loop: gradients, update, now and then a report, a validation, a checkpoint. */
#include "host/cli/trainer.h"

#include <math.h>

#include "host/cli/hessian.h"
#include "host/cli/json.h"
#include "host/cli/memory.h"
#include "host/cli/progress.h"
#include "host/cli/saver.h"
#include "host/cli/signals.h"

/* `ranks` and `shards` are for runs whose batches come in shards; else one process has one shard, and its
 * gradients are those of the update. */
typedef struct trainer {
  const run_options *options;
  const model_config *config;
  seqgpu_context *ctx;
  config_cursor cursor;
  const ranks *ranks;
  seqgpu_shards *shards; /* NULL: one */
  int signal;            /* upon which all processes stop, 0 = none */
  learner learner;
  int64_t last_step;           /* of the run, 0 = no limit but time */
  int64_t validated, reported; /* the steps of the last ones, -1 = none */
  int64_t worse;               /* validations since the best one */
  int reached;                 /* the goal of --stop-at or --stop-at-metric, or the end of --patience */
  int usable; /* the parameters are those of the cursor's step, and finite as far as is known */
  double start_time;
  seqgpu_optimizer optimizer; /* as the options have it */
  double lr;                  /* of the last update */
  double loss_sum, last_loss; /* since the last report; the mean of that report */
  int64_t loss_count;
  double val_loss, val_metric, grad_norm;
  seqgpu_hessian_free_report done; /* of the last update, where it is Hessian-free */
  progress shown;
  saver saver;
} trainer;

static int failed(trainer *t) {
  progress_end_bar(&t->shown);
  return cli_library_error(t->ctx);
}

/* Before process 0 saves. */
static int collect(trainer *t) {
  const learner *l = &t->learner;
  seqgpu_status status = SEQGPU_OK;
  if (l->collect) status = l->collect(l->self, t->ranks);
  if (status == SEQGPU_OK && t->ranks->comm)
    status = seqgpu_comm_collect_moments(t->ranks->comm, l->params, 0);
  if (status == SEQGPU_OK) return CLI_OK;
  t->usable = 0;
  return failed(t);
}

/* The saver says what went wrong below the bar. */
static int save(trainer *t, int is_last) {
  progress_end_bar(&t->shown);
  CLI_TRY(collect(t));
  const int code = saver_save(&t->saver, &t->cursor, is_last);
  if (code) t->usable = 0;
  return code;
}

/* ---------------------------------------------------------------- one update */

static double epoch_of(const trainer *t, int64_t step) {
  const int64_t updates = t->learner.epoch_updates;
  return updates > 0 ? (double)step / (double)updates : (double)NAN;
}

/* The gradients of one update, and their loss. */
static seqgpu_status learn(trainer *t, int64_t step, double *loss) {
  const learner *l = &t->learner;
  const int64_t first = ranks_first_shard(t->ranks, t->config), count = ranks_shards(t->ranks, t->config);
  double tokens;
  for (int64_t k = first; k < first + count; k++) {
    const int is_last = t->options->ranks.overlap && t->shards && k == first + count - 1;
    LIB_TRY(seqgpu_params_zero_grad(l->params));
    LIB_TRY(l->gradients(l->self, step, k, is_last ? t->shards : NULL));
    if (t->shards == NULL) return SEQGPU_OK;
    if (is_last) continue;
    LIB_TRY(l->loss(l->self, loss, &tokens));
    LIB_TRY(seqgpu_shards_add(t->shards, tokens, *loss));
  }
  return seqgpu_shards_average(t->shards, loss);
}

/* The values after an update enter their average, if there is one by then. */
static seqgpu_status average(const trainer *t) {
  if (!learning_averages(&t->config->learning, &t->cursor.learning, t->cursor.step + 1)) return SEQGPU_OK;
  return seqgpu_params_average(t->learner.params);
}

static seqgpu_status update_hessian_free(trainer *t, double *loss) {
  LIB_TRY(t->learner.update(t->learner.self, t->cursor.step, &t->done));
  *loss = t->done.loss;
  t->grad_norm = t->done.gradient_norm;
  return average(t);
}

static seqgpu_status update(trainer *t, double *loss) {
  const learner *l = &t->learner;
  if (hessian_is_asked(t->config)) return update_hessian_free(t, loss);
  const int64_t step = t->cursor.step, updates = l->epoch_updates;
  const double lr = updates > 0 ? config_learning_rate(t->config, step / updates) : t->config->lr;
  seqgpu_optimizer o = t->optimizer;
  learning_set_rates(&t->config->learning, &t->cursor.learning, step, lr, &o);
  t->lr = o.lr;
  double tokens;
  LIB_TRY(learn(t, step, loss));
  LIB_TRY(seqgpu_params_update(l->params, &o));
  LIB_TRY(average(t));
  if (t->shards == NULL) LIB_TRY(l->loss(l->self, loss, &tokens)); /* it waits, so it comes last */
  return seqgpu_params_grad_norm(l->params, &t->grad_norm, NULL);
}

/* The first number that is not finite, as a sentence of the context: a parameter's, or one that the update
 * has computed. */
static const char *find_first(const trainer *t) {
  const learner *l = &t->learner;
  seqgpu_status status = SEQGPU_OK;
  for (int i = 0; status == SEQGPU_OK && i < seqgpu_params_count(l->params); i++) {
    seqgpu_param p;
    seqgpu_params_get(l->params, i, &p);
    if (p.grad) status = seqgpu_check_finite(t->ctx, p.name, p.value, p.rows * p.cols); /* no carried state */
  }
  if (status == SEQGPU_OK) status = l->find(l->self, t->cursor.step);
  return status == SEQGPU_ENONFINITE ? seqgpu_last_error(t->ctx) : "not found";
}

static int not_finite(trainer *t, double loss) {
  progress_end_bar(&t->shown);
  if (t->ranks->rank > 0) return CLI_FAILED; /* as all do */
  const long long saved = (long long)t->saver.saved;
  char kept[64] = "";
  if (saved >= 0) snprintf(kept, sizeof kept, "; the checkpoint still holds step %lld", saved);
  return cli_error(
      "step %lld: the loss is %g and the gradient norm %g, so training stopped%s; try a %s; the first number "
      "that is not finite: %s",
      (long long)t->cursor.step + 1, loss, t->grad_norm, kept,
      hessian_is_asked(t->config) ? "higher --damping" : "lower --lr or --clip", find_first(t));
}

static int ends_epoch(const trainer *t) {
  const int64_t updates = t->learner.epoch_updates;
  return updates > 0 && t->cursor.step % updates == 0;
}

static int train_step(trainer *t) {
  double loss = (double)NAN; /* of an update that fails before it has one */
  t->usable = 0;
  const seqgpu_status status = update(t, &loss);
  if (status == SEQGPU_ENONFINITE || (status == SEQGPU_OK && !isfinite(loss))) return not_finite(t, loss);
  if (status != SEQGPU_OK) return failed(t);
  t->cursor.step++;
  t->usable = 1;
  t->loss_sum += loss;
  t->loss_count++;
  t->shown.tokens += ends_epoch(t) ? t->learner.last_tokens : t->learner.tokens;
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
      .token_bits = l->token_bits > 0 ? l->token_bits * loss : (double)NAN,
      .grad_norm = t->grad_norm,
      .lr = t->lr,
      .hessian = hessian_is_asked(t->config) ? &t->done : NULL,
  };
}

static int report_line(trainer *t) {
  progress_report r = report(t);
  if (t->validated != t->cursor.step) r.val_loss = r.val_metric = (double)NAN;
  t->last_loss = r.loss;
  t->loss_sum = 0;
  t->loss_count = 0;
  t->reported = t->cursor.step;
  return progress_line(&t->shown, &r);
}

static int out_of_patience(const trainer *t) {
  return t->options->patience > 0 && t->worse >= t->options->patience;
}

/* Keeps the best model, and counts the validations that were no better; process 0 does it for all. */
static int judge(trainer *t) {
  if (t->options->keep_best) CLI_TRY(collect(t));
  if (t->ranks->rank > 0) return CLI_OK;
  if (!isnan(t->saver.best_loss) && !(t->val_loss < t->saver.best_loss)) {
    t->worse++;
    t->reached |= out_of_patience(t);
    return CLI_OK;
  }
  t->worse = 0;
  progress_end_bar(&t->shown);
  return saver_save_best(&t->saver, &t->cursor, t->val_loss);
}

/* Process 0's validation is that of all; none, if a signal has stopped one of them. */
static seqgpu_status share_validation(trainer *t, seqgpu_status status) {
  double numbers[] = {t->val_loss, t->val_metric};
  int over = 0;
  if (status != SEQGPU_OK && status != SEQGPU_ESTOPPED) return status;
  LIB_TRY(ranks_agree(t->ranks, &t->signal, &over));
  LIB_TRY(ranks_follow(t->ranks, numbers, 2));
  t->val_loss = numbers[0];
  t->val_metric = numbers[1];
  return t->signal ? SEQGPU_ESTOPPED : SEQGPU_OK;
}

/* By the average of the weights, where there is one.  A signal leaves it undone. */
static int measure(trainer *t) {
  const learner *l = &t->learner;
  seqgpu_status status = seqgpu_params_use_average(l->params, 1);
  if (status == SEQGPU_OK) status = l->validate(l->self, signals_stop(), &t->val_loss, &t->val_metric);
  const seqgpu_status back = seqgpu_params_use_average(l->params, 0);
  if (t->ranks->size > 1) status = share_validation(t, status);
  if (status == SEQGPU_ESTOPPED) return CLI_OK;
  if (status != SEQGPU_OK || back != SEQGPU_OK) return failed(t);
  t->validated = t->cursor.step;
  return CLI_OK;
}

/* Also says whether the goal of the run is reached. */
static int validate(trainer *t) {
  const run_options *o = t->options;
  if (t->learner.validate == NULL) return CLI_OK;
  CLI_TRY(measure(t));
  if (t->validated != t->cursor.step) return CLI_OK;
  t->reached = (o->stop_at > 0 && t->val_loss <= o->stop_at) ||
               (o->stop_at_metric > 0 && t->val_metric <= o->stop_at_metric);
  return judge(t);
}

/* By the averaged model, if there is one. */
static seqgpu_status write_sample(trainer *t, FILE *to) {
  LIB_TRY(seqgpu_params_use_average(t->learner.params, 1));
  LIB_TRY(t->learner.sample(t->learner.self, to));
  return seqgpu_params_use_average(t->learner.params, 0);
}

/* --sample-every: the learner writes, and the log keeps it. */
static int show_sample(trainer *t) {
  memory_stream text;
  int code = CLI_OK;
  if (t->ranks->rank > 0) return CLI_OK;
  if (!memory_open(&text)) code = cli_error("out of memory");
  if (code == CLI_OK && write_sample(t, text.to) != SEQGPU_OK) code = failed(t);
  if (code == CLI_OK && !memory_close(&text)) code = cli_error("out of memory");
  if (code == CLI_OK) code = progress_sample(&t->shown, t->cursor.step, text.data, text.size);
  memory_free(&text);
  return code;
}

static int is_multiple(int64_t step, int64_t every) { return every > 0 && step % every == 0; }

/* What a validation means for the updates to come. */
static void take_note(trainer *t) {
  if (t->validated == t->cursor.step)
    learning_validated(&t->config->learning, &t->cursor.learning, t->cursor.step, t->val_loss);
}

/* The last validation of a run that ended at this step came after its checkpoint, and a signal may have left
 * it out. */
static int catch_up(trainer *t) {
  const int64_t step = t->cursor.step, every = t->options->eval_every;
  if (!learning_needs_validations(&t->config->learning) || !is_multiple(step, every) ||
      t->cursor.learning.validations >= step / every)
    return CLI_OK;
  CLI_TRY(measure(t));
  take_note(t);
  t->validated = -1;
  return CLI_OK;
}

/* By the clock of process 0, where a clock decides. */
static int save_if_due(trainer *t) {
  double due = saver_is_due(&t->saver, t->cursor.step);
  if (t->options->checkpoint_minutes > 0 && ranks_follow(t->ranks, &due, 1) != SEQGPU_OK) return failed(t);
  return due > 0 ? save(t, 0) : CLI_OK;
}

/* What is due after an update. */
static int after_step(trainer *t) {
  const run_options *o = t->options;
  const int64_t step = t->cursor.step;
  const int last = step == t->last_step; /* then finish() saves, validates and reports */
  const int valid = is_multiple(step, o->eval_every) && !last;
  if (valid) CLI_TRY(validate(t));
  if (valid) take_note(t);
  if (valid || (is_multiple(step, o->log_every) && !last)) CLI_TRY(report_line(t));
  if (is_multiple(step, o->sample_every)) CLI_TRY(show_sample(t));
  if (!last) CLI_TRY(save_if_due(t));
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

/* The same answer in all processes: whether the run goes on. */
static int goes_on(trainer *t, int *answer) {
  int over = is_over(t);
  *answer = 0;
  if (ranks_agree(t->ranks, &t->signal, &over) != SEQGPU_OK) return failed(t);
  *answer = !over && !t->signal;
  return CLI_OK;
}

static int loop(trainer *t) {
  int more;
  for (;;) {
    CLI_TRY(goes_on(t, &more));
    if (!more) return CLI_OK;
    CLI_TRY(train_step(t));
    CLI_TRY(after_step(t));
  }
}

/* The exit code of a run that a signal ended. */
static int stopped(const trainer *t) {
  const char *path = t->saver.saved == t->cursor.step ? t->options->checkpoint : NULL;
  if (t->ranks->rank == 0)
    cli_error("stopped after step %lld; %s%s", (long long)t->cursor.step, path ? "saved in " : "not saved",
              path ? path : "");
  return CLI_SIGNAL + t->signal;
}

/* One process asks itself; several only know what they have agreed upon. */
static int stopping(trainer *t) {
  if (t->ranks->size == 1) t->signal = *signals_stop();
  return t->signal;
}

/* Saves first: what has been learnt matters more than how well. */
static int finish(trainer *t) {
  if (t->cursor.step > 0) CLI_TRY(save(t, 1)); /* a model that has learnt nothing is not worth a file */
  if (!stopping(t) && t->validated != t->cursor.step) CLI_TRY(validate(t));
  if (!stopping(t) && t->reported != t->cursor.step) CLI_TRY(report_line(t));
  progress_end_bar(&t->shown);
  if (out_of_patience(t) && !t->options->common.json && !t->options->common.quiet)
    printf("%lld validations without a better loss than %.6g at step %lld\n", (long long)t->worse,
           t->saver.best_loss, (long long)t->saver.best);
  if (stopping(t)) return stopped(t);
  return t->saver.best_failed ? CLI_FAILED : CLI_OK;
}

/* A run that has come to its end before: nothing to learn, validate or report. */
static int already_there(trainer *t) {
  CLI_TRY(save(t, 1));
  const long long step = (long long)t->cursor.step;
  if (t->options->common.json)
    cli_error("already at step %lld; there is nothing left to do", step);
  else if (!t->options->common.quiet)
    printf("already at step %lld; there is nothing left to do\n", step);
  return CLI_OK;
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
  if (t->config->shards > 1)
    printf("batches in %lld shards, %lld in each of %d processes\n", (long long)t->config->shards,
           (long long)ranks_shards(t->ranks, t->config), t->ranks->size);
}

static int prepare(trainer *t) {
  const run_options *o = t->options;
  CLI_TRY(hessian_check(t->config, t->ranks, &t->learner));
  CLI_TRY(config_optimizer(t->config, &t->optimizer));
  if ((o->stop_at > 0 || o->stop_at_metric > 0) && t->learner.validate == NULL)
    return cli_usage("--stop-at: there is nothing to validate on; it needs validation data");
  if ((o->keep_best || o->patience > 0) && t->learner.validate == NULL)
    return cli_usage("--%s: there is nothing to validate on; it needs validation data",
                     o->keep_best ? "keep-best" : "patience");
  if (learning_needs_validations(&t->config->learning) && t->learner.validate == NULL)
    return cli_usage("--%s: there is nothing to validate on; it needs validation data",
                     t->config->learning.average_patience > 0 ? "average-patience" : "lr-schedule plateau");
  CLI_TRY(learning_set_groups(&t->config->learning, t->ctx, t->learner.params));
  t->cursor.eval_every = learning_needs_validations(&t->config->learning) ? o->eval_every : 0;
  if (o->epochs > 0) t->last_step = (int64_t)ceil(o->epochs * (double)t->learner.epoch_updates);
  if (o->steps > 0 && (t->last_step == 0 || o->steps < t->last_step)) t->last_step = o->steps;
  t->val_loss = t->val_metric = t->last_loss = t->grad_norm = (double)NAN;
  t->validated = t->reported = -1;
  t->lr = hessian_is_asked(t->config) ? (double)NAN : t->optimizer.lr;
  return CLI_OK;
}

/* The run that was prepared; lock and log are open. */
static int run(trainer *t) {
  const run_options *o = t->options;
  if (o->checkpoint == NULL && !o->common.quiet)
    cli_error("without --checkpoint the model will not be saved");
  print_start(t);
  if (t->last_step > 0 && t->cursor.step >= t->last_step) return already_there(t);
  if (t->saver.best >= 0 && t->saver.best < t->cursor.step && o->eval_every > 0)
    t->worse = (t->cursor.step - t->saver.best) / o->eval_every;
  int code = t->cursor.step > 0 ? catch_up(t) : CLI_OK;
  if (code == CLI_OK) code = loop(t);
  if (code == CLI_OK) return finish(t);
  if (t->usable && t->ranks->size == 1)
    save(t, 1); /* a full disk under the log is no reason to lose the model */
  if (t->ranks->size > 1 && t->ranks->rank == 0 && t->saver.saved >= 0)
    cli_note("%s: holds step %lld", o->checkpoint, (long long)t->saver.saved);
  return code;
}

/* Opens the log and runs, under the lock of the checkpoint. */
static int run_locked(trainer *t) {
  const run_options *o = t->options;
  const int64_t after = o->resume ? t->cursor.step : INT64_MAX;
  const double done = t->last_step > 0 ? fraction(t) : 0;
  const progress_target target = {.mode = o->common.json    ? PROGRESS_JSON
                                          : o->common.quiet ? PROGRESS_QUIET
                                                            : PROGRESS_TEXT,
                                  .log = o->log,
                                  .after = after,
                                  .tensorboard = o->tensorboard};
  CLI_TRY(progress_open(&t->shown, &target, done));
  const int code = run(t), closed = progress_close(&t->shown);
  return code ? code : closed;
}

/* What several processes, or shards of one, need besides. */
static seqgpu_status open_shards(trainer *t) {
  const ranks_options *o = &t->options->ranks;
  seqgpu_comm *comm = t->ranks->comm;
  if (t->config->shards <= 1) return SEQGPU_OK;
  LIB_TRY(seqgpu_shards_create(t->learner.params, comm, &t->shards));
  if (o->overlap) LIB_TRY(seqgpu_shards_overlap(t->shards, 0));
  return comm && o->share_moments ? seqgpu_comm_share_moments(comm, t->learner.params) : SEQGPU_OK;
}

int trainer_run(const run_options *options, const model_config *config, run_start *start, learner l) {
  trainer t = {.options = options,
               .config = config,
               .ctx = start->ctx,
               .cursor = start->cursor,
               .ranks = &start->ranks,
               .learner = l};
  CLI_TRY(ranks_begin(t.ranks, t.ctx, l.params, &t.cursor));
  CLI_TRY(prepare(&t));
  if (options->dry_run) {
    print_start(&t);
    return CLI_OK;
  }
  t.start_time = cli_now();
  signals_catch(); /* from here on there may be a temporary file to clean up */
  int code = saver_open(&t.saver, options, t.ctx, &t.learner, &t.cursor);
  if (code == CLI_OK && open_shards(&t) != SEQGPU_OK) code = cli_library_error(t.ctx);
  if (code == CLI_OK) code = run_locked(&t);
  seqgpu_shards_destroy(t.shards);
  saver_close(&t.saver);
  return code;
}
