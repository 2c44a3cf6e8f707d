/* translator.c - an encoder and a decoder with attention, on the tape (seqgpu/translator.h has the equations). */
#include "host/models/translator.h"

#include <stdio.h>
#include <string.h>

#include "host/context/structs.h"
#include "host/params/params.h"
#include "host/tape/record.h"

/* How large the vectors of words are when they are drawn. */
static const double WORD_SCALE = 0.1;

enum { MOST = 1 << 30 }; /* of anything that is counted */

static int64_t width_of(const seqgpu_plan *plan) { return seqgpu_plan_get_sizes(plan).output_width; }

/* ---------------------------------------------------------------- creating */

static seqgpu_status check_sizes(seqgpu_context *ctx, const seqgpu_translator_desc *d) {
  SQ_TRY(sq_check_range(ctx, "translator: source_words", d->source_words, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "translator: target_words", d->target_words, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "translator: word_size", d->word_size, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "translator: attention_size", d->attention_size, 0, MOST));
  if ((unsigned)d->attention > (unsigned)SEQGPU_ATTENTION_NONE)
    return sq_fail(ctx, SEQGPU_EINVAL, "translator: attention is %d; it must be 0 (additive) to 3 (none)",
                   (int)d->attention);
  if (d->dropout >= 0 && d->dropout <= 1) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "translator: dropout is %g; it must be from 0 to 1", d->dropout);
}

static seqgpu_status check_input(seqgpu_context *ctx, const char *name, const seqgpu_plan *plan,
                                 int64_t word_size) {
  const int64_t reads = seqgpu_plan_get_desc(plan).input_size;
  if (reads == word_size) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "translator: plan %s has input_size %lld; it must be %lld", name,
                 (long long)reads, (long long)word_size);
}

/* Whether the states of one can be where the other begins. */
static seqgpu_status check_pair(seqgpu_context *ctx, const seqgpu_plan *encoder, const seqgpu_plan *decoder) {
  const seqgpu_rnn_desc e = seqgpu_plan_get_desc(encoder), d = seqgpu_plan_get_desc(decoder);
  const seqgpu_plan_sizes from = seqgpu_plan_get_sizes(encoder), to = seqgpu_plan_get_sizes(decoder);
  if (d.bidirectional)
    return sq_fail(ctx, SEQGPU_EINVAL,
                   "translator: plan decoder reads in both directions; it must not know what comes");
  if (strcmp(e.cell, d.cell) != 0)
    return sq_fail(ctx, SEQGPU_EINVAL, "translator: the cells are %s and %s; they must be the same", e.cell,
                   d.cell);
  if (e.num_layers != d.num_layers)
    return sq_fail(ctx, SEQGPU_EINVAL, "translator: plan encoder has num_layers %d, plan decoder %d",
                   (int)e.num_layers, (int)d.num_layers);
  for (int k = 0; !e.bidirectional && k < to.state_count; k++)
    if (from.state_width[k] != to.state_width[k])
      return sq_fail(ctx, SEQGPU_EINVAL,
                     "translator: state %d of plan encoder has %lld elements, of plan decoder %lld", k,
                     (long long)from.state_width[k], (long long)to.state_width[k]);
  return SEQGPU_OK;
}

/* Whether what is written can be multiplied with what was read. */
static seqgpu_status check_dot(seqgpu_context *ctx, const seqgpu_translator_desc *d, int64_t E, int64_t Y) {
  if (d->attention != SEQGPU_ATTENTION_DOT || E == Y) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL,
                 "translator: plan encoder puts out %lld elements, plan decoder %lld; attention \"dot\" "
                 "multiplies them, so they must be as many",
                 (long long)E, (long long)Y);
}

/* From the last states of both directions to those that the decoder begins with. */
static seqgpu_status add_bridge(seqgpu_params *p, seqgpu_translator *m, const seqgpu_plan *encoder,
                                const seqgpu_plan *decoder) {
  const seqgpu_plan_sizes from = seqgpu_plan_get_sizes(encoder), to = seqgpu_plan_get_sizes(decoder);
  for (int k = 0; k < to.state_count; k++) {
    char weight[32], bias[32];
    snprintf(weight, sizeof weight, "bridge%d.weight", k);
    snprintf(bias, sizeof bias, "bridge%d.bias", k);
    SQ_TRY(
        seqgpu_params_add(p, weight, to.state_width[k], 2 * from.state_width[k], "xavier", 1, &m->bridge[k]));
    SQ_TRY(seqgpu_params_add(p, bias, to.state_width[k], 1, "zeros", 0, &m->bridge_bias[k]));
  }
  return SEQGPU_OK;
}

seqgpu_status sq_translator_add_words(seqgpu_params *p, seqgpu_translator *m) {
  return seqgpu_params_add(p, "target.weight", m->desc.target_words, m->desc.word_size, "uniform", WORD_SCALE,
                           &m->target);
}

static seqgpu_status add_attention(seqgpu_params *p, seqgpu_translator *m, int64_t E, int64_t Y) {
  const int adds = sq_translator_adds(&m->desc);
  const int64_t D = adds ? m->desc.attention_size : Y;
  if (adds) SQ_TRY(seqgpu_params_add(p, "query.weight", D, Y, "xavier", 1, &m->query));
  if (m->desc.attention != SEQGPU_ATTENTION_DOT)
    SQ_TRY(seqgpu_params_add(p, "memory.weight", D, E, "xavier", 1, &m->memory));
  if (adds) SQ_TRY(seqgpu_params_add(p, "attention.v", D, 1, "xavier", 1, &m->v));
  SQ_TRY(seqgpu_params_add(p, "reader.weight", Y, Y + E, "xavier", 1, &m->reader));
  return seqgpu_params_add(p, "reader.bias", Y, 1, "zeros", 0, &m->reader_bias);
}

seqgpu_status sq_translator_add_output(seqgpu_params *p, seqgpu_translator *m, int64_t E, int64_t Y) {
  const int64_t classes = m->desc.target_words + 1;
  if (sq_translator_attends(&m->desc)) SQ_TRY(add_attention(p, m, E, Y));
  SQ_TRY(seqgpu_params_add(p, "output.weight", classes, Y, "xavier", 1, &m->weight));
  return seqgpu_params_add(p, "output.bias", classes, 1, "zeros", 0, &m->bias);
}

seqgpu_status sq_translator_add_choice(seqgpu_params *p, seqgpu_translator *m, int64_t Y) {
  SQ_TRY(seqgpu_params_add(p, "choice.weight", 1, Y, "xavier", 1, &m->choice));
  return seqgpu_params_add(p, "choice.bias", 1, 1, "zeros", 0, &m->choice_bias);
}

static seqgpu_status add_weights(seqgpu_params *p, seqgpu_translator *m, const seqgpu_plan *encoder,
                                 const seqgpu_plan *decoder) {
  const seqgpu_translator_desc *d = &m->desc;
  SQ_TRY(seqgpu_params_add(p, "source.weight", d->source_words, d->word_size, "uniform", WORD_SCALE,
                           &m->source));
  SQ_TRY(sq_translator_add_words(p, m));
  SQ_TRY(seqgpu_params_add_rnn(p, "encoder", encoder, &m->encoder));
  SQ_TRY(seqgpu_params_add_rnn(p, "decoder", decoder, &m->decoder));
  if (m->bridged) SQ_TRY(add_bridge(p, m, encoder, decoder));
  return sq_translator_add_output(p, m, width_of(encoder), width_of(decoder));
}

seqgpu_status seqgpu_translator_create_(seqgpu_params *params, const seqgpu_translator_desc *desc,
                                        size_t size, const seqgpu_plan *encoder, const seqgpu_plan *decoder,
                                        seqgpu_translator **out) {
  if (out) *out = NULL;
  if (params == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = params->ctx;
  if (out == NULL || desc == NULL || encoder == NULL || decoder == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "translator: %s is NULL",
                   !out       ? "out"
                   : !desc    ? "desc"
                   : !encoder ? "encoder"
                              : "decoder");
  seqgpu_translator_desc given;
  SQ_TRY(sq_struct_in(ctx, "translator_desc", &given, sizeof given, desc, size));
  SQ_TRY(check_sizes(ctx, &given));
  SQ_TRY(check_input(ctx, "encoder", encoder, given.word_size));
  SQ_TRY(check_input(ctx, "decoder", decoder, given.word_size));
  SQ_TRY(check_pair(ctx, encoder, decoder));
  SQ_TRY(check_dot(ctx, &given, width_of(encoder), width_of(decoder)));
  seqgpu_translator *m = sq_host_alloc(ctx, sizeof *m);
  if (m == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "translator: out of memory");
  *m = (seqgpu_translator){
      .ctx = ctx, .who = "translator", .desc = given, .bridged = seqgpu_plan_get_desc(encoder).bidirectional};
  const seqgpu_status status = add_weights(params, m, encoder, decoder);
  if (status == SEQGPU_OK)
    *out = m;
  else
    seqgpu_translator_destroy(m);
  return status;
}

void seqgpu_translator_destroy(seqgpu_translator *m) {
  if (m) sq_host_free(m->ctx, m);
}

/* ---------------------------------------------------------------- reading */

seqgpu_status sq_translator_check(const seqgpu_translator *m, const seqgpu_translator_batch *b) {
  SQ_TRY(sq_check_range(m->ctx, "translator: batch", b->batch, 1, MOST));
  SQ_TRY(sq_check_range(m->ctx, "translator: source_len", b->source_len, 1, MOST));
  for (int64_t i = 0; b->source_lengths && i < b->batch; i++)
    if (b->source_lengths[i] < 1 || b->source_lengths[i] > b->source_len)
      return sq_fail(m->ctx, SEQGPU_EINVAL, "translator: source_lengths[%lld] is %d; it must be 1 to %lld",
                     (long long)i, (int)b->source_lengths[i], (long long)b->source_len);
  return b->source_lengths ? SEQGPU_OK : sq_fail(m->ctx, SEQGPU_EINVAL, "translator: source_lengths is NULL");
}

/* Of the last states [2L,B,W] of an encoder in both directions, those of one, layer by layer: [L,B,W].  Rows
 * are looked up as those of an embedding. */
static seqgpu_tensor *of_direction(const seqgpu_translator *m, seqgpu_tape *t, seqgpu_tensor *last,
                                   int direction) {
  int64_t s[SEQGPU_TAPE_RANK] = {2, 1, 1};
  seqgpu_tensor_shape(last, s);
  const int64_t L = s[0] / 2, B = s[1], table[] = {s[0] * B, s[2]}, ids[] = {L, B};
  int32_t *row = sq_host_alloc(m->ctx, (size_t)(L * B) * sizeof *row);
  if (row == NULL) return sq_tape_fail(t, SEQGPU_ENOMEM, "translator: out of memory");
  for (int64_t i = 0; i < L * B; i++) row[i] = (int32_t)((2 * (i / B) + direction) * B + i % B);
  seqgpu_tensor *rows = seqgpu_tape_reshape(t, last, 2, table);
  rows = seqgpu_tape_embedding(t, rows, seqgpu_tape_ids(t, 2, ids, row));
  sq_host_free(m->ctx, row);
  return rows;
}

static seqgpu_tensor *bridge(const seqgpu_translator *m, seqgpu_tape *t, seqgpu_tensor *last, int state) {
  seqgpu_tensor *both = seqgpu_tape_concat(t, of_direction(m, t, last, 0), of_direction(m, t, last, 1));
  seqgpu_tensor *z = seqgpu_tape_linear(t, both, seqgpu_tape_param(t, &m->bridge[state]),
                                        seqgpu_tape_param(t, &m->bridge_bias[state]));
  return seqgpu_tape_activation(t, z, SEQGPU_ACTIVATION_TANH);
}

void sq_translator_read(const seqgpu_translator *m, seqgpu_tape *t, const seqgpu_plan *encoder,
                        const seqgpu_translator_batch *b, sq_translator_source *out) {
  const int64_t shape[] = {b->source_len, b->batch};
  const int states = seqgpu_plan_get_sizes(encoder).state_count;
  *out = (sq_translator_source){.batch = b->batch};
  out->lengths = seqgpu_tape_lengths(t, b->batch, b->source_lengths);
  seqgpu_tensor *x =
      seqgpu_tape_embedding(t, seqgpu_tape_param(t, &m->source), seqgpu_tape_ids(t, 2, shape, b->source));
  x = seqgpu_tape_dropout(t, x, m->desc.dropout);
  out->values = seqgpu_tape_rnn(t, encoder, seqgpu_tape_param(t, &m->encoder), x, NULL, out->lengths);
  for (int k = 0; k < states && out->values; k++) {
    seqgpu_tensor *last = seqgpu_tape_rnn_final(t, out->values, k);
    out->initial[k] = m->bridged && last ? bridge(m, t, last, k) : last;
  }
  if (m->desc.attention == SEQGPU_ATTENTION_DOT)
    out->keys = out->values;
  else if (sq_translator_attends(&m->desc))
    out->keys = seqgpu_tape_linear(t, out->values, seqgpu_tape_param(t, &m->memory), NULL);
}

/* ---------------------------------------------------------------- writing */

/* [E,1] of ones. */
static seqgpu_tensor *ones(const seqgpu_translator *m, seqgpu_tape *t, int64_t E) {
  const int64_t shape[] = {E, 1};
  const int wide = seqgpu_context_dtype(m->ctx) == SEQGPU_DTYPE_F64;
  void *one = sq_host_alloc(m->ctx, (size_t)E * (wide ? sizeof(double) : sizeof(float)));
  if (one == NULL) return sq_tape_fail(t, SEQGPU_ENOMEM, "%s: out of memory", m->who);
  for (int64_t i = 0; i < E; i++)
    if (wide)
      ((double *)one)[i] = 1;
    else
      ((float *)one)[i] = 1;
  seqgpu_tensor *x = seqgpu_tape_input(t, 2, shape, one);
  sq_host_free(m->ctx, one);
  return x;
}

/* p c + (1 - p) d for c, d [T,R,E], with one p = sigmoid(w . h + b) for each step. */
static seqgpu_tensor *choose(const seqgpu_translator *m, seqgpu_tape *t, seqgpu_tensor *h, seqgpu_tensor *c,
                             seqgpu_tensor *d, int64_t E) {
  seqgpu_tensor *z =
      seqgpu_tape_linear(t, h, seqgpu_tape_param(t, &m->choice), seqgpu_tape_param(t, &m->choice_bias));
  seqgpu_tensor *p =
      seqgpu_tape_activation(t, seqgpu_tape_linear(t, z, ones(m, t, E), NULL), SEQGPU_ACTIVATION_SIGMOID);
  seqgpu_tensor *apart = seqgpu_tape_add(t, c, seqgpu_tape_scale(t, d, -1));
  return seqgpu_tape_add(t, d, seqgpu_tape_mul(t, p, apart));
}

/* r [T,R,Y] after the decoder's output h [T,R,Y]. */
static seqgpu_tensor *attend(const seqgpu_translator *m, seqgpu_tape *t, const sq_translator_source *source,
                             seqgpu_tensor *h, seqgpu_tensor **context) {
  int64_t s[SEQGPU_TAPE_RANK] = {0}, e[SEQGPU_TAPE_RANK] = {0};
  seqgpu_tensor_shape(h, s);
  seqgpu_tensor_shape(source->values, e);
  const int adds = sq_translator_adds(&m->desc);
  const int64_t B = source->batch, steps = s[0] * s[1] / B,
                asked[] = {steps, B, adds ? m->desc.attention_size : s[2]}, found[] = {s[0], s[1], e[2]};
  seqgpu_tensor *query = adds ? seqgpu_tape_linear(t, h, seqgpu_tape_param(t, &m->query), NULL) : h;
  seqgpu_tensor *v = adds ? seqgpu_tape_param(t, &m->v) : NULL;
  query = seqgpu_tape_reshape(t, query, 3, asked);
  *context = seqgpu_tape_attention(t, query, source->keys, source->values, v, source->lengths);
  seqgpu_tensor *c = seqgpu_tape_reshape(t, *context, 3, found);
  if (source->aside > 0) {
    const int64_t E = source->aside;
    c = choose(m, t, h, seqgpu_tape_columns(t, c, 0, E), seqgpu_tape_columns(t, c, E, E), E);
  }
  seqgpu_tensor *both = seqgpu_tape_concat(t, h, c);
  seqgpu_tensor *r =
      seqgpu_tape_linear(t, both, seqgpu_tape_param(t, &m->reader), seqgpu_tape_param(t, &m->reader_bias));
  return seqgpu_tape_activation(t, r, SEQGPU_ACTIVATION_TANH);
}

seqgpu_tensor *sq_translator_write(const seqgpu_translator *m, seqgpu_tape *t, const seqgpu_plan *decoder,
                                   const sq_translator_source *source, int64_t T, int64_t R,
                                   const int32_t *before, seqgpu_tensor **h, seqgpu_tensor **context) {
  const int64_t shape[] = {T, R};
  *context = NULL;
  seqgpu_tensor *x =
      seqgpu_tape_embedding(t, seqgpu_tape_param(t, &m->target), seqgpu_tape_ids(t, 2, shape, before));
  x = seqgpu_tape_dropout(t, x, m->desc.dropout);
  *h = seqgpu_tape_rnn(t, decoder, seqgpu_tape_param(t, &m->decoder), x, source->initial, NULL);
  seqgpu_tensor *r = sq_translator_attends(&m->desc) && *h ? attend(m, t, source, *h, context) : *h;
  return seqgpu_tape_linear(t, seqgpu_tape_dropout(t, r, m->desc.dropout), seqgpu_tape_param(t, &m->weight),
                            seqgpu_tape_param(t, &m->bias));
}

seqgpu_tensor *seqgpu_translator_logits_(const seqgpu_translator *m, seqgpu_tape *t,
                                         const seqgpu_plan *encoder, const seqgpu_plan *decoder,
                                         const seqgpu_translator_batch *batch, size_t size,
                                         seqgpu_tensor **attention) {
  seqgpu_translator_batch b;
  sq_translator_source source;
  seqgpu_tensor *h, *context;
  if (attention) *attention = NULL;
  if (t == NULL) return NULL;
  if (m == NULL || encoder == NULL || decoder == NULL || batch == NULL)
    return sq_tape_fail(t, SEQGPU_EINVAL, "translator: %s is NULL",
                        !m         ? "translator"
                        : !encoder ? "encoder"
                        : !decoder ? "decoder"
                                   : "batch");
  if (sq_tape_check(t, sq_struct_in(m->ctx, "translator_batch", &b, sizeof b, batch, size), "translator") !=
          SEQGPU_OK ||
      sq_tape_check(t, sq_translator_check(m, &b), "translator") != SEQGPU_OK)
    return NULL;
  sq_translator_read(m, t, encoder, &b, &source);
  seqgpu_tensor *logits =
      sq_translator_write(m, t, decoder, &source, b.target_len, b.batch, b.before, &h, &context);
  if (attention && context) *attention = seqgpu_tape_attention_weights(t, context);
  return logits;
}
