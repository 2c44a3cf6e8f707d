/* recordings.c - see recordings.h. */
#define _POSIX_C_SOURCE 200809L

#include "host/data/recordings.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/cli/cli.h"
#include "host/cli/text_bytes.h"
#include "host/data/list_line.h"
#include "host/data/wav.h"

enum { MOST_PATH = 4096, MOST_NUMBER = 9 };

/* ---------------------------------------------------------------- adding */

static char *copy_of(const char *text, size_t size) {
  char *copy = malloc(size + 1);
  if (copy == NULL) return NULL;
  memcpy(copy, text, size);
  copy[size] = 0;
  return copy;
}

/* Room for one more recording of so many samples; 0 when out of memory. */
static int make_room(recordings *r, int64_t samples) {
  if (r->count == r->room) {
    const int64_t room = r->room ? 2 * r->room : 64;
    recording *item = realloc(r->item, (size_t)room * sizeof *item);
    if (item == NULL) return 0;
    r->item = item;
    r->room = room;
  }
  if (r->samples + samples > r->room_samples) {
    const int64_t room = 2 * r->room_samples + samples;
    float *sample = realloc(r->sample, (size_t)room * sizeof *sample);
    if (sample == NULL) return 0;
    r->sample = sample;
    r->room_samples = room;
  }
  return 1;
}

/* The samples of all are of one rate. */
static int check_rate(const char *path, const wav *w, const recordings *r) {
  if (r->rate == 0 || r->rate == w->rate) return CLI_OK;
  return cli_error("%s: has %lld samples a second; it must have %lld, as the others", path,
                   (long long)w->rate, (long long)r->rate);
}

static int keep(const char *path, const wav *w, const char *text, size_t size, int32_t speaker,
                recordings *r) {
  char *copy;
  CLI_TRY(check_rate(path, w, r));
  if (!make_room(r, w->samples) || (copy = copy_of(text, size)) == NULL)
    return cli_error("%s: out of memory", path);
  r->item[r->count++] = (recording){copy, speaker, r->samples, w->samples};
  memcpy(r->sample + r->samples, w->sample, (size_t)w->samples * sizeof *w->sample);
  r->samples += w->samples;
  r->rate = w->rate;
  r->hash = hash_bytes(hash_bytes(r->hash, text, size), &w->hash, sizeof w->hash);
  r->bytes += w->bytes;
  return CLI_OK;
}

static int add(const char *path, const char *text, size_t size, int32_t speaker, recordings *r) {
  wav w;
  CLI_TRY(wav_read(path, &w));
  const int code = keep(path, &w, text, size, speaker, r);
  wav_free(&w);
  return code;
}

int recordings_read_file(const char *path, recordings *r) { return add(path, "", 0, -1, r); }

void recordings_free(recordings *r) {
  for (int64_t i = 0; i < r->count; i++) free(r->item[i].text);
  for (int64_t i = 0; i < r->speakers; i++) free(r->speaker[i]);
  free(r->item);
  free(r->sample);
  free(r->speaker);
  *r = (recordings)RECORDINGS_NONE;
}

/* ---------------------------------------------------------------- a folder */

/* "7_jackson_32.wav" in its parts; 0 if the name is another one. */
static int read_name(const char *name, char *digit, char speaker[MOST_PATH], int64_t *number) {
  const char *first = strchr(name, '_'), *last = strrchr(name, '_');
  const size_t digits = last ? strspn(last + 1, "0123456789") : 0;
  if (first != name + 1 || name[0] < '0' || name[0] > '9' || last <= first + 1) return 0;
  if (digits < 1 || digits > MOST_NUMBER || strcmp(last + 1 + digits, ".wav") != 0) return 0;
  *digit = name[0];
  *number = strtoll(last + 1, NULL, 10);
  snprintf(speaker, MOST_PATH, "%.*s", (int)(last - first - 1), first + 1);
  return 1;
}

/* The number of a speaker, who may be new; -1 when out of memory. */
static int32_t find_speaker(const char *name, recordings *r) {
  for (int64_t i = 0; i < r->speakers; i++)
    if (strcmp(r->speaker[i], name) == 0) return (int32_t)i;
  char **longer = realloc(r->speaker, (size_t)(r->speakers + 1) * sizeof *longer);
  if (longer == NULL) return -1;
  r->speaker = longer;
  if ((longer[r->speakers] = copy_of(name, strlen(name))) == NULL) return -1;
  return (int32_t)r->speakers++;
}

static int add_named(const char *folder, const char *name, const recordings_choice *choice, recordings *r) {
  char path[MOST_PATH], speaker[MOST_PATH], digit;
  int64_t number;
  if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
    return cli_error("%.100s...: the path of a recording in this folder is too long", folder);
  if (!read_name(name, &digit, speaker, &number))
    return cli_error("%s: its name must be DIGIT_SPEAKER_NUMBER.wav, as in 7_jackson_32.wav", path);
  if (choice->only && choice->only[0] && strcmp(choice->only, speaker) != 0) return CLI_OK;
  const int held_out = choice->speaker[0] ? strcmp(choice->speaker, speaker) == 0 : number < choice->below;
  r->held_out += held_out;
  if (held_out != choice->take_held_out) return CLI_OK;
  const int32_t who = find_speaker(speaker, r);
  if (who < 0) return cli_error("%s: out of memory", path);
  return add(path, &digit, 1, who, r);
}

static int is_sound(const struct dirent *entry) {
  const size_t length = strlen(entry->d_name);
  return length >= 4 && strcmp(entry->d_name + length - 4, ".wav") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_folder(const char *path, const recordings_choice *choice, recordings *r) {
  struct dirent **entry;
  const int count = scandir(path, &entry, is_sound, by_name);
  int code = CLI_OK;
  if (count < 0) return cli_error("%s: cannot read: %s", path, strerror(errno));
  for (int i = 0; i < count; i++) {
    if (code == CLI_OK) code = add_named(path, entry[i]->d_name, choice, r);
    free(entry[i]);
  }
  free(entry);
  return code == CLI_OK && count == 0 ? cli_error("%s: has no .wav files", path) : code;
}

/* ---------------------------------------------------------------- a list */

/* One line, of so many bytes. */
static int add_line(const char *path, int64_t number, const char *line, size_t size, recordings *r) {
  char file[LIST_PATH];
  const char *tab = memchr(line, '\t', size);
  const size_t length = tab ? (size_t)(tab - line) : 0, said = tab ? size - length - 1 : 0;
  if (length == 0 || said == 0)
    return cli_error("%s: line %lld must be the path of a recording, a tab, and what is said in it", path,
                     (long long)number);
  if (!list_is_plain(line, length) || !list_is_plain(tab + 1, said))
    return cli_error("%s: line %lld has a character that cannot be shown", path, (long long)number);
  CLI_TRY(list_path(path, number, line, length, file));
  return add(file, tab + 1, said, -1, r);
}

static int add_lines(const char *path, const char *text, recordings *r) {
  for (int64_t number = 1; *text; number++) {
    const size_t length = strcspn(text, "\n"), end = length > 0 && text[length - 1] == '\r';
    if (length > end) CLI_TRY(add_line(path, number, text, length - end, r));
    text += length + (text[length] == '\n');
  }
  return CLI_OK;
}

static int read_list(const char *path, recordings *r) {
  char *text;
  const int64_t before = r->count;
  CLI_TRY(text_string(path, "a list of recordings, or a folder of them", &text));
  const int code = add_lines(path, text, r);
  free(text);
  if (code != CLI_OK || r->count > before) return code;
  return cli_error("%s: has no recording; it must have at least one line, a path, a tab and a text", path);
}

int recordings_is_folder(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

int recordings_read(const char *path, const recordings_choice *choice, recordings *r) {
  return recordings_is_folder(path) ? read_folder(path, choice, r) : read_list(path, r);
}
