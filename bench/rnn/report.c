/* report.c - what bench_rnn prints: a table, a line of JSON and of Markdown a side, geometric means at the end. */
#include <math.h>
#include <string.h>

#include "bench/rnn/rnn.h"

/* One side's numbers, ready to print.  A ratio of 0: there is nothing to compare with. */
typedef struct result {
  const rnn_side *side;
  bench_stats total, forward; /* seconds */
  double us_per_step, tflops, gb_per_s;
  double to_peer, to_cudnn, to_floor;
  const char *peer; /* the best one, or NULL */
} result;

static bench_stats stats_of(const double *samples, int count) {
  double sorted[RNN_MAX_RUNS];
  memcpy(sorted, samples, (size_t)count * sizeof *sorted);
  return bench_statistics(sorted, count);
}

/* The median over the rounds of ours / theirs. */
static double paired_ratio(const double *ours, const double *theirs, int count) {
  double ratio[RNN_MAX_RUNS];
  for (int i = 0; i < count; i++) ratio[i] = ours[i] / theirs[i];
  return bench_statistics(ratio, count).median;
}

/* The fastest side that is cuDNN, or any peer; NULL if there is none. */
static const rnn_side *best_peer(const rnn_side *sides, int count, int runs, int only_cudnn) {
  const rnn_side *best = NULL;
  double least = 0;
  for (int i = 0; i < count; i++) {
    if (!sides[i].is_cudnn && (only_cudnn || sides[i].peer == NULL)) continue;
    const double median = stats_of(sides[i].total, runs).median;
    if (best && median >= least) continue;
    best = &sides[i];
    least = median;
  }
  return best;
}

static result result_of(const rnn_side *side, const rnn_side *peer, const rnn_side *cudnn,
                        const rnn_problem *p, const rnn_floor *floor, int runs) {
  result r = {.side = side, .total = stats_of(side->total, runs), .forward = stats_of(side->forward, runs)};
  r.us_per_step = 1e6 * r.total.median / (double)p->row.seq_len;
  r.tflops = 1e-12 * p->flops / r.total.median;
  r.gb_per_s = 1e-9 * p->bytes / r.total.median;
  r.peer = peer ? peer->name : NULL;
  r.to_peer = peer ? paired_ratio(side->total, peer->total, runs) : 0;
  r.to_cudnn = cudnn ? paired_ratio(side->total, cudnn->total, runs) : 0;
  r.to_floor = floor->s > 0 ? r.total.median / floor->s : 0;
  return r;
}

/* ---------------------------------------------------------------- one side */

/* A ratio, or a dash. */
static const char *ratio_text(double ratio, char *text, size_t size) {
  if (ratio > 0)
    snprintf(text, size, "%.3f", ratio);
  else
    snprintf(text, size, "-");
  return text;
}

static void print_line(const result *r, const char *problem) {
  char peer[16], floor[16];
  printf("%-31s %c%-26s %10.3f %10.3f %10.3f %10.3f %8.3f %8.1f  %8.1e %8s %8s\n", problem,
         r->side->is_chosen ? '*' : ' ', r->side->name, r->total.min * 1e3, r->total.median * 1e3,
         r->total.max * 1e3, r->us_per_step, r->tflops, r->gb_per_s, r->side->error,
         ratio_text(r->to_peer, peer, sizeof peer), ratio_text(r->to_floor, floor, sizeof floor));
  fflush(stdout);
}

/* , "name": value   or null where there is no value. */
static void json_number(FILE *f, const char *name, double value) {
  if (value > 0 && isfinite(value))
    fprintf(f, ", \"%s\": %.6g", name, value);
  else
    fprintf(f, ", \"%s\": null", name);
}

static void json_text(FILE *f, const char *name, const char *value) {
  fprintf(f, ", \"%s\": ", name);
  if (value)
    bench_json_text(f, value);
  else
    fputs("null", f);
}

static void json_problem(FILE *f, const rnn_problem *p, const rnn_options *o) {
  char checked[128];
  rnn_check_name(p, checked, sizeof checked);
  fprintf(f,
          "\"set\": \"%s\", \"cell\": \"%s\", \"seq_len\": %lld, \"batch\": %lld, "
          "\"hidden\": %lld, \"layers\": %lld, \"bidirectional\": %s, \"ragged\": %s, \"training\": %s, "
          "\"math\": \"%s\", \"seed\": %d",
          p->row.set, p->row.cell, (long long)p->row.seq_len, (long long)p->row.batch,
          (long long)p->row.hidden, (long long)p->desc.num_layers, p->desc.bidirectional ? "true" : "false",
          p->lengths ? "true" : "false", p->training ? "true" : "false", o->math_name, o->seed);
  json_text(f, "checked", checked);
}

static void json_line(const rnn_report *report, const result *r, const rnn_problem *p, const rnn_floor *floor,
                      const rnn_device *d) {
  FILE *f = report->json;
  const double per_step = 1e6 / (double)p->row.seq_len;
  if (f == NULL) return;
  fputs("{\"kind\": \"rnn\", ", f);
  json_problem(f, p, report->options);
  json_text(f, "plan", r->side->name);
  fprintf(f, ", \"chosen\": %s, \"l2\": \"%s\", \"buffers\": %d, \"runs\": %d",
          r->side->is_chosen ? "true" : "false", report->flushed ? "flushed" : "warm", d->sets,
          r->total.count);
  json_number(f, "error", r->side->error);
  json_number(f, "min_ms", 1e3 * r->total.min);
  json_number(f, "median_ms", 1e3 * r->total.median);
  json_number(f, "max_ms", 1e3 * r->total.max);
  json_number(f, "us_per_step", r->us_per_step);
  json_number(f, "forward_us_per_step", per_step * r->forward.median);
  json_number(f, "tflops", r->tflops);
  json_number(f, "gb_per_s", r->gb_per_s);
  json_text(f, "peer", r->peer);
  json_number(f, "ratio_to_peer", r->to_peer);
  json_number(f, "ratio_to_cudnn", r->to_cudnn);
  json_number(f, "ratio_to_floor", r->to_floor);
  json_number(f, "floor_ms", 1e3 * floor->s);
  json_text(f, "floor_bound", floor->s > 0 ? floor->bound : NULL);
  json_text(f, "floor_constants", floor->s > 0 ? report->limits.source : NULL);
  fprintf(f, ", ");
  bench_origin_json(f, &report->origin);
  fputs("}\n", f);
  fflush(f); /* a run that is cut short keeps its rows */
}

void rnn_report_wrong(rnn_report *report, const rnn_problem *p, const rnn_side *side) {
  char problem[96];
  const double limit = rnn_error_limit(report->options->math);
  rnn_problem_name(p, problem, sizeof problem);
  printf("%s %s %s: error %.2e is over %.0e, not timed\n", side->plan ? "FAIL" : "skip", problem, side->name,
         side->error, limit);
  if (report->markdown)
    fprintf(report->markdown, "| %s | %s | WRONG, not timed | | | | %.1e | | |\n", problem, side->name,
            side->error);
  if (report->json == NULL) return;
  fputs("{\"kind\": \"rnn_wrong\", ", report->json);
  json_problem(report->json, p, report->options);
  json_text(report->json, "plan", side->name);
  json_text(report->json, "result", "wrong, not timed");
  json_number(report->json, "error", side->error);
  fputs(", ", report->json);
  bench_origin_json(report->json, &report->origin);
  fputs("}\n", report->json);
  fflush(report->json);
}

static void markdown_line(const rnn_report *report, const result *r, const char *problem,
                          const rnn_floor *floor) {
  char peer[16], to_floor[16];
  if (report->markdown == NULL) return;
  fprintf(report->markdown, "| %s | %s%s | %.3f | %.3f / %.3f / %.3f | %.2f | %.0f | %.1e | %s | %s (%s) |\n",
          problem, r->side->name, r->side->is_chosen ? " *" : "", r->us_per_step, r->total.min * 1e3,
          r->total.median * 1e3, r->total.max * 1e3, r->tflops, r->gb_per_s, r->side->error,
          ratio_text(r->to_peer, peer, sizeof peer), ratio_text(r->to_floor, to_floor, sizeof to_floor),
          floor->bound);
  fflush(report->markdown);
}

/* ---------------------------------------------------------------- means */

static rnn_mean *mean_of(rnn_report *report, const char *name) {
  for (int i = 0; i < report->means; i++)
    if (strcmp(report->mean[i].name, name) == 0) return &report->mean[i];
  if (report->means == RNN_MAX_SIDES) return NULL;
  rnn_mean *m = &report->mean[report->means++];
  *m = (rnn_mean){.rows = 0};
  snprintf(m->name, sizeof m->name, "%s", name);
  return m;
}

static void add_ratio(double *sum, int *rows, double ratio) {
  if (ratio <= 0) return;
  *sum += log(ratio);
  *rows += 1;
}

static void add_to_mean(rnn_report *report, const char *name, const result *r) {
  rnn_mean *m = mean_of(report, name);
  if (m == NULL) return;
  m->rows++;
  add_ratio(&m->log_peer, &m->peer_rows, r->to_peer);
  add_ratio(&m->log_cudnn, &m->cudnn_rows, r->to_cudnn);
  add_ratio(&m->log_floor, &m->floor_rows, r->to_floor);
}

static double mean(double sum, int rows) { return rows > 0 ? exp(sum / rows) : 0; }

static void report_mean(const rnn_report *report, const rnn_mean *m) {
  char peer[16], floor[16];
  const double to_peer = mean(m->log_peer, m->peer_rows), to_floor = mean(m->log_floor, m->floor_rows);
  ratio_text(to_peer, peer, sizeof peer);
  ratio_text(to_floor, floor, sizeof floor);
  printf("geometric mean  %-28s %3d rows   to the best peer %8s (%d)   to the floor %8s (%d)\n", m->name,
         m->rows, peer, m->peer_rows, floor, m->floor_rows);
  if (report->markdown)
    fprintf(report->markdown, "| %s | %d | %s (%d) | %s (%d) |\n", m->name, m->rows, peer, m->peer_rows,
            floor, m->floor_rows);
  if (report->json == NULL) return;
  fprintf(report->json, "{\"kind\": \"rnn_mean\", \"math\": \"%s\", \"training\": %s",
          report->options->math_name, report->options->training ? "true" : "false");
  json_text(report->json, "plan", m->name);
  fprintf(report->json, ", \"rows\": %d", m->rows);
  json_number(report->json, "ratio_to_peer", to_peer);
  json_number(report->json, "ratio_to_cudnn", mean(m->log_cudnn, m->cudnn_rows));
  json_number(report->json, "ratio_to_floor", to_floor);
  fputs(", ", report->json);
  bench_origin_json(report->json, &report->origin);
  fputs("}\n", report->json);
}

/* ---------------------------------------------------------------- the whole */

static FILE *open_to_write(const char *path, int *good) {
  if (path == NULL) return NULL;
  FILE *file = fopen(path, "w");
  if (file == NULL) {
    fprintf(stderr, "bench_rnn: cannot write %s\n", path);
    *good = 0;
  }
  return file;
}

int rnn_report_open(rnn_report *report, const rnn_options *o, const bench_gpu_info *info) {
  int good = 1;
  *report = (rnn_report){.options = o, .origin = bench_origin_of(info->name[0] ? info->name : NULL)};
  report->flushed = info->name[0] != 0 && !o->warm;
  if (!rnn_limits_of(&report->limits, info, o->sync)) return 0;
  report->json = open_to_write(o->json, &good);
  report->markdown = open_to_write(o->markdown, &good);
  if (!good) return 0;
  const bench_origin *g = &report->origin;
  printf("%s, driver %s, %s, commit %s; %s, %s\n", g->device, g->driver, g->date, g->commit, o->math_name,
         o->training ? "forward and backward" : "forward");
  printf("%-31s %-27s %10s %10s %10s %10s %8s %8s  %8s %8s %8s\n", "problem", " plan (* chosen)", "min ms",
         "median ms", "max ms", "us/step", "TFLOP/s", "GB/s", "error", "/peer", "/floor");
  if (report->markdown)
    fprintf(report->markdown,
            "%s, driver %s, %s, commit %s; %s, %s, L2 %s, %d runs\n\n"
            "| problem | plan (* chosen) | us a step | min / median / max ms | TFLOP/s | GB/s | error | to "
            "best peer | "
            "to floor (bound) |\n|---|---|---|---|---|---|---|---|---|\n",
            g->device, g->driver, g->date, g->commit, o->math_name,
            o->training ? "forward and backward" : "forward", report->flushed ? "flushed" : "warm", o->runs);
  return 1;
}

void rnn_report_sides(rnn_report *report, const rnn_problem *p, const rnn_device *d, const rnn_side *sides,
                      int count) {
  char problem[96];
  const int runs = report->options->runs;
  const rnn_side *peer = best_peer(sides, count, runs, 0), *cudnn = best_peer(sides, count, runs, 1);
  const rnn_floor floor = rnn_floor_of(p, &report->limits);
  result best = {.side = NULL};
  rnn_problem_name(p, problem, sizeof problem);
  for (int i = 0; i < count; i++) {
    const result r = result_of(&sides[i], peer, cudnn, p, &floor, runs);
    const int ours = !sides[i].is_cudnn && sides[i].peer == NULL;
    print_line(&r, problem);
    json_line(report, &r, p, &floor, d);
    markdown_line(report, &r, problem, &floor);
    add_to_mean(report, sides[i].name, &r);
    if (sides[i].is_chosen) add_to_mean(report, "the planner's choice", &r);
    if (ours && (best.side == NULL || r.total.median < best.total.median)) best = r;
  }
  if (best.side) add_to_mean(report, "our best plan", &best);
  report->rows += count;
}

static int close_written(FILE *file, const char *path) {
  if (file == NULL || fclose(file) == 0) return 1;
  fprintf(stderr, "bench_rnn: cannot write %s\n", path);
  return 0;
}

int rnn_report_close(rnn_report *report) {
  if (report->markdown && report->means)
    fprintf(report->markdown, "\nGeometric means of the ratios (rows):\n\n"
                              "| plan | rows | to best peer | to floor |\n|---|---|---|---|\n");
  for (int i = 0; i < report->means; i++) report_mean(report, &report->mean[i]);
  const int json = close_written(report->json, report->options->json);
  return close_written(report->markdown, report->options->markdown) && json;
}
