/* fuzz_png.c - pictures in PNG, made to fit a square whose edge the first byte says, and the names of scenes.
 */
#include "host/data/pictures.h"
#include "host/data/png.h"
#include "tests/fuzz/fuzz.h"

/* Every pixel is written, whatever stood there. */
static void read_twice(const char *bytes, size_t size, int64_t side) {
  const size_t all = (size_t)(side * side * PICTURES_CHANNELS);
  unsigned char *one = malloc(all), *two = malloc(all);
  fuzz_require(one != NULL && two != NULL);
  memset(one, 0, all);
  memset(two, 0xff, all);
  if (png_parse("fuzz", bytes, size, side, one) == 0)
    fuzz_require(png_parse("fuzz", bytes, size, side, two) == 0 && memcmp(one, two, all) == 0);
  free(one);
  free(two);
}

FUZZ_TARGET(png) {
  const int64_t side = 1 + fuzz_byte(&data, &size) % 16;
  char *bytes = fuzz_copy(data, size), *name = fuzz_string(data, size);
  int64_t count = 0;
  int unseen = 0;
  read_twice(bytes, size, side);
  if (pictures_scenes(name, &count, &unseen) == 1)
    fuzz_require(count >= 1 && strtoll(name + 7, NULL, 10) == count && (name[0] == 'u') == unseen);
  free(bytes);
  free(name);
  return 0;
}
