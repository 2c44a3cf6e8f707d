/* mpi_open.c - the library of MPI, opened where it is first used (mpi_open.h). */
#include "host/comm/mpi_open.h"

#include "host/comm/open.h"
#include "host/context/errors.h"

#ifdef SEQGPU_MPI /* else there is nothing to open, and mpi.c says so */

#include <dlfcn.h>

/* Predefined objects: in Open MPI the addresses of symbols, in MPICH numbers. */
static void take_objects(sq_opened *l, sq_mpi *out) {
#ifdef OPEN_MPI
  out->world = sq_open_find(l, "ompi_mpi_comm_world");
  out->byte = sq_open_find(l, "ompi_mpi_byte");
  out->errors_return = sq_open_find(l, "ompi_mpi_errors_return");
#else
  (void)l;
  out->world = MPI_COMM_WORLD;
  out->byte = MPI_BYTE;
  out->errors_return = MPI_ERRORS_RETURN;
#endif
}

/* It stays open, as MPI cannot be started twice.  Its plug-ins look for its names among the global ones. */
seqgpu_status sq_mpi_open(seqgpu_context *ctx, sq_mpi *out) {
  sq_opened l = sq_open_library(SEQGPU_MPI, 1);
  if (l.handle == NULL) return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "comm: MPI cannot be opened: %s", dlerror());
#define TAKE(name, arguments) sq_open_function(&l, "MPI_" #name, &out->name);
  SQ_MPI_FUNCTIONS(TAKE)
#undef TAKE
  take_objects(&l, out);
  if (l.missing == NULL) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                 "comm: %s has no %s; it must be the MPI this library was built for", SEQGPU_MPI, l.missing);
}

#endif
