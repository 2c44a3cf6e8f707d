/* captioner.c - a captioner on the tape: it looks at pictures here, and writes as a translator
 * (seqgpu/captioner.h has the equations). */
#include "seqgpu/captioner.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/context/structs.h"
#include "host/models/translator.h"
#include "host/params/params.h"
#include "host/tape/record.h"

enum { MOST = 1 << 30, MOST_PATCHES = 1 << 20, MOST_LAYERS = 16, AROUND = 9 };

static const double PLACE_SCALE = 0.1;

struct seqgpu_captioner {
  seqgpu_translator text; /* the half that writes; it has no source */
  seqgpu_captioner_desc desc;
  int64_t patches, states, deep; /* P; states of the cell, layers of the decoder */
  int64_t width[SEQGPU_MAX_STATES];
  seqgpu_param patch[MOST_LAYERS + 1], patch_bias[MOST_LAYERS + 1], aside, aside_bias, place;
  seqgpu_param begin[SEQGPU_MAX_STATES], begin_bias[SEQGPU_MAX_STATES];
};

static int attends(const seqgpu_captioner *m) { return m->desc.attention_size > 0; }

/* ---------------------------------------------------------------- creating */

static seqgpu_status check_sizes(seqgpu_context *ctx, const seqgpu_captioner_desc *d) {
  SQ_TRY(sq_check_range(ctx, "captioner: rows", d->rows, 1, MOST_PATCHES));
  SQ_TRY(sq_check_range(ctx, "captioner: columns", d->columns, 1, MOST_PATCHES / d->rows));
  SQ_TRY(sq_check_range(ctx, "captioner: inputs", d->inputs, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "captioner: features", d->features, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "captioner: layers", d->layers, 0, MOST_LAYERS));
  SQ_TRY(sq_check_range(ctx, "captioner: words", d->words, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "captioner: word_size", d->word_size, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "captioner: attention_size", d->attention_size, 0, MOST));
  SQ_TRY(sq_check_range(ctx, "captioner: aside", d->aside, 0, d->attention_size > 0 ? d->inputs - 1 : 0));
  if (d->dropout >= 0 && d->dropout <= 1) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "captioner: dropout is %g; it must be from 0 to 1", d->dropout);
}

static seqgpu_status check_decoder(seqgpu_context *ctx, const seqgpu_captioner_desc *d,
                                   const seqgpu_plan *decoder) {
  const seqgpu_rnn_desc is = seqgpu_plan_get_desc(decoder);
  if (is.bidirectional)
    return sq_fail(ctx, SEQGPU_EINVAL,
                   "captioner: plan decoder reads in both directions; it must not know what comes");
  if (is.input_size == d->word_size) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "captioner: plan decoder has input_size %lld; it must be %lld",
                 (long long)is.input_size, (long long)d->word_size);
}

/* A linear layer of so many outputs and inputs, "NAMEk". */
static seqgpu_status add_linear(seqgpu_params *p, const char *name, int64_t k, int64_t rows, int64_t cols,
                                seqgpu_param *weight, seqgpu_param *bias) {
  char full[32];
  snprintf(full, sizeof full, "%s%d.weight", name, (int)k);
  SQ_TRY(seqgpu_params_add(p, full, rows, cols, "xavier", 1, weight));
  snprintf(full, sizeof full, "%s%d.bias", name, (int)k);
  return seqgpu_params_add(p, full, rows, 1, "zeros", 0, bias);
}

static seqgpu_status add_weights(seqgpu_params *p, seqgpu_captioner *m, const seqgpu_plan *decoder) {
  const int64_t F = m->desc.features, seen = attends(m) ? F : m->patches * F;
  for (int64_t l = 0; l <= m->desc.layers; l++)
    SQ_TRY(add_linear(p, "patch", l, F, l > 0 ? AROUND * F : m->desc.inputs - m->desc.aside, &m->patch[l],
                      &m->patch_bias[l]));
  if (m->desc.aside > 0) {
    SQ_TRY(seqgpu_params_add(p, "aside.weight", F, m->desc.aside, "xavier", 1, &m->aside));
    SQ_TRY(seqgpu_params_add(p, "aside.bias", F, 1, "zeros", 0, &m->aside_bias));
    SQ_TRY(sq_translator_add_choice(p, &m->text, seqgpu_plan_get_sizes(decoder).output_width));
  }
  if (attends(m))
    SQ_TRY(seqgpu_params_add(p, "place.weight", m->patches, F, "uniform", PLACE_SCALE, &m->place));
  SQ_TRY(sq_translator_add_words(p, &m->text));
  SQ_TRY(seqgpu_params_add_rnn(p, "decoder", decoder, &m->text.decoder));
  for (int64_t k = 0; k < m->states; k++)
    SQ_TRY(add_linear(p, "begin", k, m->deep * m->width[k], seen, &m->begin[k], &m->begin_bias[k]));
  return sq_translator_add_output(p, &m->text, F, seqgpu_plan_get_sizes(decoder).output_width);
}

static void set_sizes(seqgpu_captioner *m, const seqgpu_captioner_desc *d, const seqgpu_plan *decoder) {
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(decoder);
  m->desc = *d;
  m->patches = d->rows * d->columns;
  m->states = sizes.state_count;
  m->deep = seqgpu_plan_get_desc(decoder).num_layers;
  for (int64_t k = 0; k < m->states; k++) m->width[k] = sizes.state_width[k];
  m->text.who = "captioner";
  m->text.desc = (seqgpu_translator_desc){.target_words = d->words,
                                          .word_size = d->word_size,
                                          .attention_size = d->attention_size,
                                          .dropout = d->dropout};
}

seqgpu_status seqgpu_captioner_create_(seqgpu_params *params, const seqgpu_captioner_desc *desc, size_t size,
                                       const seqgpu_plan *decoder, seqgpu_captioner **out) {
  if (out) *out = NULL;
  if (params == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = params->ctx;
  if (out == NULL || desc == NULL || decoder == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "captioner: %s is NULL", !out ? "out" : !desc ? "desc" : "decoder");
  seqgpu_captioner_desc given;
  SQ_TRY(sq_struct_in(ctx, "captioner_desc", &given, sizeof given, desc, size));
  SQ_TRY(check_sizes(ctx, &given));
  SQ_TRY(check_decoder(ctx, &given, decoder));
  seqgpu_captioner *m = sq_host_alloc(ctx, sizeof *m);
  if (m == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "captioner: out of memory");
  *m = (seqgpu_captioner){.text = {.ctx = ctx}};
  set_sizes(m, &given, decoder);
  const seqgpu_status status = add_weights(params, m, decoder);
  if (status == SEQGPU_OK)
    *out = m;
  else
    seqgpu_captioner_destroy(m);
  return status;
}

void seqgpu_captioner_destroy(seqgpu_captioner *m) {
  if (m) sq_host_free(m->text.ctx, m);
}

/* ---------------------------------------------------------------- looking */

static seqgpu_status check_batch(const seqgpu_captioner *m, const seqgpu_captioner_batch *b) {
  return sq_check_range(m->text.ctx, "captioner: batch", b->batch, 1, INT32_MAX / (AROUND * m->patches));
}

/* Rows of a table [N,F], by their numbers in an array of this shape, which is freed. */
static seqgpu_tensor *look_up(const seqgpu_captioner *m, seqgpu_tape *t, seqgpu_tensor *table, int rank,
                              const int64_t *shape, int32_t *row) {
  seqgpu_tensor *found = seqgpu_tape_embedding(t, table, seqgpu_tape_ids(t, rank, shape, row));
  sq_host_free(m->text.ctx, row);
  return found;
}

static int32_t *room_for(const seqgpu_captioner *m, seqgpu_tape *t, int64_t count) {
  int32_t *row = sq_host_alloc(m->text.ctx, (size_t)count * sizeof *row);
  if (row == NULL) sq_tape_fail(t, SEQGPU_ENOMEM, "captioner: out of memory");
  return row;
}

/* The number of the patch that is `dy` rows below and `dx` columns right of p; -1 beyond the edge. */
static int64_t neighbour(const seqgpu_captioner *m, int64_t p, int64_t dy, int64_t dx) {
  const int64_t C = m->desc.columns, y = p / C + dy, x = p % C + dx;
  return y >= 0 && y < m->desc.rows && x >= 0 && x < C ? y * C + x : -1;
}

/* f [P,B,F] of each patch and the eight around it: [P,B,9 F]. */
static seqgpu_tensor *gather_around(const seqgpu_captioner *m, seqgpu_tape *t, seqgpu_tensor *f, int64_t B) {
  const int64_t P = m->patches, F = m->desc.features, table[] = {P * B, F}, ids[] = {P, B, AROUND},
                wide[] = {P, B, AROUND * F};
  int32_t *row = room_for(m, t, P * B * AROUND);
  if (row == NULL) return NULL;
  for (int64_t i = 0; i < P * B * AROUND; i++) {
    const int64_t at = neighbour(m, i / AROUND / B, i % AROUND / 3 - 1, i % 3 - 1);
    row[i] = at < 0 ? -1 : (int32_t)(at * B + i / AROUND % B);
  }
  return seqgpu_tape_reshape(t, look_up(m, t, seqgpu_tape_reshape(t, f, 2, table), 3, ids, row), 3, wide);
}

/* Numbers first..first+count-1 of each patch: [P,B,count]. */
static seqgpu_tensor *numbers_from(const seqgpu_captioner *m, seqgpu_tape *t, const seqgpu_captioner_batch *b,
                                   int64_t first, int64_t count) {
  const int64_t rows = m->patches * b->batch, shape[] = {m->patches, b->batch, count};
  if (count == m->desc.inputs || b->patches == NULL) return seqgpu_tape_input(t, 3, shape, b->patches);
  const size_t element =
                   seqgpu_context_dtype(m->text.ctx) == SEQGPU_DTYPE_F64 ? sizeof(double) : sizeof(float),
               size = (size_t)count * element, stride = (size_t)m->desc.inputs * element;
  const char *from = (const char *)b->patches + (size_t)first * element;
  char *cut = sq_host_alloc(m->text.ctx, (size_t)rows * size);
  if (cut == NULL) return sq_tape_fail(t, SEQGPU_ENOMEM, "captioner: out of memory");
  for (int64_t i = 0; i < rows; i++) memcpy(cut + (size_t)i * size, from + (size_t)i * stride, size);
  seqgpu_tensor *x = seqgpu_tape_input(t, 3, shape, cut);
  sq_host_free(m->text.ctx, cut);
  return x;
}

/* relu(W x + b). */
static seqgpu_tensor *layer(seqgpu_tape *t, seqgpu_tensor *x, const seqgpu_param *weight,
                            const seqgpu_param *bias) {
  seqgpu_tensor *z = seqgpu_tape_linear(t, x, seqgpu_tape_param(t, weight), seqgpu_tape_param(t, bias));
  return seqgpu_tape_activation(t, z, SEQGPU_ACTIVATION_RELU);
}

/* f [P,B,F]. */
static seqgpu_tensor *look(const seqgpu_captioner *m, seqgpu_tape *t, const seqgpu_captioner_batch *b) {
  seqgpu_tensor *f = numbers_from(m, t, b, 0, m->desc.inputs - m->desc.aside);
  for (int64_t l = 0; l <= m->desc.layers; l++)
    f = layer(t, l > 0 ? gather_around(m, t, f, b->batch) : f, &m->patch[l], &m->patch_bias[l]);
  return f;
}

/* v = f + e [P,B,F]. */
static seqgpu_tensor *place(const seqgpu_captioner *m, seqgpu_tape *t, seqgpu_tensor *f, int64_t B) {
  const int64_t P = m->patches, ids[] = {P, B};
  int32_t *row = room_for(m, t, P * B);
  if (row == NULL) return NULL;
  for (int64_t i = 0; i < P * B; i++) row[i] = (int32_t)(i / B);
  return seqgpu_tape_add(t, f, look_up(m, t, seqgpu_tape_param(t, &m->place), 2, ids, row));
}

/* All patches of a picture side by side, by the root of how many they are: f [P,B,F] -> [B,P F]. */
static seqgpu_tensor *side_by_side(const seqgpu_captioner *m, seqgpu_tape *t, seqgpu_tensor *f, int64_t B) {
  const int64_t P = m->patches, F = m->desc.features, table[] = {P * B, F}, ids[] = {B, P},
                flat[] = {B, P * F};
  int32_t *row = room_for(m, t, P * B);
  if (row == NULL) return NULL;
  for (int64_t i = 0; i < P * B; i++) row[i] = (int32_t)(i % P * B + i / P);
  seqgpu_tensor *all = look_up(m, t, seqgpu_tape_reshape(t, f, 2, table), 2, ids, row);
  return seqgpu_tape_scale(t, seqgpu_tape_reshape(t, all, 2, flat), 1. / sqrt((double)P));
}

/* State k [L,B,W_k] that the decoder begins with, of g [B,G]. */
static seqgpu_tensor *begin(const seqgpu_captioner *m, seqgpu_tape *t, seqgpu_tensor *g, int64_t k,
                            int64_t B) {
  const int64_t L = m->deep, W = m->width[k], table[] = {B * L, W}, ids[] = {L, B};
  int32_t *row = room_for(m, t, L * B);
  if (row == NULL) return NULL;
  for (int64_t i = 0; i < L * B; i++) row[i] = (int32_t)(i % B * L + i / B);
  seqgpu_tensor *z =
      seqgpu_tape_linear(t, g, seqgpu_tape_param(t, &m->begin[k]), seqgpu_tape_param(t, &m->begin_bias[k]));
  z = look_up(m, t, seqgpu_tape_reshape(t, z, 2, table), 2, ids, row);
  return seqgpu_tape_activation(t, z, SEQGPU_ACTIVATION_TANH);
}

static void read_pictures(const seqgpu_captioner *m, seqgpu_tape *t, const seqgpu_captioner_batch *b,
                          sq_translator_source *out) {
  *out = (sq_translator_source){.batch = b->batch};
  seqgpu_tensor *f = look(m, t, b), *v = attends(m) ? place(m, t, f, b->batch) : NULL;
  seqgpu_tensor *g =
      attends(m) ? seqgpu_tape_pooling(t, v, NULL, SEQGPU_POOLING_MEAN) : side_by_side(m, t, f, b->batch);
  for (int64_t k = 0; k < m->states && g; k++) out->initial[k] = begin(m, t, g, k, b->batch);
  if (!attends(m)) return;
  out->values = v;
  out->keys = seqgpu_tape_linear(t, v, seqgpu_tape_param(t, &m->text.memory), NULL);
  if (m->desc.aside == 0) return;
  const int64_t first = m->desc.inputs - m->desc.aside;
  seqgpu_tensor *y = layer(t, numbers_from(m, t, b, first, m->desc.aside), &m->aside, &m->aside_bias);
  out->values = seqgpu_tape_concat(t, v, y);
  out->aside = m->desc.features;
}

/* ---------------------------------------------------------------- captions */

seqgpu_tensor *seqgpu_captioner_logits_(const seqgpu_captioner *m, seqgpu_tape *t, const seqgpu_plan *decoder,
                                        const seqgpu_captioner_batch *batch, size_t size,
                                        seqgpu_tensor **attention) {
  seqgpu_captioner_batch b;
  sq_translator_source source;
  seqgpu_tensor *h, *context;
  if (attention) *attention = NULL;
  if (t == NULL) return NULL;
  if (m == NULL || decoder == NULL || batch == NULL)
    return sq_tape_fail(t, SEQGPU_EINVAL, "captioner: %s is NULL",
                        !m         ? "captioner"
                        : !decoder ? "decoder"
                                   : "batch");
  if (sq_tape_check(t, sq_struct_in(m->text.ctx, "captioner_batch", &b, sizeof b, batch, size),
                    "captioner") != SEQGPU_OK ||
      sq_tape_check(t, check_batch(m, &b), "captioner") != SEQGPU_OK)
    return NULL;
  read_pictures(m, t, &b, &source);
  seqgpu_tensor *logits =
      sq_translator_write(&m->text, t, decoder, &source, b.target_len, b.batch, b.before, &h, &context);
  if (attention && context) *attention = seqgpu_tape_attention_weights(t, context);
  return logits;
}

typedef struct pictures {
  const seqgpu_captioner *m;
  const seqgpu_captioner_batch *batch;
} pictures;

static void read_in_search(const void *self, seqgpu_tape *tape, sq_translator_source *out) {
  const pictures *p = self;
  read_pictures(p->m, tape, p->batch, out);
}

seqgpu_status seqgpu_captioner_search_(const seqgpu_captioner *m, const seqgpu_plan *decoder,
                                       const seqgpu_translator_options *options, size_t options_size,
                                       const seqgpu_captioner_batch *batch, size_t batch_size,
                                       const seqgpu_translator_answers *out, size_t out_size) {
  const sq_translator_asked asked = {options, options_size, out, out_size};
  seqgpu_captioner_batch b;
  if (m == NULL) return SEQGPU_EINVAL;
  if (decoder == NULL || batch == NULL || out == NULL)
    return sq_fail(m->text.ctx, SEQGPU_EINVAL, "captioner: %s is NULL",
                   !decoder ? "decoder"
                   : !batch ? "batch"
                            : "out");
  SQ_TRY(sq_struct_in(m->text.ctx, "captioner_batch", &b, sizeof b, batch, batch_size));
  SQ_TRY(check_batch(m, &b));
  const pictures read = {m, &b};
  const seqgpu_translator_batch steps = {.batch = b.batch, .source_len = m->patches};
  return sq_translator_find(&m->text, decoder, &steps, &asked, read_in_search, &read);
}
