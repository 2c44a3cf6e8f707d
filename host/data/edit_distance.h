/* edit_distance.h - in how many places two sequences differ: what error rates of words, phonemes, letters and
 * labels count. */
#ifndef EDIT_DISTANCE_H
#define EDIT_DISTANCE_H

#include <stdint.h>

/* The least number of insertions, deletions and substitutions that make b [m] of a [n] (Levenshtein 1966);
 * row [m+1]: memory. */
int64_t edit_distance(const int32_t *a, int64_t n, const int32_t *b, int64_t m, int64_t *row);

#endif
