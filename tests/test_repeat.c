/* test_repeat.c - the same run again and again gives the same bits: every plan of a device, every cell,
 * forward and backward.
 *
 *   test_repeat [device [runs [algorithms]]]      default: every device, 3 runs, every algorithm; "own" leaves
 *                                                 cuDNN's out, and the beginning of a name takes those so called
 *
 * On the emulator each run has another schedule of threads and blocks.  On a GPU this is also the small table
 * that tests/gpu.sh puts under compute-sanitizer: every kernel of every plan runs, few times.
 */
#include "tests/net.h"
#include "tests/shapes.h"

/* Everything that comes out, one after the other. */
static double *outputs(const net *n, int last, int64_t *count) {
  *count = 0;
  for (int i = NET_Y; i <= last; i++) *count += n->count[i];
  double *all = (double *)malloc((size_t)*count * sizeof *all + 1);
  int64_t at = 0;
  for (int i = NET_Y; i <= last; i++) {
    if (n->count[i]) memcpy(all + at, n->value[i], (size_t)n->count[i] * sizeof *all);
    at += n->count[i];
  }
  return all;
}

static void run_once(net *n) {
  memset(n->value[NET_DPARAMS], 0, (size_t)n->count[NET_DPARAMS] * sizeof(double));
  net_forward(n);
  net_backward(n);
}

static void check_repeats(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, const char *algorithm,
                          const shape_row *shape, int runs, const char *cell) {
  net n;
  int64_t count, again;
  int same = 1;
  if (!net_open_as(&n, ctx, desc, algorithm, shape->lengths)) return;
  net_fill(&n);
  run_once(&n);
  double *first = outputs(&n, NET_DPARAMS, &count);
  for (int i = 1; i < runs; i++) {
    run_once(&n);
    double *next = outputs(&n, NET_DPARAMS, &again);
    same = same && memcmp(first, next, (size_t)count * sizeof *first) == 0;
    free(next);
  }
  check_on_plan(&n);
  CHECK(same, "%s, %s, %d runs, the same bits", cell, shape->name, runs);
  free(first);
  net_close(&n);
}

/* name: "cuda/persistent-cta"; wanted: NULL for all, "own", or the beginning of what follows the device. */
static int is_wanted(const char *name, const char *wanted) {
  const char *id = strchr(name, '/') + 1;
  if (wanted == NULL) return 1;
  if (strcmp(wanted, "own") == 0) return strncmp(id, "cudnn", 5) != 0;
  return strncmp(id, wanted, strlen(wanted)) == 0;
}

static void check_algorithms(seqgpu_context *ctx, const cell_row *cell, const shape_row *shape, int runs,
                             const char *wanted) {
  seqgpu_rnn_desc desc = combine(cell, shape);
  for (int i = 0; i < seqgpu_algorithm_count(ctx); i++) {
    seqgpu_algorithm_info info;
    if (seqgpu_algorithm_get(ctx, &desc, i, &info) != SEQGPU_OK || info.why_not[0]) continue;
    if (!is_wanted(info.name, wanted)) continue;
    check_repeats(ctx, &desc, info.name, shape, runs, cell->name);
  }
}

static void check_device(const char *device, int runs, const char *wanted) {
  const seqgpu_context_options options = {.device = device, .threads = 2};
  const shape_row *shape;
  seqgpu_context *ctx = NULL;
  check_at("%s f32", device);
  if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK) {
    check_skip(seqgpu_last_error(ctx), "repeats");
  } else {
    for (size_t c = 0; c < COUNT(cell_rows); c++)
      for (int s = 0; (shape = shape_at(FOR_REPEAT, s)) != NULL; s++)
        check_algorithms(ctx, &cell_rows[c], shape, runs, wanted);
  }
  seqgpu_context_destroy(ctx);
}

int main(int argc, char **argv) {
  static const char *const devices[] = {"cpu", "emulator", "cuda"};
  const int runs = argc > 2 ? atoi(argv[2]) : 3;
  check_start();
  for (size_t i = 0; i < COUNT(devices); i++)
    if (argc < 2 ? check_is_for(devices[i]) : strcmp(argv[1], devices[i]) == 0)
      check_device(devices[i], runs, argc > 3 ? argv[3] : NULL);
  return check_finish();
}
