/* fit.c - see fit.h.
 *
 * Of each algorithm, factors a, b, c, d >= 0 that make
 *
 *   a product + b pointwise + c exchange + d mflop  as near as can be to  us
 *
 * by the sum of squares of relative errors, over the rows of all shapes and both passes.  d is no part of the model: it
 * takes up what products over the whole sequence add to a measured time.
 */
#include "bench/model/fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/json_read.h"

/* ---------------------------------------------------------------- reading */

enum { PASSES = 2 };
static const char *const passes[PASSES] = {"forward", "backward"};

/* What makes two runs the same but for their length. */
typedef struct run_key {
  char plan[64], cell[32], math[16];
  double batch, hidden;
  int bidirectional, training;
} run_key;

/* A line of the file, per step of its length. */
typedef struct run {
  run_key key;
  double steps, forward_us, us, mflop;
  double model_us[PASSES], product_us[PASSES], pointwise_us[PASSES], exchange_us[PASSES];
} run;

static double number(const char *row, const char *key) { return json_number(json_member(row, key)); }

static double term(const char *row, const char *pass, const char *name) {
  char key[64];
  snprintf(key, sizeof key, "%s_%s_us_per_step", pass, name);
  return number(row, key);
}

/* 1 if the line is of a single layer without padding and has a cut. */
static int read_run(const char *row, run *r) {
  char kind[16];
  memset(r, 0, sizeof *r); /* keys are compared as bytes */
  if (!json_text(json_member(row, "kind"), kind, sizeof kind) || strcmp(kind, "rnn") != 0) return 0;
  json_text(json_member(row, "plan"), r->key.plan, sizeof r->key.plan);
  json_text(json_member(row, "cell"), r->key.cell, sizeof r->key.cell);
  json_text(json_member(row, "math"), r->key.math, sizeof r->key.math);
  r->key.batch = number(row, "batch");
  r->key.hidden = number(row, "hidden");
  r->key.bidirectional = json_true(json_member(row, "bidirectional"));
  r->key.training = json_true(json_member(row, "training"));
  r->steps = number(row, "seq_len");
  r->us = number(row, "us_per_step");
  r->forward_us = number(row, "forward_us_per_step");
  r->mflop = number(row, "tflops") * r->us;
  const int passes_run = r->key.training ? PASSES : 1;
  for (int p = 0; p < passes_run; p++) {
    r->model_us[p] = term(row, passes[p], "model");
    r->product_us[p] = term(row, passes[p], "product");
    r->pointwise_us[p] = term(row, passes[p], "pointwise");
    r->exchange_us[p] = term(row, passes[p], "exchange");
  }
  const int whole = number(row, "layers") == 1 && !json_true(json_member(row, "ragged"));
  return whole && r->steps >= 1 && r->us > 0 && r->forward_us > 0 && r->model_us[0] > 0;
}

static int same_problem(const run *a, const run *b) { return memcmp(&a->key, &b->key, sizeof a->key) == 0; }

/* The slope from the shorter run to the longer one, of `part` microseconds a step. */
static double slope(const run *few, double few_us, const run *many, double many_us) {
  return (many_us * many->steps - few_us * few->steps) / (many->steps - few->steps);
}

static fit_row row_of(const run *few, const run *many, int pass) {
  fit_row row = {.model_us = many->model_us[pass],
                 .product_us = many->product_us[pass],
                 .pointwise_us = many->pointwise_us[pass],
                 .exchange_us = many->exchange_us[pass]};
  snprintf(row.algorithm, sizeof row.algorithm, "%s", many->key.plan);
  const double forward = slope(few, few->forward_us, many, many->forward_us);
  row.us = pass == 0 ? forward : slope(few, few->us, many, many->us) - forward;
  /* of training a third is forward's */
  row.mflop = many->mflop * (!many->key.training ? 1 : pass == 0 ? 1.0 / 3 : 2.0 / 3);
  return row;
}

/* Two rows for each problem of which there are two lengths. */
static int pair_runs(const run *runs, int count, fit_row *rows) {
  int found = 0;
  for (int i = 0; i < count; i++) {
    const run *few = &runs[i], *many = &runs[i];
    int first = 1;
    for (int j = 0; j < count; j++) {
      if (!same_problem(&runs[i], &runs[j])) continue;
      if (j < i) first = 0;
      if (runs[j].steps < few->steps) few = &runs[j];
      if (runs[j].steps > many->steps) many = &runs[j];
    }
    if (!first || few == many) continue;
    for (int pass = 0; pass <= many->key.training; pass++) {
      rows[found] = row_of(few, many, pass);
      if (rows[found].us > 0) found++; /* else noise */
    }
  }
  return found;
}

int fit_read(const char *path, fit_row **rows) {
  *rows = NULL;
  char *text = json_file(path);
  if (text == NULL) return -1;
  int lines = 0, count = 0, found = 0;
  for (const char *at = json_item(text, 0, NULL, 0); at; at = json_next(at, NULL, 0)) lines++;
  run *runs = calloc((size_t)lines + 1, sizeof *runs);
  *rows = calloc(PASSES * ((size_t)lines + 1), sizeof **rows);
  if (runs && *rows) {
    for (const char *at = json_item(text, 0, NULL, 0); at; at = json_next(at, NULL, 0))
      count += read_run(at, &runs[count]);
    found = pair_runs(runs, count, *rows);
  } else {
    fprintf(stderr, "bench_model: out of memory for %d rows of %s\n", lines, path);
    found = -1;
  }
  if (found == 0)
    fprintf(stderr, "bench_model: %s has no persistent algorithm with two lengths of a layer\n", path);
  free(runs);
  free(text);
  return found > 0 ? found : -1;
}

/* ---------------------------------------------------------------- fitting */

enum { TERMS = 4, SWEEPS = 20000 };

static void terms_of(const fit_row *r, double x[TERMS]) {
  x[0] = r->product_us, x[1] = r->pointwise_us, x[2] = r->exchange_us, x[3] = r->mflop;
}

/* Least squares with factors >= 0: each in turn is set to its best value, the others given. */
static void fit(const fit_row *const *rows, int count, double factor[TERMS]) {
  double gram[TERMS][TERMS] = {{0}}, right[TERMS] = {0};
  for (int i = 0; i < count; i++) {
    double x[TERMS];
    terms_of(rows[i], x);
    for (int k = 0; k < TERMS; k++) {
      right[k] += x[k] / rows[i]->us;
      for (int l = 0; l < TERMS; l++) gram[k][l] += x[k] * x[l] / (rows[i]->us * rows[i]->us);
    }
  }
  for (int k = 0; k < TERMS; k++) factor[k] = 0;
  for (int sweep = 0; sweep < SWEEPS; sweep++)
    for (int k = 0; k < TERMS; k++) {
      double rest = right[k];
      for (int l = 0; l < TERMS; l++) rest -= l == k ? 0 : gram[k][l] * factor[l];
      factor[k] = gram[k][k] > 0 && rest > 0 ? rest / gram[k][k] : 0;
    }
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The median of |estimate / us - 1|; the estimate is the model's if factor is NULL. */
static double median_error(const fit_row *const *rows, int count, const double *factor, double *errors) {
  for (int i = 0; i < count; i++) {
    double x[TERMS], estimate = rows[i]->model_us;
    terms_of(rows[i], x);
    if (factor) {
      estimate = 0;
      for (int k = 0; k < TERMS; k++) estimate += factor[k] * x[k];
    }
    errors[i] = fabs(estimate / rows[i]->us - 1);
  }
  qsort(errors, (size_t)count, sizeof *errors, ascending);
  return errors[count / 2];
}

static void print_factor(double factor) {
  if (factor > 0)
    printf("%.2f | ", factor);
  else
    printf("- | ");
}

static void print_algorithm(const fit_row *const *rows, int count, double *errors) {
  double factor[TERMS];
  printf("| %s | %d | ", rows[0]->algorithm, count);
  if (count < TERMS) {
    printf("- | - | - | %.0f %% | - |\n", 100 * median_error(rows, count, NULL, errors));
    return;
  }
  fit(rows, count, factor);
  for (int k = 0; k < TERMS - 1; k++) print_factor(factor[k]);
  printf("%.0f %% | ", 100 * median_error(rows, count, NULL, errors));
  printf("%.0f %% |\n", 100 * median_error(rows, count, factor, errors));
}

void fit_print(const fit_row *rows, int count) {
  const fit_row **group = calloc((size_t)count + 1, sizeof *group);
  double *errors = calloc((size_t)count + 1, sizeof *errors);
  printf("\n| algorithm | rows | product x | pointwise x | exchange x | error of the model | error with "
         "these factors |\n"
         "|---|---:|---:|---:|---:|---:|---:|\n");
  for (int i = 0; group && errors && i < count; i++) {
    int size = 0, first = 1;
    for (int j = 0; j < count; j++) {
      if (strcmp(rows[i].algorithm, rows[j].algorithm) != 0) continue;
      first = first && j >= i;
      group[size++] = &rows[j];
    }
    if (first) print_algorithm(group, size, errors);
  }
  free(group);
  free(errors);
}
