/* test_strokes.c - pen strokes: files by many small texts, batches in which every point comes once and after
 * the point before it, the loss of knowing nothing, and the sheet, path by path.
 */
#define _XOPEN_SOURCE 700

#include "host/cli/memory.h"
#include "host/data/stroke_picture.h"
#include "host/data/stroke_set.h"
#include "tests/said.h"

enum { POINT = STROKES_POINT };

/* ---------------------------------------------------------------- files */

typedef struct stroke_row {
  const char *text;
  const char *points; /* a bar after each drawing */
  const char *sentence;
} stroke_row;

#define WANTED " must be x,y,lifted: two offsets, at most 1000000, and 0 or 1"
static const stroke_row texts[] = {
    {"12,23,0 -1,-412,1\n5,0,0\n", "12 23 0; -1 -412 1; | 5 0 0; | ", NULL},
    {"\n 1,2,0\t3,4,1 \r\n\r\n \n5,6,1", "1 2 0; 3 4 1; | 5 6 1; | ", NULL},
    {"0.5,-0.25,1 1000000,-1000000.0,0", "0.5 -0.25 1; 1e+06 -1e+06 0; | ", NULL},
    {"-0,007,1 3.0000000,9999.1234567,0", "-0 7 1; 3 9999.12 0; | ", NULL},
    {"", "", "t: has no drawing; it must have at least one line of points"},
    {" \n\t\r\n", "", "t: has no drawing; it must have at least one line of points"},
    {"1,2,0 1,2,2", "", "t: line 1, point 2: \"1,2,2\"" WANTED},
    {"1,2,0\n\n3,4,1 5,6", "", "t: line 3, point 2: \"5,6\"" WANTED},
    {"1,2", "", "t: line 1, point 1: \"1,2\"" WANTED},
    {"1,2,", "", "t: line 1, point 1: \"1,2,\"" WANTED},
    {"1, 2,0", "", "t: line 1, point 1: \"1,\"" WANTED},
    {"1,2,01", "", "t: line 1, point 1: \"1,2,01\"" WANTED},
    {"1,2,1,0", "", "t: line 1, point 1: \"1,2,1,0\"" WANTED},
    {",2,1", "", "t: line 1, point 1: \",2,1\"" WANTED},
    {"-,2,1", "", "t: line 1, point 1: \"-,2,1\"" WANTED},
    {"+1,2,1", "", "t: line 1, point 1: \"+1,2,1\"" WANTED},
    {"--1,2,1", "", "t: line 1, point 1: \"--1,2,1\"" WANTED},
    {"1.,2,1", "", "t: line 1, point 1: \"1.,2,1\"" WANTED},
    {".5,2,1", "", "t: line 1, point 1: \".5,2,1\"" WANTED},
    {"1e3,2,1", "", "t: line 1, point 1: \"1e3,2,1\"" WANTED},
    {"nan,2,1", "", "t: line 1, point 1: \"nan,2,1\"" WANTED},
    {"1,0x2,1", "", "t: line 1, point 1: \"1,0x2,1\"" WANTED},
    {"1000000.5,2,1", "", "t: line 1, point 1: \"1000000.5,2,1\"" WANTED},
    {"1,2000000,1", "", "t: line 1, point 1: \"1,2000000,1\"" WANTED},
    {"00000001,2,1", "", "t: line 1, point 1: \"00000001,2,1\"" WANTED},
    {"1.00000001,2,1", "", "t: line 1, point 1: \"1.00000001,2,1\"" WANTED},
    {"123456789012345678901234567890,2,1", "", "t: line 1, point 1: \"123456789012345678901234\"" WANTED},
};

static void write_points(const strokes *s, char *out, size_t size) {
  size_t used = 0;
  for (int64_t d = 0; d < s->drawings; d++) {
    for (const float *p = s->point + s->start[d] * POINT; p < s->point + s->start[d + 1] * POINT; p += POINT)
      used +=
          (size_t)snprintf(out + used, size - used, "%g %g %g; ", (double)p[0], (double)p[1], (double)p[2]);
    used += (size_t)snprintf(out + used, size - used, "| ");
  }
}

static void check_texts(void) {
  for (size_t i = 0; i < COUNT(texts); i++) {
    char *text = said_copy(texts[i].text, strlen(texts[i].text) + 1), points[200] = "";
    strokes s = STROKES_NONE;
    said_listen();
    const int code = strokes_parse("t", text, &s);
    const int ok = said_answer(code, texts[i].sentence);
    if (code == 0) write_points(&s, points, sizeof points);
    check_record(ok && strcmp(points, texts[i].points) == 0, code ? said : points, "strokes, row %zu", i);
    if (code == 0) strokes_free(&s);
    free(text);
  }
  strokes s = STROKES_NONE;
  said_listen();
  CHECK(said_answer(strokes_read("/nowhere/x", &s), "/nowhere/x: cannot open: No such file or directory"),
        "strokes, no file");
}

/* Two texts are one set of drawings, which written out is read again. */
static void check_more_texts(void) {
  char points[200] = "";
  strokes s = STROKES_NONE, again = STROKES_NONE;
  memory_stream m;
  if (strokes_parse("a", "3,4,0 0,0,1\n", &s) != 0 || strokes_parse("b", "\n-5.256,0.004,1", &s) != 0 ||
      !memory_open(&m))
    exit(EXIT_FAILURE);
  CHECK(s.drawings == 2 && s.points == 3, "strokes of two files");
  CHECK(s.bytes == 27 && s.hash == hash_bytes(HASH_START, "3,4,0 0,0,1\n\n-5.256,0.004,1", 27),
        "their hash and size");
  for (int64_t d = 0; d < s.drawings; d++)
    strokes_write(m.to, s.point + s.start[d] * POINT, s.start[d + 1] - s.start[d]);
  if (!memory_close(&m)) exit(EXIT_FAILURE);
  CHECK(strcmp(m.data, "3.00,4.00,0 0.00,0.00,1\n-5.26,0.00,1\n") == 0, "strokes as a text");
  if (strokes_parse("c", m.data, &again) != 0) exit(EXIT_FAILURE);
  write_points(&again, points, sizeof points);
  CHECK(strcmp(points, "3 4 0; 0 0 1; | -5.26 0 1; | ") == 0, "which is read again");
  memory_free(&m);
  strokes_free(&again);
  strokes_free(&s);
}

/* ---------------------------------------------------------------- batches */

enum { DRAWINGS = 7, BATCH = 3 };

/* Drawings of 1, 4, 7, 10, ... points; point number i of all has the offsets i + 1 and -i, and ends a stroke
 * where i is odd. */
static void open_set(stroke_set *set, double deviation) {
  char text[2000] = "";
  size_t used = 0;
  *set = (stroke_set){.ink = STROKES_NONE};
  for (int d = 0, i = 0; d < DRAWINGS; d++) {
    for (int t = 0; t < 1 + 3 * d; t++, i++)
      used += (size_t)snprintf(text + used, sizeof text - used, "%d,%d,%d ", i + 1, -i, i % 2);
    used += (size_t)snprintf(text + used, sizeof text - used, "\n");
  }
  if (strokes_parse("t", text, &set->ink) != 0 || stroke_set_open(set, deviation, BATCH, 1) != 0)
    exit(EXIT_FAILURE);
}

/* Whether a row is that of point number i, or of none if i is negative. */
static int is_point(const float *row, int64_t i, double deviation) {
  if (i < 0) return row[0] == 0 && row[1] == 0 && row[2] == 0;
  return fabs((double)row[0] * deviation - (double)(i + 1)) < 1e-5 * (double)(i + 1) &&
         fabs((double)row[1] * deviation + (double)i) < 1e-5 * (double)(i + 1) && row[2] == (float)(i % 2);
}

static void check_batches(double deviation) {
  stroke_set set;
  int seen[100] = {0}, right = 1;
  open_set(&set, deviation);
  for (int64_t u = 0; u < set.order.batches; u++) {
    int64_t count, points = 0;
    step_batch b;
    const int32_t *which = buckets_batch(&set.order, u, &count);
    if (!stroke_set_batch(&set, which, count, &b)) exit(EXIT_FAILURE);
    for (int64_t d = 0; d < count; d++) {
      const int64_t first = set.ink.start[which[d]];
      for (int64_t t = 0; t < b.seq_len; t++) {
        const int64_t row = (t * count + d) * POINT;
        const int inside = t < b.lengths[d];
        right &= is_point(b.x + row, inside ? first + t : -1, deviation);
        right &= is_point(b.before + row, inside && t > 0 ? first + t - 1 : -1, deviation);
        if (inside) seen[first + t]++;
        points += inside;
      }
    }
    right &= b.steps == points;
  }
  for (int64_t i = 0; i < set.ink.points; i++) right &= seen[i] == 1;
  CHECK(right && set.longest == 1 + 3 * (DRAWINGS - 1), "batches of drawings, divided by %g", deviation);
  stroke_set_close(&set);
}

/* Four points whose offsets are +-2 and +-1 apart, half of them ends: deviations 2 and 1, no correlation. */
static void check_entropy(void) {
  stroke_set set = {.ink = STROKES_NONE};
  if (strokes_parse("t", "3,6,0 3,4,1 -1,6,0 -1,4,1\n", &set.ink) != 0) exit(EXIT_FAILURE);
  CHECK(fabs(strokes_deviation(&set.ink) - sqrt((20 + 104) / 8.)) < 1e-12, "the deviation of offsets");
  if (stroke_set_open(&set, 1, 1, 1) != 0) exit(EXIT_FAILURE);
  const double wanted = 1 + log(8 * atan(1)) + log(2) + log(2);
  CHECK(fabs(stroke_set_entropy(&set) - wanted) < 1e-12, "the loss of one Gaussian");
  stroke_set_close(&set);
  set.ink = (strokes)STROKES_NONE;
  if (strokes_parse("t", "1,1,0 2,2,1\n", &set.ink) != 0 || stroke_set_open(&set, 1, 1, 1) != 0)
    exit(EXIT_FAILURE);
  CHECK(isnan(stroke_set_entropy(&set)), "there is none of offsets on a line");
  stroke_set_close(&set);
}

/* All points are ends, or none: that costs nothing; no drawings, and more than a set can number. */
static void check_limits(void) {
  stroke_set set = {.ink = STROKES_NONE};
  int64_t start[] = {0, (int64_t)INT32_MAX + 1};
  double loss[2];
  CHECK(stroke_set_open(&set, 1, 1, 1) == 0 && strokes_deviation(&set.ink) == 0, "no drawings");
  for (int end = 0; end < 2; end++) {
    if (strokes_parse("t", end ? "3,6,1 3,4,1 -1,6,1 -1,4,1\n" : "3,6,0 3,4,0 -1,6,0 -1,4,0\n", &set.ink) !=
            0 ||
        stroke_set_open(&set, 1, 1, 1) != 0)
      exit(EXIT_FAILURE);
    loss[end] = stroke_set_entropy(&set);
    stroke_set_close(&set);
  }
  CHECK(loss[0] == loss[1] && fabs(loss[0] - 1 - log(8 * atan(1)) - log(2)) < 1e-12, "ends that are known");
  set.ink.drawings = (int64_t)INT32_MAX + 1;
  said_listen();
  CHECK(said_answer(stroke_set_open(&set, 1, 1, 1), "there are too many drawings"), "2^31 drawings");
  set.ink.drawings = 1;
  set.ink.start = start;
  said_listen();
  CHECK(said_answer(stroke_set_open(&set, 1, 1, 1), "a drawing is too long"), "2^31 points");
  set.ink.start = NULL; /* no memory of malloc */
  stroke_set_close(&set);
}

/* ---------------------------------------------------------------- the sheet */

/* A line that is gone on with, a move that leaves no ink, a dot. */
static void check_picture(void) {
  static const float point[] = {96, 0, 0, 0, 96, 1, -48, -48, 1};
  char label[1][STROKE_LABEL] = {"bias 2"};
  memory_stream m;
  if (!memory_open(&m)) exit(EXIT_FAILURE);
  stroke_picture(m.to, &(stroke_sheet){
                           .rows = 1, .columns = 1, .points = 3, .given = 1, .point = point, .label = label});
  if (!memory_close(&m)) exit(EXIT_FAILURE);
  CHECK(strncmp(m.data, "<svg xmlns=", 11) == 0 && strstr(m.data, ">bias 2</text>"), "a sheet and its word");
  CHECK(strstr(m.data, "stroke=\"#8a93a3\" d=\"M88.0 12.0L184.0 12.0\""), "what was given");
  CHECK(strstr(m.data, "stroke=\"#1f3fa8\" d=\"M184.0 12.0L184.0 108.0M136.0 60.0h0\""), "what was drawn");
  memory_free(&m);
}

/* Of a row of two, one point of the second: cells of 312 by 120, which a line fills from side to side. */
static void check_wide_picture(void) {
  static const float point[] = {96, 48, 0, 96, -48, 0, 5, 0, 0, 0, 7, 0};
  static const int64_t count[] = {2, 1};
  char label[1][STROKE_LABEL] = {""};
  memory_stream m;
  if (!memory_open(&m)) exit(EXIT_FAILURE);
  stroke_picture(m.to, &(stroke_sheet){.rows = 1,
                                       .columns = 2,
                                       .points = 2,
                                       .point = point,
                                       .label = label,
                                       .count = count,
                                       .width = 312});
  if (!memory_close(&m)) exit(EXIT_FAILURE);
  CHECK(strstr(m.data, "d=\"M88.0 24.0L232.0 96.0L376.0 24.0\""), "as wide as its cell allows");
  CHECK(strstr(m.data, "d=\"M400.0 60.0L688.0 60.0\""), "and so many points as it has");
  memory_free(&m);
}

int main(void) {
  check_start();
  check_texts();
  check_more_texts();
  check_batches(1);
  check_batches(2.5);
  check_entropy();
  check_limits();
  check_picture();
  check_wide_picture();
  return check_finish();
}
