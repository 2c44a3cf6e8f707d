/* progress.c - bar, lines, log and events of a training run (progress.h). */
#define _DEFAULT_SOURCE /* TIOCGWINSZ */

#include "host/cli/progress.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/cli/cli.h"
#include "host/cli/json.h"
#include "host/cli/log.h"

enum { BAR = 20 };
static const double DRAW_EVERY = 0.1; /* seconds */

int progress_open(progress *p, const progress_target *target, double fraction) {
  const double now = cli_now();
  *p =
      (progress){.mode = target->mode, .start = now, .drawn = 0, .reported = now, .start_fraction = fraction};
  p->terminal = p->mode == PROGRESS_TEXT && isatty(STDOUT_FILENO);
  p->log_path = target->log;
  if (target->tensorboard) CLI_TRY(events_open(target->tensorboard, &p->events));
  const int code = p->log_path ? log_open(p->log_path, target->after, &p->log) : CLI_OK;
  if (code && p->events) events_abandon(p->events);
  return code;
}

/* Seconds until the end, at the pace so far; NaN while there is no pace. */
static double remaining(const progress *p, const progress_report *r) {
  const double done = r->fraction - p->start_fraction, spent = cli_now() - p->start;
  return done > 0 ? spent * (1 - r->fraction) / done : (double)NAN;
}

static void clock_text(double seconds, char *out, size_t size) {
  if (!isfinite(seconds) || seconds > 8e6) {
    snprintf(out, size, "-");
    return;
  }
  const long s = (long)(seconds + 0.5);
  snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

static double speed_now(const progress *p) {
  const double seconds = cli_now() - p->reported;
  return p->tokens > 0 && seconds > 0 ? (double)p->tokens / seconds : p->speed;
}

/* ---------------------------------------------------------------- one line of fields */

/* A line made of fields.  What does not fit into its width is left out, the least important fields first:
 * those with the highest rank, and among them the last. */
typedef struct line {
  struct {
    char text[64];
    int rank;
  } field[10];
  int count;
} line;

static void add(line *l, int rank, const char *format, ...) CLI_FORMAT(3);
static void add(line *l, int rank, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(l->field[l->count].text, sizeof l->field[0].text, format, args);
  va_end(args);
  l->field[l->count++].rank = rank;
}

static int length_of(const line *l, const char *between) {
  int length = 0;
  for (int i = 0; i < l->count; i++) length += (int)strlen(l->field[i].text) + (i ? (int)strlen(between) : 0);
  return length;
}

static void leave_out_one(line *l) {
  int least = 0;
  for (int i = 0; i < l->count; i++)
    if (l->field[i].rank >= l->field[least].rank) least = i;
  l->count--;
  memmove(&l->field[least], &l->field[least + 1], (size_t)(l->count - least) * sizeof l->field[0]);
}

/* `width` 0: any. */
static void print_fields(line *l, const char *between, int width) {
  while (width > 0 && l->count > 1 && length_of(l, between) > width) leave_out_one(l);
  for (int i = 0; i < l->count; i++) printf("%s%s", i ? between : "", l->field[i].text);
}

/* Columns of the terminal but the last, in which some would wrap; 79 if it does not say. */
static int terminal_width(void) {
  struct winsize size;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
}

/* ---------------------------------------------------------------- the bar */

void progress_draw(progress *p, const progress_report *r) {
  if (!p->terminal || cli_now() - p->drawn < DRAW_EVERY) return;
  p->drawn = cli_now();
  line l = {.count = 0};
  char bar[BAR + 1], eta[32];
  for (int i = 0; i < BAR; i++) bar[i] = i < (int)(r->fraction * BAR) ? '#' : '.';
  bar[BAR] = 0;
  clock_text(remaining(p, r), eta, sizeof eta);
  add(&l, 4, "[%s]", bar);
  add(&l, 0, "step %lld", (long long)r->step);
  if (!isnan(r->epoch)) add(&l, 6, "epoch %.2f", r->epoch);
  add(&l, 1, "loss %.4g", r->loss);
  if (!isnan(r->val_loss)) add(&l, 3, "val %.3f (%.3g)", r->val_loss, r->val_metric);
  add(&l, 7, "|g| %.2f", r->grad_norm);
  add(&l, 5, "%.0f tok/s", speed_now(p));
  add(&l, 2, "eta %s", eta);
  printf("\r");
  print_fields(&l, " ", terminal_width());
  printf("\033[K");
  cli_flush();
}

void progress_end_bar(progress *p) {
  if (p->terminal && p->drawn > 0) printf("\r\033[K");
  p->drawn = 0;
  cli_flush();
}

/* ---------------------------------------------------------------- reports */

static void put_number(FILE *to, const char *key, double value) {
  fprintf(to, ", \"%s\": ", key);
  json_number(to, "", 6, value);
}

static void put_json(FILE *to, const progress *p, const progress_report *r) {
  fprintf(to, "{\"step\": %lld", (long long)r->step);
  put_number(to, "epoch", r->epoch);
  put_number(to, "loss", r->loss);
  put_number(to, "val_loss", r->val_loss);
  put_number(to, r->metric_name, r->metric);
  char val_name[64];
  snprintf(val_name, sizeof val_name, "val_%s", r->metric_name);
  put_number(to, val_name, r->val_metric);
  if (!isnan(r->token_bits)) put_number(to, "bits_per_token", r->token_bits);
  put_number(to, "grad_norm", r->grad_norm);
  put_number(to, "lr", r->lr);
  if (r->hessian) {
    put_number(to, "damping", r->hessian->lambda);
    put_number(to, "step_norm", r->hessian->step_norm);
    put_number(to, "cg_iterations", r->hessian->iterations);
  }
  put_number(to, "tokens_per_s", p->speed);
  put_number(to, "elapsed_s", cli_now() - p->start);
  put_number(to, "eta_s", remaining(p, r));
  fprintf(to, "}\n");
}

static void add_number(line *l, int rank, const char *name, double value) {
  if (isnan(value))
    add(l, rank, "%s -", name);
  else
    add(l, rank, "%s %.4g", name, value);
}

static void put_line(const progress *p, const progress_report *r) {
  const double shown = isnan(r->metric) ? r->val_metric : r->metric;
  line l = {.count = 0};
  char eta[32];
  clock_text(remaining(p, r), eta, sizeof eta);
  add(&l, 0, "step %lld", (long long)r->step);
  if (!isnan(r->epoch)) add(&l, 5, "epoch %.3f", r->epoch);
  add(&l, 1, "loss %.4g", r->loss);
  add_number(&l, 2, "val", r->val_loss);
  add_number(&l, 3, r->metric_name, shown);
  add(&l, 6, "grad %.4f", r->grad_norm);
  if (r->hessian) add(&l, 8, "damping %.3g  CG %d", r->hessian->lambda, r->hessian->iterations);
  add(&l, 7, "tokens/s %.0f", p->speed);
  add(&l, 4, "eta %s", eta);
  print_fields(&l, "  ", p->terminal ? terminal_width() : 0);
  printf("\n");
}

static int flush_log(progress *p) {
  if (p->log == NULL || (fflush(p->log) == 0 && !ferror(p->log))) return CLI_OK;
  progress_end_bar(p);
  return cli_error("%s: cannot write: %s", p->log_path, strerror(errno));
}

static int put_events(const progress *p, const progress_report *r) {
  char metric[64], val_metric[64];
  snprintf(metric, sizeof metric, "%s/training", r->metric_name);
  snprintf(val_metric, sizeof val_metric, "%s/validation", r->metric_name);
  const events_scalar values[] = {
      {"loss/training", r->loss},     {"loss/validation", r->val_loss}, {metric, r->metric},
      {val_metric, r->val_metric},    {"gradient norm", r->grad_norm},  {"learning rate", r->lr},
      {"tokens per second", p->speed}};
  return events_add(p->events, r->step, values, sizeof values / sizeof values[0]);
}

int progress_line(progress *p, const progress_report *r) {
  p->speed = speed_now(p);
  p->tokens = 0;
  p->reported = cli_now();
  progress_end_bar(p);
  if (p->mode == PROGRESS_JSON)
    put_json(stdout, p, r);
  else if (p->mode == PROGRESS_TEXT)
    put_line(p, r);
  progress_draw(p, r); /* it is due, below the line */
  cli_flush();
  if (p->log) put_json(p->log, p, r);
  CLI_TRY(flush_log(p));
  return p->events ? put_events(p, r) : CLI_OK;
}

static void put_sample(FILE *to, int64_t step, const char *text, size_t size) {
  fprintf(to, "{\"step\": %lld, \"sample\": ", (long long)step);
  json_string(to, text, size);
  fprintf(to, "}\n");
}

int progress_sample(progress *p, int64_t step, const char *text, size_t size) {
  progress_end_bar(p);
  if (p->mode == PROGRESS_JSON) {
    put_sample(stdout, step, text, size);
  } else if (p->mode == PROGRESS_TEXT) {
    printf("---- after step %lld\n", (long long)step);
    fwrite(text, 1, size, stdout);
    printf("%s----\n", size > 0 && text[size - 1] == '\n' ? "" : "\n");
  }
  cli_flush();
  if (p->log) put_sample(p->log, step, text, size);
  CLI_TRY(flush_log(p));
  return p->events ? events_add_text(p->events, step, "sample", text, size) : CLI_OK;
}

int progress_close(progress *p) {
  progress_end_bar(p);
  events_close(p->events);
  p->events = NULL;
  FILE *log = p->log;
  p->log = NULL;
  if (log == NULL || fclose(log) == 0) return CLI_OK;
  return cli_error("%s: cannot write: %s", p->log_path, strerror(errno));
}
