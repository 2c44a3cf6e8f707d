/* cli.c - error sentences, opening a device, free memory, the clock (cli.h). */
#define _POSIX_C_SOURCE 200809L

#include "host/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/context/utf8.h"

enum { SENTENCE = 2048 };

void cli_show(FILE *to, const char *text, size_t most) {
  char shown[4];
  size_t left = strlen(text);
  for (size_t taken; left > 0 && most > 0; text += taken, left -= taken, most--) {
    const size_t length = sq_utf8_shown(text, left, shown, &taken);
    fwrite(shown, 1, length, to);
  }
  if (left > 0) fputs("...", to);
}

static int output_error; /* the first */

void cli_flush(void) {
  if (fflush(stdout) != 0 && output_error == 0) output_error = errno;
}

int cli_finish_output(int code) {
  cli_flush();
  if (code != CLI_OK || (output_error == 0 && !ferror(stdout))) return code;
  return cli_error("standard output: %s", output_error ? strerror(output_error) : "not all could be written");
}

/* Sentences quote what stands in files.  One is a single write, so that those of several processes do not
 * mix: what may be shown of a character is never longer. */
__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list args) {
  char sentence[SENTENCE + 16] = "seqgpu: ", *text = sentence + strlen(sentence), *to = text;
  vsnprintf(text, SENTENCE, format, args);
  for (size_t left = strlen(text), taken; left > 0; text += taken, left -= taken) {
    char shown[4];
    const size_t length = sq_utf8_shown(text, left, shown, &taken);
    memcpy(to, shown, length);
    to += length;
  }
  *to++ = '\n';
  cli_flush();
  fwrite(sentence, 1, (size_t)(to - sentence), stderr);
}

int(cli_error)(const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(format, args);
  va_end(args);
  return CLI_FAILED;
}

static int usage_is_silent, notes_are_silent;

void cli_silence_usage(void) { usage_is_silent = 1; }
void cli_silence_notes(void) { notes_are_silent = 1; }

int(cli_usage)(const char *format, ...) {
  va_list args;
  if (usage_is_silent) return CLI_USAGE;
  va_start(args, format);
  say(format, args);
  va_end(args);
  return CLI_USAGE;
}

void cli_note(const char *format, ...) {
  va_list args;
  if (notes_are_silent) return;
  va_start(args, format);
  say(format, args);
  va_end(args);
}

static int no_memory;

seqgpu_status cli_no_memory(void) {
  no_memory = 1;
  return SEQGPU_ENOMEM;
}

int cli_library_error(const seqgpu_context *ctx) {
  const char *sentence = no_memory ? "" : seqgpu_last_error(ctx);
  no_memory = 0;
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
  static const char key[] = "MemAvailable:";
  while (file && fgets(line, sizeof line, file) && kilobytes == 0)
    if (strncmp(line, key, strlen(key)) == 0) kilobytes = strtod(line + strlen(key), NULL);
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
