/* edit_distance.h - in how many places two sequences differ: what error rates of words, letters and labels
 * count. */
#ifndef EDIT_DISTANCE_H
#define EDIT_DISTANCE_H

#include <stdint.h>

/* The least number of insertions, deletions and substitutions that make a [na] of b [nb] (Levenshtein
 * 1966); -1 when out of memory.  Neither is kept. */
int64_t sq_edit_distance(const int32_t *a, int64_t na, const int32_t *b, int64_t nb);

#endif
