/* rnn.h - what the files of bench_rnn share: the command line, one problem, its sides, the bound, the report.
 *
 *   options.c   the command line                     device.c    a context, and the buffers all plans share
 *   problem.c   inputs, costs, the float64 oracle    sides.c     plans and peers: open, check, run once
 *   floor.c     the stated lower bound               race.c      runs in turn
 *   report.c    table, JSON, Markdown, means
 */
#ifndef BENCH_RNN_H
#define BENCH_RNN_H

#include "seqgpu/seqgpu.h"
#include <stdio.h>

#include "bench/bench.h"
#include "bench/gpu.h"
#include "bench/origin.h"
#include "bench/peers/peer.h"

enum { RNN_MAX_RUNS = 1000, RNN_MAX_SIDES = 32, RNN_MAX_SETS = 2, RNN_NAME = 64 };

/* ---------------------------------------------------------------- options.c */

typedef struct rnn_options {
  const char *shapes, *set, *cells, *plans, *peers, *device, *math_name, *direction, *json, *markdown, *sync;
  int runs, warmup, threads, layers, bidirectional, ragged, warm, budget_s, check_gflop, seed;
  seqgpu_math math;
  int training;
} rnn_options;

/* 1, or 0 with a sentence on stderr.  *help is set where --help was asked for and answered. */
int rnn_parse(rnn_options *options, int argc, char **argv, int *help);
/* Is `name` in the comma-separated list?  A list of NULL has everything. */
int rnn_listed(const char *list, const char *name);
/* Largest error against float64 that is timed: 1e-5, 2e-3, 2e-2 for f32, tf32, bf16. */
double rnn_error_limit(seqgpu_math math);

/* ---------------------------------------------------------------- problem.c */

/* What is compared with float64: the first seq_len steps of some sequences, all of it where that is affordable. */
typedef struct rnn_check {
  int64_t seq_len, columns;
  int64_t *column;  /* [columns] which sequences of the batch */
  float *dy;        /* [seq_len,B,Y] zero outside those sequences: their gradients alone reach dparams */
  int32_t *lengths; /* [B] cut to seq_len, or NULL */
  double *y, *dx, *dparams; /* [seq_len,columns,*] and [param_count] */
} rnn_check;

typedef struct rnn_problem {
  bench_row row;
  seqgpu_rnn_desc desc;
  int training, threads;
  int64_t out;   /* Y */
  int64_t cells; /* sum of the lengths, T*B without --ragged */
  int64_t x_count, y_count, param_count, reserve_bytes;
  int num_params;
  seqgpu_param_info *param;
  float *x, *dy, *params;
  int32_t *lengths; /* or NULL */
  double flops;     /* 2 a weight, step and sequence; three times that with backward */
  double bytes;     /* each input read once, each output written once; the cell's own reserve with them */
  rnn_check check;
} rnn_problem;

/* 1, or 0 with a sentence on stderr; close in both cases. */
int rnn_problem_open(rnn_problem *problem, const bench_row *row, const rnn_options *options);
void rnn_problem_close(rnn_problem *problem);
/* "lstm T50 B64 H512", with layers, directions and raggedness. */
void rnn_problem_name(const rnn_problem *problem, char *text, size_t size);
/* "all", or which part of the problem was compared. */
void rnn_check_name(const rnn_problem *problem, char *text, size_t size);
/* The worst error of host results of the checked part: y [seq_len,B,Y], dx [seq_len,B,I], dparams. */
double rnn_check_error(const rnn_problem *problem, const float *y, const float *dx, const float *dparams);

/* ---------------------------------------------------------------- device.c */

/* One context with the buffers of a problem.  Plans share them: their layouts are the same. */
typedef struct rnn_device {
  seqgpu_context *ctx;
  int sets; /* x, dy, y, dx exist so often, used in turn */
  void *x[RNN_MAX_SETS], *dy[RNN_MAX_SETS], *y[RNN_MAX_SETS], *dx[RNN_MAX_SETS];
  void *params, *dparams, *reserve, *workspace, *lengths, *check_dy, *check_lengths;
  size_t workspace_bytes, reserve_bytes;
} rnn_device;

/* Sizes: the largest of all plans.  1, or 0 with a sentence on stderr; close in both cases. */
int rnn_device_context(rnn_device *device, const rnn_problem *problem, const char *name);
int rnn_device_buffers(rnn_device *device, const rnn_problem *problem, size_t workspace_bytes,
                       size_t reserve_bytes);
void rnn_device_close(rnn_device *device);
/* Fills with NaN; counts numbers that are not finite. */
int rnn_poison(const rnn_device *device, void *buffer, int64_t count);
int64_t rnn_count_not_finite(const rnn_device *device, const void *buffer, int64_t count);

/* ---------------------------------------------------------------- sides.c */

/* One competitor in a race: a plan of ours, cuDNN (a plan too), or a peer library. */
typedef struct rnn_side {
  char name[RNN_NAME];
  int is_cudnn, is_chosen; /* chosen: what the planner would take */
  seqgpu_plan *plan;       /* or NULL */
  const bench_peer *peer;  /* or NULL */
  void *state;
  double error;
  double total[RNN_MAX_RUNS], forward[RNN_MAX_RUNS]; /* seconds a run, in the order of the runs */
} rnn_side;

/* Opens every plan and peer that the options name and that fits; says on stdout which do not, and why.  Checks
 * none.  The number of sides; 0 if nothing fits, -1 with a sentence on stderr for an unknown plan or no memory. */
int rnn_sides_open(rnn_side *sides, const rnn_problem *problem, rnn_device *device,
                   const rnn_options *options);
void rnn_sides_close(rnn_side *sides, int count);
/* Runs on poisoned outputs and compares; INFINITY where the call failed. */
double rnn_side_check(rnn_side *side, const rnn_problem *problem, const rnn_device *device);
/* One run of the whole problem, which is enqueued only on a GPU; `between` is called after forward. */
int rnn_side_prepare(rnn_side *side, const rnn_problem *problem, const rnn_device *device);
int rnn_side_run(rnn_side *side, const rnn_problem *problem, const rnn_device *device, int set,
                 void (*between)(void *), void *argument);

/* ---------------------------------------------------------------- race.c */

/* Fills total and forward of each side: options->runs rounds, in each of which every side runs once. 0 on an error. */
int rnn_race(rnn_side *sides, int count, const rnn_problem *problem, const rnn_device *device, bench_gpu *gpu,
             const rnn_options *options);

/* ---------------------------------------------------------------- floor.c */

/* Constants of a card, measured where a file of bench_sync gives them, else from its properties. */
typedef struct rnn_limits {
  int known; /* 0: no card, no floor */
  char source[RNN_NAME];
  double memory_bytes_per_s, l2_bytes_per_s_sm; /* the second: what one SM takes */
  double flops[3];                              /* by seqgpu_math */
  double exchange_s[3];                         /* one block, one cluster, whole grid */
  double chip_bytes_per_sm, l2_bytes;
  int sms;
} rnn_limits;

typedef struct rnn_floor {
  double traffic_s, mma_s, sync_s, s; /* s: the largest; 0 = unknown */
  const char *bound;                  /* which one that is */
} rnn_floor;

extern const char RNN_FLOOR_HELP[];
/* 1, or 0 with a sentence on stderr if the file cannot be read. */
int rnn_limits_of(rnn_limits *limits, const bench_gpu_info *info, const char *sync_file);
rnn_floor rnn_floor_of(const rnn_problem *problem, const rnn_limits *limits);

/* ---------------------------------------------------------------- report.c */

/* Sums of logarithms of one plan's ratios over the file. */
typedef struct rnn_mean {
  char name[RNN_NAME];
  double log_peer, log_cudnn, log_floor;
  int rows, peer_rows, cudnn_rows, floor_rows;
} rnn_mean;

typedef struct rnn_report {
  FILE *json, *markdown;
  bench_origin origin;
  const rnn_options *options;
  rnn_limits limits;
  rnn_mean mean[RNN_MAX_SIDES];
  int means, failures, rows, flushed; /* flushed: the L2 before each run */
} rnn_report;

int rnn_report_open(rnn_report *report, const rnn_options *options, const bench_gpu_info *info);
/* A side whose check failed: said, not timed. */
void rnn_report_wrong(rnn_report *report, const rnn_problem *problem, const rnn_side *side);
void rnn_report_sides(rnn_report *report, const rnn_problem *problem, const rnn_device *device,
                      const rnn_side *sides, int count);
/* Means and closing; 0 if a file could not be written. */
int rnn_report_close(rnn_report *report);

#endif
