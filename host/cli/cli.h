/* cli.h - what every file of the program builds on: exit codes, error sentences, the device and the clock.
 *
 * Exit codes: 0 success, 1 failure, 2 wrong command line, CLI_SIGNAL + N stopped by
 * signal N: 129 hang-up, 130 Ctrl-C, 143 SIGTERM.
 * Every failure is one sentence on standard error that says who: what it is; what it must be.
 */
#ifndef CLI_H
#define CLI_H

#include "seqgpu/seqgpu.h"
#include <stdio.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_SIGNAL = 128 };

/* What was printed so far leaves the program. */
void cli_flush(void);
/* The last of it; the exit code of a command that ended with `code`: one whose output was lost has failed. */
int cli_finish_output(int code);

/* From here on cli_usage, or cli_note, is silent: another process has the same command line and says the same. */
void cli_silence_usage(void);
void cli_silence_notes(void);

#define CLI_FORMAT(at) __attribute__((format(printf, at, at + 1)))

/* "seqgpu: ..." on standard error; they return CLI_FAILED and CLI_USAGE. */
int cli_error(const char *format, ...) CLI_FORMAT(1);
int cli_usage(const char *format, ...) CLI_FORMAT(1);
/* Their codes once more, where compilers and analysers see them. */
#define cli_error(...) cli_failed(cli_error(__VA_ARGS__), CLI_FAILED)
#define cli_usage(...) cli_failed(cli_usage(__VA_ARGS__), CLI_USAGE)
static inline int cli_failed(int said, int code) {
  (void)said;
  return code;
}

/* Prints text that may come from a file of a stranger, at most `most` characters of it: none of them can
 * control the terminal. */
void cli_show(FILE *to, const char *text, size_t most);
/* The same for what is no failure. */
void cli_note(const char *format, ...) CLI_FORMAT(1);
/* The last sentence of the context. */
int cli_library_error(const seqgpu_context *ctx);
/* SEQGPU_ENOMEM, for memory of the program's own: cli_library_error then says this, and not what the context
 * said last. */
seqgpu_status cli_no_memory(void);

/* Opens a device in float32; on failure says why, and *out is NULL. */
int cli_open(const char *device, int64_t threads, seqgpu_context **out);

/* 0, or CLI_FAILED after a sentence, if a model needs more memory than is free.  An operating system promises
 * memory before it exists and kills the program that then uses it, so it is better to ask first. */
int cli_check_memory(const seqgpu_context *ctx, double size);

/* Seconds since some moment. */
double cli_now(void);

/* Leaves a function that returns an exit code with the code of a call that failed. */
#define CLI_TRY(call)                                                                                        \
  do {                                                                                                       \
    const int cli_code = (int)(call);                                                                        \
    if (cli_code != 0) return cli_code;                                                                      \
  } while (0)
/* The same in a function that returns a seqgpu_status. */
#define LIB_TRY(call)                                                                                        \
  do {                                                                                                       \
    const seqgpu_status lib_status = (call);                                                                 \
    if (lib_status != SEQGPU_OK) return lib_status;                                                          \
  } while (0)

#endif
