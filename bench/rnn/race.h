/* race.h - the timing of bench_rnn: in every round each contender runs once. */
#ifndef BENCH_RNN_RACE_H
#define BENCH_RNN_RACE_H

#include "bench/common/gpu.h"
#include "bench/rnn/contenders.h"

/* Fills total and forward of each contender with options->runs rounds.  gpu: NULL on the CPU.  1, or 0 after
 * a sentence. */
int rnn_race(rnn_contender *contenders, int count, const rnn_problem *problem, const rnn_device *device,
             bench_gpu *gpu, const rnn_options *options);

#endif
