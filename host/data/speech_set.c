/* speech_set.c - see speech_set.h. */
#include "host/data/speech_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/context/utf8.h"
#include "host/data/grow.h"

/* The stream of random numbers that says what an update makes of its recordings. */
static const uint64_t CHANGES = UINT64_C(14) << 60;

/* No feature that a model makes is taken to be louder. */
static const double LOUDEST = 40;

/* ---------------------------------------------------------------- letters */

int speech_letters(const recordings *said, vocabulary *out) {
  int ok = 1;
  *out = (vocabulary){.kind = TOKEN_UTF8, .unknown = -1};
  for (int64_t i = 0; ok && i < said->count; i++) {
    const char *text = said->item[i].text;
    for (size_t n = strlen(text), length; ok && n > 0; text += length, n -= length)
      ok = vocab_count(out, text, length = sq_utf8_length(text, n)); /* texts are UTF-8 (recordings.h) */
  }
  return ok && vocab_rank(out, 0, 1) ? CLI_OK : cli_error("vocabulary: out of memory");
}

/* The numbers of a text's letters, in out unless that is NULL; how many there are. */
static int64_t number_text(const char *text, const vocabulary *letters, int32_t *out) {
  int64_t count = 0;
  for (size_t n = strlen(text), length; n > 0; text += length, n -= length, count++) {
    length = sq_utf8_length(text, n);
    const int32_t number = out ? vocab_find(letters, text, length) : 0;
    if (out) out[count] = number < 0 ? -1 : number + 1;
  }
  return count;
}

static int number_texts(speech_set *s, const vocabulary *letters) {
  const recordings *r = &s->said;
  s->label_start = malloc((size_t)(r->count + 1) * sizeof *s->label_start);
  if (s->label_start == NULL) return 0;
  s->label_start[0] = 0;
  for (int64_t i = 0; i < r->count; i++)
    s->label_start[i + 1] = s->label_start[i] + number_text(r->item[i].text, letters, NULL);
  s->label = malloc((size_t)(s->label_start[r->count] + 1) * sizeof *s->label);
  if (s->label == NULL) return 0;
  for (int64_t i = 0; i < r->count; i++) number_text(r->item[i].text, letters, s->label + s->label_start[i]);
  return 1;
}

/* ---------------------------------------------------------------- features */

/* Levels below a recording's loudest band: log(r + e^(y - max y)), where r is what the range leaves. */
static void find_levels(const speech_form *f, int64_t frames, float *frame) {
  const double least = pow(10, -f->range / 10);
  float most = frame[0];
  if (f->range == 0) return;
  for (int64_t i = 0; i < frames * f->bands; i++)
    if (frame[i] > most) most = frame[i];
  for (int64_t i = 0; i < frames * f->bands; i++)
    frame[i] = (float)log(least + exp((double)(frame[i] - most)));
}

/* Bands of a sum of frames. */
typedef struct band_sums {
  double frames, sum[MEL_MOST_BANDS], squares[MEL_MOST_BANDS];
} band_sums;

static void find_means(const float *frame, int64_t frames, int64_t bands, double *mean) {
  for (int64_t b = 0; b < bands; b++) {
    double sum = 0;
    for (int64_t i = 0; i < frames; i++) sum += (double)frame[i * bands + b] / (double)frames;
    mean[b] = sum;
  }
}

/* Adds frames, whose deviations are from their own mean where the form is centred. */
static void add_frames(const speech_form *f, const float *frame, int64_t frames, band_sums *sums) {
  double mean[MEL_MOST_BANDS] = {0};
  if (f->centred) find_means(frame, frames, f->bands, mean);
  for (int64_t i = 0; i < frames; i++)
    for (int64_t b = 0; b < f->bands; b++) {
      const double x = (double)frame[i * f->bands + b] - mean[b];
      sums->sum[b] += x;
      sums->squares[b] += x * x;
    }
  sums->frames += (double)frames;
}

static void finish_form(const band_sums *sums, speech_form *f) {
  for (int64_t b = 0; b < f->bands; b++) {
    const double mean = sums->sum[b] / sums->frames, variance = sums->squares[b] / sums->frames - mean * mean;
    f->mean[b] = mean;
    f->deviation[b] = variance > 1e-12 ? sqrt(variance) : 1;
  }
}

int speech_form_find(const recordings *said, speech_form *form) {
  band_sums sums = {0};
  mel m;
  void *memory = NULL;
  size_t room = 0;
  int code = mel_open(&m, form->rate, form->bands);
  for (int64_t i = 0; code == CLI_OK && i < said->count; i++) {
    const recording *r = &said->item[i];
    const int64_t frames = mel_frames(&m, r->samples, mel_hop(&m));
    if (!grow(&memory, &room, (size_t)(frames * form->bands), sizeof(float))) {
      code = cli_error("out of memory");
      break;
    }
    mel_features(&m, said->sample + r->start, r->samples, mel_hop(&m), 1, memory);
    find_levels(form, frames, memory);
    add_frames(form, memory, frames, &sums);
  }
  if (code == CLI_OK) finish_form(&sums, form);
  mel_close(&m);
  free(memory);
  return code;
}

/* ---------------------------------------------------------------- opening */

static int64_t samples_of(const speech_set *s, const speech_item *item) {
  int64_t sum = 0;
  for (int32_t i = 0; i < item->parts; i++) sum += s->said.item[item->part[i]].samples + s->form->pause;
  return sum;
}

static int64_t steps_of(const speech_set *s, int64_t samples, double hop) {
  return (mel_frames(&s->mel, samples, hop) + s->form->stack - 1) / s->form->stack;
}

/* Adds a recording to a string, which has fewer than SPEECH_PARTS; 0 if it would last too long. */
static int join(const speech_set *s, speech_item *item, int32_t part) {
  const recordings *r = &s->said;
  if (samples_of(s, item) + r->item[part].samples + s->form->pause > SPEECH_SECONDS * r->rate) return 0;
  item->part[item->parts++] = part;
  return 1;
}

/* Another recording of the same speaker, by a number from 0 to 1; -1 where nobody is known. */
static int32_t another(const speech_set *s, int32_t part, double u) {
  const int32_t who = s->said.item[part].speaker;
  if (who < 0) return -1;
  const int32_t first = s->speaker_start[who], count = s->speaker_start[who + 1] - first;
  return s->by_speaker[first + (int32_t)(u * (double)count)];
}

static int sort_speakers(speech_set *s) {
  const recordings *r = &s->said;
  s->by_speaker = malloc((size_t)(r->count + 1) * sizeof *s->by_speaker);
  s->speaker_start = malloc((size_t)(r->speakers + 1) * sizeof *s->speaker_start);
  if (!s->by_speaker || !s->speaker_start) return 0;
  int32_t at = 0;
  for (int32_t who = 0; who < r->speakers; who++) {
    s->speaker_start[who] = at;
    for (int64_t i = 0; i < r->count; i++)
      if (r->item[i].speaker == who) s->by_speaker[at++] = (int32_t)i;
  }
  s->speaker_start[r->speakers] = at;
  return 1;
}

/* A string of validation begins with recording i; what follows is the same in every run. */
static void make_string(const speech_set *s, int32_t i, speech_item *out) {
  const int32_t shortest = s->shortest_string > 0 ? s->shortest_string : SPEECH_SHORTEST,
                longest = s->longest_string > 0 ? s->longest_string : SPEECH_LONGEST;
  const int32_t parts = shortest + i % (longest - shortest + 1);
  *out = (speech_item){.part = {i}, .parts = 1};
  while (out->parts < parts) {
    const double u = seqgpu_uniform(0, CHANGES | (uint64_t)i, (uint64_t)out->parts);
    if (!join(s, out, another(s, i, u))) return;
  }
}

static int make_items(speech_set *s, int strings) {
  const recordings *r = &s->said;
  s->item = malloc((size_t)(2 * r->count) * sizeof *s->item);
  s->length = malloc((size_t)(2 * r->count) * sizeof *s->length);
  if (!s->item || !s->length) return 0;
  s->items = s->singles = r->count;
  for (int32_t i = 0; i < r->count; i++) {
    s->item[i] = (speech_item){.part = {i}, .parts = 1};
    if (strings && r->item[i].speaker >= 0) make_string(s, i, &s->item[s->items++]);
  }
  for (int64_t i = 0; i < s->items; i++) {
    s->length[i] = (int32_t)steps_of(s, samples_of(s, &s->item[i]), mel_hop(&s->mel));
    if (s->length[i] > s->longest) s->longest = s->length[i];
  }
  return 1;
}

/* Steps of what an update may draw, at most. */
static int64_t longest_drawn(const speech_set *s, const speech_draw *draw) {
  const recordings *r = &s->said;
  int64_t most = 0;
  for (int64_t i = 0; i < r->count; i++)
    if (r->item[i].samples + s->form->pause > most) most = r->item[i].samples + s->form->pause;
  if (draw->join > 1 && r->speakers > 0 && most < SPEECH_SECONDS * r->rate) most = SPEECH_SECONDS * r->rate;
  return steps_of(s, most, mel_hop(&s->mel) * (1 - draw->speed));
}

int speech_set_open(speech_set *s, const speech_form *form, const vocabulary *letters,
                    const speech_draw *draw, int64_t batch, int64_t seed) {
  const recordings *r = &s->said;
  if (r->count == 0) return CLI_OK;
  if (r->count > INT32_MAX / 2) return cli_error("there are too many recordings");
  s->form = form;
  CLI_TRY(mel_open(&s->mel, form->rate, form->bands));
  if (!number_texts(s, letters) || !sort_speakers(s) ||
      !make_items(s, draw == NULL && s->longest_string != 1))
    return cli_error("out of memory");
  if (draw) s->longest = longest_drawn(s, draw);
  return buckets_create(s->items, s->length, batch, seed, &s->order);
}

void speech_set_close(speech_set *s) {
  recordings_free(&s->said);
  mel_close(&s->mel);
  buckets_free(&s->order);
  free(s->item);
  free(s->length);
  free(s->label);
  free(s->label_start);
  free(s->by_speaker);
  free(s->speaker_start);
  free(s->joined);
  free(s->frame);
  free(s->x);
  free(s->ends);
  free(s->heard);
  free(s->labels);
  free(s->label_ends);
  *s = (speech_set){.said = RECORDINGS_NONE};
}

/* ---------------------------------------------------------------- labels */

int64_t speech_set_labels(const speech_set *s, const speech_item *item, int32_t *out) {
  int64_t count = 0;
  for (int32_t p = 0; p < item->parts; p++) {
    const int64_t first = s->label_start[item->part[p]], n = s->label_start[item->part[p] + 1] - first;
    memcpy(out + count, s->label + first, (size_t)n * sizeof *out);
    count += n;
  }
  return count;
}

int64_t speech_set_most_labels(const speech_set *s) {
  int64_t most = 0;
  for (int64_t i = 0; i < s->said.count; i++) {
    const int64_t n = s->label_start[i + 1] - s->label_start[i];
    if (n > most) most = n;
  }
  return most * SPEECH_PARTS;
}

/* ---------------------------------------------------------------- features of an item */

/* How an item is heard. */
typedef struct hearing {
  double hop, warp;
} hearing;

/* Its frames, in s->frame; 0 when out of memory. */
static int hear(speech_set *s, const speech_item *item, hearing how, int64_t *frames) {
  const recordings *r = &s->said;
  const int64_t samples = samples_of(s, item);
  void *joined = s->joined, *frame = s->frame;
  *frames = mel_frames(&s->mel, samples, how.hop);
  const int ok = grow(&joined, &s->room_joined, (size_t)samples, sizeof *s->joined) &&
                 grow(&frame, &s->room_frame, (size_t)(*frames * s->form->bands), sizeof *s->frame);
  s->joined = joined;
  s->frame = frame;
  if (!ok) return 0;
  float *at = s->joined;
  for (int32_t p = 0; p < item->parts; p++) {
    const recording *part = &r->item[item->part[p]];
    const float gain = item->gain[p] > 0 ? item->gain[p] : 1;
    for (int64_t i = 0; i < part->samples; i++) *at++ = gain * r->sample[part->start + i];
    for (int64_t i = 0; i < s->form->pause; i++) *at++ = 0;
  }
  mel_features(&s->mel, s->joined, samples, how.hop, how.warp, s->frame);
  find_levels(s->form, *frames, s->frame);
  return 1;
}

const float *speech_set_frames(speech_set *s, const speech_item *item, int64_t *frames) {
  return hear(s, item, (hearing){mel_hop(&s->mel), 1}, frames) ? s->frame : NULL;
}

void speech_form_features(const speech_form *f, const float *x, int64_t frames, float *out) {
  for (int64_t i = 0; i < frames * f->bands; i++)
    out[i] = (float)((double)x[i] * f->deviation[i % f->bands] + f->mean[i % f->bands]);
}

/* What find_levels and mel.h added before they took the logarithm is taken away again. */
void speech_form_powers(const speech_form *f, const float *frame, int64_t frames, float *out) {
  const double least = f->range > 0 ? pow(10, -f->range / 10) : MEL_FLOOR;
  for (int64_t i = 0; i < frames * f->bands; i++) {
    const double power = exp(fmin((double)frame[i], LOUDEST)) - least;
    out[i] = power > 0 ? (float)power : 0;
  }
}

/* Writes the frames as steps of sequence i of a batch. */
static void fill_steps(const speech_set *s, int64_t frames, int64_t i, int64_t batch, float *x) {
  const speech_form *f = s->form;
  double own[MEL_MOST_BANDS];
  if (f->centred) find_means(s->frame, frames, f->bands, own);
  const double *mean = f->centred ? own : f->mean;
  for (int64_t t = 0; t < frames; t++) {
    float *row = x + ((t / f->stack * batch + i) * f->stack + t % f->stack) * f->bands;
    for (int64_t b = 0; b < f->bands; b++)
      row[b] = (float)(((double)s->frame[t * f->bands + b] - mean[b]) / f->deviation[b]);
  }
}

/* ---------------------------------------------------------------- batches */

/* Draws of one update: 0 the length of its strings, then those of each sequence. */
enum { SPEED = SPEECH_PARTS, PITCH, LEVEL, DRAWS = LEVEL + SPEECH_PARTS };

static double draw_number(const speech_draw *draw, int64_t i, int k) {
  return seqgpu_uniform((uint64_t)draw->seed, CHANGES | (uint64_t)draw->step, (uint64_t)(i * DRAWS + k));
}

/* The string of an update that begins with an item; all of an update have as many parts, where they fit. */
static speech_item draw_item(const speech_set *s, int32_t which, int64_t i, const speech_draw *draw) {
  speech_item item = s->item[which];
  const int64_t parts = 1 + (int64_t)(draw_number(draw, 0, 0) * (double)draw->join);
  while (item.parts < parts) {
    const int32_t next = another(s, item.part[0], draw_number(draw, i, item.parts));
    if (next < 0 || !join(s, &item, next)) break;
  }
  for (int32_t p = 0; draw->level > 0 && p < item.parts; p++)
    item.gain[p] = (float)pow(10, draw->level * (2 * draw_number(draw, i, LEVEL + p) - 1) / 20);
  return item;
}

/* A factor from 1-part to 1+part. */
static double draw_factor(const speech_draw *draw, int64_t i, int k, double part) {
  return part > 0 ? 1 + part * (2 * draw_number(draw, i, k) - 1) : 1;
}

static hearing draw_hearing(const speech_set *s, int64_t i, const speech_draw *draw) {
  if (draw == NULL) return (hearing){mel_hop(&s->mel), 1};
  return (hearing){mel_hop(&s->mel) * draw_factor(draw, i, SPEED, draw->speed),
                   draw_factor(draw, i, PITCH, draw->pitch)};
}

static speech_item item_of(const speech_set *s, int32_t which, int64_t i, const speech_draw *draw) {
  return draw ? draw_item(s, which, i, draw) : s->item[which];
}

/* What sequence i of the whole batch has. */
typedef struct extent {
  int64_t labels, frames, steps;
} extent;

static extent extent_of(const speech_set *s, int32_t which, int64_t i, const speech_draw *draw) {
  const speech_item item = item_of(s, which, i, draw);
  const int64_t samples = samples_of(s, &item);
  const double hop = draw_hearing(s, i, draw).hop;
  extent e = {.frames = mel_frames(&s->mel, samples, hop), .steps = steps_of(s, samples, hop)};
  for (int32_t p = 0; p < item.parts; p++)
    e.labels += s->label_start[item.part[p] + 1] - s->label_start[item.part[p]];
  return e;
}

/* The sizes of a batch, whose room for single numbers is there. */
static void measure(speech_set *s, const buckets_part *part, const speech_draw *draw, speech_batch *b) {
  extent own = {0}, all = {0};
  b->label_len = 1;
  for (int64_t i = 0; i < part->whole; i++) {
    const extent e = extent_of(s, part->batch[i], i, draw);
    const int64_t at = i - part->first;
    if (e.labels > b->label_len) b->label_len = e.labels;
    if (e.steps > b->seq_len) b->seq_len = e.steps;
    all.frames += e.frames;
    all.steps += e.steps;
    if (at < 0 || at >= part->count) continue;
    s->label_ends[at] = (int32_t)e.labels;
    s->ends[at] = (int32_t)e.steps;
    own.frames += e.frames;
    own.steps += e.steps;
  }
  b->first = part->first;
  b->steps = own.steps;
  b->share = (double)own.steps / (double)all.steps * (double)all.frames / (double)own.frames;
}

/* Room for a batch, whose sizes are known then; 0 when out of memory. */
static int make_room(speech_set *s, const int32_t *which, const speech_draw *draw, speech_batch *b) {
  const buckets_part part = buckets_part_of(&s->order, which, b->batch);
  void *x = s->x, *ends = s->ends, *heard = s->heard, *labels = s->labels, *label_ends = s->label_ends;
  int ok = grow(&ends, &s->room_ends, (size_t)b->batch, sizeof *s->ends) &&
           grow(&heard, &s->room_heard, (size_t)b->batch, sizeof *s->heard) &&
           grow(&label_ends, &s->room_label_ends, (size_t)b->batch, sizeof *s->label_ends);
  s->ends = ends;
  s->heard = heard;
  s->label_ends = label_ends;
  if (!ok) return 0;
  measure(s, &part, draw, b);
  const size_t elements = (size_t)(b->seq_len * b->batch * s->form->stack * s->form->bands);
  ok = grow(&x, &s->room_x, elements, sizeof *s->x) &&
       grow(&labels, &s->room_labels, (size_t)(b->label_len * b->batch + speech_set_most_labels(s)),
            sizeof *s->labels);
  s->x = x;
  s->labels = labels;
  if (ok) memset(s->x, 0, elements * sizeof *s->x);
  return ok;
}

/* The labels of sequence i, -1 behind them. */
static void fill_labels(speech_set *s, const speech_item *item, int64_t i, const speech_batch *b) {
  int32_t *own = s->labels + b->label_len * b->batch;
  const int64_t count = speech_set_labels(s, item, own);
  for (int64_t l = 0; l < b->label_len; l++) s->labels[l * b->batch + i] = l < count ? own[l] : -1;
}

int speech_set_batch(speech_set *s, const int32_t *which, int64_t count, const speech_draw *draw,
                     speech_batch *out) {
  *out = (speech_batch){.batch = count};
  if (!make_room(s, which, draw, out)) return 0;
  for (int64_t i = 0; i < count; i++) {
    const speech_item item = item_of(s, which[i], out->first + i, draw);
    int64_t frames;
    if (!hear(s, &item, draw_hearing(s, out->first + i, draw), &frames)) return 0;
    fill_steps(s, frames, i, count, s->x);
    s->heard[i] = (int32_t)frames;
    fill_labels(s, &item, i, out);
  }
  out->lengths = s->ends;
  out->frames = s->heard;
  out->x = s->x;
  out->label = s->labels;
  out->label_lengths = s->label_ends;
  return 1;
}
