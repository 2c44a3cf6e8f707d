/* test_speech.c - speech as a model reads it (host/data): log-mel features beside numpy's
 * (goldens/make_mel.py), sound made of features, recordings by small files made here, and batches in which every
 * step is found again.
 *
 * What needs libsndfile is skipped by name where the build has none.
 */
#define _XOPEN_SOURCE 700

#include <sys/stat.h>

#include "host/data/griffin_lim.h"
#include "host/data/mel.h"
#include "host/data/recordings.h"
#include "host/data/speech_picture.h"
#include "host/data/speech_set.h"
#include "host/data/wav.h"
#include "seqgpu/ops.h"
#include "tests/goldens.h"
#include "tests/recordings_hostile.h"
#include "tests/said.h"

#ifndef SEQGPU_MELS
#define SEQGPU_MELS "goldens/mel.bin" /* ctest runs in tests/ */
#endif

/* ---------------------------------------------------------------- features */

static void check_golden(const char *name) {
  const golden *x = look_for(name, "x"), *wanted = look_for(name, "features");
  const double *rate = find(name, "rate", 1), *bands = find(name, "bands", 1), *hop = find(name, "hop", 1),
               *warp = find(name, "warp", 1);
  mel m;
  if (!x || !wanted || !rate || !bands || !hop || !warp) return;
  float *sample = malloc((size_t)x->count * sizeof *sample),
        *out = malloc((size_t)wanted->count * sizeof *out);
  for (int64_t i = 0; i < x->count; i++) sample[i] = (float)x->data[i];
  CHECK(mel_open(&m, (int64_t)rate[0], (int64_t)bands[0]) == 0, "%s: mel_open", name);
  CHECK(mel_frames(&m, x->count, hop[0]) == wanted->dims[0], "%s: as many frames as numpy", name);
  mel_features(&m, sample, x->count, hop[0], warp[0], out);
  check_error(check_norm_f32(out, wanted->data, wanted->count), 1e-5, "%s: features", name);
  mel_close(&m);
  free(sample);
  free(out);
}

static void check_mels(void) {
  static const char *const cases[] = {"telephone", "slower_higher", "lower", "studio", "short"};
  CHECK(read_goldens(SEQGPU_MELS), "goldens are there");
  for (size_t i = 0; i < COUNT(cases); i++) check_golden(cases[i]);
  free_goldens();
}

/* ---------------------------------------------------------------- sound of features */

/* Powers of all bands of a sound, and how far they are from others, each in its magnitude, when they are
 * scaled as is best: |a - c b| / |a|. */
static int64_t find_powers(mel *m, const float *x, int64_t samples, float *out) {
  const int64_t frames = mel_frames(m, samples, mel_hop(m));
  mel_features(m, x, samples, mel_hop(m), 1, out);
  for (int64_t i = 0; i < frames * m->bands; i++) out[i] = fmaxf(expf(out[i]) - (float)MEL_FLOOR, 0);
  return frames;
}

static double distance(const float *a, const float *b, int64_t count) {
  double aa = 0, bb = 0, ab = 0;
  for (int64_t i = 0; i < count; i++) {
    aa += (double)a[i], bb += (double)b[i];
    ab += sqrt((double)a[i]) * sqrt((double)b[i]);
  }
  return sqrt(check_worse(0, 1 - ab * ab / (aa * bb)));
}

/* A tone that rises, over a little noise, and grows louder. */
static void make_tone(float *x, int64_t samples) {
  for (int64_t i = 0; i < samples; i++) {
    const double t = (double)i / (double)samples;
    x[i] = (float)(t * sin(6.283185 * (300 * t + 500 * t * t)) +
                   0.02 * (seqgpu_uniform(1, 0, (uint64_t)i) - 0.5));
  }
}

/* Sound that is made of the powers of another has nearly the same, and the nearer the longer its phases are
 * looked for; and is loud. */
static void check_sound_of(int64_t rate, int64_t bands) {
  enum { MOST_SAMPLES = 20000, MOST_POWERS = 400 * 40 };
  static float x[MOST_SAMPLES], again[MOST_SAMPLES + 1000], power[MOST_POWERS], found[MOST_POWERS];
  static const int64_t rounds[] = {0, 10, 60};
  const int64_t samples = rate / 2;
  double last = 1, loudest = 0;
  mel m;
  if (mel_open(&m, rate, bands) != 0) exit(EXIT_FAILURE);
  make_tone(x, samples);
  const int64_t frames = find_powers(&m, x, samples, power), made = griffin_lim_samples(&m, frames);
  CHECK(made <= samples && mel_frames(&m, made, mel_hop(&m)) == frames, "as many frames again");
  for (size_t i = 0; i < COUNT(rounds); i++) {
    CHECK(griffin_lim(&m, power, frames, rounds[i], again) == 0, "griffin_lim");
    find_powers(&m, again, made, found);
    const double off = distance(power, found, frames * bands);
    CHECK(off < last, "%d rounds: %.4f off, less than before", (int)rounds[i], off);
    last = off;
  }
  CHECK(last < 0.2, "powers are found again, %.4f off", last);
  for (int64_t i = 0; i < made; i++) loudest = check_worse(loudest, fabs((double)again[i]));
  CHECK(fabs(loudest - 0.9) < 1e-6, "the loudest sample");
  memset(power, 0, sizeof power);
  CHECK(griffin_lim(&m, power, 1, 3, again) == 0 && griffin_lim_samples(&m, 1) == m.window, "one frame");
  int silent = 1;
  for (int64_t i = 0; i < m.window; i++) silent &= again[i] == 0;
  CHECK(silent, "silence");
  mel_close(&m);
}

/* ---------------------------------------------------------------- files of sound */

/* Also without libsndfile. */
static void check_cut(void) {
  char file[MOST_FILE];
  const size_t size = make_wav(file, RATE, 1, 20);
  refuses("", 0, "f: is empty; it must be a recording", "an empty file");
  refuses(file, size - 1, "f: is cut short: it must have 84 bytes, and 83 are there",
          "a file without its last byte");
  refuses(file, 44, "f: is cut short: it must have 84 bytes, and 44 are there", "a header alone");
  wav w;
  said_listen();
  CHECK(said_answer(wav_read("/nowhere/x.wav", &w), "/nowhere/x.wav: cannot open: No such file or directory"),
        "no file");
#ifndef SEQGPU_SNDFILE
  refuses(file, size, "f: cannot be read: this build has no libsndfile", "a build without libsndfile");
#endif
}

/* A file as it is written is the one that was made by hand. */
static void check_written(void) {
  enum { SAMPLES = 7 };
  static const float sample[SAMPLES] = {0, 0.25F, -0.25F, 1, -1, 7, -7};
  static const int32_t level[SAMPLES] = {0, 8192, -8192, 32767, -32767, 32767, -32767};
  char wanted[WAV_HEADER + 2 * SAMPLES], got[sizeof wanted + 1];
  size_t size = wav_make(wanted, RATE, 1, SAMPLES, 0, 0);
  for (int i = 0; i < SAMPLES; i++) wav_put(wanted + WAV_HEADER + 2 * i, (uint32_t)level[i], 2);
  FILE *file = tmpfile();
  if (file == NULL) exit(EXIT_FAILURE);
  wav_write(file, RATE, sample, SAMPLES);
  rewind(file);
  CHECK(fread(got, 1, sizeof got, file) == size && memcmp(got, wanted, size) == 0,
        "a WAV file that is written");
  fclose(file);
}

/* ---------------------------------------------------------------- the picture */

static const char *label_text(const void *self, int64_t label, int *size) {
  static const char *const texts[] = {"a", "<", "&"};
  (void)self;
  *size = 1;
  return texts[label - 1];
}

/* How often a text has another. */
static int times(const char *text, const char *piece) {
  int n = 0;
  for (; (text = strstr(text, piece)) != NULL; text++) n++;
  return n;
}

/* Six frames, in three steps of which each has a label; features that are all alike have one shade. */
static void check_sheet(int alike) {
  enum { FRAMES = 6, STEPS = 3, LABELS = 4 };
  static const float logits[STEPS * LABELS] = {0, 9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 9};
  static char page[1 << 14];
  float frame[FRAMES * 2];
  for (int i = 0; i < FRAMES * 2; i++) frame[i] = alike ? 3 : (float)i;
  FILE *to = fmemopen(page, sizeof page, "w");
  if (to == NULL) exit(EXIT_FAILURE);
  speech_picture(to, &(speech_sheet){.frames = FRAMES,
                                     .bands = 2,
                                     .frame = frame,
                                     .steps = STEPS,
                                     .stack = 2,
                                     .labels = LABELS,
                                     .logits = logits,
                                     .stride = LABELS,
                                     .text = label_text});
  fclose(to);
  CHECK(strncmp(page, "<svg ", 5) == 0 && strstr(page, "</svg>\n"), "a whole page");
  CHECK(times(page, ">a</text>") == 1 && times(page, ">&#60;</text>") == 1 &&
            times(page, ">&#38;</text>") == 1,
        "labels, of which none is a tag");
  CHECK(times(page, "<polyline") == 3, "curves of labels that are probable somewhere");
  CHECK((times(page, "d=\"\"/>") == 9) == alike && (times(page, "d=\"M") > 3) == !alike, "cells of %s",
        alike ? "no shade" : "many shades");
}

#ifdef SEQGPU_SNDFILE
static void check_sound(void) {
  char file[MOST_FILE];
  wav w;
  size_t size = make_wav(file, RATE, 1, 20);
  CHECK(parse(file, size, &w) == 0 && w.rate == RATE && w.samples == 20 && w.bytes == (int64_t)size,
        "a WAV file");
  int same = 1;
  for (int i = 0; i < 20; i++) same &= w.sample[i] == (float)(100 * i) / 32768;
  CHECK(same, "its samples");
  wav_free(&w);
  size = make_wav(file, 44100, 2, 5);
  CHECK(parse(file, size, &w) == 0 && w.rate == 44100 && w.samples == 5, "two channels");
  CHECK(fabs((double)w.sample[3] - 300.5 / 32768) < 1e-7, "are their mean");
  wav_free(&w);
  size = make_wav(file, RATE, 1, 0);
  refuses(file, size, "f: has no samples", "no samples");
}

/* ---------------------------------------------------------------- folders and lists */

/* Two speakers, digits 0 to 2, numbers 0 to 3; the digit and the number say how long each is. */
static void make_folder(void) {
  if (mkdir("said", 0700) != 0) exit(EXIT_FAILURE);
  for (int i = 0; i < 24; i++) {
    char name[64];
    const int digit = i % 3, number = i / 3 % 4;
    snprintf(name, sizeof name, "said/%d_%s_%d.wav", digit, i < 12 ? "ann" : "b_c", number);
    write_wav(name, RATE, (uint32_t)(1000 + 100 * digit + 10 * number));
  }
  write_file("said/README", "no sound\n", 9);
}

static int read_said(const char *speaker, int64_t below, int held_out, recordings *r) {
  const recordings_choice choice = {.speaker = speaker, .below = below, .take_held_out = held_out};
  *r = (recordings)RECORDINGS_NONE;
  return recordings_read("said", &choice, r);
}

static void check_folder(void) {
  recordings r, other;
  CHECK(read_said("", 1, 0, &r) == 0 && r.count == 18 && r.held_out == 6 && r.rate == RATE && r.speakers == 2,
        "a folder without its first numbers");
  CHECK(strcmp(r.speaker[0], "ann") == 0 && strcmp(r.speaker[1], "b_c") == 0, "its speakers");
  int right = 1;
  for (int64_t i = 0; i < r.count; i++) /* by name: digit, speaker, number */
    right &= r.item[i].text[0] == '0' + i / 6 && r.item[i].speaker == i / 3 % 2 &&
             r.item[i].samples == 1000 + 100 * (i / 6) + 10 * (1 + i % 3);
  CHECK(right, "its recordings, by name");
  CHECK(read_said("", 1, 1, &other) == 0 && other.count == 6 && other.held_out == 6 && other.hash != r.hash,
        "what is held out of it");
  recordings_free(&other);
  CHECK(read_said("b_c", 3, 0, &other) == 0 && other.count == 12 && other.speakers == 1,
        "all but one speaker");
  recordings_free(&other);
  CHECK(read_said("b_c", 3, 1, &other) == 0 && other.count == 12 && strcmp(other.speaker[0], "b_c") == 0,
        "one speaker alone");
  recordings_free(&other);
  const recordings_choice only = {.speaker = "", .below = 1, .only = "ann"};
  other = (recordings)RECORDINGS_NONE;
  const recordings_choice anybody = {.speaker = "", .below = 1, .only = ""};
  other = (recordings)RECORDINGS_NONE;
  CHECK(recordings_read("said", &anybody, &other) == 0 && other.count == 18, "anybody's are read");
  recordings_free(&other);
  other = (recordings)RECORDINGS_NONE;
  CHECK(recordings_read("said", &only, &other) == 0 && other.count == 9 && other.held_out == 3 &&
            other.speakers == 1 && strcmp(other.speaker[0], "ann") == 0,
        "nobody else is read");
  recordings_free(&other);
  recordings_free(&r);
}

static void check_lists(void) {
  static const char text[] = "0_ann_0.wav\tone \xC3\xA9t\xC3\xA9\r\n\n1_ann_0.wav\ttwo";
  const recordings_choice choice = {.speaker = "", .below = 5};
  recordings r = RECORDINGS_NONE;
  write_file("said/list", text, sizeof text - 1);
  CHECK(recordings_read("said/list", &choice, &r) == 0 && r.count == 2 && r.held_out == 0 &&
            r.item[0].speaker == -1,
        "a list, beside its files");
  CHECK(strcmp(r.item[0].text, "one \xC3\xA9t\xC3\xA9") == 0 && strcmp(r.item[1].text, "two") == 0,
        "its texts");
  recordings_free(&r);
#define LINE " must be the path of a recording, a tab, and what is said in it"
  refuses_list("", "list: has no recording; it must have at least one line, a path, a tab and a text");
  refuses_list("said/0_ann_0.wav\n", "list: line 1" LINE);
  refuses_list("\n\tone\n", "list: line 2" LINE);
  refuses_list("said/0_ann_0.wav\t\n", "list: line 1" LINE);
  refuses_list("said/0_ann_0.wav\ta\x1b[2J\n", "list: line 1 has a character that cannot be shown");
  refuses_list("nobody.wav\ta\n", "nobody.wav: cannot open: No such file or directory");
  write_wav("fast.wav", 16000, 100);
  refuses_list("said/0_ann_0.wav\ta\nfast.wav\tb\n",
               "fast.wav: has 16000 samples a second; it must have 8000, as the others");
  refuses_list("said/0_ann_0.wav\x1b\ta\n", "list: line 1 has a character that cannot be shown");
}

/* ---------------------------------------------------------------- batches */

enum { BANDS = 5, STACK = 3 };

static speech_form form_of(const recordings *r, double range, int centred) {
  speech_form f = {.rate = RATE, .bands = BANDS, .stack = STACK, .range = range, .centred = centred};
  CHECK(speech_form_find(r, &f) == 0, "means and deviations");
  return f;
}

/* Sums over the unpadded frames of a batch of all that was learnt from are those of mean 0 and deviation
 * 1. */
static void check_normal(speech_set *s, const speech_batch *b) {
  for (int64_t band = 0; band < BANDS; band++) {
    double sum = 0, squares = 0, frames = 0;
    for (int64_t i = 0; i < b->batch; i++) {
      const int64_t own = mel_frames(&s->mel, s->said.item[i].samples, mel_hop(&s->mel));
      for (int64_t t = 0; t < own; t++) {
        const double x = (double)b->x[((t / STACK * b->batch + i) * STACK + t % STACK) * BANDS + band];
        sum += x, squares += x * x, frames++;
      }
    }
    CHECK(fabs(sum / frames) < 1e-4 && fabs(squares / frames - 1) < 1e-4,
          "band %d has mean 0 and deviation 1", (int)band);
  }
}

static void check_sets(double range, int centred) {
  static const int32_t all[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  speech_set s = {.said = RECORDINGS_NONE};
  vocabulary letters;
  speech_batch b;
  const speech_draw nothing = {.seed = 1, .join = 1};
  if (read_said("b_c", 0, 0, &s.said) != 0) exit(EXIT_FAILURE);
  const speech_form form = form_of(&s.said, range, centred);
  CHECK(speech_letters(&s.said, &letters) == 0 && letters.size == 3, "the letters of all texts");
  CHECK(speech_set_open(&s, &form, &letters, &nothing, 4, 1) == 0 && s.items == 12, "a set");
  CHECK(speech_set_batch(&s, all, 12, &nothing, &b) == 1 && b.batch == 12 && b.label_len == 1, "a batch");
  check_normal(&s, &b);
  int right = b.seq_len == s.length[11] && b.seq_len <= s.longest;
  for (int64_t i = 0; i < 12; i++) {
    const int32_t wanted = vocab_find(&letters, s.said.item[i].text, 1) + 1;
    right &= b.label[i] == wanted && b.label_lengths[i] == 1 && b.lengths[i] == s.length[i];
    for (int64_t t = s.length[i]; t < b.seq_len; t++)
      for (int64_t k = 0; k < STACK * BANDS; k++) right &= b.x[(t * 12 + i) * STACK * BANDS + k] == 0;
  }
  CHECK(right, "its labels and lengths, and zeros behind each recording");
  speech_set_close(&s);
  vocab_free(&letters);
}

/* With a range a recording that is half as loud is the same, and what is far below its loudest band is
 * the floor. */
static void check_levels(void) {
  speech_set s = {.said = RECORDINGS_NONE};
  vocabulary letters;
  const speech_draw nothing = {.seed = 1, .join = 1};
  if (read_said("b_c", 0, 0, &s.said) != 0) exit(EXIT_FAILURE);
  const speech_form form = form_of(&s.said, 30, 0);
  CHECK(speech_letters(&s.said, &letters) == 0 && speech_set_open(&s, &form, &letters, &nothing, 4, 1) == 0,
        "a set");
  int64_t frames;
  double loud[400], most = -1e9, least = 1e9;
  const float *frame = speech_set_frames(&s, &s.item[0], &frames);
  const int64_t count = frames * BANDS < 400 ? frames * BANDS : 400;
  for (int64_t i = 0; i < count; i++) {
    loud[i] = (double)frame[i];
    most = check_worse(most, loud[i]), least = fmin(least, loud[i]);
  }
  CHECK(fabs(most - log(1.001)) < 1e-5 && least > log(0.001) - 1e-5, "levels of a range");
  for (int64_t i = 0; i < s.said.item[0].samples; i++) s.said.sample[s.said.item[0].start + i] /= 2;
  check_error(check_norm_f32(speech_set_frames(&s, &s.item[0], &frames), loud, count), 1e-4,
              "levels, half as loud");
  speech_set_close(&s);
  vocab_free(&letters);
}

/* Strings of an update: of one speaker, of one length, and the same for the same number of the update. */
static void check_strings(void) {
  speech_set s = {.said = RECORDINGS_NONE};
  vocabulary letters;
  speech_batch b;
  const speech_draw most = {.seed = 3, .join = 4, .speed = 0.2, .pitch = 0.1, .level = 12};
  if (read_said("", 0, 0, &s.said) != 0) exit(EXIT_FAILURE);
  const speech_form form = form_of(&s.said, 0, 0);
  CHECK(speech_letters(&s.said, &letters) == 0 && speech_set_open(&s, &form, &letters, &most, 8, 1) == 0,
        "a set");
  int seen[5] = {0}, right = 1;
  float first[40];
  int32_t which[8] = {0, 7, 3, 12, 23, 1, 2, 5};
  for (int64_t step = 0; step < 60; step++) {
    speech_draw draw = most;
    draw.step = step;
    right &= speech_set_batch(&s, which, 8, &draw, &b) && b.seq_len <= s.longest;
    for (int64_t i = 0; i < 8; i++) {
      right &= b.label_lengths[i] == b.label_lengths[0] && b.lengths[i] <= b.seq_len;
      right &= b.label[i] == vocab_find(&letters, s.said.item[which[i]].text, 1) + 1;
    }
    seen[b.label_lengths[0]]++;
    memcpy(first, b.x, sizeof first);
    right &= speech_set_batch(&s, which, 8, &draw, &b) && memcmp(first, b.x, sizeof first) == 0;
  }
  CHECK(right, "strings begin with their recordings, and follow from the number of the update");
  CHECK(seen[1] > 5 && seen[2] > 5 && seen[3] > 5 && seen[4] > 5, "all lengths come");
  speech_set_close(&s);
  vocab_free(&letters);
}

/* Strings of validation: behind the recordings, three to seven of one speaker. */
static void check_validation(void) {
  speech_set s = {.said = RECORDINGS_NONE};
  vocabulary letters;
  int32_t label[SPEECH_PARTS];
  if (read_said("", 0, 0, &s.said) != 0) exit(EXIT_FAILURE);
  const speech_form form = form_of(&s.said, 0, 0);
  CHECK(speech_letters(&s.said, &letters) == 0 && speech_set_open(&s, &form, &letters, NULL, 8, 1) == 0,
        "a set");
  int right = s.items == 48 && s.singles == 24;
  for (int64_t i = 24; right && i < 48; i++) {
    const speech_item *item = &s.item[i];
    right &= item->part[0] == i - 24 && item->parts == 3 + (i - 24) % 5;
    right &= speech_set_labels(&s, item, label) == item->parts;
    for (int32_t p = 0; p < item->parts; p++) {
      right &= s.said.item[item->part[p]].speaker == s.said.item[i - 24].speaker;
      right &= label[p] == vocab_find(&letters, s.said.item[item->part[p]].text, 1) + 1;
    }
  }
  CHECK(right, "strings of validation, and their labels");
  speech_set_close(&s);
  vocab_free(&letters);
}

/* A pause behind each recording, whose frames are silent, and strings of validation of other lengths. */
static void check_pause(void) {
  static const int32_t which[2] = {0, 24};
  speech_set s = {.said = RECORDINGS_NONE, .shortest_string = 2, .longest_string = 2};
  vocabulary letters;
  speech_batch b;
  if (read_said("", 0, 0, &s.said) != 0) exit(EXIT_FAILURE);
  speech_form form = form_of(&s.said, 50, 0);
  form.pause = 800;
  CHECK(speech_letters(&s.said, &letters) == 0 && speech_set_open(&s, &form, &letters, NULL, 8, 1) == 0,
        "a set");
  CHECK(s.items == 48 && s.item[24].parts == 2 && s.item[47].parts == 2, "strings of two");
  CHECK(speech_set_batch(&s, which, 2, NULL, &b), "a batch");
  int right = 1, silent = 1;
  for (int i = 0; i < 2; i++) {
    const speech_item *item = &s.item[which[i]];
    int64_t samples = 0, frames;
    for (int32_t p = 0; p < item->parts; p++) samples += s.said.item[item->part[p]].samples + 800;
    right &= b.frames[i] == mel_frames(&s.mel, samples, mel_hop(&s.mel)) &&
             b.lengths[i] == (b.frames[i] + STACK - 1) / STACK;
    const float *frame = speech_set_frames(&s, item, &frames);
    const double floor = -50 * log(10) / 10;
    for (int64_t band = 0; band < BANDS; band++)
      silent &=
          fabs((double)frame[(frames - 1) * BANDS + band] - floor) < 0.1 && (double)frame[BANDS] > floor + 1;
  }
  CHECK(right, "frames and steps, with pauses");
  CHECK(silent, "silence at the end");
  speech_set_close(&s);
  vocab_free(&letters);
}

/* From what a model reads back to features, and from these to powers. */
static void check_back(double range) {
  static const int32_t which = 3;
  speech_set s = {.said = RECORDINGS_NONE};
  vocabulary letters;
  speech_batch b;
  if (read_said("ann", 0, 0, &s.said) != 0) exit(EXIT_FAILURE);
  const speech_form form = form_of(&s.said, range, 0);
  CHECK(speech_letters(&s.said, &letters) == 0 && speech_set_open(&s, &form, &letters, NULL, 8, 1) == 0,
        "a set");
  CHECK(speech_set_batch(&s, &which, 1, NULL, &b), "a batch");
  const int64_t frames = b.frames[0], count = frames * BANDS;
  float back[400], power[400];
  double wanted[400] = {0}, wanted_power[400] = {0}, most = 0;
  const float *frame = speech_set_frames(&s, &s.item[which], &(int64_t){0});
  CHECK(count <= 400, "few frames");
  for (int64_t i = 0; i < count; i++) {
    wanted[i] = (double)frame[i];
    wanted_power[i] = exp((double)frame[i]) - (range > 0 ? pow(10, -range / 10) : MEL_FLOOR);
    most = check_worse(most, wanted_power[i]);
  }
  speech_form_features(&form, b.x, frames, back);
  speech_form_powers(&form, back, frames, power);
  check_error(check_norm_f32(back, wanted, count), 1e-5, "features again, range %g", range);
  check_error(check_norm_f32(power, wanted_power, count), 1e-4, "powers again, range %g", range);
  if (range > 0) CHECK(fabs(most - 1) < 1e-5, "the loudest band is 1");
  speech_set_close(&s);
  vocab_free(&letters);
}

/* Recordings of 2.5 seconds, of which two and no third make a string, and one that is longer than a string. */
static void check_long_recordings(void) {
  enum { SLOW = 1000 };
  static const int32_t which[] = {0, 1};
  const recordings_choice all = {.speaker = "", .below = 0};
  const speech_draw four = {.seed = 3, .join = 4};
  speech_set s = {.said = RECORDINGS_NONE};
  vocabulary letters;
  speech_batch b;
  if (mkdir("long", 0700) != 0) exit(EXIT_FAILURE);
  write_wav("long/0_ann_0.wav", SLOW, 2500);
  write_wav("long/0_ann_1.wav", SLOW, 2500);
  for (int longer = 0; longer < 2; longer++) {
    int seen[3] = {0};
    if (longer) write_wav("long/0_ann_2.wav", SLOW, 7000);
    if (recordings_read("long", &all, &s.said) != 0) exit(EXIT_FAILURE);
    speech_form form = {.rate = SLOW, .bands = BANDS, .stack = STACK};
    CHECK(speech_form_find(&s.said, &form) == 0 && speech_letters(&s.said, &letters) == 0 &&
              speech_set_open(&s, &form, &letters, &four, 2, 1) == 0,
          "a set of long recordings");
    CHECK(longer ? s.longest == s.length[2] : s.longest > 2 * s.length[0], "the longest string of them");
    int right = 1;
    for (int64_t step = 0; step < 40; step++) {
      const speech_draw draw = {.seed = 3, .join = 4, .step = step};
      right &= speech_set_batch(&s, which, 2, &draw, &b) && b.seq_len <= s.longest;
      for (int i = 0; right && i < 2; i++) right &= b.label_lengths[i] >= 1 && b.label_lengths[i] <= 2;
      if (right) seen[b.label_lengths[0]]++;
    }
    CHECK(right && seen[1] && seen[2], "strings of one or two of them");
    speech_set_close(&s);
    vocab_free(&letters);
  }
  if (recordings_read("long", &all, &s.said) != 0 || speech_letters(&s.said, &letters) != 0)
    exit(EXIT_FAILURE);
  speech_form form = {.rate = SLOW, .bands = BANDS, .stack = STACK};
  CHECK(speech_form_find(&s.said, &form) == 0 && speech_set_open(&s, &form, &letters, NULL, 2, 1) == 0 &&
            s.items == 6 && s.item[3].parts == 2 && s.item[5].parts == 1,
        "strings of validation end where they last too long");
  speech_set_close(&s);
  vocab_free(&letters);
}

/* Bands that never change are divided by 1; a set has no more recordings than it can number, and may have none. */
static void check_limits(void) {
  speech_set s = {.said = RECORDINGS_NONE};
  const vocabulary none = {.unknown = -1};
  speech_form form = {.rate = RATE, .bands = BANDS, .stack = STACK};
  char file[MOST_FILE];
  const size_t size = wav_make(file, RATE, 1, 4000, 0, 0);
  write_file("still.wav", file, size);
  if (recordings_read_file("still.wav", &s.said) != 0) exit(EXIT_FAILURE);
  int right = speech_form_find(&s.said, &form) == 0;
  for (int b = 0; b < BANDS; b++) right &= form.deviation[b] == 1;
  CHECK(right, "silence has the deviation 1");
  float power[BANDS];
  const float low[BANDS] = {-100, -100, -100, 0, 100};
  speech_form_powers(&form, low, 1, power);
  CHECK(power[0] == 0 && power[3] > 0.9F && isfinite(power[4]), "no power is below 0, or without end");
  recordings_free(&s.said);
  CHECK(speech_set_open(&s, &form, &none, NULL, 1, 1) == 0 && s.items == 0, "no recordings");
  speech_set known = {.said = RECORDINGS_NONE, .shortest_string = 1, .longest_string = 1};
  if (read_said("", 0, 0, &known.said) != 0) exit(EXIT_FAILURE);
  CHECK(speech_set_open(&known, &form, &none, NULL, 1, 1) == 0 && known.items == 24 && known.label[3] == -1,
        "letters that are not known, and strings of one");
  speech_set_close(&known);
  s.said.count = INT32_MAX;
  said_listen();
  CHECK(said_answer(speech_set_open(&s, &form, &none, NULL, 1, 1), "there are too many recordings"),
        "too many recordings");
  s.said.count = 0;
}

static void check_recordings(void) {
  char folder[] = "/tmp/seqgpu-speech-XXXXXX", command[80];
  if (!mkdtemp(folder) || chdir(folder) != 0) exit(EXIT_FAILURE);
  make_folder();
  check_folder();
  check_lists();
  check_bad_names();
  check_paths();
  check_long_list();
  check_closed_folder();
  check_sets(0, 0);
  check_sets(0, 1);
  check_sets(40, 0);
  check_levels();
  check_strings();
  check_validation();
  check_pause();
  check_back(0);
  check_back(50);
  check_long_recordings();
  check_limits();
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (chdir("/") != 0 || system(command) != 0) exit(EXIT_FAILURE);
}
#endif

int main(void) {
  check_start();
  check_at("%s", "");
  check_mels();
  check_sound_of(8000, 40);
  check_sound_of(16000, 23);
  check_cut();
  check_written();
  check_sheet(0);
  check_sheet(1);
#ifdef SEQGPU_SNDFILE
  check_sound();
  check_strange_sound();
  check_recordings();
#else
  check_skip("this build has no libsndfile", "recordings");
#endif
  return check_finish();
}
