/* peers.c - the peers that this build has. */
#include "bench/peers/peer.h"

#include <stddef.h>

#ifdef SEQGPU_PEER_ONEDNN
#include "bench/peers/onednn.h"
#endif

const bench_peer *const bench_peers[] = {
#ifdef SEQGPU_PEER_ONEDNN
    &bench_peer_onednn,
#endif
    NULL,
};
