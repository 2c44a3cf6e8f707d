/* labelled_set.h - sentences with labels, of words or of themselves, as numbers and in batches: what an
 * application that gives classes to words or sentences learns from. */
#ifndef LABELLED_SET_H
#define LABELLED_SET_H

#include "host/data/buckets.h"
#include "host/data/word_set.h"

typedef struct labelled_set {
  sentences text; /* filled by a reader; no sentence: the set is empty, and may be opened all the same */
  word_set words;
  int32_t *label; /* [labels, or words if there are more] numbers; -1 where it is none of the model's */
  buckets order;
} labelled_set;

/* Numbers what was read.  letters: NULL = they are not used.  path: for the sentence that refuses a set
 * without a label of the model.  0, or CLI_FAILED after a sentence; labelled_set_close is to be called in any
 * case. */
int labelled_set_open(labelled_set *s, const vocabulary *words, const vocabulary *letters,
                      const vocabulary *labels, const char *path, int64_t batch, int64_t seed);
void labelled_set_close(labelled_set *s);

/* The loss of always answering how frequent each of so many labels is; NaN when out of memory. */
double labelled_set_entropy(const labelled_set *s, int32_t labels);

#endif
