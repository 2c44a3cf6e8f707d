/* stream.h - algorithm `cpu/stream`: one time step, or a few, of a small batch, without packing a weight.
 * The functions are those of a row of host/plan/algorithms.c, whose estimate stands there; float32,
 * inference only. */
#ifndef SQ_STREAM_H
#define SQ_STREAM_H

#include <stddef.h>

#include "core/layer.h"

/* The most sequences side by side. */
enum { SQ_STREAM_BATCH = 4 };

const char *sq_stream_refuses(struct sq_exec *exec, const sq_problem *problem, char *text, size_t size);
int64_t sq_stream_workspace(struct sq_exec *exec, const sq_problem *problem);
int sq_stream_forward(struct sq_exec *exec, const sq_layer_run *runs, int count);

#endif
