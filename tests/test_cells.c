/* test_cells.c - what `seqgpu inspect --cells` measures: features of a text, how cells follow them, and
 * saturation. */
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cells_score.h"

/* ---------------------------------------------------------------- features */

/* One digit a character of the text. */
static void check_feature(int feature, const char *text, const char *wanted) {
  enum { MOST = 64 };
  const int64_t n = (int64_t)strlen(text);
  size_t ends[MOST] = {0};
  float got[MOST];
  char digits[MOST + 1] = "";
  for (int64_t i = 0; i < n; i++) ends[i] = (size_t)i + 1;
  cells_feature(feature, text, ends, n, got);
  for (int64_t i = 0; i < n; i++) digits[i] = (char)('0' + (int)got[i]);
  check_record(strcmp(digits, wanted) == 0, digits, "%s of a text", text_features[feature].name);
}

static void check_features(void) {
  check_feature(TEXT_QUOTES, "a \"bc\" d\n", "001110000");
  check_feature(TEXT_QUOTES, "a \"bc\n\nd\"e", "0011110011");
  check_feature(TEXT_QUOTES,
                "a \xE2\x80\x9C"
                "b\xE2\x80\x9D c",
                "00111100000");
  check_feature(TEXT_LINE, "abc\n d\xC3\xA9\n", "123012330");
  check_feature(TEXT_BRACKETS, "a(b[c]d)e)f{", "011221100001");
  check_feature(TEXT_INDENT, "a\n  b c\n\td", "0012222011");
  /* Tokens longer than a character have the feature of their end. */
  const size_t ends[] = {3, 6, 7};
  float got[3];
  cells_feature(TEXT_BRACKETS, "ab( (c)", ends, 3, got);
  CHECK(got[0] == 1 && got[1] == 2 && got[2] == 1, "tokens have what holds at their end");
}

/* ---------------------------------------------------------------- scores */

enum { N = 2000, U = 12 };

/* Pearson's correlation in one pass over doubles, which shares nothing with the program. */
static double pearson(const float *x, const float *y) {
  double sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;
  for (int64_t i = 0; i < N; i++) {
    const double a = (double)x[i * U], b = (double)y[i];
    sx += a, sy += b, sxx += a * a, syy += b * b, sxy += a * b;
  }
  return (N * sxy - sx * sy) / sqrt((N * sxx - sx * sx) * (N * syy - sy * sy));
}

static void check_scores(void) {
  static float x[N * U], feature[N];
  cell_scores s;
  for (int64_t i = 0; i < N; i++) feature[i] = (float)(check_uniform(0, 1) < 0.3);
  check_fill_f32(x, N * U, -1, 1);
  for (int64_t i = 0; i < N; i++) {
    x[i * U + 3] = 2 * feature[i] - 1;                                      /* follows it */
    x[i * U + 5] = 0.25f;                                                   /* never changes */
    x[i * U + 7] = -0.5f * feature[i] + 0.5f * (float)check_uniform(-1, 1); /* against it, with noise */
  }
  if (!CHECK(cells_score(x, N, U, feature, &s), "scores")) return;
  check_error(fabs(s.correlation[3] - 1), 1e-9, "a cell that is the feature");
  double worst = 0;
  for (int u = 0; u < U; u++)
    if (u != 5) worst = check_worse(worst, fabs(s.correlation[u] - pearson(x + u, feature)));
  check_error(worst, 1e-6, "correlations");
  CHECK(isnan(s.correlation[5]) && s.rank[U - 1] == 5, "a cell that never changes is last");
  CHECK(s.rank[0] == 3 && s.rank[1] == 7 && s.correlation[7] < -0.3, "the best first, whatever the sign");
  CHECK(s.chance > 0.03 && s.chance < 0.15, "chance: %.3f with %d tokens", s.chance, N);
  int above = 0;
  for (int u = 0; u < U; u++) above += fabs(s.correlation[u]) > 1.5 * s.chance;
  CHECK(above == 2, "noise is not above it");
  cells_scores_free(&s);
}

/* A feature that is slow has a higher chance level than one that is not: that is what the level is for. */
static void check_slow(void) {
  static float x[N * U], slow[N], fast[N];
  cell_scores s[2];
  for (int u = 0; u < U; u++) {
    double value = 0;
    for (int64_t i = 0; i < N; i++) x[i * U + u] = (float)(value = 0.98 * value + check_uniform(-1, 1));
  }
  double value = 0;
  for (int64_t i = 0; i < N; i++) {
    slow[i] = (float)(value = 0.98 * value + check_uniform(-1, 1));
    fast[i] = (float)check_uniform(-1, 1);
  }
  if (!cells_score(x, N, U, slow, &s[0])) return;
  if (cells_score(x, N, U, fast, &s[1])) {
    CHECK(s[0].chance > 2 * s[1].chance, "slow features reach more by chance: %.2f, %.2f", s[0].chance,
          s[1].chance);
    cells_scores_free(&s[1]);
  }
  cells_scores_free(&s[0]);
}

static void check_constant(void) {
  static float x[N * U], feature[N];
  cell_scores s;
  check_fill_f32(x, N * U, -1, 1);
  if (!cells_score(x, N, U, feature, &s)) return;
  CHECK(isnan(s.chance) && isnan(s.correlation[0]), "a feature that the text lacks has no scores");
  cells_scores_free(&s);
}

/* ---------------------------------------------------------------- saturation */

static void check_saturation(void) {
  const float x[] = {0.05f, 0.95f, 0.5f,  0.02f, 0.5f, 0.91f,
                     0.3f,  0.99f, 0.89f, 0.09f, 0.1f, 0.9f}; /* [4,3] */
  double left[3], right[3];
  cells_saturation(x, 4, 3, left, right);
  CHECK(left[0] == 0.75 && left[1] == 0 && left[2] == 0, "left saturated below 0.1");
  CHECK(right[0] == 0 && right[1] == 0.5 && right[2] == 0.25, "right saturated above 0.9");
}

int main(void) {
  check_start();
  check_features();
  check_scores();
  check_slow();
  check_constant();
  check_saturation();
  return check_finish();
}
