/* sampler.c - drawing tokens from a language model (sampler.h). */
#include "host/cli/sampler.h"

#include <math.h>
#include <stdlib.h>

#include "host/cli/cli.h"

seqgpu_status sampler_create(charlm *m, const vocabulary *v, sampling how, sampler *out) {
  const size_t V = (size_t)m->vocab;
  sampler s = {.how = how, .model = m, .vocab = v};
  s.logits = malloc(V * sizeof *s.logits);
  s.weight = malloc(V * sizeof *s.weight);
  s.rank = malloc(V * sizeof *s.rank);
  seqgpu_status status = s.logits && s.weight && s.rank ? SEQGPU_OK : cli_no_memory();
  if (status == SEQGPU_OK) status = seqgpu_malloc(m->ctx, sizeof(int32_t), &s.id);
  if (status == SEQGPU_OK) status = charlm_pass_create(m, 1, 1, 0, &s.pass);
  if (status != SEQGPU_OK) sampler_destroy(&s);
  *out = s;
  return status;
}

void sampler_destroy(sampler *s) {
  if (s->model == NULL) return;
  charlm_pass_destroy(&s->pass);
  seqgpu_free(s->model->ctx, s->id);
  free(s->logits);
  free(s->weight);
  free(s->rank);
  *s = (sampler){.model = NULL};
}

seqgpu_status sampler_read(sampler *s, int32_t id) {
  seqgpu_context *ctx = s->model->ctx;
  LIB_TRY(seqgpu_copy_in(ctx, s->id, &id, sizeof id));
  LIB_TRY(charlm_forward(&s->pass, 1, s->id, 0));
  return seqgpu_copy_out(ctx, s->logits, s->pass.logits, (size_t)s->model->vocab * sizeof(float));
}

/* ---------------------------------------------------------------- probabilities */

/* Among characters <unk> stands for what no text of the training had: it is never written. */
static int is_drawn(const sampler *s, int32_t v) {
  return v != s->vocab->unknown || s->vocab->kind != TOKEN_UTF8;
}

static int32_t likeliest(const sampler *s) {
  int32_t best = -1;
  for (int32_t v = 0; v < (int32_t)s->model->vocab; v++)
    if (is_drawn(s, v) && (best < 0 || s->logits[v] > s->logits[best])) best = v;
  return best < 0 ? 0 : best;
}

static int by_logit(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->logit != y->logit) return x->logit < y->logit ? 1 : -1;
  return (x->token > y->token) - (x->token < y->token);
}

void sampler_rank(sampler *s) {
  const int32_t V = (int32_t)s->model->vocab;
  for (int32_t v = 0; v < V; v++) s->rank[v] = (ranked){is_drawn(s, v) ? s->logits[v] : -INFINITY, v};
  qsort(s->rank, (size_t)V, sizeof *s->rank, by_logit);
}

/* Leaves the likeliest top_k, and of these the fewest that have top_p together; returns the sum that is
 * left. */
static double cut_tail(sampler *s) {
  const int64_t V = s->model->vocab, k = s->how.top_k > 0 && s->how.top_k < V ? s->how.top_k : V;
  double kept = 0, among = 0;
  sampler_rank(s);
  for (int64_t i = 0; i < k; i++) among += s->weight[s->rank[i].token];
  for (int64_t i = 0; i < V; i++) {
    double *w = &s->weight[s->rank[i].token];
    if (i >= k || (i > 0 && kept >= s->how.top_p * among)) *w = 0;
    kept += *w;
  }
  return kept;
}

double sampler_weigh(sampler *s) {
  const double temperature = s->how.temperature > 0 ? s->how.temperature : 1;
  const double largest = s->logits[likeliest(s)];
  double sum = 0;
  for (int32_t v = 0; v < (int32_t)s->model->vocab; v++) {
    s->weight[v] = is_drawn(s, v) ? exp(((double)s->logits[v] - largest) / temperature) : 0;
    sum += s->weight[v];
  }
  return s->how.top_k > 0 || s->how.top_p < 1 ? cut_tail(s) : sum;
}

int32_t sampler_draw(sampler *s) {
  const int32_t best = likeliest(s);
  if (s->how.temperature == 0) return best;
  const double sum = sampler_weigh(s);
  double left = seqgpu_uniform(s->how.seed, 0, s->drawn++) * sum; /* the same on every device */
  for (int32_t v = 0; v < (int32_t)s->model->vocab; v++) {
    left -= s->weight[v];
    if (left < 0) return v;
  }
  return best; /* the sum was rounded */
}

/* ---------------------------------------------------------------- text */

int32_t sampler_start_token(const vocabulary *v) {
  for (int32_t i = 0; i < v->size; i++)
    if (v->tokens[i].length == 1 && v->tokens[i].text[0] == '\n') return i;
  return v->unknown == 0 && v->size > 1 ? 1 : 0;
}

seqgpu_status sampler_write(sampler *s, const int32_t *prime, int64_t count, int64_t length, FILE *to) {
  int32_t before = -1; /* decides whether a word needs a space */
  if (count == 0) LIB_TRY(sampler_read(s, sampler_start_token(s->vocab)));
  for (int64_t i = 0; i < count; i++) {
    LIB_TRY(sampler_read(s, prime[i]));
    vocab_print(s->vocab, before, prime[i], to);
    before = prime[i];
  }
  for (int64_t i = 0; i < length && !ferror(to); i++) {
    const int32_t id = sampler_draw(s);
    vocab_print(s->vocab, before, id, to);
    before = id;
    if (i % 16 == 0 && to == stdout) cli_flush();
    if (i + 1 < length) LIB_TRY(sampler_read(s, id));
  }
  return SEQGPU_OK;
}
