/* algorithms.h - the table of all algorithms of this build. */
#ifndef SQ_PLAN_ALGORITHMS_H
#define SQ_PLAN_ALGORITHMS_H

#include "host/plan/plan.h"

/* Ended by a row without a name. */
extern const sq_algorithm sq_algorithms[];

#endif
