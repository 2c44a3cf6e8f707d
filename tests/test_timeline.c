/* test_timeline.c - the marks of a persistent step's phases (kernels/persistent/timeline.h), on the emulator, whose clock
 * counts marks: each launch appends a line for each stage of its cell, every phase of every step has its mark, and they
 * come in their order.
 */
#define _POSIX_C_SOURCE 200809L /* setenv, mkstemp */
#include <stdlib.h>
#include <unistd.h>

#include "tests/net.h"
#include "tests/shapes.h"
#include "tests/simt/simt_controls.h"

enum { SHORT = 3, LONG = 100 }; /* fewer steps, and more, than marks are kept of */

static seqgpu_context *emulator;
static char path[] = "/tmp/seqgpu-timeline-XXXXXX";

/* The file is empty before. */
static void run(const char *algorithm, const char *cell, int64_t steps, int asked) {
  seqgpu_rnn_desc desc = {.cell = cell, .input_size = 2, .hidden_size = 8, .seq_len = steps, .batch = 2};
  net n;
  if (truncate(path, 0) != 0 || !net_open_as(&n, emulator, &desc, algorithm, NULL)) return;
  net_fill(&n);
  if (asked) setenv("SEQGPU_TIMELINE", path, 1);
  net_run(&n);
  unsetenv("SEQGPU_TIMELINE");
  net_close(&n);
}

static long long value_of(const char *line, const char *key) {
  char quoted[32];
  snprintf(quoted, sizeof quoted, "\"%s\": ", key);
  const char *at = strstr(line, quoted);
  return at ? strtoll(at + strlen(quoted), NULL, 10) : -1;
}

/* The line of a pass and a stage; 0 if there is none. */
static int find_line(const char *algorithm, const char *pass, int stage, char *line, int room) {
  char words[128];
  FILE *f = fopen(path, "r");
  snprintf(words, sizeof words, "\"algorithm\": \"%s\"", algorithm);
  int found = 0;
  while (f && !found && fgets(line, room, f))
    found = strstr(line, words) && strstr(line, pass) && value_of(line, "stage") == stage;
  if (f) fclose(f);
  return found;
}

/* The emulator's clock goes on by one at each mark, of which a stage has five. */
static void check_line(const char *algorithm, const char *cell, const char *pass, int stage, int stages,
                       int64_t steps) {
  char line[4096] = "";
  const int found = find_line(algorithm, pass, stage, line, sizeof line);
  CHECK(found && value_of(line, "steps") == steps, "%s, %s, stage %d of %d steps has its line", cell, pass,
        stage, (int)steps);
  const int ordered = value_of(line, "product") == 1 && value_of(line, "pointwise") == 1 &&
                      value_of(line, "announce") == 1 && value_of(line, "exchange") == 1;
  check_record(ordered, line, "%s, %s, stage %d of %d steps: a mark for each phase, in order", cell, pass,
               stage, (int)steps);
  check_record(value_of(line, "step") == 5 * stages, line,
               "%s, %s, stage %d of %d steps: no step without marks", cell, pass, stage, (int)steps);
}

static void check_algorithm(const char *algorithm, const char *cell, int stages, int64_t steps) {
  check_at("emulator/%s f32", algorithm);
  run(algorithm, cell, steps, 1);
  for (int stage = 0; stage < stages; stage++) {
    check_line(algorithm, cell, "forward", stage, stages, steps);
    check_line(algorithm, cell, "backward", stage, stages, steps);
  }
}

static void check_unasked(void) {
  char line[8];
  run("persistent-cta", "lstm", SHORT, 0);
  FILE *f = fopen(path, "r");
  CHECK(f && fgets(line, sizeof line, f) == NULL, "lstm, without SEQGPU_TIMELINE nothing is written");
  if (f) fclose(f);
}

int main(void) {
  check_start();
  emulator = net_context("emulator", SEQGPU_DTYPE_F32, 1);
  const int file = mkstemp(path);
  if (file >= 0) close(file);
  sq_simt_set_device(4, 100000, 4);
  check_algorithm("persistent-cta", "lstm", 1, SHORT);
  check_algorithm("persistent-cta", "lstm", 1, LONG);
  check_algorithm("persistent-cta", "gru", 2, SHORT);
  check_algorithm("persistent-cluster-async", "lstm", 1, SHORT);
  check_algorithm("persistent-grid-packets", "lstm", 1, SHORT);
  check_unasked();
  sq_simt_reset_device();
  unlink(path);
  seqgpu_context_destroy(emulator);
  return check_finish();
}
