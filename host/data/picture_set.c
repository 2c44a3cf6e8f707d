/* picture_set.c - see picture_set.h. */
#include "host/data/picture_set.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/data/grow.h"

/* Whether what is read has them; what is drawn always has. */
static int has_captions(const picture_set *s) { return s->data.caption.count > 0; }

/* ---------------------------------------------------------------- life */

static void open_drawn(picture_set *s, int64_t batch, int64_t seed) {
  s->longest = SCENE_WORDS;
  s->order = (buckets){.count = s->drawn,
                       .batch = batch,
                       .batches = (s->drawn + batch - 1) / batch,
                       .seed = (uint64_t)seed,
                       .epoch = BUCKETS_NONE};
}

int picture_set_open(picture_set *s, const vocabulary *words, int64_t batch, int64_t seed) {
  const int64_t count = s->data.count;
  s->words = words;
  if (s->drawn > 0) open_drawn(s, batch, seed);
  if (s->data.form.side > 0) {
    s->pixel = malloc((size_t)(s->data.form.side * s->data.form.side * PICTURES_CHANNELS));
    if (s->pixel == NULL) return cli_error("out of memory");
  }
  if (count == 0) return CLI_OK;
  if (has_captions(s)) {
    CLI_TRY(word_set_create(&s->data.caption, words, NULL, &s->caption));
    s->longest = s->caption.longest;
  }
  s->length = malloc((size_t)count * sizeof *s->length);
  if (s->length == NULL) return cli_error("out of memory");
  for (int64_t i = 0; i < count; i++) s->length[i] = has_captions(s) ? s->caption.length[i] : 1;
  return buckets_create(count, s->length, batch, seed, &s->order);
}

void picture_set_close(picture_set *s) {
  buckets_free(&s->order);
  word_set_free(&s->caption);
  pictures_free(&s->data);
  free(s->length);
  free(s->pixel);
  free(s->x);
  free(s->number);
  *s = (picture_set){.data = {.caption = SENTENCES_NONE}};
}

/* ---------------------------------------------------------------- room */

static int make_room(picture_set *s, int64_t B, int64_t T, picture_batch *out) {
  const picture_form *f = &s->data.form;
  void *x = s->x, *number = s->number;
  const size_t elements = (size_t)(2 * T * B);
  if (!grow(&x, &s->room, (size_t)(f->rows * f->columns * f->inputs * B), sizeof *s->x)) return 0;
  s->x = x;
  if (!grow(&number, &s->room_numbers, elements + 1, sizeof *s->number)) return 0;
  s->number = memset(number, 0xff, elements * sizeof *s->number);
  *out = (picture_batch){.words = {.batch = B, .patches = s->x, .target_len = T, .before = s->number},
                         .target = s->number + T * B};
  return 1;
}

/* ---------------------------------------------------------------- a picture */

/* Patch of size x size pixels, whose lines are `stride` bytes apart. */
static void fill_patch(const unsigned char *pixel, int64_t size, int64_t stride, float *to) {
  float *colour = to + size * size;
  const float scale = 3, share = scale * 2 / (float)(size * 255); /* e / e^2 = 2 / size */
  memset(colour, 0, PICTURES_COLOURS * sizeof *colour);
  for (int64_t y = 0; y < size; y++)
    for (int64_t x = 0; x < size; x++) {
      const unsigned char *p = pixel + y * stride + x * PICTURES_CHANNELS;
      const int r = p[0], g = p[1], b = p[2], less = r < g ? r : g, least = less < b ? less : b;
      float *quarter = colour + 2 * (2 * (2 * y / size) + 2 * x / size);
      to[y * size + x] = scale * (1 - (float)least / 255);
      quarter[0] += (float)(r - g) * share;
      quarter[1] += ((float)(r + g) / 2 - (float)b) * share;
    }
}

/* Pixels [side,side,3] as patches of picture b. */
static void fill_pixels(const picture_set *s, const unsigned char *pixel, int64_t b, int64_t B) {
  const picture_form *f = &s->data.form;
  for (int64_t p = 0; p < f->rows * f->columns; p++) {
    const int64_t y = p / f->columns * f->patch, x = p % f->columns * f->patch;
    fill_patch(pixel + (y * f->side + x) * PICTURES_CHANNELS, f->patch, f->side * PICTURES_CHANNELS,
               s->x + (p * B + b) * f->inputs);
  }
}

static void fill_numbers(const picture_set *s, const float *number, int64_t b, int64_t B) {
  const picture_form *f = &s->data.form;
  for (int64_t p = 0; p < f->rows * f->columns; p++)
    memcpy(s->x + (p * B + b) * f->inputs, number + p * f->inputs, (size_t)f->inputs * sizeof *number);
}

static void fill_picture(const picture_set *s, int64_t which, int64_t b, int64_t B) {
  const picture_form *f = &s->data.form;
  if (f->side > 0)
    fill_pixels(s, s->data.pixel + which * f->side * f->side * PICTURES_CHANNELS, b, B);
  else
    fill_numbers(s, s->data.number + which * f->rows * f->columns * f->inputs, b, B);
}

/* ---------------------------------------------------------------- a caption */

static void fill_caption(const picture_set *s, const int32_t *word, int64_t n, int64_t b,
                         picture_batch *out) {
  const int64_t B = out->words.batch;
  int32_t *before = s->number, *target = before + out->words.target_len * B;
  for (int64_t t = 0; t < n; t++) before[(t + 1) * B + b] = target[t * B + b] = word[t];
  target[n * B + b] = s->words->size;
  out->steps += n + 1;
}

int picture_set_batch(picture_set *s, const int32_t *which, int64_t count, picture_batch *out) {
  const buckets_part part = buckets_part_of(&s->order, which, count);
  if (!make_room(s, count, has_captions(s) ? buckets_longest(&part, s->length) + 1 : 0, out)) return 0;
  for (int64_t b = 0; b < count; b++) {
    fill_picture(s, which[b], b, count);
    if (has_captions(s))
      fill_caption(s, s->caption.word + s->data.caption.start[which[b]], s->length[which[b]], b, out);
  }
  return 1;
}

/* ---------------------------------------------------------------- scenes */

/* The numbers of a caption's words, at most SCENE_WORDS; how many they are. */
static int64_t number_words(const picture_set *s, const char *text, int32_t out[SCENE_WORDS]) {
  int64_t n = 0;
  for (size_t length; *text; n++) {
    length = strcspn(text, " ");
    out[n] = vocab_find(s->words, text, length);
    if (out[n] < 0) out[n] = s->words->unknown;
    text += length + (text[length] == ' ');
  }
  return n;
}

int picture_set_update(picture_set *s, int64_t step, picture_batch *out) {
  const buckets_part part = buckets_update(&s->order, step);
  const int64_t B = part.count, first = step * part.whole + part.first;
  if (s->drawn == 0) return picture_set_batch(s, part.batch + part.first, B, out);
  const scene_kind kind = {.unseen = s->unseen, .apart = step / s->order.batches < s->apart};
  if (!make_room(s, B, SCENE_WORDS + 1, out)) return 0;
  for (int64_t b = 0; b < B; b++) {
    char text[SCENE_CAPTION];
    int32_t word[SCENE_WORDS];
    scene is;
    scene_make(s->order.seed, kind, first + b, &is);
    scene_caption(&is, text);
    scene_draw(&is, s->data.form.side, s->pixel);
    fill_pixels(s, s->pixel, b, B);
    fill_caption(s, word, number_words(s, text, word), b, out);
  }
  return 1;
}
