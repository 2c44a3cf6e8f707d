/* mpi_open.c - the library of MPI, opened where it is first used (mpi_open.h). */
#include "host/comm/mpi_open.h"

#include "host/context/errors.h"

#ifdef SEQGPU_MPI /* else there is nothing to open, and mpi.c says so */

#include <dlfcn.h>
#include <string.h>

typedef struct library {
  void *handle;
  const char *missing; /* the first name that it does not have */
} library;

static void *find(library *l, const char *name) {
  void *found = dlsym(l->handle, name);
  if (found == NULL && l->missing == NULL) l->missing = name;
  return found;
}

/* Predefined objects: in Open MPI the addresses of symbols, in MPICH numbers. */
static void take_objects(library *l, sq_mpi *out) {
#ifdef OPEN_MPI
  out->world = find(l, "ompi_mpi_comm_world");
  out->byte = find(l, "ompi_mpi_byte");
  out->errors_return = find(l, "ompi_mpi_errors_return");
#else
  (void)l;
  out->world = MPI_COMM_WORLD;
  out->byte = MPI_BYTE;
  out->errors_return = MPI_ERRORS_RETURN;
#endif
}

static void take_functions(library *l, sq_mpi *out) {
  void *found;
#define TAKE(name, arguments)                                                                                \
  found = find(l, "MPI_" #name);                                                                             \
  memcpy(&out->name, &found, sizeof found); /* ISO C has no cast from an object to a function */
  SQ_MPI_FUNCTIONS(TAKE)
#undef TAKE
}

/* It stays open, as MPI cannot be started twice.  Its plug-ins look for its names among the global ones. */
seqgpu_status sq_mpi_open(seqgpu_context *ctx, sq_mpi *out) {
  library l = {.handle = dlopen(SEQGPU_MPI, RTLD_NOW | RTLD_GLOBAL)};
  if (l.handle == NULL) return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "comm: MPI cannot be opened: %s", dlerror());
  take_functions(&l, out);
  take_objects(&l, out);
  if (l.missing == NULL) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EUNSUPPORTED,
                 "comm: %s has no %s; it must be the MPI this library was built for", SEQGPU_MPI, l.missing);
}

#endif
