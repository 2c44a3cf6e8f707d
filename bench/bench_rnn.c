/* bench_rnn.c - times recurrent layers: cells x shapes x plans, beside peers, in one run.  Its parts are in bench/rnn/.
 *
 * Each problem is a network with input_size = hidden_size (as DeepBench).  Before anything is timed the outputs are
 * poisoned with NaN, the plan runs, and y, dx and every parameter's gradient are compared with the float64 reference
 * on the CPU.  Then all plans and peers take turns on the same buffers, run by run, so that a machine whose speed drifts
 * is slow for all.  A ratio is the median of the ratios of neighbouring runs: below 1 we are faster.
 */
#include <stdlib.h>
#include <string.h>

#include "rnn/rnn.h"

/* Sides whose result is right move to the front; the others are closed. Returns how many are left. */
static int keep_right_ones(rnn_side *sides, int count, const rnn_problem *p, const rnn_device *d,
                           const rnn_options *o, int *wrong) {
  const double limit = rnn_error_limit(o->math);
  char name[96];
  int kept = 0;
  rnn_problem_name(p, name, sizeof name);
  for (int i = 0; i < count; i++) {
    sides[i].error = rnn_side_check(&sides[i], p, d);
    if (sides[i].error <= limit) {
      sides[kept++] = sides[i];
      continue;
    }
    const int ours = sides[i].plan != NULL;
    printf("%s %s %s: error %.2e is over %.0e, not timed\n", ours ? "FAIL" : "skip", name, sides[i].name,
           sides[i].error, limit);
    *wrong += ours;
    rnn_sides_close(&sides[i], 1);
  }
  return kept;
}

static void bench_problem(rnn_report *report, const bench_row *row, bench_gpu *gpu) {
  static rnn_side sides[RNN_MAX_SIDES];
  const rnn_options *o = report->options;
  rnn_problem problem;
  rnn_device device = {.ctx = NULL};
  int count = 0,
      good = rnn_problem_open(&problem, row, o) && rnn_device_context(&device, &problem, o->device);
  if (good) {
    count = rnn_sides_open(sides, &problem, &device, o);
    good = count > 0;
    count = keep_right_ones(sides, count, &problem, &device, o, &report->failures);
    const int on_gpu = strcmp(seqgpu_context_device(device.ctx), "cuda") == 0;
    if (good && count > 0) good = rnn_race(sides, count, &problem, &device, on_gpu ? gpu : NULL, o);
    if (good) rnn_report_sides(report, &problem, &device, sides, count);
    rnn_sides_close(sides, count);
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
    if (rnn_listed(o->cells, row->cell)) bench_problem(report, row, gpu);
    return;
  }
  const char *name;
  for (int i = 0; (name = seqgpu_cell_name(i, NULL)) != NULL; i++) {
    bench_row one = *row;
    snprintf(one.cell, sizeof one.cell, "%s", name);
    if (rnn_listed(o->cells, name)) bench_problem(report, &one, gpu);
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

int main(int argc, char **argv) {
  static bench_row standard[] = {
      {"cpu", "lstm", 512, 64, 50, 2}, {"cpu", "lstm", 256, 32, 64, 2}, {"cpu", "lstm", 128, 1, 100, 1}};
  rnn_options options;
  static rnn_report report;
  bench_gpu_info info;
  bench_gpu *gpu;
  bench_row *rows = standard;
  int help, count = 3;
  const double begin = bench_now();
  if (!rnn_parse(&options, argc, argv, &help)) return 2;
  if (help) return 0;
  if (options.shapes && (count = bench_read_shapes(options.shapes, &rows)) < 0) return 1;
  if (!open_gpu(&options, &gpu, &info) || !rnn_report_open(&report, &options, &info)) return 1;
  for (int i = 0; i < count; i++) {
    if (options.budget_s && bench_now() - begin > options.budget_s) {
      printf("skip the last %d rows of the file: --budget %d seconds are over\n", count - i,
             options.budget_s);
      break;
    }
    bench_row_of_file(&report, &rows[i], gpu);
  }
  if (!rnn_report_close(&report)) report.failures++;
  if (rows != standard) free(rows);
  bench_gpu_close(gpu);
  return report.failures ? 1 : 0;
}
