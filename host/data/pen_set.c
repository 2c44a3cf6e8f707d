/* pen_set.c - see pen_set.h. */
#include "host/data/pen_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/data/grow.h"
#include "host/data/strokes.h"

enum { POINT = STROKES_POINT, BASE = 9 /* y of the line that letters stand on */ };

/* The stream of random numbers of an update's hands; ALIKE in it is that of hands that stay. */
static const uint64_t HANDS = UINT64_C(15) << 60, ALIKE = UINT64_C(1) << 59;

/* ---------------------------------------------------------------- a line in a font */

/* Lines take turns. */
static const hershey *font_of(const pen_text *fonts, int64_t line) {
  return &fonts->font[line % fonts->fonts];
}

/* A pen that goes along a line, from point to point. */
typedef struct walk {
  const hershey *font;
  const char *letters;
  int64_t count, letter; /* of letters; the one that the point is of */
  int32_t next;          /* point of the font */
  int64_t left;          /* where the letter begins */
  double x, y;
  int lifted, ended; /* ended: the last move is made */
} walk;

static walk walk_of(const pen_text *t, const pen_text *fonts, int64_t line) {
  walk w = {.font = font_of(fonts, line),
            .letters = t->letters + t->start[line],
            .count = pen_text_length(t, line),
            .letter = -1};
  return w;
}

/* 0 at the end, behind the move to where one more letter would begin. */
static int walk_on(walk *w) {
  for (; w->letter < w->count; w->letter++) {
    const int i = w->letter < 0 ? -1 : w->letters[w->letter] - HERSHEY_FIRST;
    if (i >= 0 && w->next < w->font->start[i + 1]) {
      const hershey_point p = w->font->point[w->next++];
      w->x = (double)(w->left + p.x - w->font->left[i]);
      w->y = p.y;
      w->lifted = p.lifted != 0;
      return 1;
    }
    if (i >= 0) w->left += w->font->right[i] - w->font->left[i];
    if (w->letter + 1 < w->count) w->next = w->font->start[w->letters[w->letter + 1] - HERSHEY_FIRST];
  }
  if (w->ended) return 0;
  w->ended = 1;
  w->x = (double)w->left;
  w->y = BASE;
  w->lifted = 1;
  return 1;
}

/* Moves from point to point, and the last one. */
static int64_t moves_of(const pen_text *t, const pen_text *fonts, int64_t line) {
  const hershey *f = font_of(fonts, line);
  int64_t points = 0;
  for (int64_t i = t->start[line]; i < t->start[line + 1]; i++) {
    const int letter = t->letters[i] - HERSHEY_FIRST;
    points += f->start[letter + 1] - f->start[letter];
  }
  return points;
}

/* ---------------------------------------------------------------- of all lines */

char *pen_set_alphabet(const pen_text *t) {
  unsigned char there[256] = {0};
  char *out = malloc(HERSHEY_LETTERS + 1);
  size_t n = 0;
  for (int64_t i = 0; t->lines > 0 && i < t->start[t->lines]; i++) there[(unsigned char)t->letters[i]] = 1;
  for (int c = HERSHEY_FIRST; out && c < HERSHEY_FIRST + HERSHEY_LETTERS; c++)
    if (there[c]) out[n++] = (char)c;
  if (out) out[n] = '\0';
  return out;
}

double pen_set_deviation(const pen_text *t, const pen_text *fonts) {
  double sum = 0, count = 0;
  for (int64_t line = 0; line < t->lines; line++) {
    walk w = walk_of(t, fonts, line);
    walk_on(&w);
    for (double x = w.x, y = w.y; walk_on(&w); x = w.x, y = w.y, count += 2)
      sum += (w.x - x) * (w.x - x) + (w.y - y) * (w.y - y);
  }
  return count > 0 ? sqrt(sum / count) : 0;
}

int pen_set_places(pen_set *s, const char *alphabet) {
  for (int c = 0; c < 256; c++) s->place[c] = -1;
  for (int32_t i = 0; alphabet[i]; i++) s->place[(unsigned char)alphabet[i]] = i;
  for (int64_t i = 0; s->text.lines > 0 && i < s->text.start[s->text.lines]; i++) {
    const unsigned char c = (unsigned char)s->text.letters[i];
    if (s->place[c] < 0)
      return cli_error(c > ' ' && c < 127
                           ? "the model has not learnt the letter %c; its letters are: %s"
                           : "the model has not learnt the letter with code %d; its letters are: %s",
                       c, alphabet);
  }
  return CLI_OK;
}

int pen_set_open(pen_set *s, const char *alphabet, int64_t batch, int64_t seed) {
  const pen_text *t = &s->text;
  if (t->lines > INT32_MAX) return cli_error("there are too many lines");
  CLI_TRY(pen_set_places(s, alphabet));
  if (t->lines == 0) return CLI_OK;
  s->length = malloc((size_t)t->lines * sizeof *s->length);
  if (s->length == NULL) return cli_error("out of memory");
  for (int64_t i = 0; i < t->lines; i++) {
    const int64_t moves = moves_of(t, s->fonts, i) - (s->no_end != 0);
    s->length[i] = (int32_t)moves;
    s->points += moves;
    if (moves > s->longest) s->longest = moves;
    if (pen_text_length(t, i) > s->longest_text) s->longest_text = pen_text_length(t, i);
  }
  return buckets_create(t->lines, s->length, batch, seed, &s->order);
}

void pen_set_close(pen_set *s) {
  pen_text_free(&s->text);
  buckets_free(&s->order);
  free(s->length);
  free(s->labels);
  step_room_free(&s->room);
  *s = (pen_set){.text = PEN_TEXT_NONE};
}

/* ---------------------------------------------------------------- a hand */

/* Random numbers of one line, in their order. */
typedef struct dice {
  uint64_t seed, stream, index;
} dice;

static dice dice_of(const pen_hand *hand, int32_t line, int64_t place) {
  const int alike = hand->step == PEN_SET_ALIKE;
  return (dice){(uint64_t)hand->seed, HANDS | (alike ? ALIKE : (uint64_t)hand->step),
                (uint64_t)(alike ? line : place) << 32};
}

static double between(dice *d, double least, double most) {
  return least + (most - least) * seqgpu_uniform(d->seed, d->stream, d->index++);
}

/* A point of the Gaussian with deviation 1 in two dimensions (Box and Muller 1958). */
static void gaussian(dice *d, double out[2]) {
  const double radius = sqrt(-2 * log(between(d, 0, 1))), angle = between(d, 0, 6.283185307179586);
  out[0] = radius * cos(angle);
  out[1] = radius * sin(angle);
}

/* Line which[i] at place i of a batch. */
static void fill_line(const pen_set *s, int32_t line, int64_t i, const pen_hand *hand, const pen_batch *b,
                      int32_t *at) {
  const int64_t B = b->ink.batch;
  dice d = dice_of(hand, line, b->ink.first + i);
  const double slant = between(&d, -hand->slant, hand->slant),
               scale = between(&d, 1 - hand->scale, 1 + hand->scale) / s->deviation;
  walk w = walk_of(&s->text, s->fonts, line);
  double old_x = 0, old_y = 0;
  for (int64_t t = -1; t < s->length[line]; t++) { /* as many points as the pen goes to */
    double off[2];
    walk_on(&w);
    gaussian(&d, off);
    /* y goes down, and a line leans to the right */
    const double x = scale * (w.x - slant * w.y + hand->jitter * off[0]),
                 y = scale * (w.y + hand->jitter * off[1]);
    if (t >= 0) {
      float *to = b->ink.x + (t * B + i) * POINT;
      to[0] = (float)(x - old_x);
      to[1] = (float)(y - old_y);
      to[2] = (float)w.lifted;
      at[t * B + i] = (int32_t)w.letter;
    }
    old_x = x, old_y = y;
  }
  for (int64_t t = 1; t < s->length[line]; t++)
    memcpy(b->ink.before + (t * B + i) * POINT, b->ink.x + ((t - 1) * B + i) * POINT, POINT * sizeof(float));
}

int pen_set_batch(pen_set *s, const int32_t *which, int64_t count, const pen_hand *hand, pen_batch *out) {
  void *memory = s->labels;
  *out = (pen_batch){.text_len = 0};
  if (!step_batch_begin(&s->room, &s->order, POINT, which, count, &out->ink)) return 0;
  const buckets_part part = buckets_part_of(&s->order, which, count);
  for (int64_t i = 0; i < part.whole; i++)
    if (pen_text_length(&s->text, part.batch[i]) > out->text_len)
      out->text_len = pen_text_length(&s->text, part.batch[i]);
  const size_t text = (size_t)(out->text_len * count), points = (size_t)(out->ink.seq_len * count);
  if (!grow(&memory, &s->room_labels, text + points + (size_t)count, sizeof *s->labels)) return 0;
  s->labels = memory;
  memset(s->labels, 0xff, (text + points) * sizeof *s->labels); /* -1 */
  int32_t *lengths = s->labels + text + points;
  out->text = s->labels;
  out->at = s->labels + text;
  out->text_lengths = lengths;
  for (int64_t i = 0; i < count; i++) {
    const char *letters = s->text.letters + s->text.start[which[i]];
    lengths[i] = (int32_t)pen_text_length(&s->text, which[i]);
    for (int64_t u = 0; u < lengths[i]; u++) s->labels[u * count + i] = s->place[(unsigned char)letters[u]];
    fill_line(s, which[i], i, hand, out, s->labels + text);
  }
  return 1;
}
