/* processors.h - how many processors the operating system lets this process run on. */
#ifndef SQ_PROCESSORS_H
#define SQ_PROCESSORS_H

/* Those of the affinity mask (taskset, cpuset), where the system has one; else all that are online.  1 at
 * least. */
int sq_processors(void);

#endif
