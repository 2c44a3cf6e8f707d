/* graph.cu - replays what a run enqueues as one CUDA graph; see graph.h.
 *
 * A sequence of T steps takes 2 T launches or more, each of which costs the host several microseconds; a
 * graph is one launch.  Recording costs more than a single replay saves, so a key is recorded when it comes a
 * second time: a training loop that keeps its buffers is replayed from its second update on, and a caller
 * whose pointers change every time never pays for a recording.  Graphs are recorded on a stream of the
 * context's own, because the default stream cannot record.
 *
 * If the caller is recording its own stream, everything is simply enqueued and becomes part of the caller's
 * graph.
 */
#include "kernels/graph.h"

#include <string.h>

#ifdef SEQGPU_EMULATE

int sq_graph_run(sq_exec *exec, const void *, size_t, int (*enqueue)(sq_exec *, const void *),
                 const void *argument) {
  return enqueue(exec, argument);
}

#else

#include <cuda_runtime.h>
#include <new>

#include "kernels/simt.h"

enum { GRAPH_SLOTS = 32 };

/* One key; the least recently used is dropped first.  graph NULL: seen but not recorded yet. */
struct sq_graph_slot {
  size_t key_bytes; /* 0: free */
  uint64_t used;
  bool refused; /* recording failed once: not tried again */
  cudaGraphExec_t graph;
  unsigned char key[SQ_GRAPH_KEY_BYTES];
};

struct sq_graph_cache {
  uint64_t clock;
  sq_graph_slot slot[GRAPH_SLOTS];
};

namespace {

void empty_slot(sq_graph_slot *slot) {
  if (slot->graph != NULL) cudaGraphExecDestroy(slot->graph);
  slot->graph = NULL;
  slot->refused = false;
  slot->key_bytes = 0;
}

/* The slot of the key, made if it is not there; *known says whether it was. */
sq_graph_slot *find_slot(sq_graph_cache *cache, const void *key, size_t bytes, bool *known) {
  sq_graph_slot *oldest = &cache->slot[0], *found = NULL;
  for (sq_graph_slot &slot : cache->slot) {
    if (slot.key_bytes == bytes && memcmp(slot.key, key, bytes) == 0) found = &slot;
    if (slot.used < oldest->used) oldest = &slot;
  }
  *known = found != NULL;
  if (found == NULL) {
    found = oldest;
    empty_slot(found);
    memcpy(found->key, key, bytes);
    found->key_bytes = bytes;
  }
  found->used = ++cache->clock;
  return found;
}

/* Runs enqueue on the recording stream instead of the caller's; the graph, or NULL if that cannot be done. */
cudaGraphExec_t record(sq_exec *exec, int (*enqueue)(sq_exec *, const void *), const void *argument) {
  cudaStream_t recorder = static_cast<cudaStream_t>(sq_gpu_of(exec)->capture);
  if (cudaStreamBeginCapture(recorder, cudaStreamCaptureModeThreadLocal) != cudaSuccess) return NULL;
  sq_exec inside = *exec;
  inside.stream = recorder;
  const int error = enqueue(&inside, argument);
  cudaGraph_t graph = NULL;
  cudaGraphExec_t ready = NULL;
  const cudaError_t ended = cudaStreamEndCapture(recorder, &graph);
  if (error == 0 && ended == cudaSuccess && cudaGraphInstantiate(&ready, graph, 0) != cudaSuccess)
    ready = NULL;
  if (graph != NULL) cudaGraphDestroy(graph);
  return ready;
}

/* True if work may be recorded: nobody records the caller's stream already. */
bool may_record(const sq_exec *exec) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  const cudaError_t error = cudaStreamIsCapturing(static_cast<cudaStream_t>(exec->stream), &status);
  return error == cudaSuccess && status == cudaStreamCaptureStatusNone;
}

} // namespace

int sq_graph_run(sq_exec *exec, const void *key, size_t key_bytes, int (*enqueue)(sq_exec *, const void *),
                 const void *argument) {
  sq_gpu *gpu = sq_gpu_of(exec);
  const sq_gpu_current here(exec);
  if (here.error != 0) return here.error;
  if (gpu->graph == NULL) gpu->graph = new (std::nothrow) sq_graph_cache();
  if (gpu->graph == NULL || key_bytes > SQ_GRAPH_KEY_BYTES || !may_record(exec))
    return enqueue(exec, argument);
  bool known;
  sq_graph_slot *slot = find_slot(gpu->graph, key, key_bytes, &known);
  if (known && slot->graph == NULL && !slot->refused) {
    slot->graph = record(exec, enqueue, argument);
    slot->refused = slot->graph == NULL;
    if (slot->refused) cudaGetLastError(); /* the direct launches below speak for themselves */
  }
  if (slot->graph == NULL) return enqueue(exec, argument);
  return sq_reported(cudaGraphLaunch(slot->graph, static_cast<cudaStream_t>(exec->stream)));
}

void sq_graph_close(sq_gpu *gpu) {
  if (gpu->graph == NULL) return;
  for (sq_graph_slot &slot : gpu->graph->slot) empty_slot(&slot);
  delete gpu->graph;
  gpu->graph = NULL;
}

#endif
