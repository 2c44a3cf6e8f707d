/* kneser_ney.c - n-grams as a tree, from the places of a text in the order of what follows (kneser_ney.h).
 *
 * A node of level k is an n-gram of length k, the child of its first k-1 tokens.  The places of the text are
 * sorted by the tokens that begin there, so that equal n-grams lie side by side, and a level is written from
 * left to right: the children of a node are neighbours, in the order of their tokens, and found by halving.
 */
#include "host/data/kneser_ney.h"

#include <stdlib.h>
#include <string.h>

typedef struct level {
  int64_t count;      /* nodes */
  int32_t *token;     /* [count] the last of each */
  int32_t *counted;   /* [count] c of the n-gram */
  int64_t *first;     /* [count+1] its children in the next level */
  double *total;      /* [count] c(h.) of the node as a context */
  double *rest;       /* [count] gamma(h) */
  double discount[4]; /* of an n-gram that is counted so often, the last: or more */
} level;

struct kneser_ney {
  int order;
  int32_t vocab;
  level level[KNESER_NEY_MOST + 1]; /* the root in level 0 */
};

/* ---------------------------------------------------------------- places in order */

/* A text with KNESER_NEY_MOST numbers -1 behind it, and its places sorted. */
typedef struct places {
  int64_t count;
  int32_t *text;
  const int32_t **at;
} places;

static int by_what_follows(const void *a, const void *b) {
  const int32_t *x = *(const int32_t *const *)a, *y = *(const int32_t *const *)b;
  for (int k = 0; k < KNESER_NEY_MOST; k++) /* no two places end at once */
    if (x[k] != y[k]) return x[k] < y[k] ? -1 : 1;
  return 0;
}

static int places_create(const int32_t *ids, int64_t count, places *out) {
  *out = (places){.count = count};
  out->text = malloc((size_t)(count + KNESER_NEY_MOST) * sizeof *out->text);
  out->at = malloc((size_t)count * sizeof *out->at);
  if (out->text == NULL || out->at == NULL) return 0;
  memcpy(out->text, ids, (size_t)count * sizeof *ids);
  for (int k = 0; k < KNESER_NEY_MOST; k++) out->text[count + k] = -1;
  for (int64_t i = 0; i < count; i++) out->at[i] = out->text + i;
  qsort(out->at, (size_t)count, sizeof *out->at, by_what_follows);
  return 1;
}

static void places_free(places *p) {
  free(p->text);
  free(p->at);
}

/* How many tokens a place has, at most `order`, and how many of these are also those of the place before it. */
static int length_of(const int32_t *at, int order) {
  int k = 0;
  while (k < order && at[k] >= 0) k++;
  return k;
}

static int shared_with(const places *p, int64_t i, int length) {
  int k = 0;
  if (i == 0) return 0;
  while (k < length && p->at[i][k] == p->at[i - 1][k]) k++;
  return k;
}

/* ---------------------------------------------------------------- the tree */

static int allocate(level *l, int64_t count, int has_children) {
  const size_t n = (size_t)count + 1; /* never none */
  l->token = malloc(n * sizeof *l->token);
  l->counted = calloc(n, sizeof *l->counted);
  if (has_children) {
    l->first = malloc(n * sizeof *l->first);
    l->total = calloc(n, sizeof *l->total);
    l->rest = calloc(n, sizeof *l->rest);
  }
  return l->token && l->counted && (!has_children || (l->first && l->total && l->rest));
}

/* The node of no token, whose children are the tokens. */
static int allocate_root(level *l) {
  if (!allocate(l, 1, 1)) return 0;
  l->count = 1;
  l->token[0] = -1;
  l->first[0] = 0;
  return 1;
}

static int allocate_levels(kneser_ney *m, const places *p) {
  int64_t count[KNESER_NEY_MOST + 1] = {0};
  for (int64_t i = 0; i < p->count; i++) {
    const int length = length_of(p->at[i], m->order);
    for (int k = shared_with(p, i, length) + 1; k <= length; k++) count[k]++;
  }
  for (int k = 1; k <= m->order; k++)
    if (!allocate(&m->level[k], count[k], k < m->order)) return 0;
  return allocate_root(&m->level[0]);
}

/* The checker follows no loop over so many levels, each of which has its memory.
 * NOLINTBEGIN(clang-analyzer-core.NullDereference) */
static void write_levels(kneser_ney *m, const places *p) {
  level *const longest = &m->level[m->order];
  for (int64_t i = 0; i < p->count; i++) {
    const int length = length_of(p->at[i], m->order);
    for (int k = shared_with(p, i, length) + 1; k <= length; k++) {
      level *l = &m->level[k];
      if (k < m->order) l->first[l->count] = m->level[k + 1].count;
      l->token[l->count++] = p->at[i][k - 1];
    }
    if (length == m->order) longest->counted[longest->count - 1]++;
  }
  for (int k = 0; k < m->order; k++) m->level[k].first[m->level[k].count] = m->level[k + 1].count;
}

/* The child of a node of level k-1 with that token, -1 if there is none. */
static int64_t find_child(const kneser_ney *m, int k, int64_t parent, int32_t token) {
  const level *l = &m->level[k];
  int64_t low = m->level[k - 1].first[parent], high = m->level[k - 1].first[parent + 1];
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (l->token[middle] == token) return middle;
    if (l->token[middle] < token)
      low = middle + 1;
    else
      high = middle;
  }
  return -1;
}

/* The n-gram tokens[length], -1 if there is none. */
static int64_t find_node(const kneser_ney *m, const int32_t *tokens, int length) {
  int64_t node = 0;
  for (int k = 1; k <= length && node >= 0; k++) node = find_child(m, k, node, tokens[k - 1]);
  return node;
}

/* ---------------------------------------------------------------- counts */

/* Of the shorter n-grams: each longer one adds a token that stands before what is left of it. */
static void count_before(kneser_ney *m, const places *p) {
  for (int k = 1; k < m->order && k <= p->count; k++) m->level[k].counted[find_node(m, p->text, k)]++;
  for (int64_t i = 0; i < p->count; i++) {
    const int length = length_of(p->at[i], m->order);
    for (int k = shared_with(p, i, length) + 1; k <= length; k++)
      if (k > 1) m->level[k - 1].counted[find_node(m, p->at[i] + 1, k - 1)]++;
  }
}
/* NOLINTEND(clang-analyzer-core.NullDereference) */

static void set_discounts(level *l) {
  static const double otherwise[4] = {0, 0.5, 1, 1.5};
  double n[5] = {0};
  for (int64_t i = 0; i < l->count; i++)
    if (l->counted[i] <= 4) n[l->counted[i]]++;
  const double Y = n[1] / (n[1] + 2 * n[2]);
  int sound = 1;
  for (int i = 1; i <= 3; i++) {
    l->discount[i] = i - (i + 1) * Y * n[i + 1] / n[i];
    sound &= l->discount[i] >= 0; /* no NaN is; none is more than i */
  }
  if (!sound) memcpy(l->discount, otherwise, sizeof otherwise);
}

static double discount_of(const level *l, int32_t counted) { return l->discount[counted < 3 ? counted : 3]; }

/* What the contexts of level k-1 need of their children. */
static void sum_contexts(kneser_ney *m, int k) {
  level *contexts = &m->level[k - 1];
  const level *l = &m->level[k];
  for (int64_t h = 0; h < contexts->count; h++) {
    double total = 0, taken = 0;
    for (int64_t i = contexts->first[h]; i < contexts->first[h + 1]; i++) {
      total += l->counted[i];
      taken += discount_of(l, l->counted[i]);
    }
    contexts->total[h] = total;
    contexts->rest[h] = total > 0 ? taken / total : 1;
  }
}

/* ---------------------------------------------------------------- the model */

kneser_ney *kneser_ney_create(const int32_t *ids, int64_t count, int32_t vocab, int order) {
  places p;
  kneser_ney *m = calloc(1, sizeof *m);
  int made = places_create(ids, count, &p) && m != NULL;
  if (m) {
    m->order = order;
    m->vocab = vocab;
  }
  made = made && allocate_levels(m, &p);
  if (made) {
    write_levels(m, &p);
    count_before(m, &p);
    for (int k = 1; k <= order; k++) {
      set_discounts(&m->level[k]);
      sum_contexts(m, k);
    }
  }
  places_free(&p);
  if (made) return m;
  kneser_ney_destroy(m);
  return NULL;
}

void kneser_ney_destroy(kneser_ney *m) {
  for (int k = 0; m && k <= m->order; k++) {
    level *l = &m->level[k];
    void *const memory[] = {l->token, l->counted, l->first, l->total, l->rest};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) free(memory[i]);
  }
  free(m);
}

int64_t kneser_ney_count(const kneser_ney *m, int length) { return m->level[length].count; }

double kneser_ney_probability(const kneser_ney *m, const int32_t *history, int64_t length, int32_t token) {
  double p = 1.0 / m->vocab;
  for (int k = 1; k <= m->order && k - 1 <= length; k++) {
    const level *contexts = &m->level[k - 1], *l = &m->level[k];
    const int64_t h = find_node(m, history + length - (k - 1), k - 1);
    if (h < 0 || contexts->total[h] == 0) break;
    const int64_t node = find_child(m, k, h, token);
    p *= contexts->rest[h];
    if (node >= 0) p += (l->counted[node] - discount_of(l, l->counted[node])) / contexts->total[h];
  }
  return p;
}
