/* cli.c - errors, the clock, and opening a device, for all commands (cli.h). */
#define _POSIX_C_SOURCE 200809L

#include "cli.h"

#include <stdarg.h>
#include <time.h>

#include "text.h"

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

double cli_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void cli_json_string(FILE *file, const char *text, size_t size) {
  fputc('"', file);
  for (size_t i = 0; i < size;) {
    const size_t length = text_utf8_length(text + i, size - i);
    const unsigned char c = (unsigned char)text[i];
    if (length == 0)
      fputs("\xEF\xBF\xBD", file);
    else if (c == '"' || c == '\\')
      fprintf(file, "\\%c", c);
    else if (c < 0x20)
      fprintf(file, "\\u%04x", c);
    else
      fwrite(text + i, 1, length, file);
    i += length ? length : 1;
  }
  fputc('"', file);
}
