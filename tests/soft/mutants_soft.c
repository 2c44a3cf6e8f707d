/* mutants_soft.c - plants faults in the kernels, one at a time, and looks whether the tests notice.
 *
 *   mutants_soft [--part I/N] [--sample N] [--kernel WORD] [--cell CELL] [--kind WORD]
 *
 * sh tests/soft/mutate.sh runs it and makes the table.  --kernel, --kind: with the word in their names; --cell: of
 * that cell, or of one that is drawn ("any"), its persistent kernels on its trials alone.
 *
 * A trial is a network forward and backward by one algorithm, or an operator; it is a small one, and its result
 * is compared with the CPU's float64.  A kernel's mutants are tried on the cheapest trials that reach the
 * instruction, each in a child process, until one notices: by wrong numbers, or by a fault that the device
 * reports (a race, a deadlock, an access out of bounds, an uninitialised read, ...).  One line each:
 *
 *   killed|survived|not reached  TAB  how  TAB  kind  TAB  place  TAB  kernel
 */
#define _POSIX_C_SOURCE 200809L /* fork, setenv */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/context/context.h"
#include "host/plan/algorithms.h"
#include "tests/conformance_ops.h"
#include "tests/net.h"
#include "tests/shapes.h"
#include "tests/soft/controls.h"
#include "tests/soft/mutants.h"

enum { TRIALS = 10000, KERNELS = 1024, MUTANTS = 100000, TRIALS_EACH = 6, CHILD_SECONDS = 60 };
enum { SURVIVED = 0, BY_NUMBERS = 1, BY_FAULT = 2 }; /* exit statuses of a child */

/* A network or an operator's row.  It draws the same inputs whenever it is opened. */
typedef struct trial {
  const char *algorithm;
  const cell_row *cell;
  const shape_row *shape;
  seqgpu_math math;
  const op_row *row; /* or NULL: a network */
  int64_t size[3];
  net ref, out;    /* while it is open */
  uint64_t cost;   /* warp instructions */
  int survived[2]; /* without a mutant: not weak, weak */
} trial;

static seqgpu_context *device, *oracle;
static trial trials[TRIALS];
static int trial_count;
static const char *kernels[KERNELS];
static size_t kernel_count;
static unsigned char reaches[KERNELS][TRIALS];
typedef struct choice {
  size_t kernel, index;
} choice;
static choice chosen[MUTANTS];
static size_t chosen_count;

/* ---- trials ---- */

/* What it draws depends on the printed seed and on the trial, not on what was opened before. */
static void draw_from_here(const trial *t) {
  check_counts.random = check_counts.seed + (uint64_t)(t - trials) * 0x100000001B3u;
}

/* 0 if the algorithm refuses it, or the cell has no such network. */
static int open_trial(trial *t) {
  if (t->row != NULL) return 1;
  draw_from_here(t);
  const seqgpu_rnn_desc exact = combine(t->cell, t->shape);
  seqgpu_rnn_desc desc = exact;
  desc.math = t->math;
  const seqgpu_plan_options options = {.algorithm = t->algorithm};
  seqgpu_plan *plan = NULL;
  const seqgpu_status status = seqgpu_plan_create(device, &desc, &options, &plan);
  seqgpu_plan_destroy(plan);
  if (status == SEQGPU_EUNSUPPORTED) return 0;
  if (!net_reference(&t->ref, oracle, &exact, t->shape->lengths, t->math)) return 0;
  if (net_open_as(&t->out, device, &desc, t->algorithm, t->shape->lengths)) return 1;
  net_close(&t->ref);
  return 0;
}

static void close_trial(trial *t) {
  if (t->row != NULL) return;
  net_close(&t->out);
  net_close(&t->ref);
}

/* Once more with the final states over the initial ones, as a caller may, and their gradients likewise, as
 * the stretches of a wavefront are (host/run/wavefront.c): a block must not write while a peer still reads. */
static void run_in_place(net *n) {
  const seqgpu_rnn_run apart = n->run;
  for (int k = 0; k < 2; k++) {
    n->run.final[k] = n->device[NET_H0 + k];
    n->run.dinitial[k] = n->device[NET_DHT + k];
  }
  net_upload_inputs(n);
  net_upload(n->ctx, n->device[NET_DPARAMS], n->value[NET_DPARAMS], n->count[NET_DPARAMS]);
  net_require(n->ctx, seqgpu_rnn_forward(n->ctx, n->plan, &n->run), "seqgpu_rnn_forward");
  for (int k = 0; k < 2; k++)
    net_download(n->ctx, n->value[NET_HT + k], n->device[NET_H0 + k], n->count[NET_HT + k]);
  net_upload_inputs(n);
  net_require(n->ctx, seqgpu_rnn_backward(n->ctx, n->plan, &n->run), "seqgpu_rnn_backward");
  for (int k = 0; k < 2; k++)
    net_download(n->ctx, n->value[NET_DH0 + k], n->device[NET_DHT + k], n->count[NET_DH0 + k]);
  n->run = apart;
}

/* Runs an open trial: 1 if the result is right. */
static int run(trial *t) {
  char where[80];
  const long failed = check_counts.failed;
  if (t->row != NULL) {
    draw_from_here(t);
    op_check(device, oracle, t->row, t->size);
    return check_counts.failed == failed;
  }
  net_copy_inputs(&t->out, &t->ref);
  memset(t->out.value[NET_DPARAMS], 0, (size_t)t->out.count[NET_DPARAMS] * sizeof(double)); /* added to */
  const double limit = arithmetic[t->math].limit;
  int right = 1;
  if (strncmp(t->algorithm, "persistent-grid", 15) == 0 ||
      strncmp(t->algorithm, "persistent-split", 16) == 0) {
    run_in_place(&t->out);
    right = net_error(&t->out, &t->ref, NET_HT, NET_QT, where) <= limit &&
            net_error(&t->out, &t->ref, NET_DH0, NET_DQ0, where) <= limit;
  }
  net_forward(&t->out);
  net_backward(&t->out);
  return right && check_counts.failed == failed &&
         net_error(&t->out, &t->ref, NET_Y, NET_DPARAMS, where) <= limit;
}

static void add_trial(trial t) {
  if (trial_count == TRIALS) {
    printf("mutants_soft.c: there is room for %d trials\n", TRIALS);
    exit(EXIT_FAILURE);
  }
  trials[trial_count++] = t;
}

/* Small, with more than one block in every direction; the power of two is for the cells with Fourier transforms and
 * reflections, whose blocks have several warps there. */
static const shape_row mutant_shapes[] = {
    {"small", {3, 3, 2, 5}, NULL, {.num_layers = 1}},
    {"ragged", {4, 5, 3, 20}, ragged, {.num_layers = 1}},
    /* the longest sums that fit one block of every cell; both copies of an unrolled step come before the last one */
    {"wide", {3, 9, 2, 112}, NULL, {.num_layers = 1}},
    {"wider", {2, 33, 2, 200}, NULL, {.num_layers = 1}}, /* more units of an operand than threads */
    {"power of two", {2, 9, 2, 256}, NULL, {.num_layers = 1}},
    /* groups of two clusters, for the algorithms that divide the depth among the blocks of one */
    {"clusters", {4, 3, 2, 64}, NULL, {.num_layers = 1}},
};

/* Whether a network of that cell and shape is a trial.  Of the activations, which no kernel is compiled for, not
 * the rectifier: its networks are drawn far from the kink (net.h), and wrong products hardly show in them. */
static int tried(const char *algorithm, const cell_row *cell, const shape_row *shape) {
  const int split = strncmp(algorithm, "persistent-split", 16) == 0;
  if (cell->desc.activation == SEQGPU_ACTIVATION_RELU || (shape->size[3] == 64 && !split)) return 0;
  const int unitary = strcmp(cell->desc.cell, "urnn") == 0 || strcmp(cell->desc.cell, "householder") == 0;
  return fits(cell, shape) && shape->size[3] != (unitary ? 200 : 256);
}

static void add_networks(const char *algorithm, const cell_row *cell) {
  for (int math = SEQGPU_MATH_F32; math <= SEQGPU_MATH_BF16; math++)
    for (size_t s = 0; s < COUNT(mutant_shapes); s++)
      if (tried(algorithm, cell, &mutant_shapes[s]))
        add_trial((trial){algorithm, cell, &mutant_shapes[s], (seqgpu_math)math, .row = NULL});
}

/* cell: in the name of the trials' cells, and then only persistent algorithms, for which peepholes choose no other
 * kernel; "": all, and operators. */
static void add_trials(const char *cell) {
  for (const sq_algorithm *a = sq_algorithms; a->name != NULL; a++) {
    const int ours = strcmp(a->device, "cuda") == 0 && strncmp(a->id, "cudnn", 5) != 0;
    if (!ours || a->dtype != SEQGPU_DTYPE_F32) continue;
    if (cell[0] != '\0' && strncmp(a->id, "persistent", 10) != 0) continue;
    for (size_t c = 0; c < COUNT(cell_rows); c++)
      if (strstr(cell_rows[c].desc.cell, cell) != NULL && (cell[0] == '\0' || !cell_rows[c].desc.peephole))
        add_networks(a->id, &cell_rows[c]);
  }
  static const int64_t sizes[][3] = {{33, 31, 2}, {3, 257, 4}};
  for (size_t r = 0; r < COUNT(op_rows) && cell[0] == '\0'; r++)
    for (size_t s = 0; s < COUNT(sizes); s++)
      add_trial((trial){.row = &op_rows[r], .size = {sizes[s][0], sizes[s][1], sizes[s][2]}});
}

/* Which trial is wrong without a mutant, and by how much. */
static void say_wrong(trial *t) {
  char where[80] = "";
  printf("wrong without a mutant, and left out: ");
  if (t->row != NULL)
    printf("%s\n", t->row->name);
  else
    printf("%s, %s, %s, %s: %.3g in %s, at most %.3g; %s\n", t->cell->name, t->algorithm, t->shape->name,
           arithmetic[t->math].name, net_error(&t->out, &t->ref, NET_Y, NET_DPARAMS, where), where,
           arithmetic[t->math].limit, soft_last_fault());
}

/* Runs every trial as it is, and notes which kernels it reaches.  One in a thousand may be at the edge of what its
 * numbers allow, and is left out; test_conformance.c asks whether they are right. */
static void survey(void) {
  int wrong = 0;
  static uint64_t before[KERNELS];
  kernel_count = soft_all_kernels(kernels, KERNELS);
  for (int t = 0; t < trial_count; t++) {
    if (!open_trial(&trials[t])) continue;
    for (size_t k = 0; k < kernel_count; k++) before[k] = soft_launches_of(kernels[k]);
    const uint64_t instructions = soft_instructions();
    const int right = run(&trials[t]);
    trials[t].cost = soft_instructions() - instructions;
    for (size_t k = 0; right && k < kernel_count; k++)
      reaches[k][t] = soft_launches_of(kernels[k]) > before[k];
    if (!right) say_wrong(&trials[t]);
    if (!right && (soft_last_fault()[0] != '\0' || ++wrong > 1 + trial_count / 1000)) {
      printf("FAIL %d of %d trials are wrong without a mutant\n", wrong, trial_count);
      exit(EXIT_FAILURE);
    }
    close_trial(&trials[t]);
  }
}

/* ---- mutants ---- */

/* Tries the mutant on a trial, in a child whose output nobody reads; kernel NULL: as it is. */
static int try_in_child(trial *t, const char *kernel, size_t index, int weak) {
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) {
    if (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL) _exit(3);
    sq_home_forget(&device->home); /* a real GPU would not come along; this one is memory */
    alarm(CHILD_SECONDS);
    setenv("SEQGPU_SOFT_LIMIT", "20", 1); /* million instructions: a trial takes a few hundredths of that */
    if (kernel != NULL) soft_plant(kernel, index);
    soft_set_weak(weak);
    const int right = run(t);
    _exit(soft_last_fault()[0] != '\0' ? BY_FAULT : right ? SURVIVED : BY_NUMBERS);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : BY_FAULT;
}

static int by_cost(const void *a, const void *b) {
  const uint64_t x = (*(trial *const *)a)->cost, y = (*(trial *const *)b)->cost;
  return (x > y) - (x < y);
}

/* Of the trials that reach the kernel, the cheapest of each shape; of operators the cheapest. */
static int choose_trials(size_t kernel, trial *best[TRIALS_EACH]) {
  static trial *all[TRIALS];
  int count = 0;
  for (int t = 0; t < trial_count; t++)
    if (reaches[kernel][t]) all[count++] = &trials[t];
  qsort(all, (size_t)count, sizeof all[0], by_cost);
  int chosen_trials = 0;
  for (int t = 0; t < count && chosen_trials < TRIALS_EACH; t++) {
    int again = 0;
    for (int c = 0; c < chosen_trials; c++)
      again |= all[t]->row == NULL && best[c]->row == NULL && best[c]->shape == all[t]->shape;
    if (!again) best[chosen_trials++] = all[t];
  }
  return chosen_trials;
}

/* The trials of a kernel, open.  Kernels come in turn, so they stay open until another one comes: few at a
 * time, because each child copies the process. */
typedef struct bench {
  size_t kernel;
  trial *trial[TRIALS_EACH];
  int count;
} bench;

static void clear(bench *b) {
  for (int t = 0; t < b->count; t++) close_trial(b->trial[t]);
  b->count = 0;
}

/* As it is, each must survive a second run, in a child, with weak behaviour and without. */
static void set_up(bench *b, size_t kernel) {
  clear(b);
  b->kernel = kernel;
  b->count = choose_trials(kernel, b->trial);
  for (int t = 0; t < b->count; t++) {
    trial *one = b->trial[t];
    int status = open_trial(one) ? SURVIVED : BY_FAULT;
    for (int weak = 0; weak <= 1 && status == SURVIVED; weak++) {
      if (!one->survived[weak]) status = try_in_child(one, NULL, 0, weak);
      one->survived[weak] = status == SURVIVED;
    }
    if (status != SURVIVED) {
      printf("FAIL without a mutant: %s, %s %s, %s: %s\n", kernels[kernel],
             one->row ? one->row->name : one->cell->name, one->row ? "" : one->shape->name,
             arithmetic[one->math].name, status == BY_NUMBERS ? "wrong numbers" : "a fault");
      exit(EXIT_FAILURE);
    }
  }
}

static void try_mutant(bench *b, size_t kernel, size_t index) {
  static const char *const words[] = {"", "numbers", "fault"};
  const char *kind, *place;
  const int reached = (soft_mutant(kernels[kernel], index, &kind, &place) & SOFT_REACHED) != 0;
  int how = SURVIVED;
  if (b->count == 0 || b->kernel != kernel) set_up(b, kernel);
  for (int t = 0; t < b->count && how == SURVIVED && reached; t++)
    for (int weak = 0; weak <= 1 && how == SURVIVED; weak++)
      how = try_in_child(b->trial[t], kernels[kernel], index, weak);
  printf("%s\t%s\t%s\t%s\t%s\n",
         !reached          ? "not reached"
         : how == SURVIVED ? "survived"
                           : "killed",
         words[how <= BY_FAULT ? how : BY_FAULT], kind, place, kernels[kernel]);
}

/* ---- which ---- */

/* The mutants of all kernels that a trial reaches and whose name has the word in it.  Exchanged operands are
 * one mutant of a kernel for all places where the statement was inlined. */
static void list_mutants(const char *word, const char *wanted) {
  for (size_t k = 0; k < kernel_count; k++) {
    if (strstr(kernels[k], word) == NULL || soft_launches_of(kernels[k]) == 0) continue;
    const char *seen[64] = {NULL};
    size_t seen_count = 0;
    for (size_t i = soft_mutants(kernels[k]); i-- > 0;) {
      const char *kind, *place;
      const int what = soft_mutant(kernels[k], i, &kind, &place);
      int again = 0;
      for (size_t s = 0; s < seen_count; s++) again |= strcmp(seen[s], kind) == 0;
      if (strstr(kind, wanted) == NULL) continue;
      if (what & SOFT_EXCHANGED && (again || !(what & SOFT_REACHED))) continue;
      if (what & SOFT_EXCHANGED) seen[seen_count++] = kind;
      if (chosen_count == MUTANTS) return;
      chosen[chosen_count].kernel = k;
      chosen[chosen_count++].index = i;
    }
  }
}

static int by_kernel(const void *a, const void *b) {
  const size_t x = ((const choice *)a)->kernel, y = ((const choice *)b)->kernel;
  return (x > y) - (x < y);
}

/* Leaves `count` of them, drawn by the printed seed. */
static void draw(size_t count) {
  for (size_t i = 0; i < count && i < chosen_count; i++) {
    const size_t other = i + (size_t)check_below((int64_t)(chosen_count - i));
    const choice kept = chosen[i];
    chosen[i] = chosen[other];
    chosen[other] = kept;
  }
  if (count < chosen_count) chosen_count = count;
  qsort(chosen, chosen_count, sizeof chosen[0], by_kernel);
}

/* A cell with persistent kernels, as they and those of its relatives are named. */
static const char *draw_cell(void) {
  const cell_row *row;
  do row = &cell_rows[check_below(COUNT(cell_rows))];
  while (!is_persistent(row));
  const char *cell = row->desc.cell;
  return strcmp(cell, "lstm0") == 0 ? "lstm" : cell;
}

int main(int argc, char **argv) {
  unsigned part = 0, parts = 1, sample = 0;
  const char *word = "", *cell = "", *kind = "";
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--part") == 0) sscanf(argv[i + 1], "%u/%u", &part, &parts);
    if (strcmp(argv[i], "--sample") == 0) sample = (unsigned)strtoul(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--kernel") == 0) word = argv[i + 1];
    if (strcmp(argv[i], "--cell") == 0) cell = argv[i + 1];
    if (strcmp(argv[i], "--kind") == 0) kind = argv[i + 1];
  }
  check_start();
  const seqgpu_context_options options = {.device = "cuda", .threads = 1};
  oracle = net_context("cpu", SEQGPU_DTYPE_F64, 1);
  net_require(NULL, seqgpu_context_create(&options, &device), "seqgpu_context_create");
  if (strcmp(cell, "any") == 0) cell = draw_cell();
  add_trials(cell);
  survey();
  list_mutants(word[0] != '\0' ? word : cell, kind);
  if (sample != 0) draw(sample);
  bench open = {0};
  for (size_t i = 0; i < chosen_count; i++)
    if (chosen[i].kernel % parts == part) try_mutant(&open, chosen[i].kernel, chosen[i].index);
  clear(&open);
  printf("%zu mutants of %zu kernels, %d trials\n", chosen_count, kernel_count, trial_count);
  seqgpu_context_destroy(device);
  seqgpu_context_destroy(oracle);
  return 0;
}
