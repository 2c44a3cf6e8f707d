/* wait.h - waiting for other processes, by asking, and never longer than the limit. */
#ifndef SQ_COMM_WAIT_H
#define SQ_COMM_WAIT_H

#include "host/comm/comm.h"

/* One question to a transport: *done, or a status that ends the waiting, with a sentence. */
typedef seqgpu_status sq_comm_ask(seqgpu_comm *comm, const char *what, void *about, int *done);

/* Asks until it is done.  After a failure, or when the limit has passed (SEQGPU_EPEER and a sentence), the
 * communicator is `gone`. */
seqgpu_status sq_comm_wait(seqgpu_comm *comm, const char *what, sq_comm_ask *ask, void *about);

/* Seconds since some moment. */
double sq_comm_now(void);

#endif
