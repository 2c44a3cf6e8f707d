/* cli.c - error sentences, opening a device, free memory, the clock (cli.h). */
#define _POSIX_C_SOURCE 200809L

#include "host/cli/cli.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

static void say(const char *format, va_list args) {
  fflush(stdout);
  fputs("seqgpu: ", stderr);
  vfprintf(stderr, format, args);
  fputs("\n", stderr);
}

int cli_error(const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(format, args);
  va_end(args);
  return CLI_FAILED;
}

int cli_usage(const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(format, args);
  va_end(args);
  return CLI_USAGE;
}

void cli_note(const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(format, args);
  va_end(args);
}

int cli_library_error(const seqgpu_context *ctx) {
  const char *sentence = seqgpu_last_error(ctx);
  return cli_error("%s", sentence[0] ? sentence : "out of memory");
}

int cli_open(const char *device, int64_t threads, seqgpu_context **out) {
  const seqgpu_context_options options = {.device = device, .threads = (int)threads};
  if (seqgpu_context_create(&options, out) == SEQGPU_OK) return CLI_OK;
  cli_library_error(*out);
  seqgpu_context_destroy(*out);
  *out = NULL;
  return CLI_FAILED;
}

/* Bytes of free memory, 0 if the system does not say. */
static double free_memory(void) {
  FILE *file = fopen("/proc/meminfo", "r");
  double kilobytes = 0;
  char line[128];
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "MemAvailable: %lf kB", &kilobytes) == 1) break;
  if (file) fclose(file);
  return 1024 * kilobytes;
}

int cli_check_memory(const seqgpu_context *ctx, double size) {
  if (strcmp(seqgpu_context_device(ctx), "cpu") != 0) return CLI_OK;
  const double available = free_memory();
  if (available == 0 || size <= available) return CLI_OK;
  return cli_error("out of memory: the model needs about %.1f GB; %.1f GB are free", size / 1e9,
                   available / 1e9);
}

double cli_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
