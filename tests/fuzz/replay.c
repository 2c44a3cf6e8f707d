/* replay.c - the fuzz targets with a main of their own, for any compiler: test_fuzz [NAME ...]
 *
 * Each target is run on the files of corpus/NAME, in which is every input that once did harm: on each as it
 * is, cut off after each byte, and with bits flipped.  It runs in a process of its own, so that this one can
 * say which input ended it, or took a minute.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio_ext.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/fuzz/fuzz.h"

enum {
  MOST_SIZE = 1 << 16,
  FLIPS = 256,
  PATH_SIZE = 512,
  MOST_SECONDS = 60 /* for one input */,
  MOST_TARGETS = 64
};

typedef struct target {
  const char *name;
  fuzz_run *run;
} target;

static target targets[MOST_TARGETS];
static int target_count;

void fuzz_enter(const char *name, fuzz_run *run) {
  if (target_count < MOST_TARGETS) targets[target_count++] = (target){name, run};
}

/* What is being tried, which the other process writes and this one reads. */
typedef struct progress {
  long files, runs;
  char now[PATH_SIZE + 64];
} progress;

/* ---------------------------------------------------------------- one target */

/* In memory of its size alone, so that AddressSanitizer sees every step too far. */
static void try(const target *t, progress *p, const uint8_t *bytes, size_t size) {
  uint8_t *copy = malloc(size + !size);
  if (copy == NULL) return;
  if (size > 0) memcpy(copy, bytes, size);
  alarm(MOST_SECONDS);
  t->run(copy, size);
  __fpurge(stderr);
  p->runs++;
  free(copy);
}

static void try_changed(const target *t, progress *p, uint8_t *bytes, size_t size, const char *path) {
  snprintf(p->now, sizeof p->now, "%s", path);
  try(t, p, bytes, size);
  for (size_t cut = 0; cut < size; cut++) {
    snprintf(p->now, sizeof p->now, "%s, cut after %zu bytes", path, cut);
    try(t, p, bytes, cut);
  }
  for (int i = 0; i < FLIPS && size > 0; i++) {
    const size_t at = (size_t)check_below((int64_t)size);
    const uint8_t bit = (uint8_t)(1 << check_below(8));
    snprintf(p->now, sizeof p->now, "%s, byte %zu ^ 0x%02x", path, at, bit);
    bytes[at] ^= bit;
    try(t, p, bytes, size);
    bytes[at] ^= bit;
  }
}

static void try_file(const target *t, progress *p, const char *path) {
  static uint8_t bytes[MOST_SIZE];
  FILE *file = fopen(path, "rb");
  const size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  if (file == NULL) return;
  fclose(file);
  p->files++;
  try_changed(t, p, bytes, size, path);
}

static void try_folder(const target *t, progress *p) {
  char folder[PATH_SIZE / 2], path[PATH_SIZE];
  snprintf(folder, sizeof folder, "fuzz/corpus/%s", t->name);
  DIR *all = opendir(folder);
  for (const struct dirent *at; all && (at = readdir(all)) != NULL;) {
    if (at->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%.200s", folder, at->d_name);
    try_file(t, p, path);
  }
  if (all) closedir(all);
}

/* ---------------------------------------------------------------- its process */

/* What the readers say goes nowhere: on standard error it is dropped after each input, and the reports of the
 * sanitizers pass by. */
static void hush(void) {
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(nowhere, STDOUT_FILENO);
  setvbuf(stderr, NULL, _IOFBF, 1 << 16);
}

static void replay(const target *t) {
  progress *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int status = 0;
  if (p == MAP_FAILED) {
    check_record(0, "no memory for what it does", "%s", t->name);
    return;
  }
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    hush();
    try_folder(t, p);
    alarm(0);
    snprintf(p->now, sizeof p->now, "the end: a leak");
    exit(EXIT_SUCCESS);
  }
  const int lives = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status);
  check_record(lives && WEXITSTATUS(status) == 0, p->now, "%s, %ld inputs of %ld files", t->name, p->runs,
               p->files);
  CHECK(p->files > 0, "%s, has a corpus", t->name);
  munmap(p, sizeof *p);
}

static int is_wanted(const char *name, int argc, char **argv) {
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], name) == 0) return 1;
  return argc == 1;
}

int main(int argc, char **argv) {
  int known = 0;
  check_start();
  for (int i = 0; i < target_count; i++) {
    if (!is_wanted(targets[i].name, argc, argv)) continue;
    replay(&targets[i]);
    known++;
  }
  CHECK(known == (argc > 1 ? argc - 1 : target_count), "all targets that are wanted are there");
  return check_finish();
}
