/* cells_look.h - the states and gates of a language model over a text, for a page that shows them
 * (cells_page.h).
 *
 * Letters: n = tokens, L = layers, H = cells of a layer, U = L H.
 */
#ifndef CELLS_LOOK_H
#define CELLS_LOOK_H

#include "host/cli/charlm.h"
#include "host/cli/memory.h"
#include "host/cli/vocab.h"

enum { CELLS_GATES = 4 };

typedef struct cells_look {
  int64_t n, L, H;
  char part[24];              /* what a cell shows: "tanh(c)", or "h" */
  float *cell;                /* [n,U], cell u of layer l in column l H + u */
  int gates;                  /* of a layer */
  char gate[CELLS_GATES][16]; /* their names */
  float *gate_value;          /* [L,gates,n,H], values in (0,1) */
  memory_stream text;         /* the tokens, one after the other */
  size_t *ends;               /* [n] where each ends in it */
} cells_look;

/* Runs a model that was loaded for training, but without dropout, over ids[n].  0, or an exit code after a
 * sentence. */
int cells_look_at(charlm *m, const vocabulary *v, const int32_t *ids, int64_t n, cells_look *out);
void cells_look_free(cells_look *c);

#endif
