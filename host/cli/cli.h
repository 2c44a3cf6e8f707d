/* cli.h - what the commands of the program share: how errors are said, and the clock.
 *
 * Exit codes: 0 success, 1 it could not be done, 2 the command line was wrong, 130 stopped by Ctrl-C.
 * Every failure is one sentence on stderr.
 */
#ifndef CLI_H
#define CLI_H

#include "seqgpu/seqgpu.h"
#include <stdio.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_STOPPED = 130 };

#define CLI_FORMAT(at) __attribute__((format(printf, at, at + 1)))

/* "seqgpu: ..." on stderr; return CLI_FAILED and CLI_USAGE. */
int cli_error(const char *format, ...) CLI_FORMAT(1);
int cli_usage(const char *format, ...) CLI_FORMAT(1);
/* The context's sentence. */
int cli_library_error(const seqgpu_context *ctx);

/* Opens a device in float32; on failure says why, and *out is NULL. */
int cli_open(const char *device, int64_t threads, seqgpu_context **out);

/* Memory on a CPU is promised before it exists, and a program that then uses it is killed: better to ask before.
 * 0, or CLI_FAILED after a sentence, if a model needs more than is free. */
int cli_check_memory(const seqgpu_context *ctx, double bytes);

/* Seconds since some moment. */
double cli_now(void);

/* Writes a JSON string, quotes included; bytes that are not UTF-8 become U+FFFD. */
void cli_json_string(FILE *file, const char *text, size_t size);

/* Leaves a function that returns an exit code (or a status) with the code of a call that failed. */
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

/* The commands: argv[0] is the first argument after the command's name. */
int command_train(int argc, char **argv);
int command_sample(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_info(int argc, char **argv);

#endif
