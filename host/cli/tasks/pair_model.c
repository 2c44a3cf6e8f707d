/* pair_model.c - plans, parameters and answers of applications that write a sequence for a sequence
 * (pair_model.h).
 */
#include <stdlib.h>
#include <string.h>

#include "host/cli/application_words.h"
#include "host/cli/hessian.h"
#include "host/cli/network.h"
#include "host/cli/tasks/pair_model.h"

/* ---------------------------------------------------------------- plans and parameters */

static model_config encoder_config(const pair_app *a) {
  model_config c = a->base.options->model;
  c.rnn.bidirectional = !pair_options_of(&a->base)->one_direction;
  return c;
}

/* Of the longest source, and target with its end. */
static int64_t longest_source(const pair_set *s) { return s->source.longest; }
static int64_t longest_target(const pair_set *s) { return s->target.longest + 1; }

seqgpu_status pair_plan_set(pair_app *a, const pair_set *s, int training, pair_plans *out) {
  const model_config encoder = encoder_config(a);
  const int64_t reads = pair_options_of(&a->base)->word_size;
  LIB_TRY(app_plan(&a->base, &encoder, reads, longest_source(s), &s->order, training, &out->encoder));
  return app_plan(&a->base, &a->base.options->model, reads, longest_target(s), &s->order, training,
                  &out->decoder);
}

seqgpu_status pair_plan_search(pair_app *a) {
  const pair_options *o = pair_options_of(&a->base);
  const buckets *order = &a->val.order;
  const int64_t batch = order->count < order->batch ? order->count : order->batch;
  return network_plan(a->base.ctx, &o->base.model, o->word_size, 1, batch * o->beam, 0, &a->step);
}

seqgpu_status pair_build_model(pair_app *a, const pair_plans *p) {
  const pair_options *o = pair_options_of(&a->base);
  const model_config encoder = encoder_config(a);
  const seqgpu_translator_desc desc = {.source_words = a->source.size,
                                       .target_words = a->target.size,
                                       .word_size = o->word_size,
                                       .attention_size = o->attention_size,
                                       .dropout = o->base.model.rnn.dropout,
                                       .attention = o->attention};
  LIB_TRY(app_create_params(&a->base));
  LIB_TRY(seqgpu_translator_create(a->base.params, &desc, p->encoder, p->decoder, &a->model));
  LIB_TRY(network_draw_params(&encoder, a->base.params, "encoder", p->encoder));
  return network_draw_params(&o->base.model, a->base.params, "decoder", p->decoder);
}

static double output_size(const seqgpu_plan *p) { return (double)seqgpu_plan_get_sizes(p).output_width; }

int pair_check_memory(const pair_app *a, const pair_plans *p) {
  const pair_options *o = pair_options_of(&a->base);
  const int adds = o->attention == SEQGPU_ATTENTION_ADDITIVE;
  const double I = (double)o->word_size, E = output_size(p->encoder), Y = output_size(p->decoder),
               D = adds ? (double)o->attention_size : Y, classes = (double)a->target.size + 1,
               T = (double)seqgpu_plan_get_desc(p->decoder).seq_len;
  const int averaged = learning_may_average(&o->base.model.learning),
            hessian = hessian_is_asked(&o->base.model);
  const network_rest reads = {.params = (double)a->source.size * I + D * E,
                              .per_step = 6 * I + 2 * E + 3 * D + 2 * T,
                              .averaged = averaged,
                              .hessian = hessian};
  const network_rest writes = {.params = (classes - 1) * I + classes * (Y + 1) + (adds ? D * Y : 0) +
                                         Y * (Y + E + 1),
                               .per_step = 6 * I + 8 * Y + 3 * D + 3 * E + 2 * classes,
                               .averaged = averaged,
                               .hessian = hessian};
  CLI_TRY(network_check_memory(a->base.ctx, p->encoder, reads));
  return network_check_memory(a->base.ctx, p->decoder, writes);
}

/* ---------------------------------------------------------------- answers */

seqgpu_tensor *pair_logits(const pair_app *a, const pair_plans *p, const pair_batch *b) {
  return seqgpu_translator_logits(a->model, a->base.tape, p->encoder, p->decoder, &b->words, NULL);
}

/* Copies the answer to source i, which is number b of its batch. */
static void keep_answer(pair_app *a, int64_t i, int64_t b, int64_t most,
                        const seqgpu_translator_answers *is) {
  pair_answers *to = &a->answers;
  const int64_t room = to->start[i + 1] - to->start[i];
  const int32_t n = a->val.source.length[i];
  to->length[i] = is->lengths[b] < room ? is->lengths[b] : (int32_t)room;
  to->score[i] = is->score[b];
  memcpy(to->word + to->start[i], is->word + b * most, (size_t)to->length[i] * sizeof *to->word);
  for (int64_t t = 0; is->attended && t < to->length[i]; t++) {
    const int32_t at = is->attended[b * most + t];
    to->attended[to->start[i] + t] = a->val.backwards ? n - 1 - at : at;
  }
}

static seqgpu_status search_into(pair_app *a, const int32_t *which, const pair_batch *b,
                                 seqgpu_translator_options o, const seqgpu_translator_answers *found) {
  LIB_TRY(seqgpu_translator_search(a->model, a->val_plans.encoder, a->step, &o, &b->words, found));
  for (int64_t i = 0; i < b->words.batch; i++) keep_answer(a, which[i], i, o.most, found);
  return SEQGPU_OK;
}

seqgpu_status pair_search(pair_app *a, const int32_t *which, const pair_batch *b) {
  const pair_options *o = pair_options_of(&a->base);
  const int64_t most = 2 * b->words.source_len + 10, B = b->words.batch;
  int32_t *number = malloc((size_t)(B * (2 * most + 1)) * sizeof *number);
  double *score = malloc((size_t)B * sizeof *score);
  const seqgpu_translator_options how = {
      .beam = o->beam, .most = most, .banned = !o->copy, .length_norm = o->length_norm};
  const seqgpu_translator_answers found = {.word = number,
                                           .lengths = number + B * most,
                                           .attended = pair_attends(o) ? number + B * (most + 1) : NULL,
                                           .score = score};
  const seqgpu_status status = number && score ? search_into(a, which, b, how, &found) : cli_no_memory();
  free(number);
  free(score);
  return status;
}
