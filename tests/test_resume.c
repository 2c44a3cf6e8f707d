/* test_resume.c - a run that is saved, and resumed by another process's model, goes on with the same bits at
 * whatever step that happens; and the same run gives the same bits each time, on one thread and on several.
 *
 * The model is a classifier of ragged sequences with dropout, within the network and on the tape; its
 * optimiser has moments, weight decay and clipping.  A checkpoint is the whole state of it, so two runs are
 * compared by the bytes of their files: where the file after step n+1 is the same whether or not the run was
 * resumed after step n, for all n, every continuation is the uninterrupted run.
 */
#define _POSIX_C_SOURCE 200809L

#include "seqgpu/seqgpu.h"

#include <unistd.h>

#include "tests/check.h"

enum {
  TABLE = 11,
  CLASSES = 5,
  LONGEST = 6,
  MOST_BATCH = 24,
  MOST_ROWS = LONGEST * MOST_BATCH,
  FILE_ROOM = 1 << 20
};

typedef struct setting {
  const char *name, *device, *cell;
  int threads, hidden, batch, steps;
  seqgpu_dtype dtype;
  seqgpu_optimizer optimizer;
} setting;

typedef struct model {
  const setting *set;
  seqgpu_context *ctx;
  seqgpu_params *params;
  seqgpu_plan *plan;
  seqgpu_tape *tape;
  seqgpu_param table, net, weight, bias;
} model;

static int is_fine(model *m, seqgpu_status status, const char *what) {
  if (status == SEQGPU_OK) return 1;
  check_record(0, m->ctx ? seqgpu_last_error(m->ctx) : "no context", "%s: %s gives %s", m->set->name, what,
               seqgpu_status_name(status));
  return 0;
}

/* 0 where the build has no such device. */
static int model_open(model *m, const setting *set, uint64_t seed) {
  const seqgpu_context_options options = {
      .device = set->device, .threads = set->threads, .dtype = set->dtype};
  const seqgpu_rnn_desc desc = {.cell = set->cell,
                                .input_size = 7,
                                .hidden_size = set->hidden,
                                .num_layers = 2,
                                .seq_len = LONGEST,
                                .batch = set->batch,
                                .dropout = 0.2};
  *m = (model){.set = set};
  if (seqgpu_context_create(&options, &m->ctx) != SEQGPU_OK) return 0;
  is_fine(m, seqgpu_plan_create(m->ctx, &desc, NULL, &m->plan), "plan_create");
  is_fine(m, seqgpu_params_create(m->ctx, seed, &m->params), "params_create");
  is_fine(m, seqgpu_tape_create(m->ctx, 5, &m->tape), "tape_create");
  is_fine(m, seqgpu_params_add(m->params, "table", TABLE, 7, "normal", 0.5, &m->table), "params_add");
  is_fine(m, seqgpu_params_add_rnn(m->params, "net", m->plan, &m->net), "params_add_rnn");
  is_fine(m, seqgpu_params_add(m->params, "out.weight", CLASSES, set->hidden, "xavier", 1, &m->weight),
          "params_add");
  is_fine(m, seqgpu_params_add(m->params, "out.bias", CLASSES, 1, "zeros", 0, &m->bias), "params_add");
  return 1;
}

static void model_close(model *m) {
  seqgpu_tape_destroy(m->tape);
  seqgpu_params_destroy(m->params);
  seqgpu_plan_destroy(m->plan);
  seqgpu_context_destroy(m->ctx);
}

/* ---------------------------------------------------------------- the data of a step */

typedef struct batch {
  int64_t T;
  int32_t ids[MOST_ROWS], targets[MOST_ROWS], lengths[MOST_BATCH];
} batch;

static void draw_batch(int step, int B, batch *out) {
  const struct check_counts before = check_counts;
  check_counts.random = before.seed + (uint64_t)step * 1000003u;
  out->T = 2 + check_below(LONGEST - 1);
  for (int b = 0; b < B; b++) out->lengths[b] = (int32_t)check_below(out->T + 1);
  out->lengths[0] = (int32_t)out->T;
  for (int64_t i = 0; i < out->T * B; i++) {
    const int inside = i / B < out->lengths[i % B];
    out->ids[i] = (int32_t)check_below(TABLE);
    out->targets[i] = inside ? (int32_t)check_below(CLASSES) : -1;
  }
  check_counts.random = before.random;
}

/* Step n of the run, from 0. */
static void train_step(model *m, int n) {
  batch d;
  draw_batch(n, m->set->batch, &d);
  const int64_t grid[] = {d.T, m->set->batch};
  seqgpu_tape *t = m->tape;
  seqgpu_tensor *x =
      seqgpu_tape_embedding(t, seqgpu_tape_param(t, &m->table), seqgpu_tape_ids(t, 2, grid, d.ids));
  seqgpu_tensor *y = seqgpu_tape_rnn(t, m->plan, seqgpu_tape_param(t, &m->net), x, NULL,
                                     seqgpu_tape_lengths(t, m->set->batch, d.lengths));
  seqgpu_tensor *b = seqgpu_tape_reshape(t, seqgpu_tape_param(t, &m->bias), 1, (const int64_t[]){CLASSES});
  seqgpu_tensor *z =
      seqgpu_tape_linear(t, seqgpu_tape_dropout(t, y, 0.3), seqgpu_tape_param(t, &m->weight), b);
  seqgpu_tensor *loss = seqgpu_tape_cross_entropy(t, z, seqgpu_tape_ids(t, 2, grid, d.targets), 1, 1);
  is_fine(m, seqgpu_tape_update(t, loss, m->params, &m->set->optimizer, NULL), "tape_update");
}

/* ---------------------------------------------------------------- checkpoints */

static const char *at(const char *name) { /* in memory, where flushing takes no time */
  static char path[2][96];
  static int turn;
  char *out = path[turn++ % 2];
  snprintf(out, sizeof path[0], "%s/seqgpu-resume-%ld-%s",
           access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid(), name);
  return out;
}

static void save(model *m, const char *path) {
  char counter[32];
  const seqgpu_meta meta[] = {{"counter", counter}};
  snprintf(counter, sizeof counter, "%llu", (unsigned long long)seqgpu_tape_counter(m->tape));
  is_fine(m, seqgpu_checkpoint_save(m->params, path, meta, 1), "checkpoint_save");
}

static void resume(model *m, const char *path) {
  seqgpu_checkpoint *file = NULL;
  if (is_fine(m, seqgpu_checkpoint_open(m->ctx, path, &file), "checkpoint_open")) {
    is_fine(m, seqgpu_checkpoint_load(file, m->params, 1), "checkpoint_load");
    is_fine(m, seqgpu_tape_clear(m->tape, 1), "tape_clear");
    seqgpu_tape_set_counter(m->tape, strtoull(seqgpu_checkpoint_meta(file, "counter"), NULL, 10));
  }
  seqgpu_checkpoint_close(file);
}

static uint64_t hash_of(const char *path) {
  static unsigned char data[FILE_ROOM];
  FILE *file = fopen(path, "rb");
  const size_t size = file ? fread(data, 1, sizeof data, file) : 0;
  if (file) fclose(file);
  return size > 0 && size < sizeof data ? check_hash(0, data, size) : 0;
}

/* ---------------------------------------------------------------- resuming */

/* A new model takes over after step n, n+1 of them done, and makes one step. */
static uint64_t one_step_later(const setting *set, int n) {
  model m;
  if (!model_open(&m, set, 99)) return 0;
  resume(&m, at("now"));
  train_step(&m, n + 1);
  save(&m, at("later"));
  model_close(&m);
  return hash_of(at("later"));
}

/* The run from step `first` to its end, resumed before it unless it is 0. */
static uint64_t end_of_run(const setting *set, int first) {
  model m;
  if (!model_open(&m, set, first ? 99 : 3)) return 0;
  if (first) resume(&m, at("from"));
  for (int n = first; n < set->steps; n++) train_step(&m, n);
  save(&m, at("end"));
  model_close(&m);
  return hash_of(at("end"));
}

static void test_resuming(const setting *set) {
  model m;
  int different = 0, first = -1;
  const int from = 1 + (int)check_below(set->steps - 1);
  uint64_t expected = 0;
  if (!model_open(&m, set, 3)) {
    check_skip(seqgpu_last_error(m.ctx), "%s", set->name);
    seqgpu_context_destroy(m.ctx);
    return;
  }
  for (int n = 0; n < set->steps; n++) {
    train_step(&m, n);
    const uint64_t resumed = n > 0 ? one_step_later(set, n - 1) : 1;
    save(&m, at("now"));
    expected = hash_of(at("now"));
    if (n + 1 == from) save(&m, at("from"));
    if (n == 0 || (resumed == expected && expected != 0)) continue;
    if (different++ == 0) first = n;
  }
  model_close(&m);
  char why[64];
  snprintf(why, sizeof why, "%d times not, first after step %d", different, first);
  check_record(different == 0, why, "%s: resumed after each of %d steps, the same bits", set->name,
               set->steps - 1);
  CHECK(end_of_run(set, from) == expected, "%s: resumed after step %d, the same bits at the end", set->name,
        from);
  remove(at("now")), remove(at("later")), remove(at("from")), remove(at("end"));
}

/* ---------------------------------------------------------------- the same again */

static void test_repeats(setting set, int runs) {
  const uint64_t expected = end_of_run(&set, 0);
  int same = expected != 0;
  for (int run = 1; run < runs; run++) {
    set.threads = 1 + run % 3;
    same &= end_of_run(&set, 0) == expected;
  }
  CHECK(same, "%s: %d runs on 1, 2 and 3 threads, the same bits", set.name, runs);
  remove(at("end"));
}

int main(void) {
  const seqgpu_optimizer momentum = {.kind = SEQGPU_OPTIMIZER_MOMENTUM,
                                     .lr = 0.05,
                                     .weight_decay = 0.01,
                                     .nesterov = 1,
                                     .clip = SEQGPU_CLIP_AUTO,
                                     .clip_window = 20},
                         adam = {.kind = SEQGPU_OPTIMIZER_ADAM,
                                 .lr = 0.01,
                                 .clip = SEQGPU_CLIP_NORM,
                                 .clip_threshold = 1},
                         rmsprop = {.kind = SEQGPU_OPTIMIZER_RMSPROP, .lr = 0.01, .weight_decay = 0.001};
  const setting settings[] = {
      {"cpu f32: lstm, momentum, resuming", "cpu", "lstm", 1, 6, 4, 200, SEQGPU_DTYPE_F32, momentum},
      {"cpu f64: gru, adam, resuming", "cpu", "gru", 2, 6, 4, 60, SEQGPU_DTYPE_F64, adam},
      {"cpu f32: rnn, rmsprop, resuming", "cpu", "rnn", 2, 5, 3, 60, SEQGPU_DTYPE_F32, rmsprop},
      {"emulator f32: lstm, momentum, resuming", "emulator", "lstm", 1, 4, 3, 6, SEQGPU_DTYPE_F32, momentum},
  };
  check_start();
  for (size_t i = 0; i < COUNT(settings); i++) test_resuming(&settings[i]);
  test_repeats(
      (setting){"cpu f32: lstm, momentum, repeats", "cpu", "lstm", 1, 48, 24, 10, SEQGPU_DTYPE_F32, momentum},
      100);
  return check_finish();
}
