/* problem.h - one problem of bench_rnn: a network with its inputs, what it costs, and the float64 results to
 * compare with.
 *
 * T, B, I, H: steps, batch, input_size, hidden_size; Y: width of the output.
 */
#ifndef BENCH_RNN_PROBLEM_H
#define BENCH_RNN_PROBLEM_H

#include "seqgpu/seqgpu.h"
#include <stddef.h>

#include "bench/common/shapes.h"
#include "bench/rnn/options.h"

/* What is compared with float64: the first seq_len steps of some sequences; everything where that is
 * affordable. */
typedef struct rnn_check {
  int64_t seq_len, columns;
  int64_t *column;  /* [columns] which sequences of the batch */
  float *dy;        /* [seq_len,B,Y] zero outside those sequences, so that dparams depends on them alone */
  int32_t *lengths; /* [B] cut to seq_len, or NULL */
  double *y, *dx, *dparams; /* [seq_len,columns,*] and [param_elements] */
} rnn_check;

typedef struct rnn_problem {
  int number; /* in the order of the run, from 0 */
  bench_row row;
  seqgpu_rnn_desc desc;
  const char *with; /* the options of --with that are in desc, or NULL */
  int training, threads;
  int64_t out;   /* Y */
  int64_t cells; /* steps of all sequences: T*B, or the sum of the lengths with --ragged */
  int64_t x_count, y_count, param_elements; /* elements */
  int64_t reserve_bytes;
  int param_count;
  seqgpu_param_info *param; /* [param_elements] */
  float *x, *dy, *params;   /* [T,B,I]  [T,B,Y]  [param_elements] */
  int32_t *lengths;         /* [B], or NULL */
  double flops;             /* 2 per weight, step and sequence; three times that with backward */
  double bytes;             /* each input read once, each output written once, including the cell's reserve */
  rnn_check check;
} rnn_problem;

/* 1, or 0 after a sentence on stderr; close it in both cases. */
int rnn_problem_open(rnn_problem *problem, int number, const bench_row *row, const rnn_options *options);
void rnn_problem_close(rnn_problem *problem);

/* "lstm T50 B64 H512", followed by layers, directions and raggedness where they are not the usual ones. */
void rnn_problem_name(const rnn_problem *problem, char *text, size_t size);
/* "all", or which part of the problem is compared. */
void rnn_check_name(const rnn_problem *problem, char *text, size_t size);

/* The worst error of y [seq_len,B,Y], dx [seq_len,B,I] and each parameter's gradient in dparams, all in host
 * memory. */
double rnn_check_error(const rnn_problem *problem, const float *y, const float *dx, const float *dparams);

#endif
