/* nccl_open.h - the functions of NCCL that we call, from its library, opened when it is first asked for.
 *
 * The declarations are ours, of NCCL's documented interface from 2.14 on, which is that of all its versions
 * 2: a build needs no nccl.h.  Where there is one, the tests compare (tests/comm/nccl_declared.c).
 */
#ifndef SQ_NCCL_OPEN_H
#define SQ_NCCL_OPEN_H

#include <stddef.h>

#include "seqgpu/base.h"

typedef void *sq_nccl_comm; /* ncclComm_t */

typedef struct sq_nccl_id {
  char bytes[128];
} sq_nccl_id; /* ncclUniqueId */

/* The ncclConfig_t of NCCL 2.14, as its `version` says; later ones only append to it. */
typedef struct sq_nccl_config {
  size_t size;
  unsigned magic, version;
  int blocking;
} sq_nccl_config;

enum { SQ_NCCL_VERSION = 21400, SQ_NCCL_MAGIC = (int)0xcafebeef };
enum { SQ_NCCL_SUCCESS = 0, SQ_NCCL_IN_PROGRESS = 7 }; /* of ncclResult_t */
enum { SQ_NCCL_BYTES = 1 };                            /* ncclUint8 of ncclDataType_t */

/* F(name, type, arguments) */
#define SQ_NCCL_FUNCTIONS(F)                                                                                 \
  F(GetVersion, int, (int *version))                                                                         \
  F(GetUniqueId, int, (sq_nccl_id * id))                                                                     \
  F(CommInitRankConfig, int,                                                                                 \
    (sq_nccl_comm * comm, int size, sq_nccl_id id, int rank, sq_nccl_config *config))                        \
  F(CommFinalize, int, (sq_nccl_comm comm))                                                                  \
  F(CommDestroy, int, (sq_nccl_comm comm))                                                                   \
  F(CommAbort, int, (sq_nccl_comm comm))                                                                     \
  F(CommGetAsyncError, int, (sq_nccl_comm comm, int *state))                                                 \
  F(CommCount, int, (sq_nccl_comm comm, int *size))                                                          \
  F(CommUserRank, int, (sq_nccl_comm comm, int *rank))                                                       \
  F(GetErrorString, const char *, (int error))                                                               \
  F(GetLastError, const char *, (sq_nccl_comm comm))                                                         \
  F(GroupStart, int, (void))                                                                                 \
  F(GroupEnd, int, (void))                                                                                   \
  F(Send, int, (const void *from, size_t count, int type, int peer, sq_nccl_comm comm, void *stream))        \
  F(Recv, int, (void *to, size_t count, int type, int peer, sq_nccl_comm comm, void *stream))                \
  F(Broadcast, int,                                                                                          \
    (const void *from, void *to, size_t count, int type, int root, sq_nccl_comm comm, void *stream))

#define SQ_NCCL_MEMBER(name, type, arguments) type(*name) arguments;
typedef struct sq_nccl {
  SQ_NCCL_FUNCTIONS(SQ_NCCL_MEMBER)
} sq_nccl;

/* Fills *out; SEQGPU_EUNSUPPORTED and a sentence where it cannot be opened, or is too old. */
seqgpu_status sq_nccl_open(seqgpu_context *ctx, sq_nccl *out);

#endif
