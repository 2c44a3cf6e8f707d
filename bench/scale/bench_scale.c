/* bench_scale.c - how far a training can be spread over devices that share each batch (seqgpu/comm.h), from
 * what an update costs one of them and what a network is said to carry.
 *
 *   ring(N) = 2 (N-1)/N bytes/bandwidth + 2 (N-1) latency      Patarasuk & Yuan 2009: an all-reduce
 *   weak    = C / (C + ring(N))        every device learns a batch of its own; C: seconds of one update
 *   strong  = C / (C + N ring(N))      one batch is divided, and C with it
 *   speed   = N strong                 and that is largest at some N: the number of devices to stop at
 * A batch of B sequences is divided among B devices at most, and small parts of it cost more than their
 * share, which `strong` does not know.
 *
 * C is measured on this device, as the library runs it: forward, backward, update, nothing of it beside the
 * all-reduce.  Bandwidth and latency are what the command line says; they and all that follows from them are
 * not measured.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/json.h"
#include "bench/common/measure.h"
#include "bench/common/options.h"
#include "seqgpu/seqgpu.h"

static const char USAGE[] =
    "usage: bench_scale [options]\n"
    "  --bandwidth GB         of the network, GB/s into each device and out of it, default 1.25 (10 Gbit/s)\n"
    "  --latency US           of a message, microseconds, default 20\n"
    "  --models NAMES         of small,medium,large,huge; default all\n"
    "  --batch B              sequences of an update on one device, default 32\n"
    "  --steps T              of a sequence, default 50\n"
    "  --device NAME          where an update is measured, default cpu\n"
    "  --threads N            default 1\n"
    "  --updates N            that are measured, default 3\n"
    "  --update-ms MS         do not measure: an update takes so long\n" BENCH_HELP_JSON;

typedef struct scale_options {
  double bandwidth, latency, update_ms;
  const char *models, *device, *json;
  int batch, steps, threads, updates;
} scale_options;

typedef struct scale_model {
  const char *name;
  int64_t layers, hidden;
} scale_model;

/* LSTMs whose input is as wide as their layers. */
static const scale_model models[] = {
    {"small", 1, 128}, {"medium", 2, 256}, {"large", 2, 512}, {"huge", 3, 1024}};

enum { MOST_DEVICES = 1024, MOST_UPDATES = 1000 };

/* ---------------------------------------------------------------- an update on one device */

typedef struct network {
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_params *params;
  seqgpu_tape *tape;
  seqgpu_param rnn;
  float *x; /* [T,B,H], and the target */
} network;

static seqgpu_status build(const scale_options *o, const scale_model *m, network *n) {
  const seqgpu_context_options options = {.device = o->device, .threads = o->threads};
  const seqgpu_rnn_desc desc = {.cell = "lstm",
                                .input_size = m->hidden,
                                .hidden_size = m->hidden,
                                .num_layers = m->layers,
                                .seq_len = o->steps,
                                .batch = o->batch};
  seqgpu_status status = seqgpu_context_create(&options, &n->ctx);
  if (status == SEQGPU_OK) status = seqgpu_plan_create(n->ctx, &desc, NULL, &n->plan);
  if (status == SEQGPU_OK) status = seqgpu_params_create(n->ctx, 1, &n->params);
  if (status == SEQGPU_OK) status = seqgpu_params_add_rnn(n->params, "rnn", n->plan, &n->rnn);
  if (status == SEQGPU_OK) status = seqgpu_tape_create(n->ctx, 1, &n->tape);
  if (status != SEQGPU_OK || o->update_ms > 0) return status;
  const int64_t count = (int64_t)o->steps * o->batch * m->hidden;
  n->x = malloc((size_t)count * sizeof *n->x);
  if (n->x == NULL) return SEQGPU_ENOMEM;
  bench_fill(n->x, count, 1, 1);
  return SEQGPU_OK;
}

static void destroy(network *n) {
  seqgpu_tape_destroy(n->tape);
  seqgpu_params_destroy(n->params);
  seqgpu_plan_destroy(n->plan);
  seqgpu_context_destroy(n->ctx);
  free(n->x);
}

static seqgpu_status update(const scale_options *o, const scale_model *m, network *n) {
  const int64_t shape[] = {o->steps, o->batch, m->hidden};
  const seqgpu_optimizer adam = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 1e-3, .clip = SEQGPU_CLIP_NORM};
  double loss;
  seqgpu_tensor *x = seqgpu_tape_input(n->tape, 3, shape, n->x);
  seqgpu_tensor *y = seqgpu_tape_rnn(n->tape, n->plan, seqgpu_tape_param(n->tape, &n->rnn), x, NULL, NULL);
  return seqgpu_tape_update(n->tape, seqgpu_tape_squared_error(n->tape, y, x, NULL, 1, 1), n->params, &adam,
                            &loss);
}

/* Processor time where it is that of one thread: on a busy machine, too, what an idle one would take. */
static double now_of(const scale_options *o) {
  return strcmp(o->device, "cpu") == 0 && o->threads == 1 ? bench_processor_now() : bench_now();
}

static seqgpu_status measure(const scale_options *o, const scale_model *m, network *n, double *seconds) {
  double samples[MOST_UPDATES];
  *seconds = o->update_ms / 1e3;
  if (o->update_ms > 0) return SEQGPU_OK;
  seqgpu_status status = update(o, m, n); /* allocates */
  for (int i = 0; i < o->updates && status == SEQGPU_OK; i++) {
    const double start = now_of(o);
    status = update(o, m, n);
    samples[i] = now_of(o) - start;
  }
  if (status == SEQGPU_OK) *seconds = bench_statistics(samples, o->updates).median;
  return status;
}

/* ---------------------------------------------------------------- arithmetic */

static double ring(const scale_options *o, double bytes, double N) {
  return 2 * (N - 1) / N * bytes / (o->bandwidth * 1e9) + 2 * (N - 1) * o->latency * 1e-6;
}

/* NaN where there are more devices than sequences. */
static double speed(const scale_options *o, double bytes, double seconds, double N) {
  if (N > o->batch) return (double)NAN;
  return N * seconds / (seconds + N * ring(o, bytes, N));
}

/* The number of devices that learns one batch soonest. */
static int best(const scale_options *o, double bytes, double seconds) {
  int at = 1;
  for (int N = 2; N <= MOST_DEVICES && N <= o->batch; N++)
    if (speed(o, bytes, seconds, N) > speed(o, bytes, seconds, at)) at = N;
  return at;
}

static void write_row(FILE *json, const scale_options *o, const scale_model *m, double bytes, double seconds,
                      int N, const bench_origin *origin) {
  const double r = ring(o, bytes, N);
  bench_json_begin(json, "scale");
  bench_json_text(json, "model", m->name);
  bench_json_integer(json, "layers", m->layers);
  bench_json_integer(json, "hidden", m->hidden);
  bench_json_integer(json, "batch", o->batch);
  bench_json_integer(json, "seq_len", o->steps);
  bench_json_number(json, "bandwidth_gb_s", o->bandwidth);
  bench_json_number(json, "latency_us", o->latency);
  bench_json_bool(json, "measured", o->update_ms <= 0);
  bench_json_number(json, "update_s", seconds);
  bench_json_number(json, "bytes", bytes);
  bench_json_integer(json, "devices", N);
  bench_json_number(json, "ring_s", r);
  bench_json_number(json, "weak", seconds / (seconds + r));
  bench_json_number(json, "strong", speed(o, bytes, seconds, N) / N);
  bench_json_end(json, origin);
}

static void print_model(const scale_options *o, const scale_model *m, double bytes, double seconds) {
  const int at = best(o, bytes, seconds);
  printf("\n%s: LSTM, %lld x %lld, %.1f MB of gradients per update, which takes %.1f ms on one device\n",
         m->name, (long long)m->layers, (long long)m->hidden, bytes / 1e6, 1e3 * seconds);
  printf("one batch of %d is learnt soonest by %d device%s, %.1f times as fast\n\n", o->batch, at,
         at > 1 ? "s" : "", speed(o, bytes, seconds, at));
  printf("| devices | all-reduce, ms | weak | strong | speed of one batch |\n|---:|---:|---:|---:|---:|\n");
  for (int N = 1; N <= MOST_DEVICES; N *= 2) {
    printf("| %d | %.3f | %.3f |", N, 1e3 * ring(o, bytes, N), seconds / (seconds + ring(o, bytes, N)));
    if (N <= o->batch)
      printf(" %.3f | %.2f |\n", speed(o, bytes, seconds, N) / N, speed(o, bytes, seconds, N));
    else
      printf(" - | - |\n");
  }
}

/* ---------------------------------------------------------------- the program */

static int bench_one(const scale_options *o, const scale_model *m, FILE *json, const bench_origin *origin) {
  network n = {.ctx = NULL};
  double seconds = 0;
  seqgpu_status status = build(o, m, &n);
  if (status == SEQGPU_OK) status = measure(o, m, &n, &seconds);
  const double bytes = (double)seqgpu_params_elements(n.params) * sizeof(float);
  if (status != SEQGPU_OK) fprintf(stderr, "bench_scale: %s: %s\n", m->name, seqgpu_last_error(n.ctx));
  destroy(&n);
  if (status != SEQGPU_OK) return BENCH_FAILED;
  print_model(o, m, bytes, seconds);
  for (int N = 1; N <= MOST_DEVICES && json; N *= 2) write_row(json, o, m, bytes, seconds, N, origin);
  return BENCH_OK;
}

static int check(const scale_options *o) {
  const struct {
    const char *name;
    double value;
  } numbers[] = {{"--bandwidth", o->bandwidth}, {"--latency", o->latency}, {"--update-ms", o->update_ms}};
  for (int i = 0; i < BENCH_COUNT(numbers); i++) {
    if (isfinite(numbers[i].value) && (numbers[i].value > 0 || (i > 0 && numbers[i].value == 0))) continue;
    fprintf(stderr, "bench_scale: %s is %g; it must be %s\n", numbers[i].name, numbers[i].value,
            i > 0 ? "at least 0" : "above 0");
    return BENCH_USAGE;
  }
  return BENCH_OK;
}

int main(int argc, char **argv) {
  scale_options o = {.bandwidth = 1.25,
                     .latency = 20,
                     .device = "cpu",
                     .batch = 32,
                     .steps = 50,
                     .threads = 1,
                     .updates = 3};
  const bench_option table[] = {bench_option_number("--bandwidth", &o.bandwidth),
                                bench_option_number("--latency", &o.latency),
                                bench_option_text("--models", &o.models),
                                bench_option_int("--batch", &o.batch, 1, 100000),
                                bench_option_int("--steps", &o.steps, 1, 100000),
                                bench_option_int("--updates", &o.updates, 1, MOST_UPDATES),
                                bench_option_number("--update-ms", &o.update_ms),
                                BENCH_DEVICE(&o.device),
                                BENCH_THREADS(&o.threads),
                                BENCH_JSON(&o.json)};
  int code = bench_parse("bench_scale", USAGE, table, BENCH_COUNT(table), argc, argv);
  if (code != BENCH_GO_ON) return code;
  if ((code = check(&o)) != BENCH_OK) return code;
  const bench_origin origin = bench_origin_of(NULL);
  FILE *json = o.json ? fopen(o.json, "w") : NULL;
  if (o.json && json == NULL)
    return fprintf(stderr, "bench_scale: %s cannot be written\n", o.json), BENCH_FAILED;
  printf("%s, commit %s, %s; device %s, T = %d, batch %d on each; %.3g GB/s, %.3g us\n", origin.device,
         origin.commit, origin.date, o.device, o.steps, o.batch, o.bandwidth, o.latency);
  for (size_t i = 0; i < sizeof models / sizeof models[0] && code == BENCH_OK; i++)
    if (bench_listed(o.models, models[i].name)) code = bench_one(&o, &models[i], json, &origin);
  if (json && fclose(json) != 0) code = BENCH_FAILED;
  return code;
}
