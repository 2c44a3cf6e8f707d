/* options.h - the command line of bench_rnn. */
#ifndef BENCH_RNN_OPTIONS_H
#define BENCH_RNN_OPTIONS_H

#include "seqgpu/seqgpu.h"

enum { RNN_MAX_RUNS = 1000 };

typedef struct rnn_options {
  const char *shapes, *set, *cells, *algorithms, *peers, *device, *math_name, *direction;
  const char *json, *markdown, *sync, *steps, *without, *journal, *with;
  int runs, warmup, threads, layers, bidirectional, ragged, warm, budget_s, check_gflop, seed;
  int first, patience_s;
  seqgpu_math math;
  int training;
  seqgpu_rnn_desc cell; /* the options of --with, all else 0 */
} rnn_options;

/* BENCH_GO_ON, or the exit code: after --help, or after a sentence on stderr. */
int rnn_parse(rnn_options *options, int argc, char **argv);
/* The length that a word of --steps stands for, where the file's is `file`; 0: none. */
int64_t rnn_steps(const char *word, int64_t file);
/* The largest error against float64 of a result that is timed: 1e-5, 2e-3, 2e-2 for f32, tf32, bf16.  A uRNN keeps
 * its norm, so that rounding errors add up: beyond 100 steps it may have as many times more. */
double rnn_error_limit(seqgpu_math math, const seqgpu_rnn_desc *desc);

#endif
