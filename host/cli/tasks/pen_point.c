/* pen_point.c - see pen_point.h. */
#include "host/cli/tasks/pen_point.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const arg_spec deviation_spec = ROW_REAL("deviation", ARG_NOT_KEPT, 0, 1e-12, 1e12, "", "");

int pen_stored_deviation(const app *a, double *out) {
  const char *text = seqgpu_checkpoint_meta(a->file, deviation_spec.name);
  if (text == NULL) return cli_error("%s: has no deviation; it must be in its metadata", a->path);
  return args_set(&deviation_spec, text, out, a->path) == CLI_OK ? CLI_OK : CLI_FAILED;
}

app_text pen_deviation_text(double deviation) {
  char *text = malloc(ARGS_VALUE);
  if (text) args_format(&deviation_spec, &deviation, text);
  return (app_text){deviation_spec.name, text};
}

int pen_read_biases(const char *text, double bias[PEN_BIASES], int64_t *count) {
  static const arg_spec one = ROW_REAL("bias", ARG_NOT_KEPT, 0, 0, 100, "B", "");
  for (*count = 0;; text++) {
    char word[ARGS_WORD];
    const size_t length = strcspn(text, ",");
    if (*count == PEN_BIASES) return cli_usage("--bias: has more than %d numbers", PEN_BIASES);
    snprintf(word, sizeof word, "%.*s", length < sizeof word ? (int)length : (int)sizeof word, text);
    CLI_TRY(args_set(&one, word, &bias[(*count)++], "--bias"));
    text += length;
    if (*text == '\0') return CLI_OK;
  }
}

/* Which Gaussian of a row of y it is, by a number u from 0 to 1. */
static int64_t choose(const float *p, int64_t M, double bias, double u) {
  double most = -(double)INFINITY, sum = 0;
  int64_t j = 0;
  for (int64_t i = 0; i < M; i++)
    if ((double)p[i] > most) most = (double)p[i];
  for (int64_t i = 0; i < M; i++) sum += exp((1 + bias) * ((double)p[i] - most));
  for (double left = u * sum; j < M - 1; j++) {
    left -= exp((1 + bias) * ((double)p[j] - most));
    if (left < 0) break;
  }
  return j;
}

void pen_point(const float *y, int64_t M, double bias, const double u[PEN_DRAWS],
               float point[STROKES_POINT]) {
  const float *row = y + 1 + choose(y + 1, M, bias, u[0]); /* p, mx, my, sx, sy, r lie M apart */
  const double rho = tanh((double)row[5 * M]), radius = sqrt(-2 * log(u[1])),
               angle = 6.283185307179586 * u[2], a = radius * cos(angle), b = radius * sin(angle);
  point[0] = (float)((double)row[M] + exp((double)row[3 * M] - bias) * a);
  point[1] =
      (float)((double)row[2 * M] + exp((double)row[4 * M] - bias) * (rho * a + sqrt(1 - rho * rho) * b));
  point[2] = u[3] < 1 / (1 + exp(-(double)y[0]));
}
