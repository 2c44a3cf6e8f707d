/* flow_page.c - charts of norms over time, with the same axes for all networks, and tables (flow_page.h).
 *
 * All of it stands in the page as it is: there is no script.
 */
#include "host/cli/flow_page.h"

#include <math.h>

#include "host/cli/cli.h"
#include "host/cli/html.h"

enum { WIDTH = 268, HEIGHT = 230, LOW_HEIGHT = 130, LEFT = 44, RIGHT = 10, TOP = 40, BOTTOM = 26 };

/* Decimal logarithms that charts show: what is beyond lies at the edge. float32 has numbers from 1.2e-38,
 * with all their digits, to 3.4e38. */
static const double LOWEST = -50, HIGHEST = 50, SMALLEST = -37.93;

/* ---------------------------------------------------------------- axes */

typedef struct frame {
  FILE *to;
  int64_t T;
  double low, high; /* of the logarithms */
  int height;
} frame;

static double place_x(const frame *f, double t) {
  return LEFT + (t - 1) / (double)(f->T - 1) * (WIDTH - LEFT - RIGHT);
}

static double place_y(const frame *f, double value) {
  const double share = (fmax(f->low, fmin(value, f->high)) - f->low) / (f->high - f->low);
  return f->height - BOTTOM - share * (f->height - TOP - BOTTOM);
}

static void widen(frame *f, const double *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    if (!isfinite(x[i])) continue;
    f->low = fmin(f->low, fmax(floor(x[i]), LOWEST));
    f->high = fmax(f->high, fmin(ceil(x[i]), HIGHEST));
  }
}

/* The axes of all charts of norms, or of those of single steps. */
static frame shared_frame(FILE *to, const flow_look *looks, int count, int of_steps) {
  frame f = {.to = to, .low = -1, .high = 1, .height = of_steps ? LOW_HEIGHT : HEIGHT};
  for (int i = 0; i < count; i++)
    for (int64_t l = 0; l < looks[i].L; l++)
      for (int k = 0; k < looks[i].K; k++) {
        const flow_state *s = &looks[i].layer[l].state[k];
        if (of_steps) {
          widen(&f, s->singular, looks[i].T - 1);
          continue;
        }
        widen(&f, s->gradient, looks[i].T);
        widen(&f, s->product, looks[i].points);
        if (k == 1) widen(&f, looks[i].layer[l].path_most, looks[i].T);
      }
  return f;
}

static void put_axes(const frame *f) {
  const int every = (int)ceil((f->high - f->low) / 6);
  for (int power = (int)f->low; power <= (int)f->high; power++) {
    if (power % every != 0) continue;
    const double y = place_y(f, power);
    fprintf(f->to,
            "<path class=\"axis\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" "
            "text-anchor=\"end\">%s%d</text>\n",
            LEFT, y, WIDTH - RIGHT, LEFT - 5, y + 4, power ? "1e" : "", power ? power : 1);
  }
  for (int i = 0; i < 3; i++) {
    const int64_t t = i == 0 ? 1 : i == 1 ? (f->T + 1) / 2 : f->T;
    fprintf(f->to, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s%lld</text>\n", place_x(f, (double)t),
            f->height - BOTTOM + 15, i == 2 ? "end" : "middle", i == 0 ? "t = " : "", (long long)t);
  }
  if (f->low < SMALLEST)
    fprintf(f->to,
            "<path class=\"axis\" stroke-dasharray=\"2 3\" d=\"M%d %.1fH%d\"><title>the smallest normal "
            "number of float32</title></path>\n",
            LEFT, place_y(f, SMALLEST), WIDTH - RIGHT);
}

/* ---------------------------------------------------------------- curves */

/* A line through what is finite; a gap elsewhere. */
static void put_line(const frame *f, const char *name, const char *look, const int64_t *t, const double *x,
                     int64_t n) {
  int drawing = 0;
  fprintf(f->to, "<path %s data-curve=\"%s\" d=\"", look, name);
  for (int64_t i = 0; i < n; i++) {
    const int shown = isfinite(x[i]);
    if (shown) fprintf(f->to, "%c%.1f %.1f", drawing ? 'L' : 'M', place_x(f, (double)t[i]), place_y(f, x[i]));
    drawing = shown;
  }
  fprintf(f->to, "\"/>\n");
}

static void put_dots(const frame *f, const char *class, const int64_t *t, const double *x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (isfinite(x[i]))
      fprintf(
          f->to,
          "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.4\"><title>t = %lld: 1e%.2f</title></circle>\n",
          class, place_x(f, (double)t[i]), place_y(f, x[i]), (long long)t[i], x[i]);
}

static void begin_chart(const frame *f, const flow_look *look, int64_t l, const char *what) {
  fprintf(f->to, "<svg viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" aria-label=\"%s, ", WIDTH, f->height,
          WIDTH, what);
  html_string(f->to, look->name);
  fprintf(f->to, ", layer %lld\">\n<text class=\"name\" x=\"%d\" y=\"15\">", (long long)l, LEFT);
  html_string(f->to, look->name);
  if (look->L > 1) fprintf(f->to, ", layer %lld", (long long)l);
  fprintf(f->to, "</text>\n");
  put_axes(f);
}

static void put_factor(FILE *to, const char *state, double factor, int first) {
  if (isfinite(factor)) fprintf(to, "%s%s x %.4g", first ? "a step back: " : ", ", state, factor);
}

/* How the states of a layer are drawn: h, c or s, and q. */
static const char *const line_of[FLOW_STATES] = {"class=\"a\"", "class=\"b\"", "class=\"q\""};
static const char *const dot_of[FLOW_STATES] = {"dot", "dot c", "dot q"};

/* Norms of one layer over time. */
static void put_norms(const frame *shared, const flow_look *look, int64_t l) {
  const flow_layer *layer = &look->layer[l];
  frame f = *shared;
  f.T = look->T;
  begin_chart(&f, look, l, "norms");
  fprintf(f.to, "<text x=\"%d\" y=\"31\">", LEFT);
  for (int k = 0; k < FLOW_STATES && k < look->K; k++)
    put_factor(f.to, layer->state[k].name, layer->state[k].gradient_factor, k == 0);
  fprintf(f.to, "</text>\n");
  for (int k = 0; k < FLOW_STATES && k < look->K; k++) {
    put_dots(&f, dot_of[k], look->point, layer->state[k].product, look->points);
    put_line(&f, layer->state[k].name, line_of[k], look->step, layer->state[k].gradient, look->T);
  }
  if (layer->path_most) put_line(&f, "path", "class=\"path\"", look->step, layer->path_most, look->T);
  fprintf(f.to, "</svg>\n");
}

/* The largest singular value of every step of one layer. */
static void put_steps(const frame *shared, const flow_look *look, int64_t l) {
  frame f = *shared;
  f.T = look->T;
  begin_chart(&f, look, l, "steps");
  for (int k = 0; k < FLOW_STATES && k < look->K; k++)
    put_line(&f, look->layer[l].state[k].name, line_of[k], look->step + 1, look->layer[l].state[k].singular,
             look->T - 1);
  fprintf(f.to, "</svg>\n");
}

static void put_charts(FILE *to, const flow_look *looks, int count, int of_steps) {
  const frame f = shared_frame(to, looks, count, of_steps);
  fprintf(to, "<div class=\"row\">\n");
  for (int i = 0; i < count; i++)
    for (int64_t l = 0; l < looks[i].L; l++) (of_steps ? put_steps : put_norms)(&f, &looks[i], l);
  fprintf(to, "</div>\n");
}

/* ---------------------------------------------------------------- tables */

/* "0.8955", or after `before` "1e-4.89", with so many digits behind the point. */
static void put_value(FILE *to, const char *before, int digits, double value) {
  if (isfinite(value))
    fprintf(to, "<td>%s%.*f</td>", before, digits, value);
  else
    fprintf(to, "<td>%s</td>", isnan(value) ? "" : "0");
}

static void put_row(FILE *to, const flow_look *look, int64_t l, int k) {
  const flow_layer *layer = &look->layer[l];
  const flow_state *s = &layer->state[k];
  fprintf(to, "<tr><td>");
  html_string(to, look->name);
  fprintf(to, "</td><td>%lld</td><td>%s</td>", (long long)l, s->name);
  put_value(to, "", 4, k == 0 ? layer->radius : (double)NAN);
  put_value(to, "", 5, s->product_factor);
  put_value(to, "", 5, s->gradient_factor);
  put_value(to, "1e", 2, s->gradient[0]);
  put_value(to, "1e", 2, k == 1 ? layer->path_most[0] : (double)NAN);
  fprintf(to, "</tr>\n");
}

static void put_rates(FILE *to, const flow_look *looks, int count) {
  fprintf(to,
          "<h2>Rates</h2>\n<p>A norm changes by so much from a step to the one before it: the slope of the "
          "straight line through its logarithms. That of an RNN far from saturation is the spectral radius "
          "of its recurrent weights; saturated units let less "
          "through.</p>\n<table>\n<tr><th>network</th><th>layer</th><th>state</th>"
          "<th>spectral radius</th><th>products</th><th>gradient</th><th>gradient at t = 1</th>"
          "<th>path at t = 1</th></tr>\n");
  for (int i = 0; i < count; i++)
    for (int64_t l = 0; l < looks[i].L; l++)
      for (int k = 0; k < looks[i].K; k++) put_row(to, &looks[i], l, k);
  fprintf(to, "</table>\n");
}

static void put_gates(FILE *to, const flow_look *looks, int count) {
  int gates = 0;
  for (int i = 0; i < count; i++) gates += looks[i].gates;
  if (gates == 0) return;
  fprintf(
      to,
      "<h2>Saturated gates</h2>\n<p>How much of the time gates are below 0.1, and above 0.9, over all "
      "units.</p>\n"
      "<table>\n<tr><th>network</th><th>layer</th><th>gate</th><th>below 0.1</th><th>above 0.9</th></tr>\n");
  for (int i = 0; i < count; i++)
    for (int g = 0; g < looks[i].gates; g++) {
      const flow_gate *gate = &looks[i].gate[g];
      fprintf(to, "<tr><td>");
      html_string(to, looks[i].name);
      fprintf(to, "</td><td>%lld</td><td>%s</td><td>%.1f %%</td><td>%.1f %%</td></tr>\n",
              (long long)gate->layer, gate->name, 100 * gate->low, 100 * gate->high);
    }
  fprintf(to, "</table>\n");
}

/* ---------------------------------------------------------------- the page */

static const char style[] =
    "<style>svg .name{fill:var(--fg);font:600 13px system-ui,sans-serif}svg .c{fill:var(--b)}"
    "svg .path{stroke:var(--fg);fill:none;stroke-width:1.2;stroke-dasharray:5 3}"
    "svg path.q{stroke:var(--fg);stroke-opacity:.5;fill:none;stroke-width:1.5}"
    "svg .dot.q{fill:var(--fg);fill-opacity:.3}svg.key{vertical-align:middle}</style>\n";

static const char legend[] =
    "<p><svg class=\"key\" width=\"26\" height=\"10\"><path class=\"a\" d=\"M2 5h22\"/></svg> "
    "|&part;F/&part;h<sub>t</sub>| "
    "<svg class=\"key\" width=\"26\" height=\"10\"><path class=\"b\" d=\"M2 5h22\"/></svg> "
    "|&part;F/&part;c<sub>t</sub>| "
    "<svg class=\"key\" width=\"26\" height=\"10\"><circle class=\"dot\" cx=\"8\" cy=\"5\" "
    "r=\"2.4\"/><circle class=\"dot c\" "
    "cx=\"18\" cy=\"5\" r=\"2.4\"/></svg> largest singular values of &part;h<sub>T</sub>/&part;h<sub>t</sub> "
    "and "
    "&part;c<sub>T</sub>/&part;c<sub>t</sub> "
    "<svg class=\"key\" width=\"26\" height=\"10\"><path class=\"path\" d=\"M2 5h22\"/></svg> the path from "
    "c to c "
    "alone, the product of the forget gates</p>\n";

/* The states that few cells have. */
static void put_third(FILE *to, const flow_look *looks, int count) {
  for (int i = 0; i < count; i++)
    if (looks[i].K > 2) {
      fprintf(to, "<p><svg class=\"key\" width=\"26\" height=\"10\"><path class=\"q\" d=\"M2 5h22\"/></svg> "
                  "the gates that those of the next step see, q</p>\n");
      return;
    }
}

static void put_intro(FILE *to, const flow_look *looks, double loss) {
  const long long T = (long long)looks[0].T;
  if (isnan(loss))
    fprintf(to,
            "<p>Networks of %lld units over %lld steps, each with drawn weights and inputs; F = u &middot; "
            "h<sub>T</sub> for "
            "a random u of norm 1.</p>\n",
            (long long)looks[0].H, T);
  else
    fprintf(
        to,
        "<p>%s, %lld layers of %lld units over %lld steps; F is the loss at the last of them, %.4g.</p>\n",
        looks[0].cell, (long long)looks[0].L, (long long)looks[0].H, T, loss);
  fprintf(
      to,
      "<p>How much of F's gradient comes back to each step t: what falls to the left vanishes, what rises "
      "explodes. States are coordinates of their own: where c moves, h stays. All charts have the same "
      "logarithmic axis.</p>\n");
}

static void put_page(FILE *to, const char *title, const flow_look *looks, int count, double loss) {
  html_begin(to, title);
  fputs(style, to);
  put_intro(to, looks, loss);
  fputs(legend, to);
  put_third(to, looks, count);
  put_charts(to, looks, count, 0);
  fprintf(
      to,
      "<h2>One step</h2>\n<p>The largest singular value of &part;h<sub>t</sub>/&part;h<sub>t-1</sub>, and of "
      "&part;c<sub>t</sub>/&part;c<sub>t-1</sub>, by power iteration.</p>\n");
  put_charts(to, looks, count, 1);
  put_rates(to, looks, count);
  put_gates(to, looks, count);
  html_end(to);
}

int flow_page(const char *path, const char *title, const flow_look *looks, int count, double loss) {
  html_page page = {.to = NULL};
  CLI_TRY(html_open(&page));
  put_page(page.to, title, looks, count, loss);
  return html_save(&page, path);
}
