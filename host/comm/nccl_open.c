/* nccl_open.c - the library of NCCL, opened where it is first used (nccl_open.h). */
#include "host/comm/nccl_open.h"

#include <dlfcn.h>

#include "host/comm/open.h"
#include "host/context/errors.h"

static const char name[] = "libnccl.so.2";

/* It stays open.  A program that is linked with it gets its own. */
seqgpu_status sq_nccl_open(seqgpu_context *ctx, sq_nccl *out) {
  int version = 0;
  sq_opened l = sq_open_library(name, 0);
  if (l.handle == NULL)
    return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "comm: NCCL cannot be opened: %s", dlerror());
#define TAKE(function, type, arguments) sq_open_function(&l, "nccl" #function, &out->function);
  SQ_NCCL_FUNCTIONS(TAKE)
#undef TAKE
  if (out->GetVersion) out->GetVersion(&version);
  if (l.missing == NULL && version >= SQ_NCCL_VERSION) return SEQGPU_OK;
  return sq_fail(ctx, SEQGPU_EUNSUPPORTED, "comm: %s is NCCL %d.%d.%d; it must be 2.14 or later", name,
                 version / 10000, version / 100 % 100, version % 100);
}
