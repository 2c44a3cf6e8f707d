/* masks.h - what chance does to the steps of a layer: zoneout and recurrent dropout.
 *
 *   recurrent_dropout  the products see h_{t-1} m, one mask m for a whole sequence
 *                      (Gal, Ghahramani, "A theoretically grounded application of dropout in recurrent neural
 *                      networks", 2016, with tied weights: all gates see the same mask)
 *   update_dropout     what is to be added to the state, g of an LSTM, c of a GRU, is multiplied by a mask
 *                      m_t of each step (Semeniuta, Severyn, Barth, "Recurrent dropout without memory loss",
 *                      2016)
 *   zoneout_hidden,    each unit of h, of the cell state, keeps its old value with probability z
 *   zoneout_cell       (Krueger et al., "Zoneout", 2017): s_t = d_t s_{t-1} + (1 - d_t) new, d_t in {0, 1}
 *
 * Masks are 0 with the probability that the option names, else 1/(1-p).  Inference draws nothing: masks are
 * 1, and zoneout has its expectation, s_t = z s_{t-1} + (1-z) new.
 *
 * The driver does this around the cell's step (masks.c), and the layout says where (sq_layout.masks).
 *
 * Draws: unit j of sequence b at step t has Philox block `first` + ((t + 1) B + b) W + j under the run's
 * seed, a word for each purpose; step -1 is the whole sequence's.  W is the largest width of a state.
 * Sequences that are a part of a batch have the numbers and the B of the whole, and so its masks: `first` has
 * moved on by the W of those before them.
 */
#ifndef SQ_MASKS_H
#define SQ_MASKS_H

#include "core/cell.h"
#include "core/philox.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The words of a block. */
enum { SQ_MASKS_ZONE = 0 /* and the state's number */, SQ_MASKS_UPDATE = 2, SQ_MASKS_SEQUENCE = 3 };
/* The states that may have zoneout: h and c. */
enum { SQ_MASKS_STATES = 2 };

/* What a step draws from. */
typedef struct sq_masks {
  const uint64_t *key;    /* seed, first block; NULL: inference */
  int64_t sequence, step; /* blocks from the first to that of row 0, unit 0 */
  int64_t width;          /* W */
} sq_masks;

/* Those of rows from `row` on of batch B at step t. */
static inline sq_masks sq_masks_at(const uint64_t *key, int64_t width, int64_t batch, int64_t t,
                                   int64_t row) {
  const sq_masks n = {key, row * width, ((t + 1) * batch + row) * width, width};
  return n;
}

/* A word below the threshold: the event of probability p happens. */
static inline uint64_t sq_masks_threshold(double p) { return (uint64_t)ceil(p * 4294967296.0); }

/* Whether something is to be done before the products of a step, and after its last stage. */
static inline int sq_masks_enters(const sq_layout *l) { return l->masks.drop > 0 || l->masks.update > 0; }
static inline int sq_masks_leaves(const sq_layout *l) {
  int leaves = 0;
  for (int k = 0; k < l->states; k++) leaves |= l->masks.zone[k] > 0;
  return leaves;
}

/* W, and the blocks that a layer and direction draws in a run of at most these sizes; 0: it draws nothing. */
static inline int64_t sq_masks_width(const sq_layout *l) {
  int64_t width = 0;
  for (int k = 0; k < l->states; k++) width = l->state_width[k] > width ? l->state_width[k] : width;
  return width;
}
static inline int64_t sq_masks_blocks(const sq_layout *l, int64_t seq_len, int64_t batch) {
  return sq_masks_enters(l) || sq_masks_leaves(l) ? (seq_len + 1) * batch * sq_masks_width(l) : 0;
}

#ifdef __cplusplus
}
#endif
#endif
