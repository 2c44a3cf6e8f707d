/* test_process.c - the library in other people's processes: fork(), the affinity mask, CPU quotas of control
 * groups, locales. */
#define _GNU_SOURCE /* sched_setaffinity, mkdtemp */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/processors.h"
#include "host/context/cgroup.h"
#include "host/context/decimal.h"
#include "seqgpu/seqgpu.h"
#include "tests/check.h"

/* ---------------------------------------------------------------- fork */

static seqgpu_context *open_context(int threads) {
  seqgpu_context *ctx;
  const seqgpu_context_options options = {.device = "cpu", .threads = threads};
  if (seqgpu_context_create(&options, &ctx) == SEQGPU_OK) return ctx;
  printf("FAIL no context: %s\n", seqgpu_last_error(ctx));
  exit(EXIT_FAILURE);
}

/* What a child finds; it says so by its exit code, in which each bit is a check that failed. */
enum {
  RUN_REFUSED = 1,
  SAID_SO = 2,
  OPERATOR_REFUSED = 4,
  NEW_ONE_WORKS = 8,
  OLD_ONE_WORKS = 16,
  TAPE_REFUSED = 32,
  UPDATE_REFUSED = 64
};

typedef struct network {
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
  seqgpu_params *params;
  seqgpu_tape *tape[2];
  seqgpu_tensor *leaf[2]; /* of a tape: a parameter */
} network;

static seqgpu_status open_network(seqgpu_context *ctx, network *n) {
  const seqgpu_rnn_desc desc = {
      .cell = "lstm", .input_size = 40, .hidden_size = 64, .seq_len = 9, .batch = 8};
  n->ctx = ctx;
  seqgpu_param param;
  seqgpu_status status = seqgpu_plan_create(ctx, &desc, NULL, &n->plan);
  if (status == SEQGPU_OK) status = seqgpu_run_allocate(ctx, n->plan, &n->run);
  if (status == SEQGPU_OK) status = seqgpu_params_create(ctx, 1, &n->params);
  if (status == SEQGPU_OK) status = seqgpu_params_add(n->params, "w", 300, 300, "normal", 1, &param);
  for (int i = 0; status == SEQGPU_OK && i < 2; i++) {
    status = seqgpu_tape_create(ctx, 1, &n->tape[i]);
    if (status == SEQGPU_OK) n->leaf[i] = seqgpu_tape_param(n->tape[i], &param);
  }
  return status;
}

static void close_network(network *n) {
  for (int i = 0; i < 2; i++) seqgpu_tape_destroy(n->tape[i]);
  seqgpu_params_destroy(n->params);
  seqgpu_run_release(n->ctx, &n->run);
  seqgpu_plan_destroy(n->plan);
  seqgpu_context_destroy(n->ctx);
}

/* Operators, a walk backward and an update that have no memory to take, so that nothing else refuses them. */
static int look_at_training(const network *parents) {
  const seqgpu_optimizer sgd = {.kind = SEQGPU_OPTIMIZER_SGD, .lr = 0.1};
  static float dy[300 * 300];
  int found = 0;
  if (seqgpu_tape_add(parents->tape[0], parents->leaf[0], parents->leaf[0]) == NULL &&
      strstr(seqgpu_tape_error(parents->tape[0]), "fork()") &&
      seqgpu_tape_backward(parents->tape[1], parents->leaf[1], dy) == SEQGPU_EINVAL &&
      strstr(seqgpu_tape_error(parents->tape[1]), "fork()"))
    found |= TAPE_REFUSED;
  if (seqgpu_params_update(parents->params, &sgd) == SEQGPU_EINVAL &&
      strstr(seqgpu_last_error(parents->ctx), "fork()"))
    found |= UPDATE_REFUSED;
  return found;
}

/* The parent's network in the child, and one of its own. */
static int look_in_child(network *parents) {
  int found = look_at_training(parents);
  seqgpu_params *params;
  network own;
  const seqgpu_status status = seqgpu_rnn_forward(parents->ctx, parents->plan, &parents->run);
  if (status == SEQGPU_EINVAL) found |= RUN_REFUSED;
  if (status == SEQGPU_OK) found |= OLD_ONE_WORKS;
  if (strstr(seqgpu_last_error(parents->ctx), "fork()")) found |= SAID_SO;
  if (seqgpu_params_create(parents->ctx, 1, &params) == SEQGPU_EINVAL)
    found |= OPERATOR_REFUSED;
  else
    seqgpu_params_destroy(params);
  if (open_network(open_context(2), &own) == SEQGPU_OK &&
      seqgpu_rnn_forward(own.ctx, own.plan, &own.run) == SEQGPU_OK)
    found |= NEW_ONE_WORKS;
  close_network(&own);
  close_network(parents); /* and it must return */
  return found;
}

/* What a build for coverage.sh has noted so far; without this, _exit forgets it. */
extern void __gcov_dump(void) __attribute__((weak));

static int look_in_fork(network *n) {
  int status = 0;
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    const int found = look_in_child(n);
    if (__gcov_dump) __gcov_dump();
    _exit(found);
  }
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

/* In place of the C library's: a kernel before 4.14 knows no page that is wiped in children. */
static int old_kernel;
int madvise(void *address, size_t length, int advice);
int madvise(void *address, size_t length, int advice) {
  if (!old_kernel) return (int)syscall(SYS_madvise, address, length, advice);
  errno = EINVAL;
  return -1;
}

static void test_fork(int threads) {
  network n;
  CHECK(open_network(open_context(threads), &n) == SEQGPU_OK, "fork, %d threads: a network", threads);
  CHECK(seqgpu_rnn_forward(n.ctx, n.plan, &n.run) == SEQGPU_OK, "fork, %d threads: runs before", threads);
  const int found = look_in_fork(&n);
  const int want =
      threads == 1 ? OLD_ONE_WORKS | NEW_ONE_WORKS
                   : RUN_REFUSED | SAID_SO | OPERATOR_REFUSED | NEW_ONE_WORKS | TAPE_REFUSED | UPDATE_REFUSED;
  CHECK(found == want, "fork, %d threads: the child finds %d", threads, found);
  CHECK(seqgpu_rnn_backward(n.ctx, n.plan, &n.run) == SEQGPU_OK, "fork, %d threads: the parent goes on",
        threads);
  close_network(&n);
}

/* ---------------------------------------------------------------- processors */

static void test_affinity(void) {
#ifdef __linux__
  cpu_set_t before, one;
  char text[128];
  if (sched_getaffinity(0, sizeof before, &before)) {
    check_skip("the affinity mask cannot be read", "affinity");
    return;
  }
  size_t first = 0;
  while (!CPU_ISSET(first, &before)) first++;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  CHECK(sched_setaffinity(0, sizeof one, &one) == 0, "affinity: one processor alone");
  CHECK(sq_processors() == 1, "affinity: one processor is counted");
  seqgpu_context *ctx = open_context(0);
  seqgpu_context_describe(ctx, text, sizeof text);
  CHECK(strncmp(text, "cpu, 1 threads", 14) == 0, "affinity: a context says \"%s\"", text);
  seqgpu_context_destroy(ctx);
  sched_setaffinity(0, sizeof before, &before);
  CHECK(sq_processors() == CPU_COUNT(&before), "affinity: all of them again");
#else
  check_skip("only Linux has one", "affinity");
#endif
}

/* Writes a sample file below `root`, with the folders on its way. */
static void write_sample(const char *root, const char *path, const char *text) {
  char full[512];
  snprintf(full, sizeof full, "%s%s", root, path);
  for (char *c = full + 1; (c = strchr(c, '/')) != NULL; c++) {
    *c = 0;
    mkdir(full, 0700);
    *c = '/';
  }
  FILE *file = fopen(full, "w");
  if (file) fputs(text, file);
  if (file) fclose(file);
}

typedef struct sample {
  const char *path, *text;
} sample;

static void check_quota(const char *name, const sample *files, int most, int want) {
  char root[] = "/tmp/seqgpu-cgroup-XXXXXX", command[64];
  if (!CHECK(mkdtemp(root) != NULL, "quota: a folder")) return;
  for (; files->path; files++) write_sample(root, files->path, files->text);
  const int got = sq_cgroup_processors(root, most);
  CHECK(got == want, "quota, %s: %d processors of %d", name, got, most);
  snprintf(command, sizeof command, "rm -r %s", root);
  CHECK(system(command) == 0, "quota, %s: the folder is removed", name);
}

/* A group, and a root, whose paths are longer than any that can be asked. */
static void test_long_group(void) {
  static char group[1100], root[1100];
  memset(group, 'g', sizeof group - 2);
  memcpy(group, "0::/", 4);
  memset(root, 'r', sizeof root - 1);
  const sample deep[] = {{"/proc/self/cgroup", group}, {NULL, NULL}};
  check_quota("a long path", deep, 8, 8);
  group[1010] = 0; /* the group fits, and cpu.max in it does not */
  check_quota("a path of nearly that length", deep, 8, 8);
  CHECK(sq_cgroup_processors(root, 8) == 8, "quota, a long root");
}

static void test_quotas(void) {
  static const char GROUPS[] = "/proc/self/cgroup", V2[] = "0::/a/b\n",
                    V1[] = "9:memory:/\n4:cpu,cpuacct:/job\n";
  const sample nothing[] = {{"/empty", ""}, {NULL, NULL}};
  const sample v2[] = {{GROUPS, V2}, {"/sys/fs/cgroup/a/b/cpu.max", "150000 100000\n"}, {NULL, NULL}};
  const sample above[] = {{GROUPS, V2},
                          {"/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"},
                          {"/sys/fs/cgroup/a/cpu.max", "300000 100000\n"},
                          {"/sys/fs/cgroup/cpu.max", "400000 100000\n"},
                          {NULL, NULL}};
  const sample container[] = {{GROUPS, V2}, {"/sys/fs/cgroup/cpu.max", "50000 100000\n"}, {NULL, NULL}};
  const sample unlimited[] = {{GROUPS, V2}, {"/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"}, {NULL, NULL}};
  const sample v1[] = {{GROUPS, V1},
                       {"/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "250000\n"},
                       {"/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n"},
                       {NULL, NULL}};
  const sample v1_none[] = {{GROUPS, V1},
                            {"/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n"},
                            {"/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n"},
                            {NULL, NULL}};
  const sample broken[] = {{GROUPS, "::\n0:\n\n0::/x\n"},
                           {"/sys/fs/cgroup/x/cpu.max", "0 0\n"},
                           {"/sys/fs/cgroup/cpu.max", "nonsense\n"},
                           {NULL, NULL}};
  const sample v1_later[] = {{GROUPS, "4:cpuset,cpu:/job\n"},
                             {"/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "250000\n"},
                             {"/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n"},
                             {NULL, NULL}};
  const sample v1_words[] = {
      {GROUPS, V1}, {"/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "max\n"}, {NULL, NULL}};
  const sample v1_alone[] = {
      {GROUPS, V1}, {"/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "250000\n"}, {NULL, NULL}};
  const sample v1_no_period[] = {{GROUPS, V1},
                                 {"/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "250000\n"},
                                 {"/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "often\n"},
                                 {NULL, NULL}};
  const sample forever[] = {{GROUPS, V2}, {"/sys/fs/cgroup/a/b/cpu.max", "100000 0\n"}, {NULL, NULL}};
  check_quota("no control groups", nothing, 8, 8);
  check_quota("version 2: one and a half", v2, 8, 2);
  check_quota("version 2: no more than there are", v2, 1, 1);
  check_quota("version 2: the group above", above, 8, 3);
  check_quota("version 2: a container's root", container, 8, 1);
  check_quota("version 2: max", unlimited, 8, 8);
  check_quota("version 1: two and a half", v1, 8, 3);
  check_quota("version 1: -1", v1_none, 8, 8);
  check_quota("version 1: behind another controller", v1_later, 8, 3);
  check_quota("version 1: a word for a quota", v1_words, 8, 8);
  check_quota("version 1: no period", v1_alone, 8, 8);
  check_quota("version 1: a word for a period", v1_no_period, 8, 8);
  check_quota("version 2: a period of 0", forever, 8, 8);
  check_quota("damaged files", broken, 8, 8);
  test_long_group();
}

/* ---------------------------------------------------------------- locales */

/* A locale with another decimal point than "C" has, made in the folder; 0 where there is none to be had. */
static int take_locale(const char *folder, const char *name) {
  char command[256];
  snprintf(command, sizeof command, "localedef -i %s -f UTF-8 %s/%s.UTF-8 >/dev/null 2>&1", name, folder,
           name);
  if (system(command) == -1) return 0;
  snprintf(command, sizeof command, "%s.UTF-8", name);
  setenv("LOCPATH", folder, 1);
  return setlocale(LC_NUMERIC, command) != NULL && strcmp(localeconv()->decimal_point, ".") != 0;
}

static void check_decimals(const char *locale) {
  static const struct {
    double number;
    const char *text;
  } rows[] = {{0.5, "0.5"},          {-2, "-2"},   {1e300, "1e+300"},
              {-1.5e-7, "-1.5e-07"}, {0.1, "0.1"}, {0.1 + 0.2, "0.30000000000000004"}};
  int same = 1;
  for (size_t i = 0; i < COUNT(rows); i++) {
    char text[SQ_DECIMAL];
    double back = 0;
    sq_decimal_write(rows[i].number, text);
    same &= strcmp(text, rows[i].text) == 0 && sq_decimal_read(text, &back) && back == rows[i].number;
  }
  CHECK(same, "locale %s, numbers have a point, and all their digits", locale);
  double number;
  CHECK(!sq_decimal_read("", &number) && !sq_decimal_read("1.5x", &number) &&
            !sq_decimal_read("inf", &number),
        "locale %s, what is no number", locale);
}

/* What an export and a description say must be the same for everybody. */
static void check_files(const char *folder, const char *locale) {
  const seqgpu_rnn_desc desc = {
      .cell = "leaky", .input_size = 2, .hidden_size = 2, .seq_len = 1, .batch = 1, .leak = 0.1 + 0.2};
  char path[96];
  seqgpu_context *ctx = open_context(1);
  seqgpu_plan *plan = NULL;
  seqgpu_params *params = NULL;
  seqgpu_import *import = NULL;
  snprintf(path, sizeof path, "%s/leaky.safetensors", folder);
  CHECK(seqgpu_plan_create(ctx, &desc, NULL, &plan) == SEQGPU_OK &&
            seqgpu_params_create(ctx, 1, &params) == SEQGPU_OK &&
            seqgpu_params_add_rnn(params, "a", plan, NULL) == SEQGPU_OK &&
            seqgpu_export(params, "a", plan, path, "seqgpu") == SEQGPU_OK,
        "locale %s, a network is written", locale);
  setlocale(LC_NUMERIC, "C");
  CHECK(seqgpu_import_open(ctx, path, NULL, &import) == SEQGPU_OK &&
            seqgpu_import_desc(import, 0).leak == desc.leak,
        "locale %s, and read in another one", locale);
  seqgpu_import_close(import);
  seqgpu_params_destroy(params);
  seqgpu_plan_destroy(plan);
  seqgpu_context_destroy(ctx);
  unlink(path);
}

static void test_locales(void) {
  static const char *const names[] = {"de_DE", "ps_AF"}; /* a comma; a point of two bytes */
  char folder[] = "/tmp/seqgpu-locale-XXXXXX", command[64];
  check_decimals("C");
  if (!CHECK(mkdtemp(folder) != NULL, "a folder")) return;
  for (size_t i = 0; i < COUNT(names); i++) {
    if (!take_locale(folder, names[i])) {
      check_skip("localedef cannot make it here", "locale %s", names[i]);
      continue;
    }
    check_decimals(names[i]);
    check_files(folder, names[i]);
  }
  setlocale(LC_NUMERIC, "C");
  snprintf(command, sizeof command, "rm -r %s", folder);
  CHECK(system(command) == 0, "nothing is left behind");
}

int main(void) {
  check_start();
  test_affinity();
  test_quotas();
  test_fork(1);
  test_fork(2);
  old_kernel = 1;
  test_fork(2);
  old_kernel = 0;
  test_locales();
  return check_finish();
}
