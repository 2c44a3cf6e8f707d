/* onednn.h - oneDNN as a peer, where CMake found it. */
#ifndef BENCH_PEERS_ONEDNN_H
#define BENCH_PEERS_ONEDNN_H

#include "bench/peers/peer.h"

extern const bench_peer bench_peer_onednn;

#endif
