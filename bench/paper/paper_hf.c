/* paper_hf.c - Hessian-free optimisation against gradient descent from the same start, where two numbers must
 * be remembered for T/2 steps and more: Martens & Sutskever, "Learning recurrent neural networks with
 * Hessian-free optimization", ICML 2011, sections 4.1 and 4.2.
 *
 *   paper_hf addition | xor [--steps T] [--seeds N] [--minutes M] [--results FOLDER] ...
 *
 * 100 tanh units.  For each seed all methods begin with the same weights.  Hessian-free optimisation has M
 * minutes, or stops when at most 1 % of 1,000 fresh sequences are answered wrongly.  Gradient descent
 * (momentum 0.9, clipped to norm 1, 100 sequences an update) then has F times as long with each learning rate
 * of a list.  Every update draws fresh sequences.  All times are processor time, so that a busy machine
 * changes nothing.
 *
 * The results are hessian-free-TASK-TT.json, .svg and .md: a row for each method and seed, what each update
 * of Hessian-free optimisation did, and the errors over time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/measure.h"
#include "bench/common/options.h"
#include "bench/paper/hf_network.h"
#include "bench/paper/results.h"

static const char USAGE[] =
    "usage: paper_hf addition | xor [options]\n"
    "  --steps T              of a sequence (default: 30)\n"
    "  --seeds N              runs of each method (default: 5)\n"
    "  --minutes M            of processor time for each run of Hessian-free optimisation (default: 10)\n"
    "  --times F              gradient descent: for so many times what the other needed (default: 1)\n"
    "  --units N              of the network (default: 100)\n"
    "  --init SCHEME          of seqgpu_params_init_rnn (default: pytorch)\n"
    "  --gradient B           sequences of a gradient (default: 2000)\n"
    "  --curvature B          of the curvature (default: 500)\n"
    "  --structural MU        structural damping (default: 0.03)\n"
    "  --lambda L             damping at the beginning (default: 0.1)\n"
    "  --cases N              of the preconditioner (default: 0, there is none)\n"
    "  --rates LIST           learning rates of gradient descent (default: 0.1,0.03,0.01)\n"
    "  --threads N            (default: 1)\n" BENCH_HELP_RESULTS;

enum { SGD_BATCH = 100, POINTS = 2000, RATES = 8, JUDGED = 100 };
/* Seeds of single cases, and how many draws a run may make. */
static const uint64_t CASE_SEED = 1000, DRAWS = 1000000000;
static const double SOLVED = 0.01; /* of the answers wrong */

typedef struct options {
  const char *task, *rates, *folder;
  hf_sizes sizes;
  int seeds, cases;
  double minutes, times, structural, lambda;
} options;

/* One method with one seed: what it reached over time. */
typedef struct path {
  char name[48];
  double rate; /* 0: Hessian-free */
  uint64_t seed;
  double begin, seconds[POINTS], wrong[POINTS], loss[POINTS]; /* of the test */
  double lambda[POINTS], cg[POINTS], step[POINTS]; /* Hessian-free, of the update before the point */
  int count, updates, solved;
} path;

static double elapsed(const path *p) { return bench_processor_now() - p->begin; }

static double cg_steps(const path *p) {
  double sum = 0;
  for (int i = 0; i < p->count; i++) sum += p->cg[i];
  return sum;
}

/* Adds a point to the path, or puts it in the place of the last one where there is no room. */
static int judge(hf_network *n, path *p) {
  const int at = p->count < POINTS ? p->count++ : POINTS - 1;
  p->seconds[at] = elapsed(p);
  if (hf_network_test(n, &p->wrong[at], &p->loss[at])) return 1;
  p->solved = p->wrong[at] <= SOLVED;
  return 0;
}

/* ---------------------------------------------------------------- Hessian-free */

static seqgpu_tensor *build(seqgpu_hessian_free *hf, seqgpu_tape *tape, seqgpu_hessian_free_batch batch,
                            int64_t index, void *user) {
  hf_network *n = user;
  seqgpu_tensor *hidden;
  if (batch == SEQGPU_HESSIAN_FREE_GRADIENT) return hf_network_loss(n, tape, &n->gradient, NULL, NULL);
  const int single = batch == SEQGPU_HESSIAN_FREE_CASE;
  if (single) hf_data_draw(&n->single, CASE_SEED + (uint64_t)index);
  const hf_data *d = single ? &n->single : &n->curvature;
  seqgpu_tensor *loss = hf_network_loss(n, tape, d, &hidden, NULL);
  seqgpu_hessian_free_damp(hf, hidden, 1.0 / (double)d->count);
  return loss;
}

static int update_hf(hf_network *n, seqgpu_hessian_free *hf, path *p) {
  seqgpu_hessian_free_report r;
  const uint64_t draw = p->seed * DRAWS + 2 * (uint64_t)p->updates++;
  hf_data_draw(&n->gradient, draw);
  hf_data_draw(&n->curvature, draw + 1);
  if (seqgpu_hessian_free_update(hf, build, n, &r)) return network_failed(&n->net);
  if (judge(n, p)) return 1;
  const int last = p->count - 1;
  p->lambda[last] = r.lambda;
  p->cg[last] += r.iterations;
  p->step[last] = r.step_norm;
  printf("  %4d  %6.1f s  loss %.5f  wrong %.3f  lambda %.3g  ratio %.2f  rate %.2f  %d CG steps\n",
         p->updates, p->seconds[last], r.new_loss, p->wrong[last], r.lambda, r.ratio, r.rate, r.iterations);
  fflush(stdout);
  return 0;
}

static int train_hf(hf_network *n, const options *o, path *p) {
  const seqgpu_hessian_free_options settings = {
      .lambda = o->lambda, .structural = o->structural, .cases = o->cases};
  seqgpu_hessian_free *hf = NULL;
  int bad = seqgpu_hessian_free_create(n->net.params, &settings, &hf) ? network_failed(&n->net) : judge(n, p);
  while (!bad && !p->solved && elapsed(p) < 60 * o->minutes) bad = update_hf(n, hf, p);
  seqgpu_hessian_free_destroy(hf);
  return bad;
}

/* ---------------------------------------------------------------- gradient descent */

static int descend(hf_network *n, path *p) {
  const seqgpu_optimizer optimizer = {.kind = SEQGPU_OPTIMIZER_MOMENTUM,
                                      .lr = p->rate,
                                      .momentum = 0.9,
                                      .clip = SEQGPU_CLIP_NORM,
                                      .clip_threshold = 1};
  hf_data_draw(&n->gradient, p->seed * DRAWS + (uint64_t)p->updates++);
  if (seqgpu_tape_clear(n->net.tape, 1)) return network_failed(&n->net);
  seqgpu_tensor *loss = hf_network_loss(n, n->net.tape, &n->gradient, NULL, NULL);
  return seqgpu_tape_update(n->net.tape, loss, n->net.params, &optimizer, NULL) ? network_failed(&n->net) : 0;
}

/* Tested every hundredth of the time. */
static int train_sgd(hf_network *n, double seconds, path *p) {
  int bad = judge(n, p);
  double next = seconds / JUDGED;
  while (!bad && !p->solved && elapsed(p) < seconds) {
    bad = descend(n, p);
    if (bad || elapsed(p) < next) continue;
    bad = judge(n, p);
    next += seconds / JUDGED;
  }
  return bad || p->solved ? bad : judge(n, p);
}

/* ---------------------------------------------------------------- one run */

/* seconds: of gradient descent. */
static int run_method(const options *o, const hf_task *task, double seconds, path *p) {
  hf_network n;
  hf_sizes sizes = o->sizes;
  if (p->rate > 0) sizes.large = SGD_BATCH;
  printf("%s, T = %d, seed %llu: %s\n", task->title, sizes.steps, (unsigned long long)p->seed, p->name);
  p->begin = bench_processor_now();
  int bad = hf_network_open(&n, &sizes, task, p->seed);
  if (!bad) bad = p->rate > 0 ? train_sgd(&n, seconds, p) : train_hf(&n, o, p);
  hf_network_close(&n);
  if (bad) return 1;
  const int last = p->count - 1;
  printf("  %s after %d updates, %.1f s: %.3f of the answers wrong, loss %.5f\n",
         p->solved ? "solved" : "ended", p->updates, p->seconds[last], p->wrong[last], p->loss[last]);
  return 0;
}

/* ---------------------------------------------------------------- results */

static void write_settings(results *out, const options *o, const hf_task *task) {
  results_number(out, "steps", o->sizes.steps);
  results_number(out, "units", o->sizes.units);
  results_text(out, "init", o->sizes.init);
  results_number(out, "minutes", o->minutes);
  results_number(out, "times", o->times);
  results_number(out, "threads", o->sizes.threads);
  results_number(out, "sequences_of_a_gradient", o->sizes.large);
  results_number(out, "sequences_of_the_curvature", o->sizes.small);
  results_number(out, "structural", o->structural);
  results_number(out, "lambda", o->lambda);
  results_number(out, "cases", o->cases);
  results_number(out, "sequences_of_gradient_descent", SGD_BATCH);
  results_number(out, "loss_of_knowing_nothing", task->knowing_nothing);
}

static void write_row(results *out, const path *p) {
  const int last = p->count - 1;
  results_object(out, NULL);
  results_text(out, "method", p->name);
  results_number(out, "seed", (double)p->seed);
  results_number(out, "solved", p->solved);
  results_number(out, "updates", p->updates);
  if (p->rate == 0) results_number(out, "cg_steps", cg_steps(p));
  results_number(out, "seconds", p->seconds[last]);
  results_number(out, "wrong_answers", p->wrong[last]);
  results_number(out, "test_loss", p->loss[last]);
  results_numbers(out, "test_loss_over_time", p->loss, p->count);
  if (p->rate == 0) {
    results_numbers(out, "cg_steps_of_updates", p->cg + 1, last);
    results_numbers(out, "lambda_of_updates", p->lambda + 1, last);
    results_numbers(out, "step_norm_of_updates", p->step + 1, last);
  }
  results_end(out);
}

static void put_path(FILE *table, const path *p) {
  const int last = p->count - 1;
  fprintf(table, "| %s | %llu | %s | %d | ", p->name, (unsigned long long)p->seed, p->solved ? "yes" : "no",
          p->updates);
  if (p->rate == 0)
    fprintf(table, "%.0f", cg_steps(p));
  else
    fprintf(table, "-");
  fprintf(table, " | %.1f | %.1f | %.5f |\n", p->seconds[last], 100 * p->wrong[last], p->loss[last]);
}

/* How many seeds each method has solved, and every run. */
static int write_table(const results *out, const options *o, const hf_task *task, const path *paths,
                       int methods, int count) {
  char title[96], note[320];
  snprintf(title, sizeof title, "Hessian-free optimisation and gradient descent: %s, T = %d", task->title,
           o->sizes.steps);
  snprintf(
      note, sizeof note,
      "%d thread(s); seconds are processor time. Hessian-free: gradients of %d sequences, curvature of %d, "
      "lambda %g at the beginning, structural damping %g, at most %g minutes. Gradient descent: %d "
      "sequences, momentum 0.9, norm clipped to 1, %g times the seconds of the Hessian-free run.",
      o->sizes.threads, o->sizes.large, o->sizes.small, o->lambda, o->structural, o->minutes, SGD_BATCH,
      o->times);
  FILE *table =
      results_table(out, title,
                    "Martens & Sutskever 2011, sections 4.1 and 4.2, from the same weights for each seed; "
                    "solved: at most 1 % of 1,000 fresh sequences wrong.",
                    note);
  if (table == NULL) return 0;
  fprintf(table, "%d units, scheme %s. Loss of knowing nothing: %.5f.\n\n", o->sizes.units, o->sizes.init,
          task->knowing_nothing);
  for (int m = 0; m < methods; m++) {
    int solved = 0, runs = 0;
    for (int i = m; i < count; i += methods, runs++) solved += paths[i].solved;
    fprintf(table, "- %s: solved with %d of %d seeds\n", paths[m].name, solved, runs);
  }
  fprintf(table, "\n| method | seed | solved | updates | CG steps | seconds | wrong, %% | test loss |\n"
                 "|---|---:|---|---:|---:|---:|---:|---:|\n");
  for (int i = 0; i < count; i++) put_path(table, &paths[i]);
  return results_table_close(out, table);
}

static int write_chart(results *out, const options *o, const hf_task *task, const path *paths, int count) {
  static char names[CHART_CURVES][64];
  curve curves[CHART_CURVES];
  char title[80];
  if (count > CHART_CURVES) count = CHART_CURVES;
  for (int i = 0; i < count; i++) {
    const path *p = &paths[i];
    snprintf(names[i], sizeof names[i], "%s, seed %llu", p->name, (unsigned long long)p->seed);
    curves[i] = (curve){.name = names[i], .x = p->seconds, .y = p->wrong, .count = p->count};
  }
  snprintf(title, sizeof title, "%s, T = %d: answers that are wrong", task->title, o->sizes.steps);
  const chart c = {
      .title = title, .x_label = "seconds", .y_label = "share of answers", .curves = curves, .count = count};
  return results_chart(out, &c);
}

static int write_results(const options *o, const hf_task *task, const path *paths, int methods, int count) {
  results out;
  char file[64];
  snprintf(file, sizeof file, "hessian-free-%s-T%d", task->name, o->sizes.steps);
  if (!results_open(&out, o->folder, file,
                    "Hessian-free optimisation and gradient descent, Martens & Sutskever 2011"))
    return 0;
  write_settings(&out, o, task);
  results_array(&out, "rows");
  for (int i = 0; i < count; i++) write_row(&out, &paths[i]);
  results_end(&out);
  const int written = write_table(&out, o, task, paths, methods, count);
  const int charted = write_chart(&out, o, task, paths, count);
  return results_close(&out) && written && charted;
}

/* ---------------------------------------------------------------- the experiment */

/* The names and learning rates of the methods, the first of which is Hessian-free. */
static int list_methods(const options *o, double rates[RATES]) {
  char word[16];
  int methods = 1;
  rates[0] = 0;
  for (const char *list = o->rates; methods < RATES && bench_next_word(&list, word, sizeof word); methods++)
    rates[methods] = atof(word);
  return methods;
}

/* All methods with all seeds, a seed after the other.  The results are written anew after each run, so that
 * those of a run that is stopped are not lost. */
static int run_all(const options *o, const hf_task *task, path *paths, int methods) {
  for (int i = 0; i < o->seeds * methods; i++) {
    const path *hessian_free = &paths[i - i % methods];
    const double seconds = i % methods ? o->times * hessian_free->seconds[hessian_free->count - 1] : 0;
    if (run_method(o, task, seconds, &paths[i]) || !write_results(o, task, paths, methods, i + 1)) return 1;
  }
  return 0;
}

static int experiment(const options *o, const hf_task *task) {
  double rates[RATES];
  const int methods = list_methods(o, rates);
  path *paths = calloc((size_t)(o->seeds * methods), sizeof *paths);
  if (paths == NULL) return fprintf(stderr, "paper_hf: out of memory\n"), BENCH_FAILED;
  for (int i = 0; i < o->seeds * methods; i++) {
    paths[i].rate = rates[i % methods];
    paths[i].seed = (uint64_t)(1 + i / methods);
    snprintf(paths[i].name, sizeof paths[i].name, "Hessian-free");
    if (paths[i].rate > 0)
      snprintf(paths[i].name, sizeof paths[i].name, "gradient descent, %g", paths[i].rate);
  }
  const int bad = run_all(o, task, paths, methods);
  free(paths);
  return bad ? BENCH_FAILED : BENCH_OK;
}

int main(int argc, char **argv) {
  options o = {
      .task = "",
      .rates = "0.1,0.03,0.01",
      .sizes = {.init = "pytorch", .steps = 30, .units = 100, .large = 2000, .small = 500, .threads = 1},
      .seeds = 5,
      .minutes = 10,
      .times = 1,
      .structural = 0.03,
      .lambda = 0.1};
  const bench_option table[] = {bench_option_text("TASK", &o.task),
                                bench_option_int("--steps", &o.sizes.steps, 4, 10000),
                                bench_option_int("--seeds", &o.seeds, 1, 100),
                                bench_option_number("--minutes", &o.minutes),
                                bench_option_number("--times", &o.times),
                                bench_option_int("--units", &o.sizes.units, 1, 100000),
                                bench_option_text("--init", &o.sizes.init),
                                bench_option_int("--gradient", &o.sizes.large, 1, 1000000),
                                bench_option_int("--curvature", &o.sizes.small, 1, 1000000),
                                bench_option_number("--structural", &o.structural),
                                bench_option_number("--lambda", &o.lambda),
                                bench_option_int("--cases", &o.cases, 0, 100000),
                                bench_option_text("--rates", &o.rates),
                                BENCH_THREADS(&o.sizes.threads),
                                BENCH_RESULTS(&o.folder)};
  const int code = bench_parse("paper_hf", USAGE, table, BENCH_COUNT(table), argc, argv);
  if (code != BENCH_GO_ON) return code;
  const hf_task *const tasks[] = {&hf_addition, &hf_xor};
  for (int i = 0; i < BENCH_COUNT(tasks); i++)
    if (strcmp(o.task, tasks[i]->name) == 0) return experiment(&o, tasks[i]);
  fprintf(stderr, "paper_hf: the task is \"%s\"; it must be addition or xor\n", o.task);
  return BENCH_USAGE;
}
