/* classify_model.c - plans, parameters and answers of `classify` (classify_model.h). */
#include "host/cli/tasks/classify_model.h"
#include "host/cli/hessian.h"
#include "host/cli/network.h"

seqgpu_status classify_plan_set(classify_app *a, const labelled_set *s, int training, seqgpu_plan **out) {
  const classify_options *o = classify_options_of(&a->base);
  model_config c = o->base.model;
  c.rnn.bidirectional = !o->one_direction;
  return app_plan(&a->base, &c, o->word_size, s->words.longest, &s->order, training, out);
}

seqgpu_status classify_build_model(classify_app *a, const seqgpu_plan *plan) {
  const classify_options *o = classify_options_of(&a->base);
  const seqgpu_classifier_desc desc = {.words = a->words.size,
                                       .word_size = o->word_size,
                                       .classes = a->classes.size,
                                       .pool = o->pool,
                                       .attention_size = o->attention_size,
                                       .dropout = o->base.model.rnn.dropout};
  LIB_TRY(app_create_params(&a->base));
  LIB_TRY(seqgpu_classifier_create(a->base.params, &desc, plan, &a->model));
  return network_draw_params(&o->base.model, a->base.params, "rnn", plan);
}

int classify_check_memory(const classify_app *a, const seqgpu_plan *plan) {
  const classify_options *o = classify_options_of(&a->base);
  const double Y = (double)seqgpu_plan_get_sizes(plan).output_width,
               A = o->pool == SEQGPU_CLASSIFIER_ATTENTION ? (double)o->attention_size : 0;
  const network_rest rest = {.params = (double)a->words.size * (double)o->word_size + A * (Y + 1) +
                                       (double)a->classes.size * (Y + 1),
                             .per_step = 4 * (double)o->word_size + 4 * Y + 4 * A + 4,
                             .averaged = learning_may_average(&o->base.model.learning),
                             .hessian = hessian_is_asked(&o->base.model)};
  return network_check_memory(a->base.ctx, plan, rest);
}

seqgpu_status classify_forward(classify_app *a, const seqgpu_plan *plan, const seqgpu_tagger_batch *b) {
  a->logits = seqgpu_classifier_logits(a->model, a->base.tape, plan, b->seq_len, b->batch, b->lengths,
                                       b->word, &a->attention);
  return seqgpu_tape_status(a->base.tape);
}

seqgpu_status classify_read_answer(classify_app *a) { return app_read(a->logits, &a->answer, &a->room); }
