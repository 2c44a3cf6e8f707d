/* translator_search.c - the answers of a translator, by beam search (seqgpu/translator.h), and of whatever
 * else writes as it does.
 *
 * Three tapes: what the encoder has read stays on the first; steps of the decoder alternate between the other
 * two, since a step begins with the states that the one before has left on its tape.
 */
#include <stdio.h>

#include "host/context/structs.h"
#include "host/models/beam.h"
#include "host/models/translator.h"
#include "host/params/params.h"

enum { STEPS = 2, READ = STEPS, TAPES };

typedef struct search {
  const seqgpu_translator *m;
  const seqgpu_plan *decoder;
  seqgpu_translator_batch batch;
  sq_beam beam;
  seqgpu_tape *tape[TAPES]; /* of steps, in turn; of the encoder */
  sq_translator_source read;
  seqgpu_tensor *state[SEQGPU_MAX_STATES]; /* on the tape of the last step, or of the encoder */
  void *logits, *weights;                  /* [K,B,classes], [K,S,B] of a step, on the host */
  int32_t *before, *look;                  /* [K,B]; [L,K,B] rows that states come from */
  int32_t *row;                            /* [most] of an answer */
  int32_t *attended;                       /* [most,K,B]; NULL: not wanted */
} search;

static int64_t rows_of(const search *s) { return s->beam.sizes.width * s->beam.sizes.batch; }

/* ---------------------------------------------------------------- a step */

/* States [L,R,W] on a step's tape, those of the rows that its hypotheses come from. */
static seqgpu_tensor *move_state(search *s, seqgpu_tape *t, seqgpu_tensor *state) {
  int64_t from[SEQGPU_TAPE_RANK] = {0};
  const int32_t *parent = s->beam.step > 0 ? sq_beam_parents(&s->beam) : NULL;
  seqgpu_tensor_shape(state, from);
  const int64_t R = rows_of(s), L = from[0], table[] = {L * from[1], from[2]}, ids[] = {L, R};
  for (int64_t i = 0; i < L * R; i++)
    s->look[i] = (int32_t)(i / R * from[1] + (parent ? parent[i % R] : i % R % from[1]));
  return seqgpu_tape_embedding(t, seqgpu_tape_wrap(t, 2, table, seqgpu_tensor_value(state), NULL),
                               seqgpu_tape_ids(t, 2, ids, s->look));
}

/* What is on the encoder's tape, on a step's. */
static seqgpu_tensor *look_at(seqgpu_tape *t, const seqgpu_tensor *x) {
  int64_t shape[SEQGPU_TAPE_RANK];
  const int rank = seqgpu_tensor_shape(x, shape);
  return x ? seqgpu_tape_wrap(t, rank, shape, seqgpu_tensor_value(x), NULL) : NULL;
}

/* Logits and weights of a step, on the host. */
static seqgpu_status run_step(search *s) {
  seqgpu_tape *t = s->tape[s->beam.step % STEPS];
  const int states = seqgpu_plan_get_sizes(s->decoder).state_count;
  sq_translator_source source = {.batch = s->batch.batch};
  seqgpu_tensor *h, *context;
  SQ_TRY(seqgpu_tape_clear(t, 0));
  source.values = look_at(t, s->read.values);
  source.keys = look_at(t, s->read.keys);
  source.aside = s->read.aside;
  if (s->batch.source_lengths)
    source.lengths = seqgpu_tape_lengths(t, s->batch.batch, s->batch.source_lengths);
  for (int k = 0; k < states; k++) source.initial[k] = move_state(s, t, s->state[k]);
  for (int64_t r = 0; r < rows_of(s); r++) s->before[r] = s->beam.step > 0 ? sq_beam_words(&s->beam)[r] : -1;
  const seqgpu_tensor *logits =
      sq_translator_write(s->m, t, s->decoder, &source, 1, rows_of(s), s->before, &h, &context);
  for (int k = 0; k < states && logits; k++) s->state[k] = seqgpu_tape_rnn_final(t, h, k);
  if (s->attended && context)
    SQ_TRY(seqgpu_tensor_read(seqgpu_tape_attention_weights(t, context), s->weights));
  SQ_TRY(seqgpu_tape_status(t));
  return seqgpu_tensor_read(logits, s->logits);
}

static double weight_at(const search *s, int64_t i) {
  return seqgpu_context_dtype(s->m->ctx) == SEQGPU_DTYPE_F64 ? ((const double *)s->weights)[i]
                                                             : (double)((const float *)s->weights)[i];
}

/* The step of the source that each row attends to most. */
static void note_attended(search *s) {
  const int64_t S = s->batch.source_len, B = s->batch.batch;
  for (int64_t r = 0; r < rows_of(s); r++) {
    const int64_t steps = s->batch.source_lengths ? s->batch.source_lengths[r % B] : S;
    int64_t most = 0;
    for (int64_t i = 1; i < steps; i++)
      if (weight_at(s, (r / B * S + i) * B + r % B) > weight_at(s, (r / B * S + most) * B + r % B)) most = i;
    s->attended[s->beam.step * rows_of(s) + r] = (int32_t)most;
  }
}

/* ---------------------------------------------------------------- the search */

static seqgpu_status no_memory(const seqgpu_translator *m) {
  return sq_fail(m->ctx, SEQGPU_ENOMEM, "%s: out of memory", m->who);
}

static seqgpu_status open_search(search *s) {
  seqgpu_context *ctx = s->m->ctx;
  const sq_beam_sizes *z = &s->beam.sizes;
  const size_t R = (size_t)rows_of(s), size = ctx->element_size,
               layers = (size_t)seqgpu_plan_get_desc(s->decoder).num_layers;
  for (int i = 0; i < TAPES; i++) SQ_TRY(seqgpu_tape_create(ctx, 0, &s->tape[i]));
  s->logits = sq_host_alloc(ctx, R * (size_t)z->classes * size);
  s->weights = sq_host_alloc(ctx, R * (size_t)s->batch.source_len * size);
  s->before = sq_host_alloc(ctx, R * sizeof *s->before);
  s->look = sq_host_alloc(ctx, layers * R * sizeof *s->look);
  s->row = sq_host_alloc(ctx, (size_t)z->most * sizeof *s->row);
  if (s->logits && s->weights && s->before && s->look && s->row) return SEQGPU_OK;
  return no_memory(s->m);
}

static void close_search(search *s) {
  seqgpu_context *ctx = s->m->ctx;
  void *const memory[] = {s->logits, s->weights, s->before, s->look, s->row, s->attended};
  for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) sq_host_free(ctx, memory[i]);
  for (int i = 0; i < TAPES; i++) seqgpu_tape_destroy(s->tape[i]);
  sq_beam_destroy(&s->beam);
}

static seqgpu_status run_search(search *s, sq_translator_reader *read, const void *self) {
  SQ_TRY(seqgpu_tape_clear(s->tape[READ], 0));
  read(self, s->tape[READ], &s->read);
  SQ_TRY(seqgpu_tape_status(s->tape[READ]));
  for (int k = 0; k < SEQGPU_MAX_STATES; k++) s->state[k] = s->read.initial[k];
  while (!sq_beam_done(&s->beam)) {
    SQ_TRY(run_step(s));
    if (s->attended) note_attended(s);
    sq_beam_step(&s->beam, s->logits);
  }
  return SEQGPU_OK;
}

static void give_answers(search *s, const seqgpu_translator_answers *out) {
  const int64_t most = s->beam.sizes.most;
  for (int64_t b = 0; b < s->batch.batch; b++) {
    double score;
    const int64_t length = sq_beam_answer(&s->beam, b, out->word + b * most, s->row, &score);
    out->lengths[b] = (int32_t)length;
    if (out->score) out->score[b] = score;
    for (int64_t t = 0; out->attended && t < length; t++)
      out->attended[b * most + t] = s->attended[t * rows_of(s) + s->row[t]];
  }
}

static seqgpu_status check_count(const seqgpu_translator *m, const char *name, int64_t value, int64_t most) {
  char full[48];
  snprintf(full, sizeof full, "%s: %s", m->who, name);
  return sq_check_range(m->ctx, full, value, 0, most);
}

static seqgpu_status check_options(const seqgpu_translator *m, const seqgpu_translator_options *o) {
  enum { MOST_BEAM = 1 << 16, MOST_WORDS = 1 << 24 };
  SQ_TRY(check_count(m, "beam", o->beam, MOST_BEAM));
  SQ_TRY(check_count(m, "most", o->most, MOST_WORDS));
  SQ_TRY(check_count(m, "banned", o->banned, m->desc.target_words));
  if (o->length_norm >= 0 && o->length_norm <= 100) return SEQGPU_OK;
  return sq_fail(m->ctx, SEQGPU_EINVAL, "%s: length_norm is %g; it must be from 0 to 100", m->who,
                 o->length_norm);
}

static seqgpu_status check_answers(const seqgpu_translator *m, const seqgpu_translator_answers *to) {
  if (to->word == NULL || to->lengths == NULL)
    return sq_fail(m->ctx, SEQGPU_EINVAL, "%s: %s is NULL", m->who, to->word ? "lengths" : "word");
  if (to->attended == NULL || sq_translator_attends(&m->desc)) return SEQGPU_OK;
  return sq_fail(m->ctx, SEQGPU_EINVAL, "%s: attended is wanted; there is no attention", m->who);
}

static seqgpu_status find_answers(search *s, const seqgpu_translator_options *o, sq_translator_reader *read,
                                  const void *self, const seqgpu_translator_answers *out) {
  const seqgpu_translator *m = s->m;
  const sq_beam_sizes sizes = {.batch = s->batch.batch,
                               .width = o->beam > 0 ? o->beam : 1,
                               .most = o->most > 0 ? o->most : 2 * s->batch.source_len + 10,
                               .classes = m->desc.target_words + 1,
                               .banned = o->banned,
                               .length_norm = o->length_norm};
  SQ_TRY(sq_beam_create(m->ctx, &sizes, &s->beam));
  if (out->attended) { /* and so there is attention */
    s->attended = sq_host_alloc(m->ctx, (size_t)(sizes.most * rows_of(s)) * sizeof *s->attended);
    if (s->attended == NULL) return no_memory(m);
  }
  SQ_TRY(open_search(s));
  SQ_TRY(run_search(s, read, self));
  give_answers(s, out);
  return SEQGPU_OK;
}

seqgpu_status sq_translator_find(const seqgpu_translator *m, const seqgpu_plan *decoder,
                                 const seqgpu_translator_batch *batch, const sq_translator_asked *asked,
                                 sq_translator_reader *read, const void *self) {
  seqgpu_translator_options o = {0};
  seqgpu_translator_answers to;
  search s = {.m = m, .decoder = decoder, .batch = *batch};
  if (asked->options)
    SQ_TRY(sq_struct_in(m->ctx, "translator_options", &o, sizeof o, asked->options, asked->options_size));
  SQ_TRY(sq_struct_in(m->ctx, "translator_answers", &to, sizeof to, asked->out, asked->out_size));
  SQ_TRY(check_options(m, &o));
  SQ_TRY(check_answers(m, &to));
  const seqgpu_status status = find_answers(&s, &o, read, self, &to);
  close_search(&s);
  return status;
}

/* ---------------------------------------------------------------- of a translator */

typedef struct sources {
  const seqgpu_translator *m;
  const seqgpu_plan *encoder;
  const seqgpu_translator_batch *batch;
} sources;

static void read_sources(const void *self, seqgpu_tape *tape, sq_translator_source *out) {
  const sources *s = self;
  sq_translator_read(s->m, tape, s->encoder, s->batch, out);
}

seqgpu_status seqgpu_translator_search_(const seqgpu_translator *m, const seqgpu_plan *encoder,
                                        const seqgpu_plan *decoder, const seqgpu_translator_options *options,
                                        size_t options_size, const seqgpu_translator_batch *batch,
                                        size_t batch_size, const seqgpu_translator_answers *out,
                                        size_t out_size) {
  const sq_translator_asked asked = {options, options_size, out, out_size};
  seqgpu_translator_batch b;
  if (m == NULL) return SEQGPU_EINVAL;
  if (encoder == NULL || decoder == NULL || batch == NULL || out == NULL)
    return sq_fail(m->ctx, SEQGPU_EINVAL, "translator: %s is NULL",
                   !encoder   ? "encoder"
                   : !decoder ? "decoder"
                   : !batch   ? "batch"
                              : "out");
  SQ_TRY(sq_struct_in(m->ctx, "translator_batch", &b, sizeof b, batch, batch_size));
  SQ_TRY(sq_translator_check(m, &b));
  const sources read = {m, encoder, &b};
  return sq_translator_find(m, decoder, &b, &asked, read_sources, &read);
}
