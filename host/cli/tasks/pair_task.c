/* pair_task.c - vocabularies, training and loss of applications that write a sequence for a sequence
 * (pair_task.h).
 */
#include "host/cli/tasks/pair_task.h"

#include <stdlib.h>

#include "host/cli/application_words.h"

const arg_spec pair_search_specs[] = {PAIR_SEARCH_ROWS, ROW_END};

/* ---------------------------------------------------------------- data */

void pair_note_data(pair_app *a) {
  const pairs *train = &a->train.text, *val = &a->val.text;
  a->base.data_hash = pairs_hash(train);
  a->base.data_size = train->source.bytes + train->target.bytes;
  a->base.train_size = train->source.count;
  a->base.val_hash = val->source.count > 0 ? pairs_hash(val) : 0;
}

/* Every vocabulary has <unk> first: it is what is not written. */
static int check_unknown(const pair_app *a, const vocabulary *v, const char *key) {
  return v->unknown == 0 ? CLI_OK : cli_error("%s: %s: has no <unk> in front", a->base.path, key);
}

static int open_vocabularies(pair_app *a) {
  const pair_options *o = pair_options_of(&a->base);
  if (a->base.file) {
    CLI_TRY(app_read_vocabulary(&a->base, "source", &a->source));
    CLI_TRY(app_read_labels(&a->base, "target", &a->target));
    CLI_TRY(check_unknown(a, &a->source, "source"));
    return check_unknown(a, &a->target, "target");
  }
  CLI_TRY(words_count(&a->train.text.source, o->min_count, &a->source));
  CLI_TRY(words_count(&a->train.text.target, o->min_count, &a->target));
  return labels_check(&a->target, "target");
}

/* Room for answers of twice as many words as their sources have, and 10. */
static int open_answers(pair_app *a) {
  const int64_t count = a->val.text.source.count;
  pair_answers *s = &a->answers;
  s->start = malloc((size_t)(count + 1) * sizeof *s->start);
  s->length = calloc((size_t)count + 1, sizeof *s->length);
  s->score = calloc((size_t)count + 1, sizeof *s->score);
  if (!s->start || !s->length || !s->score) return cli_error("out of memory");
  s->start[0] = 0;
  for (int64_t i = 0; i < count; i++)
    s->start[i + 1] = s->start[i] + 2 * (int64_t)a->val.source.length[i] + 10;
  s->word = malloc((size_t)(s->start[count] + 1) * sizeof *s->word);
  s->attended = malloc((size_t)(s->start[count] + 1) * sizeof *s->attended);
  return s->word && s->attended ? CLI_OK : cli_error("out of memory");
}

int pair_open(app *base) {
  pair_app *a = (pair_app *)base;
  const pair_options *o = pair_options_of(base);
  const model_config *c = &base->options->model;
  if (o->attention == SEQGPU_ATTENTION_DOT && !o->one_direction)
    return cli_usage(
        "--attention dot: what is read in both directions is twice as wide as what is written; give "
        "--one-direction, or --attention general");
  CLI_TRY(open_vocabularies(a));
  CLI_TRY(pair_set_open(&a->train, &a->source, &a->target, o->backwards, c->rnn.batch, c->seed));
  CLI_TRY(pair_set_open(&a->val, &a->source, &a->target, o->backwards, c->rnn.batch, c->seed));
  return open_answers(a);
}

/* ---------------------------------------------------------------- the model */

static void describe_run(pair_app *a) {
  app *base = &a->base;
  const int64_t updates = a->train.order.batches;
  base->plan = base->training ? a->plans.decoder : a->val_plans.encoder;
  base->validates = a->val.text.target.count > 0;
  if (!base->training) return;
  base->baseline = pair_set_entropy(&a->train);
  base->order = &a->train.order;
  base->epoch_updates = updates;
  base->tokens = pair_set_steps(&a->train) / updates;
  base->random_blocks = app_random_blocks(a->plans.encoder) + app_random_blocks(a->plans.decoder);
  snprintf(base->about, sizeof base->about, "%lld pairs, %d and %d words, %lld updates per epoch",
           (long long)a->train.text.source.count, (int)a->source.size, (int)a->target.size,
           (long long)updates);
}

int pair_build(app *base) {
  pair_app *a = (pair_app *)base;
  pair_plans *first = base->training ? &a->plans : &a->val_plans;
  seqgpu_status status = pair_plan_set(a, base->training ? &a->train : &a->val, base->training, first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  CLI_TRY(pair_check_memory(a, first));
  if (base->training && a->val.text.source.count > 0) status = pair_plan_set(a, &a->val, 0, &a->val_plans);
  if (status == SEQGPU_OK && a->val.text.source.count > 0) status = pair_plan_search(a);
  if (status == SEQGPU_OK) status = pair_build_model(a, first);
  if (status != SEQGPU_OK) return cli_library_error(base->ctx);
  describe_run(a);
  return CLI_OK;
}

/* ---------------------------------------------------------------- a batch */

static seqgpu_tensor *targets_of(seqgpu_tape *t, const pair_batch *b) {
  const int64_t shape[] = {b->words.target_len, b->words.batch};
  return seqgpu_tape_ids(t, 2, shape, b->target);
}

seqgpu_tensor *pair_loss(app *base, int64_t step) {
  pair_app *a = (pair_app *)base;
  pair_batch b;
  int64_t count;
  const int32_t *which = buckets_batch(&a->train.order, step, &count);
  if (!pair_set_batch(&a->train, which, count, &b)) return NULL;
  seqgpu_tensor *logits = pair_logits(a, &a->plans, &b);
  return seqgpu_tape_smoothed_cross_entropy(base->tape, logits, targets_of(base->tape, &b), 1, 1,
                                            pair_options_of(base)->smoothing);
}

/* The loss of a batch of the validation, without smoothing, on the clear tape. */
static seqgpu_status add_loss(pair_app *a, const pair_batch *b) {
  seqgpu_tape *t = a->base.tape;
  double sum;
  seqgpu_tensor *logits = pair_logits(a, &a->val_plans, b);
  const seqgpu_tensor *loss = seqgpu_tape_cross_entropy(t, logits, targets_of(t, b), 0, 1);
  LIB_TRY(seqgpu_tape_status(t));
  LIB_TRY(seqgpu_tensor_number(loss, &sum));
  a->loss_sum += sum;
  a->steps += (double)b->steps;
  return SEQGPU_OK;
}

static seqgpu_status answer_batch(app *base, const int32_t *which, int64_t count) {
  pair_app *a = (pair_app *)base;
  pair_batch b;
  if (!pair_set_batch(&a->val, which, count, &b)) return cli_no_memory();
  if (b.steps > 0) LIB_TRY(add_loss(a, &b));
  return pair_search(a, which, &b);
}

seqgpu_status pair_answer(pair_app *a, const volatile sig_atomic_t *stop) {
  a->loss_sum = a->steps = 0;
  return app_each_turn(&a->base, &a->val.order, 1, stop, answer_batch);
}

const vocab_token *pair_word(const pair_app *a, int64_t answer, int64_t t) {
  return &a->target.tokens[a->answers.word[a->answers.start[answer] + t]];
}

/* ---------------------------------------------------------------- the rest */

int pair_describe(const app *base, app_text texts[APP_TEXTS]) {
  const pair_app *a = (const pair_app *)base;
  texts[0] = (app_text){"source", vocab_write(&a->source)};
  texts[1] = (app_text){"target", vocab_write(&a->target)};
  return texts[0].text && texts[1].text;
}

void pair_close(app *base) {
  pair_app *a = (pair_app *)base;
  seqgpu_plan *const plans[] = {a->plans.encoder, a->plans.decoder, a->val_plans.encoder,
                                a->val_plans.decoder, a->step};
  void *const memory[] = {a->answers.start, a->answers.word, a->answers.attended, a->answers.length,
                          a->answers.score};
  seqgpu_translator_destroy(a->model);
  for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) seqgpu_plan_destroy(plans[i]);
  for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) free(memory[i]);
  pair_set_close(&a->train);
  pair_set_close(&a->val);
  vocab_free(&a->source);
  vocab_free(&a->target);
}
