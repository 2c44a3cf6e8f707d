/* layer_map.h - where things are in the reserve of a layer, and the size of the chunks in which inference
 * runs: the same for every backend and precision.  Sizes and offsets in elements.
 */
#ifndef SQ_LAYER_MAP_H
#define SQ_LAYER_MAP_H

#include "core/cell.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SQ_ALIGN_ELEMENTS = 16 };

/* n rounded up to a multiple of SQ_ALIGN_ELEMENTS. */
static inline int64_t sq_align_elements(int64_t n) {
  return (n + SQ_ALIGN_ELEMENTS - 1) / SQ_ALIGN_ELEMENTS * SQ_ALIGN_ELEMENTS;
}

/* Offsets of the blocks of the reserve (core/layer.h), and its size. */
typedef struct sq_reserve_map {
  int64_t state[SQ_MAX_STATES];
  int64_t gates, aux, stats, size;
} sq_reserve_map;
sq_reserve_map sq_reserve_layout(const sq_layout *layout, int64_t seq_len, int64_t batch);

/* The slot of the state before and after step t; a slot is B*W_k elements. */
static inline int64_t sq_slot_prev(int reverse, int64_t t) { return reverse ? t + 1 : t; }
static inline int64_t sq_slot_next(int reverse, int64_t t) { return reverse ? t : t + 1; }

/* Gates and aux of so many rows; the columns of all states one behind the other. */
int64_t sq_gates_size(const sq_layout *layout, int64_t rows);
int64_t sq_signals_width(const sq_layout *layout);

/* Inference keeps no reserve and works in chunks of about `rows` rows of [T,B]: the time steps of a chunk,
 * and room for the chunk of any run that is not larger than seq_len x batch, whatever its own chunk. */
int64_t sq_chunk_steps(int64_t rows, int64_t seq_len, int64_t batch);
int64_t sq_chunk_size(const sq_layout *layout, int64_t rows, int64_t seq_len, int64_t batch);

#ifdef __cplusplus
}
#endif
#endif
