/* recordings_hostile.h - files of sound, and folders and lists of them, that are not what they should be; the
 * good ones of test_speech.c are made here, too.
 */
#ifndef RECORDINGS_HOSTILE_H
#define RECORDINGS_HOSTILE_H

#include <sys/resource.h>
#include <sys/stat.h>

#include "host/data/recordings.h"
#include "host/data/wav.h"
#include "tests/said.h"
#include "tests/wav_made.h"

/* ---------------------------------------------------------------- making and refusing them */

enum { RATE = 8000, MOST_FILE = 1 << 16 };

/* Sample i of channel c is 100 i + c. */
static inline size_t make_wav(char *out, uint32_t rate, uint32_t channels, uint32_t frames) {
  return wav_make(out, rate, channels, frames, 0, 100);
}

static inline int parse(const char *bytes, size_t size, wav *out) {
  char *copy = said_copy(bytes, size);
  const int code = wav_parse("f", copy, (int64_t)size, out);
  free(copy);
  return code;
}

static inline void refuses(const char *bytes, size_t size, const char *sentence, const char *name) {
  wav w;
  said_listen();
  const int ok = said_answer(parse(bytes, size, &w), sentence);
  check_record(ok && w.sample == NULL, said, "refused: %s", name);
}

static inline void write_file(const char *name, const char *bytes, size_t size) {
  FILE *file = fopen(name, "wb");
  if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) exit(EXIT_FAILURE);
}

static inline void write_wav(const char *name, uint32_t rate, uint32_t frames) {
  char file[MOST_FILE];
  write_file(name, file, make_wav(file, rate, 1, frames));
}

static inline void refuses_list(const char *text, const char *sentence) {
  const recordings_choice choice = {.speaker = "", .below = 0};
  recordings r = RECORDINGS_NONE;
  write_file("list", text, strlen(text));
  said_listen();
  check_record(said_answer(recordings_read("list", &choice, &r), sentence), said, "refused: %s", sentence);
  recordings_free(&r);
}

/* ---------------------------------------------------------------- files of sound */

/* Sentences that begin so: the rest of them is libsndfile's. */
static inline void refuses_as(const char *bytes, size_t size, const char *begin, const char *name) {
  wav w;
  said_listen();
  const int code = parse(bytes, size, &w);
  said_answer(code, "");
  check_record(code != 0 && strncmp(said, begin, strlen(begin)) == 0, said, "refused: %s", name);
}

/* One sample of 32 bits, which are those of a float. */
static inline size_t make_float(char *out, uint32_t bits) {
  const size_t size = make_wav(out, RATE, 1, 2);
  wav_put(out + 20, 3, 2);
  wav_put(out + 28, 4 * RATE, 4);
  wav_put(out + 32, 4, 2);
  wav_put(out + 34, 32, 2);
  wav_put(out + WAV_HEADER, bits, 4);
  return size;
}

/* The head of a FLAC file, of so many samples, and no samples. */
static inline size_t make_flac(char *out, uint32_t samples) {
  memset(out, 0, 42);
  memcpy(out, "fLaC\x80\0\0\x22\x10\0\x10\0", 12);
  memcpy(out + 18, "\x01\xf4\0\xf0", 4); /* 8000 Hz, one channel of 16 bits */
  for (int i = 0; i < 4; i++) out[22 + i] = (char)(samples >> (24 - 8 * i));
  return 42;
}

/* What a file promises and has not. */
static inline void check_flac(void) {
  char file[42];
  wav w;
  said_listen();
  const int code = parse(file, make_flac(file, 100), &w);
  said_answer(code, "");
  if (strstr(said, "is no recording that libsndfile reads")) {
    check_skip("this libsndfile reads no FLAC", "a file without the samples that it promises");
    return;
  }
  check_record(strcmp(said, "seqgpu: f: is cut short: 0 samples are there, of 100\n") == 0 && !w.sample, said,
               "refused: a file without the samples that it promises");
  refuses(file, make_flac(file, (1 << 28) + 1), "f: has 268435457 samples of 1 channels; that is too much",
          "a file that promises 2^28 + 1 samples");
}

static inline void check_strange_sound(void) {
  /* chunks that would go on before the file or behind it, and an MPEG file, which is read from its end */
  static const char common[] = "FORM\0\0\1\276AIFFCOMM\0\0\0\22\0\1\0\0\0\310\0\20@\13\372\0\0\0\0\0\0\0SS";
  char file[MOST_FILE];
  wav w;
  CHECK(parse(file, make_float(file, 0x3e800000), &w) == 0 && w.samples == 1 && w.sample[0] == 0.25F,
        "a sample that is a float");
  wav_free(&w);
  refuses(file, make_float(file, 0x7f800000), "f: has a sample that is not finite", "an infinite sample");
  refuses(file, make_float(file, 0x7fc00000), "f: has a sample that is not finite", "no number");
  refuses(file, make_wav(file, RATE, 65, 1), "f: has 1 samples of 65 channels; that is too much",
          "65 channels");
  CHECK(parse(file, make_wav(file, RATE, 64, 1), &w) == 0 && w.samples == 1, "64 channels");
  wav_free(&w);
  refuses_as("RIFF is what it says, and no more of it", 39, "seqgpu: f: is",
             "text that begins as a WAV file");
  memcpy(file, common, sizeof common - 1);
  memcpy(file + sizeof common - 1, "\377\377\377\177\1", 5);
  refuses_as(file, sizeof common + 4, "seqgpu: f: ", "a chunk that goes on before the file");
  memcpy(file + sizeof common - 1, "ND\0\0\1\230\302\0\0\0\0\0\0\0", 14);
  refuses_as(file, sizeof common + 13, "seqgpu: f: ", "a chunk that goes on behind the file");
  refuses_as("RIFF", 4, "seqgpu: f: is no recording", "four bytes");
  refuses_as("no recording, and long enough", 29, "seqgpu: f: is no recording", "a text");
  memset(file, 0, 64);
  memcpy(file, "\377\373\220\144", 4);
  said_listen();
  CHECK(parse(file, 64, &w) != 0, "the head of an MPEG file");
  said_answer(1, "");
  check_record(strstr(said, "seqgpu: f: ") != NULL, said,
               "is refused with a sentence"); /* behind libmpg123's */
  check_flac();
}

/* ---------------------------------------------------------------- folders and lists */

static inline void refuses_folder(const char *path, const char *sentence) {
  const recordings_choice choice = {.speaker = "", .below = 0};
  recordings r = RECORDINGS_NONE;
  said_listen();
  const int ok = said_answer(recordings_read(path, &choice, &r), sentence);
  check_record(ok, said, "refused: %.60s: %.100s", path, strrchr(sentence, ':'));
  recordings_free(&r);
}

/* Each stands beside a good one, before which it is looked at. */
static inline void check_bad_names(void) {
  static const char *const names[] = {"0.wav",         "00_ann_1.wav", "_ann_1.wav",   "a_ann_1.wav",
                                      ":_ann_1.wav",   "+_ann_1.wav",  "0_ann.wav",    "0_1.wav",
                                      "0__1.wav",      "0_ann_.wav",   "0_ann_1x.wav", "0_ann_1234567890.wav",
                                      "0_ann_1.x.wav", ".wav"};
  if (mkdir("bad", 0700) != 0) exit(EXIT_FAILURE);
  refuses_folder("bad", "bad: has no .wav files");
  write_wav("bad/0_ann_123456789.wav", RATE, 10);
  for (size_t i = 0; i < COUNT(names); i++) {
    char path[64], sentence[160];
    snprintf(path, sizeof path, "bad/%s", names[i]);
    write_wav(path, RATE, 10);
    snprintf(sentence, sizeof sentence,
             "%s: its name must be DIGIT_SPEAKER_NUMBER.wav, as in 7_jackson_32.wav", path);
    refuses_folder("bad", sentence);
    remove(path);
  }
  const recordings_choice all = {.speaker = "", .below = 0};
  recordings r = RECORDINGS_NONE;
  CHECK(recordings_read("bad", &all, &r) == 0 && r.count == 1, "a number of nine digits");
  recordings_free(&r);
}

/* Paths that are too long, and those from the root. */
static inline void check_paths(void) {
  enum { MOST = 4096 };
  char here[200], list[MOST + 200], folder[MOST], name[250];
  const recordings_choice all = {.speaker = "", .below = 0};
  recordings r = RECORDINGS_NONE;
  if (getcwd(here, sizeof here) == NULL) exit(EXIT_FAILURE);
  const int length = snprintf(list, sizeof list, "%s/said/0_ann_0.wav\ta\n", here);
  write_file("said/list", list, (size_t)length);
  CHECK(recordings_read("said/list", &all, &r) == 0 && r.count == 1, "a list with a path from the root");
  recordings_free(&r);
  memset(list, 'a', MOST);
  memcpy(list + MOST, "\tb\n", 4);
  refuses_list(list, "list: line 1: the path is too long");
  for (int i = 0; i < 3900; i += 2) memcpy(folder + i, "./", 2);
  memcpy(folder + 3900, "far", 4);
  memset(name, 'a', sizeof name);
  memcpy(name, "far/0_", 6);
  memcpy(name + sizeof name - 7, "_1.wav", 7);
  if (mkdir("far", 0700) != 0) exit(EXIT_FAILURE);
  write_wav(name, RATE, 10);
  snprintf(list, sizeof list, "%.100s...: the path of a recording in this folder is too long", folder);
  refuses_folder(folder, list);
  CHECK(recordings_read("far", &all, &r) == 0 && strlen(r.speaker[0]) == sizeof name - 13, "a long name");
  recordings_free(&r);
}

/* More than there is room for at first. */
static inline void check_long_list(void) {
  enum { LINES = 150 };
  char list[LINES * 32] = "";
  const recordings_choice all = {.speaker = "", .below = 0};
  recordings r = RECORDINGS_NONE;
  size_t used = 0;
  for (int i = 0; i < LINES; i++)
    used += (size_t)snprintf(list + used, sizeof list - used, "%d_ann_0.wav\t%d\n", i % 3, i);
  write_file("said/list", list, used);
  int right = recordings_read("said/list", &all, &r) == 0 && r.count == LINES;
  for (int64_t i = 0, at = 0; right && i < LINES; at += r.item[i++].samples)
    right &= atoi(r.item[i].text) == i && r.item[i].samples == 1000 + 100 * (i % 3) &&
             r.item[i].start == at && r.sample[at + 5] == 500.F / 32768;
  CHECK(right, "a list of %d recordings", LINES);
  recordings_free(&r);
}

/* No file can be opened any more. */
static inline void check_closed_folder(void) {
  struct rlimit limit, none;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) exit(EXIT_FAILURE);
  none = limit;
  none.rlim_cur = 0;
  const recordings_choice all = {.speaker = "", .below = 0};
  recordings r = RECORDINGS_NONE;
  said_listen();
  if (setrlimit(RLIMIT_NOFILE, &none) != 0) exit(EXIT_FAILURE);
  const int code = recordings_read("said", &all, &r);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) exit(EXIT_FAILURE);
  check_record(said_answer(code, "said: cannot read: Too many open files"), said,
               "refused: a folder that cannot be opened");
  recordings_free(&r);
}

#endif
