/* origin.c - where a measurement comes from (origin.h). */
#define _POSIX_C_SOURCE 200809L

#include "bench/common/origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/common/commit.h" /* written by each build: BENCH_COMMIT */

/* The first line that the command prints; 0 if it prints none. */
static int first_line(const char *command, char *out, size_t size) {
  FILE *pipe = popen(command, "r");
  if (pipe == NULL) return 0;
  out[0] = 0;
  if (fgets(out, (int)size, pipe) == NULL) out[0] = 0;
  pclose(pipe);
  out[strcspn(out, "\r\n")] = 0;
  return out[0] != 0;
}

static void find_commit(bench_origin *o) {
  const char *commit = BENCH_COMMIT;
  const char *given = strcmp(commit, "unknown") == 0 ? getenv("SEQGPU_COMMIT") : NULL;
  snprintf(o->commit, sizeof o->commit, "%s", given && given[0] ? given : commit);
}

static void find_processor(bench_origin *o) {
  if (!first_line("sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2>/dev/null", o->device, sizeof o->device))
    strcpy(o->device, "unknown processor");
  strcpy(o->driver, "none");
}

static void find_card(bench_origin *o, const char *device) {
  snprintf(o->device, sizeof o->device, "%s", device);
  if (!first_line("nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null", o->driver,
                  sizeof o->driver))
    strcpy(o->driver, "unknown");
}

bench_origin bench_origin_of(const char *device) {
  bench_origin o;
  if (device)
    find_card(&o, device);
  else
    find_processor(&o);
  find_commit(&o);
  const time_t now = time(NULL);
  struct tm utc;
  gmtime_r(&now, &utc);
  strftime(o.date, sizeof o.date, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return o;
}
