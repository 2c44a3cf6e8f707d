/** @file comm.h
 * Processes that train one model together: each computes the gradients of its own part of a batch, and all
 * make the same update (data parallelism).  The transport is MPI, between processors, or NCCL, between GPUs;
 * where the one that is asked for is missing the call says so, and everything else works without it.
 *
 *   seqgpu_comm_create_mpi(ctx, NULL, &comm);            of all processes that mpirun has started
 *   seqgpu_comm_broadcast_params(comm, params, 0);       the same values everywhere
 *   seqgpu_shards_create(params, comm, &shards);
 *   for (;;) {
 *     for each of this process's shards of the batch {
 *       seqgpu_params_zero_grad(params);
 *       ...                                              gradients of the shard's mean loss
 *       seqgpu_shards_add(shards, tokens, loss);
 *     }
 *     seqgpu_shards_average(shards, &loss);              of all processes, weighted by tokens
 *     seqgpu_params_update(params, &optimizer);          clips what all of them have found
 *   }
 *
 * All processes of a communicator call the same functions in the same order.  None of the calls waits for
 * ever: where another process does not answer in time (seqgpu_comm_set_limit), or the transport reports an
 * error, the status is SEQGPU_EPEER.  A communicator is then of no more use: further calls fail at once, over
 * MPI the memory that the failed call was given must stay as long as the process, and the process is best
 * ended.
 *
 * Functions that fail leave a sentence in seqgpu_last_error(ctx), where ctx is the context of the
 * communicator.  A call with comm or shards NULL returns SEQGPU_EINVAL unless it says otherwise.
 */
#ifndef SEQGPU_COMM_H
#define SEQGPU_COMM_H

#include "params.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Some processes, of which this is one; owned by the program, freed by seqgpu_comm_destroy. */
typedef struct seqgpu_comm seqgpu_comm;

/** Joins the processes of an MPI communicator, all of which make this call.
 * ctx: must outlive it.  Each process has a context of its own, all of one element type.
 * communicator: points to an MPI_Comm, `&world` of `MPI_Comm world = MPI_COMM_WORLD`, which is duplicated and
 * may then be freed.  The program's MPI must be the one whose mpi.h this library was built with.
 * NULL: MPI_COMM_WORLD; MPI is then started, unless the program has done so, and ended by the destruction of
 * what this call makes.  MPI can be started once in a process.
 * out: receives the communicator, or NULL on failure.
 * Errors: SEQGPU_EUNSUPPORTED (a build without MPI, or its library is not on this machine), SEQGPU_EINVAL
 * (MPI is not started, or has ended), SEQGPU_EPEER, SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_comm_create_mpi(seqgpu_context *ctx, const void *communicator,
                                                seqgpu_comm **out);

/** Joins the processes of an NCCL communicator, all of which make this call.
 * ctx: on its GPU; must outlive it.  Calls use the context's stream, and wait for it.
 * communicator: an ncclComm_t, ready for use, of NCCL 2.14 or later, which the program has from the shared
 * libnccl.so.2; it stays the program's, to be destroyed after this one.  Make it with `blocking` 0 in its
 * ncclConfig_t: the first calls of one that blocks wait inside NCCL, where no limit holds.
 * After SEQGPU_EPEER it has been aborted, by ncclCommAbort, and must be neither used nor destroyed.
 * out: receives the communicator, or NULL on failure.
 * Errors: SEQGPU_EUNSUPPORTED (the context is not on a GPU, or there is no NCCL here), SEQGPU_EINVAL,
 * SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_comm_wrap_nccl(seqgpu_context *ctx, void *communicator, seqgpu_comm **out);

/** Joins processes over NCCL, without MPI: all of them make this call, with one `path`, and meet by way of
 * the file of that name.
 * ctx: on the GPU of this process; must outlive it.
 * path: in a folder that all of them see and nobody else writes to.  It and path.1, path.2, ... are replaced,
 * and gone once all have come; files that a killed run has left do no harm.
 * rank: the number of this process, from 0 to size - 1, of which each process has another.
 * size: how many they are, at most 4,096.
 * seconds: how long this call waits for the others to come, and then for NCCL to connect them; and from then
 * on every other call (seqgpu_comm_set_limit).
 * out: receives the communicator, or NULL on failure.
 * Errors: SEQGPU_EPEER (a process has not come in time; two have one number), SEQGPU_EUNSUPPORTED (the
 * context is not on a GPU, or there is no NCCL here), SEQGPU_EINVAL, SEQGPU_EIO, SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_comm_create_file(seqgpu_context *ctx, const char *path, int rank, int size,
                                                 double seconds, seqgpu_comm **out);

/** Frees a communicator; all processes make this call, which waits for them unless one of them is gone.  NULL
 * is allowed. */
SEQGPU_API void seqgpu_comm_destroy(seqgpu_comm *comm);

/** The number of this process, from 0; 0 for NULL. */
SEQGPU_API int seqgpu_comm_rank(const seqgpu_comm *comm);

/** The number of processes; 1 for NULL. */
SEQGPU_API int seqgpu_comm_size(const seqgpu_comm *comm);

/** How long a call waits for the other processes.
 * seconds: above 0, to 1e6; 20 is what a communicator over MPI, or one that was wrapped, begins with.  It
 * must cover what one process may do while the others wait: the writing of a checkpoint, say.
 * Errors: SEQGPU_EINVAL. */
SEQGPU_API seqgpu_status seqgpu_comm_set_limit(seqgpu_comm *comm, double seconds);

/** Waits until all processes have made this call.  Errors: SEQGPU_EPEER. */
SEQGPU_API seqgpu_status seqgpu_comm_barrier(seqgpu_comm *comm);

/** Adds up numbers of all processes, in the order of a fixed tree: the same bits in every process and run.
 * values: host memory [count]; replaced by the sums.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM, SEQGPU_EPEER. */
SEQGPU_API seqgpu_status seqgpu_comm_sum(seqgpu_comm *comm, double *values, int64_t count);

/** The same for a tensor on the device, in its own precision; waits for the device.  Each process sends and
 * receives 2 (size - 1) / size times the tensor; over MPI through host memory.
 * data: device memory [count] of the context's element type.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM, SEQGPU_EPEER. */
SEQGPU_API seqgpu_status seqgpu_comm_all_reduce(seqgpu_comm *comm, void *data, int64_t count);

/** Gives the bytes of one process to all.
 * data: host memory [size]; read in process `root`, written in the others.
 * Errors: SEQGPU_EINVAL, SEQGPU_EPEER. */
SEQGPU_API seqgpu_status seqgpu_comm_broadcast(seqgpu_comm *comm, void *data, size_t size, int root);

/** Gives the params of one process to all: values, moments, averages, the count of updates and what clipping
 * remembers, all that training goes on with.  Gradients stay what they are.
 * params: of the communicator's context, with the same tensors in every process; states, which are not
 * trained, are given too.
 * Errors: SEQGPU_EINVAL (in every process, if the tensors of one differ from root's, or averages stand in the
 * place of values), SEQGPU_ENOMEM, SEQGPU_EPEER. */
SEQGPU_API seqgpu_status seqgpu_comm_broadcast_params(seqgpu_comm *comm, seqgpu_params *params, int root);

/** Shares out the moments of the optimiser: from now on each process has those of a part of the parameters,
 * one in `size` of each tensor or network, updates that part in seqgpu_params_update, and gets the others'
 * (stage 1 of ZeRO, Rajbhandari et al. 2020).  All processes make this call, with the same params, whose
 * moments are whole: after seqgpu_comm_broadcast_params or a checkpoint was loaded.  Results have the same
 * bits as without; an update moves half as much again as the sum of the gradients, and memory for moments is
 * divided by the number of processes.  Values, gradients and averages stay whole, and what is added to the
 * params later is not shared out.
 * comm: must outlive the last update, which fails as its calls do.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_comm_share_moments(seqgpu_comm *comm, seqgpu_params *params);

/** The moments that are shared out come to one process, which may then save them with the params: a
 * checkpoint is the same as without.  All processes make this call, between two updates; the next one shares
 * them out again.  Does nothing where they are not shared out.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM (in every process, if root has no memory), SEQGPU_EPEER. */
SEQGPU_API seqgpu_status seqgpu_comm_collect_moments(seqgpu_comm *comm, seqgpu_params *params, int root);

/** The gradients of a batch that comes in shards; owned by the program, freed by seqgpu_shards_destroy.
 *
 * Shard i of S has gradient g_i of its mean loss over w_i tokens.  The average is
 *   g = sum_i w_i g_i / sum_i w_i
 * summed in pairs, pairs of pairs, and so on: ((w_0 g_0 + w_1 g_1) + (w_2 g_2 + w_3 g_3)) + ...
 * Process r of N has shards r S/N to (r+1) S/N - 1.  Where S/N is a power of two its sum is a branch of that
 * tree, so that the average has the same bits for all such N, and with it the whole run. */
typedef struct seqgpu_shards seqgpu_shards;

/** Makes room for the sums of a process's shards: as many copies of the trained parameters as a process has
 * shards at most, in binary digits.
 * params: must outlive it, have all their tensors, and be those of comm's context.
 * comm: NULL for one process, which then adds up the shards of its batches alone.
 * Errors: SEQGPU_EINVAL. */
SEQGPU_API seqgpu_status seqgpu_shards_create(seqgpu_params *params, seqgpu_comm *comm, seqgpu_shards **out);

/** Frees the sums.  NULL is allowed. */
SEQGPU_API void seqgpu_shards_destroy(seqgpu_shards *shards);

/** Takes the gradients of the params as those of this process's next shard; they may then be set to 0.
 * weight: how many tokens the shard has, at least 0; of a shard of weight 0 gradients and loss are taken
 * as 0, whatever they are.
 * loss: averaged as the gradients are.
 * Memory: the first calls of a first batch allocate.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_shards_add(seqgpu_shards *shards, double weight, double loss);

/** The same of this process's last shard of the batch, before its gradients are there: those that the params
 * have when seqgpu_shards_average is called are its own, and its sums with the other shards are the same.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_shards_last(seqgpu_shards *shards, double weight, double loss);

/** Sums over processes begin early from now on: of a shard that seqgpu_shards_last announces, while the walk
 * back still computes its gradients.  All processes make this call, between two batches.  A thread of the
 * library then adds up what is final, in buckets, the last parameters first, as a walk back comes to them if
 * they were added in the order in which the model uses them; seqgpu_shards_average waits for the rest.  The
 * results have the same bits as without.
 *
 *   seqgpu_shards_last(shards, tokens, loss);            after the forward, which knows the loss
 *   seqgpu_tape_set_ready(tape, seqgpu_shards_ready, shards);
 *   seqgpu_tape_backward(tape, ...);
 *   seqgpu_shards_average(shards, &loss);
 *
 * From the first gradient that is final until seqgpu_shards_average no other call may use the communicator
 * (SEQGPU_EINVAL), and over MPI nobody else may use MPI.  For one process the call does nothing.
 * bytes: of a bucket, at most 16 MiB, the same in all processes; 0 = 1 MiB.
 * Errors: SEQGPU_EINVAL, SEQGPU_EUNSUPPORTED (the program has started MPI for one thread only),
 * SEQGPU_ENOMEM, SEQGPU_EPEER. */
SEQGPU_API seqgpu_status seqgpu_shards_overlap(seqgpu_shards *shards, int64_t bytes);

/** Gradients of the params have got their last contribution in this walk back: a seqgpu_gradient_ready, for
 * seqgpu_tape_set_ready and seqgpu_rnn_run.ready.  Does nothing where no shard is announced or no sum begins
 * early.
 * shards: a seqgpu_shards.  gradient [elements]: in the memory of the params' gradients, each of which it is
 * told of once at most; those it is not told of are summed at the end.
 * Errors: SEQGPU_EINVAL, SEQGPU_ENOMEM. */
SEQGPU_API seqgpu_status seqgpu_shards_ready(void *shards, const void *gradient, int64_t elements);

/** Leaves the average over all shards of all processes in the gradients of the params, ready for
 * seqgpu_params_update, and forgets the shards.  Where all weights are 0, so are the gradients.  A process
 * without shards takes part in it all the same.
 * loss: receives the weighted average of the losses; may be NULL.
 * Errors: SEQGPU_ENOMEM, SEQGPU_EPEER. */
SEQGPU_API seqgpu_status seqgpu_shards_average(seqgpu_shards *shards, double *loss);

#ifdef __cplusplus
}
#endif
#endif
