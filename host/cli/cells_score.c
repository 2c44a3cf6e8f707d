/* cells_score.c - features of a text, correlations, saturation (cells_score.h). */
#include "host/cli/cells_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seqgpu/seqgpu.h"

/* ---------------------------------------------------------------- features of a text */

const text_feature text_features[TEXT_FEATURES] = {
    [TEXT_QUOTES] = {"quotes", "1 between double quotes, else 0"},
    [TEXT_LINE] = {"line position", "characters since the line began"},
    [TEXT_BRACKETS] = {"brackets", "how many of ( [ { are open"},
    [TEXT_INDENT] = {"indentation", "characters of white space that began the line"},
};

/* Where a text stands after some of its characters. */
typedef struct place {
  int quoted, depth;
  int64_t line, indent;
  int in_indent; /* nothing but white space since the line began */
} place;

static int begins(const char *s, size_t size, const char *with) {
  return size >= strlen(with) && memcmp(s, with, strlen(with)) == 0;
}

/* Quotes and brackets that were forgotten end with the paragraph. */
static void end_line(place *p) {
  if (p->in_indent) p->quoted = p->depth = 0;
  p->line = p->indent = 0;
  p->in_indent = 1;
}

static void step(place *p, const char *s, size_t size) {
  const char c = s[0];
  if (((unsigned char)c & 0xc0) == 0x80) return; /* inside a character */
  if (c == '\n') {
    end_line(p);
    return;
  }
  p->line++;
  if (p->in_indent && (c == ' ' || c == '\t'))
    p->indent++;
  else
    p->in_indent = 0;
  if (c == '"') p->quoted = !p->quoted;
  if (begins(s, size, "\xE2\x80\x9C")) p->quoted = 1;
  if (begins(s, size, "\xE2\x80\x9D")) p->quoted = 0;
  if (c && strchr("([{", c)) p->depth++;
  if (c && strchr(")]}", c) && p->depth > 0) p->depth--;
}

void cells_feature(int feature, const char *text, const size_t *ends, int64_t n, float *out) {
  place p = {.in_indent = 1};
  const size_t size = n > 0 ? ends[n - 1] : 0;
  size_t at = 0;
  for (int64_t i = 0; i < n; i++) {
    for (; at < ends[i]; at++) step(&p, text + at, size - at);
    const int64_t values[TEXT_FEATURES] = {
        [TEXT_QUOTES] = p.quoted, [TEXT_LINE] = p.line, [TEXT_BRACKETS] = p.depth, [TEXT_INDENT] = p.indent};
    out[i] = (float)values[feature];
  }
}

/* ---------------------------------------------------------------- scores */

enum { SHIFTS = 100, ABOVE = 95 }; /* shifted texts, and which of them, in order, is the chance level */

/* Mean 0 and a sum of squares of 1, or zeros for what is constant; returns whether it is not. */
static int standardise(const float *x, int64_t n, int64_t stride, double *out) {
  double mean = 0, squares = 0;
  for (int64_t i = 0; i < n; i++) mean += (double)x[i * stride];
  mean /= (double)n;
  for (int64_t i = 0; i < n; i++) {
    out[i] = (double)x[i * stride] - mean;
    squares += out[i] * out[i];
  }
  const int changes = squares > 1e-12 * (1 + mean * mean) * (double)n;
  for (int64_t i = 0; i < n; i++) out[i] = changes ? out[i] / sqrt(squares) : 0;
  return changes;
}

/* Of x with f moved `shift` places to the right, around the end. */
static double product(const double *x, const double *f, int64_t n, int64_t shift) {
  double sum = 0;
  for (int64_t i = 0; i < shift; i++) sum += x[i] * f[n - shift + i];
  for (int64_t i = shift; i < n; i++) sum += x[i] * f[i - shift];
  return sum;
}

typedef struct scored {
  double score;
  int32_t cell;
} scored;

static int by_score(const void *a, const void *b) {
  const scored *x = a, *y = b;
  if (x->score != y->score) return x->score < y->score ? 1 : -1;
  return (x->cell > y->cell) - (x->cell < y->cell);
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The best of all cells for each of SHIFTS shifted features; of these the ABOVE-th. */
static double chance_of(const double *z, const double *f, int64_t n, int64_t U) {
  double best[SHIFTS] = {0};
  for (int k = 0; k < SHIFTS; k++) {
    const double share = 0.1 + 0.8 * seqgpu_uniform(1, 0, (uint64_t)k);
    const int64_t shift = (int64_t)(share * (double)n);
    for (int64_t u = 0; u < U; u++) best[k] = fmax(best[k], fabs(product(z + u * n, f, n, shift)));
  }
  qsort(best, SHIFTS, sizeof *best, by_value);
  return best[ABOVE - 1];
}

static void rank(cell_scores *s, scored *order, int64_t U) {
  for (int64_t u = 0; u < U; u++) {
    const double r = s->correlation[u];
    order[u] = (scored){isnan(r) ? -1 : fabs(r), (int32_t)u};
  }
  qsort(order, (size_t)U, sizeof *order, by_score);
  for (int64_t u = 0; u < U; u++) s->rank[u] = order[u].cell;
}

/* z[U,n], f[n] and order[U] are scratch. */
static void score(const float *x, int64_t n, int64_t U, const float *feature, double *z, double *f,
                  scored *order, cell_scores *out) {
  const int there = standardise(feature, n, 1, f);
  for (int64_t u = 0; u < U; u++) {
    const int changes = standardise(x + u, n, U, z + u * n);
    out->correlation[u] = there && changes ? product(z + u * n, f, n, 0) : (double)NAN;
  }
  out->chance = there && n > 1 ? chance_of(z, f, n, U) : (double)NAN;
  rank(out, order, U);
}

int cells_score(const float *x, int64_t n, int64_t U, const float *feature, cell_scores *out) {
  *out = (cell_scores){.correlation = malloc((size_t)U * sizeof(double)),
                       .rank = malloc((size_t)U * sizeof(int32_t))};
  double *z = calloc((size_t)(U * n), sizeof *z), *f = calloc((size_t)n, sizeof *f);
  scored *order = malloc((size_t)U * sizeof *order);
  const int ok = out->correlation && out->rank && z && f && order;
  if (ok)
    score(x, n, U, feature, z, f, order, out);
  else
    cells_scores_free(out);
  free(z);
  free(f);
  free(order);
  return ok;
}

void cells_scores_free(cell_scores *s) {
  free(s->correlation);
  free(s->rank);
  *s = (cell_scores){.correlation = NULL};
}

/* ---------------------------------------------------------------- saturation */

/* Those of all cells (core/cells.def). */
int cells_is_gate(const char *part) {
  static const char *const names[] = {"i", "f", "o", "r", "u"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(part, names[i]) == 0) return 1;
  return 0;
}

void cells_saturation(const float *x, int64_t n, int64_t U, double *left, double *right) {
  for (int64_t u = 0; u < U; u++) {
    int64_t low = 0, high = 0;
    for (int64_t i = 0; i < n; i++) {
      low += x[i * U + u] < 0.1f;
      high += x[i * U + u] > 0.9f;
    }
    left[u] = (double)low / (double)n;
    right[u] = (double)high / (double)n;
  }
}
