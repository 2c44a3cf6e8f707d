/* task_learner.c - batches, the network, the learner of a task (task_learner.h). */
#include "host/cli/task_learner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/hessian.h"
#include "host/cli/network.h"

const char task_format[] = "seqgpu task 1";
#define FIELD(name) offsetof(task_options, name)

/* ---------------------------------------------------------------- options */

static const arg_spec data_group[] = {ROW_GROUP("Data"), ROW_END};
static const arg_spec length_spec[] = {
    ROW_GROUP("Data"),
    ROW_INT("T", ARG_KEEP_RUN, FIELD(config.model.rnn.seq_len), 1, 1000000, "T", "steps per sequence"),
    ROW_END,
};
static const arg_spec longest_spec[] = {
    ROW_GROUP("Data"),
    ROW_INT("T-max", ARG_KEEP_RUN, FIELD(config.longest), 0, 1000000, "N",
            "draw the steps of each sequence from T to N, 0 = all have T"),
    ROW_END,
};
static const arg_spec eval_spec[] = {
    ROW_GROUP("Data"),
    ROW_INT("eval-size", ARG_KEEP_FREE, FIELD(config.eval_size), 0, 1000000000, "N",
            "sequences per validation; 0 = all, where the data have an end"),
    ROW_END,
};

void task_join_data_specs(arg_spec table[ARGS_MAX], const task_spec *task) {
  if (task->shortest) args_join(table, length_spec, 0);
  if (task->at_end) args_join(table, longest_spec, 0);
  if (task->options) args_join(table, data_group, 0);
  if (task->options) args_join(table, task->options, FIELD(config));
  args_join(table, eval_spec, 0);
}

void task_join_specs(arg_spec table[ARGS_MAX], const task_spec *task) {
  task_join_data_specs(table, task);
  config_join_specs(table, FIELD(config.model));
  if (task->has_epochs) args_join(table, epoch_specs, FIELD(config.model));
  run_join_specs(table, FIELD(run), task->has_epochs);
  run_join_together(table, FIELD(run));
}

int task_read_options(const task_spec *task, const seqgpu_checkpoint *file, const char *path,
                      task_options *out) {
  arg_spec specs[ARGS_MAX] = {ROW_END};
  config_cursor unused;
  task_join_specs(specs, task);
  CLI_TRY(config_read(file, path, specs, out, &unused));
  out->config.model.how = (how_options){.math = SEQGPU_MATH_F32};
  out->config.model.shards = 0;
  return CLI_OK;
}

static int64_t whole_batch(const task_learner *l) { return l->options->config.model.rnn.batch; }
static int64_t shards_of(const task_learner *l) {
  const int64_t shards = l->options->config.model.shards;
  return shards > 1 ? shards : 1;
}
int64_t task_learner_batch(const task_learner *l) { return whole_batch(l) / shards_of(l); }

/* ---------------------------------------------------------------- batches */

/* The streams of random numbers of sequences, and of their lengths: of training, of validation. */
static const uint64_t sequence_stream[] = {1, 2}, length_stream[] = {5, 6};

/* Steps of a sequence. */
static int64_t length_of(const task_learner *l, int validation, uint64_t number) {
  const task_config *c = &l->options->config;
  const int64_t T = c->model.rnn.seq_len;
  if (!l->task->at_end || c->longest <= T) return l->source.steps;
  task_random random = {(uint64_t)c->model.seed, length_stream[validation] << 60 | number, 0};
  return T + task_below(&random, c->longest - T + 1);
}

int task_learner_counts(const task_learner *l, int64_t r) {
  return l->task->loss == TASK_CLASSES ? l->label[r] >= 0 : l->label[r] != 0;
}

void task_learner_draw(task_learner *l, int validation, int64_t first, int64_t count) {
  const task_source *s = &l->source;
  const int32_t unscored = l->task->loss == TASK_CLASSES ? -1 : 0;
  memset(l->x, 0, (size_t)(s->steps * count * s->inputs) * sizeof *l->x);
  memset(l->target, 0, (size_t)(s->scored * count * s->outputs) * sizeof *l->target);
  for (int64_t r = 0; r < s->scored * count; r++) l->label[r] = unscored;
  for (int64_t b = 0; b < count; b++) {
    const uint64_t number = (uint64_t)(first + b);
    const int64_t length = length_of(l, validation, number);
    /* Where sequences end at different steps, each writes to its own end. */
    const int64_t end = l->task->at_end ? length - l->options->config.model.rnn.seq_len : 0;
    task_sequence sequence = {
        .validation = validation,
        .number = first + b,
        .length = length,
        .random = {(uint64_t)l->options->config.model.seed, sequence_stream[validation] << 60 | number, 0},
        .x = l->x + b * s->inputs,
        .target = l->target + (end * count + b) * s->outputs,
        .label = l->label + end * count + b,
        .x_stride = count * s->inputs,
        .target_stride = count * s->outputs,
        .label_stride = count};
    l->task->draw(s, &sequence);
  }
}

/* Loss and outputs of B sequences on a tape; returns the states of the last recurrent layer. */
static seqgpu_tensor *build_loss(task_learner *l, seqgpu_tape *t, const seqgpu_plan *plan, int64_t B) {
  const task_source *s = &l->source;
  const int64_t x_shape[] = {s->steps, B, s->inputs}, y_shape[] = {s->scored, B, s->outputs};
  seqgpu_tensor *x = seqgpu_tape_input(t, 3, x_shape, l->x);
  seqgpu_tensor *y = seqgpu_tape_rnn(t, plan, seqgpu_tape_param(t, &l->rnn), x, NULL, NULL);
  seqgpu_tensor *scored = seqgpu_tape_rows(t, y, s->steps - s->scored, s->scored);
  l->output = seqgpu_tape_linear(t, scored, seqgpu_tape_param(t, &l->weight), seqgpu_tape_param(t, &l->bias));
  const int classes = l->task->loss == TASK_CLASSES;
  seqgpu_tensor *labels = classes || s->masked ? seqgpu_tape_ids(t, 2, y_shape, l->label) : NULL;
  l->loss = classes ? seqgpu_tape_cross_entropy(t, l->output, labels, 1, 1)
                    : seqgpu_tape_squared_error(t, l->output, seqgpu_tape_input(t, 3, y_shape, l->target),
                                                labels, 1, 1);
  return y;
}

seqgpu_status task_learner_forward(task_learner *l, int64_t B, int training) {
  LIB_TRY(seqgpu_tape_clear(l->tape, training));
  build_loss(l, l->tape, training ? l->plan : l->eval_plan, B);
  return seqgpu_tape_status(l->tape);
}

/* ---------------------------------------------------------------- the learner */

/* How much the mean loss of the `count` sequences in the buffers counts: by its scored steps. */
static double weight(const task_learner *l, int64_t count) {
  double steps = 0;
  if (!l->source.masked) return (double)count;
  for (int64_t r = 0; r < l->source.scored * count; r++) steps += task_learner_counts(l, r);
  return steps;
}

static seqgpu_status loss_of(void *self, double *loss, double *tokens) {
  const task_learner *l = self;
  *tokens = weight(l, task_learner_batch(l));
  return seqgpu_tensor_number(l->loss, loss);
}

/* Sequences and their masks are those of their numbers in the whole batch, whichever shard and process has
 * them. */
static seqgpu_status gradients(void *self, int64_t step, int64_t shard, seqgpu_shards *last) {
  task_learner *l = self;
  const int64_t B = task_learner_batch(l), first = shard * B;
  task_learner_draw(l, 0, step * whole_batch(l) + first, B);
  seqgpu_tape_set_counter(l->tape,
                          (uint64_t)step * seqgpu_plan_get_sizes(l->plan).random_blocks); /* of its dropout */
  if (shards_of(l) > 1) LIB_TRY(seqgpu_tape_set_part(l->tape, first, whole_batch(l)));
  l->shard = shard;
  LIB_TRY(task_learner_forward(l, B, 1));
  LIB_TRY(learner_announce(self, loss_of, last));
  if (last) seqgpu_tape_set_ready(l->tape, seqgpu_shards_ready, last);
  return seqgpu_tape_backward(l->tape, l->loss, NULL);
}

/* The batch of the gradient is that of first-order updates; the curvature has the first of its sequences. */
static seqgpu_tensor *build_part(seqgpu_hessian_free *hf, seqgpu_tape *tape, seqgpu_hessian_free_batch batch,
                                 int64_t index, void *self) {
  task_learner *l = self;
  const int64_t curvature = l->options->config.model.hessian.curvature;
  int64_t count = whole_batch(l);
  if (batch == SEQGPU_HESSIAN_FREE_CURVATURE && curvature) count = curvature;
  if (batch == SEQGPU_HESSIAN_FREE_CASE) count = 1;
  task_learner_draw(l, 0, l->first + index, count);
  seqgpu_hessian_free_damp(hf, build_loss(l, tape, l->plan, count), 1 / (double)count);
  return l->loss;
}

static seqgpu_status update(void *self, int64_t step, seqgpu_hessian_free_report *report) {
  task_learner *l = self;
  l->first = step * whole_batch(l);
  return seqgpu_hessian_free_update(l->hessian, build_part, l, report);
}

/* Once more, since the clip has removed the gradients. */
static seqgpu_status find(void *self, int64_t step) {
  task_learner *l = self;
  LIB_TRY(seqgpu_params_zero_grad(l->params));
  LIB_TRY(gradients(self, step, l->shard, NULL));
  return seqgpu_tape_check_finite(l->tape);
}

int64_t task_learner_class(const float *answer, int64_t classes) {
  int64_t best = 0;
  for (int64_t v = 1; v < classes; v++)
    if (answer[v] > answer[best]) best = v;
  return best;
}

/* 1 if the answer is wrong. */
static int judge_number(const task_learner *l, double answer, double target, task_errors *e) {
  const double error = answer - target;
  const int wrong = !(fabs(error) <= l->task->tolerance);
  e->count++;
  e->wrong += wrong;
  e->squares += error * error;
  e->target += target;
  e->target2 += target * target;
  return wrong;
}

/* The answers of one step of one sequence; 1 if one of them is wrong. */
static int judge_step(const task_learner *l, int64_t r, task_errors *e) {
  const int64_t O = l->source.outputs;
  const float *answer = l->answer + r * O, *target = l->target + r * O;
  int wrong = 0;
  if (l->task->loss == TASK_CLASSES) {
    wrong = task_learner_class(answer, O) != l->label[r];
    e->count++;
    e->wrong += wrong;
    return wrong;
  }
  for (int64_t o = 0; o < O; o++) wrong |= judge_number(l, (double)answer[o], (double)target[o], e);
  return wrong;
}

/* Adds the errors of the outputs of `count` sequences at the judged steps. */
static void judge(const task_learner *l, int64_t count, task_errors *e) {
  const task_source *s = &l->source;
  memset(l->failed, 0, (size_t)count);
  for (int64_t r = (s->scored - s->judged) * count; r < s->scored * count; r++) {
    if (!task_learner_counts(l, r)) continue;
    l->failed[r % count] |= (char)judge_step(l, r, e);
    e->right_steps += !l->failed[r % count];
  }
  for (int64_t b = 0; b < count; b++) e->failed += l->failed[b];
  e->sequences += (double)count;
}

int64_t task_learner_validations(const task_learner *l) {
  const int64_t wanted = l->options->config.eval_size, most = l->source.val_size;
  return most > 0 && (wanted == 0 || wanted > most) ? most : wanted;
}

seqgpu_status task_learner_validate(void *self, const volatile sig_atomic_t *stop, double *loss,
                                    double *metric) {
  task_learner *l = self;
  const int64_t size = task_learner_validations(l);
  double sum = 0, weights = 0;
  l->errors = (task_errors){0};
  for (int64_t first = 0; first < size; first += task_learner_batch(l)) {
    const int64_t count = size - first < task_learner_batch(l) ? size - first : task_learner_batch(l);
    double mean;
    if (*stop) return SEQGPU_ESTOPPED;
    task_learner_draw(l, 1, first, count);
    LIB_TRY(task_learner_forward(l, count, 0));
    LIB_TRY(seqgpu_tensor_number(l->loss, &mean));
    LIB_TRY(seqgpu_tensor_read(l->output, l->answer));
    judge(l, count, &l->errors);
    sum += mean * weight(l, count);
    weights += weight(l, count);
  }
  *loss = sum / weights;
  *metric = l->task->error(&l->errors);
  return SEQGPU_OK;
}

static seqgpu_status save(void *self, const config_cursor *cursor, const char *path) {
  const task_learner *l = self;
  arg_spec specs[ARGS_MAX] = {ROW_END};
  config_meta meta;
  task_join_specs(specs, l->task);
  config_write(&meta, task_format, specs, l->options, cursor);
  config_add(&meta, "task", l->task->name);
  return seqgpu_checkpoint_save(l->params, path, meta.meta, meta.count);
}

learner task_as_learner(task_learner *l) {
  const task_source *s = &l->source;
  learner out = {.self = l,
                 .params = l->params,
                 .plan = l->plan,
                 .epoch_updates = s->train_size / whole_batch(l),
                 .tokens = s->steps * whole_batch(l),
                 .last_tokens = s->steps * whole_batch(l),
                 .baseline = s->baseline,
                 .metric = l->task->metric,
                 .update = update,
                 .cuts_batches = 1,
                 .gradients = gradients,
                 .loss = loss_of,
                 .find = find,
                 .validate = task_learner_validations(l) > 0 ? task_learner_validate : NULL,
                 .save = save};
  const int length = snprintf(out.about, sizeof out.about, "%lld steps of %lld inputs, baseline %.6g",
                              (long long)s->steps, (long long)s->inputs, s->baseline);
  const int64_t left = s->train_size % whole_batch(l);
  if (left > 0 && length > 0 && (size_t)length < sizeof out.about)
    snprintf(out.about + length, sizeof out.about - (size_t)length,
             "; %lld of %lld sequences, others each time, are left out of an epoch", (long long)left,
             (long long)s->train_size);
  return out;
}

/* ---------------------------------------------------------------- building */

static int build_plans(task_learner *l) {
  const model_config *c = &l->options->config.model;
  const task_source *s = &l->source;
  const int64_t T = s->steps, B = task_learner_batch(l);
  if (network_plan(l->ctx, c, s->inputs, T, whole_batch(l), 1, &l->plan) != SEQGPU_OK ||
      network_plan(l->ctx, c, s->inputs, T, B, 0, &l->eval_plan) != SEQGPU_OK)
    return cli_library_error(l->ctx);
  const double I = (double)s->inputs, O = (double)s->outputs,
               Y = (double)seqgpu_plan_get_sizes(l->plan).output_width;
  const network_rest rest = {.params = O * Y + O,
                             .per_step = 4 * I + 4 * Y + 6 * O + 4,
                             .averaged = learning_may_average(&c->learning),
                             .hessian = hessian_is_asked(c)};
  return network_check_memory(l->ctx, l->plan, rest);
}

static int build_buffers(task_learner *l) {
  const task_source *s = &l->source;
  const size_t B = (size_t)task_learner_batch(l), outputs = (size_t)(s->scored * s->outputs) * B;
  l->x = malloc((size_t)(s->steps * s->inputs) * B * sizeof *l->x);
  l->target = malloc(outputs * sizeof *l->target);
  l->answer = malloc(outputs * sizeof *l->answer);
  l->label = malloc((size_t)s->scored * B * sizeof *l->label);
  l->failed = malloc(B);
  return l->x && l->target && l->answer && l->label && l->failed ? CLI_OK : cli_error("out of memory");
}

static seqgpu_status build_params(task_learner *l, const seqgpu_checkpoint *from, int training) {
  const int64_t O = l->source.outputs;
  const uint64_t seed = (uint64_t)l->options->config.model.seed;
  LIB_TRY(seqgpu_params_create(l->ctx, seed, &l->params));
  if (from) LIB_TRY(seqgpu_checkpoint_attach(from, l->params, l->options->run.resume != NULL));
  LIB_TRY(network_add_params(&l->options->config.model, l->params, l->plan, &l->rnn));
  LIB_TRY(seqgpu_params_add(l->params, "output.weight", O, seqgpu_plan_get_sizes(l->plan).output_width,
                            "xavier", 1, &l->weight));
  LIB_TRY(seqgpu_params_add(l->params, "output.bias", O, 1, "zeros", 0, &l->bias));
  if (training) LIB_TRY(hessian_create(&l->options->config.model, l->params, &l->hessian));
  return seqgpu_tape_create(l->ctx, seed, &l->tape);
}

void task_learner_close(task_learner *l) {
  if (l->task->close) l->task->close(&l->source);
  seqgpu_tape_destroy(l->tape);
  seqgpu_hessian_free_destroy(l->hessian);
  seqgpu_params_destroy(l->params);
  seqgpu_plan_destroy(l->plan);
  seqgpu_plan_destroy(l->eval_plan);
  free(l->x);
  free(l->target);
  free(l->answer);
  free(l->label);
  free(l->failed);
}

/* ---------------------------------------------------------------- opening */

/* A checkpoint of another task has other rows. */
static int check_task(const task_learner *l, const seqgpu_checkpoint *file, const char *path) {
  const char *name = seqgpu_checkpoint_meta(file, "task");
  if (!config_is_of(file, task_format) || (name && strcmp(name, l->task->name) == 0)) return CLI_OK;
  return cli_error("%s: is a checkpoint of task %s; it must be one of task %s", path,
                   name ? name : "(not named)", l->task->name);
}

static int check_length(const task_spec *task, const task_config *c) {
  const int64_t T = c->model.rnn.seq_len;
  if (task->shortest == 0) return CLI_OK;
  if (T < task->shortest)
    return cli_usage("--T: is %lld; %s needs at least %lld steps", (long long)T, task->name,
                     (long long)task->shortest);
  if (task->longest && T > task->longest)
    return cli_usage("--T: is %lld; %s allows at most %lld steps", (long long)T, task->name,
                     (long long)task->longest);
  if (c->longest && c->longest < T)
    return cli_usage("--T-max: is %lld; it must be at least %lld, which is --T, or 0", (long long)c->longest,
                     (long long)T);
  return CLI_OK;
}

/* A number must have the effect that it says it has; what a checkpoint says is taken as it was. */
static int check_given(const run_command *command, const task_learner *l) {
  const task_config *c = &l->options->config;
  const int row = args_find(command->specs, "dropout");
  if (command->given[row] && c->model.rnn.dropout > 0 && c->model.rnn.num_layers == 1)
    return cli_usage("--dropout: is %g; with one layer nothing is between layers, so it needs --layers 2",
                     c->model.rnn.dropout);
  const int fraction = args_find(command->specs, "val-fraction");
  if (c->val_images && fraction >= 0 && command->given[fraction])
    return cli_usage("--val-fraction: has no effect with --val-images");
  return l->task->check && !l->options->run.resume ? l->task->check(c) : CLI_OK;
}

static int check_data(const task_learner *l, config_cursor *cursor) {
  const task_source *s = &l->source;
  const char *path = l->options->run.resume;
  if (path && (cursor->data_hash != s->data_hash || cursor->data_size != s->data_size))
    return cli_error("%s: was trained on other data; resuming needs the same files", path);
  if (path && cursor->train_size > 0 && cursor->train_size != s->train_size)
    return cli_error(
        "%s: was trained on %lld sequences, and here there are %lld; resuming needs the same files, "
        "those of validation too",
        path, (long long)cursor->train_size, (long long)s->train_size);
  if (path && cursor->val_hash && cursor->val_hash != s->val_hash)
    return cli_error("%s: was validated on other data; resuming needs the same files", path);
  cursor->data_hash = s->data_hash;
  cursor->data_size = s->data_size;
  cursor->train_size = s->train_size;
  cursor->val_hash = s->val_hash;
  return CLI_OK;
}

int task_learner_open(run_command *command, task_learner *l, int training, run_start *start) {
  const run_options *run = &l->options->run;
  if (training)
    CLI_TRY(run_open_together(command, &l->options->config.model, start));
  else
    CLI_TRY(run_open(command, start));
  l->ctx = start->ctx;
  if (start->file) CLI_TRY(check_task(l, start->file, run->resume ? run->resume : run->init_from));
  CLI_TRY(check_length(l->task, &l->options->config));
  CLI_TRY(check_given(command, l));
  l->source.config = &l->options->config;
  CLI_TRY(l->task->open(&l->source));
  CLI_TRY(check_data(l, &start->cursor));
  CLI_TRY(build_plans(l));
  if (build_params(l, start->file, training) != SEQGPU_OK) return cli_library_error(l->ctx);
  CLI_TRY(build_buffers(l));
  return run_load(start, l->params, run->resume != NULL);
}
