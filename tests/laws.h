/* laws.h - what the law tests (test_laws_*.c) share: pairs of networks, how far they differ, the walk over a
 * table.
 *
 * A law is what must hold between runs of a network, whatever the numbers are: no reference is needed.  It
 * takes a cell and returns its largest error, of which its row says what is allowed: 0 where the two sides
 * must have the same bits, EXACT where only the order of a sum differs.  Every law walks every cell it is
 * about.
 */
#ifndef LAWS_H
#define LAWS_H

#include "tests/net.h"
#include "tests/shapes.h"

#define EXACT 1e-12

typedef struct contexts {
  seqgpu_context *f64, *f32, *f32_threads; /* one thread, one thread, three threads */
} contexts;

/* --- tools --- */

/* Largest difference of two ranges; NaN if there is one. */
static inline double differ(const double *a, const double *b, int64_t n) {
  double worst = 0;
  for (int64_t i = 0; i < n; i++) worst = check_worse(fabs(a[i] - b[i]), worst);
  return worst;
}

/* Of whole tensors first..last of two networks of one shape. */
static inline double differ_in(const net *a, const net *b, int first, int last) {
  double worst = 0;
  for (int i = first; i <= last; i++)
    worst = check_worse(differ(a->value[i], b->value[i], a->count[i]), worst);
  return worst;
}

static inline void run(net *n) {
  net_forward(n);
  if (!n->desc.inference) net_backward(n);
}

/* A network of the cell by an algorithm of this name; NULL: the planner's choice. */
static inline net opened_as(seqgpu_context *ctx, const cell_row *cell, const char *algorithm, int64_t T,
                            int64_t B, seqgpu_rnn_desc options, const int32_t *lengths) {
  const shape_row shape = {.size = {T, B, 3, 5}, .desc = options};
  const seqgpu_rnn_desc desc = combine(cell, &shape);
  net n;
  net_open_as(&n, ctx, &desc, algorithm, lengths);
  return n;
}

static inline net opened(seqgpu_context *ctx, const cell_row *cell, int64_t T, int64_t B,
                         seqgpu_rnn_desc options, const int32_t *lengths) {
  return opened_as(ctx, cell, NULL, T, B, options, lengths);
}

/* A random network, not run yet. */
static inline net fresh(seqgpu_context *ctx, const cell_row *cell, int64_t T, int64_t B,
                        seqgpu_rnn_desc options, const int32_t *lengths) {
  net n = opened(ctx, cell, T, B, options, lengths);
  net_fill(&n);
  return n;
}

/* One of the same shape and inputs. */
static inline net twin(const net *n, seqgpu_context *ctx, const int32_t *lengths) {
  net other;
  net_open(&other, ctx, &n->desc, lengths);
  net_copy_inputs(&other, n);
  return other;
}

static inline void copy(double *to, const double *from, int64_t n) {
  if (n) memcpy(to, from, (size_t)n * sizeof *to);
}

/* The worst difference in tensors first..last of two networks that nobody needs afterwards. */
static inline double differ_at_end(net *a, net *b, int first, int last) {
  const double worst = differ_in(a, b, first, last);
  net_close(a);
  net_close(b);
  return worst;
}

static inline double differ_when_run(net *a, net *b, int first, int last) {
  run(a);
  run(b);
  return differ_at_end(a, b, first, last);
}

/* Numbers of one (step, sequence) in x, dx, y or dy, and of one sequence in one layer's state. */
static inline int64_t row_width(const net *n, int tensor) {
  return n->count[tensor] / (n->desc.seq_len * n->desc.batch);
}
static inline int64_t state_width(const net *n, int tensor) {
  return n->count[tensor] / (n->desc.num_layers * (n->desc.bidirectional ? 2 : 1) * n->desc.batch);
}

#define NONE      ((seqgpu_rnn_desc){.num_layers = 1})
#define BOTH_WAYS ((seqgpu_rnn_desc){.bidirectional = 1})
#define DEEP      ((seqgpu_rnn_desc){.num_layers = 2, .bidirectional = 1})

/* --- the walk --- */

static inline int every(const cell_row *cell) { return cell != NULL; }

/* What is drawn depends on the place in the batch, on the layer, the direction and the plan. */
static inline int quiet(const cell_row *cell) { return !is_noisy(&cell->desc); }

/* And none that takes statistics of the whole batch in training. */
static inline int apart(const cell_row *cell) { return quiet(cell) && !is_batch_normed(&cell->desc); }

typedef struct law_row {
  const char *name;
  double (*law)(const contexts *, const cell_row *);
  int (*about)(const cell_row *);
  double tolerance; /* 0: a law in float32; EXACT: one in float64 */
  int devices;      /* 1: small, and about the driver: also in float32 on the emulator and on a GPU */
} law_row;

/* Every law about every cell; on other devices than the CPU the rows that say so. */
static inline void check_laws(const contexts *c, const law_row *laws, size_t count) {
  const char *device = seqgpu_context_device(c->f32);
  const int cpu = strcmp(device, "cpu") == 0;
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < COUNT(cell_rows); k++)
      if (laws[i].about(&cell_rows[k]) && (cpu || laws[i].devices)) {
        check_at("%s %s", device, laws[i].tolerance == 0 ? "f32" : "f64");
        check_error(laws[i].law(c, &cell_rows[k]), laws[i].tolerance, "%s, %s", cell_rows[k].name,
                    laws[i].name);
      }
}

static inline void check_device(contexts c, const char *device, const law_row *laws, size_t count) {
  const seqgpu_context_options options = {.device = device};
  check_at("%s f32", device);
  if (seqgpu_context_create(&options, &c.f32) == SEQGPU_OK)
    check_laws(&c, laws, count);
  else
    check_skip(seqgpu_last_error(c.f32), "laws");
  seqgpu_context_destroy(c.f32);
}

/* The table on every device. */
static inline void check_laws_everywhere(const law_row *laws, size_t count) {
  const contexts c = {net_context("cpu", SEQGPU_DTYPE_F64, 1), net_context("cpu", SEQGPU_DTYPE_F32, 1),
                      net_context("cpu", SEQGPU_DTYPE_F32, 3)};
  check_laws(&c, laws, count);
  if (check_is_for("emulator")) check_device(c, "emulator", laws, count);
  if (check_is_for("cuda")) check_device(c, "cuda", laws, count);
  seqgpu_context_destroy(c.f64);
  seqgpu_context_destroy(c.f32);
  seqgpu_context_destroy(c.f32_threads);
}

/* A program of laws alone. */
static inline int laws_main(const law_row *laws, size_t count) {
  check_start();
  check_laws_everywhere(laws, count);
  return check_finish();
}

#endif
