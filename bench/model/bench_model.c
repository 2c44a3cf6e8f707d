/* bench_model.c - what a time step should cost on an H100, where no card is: an estimate of counted numbers.
 *
 * Each plan of the library's own runs a few steps of each shape on the software device (tests/soft), which counts
 * what a step executes.  Five terms, in cycles:
 *
 *   chain    the longest chain of dependent instructions, of a table of latencies (tests/soft/meaning.cpp), in the best
 *            order between one branch or barrier and the next (tests/soft/chain.h)
 *   issue    issue slots of a processor's warps, spread over its 4 schedulers
 *   tensor   mma.sync of a processor: 1.5 cycles for an m16n8k16 of bfloat16 or an m16n8k8 of TF32, which is 63 % of
 *            the dense peak, as Luo and others measured
 *   shared   turns at the 32 banks of a processor's shared memory, 1 cycle each
 *   L2       sectors into a processor, 64 bytes a cycle, or into all of them, 3,200 bytes a cycle
 *
 * `largest` is the largest of them, as if the others were hidden behind it; `sum` their sum, as if nothing were.
 * Both in microseconds at 1.755 GHz, the boost clock of an H100 SXM.  They are estimates, to compare plans and
 * versions with: PTX is counted where ptxas may make more or fewer instructions of it, and the input's product and
 * caches that miss are left out.
 *
 * The column `planner` is what the planner's own model says of the same step (kernels/persistent/cost.h); the table at the
 * end says how its terms agree with `largest`.  With --fit it is made of measured times instead, and nothing is counted.
 */
#include "bench/common/options.h"
#include "bench/common/shapes.h"
#include "bench/model/fit.h"
#include "tests/soft/plan_counts.h"

static const char USAGE[] =
    "usage: bench_model [options]\n"
    "  --shapes FILE          (default: bench/shapes/model.csv)\n"
    "  --algorithm WORD       those whose names have it (default: all)\n"
    "  --math f32|tf32|bf16   (default: all three)\n"
    "  --device ROW           of the software device (default: H100)\n"
    "  --fit RESULTS.json     compare the planner's model with what tests/gpu.sh measured\n";

typedef struct model_options {
  const char *shapes, *algorithm, *math, *device, *fit;
} model_options;

static const double GHZ = 1.755, SCHEDULERS = 4, PROCESSORS = 132, L2_PROCESSOR = 64, L2_ALL = 3200;
static const double MMA = 1.5;
enum { ROWS_OF_A_SHAPE = 64 }; /* algorithms, arithmetics and directions: more than there are */

typedef struct terms {
  double chain, issue, tensor, shared, l2;
} terms;

static terms terms_of(const plan_counts *c) {
  const double used = fmax(1, fmin(c->blocks, PROCESSORS)), bytes = 32 * c->step[SOFT_SECTORS];
  return (terms){.chain = c->step[SOFT_CHAIN],
                 .issue = c->step[SOFT_SLOTS] / used / SCHEDULERS,
                 .tensor = c->step[SOFT_TENSOR] / used * MMA,
                 .shared = c->step[SOFT_WAVEFRONTS] / used,
                 .l2 = fmax(bytes / used / L2_PROCESSOR, bytes / L2_ALL)};
}

/* Rows for the table at the end: of persistent algorithms. */
typedef struct agreement {
  fit_row *rows;
  int count, room;
} agreement;

static void add_agreement(agreement *a, const plan_counts *c, double us) {
  if (c->cut.step_us <= 0 || a->count == a->room) return;
  fit_row *row = &a->rows[a->count++];
  *row = (fit_row){.us = us,
                   .model_us = c->cut.step_us,
                   .product_us = c->cut.product_us,
                   .pointwise_us = c->cut.pointwise_us,
                   .exchange_us = c->cut.exchange_us};
  snprintf(row->algorithm, sizeof row->algorithm, "%s", c->algorithm);
}

static void print_row(const bench_row *row, const plan_counts *c, agreement *a) {
  if (c->blocks == 0) return; /* its steps are launches */
  const terms t = terms_of(c);
  const double largest = fmax(fmax(fmax(t.chain, t.issue), fmax(t.tensor, t.shared)), t.l2);
  const double sum = t.chain + t.issue + t.tensor + t.shared + t.l2;
  const double tensor = c->step[SOFT_TENSOR], all = counted_instructions(c->step);
  printf("| %s | %lld | %lld | %s | %s | %s | %.0f | %.0f | ", row->cell, (long long)row->hidden,
         (long long)row->batch, arithmetic[c->math].name, c->algorithm, c->direction, c->blocks, all);
  if (tensor > 0)
    printf("%.1f | ", all / tensor);
  else
    printf("- | ");
  const double us = largest / GHZ / 1000;
  printf("%.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.2f | %.2f | ", t.chain, t.issue, t.tensor, t.shared,
         t.l2, c->setup_chain, us, sum / GHZ / 1000);
  if (c->cut.step_us > 0)
    printf("%.2f |\n", c->cut.step_us);
  else
    printf("- |\n");
  add_agreement(a, c, us);
  fflush(stdout);
}

static const cell_row *cell_of(const char *name) {
  const char *ours = strcmp(name, "vanilla") == 0 ? "rnn" : name;
  for (size_t c = 0; c < COUNT(cell_rows); c++)
    if (strcmp(cell_rows[c].desc.cell, ours) == 0) return &cell_rows[c];
  return NULL;
}

static void count_row(seqgpu_context *ctx, const bench_row *row, const model_options *o, agreement *seen) {
  const cell_row *cell = cell_of(row->cell);
  const counted_size size = {row->batch, 16, row->hidden, 1}; /* the input's product is not counted */
  plan_counts rows[2];
  for (const sq_algorithm *a = sq_algorithms; a->name && cell != NULL; a++) {
    if (!is_counted(a) || strcmp(a->id, "step") == 0 || strstr(a->id, o->algorithm) == NULL) continue;
    for (int m = SEQGPU_MATH_F32; m <= SEQGPU_MATH_BF16; m++) {
      if (!bench_listed(o->math, arithmetic[m].name)) continue;
      if (!count_plan(ctx, a->id, cell, (seqgpu_math)m, size, rows)) continue;
      print_row(row, &rows[0], seen);
      print_row(row, &rows[1], seen);
    }
  }
}

static int fit_file(const char *path) {
  fit_row *rows;
  const int count = fit_read(path, &rows);
  if (count > 0) fit_print(rows, count);
  free(rows);
  return count > 0 ? BENCH_OK : BENCH_FAILED;
}

int main(int argc, char **argv) {
  model_options o = {.shapes = "bench/shapes/model.csv", .algorithm = "", .device = "H100"};
  const bench_option table[] = {
      bench_option_text("--shapes", &o.shapes), bench_option_text("--algorithm", &o.algorithm),
      bench_option_text("--math", &o.math), bench_option_text("--fit", &o.fit), BENCH_DEVICE(&o.device)};
  const int code = bench_parse("bench_model", USAGE, table, BENCH_COUNT(table), argc, argv);
  if (code != BENCH_GO_ON) return code;
  if (o.fit != NULL) return fit_file(o.fit);
  bench_row *rows;
  const int count = bench_read_shapes(o.shapes, &rows);
  if (count < 0) return BENCH_FAILED;
  if (!soft_set_device(o.device)) {
    fprintf(stderr, "bench_model: the software device has no row \"%s\"\n", o.device);
    return BENCH_USAGE;
  }
  seqgpu_context *ctx = net_context("cuda", SEQGPU_DTYPE_F32, 1);
  printf("| cell | H | B | arithmetic | algorithm | direction | blocks | instructions | of an mma | chain | "
         "issue | tensor | shared | L2 | set-up chain | largest, us (estimate) | sum, us (estimate) | "
         "planner, us |\n"
         "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  agreement seen = {.room = count * ROWS_OF_A_SHAPE};
  seen.rows = calloc((size_t)seen.room + 1, sizeof *seen.rows);
  if (seen.rows == NULL) seen.room = 0;
  for (int r = 0; r < count; r++) count_row(ctx, &rows[r], &o, &seen);
  if (seen.count > 0) fit_print(seen.rows, seen.count);
  free(seen.rows);
  seqgpu_context_destroy(ctx);
  free(rows);
  return check_counts.failed != 0 ? BENCH_FAILED : BENCH_OK;
}
