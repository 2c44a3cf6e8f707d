/* cells_page.c - the page of cells: a viewer, who follows what, and saturated gates (cells_page.h).
 *
 * The viewer is a script in the page; tables and charts stand in it as they are and need none.
 */
#include "host/cli/cells_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cells_look.h"
#include "host/cli/cells_score.h"
#include "host/cli/charlm_file.h"
#include "host/cli/files.h"
#include "host/cli/html.h"
#include "host/cli/json.h"

enum { BEST = 10, CHART = 190, MARGIN = 26 };

/* ---------------------------------------------------------------- the viewer */

static const char viewer[] =
    "<h2>One cell at a time</h2>\n"
    "<p><button id=\"before\" title=\"left arrow\">&larr;</button> <button id=\"after\" title=\"right "
    "arrow\">&rarr;</button> "
    "layer <b id=\"layer\"></b>, cell <b id=\"unit\"></b> <span class=\"dim\" id=\"follows\"></span></p>\n"
    "<p class=\"dim\">The arrow keys left and right flip through the cells, up and down through the layers. "
    "Orange is "
    "positive, blue negative; point at a character for its value.</p>\n"
    "<pre id=\"text\"></pre>\n";

static const char script[] =
    "<script>\n"
    "'use strict';\n"
    "const data = JSON.parse(document.getElementById('data').textContent);\n"
    "const bytes = atob(data.activations), n = data.tokens.length, U = data.layers * data.cells;\n"
    "const value = (u, i) => (bytes.charCodeAt(u * n + i) << 24 >> 24) / 127;\n"
    "const text = document.getElementById('text'), spans = data.tokens.map(t => {\n"
    "  const s = document.createElement('span');\n"
    "  s.textContent = t;\n"
    "  text.appendChild(s);\n"
    "  return s;\n"
    "});\n"
    "let now = 0;\n"
    "function show(u) {\n"
    "  now = (u % U + U) % U;\n"
    "  document.getElementById('layer').textContent = Math.floor(now / data.cells);\n"
    "  document.getElementById('unit').textContent = now % data.cells;\n"
    "  document.getElementById('follows').textContent = data.features.map((f, k) =>\n"
    "    f + ' ' + (data.correlation[k][now] === null ? '-' : data.correlation[k][now].toFixed(2))).join(', "
    "');\n"
    "  spans.forEach((s, i) => {\n"
    "    const v = value(now, i);\n"
    "    s.style.background = (v > 0 ? 'rgba(234,88,12,' : 'rgba(37,99,235,') + Math.abs(v).toFixed(3) * "
    "0.75 + ')';\n"
    "    s.title = (v * data.scale).toFixed(2);\n"
    "  });\n"
    "}\n"
    "const moves = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -data.cells, ArrowDown: data.cells};\n"
    "document.addEventListener('keydown', e => {\n"
    "  if (!(e.key in moves) || e.ctrlKey || e.altKey || e.metaKey) return;\n"
    "  e.preventDefault();\n"
    "  show(now + moves[e.key]);\n"
    "});\n"
    "document.getElementById('before').onclick = () => show(now - 1);\n"
    "document.getElementById('after').onclick = () => show(now + 1);\n"
    "const follow = () => { const m = location.hash.match(/^#cell-(\\d+)$/); show(m ? +m[1] : data.first); "
    "};\n"
    "addEventListener('hashchange', follow);\n"
    "follow();\n"
    "</script>\n";

/* Values as bytes from -127 to 127; what is beyond 1 is divided by the largest of all. */
static int put_activations(FILE *to, const cells_look *c, double scale) {
  const int64_t U = c->L * c->H;
  signed char *bytes = malloc((size_t)(U * c->n));
  if (bytes == NULL) return cli_error("out of memory");
  for (int64_t u = 0; u < U; u++)
    for (int64_t t = 0; t < c->n; t++)
      bytes[u * c->n + t] = (signed char)lround(127 * (double)c->cell[t * U + u] / scale);
  html_base64(to, bytes, (size_t)(U * c->n));
  free(bytes);
  return CLI_OK;
}

static double largest(const cells_look *c) {
  double most = 1;
  for (int64_t i = 0; i < c->n * c->L * c->H; i++) most = fmax(most, fabs((double)c->cell[i]));
  return most;
}

static int put_data(FILE *to, const cells_look *c, const cell_scores scores[TEXT_FEATURES], int32_t first) {
  const double scale = largest(c);
  fprintf(to,
          "<script type=\"application/json\" id=\"data\">{\"layers\": %lld, \"cells\": %lld, \"first\": %d",
          (long long)c->L, (long long)c->H, (int)first);
  json_number(to, ", \"scale\": ", 6, scale);
  fprintf(to, ", \"features\": [");
  for (int f = 0; f < TEXT_FEATURES; f++) json_text(to, f ? ", " : "", text_features[f].name);
  fprintf(to, "], \"correlation\": [");
  for (int f = 0; f < TEXT_FEATURES; f++) {
    for (int64_t u = 0; u < c->L * c->H; u++)
      json_number(to, u ? ", " : f ? ", [" : "[", 4, scores[f].correlation[u]);
    fprintf(to, "]");
  }
  fprintf(to, "], \"tokens\": [");
  for (int64_t i = 0; i < c->n; i++) {
    const size_t begin = i ? c->ends[i - 1] : 0;
    if (i) fputs(", ", to);
    html_json(to, c->text.data + begin, c->ends[i] - begin);
  }
  fprintf(to, "], \"activations\": \"");
  CLI_TRY(put_activations(to, c, scale));
  fprintf(to, "\"}</script>\n");
  return CLI_OK;
}

/* ---------------------------------------------------------------- who follows what */

static void put_ranking(FILE *to, const cells_look *c, const text_feature *f, const cell_scores *s) {
  const int64_t U = c->L * c->H;
  fprintf(to, "<div><h3>%s</h3>\n<p class=\"dim\">%s</p>\n", f->name, f->about);
  if (isnan(s->chance)) {
    fprintf(to, "<p>The same everywhere in this text.</p></div>\n");
    return;
  }
  fprintf(to,
          "<table data-feature=\"%s\" "
          "data-chance=\"%.4f\">\n<tr><th>layer</th><th>cell</th><th>score</th></tr>\n",
          f->name, s->chance);
  for (int64_t k = 0; k < BEST && k < U && !isnan(s->correlation[s->rank[k]]); k++) {
    const int32_t u = s->rank[k];
    fprintf(to, "<tr><td>%d</td><td><a href=\"#cell-%d\">%d</a></td><td>%.3f%s</td></tr>\n", (int)(u / c->H),
            (int)u, (int)(u % c->H), fabs(s->correlation[u]),
            fabs(s->correlation[u]) > s->chance ? "" : " <span class=\"dim\">chance</span>");
  }
  fprintf(to, "</table>\n<p class=\"dim\">chance: %.3f</p></div>\n", s->chance);
}

static void put_rankings(FILE *to, const cells_look *c, const cell_scores scores[TEXT_FEATURES]) {
  fprintf(to, "<h2>Cells that follow something</h2>\n"
              "<p>The score is the size of the correlation with the cell's value over the text. The best of "
              "many cells follows "
              "anything a little: <i>chance</i> is what the best of them reaches when the feature is moved "
              "to another place of the text, in all "
              "but 5 of 100 places.</p>\n<div class=\"row\">\n");
  for (int f = 0; f < TEXT_FEATURES; f++) put_ranking(to, c, &text_features[f], &scores[f]);
  fprintf(to, "</div>\n");
}

/* ---------------------------------------------------------------- saturated gates */

static double place(double share) { return MARGIN + share * (CHART - 2 * MARGIN); }

static int put_gate(FILE *to, const cells_look *c, int layer, int gate) {
  double *left = malloc((size_t)c->H * sizeof *left), *right = malloc((size_t)c->H * sizeof *right),
         sums[2] = {0, 0};
  if (left && right) {
    cells_saturation(c->gate_value + (layer * c->gates + gate) * c->n * c->H, c->n, c->H, left, right);
    fprintf(to,
            "<svg width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"gate %s of layer %d\">\n"
            "<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n",
            CHART, CHART + 16, c->gate[gate], layer, MARGIN, MARGIN, CHART - MARGIN, CHART - MARGIN);
    for (int64_t u = 0; u < c->H; u++) {
      fprintf(to,
              "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"><title>cell %lld: left %.3f, right "
              "%.3f</title></circle>\n",
              place(right[u]), CHART - place(left[u]), (long long)u, left[u], right[u]);
      sums[0] += left[u];
      sums[1] += right[u];
    }
    fprintf(to,
            "<text x=\"%d\" y=\"14\">layer %d, gate %s</text><text x=\"%d\" y=\"%d\">right saturated "
            "&rarr;</text>"
            "<text transform=\"translate(14 %d) rotate(-90)\">left saturated &rarr;</text>\n"
            "<text class=\"mean\" x=\"%d\" y=\"%d\">means: left %.3f, right %.3f</text></svg>\n",
            MARGIN, layer, c->gate[gate], MARGIN, CHART - 10, CHART - MARGIN, MARGIN, CHART + 6,
            sums[0] / (double)c->H, sums[1] / (double)c->H);
  }
  const int ok = left && right;
  free(left);
  free(right);
  return ok ? CLI_OK : cli_error("out of memory");
}

static int put_gates(FILE *to, const cells_look *c) {
  fprintf(to, "<h2>Saturated gates</h2>\n");
  if (c->gates == 0) {
    fprintf(to, "<p>The cell has no gates.</p>\n");
    return CLI_OK;
  }
  fprintf(to, "<p>Each dot is a gate of one cell: how much of the time it is below 0.1 (left saturated), and "
              "above 0.9 (right "
              "saturated), as in figure 3 of Karpathy, Johnson and Fei-Fei 2016.</p>\n");
  for (int layer = 0; layer < c->L; layer++) {
    fprintf(to, "<div class=\"row\">\n");
    for (int g = 0; g < c->gates; g++) CLI_TRY(put_gate(to, c, layer, g));
    fprintf(to, "</div>\n");
  }
  return CLI_OK;
}

/* ---------------------------------------------------------------- the page */

/* The cell with the score that is most above its chance level. */
static int32_t most_telling(const cell_scores scores[TEXT_FEATURES]) {
  double most = -1;
  int32_t cell = 0;
  for (int f = 0; f < TEXT_FEATURES; f++) {
    if (isnan(scores[f].chance)) continue;
    const double above = fabs(scores[f].correlation[scores[f].rank[0]]) - scores[f].chance;
    if (!(above > most)) continue;
    most = above;
    cell = scores[f].rank[0];
  }
  return cell;
}

static int put_page(FILE *to, const char *checkpoint, const charlm *m, const cells_look *c,
                    const cell_scores scores[TEXT_FEATURES]) {
  char title[300];
  snprintf(title, sizeof title, "Cells of %.250s", checkpoint);
  html_begin(to, title);
  fprintf(to, "<p>%s, %lld layers of %lld cells, over %lld tokens. A cell shows %s.</p>\n",
          m->config.model.cell, (long long)c->L, (long long)c->H, (long long)c->n, c->part);
  fputs(viewer, to);
  put_rankings(to, c, scores);
  CLI_TRY(put_gates(to, c));
  CLI_TRY(put_data(to, c, scores, most_telling(scores)));
  fputs(script, to);
  html_end(to);
  return CLI_OK;
}

static int score_all(const cells_look *c, cell_scores scores[TEXT_FEATURES]) {
  float *feature = malloc((size_t)c->n * sizeof *feature);
  int ok = feature != NULL;
  for (int f = 0; f < TEXT_FEATURES && ok; f++) {
    cells_feature(f, c->text.data, c->ends, c->n, feature);
    ok = cells_score(c->cell, c->n, c->L * c->H, feature, &scores[f]);
  }
  free(feature);
  return ok ? CLI_OK : cli_error("out of memory for the scores of %lld cells", (long long)(c->L * c->H));
}

static int write_page(const char *checkpoint, const charlm *m, const cells_look *c, const char *path) {
  cell_scores scores[TEXT_FEATURES] = {{.correlation = NULL}};
  html_page page = {.to = NULL};
  int code = score_all(c, scores);
  if (code == CLI_OK) code = html_open(&page);
  if (code == CLI_OK) code = put_page(page.to, checkpoint, m, c, scores);
  if (code == CLI_OK)
    code = html_save(&page, path);
  else
    html_drop(&page);
  for (int f = 0; f < TEXT_FEATURES; f++) cells_scores_free(&scores[f]);
  return code;
}

static int read_text(const cells_options *o, const vocabulary *v, int quiet, int32_t **ids, int64_t *count) {
  const arg_list paths = {.item = {o->text}, .count = 1};
  vocab_misses misses;
  text_file t = {.data = NULL};
  CLI_TRY(text_load(&paths, v->kind, &t));
  int code = vocab_encode(v, &t, o->text, ids, count, &misses);
  if (code == CLI_OK && !quiet) vocab_note_misses(&misses, *count, o->text);
  text_free(&t);
  if (*count > o->length) *count = o->length;
  if (code == CLI_OK && *count < 2)
    code = cli_error("%s: has %lld tokens; it must have at least 2", o->text, (long long)*count);
  return code;
}

int cells_page(seqgpu_context *ctx, const char *checkpoint, const network_options *base,
               const cells_options *o) {
  charlm m;
  vocabulary v;
  cells_look look = {.n = 0};
  int32_t *ids = NULL;
  int64_t count = 0;
  if (o->html && files_are_same(o->html, o->text))
    return cli_error("--html: is %s, and so is --cells; they must be two files", o->html);
  CLI_TRY(charlm_load(ctx, checkpoint, &base->how, NULL, o->length, 1, 1, &m, &v));
  int code = read_text(o, &v, base->common.quiet, &ids, &count);
  if (code == CLI_OK) code = cells_look_at(&m, &v, ids, count, &look);
  if (code == CLI_OK) code = write_page(checkpoint, &m, &look, o->html);
  cells_look_free(&look);
  free(ids);
  charlm_destroy(&m);
  vocab_free(&v);
  return code;
}
