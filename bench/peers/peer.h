/* peer.h - a library that we are measured against: set up once, then run many times on the same buffers.
 *
 * Layouts at this seam are ours (time-major, PyTorch's gate order, one bias).  A peer converts while it is
 * set up, which is not timed.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdint.h>

typedef struct bench_shape {
  const char *cell;
  int64_t seq_len, batch, input, hidden;
  int threads;
  int training; /* backward runs as well, and forward keeps what it needs */
} bench_shape;

/* Host buffers of the problem, float32. */
typedef struct bench_data {
  const float *x;      /* [T,B,I] */
  const float *params; /* weight_ih [G,I], bias [G], weight_hh [G,H] */
  const float *dy;     /* [T,B,H] */
  float *y;            /* [T,B,H] out */
  float *dx;           /* [T,B,I] out */
  float *dparams;      /* laid out as params, overwritten: out */
} bench_data;

typedef struct bench_peer {
  const char *name;
  /* The peer's state, or NULL with *why set if it cannot run this shape. */
  void *(*open)(const bench_shape *shape, const bench_data *data, const char **why);
  int (*prepare)(void *state); /* clears what accumulates; not timed.  0 is success, here and below */
  int (*run)(void *state);     /* forward, and backward when training */
  int (*fetch)(void *state);   /* writes the last run's results to the outputs of data, in our layout */
  void (*close)(void *state);
} bench_peer;

/* The peers of this build, ended by NULL. */
extern const bench_peer *const bench_peers[];

#endif
