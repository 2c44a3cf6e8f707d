/* algorithms.h - the table of all algorithms of this build. */
#ifndef SQ_PLAN_ALGORITHMS_H
#define SQ_PLAN_ALGORITHMS_H

#include "host/plan/plan.h"

/* Ended by a row without a name. */
extern const sq_algorithm sq_algorithms[];

/* Why the passes that may be another algorithm's cannot run, tangents among them (may use text[size]); NULL: they
 * can. */
const char *sq_pass_refusal(sq_exec *exec, const sq_algorithm *algorithm, const sq_problem *problem,
                            char *text, size_t size);

#endif
