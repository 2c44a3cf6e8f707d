/* png.c - see png.h.  The bytes are read by the program, so that every file of its is opened, and refused, in
 * one way; libpng is handed them in memory. */
#include "host/data/png.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"
#include "host/cli/text_bytes.h"

#ifdef SEQGPU_PNG
#include <png.h>

enum { CHANNELS = 3, BYTES = 4 /* of a pixel that is read */, MOST_PIXELS = 1 << 26, WHITE = 255 };

/* Pixels [height,width,4], the last number how opaque. */
typedef struct raster {
  const unsigned char *pixel;
  int64_t width, height;
} raster;

/* ---------------------------------------------------------------- scaling */

/* How much of the unit from i on lies between two points. */
static double overlap(int64_t i, double from, double to) {
  return fmin((double)i + 1, to) - fmax((double)i, from);
}

/* The mean of a channel over a rectangle, white beyond the edges and behind what is transparent. */
static double mean_of(const raster *r, double left, double top, double size, int channel) {
  const int64_t x0 = (int64_t)fmax(floor(left), 0), y0 = (int64_t)fmax(floor(top), 0);
  double sum = 0, area = 0;
  for (int64_t y = y0; y < r->height && (double)y < top + size; y++)
    for (int64_t x = x0; x < r->width && (double)x < left + size; x++) {
      const unsigned char *p = r->pixel + BYTES * (y * r->width + x);
      const double part = overlap(x, left, left + size) * overlap(y, top, top + size), opaque = p[3] / 255.;
      sum += part * (opaque * p[channel] + (1 - opaque) * WHITE);
      area += part;
    }
  return (sum + (size * size - area) * WHITE) / (size * size);
}

static void fit(const raster *r, int64_t side, unsigned char *pixel) {
  const double longer = (double)(r->width > r->height ? r->width : r->height), size = longer / (double)side,
               left = ((double)r->width - longer) / 2, top = ((double)r->height - longer) / 2;
  for (int64_t i = 0; i < side * side * CHANNELS; i++) {
    const int64_t x = i / CHANNELS % side, y = i / CHANNELS / side;
    const double mean =
        mean_of(r, left + (double)x * size, top + (double)y * size, size, (int)(i % CHANNELS));
    pixel[i] = (unsigned char)lrint(fmin(fmax(mean, 0), WHITE));
  }
}

/* ---------------------------------------------------------------- reading */

static int read_pixels(const char *path, png_image *image, int64_t side, unsigned char *pixel) {
  image->format = PNG_FORMAT_RGBA;
  if (image->height > MOST_PIXELS / image->width)
    return cli_error("%s: has %lu x %lu pixels; that is too much", path, (unsigned long)image->width,
                     (unsigned long)image->height);
  unsigned char *all = malloc((size_t)BYTES * image->width * image->height);
  if (all == NULL) return cli_error("%s: out of memory", path);
  const int whole = png_image_finish_read(image, NULL, all, 0, NULL) != 0;
  if (whole) fit(&(raster){all, image->width, image->height}, side, pixel);
  free(all);
  return whole ? CLI_OK : cli_error("%s: is damaged: libpng says: %s", path, image->message);
}

int png_parse(const char *path, const char *bytes, size_t size, int64_t side, unsigned char *pixel) {
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&image, bytes, size))
    return cli_error("%s: is no picture in PNG: libpng says: %s", path, image.message);
  const int code = read_pixels(path, &image, side, pixel);
  png_image_free(&image);
  return code;
}
#else
int png_parse(const char *path, const char *bytes, size_t size, int64_t side, unsigned char *pixel) {
  (void)bytes, (void)size, (void)side, (void)pixel;
  return cli_error("%s: cannot be read: this build has no libpng", path);
}
#endif

int png_read(const char *path, int64_t side, unsigned char *pixel) {
  char *bytes;
  size_t size;
  CLI_TRY(text_bytes(path, &bytes, &size));
  const int code = png_parse(path, bytes, size, side, pixel);
  free(bytes);
  return code;
}
