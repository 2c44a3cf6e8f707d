/* flow_write.c - writing the gradient flow of networks (flow_write.h). */
#include "host/cli/flow_write.h"

#include <math.h>

#include "host/cli/json.h"

enum { DIGITS = 9 };

/* ---------------------------------------------------------------- JSON */

static void put_numbers(FILE *to, const char *before, const double *x, int64_t n) {
  fprintf(to, "%s[", before);
  for (int64_t i = 0; i < n; i++) json_number(to, i ? ", " : "", DIGITS, x[i]);
  fputs("]", to);
}

static void put_whole(FILE *to, const char *before, const int64_t *x, int64_t n) {
  fprintf(to, "%s[", before);
  for (int64_t i = 0; i < n; i++) fprintf(to, "%s%lld", i ? ", " : "", (long long)x[i]);
  fputs("]", to);
}

static void put_state(FILE *to, const flow_look *look, const flow_state *s) {
  json_text(to, "{\"state\": ", s->name);
  json_number(to, ", \"gradient_factor\": ", DIGITS, s->gradient_factor);
  json_number(to, ", \"product_factor\": ", DIGITS, s->product_factor);
  json_number(to, ", \"gradient_change\": ", DIGITS, s->change);
  put_numbers(to, ",\n    \"log10_gradient\": ", s->gradient, look->T);
  put_numbers(to, ",\n    \"log10_product\": ", s->product, look->points);
  put_numbers(to, ",\n    \"log10_singular\": ", s->singular, look->T - 1);
  fputs("}", to);
}

static void put_layer(FILE *to, const flow_look *look, int64_t l) {
  const flow_layer *layer = &look->layer[l];
  fprintf(to, "{\"layer\": %lld", (long long)l);
  json_number(to, ", \"spectral_radius\": ", DIGITS, layer->radius);
  fputs(", \"states\": [", to);
  for (int k = 0; k < look->K; k++) {
    fputs(k ? ",\n   " : "\n   ", to);
    put_state(to, look, &layer->state[k]);
  }
  fputs("]", to);
  if (layer->path_most) {
    put_numbers(to, ",\n   \"log10_path_most\": ", layer->path_most, look->T);
    put_numbers(to, ",\n   \"log10_path_least\": ", layer->path_least, look->T);
  }
  fputs(", \"gates\": [", to);
  int first = 1;
  for (int g = 0; g < look->gates; g++) {
    if (look->gate[g].layer != l) continue;
    json_text(to, first ? "{\"gate\": " : ", {\"gate\": ", look->gate[g].name);
    json_number(to, ", \"below_0.1\": ", 6, look->gate[g].low);
    json_number(to, ", \"above_0.9\": ", 6, look->gate[g].high);
    fputs("}", to);
    first = 0;
  }
  fputs("]}", to);
}

static void put_look(FILE *to, const flow_look *look) {
  json_text(to, "{\"name\": ", look->name);
  json_text(to, ", \"cell\": ", look->cell);
  fprintf(to, ", \"hidden\": %lld, \"steps\": %lld, \"iterations\": %d", (long long)look->H,
          (long long)look->T, look->iterations);
  put_whole(to, ",\n  \"product_steps\": ", look->point, look->points);
  fputs(",\n  \"layers\": [", to);
  for (int64_t l = 0; l < look->L; l++) {
    fputs(l ? ",\n  " : "", to);
    put_layer(to, look, l);
  }
  fputs("]}", to);
}

void flow_write_json(FILE *to, const flow_look *looks, int count, double loss) {
  json_number(to, "{\"loss\": ", DIGITS, loss);
  fputs(", \"networks\": [", to);
  for (int i = 0; i < count; i++) {
    fputs(i ? ",\n " : "\n ", to);
    put_look(to, &looks[i]);
  }
  fputs("]}\n", to);
}

/* ---------------------------------------------------------------- text */

/* "0.89572", or "-" where there is none. */
static void put_cell(FILE *to, int digits, double value) {
  if (isnan(value))
    fprintf(to, " %11s", "-");
  else
    fprintf(to, " %11.*f", digits, value);
}

static double largest(const double *x, int64_t n) {
  double most = -INFINITY;
  for (int64_t i = 0; i < n; i++) most = fmax(most, x[i]);
  return most;
}

static void put_row(FILE *to, const flow_look *look, int64_t l, int k) {
  const flow_layer *layer = &look->layer[l];
  const flow_state *s = &layer->state[k];
  fprintf(to, "%-20s %5lld  %-5s", look->name, (long long)l, s->name);
  put_cell(to, 5, k == 0 ? layer->radius : (double)NAN);
  put_cell(to, 5, pow(10, largest(s->singular, look->T - 1)));
  put_cell(to, 5, s->product_factor);
  put_cell(to, 5, s->gradient_factor);
  put_cell(to, 2, s->gradient[0]);
  put_cell(to, 2, k == 1 ? layer->path_most[0] : (double)NAN);
  fputs("\n", to);
}

void flow_write_text(FILE *to, const flow_look *looks, int count, double loss) {
  if (!isnan(loss)) fprintf(to, "F is the loss at step %lld, %.6g\n", (long long)looks[0].T, loss);
  fprintf(to, "%-20s %5s  %-5s %11s %11s %11s %11s %11s %11s\n", "network", "layer", "state", "radius",
          "one step", "products", "gradient", "log|dF/ds1|", "log path");
  for (int i = 0; i < count; i++)
    for (int64_t l = 0; l < looks[i].L; l++)
      for (int k = 0; k < looks[i].K; k++) put_row(to, &looks[i], l, k);
  int gates = 0;
  for (int i = 0; i < count; i++)
    for (int g = 0; g < looks[i].gates; g++) {
      if (gates++ == 0) fputs("\ngates            layer  gate     < 0.1      > 0.9\n", to);
      fprintf(to, "%-16s %5lld  %-4s %7.1f %% %8.1f %%\n", looks[i].name, (long long)looks[i].gate[g].layer,
              looks[i].gate[g].name, 100 * looks[i].gate[g].low, 100 * looks[i].gate[g].high);
    }
}
