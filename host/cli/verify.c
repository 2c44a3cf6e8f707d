/* verify.c - `seqgpu verify`: whether files are still what was written, by their checksums. */
#include "host/cli/command.h"
#include "host/cli/json.h"

typedef struct verify_options {
  int json;
} verify_options;

static const arg_spec specs[] = {
    ROW_FLAG("json", ARG_NOT_KEPT, offsetof(verify_options, json), "print JSON instead of text"),
    ROW_END,
};
static const arg_command help = {
    "seqgpu verify FILE... [options]",
    "Compares each tensor of .safetensors files, and their metadata, with the checksums that this program "
    "writes.\n"
    "Exit code 1 if anything differs, and for files that cannot be read.\n"
    "Of a file without checksums, from an older version or another program, nothing is known; it says so, "
    "and "
    "that is no failure.",
    specs};

typedef struct findings {
  int count;   /* what was compared: the header and the tensors */
  int damaged; /* how many of them differ */
} findings;

static void print_damage(seqgpu_context *ctx, int json, int first) {
  if (json)
    json_text(stdout, first ? "" : ", ", seqgpu_last_error(ctx));
  else
    cli_library_error(ctx);
}

/* Prints what differs. */
static findings compare(seqgpu_context *ctx, const seqgpu_checkpoint *file, int json) {
  findings f = {0, 0};
  for (int i = SEQGPU_CHECKPOINT_HEADER; i < seqgpu_checkpoint_tensor_count(file); i++) {
    f.count++;
    if (seqgpu_checkpoint_verify(file, i) != SEQGPU_OK) print_damage(ctx, json, f.damaged++ == 0);
  }
  return f;
}

static int verify_open(seqgpu_context *ctx, const seqgpu_checkpoint *file, const char *path, int json) {
  const int tensors = seqgpu_checkpoint_tensor_count(file), has = seqgpu_checkpoint_has_checksums(file);
  if (json) {
    json_text(stdout, "{\"file\": ", path);
    printf(", \"checksums\": %s, \"tensors\": %d, \"damage\": [", has ? "true" : "false", tensors);
  }
  const findings f = compare(ctx, file, json);
  if (json)
    printf("]}\n");
  else if (!has)
    printf("%s: has no checksums; %d tensors, of which nothing is known\n", path, tensors);
  else if (f.damaged == 0)
    printf("%s: all %d tensors and the metadata are what was written\n", path, tensors);
  return f.damaged ? CLI_FAILED : CLI_OK;
}

static int verify_file(seqgpu_context *ctx, const char *path, int json) {
  seqgpu_checkpoint *file;
  if (seqgpu_checkpoint_open(ctx, path, &file) == SEQGPU_OK) {
    const int code = verify_open(ctx, file, path, json);
    seqgpu_checkpoint_close(file);
    return code;
  }
  if (json) {
    json_text(stdout, "{\"file\": ", path);
    json_text(stdout, ", \"damage\": [", seqgpu_last_error(ctx));
    printf("]}\n");
    return CLI_FAILED;
  }
  return cli_library_error(ctx);
}

static int verify(int argc, char **argv) {
  verify_options options = {0};
  unsigned char given[ARGS_MAX];
  seqgpu_context *ctx;
  int files = 0, code = CLI_OK;
  while (files < argc && argv[files][0] != '-') files++;
  const int parsed = args_parse(&help, argc - files, argv + files, &options, given);
  if (parsed != ARGS_GO_ON) return parsed;
  if (files == 0) return cli_usage("a file is missing; see seqgpu verify --help");
  CLI_TRY(cli_open("cpu", 1, &ctx));
  for (int i = 0; i < files; i++)
    if (verify_file(ctx, argv[i], options.json) != CLI_OK) code = CLI_FAILED;
  seqgpu_context_destroy(ctx);
  return code;
}

const command_spec command_verify = {"verify", "compare files with the checksums in them", verify};
