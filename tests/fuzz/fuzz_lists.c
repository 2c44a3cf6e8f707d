/* fuzz_lists.c - lists of files with their texts: of recordings, and of pictures, as the first byte says.
 *
 * A line's @ at its beginning is the path of a good file; other paths lead into a folder that is not there,
 * so that no file of the machine is read.
 */
#define _GNU_SOURCE

#include "host/data/list_line.h"
#include "host/data/pictures.h"
#include "host/data/recordings.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/png_made.h"
#include "tests/wav_made.h"

enum { GOOD = 64 /* a path's bytes, at most */ };

/* The list of these bytes, from malloc. */
static uint8_t *make_list(const uint8_t *data, size_t size, const char *good, size_t *made) {
  uint8_t *list = malloc(size * GOOD + 1);
  fuzz_require(list != NULL);
  *made = 0;
  for (size_t i = 0, begins = 1; i < size; begins = data[i++] == '\n') {
    const char *path = !begins || data[i] == '\t' || data[i] == '\n' || data[i] == '\r' ? ""
                       : data[i] == '@'                                                 ? good
                                                                                        : "/nowhere/";
    memcpy(list + *made, path, strlen(path));
    *made += strlen(path);
    if (path != good) list[(*made)++] = data[i];
  }
  return list;
}

/* Each has a text that can be shown, and its own samples. */
static void read_recordings(const char *path) {
  const recordings_choice all = {.speaker = ""};
  recordings r = RECORDINGS_NONE;
  if (recordings_read(path, &all, &r) == 0) {
    fuzz_require(r.count > 0 && r.rate > 0);
    for (int64_t i = 0; i < r.count; i++) {
      fuzz_require(r.item[i].text[0] && list_is_plain(r.item[i].text, strlen(r.item[i].text)));
      fuzz_require(r.item[i].start + r.item[i].samples ==
                   (i + 1 < r.count ? r.item[i + 1].start : r.samples));
    }
  }
  recordings_free(&r);
}

/* Each has a caption of one word at least. */
static void read_pictures(const uint8_t *list, size_t size) {
  pictures p = {.ctx = fuzz_context(), .form = picture_form_of_pixels(4, 2), .caption = SENTENCES_NONE};
  text_file text;
  if (text_parse("fuzz", fuzz_copy(list, size), size, TOKEN_BYTES, &text) == 0 &&
      pictures_parse("fuzz", &text, &p) == 0) {
    fuzz_require(p.count > 0 && p.caption.count == p.count);
    for (int64_t i = 0; i < p.count; i++) fuzz_require(p.caption.start[i] < p.caption.start[i + 1]);
  }
  pictures_free(&p);
}

FUZZ_TARGET(lists) {
  static const unsigned char pixel[4] = {0, 50, 100, 255};
  char file[256];
  const unsigned kind = fuzz_byte(&data, &size) % 2;
  const size_t bytes = kind ? png_make(file, PNG_GREY, 2, 2, pixel) : wav_make(file, 1000, 1, 20, 0, 5);
  const char *good = fuzz_file(1, (const uint8_t *)file, bytes);
  size_t made;
  uint8_t *list = make_list(data, size, good, &made);
  if (kind)
    read_pictures(list, made);
  else
    read_recordings(fuzz_file(0, list, made));
  free(list);
  return 0;
}
