/* report.h - the results of bench_rnn: a table on stdout, a row of JSON and of Markdown per contender,
 * geometric means at the end. */
#ifndef BENCH_RNN_REPORT_H
#define BENCH_RNN_REPORT_H

#include <stdio.h>

#include "bench/common/origin.h"
#include "bench/rnn/contenders.h"
#include "bench/rnn/floor.h"

/* Sums of the logarithms of one algorithm's ratios over all problems. */
typedef struct rnn_mean {
  char name[RNN_NAME];
  double log_peer, log_cudnn, log_floor;
  int rows, peer_rows, cudnn_rows, floor_rows;
} rnn_mean;

typedef struct rnn_report {
  FILE *json, *markdown; /* or NULL */
  bench_origin origin;
  const rnn_options *options;
  rnn_limits limits;
  rnn_mean mean[RNN_MAX_CONTENDERS];
  int means, failures;
  int problems, over; /* begun or skipped so far; the time of --budget is over */
  double begin;       /* by bench_now */
  int flushed;        /* the L2 is written over before each run */
} rnn_report;

/* 1, or 0 after a sentence on stderr. */
int rnn_report_open(rnn_report *report, const rnn_options *options, const bench_gpu_info *info);
/* A contender whose result was wrong: reported, and not timed. */
void rnn_report_wrong(rnn_report *report, const rnn_problem *problem, const rnn_contender *contender);
/* The times of all contenders of a problem. */
void rnn_report_times(rnn_report *report, const rnn_problem *problem, const rnn_device *device,
                      const rnn_contender *contenders, int count);
/* Writes the means and closes the files; 0 after a sentence if a file could not be written. */
int rnn_report_close(rnn_report *report);

#endif
