/* nccl.c - communicators over NCCL (seqgpu/comm.h) among processes that this one forks, on the emulator and
 * with the stand-in of tests/comm: meeting by way of files, failures of every call, processes that die or
 * hang.
 * tests/test_nccl.sh starts it where the stand-in is found, and with other processes of its own.
 *
 *   comm_nccl [failures | meeting | kills]   one part, or all; SEQGPU_TEST_KILLS says how many kills */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/comm/nccl_open.h"
#include "host/context/context.h"
#include "seqgpu/comm.h"
#include "tests/failing.h"
#include "tests/refused.h"

enum { MOST = 4, LENGTH = 5000, CALLS = 30 /* of a function that fail */ };

/* ---------------------------------------------------------------- processes */

/* What a process says of itself, in memory that it shares with the test. */
typedef struct said {
  seqgpu_status status;
  double seconds, sum;
  int started, reached; /* steps of a scenario that goes on for ever */
  char sentence[512];
} said;

typedef struct world {
  char path[64];
  int size, rank; /* rank: in a process of its own */
  double limit;
  said *said; /* [MOST] */
  pid_t process[MOST];
  int ended[MOST]; /* as waitpid says */
} world;

typedef seqgpu_status scenario(world *w, seqgpu_context *ctx, seqgpu_comm **comm);

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A process: its life is the scenario, and what it leaves is counted by LeakSanitizer, whose word is its
 * exit. */
static void live(world *w, scenario *run) {
  said *mine = &w->said[w->rank];
  const seqgpu_context_options options = {.device = "emulator", .threads = 1};
  seqgpu_context *ctx;
  seqgpu_comm *comm = NULL;
  mine->status = seqgpu_context_create(&options, &ctx);
  const double start = seconds();
  mine->started = 1;
  if (mine->status == SEQGPU_OK) mine->status = run(w, ctx, &comm);
  if (!mine->sentence[0]) snprintf(mine->sentence, sizeof mine->sentence, "%s", seqgpu_last_error(ctx));
  seqgpu_comm_destroy(comm);
  mine->seconds = seconds() - start;
  seqgpu_context_destroy(ctx);
  exit(0);
}

static void begin(world *w, int rank, scenario *run) {
  fflush(stdout);
  w->said[rank] = (said){.status = SEQGPU_OK};
  w->rank = rank;
  w->process[rank] = fork();
  if (w->process[rank] == 0) live(w, run);
}

/* Waits for all; 1 if all have come to their end by themselves. */
static int end(world *w) {
  int good = 1;
  for (int r = 0; r < w->size; r++) {
    waitpid(w->process[r], &w->ended[r], 0);
    good = good && w->ended[r] == 0;
  }
  return good;
}

static world *new_world(int size, double limit) {
  static world w;
  static said *shared;
  static int number;
  if (shared == NULL)
    shared = mmap(NULL, MOST * sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  w = (world){.size = size, .limit = limit, .said = shared};
  snprintf(w.path, sizeof w.path, "meet%d", number++);
  return &w;
}

static int all_run(world *w, scenario *run) {
  for (int r = 0; r < w->size; r++) begin(w, r, run);
  return end(w);
}

/* ---------------------------------------------------------------- scenarios */

/* An update whose sum begins early, in a thread, and whose moments are shared out. */
static seqgpu_status train(seqgpu_context *ctx, seqgpu_comm *comm) {
  const seqgpu_optimizer adam = {.kind = SEQGPU_OPTIMIZER_ADAM, .lr = 0.1};
  seqgpu_params *params = NULL;
  seqgpu_shards *shards = NULL;
  seqgpu_param a;
  seqgpu_status status = seqgpu_params_create(ctx, 1, &params);
  if (status == SEQGPU_OK) status = seqgpu_params_add(params, "a", LENGTH, 1, "zeros", 0, &a);
  if (status == SEQGPU_OK) status = seqgpu_shards_create(params, comm, &shards);
  if (status == SEQGPU_OK) status = seqgpu_shards_overlap(shards, 0);
  if (status == SEQGPU_OK) status = seqgpu_comm_share_moments(comm, params);
  if (status == SEQGPU_OK) status = seqgpu_shards_last(shards, 1, 0);
  if (status == SEQGPU_OK) status = seqgpu_shards_ready(shards, a.grad, LENGTH);
  if (status == SEQGPU_OK && seqgpu_comm_barrier(comm) != SEQGPU_EINVAL)
    status = SEQGPU_EINVAL; /* it is busy */
  if (status == SEQGPU_OK) status = seqgpu_shards_average(shards, NULL);
  if (status == SEQGPU_OK) status = seqgpu_params_update(params, &adam);
  seqgpu_shards_destroy(shards);
  seqgpu_params_destroy(params);
  return status;
}

/* Every call there is; each process gives its number, and the sums are known. */
static seqgpu_status use(world *w, seqgpu_context *ctx, seqgpu_comm *comm) {
  static float values[LENGTH];
  void *device = NULL;
  double number = w->rank + 1, root = w->rank;
  for (int i = 0; i < LENGTH; i++) values[i] = (float)(w->rank + 1);
  seqgpu_status status = seqgpu_malloc(ctx, sizeof values, &device);
  if (status == SEQGPU_OK) status = seqgpu_copy_in(ctx, device, values, sizeof values);
  if (status == SEQGPU_OK) status = seqgpu_comm_sum(comm, &number, 1);
  if (status == SEQGPU_OK) status = seqgpu_comm_all_reduce(comm, device, LENGTH);
  if (status == SEQGPU_OK) status = seqgpu_comm_broadcast(comm, &root, sizeof root, w->size - 1);
  if (status == SEQGPU_OK && w->size > 1) status = train(ctx, comm);
  if (status == SEQGPU_OK) status = seqgpu_comm_barrier(comm);
  if (status == SEQGPU_OK) status = seqgpu_copy_out(ctx, values, device, sizeof values);
  w->said[w->rank].sum =
      root == w->size - 1 && values[0] == values[LENGTH - 1] ? number + (double)values[0] : 0;
  seqgpu_free(ctx, device);
  return status;
}

static seqgpu_status join(world *w, seqgpu_context *ctx, seqgpu_comm **comm) {
  return seqgpu_comm_create_file(ctx, w->path, w->rank, w->size, w->limit, comm);
}

static seqgpu_status join_and_use(world *w, seqgpu_context *ctx, seqgpu_comm **comm) {
  const seqgpu_status status = join(w, ctx, comm);
  return status == SEQGPU_OK ? use(w, ctx, *comm) : status;
}

static seqgpu_status use_for_ever(world *w, seqgpu_context *ctx, seqgpu_comm **comm) {
  seqgpu_status status = join(w, ctx, comm);
  while (status == SEQGPU_OK) {
    status = use(w, ctx, *comm);
    w->said[w->rank].reached++;
  }
  return status;
}

/* The last process ends between two calls, and hangs in `pause`. */
static seqgpu_status leave_others(world *w, seqgpu_context *ctx, seqgpu_comm **comm) {
  const seqgpu_status status = join_and_use(w, ctx, comm);
  if (w->rank == w->size - 1) _exit(0);
  return status == SEQGPU_OK ? use(w, ctx, *comm) : status;
}

/* The file by which a process says that it has come. */
static const char *file_of(const world *w, int rank) {
  static char name[sizeof w->path + 4];
  if (rank == 0) return w->path;
  snprintf(name, sizeof name, "%.*s.%d", (int)sizeof w->path, w->path, rank);
  return name;
}

static int files_are_left(const world *w) {
  int left = 0;
  for (int r = 0; r < MOST; r++) left += access(file_of(w, r), F_OK) == 0;
  return left;
}

/* Waits until so many files are there. */
static void await_files(const world *w, int count) {
  for (int i = 0; i < 1000 && files_are_left(w) < count; i++) usleep(10000);
}

static void check_all(int size) {
  world *w = new_world(size, 20);
  int good = all_run(w, join_and_use);
  const double sum = size * (size + 1); /* twice, of 1 to size */
  for (int r = 0; r < size; r++) {
    good = good && w->said[r].status == SEQGPU_OK && w->said[r].sum == sum;
    if (w->said[r].status != SEQGPU_OK) printf("# process %d: %s\n", r, w->said[r].sentence);
  }
  CHECK(good, "%d processes meet, add up, give and leave", size);
  CHECK(!files_are_left(w), "%d processes leave no files", size);
}

/* ---------------------------------------------------------------- failures */

/* Call n of a function fails in one process: both end soon, each with a sentence; `late`: it fails where all
 * has been done.  Returns how often it is called. */
static int check_function(const char *name, int rank, int late) {
  /* one that has not come cannot be seen to have died */
  const double limit = strcmp(name, "CommInitRankConfig") == 0 ? 2 : 10;
  char which[40], why[1400] = "";
  int n = 1;
  for (; n < CALLS && !why[0]; n++) {
    world *w = new_world(2, limit);
    snprintf(which, sizeof which, "%s:%d", name, n);
    for (int r = 0; r < 2; r++) {
      if (r == rank) setenv("SEQGPU_STANDIN_NCCL_FAIL", which, 1);
      begin(w, r, join_and_use);
      unsetenv("SEQGPU_STANDIN_NCCL_FAIL");
    }
    const int good = end(w);
    const said *it = &w->said[rank], *other = &w->said[1 - rank];
    const int ended = good && it->seconds < 9 && (late || other->seconds < 9 || it->status == SEQGPU_OK);
    const int told = strstr(it->sentence, "NCCL says: unhandled system error: a stand-in said so") != NULL;
    const int right = it->status == SEQGPU_OK ? late || (other->status == SEQGPU_OK && !told)
                                              : it->status == SEQGPU_EPEER && told &&
                                                    other->status != SEQGPU_OK && other->sentence[0];
    if (!ended || !right)
      snprintf(why, sizeof why, "%s: exits %d, %d; %s \"%s\" after %.1f s; other %s \"%s\" after %.1f s",
               which, w->ended[0], w->ended[1], seqgpu_status_name(it->status), it->sentence, it->seconds,
               seqgpu_status_name(other->status), other->sentence, other->seconds);
    if (it->status == SEQGPU_OK) break;
  }
  check_record(!why[0], why, "process %d: each call of nccl%s fails: a status, a sentence, and both end",
               rank, name);
  return n - 1;
}

static void check_failures(void) {
  static const struct {
    const char *name;
    int least, late; /* calls */
  } rows[] = {{"CommInitRankConfig", 1, 0},
              {"CommGetAsyncError", 5, 0},
              {"GroupStart", 4, 0},
              {"GroupEnd", 4, 0},
              {"Send", 4, 0},
              {"Recv", 4, 0},
              {"Broadcast", 1, 0},
              {"CommFinalize", 0, 1},
              {"CommDestroy", 0, 1}};
  for (size_t i = 0; i < COUNT(rows); i++)
    for (int rank = 0; rank < 2; rank++) {
      const int calls = check_function(rows[i].name, rank, rows[i].late);
      CHECK(calls >= rows[i].least, "nccl%s is called in %d places at least", rows[i].name, rows[i].least);
    }
}

/* Process 0 has no word to give: the other one's time passes. */
static void check_no_id(void) {
  world *w = new_world(2, 1);
  setenv("SEQGPU_STANDIN_NCCL_FAIL", "GetUniqueId:1", 1);
  const int good = all_run(w, join_and_use);
  unsetenv("SEQGPU_STANDIN_NCCL_FAIL");
  CHECK(good && w->said[0].status == SEQGPU_EPEER && w->said[1].status == SEQGPU_EPEER &&
            strstr(w->said[1].sentence, "waited 1 s for process 0") != NULL && !files_are_left(w),
        "ncclGetUniqueId fails: both end (%s)", w->said[1].sentence);
}

/* ---------------------------------------------------------------- a stream that does not end */

static int never_idle(sq_exec *exec, int *idle) {
  (void)exec;
  *idle = 0;
  return 0;
}

static int breaks(sq_exec *exec, int *idle) {
  (void)exec;
  (void)idle;
  return 9001;
}

/* From the second call on, in process 0, the device says what `idle` does. */
static seqgpu_status use_stream(world *w, seqgpu_context *ctx, seqgpu_comm **comm,
                                int (*idle)(sq_exec *, int *)) {
  static sq_device device;
  static sq_backend backend;
  seqgpu_status status = join_and_use(w, ctx, comm);
  const sq_backend *before = ctx->backend;
  device = *before->device;
  device.idle = idle;
  backend = *before;
  backend.device = &device;
  if (w->rank == 0) ctx->backend = &backend;
  if (status == SEQGPU_OK) status = use(w, ctx, *comm);
  const double start = seconds();
  snprintf(w->said[w->rank].sentence, sizeof w->said->sentence, "%s", seqgpu_last_error(ctx));
  if (seqgpu_comm_barrier(*comm) != SEQGPU_EPEER || seconds() - start > 0.5) status = SEQGPU_OK;
  ctx->backend = before;
  return status;
}

static seqgpu_status hang(world *w, seqgpu_context *ctx, seqgpu_comm **comm) {
  return use_stream(w, ctx, comm, never_idle);
}
static seqgpu_status break_off(world *w, seqgpu_context *ctx, seqgpu_comm **comm) {
  return use_stream(w, ctx, comm, breaks);
}

static void check_streams(void) {
  world *w = new_world(2, 1);
  int good = all_run(w, hang);
  CHECK(good && w->said[0].status == SEQGPU_EPEER && w->said[1].status == SEQGPU_EPEER &&
            w->said[0].seconds < 5,
        "work that never ends on the device: a status in time, and further calls fail at once (%s)",
        w->said[0].sentence);
  w = new_world(2, 1);
  good = all_run(w, break_off);
  CHECK(good && w->said[0].status == SEQGPU_EDEVICE && w->said[1].status == SEQGPU_EPEER,
        "the device fails: its status, and the other process is told (%s)", w->said[0].sentence);
}

/* ---------------------------------------------------------------- memory */

static seqgpu_status join_alone(seqgpu_context *ctx) {
  seqgpu_comm *comm;
  const seqgpu_status status = seqgpu_comm_create_file(ctx, "alone", 0, 1, 1, &comm);
  seqgpu_comm_destroy(comm);
  return status;
}

static int allocations_left; /* of the device, before one is refused */

static int allocate(sq_exec *exec, size_t bytes, void **out) {
  return allocations_left-- > 0 ? sq_emulator_device.allocate(exec, bytes, out) : 9005; /* out of memory */
}

/* The host refuses memory, each time another request; then the device does. */
static void check_memory(void) {
  sq_device device = sq_emulator_device;
  sq_backend backend;
  seqgpu_context *ctx;
  const seqgpu_context_options options = {.device = "emulator", .threads = 1};
  CHECK(failing_each("emulator", join_alone, 0) >= 4, "it does ask for memory");
  seqgpu_context_create(&options, &ctx);
  const sq_backend *before = ctx->backend;
  device.allocate = allocate;
  backend = *before;
  backend.device = &device;
  ctx->backend = &backend;
  for (int n = 0; n < 3; n++) {
    allocations_left = n;
    const seqgpu_status status = join_alone(ctx);
    CHECK(status == (n < 2 ? SEQGPU_ENOMEM : SEQGPU_OK), "the device has memory for %d requests: %s", n,
          seqgpu_status_name(status));
  }
  ctx->backend = before;
  seqgpu_context_destroy(ctx);
}

/* ---------------------------------------------------------------- processes that die or hang */

static void check_deaths(void) {
  world *w = new_world(3, 10);
  int good = all_run(w, leave_others);
  CHECK(good && w->said[0].status == SEQGPU_EPEER && w->said[0].seconds < 9 &&
            strstr(w->said[0].sentence, "remote process exited") != NULL,
        "a process that ends is seen by NCCL: %s", w->said[0].sentence);
  setenv("SEQGPU_STANDIN_NCCL_DEAF", "1", 1);
  w = new_world(3, 1);
  good = all_run(w, leave_others);
  unsetenv("SEQGPU_STANDIN_NCCL_DEAF");
  CHECK(good && w->said[0].status == SEQGPU_EPEER && w->said[0].seconds >= 1 && w->said[0].seconds < 5 &&
            strstr(w->said[0].sentence, "waited 1 s for the others") != NULL,
        "and by the limit, where NCCL does not: %s", w->said[0].sentence);
}

/* kill -9 of a random process at a random moment, that of meeting and joining among them. */
static void check_kills(void) {
  const char *asked = getenv("SEQGPU_TEST_KILLS");
  const int times = asked ? atoi(asked) : 5;
  char why[700] = "";
  for (int k = 0; k < times && !why[0]; k++) {
    world *w = new_world(2 + (int)check_below(3), 2);
    const int victim = (int)check_below(w->size), moment = (int)check_below(k % 3 == 0 ? 30000 : 300000);
    for (int r = 0; r < w->size; r++) begin(w, r, use_for_ever);
    usleep((useconds_t)moment);
    kill(w->process[victim], SIGKILL);
    end(w);
    for (int r = 0; r < w->size && !why[0]; r++) {
      const said *s = &w->said[r];
      if (r != victim && (w->ended[r] != 0 || s->status != SEQGPU_EPEER || s->seconds > 6 || !s->sentence[0]))
        snprintf(why, sizeof why, "kill %d of %d after %d us: process %d: exit %d, %s \"%s\" after %.1f s",
                 victim, w->size, moment, r, w->ended[r], seqgpu_status_name(s->status), s->sentence,
                 s->seconds);
    }
  }
  check_record(!why[0], why, "kill -9 of one process, %d times: the others end with a sentence", times);
}

/* ---------------------------------------------------------------- meeting */

static void check_meeting(void) {
  world *w = new_world(2, 1);
  w->size = 2;
  begin(w, 0, join);
  waitpid(w->process[0], &w->ended[0], 0);
  CHECK(w->ended[0] == 0 && w->said[0].status == SEQGPU_EPEER &&
            strstr(w->said[0].sentence, "for process 1, which has not come") != NULL && !files_are_left(w),
        "a process that does not come: %s", w->said[0].sentence);
  begin(w, 1, join);
  waitpid(w->process[1], &w->ended[1], 0);
  CHECK(w->ended[1] == 0 && w->said[1].status == SEQGPU_EPEER &&
            strstr(w->said[1].sentence, "for process 0, which has not come") != NULL && !files_are_left(w),
        "nor process 0: %s", w->said[1].sentence);

  w = new_world(2, 10);
  begin(w, 1, join);
  await_files(w, 1);
  const pid_t first = w->process[1];
  begin(w, 1, join_and_use);
  int status;
  waitpid(first, &status, 0); /* it has seen that its file is another's */
  begin(w, 0, join_and_use);
  CHECK(end(w) && w->said[0].status == SEQGPU_OK, "the later of two with one number goes on");
}

/* Files of processes that were killed while they waited, and others that are none of ours. */
static void check_stale(void) {
  world *w = new_world(3, 10);
  for (int r = 1; r >= 0; r--) { /* one after the other, so that both have to wait */
    begin(w, r, join);
    await_files(w, 2 - r);
    kill(w->process[r], SIGKILL);
    waitpid(w->process[r], &w->ended[r], 0);
  }
  const int fd = open(file_of(w, 2), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const int wrote = write(fd, "something else", 14) == 14;
  close(fd);
  CHECK(wrote && files_are_left(w) == 3, "a killed run leaves its files, and there is another one");
  const int good = all_run(w, join_and_use);
  CHECK(good && w->said[0].sum == 12 && w->said[1].sum == 12 && w->said[2].sum == 12 && !files_are_left(w),
        "the next run meets all the same, and leaves none (%s)", w->said[0].sentence);
}

static seqgpu_status join_as_one_of_3(world *w, seqgpu_context *ctx, seqgpu_comm **comm) {
  return seqgpu_comm_create_file(ctx, w->path, w->rank, w->rank == 1 ? 3 : 2, w->limit, comm);
}

static void check_sizes(void) {
  world *w = new_world(2, 1);
  const int good = all_run(w, join_as_one_of_3);
  CHECK(good && w->said[0].status == SEQGPU_EPEER && w->said[1].status == SEQGPU_EPEER &&
            strstr(w->said[1].sentence, "is not one of 3") != NULL,
        "processes that expect other numbers: %s", w->said[1].sentence);
}

/* ---------------------------------------------------------------- a communicator of the program */

static seqgpu_status wrap(world *w, seqgpu_context *ctx, seqgpu_comm **comm, int blocking) {
  sq_nccl nccl;
  sq_nccl_id id = {"wrapped"};
  sq_nccl_comm own;
  sq_nccl_config config = {sizeof config, (unsigned)SQ_NCCL_MAGIC, SQ_NCCL_VERSION, blocking};
  int state = SQ_NCCL_IN_PROGRESS;
  seqgpu_status status = sq_nccl_open(ctx, &nccl);
  if (status != SEQGPU_OK) return status;
  nccl.CommInitRankConfig(&own, w->size, id, w->rank, &config);
  while (state == SQ_NCCL_IN_PROGRESS) nccl.CommGetAsyncError(own, &state);
  status = seqgpu_comm_wrap_nccl(ctx, own, comm);
  if (status == SEQGPU_OK && seqgpu_comm_rank(*comm) != w->rank) status = SEQGPU_EINVAL;
  if (status == SEQGPU_OK) status = use(w, ctx, *comm);
  seqgpu_comm_destroy(*comm);
  *comm = NULL;
  if (status == SEQGPU_EPEER) return status; /* then it is nobody's */
  nccl.CommFinalize(own);
  nccl.CommDestroy(own);
  return status;
}

static seqgpu_status wrap_one(world *w, seqgpu_context *ctx, seqgpu_comm **comm) {
  return wrap(w, ctx, comm, 0);
}
static seqgpu_status wrap_blocking(world *w, seqgpu_context *ctx, seqgpu_comm **comm) {
  return wrap(w, ctx, comm, 1);
}

static void check_wrapping(void) {
  static scenario *const ways[] = {wrap_one, wrap_blocking};
  for (int blocking = 0; blocking < 2; blocking++) {
    world *w = new_world(3, 20);
    close(open("wrapped", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    const int good = all_run(w, ways[blocking]);
    CHECK(good && w->said[0].status == SEQGPU_OK && w->said[1].sum == 12 && w->said[2].sum == 12,
          "a communicator of the program, %s (%s)", blocking ? "which waits itself" : "which does not wait",
          w->said[0].sentence);
  }
}

/* ---------------------------------------------------------------- wrong calls */

static void check_refusals(void) {
  seqgpu_context *ctx, *cpu;
  seqgpu_comm *comm = NULL;
  char name[1100];
  const seqgpu_context_options options = {.device = "emulator", .threads = 1};
  seqgpu_context_create(&options, &ctx);
  seqgpu_context_create(&(seqgpu_context_options){.device = "cpu"}, &cpu);
  memset(name, 'a', sizeof name - 1);
  name[sizeof name - 1] = 0;
  REFUSED(cpu, EUNSUPPORTED, "NCCL connects GPUs", seqgpu_comm_create_file(cpu, "a", 0, 2, 1, &comm));
  REFUSED(cpu, EUNSUPPORTED, "NCCL connects GPUs", seqgpu_comm_wrap_nccl(cpu, &comm, &comm));
  REFUSED(ctx, EINVAL, "out", seqgpu_comm_create_file(ctx, "a", 0, 2, 1, NULL));
  REFUSED(ctx, EINVAL, "out", seqgpu_comm_wrap_nccl(ctx, &comm, NULL));
  REFUSED(ctx, EINVAL, "communicator", seqgpu_comm_wrap_nccl(ctx, NULL, &comm));
  REFUSED(ctx, EINVAL, "path", seqgpu_comm_create_file(ctx, NULL, 0, 2, 1, &comm));
  REFUSED(ctx, EINVAL, "path", seqgpu_comm_create_file(ctx, "", 0, 2, 1, &comm));
  REFUSED(ctx, EINVAL, "path", seqgpu_comm_create_file(ctx, name, 0, 2, 1, &comm));
  REFUSED(ctx, EINVAL, "rank", seqgpu_comm_create_file(ctx, "a", 2, 2, 1, &comm));
  REFUSED(ctx, EINVAL, "size", seqgpu_comm_create_file(ctx, "a", 0, 0, 1, &comm));
  REFUSED(ctx, EINVAL, "seconds", seqgpu_comm_create_file(ctx, "a", 0, 2, 0, &comm));
  REFUSED(ctx, EIO, "no/such", seqgpu_comm_create_file(ctx, "no/such/folder", 0, 2, 1, &comm));
  REFUSED(NULL, EINVAL, "", seqgpu_comm_create_file(NULL, "a", 0, 2, 1, &comm));
  setenv("SEQGPU_STANDIN_NCCL", "21304", 1);
  REFUSED(ctx, EUNSUPPORTED, "NCCL 2.13.4; it must be 2.14",
          seqgpu_comm_create_file(ctx, "a", 0, 2, 1, &comm));
  unsetenv("SEQGPU_STANDIN_NCCL");
  CHECK(comm == NULL, "no communicator");
  seqgpu_context_destroy(ctx);
  seqgpu_context_destroy(cpu);
}

/* ---------------------------------------------------------------- parts */

static void check_meetings(void) {
  check_refusals();
  for (int size = 1; size <= MOST; size++) check_all(size);
  check_meeting();
  check_stale();
  check_sizes();
  check_wrapping();
  check_streams();
  check_memory();
  check_deaths();
  check_no_id();
}

static const struct {
  const char *name;
  void (*check)(void);
} parts[] = {{"failures", check_failures}, {"meeting", check_meetings}, {"kills", check_kills}};

int main(int argc, char **argv) {
  int found = 0;
  check_start();
  for (size_t i = 0; i < COUNT(parts); i++)
    if (argc < 2 || strcmp(argv[1], parts[i].name) == 0) parts[i].check(), found = 1;
  CHECK(found, "a part of that name");
  return check_finish();
}
