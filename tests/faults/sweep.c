/* sweep.c - runs a command again and again, and each time another call of the C library fails (kinds.h,
 * shim.c).
 *
 *   faults_sweep SHIM FOLDER NAME CODE MOST PROGRAM ARGUMENTS...
 *
 * Each run begins in a folder with the files of FOLDER, of which `input` is its standard input.  First come
 * two runs without a fault: what they leave alike is the result.  Then, for each kind of fault, the n-th call
 * fails, for all n, or for MOST of them, drawn by SEQGPU_TEST_SEED.  CODE is what the program ends with.
 * Whatever happens:
 *
 *   - the program ends by itself, with 0 or 1; with 1, it has said why, in a sentence with the reason that
 *     the call gave; with 0, it has said what it left out, or the result is the same; what it refuses, it
 *     refuses always;
 *   - nothing is left that it had: no temporary file, no block of memory, no open file;
 *   - every file is what it was, or what it should become, or a whole state between: a model that `verify`
 *     confirms, a log or a cache of whole lines, whole records of events.
 *
 * A line for each kind, "pass NAME, KIND: ..." or "FAIL NAME, KIND: ...", and "skip NAME, KIND: ..." for each fault that another
 * library does not survive.
 */
#define _XOPEN_SOURCE 700

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/faults/folder.h"
#include "tests/faults/kinds.h"

enum { SECONDS = 60, WORDS = 600 };

typedef struct outcome {
  int status; /* of waitpid */
  fault_report report;
  folder_file out, err;
  folder left;
} outcome;

static const char *shim, *name;
static char **command, *program; /* to run, and the one whose command `verify` is */
static char scratch[64], work[96], report_path[96], out_path[96], err_path[96];
static fault_report *report;
static folder start, whole; /* models that verify has confirmed */
static outcome expected;
static int out_is_fixed;

/* ---------------------------------------------------------------- running */

static void child(char **arguments, const char *which) {
  const int out = open(out_path, O_WRONLY | O_CREAT | O_TRUNC, 0666),
            err = open(err_path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (chdir(work) != 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0) _exit(125);
  int in = open("input", O_RDONLY);
  if (in < 0) in = open("/dev/null", O_RDONLY);
  dup2(in, STDIN_FILENO);
  close(in), close(out), close(err);
  if (which) {
    setenv("LD_PRELOAD", shim, 1);
    setenv(FAULT_REPORT, report_path, 1);
    if (which[0]) setenv(FAULT_WHICH, which, 1);
  }
  alarm(SECONDS);
  execv(arguments[0], arguments);
  _exit(125);
}

static int run(char **arguments, const char *which) {
  int status = 0;
  memset(report, 0, sizeof *report);
  fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) child(arguments, which);
  while (waitpid(pid, &status, 0) < 0) {}
  return status;
}

/* which: "KIND:N", or "" for no fault. */
static outcome run_command(const char *which) {
  outcome o;
  folder_write(&start, work);
  o.status = run(command, which);
  o.report = *report;
  o.out = folder_read_file(out_path);
  o.err = folder_read_file(err_path);
  o.left = folder_read(work);
  return o;
}

static void outcome_free(outcome *o) {
  folder_free(&o->left);
  free(o->out.name), free(o->out.data), free(o->err.name), free(o->err.data);
}

static int code_of(const outcome *o) { return WEXITSTATUS(o->status); }

/* ---------------------------------------------------------------- files */

static int ends_with(const char *text, const char *end) {
  const size_t length = strlen(text), n = strlen(end);
  return length >= n && strcmp(text + length - n, end) == 0;
}

static int is_log(const char *file) { return ends_with(file, ".jsonl"); }
static int is_events(const char *file) { return strstr(file, "events.out.tfevents") != NULL; }
static int is_cache(const char *file) { return ends_with(file, ".plans"); }
static int is_model(const char *file) { return ends_with(file, ".st"); }

/* Whole lines, each with these characters at its ends, 0 = any. */
static int has_whole_lines(const folder_file *f, char first, char last) {
  for (const char *line = f->data; *line;) {
    const char *end = strchr(line, '\n');
    if (end == NULL || (first && line[0] != first) || (last && end[-1] != last)) return 0;
    line = end + 1;
  }
  return 1;
}

/* Whole records: length, checksum of the length, data, checksum. */
static int is_whole_events(const folder_file *f) {
  uint64_t length;
  for (size_t at = 0; at < f->size; at += 16 + (size_t)length) {
    if (f->size - at < 16) return 0;
    memcpy(&length, f->data + at, sizeof length);
    if (length > f->size - at - 16) return 0;
  }
  return 1;
}

/* A model that verify confirms, in the folder of the last run. */
static int is_whole_model(const folder_file *f) {
  char word[] = "verify", *arguments[] = {program, word, f->name, NULL};
  for (int i = 0; i < whole.count; i++)
    if (folder_same(&whole.files[i], f)) return 1;
  if (run(arguments, NULL) != 0) return 0;
  whole.files = realloc(whole.files, (size_t)(whole.count + 1) * sizeof *whole.files);
  folder_file *copy = &whole.files[whole.count++];
  *copy = (folder_file){.name = strdup(f->name), .data = malloc(f->size + 1), .size = f->size};
  memcpy(copy->data, f->data, f->size);
  return 1;
}

static int is_as(const folder *f, const folder_file *file) {
  const folder_file *other = folder_find(f, file->name);
  return other && folder_same(other, file);
}

static int is_temporary(const char *file) { return strstr(file, ".tmp") || strstr(file, ".seqgpu"); }

static int is_whole(const folder_file *f) {
  if (is_as(&start, f) || is_as(&expected.left, f)) return 1;
  if (is_log(f->name)) return has_whole_lines(f, '{', '}');
  if (is_cache(f->name)) return has_whole_lines(f, 0, 0) && strncmp(f->data, "seqgpu plans ", 13) == 0;
  if (is_events(f->name)) return is_whole_events(f);
  return is_model(f->name) && is_whole_model(f);
}

/* ---------------------------------------------------------------- the judgement */

static char why[WORDS]; /* "" = all is well */

__attribute__((format(printf, 1, 2))) static int wrong(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(why, sizeof why, format, args);
  va_end(args);
  return 0;
}

/* Lines of standard error that do not come from the program; its sentences are counted. */
static int count_sentences(const folder_file *err, int *count) {
  *count = 0;
  for (const char *line = err->data; *line; (*count)++) {
    const char *end = strchr(line, '\n');
    if (strncmp(line, "seqgpu: ", 8) != 0 || end == NULL) return wrong("it said: %.200s", line);
    line = end + 1;
  }
  return 1;
}

/* The reason stands in a sentence; of what was printed some is lost where stdio wrote by itself. */
static int says_why(const folder_file *err, const fault_kind *kind) {
  const char *reason = kind->error == ENOMEM || kind->of == FAULT_THREAD ? "memory" : strerror(kind->error);
  if (strstr(err->data, reason)) return 1;
  if (kind->of == FAULT_OUT && strstr(err->data, "not all could be written")) return 1;
  return wrong("it gave another reason: %.300s", err->data);
}

static int judge_files(const outcome *o, const fault_kind *kind) {
  for (int i = 0; i < o->left.count; i++) {
    const folder_file *f = &o->left.files[i];
    if (is_temporary(f->name)) {
      if (kind->of != FAULT_UNLINK) return wrong("it left %s", f->name);
    } else if (!is_whole(f)) {
      return wrong("%s, %zu bytes, is neither old nor new nor whole", f->name, f->size);
    }
  }
  for (int i = 0; i < start.count; i++)
    if (folder_find(&expected.left, start.files[i].name) && !folder_find(&o->left, start.files[i].name))
      return wrong("%s is gone", start.files[i].name);
  return 1;
}

/* The results are those of the run without a fault. */
static int judge_results(const outcome *o) {
  for (int i = 0; i < expected.left.count; i++) {
    const folder_file *f = &expected.left.files[i];
    if (is_log(f->name) || is_events(f->name) || is_cache(f->name)) continue; /* they tell the time */
    const folder_file *own = folder_find(&o->left, f->name);
    if (own == NULL) return wrong("it succeeded without %s", f->name);
    if (!folder_same(own, f)) return wrong("it succeeded with another %s", f->name);
  }
  if (out_is_fixed && code_of(o) == 0 && !folder_same(&o->out, &expected.out))
    return wrong("it printed something else");
  return 1;
}

typedef struct counts {
  int runs, recovered, told, refused, missed;
} counts;

static int judge_end(const outcome *o) {
  if (WIFSIGNALED(o->status)) return wrong("it died of signal %d", WTERMSIG(o->status));
  if (code_of(o) > 1) return wrong("it ended with %d: %.200s", code_of(o), o->err.data);
  if (code_of(o) == 0 && code_of(&expected) == 1) return wrong("it did what it must not");
  if (!o->report.ended) return wrong("it did not come to its end");
  if (o->report.blocks == 0 && o->report.streams == 0) return 1;
  return wrong("it left %ld blocks of memory and %ld files open: %.200s", o->report.blocks, o->report.streams,
               o->err.data);
}

static int judge(const outcome *o, const fault_kind *kind, counts *c) {
  int sentences, usual;
  why[0] = 0;
  if (!judge_end(o) || !count_sentences(&o->err, &sentences)) return 0;
  count_sentences(&expected.err, &usual);
  const int as_usual = code_of(o) == code_of(&expected);
  const int told = code_of(o) == 1 ? !folder_same(&o->err, &expected.err) : sentences > usual;
  c->missed += o->report.fired == 0;
  if (as_usual && !told) c->recovered++;
  if (code_of(o) == 0 && told) c->told++;
  if (code_of(o) == 1 && told) c->refused++;
  if (!as_usual && (sentences == 0 || folder_same(&o->err, &expected.err)))
    return wrong("it failed without a sentence");
  if (told && !says_why(&o->err, kind)) return 0;
  if (told && kind->must_recover) return wrong("it did not recover: %.200s", o->err.data);
  return judge_files(o, kind) && (told || judge_results(o));
}

/* ---------------------------------------------------------------- the sweep */

static uint32_t random_below(uint32_t below) { /* splitmix (Vigna) */
  static uint64_t state;
  if (state == 0)
    state = strtoull(getenv("SEQGPU_TEST_SEED") ? getenv("SEQGPU_TEST_SEED") : "1", NULL, 10) + 1;
  uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  return (uint32_t)((z ^ (z >> 31)) % below);
}

/* libsndfile 1.2.0 goes on without the memory that it asked for itself, in some of its calls: that no program
 * can catch. */
static int is_of_libsndfile(const outcome *o, const fault_kind *kind) {
  return kind->of == FAULT_MEMORY && WIFSIGNALED(o->status) && WTERMSIG(o->status) == SIGSEGV &&
         strstr(o->report.where, " from libsndfile.so") != NULL;
}

static int inject(const fault_kind *kind, long n, counts *c) {
  char which[64];
  snprintf(which, sizeof which, "%s:%ld", kind->name, n);
  outcome o = run_command(which);
  c->runs++;
  const int theirs = is_of_libsndfile(&o, kind);
  if (theirs)
    printf("skip %s, %s: %s: libsndfile itself goes on without memory\n", name, which, o.report.where);
  const int ok = theirs || judge(&o, kind, c);
  if (!ok) printf("FAIL %s, %s: %s: %s\n", name, which, o.report.where, why);
  if (getenv("SEQGPU_FAULTS_TELL"))
    printf("  %s (%s): %d %.300s\n", which, o.report.where, code_of(&o), o.err.data);
  outcome_free(&o);
  return ok;
}

/* Call number i of `most` that are spread over all of them. */
static long pick(long i, long most, long calls) {
  if (most >= calls) return i + 1;
  const long begin = i * calls / most, end = (i + 1) * calls / most;
  return begin + 1 + random_below((uint32_t)(end - begin));
}

static int sweep(const fault_kind *kind, long calls, long most) {
  counts c = {.runs = 0};
  int ok = 1;
  if (calls == 0) return 1;
  if (most > calls || most == 0) most = calls;
  for (long i = 0; i < most; i++) ok &= inject(kind, pick(i, most, calls), &c);
  if (ok)
    printf("pass %s, %s: %d of %ld calls failed; %d recovered, %d went on and said so, %d refused, %d not "
           "reached\n",
           name, kind->name, c.runs, calls, c.recovered, c.told, c.refused, c.missed);
  return ok;
}

static void prepare(const char *from) {
  snprintf(scratch, sizeof scratch, "/tmp/seqgpu-faults-XXXXXX");
  if (mkdtemp(scratch) == NULL) exit(1);
  snprintf(work, sizeof work, "%s/work", scratch);
  snprintf(report_path, sizeof report_path, "%s/report", scratch);
  snprintf(out_path, sizeof out_path, "%s/out", scratch);
  snprintf(err_path, sizeof err_path, "%s/err", scratch);
  const int fd = open(report_path, O_RDWR | O_CREAT, 0666);
  if (fd < 0 || ftruncate(fd, sizeof *report) != 0) exit(1);
  report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (report == MAP_FAILED) exit(1);
  start = folder_read(from);
}

/* The runs without a fault, which end with this code. */
static int run_without(int code, long calls[FAULT_CLASSES]) {
  outcome first = run_command("");
  expected = run_command("");
  for (int i = 0; i < FAULT_CLASSES; i++) calls[i] = expected.report.calls[i];
  out_is_fixed = folder_same(&first.out, &expected.out);
  why[0] = 0;
  const int ok = judge_end(&expected) && code_of(&first) == code && code_of(&expected) == code;
  if (!ok && !why[0]) wrong("it ended with %d: %.300s", code_of(&expected), expected.err.data);
  if (!ok) printf("FAIL %s, without a fault: %s\n", name, why);
  outcome_free(&first);
  return ok;
}

int main(int argc, char **argv) {
  long calls[FAULT_CLASSES];
  const char *only = getenv("SEQGPU_FAULTS_KIND"); /* one kind alone */
  if (argc < 7) {
    fprintf(stderr, "usage: faults_sweep SHIM FOLDER NAME CODE MOST PROGRAM ARGUMENTS...\n");
    return 2;
  }
  shim = argv[1], name = argv[3], command = argv + 6;
  program = getenv("SEQGPU_FAULTS_PROGRAM") ? getenv("SEQGPU_FAULTS_PROGRAM") : command[0];
  prepare(argv[2]);
  const int runs = run_without(strcmp(argv[4], "0") != 0, calls);
  int ok = runs;
  for (int i = 0; runs && i < FAULT_KINDS; i++)
    if (only == NULL || strcmp(only, fault_kinds[i].name) == 0)
      ok &= sweep(&fault_kinds[i], calls[fault_kinds[i].of], strtol(argv[5], NULL, 10));
  folder_remove(scratch);
  folder_free(&start), folder_free(&whole);
  outcome_free(&expected);
  return ok ? 0 : 1;
}
