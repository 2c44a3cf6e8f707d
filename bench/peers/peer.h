/* peer.h - a library we are measured against, as one table row: set up once, run many times on the same
 * numbers.
 *
 * Layouts at this seam are ours (time-major, PyTorch's gate order, one bias); a peer converts during setup,
 * untimed.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdint.h>

typedef struct bench_shape {
  const char *cell;
  int64_t seq_len, batch, input, hidden;
  int threads;
  int training; /* forward keeps a workspace and backward runs */
} bench_shape;

/* Host buffers of the problem, float32. */
typedef struct bench_data {
  const float *x;      /* [T,B,I] */
  const float *params; /* weight_ih [G,I], bias [G], weight_hh [G,H] */
  const float *dy;     /* [T,B,H] */
  float *y;            /* [T,B,H] out */
  float *dx;           /* [T,B,I] out */
  float *dparams;      /* as params, out (overwritten) */
} bench_data;

typedef struct bench_peer {
  const char *name;
  /* An opaque state, or NULL with *why set when the peer cannot do this shape. */
  void *(*open)(const bench_shape *shape, const bench_data *data, const char **why);
  int (*prepare)(void *state); /* clears what accumulates; untimed.  0 = success, here and below */
  int (*run)(void *state);     /* forward, and backward when training */
  int (*fetch)(void *state);   /* results of the last run into data's outputs, in our layout */
  void (*close)(void *state);
} bench_peer;

/* The peers of this build, ended by NULL. */
extern const bench_peer *const bench_peers[];

#endif
