/* classifier.c - a classifier of sentences on the tape (seqgpu/classifier.h has the equations).
 *
 * The tape's additive attention is that of a decoder, v . tanh(query + keys[t]): with a query of 0 it is the
 * one that a sentence needs to attend to itself.
 */
#include "seqgpu/classifier.h"

#include "host/context/sizes.h"
#include "host/context/structs.h"
#include "host/models/final.h"
#include "host/params/params.h"
#include "host/tape/record.h"

struct seqgpu_classifier {
  seqgpu_context *ctx;
  seqgpu_classifier_desc desc;
  seqgpu_param word, network, keys, v, weight, bias;
};

/* ---------------------------------------------------------------- weights */

enum { MOST = 1 << 30 }; /* of anything that is counted */

static seqgpu_status check_desc(seqgpu_context *ctx, const seqgpu_classifier_desc *d,
                                const seqgpu_plan *plan) {
  const int64_t reads = seqgpu_plan_get_desc(plan).input_size;
  SQ_TRY(sq_check_range(ctx, "classifier: words", d->words, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "classifier: word_size", d->word_size, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "classifier: classes", d->classes, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "classifier: pool", d->pool, SEQGPU_CLASSIFIER_LAST, SEQGPU_CLASSIFIER_MAX));
  if (d->pool == SEQGPU_CLASSIFIER_ATTENTION)
    SQ_TRY(sq_check_range(ctx, "classifier: attention_size", d->attention_size, 1, MOST));
  if (!(d->dropout >= 0 && d->dropout <= 1))
    return sq_fail(ctx, SEQGPU_EINVAL, "classifier: dropout is %g; it must be from 0 to 1", d->dropout);
  if (reads == d->word_size) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "classifier: the plan has input_size %lld; it must be %lld",
                 (long long)reads, (long long)d->word_size);
}

static seqgpu_status add_weights(seqgpu_params *p, seqgpu_classifier *m, const seqgpu_plan *plan) {
  const seqgpu_classifier_desc *d = &m->desc;
  const int64_t Y = seqgpu_plan_get_sizes(plan).output_width;
  SQ_TRY(seqgpu_params_add(p, "embedding.weight", d->words, d->word_size, "uniform", 0.1, &m->word));
  SQ_TRY(seqgpu_params_add_rnn(p, "rnn", plan, &m->network));
  if (d->pool == SEQGPU_CLASSIFIER_ATTENTION) {
    SQ_TRY(seqgpu_params_add(p, "attention.weight", d->attention_size, Y, "xavier", 1, &m->keys));
    SQ_TRY(seqgpu_params_add(p, "attention.v", d->attention_size, 1, "xavier", 1, &m->v));
  }
  const int64_t width = d->pool == SEQGPU_CLASSIFIER_LAST ? sq_final_size(plan) : Y;
  SQ_TRY(seqgpu_params_add(p, "output.weight", d->classes, width, "xavier", 1, &m->weight));
  return seqgpu_params_add(p, "output.bias", d->classes, 1, "zeros", 0, &m->bias);
}

seqgpu_status seqgpu_classifier_create_(seqgpu_params *params, const seqgpu_classifier_desc *desc,
                                        size_t size, const seqgpu_plan *plan, seqgpu_classifier **out) {
  if (out) *out = NULL;
  if (params == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = params->ctx;
  if (out == NULL || desc == NULL || plan == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "classifier: %s is NULL", !out ? "out" : !desc ? "desc" : "plan");
  seqgpu_classifier_desc given;
  SQ_TRY(sq_struct_in(ctx, "classifier_desc", &given, sizeof given, desc, size));
  SQ_TRY(check_desc(ctx, &given, plan));
  seqgpu_classifier *m = sq_host_alloc(ctx, sizeof *m);
  if (m == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "classifier: out of memory");
  *m = (seqgpu_classifier){.ctx = ctx, .desc = given};
  const seqgpu_status status = add_weights(params, m, plan);
  if (status == SEQGPU_OK)
    *out = m;
  else
    seqgpu_classifier_destroy(m);
  return status;
}

void seqgpu_classifier_destroy(seqgpu_classifier *m) {
  if (m) sq_host_free(m->ctx, m);
}

/* ---------------------------------------------------------------- sentences */

/* No question: the query [B,attention_size] of zeros. */
static seqgpu_tensor *no_query(const seqgpu_classifier *m, seqgpu_tape *t, int64_t B) {
  const int64_t row[] = {1, m->desc.attention_size}, ids[] = {B}, shape[] = {B, m->desc.attention_size};
  int32_t *none = sq_host_alloc(m->ctx, (size_t)B * sizeof *none);
  if (none == NULL) return sq_tape_fail(t, SEQGPU_ENOMEM, "classifier: out of memory");
  for (int64_t b = 0; b < B; b++) none[b] = -1; /* an embedding's padding */
  seqgpu_tensor *table = seqgpu_tape_reshape(t, seqgpu_tape_param(t, &m->v), 2, row);
  seqgpu_tensor *query = seqgpu_tape_embedding(t, table, seqgpu_tape_ids(t, 1, ids, none));
  sq_host_free(m->ctx, none);
  return seqgpu_tape_reshape(t, query, 2, shape);
}

/* sum_t a_t h_t [B,Y]; *weights become a [T,B]. */
static seqgpu_tensor *attend(const seqgpu_classifier *m, seqgpu_tape *t, seqgpu_tensor *h, int64_t B,
                             seqgpu_tensor *lengths, seqgpu_tensor **weights) {
  seqgpu_tensor *keys = seqgpu_tape_linear(t, h, seqgpu_tape_param(t, &m->keys), NULL);
  seqgpu_tensor *s =
      seqgpu_tape_attention(t, no_query(m, t, B), keys, h, seqgpu_tape_param(t, &m->v), lengths);
  if (weights) *weights = seqgpu_tape_attention_weights(t, s);
  return s;
}

/* s, from the outputs h [T,B,Y]. */
static seqgpu_tensor *pooled(const seqgpu_classifier *m, seqgpu_tape *t, const seqgpu_plan *plan,
                             seqgpu_tensor *h, int64_t B, seqgpu_tensor *lengths, seqgpu_tensor **weights) {
  switch (m->desc.pool) {
  case SEQGPU_CLASSIFIER_LAST:
    return sq_final_rows(t, plan, h, B);
  case SEQGPU_CLASSIFIER_ATTENTION:
    return attend(m, t, h, B, lengths, weights);
  case SEQGPU_CLASSIFIER_MEAN:
    return seqgpu_tape_pooling(t, h, lengths, SEQGPU_POOLING_MEAN);
  case SEQGPU_CLASSIFIER_MAX:
    break;
  }
  return seqgpu_tape_pooling(t, h, lengths, SEQGPU_POOLING_MAX);
}

seqgpu_tensor *seqgpu_classifier_logits(const seqgpu_classifier *m, seqgpu_tape *t, const seqgpu_plan *plan,
                                        int64_t T, int64_t B, const int32_t *lengths, const int32_t *word,
                                        seqgpu_tensor **attention) {
  if (attention) *attention = NULL;
  if (t == NULL) return NULL;
  if (m == NULL || plan == NULL)
    return sq_tape_fail(t, SEQGPU_EINVAL, "classifier: %s is NULL", m ? "plan" : "classifier");
  if (sq_tape_check(t, sq_check_range(m->ctx, "classifier: B", B, 1, MOST), "classifier") != SEQGPU_OK)
    return NULL;
  const int64_t shape[] = {T, B};
  seqgpu_tensor *read = seqgpu_tape_lengths(t, B, lengths);
  seqgpu_tensor *x =
      seqgpu_tape_embedding(t, seqgpu_tape_param(t, &m->word), seqgpu_tape_ids(t, 2, shape, word));
  x = seqgpu_tape_dropout(t, x, m->desc.dropout);
  seqgpu_tensor *h = seqgpu_tape_rnn(t, plan, seqgpu_tape_param(t, &m->network), x, NULL, read);
  seqgpu_tensor *s = pooled(m, t, plan, h, B, read, attention);
  return seqgpu_tape_linear(t, seqgpu_tape_dropout(t, s, m->desc.dropout), seqgpu_tape_param(t, &m->weight),
                            seqgpu_tape_param(t, &m->bias));
}
