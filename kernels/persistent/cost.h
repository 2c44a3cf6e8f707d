/* cost.h - what a time step of a persistent algorithm should cost, and its launch: the model by which the planner and
 * the choice of a cut decide.  An estimate: cost.cu says where its constants come from.
 */
#ifndef SQ_PERSISTENT_COST_H
#define SQ_PERSISTENT_COST_H

#include "kernels/persistent/cut.h"

/* resident: blocks or clusters that are on the device at a time. */
sq_step_cost sq_cost_of(const sq_cut_question &q, const recurrence_product_info &product,
                        const recurrence_cell_info &cell, const recurrence_shape &n, int resident);

/* Microseconds before the first step: launches, and the weights that come into shared memory. */
double sq_launch_cost_of(const sq_cut_question &q, const recurrence_cell_info &cell,
                         const recurrence_shape &n, int resident);

#endif
