/* test_pen.c - texts as pen strokes: Hershey fonts by many small files, the lines that a text becomes, and
 * batches in which every point lies where font and hand put it and knows its letter.
 */
#define _XOPEN_SOURCE 700

#include "host/data/pen_set.h"
#include "host/data/strokes.h"
#include "tests/said.h"

enum { POINT = STROKES_POINT };

/* ---------------------------------------------------------------- fonts */

typedef struct font_row {
  const char *text;
  const char *letters; /* left right: points; a bar after each letter */
  const char *sentence;
} font_row;

#define WANTED "; a letter is a number of 5 characters, how many pairs follow in 3, and these"
static const font_row fonts[] = {
    {"12345  1PT\n    7  4QTRRSQTS\n", "-2 2: | -1 2: 0 0; 1 -1; 2 1/ | ", NULL},
    {"    1  6NVPPQQ RRRSS\n", "-4 4: -2 -2; -1 -1/ 0 0; 1 1/ | ", NULL},
    {"    1  6NVPPQQ RRRSS\r\n\n", "-4 4: -2 -2; -1 -1/ 0 0; 1 1/ | ", NULL},
    {"    1  6NVPPQQ\n RRRSS", "-4 4: -2 -2; -1 -1/ 0 0; 1 1/ | ", NULL}, /* goes on in the next line */
    {"    1  7NVPP RRRSS RTT", "-4 4: 0 0; 1 1/ | ", NULL},               /* points alone */
    {"    1  5NV R RRRSS", "-4 4: 0 0; 1 1/ | ", NULL},                   /* lifts of nothing */
    {"", "", "t: has no letter that leaves ink"},
    {"\n \n", "", "t: line 2: is no letter" WANTED},
    {"12345  1PT\n", "", "t: has no letter that leaves ink"},
    {"    1  3NVPP", "", "t: line 1: has fewer pairs than it says" WANTED},
    {"    1  2NVPPQ", "", "t: line 1: has more pairs than it says" WANTED},
    {"    1  3NVPP\tQ", "", "t: line 1: has fewer pairs than it says" WANTED},
    {"    1  3NVPP\x7FQ", "", "t: line 1: has fewer pairs than it says" WANTED},
    {"    1  3NVPP\xC3\xA4", "", "t: line 1: has fewer pairs than it says" WANTED},
    {"    1  0NV", "", "t: line 1: is no letter" WANTED},
    {"    1   NV", "", "t: line 1: is no letter" WANTED},
    {"    1 -3NV", "", "t: line 1: is no letter" WANTED},
    {"    x  3NVPPQQ", "", "t: line 1: is no letter" WANTED},
    {"    1  3NVPPQQ\n    1 1", "", "t: line 2: is no letter" WANTED},
    {"1", "", "t: line 1: is no letter" WANTED},
};

static void write_font(const hershey *f, char *out, size_t size) {
  size_t used = 0;
  for (int32_t i = 0; i < f->letters; i++) {
    used += (size_t)snprintf(out + used, size - used, "%d %d:", f->left[i], f->right[i]);
    for (const hershey_point *p = f->point + f->start[i]; p < f->point + f->start[i + 1]; p++)
      used += (size_t)snprintf(out + used, size - used, " %d %d%s", p->x, p->y, p->lifted ? "/" : ";");
    used += (size_t)snprintf(out + used, size - used, " | ");
  }
}

static void check_fonts(void) {
  for (size_t i = 0; i < COUNT(fonts); i++) {
    char *text = said_copy(fonts[i].text, strlen(fonts[i].text) + 1), letters[200] = "";
    hershey f;
    said_listen();
    const int code = hershey_parse("t", text, &f);
    const int ok = said_answer(code, fonts[i].sentence);
    if (code == 0) write_font(&f, letters, sizeof letters);
    check_record(ok && strcmp(letters, fonts[i].letters) == 0, code ? said : letters, "font, row %zu", i);
    hershey_free(&f);
    free(text);
  }
  hershey f;
  uint64_t hash = HASH_START;
  int64_t bytes = 0;
  said_listen();
  CHECK(said_answer(hershey_read("/nowhere/x.jhf", &hash, &bytes, &f),
                    "/nowhere/x.jhf: cannot open: No such file or directory"),
        "font, no file");
}

/* Letters behind '~' are those of no character, and are not looked at. */
static void check_long_font(void) {
  char text[2000] = "";
  hershey f;
  for (int i = 0; i < HERSHEY_LETTERS; i++) strcat(text, "    1  3QSPPQQ\n");
  strcat(text, "no letter\n");
  CHECK(hershey_parse("t", text, &f) == 0 && f.letters == HERSHEY_LETTERS && hershey_has(&f, '~') &&
            !hershey_has(&f, '\x7F') && !hershey_has(&f, '\n'),
        "a font with more letters than there are characters");
  hershey_free(&f);
  CHECK(hershey_parse("t", "    1  1QS\n    1  3QSPPQQ\n    1  1QS\n", &f) == 0 && hershey_has(&f, ' ') &&
            hershey_has(&f, '!') && !hershey_has(&f, '"') && !hershey_has(&f, '#'),
        "the space is there without ink, and no other letter");
  hershey_free(&f);
}

/* ---------------------------------------------------------------- a text */

/* Letters ' ' to 'c', of which '!' to '`' leave no ink: a, an upright of two points, 4 wide; b, a corner of
 * three,
 * 6 wide; c, two strokes, 8 wide.  A second font has them upside down. */
static void make_font(pen_text *t, int other) {
  static const char *const ink[2][3] = {{"    1  3PTRFR[", "    1  4OURFR[U[", "    1  6NVRFR[ RNRVR"},
                                        {"    1  3PTR[RF", "    1  4OUR[RFUF", "    1  6NVR[RF RVRNR"}};
  char text[2000] = "    1  1NV\n";
  size_t used = strlen(text);
  for (int c = '!'; c < 'a'; c++) used += (size_t)snprintf(text + used, sizeof text - used, "    1  1RR\n");
  for (int i = 0; i < 3; i++)
    used += (size_t)snprintf(text + used, sizeof text - used, "%s\n", ink[other][i]);
  if (pen_text_add_font("f", text, t) != 0) exit(EXIT_FAILURE);
}

static void check_cut_of(const char *text, size_t size, int64_t longest, const char *lines,
                         int64_t left_out) {
  pen_text t = PEN_TEXT_NONE;
  char got[200] = "";
  size_t used = 0;
  make_font(&t, 0);
  if (!pen_text_cut(text, size, &t, longest, &t)) exit(EXIT_FAILURE);
  for (int64_t i = 0; i < t.lines; i++)
    used += (size_t)snprintf(got + used, sizeof got - used, "%.*s|", (int)pen_text_length(&t, i),
                             t.letters + t.start[i]);
  check_record(strcmp(got, lines) == 0 && t.left_out == left_out, got, "\"%s\" in lines of %d", text,
               (int)longest);
  pen_text_free(&t);
}

static void check_cut(const char *text, int64_t longest, const char *lines, int64_t left_out) {
  check_cut_of(text, strlen(text), longest, lines, left_out);
}

static void check_cuts(void) {
  check_cut("", 9, "", 0);
  check_cut(" \t\r\n", 9, "", 0);
  check_cut("abc", 9, "abc|", 0);
  check_cut("ab  ca\nbb", 9, "ab ca bb|", 0);
  check_cut("aa bb cc aa bb cc", 8, "aa bb cc|aa bb|cc|", 0); /* of 8, 7, 6 */
  check_cut("aa bb cc", 2, "aa|bb|cc|", 0);
  check_cut("aaaa bb", 3, "bb|", 1);
  check_cut("aa Abc bb b! cc", 9, "aa|bb|cc|", 2);
  check_cut("\xc3\xa4 aa", 9, "aa|", 1);
  check_cut_of(SAID_BYTES("\0aa\0\0bb"), 9, "aa bb|", 0); /* zeros are white space */
}

/* ---------------------------------------------------------------- files */

static void write_file(const char *name, const char *text) {
  FILE *file = fopen(name, "wb");
  if (!file || fputs(text, file) < 0 || fclose(file) != 0) exit(EXIT_FAILURE);
}

/* What two files become, a text and another; a sentence where they are refused. */
static void check_files(const char *one, const char *two, const pen_text *other, int64_t lines,
                        const char *sentence) {
  const arg_list files = {.count = two ? 2 : 1, .item = {one, two}};
  pen_text t;
  said_listen();
  const int ok = said_answer(pen_text_read(&files, other, 9, &t), sentence);
  check_record(ok && (sentence || t.lines == lines), said, "files: %s, %s", one, two ? two : "nothing");
  pen_text_free(&t);
}

/* A font is known by its name, one that is compressed, too. */
static void check_names(void) {
  char folder[] = "/tmp/seqgpu-pen-XXXXXX", font[2000] = "    1  1NV\n";
  pen_text other = PEN_TEXT_NONE;
  for (int c = '!'; c <= '~'; c++) strcat(font, "    1  3NVPPQQ\n");
  if (!mkdtemp(folder) || chdir(folder) != 0) exit(EXIT_FAILURE);
  write_file("f.jhf", font);
  write_file("f.jhf.gz", font); /* what is not compressed is read as well */
  write_file("text", "some words, and some more");
  write_file("jhf", "a b");
  write_file("none", "\xc3\xa4");
  make_font(&other, 0);
  check_files("text", "f.jhf", NULL, 5, NULL);
  check_files("f.jhf.gz", "text", NULL, 5, NULL);
  check_files("jhf", "f.jhf", NULL, 1, NULL); /* too short a name */
  check_files("jhf", NULL, &other, 1, NULL);
  check_files("text", NULL, NULL, 0,
              "text: is a text without a font; name one as well, a Hershey font whose name ends in .jhf");
  check_files("none", "f.jhf", NULL, 0, "none: has no word that can be written");
  check_files("f.jhf", "nobody", NULL, 0, "nobody: cannot open: No such file or directory");
  check_files("text", "nobody.jhf", NULL, 0, "nobody.jhf: cannot open: No such file or directory");
  pen_text_free(&other);
  static const char *const files[] = {"f.jhf", "f.jhf.gz", "text", "jhf", "none"};
  for (size_t i = 0; i < COUNT(files); i++) unlink(files[i]);
  CHECK(chdir("/") == 0 && rmdir(folder) == 0, "nothing is left");
}

/* ---------------------------------------------------------------- batches */

static const char *const written[] = {"abc", "c a", "b"};
enum { LINES = 3 };

static void open_set(pen_set *s, int no_end) {
  *s = (pen_set){.text = PEN_TEXT_NONE, .no_end = no_end};
  make_font(&s->text, 0);
  make_font(&s->text, 1);
  for (int i = 0; i < LINES; i++)
    if (!pen_text_add_line(&s->text, written[i], strlen(written[i]))) exit(EXIT_FAILURE);
  s->fonts = &s->text;
  s->deviation = 2;
  char *alphabet = pen_set_alphabet(&s->text);
  CHECK(alphabet && strcmp(alphabet, " abc") == 0, "the letters of a text");
  if (pen_set_open(s, alphabet, LINES, 1) != 0) exit(EXIT_FAILURE);
  free(alphabet);
}

/* Line 0, in the first font: where its points are, the move at the end among them, and its letters. */
static const double place[][2] = {{2, -12},  {2, 9},  {7, -12}, {7, 9},  {10, 9},
                                  {14, -12}, {14, 9}, {10, 0},  {18, 0}, {18, 9}};
static const int letter[] = {0, 0, 1, 1, 1, 2, 2, 2, 2, 3}, lifted[] = {0, 1, 0, 0, 1, 0, 1, 0, 1, 1};
enum { PLACES = (int)COUNT(place) };

static void check_exact(void) {
  static const int32_t all[] = {0, 1, 2};
  const pen_hand still = {.seed = 1, .step = 3};
  pen_set s;
  pen_batch b;
  open_set(&s, 0);
  if (!pen_set_batch(&s, all, LINES, &still, &b)) exit(EXIT_FAILURE);
  int right = b.ink.seq_len == PLACES - 1 && b.ink.lengths[0] == 9 && b.ink.lengths[1] == 6 &&
              b.ink.lengths[2] == 3 && b.ink.steps == 18 && s.longest_text == 3;
  for (int t = 0; t + 1 < PLACES; t++) {
    const float *x = b.ink.x + t * LINES * POINT, *before = b.ink.before + (t + 1) * LINES * POINT;
    for (int k = 0; k < 2; k++) right &= 2 * (double)x[k] == place[t + 1][k] - place[t][k];
    right &= x[2] == (float)lifted[t + 1] && b.at[t * LINES] == letter[t + 1];
    if (t + 2 < PLACES) right &= memcmp(x, before, POINT * sizeof *x) == 0;
  }
  CHECK(right && b.ink.before[0] == 0, "a line as its font has it, divided by the deviation");
  CHECK(b.at[6 * LINES + 1] == -1 && b.at[5 * LINES + 1] == 3 && b.at[4 * LINES + 1] == 2 &&
            b.text[2 * LINES + 1] == 1 && b.text[LINES + 1] == 0 && b.text[LINES + 2] == -1 &&
            b.text_lengths[2] == 1 && b.text_len == 3,
        "letters, and what is behind the end of a line");
  /* upside down: its first move goes up by 21, and the next line's down again */
  CHECK(b.ink.x[POINT + 1] == -10.5f && b.ink.x[2 * POINT + 1] == 10.5f, "lines take the fonts in turn");
  pen_set_close(&s);
}

/* For those that only read what has left ink. */
static void check_no_end(void) {
  static const int32_t all[] = {0, 1, 2};
  const pen_hand still = {.seed = 1, .step = 3};
  pen_set s, other;
  pen_batch b, with;
  open_set(&s, 1);
  open_set(&other, 0);
  if (!pen_set_batch(&s, all, LINES, &still, &b) || !pen_set_batch(&other, all, LINES, &still, &with))
    exit(EXIT_FAILURE);
  int right = b.ink.seq_len == with.ink.seq_len - 1 && s.points == other.points - LINES;
  for (int i = 0; i < LINES; i++) {
    const int32_t end = b.ink.lengths[i];
    right &= end == with.ink.lengths[i] - 1 && b.at[(end - 1) * LINES + i] == with.text_lengths[i] - 1;
    right &= end == b.ink.seq_len || b.at[end * LINES + i] == -1;
  }
  CHECK(right && memcmp(b.ink.x, with.ink.x, 2 * LINES * POINT * sizeof(float)) == 0,
        "without the last move, which leaves no ink");
  pen_set_close(&s);
  pen_set_close(&other);
}

/* Each point of line 0 of one hand, from where its first one lies. */
static void sums_of(pen_set *s, const pen_hand *hand, double sum[PLACES - 1][2]) {
  static const int32_t first[] = {0};
  pen_batch b;
  if (!pen_set_batch(s, first, 1, hand, &b)) exit(EXIT_FAILURE);
  for (int t = 0; t + 1 < PLACES; t++)
    for (int k = 0; k < 2; k++)
      sum[t][k] = (t ? sum[t - 1][k] : 0) + s->deviation * (double)b.ink.x[t * POINT + k];
}

/* Slant and scale follow from two of a line's points; all others must agree. */
static void check_hands(void) {
  pen_set s;
  double least = 2, most = -2, sum[PLACES - 1][2], again[PLACES - 1][2];
  int right = 1;
  open_set(&s, 0);
  for (int step = 0; step < 20; step++) {
    const pen_hand hand = {1, step, 0.3, 0.2, 0};
    sums_of(&s, &hand, sum);
    const double scale = sum[0][1] / 21, slant = -sum[0][0] / scale / 21;
    right &= fabs(slant) <= 0.3 + 1e-6 && fabs(scale - 1) <= 0.2 + 1e-6;
    least = slant < least ? slant : least, most = slant > most ? slant : most;
    for (int t = 0; t + 1 < PLACES; t++) {
      const double x = place[t + 1][0] - place[0][0], y = place[t + 1][1] - place[0][1];
      right &= fabs(sum[t][0] - scale * (x - slant * y)) < 1e-4 && fabs(sum[t][1] - scale * y) < 1e-4;
    }
    sums_of(&s, &hand, again);
    right &= memcmp(sum, again, sizeof sum) == 0;
  }
  CHECK(right, "slant and scale of a whole line, which follow from the number of the update");
  CHECK(least < -0.1 && most > 0.1, "lines lean to either side");
  pen_set_close(&s);
}

/* The deviation of the last point from its place is that of two jitters. */
static void check_jitter(void) {
  pen_set s;
  double sum[PLACES - 1][2], squares = 0;
  enum { HANDS = 400 };
  open_set(&s, 0);
  for (int step = 0; step < HANDS; step++) {
    const pen_hand hand = {1, step, 0, 0, 0.5};
    sums_of(&s, &hand, sum);
    for (int k = 0; k < 2; k++) squares += pow(sum[PLACES - 2][k] - (place[PLACES - 1][k] - place[0][k]), 2);
  }
  const double wanted = 2 * 0.25;
  CHECK(fabs(squares / (2 * HANDS) / wanted - 1) < 0.25, "the jitter, %g for %g", squares / (2 * HANDS),
        wanted);
  const pen_hand alike = {1, PEN_SET_ALIKE, 0.3, 0.2, 0.5};
  double one[PLACES - 1][2], two[PLACES - 1][2];
  static const int32_t behind[] = {2, 0};
  pen_batch b;
  sums_of(&s, &alike, one);
  if (!pen_set_batch(&s, behind, 2, &alike, &b)) exit(EXIT_FAILURE);
  for (int t = 0; t + 1 < PLACES; t++)
    for (int k = 0; k < 2; k++)
      two[t][k] = (t ? two[t - 1][k] : 0) + s.deviation * (double)b.ink.x[(t * 2 + 1) * POINT + k];
  CHECK(memcmp(one, two, sizeof one) == 0, "a hand that stays is a line's, wherever it stands");
  pen_set_close(&s);
}

/* A letter of a line that a model has not learnt. */
static void refuses_letter(const char *line, const char *alphabet, const char *sentence) {
  pen_set s = {.text = PEN_TEXT_NONE};
  if (!pen_text_add_line(&s.text, line, strlen(line))) exit(EXIT_FAILURE);
  said_listen();
  const int ok = said_answer(pen_set_open(&s, alphabet, 1, 1), sentence);
  check_record(ok, said, "refused: %s", sentence);
  pen_set_close(&s);
}

static void check_measures(void) {
  pen_set s;
  double squares = 0;
  open_set(&s, 0);
  pen_text one = PEN_TEXT_NONE;
  if (!pen_text_add_line(&one, "abc", 3)) exit(EXIT_FAILURE);
  for (int t = 0; t + 1 < PLACES; t++)
    for (int k = 0; k < 2; k++) squares += pow(place[t + 1][k] - place[t][k], 2);
  CHECK(fabs(pen_set_deviation(&one, s.fonts) - sqrt(squares / (2 * (PLACES - 1)))) < 1e-12,
        "the deviation of offsets");
  refuses_letter("abc", " ac", "the model has not learnt the letter b; its letters are:  ac");
  refuses_letter("a b", "ab", "the model has not learnt the letter with code 32; its letters are: ab");
  refuses_letter("a\xe9", "ab", "the model has not learnt the letter with code 233; its letters are: ab");
  pen_text_free(&one);
  pen_set_close(&s);
}

/* Without lines nothing is known of them; a set has no more than it can number. */
static void check_limits(void) {
  pen_set s = {.text = PEN_TEXT_NONE};
  char *alphabet = pen_set_alphabet(&s.text);
  CHECK(alphabet && strcmp(alphabet, "") == 0, "no lines have no letters");
  CHECK(pen_set_deviation(&s.text, &s.text) == 0, "and no offsets");
  CHECK(alphabet && pen_set_open(&s, alphabet, 1, 1) == 0 && s.length == NULL, "and no batches");
  s.text.lines = (int64_t)INT32_MAX + 1;
  said_listen();
  CHECK(said_answer(pen_set_open(&s, "", 1, 1), "there are too many lines"), "2^31 lines");
  s.text.lines = 0;
  pen_set_close(&s);
  free(alphabet);
}

int main(void) {
  check_start();
  check_fonts();
  check_long_font();
  check_cuts();
  check_names();
  check_exact();
  check_no_end();
  check_hands();
  check_jitter();
  check_measures();
  check_limits();
  return check_finish();
}
