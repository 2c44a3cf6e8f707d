/* test_cudnn.c - the cudnn plans against the CPU's float64, through the public API.
 *
 * Runs twice: as test_cudnn on the product's own library and a card (without one, or in a build without
 * cuDNN, every check is reported as skipped), and as test_cudnn_calls on the emulator, where
 * tests/simt/cudnn_standin.cpp answers.
 *
 * What is looked at: cells (so that gates in another order show as wrong numbers, and each parameter's
 * gradient is compared on its own), ragged batches with sequences of no steps, both directions, states in and
 * out, gradients that accumulate, runs smaller than the plan's, gradients too small for half, what the plans
 * refuse, and which of them an older cuDNN cannot run.
 *
 * Inputs are drawn fresh from the printed seed; outputs, reserve and workspace are poisoned with NaN before,
 * padded steps of x and dy are NaN, guards are read after.
 */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "tests/net.h"
#include "tests/shapes.h"

/* What most rows of a plan are run with: the most exact arithmetic that it takes. */
static const struct plan_row {
  const char *name;
  seqgpu_math math;
} plans[] = {
    {"cudnn", SEQGPU_MATH_F32},
    {"cudnn-standard", SEQGPU_MATH_F32},
    {"cudnn-persist-static", SEQGPU_MATH_F32},
    {"cudnn-persist-dynamic", SEQGPU_MATH_F32},
    {"cudnn-small-h", SEQGPU_MATH_F32},
    {"cudnn-half", SEQGPU_MATH_BF16},
    {"cudnn-half-standard", SEQGPU_MATH_BF16},
    {"cudnn-half-persist-static", SEQGPU_MATH_BF16},
    {"cudnn-half-persist-dynamic", SEQGPU_MATH_BF16},
    {"cudnn-half-small-h", SEQGPU_MATH_BF16},
    {"cudnn-bf16", SEQGPU_MATH_BF16},
    {"cudnn-bf16-standard", SEQGPU_MATH_BF16},
    {"cudnn-bf16-persist-static", SEQGPU_MATH_BF16},
    {"cudnn-bf16-persist-dynamic", SEQGPU_MATH_BF16},
    {"cudnn-bf16-small-h", SEQGPU_MATH_BF16},
};

static const cell_row cells[] = {
    {"rnn tanh", {.cell = "rnn"}, 1, 0},
    {"rnn relu", {.cell = "rnn", .activation = SEQGPU_ACTIVATION_RELU}, 1, 0},
    {"lstm", {.cell = "lstm"}, 1, 0},
    {"gru reset_after", {.cell = "gru", .reset_after = 1}, 1, 0},
};

static int emulated, slow; /* on the emulator; the stand-in answers, here or on the software device */
static seqgpu_context *gpu, *oracle; /* gpu NULL: nothing can run, and `why_skipped` says why */
static char why_skipped[600];

static void check_plan(const char *algorithm, seqgpu_math math) {
  check_at("%s/%s %s", emulated ? "emulator" : "cuda", algorithm, arithmetic[math].name);
}

/* Says that a check cannot run; 1 if so. */
static int skipped(const char *what, const char *shape) {
  if (gpu != NULL) return 0;
  check_skip(why_skipped, "%s, %s", what, shape);
  return 1;
}

/* Whether the descriptor has a plan; else a skip, since what cuDNN's algorithms refuse is theirs to say.  The
 * stand-in tells that from a bad call of ours. */
static int runs(const seqgpu_rnn_desc *desc, const char *algorithm, const char *what, const char *shape) {
  seqgpu_plan *plan = NULL;
  const seqgpu_plan_options options = {.algorithm = algorithm};
  const seqgpu_status status = seqgpu_plan_create(gpu, desc, &options, &plan);
  seqgpu_plan_destroy(plan);
  if (status == SEQGPU_EUNSUPPORTED && strstr(seqgpu_last_error(gpu), "bad parameter (stand-in)"))
    check_record(0, seqgpu_last_error(gpu), "%s, %s", what, shape);
  else if (status == SEQGPU_EUNSUPPORTED)
    check_skip(seqgpu_last_error(gpu), "%s, %s", what, shape);
  return status != SEQGPU_EUNSUPPORTED;
}

static seqgpu_rnn_desc with_math(seqgpu_rnn_desc desc, seqgpu_math math) {
  desc.math = math;
  return desc;
}

/* The row of arithmetic[] by which the reference is drawn.  NULL: any algorithm. */
static int exactness(const char *algorithm, seqgpu_math math) {
  const int states = algorithm == NULL || strncmp(algorithm, "cudnn-bf16", strlen("cudnn-bf16")) == 0;
  return states && math == SEQGPU_MATH_BF16 ? BF16_STATES : (int)math;
}

/* Both networks on the same inputs, the reference run.  Parameter gradients start from numbers onto which
 * they must add, of their own size and sign: no sum cancels, none is dwarfed. */
static int open_pair(net *out, net *ref, const seqgpu_rnn_desc *desc, const seqgpu_plan_options *options,
                     const int32_t *lengths) {
  const seqgpu_rnn_desc reference = with_math(*desc, SEQGPU_MATH_F32);
  if (!net_reference(ref, oracle, &reference, lengths, exactness(options->algorithm, desc->math)) ||
      !net_open_with(out, gpu, desc, options, lengths))
    return 0;
  net_copy_inputs(out, ref);
  for (int64_t i = 0; i < ref->count[NET_DPARAMS]; i++) {
    const double start = (double)(float)(check_uniform(0.5, 1.5) * ref->value[NET_DPARAMS][i]);
    out->value[NET_DPARAMS][i] = start;
    ref->value[NET_DPARAMS][i] += start;
  }
  return 1;
}

/* Runs what open_pair has opened, compares all outputs, and closes both. */
static void check_pair(net *out, net *ref, const int32_t *lengths, const char *name, const char *shape) {
  const seqgpu_rnn_desc *desc = &out->desc;
  char where[64];
  net_poison_padding(out, lengths);
  net_forward(out);
  if (!desc->inference) net_backward(out);
  const double error = net_error(out, ref, NET_Y, desc->inference ? NET_QT : NET_DPARAMS, where);
  net_check(error, limit_of(seqgpu_plan_algorithm(out->plan), (int)desc->math), where, "%s, %s, by %s", name,
            shape, seqgpu_plan_algorithm(out->plan));
  net_close(out);
  net_close(ref);
}

static void check_row(const char *algorithm, seqgpu_math math, const cell_row *cell, const shape_row *shape,
                      int host_lengths) {
  const seqgpu_plan_options how = {.algorithm = algorithm};
  const seqgpu_rnn_desc desc = with_math(combine(cell, shape), math);
  net out, ref;
  char name[200];
  check_plan(algorithm, math);
  snprintf(name, sizeof name, "%s%s", cell->name, host_lengths ? ", host lengths" : "");
  if (skipped(name, shape->name) || !runs(&desc, algorithm, name, shape->name)) return;
  if (!open_pair(&out, &ref, &desc, &how, shape->lengths)) return;
  out.run.host_lengths = host_lengths ? shape->lengths : NULL;
  check_pair(&out, &ref, shape->lengths, name, shape->name);
}

/* States carried on in place: final written over initial before backward needs the initial ones. */
static void check_carried(const char *algorithm, seqgpu_math math, const cell_row *cell) {
  const seqgpu_plan_options how = {.algorithm = algorithm};
  static const shape_row shape = {"carried states", {4, 3, 3, 6}, NULL, {.bidirectional = 1}};
  const seqgpu_rnn_desc desc = with_math(combine(cell, &shape), math);
  net out, ref;
  char where[64];
  check_plan(algorithm, math);
  if (skipped(cell->name, shape.name) || !runs(&desc, algorithm, cell->name, shape.name)) return;
  if (!open_pair(&out, &ref, &desc, &how, NULL)) return;
  net_upload_inputs(&out);
  out.run.final[0] = out.device[NET_H0];
  out.run.final[1] = out.device[NET_C0];
  net_require(gpu, seqgpu_rnn_forward(gpu, out.plan, &out.run), "seqgpu_rnn_forward");
  net_download(gpu, out.value[NET_HT], out.device[NET_H0], out.count[NET_HT]);
  net_poison(&out, NET_Y); /* nor may backward need the caller's y */
  for (int i = NET_DX; i <= NET_DQ0; i++) net_poison(&out, i);
  net_upload(gpu, out.device[NET_DPARAMS], out.value[NET_DPARAMS], out.count[NET_DPARAMS]);
  net_require(gpu, seqgpu_rnn_backward(gpu, out.plan, &out.run), "seqgpu_rnn_backward");
  for (int i = NET_DX; i < NET_TENSORS; i++) net_download(gpu, out.value[i], out.device[i], out.count[i]);
  double error = net_error(&out, &ref, NET_DX, NET_DPARAMS, where);
  net_check(error, limit_of(algorithm, math), where, "%s, backward after states were carried on", cell->name);
  error = net_error(&out, &ref, NET_HT, NET_HT, where);
  net_check(error, limit_of(algorithm, math), where, "%s, the carried states", cell->name);
  net_close(&out);
  net_close(&ref);
}

/* A run of 3 steps of 2 sequences by a plan for 6 steps of 5, forward only: the first rows of the buffers. */
static void check_smaller(const char *algorithm, seqgpu_math math, const cell_row *cell) {
  static const shape_row large = {"large", {6, 5, 4, 8}, NULL, {0}};
  static const shape_row small = {"smaller run", {3, 2, 4, 8}, NULL, {0}};
  const seqgpu_rnn_desc desc = with_math(combine(cell, &large), math);
  const seqgpu_rnn_desc fewer = combine(cell, &small);
  net out, ref;
  check_plan(algorithm, math);
  if (skipped(cell->name, small.name) || !runs(&desc, algorithm, cell->name, small.name)) return;
  if (!net_open_as(&out, gpu, &desc, algorithm, NULL) ||
      !net_reference(&ref, oracle, &fewer, NULL, exactness(algorithm, math)))
    return;
  for (int i = 0; i < NET_Y; i++) net_upload(gpu, out.device[i], ref.value[i], ref.count[i]);
  out.run.seq_len = 3;
  out.run.batch = 2;
  net_require(gpu, seqgpu_rnn_forward(gpu, out.plan, &out.run), "seqgpu_rnn_forward");
  net_download(gpu, out.value[NET_Y], out.device[NET_Y], ref.count[NET_Y]);
  check_error(check_norm_f64(out.value[NET_Y], ref.value[NET_Y], ref.count[NET_Y]), limit_of(algorithm, math),
              "%s, %s", cell->name, small.name);
  net_close(&out);
  net_close(&ref);
}

/* The gradient of a mean over very many steps: below half's smallest number. */
static void check_tiny(const char *algorithm, seqgpu_math math, const cell_row *cell) {
  const seqgpu_plan_options how = {.algorithm = algorithm};
  static const int all[] = {NET_DY, NET_DHT, NET_DCT, NET_DX, NET_DH0, NET_DC0, NET_DPARAMS};
  static const shape_row shape = {"tiny gradients", {4, 5, 3, 6}, ragged, {.bidirectional = 1}};
  const seqgpu_rnn_desc desc = with_math(combine(cell, &shape), math);
  net out, ref;
  check_plan(algorithm, math);
  if (skipped(cell->name, shape.name) || !runs(&desc, algorithm, cell->name, shape.name)) return;
  if (!open_pair(&out, &ref, &desc, &how, ragged)) return;
  for (size_t i = 0; i < COUNT(all); i++)
    for (int64_t j = 0; j < ref.count[all[i]]; j++) {
      out.value[all[i]][j] *= 0x1p-50;
      ref.value[all[i]][j] *= 0x1p-50;
    }
  check_pair(&out, &ref, ragged, cell->name, shape.name);
}

/* Cells and options that cuDNN does not have, and a word of the sentence that says so. */
static const struct {
  cell_row cell;
  const char *word;
} refused[] = {
    {{"rnn sigmoid", {.cell = "rnn", .activation = SEQGPU_ACTIVATION_SIGMOID}, 1, 0}, "activation"},
    {{"rnn identity", {.cell = "rnn", .activation = SEQGPU_ACTIVATION_IDENTITY}, 1, 0}, "activation"},
    {{"lstm peephole", {.cell = "lstm", .peephole = 1}, 1, 0}, "peephole"},
    {{"lstm coupled", {.cell = "lstm", .coupled = 1}, 1, 0}, "coupled"},
    {{"lstm projection", {.cell = "lstm"}, 2, 1}, "projection"},
    {{"lstm0", {.cell = "lstm0"}, 1, 0}, "cell"},
    {{"gru", {.cell = "gru"}, 1, 0}, "reset_after"},
};

/* The descriptor is refused by a sentence with the word in it. */
static void check_refused(const seqgpu_rnn_desc *desc, const char *algorithm, const char *what,
                          const char *word) {
  seqgpu_plan *made = NULL;
  check_plan(algorithm, desc->math);
  if (skipped("refused", what)) return;
  const seqgpu_plan_options options = {.algorithm = algorithm};
  const seqgpu_status status = seqgpu_plan_create(gpu, desc, &options, &made);
  CHECK(status == SEQGPU_EUNSUPPORTED && strstr(seqgpu_last_error(gpu), word),
        "refused, %s, which the sentence names", what);
  seqgpu_plan_destroy(made);
}

static void check_refusals(const char *algorithm, seqgpu_math least) {
  for (size_t i = 0; i < COUNT(refused); i++) {
    const seqgpu_rnn_desc desc = with_math(combine(&refused[i].cell, shape_named("T = 1")), least);
    check_refused(&desc, algorithm, refused[i].cell.name, refused[i].word);
  }
  for (int math = SEQGPU_MATH_F32; math < (int)least; math++) {
    const seqgpu_rnn_desc desc = with_math(combine(&cells[0], shape_named("T = 1")), (seqgpu_math)math);
    check_refused(&desc, algorithm, arithmetic[math].name, "math");
  }
}

/* A cuDNN before 9.13, played by the stand-in: bfloat16 is refused, with both versions, and nothing else. */
static void check_old_cudnn(const char *algorithm, seqgpu_math math) {
  const seqgpu_rnn_desc desc = with_math(combine(&cells[2], shape_named("T = 1")), math);
  const seqgpu_plan_options options = {.algorithm = algorithm};
  seqgpu_plan *plan = NULL;
  if (gpu == NULL || !slow) return;
  setenv("SEQGPU_STANDIN_CUDNN", "91200", 1);
  if (strncmp(algorithm, "cudnn-bf16", strlen("cudnn-bf16")) == 0) {
    check_refused(&desc, algorithm, "a cuDNN too old", "this is cuDNN 9.12");
    check_refused(&desc, algorithm, "the cuDNN that it needs", "needs cuDNN 9.13");
  } else {
    check_plan(algorithm, math);
    CHECK(seqgpu_plan_create(gpu, &desc, &options, &plan) == SEQGPU_OK,
          "a cuDNN too old for bfloat16 runs it");
  }
  seqgpu_plan_destroy(plan);
  unsetenv("SEQGPU_STANDIN_CUDNN");
}

static void check_inspect(void) {
  const seqgpu_rnn_desc desc =
      with_math(combine(&cells[2], shape_named("H = 33, I = 34, T = 5")), SEQGPU_MATH_F32);
  net out;
  int64_t width = 0;
  check_plan("cudnn-standard", SEQGPU_MATH_F32);
  if (skipped("inspect", "is unsupported") || !net_open_as(&out, gpu, &desc, "cudnn-standard", NULL)) return;
  CHECK(seqgpu_rnn_inspect(gpu, out.plan, &out.run, 0, 0, "h", NULL, &width) == SEQGPU_EUNSUPPORTED &&
            strstr(seqgpu_last_error(gpu), "reserve"),
        "a private reserve is not looked into");
  net_close(&out);
}

/* All plans there are, timed: the chosen one runs. */
static void check_measured(seqgpu_math math) {
  const shape_row *shape = shape_named(slow ? "rounded products, one layer" : "H = 256, B = 16");
  const seqgpu_rnn_desc desc = with_math(combine(&cells[2], shape), math);
  const seqgpu_plan_options options = {.mode = SEQGPU_PLAN_MEASURE};
  net out, ref;
  char where[64];
  check_at("%s %s", emulated ? "emulator" : "cuda", arithmetic[math].name);
  if (skipped("measured choice", shape->name) || !open_pair(&out, &ref, &desc, &options, NULL)) return;
  net_forward(&out);
  const double error = net_error(&out, &ref, NET_Y, NET_QT, where);
  net_check(error, limit_of(seqgpu_plan_algorithm(out.plan), math), where, "%s, measured choice, %s",
            cells[2].name, seqgpu_plan_algorithm(out.plan));
  net_close(&out);
  net_close(&ref);
}

static void open_gpu(const char *device) {
  const seqgpu_context_options options = {.device = device};
  char family[32];
  seqgpu_algorithm_info info;
  const seqgpu_rnn_desc desc = combine(&cells[0], shape_named("T = 1"));
  int there = 0;
  snprintf(family, sizeof family, "%s/cudnn", device);
  if (seqgpu_context_create(&options, &gpu) != SEQGPU_OK) {
    snprintf(why_skipped, sizeof why_skipped, "%s",
             strcmp(device, "cuda") ? "no emulator" : "no CUDA device");
  } else {
    for (int i = 0; seqgpu_algorithm_get(gpu, &desc, i, &info) == SEQGPU_OK; i++)
      there |= strncmp(info.name, family, strlen(family)) == 0;
    if (there) return;
    snprintf(why_skipped, sizeof why_skipped, "this library was built without cuDNN");
  }
  seqgpu_context_destroy(gpu);
  gpu = NULL;
}

/* All rows of a plan and a cell. */
static void check_cell(const struct plan_row *plan, const cell_row *cell) {
  const seqgpu_math least = plan->math;
  const shape_row *shape;
  for (int s = 0; (shape = shape_at(FOR_CUDNN, s)) != NULL; s++) {
    check_row(plan->name, least, cell, shape, 0);
    if (shape->lengths) check_row(plan->name, least, cell, shape, 1);
  }
  for (int math = SEQGPU_MATH_TF32; math <= SEQGPU_MATH_BF16; math++)
    if (math >= (int)least)
      check_row(plan->name, (seqgpu_math)math, cell, shape_named("rounded products, one layer"), 0);
  for (int s = 0; !slow && (shape = shape_at(FOR_CUDNN_LARGE, s)) != NULL; s++)
    for (int math = (int)least; math <= SEQGPU_MATH_BF16; math++)
      check_row(plan->name, (seqgpu_math)math, cell, shape, 0);
  check_carried(plan->name, least, cell);
  check_smaller(plan->name, least, cell);
  check_tiny(plan->name, least, cell);
}

int main(int argc, char **argv) {
  const char *device = argc > 1 ? argv[1] : "cuda";
  check_start();
  oracle = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  emulated = strcmp(device, "emulator") == 0;
  slow = check_is_slow(device);
  open_gpu(device);
  for (size_t p = 0; p < COUNT(plans); p++) {
    for (size_t c = 0; c < COUNT(cells); c++) check_cell(&plans[p], &cells[c]);
    check_refusals(plans[p].name, plans[p].math);
    check_old_cudnn(plans[p].name, plans[p].math);
  }
  check_inspect();
  check_measured(SEQGPU_MATH_F32);
  check_measured(SEQGPU_MATH_BF16);
  seqgpu_context_destroy(gpu);
  seqgpu_context_destroy(oracle);
  return check_finish();
}
