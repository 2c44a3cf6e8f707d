/* stream_pack.h - the weights of a layer in fewer bits than the user holds them in, for streams (internal).
 *
 *   bf16   the upper 16 bits of w, rounded to nearest: off by 2^-8 |w| at most
 *   int8   w = m q / 127    m = max |w| of the row, q = round(127 w / m)    (Jacob et al. 2018, eq. 1, Z = 0)
 *
 * Packed are the matrices that products read, in the order of the layout's parameters; everything else, the
 * bias for one, is read as the user holds it.  Each matrix is
 *
 *   weights [rows / 8, cols / n, 8, n]   n = 2 for bf16, 4 for int8: a word of 32 bits, k in its lower half
 *   scales  [rows]                       int8 alone: m / 127^2, of which one 127 is the vector's
 *
 * with rows and columns of zeros up to multiples of 8 and 4.  So a vector register holds the same columns of
 * eight rows (stream_packed.c).
 *
 * In bf16 the even column of a word is its lower half moved up.  The odd one is the whole word, read as a
 * float32: its upper half is rounded so that the two halves together are nearest to w.  That saves a mask for
 * every word, and is off by no more.
 */
#ifndef SQ_STREAM_PACK_H
#define SQ_STREAM_PACK_H

#include <math.h>
#include <string.h>

#include "core/cell.h"
#include "core/real.h"

typedef enum sq_stream_format {
  SQ_STREAM_F32, /* as the user holds them: not packed */
  SQ_STREAM_BF16,
  SQ_STREAM_INT8,
  SQ_STREAM_FORMATS
} sq_stream_format;

enum { SQ_STREAM_ROWS = 8, SQ_STREAM_COLS = 4 };

/* Where the matrices are; -1 for a parameter that no product reads.  In bytes from the map itself, which packed
 * weights begin with: a stream has no time to make it in each step. */
typedef struct sq_stream_map {
  int64_t weights[SQ_MAX_PARAMS], scales[SQ_MAX_PARAMS];
  int64_t size;
} sq_stream_map;

sq_stream_map sq_stream_map_of(sq_stream_format format, const sq_layout *layout);

/* The columns of the widest matrix that products read. */
int64_t sq_stream_widest(const sq_layout *layout);

/* params: the layer's, flat.  packed: size bytes, aligned for the map. */
void sq_stream_pack(sq_stream_format format, const sq_layout *layout, const float *params, void *packed);

/* cols with their padding. */
static inline int64_t sq_stream_stride(int64_t cols) {
  return (cols + SQ_STREAM_COLS - 1) / SQ_STREAM_COLS * SQ_STREAM_COLS;
}

/* m = max |v|; NaN where an element is not finite, so that all it takes part in is NaN, and 0 for a vector
 * without a normal number. */
SQ_INLINE float sq_stream_largest(int64_t cols, const float *v) {
  const int32_t infinite = 0x7F800000, least_normal = 0x00800000;
  int32_t most = 0; /* sizes of floats are ordered as their bits are */
  for (int64_t k = 0; k < cols; k++) {
    int32_t size;
    memcpy(&size, v + k, sizeof size);
    size &= 0x7FFFFFFF;
    most = size > most ? size : most;
  }
  if (most >= infinite || most < least_normal) return most >= infinite ? NAN : 0.0f;
  float m;
  memcpy(&m, &most, sizeof m);
  return m;
}

/* round(127 v / m); 0 where m is 0, and anything where m is NaN. */
SQ_INLINE int8_t sq_stream_round(float v, float m) {
  const float whole = 0x1.8p23f; /* added to a smaller number, its lower bits are that number, rounded */
  const float rounded = v / m * 127.0f + whole;
  int32_t bits;
  memcpy(&bits, &rounded, sizeof bits);
  return (int8_t)bits;
}

#endif
