/* flow_write.h - the gradient flow of networks as JSON, and as a table in text. */
#ifndef FLOW_WRITE_H
#define FLOW_WRITE_H

#include <stdio.h>

#include "host/cli/flow_look.h"

/* loss: F, NaN where it is u . h_T. */
void flow_write_json(FILE *to, const flow_look *looks, int count, double loss);
void flow_write_text(FILE *to, const flow_look *looks, int count, double loss);

#endif
