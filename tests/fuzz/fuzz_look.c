/* fuzz_look.c - what the program says of a file: commands that only read one.  The first byte chooses among
 * them; the text goes to standard output, which leads nowhere. */
#define _GNU_SOURCE
#include "host/cli/command.h"
#include "host/cli/exchange.h"
#include "tests/fuzz/fuzz_file.h"

enum { MOST = 16 };

/* A command line; FILE stands for the file. */
typedef struct line {
  const command_spec *command;
  const char *args[MOST];
} line;

static const char FILE_NAME[] = "FILE";

#define CPU "--device", "cpu", "--threads", "1"
static const line lines[] = {
    {&command_inspect, {"--checkpoint", FILE_NAME, CPU}},
    {&command_inspect, {"--checkpoint", FILE_NAME, CPU, "--json"}},
    {&command_inspect, {"--checkpoint", FILE_NAME, CPU, "--prime", "ab"}},
    {&command_inspect, {"--checkpoint", FILE_NAME, CPU, "--prime", "ab", "--json"}},
    {&command_sample, {"--checkpoint", FILE_NAME, CPU, "--length", "3", "--prime", "b"}},
    {&command_verify, {FILE_NAME}},
    {&command_verify, {FILE_NAME, "--json"}},
    {&command_import, {FILE_NAME, "--list", CPU}},
    {&command_import, {FILE_NAME, "--list", CPU, "--json"}},
};

FUZZ_TARGET(look) {
  const line *l = &lines[fuzz_byte(&data, &size) % (sizeof lines / sizeof lines[0])];
  char *argv[MOST + 1] = {NULL};
  int argc = 0;
  for (; l->args[argc]; argc++)
    argv[argc] = (char *)(l->args[argc] == FILE_NAME ? fuzz_file(0, data, size) : l->args[argc]);
  const int code = l->command->run(argc, argv);
  fuzz_require(code == CLI_OK || code == CLI_FAILED || code == CLI_USAGE);
  return 0;
}
