/* ctc_labels.c - labels from the logits of CTC: the best path, and prefix beam search (seqgpu/transcriber.h).
 *
 * A prefix l at step t has two probabilities, of the paths to it that end in a blank and in its last label c:
 *
 *   p_blank(l, t)   = y_t(blank) (p_blank(l, t-1) + p_label(l, t-1))
 *   p_label(l, t)   = y_t(c) p_label(l, t-1) + y_t(c) q(l without c, c)
 *   q(l', c)        = p_blank(l', t-1), and p_label(l', t-1) besides where l' does not end in c
 *
 * all as logarithms.  Prefixes are nodes of a tree, so that one is the same node however it was reached;
 * the beam has the likeliest of them.
 */
#include <math.h>
#include <string.h>

#include "host/context/context.h"
#include "host/context/sizes.h"
#include "seqgpu/transcriber.h"

enum { MOST = 1 << 30, MOST_BEAM = 1 << 20, NONE = -1 };

/* ---------------------------------------------------------------- what both have in common */

/* Logits of one recording. */
typedef struct frames {
  const float *logits;
  int64_t steps, stride, classes, blank;
} frames;

static const float *row_of(const frames *f, int64_t t) { return f->logits + t * f->stride; }

static seqgpu_status check(seqgpu_context *ctx, const frames *f, const int32_t *labels,
                           const int64_t *count) {
  if (ctx == NULL) return SEQGPU_EINVAL;
  if (f->logits == NULL || labels == NULL || count == NULL)
    return sq_fail(ctx, SEQGPU_EINVAL, "ctc: %s is NULL",
                   !f->logits ? "logits"
                   : !labels  ? "labels"
                              : "count");
  SQ_TRY(sq_check_range(ctx, "ctc: steps", f->steps, 1, MOST));
  SQ_TRY(sq_check_range(ctx, "ctc: classes", f->classes, 2, MOST));
  SQ_TRY(sq_check_range(ctx, "ctc: blank", f->blank, 0, f->classes - 1));
  return f->stride >= f->classes ? SEQGPU_OK
                                 : sq_fail(ctx, SEQGPU_EINVAL, "ctc: stride is %lld; there are %lld classes",
                                           (long long)f->stride, (long long)f->classes);
}

static int64_t largest(const float *row, int64_t classes) {
  int64_t best = 0;
  for (int64_t k = 1; k < classes; k++)
    if (row[k] > row[best]) best = k;
  return best;
}

seqgpu_status seqgpu_ctc_best_path(seqgpu_context *ctx, const float *logits, int64_t steps, int64_t stride,
                                   int64_t classes, int64_t blank, int32_t *labels, int64_t *count) {
  const frames f = {logits, steps, stride, classes, blank};
  SQ_TRY(check(ctx, &f, labels, count));
  int64_t before = blank, n = 0;
  for (int64_t t = 0; t < steps; t++) {
    const int64_t best = largest(row_of(&f, t), classes);
    if (best != blank && best != before) labels[n++] = (int32_t)best;
    before = best;
  }
  *count = n;
  return SEQGPU_OK;
}

/* ---------------------------------------------------------------- logarithms */

static double log_add(double a, double b) {
  const double most = a > b ? a : b, least = a > b ? b : a;
  return least == -(double)INFINITY ? most : most + log1p(exp(least - most));
}

/* The logarithms of a softmax, in out. */
static void log_softmax(const float *row, int64_t classes, double *out) {
  const double most = (double)row[largest(row, classes)];
  double sum = 0;
  for (int64_t k = 0; k < classes; k++) sum += exp((double)row[k] - most);
  for (int64_t k = 0; k < classes; k++) out[k] = (double)row[k] - most - log(sum);
}

/* ---------------------------------------------------------------- the tree of prefixes */

typedef struct node {
  int32_t parent, label, child, sibling; /* NONE where there is none */
} node;

/* A prefix in the beam. */
typedef struct prefix {
  int32_t node; /* NONE: child `label` of node `parent`, which is not in the tree yet */
  int32_t parent, label;
  double blank, ends, both; /* logarithms of p_blank, of p_label and of their sum */
} prefix;

typedef struct search {
  const frames *f;
  node *tree;
  int32_t nodes;
  prefix *beam, *next;        /* [width], by falling probability */
  int64_t width, kept, found; /* how many are in beam and in next */
  double *y;                  /* [classes] of the step */
  int32_t *place;             /* [nodes] where in the beam a node is, NONE: it is not */
} search;

static int32_t find_child(const search *s, int32_t parent, int32_t label) {
  int32_t child = s->tree[parent].child;
  while (child != NONE && s->tree[child].label != label) child = s->tree[child].sibling;
  return child;
}

static int32_t add_child(search *s, int32_t parent, int32_t label) {
  const int32_t child = s->nodes++;
  s->tree[child] = (node){parent, label, NONE, s->tree[parent].child};
  s->tree[parent].child = child;
  s->place[child] = NONE;
  return child;
}

/* ---------------------------------------------------------------- a step */

/* Keeps a prefix if it is among the likeliest; of equal ones that which came first. */
static void offer(search *s, prefix p) {
  p.both = log_add(p.blank, p.ends);
  if (p.both == -(double)INFINITY) return;
  if (s->found == s->width && p.both <= s->next[s->width - 1].both) return;
  int64_t at = s->found < s->width ? s->found++ : s->width - 1;
  for (; at > 0 && s->next[at - 1].both < p.both; at--) s->next[at] = s->next[at - 1];
  s->next[at] = p;
}

/* q of the recursion. */
static double extended(const prefix *p, int32_t label) { return p->label == label ? p->blank : p->both; }

/* The prefix itself, one step later. */
static prefix stay(const search *s, const prefix *p) {
  prefix same = *p;
  same.blank = s->y[s->f->blank] + p->both;
  same.ends = -(double)INFINITY;
  if (p->parent == NONE) return same;
  same.ends = s->y[p->label] + p->ends;
  const int32_t from = s->place[p->parent];
  if (from != NONE) same.ends = log_add(same.ends, s->y[p->label] + extended(&s->beam[from], p->label));
  return same;
}

/* Its continuations by one label, but for those that are in the beam themselves. */
static void extend(search *s, const prefix *p) {
  for (int32_t k = 0; k < s->f->classes; k++) {
    if (k == s->f->blank) continue;
    const int32_t child = find_child(s, p->node, k);
    if (child != NONE && s->place[child] != NONE) continue;
    offer(s, (prefix){child, p->node, k, -(double)INFINITY, s->y[k] + extended(p, k), 0});
  }
}

static void step(search *s, int64_t t) {
  log_softmax(row_of(s->f, t), s->f->classes, s->y);
  s->found = 0;
  for (int64_t i = 0; i < s->kept; i++) offer(s, stay(s, &s->beam[i]));
  for (int64_t i = 0; i < s->kept; i++) extend(s, &s->beam[i]);
  for (int64_t i = 0; i < s->kept; i++) s->place[s->beam[i].node] = NONE;
  for (int64_t i = 0; i < s->found; i++) {
    prefix *p = &s->next[i];
    if (p->node == NONE) p->node = add_child(s, p->parent, p->label);
    s->place[p->node] = (int32_t)i;
  }
  prefix *swap = s->beam;
  s->beam = s->next;
  s->next = swap;
  s->kept = s->found;
}

/* ---------------------------------------------------------------- the call */

static void run(search *s, int32_t *labels, int64_t *count, double *log_probability) {
  s->tree[0] = (node){NONE, NONE, NONE, NONE};
  s->nodes = 1;
  s->beam[0] = (prefix){0, NONE, NONE, 0, -(double)INFINITY, 0};
  s->kept = 1;
  s->place[0] = 0;
  for (int64_t t = 0; t < s->f->steps; t++) step(s, t);
  int64_t n = 0;
  for (int32_t at = s->beam[0].node; s->tree[at].parent != NONE; at = s->tree[at].parent) n++;
  *count = n;
  for (int32_t at = s->beam[0].node; s->tree[at].parent != NONE; at = s->tree[at].parent)
    labels[--n] = s->tree[at].label;
  if (log_probability) *log_probability = s->beam[0].both;
}

seqgpu_status seqgpu_ctc_beam(seqgpu_context *ctx, const float *logits, int64_t steps, int64_t stride,
                              int64_t classes, int64_t blank, int64_t beam, int32_t *labels, int64_t *count,
                              double *log_probability) {
  const frames f = {logits, steps, stride, classes, blank};
  SQ_TRY(check(ctx, &f, labels, count));
  SQ_TRY(sq_check_range(ctx, "ctc: beam", beam, 1, MOST_BEAM));
  const int64_t nodes = steps * beam + 1;
  if (nodes > INT32_MAX) return sq_fail(ctx, SEQGPU_ENOMEM, "ctc: out of memory");
  search s = {.f = &f, .width = beam};
  s.tree = sq_host_alloc(ctx, (size_t)nodes * sizeof *s.tree);
  s.place = sq_host_alloc(ctx, (size_t)nodes * sizeof *s.place);
  s.beam = sq_host_alloc(ctx, (size_t)beam * sizeof *s.beam);
  s.next = sq_host_alloc(ctx, (size_t)beam * sizeof *s.next);
  s.y = sq_host_alloc(ctx, (size_t)classes * sizeof *s.y);
  const int there = s.tree && s.place && s.beam && s.next && s.y;
  if (there) run(&s, labels, count, log_probability);
  sq_host_free(ctx, s.tree);
  sq_host_free(ctx, s.place);
  sq_host_free(ctx, s.beam);
  sq_host_free(ctx, s.next);
  sq_host_free(ctx, s.y);
  return there ? SEQGPU_OK : sq_fail(ctx, SEQGPU_ENOMEM, "ctc: out of memory");
}
