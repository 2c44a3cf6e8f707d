/* transcribe_model.c - what the model of `transcribe` reads and writes, its plan and its parameters
 * (transcribe.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/application_words.h"
#include "host/cli/network.h"
#include "host/cli/tasks/transcribe.h"

/* ---------------------------------------------------------------- its form, in a checkpoint */

static const char rate_key[] = "rate", means_key[] = "means", deviations_key[] = "deviations";

/* Numbers with spaces between, from malloc; NULL when out of memory. */
static char *write_numbers(const double *number, int64_t count) {
  enum { DIGITS = 26 }; /* with the space, so that the same bits are read again */
  char *text = malloc((size_t)count * DIGITS + 1);
  size_t at = 0;
  for (int64_t i = 0; text && i < count; i++)
    at += (size_t)snprintf(text + at, DIGITS, i > 0 ? " %.17g" : "%.17g", number[i]);
  return text;
}

/* Reads so many of them, each above `least`; 0 if that is not what the text has. */
static int read_numbers(const char *text, int64_t count, double least, double *out) {
  for (int64_t i = 0; i < count; i++) {
    char *end;
    out[i] = strtod(text, &end);
    if (end == text || !isfinite(out[i]) || !(out[i] > least)) return 0;
    text = end;
  }
  return *text == '\0';
}

static int open_numbers(const transcribe_app *a, const char *key, int64_t count, double least, double *out) {
  const char *text = seqgpu_checkpoint_meta(a->base.file, key);
  if (text && read_numbers(text, count, least, out)) return CLI_OK;
  return cli_error("%s: %s must be in its metadata, %lld numbers with spaces between", a->base.path, key,
                   (long long)count);
}

int transcribe_open_form(transcribe_app *a) {
  const transcribe_options *o = transcribe_options_of(&a->base);
  speech_form *f = &a->form;
  *f = (speech_form){.rate = a->train.said.rate,
                     .bands = o->mels,
                     .stack = o->stack,
                     .range = o->range,
                     .centred = o->centre};
  if (a->base.file == NULL) return speech_form_find(&a->train.said, f);
  double rate;
  CLI_TRY(open_numbers(a, rate_key, 1, 0, &rate));
  CLI_TRY(open_numbers(a, means_key, f->bands, -(double)INFINITY, f->mean));
  CLI_TRY(open_numbers(a, deviations_key, f->bands, 0, f->deviation));
  if (!(rate >= MEL_LEAST_RATE && rate <= MEL_MOST_RATE && rate == floor(rate)))
    return cli_error("%s: rate is %g; it must be a whole number from %d to %d", a->base.path, rate,
                     MEL_LEAST_RATE, MEL_MOST_RATE);
  f->rate = (int64_t)rate;
  return CLI_OK;
}

int transcribe_describe_form(const speech_form *form, app_text texts[3]) {
  const double rate = (double)form->rate;
  texts[0] = (app_text){rate_key, write_numbers(&rate, 1)};
  texts[1] = (app_text){means_key, write_numbers(form->mean, form->bands)};
  texts[2] = (app_text){deviations_key, write_numbers(form->deviation, form->bands)};
  return texts[0].text && texts[1].text && texts[2].text;
}

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
