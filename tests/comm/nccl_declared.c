/* nccl_declared.c - that host/comm/nccl_open.h declares what nccl.h does; compiled where there is one. */
#include <nccl.h>

#include "host/comm/nccl_open.h"

_Static_assert(sizeof(sq_nccl_id) == sizeof(ncclUniqueId), "ncclUniqueId");
_Static_assert(sizeof(sq_nccl_comm) == sizeof(ncclComm_t), "ncclComm_t");
_Static_assert(offsetof(sq_nccl_config, size) == offsetof(ncclConfig_t, size), "ncclConfig_t.size");
_Static_assert(offsetof(sq_nccl_config, magic) == offsetof(ncclConfig_t, magic), "ncclConfig_t.magic");
_Static_assert(offsetof(sq_nccl_config, version) == offsetof(ncclConfig_t, version), "ncclConfig_t.version");
_Static_assert(offsetof(sq_nccl_config, blocking) == offsetof(ncclConfig_t, blocking),
               "ncclConfig_t.blocking");
_Static_assert(SQ_NCCL_SUCCESS == (int)ncclSuccess && SQ_NCCL_IN_PROGRESS == (int)ncclInProgress,
               "ncclResult_t");
_Static_assert(SQ_NCCL_BYTES == (int)ncclUint8, "ncclDataType_t");
_Static_assert(sizeof(ncclResult_t) == sizeof(int) && sizeof(ncclDataType_t) == sizeof(int), "enums");
_Static_assert(SQ_NCCL_VERSION == NCCL_VERSION(2, 14, 0), "NCCL_VERSION");

/* A call of each function with what ours takes, as far as C compares pointers to opaque structs. */
void nccl_declared(void);
void nccl_declared(void) {
  const ncclConfig_t initial = NCCL_CONFIG_INITIALIZER;
  sq_nccl_comm c = NULL;
  ncclUniqueId id;
  ncclConfig_t config = initial;
  ncclComm_t made = c;
  ncclResult_t state;
  int number;
  const char *text;
  const ncclDataType_t type = (ncclDataType_t)SQ_NCCL_BYTES;
  state = ncclGetVersion(&number), state = ncclGetUniqueId(&id);
  state = ncclCommInitRankConfig(&made, number, id, number, &config);
  state = ncclCommFinalize(made), state = ncclCommDestroy(made), state = ncclCommAbort(made);
  state = ncclCommGetAsyncError(made, &state), state = ncclCommCount(made, &number);
  state = ncclCommUserRank(made, &number);
  text = ncclGetErrorString(state), text = ncclGetLastError(made);
  state = ncclGroupStart(), state = ncclGroupEnd();
  state = ncclSend(text, 1, type, number, made, NULL), state = ncclRecv(c, 1, type, number, made, NULL);
  state = ncclBroadcast(text, c, 1, type, number, made, NULL);
  (void)state;
  _Static_assert(sizeof(initial.magic) == sizeof(unsigned), "magic");
}
