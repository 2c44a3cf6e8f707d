/* edit_distance.c - see edit_distance.h.  One row of the table is kept:
 *
 *   d(i,0) = i   d(0,j) = j   d(i,j) = min(d(i-1,j) + 1, d(i,j-1) + 1, d(i-1,j-1) + [a_i != b_j])
 */
#include "host/data/edit_distance.h"

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* row[j]: the distance between the first i of a and the first j of b. */
int64_t edit_distance(const int32_t *a, int64_t n, const int32_t *b, int64_t m, int64_t *row) {
  for (int64_t j = 0; j <= m; j++) row[j] = j;
  for (int64_t i = 1; i <= n; i++) {
    int64_t corner = row[0]++;
    for (int64_t j = 1; j <= m; j++) {
      const int64_t changed = corner + (a[i - 1] != b[j - 1]);
      corner = row[j];
      row[j] = least(changed, 1 + least(row[j], row[j - 1]));
    }
  }
  return row[m];
}
