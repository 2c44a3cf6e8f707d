/* suggest.c - the edit distance of Damerau 1964 in its restricted form: insertions, deletions,
 * replacements and exchanges of neighbours cost 1 each (suggest.h).
 */
#include "host/cli/suggest.h"

#include <string.h>

enum { LONGEST = 31 };

static int least(int a, int b) { return a < b ? a : b; }

/* d[i][j] is the distance of the first i characters of a from the first j of b. */
static int distance(const char *a, const char *b) {
  int d[LONGEST + 1][LONGEST + 1];
  const int n = (int)strlen(a), m = (int)strlen(b);
  if (n > LONGEST || m > LONGEST) return 2 * LONGEST;
  for (int i = 0; i <= n; i++) d[i][0] = i;
  for (int j = 0; j <= m; j++) d[0][j] = j;
  for (int i = 1; i <= n; i++)
    for (int j = 1; j <= m; j++) {
      d[i][j] = least(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]), 1 + least(d[i - 1][j], d[i][j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[n][m];
}

/* Up to three letters may hide one mistake, longer names two. */
suggestion suggest_start(const char *typed) {
  const int most = strlen(typed) <= 3 ? 1 : 2;
  return (suggestion){.typed = typed, .distance = most + 1};
}

/* What begins as a known name counts as one mistake: it was cut short. */
void suggest_try(suggestion *s, const char *candidate) {
  const size_t typed = strlen(s->typed), length = strlen(candidate);
  const int far = 2 * LONGEST, apart = (int)(typed > length ? typed - length : length - typed);
  int d = apart < s->distance ? distance(s->typed, candidate) : far; /* no distance is less than that */
  if (typed >= 3 && strncmp(s->typed, candidate, typed) == 0) d = least(d, 1);
  if (d >= s->distance) return;
  s->distance = d;
  s->best = candidate;
}
