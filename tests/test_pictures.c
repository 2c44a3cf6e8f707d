/* test_pictures.c - pictures with captions as a model sees them (host/data): scenes whose captions are true
 * of their pixels, PNG by files made here, lists and numbers in .npy, and batches in which every pixel is
 * found again.
 *
 * What needs libpng is skipped by name where the build has none.
 */
#define _XOPEN_SOURCE 700

#include "host/data/attention_picture.h"
#include "host/data/caption_picture.h"
#include "host/data/picture_set.h"
#include "host/data/png.h"
#include "tests/png_made.h"
#include "tests/said.h"

#include <math.h>

enum { SIDE = 64, SCENES_TRIED = 600 };

static seqgpu_context *ctx;

/* ---------------------------------------------------------------- scenes */

/* A caption's next word. */
static const char *word_after(const char **at) {
  static char word[32];
  const size_t length = strcspn(*at, " ");
  snprintf(word, sizeof word, "%.*s", (int)length, *at);
  *at += length + ((*at)[length] == ' ');
  return word;
}

static int place_of(const char *word, const char *const names[], int count) {
  for (int i = 0; i < count; i++)
    if (strcmp(word, names[i]) == 0) return i;
  return -1;
}

static const char *const colour_words[] = {"red",    "green",  "blue", "yellow",
                                           "purple", "orange", "cyan", "black"},
                         *const shape_words[] = {"circle", "square", "triangle", "diamond",
                                                 "cross",  "ring",   "thing"},
                         *const size_words[] = {"small", "medium", "large"};

/* "a large circle in red", "a large circle" of a grey one: whether it is this shape. */
static int names_shape(const char **at, const scene_shape *s) {
  int right = strcmp(word_after(at), "a") == 0;
  right &= place_of(word_after(at), size_words, 3) == s->size;
  right &= place_of(word_after(at), shape_words, 7) == s->shape;
  if (s->colour < 0 || !right) return right && strncmp(*at, "in ", 3) != 0;
  right &= strcmp(word_after(at), "in") == 0;
  return right && place_of(word_after(at), colour_words, 8) == s->colour;
}

/* Whether what a caption says is so in the numbers of the scene. */
static int is_true(const scene *s, const char *caption) {
  const char *at = caption, *word;
  int right = names_shape(&at, &s->shape[0]), k = 1;
  while (right && *(word = word_after(&at))) {
    const double dx = s->shape[k].x - s->shape[0].x, dy = s->shape[k].y - s->shape[0].y,
                 apart = s->shape[k].radius + s->shape[0].radius;
    if (strcmp(word, "and") == 0) word = word_after(&at);
    if (strcmp(word, "above") == 0)
      right = dy > apart && fabs(dx) < dy;
    else if (strcmp(word, "below") == 0)
      right = -dy > apart && fabs(dx) < -dy;
    else {
      right = strcmp(word, "left") == 0 ? dx > apart && fabs(dy) < dx
                                        : strcmp(word, "right") == 0 && -dx > apart && fabs(dy) < -dx;
      right &= strcmp(word_after(&at), "of") == 0;
    }
    right = right && names_shape(&at, &s->shape[k++]);
  }
  return right && k == s->count;
}

/* Largest of what two pixels differ by. */
static double apart(const unsigned char *a, const double *b) {
  double most = 0;
  for (int i = 0; i < SCENE_CHANNELS; i++) most = check_worse(most, fabs(a[i] - 255 * b[i]));
  return most;
}

/* Whether a shape's own colour is where it must be, and the ground around all of them. */
static int is_drawn(const scene *s, const unsigned char *pixel) {
  for (int k = 0; k < s->count; k++) {
    const scene_shape *is = &s->shape[k];
    const double off = is->shape == 5 ? 0.78 * is->radius : 0; /* a ring has a hole */
    const int64_t x = (int64_t)((is->x + off) * SIDE), y = (int64_t)(is->y * SIDE);
    if (apart(pixel + (y * SIDE + x) * SCENE_CHANNELS, is->rgb) > 2) return 0;
    if (is->x - is->radius < 0 || is->x + is->radius > 1 || is->y - is->radius < 0 || is->y + is->radius > 1)
      return 0;
  }
  for (int64_t x = 0; x < SIDE; x++)
    if (apart(pixel + x * SCENE_CHANNELS, s->ground) > 1) return 0;
  return 1;
}

/* Pairs seen are those that their kind may have; all of them come. */
static void check_scenes(int unseen) {
  static unsigned char pixel[SIDE * SIDE * SCENE_CHANNELS];
  int pairs[SCENE_COLOURS][SCENE_SHAPES] = {{0}}, truths = 0, drawn = 0, known = 0, wanted = 0, found = 0,
      small = 1, said_so[4] = {0};
  for (int64_t n = 0; n < SCENES_TRIED; n++) {
    scene s;
    char text[SCENE_CAPTION], again[SCENE_CAPTION];
    scene_make(3, (scene_kind){.unseen = unseen}, n, &s);
    scene_caption(&s, text);
    truths += is_true(&s, text);
    scene_draw(&s, SIDE, pixel);
    drawn += is_drawn(&s, pixel);
    for (int k = 0; k < s.count; k++) pairs[s.shape[k].colour][s.shape[k].shape]++;
    for (int k = 1; k < s.count; k++) small &= s.shape[k].size < s.shape[0].size;
    if (s.vertical) said_so[s.vertical > 0] = 1;
    if (s.sideways) said_so[2 + (s.sideways > 0)] = 1;
    scene_make(3, (scene_kind){.unseen = unseen}, n, &s);
    scene_caption(&s, again);
    known += strcmp(text, again) == 0;
  }
  for (int c = 0; c < SCENE_COLOURS; c++)
    for (int k = 0; k < SCENE_SHAPES; k++) {
      const int may = ((c + k) % 6 == 0) == unseen;
      wanted += may;
      found += pairs[c][k] > 0 && may;
      if (!may && pairs[c][k] > 0) found = -1000;
    }
  const char *kind = unseen ? "unseen" : "learnt";
  CHECK(truths == SCENES_TRIED, "scenes, %s: captions are true", kind);
  CHECK(drawn == SCENES_TRIED, "scenes, %s: shapes have their colours and are whole", kind);
  CHECK(known == SCENES_TRIED, "scenes, %s: follow from their numbers", kind);
  CHECK(found == wanted, "scenes, %s: %d pairs and no others", kind, wanted);
  CHECK(small, "scenes, %s: the first is the largest", kind);
  CHECK(said_so[0] && said_so[1] && said_so[2] && said_so[3], "scenes, %s: all four sides", kind);
}

static int same_scene(scene_kind a, scene_kind b, uint64_t seed, uint64_t other) {
  char one[SCENE_CAPTION], two[SCENE_CAPTION];
  int same = 1;
  for (int64_t n = 0; n < 5; n++) {
    scene s;
    scene_make(seed, a, n, &s);
    scene_caption(&s, one);
    scene_make(other, b, n, &s);
    scene_caption(&s, two);
    same &= strcmp(one, two) == 0;
  }
  return same;
}

static void check_series(void) {
  CHECK(!same_scene((scene_kind){0}, (scene_kind){.validation = 1}, 1, 1), "validation has other scenes");
  CHECK(!same_scene((scene_kind){0}, (scene_kind){0}, 1, 2), "another seed has other scenes");
}

/* Shapes are grey, and what has a colour is a thing; captions are true of these, too. */
static void check_apart(void) {
  static unsigned char pixel[SIDE * SIDE * SCENE_CHANNELS];
  int right = 1, truths = 0, drawn = 0, greys = 0, things = 0;
  for (int64_t n = 0; n < SCENES_TRIED; n++) {
    scene s;
    char text[SCENE_CAPTION];
    scene_make(1, (scene_kind){.apart = 1}, n, &s);
    scene_caption(&s, text);
    truths += is_true(&s, text);
    scene_draw(&s, SIDE, pixel);
    drawn += is_drawn(&s, pixel);
    for (int k = 0; k < s.count; k++) {
      const double *rgb = s.shape[k].rgb;
      const int grey = s.shape[k].colour < 0;
      right &= grey == (s.shape[k].shape < 6) && grey == (rgb[0] == rgb[1] && rgb[1] == rgb[2]);
      greys += grey;
      things += !grey;
    }
  }
  CHECK(truths == SCENES_TRIED, "scenes, apart: captions are true (%d)", truths);
  CHECK(drawn == SCENES_TRIED, "scenes, apart: shapes are drawn (%d)", drawn);
  CHECK(right && greys > SCENES_TRIED && things > SCENES_TRIED,
        "scenes, apart: a grey shape or a coloured thing");
}

/* The vocabulary has every word, once. */
static void check_vocabulary(void) {
  char all[512];
  int count = 0;
  snprintf(all, sizeof all, " %.*s ", (int)strcspn(scene_vocabulary, "\n"), scene_vocabulary);
  for (const char *at = all; (at = strchr(at + 1, ' ')) != NULL;) count++;
  CHECK(count == 26, "%d words", count);
  for (int64_t n = 0, right = 1; n < SCENES_TRIED && right; n++) {
    scene s;
    char text[SCENE_CAPTION], word[40];
    const char *at = text;
    int words = 0;
    scene_make(1, (scene_kind){.unseen = (int)(n % 2), .validation = 1}, n, &s);
    scene_caption(&s, text);
    for (; *at; words++) {
      snprintf(word, sizeof word, " %s ", word_after(&at));
      right &= strstr(all, word) != NULL;
    }
    right &= words <= SCENE_WORDS;
    if (!right || n == SCENES_TRIED - 1) CHECK(right, "its words are in the vocabulary: %s", text);
  }
}

/* ---------------------------------------------------------------- PNG */

static void refuses_png(const char *bytes, size_t size, const char *begin, const char *name) {
  unsigned char pixel[4 * 4 * 3];
  char *copy = said_copy(bytes, size);
  said_listen();
  const int code = png_parse("f", copy, size, 4, pixel);
  said_answer(1, "");
  check_record(code != 0 && strncmp(said, begin, strlen(begin)) == 0, said, "refused: %s", name);
  free(copy);
}

#ifdef SEQGPU_PNG
static void draws(int type, uint32_t width, uint32_t height, const unsigned char *from, int64_t side,
                  const unsigned char *wanted, const char *name) {
  char file[4096];
  unsigned char got[256];
  const size_t size = png_make(file, type, width, height, from), bytes = (size_t)(side * side * 3);
  char *copy = said_copy(file, size);
  const int code = png_parse("f", copy, size, side, got);
  CHECK(code == 0 && memcmp(got, wanted, bytes) == 0, "PNG: %s", name);
  free(copy);
}

static void check_png(void) {
  const unsigned char rgb[] = {1, 2, 3, 250, 40, 5, 100, 110, 120, 0, 255, 9};
  draws(PNG_RGB, 2, 2, rgb, 2, rgb, "its pixels");
  const unsigned char grey[] = {10, 200, 30, 40},
                      three[] = {10, 10, 10, 200, 200, 200, 30, 30, 30, 40, 40, 40};
  draws(PNG_GREY, 2, 2, grey, 2, three, "grey ones");
  const unsigned char clear[] = {9, 9, 9, 0, 0, 100, 200, 255, 0, 0, 0, 51, 50, 50, 50, 255},
                      on_white[] = {255, 255, 255, 0, 100, 200, 204, 204, 204, 50, 50, 50};
  draws(PNG_RGBA, 2, 2, clear, 2, on_white, "transparent ones on white");
  const unsigned char mean[] = {70, 70, 70};
  draws(PNG_GREY, 2, 2, grey, 1, mean, "the mean of four");
  unsigned char large[4 * 4 * 3];
  for (int i = 0; i < 16; i++) memset(large + 3 * i, grey[i / 8 * 2 + i % 4 / 2], 3);
  draws(PNG_GREY, 2, 2, grey, 4, large, "four of each");
  const unsigned char wide[] = {11, 21},
                      padded[] = {133, 133, 133, 138, 138, 138, 133, 133, 133, 138, 138, 138};
  draws(PNG_GREY, 2, 1, wide, 2, padded, "white above and below what is wide");
}

static void check_png_refusals(void) {
  char file[256];
  const unsigned char pixel[] = {1, 2, 3, 4};
  const size_t size = png_make(file, PNG_GREY, 2, 2, pixel);
  refuses_png("no picture at all", 17, "seqgpu: f: is no picture in PNG: libpng says: ", "a text");
  refuses_png(file, 20, "seqgpu: f: is no picture in PNG: libpng says: ", "the first bytes alone");
  refuses_png(file, 48, "seqgpu: f: is damaged: libpng says: ", "half of the pixels");
  unsigned char head[13] = {0, 1, 0, 0, 0, 1, 0, 0, 8, 0, 0, 0, 0}; /* 65536 x 65536 */
  png_chunk((unsigned char *)file + 8, "IHDR", head, sizeof head);
  refuses_png(file, size, "seqgpu: f: has 65536 x 65536 pixels; that is too much",
              "a picture without an end");
}
#endif

/* ---------------------------------------------------------------- lists */

static void write_file(const char *name, const void *bytes, size_t size) {
  FILE *file = fopen(name, "wb");
  if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) exit(EXIT_FAILURE);
}

/* Numbers 0, 1, 2, ... in a .npy file of this shape; one of them may be infinite. */
static void write_npy(const char *name, const char *shape, int count, int infinite) {
  unsigned char file[1024] = "\x93NUMPY\x01\0\x76\0";
  float number[64] = {0};
  const int head =
      snprintf((char *)file + 10, 119, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shape);
  memset(file + 10 + head, ' ', (size_t)(117 - head));
  file[127] = '\n';
  for (int i = 0; i < count; i++) number[i] = i == infinite ? INFINITY : (float)i;
  memcpy(file + 128, number, (size_t)count * sizeof *number);
  write_file(name, file, 128 + (size_t)count * sizeof *number);
}

static pictures none_of(int64_t side, int fixed) {
  return (pictures){.ctx = ctx,
                    .seed = 1,
                    .form = picture_form_of_pixels(side, 2),
                    .fixed = fixed,
                    .caption = SENTENCES_NONE};
}

static int parse_list(const char *lines, pictures *p) {
  text_file text;
  const size_t size = strlen(lines);
  if (text_parse("t", said_copy(lines, size), size, TOKEN_BYTES, &text) != 0) exit(EXIT_FAILURE);
  return pictures_parse("t", &text, p);
}

static void refuses_list(const char *lines, const char *sentence) {
  pictures p = none_of(4, 0);
  said_listen();
  const int ok = said_answer(parse_list(lines, &p), sentence);
  check_record(ok, said, "refused: %s", sentence);
  pictures_free(&p);
}

static void check_lists(void) {
  pictures p = none_of(4, 0);
  write_npy("a.npy", "(2, 3, 2)", 12, -1);
  write_npy("b.npy", "(2, 3, 2)", 12, -1);
  write_npy("rows.npy", "(6, 2)", 12, -1);
  write_npy("flat.npy", "(12,)", 12, -1);
  write_npy("far.npy", "(2, 3, 2)", 12, 7);
  CHECK(parse_list("a.npy\ta dog  asleep\n\r\nb.npy\tone\r\n", &p) == 0 && p.count == 2 &&
            p.caption.count == 2,
        "a list of two");
  CHECK(p.form.side == 0 && p.form.rows == 2 && p.form.columns == 3 && p.form.inputs == 2, "its form");
  CHECK(p.caption.words == 4 && p.caption.word[3].size == 3 && p.number[12 + 5] == 5, "words and numbers");
  pictures_free(&p);
  p = none_of(4, 0);
  CHECK(parse_list("rows.npy\tx\n", &p) == 0 && p.form.rows == 1 && p.form.columns == 6, "patches in a row");
  pictures_free(&p);
  refuses_list("\n", "t: has no picture; it must have at least one line, a path, a tab and a caption");
  refuses_list("a.npy\tx\na.npy x\n", "t: line 2 must be the path of a picture, a tab, and its caption");
  refuses_list("\tx\n", "t: line 1 must be the path of a picture, a tab, and its caption");
  refuses_list("a.npy\t \n", "t: line 1 has no words; it must have a caption");
  refuses_list("a\033.npy\tx\n", "t: line 1 has a path that cannot be shown");
  refuses_list("a.npy\t\xC3\n", "t: line 1, byte 6: is no character; it must be UTF-8 text");
  refuses_list("a.npy\tx\nrows.npy\ty\n", "rows.npy: is [1,6,2]; it must be [2,3,2], as the others are");
  refuses_list("flat.npy\tx\n",
               "flat.npy: has 1 dimensions; it must have [rows,columns,inputs] or [patches,inputs]");
  refuses_list("far.npy\tx\n", "far.npy: has a number that is not finite");
  refuses_list("a.npy\tx\nz.png\ty\n", "z.png: must be numbers in a .npy file, as the others are");
  refuses_list("z.png\ty\n", "z.png: cannot open: No such file or directory");
  p = none_of(4, 1);
  said_listen();
  CHECK(said_answer(parse_list("a.npy\tx\n", &p), "a.npy: must be a picture in PNG, as the others are"),
        "numbers for a model of pixels");
  pictures_free(&p);
}

/* A file with so many arrays of [1,2,2] under a name that says there is one; a byte of it may be wrong. */
static void write_arrays(const char *name, int count, int broken) {
  static const float value[4] = {1, 2, 3, 4};
  static const seqgpu_npy_array array[2] = {{"a", SEQGPU_DTYPE_F32, 3, {1, 2, 2}, value},
                                            {"b", SEQGPU_DTYPE_F32, 3, {1, 2, 2}, value}};
  static char bytes[4096];
  CHECK(seqgpu_npy_write(ctx, "some.npz", array, count) == SEQGPU_OK, "%s is written", name);
  FILE *file = fopen("some.npz", "rb");
  const size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  if (!file || fclose(file) != 0 || unlink("some.npz") != 0) exit(EXIT_FAILURE);
  for (size_t i = 0; broken && i + sizeof value <= size; i++)
    if (memcmp(bytes + i, value, sizeof value) == 0) bytes[i] ^= 1;
  write_file(name, bytes, size);
}

/* What a .npy file must not be. */
static void check_arrays(void) {
  write_arrays("none.npy", 0, 0);
  write_arrays("one.npy", 1, 0);
  write_arrays("two.npy", 2, 0);
  write_arrays("broken.npy", 1, 1);
  write_npy("empty.npy", "(2, 0, 2)", 0, -1);
  write_npy("deep.npy", "(1, 2, 3, 2)", 12, -1);
  write_npy("narrow.npy", "(2, 3, 1)", 6, -1);
  write_npy("short.npy", "(1, 3, 2)", 6, -1);
  write_npy("thin.npy", "(2, 2, 2)", 8, -1);
  write_npy("huge.npy", "(32769, 8192)", 0, -1); /* of which nothing is on the disk */
  if (truncate("huge.npy", 128 + 4 * INT64_C(32769) * 8192) != 0) exit(EXIT_FAILURE);
  refuses_list("none.npy\tx\n", "none.npy: has 0 arrays; it must have one");
  refuses_list("two.npy\tx\n", "two.npy: has 2 arrays; it must have one");
  refuses_list("broken.npy\tx\n", "broken.npy: member \"a\" has another checksum than its directory says");
  refuses_list("empty.npy\tx\n", "empty.npy: has no numbers");
  refuses_list("deep.npy\tx\n",
               "deep.npy: has 4 dimensions; it must have [rows,columns,inputs] or [patches,inputs]");
  refuses_list("a.npy\tx\nnarrow.npy\tx\n", "narrow.npy: is [2,3,1]; it must be [2,3,2], as the others are");
  refuses_list("a.npy\tx\nshort.npy\tx\n", "short.npy: is [1,3,2]; it must be [2,3,2], as the others are");
  refuses_list("a.npy\tx\nthin.npy\tx\n", "thin.npy: is [2,2,2]; it must be [2,3,2], as the others are");
  refuses_list("huge.npy\tx\n", "huge.npy: has 268443648 numbers; that is too much");
  refuses_list(".npy\tx\n", ".npy: cannot open: No such file or directory");
  pictures p = none_of(4, 0);
  CHECK(parse_list("one.npy\tx\n", &p) == 0 && p.number[3] == 4, "one array of a .npz");
  pictures_free(&p);
  static const char *const files[] = {"none.npy", "one.npy",    "two.npy",   "broken.npy", "empty.npy",
                                      "deep.npy", "narrow.npy", "short.npy", "thin.npy",   "huge.npy"};
  for (size_t i = 0; i < COUNT(files); i++) unlink(files[i]);
}

/* More than there is room for at first, and a path that is too long. */
static void check_long_lists(void) {
  enum { LINES = 40, MOST = 4096 };
  char lines[MOST + 200] = "";
  pictures p = none_of(4, 0);
  for (int i = 0; i < LINES; i++) strcat(lines, i % 2 ? "a.npy\tone\n" : "b.npy\tanother\n");
  CHECK(parse_list(lines, &p) == 0 && p.count == LINES && p.number[12 * (LINES - 1) + 5] == 5, "a list of %d",
        LINES);
  pictures_free(&p);
  memset(lines, 'a', MOST);
  memcpy(lines + MOST, "\tx\n", 4);
  refuses_list(lines, "t: line 1: the path is too long");
  p = none_of(16, 0);
  CHECK(pictures_read_file("scenes:40", &p) == 0 && p.count == 40, "forty scenes");
  pictures_free(&p);
}

static void refuses_file(const char *name, const char *sentence) {
  pictures p = none_of(0, 1);
  p.form = (picture_form){.rows = 1, .columns = 1, .inputs = 1};
  said_listen();
  const int ok = said_answer(pictures_read_file(name, &p), sentence);
  check_record(ok, said, "refused: %s", sentence);
  pictures_free(&p);
}

static void refuses_name(const char *name, int64_t side, const char *sentence) {
  pictures p = none_of(side, 0);
  if (side == 0) p.form = (picture_form){.rows = 1, .columns = 1, .inputs = 1};
  said_listen();
  const int ok = said_answer(pictures_read(name, &p), sentence);
  check_record(ok, said, "refused: %s", sentence);
  pictures_free(&p);
}

static void check_names(void) {
  pictures p = none_of(16, 0);
  CHECK(pictures_read("unseen:3", &p) == 0 && p.count == 3 && p.caption.count == 3, "three scenes");
  CHECK(pictures_read_file("scenes:2", &p) == 0 && p.count == 5 && p.caption.count == 3,
        "and two without captions");
  pictures_free(&p);
  refuses_name("scenes:", 16, "scenes:: must say how many scenes, from 1 to 2147483647, as in scenes:1000");
  refuses_name("unseen:0", 16, "unseen:0: must say how many scenes, from 1 to 2147483647, as in unseen:1000");
  refuses_name("unseen:9x", 16,
               "unseen:9x: must say how many scenes, from 1 to 2147483647, as in unseen:1000");
  refuses_name("scenes:99999", 16, "scenes:99999: are more than 65536 scenes, which only a training draws");
  refuses_name("scenes:9", 0, "scenes:9: the model sees numbers of .npy files, and no pixels");
  refuses_name("nowhere", 16, "nowhere: cannot open: No such file or directory");
  refuses_name("scenes:/", 16, "scenes:/: must say how many scenes, from 1 to 2147483647, as in scenes:1000");
  refuses_name("scenes:2147483648", 16,
               "scenes:2147483648: must say how many scenes, from 1 to 2147483647, as in scenes:1000");
  refuses_file("unseen:x", "unseen:x: must say how many scenes, from 1 to 2147483647, as in unseen:1000");
  refuses_file("unseen:1", "unseen:1: the model sees numbers of .npy files, and no pixels");
}

/* ---------------------------------------------------------------- batches */

static vocabulary words_of(const sentences *s) {
  vocabulary v;
  if (words_count(s, 1, &v) != 0) exit(EXIT_FAILURE);
  return v;
}

static double least_of(const unsigned char *p) { return fmin(p[0], fmin(p[1], p[2])) / 255; }

/* The mean of what a quarter of a patch has: k 0 is r - g, k 1 (r + g) / 2 - b; the patch begins at `left` and `top`. */
static double colour_of(const unsigned char *pixel, int64_t side, int64_t left, int64_t top, int64_t patch,
                        int quarter, int k) {
  const int64_t half = patch / 2, x0 = left + quarter % 2 * half, y0 = top + quarter / 2 * half;
  double sum = 0;
  for (int64_t y = y0; y < y0 + half; y++)
    for (int64_t x = x0; x < x0 + half; x++) {
      const unsigned char *p = pixel + (y * side + x) * 3;
      sum += k == 0 ? p[0] - p[1] : (p[0] + p[1]) / 2. - p[2];
    }
  return 3 * (double)half * sum / (double)(half * half * 255);
}

/* Each pixel of each picture is where its patch is, and so are the colours of its quarters. */
static int has_pixels(const picture_batch *b, const unsigned char *const pixel[], int64_t side,
                      int64_t patch) {
  const int64_t columns = side / patch, inputs = patch * patch + 8, B = b->words.batch;
  const float *x = b->words.patches;
  double most = 0;
  for (int64_t i = 0; i < B; i++)
    for (int64_t p = 0; p < columns * columns; p++) {
      const float *is = x + (p * B + i) * inputs;
      const int64_t left = p % columns * patch, top = p / columns * patch;
      for (int64_t k = 0; k < patch * patch; k++) {
        const unsigned char *at = pixel[i] + ((top + k / patch) * side + left + k % patch) * 3;
        most = check_worse(most, fabs((double)is[k] - 3 * (1 - least_of(at))));
      }
      for (int k = 0; k < 8; k++)
        most = check_worse(most, fabs((double)is[patch * patch + k] -
                                      colour_of(pixel[i], side, left, top, patch, k / 2, k % 2)));
    }
  return most < 1e-5;
}

/* Column i of the targets is these words and the end; that before is they, a step later. */
static int has_caption(const picture_batch *b, int64_t i, const char *caption, const vocabulary *words) {
  const int64_t B = b->words.batch;
  const char *at = caption;
  int32_t last = -1;
  for (int64_t t = 0; t < b->words.target_len; t++) {
    const char *word = word_after(&at);
    const int32_t wanted = *word                           ? vocab_find(words, word, strlen(word))
                           : last == words->size || t == 0 ? -1
                                                           : words->size;
    const int ended = !*word && last == -2;
    if (b->target[t * B + i] != (ended ? -1 : wanted)) return 0;
    if (t > 0 && !ended && b->words.before[t * B + i] != last) return 0;
    if (t == 0 && b->words.before[i] != -1) return 0;
    last = *word ? wanted : -2;
  }
  return *at == '\0';
}

static void check_drawn(void) {
  sentences all = SENTENCES_NONE;
  text_file text = text_of(scene_vocabulary);
  static unsigned char pixel[3][16 * 16 * 3];
  const unsigned char *const pixels[] = {pixel[0], pixel[1], pixel[2]};
  picture_set s = {.data = none_of(16, 0), .drawn = 7, .apart = 1};
  picture_batch b;
  if (sentences_parse_lines("t", &text, &all) != 0) exit(EXIT_FAILURE);
  vocabulary words = words_of(&all);
  CHECK(picture_set_open(&s, &words, 3, 5) == 0 && s.order.batches == 3 && s.longest == SCENE_WORDS,
        "a set of scenes that are drawn");
  CHECK(words.size == 27, "26 words and <unk>");
  for (int64_t step = 0; step < 4; step++) {
    int captions = picture_set_update(&s, step, &b) && b.words.batch == 3;
    int64_t steps = 0;
    for (int64_t i = 0; i < 3; i++) {
      scene is;
      char caption[SCENE_CAPTION];
      scene_make(5, (scene_kind){.apart = step < 3}, 3 * step + i, &is); /* three updates an epoch */
      scene_draw(&is, 16, pixel[i]);
      scene_caption(&is, caption);
      captions &= has_caption(&b, i, caption, &words);
      for (const char *at = caption; *at; steps++) word_after(&at);
      steps++;
    }
    CHECK(captions && b.steps == steps, "update %d: captions", (int)step);
    CHECK(has_pixels(&b, pixels, 16, 2), "update %d: pixels", (int)step);
  }
  picture_set_close(&s);
  vocab_free(&words);
  sentences_free(&all);
}

static void check_set(void) {
  picture_set s = {.data = none_of(8, 0)};
  picture_batch b;
  const int32_t which[] = {4, 1};
  if (pictures_read("scenes:6", &s.data) != 0) exit(EXIT_FAILURE);
  vocabulary words = words_of(&s.data.caption);
  CHECK(picture_set_open(&s, &words, 2, 1) == 0 && s.order.batches == 3, "a set of scenes that are read");
  const unsigned char *const pixels[] = {s.data.pixel + 4 * 8 * 8 * 3, s.data.pixel + 8 * 8 * 3};
  int right = picture_set_batch(&s, which, 2, &b) && has_pixels(&b, pixels, 8, 2);
  for (int i = 0; i < 2; i++) {
    scene is;
    char caption[SCENE_CAPTION];
    scene_make(1, (scene_kind){.validation = 1}, which[i], &is);
    scene_caption(&is, caption);
    right &= has_caption(&b, i, caption, &words);
  }
  CHECK(right, "its batch");
  CHECK(picture_set_update(&s, 2, &b) && b.words.batch == 2, "and that of an update");
  picture_set_close(&s);
  vocab_free(&words);
}

/* Words of a scene that the vocabulary has not are unknown. */
static void check_unknown_words(void) {
  sentences few = SENTENCES_NONE;
  text_file text = text_of("a small circle\n");
  picture_set s = {.data = none_of(16, 0), .drawn = 2};
  picture_batch b;
  int32_t words_of_it = 0, unknown = 0;
  if (sentences_parse_lines("t", &text, &few) != 0) exit(EXIT_FAILURE);
  vocabulary words = words_of(&few);
  CHECK(picture_set_open(&s, &words, 3, 5) == 0 && picture_set_update(&s, 0, &b) && b.words.batch == 2,
        "fewer scenes than a batch has");
  for (int64_t i = 0; i < b.words.target_len * b.words.batch; i++) {
    words_of_it += b.target[i] >= 0 && b.target[i] < words.size;
    unknown += b.target[i] == words.unknown;
  }
  CHECK(unknown > 0 && words_of_it > unknown, "words that are unknown");
  picture_set_close(&s);
  vocab_free(&words);
  sentences_free(&few);
}

static void check_numbers(void) {
  picture_set s = {.data = none_of(4, 0)};
  picture_batch b = {.target = NULL};
  vocabulary words = {.unknown = -1};
  const int32_t which[] = {0, 1};
  if (pictures_read_file("a.npy", &s.data) != 0 || pictures_read_file("b.npy", &s.data) != 0)
    exit(EXIT_FAILURE);
  const int made = picture_set_open(&s, &words, 2, 1) == 0 && picture_set_batch(&s, which, 2, &b);
  CHECK(made, "a set of numbers");
  if (!made) return;
  CHECK(b.words.target_len == 0 && b.steps == 0, "without captions");
  int right = 1;
  for (int i = 0; i < 24; i++) {
    const int patch = i / 4, of_both = 2 * patch + i % 2;
    right &= ((const float *)b.words.patches)[i] == (float)of_both;
  }
  CHECK(right, "its numbers, patch by patch");
  picture_set_close(&s);
}

/* ---------------------------------------------------------------- what words look at */

static int count_of(const char *text, const char *what) {
  int count = 0;
  for (; (text = strstr(text, what)) != NULL; text++) count++;
  return count;
}

static void check_picture(void) {
  static char page[1 << 14];
  const unsigned char pixel[] = {255, 0, 0, 255, 0, 0, 0, 0, 255, 255, 0, 0};
  const sentences_piece word[] = {{"a", 1}, {"<b>", 3}};
  const float weight[] = {1, 0, 0, 0, 0.25F, 0.25F, 0.5F, 0};
  const caption_map map[] = {
      {.side = 2, .pixel = pixel, .rows = 2, .columns = 2, .word = word, .words = 2, .weight = weight},
      {.rows = 2, .columns = 2, .word = word, .words = 1, .weight = weight}};
  FILE *to = fmemopen(page, sizeof page, "w");
  if (to == NULL) exit(EXIT_FAILURE);
  caption_picture(to, map, 2);
  fclose(to);
  CHECK(strncmp(page, "<svg ", 5) == 0 && strstr(page, "</svg>\n"), "a whole page");
  CHECK(count_of(page, "fill=\"#0000ff\"") == 1 && count_of(page, "fill=\"#ff0000\"") == 1, "pixels, once");
  CHECK(count_of(page, "<use href=\"#picture0\"") == 3 && count_of(page, "<use href=\"#picture1\"") == 2,
        "each picture, and once more for each word");
  CHECK(count_of(page, "fill-opacity=\"0.90\"") == 7 && count_of(page, "fill-opacity=\"0.45\"") == 2,
        "veils where words do not look");
  CHECK(count_of(page, "&lt;b&gt;") == 1, "a word that is no tag");
}

/* What no word looks at is not veiled. */
static void check_no_weight(void) {
  static char page[1 << 12];
  const sentences_piece word[] = {{"a", 1}};
  const float weight[] = {0, 0, 0, 0};
  const caption_map map = {.rows = 2, .columns = 2, .word = word, .words = 1, .weight = weight};
  FILE *to = fmemopen(page, sizeof page, "w");
  if (to == NULL) exit(EXIT_FAILURE);
  caption_picture(to, &map, 1);
  fclose(to);
  CHECK(strstr(page, "</svg>\n") && count_of(page, "fill-opacity") == 0, "no veil where nothing has weight");
}

/* A long word is cut between two characters; a map may be narrower than the one before it. */
static void check_attention(void) {
  static char page[1 << 13];
  char text[2][70];
  memset(text, 'a', sizeof text);
  memcpy(text[0] + 62, "\xE2\x82\xAC", 3); /* of which two bytes would fit */
  memset(text[1], 0xBF, sizeof text[1]);   /* nothing that begins a character */
  const sentences_piece word[] = {{text[0], 70}, {"b", 1}, {text[0], 62}, {text[1], 70}};
  const float weight[] = {0.25F, 0.75F, 1, 0.5F};
  const attention_map map[] = {
      {.source = word, .sources = 2, .target = word + 1, .targets = 1, .weight = weight},
      {.source = word + 1, .sources = 1, .target = word + 2, .targets = 2, .weight = weight + 2}};
  FILE *to = fmemopen(page, sizeof page, "w");
  if (to == NULL) exit(EXIT_FAILURE);
  attention_picture(to, map, 2);
  fclose(to);
  CHECK(count_of(page, "aaaa</text>") == 2 && count_of(page, "\xE2") == 0 && count_of(page, "\xBF") == 0,
        "a long word is cut between characters");
  CHECK(strstr(page, "viewBox=\"0 0 318 ") && count_of(page, "fill-opacity=") == 4,
        "as wide as the widest map");
}

int main(void) {
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  char folder[] = "/tmp/seqgpu-pictures-XXXXXX";
  check_start();
  if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK || !mkdtemp(folder) || chdir(folder) != 0) return 1;
  check_scenes(0);
  check_scenes(1);
  check_series();
  check_apart();
  check_vocabulary();
#ifdef SEQGPU_PNG
  check_png();
  check_png_refusals();
#else
  check_skip("this build has no libpng", "PNG");
  refuses_png("x", 1, "seqgpu: f: cannot be read: this build has no libpng", "a build without libpng");
#endif
  check_lists();
  check_arrays();
  check_long_lists();
  check_names();
  check_drawn();
  check_set();
  check_unknown_words();
  check_numbers();
  check_picture();
  check_no_weight();
  check_attention();
  static const char *const files[] = {"a.npy", "b.npy", "rows.npy", "flat.npy", "far.npy"};
  for (size_t i = 0; i < COUNT(files); i++) unlink(files[i]);
  CHECK(chdir("/") == 0 && rmdir(folder) == 0, "nothing is left");
  seqgpu_context_destroy(ctx);
  return check_finish();
}
