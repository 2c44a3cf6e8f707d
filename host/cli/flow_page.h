/* flow_page.h - the page of `seqgpu inspect --gradient-flow`: vanishing, exploding and preserved gradients
 * side by side. */
#ifndef FLOW_PAGE_H
#define FLOW_PAGE_H

#include "host/cli/flow_look.h"

/* Writes the page to a file, NULL being standard output; loss: F, NaN where it is u . h_T.  An exit code,
 * after a sentence unless it is 0. */
int flow_page(const char *path, const char *title, const flow_look *looks, int count, double loss);

#endif
