/* graph.h - what a run enqueues, recorded as a CUDA graph and replayed (graph.cu). */
#ifndef SQ_GRAPH_H
#define SQ_GRAPH_H

#include "kernels/context.h"

enum { SQ_GRAPH_KEY_BYTES = 4096 };

/* Runs enqueue(exec, argument), which does nothing but launch and copy on exec->stream.  From the second call
 * with the same key on, what it enqueued is replayed as one graph.  The key must contain everything that
 * enqueue depends on; one longer than SQ_GRAPH_KEY_BYTES is never replayed. */
int sq_graph_run(sq_exec *exec, const void *key, size_t key_bytes, int (*enqueue)(sq_exec *, const void *),
                 const void *argument);

/* Drops the graphs of a context. */
void sq_graph_close(sq_gpu *gpu);

#endif
