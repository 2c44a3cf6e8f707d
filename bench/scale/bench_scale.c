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
#include "bench/scale/network.h"

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

enum { MOST_DEVICES = 1024, MOST_UPDATES = 1000 };

/* ---------------------------------------------------------------- an update on one device */

static seqgpu_status update(scale_network *n) {
  double loss;
  return seqgpu_tape_update(n->tape, scale_loss(n), n->params, &scale_optimizer, &loss);
}

/* Processor time where it is that of one thread: on a busy machine, too, what an idle one would take. */
static double now_of(const scale_options *o) {
  return strcmp(o->device, "cpu") == 0 && o->threads == 1 ? bench_processor_now() : bench_now();
}

static seqgpu_status measure(const scale_options *o, scale_network *n, double *seconds) {
  double samples[MOST_UPDATES];
  *seconds = o->update_ms / 1e3;
  if (o->update_ms > 0) return SEQGPU_OK;
  seqgpu_status status = update(n); /* allocates */
  for (int i = 0; i < o->updates && status == SEQGPU_OK; i++) {
    const double start = now_of(o);
    status = update(n);
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
  scale_network n;
  double seconds = 0;
  const seqgpu_context_options device = {.device = o->device, .threads = o->threads};
  seqgpu_status status = scale_build(m, &device, o->steps, o->batch, o->update_ms <= 0, &n);
  if (status == SEQGPU_OK) status = measure(o, &n, &seconds);
  const double bytes = (double)seqgpu_params_elements(n.params) * sizeof(float);
  if (status != SEQGPU_OK) fprintf(stderr, "bench_scale: %s: %s\n", m->name, seqgpu_last_error(n.ctx));
  scale_destroy(&n);
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
  for (int i = 0; i < SCALE_MODELS && code == BENCH_OK; i++)
    if (bench_listed(o.models, scale_models[i].name)) code = bench_one(&o, &scale_models[i], json, &origin);
  if (json && fclose(json) != 0) code = BENCH_FAILED;
  return code;
}
