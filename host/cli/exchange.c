/* exchange.c - what the commands import and export have in common (exchange.h). */
#include "host/cli/exchange.h"

#include <string.h>

#include "host/cli/files.h"

const char *exchange_file(int *argc, char ***argv) {
  if (*argc < 1 || (*argv)[0][0] == '-') return NULL;
  --*argc;
  return *(*argv)++;
}

int exchange_open(seqgpu_context *ctx, const char *path, const char *format, seqgpu_import **out) {
  const char *const named = strcmp(format, "auto") == 0 ? NULL : format;
  return seqgpu_import_open(ctx, path, named, out) == SEQGPU_OK ? CLI_OK : cli_library_error(ctx);
}

/* All names, for a sentence. */
static void list_names(const seqgpu_import *import, char *out, size_t size) {
  seqgpu_import_info info;
  size_t used = 0;
  out[0] = 0;
  for (int i = 0; seqgpu_import_get(import, i, &info) == SEQGPU_OK && used < size; i++) {
    used += (size_t)snprintf(out + used, size - used, "%s%.60s", i ? ", " : "", info.name);
    if (i + 1 == seqgpu_import_count(import)) break;
  }
}

int exchange_choose(const seqgpu_import *import, const char *name, int one, int *index) {
  char names[512];
  *index = -1;
  list_names(import, names, sizeof names);
  if (seqgpu_import_count(import) == 0)
    return cli_error("the file has no recurrent network that can be taken");
  if (name) {
    *index = seqgpu_import_find(import, name);
    return *index >= 0 ? CLI_OK : cli_usage("--network: is \"%.60s\"; the file has %s", name, names);
  }
  if (!one) return CLI_OK;
  *index = 0;
  if (seqgpu_import_count(import) == 1) return CLI_OK;
  return cli_usage("--network: is missing; the file has %s", names);
}

int exchange_check_target(const char *to, const char *from, int replace) {
  if (files_are_same(to, from)) return cli_error("--to: is %s, the file that is read; give another name", to);
  if (files_has_content(to) && !replace) return cli_error("%s: is there already; --force replaces it", to);
  return CLI_OK;
}
