/* suggest.h - "did you mean": the known name that is nearest to one that was mistyped. */
#ifndef SUGGEST_H
#define SUGGEST_H

typedef struct suggestion {
  const char *typed, *best; /* best NULL: nothing was near */
  int distance;             /* of the best; a candidate must be nearer to replace it */
} suggestion;

suggestion suggest_start(const char *typed);
/* Considers a known name, which must outlive the suggestion. */
void suggest_try(suggestion *s, const char *candidate);

#endif
