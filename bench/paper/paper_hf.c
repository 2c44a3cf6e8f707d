/* paper_hf.c - Hessian-free optimisation against gradient descent from the same start, where two numbers must
 * be remembered for T/2 steps and more: Martens & Sutskever, "Learning recurrent neural networks with
 * Hessian-free optimization", ICML 2011, sections 4.1 and 4.2.
 *
 *   paper_hf addition | xor [--steps T] [--seeds N] [--minutes M] [--results FOLDER] ...
 *
 * 100 tanh units, which both begin with weights of one scheme.  Each method has M minutes for each seed, or
 * stops when at most 1 % of 1,000 fresh sequences are answered wrongly.  Gradient descent (momentum 0.9,
 * clipped to norm 1, 100 sequences an update) is tried with each learning rate of a list.  Every update draws
 * fresh sequences.
 *
 * The results are hessian-free-TASK-TT.json and .svg: a row for each method and seed, and the errors over
 * time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/measure.h"
#include "bench/common/options.h"
#include "bench/paper/hf_tasks.h"
#include "bench/paper/network.h"
#include "bench/paper/results.h"
#include "seqgpu/seqgpu.h"

static const char USAGE[] =
    "usage: paper_hf addition | xor [options]\n"
    "  --steps T              of a sequence (default: 30)\n"
    "  --seeds N              runs of each method (default: 5)\n"
    "  --minutes M            for each run (default: 10)\n"
    "  --units N              of the network (default: 100)\n"
    "  --init SCHEME          of seqgpu_params_init_rnn (default: pytorch)\n"
    "  --gradient B           sequences of a gradient (default: 2000)\n"
    "  --curvature B          of the curvature (default: 500)\n"
    "  --structural MU        structural damping (default: 0.03)\n"
    "  --lambda L             damping at the beginning (default: 0.1)\n"
    "  --cases N              of the preconditioner (default: 0, there is none)\n"
    "  --rates LIST           learning rates of gradient descent (default: 0.1,0.03,0.01)\n"
    "  --threads N            (default: 1)\n" BENCH_HELP_RESULTS;

enum { TEST = 1000, SGD_BATCH = 100, POINTS = 4000, METHODS = 8 };
/* Seeds of sequences: of the test, of single cases, and how many draws a run may make. */
static const uint64_t TEST_SEED = 1, CASE_SEED = 1000, DRAWS = 1000000000;
static const double SOLVED = 0.01; /* of the answers wrong */

typedef struct options {
  const char *task, *init, *rates, *folder;
  int steps, seeds, units, gradient, curvature, cases, threads;
  double minutes, structural, lambda;
} options;

/* What a method reached over time. */
typedef struct path {
  double seconds[POINTS], errors[POINTS], loss;
  int count, updates, solved;
} path;

/* A network and its data. */
typedef struct run {
  const options *o;
  const hf_task *task;
  network net; /* its plans: LARGE of the gradient or the test, SMALL of the curvature */
  hf_data test, gradient, curvature, single;
} run;

enum { LARGE, SMALL };

/* ---------------------------------------------------------------- the network */

/* A batch of gradients has so many sequences. */
static int run_open(run *r, const options *o, const hf_task *task, uint64_t seed, int64_t batch) {
  const network_options settings = {"paper_hf", o->init, 0, task->outputs, o->threads, seed};
  const int64_t T = o->steps;
  seqgpu_rnn_desc d[NETWORK_PLANS] = {
      [LARGE] = {.cell = "rnn", .input_size = HF_INPUTS, .hidden_size = o->units, .seq_len = T}};
  d[SMALL] = d[LARGE];
  d[LARGE].batch = batch > TEST ? batch : TEST;
  d[SMALL].batch = o->curvature;
  *r = (run){.o = o, .task = task};
  if (hf_data_open(&r->test, task, T, TEST) || hf_data_open(&r->gradient, task, T, batch) ||
      hf_data_open(&r->curvature, task, T, o->curvature) || hf_data_open(&r->single, task, T, 1))
    return 1;
  hf_data_draw(&r->test, TEST_SEED);
  return network_open(&r->net, &settings, d);
}

static void run_close(run *r) {
  network_close(&r->net);
  hf_data_close(&r->test);
  hf_data_close(&r->gradient);
  hf_data_close(&r->curvature);
  hf_data_close(&r->single);
}

/* The answers [B,outputs] to all sequences, and the hidden states behind them. */
static seqgpu_tensor *answers(const run *r, seqgpu_tape *tape, const seqgpu_plan *plan, const hf_data *d,
                              seqgpu_tensor **hidden) {
  seqgpu_tensor *x = seqgpu_tape_input(tape, 3, (int64_t[]){d->steps, d->count, HF_INPUTS}, d->x);
  *hidden = seqgpu_tape_rnn(tape, plan, seqgpu_tape_param(tape, &r->net.rnn), x, NULL, NULL);
  seqgpu_tensor *last = seqgpu_tape_rnn_final(tape, *hidden, 0);
  return seqgpu_tape_linear(tape, last, seqgpu_tape_param(tape, &r->net.w),
                            seqgpu_tape_param(tape, &r->net.b));
}

static seqgpu_tensor *loss_of(const run *r, seqgpu_tape *tape, const seqgpu_plan *plan, const hf_data *d,
                              seqgpu_tensor **hidden) {
  const int64_t shape[] = {1, d->count, 1};
  seqgpu_tensor *y = answers(r, tape, plan, d, hidden);
  if (r->task->outputs == 1)
    return seqgpu_tape_squared_error(tape, y, seqgpu_tape_input(tape, 3, shape, d->target), NULL, 1, 1);
  return seqgpu_tape_cross_entropy(tape, y, seqgpu_tape_ids(tape, 2, shape, d->class), 1, 1);
}

/* Adds a point to the path: the answers to the test's sequences. */
static int judge(run *r, path *p, double seconds) {
  float y[2 * TEST];
  double loss;
  seqgpu_tensor *hidden;
  if (seqgpu_tape_clear(r->net.tape, 0)) return network_failed(&r->net);
  seqgpu_tensor *out = answers(r, r->net.tape, r->net.plan[LARGE], &r->test, &hidden);
  if (seqgpu_tape_status(r->net.tape) || seqgpu_tensor_read(out, y)) return network_failed(&r->net);
  if (seqgpu_tape_clear(r->net.tape, 0)) return network_failed(&r->net);
  if (seqgpu_tensor_number(loss_of(r, r->net.tape, r->net.plan[LARGE], &r->test, &hidden), &loss))
    return network_failed(&r->net);
  const double errors = hf_data_errors(&r->test, y);
  p->loss = loss;
  p->solved = errors <= SOLVED;
  if (p->count == POINTS) p->count--; /* the last point moves on */
  p->seconds[p->count] = seconds;
  p->errors[p->count++] = errors;
  return 0;
}

/* ---------------------------------------------------------------- the methods */

static seqgpu_tensor *build(seqgpu_hessian_free *hf, seqgpu_tape *tape, seqgpu_hessian_free_batch batch,
                            int64_t index, void *user) {
  run *r = user;
  seqgpu_tensor *hidden;
  if (batch == SEQGPU_HESSIAN_FREE_GRADIENT)
    return loss_of(r, tape, r->net.plan[LARGE], &r->gradient, &hidden);
  const int single = batch == SEQGPU_HESSIAN_FREE_CASE;
  if (single) hf_data_draw(&r->single, CASE_SEED + (uint64_t)index);
  const hf_data *d = single ? &r->single : &r->curvature;
  seqgpu_tensor *loss = loss_of(r, tape, r->net.plan[SMALL], d, &hidden);
  seqgpu_hessian_free_damp(hf, hidden, 1.0 / (double)d->count);
  return loss;
}

static int train_hf(run *r, uint64_t seed, path *p) {
  const seqgpu_hessian_free_options settings = {
      .lambda = r->o->lambda, .structural = r->o->structural, .cases = r->o->cases};
  seqgpu_hessian_free *hf = NULL;
  seqgpu_hessian_free_report report;
  const double start = bench_now();
  int bad =
      seqgpu_hessian_free_create(r->net.params, &settings, &hf) ? network_failed(&r->net) : judge(r, p, 0);
  while (!bad && !p->solved && bench_now() - start < 60 * r->o->minutes) {
    const uint64_t draw = seed * DRAWS + 2 * (uint64_t)p->updates;
    hf_data_draw(&r->gradient, draw);
    hf_data_draw(&r->curvature, draw + 1);
    bad = seqgpu_hessian_free_update(hf, build, r, &report) ? network_failed(&r->net)
                                                            : judge(r, p, bench_now() - start);
    p->updates++;
    if (!bad)
      printf("  %4d  %6.0f s  loss %.5f  wrong %.3f  lambda %.3g  ratio %.2f  rate %.2f  %d iterations\n",
             p->updates, p->seconds[p->count - 1], report.new_loss, p->errors[p->count - 1], report.lambda,
             report.ratio, report.rate, report.iterations);
    fflush(stdout);
  }
  seqgpu_hessian_free_destroy(hf);
  return bad;
}

static int descend(run *r, const seqgpu_optimizer *optimizer) {
  seqgpu_tensor *hidden;
  if (seqgpu_tape_clear(r->net.tape, 1)) return network_failed(&r->net);
  seqgpu_tensor *loss = loss_of(r, r->net.tape, r->net.plan[LARGE], &r->gradient, &hidden);
  return seqgpu_tape_update(r->net.tape, loss, r->net.params, optimizer, NULL) ? network_failed(&r->net) : 0;
}

static int train_sgd(run *r, uint64_t seed, double rate, path *p) {
  const seqgpu_optimizer optimizer = {.kind = SEQGPU_OPTIMIZER_MOMENTUM,
                                      .lr = rate,
                                      .momentum = 0.9,
                                      .clip = SEQGPU_CLIP_NORM,
                                      .clip_threshold = 1};
  const double start = bench_now();
  double next = 0; /* when the test comes: every hundredth of the time */
  int bad = judge(r, p, 0);
  while (!bad && !p->solved && bench_now() - start < 60 * r->o->minutes) {
    hf_data_draw(&r->gradient, seed * DRAWS + (uint64_t)p->updates++);
    bad = descend(r, &optimizer);
    if (bad || bench_now() - start < next) continue;
    bad = judge(r, p, bench_now() - start);
    next = bench_now() - start + 0.6 * r->o->minutes;
  }
  return bad || judge(r, p, bench_now() - start);
}

/* ---------------------------------------------------------------- the experiment */

/* rate 0: Hessian-free. */
static int run_method(const options *o, const hf_task *task, const char *name, double rate, uint64_t seed,
                      results *out, path *p) {
  run r;
  memset(p, 0, sizeof *p);
  printf("%s, T = %d, seed %llu: %s\n", task->title, o->steps, (unsigned long long)seed, name);
  int bad = run_open(&r, o, task, seed, rate > 0 ? SGD_BATCH : o->gradient);
  if (!bad) bad = rate > 0 ? train_sgd(&r, seed, rate, p) : train_hf(&r, seed, p);
  run_close(&r);
  if (bad) return 1;
  const int last = p->count - 1;
  printf("  %s after %d updates, %.0f s: %.3f of the answers wrong, loss %.5f\n",
         p->solved ? "solved" : "ended", p->updates, p->seconds[last], p->errors[last], p->loss);
  results_object(out, NULL);
  results_text(out, "method", name);
  results_number(out, "seed", (double)seed);
  results_number(out, "solved", p->solved);
  results_number(out, "updates", p->updates);
  results_number(out, "seconds", p->seconds[last]);
  results_number(out, "wrong_answers", p->errors[last]);
  results_number(out, "test_loss", p->loss);
  results_end(out);
  return 0;
}

static void write_settings(results *out, const options *o, const hf_task *task) {
  results_number(out, "steps", o->steps);
  results_number(out, "units", o->units);
  results_text(out, "init", o->init);
  results_number(out, "minutes", o->minutes);
  results_number(out, "threads", o->threads);
  results_number(out, "sequences_of_a_gradient", o->gradient);
  results_number(out, "sequences_of_the_curvature", o->curvature);
  results_number(out, "structural", o->structural);
  results_number(out, "lambda", o->lambda);
  results_number(out, "cases", o->cases);
  results_number(out, "sequences_of_gradient_descent", SGD_BATCH);
  results_number(out, "loss_of_knowing_nothing", task->knowing_nothing);
}

static int experiment(const options *o, const hf_task *task) {
  static path first[METHODS]; /* of the first seed */
  static char names[METHODS][48];
  curve curves[METHODS];
  double rates[METHODS] = {0};
  char file[64], title[80], word[16];
  int methods = 1, bad = 0;
  snprintf(names[0], sizeof names[0], "Hessian-free");
  for (const char *list = o->rates; methods < METHODS && bench_next_word(&list, word, sizeof word);
       methods++) {
    rates[methods] = atof(word);
    snprintf(names[methods], sizeof names[0], "gradient descent, %s", word);
  }
  results out;
  snprintf(file, sizeof file, "hessian-free-%s-T%d", task->name, o->steps);
  if (!results_open(&out, o->folder, file,
                    "Hessian-free optimisation and gradient descent, Martens & Sutskever 2011"))
    return 1;
  write_settings(&out, o, task);
  results_array(&out, "rows");
  for (int seed = 1; seed <= o->seeds && !bad; seed++)
    for (int m = 0; m < methods && !bad; m++) {
      static path later;
      path *p = seed == 1 ? &first[m] : &later;
      bad = run_method(o, task, names[m], rates[m], (uint64_t)seed, &out, p);
    }
  results_end(&out);
  for (int m = 0; m < methods; m++)
    curves[m] =
        (curve){.name = names[m], .x = first[m].seconds, .y = first[m].errors, .count = first[m].count};
  snprintf(title, sizeof title, "%s, T = %d: answers that are wrong", task->title, o->steps);
  const chart c = {.title = title,
                   .x_label = "seconds",
                   .y_label = "share of answers",
                   .curves = curves,
                   .count = methods};
  if (!bad) bad = !results_chart(&out, &c);
  return !results_close(&out) || bad;
}

int main(int argc, char **argv) {
  options o = {.task = "",
               .init = "pytorch",
               .rates = "0.1,0.03,0.01",
               .steps = 30,
               .seeds = 5,
               .units = 100,
               .gradient = 2000,
               .curvature = 500,
               .threads = 1,
               .minutes = 10,
               .structural = 0.03,
               .lambda = 0.1};
  const bench_option table[] = {bench_option_text("TASK", &o.task),
                                bench_option_int("--steps", &o.steps, 4, 10000),
                                bench_option_int("--seeds", &o.seeds, 1, 100),
                                bench_option_number("--minutes", &o.minutes),
                                bench_option_int("--units", &o.units, 1, 100000),
                                bench_option_text("--init", &o.init),
                                bench_option_int("--gradient", &o.gradient, 1, 1000000),
                                bench_option_int("--curvature", &o.curvature, 1, 1000000),
                                bench_option_number("--structural", &o.structural),
                                bench_option_number("--lambda", &o.lambda),
                                bench_option_int("--cases", &o.cases, 0, 100000),
                                bench_option_text("--rates", &o.rates),
                                BENCH_THREADS(&o.threads),
                                BENCH_RESULTS(&o.folder)};
  const int code = bench_parse("paper_hf", USAGE, table, BENCH_COUNT(table), argc, argv);
  if (code != BENCH_GO_ON) return code;
  const hf_task *const tasks[] = {&hf_addition, &hf_xor};
  for (int i = 0; i < BENCH_COUNT(tasks); i++)
    if (strcmp(o.task, tasks[i]->name) == 0) return experiment(&o, tasks[i]);
  fprintf(stderr, "paper_hf: the task is \"%s\"; it must be addition or xor\n", o.task);
  return BENCH_USAGE;
}
