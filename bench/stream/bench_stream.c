/* bench_stream.c - what one time step costs when it comes by itself: audio, control, games.
 *
 * A layer with input_size = hidden_size, one sequence, one thread, in five ways:
 *
 *   stream   cpu/stream, a call for each step, the state carried from call to call
 *   bf16     cpu/stream-bf16, likewise
 *   int8     cpu/stream-int8, likewise
 *   step     cpu/step, likewise
 *   whole    cpu/step, the whole sequence in one call: what a step costs when its neighbours are known
 *
 *   check    All must agree with the whole sequence before anything is timed: |out - ref| / |ref| at most 1e-5,
 *            2e-2 where weights are rounded.
 *   race     They take turns, sample by sample, so that a machine whose speed drifts is slow for all.  A
 *            sample is some hundreds of steps in a row; reported is the median of the samples, and of their
 *            ratios.
 *   memory   Requests to malloc and its relatives between the first and the last sample of the streams, which
 *            must be 0: the linker sends those of the library and of this program through the counters below
 *            (--wrap), so none can pass by.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/json.h"
#include "bench/common/measure.h"
#include "bench/common/options.h"
#include "seqgpu/seqgpu.h"

static const char USAGE[] = "usage: bench_stream [options]\n"
                            "  --cells LIST           default lstm,gru\n"
                            "  --hidden LIST          hidden sizes, default 16,32,64,128,256\n"
                            "  --samples N            of each contender, default 31\n"
                            "  --steps N              of the whole sequence, default 1000\n" BENCH_HELP_JSON;

typedef struct stream_options {
  const char *cells, *hidden, *json;
  int samples, steps;
} stream_options;

/* ---------------------------------------------------------------- memory */

static long requests;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);

void *__wrap_malloc(size_t size) { return requests++, __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return requests++, __real_calloc(count, size); }
void *__wrap_realloc(void *old, size_t size) { return requests++, __real_realloc(old, size); }
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  return requests++, __real_aligned_alloc(alignment, size);
}
int __wrap_posix_memalign(void **out, size_t alignment, size_t size) {
  return requests++, __real_posix_memalign(out, alignment, size);
}

/* ---------------------------------------------------------------- contenders */

enum { STREAM, BF16, INT8, STEP, WHOLE, CONTENDERS };
static const struct {
  const char *name, *algorithm;
  double limit; /* of the error */
  int frugal;   /* it may not ask for memory */
} row[CONTENDERS] = {[STREAM] = {"stream", "stream", 1e-5, 1},
                     [BF16] = {"bf16", "stream-bf16", 2e-2, 1},
                     [INT8] = {"int8", "stream-int8", 2e-2, 1},
                     [STEP] = {"step", "step", 1e-5, 0},
                     [WHOLE] = {"whole", "step", 1e-5, 0}};

typedef struct contender {
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
  int64_t steps; /* of a call */
  double *us;    /* [samples], per step */
  double error;  /* against the whole sequence */
} contender;

typedef struct race {
  seqgpu_context *ctx;
  const stream_options *o;
  const char *cell;
  int64_t hidden;
  float *x, *y; /* [steps,1,H] */
  float *params;
  contender at[CONTENDERS];
} race;

/* Ends the program: without a plan or memory there is nothing to measure. */
static void must(const race *r, seqgpu_status status, const char *what) {
  if (status == SEQGPU_OK) return;
  fprintf(stderr, "bench_stream: %s: %s\n", what, seqgpu_last_error(r->ctx));
  exit(BENCH_FAILED);
}

static void open_contender(race *r, int which) {
  contender *c = &r->at[which];
  c->steps = which == WHOLE ? r->o->steps : 1;
  c->us = malloc((size_t)r->o->samples * sizeof *c->us);
  seqgpu_rnn_desc desc = {.cell = r->cell, .input_size = r->hidden, .hidden_size = r->hidden, .batch = 1};
  desc.seq_len = c->steps;
  desc.inference = 1;
  desc.reset_after = strcmp(r->cell, "gru") == 0;
  const seqgpu_plan_options options = {.algorithm = row[which].algorithm};
  must(r, seqgpu_plan_create(r->ctx, &desc, &options, &c->plan), row[which].name);
  must(r, seqgpu_run_allocate(r->ctx, c->plan, &c->run), row[which].name);
}

/* One input and one set of weights for all of them. */
static void share_tensors(race *r) {
  const seqgpu_plan_sizes sizes = seqgpu_plan_get_sizes(r->at[WHOLE].plan);
  r->x = (float *)(uintptr_t)r->at[WHOLE].run.x;
  r->y = r->at[WHOLE].run.y;
  r->params = (float *)(uintptr_t)r->at[WHOLE].run.params;
  bench_fill(r->x, r->o->steps * r->hidden, 1, 1);
  bench_fill(r->params, sizes.param_elements, 0.1, 2);
  for (int i = 0; i < WHOLE; i++) {
    r->at[i].run.params = r->params;
    must(r, seqgpu_rnn_pack(r->ctx, r->at[i].plan, &r->at[i].run), row[i].name);
  }
}

static void open_race(race *r) {
  for (int i = 0; i < CONTENDERS; i++) open_contender(r, i);
  share_tensors(r);
}

static void close_race(race *r) {
  for (int i = 0; i < CONTENDERS; i++) {
    seqgpu_run_release(r->ctx, &r->at[i].run);
    seqgpu_plan_destroy(r->at[i].plan);
    free(r->at[i].us);
  }
}

/* The call that begins at step t of the sequence. */
static void call(const race *r, contender *c, int64_t t) {
  if (c->steps == 1) c->run.x = r->x + t * r->hidden;
  must(r, seqgpu_rnn_forward(r->ctx, c->plan, &c->run), "forward");
}

/* ---------------------------------------------------------------- check */

/* The errors of the streams against the whole sequence, all from a state of zeros; 1 if each is in its limit. */
static int check(race *r) {
  const int64_t H = r->hidden, steps = r->o->steps;
  double *ref = malloc((size_t)(steps * H) * sizeof *ref), *out = malloc((size_t)(steps * H) * sizeof *out);
  int right = 1;
  call(r, &r->at[WHOLE], 0);
  for (int64_t i = 0; i < steps * H; i++) ref[i] = (double)r->y[i];
  for (int which = 0; which < WHOLE; which++) {
    contender *c = &r->at[which];
    for (int64_t t = 0; t < steps; t++) {
      call(r, c, t);
      for (int64_t j = 0; j < H; j++) out[t * H + j] = (double)((float *)c->run.y)[j];
    }
    c->error = bench_error(out, ref, steps * H);
    right &= c->error <= row[which].limit;
  }
  free(ref);
  free(out);
  return right;
}

/* ---------------------------------------------------------------- race */

/* Steps that take about 300 us; at least one call. */
static int64_t steps_of_sample(const race *r, contender *c) {
  enum { WARM_UP = 20 };
  const int calls = c->steps == 1 ? WARM_UP : 1;
  const double start = bench_now();
  for (int t = 0; t < calls; t++) call(r, c, t % r->o->steps);
  const double each = (bench_now() - start) / (double)calls;
  const int64_t wanted = (int64_t)(300e-6 / each) + 1;
  return c->steps == 1 && wanted > r->o->steps ? r->o->steps : wanted;
}

static double sample(const race *r, contender *c, int64_t calls) {
  const double start = bench_now();
  for (int64_t t = 0; t < calls; t++) call(r, c, t % r->o->steps);
  return (bench_now() - start) * 1e6 / (double)(calls * c->steps);
}

/* Fills the samples of all; returns the requests for memory while the streams ran. */
static long run_race(race *r) {
  int64_t calls[CONTENDERS];
  long asked = 0;
  for (int i = 0; i < CONTENDERS; i++) calls[i] = steps_of_sample(r, &r->at[i]);
  for (int n = 0; n < r->o->samples; n++)
    for (int i = 0; i < CONTENDERS; i++) {
      const long before = requests;
      sample(r, &r->at[i], calls[i] / 8 + 1); /* what the one before pushed out of the caches comes back */
      r->at[i].us[n] = sample(r, &r->at[i], calls[i]);
      if (row[i].frugal) asked += requests - before;
    }
  return asked;
}

/* ---------------------------------------------------------------- report */

static double median_ratio(const race *r, int over, int under) {
  double ratio[1000];
  for (int n = 0; n < r->o->samples; n++) ratio[n] = r->at[over].us[n] / r->at[under].us[n];
  return bench_statistics(ratio, r->o->samples).median;
}

static void report_json(const race *r, FILE *json, const bench_origin *origin, const double us[CONTENDERS],
                        const double to_whole[CONTENDERS], long asked) {
  bench_json_begin(json, "stream");
  bench_json_text(json, "cell", r->cell);
  bench_json_integer(json, "hidden", r->hidden);
  for (int i = 0; i < CONTENDERS; i++) {
    char key[32];
    snprintf(key, sizeof key, "%s_us", row[i].name);
    bench_json_number(json, key, us[i]);
    snprintf(key, sizeof key, "%s_to_whole", row[i].name);
    bench_json_number(json, key, to_whole[i]);
    snprintf(key, sizeof key, "%s_error", row[i].name);
    bench_json_number(json, key, r->at[i].error);
  }
  bench_json_integer(json, "requests", asked);
  bench_json_end(json, origin);
}

static void report(const race *r, FILE *json, const bench_origin *origin, long asked) {
  double us[CONTENDERS], to_whole[CONTENDERS];
  for (int i = 0; i < CONTENDERS; i++) to_whole[i] = median_ratio(r, i, WHOLE);
  for (int i = 0; i < CONTENDERS; i++)
    us[i] = bench_statistics(r->at[i].us, r->o->samples).median; /* sorts */
  printf("%-6s %5lld", r->cell, (long long)r->hidden);
  for (int i = 0; i < CONTENDERS; i++) printf(" %9.3f", us[i]);
  for (int i = 0; i < WHOLE; i++) printf(" %7.2f", to_whole[i]);
  for (int i = 0; i < WHOLE; i++) printf(" %8.1e", r->at[i].error);
  printf(" %7ld\n", asked);
  if (json) report_json(r, json, origin, us, to_whole, asked);
}

/* 0 if the results are right and no memory was asked for. */
static int bench_problem(seqgpu_context *ctx, const stream_options *o, const char *cell, int64_t hidden,
                         FILE *json, const bench_origin *origin) {
  race r = {.ctx = ctx, .o = o, .cell = cell, .hidden = hidden};
  open_race(&r);
  const int right = check(&r);
  long asked = 0;
  if (right) {
    asked = run_race(&r);
    report(&r, json, origin, asked);
  } else {
    for (int i = 0; i < WHOLE; i++)
      printf("%-6s %5lld %s: error %.1e\n", cell, (long long)hidden, row[i].name, r.at[i].error);
  }
  close_race(&r);
  return !right || asked != 0;
}

/* ---------------------------------------------------------------- the program */

static int bench_all(seqgpu_context *ctx, const stream_options *o, FILE *json) {
  const bench_origin origin = bench_origin_of(NULL);
  int failures = 0;
  printf("%s, commit %s, %s\nmicroseconds per step, one sequence, one thread, input_size = hidden_size\n",
         origin.device, origin.commit, origin.date);
  printf("then ratios to whole, errors, and requests for memory\n%-6s %5s", "cell", "H");
  for (int i = 0; i < CONTENDERS; i++) printf(" %9s", row[i].name);
  for (int i = 0; i < WHOLE; i++) printf(" %7s", row[i].name);
  for (int i = 0; i < WHOLE; i++) printf(" %8s", row[i].name);
  printf(" %7s\n", "asked");
  char cell[16], hidden[16];
  for (const char *cells = o->cells; bench_next_word(&cells, cell, sizeof cell);)
    for (const char *sizes = o->hidden; bench_next_word(&sizes, hidden, sizeof hidden);)
      failures += bench_problem(ctx, o, cell, strtoll(hidden, NULL, 10), json, &origin);
  return failures ? BENCH_FAILED : BENCH_OK;
}

int main(int argc, char **argv) {
  stream_options o = {.cells = "lstm,gru", .hidden = "16,32,64,128,256", .samples = 31, .steps = 1000};
  const bench_option table[] = {bench_option_text("--cells", &o.cells),
                                bench_option_text("--hidden", &o.hidden),
                                bench_option_int("--samples", &o.samples, 1, 1000),
                                bench_option_int("--steps", &o.steps, 20, 100000), BENCH_JSON(&o.json)};
  const int code = bench_parse("bench_stream", USAGE, table, BENCH_COUNT(table), argc, argv);
  if (code != BENCH_GO_ON) return code;
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  seqgpu_context *ctx = NULL;
  FILE *json = o.json ? fopen(o.json, "w") : NULL;
  if (o.json && json == NULL) {
    fprintf(stderr, "bench_stream: %s cannot be written\n", o.json);
    return BENCH_FAILED;
  }
  if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK) {
    fprintf(stderr, "bench_stream: %s\n", seqgpu_last_error(ctx));
    return BENCH_FAILED;
  }
  const int result = bench_all(ctx, &o, json);
  seqgpu_context_destroy(ctx);
  if (json) fclose(json);
  return result;
}
