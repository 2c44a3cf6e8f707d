/* test_plan_cache.c - the file of measured plans (host/planner/cache.c): what it remembers, and that no
 * file can do harm.
 *
 * Works in a fresh folder under TMPDIR or /tmp, removed at the end.
 */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/planner/cache.h"
#include "seqgpu/seqgpu.h"
#include "tests/check.h"

static char folder[200], path[256];

/* Another file of the folder. */
static const char *beside(const char *name) {
  static char text[300];
  snprintf(text, sizeof text, "%s/%s", folder, name);
  return text;
}

static void write_file(const char *file, const void *data, size_t bytes) {
  FILE *f = fopen(file, "wb");
  if (CHECK(f != NULL, "the test writes %zu bytes", bytes) && bytes) fwrite(data, 1, bytes, f);
  if (f) fclose(f);
}

/* The file's text, at most size - 1 characters; "" if there is none. */
static void read_file(const char *file, char *text, size_t size) {
  FILE *f = fopen(file, "rb");
  const size_t got = f ? fread(text, 1, size - 1, f) : 0;
  text[got] = 0;
  if (f) fclose(f);
}

static const char *first_line(void) {
  static char line[100];
  snprintf(line, sizeof line, "seqgpu plans 1, library %s\n", seqgpu_version());
  return line;
}

/* 1 if the cache at `file` has exactly this name for the key. */
static int finds(const char *file, const char *key, const char *expected) {
  char name[64] = "untouched";
  const int found = sq_plan_cache_find(file, key, name, sizeof name);
  return expected ? found && strcmp(name, expected) == 0 : !found;
}

static void check_round_trip(void) {
  char text[1024];
  CHECK(finds(path, "key", NULL), "no file: nothing is found");
  sq_plan_cache_store(path, "key", "cpu/step", 12.25);
  CHECK(finds(path, "key", "cpu/step"), "what was stored is found");
  CHECK(finds(path, "ke", NULL) && finds(path, "key2", NULL) && finds(path, "", NULL), "no key but its own");
  sq_plan_cache_store(path, "key two", "cuda/step", 1);
  sq_plan_cache_store(path, "key", "cuda/cudnn-standard", 2e9);
  CHECK(finds(path, "key", "cuda/cudnn-standard"), "the newer choice replaces the older");
  CHECK(finds(path, "key two", "cuda/step"), "other keys stay");
  read_file(path, text, sizeof text);
  char expected[1024];
  snprintf(expected, sizeof expected,
           "%scuda/step\t1.0 us\tkey two\ncuda/cudnn-standard\t2000000000.0 us\tkey\n", first_line());
  CHECK(strcmp(text, expected) == 0, "the file is text that people can read");
  unlink(path);
}

static void check_many(void) {
  char key[32];
  for (int i = 0; i < 300; i++) {
    snprintf(key, sizeof key, "descriptor %d", i);
    sq_plan_cache_store(path, key, "cpu/step", i);
  }
  CHECK(finds(path, "descriptor 299", "cpu/step") && finds(path, "descriptor 44", "cpu/step"),
        "the newest 256 stay");
  CHECK(finds(path, "descriptor 43", NULL), "the oldest go");
  unlink(path);
}

static void check_stale(void) {
  const char old[] = "seqgpu plans 1, library 0.0.9\ncuda/step\t1.0 us\tkey\n";
  write_file(path, old, sizeof old - 1);
  CHECK(finds(path, "key", NULL), "another version's choices are not used");
  sq_plan_cache_store(path, "other", "cpu/step", 1);
  CHECK(finds(path, "other", "cpu/step") && finds(path, "key", NULL), "and are replaced");
  unlink(path);
}

/* Lines between two good ones must hide neither of them. */
static void check_damaged_lines(void) {
  static const char *const lines[] = {"\n",
                                      "\t\n",
                                      "\t\t\n",
                                      "x\ty\n",
                                      "%n%s%n\t%s\t%n\n",
                                      "\t\tkey",
                                      "key\n",
                                      "cuda/step\t1.0 us\tkey and more\n",
                                      "\x01\xff\xfe\t\x80\t\x7f\n"};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    char text[500];
    const int length = snprintf(text, sizeof text, "%sa/b\t1 us\tone\n%s%sa/c\t1 us\ttwo\n", first_line(),
                                lines[i], lines[i][strlen(lines[i]) - 1] == '\n' ? "" : "\n");
    write_file(path, text, (size_t)length);
    CHECK(finds(path, "one", "a/b") && finds(path, "two", "a/c"), "damaged line %zu: the others are read", i);
    sq_plan_cache_store(path, "three", "a/d", 1);
    CHECK(finds(path, "one", "a/b") && finds(path, "three", "a/d"), "damaged line %zu: the file goes on", i);
  }
  unlink(path);
}

static void check_long(void) {
  enum { LONG = 100000 };
  char *text = (char *)malloc(LONG + 200);
  int length = snprintf(text, 100, "%s", first_line());
  memset(text + length, 'x', LONG);
  length += LONG;
  length += snprintf(text + length, 100, "\ncpu/step\t1 us\tkey\n");
  write_file(path, text, (size_t)length);
  CHECK(finds(path, "key", "cpu/step"), "a line of 100000 characters is skipped");
  length = snprintf(text, 100, "%s", first_line());
  memset(text + length, 'n', 500);
  snprintf(text + length + 500, 100, "\t1 us\tkey\n");
  write_file(path, text, strlen(text));
  CHECK(finds(path, "key", NULL), "a name of 500 characters is not a name");
  free(text);
  unlink(path);
}

/* A folder so deep that a name beside the cache's own would be too long: nothing is kept, nothing fails. */
static void check_deep(void) {
  enum { DEPTH = 4080, STEP = 200 };
  static char deep[DEPTH + 16];
  char step[STEP + 1];
  size_t length = (size_t)snprintf(deep, sizeof deep, "%s", folder);
  int here = open(folder, O_RDONLY | O_DIRECTORY), steps = 0;
  for (; here >= 0 && length < DEPTH; steps++) {
    const size_t more = DEPTH - length - 1 < STEP ? DEPTH - length - 1 : STEP;
    memset(step, 'd', more);
    step[more] = 0;
    if (more == 0 || mkdirat(here, step, 0700) != 0) break;
    const int below = openat(here, step, O_RDONLY | O_DIRECTORY);
    close(here);
    here = below;
    length += (size_t)sprintf(deep + length, "/%s", step);
  }
  strcpy(deep + length, "/plans");
  if (here < 0 || fchdir(here) != 0) {
    check_skip("no folder is so deep here", "a deep folder");
    return;
  }
  sq_plan_cache_store(deep, "key", "cpu/step", 1);
  CHECK(length > DEPTH - 16 && access("plans", F_OK) != 0 && finds(deep, "key", NULL),
        "a folder of %zu characters", length);
  while (steps-- > 0 && chdir("..") == 0) { /* the last step is shorter */
    memset(step, 'd', STEP);
    step[STEP] = 0;
    for (size_t n = STEP; n > 0 && rmdir(step) != 0; n--) step[n - 1] = 0;
  }
  close(here);
  CHECK(chdir("/") == 0, "back again");
}

/* A good file cut at every length, or with one byte changed: never a wrong name, never a crash. */
static void check_every_damage(void) {
  char good[300], bad[300], name[64];
  int wrong = 0;
  snprintf(good, sizeof good, "%scpu/step\t1.0 us\tthe key\n", first_line());
  const size_t length = strlen(good);
  for (size_t cut = 0; cut < length; cut++) {
    write_file(path, good, cut);
    wrong += sq_plan_cache_find(path, "the key", name, sizeof name);
  }
  if (!CHECK(length > 0 && wrong == 0, "a truncated file holds nothing")) return;
  for (int i = 0; i < 300; i++) {
    memcpy(bad, good, length);
    bad[check_below((int64_t)length)] = (char)check_below(256);
    write_file(path, bad, length);
    sq_plan_cache_find(path, "the key", name, sizeof name);
    sq_plan_cache_store(path, "another", "cpu/step", 1);
  }
  check_record(1, "", "300 files with a changed byte are survived");
  unlink(path);
}

static void check_random_bytes(void) {
  unsigned char bytes[4096];
  char name[64];
  for (int i = 0; i < 50; i++) {
    const int head = snprintf((char *)bytes, sizeof bytes, "%s", first_line());
    for (size_t k = (size_t)head; k < sizeof bytes; k++) bytes[k] = (unsigned char)check_below(256);
    write_file(path, bytes, sizeof bytes);
    sq_plan_cache_find(path, "key", name, sizeof name);
    sq_plan_cache_store(path, "key", "cpu/step", 1);
    if (!finds(path, "key", "cpu/step")) check_record(0, "not found after a store", "random file %d", i);
  }
  unlink(path);
}

/* Not caches: they are neither used nor written over. */
static void check_foreign(void) {
  const char letter[] = "Dear diary,\n";
  char text[100];
  struct stat about;
  write_file(path, letter, sizeof letter - 1);
  sq_plan_cache_store(path, "key", "cpu/step", 1);
  read_file(path, text, sizeof text);
  CHECK(strcmp(text, letter) == 0, "another document is left alone");
  unlink(path);
  write_file(path, "", 0);
  sq_plan_cache_store(path, "key", "cpu/step", 1);
  CHECK(finds(path, "key", "cpu/step"), "an empty file becomes a cache");
  unlink(path);
  CHECK(mkdir(path, 0700) == 0 && finds(path, "key", NULL), "a folder holds nothing");
  sq_plan_cache_store(path, "key", "cpu/step", 1);
  CHECK(stat(path, &about) == 0 && S_ISDIR(about.st_mode) && rmdir(path) == 0, "a folder stays a folder");
  CHECK(mkfifo(path, 0600) == 0 && finds(path, "key", NULL), "a pipe nobody writes does not stop the reader");
  sq_plan_cache_store(path, "key", "cpu/step", 1);
  CHECK(stat(path, &about) == 0 && S_ISFIFO(about.st_mode), "a pipe stays a pipe");
  unlink(path);
  sq_plan_cache_store("/dev/null", "key", "cpu/step", 1);
  CHECK(stat("/dev/null", &about) == 0 && S_ISCHR(about.st_mode), "/dev/null stays a device");
  CHECK(finds("/dev/zero", "key", NULL), "/dev/zero holds nothing");
}

/* Where a single file can be opened the old one cannot be read and the new one be written. */
static void check_no_descriptors(void) {
  struct rlimit old, tight;
  sq_plan_cache_store(path, "key", "cpu/step", 1);
  const int next = open("/dev/null", O_RDONLY);
  getrlimit(RLIMIT_NOFILE, &old);
  tight = old;
  tight.rlim_cur = (rlim_t)next + 1;
  close(next);
  if (setrlimit(RLIMIT_NOFILE, &tight) != 0) {
    check_skip("no limit of open files here", "too many open files");
    return;
  }
  sq_plan_cache_store(path, "other", "cuda/step", 1);
  setrlimit(RLIMIT_NOFILE, &old);
  CHECK(finds(path, "key", "cpu/step"), "what was stored outlives a moment without file descriptors");
  unlink(path);
}

static void check_links(void) {
  struct stat about;
  sq_plan_cache_store(beside("far"), "key", "cpu/step", 1);
  char far[300];
  snprintf(far, sizeof far, "%s", beside("far"));
  CHECK(chmod(far, 0640) == 0 && symlink("far", path) == 0, "a link to a cache");
  sq_plan_cache_store(path, "other", "cuda/step", 1);
  CHECK(finds(far, "key", "cpu/step") && finds(far, "other", "cuda/step"), "it is followed");
  CHECK(lstat(path, &about) == 0 && S_ISLNK(about.st_mode) && stat(path, &about) == 0 &&
            (about.st_mode & 0777) == 0640,
        "and stays a link; permissions are kept");
  unlink(path);
  unlink(far);
}

/* A gigabyte that begins like a cache (a sparse file). */
static void check_huge(void) {
  write_file(path, first_line(), strlen(first_line()));
  if (truncate(path, (off_t)1 << 30) != 0) {
    check_skip("no sparse files here", "a huge file");
    return;
  }
  CHECK(finds(path, "key", NULL), "a huge file holds nothing");
  sq_plan_cache_store(path, "key", "cpu/step", 1);
  struct stat about;
  CHECK(finds(path, "key", "cpu/step") && stat(path, &about) == 0 && about.st_size < 1000,
        "and is replaced by a small one");
  unlink(path);
}

static void check_unwritable(void) {
  char longest[5000];
  memset(longest, 'a', sizeof longest - 1);
  longest[sizeof longest - 1] = 0;
  sq_plan_cache_store(beside("none/plans"), "key", "cpu/step", 1);
  CHECK(finds(beside("none/plans"), "key", NULL), "a folder that is not there keeps nothing");
  sq_plan_cache_store(longest, "key", "cpu/step", 1);
  CHECK(finds(longest, "key", NULL), "nor does a path of 5000 characters");
  sq_plan_cache_store("", "key", "cpu/step", 1);
  CHECK(finds("", "key", NULL), "nor an empty path");
  sq_plan_cache_store("/proc/plans", "key", "cpu/step", 1);
  CHECK(finds("/proc/plans", "key", NULL), "nor a file system that takes no files");
}

int main(void) {
  const char *base = getenv("TMPDIR");
  check_start();
  snprintf(folder, sizeof folder, "%.150s/seqgpu-cache-XXXXXX", base ? base : "/tmp");
  if (!CHECK(mkdtemp(folder) != NULL, "a folder to work in")) return check_finish();
  snprintf(path, sizeof path, "%s/plans", folder);
  check_round_trip();
  check_many();
  check_stale();
  check_damaged_lines();
  check_long();
  check_every_damage();
  check_random_bytes();
  check_foreign();
  check_huge();
  check_no_descriptors();
  check_links();
  check_unwritable();
  check_deep();
  CHECK(rmdir(folder) == 0, "no temporary file is left");
  return check_finish();
}
