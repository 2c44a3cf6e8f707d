/* tag_model.c - sentences as numbers, the model of `tag` and its answers (tag_model.h). */
#include "host/cli/tasks/tag_model.h"
#include "host/cli/hessian.h"
#include "host/cli/network.h"

/* ---------------------------------------------------------------- sentences */

int tag_open_set(tag_app *a, const arg_list *files, tag_set *s) {
  const model_config *c = &a->base.options->model;
  return labelled_set_open(&s->data, &a->words, &a->letters, &a->tags, files->item[0], c->rnn.batch, c->seed);
}

void tag_close_set(tag_set *s) {
  seqgpu_plan_destroy(s->letters);
  seqgpu_plan_destroy(s->sentence);
  labelled_set_close(&s->data);
}

/* ---------------------------------------------------------------- plans and parameters */

/* The network over letters: the cell with none of its options, one layer, both directions.  Any shard of a batch
 * may have all of its words. */
static model_config letter_config(const tag_options *o) {
  model_config c = o->base.model;
  c.shards = 0;
  c.rnn = (seqgpu_rnn_desc){.hidden_size = o->letter_hidden, .num_layers = 1, .bidirectional = 1};
  return c;
}

seqgpu_status tag_plan_set(tag_app *a, tag_set *s, int training) {
  const tag_options *o = tag_options_of(&a->base);
  const model_config letters = letter_config(o);
  const word_set *w = &s->data.words;
  model_config sentence = o->base.model;
  sentence.rnn.bidirectional = !o->one_direction;
  if (o->letter_size > 0) {
    const int64_t most = s->data.order.count > 0 ? buckets_most_steps(&s->data.order) : 0,
                  spellings = most < w->spellings ? most : w->spellings;
    LIB_TRY(network_plan(a->base.ctx, &letters, o->letter_size, w->letters > 0 ? w->letters : 1,
                         spellings > 0 ? spellings : 1, training, &s->letters));
  }
  return app_plan(&a->base, &sentence, seqgpu_tagger_input_size(o->word_size, s->letters), w->longest,
                  &s->data.order, training, &s->sentence);
}

seqgpu_status tag_build_model(tag_app *a, const tag_set *s) {
  const tag_options *o = tag_options_of(&a->base);
  const model_config letters = letter_config(o);
  const seqgpu_tagger_desc desc = {.words = a->words.size,
                                   .word_size = o->word_size,
                                   .letters = a->letters.size,
                                   .letter_size = o->letter_size,
                                   .tags = a->tags.size,
                                   .dropout = o->base.model.rnn.dropout};
  LIB_TRY(app_create_params(&a->base));
  LIB_TRY(seqgpu_tagger_create(a->base.params, &desc, s->letters, s->sentence, &a->model));
  if (s->letters) LIB_TRY(network_draw_params(&letters, a->base.params, "speller", s->letters));
  return network_draw_params(&o->base.model, a->base.params, "rnn", s->sentence);
}

static double input_size(const seqgpu_plan *p) { return (double)seqgpu_plan_get_desc(p).input_size; }
static double output_size(const seqgpu_plan *p) { return (double)seqgpu_plan_get_sizes(p).output_width; }

int tag_check_memory(const tag_app *a, const tag_set *s) {
  const tag_options *o = tag_options_of(&a->base);
  const double tags = a->tags.size, Y = output_size(s->sentence);
  const int averaged = learning_may_average(&o->base.model.learning);
  const network_rest rest = {.params = (double)a->words.size * (double)o->word_size +
                                       (double)a->letters.size * (double)o->letter_size + tags * (Y + 1),
                             .per_step = 6 * input_size(s->sentence) + 4 * Y + 4 * tags + 4,
                             .averaged = averaged,
                             .hessian = hessian_is_asked(&o->base.model)};
  CLI_TRY(network_check_memory(a->base.ctx, s->sentence, rest));
  if (s->letters == NULL) return CLI_OK;
  const network_rest letters = {.per_step = 2 * input_size(s->letters) + 2 * output_size(s->letters)};
  return network_check_memory(a->base.ctx, s->letters, letters);
}

/* ---------------------------------------------------------------- answers */

seqgpu_status tag_batch(tag_set *s, const int32_t *which, int64_t count, seqgpu_tagger_batch *out) {
  return word_set_batch(&s->data.words, which, count, out) ? SEQGPU_OK : cli_no_memory();
}

seqgpu_status tag_forward(tag_app *a, const tag_set *s, const seqgpu_tagger_batch *batch) {
  a->logits = seqgpu_tagger_logits(a->model, a->base.tape, s->letters, s->sentence, batch);
  return seqgpu_tape_status(a->base.tape);
}

seqgpu_status tag_read_answer(tag_app *a) { return app_read(a->logits, &a->answer, &a->room); }
