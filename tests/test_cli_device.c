/* test_cli_device.c - the commands of the program when the device fails, or memory is refused to the library,
 * at each call in turn: exit code 1 and one sentence that says so, or the same result all the same; nothing
 * leaks.
 *
 * The program's files are compiled into this test with the calls below in place of the library's
 * (CMakeLists.txt).  faults.sh does the same with the calls of the C library.
 */
#define _XOPEN_SOURCE 700

#include "host/cli/command.h"
#include "host/cli/exchange.h"
#include "host/cli/hash.h"
#include "tests/breaking.h"
#include "tests/said.h"

#include <dirent.h>
#include <unistd.h>

/* ---------------------------------------------------------------- what the program calls instead */

seqgpu_status broken_context_create(const seqgpu_context_options *options, size_t size, seqgpu_context **out);
void broken_context_destroy(seqgpu_context *ctx);
seqgpu_status broken_plan_create(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, size_t desc_size,
                                 const seqgpu_plan_options *options, size_t size, seqgpu_plan **out);

static void *allocate(size_t bytes, void *user) {
  return breaking_call() ? NULL : failing_allocate(bytes, user);
}

seqgpu_status broken_context_create(const seqgpu_context_options *options, size_t size,
                                    seqgpu_context **out) {
  const seqgpu_allocator allocator = {allocate, failing_release, &breaking_now.memory};
  seqgpu_context_options changed = *options;
  changed.allocator = &allocator;
  const seqgpu_status status = seqgpu_context_create_(&changed, size, out);
  if (status == SEQGPU_OK) breaking_begin(*out);
  return status;
}

void broken_context_destroy(seqgpu_context *ctx) {
  if (ctx && ctx->backend == &breaking_backend) breaking_end(ctx);
  seqgpu_context_destroy(ctx);
}

seqgpu_status broken_plan_create(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, size_t desc_size,
                                 const seqgpu_plan_options *options, size_t size, seqgpu_plan **out) {
  const seqgpu_status status = seqgpu_plan_create_(ctx, desc, desc_size, options, size, out);
  if (status == SEQGPU_OK) breaking_plan(*out);
  return status;
}

/* ---------------------------------------------------------------- one run of the program */

static const command_spec *const commands[] = {&command_train,   &command_sample, &command_eval,
                                               &command_inspect, &command_verify, &command_import,
                                               &command_export};
enum { WORDS = 48, PRINTED = 1 << 16 };
static char printed[PRINTED]; /* on standard output */

/* The command line without the name of the program; returns the exit code, and leaves what it prints in
 * `printed` and `said`. */
static int run(const char *line) {
  char words[1024], *argv[WORDS] = {NULL};
  int argc = 0, code = -1;
  snprintf(words, sizeof words, "%s", line);
  for (char *word = strtok(words, " "); word && argc < WORDS; word = strtok(NULL, " ")) argv[argc++] = word;
  said_stream out = said_begin(STDOUT_FILENO);
  said_listen();
  for (size_t i = 0; i < COUNT(commands); i++)
    if (strcmp(commands[i]->name, argv[0]) == 0) code = commands[i]->run(argc - 1, argv + 1);
  said_end(&said_errors, said, sizeof said);
  said_end(&out, printed, PRINTED);
  return code;
}

/* ---------------------------------------------------------------- each call fails */

/* FNV-1a of what the command printed, and of the model it made. */
static uint64_t result(void) {
  uint64_t hash = hash_bytes(HASH_START, printed, strlen(printed));
  FILE *file = fopen("new.st", "rb");
  for (int c; file && (c = getc(file)) != EOF;) hash = hash_bytes(hash, &(const char){(char)c}, 1);
  if (file) fclose(file);
  return hash;
}

static int is_sentence(void) {
  const char *end = strchr(said, '\n');
  return strncmp(said, "seqgpu: ", 8) == 0 && end && end[1] == 0 &&
         (strstr(said, "cpu reports: ") || strstr(said, "memory"));
}

/* Call n fails for n = 0, 1, ...; after 400 every 97th, since a sample of 200 characters is the same calls
 * again and again.  The program says so and gives up, or gives the same result all the same. */
static void each(const char *line) {
  char why[sizeof said + 200] = "";
  breaking_now = (breaking){.break_at = -1, .memory = {.fail_at = -1}};
  const int code = run(line);
  const uint64_t right = result();
  const long calls = breaking_now.calls;
  long tried = 0;
  if (code != CLI_OK) snprintf(why, sizeof why, "without failures: exit code %d, %s", code, said);
  for (long n = 0; n < calls && !why[0]; n += n < 400 ? 1 : 97, tried++) {
    breaking_now = (breaking){.break_at = n, .memory = {.fail_at = -1}};
    const int got = run(line);
    if (got == CLI_OK ? result() != right : got != CLI_FAILED || !is_sentence())
      snprintf(why, sizeof why, "call %ld fails: exit code %d, \"%s\"", n, got, said);
    if (breaking_now.memory.live != 0)
      snprintf(why, sizeof why, "call %ld fails: %ld pieces of memory leak", n, breaking_now.memory.live);
  }
  check_record(!why[0], why, "%ld of %ld calls of the device fail, %s", tried, calls, line);
}

/* ---------------------------------------------------------------- the commands */

static void write_file(const char *name, const void *bytes, size_t size) {
  FILE *to = fopen(name, "wb");
  if (to == NULL || fwrite(bytes, 1, size, to) != size || fclose(to) != 0) {
    perror(name);
    exit(EXIT_FAILURE);
  }
}

#define CHARLM "train charlm --text text --device cpu --threads 1 --quiet --force "
#define SMALL  "--hidden 2 --layers 2 --batch 2 --seq-len 4 "
#define TASK   " --device cpu --threads 1 --quiet --force --hidden 2 --batch 2 "
#define OPEN   " --device cpu --threads 1 "

/* What the others work on. */
static const char *const made[] = {
    CHARLM SMALL "--steps 2 --optimizer adam --keep-best --eval-every 1 --checkpoint model.st",
    "train adding" TASK "--T 4 --eval-size 2 --steps 1 --checkpoint adding.st",
    "train pixels --images images --labels labels" TASK "--steps 1 --checkpoint pixels.st",
    "export model.st --format pytorch --to x.safetensors" OPEN "--force",
};

static const char *const lines[] = {
    CHARLM SMALL
    "--steps 2 --dropout 0.5 --embedding 3 --optimizer adam --init orthogonal --clip auto --lr-decay 0.5 "
    "--eval-every 1 --log-every 1 --sample-every 1 --checkpoint-every 1 --keep 1 --keep-best --checkpoint "
    "new.st",
    CHARLM "--resume model.st --steps 3 --keep-best --eval-every 1 --checkpoint new.st",
    CHARLM SMALL "--init-from model.st --steps 1 --checkpoint new.st",
    "train adding" TASK "--T 4 --eval-size 4 --steps 1 --checkpoint new.st",
    "train adding --resume adding.st" OPEN "--quiet --steps 2 --force --checkpoint new.st",
    "train pixels --images images --labels labels --val-images images --val-labels labels" TASK
    "--steps 1 --checkpoint new.st",
    "train mackey-glass" TASK "--T 21 --eval-size 2 --steps 1 --checkpoint new.st",
    "eval --checkpoint model.st --text text" OPEN,
    "eval --checkpoint adding.st --show 2" OPEN,
    "eval --checkpoint adding.st --input numbers --json" OPEN,
    "eval --checkpoint pixels.st --images images --labels labels --show 2" OPEN,
    "sample --checkpoint model.st --prime the --length 3" OPEN,
    "sample --checkpoint model.st --probabilities 2" OPEN,
    "inspect --checkpoint model.st --prime the" OPEN,
    "inspect --checkpoint model.st --cells text --cells-length 20 --html page.html" OPEN,
    "import x.safetensors --to new.st --force" OPEN,
    "export model.st --format onnx --to x.onnx --force" OPEN,
    "verify model.st",
};

/* Removes what is here; returns how many files were temporary. */
static int empty_folder(void) {
  int temporary = 0;
  DIR *here = opendir(".");
  for (struct dirent *entry; here && (entry = readdir(here)) != NULL;) {
    temporary += strstr(entry->d_name, ".tmp") != NULL;
    if (entry->d_name[0] != '.') unlink(entry->d_name);
  }
  if (here) closedir(here);
  return temporary;
}

int main(void) {
  check_start();
  char folder[] = "/tmp/seqgpu-device-XXXXXX";
  if (!mkdtemp(folder) || chdir(folder) != 0) return EXIT_FAILURE;
  static const char text[] = "the cat sat on the mat, and then it ran to the hat";
  static const char numbers[] = "0.5 1\n0.25 0\n",
                    images[16 + 16] = {0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2},
                    labels[8 + 4] = {0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 0, 1};
  write_file("text", text, sizeof text - 1);
  write_file("numbers", numbers, sizeof numbers - 1);
  write_file("images", images, sizeof images);
  write_file("labels", labels, sizeof labels);
  for (size_t i = 0; i < COUNT(made); i++) {
    breaking_now = (breaking){.break_at = -1, .memory = {.fail_at = -1}};
    const int code = run(made[i]);
    check_record(code == CLI_OK, said, "%s", made[i]);
  }
  for (size_t i = 0; i < COUNT(lines); i++) each(lines[i]);
  CHECK(empty_folder() == 0 && chdir("/") == 0 && rmdir(folder) == 0, "nothing temporary is left");
  return check_finish();
}
