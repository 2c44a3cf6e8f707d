/* mpi_open.h - the functions of MPI that we call, from its library, opened when it is first asked for.
 *
 * A program that was linked with MPI would not start where it is missing.  mpi.h is that of the build: it
 * fixes what an MPI_Comm is, which differs between Open MPI and MPICH, and so the name of the library.
 */
#ifndef SQ_MPI_OPEN_H
#define SQ_MPI_OPEN_H

#ifdef SEQGPU_MPI

#define OMPI_SKIP_MPICXX
#define MPICH_SKIP_MPICXX
#include <mpi.h>

#include "seqgpu/base.h"

/* F(name, arguments): MPI 3.1, chapters 3.7, 5.12, 6.4, 8.3, 8.7. */
#define SQ_MPI_FUNCTIONS(F)                                                                                  \
  F(Initialized, (int *flag))                                                                                \
  F(Finalized, (int *flag))                                                                                  \
  F(Init_thread, (int *argc, char ***argv, int required, int *provided))                                     \
  F(Query_thread, (int *level))                                                                              \
  F(Finalize, (void))                                                                                        \
  F(Comm_rank, (MPI_Comm comm, int *rank))                                                                   \
  F(Comm_size, (MPI_Comm comm, int *size))                                                                   \
  F(Comm_idup, (MPI_Comm comm, MPI_Comm * out, MPI_Request * request))                                       \
  F(Comm_free, (MPI_Comm * comm))                                                                            \
  F(Comm_set_errhandler, (MPI_Comm comm, MPI_Errhandler handler))                                            \
  F(Error_string, (int error, char *text, int *length))                                                      \
  F(Test, (MPI_Request * request, int *done, MPI_Status *status))                                            \
  F(Ibarrier, (MPI_Comm comm, MPI_Request * request))                                                        \
  F(Ibcast, (void *data, int count, MPI_Datatype type, int root, MPI_Comm comm, MPI_Request *request))       \
  F(Ialltoallv,                                                                                              \
    (const void *from, const int *count, const int *at, MPI_Datatype type, void *to, const int *to_count,    \
     const int *to_at, MPI_Datatype to_type, MPI_Comm comm, MPI_Request *request))                           \
  F(Iallgatherv, (const void *from, int count, MPI_Datatype type, void *to, const int *to_count,             \
                  const int *to_at, MPI_Datatype to_type, MPI_Comm comm, MPI_Request *request))

#define SQ_MPI_MEMBER(name, arguments) int(*name) arguments;
typedef struct sq_mpi {
  SQ_MPI_FUNCTIONS(SQ_MPI_MEMBER)
  MPI_Comm world;
  MPI_Datatype byte;
  MPI_Errhandler errors_return;
} sq_mpi;

/* Fills *out; SEQGPU_EUNSUPPORTED and a sentence with the loader's reason where it cannot be opened. */
seqgpu_status sq_mpi_open(seqgpu_context *ctx, sq_mpi *out);

#endif
#endif
