/* pictures.c - see pictures.h. */
#include "host/data/pictures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/data/list_line.h"
#include "host/data/one_array.h"
#include "host/data/png.h"

enum { MOST_SCENES = 1 << 16, MOST_NUMBERS = 1 << 28 };

picture_form picture_form_of_pixels(int64_t side, int64_t patch) {
  return (picture_form){side, patch, side / patch, side / patch, patch * patch + PICTURES_COLOURS};
}

static size_t pixels_of(const pictures *p) {
  return (size_t)(p->form.side * p->form.side * PICTURES_CHANNELS);
}
static size_t numbers_of(const pictures *p) {
  return (size_t)(p->form.rows * p->form.columns * p->form.inputs);
}

void pictures_free(pictures *p) {
  sentences_free(&p->caption);
  free(p->pixel);
  free(p->number);
  *p = (pictures){.caption = SENTENCES_NONE};
}

/* ---------------------------------------------------------------- adding */

/* Room for one more, whose form is known. */
static int make_room(const char *path, pictures *p) {
  const size_t size = p->form.side ? pixels_of(p) : numbers_of(p) * sizeof *p->number;
  if (p->count < p->room) return CLI_OK;
  const int64_t room = p->room ? 2 * p->room : 16;
  void *larger = realloc(p->form.side ? (void *)p->pixel : p->number, (size_t)room * size);
  if (larger == NULL) return cli_error("%s: out of memory", path);
  if (p->form.side)
    p->pixel = larger;
  else
    p->number = larger;
  p->room = room;
  return CLI_OK;
}

/* The last one is there. */
static void count_one(pictures *p) {
  const size_t size = p->form.side ? pixels_of(p) : numbers_of(p) * sizeof *p->number;
  const void *last = p->form.side ? (const void *)(p->pixel + (size_t)p->count * size)
                                  : p->number + (size_t)p->count * numbers_of(p);
  p->hash = hash_bytes(p->hash ? p->hash : HASH_START, last, size);
  p->bytes += (int64_t)size;
  p->count++;
}

static int add_png(const char *path, pictures *p) {
  if (p->form.side == 0) return cli_error("%s: must be numbers in a .npy file, as the others are", path);
  CLI_TRY(make_room(path, p));
  CLI_TRY(png_read(path, p->form.side, p->pixel + (size_t)p->count * pixels_of(p)));
  count_one(p);
  return CLI_OK;
}

/* ---------------------------------------------------------------- numbers */

/* [P,inputs] are patches in a row. */
static int check_shape(const char *path, const seqgpu_npy_info *is, pictures *p) {
  picture_form *f = &p->form;
  const int64_t rows = is->rank == 3 ? is->shape[0] : 1,
                columns = is->rank == 3 ? is->shape[1] : is->shape[0],
                inputs = is->rank > 1 ? is->shape[is->rank - 1] : 0;
  if (is->rank < 2 || is->rank > 3)
    return cli_error("%s: has %d dimensions; it must have [rows,columns,inputs] or [patches,inputs]", path,
                     is->rank);
  if (is->elements < 1) return cli_error("%s: has no numbers", path);
  if (is->elements > MOST_NUMBERS)
    return cli_error("%s: has %lld numbers; that is too much", path, (long long)is->elements);
  if (p->count == 0 && !p->fixed) *f = (picture_form){0, 0, rows, columns, inputs};
  if (f->side == 0 && f->rows == rows && f->columns == columns && f->inputs == inputs) return CLI_OK;
  if (f->side > 0) return cli_error("%s: must be a picture in PNG, as the others are", path);
  return cli_error("%s: is [%lld,%lld,%lld]; it must be [%lld,%lld,%lld], as the others are", path,
                   (long long)rows, (long long)columns, (long long)inputs, (long long)f->rows,
                   (long long)f->columns, (long long)f->inputs);
}

/* Copies numbers that are read; 0 if one of them is not finite. */
static int copy_numbers(const double *from, float *to, size_t count) {
  for (size_t i = 0; i < count; i++) {
    to[i] = (float)from[i];
    if (!isfinite(to[i])) return 0;
  }
  return 1;
}

static int read_numbers(const char *path, const seqgpu_npy *file, const seqgpu_npy_info *is, pictures *p) {
  CLI_TRY(check_shape(path, is, p));
  CLI_TRY(make_room(path, p));
  double *wide = one_array_read(p->ctx, path, file, is);
  if (wide == NULL) return CLI_FAILED;
  const int finite = copy_numbers(wide, p->number + (size_t)p->count * numbers_of(p), numbers_of(p));
  free(wide);
  if (!finite) return cli_error("%s: has a number that is not finite", path);
  count_one(p);
  return CLI_OK;
}

static int add_npy(const char *path, pictures *p) {
  seqgpu_npy *file;
  seqgpu_npy_info is;
  CLI_TRY(one_array_open(p->ctx, path, &file, &is));
  const int code = read_numbers(path, file, &is, p);
  seqgpu_npy_close(file);
  return code;
}

static int add_picture(const char *path, pictures *p) {
  const size_t length = strlen(path);
  return length > 4 && strcmp(path + length - 4, ".npy") == 0 ? add_npy(path, p) : add_png(path, p);
}

/* ---------------------------------------------------------------- scenes */

int pictures_scenes(const char *name, int64_t *count, int *unseen) {
  static const char *const kinds[] = {"scenes:", "unseen:"};
  for (int k = 0; k < 2; k++) {
    const size_t length = strlen(kinds[k]);
    char *end;
    if (strncmp(name, kinds[k], length) != 0) continue;
    const long long n = strtoll(name + length, &end, 10);
    *count = n;
    *unseen = k;
    if (name[length] >= '0' && name[length] <= '9' && *end == '\0' && n >= 1 && n <= INT32_MAX) return 1;
    cli_error("%s: must say how many scenes, from 1 to %d, as in %s1000", name, INT32_MAX, kinds[k]);
    return -1;
  }
  return 0;
}

/* A line of a text whose memory has room for it. */
static void add_line_of_scene(const scene *s, text_file *text) {
  scene_caption(s, text->memory + text->size);
  text->size += strlen(text->memory + text->size);
  text->memory[text->size++] = '\n';
}

/* Their captions become lines of the text, if it has memory. */
static int add_scenes(const char *name, int64_t count, int unseen, pictures *p, text_file *text) {
  for (int64_t i = 0; i < count; i++) {
    scene s;
    scene_make(p->seed, (scene_kind){.unseen = unseen, .validation = 1}, i, &s);
    CLI_TRY(make_room(name, p));
    scene_draw(&s, p->form.side, p->pixel + (size_t)p->count * pixels_of(p));
    count_one(p);
    if (text->memory) add_line_of_scene(&s, text);
  }
  return CLI_OK;
}

static int check_scenes(const char *name, int64_t count, const pictures *p) {
  if (p->form.side == 0) return cli_error("%s: the model sees numbers of .npy files, and no pixels", name);
  if (count <= MOST_SCENES) return CLI_OK;
  return cli_error("%s: are more than %d scenes, which only a training draws", name, MOST_SCENES);
}

static int read_scenes(const char *name, int64_t count, int unseen, pictures *p) {
  text_file text = {.data = NULL};
  CLI_TRY(check_scenes(name, count, p));
  text.data = text.memory = malloc((size_t)count * SCENE_CAPTION);
  if (text.memory == NULL) return cli_error("%s: out of memory", name);
  const int code = add_scenes(name, count, unseen, p, &text);
  if (code == CLI_OK) return sentences_parse_lines(name, &text, &p->caption);
  text_free(&text);
  return code;
}

/* ---------------------------------------------------------------- a list */

static int add_line(const char *path, int64_t number, const char *line, int32_t size, pictures *p) {
  char file[LIST_PATH];
  const char *tab = memchr(line, '\t', (size_t)size);
  const size_t length = tab ? (size_t)(tab - line) : 0;
  const int64_t before = p->caption.words;
  if (length == 0)
    return cli_error("%s: line %lld must be the path of a picture, a tab, and its caption", path,
                     (long long)number);
  CLI_TRY(sentences_check_line(path, number, line, size));
  if (!list_is_plain(line, length))
    return cli_error("%s: line %lld has a path that cannot be shown", path, (long long)number);
  if (!sentences_add_words(&p->caption, tab + 1, size - (int32_t)length - 1))
    return cli_error("%s: out of memory", path);
  if (p->caption.words == before)
    return cli_error("%s: line %lld has no words; it must have a caption", path, (long long)number);
  CLI_TRY(list_path(path, number, line, length, file));
  CLI_TRY(add_picture(file, p));
  return sentences_end(&p->caption) ? CLI_OK : cli_error("%s: out of memory", path);
}

int pictures_parse(const char *path, text_file *text, pictures *p) {
  const char *at = text->data, *end = at + text->size, *line;
  const int64_t before = p->count;
  int32_t size;
  sentences_take(&p->caption, text);
  for (int64_t number = 1; sentences_line(&at, end, &line, &size); number++)
    if (size > 0) CLI_TRY(add_line(path, number, line, size, p));
  if (p->count > before) return CLI_OK;
  return cli_error("%s: has no picture; it must have at least one line, a path, a tab and a caption", path);
}

/* ---------------------------------------------------------------- whatever is named */

int pictures_read(const char *name, pictures *p) {
  text_file text;
  int64_t count;
  int unseen;
  const int scenes = pictures_scenes(name, &count, &unseen);
  if (scenes < 0) return CLI_FAILED;
  if (scenes > 0) return read_scenes(name, count, unseen, p);
  CLI_TRY(text_read(name, &text));
  return pictures_parse(name, &text, p);
}

int pictures_read_file(const char *name, pictures *p) {
  int64_t count;
  int unseen;
  const int scenes = pictures_scenes(name, &count, &unseen);
  if (scenes < 0) return CLI_FAILED;
  if (scenes == 0) return add_picture(name, p);
  CLI_TRY(check_scenes(name, count, p));
  return add_scenes(name, count, unseen, p, &(text_file){.memory = NULL});
}
