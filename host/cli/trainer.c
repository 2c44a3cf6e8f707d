/* trainer.c - the training loop: forward, backward, update, and now and then a report, a validation, a checkpoint.
 *
 * The number of the update is the whole cursor: epoch and place in the text, learning rate and dropout masks follow
 * from it, so a run that is resumed anywhere makes the same bits as one that was never stopped.
 */
#define _POSIX_C_SOURCE 200809L

#include "trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stop_signal; /* the only thing a signal handler may touch */

static void on_signal(int number) { stop_signal = number; }

static void catch_signals(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  signal(SIGPIPE, SIG_IGN); /* whoever read the lines has gone: no reason to die without saving */
}

/* ---------------------------------------------------------------- building */

int trainer_optimizer(const charlm_config *config, seqgpu_optimizer *out) {
  static const char *const names[] = {[SEQGPU_SGD] = "sgd",
                                      [SEQGPU_MOMENTUM] = "momentum",
                                      [SEQGPU_RMSPROP] = "rmsprop",
                                      [SEQGPU_ADAM] = "adam"};
  *out = (seqgpu_optimizer){.kind = SEQGPU_SGD, .lr = config->lr};
  while (strcmp(names[out->kind], config->optimizer) != 0) out->kind++;
  if (strcmp(config->clip, "none") == 0) return CLI_OK;
  out->clip = SEQGPU_CLIP_AUTO;
  if (strcmp(config->clip, "auto") == 0) return CLI_OK;
  char *end;
  out->clip = SEQGPU_CLIP_NORM;
  out->clip_threshold = strtod(config->clip, &end);
  if (end == config->clip || *end || !isfinite(out->clip_threshold) || out->clip_threshold <= 0)
    return cli_usage("--clip: \"%s\" is neither a number above 0 nor auto nor none", config->clip);
  return CLI_OK;
}

/* Cuts the tokens into the streams of training and validation. */
static int build_streams(trainer *t, const int32_t *ids, int64_t count) {
  const train_options *o = t->options;
  const charlm_config *c = &o->config;
  int64_t val_count = (int64_t)((double)count * c->val_fraction);
  if (val_count < 2) val_count = 0;
  const int64_t train_count = count - val_count;
  const int64_t length = (train_count - 1) / c->batch;
  t->pieces = length / c->seq_len;
  if (t->pieces < 1)
    return cli_error(
        "%s: the text is too short: %lld tokens to train on, but batch %lld x seq-len %lld needs %lld",
        o->text, (long long)train_count, (long long)c->batch, (long long)c->seq_len,
        (long long)(c->batch * c->seq_len + 1));
  if (charlm_streams_create(t->ctx, ids, train_count, c->batch, length, &t->train) != SEQGPU_OK)
    return cli_library_error(t->ctx);
  if (val_count == 0) return CLI_OK;
  const int64_t batch = charlm_eval_batch(val_count), val_length = (val_count - 1 + batch - 1) / batch;
  if (charlm_streams_create(t->ctx, ids + train_count, val_count, batch, val_length, &t->val) != SEQGPU_OK)
    return cli_library_error(t->ctx);
  return CLI_OK;
}

/* The text of a resumed run must be the one it began with. */
static int build_tokens(trainer *t, const text_file *text) {
  const train_options *o = t->options;
  const charlm_config *c = &o->config;
  if (o->resume && (t->progress.text_hash != text->hash || t->progress.text_size != (int64_t)text->size))
    return cli_error("%s: is not the text that %s was trained on", o->text, o->resume);
  t->progress.text_hash = text->hash;
  t->progress.text_size = (int64_t)text->size;
  if (t->vocab.size == 0) CLI_TRY(vocab_build(text, text_token_kind(c->tokens), c->vocab_limit, &t->vocab));
  int32_t *ids;
  int64_t count;
  CLI_TRY(vocab_encode(&t->vocab, text->data, text->size, o->text, &ids, &count));
  const int code = build_streams(t, ids, count);
  free(ids);
  return code;
}

static int build_model(trainer *t) {
  const train_options *o = t->options;
  const charlm_config *c = &o->config;
  CLI_TRY(charlm_create(t->ctx, c, t->vocab.size, c->seq_len, c->batch, 1, &t->model));
  seqgpu_status status = charlm_pass_create(&t->model, c->seq_len, c->batch, 1, &t->pass);
  if (status == SEQGPU_OK && t->val.ids)
    status = charlm_pass_create(&t->model, c->seq_len, t->val.batch, 0, &t->val_pass);
  if (status == SEQGPU_OK && t->start)
    status = seqgpu_checkpoint_load(t->start, t->model.params, o->resume != NULL);
  seqgpu_checkpoint_close(t->start);
  t->start = NULL;
  return status == SEQGPU_OK ? CLI_OK : cli_library_error(t->ctx);
}

static void set_limits(trainer *t) {
  const train_options *o = t->options;
  if (o->epochs > 0) t->last_step = (int64_t)ceil(o->epochs * (double)t->pieces);
  if (o->steps > 0 && (t->last_step == 0 || o->steps < t->last_step)) t->last_step = o->steps;
  t->val_loss = t->last_loss = (double)NAN;
  t->grad_norm = (double)NAN;
  t->saved = -1;
}

int trainer_build(trainer *t, const text_file *text) {
  CLI_TRY(trainer_optimizer(&t->options->config, &t->optimizer));
  CLI_TRY(build_tokens(t, text));
  CLI_TRY(build_model(t));
  set_limits(t);
  return CLI_OK;
}

void trainer_destroy(trainer *t) {
  if (t->ctx == NULL) return;
  seqgpu_checkpoint_close(t->start);
  charlm_pass_destroy(&t->pass);
  charlm_pass_destroy(&t->val_pass);
  charlm_streams_destroy(t->ctx, &t->train);
  charlm_streams_destroy(t->ctx, &t->val);
  charlm_destroy(&t->model);
  vocab_free(&t->vocab);
  seqgpu_context_destroy(t->ctx);
}

/* ---------------------------------------------------------------- checkpoints */

static int failed(trainer *t) {
  progress_end_bar(&t->shown);
  return cli_library_error(t->ctx);
}

/* 1 if every number of the model is finite; 0 also when it cannot be read. */
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
  for (int i = 0; i < seqgpu_params_count(t->model.params); i++) {
    seqgpu_param p;
    seqgpu_params_get(t->model.params, i, &p);
    if (is_finite_tensor(t, &p)) continue;
    progress_end_bar(&t->shown);
    return cli_error(
        "step %lld: %s is no longer finite, so training stopped and nothing was saved; a lower --lr helps",
        (long long)t->progress.step, p.name);
  }
  return CLI_OK;
}

static int save(trainer *t) {
  const char *path = t->options->checkpoint;
  if (path == NULL || t->saved == t->progress.step) return CLI_OK;
  CLI_TRY(check_finite(t));
  if (charlm_save(&t->model, &t->vocab, &t->progress, t->progress.step / t->pieces, path) != SEQGPU_OK)
    return failed(t);
  t->saved = t->progress.step;
  return CLI_OK;
}

/* ---------------------------------------------------------------- one update */

static double learning_rate(const trainer *t) {
  const charlm_config *c = &t->options->config;
  const int64_t epoch = t->progress.step / t->pieces;
  return epoch < c->lr_decay_after ? c->lr
                                   : c->lr * pow(c->lr_decay, (double)(epoch - c->lr_decay_after + 1));
}

static seqgpu_status update(trainer *t, float *loss) {
  const int64_t step = t->progress.step, piece = step % t->pieces, T = t->pass.T;
  const int32_t *ids = t->train.ids + piece * T * t->train.batch, *targets = ids + t->train.batch;
  t->optimizer.lr = learning_rate(t);
  if (piece == 0) LIB_TRY(charlm_zero_state(&t->pass));
  LIB_TRY(seqgpu_params_zero_grad(t->model.params));
  LIB_TRY(charlm_forward(&t->pass, T, ids, (uint64_t)step));
  LIB_TRY(charlm_loss(&t->pass, T, targets, 1));
  LIB_TRY(charlm_backward(&t->pass, T, ids, targets, (uint64_t)step));
  LIB_TRY(seqgpu_params_update(t->model.params, &t->optimizer));
  LIB_TRY(seqgpu_copy_out(t->ctx, loss, t->pass.loss, sizeof *loss));
  return seqgpu_params_grad_norm(t->model.params, &t->grad_norm, NULL);
}

static int not_finite(trainer *t, double loss) {
  progress_end_bar(&t->shown);
  const char *path = t->options->checkpoint;
  char kept[64] = "";
  if (path) snprintf(kept, sizeof kept, ", the checkpoint still holds step %lld", (long long)t->saved);
  return cli_error(
      "step %lld: loss %g, gradient norm %g, so training stopped%s; a lower --lr or --clip helps",
      (long long)t->progress.step + 1, loss, t->grad_norm, kept);
}

static int train_step(trainer *t) {
  float loss = 0;
  const seqgpu_status status = update(t, &loss);
  if (status == SEQGPU_ENONFINITE || (status == SEQGPU_OK && !isfinite(loss)))
    return not_finite(t, (double)loss);
  if (status != SEQGPU_OK) return failed(t);
  t->progress.step++;
  t->loss_sum += (double)loss;
  t->loss_count++;
  t->shown.tokens += t->pass.T * t->pass.B;
  return CLI_OK;
}

/* ---------------------------------------------------------------- reports */

/* How much of the run is done, by the limit that comes first. */
static double fraction(const trainer *t) {
  const double minutes = t->options->minutes;
  const double by_time = minutes > 0 ? (cli_now() - t->start_time) / (60 * minutes) : 0;
  const double by_step = t->last_step > 0 ? (double)t->progress.step / (double)t->last_step : 0;
  return fmin(1, fmax(by_time, by_step));
}

static progress_report report(const trainer *t) {
  return (progress_report){
      .step = t->progress.step,
      .last_step = t->last_step,
      .fraction = fraction(t),
      .epoch = (double)t->progress.step / (double)t->pieces,
      .loss = t->loss_count ? t->loss_sum / (double)t->loss_count : t->last_loss,
      .val_loss = t->val_loss,
      .grad_norm = t->grad_norm,
      .lr = t->optimizer.lr,
  };
}

static int report_line(trainer *t) {
  const progress_report r = report(t);
  t->last_loss = r.loss;
  t->loss_sum = 0;
  t->loss_count = 0;
  return progress_line(&t->shown, &r);
}

static int validate(trainer *t) {
  if (t->val.ids == NULL) return CLI_OK;
  const seqgpu_status status = charlm_evaluate(&t->val_pass, &t->val, &stop_signal, &t->val_loss);
  return status == SEQGPU_OK || status == SEQGPU_ESTOPPED ? CLI_OK : failed(t);
}

static int is_multiple(int64_t step, int64_t every) { return every > 0 && step % every == 0; }

/* What is due after an update. */
static int after_step(trainer *t) {
  const train_options *o = t->options;
  const int64_t step = t->progress.step;
  const int last = step == t->last_step; /* then finish() validates and reports */
  const int valid = is_multiple(step, o->eval_every) && !last;
  if (valid) CLI_TRY(validate(t));
  if (valid || (is_multiple(step, o->log_every) && !last)) CLI_TRY(report_line(t));
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
  if (t->last_step > 0 && t->progress.step >= t->last_step) return 1;
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
  if (!stop_signal) CLI_TRY(validate(t));
  if (!stop_signal) CLI_TRY(report_line(t));
  CLI_TRY(save(t));
  progress_end_bar(&t->shown);
  if (!stop_signal) return CLI_OK;
  const char *path = t->options->checkpoint;
  cli_error("stopped after step %lld%s%s", (long long)t->progress.step, path ? ", saved in " : ", not saved",
            path ? path : "");
  return CLI_STOPPED;
}

static void say_start(const trainer *t) {
  if (t->options->json) return;
  char device[200];
  seqgpu_context_describe(t->ctx, device, sizeof device);
  printf("%lld parameters, %d tokens in the vocabulary, %lld updates an epoch; %s, plan %s\n",
         (long long)seqgpu_params_total(t->model.params), (int)t->vocab.size, (long long)t->pieces, device,
         seqgpu_plan_name(t->pass.plan));
}

int trainer_run(trainer *t) {
  const train_options *o = t->options;
  t->start_time = cli_now();
  CLI_TRY(progress_open(&t->shown, o->log, o->json, t->last_step > 0 ? fraction(t) : 0));
  catch_signals();    /* from here on there may be a temporary file to clean up */
  int code = save(t); /* that it cannot be written should show now, not after an hour */
  if (code == CLI_OK && !o->resume) code = progress_empty_log(&t->shown);
  if (code) {
    progress_abandon(&t->shown);
    return code;
  }
  say_start(t);
  code = loop(t);
  if (code == CLI_OK) code = finish(t);
  const int closed = progress_close(&t->shown);
  return code ? code : closed;
}
