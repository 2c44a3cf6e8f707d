/* transcribe_model.c - what the model of `transcribe` writes, its plan and its parameters (transcribe_model.h). */
#include "host/cli/tasks/transcribe_model.h"
#include "host/cli/application_words.h"
#include "host/cli/network.h"

/* ---------------------------------------------------------------- plan and parameters */

static int64_t classes_of(const transcribe_app *a) { return a->letters.size + 1; }

static model_config network_of(const transcribe_app *a) {
  model_config c = a->base.options->model;
  c.rnn.bidirectional = 1;
  return c;
}

seqgpu_status transcribe_plan(const transcribe_app *a, const speech_set *s, int training, seqgpu_plan **out) {
  const model_config c = network_of(a);
  return app_plan(&a->base, &c, a->form.bands * a->form.stack, s->longest, &s->order, training, out);
}

int transcribe_check_memory(const transcribe_app *a, const seqgpu_plan *plan) {
  const double K = (double)classes_of(a), Y = (double)seqgpu_plan_get_sizes(plan).output_width,
               I = (double)seqgpu_plan_get_desc(plan).input_size;
  const network_rest rest = {.params = K * (Y + 1),
                             .per_step = 2 * I + 4 * Y + 6 * K,
                             .averaged = learning_may_average(&a->base.options->model.learning)};
  return network_check_memory(a->base.ctx, plan, rest);
}

seqgpu_status transcribe_build_model(transcribe_app *a, const seqgpu_plan *plan) {
  const model_config c = network_of(a);
  const seqgpu_transcriber_desc desc = {
      .features = a->form.bands * a->form.stack, .classes = classes_of(a), .dropout = c.rnn.dropout};
  LIB_TRY(app_create_params(&a->base));
  LIB_TRY(seqgpu_transcriber_create(a->base.params, &desc, plan, &a->model));
  return network_draw_params(&c, a->base.params, "rnn", plan);
}

/* ---------------------------------------------------------------- answers */

seqgpu_status transcribe_forward(transcribe_app *a, const seqgpu_plan *plan, const speech_batch *b) {
  a->logits = seqgpu_transcriber_logits(a->model, a->base.tape, plan, b->seq_len, b->batch, b->lengths, b->x);
  return seqgpu_tape_status(a->base.tape);
}

seqgpu_status transcribe_read_answer(transcribe_app *a) { return app_read(a->logits, &a->answer, &a->room); }

seqgpu_status transcribe_read_labels(transcribe_app *a, const speech_batch *b, int64_t i, int64_t *count,
                                     double *log_probability) {
  const int64_t K = classes_of(a), beam = transcribe_options_of(&a->base)->beam;
  const float *logits = a->answer + i * K;
  *log_probability = 0;
  if (beam == 0)
    return seqgpu_ctc_best_path(a->base.ctx, logits, b->lengths[i], b->batch * K, K, 0, a->read, count);
  return seqgpu_ctc_beam(a->base.ctx, logits, b->lengths[i], b->batch * K, K, 0, beam, a->read, count,
                         log_probability);
}
