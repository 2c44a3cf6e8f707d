/* edit_distance.h - how many words must be put in, taken out or changed to make one sequence another
 * (Levenshtein 1966): what word and phoneme error rates count. */
#ifndef EDIT_DISTANCE_H
#define EDIT_DISTANCE_H

#include <stdint.h>

/* Between a [n] and b [m]; row [m+1]: memory. */
int64_t edit_distance(const int32_t *a, int64_t n, const int32_t *b, int64_t m, int64_t *row);

#endif
