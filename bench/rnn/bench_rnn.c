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
 *   floor.c        the stated lower bound
 *   report.c       table, JSON, Markdown and means
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/measure.h"
#include "bench/common/options.h"
#include "bench/rnn/race.h"
#include "bench/rnn/report.h"

/* Contenders whose result is right move to the front, the others are reported and closed.  Returns how many
 * are left. */
static int keep_right_ones(rnn_report *report, rnn_contender *contenders, int count, const rnn_problem *p,
                           const rnn_device *d) {
  int kept = 0;
  for (int i = 0; i < count; i++) {
    contenders[i].error = rnn_contender_check(&contenders[i], p, d);
    if (contenders[i].error <= rnn_error_limit(report->options->math)) {
      contenders[kept++] = contenders[i];
      continue;
    }
    rnn_report_wrong(report, p, &contenders[i]);
    report->failures += contenders[i].plan != NULL; /* a peer's mistake is not ours */
    rnn_contenders_close(&contenders[i], 1);
  }
  return kept;
}

static void bench_problem(rnn_report *report, const bench_row *row, bench_gpu *gpu) {
  static rnn_contender contenders[RNN_MAX_CONTENDERS];
  const rnn_options *o = report->options;
  rnn_problem problem;
  rnn_device device = {.ctx = NULL};
  int count = 0,
      good = rnn_problem_open(&problem, row, o) && rnn_device_context(&device, &problem, o->device);
  if (good) {
    count = rnn_contenders_open(contenders, &problem, &device, o);
    good = count >= 0;
    count = keep_right_ones(report, contenders, count, &problem, &device);
    const int on_gpu = strcmp(seqgpu_context_device(device.ctx), "cuda") == 0;
    if (good && count > 0) good = rnn_race(contenders, count, &problem, &device, on_gpu ? gpu : NULL, o);
    if (good) rnn_report_times(report, &problem, &device, contenders, count);
    rnn_contenders_close(contenders, count);
  }
  report->failures += !good;
  rnn_device_close(&device);
  rnn_problem_close(&problem);
}

/* A row for the cell "any" stands for every cell that is asked for. */
static void bench_row_of_file(rnn_report *report, const bench_row *row, bench_gpu *gpu) {
  const rnn_options *o = report->options;
  if (o->set && strcmp(o->set, row->set) != 0) return;
  if (strcmp(row->cell, "any") != 0) {
    if (bench_listed(o->cells, row->cell)) bench_problem(report, row, gpu);
    return;
  }
  seqgpu_cell_info cell;
  for (int i = 0; seqgpu_cell_get(i, &cell) == SEQGPU_OK; i++) {
    bench_row one = *row;
    snprintf(one.cell, sizeof one.cell, "%s", cell.name);
    if (bench_listed(o->cells, cell.name)) bench_problem(report, &one, gpu);
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

/* Every row of the file, as long as the budget lasts. */
static void bench_rows(rnn_report *report, const bench_row *rows, int count, bench_gpu *gpu) {
  const rnn_options *o = report->options;
  const double begin = bench_now();
  for (int i = 0; i < count; i++) {
    if (o->budget_s && bench_now() - begin > o->budget_s) {
      printf("skip the last %d rows of the file: the %d seconds of --budget are over\n", count - i,
             o->budget_s);
      return;
    }
    bench_row_of_file(report, &rows[i], gpu);
  }
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
  bench_rows(&report, rows, count, gpu);
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
