/* test_conformance.c - every backend against the CPU's float64: plan x cell x option x shape, both ways.
 *
 * Every plan of the backend that the planner may choose is asked for every row, and may refuse it as
 * unsupported.  A row fails if any
 * tensor that comes out (y, final states, dx, dinitial, each parameter's gradient) is further than 1e-5 from
 * the reference, |out - ref| / |ref|; 3e-3 and 3e-2 where the products may be TF32 or bfloat16.  Inputs are
 * drawn fresh from the printed seed, until they determine every such tensor well (conditioned.h).  Outputs,
 * reserve and workspace are NaN before, so are padded steps of x and dy, and guards are read afterwards.
 *
 * Then: forward on one backend, backward on another with the same reserve.  Then: all other operators.
 *
 *   test_conformance [backend [algorithm]]      "algorithms": lists them; "others": checks all but them
 */
#include "host/plan/algorithms.h"
#include "host/plan/plan.h"
#include "tests/conformance_ops.h"
#include "tests/net.h"
#include "tests/shapes.h"

/* What is asked of a backend: one of its algorithms, with products of a given exactness. */
typedef struct subject {
  seqgpu_context *ctx;
  const char *algorithm;
  seqgpu_math math;
} subject;

/* An algorithm may refuse a problem as unsupported, and is then not asked further. */
static int refuses(const subject *s, const seqgpu_rnn_desc *desc) {
  seqgpu_plan *plan = NULL;
  const seqgpu_plan_options options = {.algorithm = s->algorithm};
  const seqgpu_status status = seqgpu_plan_create(s->ctx, desc, &options, &plan);
  seqgpu_plan_destroy(plan);
  return status == SEQGPU_EUNSUPPORTED;
}

/* 1 if the plan ran the row, 0 if it refuses it or the cell has no network of that shape. */
static int check_row(const subject *s, seqgpu_context *oracle, const cell_row *cell, const shape_row *shape) {
  if (!fits_float(cell, shape)) return 0;
  seqgpu_rnn_desc desc = combine(cell, shape);
  net ref, out;
  char where[64];
  seqgpu_rnn_desc asked = desc;
  check_at("%s/%s %s", seqgpu_context_device(s->ctx), s->algorithm, arithmetic[s->math].name);
  asked.math = s->math;
  if (refuses(s, &asked)) return 0;
  if (!net_reference(&ref, oracle, &desc, shape->lengths, (int)s->math)) return 1;
  if (!net_open_as(&out, s->ctx, &asked, s->algorithm, shape->lengths)) return 1;
  net_copy_inputs(&out, &ref);
  net_poison_padding(&out, shape->lengths);
  net_forward(&out);
  if (!desc.inference) net_backward(&out);
  const double error = net_error(&out, &ref, NET_Y, desc.inference ? NET_QT : NET_DPARAMS, where);
  net_check(error, limit_of(s->algorithm, (int)s->math), where, "%s, %s", cell->name, shape->name);
  net_close(&out);
  net_close(&ref);
  return 1;
}

/* All rows that carry the mark; how many ran. */
static int check_rows(const subject *s, seqgpu_context *oracle, const cell_row *cell, unsigned mark) {
  int ran = 0;
  const shape_row *shape;
  for (int i = 0; (shape = shape_at(mark, i)) != NULL; i++) ran += check_row(s, oracle, cell, shape);
  return ran;
}

/* Every cell; the less exact kinds of products only exist on a GPU. */
static void check_networks(seqgpu_context *ctx, const char *algorithm, seqgpu_context *oracle) {
  const char *device = seqgpu_context_device(ctx);
  const int emulated = strcmp(device, "emulator") == 0, cpu = strcmp(device, "cpu") == 0;
  const subject exact = {ctx, algorithm, SEQGPU_MATH_F32};
  int ran = 0;
  for (size_t c = 0; c < COUNT(cell_rows); c++) {
    ran += check_rows(&exact, oracle, &cell_rows[c], FOR_CONFORMANCE);
    if (!emulated) ran += check_rows(&exact, oracle, &cell_rows[c], FOR_CONFORMANCE_TILES);
    if (!check_is_slow(device)) ran += check_rows(&exact, oracle, &cell_rows[c], FOR_CONFORMANCE_LARGE);
    const int batches = is_batch_normed(&cell_rows[c].desc);
    if (batches) ran += check_row(&exact, oracle, &cell_rows[c], shape_named("ragged batches"));
    if (cell_rows[c].desc.layer_norm)
      ran += check_row(&exact, oracle, &cell_rows[c], shape_named("long rows"));
    for (int math = SEQGPU_MATH_TF32; math <= SEQGPU_MATH_BF16 && !cpu; math++) {
      const subject rounded = {ctx, algorithm, (seqgpu_math)math};
      check_row(&rounded, oracle, &cell_rows[c],
                shape_named(batches ? "rounded products, batches" : "rounded products"));
    }
  }
  check_at("%s/%s f32", device, algorithm);
  if (ran == 0) check_skip("it refuses every row", "any cell");
}

/* Forward on one context, backward on another, which is given the reserve: its layout belongs to the cell.
 * The plans of other libraries keep a private one, so `step` is named. */
static void check_handover(seqgpu_context *from, seqgpu_context *to, seqgpu_context *oracle,
                           const cell_row *cell) {
  static const shape_row handover = {"handover",
                                     {4, 11, 3, 6},
                                     ragged_slices,
                                     {.num_layers = 2, .bidirectional = 1, .dropout = 0.3, .batch_first = 1}};
  seqgpu_rnn_desc desc = combine(cell, &handover);
  net ref, first, second;
  char where[64];
  if (!net_reference(&ref, oracle, &desc, handover.lengths, SEQGPU_MATH_F32)) return;
  if (!net_open_as(&first, from, &desc, "step", handover.lengths) ||
      !net_open_as(&second, to, &desc, "step", handover.lengths))
    return;
  const char *forward = seqgpu_plan_algorithm(first.plan), *backward = seqgpu_plan_algorithm(second.plan);
  check_at("%s f32", strcmp(seqgpu_context_device(from), "cpu") == 0 ? backward : forward);
  net_copy_inputs(&first, &ref);
  net_copy_inputs(&second, &ref);
  net_forward(&first);
  net_forward(&second); /* in host memory a reserve says what filled it (host/run/guard.h) */
  const size_t bytes = seqgpu_plan_get_sizes(first.plan).reserve;
  CHECK(bytes == seqgpu_plan_get_sizes(second.plan).reserve, "%s, one reserve layout", cell->name);
  void *reserve = malloc(bytes);
  net_require(from, seqgpu_copy_out(from, reserve, first.reserve, bytes), "seqgpu_copy_out");
  const size_t stamp = SQ_STAMP_ELEMENTS * sizeof(float);
  net_require(to, seqgpu_copy_in(to, (char *)second.reserve + stamp, (char *)reserve + stamp, bytes - stamp),
              "seqgpu_copy_in");
  free(reserve);
  net_backward(&second);
  const double error = net_error(&second, &ref, NET_DX, NET_DPARAMS, where);
  net_check(error, arithmetic[SEQGPU_MATH_F32].limit, where, "%s, forward by %s, backward by %s", cell->name,
            forward, backward);
  net_close(&second);
  net_close(&first);
  net_close(&ref);
}

/* only: the name of an algorithm, "others", or NULL for everything. */
static void check_backend(const char *device, const char *only, seqgpu_context *oracle) {
  const seqgpu_context_options options = {.device = device, .threads = 2};
  seqgpu_context *ctx = NULL, *cpu = net_context("cpu", SEQGPU_DTYPE_F32, 1);
  check_at("%s f32", device);
  if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK) {
    check_skip(seqgpu_last_error(ctx), "conformance");
  } else {
    for (const sq_algorithm *row = sq_algorithms; row->name; row++)
      if (strcmp(row->device, device) == 0 && row->dtype == SEQGPU_DTYPE_F32 && !row->by_name)
        if (only == NULL || strcmp(only, row->id) == 0) check_networks(ctx, row->id, oracle);
    const int others = only == NULL || strcmp(only, "others") == 0;
    if (others) op_check_all(ctx, oracle);
    for (size_t c = 0; others && c < COUNT(cell_rows) && strcmp(device, "cpu") != 0; c++) {
      check_handover(cpu, ctx, oracle, &cell_rows[c]);
      check_handover(ctx, cpu, oracle, &cell_rows[c]);
    }
  }
  seqgpu_context_destroy(ctx);
  seqgpu_context_destroy(cpu);
}

static int list_algorithms(const char *device) {
  for (const sq_algorithm *row = sq_algorithms; row->name; row++)
    if (strcmp(row->device, device) == 0 && row->dtype == SEQGPU_DTYPE_F32 && !row->by_name)
      printf("%s\n", row->id);
  return 0;
}

int main(int argc, char **argv) {
  static const char *const devices[] = {"cpu", "emulator", "cuda"};
  if (argc > 2 && strcmp(argv[2], "algorithms") == 0) return list_algorithms(argv[1]);
  check_start();
  seqgpu_context *oracle = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  for (size_t i = 0; i < COUNT(devices); i++)
    if (argc < 2 ? check_is_for(devices[i]) : strcmp(argv[1], devices[i]) == 0)
      check_backend(devices[i], argc > 2 ? argv[2] : NULL, oracle);
  seqgpu_context_destroy(oracle);
  return check_finish();
}
