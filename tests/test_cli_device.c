/* test_cli_device.c - the commands of the program when the device fails, or memory is refused to the library,
 * at each call in turn: exit code 1 and one sentence that says so, or the same result all the same; nothing
 * leaks.
 *
 * The linker puts the calls below in the place of the library's (--wrap).  faults.sh does the same with the
 * calls of the C library.
 */
#define _XOPEN_SOURCE 700

#include "tests/breaking.h"
#include "tests/program.h"

/* ---------------------------------------------------------------- what the program calls instead */

seqgpu_status __real_seqgpu_context_create_(const seqgpu_context_options *options, size_t size,
                                            seqgpu_context **out);
seqgpu_status __wrap_seqgpu_context_create_(const seqgpu_context_options *options, size_t size,
                                            seqgpu_context **out);
void __real_seqgpu_context_destroy(seqgpu_context *ctx);
void __wrap_seqgpu_context_destroy(seqgpu_context *ctx);
seqgpu_status __real_seqgpu_plan_create_(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, size_t desc_size,
                                         const seqgpu_plan_options *options, size_t size, seqgpu_plan **out);
seqgpu_status __wrap_seqgpu_plan_create_(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, size_t desc_size,
                                         const seqgpu_plan_options *options, size_t size, seqgpu_plan **out);

static void *allocate(size_t bytes, void *user) {
  return breaking_call() ? NULL : failing_allocate(bytes, user);
}

seqgpu_status __wrap_seqgpu_context_create_(const seqgpu_context_options *options, size_t size,
                                            seqgpu_context **out) {
  const seqgpu_allocator allocator = {allocate, failing_release, &breaking_now.memory};
  seqgpu_context_options changed = *options;
  changed.allocator = &allocator;
  const seqgpu_status status = __real_seqgpu_context_create_(&changed, size, out);
  if (status == SEQGPU_OK) breaking_begin(*out);
  return status;
}

void __wrap_seqgpu_context_destroy(seqgpu_context *ctx) {
  if (ctx && ctx->backend == &breaking_backend) breaking_end(ctx);
  __real_seqgpu_context_destroy(ctx);
}

seqgpu_status __wrap_seqgpu_plan_create_(seqgpu_context *ctx, const seqgpu_rnn_desc *desc, size_t desc_size,
                                         const seqgpu_plan_options *options, size_t size, seqgpu_plan **out) {
  const seqgpu_status status = __real_seqgpu_plan_create_(ctx, desc, desc_size, options, size, out);
  if (status == SEQGPU_OK) breaking_plan(*out);
  return status;
}

/* ---------------------------------------------------------------- each call fails */

static void program_begins(void) {}
static void program_ends(void) {}
static int program_other(int argc, char **argv) {
  fprintf(stderr, "%s: is no command, of %d words\n", argv[0], argc);
  return CLI_USAGE;
}

static int names_device(void) {
  return program_said_one() && (strstr(said, "cpu reports: ") || strstr(said, "memory"));
}

/* Call n fails for n = 0, 1, ...; after 400 every 97th, since a sample of 200 characters is the same calls
 * again and again.  The program says so and gives up, or gives the same result all the same. */
static void each(const char *line) {
  char why[sizeof said + 200] = "";
  breaking_now = (breaking){.break_at = -1, .memory = {.fail_at = -1}};
  const int code = program_run(line);
  const uint64_t right = program_result("new.st");
  const long calls = breaking_now.calls;
  long tried = 0;
  if (code != CLI_OK) snprintf(why, sizeof why, "without failures: exit code %d, %s", code, said);
  for (long n = 0; n < calls && !why[0]; n += n < 400 ? 1 : 97, tried++) {
    breaking_now = (breaking){.break_at = n, .memory = {.fail_at = -1}};
    const int got = program_run(line);
    if (got == CLI_OK ? program_result("new.st") != right : got != CLI_FAILED || !names_device())
      snprintf(why, sizeof why, "call %ld fails: exit code %d, \"%s\"", n, got, said);
    if (breaking_now.memory.live != 0)
      snprintf(why, sizeof why, "call %ld fails: %ld pieces of memory leak", n, breaking_now.memory.live);
  }
  check_record(!why[0], why, "%ld of %ld calls of the device fail, %s", tried, calls, line);
}

/* ---------------------------------------------------------------- the commands */

#define CHARLM "train charlm --text text --device cpu --threads 1 --quiet --force "
#define SMALL  "--hidden 2 --layers 2 --batch 2 --seq-len 4 "
#define TASK   " --device cpu --threads 1 --quiet --force --hidden 2 --batch 2 "
#define OPEN   " --device cpu --threads 1 "
#define WATCH                                                                                                \
  " --data images --data labels --side 3 --shrink 1 --shortest-clip 2 --longest-clip 2 --patch 2 "           \
  "--patch-pool 1 --maps 2 "
#define TAG   " --data tagged --val-data tagged --word-size 2 --letter-size 2 --letter-hidden 2 "
#define SEEN  " --side 8 --patch 4 --features 2 --patch-layers 1 --word-size 2 --attention-size 2"
#define WRITE " --data line --data pen.jhf --longest 6 --mixtures 2 --gaussians 2 --letter-size 2 "

/* What the others work on. */
static const char *const made[] = {
    CHARLM SMALL "--steps 2 --optimizer adam --keep-best --eval-every 1 --checkpoint model.st",
    "train adding" TASK "--T 4 --eval-size 2 --steps 1 --checkpoint adding.st",
    "train pixels --images images --labels labels" TASK "--steps 1 --checkpoint pixels.st",
    "train tag" TAG TASK "--steps 1 --checkpoint tagger.st",
    "train classify --data text --val-data text --word-size 2 --attention-size 2" TASK
    "--steps 1 --checkpoint classifier.st",
    "train compose --data music --val-data music" TASK "--steps 1 --checkpoint composer.st",
    "train draw --data ink --val-data ink --mixtures 2 --layers 2" TASK "--steps 1 --checkpoint drawer.st",
    "train frames" WATCH TASK "--steps 1 --checkpoint watcher.st",
    "eval --checkpoint watcher.st --data images --data labels --save-clip clip.npy" OPEN,
    "train spell --data spoken --word-size 2 --attention-size 2" TASK "--steps 1 --checkpoint speller.st",
    "train translate --data translated --word-size 2 --attention-size 2" TASK
    "--steps 1 --checkpoint translator.st",
    "train caption --data scenes:4" SEEN TASK "--steps 1 --checkpoint captioner.st",
    "train write" WRITE TASK "--layers 2 --steps 1 --checkpoint writer.st",
    "train read --data line --data pen.jhf" TASK "--steps 1 --checkpoint reader.st",
#ifdef SEQGPU_SNDFILE
    "train transcribe --data recorded --val-data recorded --mels 3" TASK
    "--steps 1 --checkpoint transcriber.st",
    "train speak --data recorded --mels 3 --letter-size 2 --prenet-size 3 --attention-size 2" TASK
    "--steps 1 --checkpoint speaker.st",
#endif
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
    "train tag" TAG TASK "--steps 2 --dropout 0.5 --checkpoint new.st",
    "train tag --data tagged --val-data tagged --resume tagger.st" OPEN
    "--quiet --steps 2 --force --checkpoint new.st",
    "train classify --data text --val-data text --word-size 2 --pool last" TASK
    "--steps 1 --checkpoint new.st",
    "train compose --data music --val-data music --dropout 0.5 --input-dropout 0.5 --window 3" TASK
    "--steps 2 --checkpoint new.st",
    "train draw --data ink --val-data ink --mixtures 2 --dropout 0.5" TASK "--steps 2 --checkpoint new.st",
    "train frames" WATCH "--val-data images --val-data labels --dropout 0.5" TASK
    "--steps 2 --checkpoint new.st",
    "train spell --data spoken --val-data spoken --word-size 2 --attention-size 2 --smoothing 0.1 --dropout "
    "0.5" TASK "--steps 1 --checkpoint new.st",
    "train spell --data spoken --word-size 2 --attention-size 0 --one-direction --backwards" TASK
    "--steps 1 --checkpoint new.st",
    "train translate --data text --data text --val-data translated --word-size 2 --attention general" TASK
    "--steps 1 --checkpoint new.st",
    "train caption --data scenes:4 --val-data unseen:2 --dropout 0.5" SEEN TASK
    "--steps 1 --checkpoint new.st",
    "eval --checkpoint captioner.st --data unseen:3" OPEN,
    "caption --checkpoint captioner.st unseen:1 --beam 2 --svg seen.svg" OPEN,
    "train write" WRITE "--val-data line --dropout 0.5" TASK "--steps 2 --checkpoint new.st",
    "eval --checkpoint writer.st --data line --data pen.jhf" OPEN,
    "write --checkpoint writer.st --input line --points 2 --samples 2 --svg sheet.svg" OPEN,
    "train read --data line --data pen.jhf --val-data line --dropout 0.5" TASK
    "--steps 2 --checkpoint new.st",
    "read --checkpoint reader.st --input ink" OPEN,
#ifdef SEQGPU_SNDFILE
    "train transcribe --data recorded --val-data recorded --mels 3 --speed 0.2 --pitch 0.1 --dropout 0.5" TASK
    "--steps 2 --checkpoint new.st",
    "eval --checkpoint transcriber.st --data recorded --beam 2" OPEN,
    "transcribe --checkpoint transcriber.st one.wav two.wav --svg heard.svg" OPEN,
    "train speak --data recorded --val-data recorded --mels 3 --letter-size 2 --prenet-size 3 "
    "--attention-size 2 "
    "--dropout 0.5" TASK "--steps 2 --checkpoint new.st",
    "eval --checkpoint speaker.st --data recorded" OPEN,
    "speak --checkpoint speaker.st --text ab --seconds 0.1 --wav said.wav --svg said.svg" OPEN,
#endif
    "train mackey-glass" TASK "--T 21 --eval-size 2 --steps 1 --checkpoint new.st",
    "eval --checkpoint model.st --text text" OPEN,
    "eval --checkpoint adding.st --show 2" OPEN,
    "eval --checkpoint adding.st --input numbers --json" OPEN,
    "eval --checkpoint pixels.st --images images --labels labels --show 2" OPEN,
    "eval --checkpoint tagger.st --data tagged" OPEN,
    "tag --checkpoint tagger.st --input text" OPEN,
    "classify --checkpoint classifier.st --input text --html page.html" OPEN,
    "eval --checkpoint drawer.st --data ink" OPEN,
    "draw --checkpoint drawer.st --input ink --points 2 --samples 2 --svg sheet.svg" OPEN,
    "eval --checkpoint watcher.st --data images --data labels" OPEN,
    "frames --checkpoint watcher.st clip.npy --svg sheet.svg" OPEN,
    "eval --checkpoint speller.st --data spoken" OPEN,
    "spell --checkpoint speller.st --input text --beam 2" OPEN,
    "eval --checkpoint translator.st --data translated --copy" OPEN,
    "translate --checkpoint translator.st --input text --beam 2 --svg map.svg" OPEN,
    "eval --checkpoint composer.st --data music" OPEN,
    "compose --checkpoint composer.st --input music --begin 2 --steps 2 --midi roll.mid --svg roll.svg" OPEN,
    "sample --checkpoint model.st --prime the --length 3" OPEN,
    "sample --checkpoint model.st --probabilities 2" OPEN,
    "inspect --checkpoint model.st --prime the" OPEN,
    "inspect --checkpoint model.st --cells text --cells-length 20 --html page.html" OPEN,
    "import x.safetensors --to new.st --force" OPEN,
    "export model.st --format onnx --to x.onnx --force" OPEN,
    "verify model.st",
};

int main(void) {
  check_start();
  program_enter("device");
  for (size_t i = 0; i < COUNT(made); i++) {
    breaking_now = (breaking){.break_at = -1, .memory = {.fail_at = -1}};
    const int code = program_run(made[i]);
    check_record(code == CLI_OK, said, "%s", made[i]);
  }
#ifndef SEQGPU_SNDFILE
  check_skip("this build has no libsndfile", "transcribe, speak");
#endif
  for (size_t i = 0; i < COUNT(lines); i++) each(lines[i]);
  program_leave();
  return check_finish();
}
