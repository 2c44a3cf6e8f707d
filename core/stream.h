/* stream.h - algorithms `cpu/stream`, `cpu/stream-bf16` and `cpu/stream-int8`: one time step, or a few, of a
 * small batch, with weights that are read as they lie, or packed once in fewer bits.
 * The functions are those of rows of host/plan/algorithms.c, whose estimates stand there; float32, inference
 * only. */
#ifndef SQ_STREAM_H
#define SQ_STREAM_H

#include <stddef.h>

#include "core/layer.h"

/* The most sequences side by side; the most columns whose int8 products, at most 127^2 each, add up to an
 * int32. */
enum { SQ_STREAM_BATCH = 4, SQ_STREAM_INT8_COLS = 131072 };

const char *sq_stream_refuses(struct sq_exec *exec, const sq_problem *problem, char *text, size_t size);
int64_t sq_stream_workspace(struct sq_exec *exec, const sq_problem *problem);
int sq_stream_forward(struct sq_exec *exec, const sq_layer_run *runs, int count);

/* A layer and direction's weights, packed: their size in bytes, and who packs them. */
int64_t sq_stream_bf16_packed(const sq_layout *layout);
void sq_stream_bf16_pack(const sq_layout *layout, const void *params, void *packed);
int64_t sq_stream_bf16_workspace(struct sq_exec *exec, const sq_problem *problem);
int sq_stream_bf16_forward(struct sq_exec *exec, const sq_layer_run *runs, int count);

const char *sq_stream_int8_refuses(struct sq_exec *exec, const sq_problem *problem, char *text, size_t size);
int64_t sq_stream_int8_packed(const sq_layout *layout);
void sq_stream_int8_pack(const sq_layout *layout, const void *params, void *packed);
int64_t sq_stream_int8_workspace(struct sq_exec *exec, const sq_problem *problem);
int sq_stream_int8_forward(struct sq_exec *exec, const sq_layer_run *runs, int count);

#endif
