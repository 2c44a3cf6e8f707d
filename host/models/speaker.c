/* speaker.c - text to speech on the tape (seqgpu/speaker.h has the equations). */
#include "seqgpu/speaker.h"

#include <string.h>

#include "host/context/sizes.h"
#include "host/context/structs.h"
#include "host/params/params.h"
#include "host/tape/record.h"

/* How large the vectors of letters and voices are when they are drawn. */
static const double VECTOR_SCALE = 0.1;

enum { MOST = 1 << 30, /* of anything that is counted */ LAYERS = 2 /* of the pre-net */ };

struct seqgpu_speaker {
  seqgpu_context *ctx;
  seqgpu_speaker_desc desc;
  seqgpu_param letter, voice, prenet[LAYERS], prenet_bias[LAYERS], encoder, listener, decoder, query, memory,
      v, output, output_bias, end, end_bias;
};

static int64_t width_of(const seqgpu_plan *plan) { return seqgpu_plan_get_sizes(plan).output_width; }

/* ---------------------------------------------------------------- creating */

static seqgpu_status check_sizes(seqgpu_context *ctx, const seqgpu_speaker_desc *d) {
  SQ_TRY(sq_check_range(ctx, "speaker: letters", d->letters, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "speaker: letter_size", d->letter_size, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "speaker: voices", d->voices, 0, MOST));
  SQ_TRY(sq_check_range(ctx, "speaker: voice_size", d->voice_size, d->voices > 0, d->voices > 0 ? MOST : 0));
  SQ_TRY(sq_check_range(ctx, "speaker: features", d->features, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "speaker: prenet_size", d->prenet_size, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "speaker: attention_size", d->attention_size, 1, MOST));
  if (d->dropout >= 0 && d->dropout <= 1) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "speaker: dropout is %g; it must be from 0 to 1", d->dropout);
}

static seqgpu_status check_plan(seqgpu_context *ctx, const char *name, const seqgpu_plan *plan, int64_t input,
                                int may_turn) {
  const seqgpu_rnn_desc d = seqgpu_plan_get_desc(plan);
  if (d.input_size != input)
    return sq_fail(ctx, SEQGPU_EINVAL, "speaker: plan %s has input_size %lld; it must be %lld", name,
                   (long long)d.input_size, (long long)input);
  if (!d.bidirectional || may_turn) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "speaker: plan %s reads in both directions; it must not know what comes",
                 name);
}

static seqgpu_status check_plans(seqgpu_context *ctx, const seqgpu_speaker_desc *d,
                                 const seqgpu_plan *encoder, const seqgpu_plan *listener,
                                 const seqgpu_plan *decoder) {
  const char *one = seqgpu_plan_get_desc(listener).cell, *other = seqgpu_plan_get_desc(decoder).cell;
  SQ_TRY(check_plan(ctx, "encoder", encoder, d->letter_size, 1));
  SQ_TRY(check_plan(ctx, "listener", listener, d->prenet_size + d->voice_size, 0));
  SQ_TRY(check_plan(ctx, "decoder", decoder, width_of(listener) + width_of(encoder), 0));
  if (strcmp(one, other) == 0) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL,
                 "speaker: the cells of listener and decoder are %s and %s; they must be the same", one,
                 other);
}

/* A linear layer. */
static seqgpu_status add_layer(seqgpu_params *p, const char *weight, const char *bias, int64_t rows,
                               int64_t cols, seqgpu_param *w, seqgpu_param *b) {
  SQ_TRY(seqgpu_params_add(p, weight, rows, cols, "xavier", 1, w));
  return seqgpu_params_add(p, bias, rows, 1, "zeros", 0, b);
}

static seqgpu_status add_weights(seqgpu_params *p, seqgpu_speaker *m, const seqgpu_plan *encoder,
                                 const seqgpu_plan *listener, const seqgpu_plan *decoder) {
  const seqgpu_speaker_desc *d = &m->desc;
  const int64_t E = width_of(encoder), P = d->prenet_size, D = d->attention_size,
                wide = width_of(decoder) + E;
  SQ_TRY(
      seqgpu_params_add(p, "letter.weight", d->letters, d->letter_size, "uniform", VECTOR_SCALE, &m->letter));
  if (d->voices > 0)
    SQ_TRY(
        seqgpu_params_add(p, "voice.weight", d->voices, d->voice_size, "uniform", VECTOR_SCALE, &m->voice));
  SQ_TRY(add_layer(p, "prenet1.weight", "prenet1.bias", P, d->features, &m->prenet[0], &m->prenet_bias[0]));
  SQ_TRY(add_layer(p, "prenet2.weight", "prenet2.bias", P, P, &m->prenet[1], &m->prenet_bias[1]));
  SQ_TRY(seqgpu_params_add_rnn(p, "encoder", encoder, &m->encoder));
  SQ_TRY(seqgpu_params_add_rnn(p, "listener", listener, &m->listener));
  SQ_TRY(seqgpu_params_add_rnn(p, "decoder", decoder, &m->decoder));
  SQ_TRY(seqgpu_params_add(p, "query.weight", D, width_of(listener), "xavier", 1, &m->query));
  SQ_TRY(seqgpu_params_add(p, "memory.weight", D, E, "xavier", 1, &m->memory));
  SQ_TRY(seqgpu_params_add(p, "attention.v", D, 1, "xavier", 1, &m->v));
  SQ_TRY(add_layer(p, "output.weight", "output.bias", d->features, wide, &m->output, &m->output_bias));
  return add_layer(p, "end.weight", "end.bias", 1, wide, &m->end, &m->end_bias);
}

static const char *which_is_null(const void *encoder, const void *listener, const void *decoder) {
  return !encoder ? "encoder" : !listener ? "listener" : !decoder ? "decoder" : NULL;
}

seqgpu_status seqgpu_speaker_create_(seqgpu_params *params, const seqgpu_speaker_desc *desc, size_t size,
                                     const seqgpu_plan *encoder, const seqgpu_plan *listener,
                                     const seqgpu_plan *decoder, seqgpu_speaker **out) {
  if (out) *out = NULL;
  if (params == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = params->ctx;
  const char *null = !out ? "out" : !desc ? "desc" : which_is_null(encoder, listener, decoder);
  if (null) return sq_fail(ctx, SEQGPU_EINVAL, "speaker: %s is NULL", null);
  seqgpu_speaker_desc given;
  SQ_TRY(sq_struct_in(ctx, "speaker_desc", &given, sizeof given, desc, size));
  SQ_TRY(check_sizes(ctx, &given));
  SQ_TRY(check_plans(ctx, &given, encoder, listener, decoder));
  seqgpu_speaker *m = sq_host_alloc(ctx, sizeof *m);
  if (m == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "speaker: out of memory");
  *m = (seqgpu_speaker){.ctx = ctx, .desc = given};
  const seqgpu_status status = add_weights(params, m, encoder, listener, decoder);
  if (status == SEQGPU_OK)
    *out = m;
  else
    seqgpu_speaker_destroy(m);
  return status;
}

void seqgpu_speaker_destroy(seqgpu_speaker *m) {
  if (m) sq_host_free(m->ctx, m);
}

/* ---------------------------------------------------------------- on the tape */

static seqgpu_status check_batch(const seqgpu_speaker *m, const seqgpu_speaker_batch *b) {
  SQ_TRY(sq_check_range(m->ctx, "speaker: batch", b->batch, 1, MOST));
  SQ_TRY(sq_check_range(m->ctx, "speaker: text_len", b->text_len, 1, MOST));
  SQ_TRY(sq_check_range(m->ctx, "speaker: seq_len", b->seq_len, 1, MOST));
  if (b->text_lengths == NULL) return sq_fail(m->ctx, SEQGPU_EINVAL, "speaker: text_lengths is NULL");
  for (int64_t i = 0; i < b->batch; i++)
    if (b->text_lengths[i] < 1 || b->text_lengths[i] > b->text_len)
      return sq_fail(m->ctx, SEQGPU_EINVAL, "speaker: text_lengths[%lld] is %d; it must be 1 to %lld",
                     (long long)i, (int)b->text_lengths[i], (long long)b->text_len);
  return SEQGPU_OK;
}

static seqgpu_tensor *layer(seqgpu_tape *t, seqgpu_tensor *x, const seqgpu_param *w, const seqgpu_param *b) {
  return seqgpu_tape_linear(t, x, seqgpu_tape_param(t, w), seqgpu_tape_param(t, b));
}

/* The vector of each sequence's voice at each step, [T,B,voice_size]. */
static seqgpu_tensor *voices(const seqgpu_speaker *m, seqgpu_tape *t, const seqgpu_speaker_batch *b) {
  const int64_t T = b->seq_len, B = b->batch, shape[] = {T, B};
  int32_t *id = sq_host_alloc(m->ctx, (size_t)(T * B) * sizeof *id);
  if (id == NULL) return sq_tape_fail(t, SEQGPU_ENOMEM, "speaker: out of memory");
  for (int64_t i = 0; i < T * B; i++) id[i] = b->voice ? b->voice[i % B] : -1;
  seqgpu_tensor *x =
      seqgpu_tape_embedding(t, seqgpu_tape_param(t, &m->voice), seqgpu_tape_ids(t, 2, shape, id));
  sq_host_free(m->ctx, id);
  return x;
}

/* l: what the listener makes of what was said before. */
static seqgpu_tensor *listen(const seqgpu_speaker *m, seqgpu_tape *t, const seqgpu_plan *listener,
                             const seqgpu_speaker_batch *b) {
  const int64_t shape[] = {b->seq_len, b->batch, m->desc.features};
  seqgpu_tensor *p = seqgpu_tape_input(t, 3, shape, b->before);
  for (int i = 0; i < LAYERS; i++) {
    p = layer(t, p, &m->prenet[i], &m->prenet_bias[i]);
    p = seqgpu_tape_dropout(t, seqgpu_tape_activation(t, p, SEQGPU_ACTIVATION_RELU), m->desc.dropout);
  }
  if (m->desc.voices > 0) p = seqgpu_tape_concat(t, p, voices(m, t, b));
  return seqgpu_tape_rnn(t, listener, seqgpu_tape_param(t, &m->listener), p, b->initial, NULL);
}

/* c: what is looked at in the text, at each step. */
static seqgpu_tensor *look(const seqgpu_speaker *m, seqgpu_tape *t, const seqgpu_plan *encoder,
                           const seqgpu_speaker_batch *b, seqgpu_tensor *l) {
  const int64_t shape[] = {b->text_len, b->batch};
  seqgpu_tensor *lengths = seqgpu_tape_lengths(t, b->batch, b->text_lengths);
  seqgpu_tensor *x =
      seqgpu_tape_embedding(t, seqgpu_tape_param(t, &m->letter), seqgpu_tape_ids(t, 2, shape, b->text));
  seqgpu_tensor *H = seqgpu_tape_rnn(t, encoder, seqgpu_tape_param(t, &m->encoder), x, NULL, lengths);
  seqgpu_tensor *query = seqgpu_tape_linear(t, l, seqgpu_tape_param(t, &m->query), NULL);
  seqgpu_tensor *keys = seqgpu_tape_linear(t, H, seqgpu_tape_param(t, &m->memory), NULL);
  return seqgpu_tape_attention(t, query, keys, H, seqgpu_tape_param(t, &m->v), lengths);
}

static seqgpu_tensor *say(const seqgpu_speaker *m, seqgpu_tape *t, const seqgpu_plan *encoder,
                          const seqgpu_plan *listener, const seqgpu_plan *decoder,
                          const seqgpu_speaker_batch *b, seqgpu_tensor **beside) {
  const int states = seqgpu_plan_get_sizes(listener).state_count;
  seqgpu_tensor *l = listen(m, t, listener, b), *c = look(m, t, encoder, b, l);
  seqgpu_tensor *g =
      seqgpu_tape_rnn(t, decoder, seqgpu_tape_param(t, &m->decoder), seqgpu_tape_concat(t, l, c),
                      b->initial ? b->initial + states : NULL, NULL);
  seqgpu_tensor *both = seqgpu_tape_concat(t, g, c);
  seqgpu_tensor *end = layer(t, both, &m->end, &m->end_bias);
  seqgpu_tensor *x = layer(t, both, &m->output, &m->output_bias);
  if (x == NULL || beside == NULL) return x;
  beside[SEQGPU_SPEAKER_END] = end;
  beside[SEQGPU_SPEAKER_ATTENTION] = seqgpu_tape_attention_weights(t, c);
  beside[SEQGPU_SPEAKER_LISTENER] = l;
  beside[SEQGPU_SPEAKER_DECODER] = g;
  return x;
}

seqgpu_tensor *seqgpu_speaker_say_(const seqgpu_speaker *m, seqgpu_tape *t, const seqgpu_plan *encoder,
                                   const seqgpu_plan *listener, const seqgpu_plan *decoder,
                                   const seqgpu_speaker_batch *batch, size_t size, seqgpu_tensor **beside) {
  seqgpu_speaker_batch b;
  if (beside) memset(beside, 0, SEQGPU_SPEAKER_BESIDE * sizeof(seqgpu_tensor *));
  if (t == NULL) return NULL;
  const char *null = !m ? "speaker" : !batch ? "batch" : which_is_null(encoder, listener, decoder);
  if (null) return sq_tape_fail(t, SEQGPU_EINVAL, "speaker: %s is NULL", null);
  if (sq_tape_check(t, sq_struct_in(m->ctx, "speaker_batch", &b, sizeof b, batch, size), "speaker") !=
          SEQGPU_OK ||
      sq_tape_check(t, check_batch(m, &b), "speaker") != SEQGPU_OK)
    return NULL;
  return say(m, t, encoder, listener, decoder, &b, beside);
}
