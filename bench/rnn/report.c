/* report.c - the results of bench_rnn as text, JSON and Markdown (report.h). */
#include "bench/rnn/report.h"

#include <math.h>
#include <string.h>

#include "bench/common/json.h"
#include "bench/common/measure.h"

/* The times of one contender, ready to be reported.  A ratio of 0: there is nothing to compare with. */
typedef struct result {
  const rnn_contender *contender;
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

/* ours / theirs, the median over the rounds. */
static double paired_ratio(const double *ours, const double *theirs, int count) {
  double ratio[RNN_MAX_RUNS];
  for (int i = 0; i < count; i++) ratio[i] = ours[i] / theirs[i];
  return bench_statistics(ratio, count).median;
}

/* The fastest of cuDNN and the peers, or of cuDNN alone; NULL if there is none. */
static const rnn_contender *best_peer(const rnn_contender *contenders, int count, int runs, int only_cudnn) {
  const rnn_contender *best = NULL;
  double least = 0;
  for (int i = 0; i < count; i++) {
    if (!contenders[i].is_cudnn && (only_cudnn || contenders[i].peer == NULL)) continue;
    const double median = stats_of(contenders[i].total, runs).median;
    if (best && median >= least) continue;
    best = &contenders[i];
    least = median;
  }
  return best;
}

static result result_of(const rnn_contender *contender, const rnn_contender *peer, const rnn_contender *cudnn,
                        const rnn_problem *p, const rnn_floor *floor, int runs) {
  result r = {.contender = contender,
              .total = stats_of(contender->total, runs),
              .forward = stats_of(contender->forward, runs)};
  r.us_per_step = 1e6 * r.total.median / (double)p->row.seq_len;
  r.tflops = 1e-12 * p->flops / r.total.median;
  r.gb_per_s = 1e-9 * p->bytes / r.total.median;
  r.peer = peer ? peer->name : NULL;
  r.to_peer = peer ? paired_ratio(contender->total, peer->total, runs) : 0;
  r.to_cudnn = cudnn ? paired_ratio(contender->total, cudnn->total, runs) : 0;
  r.to_floor = floor->s > 0 ? r.total.median / floor->s : 0;
  return r;
}

/* ---------------------------------------------------------------- rows */

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
         r->contender->is_chosen ? '*' : ' ', r->contender->name, r->total.min * 1e3, r->total.median * 1e3,
         r->total.max * 1e3, r->us_per_step, r->tflops, r->gb_per_s, r->contender->error,
         ratio_text(r->to_peer, peer, sizeof peer), ratio_text(r->to_floor, floor, sizeof floor));
  fflush(stdout);
}

/* A time, rate or ratio; 0 means that it is not known. */
static void json_known(FILE *f, const char *key, double value) {
  bench_json_number(f, key, value > 0 ? value : (double)NAN);
}

static void json_problem(FILE *f, const rnn_problem *p, const rnn_options *o) {
  char checked[128];
  rnn_check_name(p, checked, sizeof checked);
  bench_json_text(f, "set", p->row.set);
  bench_json_text(f, "cell", p->row.cell);
  bench_json_text(f, "with", p->with ? p->with : "");
  bench_json_integer(f, "seq_len", p->row.seq_len);
  bench_json_integer(f, "batch", p->row.batch);
  bench_json_integer(f, "hidden", p->row.hidden);
  bench_json_integer(f, "layers", p->desc.num_layers);
  bench_json_bool(f, "bidirectional", p->desc.bidirectional);
  bench_json_bool(f, "ragged", p->lengths != NULL);
  bench_json_bool(f, "training", p->training);
  bench_json_text(f, "math", o->math_name);
  bench_json_integer(f, "seed", o->seed);
  bench_json_text(f, "checked", checked);
}

/* How a pass is cut into blocks, where the algorithm does that: "forward_ctas" and so on. */
static void json_cut(FILE *f, const rnn_contender *contender, const rnn_device *d, int backward) {
  seqgpu_cut_info cut;
  if (contender->plan == NULL || seqgpu_plan_cut_get(d->ctx, contender->plan, backward, &cut) != SEQGPU_OK)
    return;
  const struct {
    const char *name;
    int value;
  } numbers[] = {{"ctas", cut.ctas},         {"cluster", cut.cluster}, {"slices", cut.slices},
                 {"launches", cut.launches}, {"units", cut.units},     {"columns", cut.columns},
                 {"width", cut.width},       {"parts", cut.parts[0]},  {"parts_second", cut.parts[1]},
                 {"blocks", cut.blocks[0]},  {"threads", cut.threads}, {"shared_bytes", cut.shared_size},
                 {"resident", cut.resident}};
  const char *pass = backward ? "backward" : "forward";
  char key[64];
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    snprintf(key, sizeof key, "%s_%s", pass, numbers[i].name);
    bench_json_integer(f, key, numbers[i].value);
  }
  const struct {
    const char *name;
    double us;
  } terms[] = {{"model", cut.step_us},
               {"product", cut.product_us},
               {"pointwise", cut.pointwise_us},
               {"exchange", cut.exchange_us}};
  for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
    snprintf(key, sizeof key, "%s_%s_us_per_step", pass, terms[i].name);
    bench_json_number(f, key, terms[i].us);
  }
}

/* The key "plan" names the algorithm or the peer: rows of all versions have it, and can be read together. */
static void json_line(const rnn_report *report, const result *r, const rnn_problem *p, const rnn_floor *floor,
                      const rnn_device *d) {
  FILE *f = report->json;
  if (f == NULL) return;
  bench_json_begin(f, "rnn");
  json_problem(f, p, report->options);
  bench_json_text(f, "plan", r->contender->name);
  bench_json_bool(f, "chosen", r->contender->is_chosen);
  bench_json_text(f, "l2", report->flushed ? "flushed" : "warm");
  bench_json_integer(f, "buffers", d->sets);
  bench_json_integer(f, "runs", r->total.count);
  bench_json_number(f, "error", r->contender->error);
  json_known(f, "min_ms", 1e3 * r->total.min);
  json_known(f, "median_ms", 1e3 * r->total.median);
  json_known(f, "max_ms", 1e3 * r->total.max);
  json_known(f, "us_per_step", r->us_per_step);
  json_known(f, "forward_us_per_step", 1e6 / (double)p->row.seq_len * r->forward.median);
  json_known(f, "model_us", r->contender->model_us);
  json_known(f, "sm_mhz", 1e-6 * d->clock_hz);
  for (int backward = 0; backward <= p->training; backward++) json_cut(f, r->contender, d, backward);
  json_known(f, "tflops", r->tflops);
  json_known(f, "gb_per_s", r->gb_per_s);
  bench_json_text(f, "peer", r->peer);
  json_known(f, "ratio_to_peer", r->to_peer);
  json_known(f, "ratio_to_cudnn", r->to_cudnn);
  json_known(f, "ratio_to_floor", r->to_floor);
  json_known(f, "floor_ms", 1e3 * floor->s);
  bench_json_text(f, "floor_bound", floor->s > 0 ? floor->bound : NULL);
  bench_json_text(f, "floor_constants", floor->s > 0 ? report->limits.source : NULL);
  bench_json_end(f, &report->origin);
}

void rnn_report_wrong(rnn_report *report, const rnn_problem *p, const rnn_contender *contender) {
  char problem[96];
  FILE *f = report->json;
  rnn_problem_name(p, problem, sizeof problem);
  printf("%s %s %s: the error is %.2e; it must be at most %.0e; not timed\n",
         contender->plan ? "FAIL" : "skip", problem, contender->name, contender->error,
         rnn_error_limit(report->options->math, &p->desc));
  if (report->markdown)
    fprintf(report->markdown, "| %s | %s | WRONG, not timed | | | | %.1e | | |\n", problem, contender->name,
            contender->error);
  if (f == NULL) return;
  bench_json_begin(f, "rnn_wrong");
  json_problem(f, p, report->options);
  bench_json_text(f, "plan", contender->name);
  bench_json_text(f, "result", "wrong, not timed");
  bench_json_number(f, "error", contender->error);
  bench_json_end(f, &report->origin);
}

static void markdown_line(const rnn_report *report, const result *r, const char *problem,
                          const rnn_floor *floor) {
  char peer[16], to_floor[16];
  if (report->markdown == NULL) return;
  fprintf(report->markdown, "| %s | %s%s | %.3f | %.3f / %.3f / %.3f | %.2f | %.0f | %.1e | %s | %s (%s) |\n",
          problem, r->contender->name, r->contender->is_chosen ? " *" : "", r->us_per_step,
          r->total.min * 1e3, r->total.median * 1e3, r->total.max * 1e3, r->tflops, r->gb_per_s,
          r->contender->error, ratio_text(r->to_peer, peer, sizeof peer),
          ratio_text(r->to_floor, to_floor, sizeof to_floor), floor->bound);
  fflush(report->markdown);
}

/* ---------------------------------------------------------------- means */

static rnn_mean *mean_of(rnn_report *report, const char *name) {
  for (int i = 0; i < report->means; i++)
    if (strcmp(report->mean[i].name, name) == 0) return &report->mean[i];
  if (report->means == RNN_MAX_CONTENDERS) return NULL;
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
  FILE *f = report->json;
  if (f == NULL) return;
  bench_json_begin(f, "rnn_mean");
  bench_json_text(f, "math", report->options->math_name);
  bench_json_bool(f, "training", report->options->training);
  bench_json_text(f, "plan", m->name);
  bench_json_integer(f, "rows", m->rows);
  json_known(f, "ratio_to_peer", to_peer);
  json_known(f, "ratio_to_cudnn", mean(m->log_cudnn, m->cudnn_rows));
  json_known(f, "ratio_to_floor", to_floor);
  bench_json_end(f, &report->origin);
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
  *report = (rnn_report){
      .options = o, .origin = bench_origin_of(info->name[0] ? info->name : NULL), .begin = bench_now()};
  report->flushed = info->name[0] != 0 && !o->warm;
  if (!rnn_limits_of(&report->limits, info, o->sync)) return 0;
  report->json = open_to_write(o->json, &good);
  report->markdown = open_to_write(o->markdown, &good);
  if (!good) return 0;
  const bench_origin *g = &report->origin;
  printf("%s, driver %s, %s, commit %s; %s, %s\n", g->device, g->driver, g->date, g->commit, o->math_name,
         o->training ? "forward and backward" : "forward");
  printf("%-31s %-27s %10s %10s %10s %10s %8s %8s  %8s %8s %8s\n", "problem", " algorithm (* chosen)",
         "min ms", "median ms", "max ms", "us/step", "TFLOP/s", "GB/s", "error", "/peer", "/floor");
  if (report->markdown)
    fprintf(report->markdown,
            "%s, driver %s, %s, commit %s; %s, %s, L2 %s, %d runs\n\n"
            "| problem | algorithm (* chosen) | us per step | min / median / max ms | TFLOP/s | GB/s | error "
            "| ratio to best peer | ratio to floor (bound) |\n|---|---|---|---|---|---|---|---|---|\n",
            g->device, g->driver, g->date, g->commit, o->math_name,
            o->training ? "forward and backward" : "forward", report->flushed ? "flushed" : "warm", o->runs);
  return 1;
}

void rnn_report_times(rnn_report *report, const rnn_problem *p, const rnn_device *d,
                      const rnn_contender *contenders, int count) {
  char problem[96];
  const int runs = report->options->runs;
  const rnn_contender *peer = best_peer(contenders, count, runs, 0),
                      *cudnn = best_peer(contenders, count, runs, 1);
  const rnn_floor floor = rnn_floor_of(p, &report->limits);
  result best = {.contender = NULL};
  rnn_problem_name(p, problem, sizeof problem);
  for (int i = 0; i < count; i++) {
    const result r = result_of(&contenders[i], peer, cudnn, p, &floor, runs);
    const int ours = !contenders[i].is_cudnn && contenders[i].peer == NULL;
    print_line(&r, problem);
    json_line(report, &r, p, &floor, d);
    markdown_line(report, &r, problem, &floor);
    add_to_mean(report, contenders[i].name, &r);
    if (contenders[i].is_chosen) add_to_mean(report, "the planner's choice", &r);
    if (ours && (best.contender == NULL || r.total.median < best.total.median)) best = r;
  }
  if (best.contender) add_to_mean(report, "our best algorithm", &best);
}

static int close_written(FILE *file, const char *path) {
  if (file == NULL || fclose(file) == 0) return 1;
  fprintf(stderr, "bench_rnn: cannot write %s\n", path);
  return 0;
}

int rnn_report_close(rnn_report *report) {
  if (report->markdown && report->means)
    fprintf(report->markdown, "\nGeometric means of the ratios; in brackets how many rows have one:\n\n"
                              "| algorithm | rows | to best peer | to floor |\n|---|---|---|---|\n");
  for (int i = 0; i < report->means; i++) report_mean(report, &report->mean[i]);
  const int json = close_written(report->json, report->options->json);
  return close_written(report->markdown, report->options->markdown) && json;
}
