/* tagger.c - a tagger on the tape: words by their vectors and their letters, a class for each
 * (seqgpu/tagger.h has the equations and where they are from).
 *
 * Spellings are read as a batch of their own; each word of a sentence then looks its spelling up, as it looks
 * up its vector: the final states are the table of a second embedding.
 */
#include "seqgpu/tagger.h"

#include "host/context/sizes.h"
#include "host/context/structs.h"
#include "host/models/final.h"
#include "host/params/params.h"
#include "host/tape/record.h"

struct seqgpu_tagger {
  seqgpu_context *ctx;
  seqgpu_tagger_desc desc;
  int spells; /* it has a network for letters */
  seqgpu_param word, letter, speller, network, weight, bias;
};

/* ---------------------------------------------------------------- weights */

int64_t seqgpu_tagger_input_size(int64_t word_size, const seqgpu_plan *letters) {
  return word_size + sq_final_size(letters);
}

enum { MOST = 1 << 30 }; /* of anything that is counted */

static seqgpu_status check_plan(seqgpu_context *ctx, const char *name, const seqgpu_plan *plan,
                                int64_t reads) {
  const int64_t given = seqgpu_plan_get_desc(plan).input_size;
  if (given == reads) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EINVAL, "tagger: plan %s has input_size %lld; it must be %lld", name,
                 (long long)given, (long long)reads);
}

static seqgpu_status check_desc(seqgpu_context *ctx, const seqgpu_tagger_desc *d, const seqgpu_plan *letters,
                                const seqgpu_plan *sentence) {
  SQ_TRY(sq_check_range(ctx, "tagger: words", d->words, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "tagger: word_size", d->word_size, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "tagger: tags", d->tags, 1, MOST));
  if (!(d->dropout >= 0 && d->dropout <= 1))
    return sq_fail(ctx, SEQGPU_EINVAL, "tagger: dropout is %g; it must be from 0 to 1", d->dropout);
  if (letters) {
    SQ_TRY(sq_check_range(ctx, "tagger: letters", d->letters, 1, MOST));
    SQ_TRY(sq_check_range(ctx, "tagger: letter_size", d->letter_size, 1, MOST));
    SQ_TRY(check_plan(ctx, "letters", letters, d->letter_size));
  }
  return check_plan(ctx, "sentence", sentence, seqgpu_tagger_input_size(d->word_size, letters));
}

/* Words begin small, so that letters are heard beside them; the few letters begin apart from each other. */
#define WORD_SCALE   0.1
#define LETTER_SCALE 1.0

static seqgpu_status add_weights(seqgpu_params *p, seqgpu_tagger *m, const seqgpu_plan *letters,
                                 const seqgpu_plan *sentence) {
  const seqgpu_tagger_desc *d = &m->desc;
  const int64_t Y = seqgpu_plan_get_sizes(sentence).output_width;
  SQ_TRY(seqgpu_params_add(p, "embedding.weight", d->words, d->word_size, "uniform", WORD_SCALE, &m->word));
  if (letters) {
    SQ_TRY(seqgpu_params_add(p, "letters.weight", d->letters, d->letter_size, "normal", LETTER_SCALE,
                             &m->letter));
    SQ_TRY(seqgpu_params_add_rnn(p, "speller", letters, &m->speller));
  }
  SQ_TRY(seqgpu_params_add_rnn(p, "rnn", sentence, &m->network));
  SQ_TRY(seqgpu_params_add(p, "output.weight", d->tags, Y, "xavier", 1, &m->weight));
  return seqgpu_params_add(p, "output.bias", d->tags, 1, "zeros", 0, &m->bias);
}

seqgpu_status seqgpu_tagger_create_(seqgpu_params *params, const seqgpu_tagger_desc *desc, size_t size,
                                    const seqgpu_plan *letters, const seqgpu_plan *sentence,
                                    seqgpu_tagger **out) {
  if (out) *out = NULL;
  if (params == NULL) return SEQGPU_EINVAL;
  seqgpu_context *ctx = params->ctx;
  if (out == NULL || desc == NULL || sentence == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "tagger: %s is NULL", !out ? "out" : !desc ? "desc" : "sentence");
  seqgpu_tagger_desc given;
  SQ_TRY(sq_struct_in(ctx, "tagger_desc", &given, sizeof given, desc, size));
  SQ_TRY(check_desc(ctx, &given, letters, sentence));
  seqgpu_tagger *m = sq_host_alloc(ctx, sizeof *m);
  if (m == NULL) return sq_fail(ctx, SEQGPU_ENOMEM, "tagger: out of memory");
  *m = (seqgpu_tagger){.ctx = ctx, .desc = given, .spells = letters != NULL};
  const seqgpu_status status = add_weights(params, m, letters, sentence);
  if (status != SEQGPU_OK) {
    seqgpu_tagger_destroy(m);
    return status;
  }
  *out = m;
  return SEQGPU_OK;
}

void seqgpu_tagger_destroy(seqgpu_tagger *m) {
  if (m) sq_host_free(m->ctx, m);
}

/* ---------------------------------------------------------------- a batch */

/* [N,S]: what the letters' network says of each spelling. */
static seqgpu_tensor *spell(const seqgpu_tagger *m, seqgpu_tape *t, const seqgpu_plan *plan,
                            const seqgpu_tagger_batch *b) {
  const int64_t N = b->spellings, shape[] = {b->longest, N};
  seqgpu_tensor *x =
      seqgpu_tape_embedding(t, seqgpu_tape_param(t, &m->letter), seqgpu_tape_ids(t, 2, shape, b->letter));
  seqgpu_tensor *y = seqgpu_tape_rnn(t, plan, seqgpu_tape_param(t, &m->speller), x, NULL,
                                     seqgpu_tape_lengths(t, N, b->letter_lengths));
  return sq_final_rows(t, plan, y, N);
}

seqgpu_tensor *seqgpu_tagger_logits_(const seqgpu_tagger *m, seqgpu_tape *t, const seqgpu_plan *letters,
                                     const seqgpu_plan *sentence, const seqgpu_tagger_batch *batch,
                                     size_t size) {
  seqgpu_tagger_batch b;
  if (t == NULL) return NULL;
  if (m == NULL || sentence == NULL || batch == NULL)
    return sq_tape_fail(t, SEQGPU_EINVAL, "tagger: %s is NULL",
                        !m          ? "tagger"
                        : !sentence ? "sentence"
                                    : "batch");
  if (m->spells != (letters != NULL))
    return sq_tape_fail(t, SEQGPU_EINVAL, "tagger: letters is %s; the tagger was created %s it",
                        letters ? "a plan" : "NULL", letters ? "without" : "with");
  if (sq_tape_check(t, sq_struct_in(m->ctx, "tagger_batch", &b, sizeof b, batch, size), "tagger") !=
      SEQGPU_OK)
    return NULL;
  const int64_t shape[] = {b.seq_len, b.batch};
  seqgpu_tensor *x =
      seqgpu_tape_embedding(t, seqgpu_tape_param(t, &m->word), seqgpu_tape_ids(t, 2, shape, b.word));
  if (letters)
    x = seqgpu_tape_concat(
        t, x, seqgpu_tape_embedding(t, spell(m, t, letters, &b), seqgpu_tape_ids(t, 2, shape, b.spelling)));
  x = seqgpu_tape_dropout(t, x, m->desc.dropout);
  seqgpu_tensor *h = seqgpu_tape_rnn(t, sentence, seqgpu_tape_param(t, &m->network), x, NULL,
                                     seqgpu_tape_lengths(t, b.batch, b.lengths));
  return seqgpu_tape_linear(t, seqgpu_tape_dropout(t, h, m->desc.dropout), seqgpu_tape_param(t, &m->weight),
                            seqgpu_tape_param(t, &m->bias));
}
