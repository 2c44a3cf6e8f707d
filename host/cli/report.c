/* report.c - `seqgpu report`: the log of a training run as one HTML page. */
#include <math.h>
#include <string.h>

#include "host/cli/chart.h"
#include "host/cli/command.h"
#include "host/cli/html.h"
#include "host/cli/report.h"

typedef struct report_options {
  const char *log, *html;
} report_options;

#define FIELD(name) offsetof(report_options, name)

static const arg_spec specs[] = {
    ROW_REQUIRED_FILE("log", FIELD(log), "the JSON Lines file of seqgpu train --log"),
    ROW_TEXT("html", FIELD(html), "FILE", "where the page goes, without it to standard output"),
    ROW_END,
};
static const arg_command help = {
    "seqgpu report --log FILE [--html FILE]",
    "Writes a page about a training run: loss, metric, gradient norm and learning rate as "
    "charts, and the samples of --sample-every. seqgpu report FILE is short for --log FILE.",
    specs};

/* ---------------------------------------------------------------- what it came to */

static void put_number(FILE *to, const char *name, double value) {
  if (isnan(value)) return;
  fprintf(to, "<tr><td>");
  html_string(to, name);
  fprintf(to, "</td><td>%.6g</td></tr>\n", value);
}

/* The row with the least validation loss, NULL if none has one. */
static const log_row *best_row(const training_log *l) {
  const log_row *best = NULL;
  for (int64_t i = 0; i < l->rows; i++)
    if (!isnan(l->row[i].val_loss) && (best == NULL || l->row[i].val_loss < best->val_loss))
      best = &l->row[i];
  return best;
}

static void put_summary(FILE *to, const training_log *l) {
  const log_row *last = &l->row[l->rows - 1], *best = best_row(l);
  fprintf(to, "<table id=\"summary\">\n");
  put_number(to, "updates", last->step);
  put_number(to, "epochs", last->epoch);
  put_number(to, "loss", last->loss);
  put_number(to, l->metric, last->metric);
  if (best) put_number(to, "least validation loss", best->val_loss);
  if (best) put_number(to, "after update", best->step);
  put_number(to, "seconds of the last run", last->elapsed_s);
  put_number(to, "time steps per second", last->tokens_per_s);
  fprintf(to, "</table>\n");
}

/* ---------------------------------------------------------------- charts */

static int has_values(const training_log *l, size_t offset) {
  for (int64_t i = 0; i < l->rows; i++)
    if (!isnan(*(const double *)((const char *)&l->row[i] + offset))) return 1;
  return 0;
}

static chart_curve curve_of(const training_log *l, const char *name, size_t offset) {
  if (name == NULL || !has_values(l, offset)) return (chart_curve){.name = NULL};
  return (chart_curve){.name = name,
                       .x = &l->row[0].step,
                       .y = (const double *)((const char *)&l->row[0] + offset),
                       .n = l->rows,
                       .stride = sizeof *l->row / sizeof(double)};
}

static void put_chart(FILE *to, const training_log *l, const char *title, size_t offset, size_t val_offset) {
  const chart_curve curves[2] = {curve_of(l, "training", offset), val_offset
                                                                      ? curve_of(l, "validation", val_offset)
                                                                      : (chart_curve){.name = NULL}};
  if (curves[0].name || curves[1].name) chart_draw(to, title, curves);
}

static void put_charts(FILE *to, const training_log *l) {
  fprintf(to, "<h2>Over the updates</h2>\n");
  put_chart(to, l, "loss", offsetof(log_row, loss), offsetof(log_row, val_loss));
  if (l->metric[0]) put_chart(to, l, l->metric, offsetof(log_row, metric), offsetof(log_row, val_metric));
  put_chart(to, l, "gradient norm", offsetof(log_row, grad_norm), 0);
  put_chart(to, l, "learning rate", offsetof(log_row, lr), 0);
}

static void put_samples(FILE *to, const training_log *l) {
  if (l->samples == 0) return;
  fprintf(to, "<h2>Samples</h2>\n");
  for (int64_t i = 0; i < l->samples; i++) {
    fprintf(to, "<p class=\"dim\">after update %.0f</p>\n<pre>", l->sample[i].step);
    html_text(to, l->sample[i].text, l->sample[i].size);
    fprintf(to, "</pre>\n");
  }
}

void report_page(FILE *to, const char *name, const training_log *l) {
  char title[300];
  snprintf(title, sizeof title, "Training run %.250s", name);
  html_begin(to, title);
  put_summary(to, l);
  put_charts(to, l);
  put_samples(to, l);
  html_end(to);
}

/* ---------------------------------------------------------------- the command */

static int write_page(const report_options *o, const training_log *l) {
  html_page page;
  CLI_TRY(html_open(&page));
  report_page(page.to, o->log, l);
  return html_save(&page, o->html);
}

/* `seqgpu report FILE ...` as `seqgpu report --log FILE ...`. */
static int parse(int argc, char **argv, report_options *o) {
  unsigned char given[ARGS_MAX];
  char name[] = "--log", *longer[ARGS_MAX];
  if (argc < 1 || argc + 1 >= ARGS_MAX || argv[0][0] == '-') return args_parse(&help, argc, argv, o, given);
  longer[0] = name;
  memcpy(longer + 1, argv, (size_t)argc * sizeof *argv);
  return args_parse(&help, argc + 1, longer, o, given);
}

static int report(int argc, char **argv) {
  report_options options = {.log = NULL};
  training_log log;
  const int parsed = parse(argc, argv, &options);
  if (parsed != ARGS_GO_ON) return parsed;
  CLI_TRY(log_read(options.log, &log));
  const int code = write_page(&options, &log);
  log_free(&log);
  return code;
}

const command_spec command_report = {"report", "write the log of a training run as a page", report};
