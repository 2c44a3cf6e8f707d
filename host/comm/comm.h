/* comm.h - a communicator inside: the transport behind it, and what its calls share.
 *
 *   comm.c        rank, size, limit; sums, and bytes from one to all
 *   everything.c  the params of one process to all
 *   shards.c      the gradients of a batch that comes in shards
 *   early.c       their sums over processes, begun while they are still computed
 *   worker.c      the thread that waits for those
 *   moments.c     moments of the optimiser, shared out among the processes
 *   wait.c        asking a transport until it is done, or the limit has passed
 *   mpi.c         the transport over MPI, between processors
 *   nccl.c        the transport over NCCL, between GPUs
 *   meet.c        the word of one process to all, by way of files: how NCCL's find each other
 *   open.c        libraries that are opened where they are first used: mpi_open.c, nccl_open.c
 */
#ifndef SQ_COMM_H
#define SQ_COMM_H

#include "host/context/context.h"
#include "seqgpu/comm.h"

/* What moves bytes between processes.  Each call is made by all processes, and returns when it is done, with
 * SEQGPU_EPEER and a sentence where it is not in time. */
typedef struct sq_transport {
  int on_device; /* all pointers are to memory of the context's device; else of the host */
  seqgpu_status (*barrier)(seqgpu_comm *comm);
  /* piece r of `from`, each of `size[r]` bytes at `at[r]`, goes to process r; what process r sends comes to
   * to + r * size[rank]. */
  seqgpu_status (*scatter)(seqgpu_comm *comm, const void *from, const int *size, const int *at, void *to);
  /* piece `rank` of data goes to all, and theirs come to their places. */
  seqgpu_status (*gather)(seqgpu_comm *comm, void *data, const int *size, const int *at);
  seqgpu_status (*broadcast)(seqgpu_comm *comm, void *data, int size, int root);
  /* After the last call; `comm->gone` says whether others can be waited for. */
  void (*close)(seqgpu_comm *comm);
} sq_transport;

struct seqgpu_comm {
  seqgpu_context *ctx;
  const sq_transport *transport; /* between memory of the hosts */
  const sq_transport *device;    /* between memory of the devices; NULL: by way of the hosts' */
  void *link;                    /* the transport's own */
  int rank, size;
  double limit;   /* seconds */
  int gone;       /* another process did not answer: nothing may be asked of the transport any more */
  int held;       /* and it may still write to the memory of the call that failed */
  int busy;       /* a thread asks the transport (worker.c): nobody else may */
  int aside;      /* this is that thread's copy: it waits without taking the processor from who computes */
  int one_thread; /* the transport may only be asked by the thread that made it */
  int *sizes;     /* [2 size] bytes of the pieces of a sum, and where they begin */
  int *exchange;  /* [2 size] the same of what comes to this process */
  void *pieces;   /* [SQ_COMM_BLOCK bytes and one number each] the others' parts of this process's piece */
  void *pieces_on_device; /* the same, there if `device` is */
  void *staged;           /* [SQ_COMM_BLOCK bytes] of a tensor on a GPU */
};

/* Longer tensors are summed block by block, so that memory and MPI's counts stay small; smaller ones with the
 * emulator, which fills all memory that it is asked for. */
#ifdef SEQGPU_WITH_EMULATOR
enum { SQ_COMM_BLOCK = 1 << 20 };
#else
enum { SQ_COMM_BLOCK = 1 << 24 };
#endif

/* Makes a communicator on a transport, with its memory; NULL: out of memory. */
seqgpu_comm *sq_comm_new(seqgpu_context *ctx, int rank, int size);
void sq_comm_free(seqgpu_comm *comm);

/* SEQGPU_OK if calls can be made. */
seqgpu_status sq_comm_usable(seqgpu_comm *comm);

/* Host memory [SQ_COMM_BLOCK bytes] of a tensor on its way. */
seqgpu_status sq_comm_stage(seqgpu_comm *comm, char **out);

/* Allocates what seqgpu_comm_all_reduce needs, which then allocates nothing. */
seqgpu_status sq_comm_prepare_all_reduce(seqgpu_comm *comm);

/* Bytes that `pieces` takes. */
size_t sq_comm_pieces_size(const seqgpu_comm *comm);

/* seqgpu_comm_broadcast between memory of the devices; only if comm->device is there. */
seqgpu_status sq_comm_broadcast_device(seqgpu_comm *comm, void *data, size_t size, int root);

#endif
