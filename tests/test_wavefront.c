/* test_wavefront.c - the layers of a stack side by side (host/run/wavefront.c), on the emulator; built
 * without it, on a GPU.
 *
 * Every cell on every kind of persistent plan: against the CPU's float64, and the same bits whether the steps
 * are cut into chunks of 4, of 8, or not at all, which is one layer after the other (not on a GPU: cuBLAS
 * chooses an algorithm by the size).  Then: states carried on in place, runs shorter than the plan's, and
 * when the planner takes a wavefront.
 */
#include "host/plan/map.h"
#include "tests/net.h"
#include "tests/shapes.h"
#ifdef SEQGPU_WITH_EMULATOR
#include "tests/simt/simt_controls.h"
enum { EMULATED = 1 };
#else /* a GPU is as it is */
enum { EMULATED = 0 };
static void sq_simt_set_device(unsigned processors, size_t shared, unsigned cluster_max) {
  (void)processors, (void)shared, (void)cluster_max;
}
static void sq_simt_reset_device(void) {}
static void sq_simt_set_seed(uint64_t seed) { (void)seed; }
static uint64_t sq_simt_launches(void) { return 0; }
#endif

/* Devices on which the layers fit side by side, in several blocks each where there are several. */
typedef struct device_row {
  const char *algorithm;
  unsigned processors;
  size_t shared;
  unsigned cluster_max;
} device_row;

static const device_row devices[] = {{"persistent-cta", 16, 100000, 1},
                                     {"persistent-lanes-cluster", 64, 12000, 4},
                                     {"persistent-cluster-async", 64, 12000, 4},
                                     {"persistent-grid-packets", 64, 12000, 1}};

enum { WHOLE = 12 }; /* a chunk that has all steps */

static seqgpu_context *oracle, *gpu; /* gpu: or the emulator */

static void use_device(const device_row *d) {
  sq_simt_set_device(d->processors, d->shared, d->cluster_max);
  sq_simt_set_seed(check_random());
}

/* Gives an open network chunks of `chunk` steps. */
static void set_chunk(net *n, int64_t chunk) {
  const size_t bytes = seqgpu_plan_get_sizes(n->plan).workspace;
  n->plan->chunk = chunk;
  net_require(n->ctx, sq_plan_ask_memory(n->ctx, n->plan), "sq_plan_ask_memory");
  net_free(n->ctx, "workspace", n->workspace, bytes);
  n->workspace = n->run.workspace = net_alloc(n->ctx, "workspace", seqgpu_plan_get_sizes(n->plan).workspace);
}

static int open_like(net *n, const net *ref, const seqgpu_rnn_desc *desc, const char *algorithm,
                     const int32_t *lengths, int64_t chunk) {
  if (!net_open_as(n, gpu, desc, algorithm, lengths)) return 0;
  set_chunk(n, chunk);
  net_copy_inputs(n, ref);
  net_poison_padding(n, lengths);
  return 1;
}

static void check_row(const device_row *device, const cell_row *cell, const shape_row *shape, int64_t other) {
  seqgpu_rnn_desc desc = combine(cell, shape);
  net ref, one, wave;
  char where[64];
  if (!net_reference(&ref, oracle, &desc, shape->lengths, SEQGPU_MATH_F32)) return;
  use_device(device);
  check_at("%s/%s f32", seqgpu_context_device(gpu), device->algorithm);
  if (!open_like(&one, &ref, &desc, device->algorithm, shape->lengths, WHOLE)) return;
  if (!open_like(&wave, &ref, &desc, device->algorithm, shape->lengths, other)) return;
  const uint64_t before = sq_simt_launches();
  net_run(&one);
  /* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): the software device counts none */
  const uint64_t launches = sq_simt_launches() - before;
  net_run(&wave);
  if (EMULATED)
    CHECK(sq_simt_launches() - before > 2 * launches, "%s, %s, chunks are launches of their own", cell->name,
          shape->name);
  if (EMULATED)
    CHECK(net_same_bits(&one, &wave), "%s, %s, chunks of %d have the bits of one layer after the other",
          cell->name, shape->name, (int)other);
  const double error = net_error(&wave, &ref, NET_Y, desc.inference ? NET_QT : NET_DPARAMS, where);
  net_check(error, 1e-5 * (double)desc.num_layers, where, "%s, %s, chunks of %d", cell->name, shape->name,
            (int)other);
  net_close(&wave);
  net_close(&one);
  net_close(&ref);
}

static void check_networks(void) {
  for (size_t d = 0; d < COUNT(devices); d++)
    for (size_t c = 0; c < COUNT(cell_rows); c++) {
      if (!is_persistent(&cell_rows[c])) continue;
      /* every cell and every shape, but not every pair of them */
      const shape_row *shape = shape_at(FOR_WAVEFRONT, (int)(c + d) % shape_count(FOR_WAVEFRONT));
      check_row(&devices[d], &cell_rows[c], shape, c % 2 ? 4 : 8);
    }
}

/* Final states over the initial ones, and a run of fewer steps and sequences than the plan is for. */
static void check_carried(const device_row *device) {
  static const cell_row cell = {"lstm", {.cell = "lstm"}, 1, 0};
  seqgpu_rnn_desc desc = combine(&cell, shape_named("four layers, inference, ragged"));
  net ref, out;
  if (!net_open(&ref, oracle, &desc, NULL)) return;
  net_fill(&ref);
  net_round_inputs(&ref);
  use_device(device);
  check_at("%s/%s f32", seqgpu_context_device(gpu), device->algorithm);
  if (open_like(&out, &ref, &desc, device->algorithm, NULL, 4)) {
    out.run.final[0] = out.device[NET_H0];
    out.run.final[1] = out.device[NET_C0];
    ref.run.seq_len = out.run.seq_len = 6;
    ref.run.batch = out.run.batch = 2;
    net_forward(&ref);
    net_forward(&out);
    const int64_t states = desc.num_layers * 2 * desc.hidden_size;
    net_download(gpu, out.value[NET_HT], out.device[NET_H0], states);
    check_error(check_norm_f64(out.value[NET_HT], ref.value[NET_HT], states), 4e-5,
                "%s, states carried on, a run shorter than the plan's", cell.name);
    check_error(check_norm_f64(out.value[NET_Y], ref.value[NET_Y], 6 * 2 * desc.hidden_size), 4e-5,
                "%s, y of a run shorter than the plan's", cell.name);
    net_close(&out);
  }
  net_close(&ref);
}

/* Nobody asks for gradients, and nobody gives any. */
static void check_nothing_wanted(const device_row *device) {
  static const cell_row cell = {"gru", {.cell = "gru"}, 1, 0};
  seqgpu_rnn_desc desc = combine(&cell, shape_named("three layers"));
  net n;
  use_device(device);
  check_at("%s/%s f32", seqgpu_context_device(gpu), device->algorithm);
  if (!net_open_as(&n, gpu, &desc, device->algorithm, NULL)) return;
  set_chunk(&n, 4);
  net_fill(&n);
  net_forward(&n);
  seqgpu_rnn_run bare = n.run;
  bare.dy = bare.dfinal[0] = NULL;
  bare.dx = bare.dparams = NULL;
  check_fill_f64(n.value[NET_DH0], n.count[NET_DH0], 1, 2);
  net_upload(gpu, n.device[NET_DH0], n.value[NET_DH0], n.count[NET_DH0]);
  net_require(gpu, seqgpu_rnn_backward(gpu, n.plan, &bare), "seqgpu_rnn_backward");
  net_download(gpu, n.value[NET_DH0], n.device[NET_DH0], n.count[NET_DH0]);
  int zero = 1;
  for (int64_t i = 0; i < n.count[NET_DH0]; i++) zero &= n.value[NET_DH0][i] == 0;
  CHECK(zero, "%s, no gradient in, none out", cell.name);
  net_close(&n);
}

/* The steps of a chunk that the planner takes on a device like an H100, and whether it makes the plan
 * cheaper. */
static int64_t planned_chunk(const char *algorithm, seqgpu_rnn_desc desc, double *one_by_one,
                             double *estimate) {
  seqgpu_plan *plan = NULL;
  seqgpu_rnn_desc single = desc;
  seqgpu_algorithm_info info[2] = {{.estimate_us = 0}};
  sq_simt_set_device(132, 227 << 10, 16);
  single.num_layers = 1;
  single.input_size = desc.hidden_size;
  for (int i = 0; i < seqgpu_algorithm_count(gpu); i++) {
    seqgpu_algorithm_info at[2];
    net_require(gpu, seqgpu_algorithm_get(gpu, &single, i, &at[0]), "seqgpu_algorithm_get");
    net_require(gpu, seqgpu_algorithm_get(gpu, &desc, i, &at[1]), "seqgpu_algorithm_get");
    if (strstr(at[0].name, algorithm) != NULL) memcpy(info, at, sizeof info);
  }
  *one_by_one = info[0].estimate_us * (double)desc.num_layers;
  *estimate = info[1].estimate_us;
  const seqgpu_plan_options options = {.algorithm = algorithm};
  net_require(gpu, seqgpu_plan_create(gpu, &desc, &options, &plan), "seqgpu_plan_create");
  const int64_t chunk = plan ? plan->chunk : -1;
  seqgpu_plan_destroy(plan);
  return chunk;
}

static void check_planner(void) {
  const seqgpu_rnn_desc tall = {
      .cell = "lstm", .input_size = 64, .hidden_size = 64, .num_layers = 4, .seq_len = 1000, .batch = 4};
  const char *algorithm = "persistent-cta";
  double apart = 0, together = 0;
  seqgpu_rnn_desc d = tall;
  const int64_t chunk = planned_chunk(algorithm, d, &apart, &together);
  CHECK(chunk > 0 && chunk % 4 == 0 && chunk < 1000, "four small layers, 1000 steps: side by side");
  CHECK(together < 0.6 * apart, "and the estimate knows it: %.0f us in place of %.0f", together, apart);
  d.seq_len = 12;
  CHECK(planned_chunk(algorithm, d, &apart, &together) == 0 && together <= apart,
        "12 steps: one after the other");
  d = tall;
  d.bidirectional = 1;
  CHECK(planned_chunk(algorithm, d, &apart, &together) == 0, "two directions: one after the other");
  d = tall;
  d.num_layers = 9;
  CHECK(planned_chunk(algorithm, d, &apart, &together) == 0,
        "more layers than a launch takes: one after the other");
  d = tall;
  d.batch = 4096; /* every layer fills the device alone */
  CHECK(planned_chunk(algorithm, d, &apart, &together) == 0,
        "a batch that fills the device: one after the other");
  d = tall;
  CHECK(planned_chunk("step", d, &apart, &together) == 0, "algorithm step: one after the other");
  d = tall;
  d.inference = 1;
  CHECK(planned_chunk(algorithm, d, &apart, &together) > 0, "inference: side by side");
}

int main(void) {
  check_start();
  oracle = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  const seqgpu_context_options options = {.device = EMULATED ? "emulator" : "cuda"};
  if (seqgpu_context_create(&options, &gpu) != SEQGPU_OK) {
    check_skip(seqgpu_last_error(gpu), "layers side by side");
    seqgpu_context_destroy(gpu);
    return check_finish();
  }
  check_networks();
  for (size_t d = 0; d < COUNT(devices); d++) {
    check_carried(&devices[d]);
    check_nothing_wanted(&devices[d]);
  }
  if (EMULATED) check_planner();
  sq_simt_reset_device();
  seqgpu_context_destroy(gpu);
  seqgpu_context_destroy(oracle);
  return check_finish();
}
