/* train_charlm.c - `seqgpu train charlm`: a text cut into streams, and the language model as a learner. */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/cli/charlm_file.h"
#include "host/cli/charlm_hessian.h"
#include "host/cli/charlm_shards.h"
#include "host/cli/sampler.h"
#include "host/cli/train.h"
#include "host/cli/trainer.h"

typedef struct charlm_options {
  run_options run;
  charlm_config config;
  arg_list text;
  int bidirectional;
} charlm_options;

typedef struct charlm_learner {
  charlm_options *options;
  seqgpu_context *ctx;
  vocabulary vocab;
  charlm model;
  charlm_pass pass, val_pass;
  charlm_hessian hessian;
  const ranks *ranks;
  charlm_shards train;
  int64_t length; /* predictions per stream */
  charlm_streams val;
  int64_t pieces;              /* per epoch */
  int64_t train_size;          /* predictions per epoch */
  double train_bits, val_bits; /* bits per character of a nat per token, in either part of the text */
  sampler sampler;             /* of --sample-every */
  char *names;                 /* of the texts that a checkpoint named */
} charlm_learner;

#define FIELD(name) offsetof(charlm_options, name)

static const arg_spec own_specs[] = {
    ROW_GROUP("Data"),
    ROW_TEXTS("text", FIELD(text), "FILE",
              "the text to learn, also compressed by gzip, - = standard input; several are read as one"),
    ROW_FLAG("bidirectional", ARG_NOT_KEPT, FIELD(bidirectional),
             "refused: such a model would see what it has to predict"),
    ROW_GROUP("Files and reports"),
    ROW_INT("sample-every", ARG_NOT_KEPT, FIELD(run.sample_every), 0, 4e18, "N",
            "updates between samples that are shown, and written to the log; 0 = none"),
    ROW_END,
};

static const double BITS = 1 / CHARLM_LN2; /* per nat */

/* ---------------------------------------------------------------- building */

/* How the training part of a text is read: the last piece may be shorter, and some streams by one step. */
static void cut_whole(charlm_learner *c, int64_t count, int64_t *length) {
  const int64_t B = c->options->config.model.rnn.batch, T = c->options->config.model.rnn.seq_len;
  *length = (count - 1 + B - 1) / B;
  c->pieces = (*length + T - 1) / T;
  c->train_size = count - 1;
}

/* Until version 0.2 whole pieces only, and the rest was never learnt; a run that began so goes on so. */
static void cut_old(charlm_learner *c, int64_t count, int64_t *length) {
  const int64_t B = c->options->config.model.rnn.batch, T = c->options->config.model.rnn.seq_len;
  *length = (count - 1) / B;
  c->pieces = *length / T;
  c->train_size = c->pieces * T * B;
}

static int cut_training(charlm_learner *c, int64_t count, config_cursor *cursor, int64_t *length) {
  const charlm_options *o = c->options;
  const int64_t B = o->config.model.rnn.batch, T = o->config.model.rnn.seq_len;
  if ((count - 1) / B < T)
    return cli_error("%s: has %lld tokens to train on; --batch %lld and --seq-len %lld need at least %lld",
                     o->text.item[0], (long long)count, (long long)B, (long long)T, (long long)(B * T + 1));
  cut_whole(c, count, length);
  if (o->run.resume && cursor->train_size != c->train_size) cut_old(c, count, length);
  if (o->run.resume && cursor->train_size > 0 && cursor->train_size != c->train_size)
    return cli_error("%s: was trained on %lld predictions per epoch, and here there are %lld", o->run.resume,
                     (long long)cursor->train_size, (long long)c->train_size);
  cursor->train_size = c->train_size;
  return CLI_OK;
}

/* Cuts the tokens into the streams of training and validation. */
static int build_streams(charlm_learner *c, const int32_t *ids, int64_t count, const text_file *text,
                         config_cursor *cursor) {
  const charlm_options *o = c->options;
  const int64_t val_count = charlm_val_count(&o->config, count), train_count = count - val_count;
  CLI_TRY(cut_training(c, train_count, cursor, &c->length));
  const int64_t characters = text_characters_of(text, text_token_kind(o->config.tokens), train_count);
  c->train_bits = BITS * (double)train_count / (double)characters;
  if (charlm_shards_create(c->ctx, c->ranks, &o->config.model, ids, train_count, c->length, &c->train) !=
      SEQGPU_OK)
    return cli_library_error(c->ctx);
  if (val_count == 0) return CLI_OK;
  c->val_bits = BITS * (double)val_count / (double)(text_characters(text) - characters);
  if (charlm_eval_streams(c->ctx, ids + train_count, val_count, 0, &c->val) != SEQGPU_OK)
    return cli_library_error(c->ctx);
  return CLI_OK;
}

/* The text of a resumed run must be the one it began with. */
static int build_tokens(charlm_learner *c, const text_file *text, config_cursor *cursor) {
  const charlm_options *o = c->options;
  const char *path = o->text.item[0];
  if (o->run.resume && (cursor->data_hash != text->hash || cursor->data_size != (int64_t)text->size))
    return cli_error("%s: is not the text that %s was trained on; resuming needs the same text", path,
                     o->run.resume);
  cursor->data_hash = text->hash;
  cursor->data_size = (int64_t)text->size;
  if (c->vocab.size == 0)
    CLI_TRY(vocab_build(text, path, text_token_kind(o->config.tokens), o->config.vocab_limit, &c->vocab));
  int32_t *ids;
  int64_t count;
  vocab_misses misses;
  CLI_TRY(vocab_encode(&c->vocab, text, path, &ids, &count, &misses));
  if (!o->run.common.quiet) vocab_note_misses(&misses, count, path);
  const int code = build_streams(c, ids, count, text, cursor);
  free(ids);
  return code;
}

static int build_model(charlm_learner *c, const run_start *start) {
  const charlm_config *config = &c->options->config;
  const int64_t B = config->model.rnn.batch / config->model.shards, T = config->model.rnn.seq_len;
  const weights_source from = {start->file, c->options->run.resume != NULL};
  CLI_TRY(charlm_create(c->ctx, config, c->vocab.size, T, B, 1, from, &c->model));
  seqgpu_status status = charlm_pass_create(&c->model, T, B, 1, &c->pass);
  if (status == SEQGPU_OK) status = charlm_hessian_create(&c->pass, &c->hessian);
  if (status == SEQGPU_OK && c->val.ids)
    status = charlm_pass_create(&c->model, T, c->val.batch, 0, &c->val_pass);
  if (status == SEQGPU_OK && c->options->run.sample_every > 0)
    status = sampler_create(&c->model, &c->vocab, (sampling){.temperature = 1, .top_p = 1}, &c->sampler);
  return status == SEQGPU_OK ? CLI_OK : cli_library_error(c->ctx);
}

static void charlm_learner_destroy(charlm_learner *c) {
  free(c->names);
  if (c->ctx == NULL) return;
  charlm_hessian_destroy(&c->hessian);
  charlm_pass_destroy(&c->pass);
  charlm_pass_destroy(&c->val_pass);
  sampler_destroy(&c->sampler);
  charlm_shards_destroy(&c->train);
  charlm_streams_destroy(c->ctx, &c->val);
  charlm_destroy(&c->model);
  vocab_free(&c->vocab);
}

/* ---------------------------------------------------------------- the learner */

/* Steps of a piece: the last one is what is left. */
static int64_t steps_of(const charlm_learner *c, int64_t piece) {
  const int64_t left = c->length - piece * c->pass.T;
  return left < c->pass.T ? left : c->pass.T;
}

static seqgpu_status loss_of(void *self, double *loss, double *tokens) {
  const charlm_learner *c = self;
  float values[2] = {0}; /* and the number of predictions */
  LIB_TRY(seqgpu_copy_out(c->ctx, values, c->pass.loss, sizeof values));
  *loss = (double)values[0];
  *tokens = (double)values[1];
  return SEQGPU_OK;
}

static seqgpu_status gradients(void *self, int64_t step, int64_t shard, seqgpu_shards *last) {
  charlm_learner *c = self;
  const charlm_streams *train = &c->train.streams[shard - c->train.first];
  const int64_t piece = step % c->pieces, first = piece * c->pass.T, T = steps_of(c, piece);
  const int32_t *ids = train->ids + first * train->batch, *targets = ids + train->batch;
  const uint64_t draws = (uint64_t)step; /* of which a shard has those of its streams */
  c->pass.last = last;
  charlm_shards_use(&c->train, shard, &c->pass);
  if (piece == 0) LIB_TRY(charlm_zero_state(&c->pass));
  LIB_TRY(charlm_forward(&c->pass, T, ids, draws));
  LIB_TRY(charlm_loss(&c->pass, T, targets, 1));
  LIB_TRY(learner_announce(self, loss_of, last));
  return charlm_backward(&c->pass, T, ids, targets, draws);
}

/* All streams are one shard then. */
static seqgpu_status update(void *self, int64_t step, seqgpu_hessian_free_report *report) {
  charlm_learner *c = self;
  const charlm_streams *train = &c->train.streams[0];
  const int64_t piece = step % c->pieces;
  if (piece == 0) LIB_TRY(charlm_zero_state(&c->pass));
  return charlm_hessian_update(&c->hessian, steps_of(c, piece), train->ids + piece * c->pass.T * train->batch,
                               (uint64_t)step, report);
}

/* In the buffers of the update's last shard here, which are as it left them; its states have been carried
 * on.  A Hessian-free update has others, and has left the states. */
static seqgpu_status find(void *self, int64_t step) {
  charlm_learner *c = self;
  if (c->hessian.optimizer) {
    LIB_TRY(seqgpu_params_zero_grad(c->model.params));
    LIB_TRY(gradients(self, step, 0, NULL));
  }
  return charlm_find_not_finite(&c->pass, steps_of(c, step % c->pieces), (uint64_t)step);
}

static seqgpu_status collect(void *self, const ranks *r) {
  const charlm_learner *c = self;
  return charlm_shards_collect(&c->train, r, &c->pass);
}

static seqgpu_status validate(void *self, const volatile sig_atomic_t *stop, double *loss, double *metric) {
  const charlm_learner *c = self;
  LIB_TRY(charlm_evaluate(&c->val_pass, &c->val, (charlm_evaluation){.stop = stop}, loss));
  *metric = c->val_bits * *loss;
  return SEQGPU_OK;
}

static seqgpu_status save(void *self, const config_cursor *cursor, const char *path) {
  const charlm_learner *c = self;
  return charlm_save(&c->model, &c->vocab, cursor, cursor->step / c->pieces, &c->options->text, path);
}

enum { SAMPLE = 200 }; /* tokens of a sample while training */

/* The same numbers are drawn each time, so that samples differ by what was learnt. */
static seqgpu_status sample(void *self, FILE *to) {
  charlm_learner *c = self;
  c->sampler.drawn = 0;
  LIB_TRY(charlm_zero_state(&c->sampler.pass));
  return sampler_write(&c->sampler, NULL, 0, SAMPLE, to);
}

static learner as_learner(charlm_learner *c) {
  const int64_t B = c->options->config.model.rnn.batch;
  learner l = {.self = c,
               .params = c->model.params,
               .plan = c->pass.plan,
               .epoch_updates = c->pieces,
               .tokens = c->pass.T * B,
               .last_tokens = steps_of(c, c->pieces - 1) * B,
               .baseline = (double)NAN,
               .metric = "bits_per_char",
               .metric_of_loss = c->train_bits,
               .token_bits = BITS,
               .update = update,
               .cuts_batches = 1,
               .gradients = gradients,
               .loss = loss_of,
               .find = find,
               .validate = c->val.ids ? validate : NULL,
               .collect = collect,
               .save = save,
               .sample = sample};
  snprintf(l.about, sizeof l.about, "%d tokens in the vocabulary, %lld updates per epoch", (int)c->vocab.size,
           (long long)c->pieces);
  return l;
}

/* ---------------------------------------------------------------- the command */

static int check_options(const run_command *command, const charlm_options *o) {
  if (o->bidirectional)
    return cli_usage("--bidirectional: is refused; such a model would see what it has to predict");
  if (o->text.count == 0 && o->run.resume == NULL)
    return cli_usage("--text: is missing; it must name the text to learn");
  return run_check(command, &o->config.model);
}

/* A resumed run goes on with the texts that its checkpoint names, if they are still there. */
static int find_texts(charlm_learner *c, const run_start *start) {
  charlm_options *o = c->options;
  if (o->text.count > 0) return CLI_OK;
  CLI_TRY(charlm_open_texts(start->file, &o->text, &c->names));
  if (o->text.count == 0)
    return cli_usage("--text: is missing; %s does not say what it was trained on", o->run.resume);
  for (int i = 0; i < o->text.count; i++)
    if (access(o->text.item[i], R_OK) != 0)
      return cli_usage("--text: is missing; %s, which %s was trained on, is not there: %s", o->text.item[i],
                       o->run.resume, strerror(errno));
  return CLI_OK;
}

static int prepare(run_command *command, charlm_learner *c, run_start *start, text_file *text) {
  charlm_options *o = c->options;
  CLI_TRY(run_open_together(command, &o->config.model, start));
  c->ctx = start->ctx;
  c->ranks = &start->ranks;
  if (command->given[args_find(command->specs, "vocab-limit")] && strcmp(o->config.tokens, "words") != 0)
    return cli_usage("--vocab-limit: has no effect with --tokens %s", o->config.tokens);
  CLI_TRY(find_texts(c, start));
  CLI_TRY(text_load(&o->text, text_token_kind(o->config.tokens), text));
  if (start->file && config_is_of(start->file, charlm_format))
    CLI_TRY(charlm_open_vocab(start->file, &o->config, &c->vocab));
  CLI_TRY(build_tokens(c, text, &start->cursor));
  CLI_TRY(build_model(c, start));
  CLI_TRY(run_load(start, c->model.params, o->run.resume != NULL));
  if (charlm_shards_start(&c->train, &c->pass) != SEQGPU_OK) return cli_library_error(c->ctx);
  return CLI_OK;
}

static int run(run_command *command, charlm_options *o) {
  text_file text = {.data = NULL};
  charlm_learner c = {.options = o, .vocab = {.unknown = -1}};
  run_start start = {.ctx = NULL};
  int code = prepare(command, &c, &start, &text);
  text_free(&text);
  if (code == CLI_OK) code = trainer_run(&o->run, &o->config.model, &start, as_learner(&c));
  charlm_learner_destroy(&c);
  run_close(&start, code);
  return code;
}

enum { EPOCHS = 50 };

/* The decay after epochs is the default; another schedule stands in its place. */
static void set_decay(const run_command *c, model_config *config) {
  if (strcmp(config->learning.schedule, "constant") != 0 && !c->given[args_find(c->specs, "lr-decay")])
    config->lr_decay = 1;
}

/* Without a limit, EPOCHS; --epochs 0 or --steps 0 says that there shall be none. */
static void set_limit(const run_command *c) {
  run_options *r = c->run;
  const int limited = r->epochs > 0 || r->steps > 0 || r->minutes > 0;
  if (!limited && !c->given[args_find(c->specs, "epochs")] && !c->given[args_find(c->specs, "steps")])
    r->epochs = EPOCHS;
}

int train_charlm(int argc, char **argv) {
  charlm_options options = {.run = run_defaults, .config = charlm_defaults}, stored;
  run_command command = {.run = &options.run,
                         .options = &options,
                         .stored = &stored,
                         .size = sizeof options,
                         .format = charlm_format};
  char about[400];
  snprintf(about, sizeof about,
           "Trains a recurrent language model on a text: embedding, recurrent layers, softmax over the next "
           "token.\n"
           "Truncated back-propagation through time over --batch parallel streams; Ctrl-C saves and stops.\n"
           "Without --epochs, --steps or --minutes it trains for %d epochs.",
           EPOCHS);
  args_join(command.specs, own_specs, 0);
  charlm_join_specs(command.specs, FIELD(config));
  run_join_specs(command.specs, FIELD(run), 1);
  run_join_together(command.specs, FIELD(run));
  const arg_command help = {"seqgpu train charlm --text FILE [--checkpoint FILE] [options]", about,
                            command.specs};
  const int parsed = args_parse(&help, argc, argv, &options, command.given);
  if (parsed != ARGS_GO_ON) return parsed;
  CLI_TRY(check_options(&command, &options));
  set_limit(&command);
  set_decay(&command, &options.config.model);
  return run(&command, &options);
}
