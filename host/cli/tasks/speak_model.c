/* speak_model.c - plans and parameters of the application `speak`, and its batches on the tape (speak_model.h). */
#include <math.h>
#include <string.h>

#include "host/cli/application_words.h"
#include "host/cli/network.h"
#include "host/cli/tasks/speak_model.h"
#include "host/data/grow.h"

/* ---------------------------------------------------------------- plans and parameters */

static int64_t features_of(const speak_app *a) { return a->form.bands * a->form.stack; }

/* One voice needs no telling apart. */
static int64_t voices_of(const speak_app *a) { return a->voices.size > 1 ? a->voices.size : 0; }

static int64_t voice_size_of(const speak_app *a) {
  return voices_of(a) > 0 ? speak_options_of(&a->base)->voice_size : 0;
}

/* It reads in both directions, each half as wide. */
static model_config encoder_config(const speak_app *a) {
  model_config c = a->base.options->model;
  c.rnn.bidirectional = 1;
  c.rnn.hidden_size = (c.rnn.hidden_size + 1) / 2;
  return c;
}

static int64_t width_of(const seqgpu_plan *p) { return seqgpu_plan_get_sizes(p).output_width; }

seqgpu_status speak_plan(const speak_app *a, int64_t letters, int64_t steps, int64_t sequences, int training,
                         speak_plans *out) {
  const speak_options *o = speak_options_of(&a->base);
  const model_config encoder = encoder_config(a), *c = &o->base.model;
  seqgpu_context *ctx = a->base.ctx;
  LIB_TRY(network_plan(ctx, &encoder, o->letter_size, letters, sequences, training, &out->encoder));
  LIB_TRY(
      network_plan(ctx, c, o->prenet_size + voice_size_of(a), steps, sequences, training, &out->listener));
  return network_plan(ctx, c, width_of(out->listener) + width_of(out->encoder), steps, sequences, training,
                      &out->decoder);
}

void speak_destroy_plans(speak_plans *p) {
  seqgpu_plan_destroy(p->encoder);
  seqgpu_plan_destroy(p->listener);
  seqgpu_plan_destroy(p->decoder);
  *p = (speak_plans){NULL, NULL, NULL};
}

int speak_check_memory(const speak_app *a, const speak_plans *p) {
  const speak_options *o = speak_options_of(&a->base);
  const double P = (double)o->prenet_size, D = (double)o->attention_size, F = (double)features_of(a),
               I = (double)o->letter_size, V = (double)voice_size_of(a), E = (double)width_of(p->encoder),
               Y = (double)width_of(p->listener), Z = (double)width_of(p->decoder),
               S = (double)seqgpu_plan_get_desc(p->encoder).seq_len;
  const int averaged = learning_may_average(&o->base.model.learning);
  const network_rest reads = {
      .params = (double)a->letters.size * I, .per_step = 2 * I + 2 * D + E, .averaged = averaged};
  const network_rest listens = {.params = P * (F + P + 2) + (double)a->voices.size * V + D * (Y + E + 1),
                                .per_step = 3 * F + 10 * P + 4 * V + 2 * D + 2 * S,
                                .averaged = averaged};
  const network_rest says = {.params = (F + 1) * (Z + E + 1),
                             .per_step = 4 * F + 2 * (Y + E) + 2 * (Z + E) + 2 * E + 4,
                             .averaged = averaged};
  CLI_TRY(network_check_memory(a->base.ctx, p->encoder, reads));
  CLI_TRY(network_check_memory(a->base.ctx, p->listener, listens));
  return network_check_memory(a->base.ctx, p->decoder, says);
}

seqgpu_status speak_build_model(speak_app *a, const speak_plans *p) {
  const speak_options *o = speak_options_of(&a->base);
  const model_config encoder = encoder_config(a), *c = &o->base.model;
  const seqgpu_speaker_desc desc = {.letters = a->letters.size,
                                    .letter_size = o->letter_size,
                                    .voices = voices_of(a),
                                    .voice_size = voice_size_of(a),
                                    .features = features_of(a),
                                    .prenet_size = o->prenet_size,
                                    .attention_size = o->attention_size,
                                    .dropout = c->rnn.dropout};
  LIB_TRY(app_create_params(&a->base));
  LIB_TRY(seqgpu_speaker_create(a->base.params, &desc, p->encoder, p->listener, p->decoder, &a->model));
  LIB_TRY(network_draw_params(&encoder, a->base.params, "encoder", p->encoder));
  LIB_TRY(network_draw_params(c, a->base.params, "listener", p->listener));
  return network_draw_params(c, a->base.params, "decoder", p->decoder);
}

/* Those of the networks, and of the two layers of the pre-net. */
uint64_t speak_random_blocks(const speak_app *a, const speak_plans *p) {
  const int64_t rows = seqgpu_plan_get_desc(p->listener).seq_len * app_sequences(p->listener);
  const double dropped = 2 * (double)rows * (double)speak_options_of(&a->base)->prenet_size;
  return app_random_blocks(p->encoder) + app_random_blocks(p->listener) + app_random_blocks(p->decoder) +
         (uint64_t)(dropped / 4) + 2;
}

/* ---------------------------------------------------------------- a batch */

static int floats(float **array, size_t *room, int64_t elements) {
  void *memory = *array;
  const int ok = grow(&memory, room, (size_t)elements, sizeof **array);
  *array = memory;
  return ok;
}

static int numbers(int32_t **array, size_t *room, int64_t elements) {
  void *memory = *array;
  const int ok = grow(&memory, room, (size_t)elements, sizeof **array);
  *array = memory;
  return ok;
}

static int make_room(speak_app *a, const speech_batch *h) {
  const int64_t rows = h->seq_len * h->batch;
  return floats(&a->before, &a->room_before, rows * features_of(a)) &&
         floats(&a->ends, &a->room_ends, rows) && numbers(&a->mask, &a->room_mask, rows * a->form.stack) &&
         numbers(&a->letter, &a->room_letter, h->label_len * h->batch) &&
         numbers(&a->voice, &a->room_voice, h->batch);
}

/* What was said before each step, which frames there are, and where the ends are. */
static void fill_steps(speak_app *a, const speech_batch *h) {
  const int64_t T = h->seq_len, B = h->batch, row = B * features_of(a), r = a->form.stack;
  memset(a->before, 0, (size_t)row * sizeof *a->before);
  memcpy(a->before + row, h->x, (size_t)((T - 1) * row) * sizeof *a->before);
  for (int64_t i = 0; i < T * B; i++) {
    a->ends[i] = i / B == h->lengths[i % B] - 1;
    for (int64_t j = 0; j < r; j++) a->mask[i * r + j] = i / B * r + j < h->frames[i % B];
  }
}

int speak_make_batch(speak_app *a, speech_set *s, const int32_t *voice, const int32_t *which, int64_t count,
                     const speech_draw *draw, speak_batch *out) {
  speech_batch *h = &out->heard;
  if (!speech_set_batch(s, which, count, draw, h) || !make_room(a, h)) return 0;
  fill_steps(a, h);
  for (int64_t i = 0; i < h->label_len * count; i++) /* labels count from 1 */
    a->letter[i] = h->label[i] > 0 ? h->label[i] - 1 : -1;
  for (int64_t i = 0; i < count; i++) {
    const int32_t who = s->said.item[s->item[which[i]].part[0]].speaker;
    a->voice[i] = who < 0 ? -1 : voice[who];
  }
  out->said = (seqgpu_speaker_batch){.batch = count,
                                     .text_len = h->label_len,
                                     .text_lengths = h->label_lengths,
                                     .text = a->letter,
                                     .voice = a->voice,
                                     .seq_len = h->seq_len,
                                     .before = a->before};
  out->mask = a->mask;
  out->ends = a->ends;
  return 1;
}

void speak_losses(speak_app *a, const speak_plans *p, const speak_batch *b, int mean, seqgpu_tensor **squares,
                  seqgpu_tensor **ends) {
  seqgpu_tape *t = a->base.tape;
  const int64_t T = b->heard.seq_len, B = b->heard.batch, frames[] = {T, B, a->form.stack, a->form.bands},
                ends_shape[] = {T, B, 1};
  seqgpu_tensor *x =
      seqgpu_speaker_say(a->model, t, p->encoder, p->listener, p->decoder, &b->said, a->beside);
  *squares = seqgpu_tape_squared_error(t, seqgpu_tape_reshape(t, x, 4, frames),
                                       seqgpu_tape_input(t, 4, frames, b->heard.x),
                                       seqgpu_tape_ids(t, 3, frames, b->mask), mean, 1);
  *ends = seqgpu_tape_binary_cross_entropy(t, a->beside[SEQGPU_SPEAKER_END],
                                           seqgpu_tape_input(t, 3, ends_shape, b->ends),
                                           seqgpu_tape_lengths(t, B, b->heard.lengths), mean, 1);
}

int64_t speak_find_end(const float *logit, int64_t steps, int64_t stride) {
  double goes_on = 1;
  for (int64_t t = 0; t < steps; t++) {
    goes_on /= 1 + exp((double)logit[t * stride]);
    if (goes_on < 0.5) return t;
  }
  return steps;
}
