/* test_persistent.c - the persistent plans on emulated devices so small that tiny layers need several blocks,
 * clusters and slices of the batch: tier x cell x option x products, forward and backward, against the CPU's
 * float64.
 *
 * test_conformance asks the same plans for the whole table of shapes on the default device; here the shapes
 * are few, the cuts are many, and each row must really have used several blocks.  Then: the same bits under
 * every schedule; forward by one plan and backward by another; refusals.
 */
#include "tests/net.h"
#include "tests/shapes.h"
#include "tests/simt/simt_controls.h"

/* A plan on a device. With `shared` bytes a block, layers of 18 units and more need several blocks. */
typedef struct device_row {
  const char *algorithm, *name;
  unsigned processors;
  size_t shared;
  unsigned cluster_max;
} device_row;

static const device_row devices[] = {
    {"persistent-cta", "3 processors", 3, 100000, 1},
    {"persistent-cta", "16 processors", 16, 100000, 1},
    {"persistent-lanes-cta", "3 processors", 3, 100000, 1},
    {"persistent-lanes-cluster", "clusters of 8", 24, 26000, 8},
    {"persistent-lanes-cluster", "clusters of 2", 9, 26000, 2},
    {"persistent-cluster-async", "clusters of 8", 24, 26000, 8},
    {"persistent-cluster-async", "clusters of 4", 9, 26000, 4},
    {"persistent-grid-flags", "24 processors", 24, 19500, 1},
    {"persistent-grid-packets", "12 processors", 12, 20000, 1},
    {"persistent-grid-multicast", "24 processors in twos", 24, 20000, 2},
    {"persistent-split-flags", "24 processors in eights", 24, 20000, 8},
    {"persistent-split-packets", "12 processors in fours", 12, 20500, 4},
};

static seqgpu_context *oracle, *emulator;

/* The shape with most to go wrong: several slices, lengths and directions. */
static const shape_row *several_ways(void) { return shape_named("ragged, bidirectional"); }

static void use_device(const device_row *d) {
  sq_simt_set_device(d->processors, d->shared, d->cluster_max);
  sq_simt_set_seed(check_random());
}

/* A network of the emulator with the reference's inputs and NaN in its padding. */
static int open_like(net *n, const net *ref, const seqgpu_rnn_desc *desc, const char *algorithm,
                     const int32_t *lengths) {
  if (!net_open_as(n, emulator, desc, algorithm, lengths)) return 0;
  net_copy_inputs(n, ref);
  net_poison_padding(n, lengths);
  return 1;
}

/* The plan refuses, and its sentence has these words. */
static void check_refusal(const device_row *device, seqgpu_rnn_desc desc, const char *word,
                          const char *other) {
  seqgpu_plan *plan = NULL;
  desc.input_size = 4;
  use_device(device);
  check_at("emulator/%s f32", device->algorithm);
  const seqgpu_plan_options options = {.algorithm = device->algorithm};
  const seqgpu_status status = seqgpu_plan_create(emulator, &desc, &options, &plan);
  const char *why = seqgpu_last_error(emulator);
  const int ok = status == SEQGPU_EUNSUPPORTED && strstr(why, word) != NULL && strstr(why, other) != NULL;
  check_record(ok, why, "refused: %s of %d units on %s: %s", desc.cell, (int)desc.hidden_size, device->name,
               word);
  seqgpu_plan_destroy(plan);
}

/* One block has all units of so small a layer, or one part of the depth, and a launch without clusters cannot
 * st.async. */
static const char *no_cluster(const device_row *device, const seqgpu_rnn_desc *desc, int math) {
  if (strstr(device->algorithm, "cluster") != NULL && desc->hidden_size <= 4)
    return "one block holds all units";
  const int tile = math == SEQGPU_MATH_F32 ? 4 : 16;
  const int split =
      strstr(device->algorithm, "split") != NULL || strstr(device->algorithm, "multicast") != NULL;
  return split && !desc->inference && desc->hidden_size <= tile ? "no second part" : NULL;
}

static void check_row(const device_row *device, const cell_row *cell, const shape_row *shape, int math) {
  seqgpu_rnn_desc desc = combine(cell, shape), asked = desc;
  asked.math = (seqgpu_math)math;
  net ref, out, again;
  char where[64];
  const char *refusal = no_cluster(device, &desc, math);
  if (refusal != NULL) {
    check_refusal(device, asked, refusal, "hidden_size");
    return;
  }
  if (!net_reference(&ref, oracle, &desc, shape->lengths, math)) return;
  use_device(device);
  check_at("emulator/%s %s", device->algorithm, arithmetic[math].name);
  const int last = desc.inference ? NET_QT : NET_DPARAMS;
  if (open_like(&out, &ref, &asked, device->algorithm, shape->lengths)) {
    net_run(&out);
    net_check(net_error(&out, &ref, NET_Y, last, where), arithmetic[math].limit, where, "%s, %s, %s",
              cell->name, shape->name, device->name);
    sq_simt_set_seed(check_random());
    if (shape == several_ways() && open_like(&again, &ref, &asked, device->algorithm, shape->lengths)) {
      net_run(&again);
      CHECK(net_same_bits(&again, &out), "%s, %s, the same bits under another schedule", cell->name,
            device->name);
      net_close(&again);
    }
  }
  net_close(&out);
  net_close(&ref);
}

static void check_networks(void) {
  const shape_row *shape;
  for (size_t d = 0; d < COUNT(devices); d++)
    for (size_t c = 0; c < COUNT(cell_rows); c++) {
      if (!is_persistent(&cell_rows[c])) continue;
      for (int s = 0; (shape = shape_at(FOR_PERSISTENT, s)) != NULL; s++)
        check_row(&devices[d], &cell_rows[c], shape, SEQGPU_MATH_F32);
      for (int math = SEQGPU_MATH_TF32; math <= SEQGPU_MATH_BF16; math++)
        for (int s = 0; (shape = shape_at(FOR_PERSISTENT_ROUNDED, s)) != NULL; s++)
          check_row(&devices[d], &cell_rows[c], shape, math);
    }
}

/* What a plan's exchange counts: barriers of a cluster before, in and after `STEPS` steps; a flag, and a
 * phase of an mbarrier, a block and step; packets. */
enum { STEPS = 3 };
typedef struct exchange_row {
  const char *algorithm;
  uint64_t barriers, flags, phases, packets;
} exchange_row;

static const exchange_row exchanges[] = {
    {"persistent-cta", 0, 0, 0, 0},
    {"persistent-lanes-cta", 0, 0, 0, 0},
    {"persistent-lanes-cluster", 2, 0, STEPS, 0},
    {"persistent-cluster-async", 2, 0, STEPS, 0},
    {"persistent-grid-flags", 0, STEPS, 0, 0},
    {"persistent-grid-packets", 0, 0, 0, 2 * STEPS}, /* two for each 16 bytes of a piece */
    {"persistent-grid-multicast", 2, STEPS, STEPS, 0},
    {"persistent-split-flags", 0, STEPS, 0, 0}, /* forward; check_split has backward */
    {"persistent-split-packets", 0, 0, 0, 2 * STEPS},
};

/* A count is that of `least` blocks or more, or 0 where one's is. */
static int counts(uint64_t count, uint64_t each, uint64_t least) {
  return each == 0 ? count == 0 : count >= least * each && count % each == 0;
}

/* What a plan says of its cut is what runs: all units and sequences have a block, none is without, and as many
 * blocks as it says raised a flag or ended a phase in each step. */
static void check_told(const net *n, const exchange_row *expected, uint64_t flags, uint64_t phases) {
  seqgpu_cut_info cut;
  for (int backward = 1; backward >= 0; backward--) {
    net_require(emulator, seqgpu_plan_cut_get(emulator, n->plan, backward, &cut), "seqgpu_plan_cut_get");
    const int whole =
        cut.cluster < cut.ctas ? cut.cluster : 1; /* the last cluster of a grid may not be full */
    CHECK(cut.ctas * cut.units >= 37 && (cut.ctas - whole) * cut.units < 37 &&
              cut.slices * cut.columns >= 4 && cut.width >= cut.columns && cut.launches >= 1 &&
              cut.parts[0] >= 1 && cut.parts[1] == 0 && cut.threads > 0 && cut.shared_size > 0 &&
              cut.resident > 0 && cut.step_us > 0,
          "lstm, its cut %s: %d blocks of %d units, %d slices of %d", backward ? "backward" : "forward",
          cut.ctas, cut.units, cut.slices, cut.columns);
  }
  const uint64_t blocks = (uint64_t)cut.ctas * (uint64_t)cut.slices;
  CHECK((expected->flags == 0 || flags == expected->flags * blocks) &&
            (expected->phases == 0 || phases == expected->phases * blocks),
        "lstm, as many blocks run as its cut has");
}

/* Did the cuts of the rows above happen at all?  One layer of each tier, counted. */
static void check_cut(const device_row *device, const exchange_row *expected) {
  static const shape_row shape = {"cuts", {STEPS, 5, 4, 37}, NULL, {0}};
  static const cell_row cell = {"lstm", {.cell = "lstm"}, 1, 0};
  seqgpu_rnn_desc desc = combine(&cell, &shape);
  net ref, out;
  if (!net_reference(&ref, oracle, &desc, NULL, SEQGPU_MATH_F32)) return;
  use_device(device);
  check_at("emulator/%s f32", device->algorithm);
  if (open_like(&out, &ref, &desc, device->algorithm, NULL)) {
    const uint64_t barriers = sq_simt_cluster_barriers(), flags = sq_simt_releases();
    const uint64_t phases = sq_simt_phases(), packets = sq_simt_packets();
    net_forward(&out);
    CHECK(counts(sq_simt_cluster_barriers() - barriers, expected->barriers, 1) &&
              counts(sq_simt_releases() - flags, expected->flags, 2) &&
              counts(sq_simt_phases() - phases, expected->phases, 2) &&
              counts(sq_simt_packets() - packets, expected->packets, 2),
          "%s, %s, several blocks tell each other every step", cell.name, device->name);
    check_told(&out, expected, sq_simt_releases() - flags, sq_simt_phases() - phases);
    net_close(&out);
  }
  net_close(&ref);
}

static void check_cuts(void) {
  for (size_t d = 0; d < COUNT(devices); d++)
    for (size_t e = 0; e < COUNT(exchanges); e++)
      if (strcmp(devices[d].algorithm, exchanges[e].algorithm) == 0) check_cut(&devices[d], &exchanges[e]);
}

/* 37 units in tiles of 4: with so little memory a block has room for 8 of them, so five blocks have units, in
 * a cluster of five and not of eight.  A block without a piece would be waited for by nobody, and could fall
 * behind by more than the one exchange that two buffers and two mbarriers allow; the emulator lets it. */
static void check_idle(const char *algorithm) {
  enum { SCHEDULES = 20 };
  static const shape_row shape = {"long", {12, 1, 2, 37}, NULL, {.inference = 1}};
  static const cell_row cell = {"lstm", {.cell = "lstm"}, 1, 0};
  const device_row device = {algorithm, "clusters of 8, little memory", 24, 9300, 8};
  seqgpu_rnn_desc desc = combine(&cell, &shape);
  net ref, out;
  char where[64];
  double worst = 0;
  if (!net_reference(&ref, oracle, &desc, NULL, SEQGPU_MATH_F32)) return;
  check_at("emulator/%s f32", algorithm);
  for (int i = 0; i < SCHEDULES; i++) {
    use_device(&device);
    if (!open_like(&out, &ref, &desc, algorithm, NULL)) break;
    net_run(&out);
    worst = check_worse(net_error(&out, &ref, NET_Y, NET_QT, where), worst);
    net_close(&out);
  }
  check_error(worst, arithmetic[SEQGPU_MATH_F32].limit, "%s, %s, nobody falls behind, %d schedules",
              cell.name, device.name, (int)SCHEDULES);
  net_close(&ref);
}

/* Backward with its depth split: each product ends with a phase of an mbarrier in each block, those of the steps
 * and the one after them.  Several clusters wait for each other through L2 meanwhile, and the bits are those of
 * any schedule. */
static void check_split(const char *algorithm, unsigned cluster, int math) {
  enum { SCHEDULES = 6, LONG = 12 };
  static const shape_row shape = {"split", {LONG, 11, 2, 70}, NULL, {0}};
  static const cell_row cell = {"lstm", {.cell = "lstm"}, 1, 0};
  const device_row device = {algorithm, "24 processors", 24, 24000, cluster};
  seqgpu_rnn_desc desc = combine(&cell, &shape), asked = desc;
  seqgpu_cut_info cut = {0};
  net ref, first, out;
  char where[64];
  int same = 1;
  const uint64_t copies = strcmp(algorithm, "persistent-split-flags") == 0 ? LONG : 0; /* of parts */
  asked.math = (seqgpu_math)math;
  if (!net_reference(&ref, oracle, &desc, NULL, math)) return;
  use_device(&device);
  check_at("emulator/%s %s", algorithm, arithmetic[math].name);
  if (!open_like(&first, &ref, &asked, algorithm, NULL)) return;
  net_require(emulator, seqgpu_plan_cut_get(emulator, first.plan, 1, &cut), "seqgpu_plan_cut_get");
  net_forward(&first);
  const uint64_t phases = sq_simt_phases(), blocks = (uint64_t)cut.ctas * (uint64_t)cut.slices;
  net_backward(&first);
  CHECK(cut.cluster > 1 && cut.cluster <= (int)cluster && cut.ctas > cut.cluster &&
            sq_simt_phases() - phases == blocks * (LONG + 1 + copies),
        "%s, %d blocks in clusters of %d divide the depth", cell.name, cut.ctas, cut.cluster);
  net_check(net_error(&first, &ref, NET_Y, NET_DPARAMS, where), arithmetic[math].limit, where,
            "%s, its depth split", cell.name);
  for (int i = 0; i < SCHEDULES; i++) {
    use_device(&device);
    if (!open_like(&out, &ref, &asked, algorithm, NULL)) break;
    net_run(&out);
    same = same && net_same_bits(&out, &first);
    net_close(&out);
  }
  CHECK(same, "%s, its depth split, the same bits under %d schedules", cell.name, (int)SCHEDULES);
  net_close(&first);
  net_close(&ref);
}

static void check_splits(void) {
  for (unsigned cluster = 2; cluster <= 8; cluster *= 2)
    for (int math = SEQGPU_MATH_F32; math <= SEQGPU_MATH_BF16; math++) {
      check_split("persistent-split-flags", cluster, math);
      check_split("persistent-split-packets", cluster, math);
    }
}

/* More sequences than a grid's operand has room for: one launch after the other, 2 steps each. */
static void check_launches(void) {
  static const shape_row shape = {"many sequences", {2, 170, 3, 37}, NULL, {0}};
  static const cell_row cell = {"lstm", {.cell = "lstm"}, 1, 0};
  static const device_row few = {"persistent-grid-flags", "24 processors", 24, 19500, 1};
  const device_row *device = &few;
  seqgpu_rnn_desc desc = combine(&cell, &shape);
  net ref, out;
  char where[64];
  if (!net_reference(&ref, oracle, &desc, NULL, SEQGPU_MATH_F32)) return;
  use_device(device);
  check_at("emulator/%s f32", device->algorithm);
  if (open_like(&out, &ref, &desc, device->algorithm, NULL)) {
    const uint64_t releases = sq_simt_releases();
    net_run(&out);
    const uint64_t blocks = (sq_simt_releases() - releases) / (2 + 2);
    CHECK(blocks > device->processors, "%s, %s, 170 sequences take several launches", cell.name,
          device->name);
    net_check(net_error(&out, &ref, NET_Y, NET_DPARAMS, where), arithmetic[SEQGPU_MATH_F32].limit, where,
              "%s, %s, 170 sequences", cell.name, device->name);
    net_close(&out);
  }
  net_close(&ref);
}

/* Backward with so little memory that the gradients at the gates arrive block by block. */
static void check_blocks(const char *algorithm, const cell_row *cell, int math) {
  static const shape_row shape = {"block by block", {4, 21, 3, 37}, NULL, {0}};
  seqgpu_rnn_desc desc = combine(cell, &shape), asked = desc;
  seqgpu_cut_info cut = {0};
  net ref, out;
  char where[64];
  asked.math = (seqgpu_math)math;
  if (!net_reference(&ref, oracle, &desc, NULL, math)) return;
  check_at("emulator/%s %s", algorithm, arithmetic[math].name);
  for (size_t shared = 40000; shared > 6000 && cut.blocks[0] < 2 && cut.blocks[1] < 2; shared -= 500) {
    const device_row device = {algorithm, "24 processors", 24, shared, 1};
    seqgpu_plan *plan = NULL;
    const seqgpu_plan_options options = {.algorithm = algorithm};
    use_device(&device);
    if (seqgpu_plan_create(emulator, &asked, &options, &plan) != SEQGPU_OK) break;
    net_require(emulator, seqgpu_plan_cut_get(emulator, plan, 1, &cut), "seqgpu_plan_cut_get");
    seqgpu_plan_destroy(plan);
  }
  const int blocks = cut.blocks[0] > cut.blocks[1] ? cut.blocks[0] : cut.blocks[1];
  CHECK(blocks > 1, "%s, backward, there is a device on which operands arrive in blocks", cell->name);
  if (blocks > 1 && open_like(&out, &ref, &asked, algorithm, NULL)) {
    net_run(&out);
    net_check(net_error(&out, &ref, NET_Y, NET_DPARAMS, where), arithmetic[math].limit, where,
              "%s, operands in %d blocks, %d launches", cell->name, blocks, cut.launches);
    net_close(&out);
  }
  net_close(&ref);
}

/* Forward by one plan, backward by another, which is given the reserve. */
static void check_handover(const device_row *device, const cell_row *cell, const char *from, const char *to) {
  const shape_row *shape = several_ways();
  seqgpu_rnn_desc desc = combine(cell, shape);
  net ref, first, second;
  char where[64];
  if (!net_reference(&ref, oracle, &desc, shape->lengths, SEQGPU_MATH_F32)) return;
  use_device(device);
  check_at("emulator/%s f32", device->algorithm);
  if (!open_like(&first, &ref, &desc, from, shape->lengths) ||
      !open_like(&second, &ref, &desc, to, shape->lengths))
    return;
  net_forward(&first);
  const size_t bytes = seqgpu_plan_get_sizes(first.plan).reserve;
  CHECK(bytes == seqgpu_plan_get_sizes(second.plan).reserve, "%s, %s and %s have one reserve layout",
        cell->name, from, to);
  memcpy(second.reserve, first.reserve, bytes);
  net_backward(&second);
  net_check(net_error(&second, &ref, NET_DX, NET_DPARAMS, where), arithmetic[SEQGPU_MATH_F32].limit, where,
            "%s, forward by %s, backward by %s", cell->name, from, to);
  net_close(&second);
  net_close(&first);
  net_close(&ref);
}

static void check_handovers(void) {
  for (size_t d = 1; d < COUNT(devices); d += 2)
    for (size_t c = 0; c < COUNT(cell_rows); c++) {
      if (!is_persistent(&cell_rows[c])) continue;
      check_handover(&devices[d], &cell_rows[c], devices[d].algorithm, "step");
      check_handover(&devices[d], &cell_rows[c], "step", devices[d].algorithm);
    }
}

/* A run of fewer steps and sequences than the plan is for. */
static void check_smaller_run(const device_row *device) {
  static const shape_row shape = {"smaller", {5, 9, 3, 20}, NULL, {0}};
  static const cell_row cell = {"gru", {.cell = "gru"}, 1, 0};
  seqgpu_rnn_desc desc = combine(&cell, &shape);
  net ref, out;
  if (!net_reference(&ref, oracle, &desc, NULL, SEQGPU_MATH_F32)) return;
  use_device(device);
  check_at("emulator/%s f32", device->algorithm);
  if (open_like(&out, &ref, &desc, device->algorithm, NULL)) {
    ref.run.seq_len = out.run.seq_len = 2;
    ref.run.batch = out.run.batch = 3;
    net_forward(&ref);
    net_forward(&out);
    const double error = check_norm_f64(out.value[NET_Y], ref.value[NET_Y], 2 * 3 * desc.hidden_size);
    check_error(error, arithmetic[SEQGPU_MATH_F32].limit, "%s, %s, a run smaller than its plan", cell.name,
                device->name);
    net_close(&out);
  }
  net_close(&ref);
}

static void check_refusals(void) {
  const seqgpu_rnn_desc wide = {.cell = "lstm", .hidden_size = 400, .seq_len = 3, .batch = 4};
  const seqgpu_rnn_desc huge = {.cell = "lstm", .hidden_size = 16384, .seq_len = 3, .batch = 4};
  const seqgpu_rnn_desc both = {
      .cell = "rnn", .hidden_size = 8, .seq_len = 3, .batch = 4, .bidirectional = 1};
  const seqgpu_rnn_desc projected = {
      .cell = "lstm", .hidden_size = 8, .projection_size = 4, .seq_len = 3, .batch = 4};
  const seqgpu_rnn_desc small = {.cell = "lstm", .hidden_size = 4, .seq_len = 3, .batch = 4};
  const seqgpu_rnn_desc many = {.cell = "lstm", .hidden_size = 8, .seq_len = 1, .batch = (1 << 26) + 1};
  const device_row cta = {"persistent-cta", "4 processors", 4, 100000, 1};
  const device_row cluster = {"persistent-cluster", "clusters of 8", 8, 100000, 8};
  const device_row grid = {"persistent-grid", "4 processors", 4, 100000, 1};
  const device_row flat = {"persistent-cluster", "no clusters", 8, 100000, 1};
  const device_row lanes = {"persistent-lanes-cta", "4 processors", 4, 100000, 1};
  const device_row pairs = {"persistent-lanes-cluster", "clusters of 2", 4, 100000, 2};
  const device_row few = {"persistent-cluster", "clusters of 8, 1 processor", 1, 100000, 8};
  const device_row single = {"persistent-grid", "1 processor", 1, 100000, 1};
  check_refusal(&cta, wide, "bytes of shared memory needed", "the device has 100000");
  check_refusal(&cta, huge, "bytes of shared memory needed", "the device has 100000");
  check_refusal(&cluster, huge, "bytes of shared memory needed", "cluster");
  check_refusal(&cluster, wide, "bytes of shared memory needed", "cluster");
  check_refusal(&grid, wide, "bytes of shared memory needed", "grid");
  check_refusal(&cta, projected, "projection_size", "one block");
  check_refusal(&cta, many, "batch: 67108865", "at most 67108864");
  check_refusal(&cluster, small, "one block holds all units", "persistent-cta");
  check_refusal(&flat, both, "no thread-block clusters", "device");
  check_refusal(&lanes, wide, "hidden_size: 400; the registers of a block", "64 units");
  check_refusal(&pairs, wide, "hidden_size: 400; the registers of a cluster", "128 units");
  check_refusal(&few, wide, "shared memory", "cluster");
  check_refusal(&single, both, "on 1 processors at the same time", "2 runs");
}

int main(void) {
  check_start();
  oracle = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  emulator = net_context("emulator", SEQGPU_DTYPE_F32, 1);
  check_cuts();
  check_launches();
  check_splits();
  for (size_t c = 0; c < COUNT(cell_rows); c++)
    for (int math = SEQGPU_MATH_F32; math <= SEQGPU_MATH_BF16; math++) {
      const seqgpu_rnn_desc *desc = &cell_rows[c].desc;
      const int after = strcmp(desc->cell, "gru") == 0 && desc->reset_after;
      if (!is_persistent(&cell_rows[c]) || (strcmp(desc->cell, "lstm") != 0 && !after)) continue;
      check_blocks("persistent-grid-flags", &cell_rows[c], math);
      check_blocks("persistent-grid-packets", &cell_rows[c], math);
    }
  check_networks();
  check_handovers();
  for (size_t d = 0; d < COUNT(devices); d++) check_smaller_run(&devices[d]);
  for (size_t e = 1; e < COUNT(exchanges); e++) check_idle(exchanges[e].algorithm);
  check_refusals();
  sq_simt_reset_device();
  seqgpu_context_destroy(emulator);
  seqgpu_context_destroy(oracle);
  return check_finish();
}
