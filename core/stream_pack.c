/* stream_pack.c - packs the weights of a layer for streams of fewer bits (stream_pack.h): once for a set of
 * weights, so that it is plain and not fast. */
#include "core/stream_pack.h"

/* 1 if a product reads the parameter as a matrix. */
static int is_matrix(const sq_layout *layout, int param) {
  int found = param == 0; /* W_ih */
  for (int i = 0; i < layout->products; i++)
    found |= layout->product[i].param == param && layout->product[i].structure == NULL;
  return found;
}

/* A cache line. */
static int64_t whole_lines(int64_t bytes) { return (bytes + 63) / 64 * 64; }

static int64_t padded_rows(int64_t rows) {
  return (rows + SQ_STREAM_ROWS - 1) / SQ_STREAM_ROWS * SQ_STREAM_ROWS;
}

sq_stream_map sq_stream_map_of(sq_stream_format format, const sq_layout *layout) {
  const int64_t element = format == SQ_STREAM_INT8 ? 1 : 2;
  sq_stream_map map = {.size = whole_lines(sizeof map)};
  for (int i = 0; i < layout->params; i++) {
    map.weights[i] = map.scales[i] = -1;
    if (!is_matrix(layout, i)) continue;
    const int64_t rows = padded_rows(layout->param[i].rows);
    map.weights[i] = map.size;
    map.size += whole_lines(rows * sq_stream_stride(layout->param[i].cols) * element);
    if (format != SQ_STREAM_INT8) continue;
    map.scales[i] = map.size;
    map.size += whole_lines(rows * (int64_t)sizeof(float));
  }
  return map;
}

int64_t sq_stream_widest(const sq_layout *layout) {
  int64_t widest = 0;
  for (int i = 0; i < layout->params; i++)
    if (is_matrix(layout, i) && layout->param[i].cols > widest) widest = layout->param[i].cols;
  return widest;
}

/* The upper half of a word that is nearest to w, given its lower half.  What is not finite becomes NaN: an
 * infinity would be one or the other, depending on the lower half. */
static uint32_t upper_half(float w, uint32_t lower) {
  const int64_t largest = 0x7F7F;
  uint32_t bits;
  memcpy(&bits, &w, sizeof bits);
  if (!isfinite(w)) return 0x7FC0;
  const int64_t nearest = ((int64_t)(bits & 0x7FFFFFFFu) - (int64_t)lower + 0x8000) >> 16;
  const int64_t upper = nearest < 0 ? 0 : nearest > largest ? largest : nearest;
  return (bits >> 16 & 0x8000u) | (uint32_t)upper;
}

/* Where element [r,k] is; n columns in a word. */
static int64_t place_of(int64_t stride, int64_t n, int64_t r, int64_t k) {
  const int64_t group = r / SQ_STREAM_ROWS, lane = r % SQ_STREAM_ROWS;
  return group * SQ_STREAM_ROWS * stride + (k / n * SQ_STREAM_ROWS + lane) * n + k % n;
}

/* Words in the order of the machine's bytes; the even column of a word comes first. */
static void pack_bf16(const sq_param *p, const float *w, uint32_t *words) {
  const int64_t stride = sq_stream_stride(p->cols);
  for (int64_t r = 0; r < p->rows; r++)
    for (int64_t k = 0; k < p->cols; k++) {
      uint32_t *word = &words[place_of(stride, 2, r, k) / 2];
      *word |= k % 2 ? upper_half(w[r * p->cols + k], *word) << 16 : upper_half(w[r * p->cols + k], 0);
    }
}

static void pack_int8(const sq_param *p, const float *w, int8_t *q, float *scales) {
  const int64_t stride = sq_stream_stride(p->cols);
  for (int64_t r = 0; r < p->rows; r++) {
    const float m = sq_stream_largest(p->cols, w + r * p->cols);
    scales[r] = m / (127.0f * 127.0f);
    for (int64_t k = 0; k < p->cols; k++)
      q[place_of(stride, 4, r, k)] = sq_stream_round(w[r * p->cols + k], m);
  }
}

void sq_stream_pack(sq_stream_format format, const sq_layout *layout, const float *params, void *packed) {
  const sq_stream_map map = sq_stream_map_of(format, layout);
  char *base = packed;
  memset(packed, 0, (size_t)map.size);
  memcpy(packed, &map, sizeof map);
  for (int i = 0; i < layout->params; i++) {
    if (map.weights[i] < 0) continue;
    const float *w = params + layout->param[i].offset;
    if (format == SQ_STREAM_INT8)
      pack_int8(&layout->param[i], w, (int8_t *)(base + map.weights[i]), (float *)(base + map.scales[i]));
    else
      pack_bf16(&layout->param[i], w, (uint32_t *)(base + map.weights[i]));
  }
}
