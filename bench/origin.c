/* origin.c - where a measurement comes from (origin.h). */
#define _POSIX_C_SOURCE 200809L

#include "bench/origin.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef BENCH_SOURCE_FOLDER
#define BENCH_SOURCE_FOLDER "."
#endif

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
  const char *given = getenv("SEQGPU_COMMIT");
  snprintf(o->commit, sizeof o->commit, "%s", given ? given : "");
  if (o->commit[0]) return;
  if (!first_line("git -C '" BENCH_SOURCE_FOLDER "' rev-parse --short=12 HEAD 2>/dev/null", o->commit,
                  sizeof o->commit))
    strcpy(o->commit, "unknown");
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

void bench_json_text(FILE *file, const char *text) {
  fputc('"', file);
  for (const char *c = text; *c; c++) {
    if (*c == '"' || *c == '\\') fputc('\\', file);
    if ((unsigned char)*c < 0x20)
      fprintf(file, "\\u%04x", (unsigned)*c);
    else
      fputc(*c, file);
  }
  fputc('"', file);
}

void bench_origin_json(FILE *file, const bench_origin *origin) {
  const char *const names[] = {"device", "driver", "date", "commit"};
  const char *const values[] = {origin->device, origin->driver, origin->date, origin->commit};
  for (int i = 0; i < 4; i++) {
    fprintf(file, "%s\"%s\": ", i ? ", " : "", names[i]);
    bench_json_text(file, values[i]);
  }
}
