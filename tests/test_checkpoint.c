/* test_checkpoint.c - checkpoints: bit-exact round trips, PyTorch's layout, atomic writing
 * (seqgpu/checkpoint.h).  Damaged and hostile files are in checkpoint_hostile.h, checksums and files of other
 * programs in checkpoint_trust.h, what fails on the way in checkpoint_fails.h.
 */
#define _POSIX_C_SOURCE 200809L

#include "seqgpu/seqgpu.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/breaking.h"
#include "tests/shapes.h"

static char folder[64]; /* of this run */

static const char *at(const char *name) {
  static char paths[4][sizeof folder + 256];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static seqgpu_context *open_cpu(seqgpu_dtype dtype) {
  const seqgpu_context_options options = {.device = "cpu", .threads = 1, .dtype = dtype};
  seqgpu_context *ctx;
  return seqgpu_context_create(&options, &ctx) == SEQGPU_OK ? ctx : NULL;
}

/* ---------------------------------------------------------------- files */

static int64_t read_file(const char *path, unsigned char *bytes, int64_t room) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return -1;
  const int64_t n = (int64_t)fread(bytes, 1, (size_t)room, file);
  fclose(file);
  return n;
}

static void write_file(const char *path, const void *bytes, int64_t n) {
  FILE *file = fopen(path, "wb");
  fwrite(bytes, 1, (size_t)n, file);
  fclose(file);
}

static int same_files(const char *a, const char *b) {
  static unsigned char x[1 << 20], y[1 << 20];
  const int64_t n = read_file(a, x, sizeof x), m = read_file(b, y, sizeof y);
  return n > 0 && n == m && memcmp(x, y, (size_t)n) == 0;
}

/* A .safetensors file from the text of its header and its data. */
static void write_raw(const char *path, const char *header, const void *data, int64_t bytes) {
  FILE *file = fopen(path, "wb");
  const uint64_t length = strlen(header);
  fwrite(&length, 8, 1, file);
  fwrite(header, 1, length, file);
  fwrite(data, 1, (size_t)bytes, file);
  fclose(file);
}

static int count_files(void) {
  int n = 0;
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
    n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  if (dir) closedir(dir);
  return n;
}

/* ---------------------------------------------------------------- models */

static seqgpu_status load(seqgpu_context *ctx, const char *path, seqgpu_params *p, int resume) {
  seqgpu_checkpoint *c;
  seqgpu_status status = seqgpu_checkpoint_open(ctx, path, &c);
  if (status != SEQGPU_OK) return status;
  status = seqgpu_checkpoint_load(c, p, resume);
  seqgpu_checkpoint_close(c);
  return status;
}

/* A lone weight, a recurrent network, a bias, a state. */
static seqgpu_params *make_params(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, uint64_t seed) {
  seqgpu_plan *plan;
  seqgpu_params *p;
  seqgpu_param state;
  if (seqgpu_plan_create(ctx, desc, NULL, &plan) != SEQGPU_OK) return NULL;
  seqgpu_params_create(ctx, seed, &p);
  seqgpu_params_add(p, "in.weight", 3, 1, "normal", 1, NULL);
  seqgpu_params_add_rnn(p, "rnn", plan, NULL);
  seqgpu_params_add(p, "out.bias", 4, 1, "normal", 1, NULL);
  seqgpu_params_add_state(p, "state.h", 2, 3, &state);
  seqgpu_params_init(p, "state.h", "normal", 1);
  seqgpu_plan_destroy(plan);
  return p;
}

/* One update with gradients that come from `seed`. */
static void train(seqgpu_context *ctx, seqgpu_params *p, seqgpu_optimizer_kind kind, uint64_t seed) {
  const seqgpu_optimizer o = {.kind = kind, .lr = 0.01, .clip = SEQGPU_CLIP_AUTO};
  const size_t real = seqgpu_dtype_size(seqgpu_context_dtype(ctx));
  for (int i = 0; i < seqgpu_params_count(p); i++) {
    seqgpu_param t;
    seqgpu_params_get(p, i, &t);
    union {
      double f64[512];
      float f32[512];
    } numbers;
    for (int64_t k = 0; k < t.rows * t.cols; k++) {
      const double g = sin((double)(seed + (uint64_t)(k + 31 * i)));
      if (real == sizeof(double))
        numbers.f64[k] = g;
      else
        numbers.f32[k] = (float)g;
    }
    if (t.grad) seqgpu_copy_in(ctx, t.grad, &numbers, (size_t)(t.rows * t.cols) * real);
  }
  seqgpu_params_update(p, &o);
}

static int same_params(const seqgpu_params *a, const seqgpu_params *b, size_t real) {
  int same = seqgpu_params_count(a) == seqgpu_params_count(b);
  for (int i = 0; same && i < seqgpu_params_count(a); i++) { /* CPU: memory can be read */
    seqgpu_param x, y;
    seqgpu_params_get(a, i, &x);
    seqgpu_params_get(b, i, &y);
    same = x.rows == y.rows && memcmp(x.value, y.value, (size_t)(x.rows * x.cols) * real) == 0;
  }
  return same;
}

static const shape_row small_shape = {"small", {2, 2, 3, 4}, NULL, {.num_layers = 2, .bidirectional = 1}};

static seqgpu_rnn_desc small(seqgpu_rnn_desc cell) {
  return combine(&(cell_row){cell.cell, cell, 1, 0}, &small_shape);
}

/* ---------------------------------------------------------------- round trips */

/* Train, save, load into another model: the same bits; and both go on to the same bits. */
static void test_round_trip(const cell_row *cell, seqgpu_optimizer_kind kind, seqgpu_dtype dtype) {
  seqgpu_context *ctx = open_cpu(dtype);
  const size_t real = seqgpu_dtype_size(dtype);
  const seqgpu_rnn_desc desc = combine(cell, &small_shape);
  seqgpu_params *a = make_params(ctx, &desc, 1), *b = make_params(ctx, &desc, 2);
  char name[80];
  snprintf(name, sizeof name, "%s f%d optimizer %d", cell->name, (int)(8 * real), (int)kind);
  for (uint64_t k = 0; k < 3; k++) train(ctx, a, kind, k);
  train(ctx, b, SEQGPU_OPTIMIZER_ADAM, 9); /* moments that must go */
  CHECK(seqgpu_checkpoint_save(a, at("a"), NULL, 0) == SEQGPU_OK, "%s: save", name);
  check_record(load(ctx, at("a"), b, 1) == SEQGPU_OK, seqgpu_last_error(ctx), "%s: resume", name);
  CHECK(same_params(a, b, real), "%s: same bits", name);
  train(ctx, a, kind, 7);
  train(ctx, b, kind, 7);
  seqgpu_params_init(a, "in.weight", "normal", 1);
  seqgpu_params_init(b, "in.weight", "normal", 1);
  seqgpu_checkpoint_save(a, at("a"), NULL, 0);
  seqgpu_params_destroy(b);
  b = make_params(ctx, &desc, 3);
  load(ctx, at("a"), b, 1);
  seqgpu_checkpoint_save(b, at("b"), NULL, 0);
  CHECK(same_params(a, b, real) && same_files(at("a"), at("b")), "%s: and so after more updates and draws",
        name);
  seqgpu_params_destroy(a);
  seqgpu_params_destroy(b);
  seqgpu_context_destroy(ctx);
}

static void test_weights_only(void) {
  seqgpu_context *f32 = open_cpu(SEQGPU_DTYPE_F32), *f64 = open_cpu(SEQGPU_DTYPE_F64);
  const seqgpu_rnn_desc desc = small((seqgpu_rnn_desc){.cell = "gru", .reset_after = 1});
  seqgpu_params *a = make_params(f32, &desc, 1), *b = make_params(f64, &desc, 2),
                *c = make_params(f32, &desc, 3);
  seqgpu_params *untouched = make_params(f32, &desc, 3);
  seqgpu_param x, y;
  seqgpu_checkpoint_save(a, at("a"), NULL, 0);
  CHECK(load(f64, at("a"), b, 1) == SEQGPU_EFORMAT, "float32 cannot be resumed in float64");
  CHECK(load(f64, at("a"), b, 0) == SEQGPU_OK, "but its weights can be loaded");
  seqgpu_params_find(a, "rnn.bias_rec_l1_reverse", &x);
  seqgpu_params_find(b, "rnn.bias_rec_l1_reverse", &y);
  CHECK(((double *)y.value)[3] == (double)((float *)x.value)[3], "exactly");
  seqgpu_checkpoint_save(b, at("b"), NULL, 0);
  CHECK(load(f32, at("b"), c, 0) == SEQGPU_OK, "and back");
  seqgpu_params_find(c, "rnn.weight_hh_l0", &x);
  seqgpu_params_find(a, "rnn.weight_hh_l0", &y);
  CHECK(memcmp(x.value, y.value, sizeof(float[48])) == 0, "with the same bits");
  seqgpu_params_find(c, "state.h", &x);
  seqgpu_params_find(untouched, "state.h", &y);
  CHECK(memcmp(x.value, y.value, sizeof(float[6])) == 0,
        "states are left alone when only weights are loaded");
  seqgpu_params_destroy(a);
  seqgpu_params_destroy(b);
  seqgpu_params_destroy(c);
  seqgpu_params_destroy(untouched);
  seqgpu_context_destroy(f32);
  seqgpu_context_destroy(f64);
}

static void test_meta(seqgpu_context *ctx) {
  const seqgpu_meta meta[] = {{"plain", "text"},
                              {"", ""},
                              {"quote\"\\", "line\nend\t\x01"},
                              {"gr\xc3\xbc\xc3\x9f", "\xf0\x9f\x8e\xb5 \xe2\x82\xac"}};
  const seqgpu_meta bad[] = {{"a", "\xff"}}, twice[] = {{"a", "1"}, {"a", "2"}}, null[] = {{"a", NULL}};
  const seqgpu_rnn_desc desc = small((seqgpu_rnn_desc){.cell = "rnn"});
  seqgpu_params *p = make_params(ctx, &desc, 1);
  seqgpu_checkpoint *c;
  CHECK(seqgpu_checkpoint_save(p, at("m"), meta, 4) == SEQGPU_OK, "metadata are saved");
  CHECK(seqgpu_checkpoint_open(ctx, at("m"), &c) == SEQGPU_OK, "and read");
  for (int i = 0; i < 4; i++) {
    seqgpu_meta entry = {NULL, NULL};
    const char *value = seqgpu_checkpoint_meta(c, meta[i].key);
    CHECK(value && strcmp(value, meta[i].value) == 0, "metadata %d by key", i);
    CHECK(seqgpu_checkpoint_meta_get(c, i, &entry) == SEQGPU_OK && strcmp(entry.key, meta[i].key) == 0 &&
              strcmp(entry.value, meta[i].value) == 0,
          "metadata %d by index", i);
  }
  seqgpu_meta entry = {NULL, NULL};
  CHECK(seqgpu_checkpoint_meta(c, "nobody") == NULL, "no such key");
  CHECK(seqgpu_checkpoint_meta_count(c) == 4 && seqgpu_checkpoint_meta_count(NULL) == 0, "four entries");
  CHECK(seqgpu_checkpoint_meta_get(c, 4, &entry) == SEQGPU_EINVAL && entry.key == NULL &&
            strstr(seqgpu_last_error(ctx), "index is 4"),
        "none past the end");
  CHECK(seqgpu_checkpoint_meta_get(c, -1, &entry) == SEQGPU_EINVAL &&
            seqgpu_checkpoint_meta_get(c, 0, NULL) == SEQGPU_EINVAL &&
            seqgpu_checkpoint_meta_get(NULL, 0, &entry) == SEQGPU_EINVAL,
        "no such entry, no place for it, no checkpoint");
  seqgpu_checkpoint_close(c);
  CHECK(seqgpu_checkpoint_save(p, at("n"), bad, 1) == SEQGPU_EINVAL, "a value that is not UTF-8");
  CHECK(seqgpu_checkpoint_save(p, at("n"), twice, 2) == SEQGPU_EINVAL, "a key twice");
  CHECK(seqgpu_checkpoint_save(p, at("n"), null, 1) == SEQGPU_EINVAL, "a value NULL");
  CHECK(seqgpu_checkpoint_save(p, at("n"), NULL, 1) == SEQGPU_EINVAL, "meta NULL");
  CHECK(seqgpu_checkpoint_save(p, "", NULL, 0) == SEQGPU_EINVAL &&
            seqgpu_checkpoint_save(NULL, "x", NULL, 0) == SEQGPU_EINVAL,
        "no path, no params");
  CHECK(access(at("n"), F_OK) != 0, "what was refused left no file");
  seqgpu_params_destroy(p);
}

/* ---------------------------------------------------------------- PyTorch */

/* A state_dict of torch.nn.GRU(2, 1) as its safetensors writer lays it out, one layer: r, z, n. */
static const char torch_gru[] =
    "{\"rnn.bias_hh_l0\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]},"
    "\"rnn.bias_ih_l0\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[12,24]},"
    "\"rnn.weight_hh_l0\":{\"dtype\":\"F32\",\"shape\":[3,1],\"data_offsets\":[24,36]},"
    "\"rnn.weight_ih_l0\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[36,60]}}   ";

static void test_torch(seqgpu_context *ctx) {
  const float data[15] = {0, 0.5f, 7, -0.0f, 2, 3, 10, 11, 12, 20, 21, 22, 23, 24, 25};
  const seqgpu_rnn_desc gru = {
      .cell = "gru", .input_size = 2, .hidden_size = 1, .seq_len = 1, .batch = 1, .reset_after = 1};
  seqgpu_rnn_desc before = gru;
  before.reset_after = 0;
  seqgpu_plan *plan, *plan_before;
  seqgpu_params *p, *q;
  seqgpu_param bias, rec, weight;
  seqgpu_plan_create(ctx, &gru, NULL, &plan);
  seqgpu_plan_create(ctx, &before, NULL, &plan_before);
  seqgpu_params_create(ctx, 1, &p);
  seqgpu_params_create(ctx, 1, &q);
  seqgpu_params_add_rnn(p, "rnn", plan, NULL);
  seqgpu_params_add_rnn(q, "rnn", plan_before, NULL);
  write_raw(at("torch"), torch_gru, data, sizeof data);
  check_record(load(ctx, at("torch"), p, 0) == SEQGPU_OK, seqgpu_last_error(ctx), "PyTorch's GRU is read");
  seqgpu_params_find(p, "rnn.bias_l0", &bias);
  seqgpu_params_find(p, "rnn.bias_rec_l0", &rec);
  seqgpu_params_find(p, "rnn.weight_ih_l0", &weight);
  const float *b = bias.value, *r = rec.value, *w = weight.value;
  CHECK(b[0] == 0 && signbit(b[0]) && b[1] == 2.5f && b[2] == 3, "biases are added, and -0 + 0 stays -0");
  CHECK(r[0] == 7 && w[0] == 20 && w[5] == 25,
        "the candidate's recurrent bias is its own; weights as they are");
  CHECK(load(ctx, at("torch"), p, 1) == SEQGPU_EFORMAT, "weights alone cannot be resumed");
  CHECK(load(ctx, at("torch"), q, 0) == SEQGPU_EFORMAT,
        "a GRU that resets before the product does not take them");
  seqgpu_checkpoint_save(p, at("ours"), NULL, 0);
  seqgpu_checkpoint *c;
  seqgpu_tensor_info info = {.rank = 0};
  double numbers[3] = {9, 9, 9};
  int found = 0;
  seqgpu_checkpoint_open(ctx, at("ours"), &c);
  for (int i = 0; i < seqgpu_checkpoint_tensor_count(c); i++) {
    seqgpu_checkpoint_tensor_get(c, i, &info);
    if (strcmp(info.name, "rnn.bias_hh_l0") != 0) continue;
    seqgpu_checkpoint_read(c, i, numbers);
    found = info.rank == 1 && info.shape[0] == 3 && strcmp(info.dtype, "F32") == 0;
  }
  seqgpu_checkpoint_close(c);
  CHECK(found && numbers[0] == 0 && numbers[1] == 0 && numbers[2] == 7,
        "written back: bias_hh is [0, 0, b_rec]");
  seqgpu_params_destroy(p);
  seqgpu_params_destroy(q);
  seqgpu_plan_destroy(plan);
  seqgpu_plan_destroy(plan_before);
}

/* ---------------------------------------------------------------- all or nothing */

static void test_other_shapes(seqgpu_context *ctx) {
  seqgpu_rnn_desc desc = small((seqgpu_rnn_desc){.cell = "lstm"}), wider = desc, deeper = desc;
  wider.hidden_size = 5;
  deeper.num_layers = 3;
  const seqgpu_rnn_desc *others[] = {&wider, &deeper};
  seqgpu_params *a = make_params(ctx, &desc, 1);
  train(ctx, a, SEQGPU_OPTIMIZER_ADAM, 1);
  seqgpu_checkpoint_save(a, at("a"), NULL, 0);
  for (int i = 0; i < 2; i++) {
    seqgpu_params *b = make_params(ctx, others[i], 2), *same = make_params(ctx, others[i], 2);
    CHECK(load(ctx, at("a"), b, 1) == SEQGPU_EFORMAT, "another shape %d: %s", i, seqgpu_last_error(ctx));
    CHECK(same_params(b, same, sizeof(float)), "another shape %d: nothing was loaded", i);
    seqgpu_params_destroy(b);
    seqgpu_params_destroy(same);
  }
  seqgpu_params_destroy(a);
}

/* Disk full, as far as one can have it without a disk: no file may grow beyond so many bytes. */
static seqgpu_status save_with_limit(seqgpu_params *p, const char *path, rlim_t bytes) {
  struct rlimit old, limit = {bytes, bytes};
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &old);
  limit.rlim_max = old.rlim_max;
  setrlimit(RLIMIT_FSIZE, &limit);
  const seqgpu_status status = seqgpu_checkpoint_save(p, path, NULL, 0);
  setrlimit(RLIMIT_FSIZE, &old);
  return status;
}

/* In a process that is not root, where folders can be read-only. */
static int save_as_nobody(seqgpu_params *p, const char *path) {
  const pid_t child = fork();
  if (child == 0) {
    if (getuid() == 0 && setuid(65534) != 0) _exit(2);
    const seqgpu_status saved = seqgpu_checkpoint_save(p, path, NULL, 0);
    seqgpu_params_destroy(p); /* this process's own, which Valgrind takes for lost */
    _exit(saved == SEQGPU_EIO ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_atomic(seqgpu_context *ctx) {
  const seqgpu_rnn_desc desc = small((seqgpu_rnn_desc){.cell = "gru"});
  seqgpu_params *p = make_params(ctx, &desc, 1);
  seqgpu_checkpoint_save(p, at("good"), NULL, 0);
  seqgpu_checkpoint_save(p, at("copy"), NULL, 0);
  const int files = count_files();
  CHECK(save_with_limit(p, at("good"), 300) == SEQGPU_EIO, "a full disk is EIO");
  CHECK(count_files() == files && same_files(at("good"), at("copy")),
        "the old checkpoint is untouched, no file is left");
  CHECK(seqgpu_checkpoint_save(p, at("none/x"), NULL, 0) == SEQGPU_EIO, "a folder that does not exist");
  CHECK(seqgpu_checkpoint_save(p, at("good/x"), NULL, 0) == SEQGPU_EIO, "a file as folder");
  CHECK(seqgpu_checkpoint_save(p, folder, NULL, 0) == SEQGPU_EIO, "a folder as target");
  struct stat status;
  CHECK(seqgpu_checkpoint_save(p, "/dev/null", NULL, 0) == SEQGPU_EIO && stat("/dev/null", &status) == 0 &&
            S_ISCHR(status.st_mode),
        "a device is not replaced");
  mkdir(at("closed"), 0500);
  CHECK(save_as_nobody(p, at("closed/x")) && rmdir(at("closed")) == 0, "a read-only folder");
  CHECK(count_files() == files, "none of them left a file");
  chmod(at("good"), 0600);
  seqgpu_checkpoint_save(p, at("good"), NULL, 0);
  CHECK(stat(at("good"), &status) == 0 && (status.st_mode & 0777) == 0600, "a private file stays private");
  seqgpu_params_destroy(p);
}

/* ---------------------------------------------------------------- out of memory */

static seqgpu_status save_and_load(seqgpu_context *ctx) {
  const seqgpu_optimizer o = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.1};
  const seqgpu_meta meta = {"key", "value"};
  seqgpu_params *p = NULL;
  seqgpu_checkpoint *c = NULL;
  seqgpu_status status = seqgpu_params_create(ctx, 1, &p);
  if (status == SEQGPU_OK) status = seqgpu_params_add(p, "w", 2, 2, "normal", 1, NULL);
  if (status == SEQGPU_OK) status = seqgpu_params_update(p, &o);
  if (status == SEQGPU_OK) status = seqgpu_checkpoint_save(p, at("memory"), &meta, 1);
  if (status == SEQGPU_OK) status = seqgpu_checkpoint_open(ctx, at("memory"), &c);
  if (status == SEQGPU_OK) status = seqgpu_checkpoint_load(c, p, 1);
  seqgpu_checkpoint_close(c);
  seqgpu_params_destroy(p);
  return status;
}

static void test_out_of_memory(void) {
  const int files = count_files();
  CHECK(failing_each("cpu", save_and_load, 0) > 15, "it does ask for memory");
  CHECK(count_files() == files + 1, "no file is left but the one that was wanted");
}

#include "tests/checkpoint_hostile.h"
#include "tests/checkpoint_trust.h"

#include "tests/checkpoint_fails.h"

static void remove_folder(void) {
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) unlink(at(entry->d_name));
  if (dir) closedir(dir);
  CHECK(rmdir(folder) == 0, "the folder of the test can be removed");
}

int main(void) {
  check_start();
  snprintf(folder, sizeof folder, "/tmp/seqgpu-test-XXXXXX");
  if (mkdtemp(folder) == NULL) return EXIT_FAILURE;
  seqgpu_context *ctx = open_cpu(SEQGPU_DTYPE_F32);
  for (size_t i = 0; i < COUNT(cell_rows); i++)
    test_round_trip(&cell_rows[i], (seqgpu_optimizer_kind)(i % 4),
                    i % 3 ? SEQGPU_DTYPE_F32 : SEQGPU_DTYPE_F64);
  test_weights_only();
  test_meta(ctx);
  test_torch(ctx);
  test_other_shapes(ctx);
  test_atomic(ctx);
  test_out_of_memory();
  test_hostile(ctx);
  test_trust(ctx);
  test_fails(ctx);
  seqgpu_context_destroy(ctx);
  remove_folder();
  return check_finish();
}
