/* shim.c - a library for LD_PRELOAD that lets the n-th call of one kind fail (kinds.h): counting, memory,
 * threads and what the system says.  Files are in shim_files.c, streams in shim_streams.c.
 *
 *   SEQGPU_FAULT=read:3 LD_PRELOAD=build/libfaults.so build/bin/seqgpu ...
 *
 * Calls count from where the program begins: what the dynamic loader does before is not the program's.
 * Memory counts also where the C library asks for it in the program's name, as fopen does.
 *
 * Beside this it keeps book of the program's own blocks and files: what it has not released at its end is in
 * the report.
 */
#include "tests/faults/shim.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* The C library's, under names that nobody else has: its own start calls ours before dlsym works. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

/* ---------------------------------------------------------------- which call */

static fault_report nobody_reads, *report = &nobody_reads;
static const fault_kind *chosen;
static long fail_at;
static atomic_int begun, ends;
static void end(void);
static const char *program_begin, *program_end;

int fault_halves(void) { return chosen && chosen->way == FAULT_HALF; }

static void note_where(const char *function, const void *caller) {
  Dl_info info = {.dli_fname = NULL};
  const char *file = dladdr(caller, &info) && info.dli_fname ? info.dli_fname : "?",
             *slash = strrchr(file, '/');
  const long offset = (long)((const char *)caller - (const char *)info.dli_fbase);
  snprintf(report->where, sizeof report->where, "%s from %s+0x%lx", function, slash ? slash + 1 : file,
           offset);
}

static int is_program(const void *caller) {
  return (const char *)caller >= program_begin && (const char *)caller < program_end;
}

/* Signals interrupt calls of the program itself: what libraries read and write are files, which the kernel
 * does in one piece. */
int fault_hits(fault_class of, const char *function, const void *caller) {
  if (!atomic_load(&begun)) return 0;
  if (!atomic_exchange(&ends, 1)) atexit(end);
  if (chosen && chosen->error == EINTR && !is_program(caller)) return 0;
  const long n = atomic_fetch_add(&report->calls[of], 1) + 1;
  if (chosen == NULL || chosen->of != of || (chosen->way == FAULT_ALWAYS ? n < fail_at : n != fail_at))
    return 0;
  if (atomic_fetch_add(&report->fired, 1) == 0) note_where(function, caller);
  errno = chosen->error;
  return 1;
}

/* ---------------------------------------------------------------- what the program has */

enum { SLOTS = 1 << 16, MOST_FILES = 256 };
static const void *blocks[SLOTS]; /* open addressing; a removed one leaves GONE */
static const char GONE[1];
static unsigned char files[MOST_FILES];
static atomic_flag book = ATOMIC_FLAG_INIT;

static void take_book(void) {
  while (atomic_flag_test_and_set_explicit(&book, memory_order_acquire)) sched_yield();
}
static void leave_book(void) { atomic_flag_clear_explicit(&book, memory_order_release); }

static size_t slot_of(const void *block) { return ((uintptr_t)block >> 4) * 0x9E3779B97F4A7C15u >> 48; }

/* The block's slot; where it has none, a free one if `add`, else SLOTS. */
static size_t find_slot(const void *block, int add) {
  size_t vacant = SLOTS;
  for (size_t i = 0, at = slot_of(block); i < SLOTS; i++, at = (at + 1) % SLOTS) {
    if (blocks[at] == block) return at;
    if (vacant == SLOTS && (blocks[at] == NULL || blocks[at] == GONE)) vacant = at;
    if (blocks[at] == NULL) break;
  }
  return add ? vacant : SLOTS;
}

static void *note_block(void *block, const void *caller) {
  if (block == NULL || !atomic_load(&begun) || !is_program(caller)) return block;
  take_book();
  const size_t slot = find_slot(block, 1);
  if (slot < SLOTS) blocks[slot] = block;
  leave_book();
  return block;
}

/* Whether it was the program's. */
static int forget_block(const void *block) {
  if (block == NULL || !atomic_load(&begun)) return 0;
  take_book();
  const size_t slot = find_slot(block, 0);
  if (slot < SLOTS) blocks[slot] = GONE;
  leave_book();
  return slot < SLOTS;
}

void fault_note_open(int fd, const void *caller) {
  if (fd > STDERR_FILENO && fd < MOST_FILES && is_program(caller)) files[fd] = 1;
}
void fault_note_close(int fd) {
  if (fd >= 0 && fd < MOST_FILES) files[fd] = 0;
}

/* At exit, and registered so late that it comes before destructors: what a compiler's own library does there
 * is not the program's. */
static void end(void) {
  atomic_store(&begun, 0);
  for (size_t i = 0; i < SLOTS; i++) report->blocks += blocks[i] != NULL && blocks[i] != GONE;
  for (int i = 0; i < MOST_FILES; i++) report->streams += files[i];
  report->ended = 1;
}

/* ---------------------------------------------------------------- memory */

void *malloc(size_t size) {
  if (FAULT_HITS(FAULT_MEMORY)) return NULL;
  return note_block(__libc_malloc(size), __builtin_return_address(0));
}

void *calloc(size_t count, size_t size) {
  if (FAULT_HITS(FAULT_MEMORY)) return NULL;
  return note_block(__libc_calloc(count, size), __builtin_return_address(0));
}

void *realloc(void *block, size_t size) {
  if (FAULT_HITS(FAULT_MEMORY)) return NULL;
  const int was = forget_block(block);
  void *larger = __libc_realloc(block, size);
  return note_block(larger, was ? program_begin : __builtin_return_address(0));
}

void *aligned_alloc(size_t alignment, size_t size) {
  if (FAULT_HITS(FAULT_MEMORY)) return NULL;
  return note_block(__libc_memalign(alignment, size), __builtin_return_address(0));
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  if (FAULT_HITS(FAULT_MEMORY)) return ENOMEM;
  void *block = __libc_memalign(alignment, size);
  if (block == NULL) return ENOMEM;
  *out = note_block(block, __builtin_return_address(0));
  return 0;
}

void free(void *block) {
  const int error = errno;
  forget_block(block);
  __libc_free(block);
  errno = error;
}

void *mmap(void *where, size_t size, int protection, int flags, int fd, off_t offset) {
  REAL(mmap);
  if (FAULT_HITS(FAULT_MAP)) return MAP_FAILED;
  return real(where, size, protection, flags, fd, offset);
}

int madvise(void *where, size_t size, int advice) {
  REAL(madvise);
  return FAULT_HITS(FAULT_MAP) ? -1 : real(where, size, advice);
}

/* ---------------------------------------------------------------- threads */

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *),
                   void *argument) {
  REAL(pthread_create);
  return FAULT_HITS(FAULT_THREAD) ? errno : real(thread, attributes, body, argument);
}

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
  REAL(pthread_mutex_init);
  return FAULT_HITS(FAULT_MUTEX) ? errno : real(mutex, attributes);
}

int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes) {
  REAL(pthread_cond_init);
  return FAULT_HITS(FAULT_MUTEX) ? errno : real(condition, attributes);
}

/* ---------------------------------------------------------------- the system */

long sysconf(int name) {
  REAL(sysconf);
  return FAULT_HITS(FAULT_SYSTEM) ? -1 : real(name);
}

int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set) {
  REAL(sched_getaffinity);
  return FAULT_HITS(FAULT_SYSTEM) ? -1 : real(pid, size, set);
}

int gethostname(char *name, size_t size) {
  REAL(gethostname);
  return FAULT_HITS(FAULT_SYSTEM) ? -1 : real(name, size);
}

ssize_t getrandom(void *to, size_t size, unsigned flags) {
  REAL(getrandom);
  return FAULT_HITS(FAULT_SYSTEM) ? -1 : real(to, size, flags);
}

/* ---------------------------------------------------------------- begin and end */

/* The first object of the list is the program; its code is one segment. */
static int find_program(struct dl_phdr_info *object, size_t size, void *unused) {
  (void)size, (void)unused;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X)) continue;
    program_begin = (const char *)(object->dlpi_addr + segment->p_vaddr);
    program_end = program_begin + segment->p_memsz;
  }
  return 1;
}

static void choose(const char *text) {
  if (text == NULL) return;
  const char *colon = strchr(text, ':');
  for (int i = 0; colon && i < FAULT_KINDS; i++)
    if (strlen(fault_kinds[i].name) == (size_t)(colon - text) &&
        memcmp(fault_kinds[i].name, text, (size_t)(colon - text)) == 0)
      chosen = &fault_kinds[i];
  if (colon == NULL || chosen == NULL) {
    dprintf(STDERR_FILENO, "faults: %s=%s names no kind of fault\n", FAULT_WHICH, text);
    _exit(125);
  }
  fail_at = strtol(colon + 1, NULL, 10);
}

static void map_report(const char *path) {
  REAL(mmap);
  const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  void *page = fd >= 0 ? real(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  if (page != MAP_FAILED) report = page;
  if (fd >= 0) close(fd);
}

static void on_signal(int number) { (void)number; }

/* For runs with and without the faults: what may be tried. */
static void send_signals(void) {
  const struct sigaction action = {.sa_handler = on_signal};
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  struct itimerspec every = {.it_interval.tv_nsec = 100000 * fail_at, .it_value.tv_nsec = 100000};
  timer_t timer;
  report->calls[FAULT_SIGNALS] = 4;
  if (chosen == NULL || chosen->of != FAULT_SIGNALS) return;
  sigaction(SIGUSR1, &action, NULL);
  report->fired =
      timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &every, NULL) == 0;
}

__attribute__((constructor)) static void begin(void) {
  dl_iterate_phdr(find_program, NULL);
  map_report(getenv(FAULT_REPORT));
  choose(getenv(FAULT_WHICH));
  send_signals();
  fault_take_streams();
}

/* ---------------------------------------------------------------- the beginning */

typedef int main_function(int argc, char **argv, char **environment);
typedef int start_function(main_function *program, int argc, char **argv, void (*init)(void),
                           void (*fini)(void), void (*loader_fini)(void), void *stack_end);

static main_function *program_main;

static int counted_main(int argc, char **argv, char **environment) {
  atomic_store(&begun, 1);
  return program_main(argc, argv, environment);
}

start_function __libc_start_main;

/* Calls count from main on: what runs before it, such as the CUDA runtime's registration of kernels, is not
 * the program's, and need not survive. */
int __libc_start_main(main_function *program, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*loader_fini)(void), void *stack_end) {
  start_function *next = NULL;
  *(void **)&next = dlsym(RTLD_NEXT, "__libc_start_main");
  program_main = program;
  return next(counted_main, argc, argv, init, fini, loader_fini, stack_end);
}
