/* paper_music.c - polyphonic music by a plain recurrent network: gradient descent, with clipping, and with
 * clipping and the regulariser Omega.  Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent
 * neural networks", ICML 2013, section 4.2, table 1.
 *
 *   paper_music SET [--data FOLDER] [--units N] [--rates LIST] [--seeds N] [--epochs N] ...
 *
 *   h_t = tanh(W x_{t-1} + U h_{t-1} + b)      y_t = V h_t + c      p(key k sounds at t) = sigmoid(y_tk)
 *   loss: -log p summed over the 88 keys, mean over the steps: nats a step
 *
 * Every step of a piece counts, the first too, before which there is silence.  Training goes through the
 * pieces in windows, and the state is carried from one to the next, in the valid and the test set too.  Each
 * method is tried with each learning rate of a list and seed 1, until the loss of the valid set has not
 * fallen for some epochs or is not finite; the rate with the least valid loss is taken for the other seeds.
 * The loss of the test set is that of the epoch with the least valid loss.  The weight of Omega falls as
 * 1 / epoch, since the music wants no memory of all that came before; its form is that of the authors' code,
 * whose value is a mean over the steps, as the loss is.
 *
 * SET.train.txt, .valid and .test stand in FOLDER (rolls.h), with .gz behind them or not.  The results are
 * music-SET.json and .svg.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/common/measure.h"
#include "bench/common/options.h"
#include "bench/paper/music_walk.h"
#include "bench/paper/network.h"
#include "bench/paper/results.h"

static const char USAGE[] =
    "usage: paper_music SET [options]\n"
    "  --data FOLDER          of SET.train.txt.gz, SET.valid.txt.gz and SET.test.txt.gz (default: .)\n"
    "  --units N              of the network (default: 100)\n"
    "  --batch N              pieces side by side (default: 10)\n"
    "  --window N             steps of backpropagation (default: 100)\n"
    "  --rates LIST           learning rates (default: 0.01,0.03,0.1,0.3)\n"
    "  --clip C               norm of the gradient (default: 1)\n"
    "  --omega A              weight of Omega in the first epoch (default: 0.5)\n"
    "  --seeds N              runs of each method with its rate (default: 3)\n"
    "  --epochs N             of a run, at most (default: 250)\n"
    "  --patience N           epochs without a lower valid loss (default: 8)\n"
    "  --threads N            (default: 1)\n" BENCH_HELP_RESULTS;

enum { EPOCHS = 1000, METHODS = 3, RATES = 8, EVAL_BATCH = 20 };

static const struct {
  const char *name;
  int clip, omega;
} methods[METHODS] = {{"SGD", 0, 0}, {"SGD, clip", 1, 0}, {"SGD, clip, Omega", 1, 1}};

typedef struct options {
  const char *set, *data, *rates, *folder;
  int units, batch, window, seeds, epochs, patience, threads;
  double clip, omega;
} options;

/* What a run reached. */
typedef struct path {
  double epoch[EPOCHS], valid[EPOCHS];
  int epochs, best, diverged; /* best: index of the epoch with the least valid loss, -1 if there is none */
  double test, seconds;       /* of that epoch; of the run */
} path;

/* A network, and the ways through the three sets. */
typedef struct run {
  const options *o;
  network net; /* its plans: TRAIN, and EVAL for the valid and the test set */
  walk train, valid, test;
  float *logit, *slope; /* of a batch: y, and the derivative of its loss there [T,n,88] */
} run;

enum { TRAIN, EVAL };

/* ---------------------------------------------------------------- the network */

static seqgpu_rnn_desc describe(const options *o, int64_t batch, double omega) {
  return (seqgpu_rnn_desc){.cell = "rnn",
                           .input_size = ROLLS_KEYS,
                           .hidden_size = o->units,
                           .seq_len = o->window,
                           .batch = batch,
                           .omega = omega,
                           .omega_form = SEQGPU_OMEGA_SQUARES};
}

static int run_open(run *r, const options *o, const rolls sets[3], uint64_t seed) {
  const network_options settings = {"paper_music", "orthogonal", 0.95, ROLLS_KEYS, o->threads, seed};
  const int64_t B = o->batch, W = o->window, H = o->units, most = B > EVAL_BATCH ? B : EVAL_BATCH;
  seqgpu_rnn_desc d[NETWORK_PLANS] = {describe(o, B, 0), describe(o, EVAL_BATCH, 0)};
  d[EVAL].inference = 1;
  *r = (run){.o = o};
  if (walk_open(&r->train, &sets[0], B, W, H) || walk_open(&r->valid, &sets[1], EVAL_BATCH, W, H) ||
      walk_open(&r->test, &sets[2], EVAL_BATCH, W, H))
    return 1;
  r->logit = malloc((size_t)(W * most * ROLLS_KEYS) * sizeof *r->logit);
  r->slope = malloc((size_t)(W * most * ROLLS_KEYS) * sizeof *r->slope);
  if (r->logit && r->slope) return network_open(&r->net, &settings, d);
  fprintf(stderr, "paper_music: out of memory\n");
  return 1;
}

static void run_close(run *r) {
  network_close(&r->net);
  walk_close(&r->train);
  walk_close(&r->valid);
  walk_close(&r->test);
  free(r->logit);
  free(r->slope);
}

/* The plan of training with this weight of Omega, in place of the one there was. */
static int plan_omega(run *r, double omega) {
  const seqgpu_rnn_desc d = describe(r->o, r->o->batch, omega);
  seqgpu_plan_destroy(r->net.plan[TRAIN]);
  r->net.plan[TRAIN] = NULL;
  return seqgpu_plan_create(r->net.ctx, &d, NULL, &r->net.plan[TRAIN]) ? network_failed(&r->net) : 0;
}

/* y [T,n,88] of a batch, and the states behind its windows, which the next one begins with. */
static seqgpu_tensor *logits(run *r, const seqgpu_plan *plan, walk *w) {
  const int64_t n = w->active, x_shape[] = {w->steps, n, ROLLS_KEYS}, h_shape[] = {n, w->units};
  seqgpu_tape *t = r->net.tape;
  seqgpu_tensor *x = seqgpu_tape_input(t, 3, x_shape, w->x);
  seqgpu_tensor *start = seqgpu_tape_input(t, 2, h_shape, w->state);
  seqgpu_tensor *h = seqgpu_tape_rnn(t, plan, seqgpu_tape_param(t, &r->net.rnn), x, &start,
                                     seqgpu_tape_lengths(t, n, w->length));
  seqgpu_tensor *last = seqgpu_tape_rnn_final(t, h, 0);
  seqgpu_tensor *y =
      seqgpu_tape_linear(t, h, seqgpu_tape_param(t, &r->net.w), seqgpu_tape_param(t, &r->net.b));
  if (seqgpu_tape_status(t) || seqgpu_tensor_read(last, w->state)) return NULL;
  return y;
}

/* Nats of a batch, summed over its steps, from r->logit; r->slope gets the derivative of their mean. */
static double loss_of(run *r, const walk *w) {
  double sum = 0;
  for (int64_t t = 0; t < w->steps; t++)
    for (int64_t b = 0; b < w->active; b++) {
      const int64_t row = (t * w->active + b) * ROLLS_KEYS;
      const int inside = t < w->length[b];
      for (int64_t i = row; i < row + ROLLS_KEYS; i++) {
        const double y = (double)r->logit[i], target = (double)w->target[i], e = exp(-fabs(y));
        r->slope[i] = inside ? (float)(((y < 0 ? e : 1) / (1 + e) - target) / (double)w->count) : 0;
        sum += inside ? fmax(y, 0) - y * target + log1p(e) : 0;
      }
    }
  return sum;
}

/* Nats a step over a set; NaN if something failed, or they are not finite. */
static double measure(run *r, walk *w) {
  double sum = 0;
  walk_start(w, 0);
  while (walk_next(w)) {
    if (seqgpu_tape_clear(r->net.tape, 0)) return (double)NAN;
    const seqgpu_tensor *y = logits(r, r->net.plan[EVAL], w);
    if (y == NULL || seqgpu_tensor_read(y, r->logit)) return (double)NAN;
    sum += loss_of(r, w);
  }
  return sum / (double)w->r->steps;
}

static int train_epoch(run *r, const seqgpu_optimizer *optimizer, uint64_t seed) {
  walk_start(&r->train, seed);
  while (walk_next(&r->train)) {
    if (seqgpu_tape_clear(r->net.tape, 1) || seqgpu_params_zero_grad(r->net.params))
      return network_failed(&r->net);
    seqgpu_tensor *y = logits(r, r->net.plan[TRAIN], &r->train);
    if (y == NULL || seqgpu_tensor_read(y, r->logit)) return network_failed(&r->net);
    if (!isfinite(loss_of(r, &r->train))) return 0; /* the valid loss will say so */
    if (seqgpu_tape_backward(r->net.tape, y, r->slope) || seqgpu_params_update(r->net.params, optimizer))
      return network_failed(&r->net);
  }
  return 0;
}

/* ---------------------------------------------------------------- a run */

/* Takes note of an epoch: 1 if it was the last. */
static int judge(run *r, path *p) {
  const double valid = measure(r, &r->valid);
  p->valid[p->epochs++] = valid;
  p->epoch[p->epochs - 1] = p->epochs;
  p->diverged = !isfinite(valid);
  if (p->diverged) return 1;
  if (p->best < 0 || valid < p->valid[p->best]) {
    p->best = p->epochs - 1;
    p->test = measure(r, &r->test);
  }
  return p->epochs - 1 - p->best >= r->o->patience;
}

static int train(const options *o, const rolls sets[3], int method, double rate, uint64_t seed, path *p) {
  enum { SHUFFLES = 100000 };
  const seqgpu_optimizer optimizer = {.lr = rate,
                                      .clip = methods[method].clip ? SEQGPU_CLIP_NORM : SEQGPU_CLIP_NONE,
                                      .clip_threshold = o->clip};
  const double start = bench_now();
  run r;
  *p = (path){.best = -1, .test = (double)NAN};
  int bad = run_open(&r, o, sets, seed);
  while (!bad && p->epochs < o->epochs) {
    const double omega = methods[method].omega ? o->omega / (p->epochs + 1) : 0;
    bad = plan_omega(&r, omega) || train_epoch(&r, &optimizer, seed * SHUFFLES + (uint64_t)p->epochs);
    if (bad || judge(&r, p)) break;
  }
  p->seconds = bench_now() - start;
  run_close(&r);
  return bad;
}

static void report(results *out, int method, double rate, uint64_t seed, const path *p) {
  const double valid = p->best < 0 ? (double)NAN : p->valid[p->best];
  printf("%-18s rate %-5g seed %llu: valid %.4f test %.4f nats a step, epoch %d of %d%s, %.0f s\n",
         methods[method].name, rate, (unsigned long long)seed, valid, p->test, p->best + 1, p->epochs,
         p->diverged ? ", diverged" : "", p->seconds);
  fflush(stdout);
  results_object(out, NULL);
  results_text(out, "method", methods[method].name);
  results_number(out, "rate", rate);
  results_number(out, "seed", (double)seed);
  results_number(out, "valid", valid);
  results_number(out, "test", p->test);
  results_number(out, "best_epoch", p->best + 1);
  results_number(out, "epochs", p->epochs);
  results_number(out, "diverged", p->diverged);
  results_number(out, "seconds", p->seconds);
  results_end(out);
}

/* ---------------------------------------------------------------- the experiment */

/* Each rate with seed 1, then the best one with the other seeds; *best is the run of that rate. */
static int try_method(const options *o, const rolls sets[3], int method, results *out, path *best) {
  static path p;
  double rate = 0;
  char word[16];
  *best = (path){.best = -1};
  for (const char *list = o->rates; bench_next_word(&list, word, sizeof word);) {
    const double tried = atof(word);
    if (train(o, sets, method, tried, 1, &p)) return 1;
    report(out, method, tried, 1, &p);
    if (p.best < 0 || (best->best >= 0 && p.valid[p.best] >= best->valid[best->best])) continue;
    *best = p;
    rate = tried;
  }
  for (uint64_t seed = 2; rate > 0 && seed <= (uint64_t)o->seeds; seed++) {
    if (train(o, sets, method, rate, seed, &p)) return 1;
    report(out, method, rate, seed, &p);
  }
  return 0;
}

static void write_settings(results *out, const options *o) {
  results_text(out, "set", o->set);
  results_number(out, "units", o->units);
  results_number(out, "batch", o->batch);
  results_number(out, "window", o->window);
  results_text(out, "rates", o->rates);
  results_number(out, "clip", o->clip);
  results_number(out, "omega_of_the_first_epoch", o->omega);
  results_number(out, "most_epochs", o->epochs);
  results_number(out, "patience", o->patience);
  results_number(out, "threads", o->threads);
}

static int experiment(const options *o, const rolls sets[3]) {
  static path best[METHODS];
  curve curves[METHODS];
  char file[80], title[120];
  results out;
  int bad = 0;
  snprintf(file, sizeof file, "music-%.60s", o->set);
  if (!results_open(&out, o->folder, file, "Polyphonic music, Pascanu, Mikolov, Bengio 2013, table 1"))
    return 1;
  write_settings(&out, o);
  results_array(&out, "rows");
  for (int m = 0; m < METHODS && !bad; m++) {
    bad = try_method(o, sets, m, &out, &best[m]);
    curves[m] =
        (curve){.name = methods[m].name, .x = best[m].epoch, .y = best[m].valid, .count = best[m].epochs};
  }
  results_end(&out);
  snprintf(title, sizeof title, "%.60s, valid set: each method with its best rate", o->set);
  const chart c = {
      .title = title, .x_label = "epochs", .y_label = "nats a step", .curves = curves, .count = METHODS};
  if (!bad) bad = !results_chart(&out, &c);
  return !results_close(&out) || bad;
}

/* Reads SET.PART.txt.gz, or without .gz. */
static int read_part(const options *o, const char *part, rolls *out) {
  char file[600];
  struct stat unused;
  snprintf(file, sizeof file, "%s/%s.%s.txt.gz", o->data, o->set, part);
  if (stat(file, &unused) != 0) file[strlen(file) - 3] = 0;
  return rolls_read(file, out);
}

int main(int argc, char **argv) {
  options o = {.set = "",
               .data = ".",
               .rates = "0.01,0.03,0.1,0.3",
               .units = 100,
               .batch = 10,
               .window = 100,
               .seeds = 3,
               .epochs = 250,
               .patience = 8,
               .threads = 1,
               .clip = 1,
               .omega = 0.5};
  const bench_option table[] = {bench_option_text("SET", &o.set),
                                bench_option_text("--data", &o.data),
                                bench_option_int("--units", &o.units, 1, 10000),
                                bench_option_int("--batch", &o.batch, 1, 1000),
                                bench_option_int("--window", &o.window, 1, 10000),
                                bench_option_text("--rates", &o.rates),
                                bench_option_number("--clip", &o.clip),
                                bench_option_number("--omega", &o.omega),
                                bench_option_int("--seeds", &o.seeds, 1, 100),
                                bench_option_int("--epochs", &o.epochs, 1, EPOCHS),
                                bench_option_int("--patience", &o.patience, 1, EPOCHS),
                                BENCH_THREADS(&o.threads),
                                BENCH_RESULTS(&o.folder)};
  static const char *const parts[] = {"train", "valid", "test"};
  rolls sets[3] = {ROLLS_NONE, ROLLS_NONE, ROLLS_NONE};
  int code = bench_parse("paper_music", USAGE, table, BENCH_COUNT(table), argc, argv);
  if (code != BENCH_GO_ON) return code;
  code = 0;
  for (int i = 0; i < BENCH_COUNT(parts) && !code; i++) code = read_part(&o, parts[i], &sets[i]);
  if (!code) code = experiment(&o, sets);
  for (int i = 0; i < BENCH_COUNT(parts); i++) rolls_free(&sets[i]);
  return code ? BENCH_FAILED : BENCH_OK;
}
