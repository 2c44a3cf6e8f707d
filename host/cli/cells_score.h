/* cells_score.h - how well single cells follow something in the text, and how often their gates are
 * saturated, as in Karpathy, Johnson, Fei-Fei 2016 (Visualizing and understanding recurrent networks,
 * sections 4.2 and 4.3).
 *
 * Letters: n = tokens, U = cells.
 */
#ifndef CELLS_SCORE_H
#define CELLS_SCORE_H

#include <stddef.h>
#include <stdint.h>

/* Something that a text has at each of its characters. */
typedef struct text_feature {
  const char *name, *about;
} text_feature;

enum { TEXT_QUOTES, TEXT_LINE, TEXT_BRACKETS, TEXT_INDENT, TEXT_FEATURES };
extern const text_feature text_features[TEXT_FEATURES];

/* The feature at the last character of each token; ends[i] is the byte of the text where token i ends. */
void cells_feature(int feature, const char *text, const size_t *ends, int64_t n, float *out);

/* How cells follow a feature: the correlation of Pearson between both over the text, without its sign.
 *
 * The best of many cells follows anything a little.  So the same is asked of the feature moved around the
 * text, by a random distance from a tenth of the text to nine tenths, which keeps how slowly it changes
 * but not where: in 95 of 100 such texts the best of all cells has at most `chance`. */
typedef struct cell_scores {
  double *correlation; /* [U] with its sign, NaN for a cell that never changes */
  int32_t *rank;       /* [U] the best first */
  double chance;       /* NaN: the feature is the same everywhere, and there are no scores */
} cell_scores;

/* x [n,U]; 0 when out of memory. */
int cells_score(const float *x, int64_t n, int64_t U, const float *feature, cell_scores *out);
void cells_scores_free(cell_scores *s);

/* 1 if a part of a cell (seqgpu_part_info) is a gate: a sigmoid that opens and closes. */
int cells_is_gate(const char *part);

/* Shares of the n steps in which a gate x[n,U], whose values are in (0,1), is left saturated, below 0.1,
 * and right saturated, above 0.9, for each of its U units. */
void cells_saturation(const float *x, int64_t n, int64_t U, double *left, double *right);

#endif
