/* compose.c - the application `compose`: its row of the table, its files, its loss and its metric
 * (compose_app.h).
 *
 * The metric is that of Boulanger-Lewandowski, Bengio, Vincent (ICML 2012): the negative log-likelihood of a
 * step, its 88 keys added, mean over all steps of all pieces, in nats.  Beside it stands the accuracy of Bay,
 * Ehmann, Downie (2009): of the keys that sound, or are said to sound with probability .5, those that are
 * both.
 */
#include "host/cli/tasks/compose_app.h"
#include "host/cli/tasks/compose_use.h"

#include <stdlib.h>

#include "host/cli/application_words.h"
#include "host/cli/json.h"
#include "host/cli/network.h"

#define FIELD(name) offsetof(compose_options, name)

/* ---------------------------------------------------------------- data */

static int read_files(const arg_list *files, rolls *out) {
  *out = (rolls)ROLLS_NONE;
  for (int i = 0; i < files->count; i++) CLI_TRY(rolls_read(files->item[i], out));
  return CLI_OK;
}

/* `seqgpu compose` reads what its piece begins with, if anything. */
static int read_data(app *base) {
  compose_app *a = (compose_app *)base;
  const app_options *o = base->options;
  const arg_list first = {.item = {o->input}, .count = o->input != NULL};
  CLI_TRY(read_files(&o->data, &a->train.music));
  CLI_TRY(read_files(o->use && o->val_data.count == 0 ? &first : &o->val_data, &a->val.music));
  base->data_hash = a->train.music.hash;
  base->data_size = a->train.music.bytes;
  base->train_size = a->train.music.steps;
  base->val_hash = a->val.music.pieces > 0 ? a->val.music.hash : 0;
  return CLI_OK;
}

/* Pieces are validated whole. */
static int open_data(app *base) {
  compose_app *a = (compose_app *)base;
  const model_config *c = &base->options->model;
  CLI_TRY(roll_set_open(&a->train, compose_options_of(base)->window, c->rnn.batch, c->seed));
  return roll_set_open(&a->val, 0, c->rnn.batch, c->seed);
}

/* ---------------------------------------------------------------- the model */

static int check_memory(const compose_app *a, const seqgpu_plan *plan) {
  const model_config *c = &a->base.options->model;
  const double Y = (double)seqgpu_plan_get_sizes(plan).output_width;
  const network_rest rest = {.params = ROLLS_KEYS * (Y + 1),
                             .per_step = 6 * ROLLS_KEYS + 4 * Y,
                             .averaged = learning_may_average(&c->learning)};
  return network_check_memory(a->base.ctx, plan, rest);
}

static seqgpu_status build_model(compose_app *a, const seqgpu_plan *plan) {
  const model_config *c = &a->base.options->model;
  const seqgpu_composer_desc desc = {.keys = ROLLS_KEYS,
                                     .dropout = c->rnn.dropout,
                                     .input_dropout = compose_options_of(&a->base)->input_dropout};
  LIB_TRY(app_create_params(&a->base));
  LIB_TRY(seqgpu_composer_create(a->base.params, &desc, plan, &a->model));
  return network_draw_params(c, a->base.params, "rnn", plan);
}

static void describe_run(compose_app *a) {
  app *base = &a->base;
  const int64_t updates = a->train.order.batches;
  base->plan = base->training ? a->plan : a->val_plan;
  base->validates = a->val.music.pieces > 0;
  if (!base->training) return;
  base->baseline = roll_set_entropy(&a->train);
  base->order = &a->train.order;
  base->epoch_updates = updates;
  base->tokens = a->train.music.steps / updates;
  base->random_blocks = app_random_blocks(a->plan);
  snprintf(base->about, sizeof base->about, "%lld pieces, %lld steps, %lld updates per epoch",
           (long long)a->train.music.pieces, (long long)a->train.music.steps, (long long)updates);
}

static int build(app *base) {
  compose_app *a = (compose_app *)base;
  const model_config *c = &base->options->model;
  const roll_set *s = base->training ? &a->train : &a->val;
  const int makes = base->options->use && base->options->val_data.count == 0;
  seqgpu_plan **first = base->training ? &a->plan : &a->val_plan;
  seqgpu_status status = makes ? network_plan(base->ctx, c, ROLLS_KEYS, 1, 1, 0, first)
                               : app_plan(base, c, ROLLS_KEYS, s->longest, &s->order, base->training, first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  CLI_TRY(check_memory(a, *first));
  if (base->training && a->val.music.pieces > 0)
    status = app_plan(base, c, ROLLS_KEYS, a->val.longest, &a->val.order, 0, &a->val_plan);
  if (status == SEQGPU_OK) status = build_model(a, *first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  describe_run(a);
  return CLI_OK;
}

/* ---------------------------------------------------------------- a batch */

/* The loss of a batch on the tape, the sum over its steps or their mean. */
static seqgpu_tensor *batch_loss(compose_app *a, const seqgpu_plan *plan, const step_batch *b, int mean) {
  seqgpu_tape *t = a->base.tape;
  const int64_t shape[] = {b->seq_len, b->batch, ROLLS_KEYS};
  a->logits =
      seqgpu_composer_logits(a->model, t, plan, b->seq_len, b->batch, b->lengths, b->before, NULL, NULL);
  return seqgpu_tape_binary_cross_entropy(t, a->logits, seqgpu_tape_input(t, 3, shape, b->x),
                                          seqgpu_tape_lengths(t, b->batch, b->lengths), mean, 1);
}

static seqgpu_tensor *loss(app *base, int64_t step) {
  compose_app *a = (compose_app *)base;
  const roll_shift shift = {compose_options_of(base)->transpose, base->options->model.seed, step};
  step_batch b;
  int64_t count;
  const int32_t *which = buckets_batch(&a->train.order, step, &count);
  return roll_set_batch(&a->train, which, count, shift, &b) ? batch_loss(a, a->plan, &b, 1) : NULL;
}

/* ---------------------------------------------------------------- the metric */

static void judge(compose_app *a, const step_batch *b) {
  for (int64_t r = 0; r < b->seq_len * b->batch; r++) {
    if (r / b->batch >= b->lengths[r % b->batch]) continue;
    for (int64_t i = r * ROLLS_KEYS; i < (r + 1) * ROLLS_KEYS; i++) {
      const int said = a->answer[i] > 0, sounds = b->x[i] > 0;
      a->right += said && sounds;
      a->wrong += said && !sounds;
      a->missed += !said && sounds;
    }
  }
  a->steps += (double)b->steps;
}

static seqgpu_status validate_batch(app *base, const int32_t *which, int64_t count) {
  compose_app *a = (compose_app *)base;
  step_batch b;
  double sum;
  if (!roll_set_batch(&a->val, which, count, (roll_shift){.most = 0}, &b)) return cli_no_memory();
  const seqgpu_tensor *of_batch = batch_loss(a, a->val_plan, &b, 0);
  LIB_TRY(seqgpu_tape_status(base->tape));
  LIB_TRY(seqgpu_tensor_number(of_batch, &sum));
  LIB_TRY(app_read(a->logits, &a->answer, &a->room));
  judge(a, &b);
  a->loss_sum += sum;
  return SEQGPU_OK;
}

static seqgpu_status validate(app *base, const volatile sig_atomic_t *stop, double *mean, double *metric) {
  compose_app *a = (compose_app *)base;
  a->loss_sum = a->steps = a->right = a->wrong = a->missed = 0;
  LIB_TRY(app_each_turn(base, &a->val.order, 0, stop, validate_batch));
  *mean = *metric = a->loss_sum / a->steps;
  return SEQGPU_OK;
}

static void print(const app *base, int json) {
  const compose_app *a = (const compose_app *)base;
  const double keys = a->right + a->wrong + a->missed, accuracy = keys > 0 ? a->right / keys : 1;
  if (!json) {
    printf("; %.0f steps, accuracy of their keys %.2f %%", a->steps, 100 * accuracy);
    return;
  }
  json_number(stdout, ", \"steps\": ", 9, a->steps);
  json_number(stdout, ", \"accuracy\": ", 6, accuracy);
}

/* ---------------------------------------------------------------- the rest */

static int describe(const app *base, app_text texts[APP_TEXTS]) {
  (void)base;
  (void)texts;
  return 1;
}

static void close(app *base) {
  compose_app *a = (compose_app *)base;
  seqgpu_composer_destroy(a->model);
  seqgpu_plan_destroy(a->plan);
  seqgpu_plan_destroy(a->val_plan);
  roll_set_close(&a->train);
  roll_set_close(&a->val);
  free(a->answer);
}

static const arg_spec options[] = {
    ROW_GROUP("Data"),
    ROW_INT("window", ARG_KEEP_RUN, FIELD(window), 0, 1000000, "N",
            "pieces with more steps are cut into parts for training, 0 = none is"),
    ROW_INT("transpose", ARG_KEEP_RUN, FIELD(transpose), 0, ROLLS_KEYS, "N",
            "each piece is moved up to so many keys up or down in training"),
    ROW_REAL("input-dropout", ARG_KEEP_FREE, FIELD(input_dropout), 0, 1, "P",
             "probability of dropping a key that the layers read"),
    ROW_END,
};

static const compose_options start = {
    .base = {.model = APPLICATION_MODEL(3e-3, .hidden_size = 200, .batch = 4, .dropout = 0.4)},
    .window = 200,
    .steps = 120,
    .draw_seed = 1,
    .tempo = 120,
    .temperature = 1};

static int run(int argc, char **argv) { return application_use(&application_compose, argc, argv); }

const command_spec command_compose = {"compose", "make music with a model of train compose", run};

const application application_compose = {
    .name = "compose",
    .about = "the next step of polyphonic music",
    .data = "the file, also compressed by gzip: a piece a line, its steps with keys 0-87; several are read "
            "as one",
    .network = "layers over steps of 88 keys, and a linear layer: how probable each key is",
    .metric = "nats_per_step",
    .dropout = "probability of dropping a value between the layers and before the output layer",
    .options = options,
    .use_options = compose_use_specs,
    .use_about =
        "Makes music with a model of seqgpu train compose: each step is drawn by the model, which then\n"
        "reads it. Prints a piano roll, of the form that it was trained on.",
    .begin = "a piano roll, also compressed by gzip, whose first piece is gone on with",
    .start = &start,
    .options_size = sizeof start,
    .size = sizeof(compose_app),
    .read = read_data,
    .open = open_data,
    .build = build,
    .loss = loss,
    .validate = validate,
    .print = print,
    .use = compose_use,
    .describe = describe,
    .close = close,
};
