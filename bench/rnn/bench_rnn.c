/* bench_rnn.c - times recurrent layers: cells x shapes x algorithms, beside peers, in one run.
 *
 * Each problem is a network with input_size = hidden_size, as in DeepBench:
 *
 *   check   The outputs are poisoned with NaN, each contender runs, and y, dx and every parameter's gradient
 *           are compared with the float64 reference on the CPU.  A wrong result is reported and not timed.
 *   race    The contenders take turns on the same buffers, run by run, so that a machine whose speed drifts
 *           is slow for all.
 *   report  A ratio is the median of the ratios of neighbouring runs: below 1 we are faster.
 *
 *   options.c      the command line
 *   problem.c      inputs, costs, and the float64 oracle
 *   device.c       a context and the buffers that all contenders share
 *   contenders.c   algorithms and peers: opening, checking, running once
 *   race.c         runs in turn
 *   journal.c      whose turn it is, should that end the process
 *   floor.c        the stated lower bound
 *   report.c       table, JSON, Markdown and means
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/common/measure.h"
#include "bench/common/options.h"
#include "bench/rnn/journal.h"
#include "bench/rnn/race.h"
#include "bench/rnn/report.h"

/* What follows on a spoilt device would only look like errors of others.  The rows are in the files already. */
static void end_if_lost(const rnn_device *d) {
  if (rnn_device_works(d)) return;
  fprintf(stderr, "bench_rnn: the device is lost: %s\n", seqgpu_last_error(d->ctx));
  fflush(NULL);
  _exit(RNN_LOST);
}

/* Contenders whose result is right move to the front, the others are reported and closed.  Returns how many
 * are left. */
static int keep_right_ones(rnn_report *report, rnn_contender *contenders, int count, const rnn_problem *p,
                           const rnn_device *d) {
  int kept = 0;
  for (int i = 0; i < count; i++) {
    rnn_journal_turn(report->options, p->number, contenders[i].name);
    contenders[i].error = rnn_contender_check(&contenders[i], p, d);
    if (contenders[i].error <= rnn_error_limit(report->options->math, &p->desc)) {
      contenders[kept++] = contenders[i];
      continue;
    }
    rnn_report_wrong(report, p, &contenders[i]);
    end_if_lost(d);
    report->failures += contenders[i].plan != NULL; /* a peer's mistake is not ours */
    rnn_contenders_close(&contenders[i], 1);
  }
  return kept;
}

/* Is the time of --budget over?  Says so the first time. */
static int is_over(rnn_report *report) {
  const rnn_options *o = report->options;
  if (o->budget_s == 0 || bench_now() - report->begin <= o->budget_s) return 0;
  if (!report->over)
    printf("skip problem %d and all after it: the %d seconds of --budget are over\n", report->problems - 1,
           o->budget_s);
  report->over = 1;
  return 1;
}

static void bench_problem(rnn_report *report, const bench_row *row, bench_gpu *gpu) {
  static rnn_contender contenders[RNN_MAX_CONTENDERS];
  const rnn_options *o = report->options;
  rnn_problem problem;
  rnn_device device = {.ctx = NULL};
  const int number = report->problems++;
  if (number < o->first || is_over(report)) return;
  rnn_journal_turn(o, number, "reference");
  int count = 0,
      good = rnn_problem_open(&problem, number, row, o) && rnn_device_context(&device, &problem, o->device);
  if (good) {
    count = rnn_contenders_open(contenders, &problem, &device, o);
    good = count >= 0;
    count = keep_right_ones(report, contenders, count, &problem, &device);
    const int on_gpu = strcmp(seqgpu_context_device(device.ctx), "cuda") == 0;
    if (good && count > 0) good = rnn_race(contenders, count, &problem, &device, on_gpu ? gpu : NULL, o);
    if (!good) end_if_lost(&device);
    if (on_gpu) device.clock_hz = bench_gpu_clock_hz();
    if (good) rnn_report_times(report, &problem, &device, contenders, count);
    rnn_contenders_close(contenders, count);
  }
  report->failures += !good;
  rnn_journal_rest(o);
  rnn_device_close(&device);
  rnn_problem_close(&problem);
}

/* A row of the file with each length of --steps. */
static void bench_lengths(rnn_report *report, const bench_row *row, bench_gpu *gpu) {
  const char *list = report->options->steps;
  char word[64];
  while (bench_next_word(&list, word, (int)sizeof word)) {
    bench_row one = *row;
    one.seq_len = rnn_steps(word, row->seq_len);
    bench_problem(report, &one, gpu);
  }
}

/* A row for the cell "any" stands for every cell that is asked for. */
static void bench_row_of_file(rnn_report *report, const bench_row *row, bench_gpu *gpu) {
  const rnn_options *o = report->options;
  if (o->set && strcmp(o->set, row->set) != 0) return;
  if (strcmp(row->cell, "any") != 0) {
    if (bench_listed(o->cells, row->cell)) bench_lengths(report, row, gpu);
    return;
  }
  seqgpu_cell_info cell;
  for (int i = 0; seqgpu_cell_get(i, &cell) == SEQGPU_OK; i++) {
    bench_row one = *row;
    snprintf(one.cell, sizeof one.cell, "%s", cell.name);
    if (bench_listed(o->cells, cell.name)) bench_lengths(report, &one, gpu);
  }
}

/* Opens the card where --device may mean one; 0 if it was asked for by name and is not there. */
static int open_gpu(const rnn_options *o, bench_gpu **gpu, bench_gpu_info *info) {
  const char *why = "";
  *info = (bench_gpu_info){.name = ""};
  *gpu = NULL;
  if (strcmp(o->device, "cpu") == 0) return 1;
  *gpu = bench_gpu_open(info, &why);
  if (*gpu || strcmp(o->device, "cuda") != 0) return 1;
  fprintf(stderr, "bench_rnn: --device cuda: %s\n", why);
  return 0;
}

/* The exit code. */
static int run(const rnn_options *o, const bench_row *rows, int count) {
  static rnn_report report;
  bench_gpu_info info;
  bench_gpu *gpu;
  if (!open_gpu(o, &gpu, &info)) return BENCH_FAILED;
  if (!rnn_report_open(&report, o, &info)) {
    bench_gpu_close(gpu);
    return BENCH_FAILED;
  }
  for (int i = 0; i < count; i++) bench_row_of_file(&report, &rows[i], gpu);
  if (!rnn_report_close(&report)) report.failures++;
  bench_gpu_close(gpu);
  return report.failures ? BENCH_FAILED : BENCH_OK;
}

int main(int argc, char **argv) {
  static const bench_row standard[] = {
      {"cpu", "lstm", 512, 64, 50, 2}, {"cpu", "lstm", 256, 32, 64, 2}, {"cpu", "lstm", 128, 1, 100, 1}};
  rnn_options options;
  bench_row *rows = NULL;
  const int code = rnn_parse(&options, argc, argv);
  if (code != BENCH_GO_ON) return code;
  if (options.shapes == NULL) return run(&options, standard, BENCH_COUNT(standard));
  const int count = bench_read_shapes(options.shapes, &rows);
  const int status = count < 0 ? BENCH_FAILED : run(&options, rows, count);
  free(rows);
  return status;
}
