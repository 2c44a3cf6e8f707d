/* test_soft_counters.c - what every plan executes per step, beside the table of what it should.
 *
 *   test_soft_counters TABLE.csv            compares, within 2 %
 *   test_soft_counters --write TABLE.csv    writes the table anew: say in the commit why it changed
 *   test_soft_counters --report COMMIT      a readable table in Markdown, on stdout behind the seed
 *
 * The numbers are those of one version of nvcc, which the table names; with another one nothing is compared.
 * They are no times: a kernel that executes more than it did is slower only if that is what it waits for.
 */
#include "tests/soft/counters_report.h"

#ifndef SEQGPU_SOFT_BUILD
#define SEQGPU_SOFT_BUILD "unknown"
#endif

/* ---- the table ---- */

enum { ROWS_MOST = 4000, LINE_MOST = 1024, KEY_MOST = 160, VALUES = SOFT_COUNTS + 3 };

static const char *const value_names[VALUES] = {
#define NAME(id, name, what) name,
    SOFT_CLASSES(NAME) SOFT_NUMBERS(NAME) "launches", "setup_instructions", "setup_chain"
#undef NAME
};

typedef struct table_row {
  char key[KEY_MOST];
  double value[VALUES];
  int met;
} table_row;

static table_row table[ROWS_MOST];
static int table_rows;

static table_row row_of(const plan_counts *c) {
  table_row row = {"", {0}, 0};
  snprintf(row.key, sizeof row.key, "%s,%s,\"%s\",%s", c->algorithm, c->direction, c->cell,
           arithmetic[c->math].name);
  memcpy(row.value, c->step, sizeof c->step);
  row.value[SOFT_COUNTS] = c->launches;
  row.value[SOFT_COUNTS + 1] = c->setup_instructions;
  row.value[SOFT_COUNTS + 2] = c->setup_chain;
  return row;
}

/* A key holds four fields, of which the third is in quotation marks. */
static int read_row(char *line, table_row *row) {
  const char *quote = strchr(line, '"');
  char *end = quote ? strstr(quote + 1, "\",") : NULL;
  end = end ? strchr(end + 2, ',') : NULL;
  if (end == NULL || end - line >= KEY_MOST) return 0;
  *end++ = '\0';
  *row = (table_row){"", {0}, 0};
  memcpy(row->key, line, strlen(line) + 1);
  for (int k = 0; k < VALUES; k++) {
    char *next;
    row->value[k] = strtod(end, &next);
    if (next == end || *next != (k + 1 < VALUES ? ',' : '\n')) return 0;
    end = next + 1;
  }
  return 1;
}

/* The first line names the build.  1: read; 0: there is none, or it is not one; -1: of another build. */
static int read_table(const char *path) {
  char line[LINE_MOST];
  FILE *file = fopen(path, "r");
  if (file == NULL || fgets(line, sizeof line, file) == NULL) return 0;
  int whole = strcmp(line, "# " SEQGPU_SOFT_BUILD "\n") == 0 ? 1 : -1;
  if (fgets(line, sizeof line, file) == NULL) whole = 0; /* the names */
  while (whole == 1 && fgets(line, sizeof line, file) != NULL)
    if (table_rows == ROWS_MOST || !read_row(line, &table[table_rows++])) whole = 0;
  fclose(file);
  return whole;
}

static void write_row(void *file, const plan_counts *c) {
  const table_row row = row_of(c);
  fprintf((FILE *)file, "%s", row.key);
  for (int k = 0; k < VALUES; k++) fprintf((FILE *)file, ",%.10g", row.value[k]);
  fprintf((FILE *)file, "\n");
}

static int write_table(seqgpu_context *ctx, const char *path) {
  FILE *file = fopen(path, "w");
  if (file == NULL) return 0;
  fprintf(file, "# " SEQGPU_SOFT_BUILD "\nalgorithm,direction,cell,arithmetic");
  for (int k = 0; k < VALUES; k++) fprintf(file, ",%s", value_names[k]);
  fprintf(file, "\n");
  count_plans(ctx, write_row, file);
  return fclose(file) == 0;
}

/* ---- comparison ---- */

static const char *const how_to_write = "after a change that is meant, write the table anew: "
                                        "build/bin/test_soft_counters --write tests/soft/counters.csv";

static void compare_row(void *self, const plan_counts *c) {
  const table_row row = row_of(c);
  char why[256] = "";
  table_row *wanted = NULL;
  for (int i = 0; i < table_rows; i++)
    if (strcmp(table[i].key, row.key) == 0) wanted = &table[i];
  if (wanted == NULL) snprintf(why, sizeof why, "it is not in the table; %s", how_to_write);
  for (int k = 0; wanted != NULL && k < VALUES; k++) {
    const double now = row.value[k], then = wanted->value[k];
    if (fabs(now - then) > 0.02 * fmax(fabs(now), fabs(then)) && why[0] == '\0')
      snprintf(why, sizeof why, "%s is %.10g, in the table %.10g; %s", value_names[k], now, then,
               how_to_write);
  }
  if (c->divisions != 0 && why[0] == '\0') /* all divisors are fixed for a launch (divisor.h) */
    snprintf(why, sizeof why, "a step of a persistent kernel divides integers: %g times", c->divisions);
  if (wanted != NULL) wanted->met = 1;
  check_record(why[0] == '\0', why, "%s", row.key);
  (void)self;
}

/* ---- whatever the schedule ---- */

/* Another seed: the same numbers to the last digit. */
static int same_again(seqgpu_context *ctx, const char *algorithm, const cell_row *cell, seqgpu_math math,
                      const plan_counts first[2], uint64_t seed) {
  plan_counts other[2];
  soft_set_seed(seed);
  count_plan(ctx, algorithm, cell, math, counted_small, other);
  return memcmp(first[0].step, other[0].step, sizeof first[0].step) == 0 &&
         memcmp(first[1].step, other[1].step, sizeof first[1].step) == 0;
}

static void check_seeds(seqgpu_context *ctx) {
  plan_counts first[2];
  for (const sq_algorithm *a = sq_algorithms; a->name; a++)
    for (size_t c = 0; is_counted(a) && c < COUNT(cell_rows); c++) {
      const cell_row *cell = &cell_rows[c];
      const int chosen = strcmp(cell->name, "lstm") == 0 || strcmp(cell->name, "urnn") == 0;
      if (!chosen || !count_plan(ctx, a->id, cell, SEQGPU_MATH_BF16, counted_small, first)) continue;
      CHECK(same_again(ctx, a->id, cell, SEQGPU_MATH_BF16, first, 7919) &&
                same_again(ctx, a->id, cell, SEQGPU_MATH_BF16, first, 104729),
            "the same counts whatever the schedule: %s, %s", a->id, cell->name);
    }
}

/* No persistent kernel keeps registers in local memory, for want of others: every step would wait for them. */
static void check_spills(void) {
  enum { MOST = 512 };
  static const char *names[MOST];
  const size_t count = soft_kernels(names, MOST);
  for (size_t i = 0; i < count && i < MOST; i++) {
    if (strstr(names[i], "recurrence_main") == NULL) continue;
    const long bytes = soft_spilled_bytes(names[i]);
    CHECK(bytes == 0, "%s: %ld bytes of local memory in a thread", names[i], bytes);
  }
}

static void check_table(seqgpu_context *ctx, const char *path) {
  const int read = read_table(path);
  if (read < 0) {
    check_skip("it is of another build than " SEQGPU_SOFT_BUILD, "counts per step beside %s", path);
    return;
  }
  CHECK(read == 1, "%s can be read", path);
  count_plans(ctx, compare_row, NULL);
  for (int i = 0; i < table_rows; i++)
    if (!table[i].met) check_record(0, "it is in the table, and no plan any more", "%s", table[i].key);
}

int main(int argc, char **argv) {
  const int writes = argc == 3 && strcmp(argv[1], "--write") == 0;
  const int reports = argc == 3 && strcmp(argv[1], "--report") == 0;
  if (argc != 2 && !writes && !reports) {
    fprintf(stderr, "usage: test_soft_counters TABLE.csv | --write TABLE.csv | --report COMMIT\n");
    return 2;
  }
  soft_set_device("4 SMs");
  if (!reports) check_start();
  seqgpu_context *ctx = net_context("cuda", SEQGPU_DTYPE_F32, 1);
  if (reports)
    report(ctx, SEQGPU_SOFT_BUILD, argv[2]);
  else if (writes)
    CHECK(write_table(ctx, argv[2]), "%s is written", argv[2]);
  else {
    check_seeds(ctx);
    check_table(ctx, argv[1]);
    check_spills();
  }
  seqgpu_context_destroy(ctx);
  return reports ? check_counts.failed != 0 : check_finish();
}
