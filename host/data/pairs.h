/* pairs.h - pairs of sequences of words: what is read, and what is to be written for it.  Readers fill them
 * (pronunciations.h, translations.h). */
#ifndef PAIRS_H
#define PAIRS_H

#include "host/cli/hash.h"
#include "host/data/sentences.h"

/* As many sentences on either side; `target` has none where nothing is known of it. */
typedef struct pairs {
  sentences source, target;
} pairs;

/* None yet. */
#define PAIRS_NONE                                                                                           \
  { SENTENCES_NONE, SENTENCES_NONE }

static inline void pairs_free(pairs *p) {
  sentences_free(&p->source);
  sentences_free(&p->target);
}

/* Of both sides. */
static inline uint64_t pairs_hash(const pairs *p) {
  return hash_bytes(p->source.hash, &p->target.hash, sizeof p->target.hash);
}

/* Words of sentence i. */
static inline int64_t pairs_length(const sentences *s, int64_t i) { return s->start[i + 1] - s->start[i]; }

#endif
