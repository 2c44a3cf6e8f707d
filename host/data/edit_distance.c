/* edit_distance.c - see edit_distance.h.  One row of the table is kept:
 *
 *   d(i,0) = i   d(0,j) = j   d(i,j) = min(d(i-1,j) + 1, d(i,j-1) + 1, d(i-1,j-1) + [a_i != b_j])
 */
#include "host/data/edit_distance.h"

#include <stdlib.h>

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t sq_edit_distance(const int32_t *a, int64_t na, const int32_t *b, int64_t nb) {
  int64_t *row = malloc((size_t)(nb + 1) * sizeof *row);
  if (row == NULL) return -1;
  for (int64_t j = 0; j <= nb; j++) row[j] = j;
  for (int64_t i = 1; i <= na; i++) {
    int64_t diagonal = row[0];
    row[0] = i;
    for (int64_t j = 1; j <= nb; j++) {
      const int64_t changed = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = least(changed, least(row[j], row[j - 1]) + 1);
    }
  }
  const int64_t distance = row[nb];
  free(row);
  return distance;
}
