/* floor.h - the lower bound that bench_rnn states beside each time. */
#ifndef BENCH_RNN_FLOOR_H
#define BENCH_RNN_FLOOR_H

#include "bench/common/gpu.h"
#include "bench/rnn/problem.h"

/* What must hold the recurrent weights, and so exchange h in every step. */
typedef enum rnn_scope { RNN_BLOCK, RNN_CLUSTER, RNN_GRID, RNN_SCOPES } rnn_scope;

/* Constants of a card, measured where a file of bench_sync gives them, else from its properties. */
typedef struct rnn_limits {
  int known;          /* 0: no card, no floor */
  const char *source; /* "measured" or "properties" */
  double memory_bytes_per_s;
  double l2_bytes_per_s_sm;      /* from the L2 into one SM */
  double flops[3];               /* by seqgpu_math */
  double exchange_s[RNN_SCOPES]; /* one exchange of h */
  double chip_bytes_per_sm, l2_bytes;
  int sms;
} rnn_limits;

typedef struct rnn_floor {
  double traffic_s, mma_s, sync_s;
  double s;          /* the largest of them; 0 = unknown */
  const char *bound; /* which one that is */
} rnn_floor;

/* How the floor is computed, for --help. */
extern const char RNN_FLOOR_HELP[];

/* 1, or 0 after a sentence on stderr if the file cannot be read. */
int rnn_limits_of(rnn_limits *limits, const bench_gpu_info *info, const char *sync_file);
rnn_floor rnn_floor_of(const rnn_problem *problem, const rnn_limits *limits);

#endif
