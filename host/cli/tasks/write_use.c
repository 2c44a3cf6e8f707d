/* write_use.c - `seqgpu write`: texts in the model's hand (write_model.h).
 *
 * Graves (2013, section 5.3) ends a drawing when the window weighs the place after the last letter more than
 * any letter.  But it runs ahead of the pen by a stroke, or behind.  Here a drawing ends when the window
 * stands at the last letter or beyond, and the pen then moves without leaving ink, as at the end of each
 * drawing that was learnt; at the latest PATIENCE points after the window has left the text, and what came
 * after the next lift is then taken back.  Drawings in one column come from the same random numbers.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/carried.h"
#include "host/cli/json.h"
#include "host/cli/tasks/write_use.h"
#include "host/cli/text.h"
#include "host/cli/whole_file.h"
#include "host/data/stroke_picture.h"

#define FIELD(name) offsetof(write_options, name)

/* The stream of random numbers that says where the pen goes. */
static const uint64_t POINTS = UINT64_C(13) << 60;

/* PATIENCE: points after the text that a drawing may have. */
enum { MOST_POINTS = 1000000, MOST_SAMPLES = 1000, POINT = STROKES_POINT, PATIENCE = 25 };

const arg_spec write_use_specs[] = {
    ROW_TEXT("text", FIELD(text), "TEXT", "to be written"),
    PEN_BIAS_ROW(FIELD(bias)),
    ROW_INT("samples", ARG_NOT_KEPT, FIELD(samples), 1, MOST_SAMPLES, "N", "drawings for each bias"),
    ROW_INT("points", ARG_NOT_KEPT, FIELD(points), 1, MOST_POINTS, "N",
            "points of a drawing, after which it is cut off"),
    ROW_INT("seed", ARG_NOT_KEPT, FIELD(write_seed), 0, 9e15, "N", "seed of the random choices"),
    ROW_TEXT("svg", FIELD(svg), "FILE", "also a picture of all drawings, a row for each text and bias"),
    ROW_END,
};

/* ---------------------------------------------------------------- what is to be written */

static int add_line(pen_text *t, const char *line, size_t size) {
  if (size > 0 && line[size - 1] == '\r') size--;
  return size == 0 || pen_text_add_line(t, line, size);
}

static int read_input(const char *path, pen_text *t) {
  text_file text;
  CLI_TRY(text_read(path, &text));
  int fits = 1;
  for (size_t at = 0; fits && at < text.size;) {
    const char *end = memchr(text.data + at, '\n', text.size - at);
    const size_t size = (end ? (size_t)(end - text.data) : text.size) - at;
    fits = add_line(t, text.data + at, size);
    at += size + 1;
  }
  text_free(&text);
  return fits ? CLI_OK : cli_error("%s: out of memory", path);
}

int write_read_texts(write_app *a) {
  const write_options *o = write_options_of(&a->base);
  pen_text *t = &a->data.val.text;
  CLI_TRY(pen_read_biases(o->bias, a->bias, &a->biases));
  if (o->text && !add_line(t, o->text, strlen(o->text))) return cli_error("out of memory");
  if (o->base.input) CLI_TRY(read_input(o->base.input, t));
  if (t->lines == 0) return cli_usage("there is nothing to write; --text or --input must say what");
  for (int64_t i = 0; i < t->lines; i++)
    if (pen_text_length(t, i) > a->data.val.longest_text) a->data.val.longest_text = pen_text_length(t, i);
  return CLI_OK;
}

/* ---------------------------------------------------------------- a sheet */

/* Drawings that are being made: of each text, of each bias, so many samples. */
typedef struct sheet {
  write_app *a;
  int64_t drawings, points, letters; /* letters: of the longest text */
  float *point;                      /* [drawings,points,3], offsets as the model reads them */
  int64_t *count;                    /* [drawings] points that are drawn */
  unsigned char *ended, *at_end;     /* [drawings] it is; its window stands at the last letter or beyond */
  int32_t *past;                     /* [drawings] points since the window left the text */
  float *before, *y;                 /* [drawings,3] of a step; [drawings,1+6M] */
  float *window, *position, *weight; /* [drawings,C], [drawings,K], [drawings,letters+1] after a step */
  int32_t *text, *text_length;       /* [letters,drawings], [drawings] */
  carried memory[SEQGPU_WRITER_LAYERS];
  int64_t rows;                /* of the picture: a text and a bias each */
  char (*label)[STROKE_LABEL]; /* [rows] */
} sheet;

static int64_t per_text(const sheet *s) { return s->a->biases * write_options_of(&s->a->base)->samples; }
static int64_t line_of(const sheet *s, int64_t drawing) { return drawing / per_text(s); }
static double bias_of(const sheet *s, int64_t drawing) {
  return s->a->bias[drawing % per_text(s) / write_options_of(&s->a->base)->samples];
}
static float *point_of(const sheet *s, int64_t drawing, int64_t i) {
  return s->point + (drawing * s->points + i) * POINT;
}

static void set_texts(const sheet *s) {
  const pen_text *t = &s->a->data.val.text;
  for (int64_t r = 0; r < s->rows; r++)
    snprintf(s->label[r], sizeof s->label[r], "bias %.4g", bias_of(s, r * (s->drawings / s->rows)));
  for (int64_t d = 0; d < s->drawings; d++) {
    const int64_t line = line_of(s, d);
    s->text_length[d] = (int32_t)pen_text_length(t, line);
    for (int64_t u = 0; u < s->letters; u++)
      s->text[u * s->drawings + d] =
          u < s->text_length[d] ? s->a->data.val.place[(unsigned char)t->letters[t->start[line] + u]] : -1;
  }
}

/* What the step after this one begins with. */
static seqgpu_status keep(sheet *s, const seqgpu_tensor *y, seqgpu_tensor *const *h, seqgpu_tensor *window) {
  seqgpu_tape *t = s->a->base.tape;
  const int states = seqgpu_plan_get_sizes(s->a->val_plans.first).state_count;
  const seqgpu_tensor *position = seqgpu_tape_window_position(t, window),
                      *weight = seqgpu_tape_window_weights(t, window);
  LIB_TRY(seqgpu_tape_status(t));
  for (int64_t n = 0; n < s->a->base.options->model.rnn.num_layers; n++)
    LIB_TRY(carried_keep(&s->memory[n], t, h[n], states));
  LIB_TRY(seqgpu_tensor_read(window, s->window));
  LIB_TRY(seqgpu_tensor_read(position, s->position));
  LIB_TRY(seqgpu_tensor_read(weight, s->weight));
  return seqgpu_tensor_read(y, s->y);
}

/* What says where point i of each drawing is, after the one before it. */
static seqgpu_status read_step(sheet *s, int64_t i) {
  const write_app *a = s->a;
  const write_options *o = write_options_of(&a->base);
  seqgpu_tape *t = a->base.tape;
  const int states = seqgpu_plan_get_sizes(a->val_plans.first).state_count;
  const int64_t window[] = {1, s->drawings, o->letter_size}, position[] = {s->drawings, o->gaussians};
  seqgpu_tensor *h[SEQGPU_WRITER_LAYERS], *initial[SEQGPU_WRITER_LAYERS * SEQGPU_MAX_STATES], *shown;
  for (int64_t d = 0; i > 0 && d < s->drawings; d++)
    memcpy(s->before + d * POINT, point_of(s, d, i - 1), POINT * sizeof *s->before);
  LIB_TRY(seqgpu_tape_clear(t, 0));
  for (int64_t n = 0; n < o->base.model.rnn.num_layers; n++)
    carried_give(&s->memory[n], t, states, initial + n * states);
  const seqgpu_writer_batch batch = {.batch = s->drawings,
                                     .points = 1,
                                     .before = s->before,
                                     .text_len = s->letters,
                                     .text_lengths = s->text_length,
                                     .text = s->text,
                                     .initial = initial,
                                     .window = seqgpu_tape_input(t, 3, window, s->window),
                                     .position = seqgpu_tape_input(t, 2, position, s->position)};
  const seqgpu_tensor *y =
      seqgpu_writer_mixtures(a->model, t, a->val_plans.first, a->val_plans.further, &batch, h, &shown);
  LIB_TRY(seqgpu_tape_status(t));
  return keep(s, y, h, shown);
}

/* Sees whether the window stands at the last letter, or has left the text; it never goes back. */
static void watch(const sheet *s, int64_t drawing) {
  const float *weight = s->weight + drawing * (s->letters + 1);
  const int64_t n = s->text_length[drawing], place = write_heaviest(weight, n);
  s->at_end[drawing] |= place >= n - 1;
  s->past[drawing] += place >= n || s->past[drawing] > 0;
}

/* Whether point i was reached with the pen lifted, and leaves no ink either. */
static int moves_on(const sheet *s, int64_t drawing, int64_t i) {
  return i > 0 && point_of(s, drawing, i - 1)[2] > 0 && point_of(s, drawing, i)[2] > 0;
}

/* The points of a drawing that goes on without end: up to where the pen was lifted first after the text. */
static int64_t points_of_text(const sheet *s, int64_t drawing, int64_t count) {
  for (int64_t i = count - s->past[drawing]; i < count; i++)
    if (point_of(s, drawing, i)[2] > 0) return i + 1;
  return count;
}

/* Whether a drawing ends with point i, which is made; its points are counted. */
static int ends(sheet *s, int64_t drawing, int64_t i) {
  watch(s, drawing);
  if (s->at_end[drawing] && moves_on(s, drawing, i)) return 1;
  s->count[drawing] = i + 1;
  if (s->past[drawing] < PATIENCE) return 0;
  s->count[drawing] = points_of_text(s, drawing, i + 1);
  return 1;
}

/* How many drawings go on after point i. */
static int64_t draw_step(sheet *s, int64_t i) {
  const write_options *o = write_options_of(&s->a->base);
  const int64_t M = o->mixtures;
  int64_t going = 0;
  for (int64_t d = 0; d < s->drawings; d++) {
    const int64_t column = d % o->samples;
    double u[PEN_DRAWS] = {0};
    if (s->ended[d]) continue;
    for (int k = 0; k < PEN_DRAWS; k++)
      u[k] =
          seqgpu_uniform((uint64_t)o->write_seed, POINTS | (uint64_t)i, (uint64_t)(column * PEN_DRAWS + k));
    pen_point(s->y + d * (1 + 6 * M), M, bias_of(s, d), u, point_of(s, d, i));
    s->ended[d] = (unsigned char)ends(s, d, i);
    going += !s->ended[d];
  }
  return going;
}

/* In the fonts' units; 0 if there are numbers that a sheet, and a file of drawings, cannot have. */
static int scale_back(const sheet *s) {
  for (int64_t d = 0; d < s->drawings; d++)
    for (int64_t i = 0; i < s->count[d] * POINT; i++) {
      float *number = point_of(s, d, 0) + i;
      if (i % POINT < 2) *number = (float)((double)*number * s->a->data.deviation);
      if (!(fabs((double)*number) <= STROKES_MOST)) return 0;
    }
  return 1;
}

static int make(sheet *s) {
  int64_t going = s->drawings, cut = 0;
  for (int64_t i = 0; going > 0 && i < s->points; i++) {
    if (read_step(s, i) != SEQGPU_OK) return cli_library_error(s->a->base.ctx);
    going = draw_step(s, i);
  }
  for (int64_t d = 0; d < s->drawings; d++) cut += !s->ended[d];
  if (cut > 0)
    cli_note("%lld of %lld drawings are cut off at --points %lld", (long long)cut, (long long)s->drawings,
             (long long)s->points);
  return scale_back(s) ? CLI_OK : cli_error("%s: draws beyond all bounds", s->a->base.path);
}

/* ---------------------------------------------------------------- what it is written to */

static void print_json(const sheet *s, int64_t drawing) {
  const pen_text *t = &s->a->data.val.text;
  const int64_t line = line_of(s, drawing);
  printf("{\"text\": ");
  json_string(stdout, t->letters + t->start[line], (size_t)pen_text_length(t, line));
  json_number(stdout, ", \"bias\": ", 9, bias_of(s, drawing));
  printf(", \"ended\": %s, \"points\": [", s->ended[drawing] ? "true" : "false");
  for (int64_t i = 0; i < s->count[drawing]; i++) {
    const float *point = point_of(s, drawing, i);
    printf("%s[%.2f, %.2f, %d]", i > 0 ? ", " : "", (double)point[0], (double)point[1], point[2] > 0);
  }
  printf("]}\n");
}

enum { LETTER_WIDTH = 32 /* in the picture */ };

static void write_svg(FILE *to, const void *self) {
  const sheet *s = self;
  stroke_picture(to, &(stroke_sheet){.rows = s->rows,
                                     .columns = s->drawings / s->rows,
                                     .points = s->points,
                                     .point = s->point,
                                     .label = s->label,
                                     .count = s->count,
                                     .width = LETTER_WIDTH * (double)(s->letters + 2)});
}

/* ---------------------------------------------------------------- the command */

static int make_and_write(sheet *s) {
  static const whole_file_kind svg = {"<svg", "SVG picture"};
  set_texts(s);
  CLI_TRY(make(s));
  CLI_TRY(whole_file_make(write_options_of(&s->a->base)->svg, write_svg, s, &svg));
  for (int64_t d = 0; d < s->drawings; d++) {
    if (s->a->base.options->run.common.json)
      print_json(s, d);
    else
      strokes_write(stdout, point_of(s, d, 0), s->count[d]);
  }
  return CLI_OK;
}

static int make_room(sheet *s) {
  const write_options *o = write_options_of(&s->a->base);
  const size_t n = (size_t)s->drawings, letters = (size_t)s->letters;
  s->point = calloc(n * (size_t)s->points, POINT * sizeof *s->point);
  s->count = calloc(n, sizeof *s->count);
  s->ended = calloc(n, 1);
  s->at_end = calloc(n, 1);
  s->past = calloc(n, sizeof *s->past);
  s->before = calloc(n, POINT * sizeof *s->before);
  s->y = calloc(n, (size_t)(1 + 6 * o->mixtures) * sizeof *s->y);
  s->window = calloc(n, (size_t)o->letter_size * sizeof *s->window);
  s->position = calloc(n, (size_t)o->gaussians * sizeof *s->position);
  s->weight = calloc(n, (letters + 1) * sizeof *s->weight);
  s->text = calloc(n * letters, sizeof *s->text);
  s->text_length = calloc(n, sizeof *s->text_length);
  s->label = calloc((size_t)s->rows, sizeof *s->label);
  return s->point && s->count && s->ended && s->at_end && s->past && s->before && s->y && s->window &&
         s->position && s->weight && s->text && s->text_length && s->label;
}

static void free_room(sheet *s) {
  void *memory[] = {s->at_end, s->past,     s->point,  s->count, s->ended,       s->before, s->y,
                    s->window, s->position, s->weight, s->text,  s->text_length, s->label};
  for (int n = 0; n < SEQGPU_WRITER_LAYERS; n++) carried_free(&s->memory[n]);
  for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) free(memory[i]);
}

int write_use(app *base) {
  write_app *a = (write_app *)base;
  const write_options *o = write_options_of(base);
  sheet s = {.a = a,
             .drawings = a->data.val.text.lines * a->biases * o->samples,
             .points = o->points,
             .letters = a->data.val.longest_text,
             .rows = a->data.val.text.lines * a->biases};
  const int code = make_room(&s) ? make_and_write(&s) : cli_error("out of memory");
  free_room(&s);
  return code;
}
