/* png.h - reading pictures in PNG, by libpng: whatever depth and kind they have, on a white ground where they
 * are transparent, and made to fit a square. */
#ifndef SQ_DATA_PNG_H
#define SQ_DATA_PNG_H

#include <stddef.h>
#include <stdint.h>

/* The picture as pixel [side,side,3]: its longer edge becomes `side`, each pixel the mean of what it covers,
 * and what is missing beside its shorter edge is white.
 * 0, or an exit code after a sentence that begins with the path, also where the program was built without
 * libpng. */
int png_parse(const char *path, const char *bytes, size_t size, int64_t side, unsigned char *pixel);
/* The same of a file. */
int png_read(const char *path, int64_t side, unsigned char *pixel);

#endif
