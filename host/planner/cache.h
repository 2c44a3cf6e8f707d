/* cache.h - a text file that remembers which algorithm was measured to be the fastest.
 *
 *   seqgpu plans 1, library 0.2.0 cuda/persistent-cluster-async <TAB> MICROSECONDS us <TAB> NVIDIA H200,
 *   sm_90, ... lstm algorithm=any input_size=...
 *
 * One line for each measured descriptor, the newest last; the text after the second tab is the key (key.h).
 * The file is only ever replaced as a whole, by rename, so readers see the old one or the new one; of two
 * writers at once one may be forgotten.  Neither function has an error: a file that is missing, too large, of
 * another version, not a file, or damaged holds nothing, and a place that cannot be written keeps nothing.  A
 * file that does not begin like a cache, or cannot be read just now, is never written over.  Links are
 * followed and permissions kept.
 */
#ifndef SQ_PLANNER_CACHE_H
#define SQ_PLANNER_CACHE_H

#include <stddef.h>

/* Room for any key, its final 0 included. */
enum { SQ_PLAN_CACHE_KEY = 512 };

/* The plan remembered for the key into name[size]: 1, or 0 if there is none.  The name may be anything a
 * stranger wrote into the file: compare it, do not trust it. */
int sq_plan_cache_find(const char *path, const char *key, char *name, size_t size);

/* Remembers it, in place of what the key had. */
void sq_plan_cache_store(const char *path, const char *key, const char *name, double microseconds);

#endif
