/* counters_report.h - the counts of all plans as Markdown, for bench/results: for each cell with its usual
 * options a row, and what stands out of the kernels one by one.
 */
#ifndef COUNTERS_REPORT_H
#define COUNTERS_REPORT_H

#include "tests/soft/plan_counts.h"

/* The first row of cells.h with that cell. */
static inline int is_usual(const char *name) {
  size_t at = 0;
  while (strcmp(cell_rows[at].name, name) != 0) at++;
  for (size_t c = 0; c < at; c++)
    if (strcmp(cell_rows[c].desc.cell, cell_rows[at].desc.cell) == 0) return 0;
  return 1;
}

static inline void report_ratio(double a, double b) {
  if (b > 0)
    printf(" %.2f |", a / b);
  else
    printf(" - |");
}

static void report_row(void *algorithm, const plan_counts *c) {
  const double *of = c->step, all = counted_instructions(of);
  if (!is_usual(c->cell)) return;
  if (strcmp((const char *)algorithm, c->algorithm) != 0) {
    printf("\n### %s\n\n"
           "| cell | arithmetic | direction | launches | instructions | of a unit | lanes | integer | "
           "division | "
           "float | special | tensor | shared | global | exchange | wavefronts / request | / least | "
           "sectors / request | / least | chain (estimate) | set-up: instructions | chain (estimate) |\n"
           "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
           c->algorithm);
    snprintf((char *)algorithm, 64, "%s", c->algorithm);
  }
  printf("| %s | %s | %s | %.4g | %.0f | %.1f |", c->cell, arithmetic[c->math].name, c->direction,
         c->launches, all, all / COUNTED_UNITS);
  report_ratio(of[SOFT_LANES], all);
  static const int shown[] = {SOFT_INTEGER, SOFT_DIVISION, SOFT_FLOAT,  SOFT_SPECIAL,
                              SOFT_TENSOR,  SOFT_SHARED,   SOFT_GLOBAL, SOFT_EXCHANGE};
  for (size_t k = 0; k < COUNT(shown); k++) printf(" %.0f |", of[shown[k]]);
  report_ratio(of[SOFT_WAVEFRONTS], of[SOFT_SHARED_REQUESTS]);
  report_ratio(of[SOFT_WAVEFRONTS], of[SOFT_WAVEFRONTS_LEAST]);
  report_ratio(of[SOFT_SECTORS], of[SOFT_GLOBAL_REQUESTS]);
  report_ratio(of[SOFT_SECTORS], of[SOFT_SECTORS_LEAST]);
  printf(" %.0f | %.0f | %.0f |\n", of[SOFT_CHAIN], c->setup_instructions, c->setup_chain);
}

static void report(seqgpu_context *ctx, const char *build, const char *commit) {
  char algorithm[64] = "";
  printf("Counted on the software device (tests/soft): instructions of PTX, one for a warp; B = %d, I = %d, "
         "H = %d, on 4 SMs. Build: %s; commit %s.\n\n"
         "Per time step, from runs of %d and %d steps: *instructions*, *of a unit* of the %d, the mean of "
         "active "
         "*lanes*, classes of instructions, *wavefronts* of shared memory and 32-byte *sectors* of global "
         "memory "
         "for a request, and for what they would be without bank conflicts, and side by side. *chain*: an "
         "**estimate** in cycles of the chain of dependences (tests/soft/chain.h; latencies in "
         "tests/soft/meaning.cpp). *Set-up*: what a run executes beyond its steps. None of it is a time; "
         "products in cuBLAS and transforms in cuFFT are not counted.\n",
         COUNTED_BATCH, COUNTED_INPUT, COUNTED_UNITS, build, commit, COUNTED_STEPS, 2 * COUNTED_STEPS,
         COUNTED_UNITS);
  count_plans(ctx, report_row, algorithm);
}

#endif
