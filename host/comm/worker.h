/* worker.h - a thread that adds up tensors over processes while the caller's thread computes (worker.c). */
#ifndef SQ_COMM_WORKER_H
#define SQ_COMM_WORKER_H

#include "host/comm/comm.h"

typedef struct sq_worker sq_worker;

/* Starts the thread, with a context of its own on comm's device.  `most` tensors wait for it at a time.
 * Until sq_worker_finish the communicator is the thread's. */
seqgpu_status sq_worker_start(seqgpu_comm *comm, int64_t most, sq_worker **out);
/* Ends it, after what it has begun.  NULL is allowed. */
void sq_worker_stop(sq_worker *worker);

/* The next tensor to be added up, [count] of device memory, once what is on the stream of comm's context has
 * run. */
seqgpu_status sq_worker_give(sq_worker *worker, void *data, int64_t count);
/* Waits until all of them are; the status of the first that failed, with its sentence. */
seqgpu_status sq_worker_finish(sq_worker *worker);

#endif
