/* progress.c - bar, lines and log of a training run (progress.h). */
#define _POSIX_C_SOURCE 200809L

#include "host/cli/progress.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "host/cli/cli.h"
#include "host/cli/json.h"
#include "host/cli/log.h"

enum { BAR = 20 };
static const double DRAW_EVERY = 0.1; /* seconds */

int progress_open(progress *p, const char *log_path, int64_t after, int json, double fraction) {
  const double now = cli_now();
  *p = (progress){.json = json, .start = now, .drawn = 0, .reported = now, .start_fraction = fraction};
  p->terminal = !json && isatty(STDOUT_FILENO);
  p->log_path = log_path;
  if (log_path == NULL) return CLI_OK;
  return log_open(log_path, after, &p->log);
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

void progress_draw(progress *p, const progress_report *r) {
  if (!p->terminal || cli_now() - p->drawn < DRAW_EVERY) return;
  p->drawn = cli_now();
  char bar[BAR + 1], eta[32], epoch[32] = "", val[64] = "";
  for (int i = 0; i < BAR; i++) bar[i] = i < (int)(r->fraction * BAR) ? '#' : '.';
  bar[BAR] = 0;
  clock_text(remaining(p, r), eta, sizeof eta);
  if (!isnan(r->epoch)) snprintf(epoch, sizeof epoch, " epoch %.2f", r->epoch);
  if (!isnan(r->val_loss)) snprintf(val, sizeof val, " val %.3f (%.3g)", r->val_loss, r->val_metric);
  printf("\r[%s] step %lld%s loss %.4g%s |g| %.2f %.0f tok/s eta %s\033[K", bar, (long long)r->step, epoch,
         r->loss, val, r->grad_norm, speed_now(p), eta);
  fflush(stdout);
}

void progress_end_bar(progress *p) {
  if (p->terminal && p->drawn > 0) printf("\n");
  p->drawn = 0;
  fflush(stdout);
}

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
  put_number(to, "tokens_per_s", p->speed);
  put_number(to, "elapsed_s", cli_now() - p->start);
  put_number(to, "eta_s", remaining(p, r));
  fprintf(to, "}\n");
}

static void put_line(const progress *p, const progress_report *r) {
  char eta[32], epoch[32] = "", val[32] = "-", metric[32] = "-";
  const double shown = isnan(r->metric) ? r->val_metric : r->metric;
  clock_text(remaining(p, r), eta, sizeof eta);
  if (!isnan(r->epoch)) snprintf(epoch, sizeof epoch, "  epoch %.3f", r->epoch);
  if (!isnan(r->val_loss)) snprintf(val, sizeof val, "%.4g", r->val_loss);
  if (!isnan(shown)) snprintf(metric, sizeof metric, "%.4g", shown);
  printf("step %lld%s  loss %.4g  val %s  %s %s  grad %.4f  tokens/s %.0f  eta %s\n", (long long)r->step,
         epoch, r->loss, val, r->metric_name, metric, r->grad_norm, p->speed, eta);
}

int progress_line(progress *p, const progress_report *r) {
  p->speed = speed_now(p);
  p->tokens = 0;
  p->reported = cli_now();
  if (p->json)
    put_json(stdout, p, r);
  else if (!p->terminal)
    put_line(p, r);
  p->drawn = 0; /* the bar is due */
  progress_draw(p, r);
  fflush(stdout);
  if (p->log == NULL) return CLI_OK;
  put_json(p->log, p, r);
  if (fflush(p->log) == 0 && !ferror(p->log)) return CLI_OK;
  progress_end_bar(p);
  return cli_error("%s: cannot write: %s", p->log_path, strerror(errno));
}

int progress_close(progress *p) {
  progress_end_bar(p);
  FILE *log = p->log;
  p->log = NULL;
  if (log == NULL || fclose(log) == 0) return CLI_OK;
  return cli_error("%s: cannot write: %s", p->log_path, strerror(errno));
}
