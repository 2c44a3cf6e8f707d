/* test_calls.c - the commands of the program when a call of the C library fails, each in turn: exit code 1
 * and a sentence that says so, or the same result all the same; nothing leaks, nothing temporary stays.
 *
 * The program's files are compiled into this test, which needs no process for each call: faults.sh, which
 * takes minutes, also tries the calls that the C library makes itself, and looks at every file.
 */
#define _GNU_SOURCE

#include "host/data/clip_set.h"
#include "host/data/conllu.h"
#include "host/data/kneser_ney.h"
#include "host/data/pen_text.h"
#include "host/data/pictures.h"
#include "host/data/recordings.h"
#include "host/planner/cache.h"
#include "tests/program.h"
#include "tests/wrapped.h"

/* Which call of the next command fails. */
static struct {
  const char *only;
  long at;
  int error, always;
} next_failure;

/* Event files of a run before this one: their names have the second and the process in them, and these are
 * the same. */
static void remove_events(void) {
  DIR *here = opendir(".");
  for (struct dirent *entry; here && (entry = readdir(here)) != NULL;)
    if (strncmp(entry->d_name, "events.out", 10) == 0) unlink(entry->d_name);
  if (here) closedir(here);
}

static void program_begins(void) {
  remove_events();
  wrapped_begin(next_failure.only, next_failure.at, next_failure.error, next_failure.always);
}
static void program_ends(void) { wrapped_end(); }

/* What is to fail in a command, and what must come of it. */
typedef struct failure {
  const char *only; /* calls of this function; NULL: of all */
  int error;
  int always, must_recover; /* all calls from one on; the same result each time */
} failure;

/* A command whose call `at` fails; its exit code. */
static int run_failing(const char *line, const failure *f, long at) {
  next_failure.only = f->only;
  next_failure.at = at;
  next_failure.error = f->error;
  next_failure.always = f->always;
  return program_run(line);
}

/* Every one of the first calls of a command, and some of those behind them, which are the same for each
 * array, token and step. */
static long after(long n) { return n + (n < 300 ? 1 : 19); }

/* Whether it gave up with a sentence, which may stand behind notes. */
static int gave_up(int code) { return code == CLI_FAILED && strstr(said, "seqgpu: ") != NULL; }

/* Each call fails, until a run in which none did. */
static void each(const char *line, const failure *f) {
  char why[sizeof said + 200] = "";
  long tried = 0;
  unlink("new.st");
  const int code = run_failing(line, f, -1);
  const uint64_t right = program_result("new.st");
  if (code != CLI_OK) snprintf(why, sizeof why, "without failures: exit code %d, %s", code, said);
  for (long n = 0, all = 0; !all && !why[0]; n = after(n), tried++) {
    const int got = run_failing(line, f, n), whole = wrapped_now.failed == NULL;
    if (got == CLI_OK ? program_result("new.st") != right : whole || f->must_recover || !gave_up(got))
      snprintf(why, sizeof why, "call %ld, %s, fails: exit code %d, \"%s\"", n,
               whole ? "none" : wrapped_now.failed, got, said);
    all = whole;
  }
  check_record(!why[0], why, "%s fails with %s%s, %ld times, %s", f->only ? f->only : "a call",
               f->error ? strerror(f->error) : "nothing", f->always ? " from then on" : "", tried, line);
}

/* ---------------------------------------------------------------- of the library alone */

/* npy FILE: the numbers of all arrays. */
static seqgpu_status read_arrays(seqgpu_context *ctx, const char *path) {
  static double numbers[4096];
  double sum = 0;
  seqgpu_npy *file;
  seqgpu_npy_info info;
  seqgpu_status status = seqgpu_npy_open(ctx, path, &file);
  for (int i = 0; status == SEQGPU_OK && i < seqgpu_npy_count(file); i++) {
    status = seqgpu_npy_get(file, i, &info);
    if (status == SEQGPU_OK && info.elements > (int64_t)COUNT(numbers)) status = SEQGPU_EINVAL;
    if (status == SEQGPU_OK) status = seqgpu_npy_read(file, i, numbers);
    for (int64_t k = 0; status == SEQGPU_OK && k < info.elements; k++) sum += numbers[k];
  }
  printf("%.17g\n", sum);
  seqgpu_npy_close(file);
  return status;
}

/* plans FILE: a plan is kept beside another one, and asked for.  What cannot be kept is measured again. */
static seqgpu_status keep_plan(seqgpu_context *ctx, const char *path) {
  char name[64] = "none";
  (void)ctx;
  sq_plan_cache_store(path, "one", "a", 1);
  sq_plan_cache_store(path, "two", "b", 2);
  const int found = sq_plan_cache_find(path, "two", name, sizeof name);
  return strcmp(name, found ? "b" : "none") == 0 ? SEQGPU_OK : SEQGPU_EFORMAT;
}

/* ---------------------------------------------------------------- of the readers alone */

/* Each reads a file, and prints how much there is. */

static int read_pen(seqgpu_context *ctx, const char *path) {
  const arg_list files = {.item = {"pen.jhf", path}, .count = 2};
  pen_text t;
  (void)ctx;
  int code = pen_text_read(&files, NULL, 40, &t);
  if (code == CLI_OK) code = pen_text_add_font("font", "    1  3PTRFR[", &t);
  if (code == CLI_OK) printf("%d lines, %d letters\n", (int)t.lines, (int)t.start[t.lines]);
  pen_text_free(&t);
  return code;
}

static int read_words(seqgpu_context *ctx, const char *path) {
  sentences s = SENTENCES_NONE;
  (void)ctx;
  const int code = conllu_read(path, &s);
  if (code == CLI_OK) printf("%d words\n", (int)s.words);
  sentences_free(&s);
  return code;
}

static int read_recordings(seqgpu_context *ctx, const char *path) {
  const recordings_choice all = {.speaker = ""};
  recordings r = RECORDINGS_NONE;
  (void)ctx;
  const int code = recordings_read(path, &all, &r);
  if (code == CLI_OK) printf("%d samples, %d speakers\n", (int)r.samples, (int)r.speakers);
  recordings_free(&r);
  return code;
}

static int read_pictures(seqgpu_context *ctx, const char *path) {
  pictures p = {.ctx = ctx, .form = picture_form_of_pixels(8, 4), .caption = SENTENCES_NONE};
  const int code = pictures_read(path, &p);
  if (code == CLI_OK) printf("%d pictures, hash %llx\n", (int)p.count, (unsigned long long)p.hash);
  pictures_free(&p);
  return code;
}

static int read_clip(seqgpu_context *ctx, const char *path) {
  const clip_form form = {.side = 2, .shrink = 1};
  clip_set s = {.count = 0};
  const int code = clip_set_read(&s, ctx, path, &form);
  if (code == CLI_OK) printf("%d frames\n", (int)s.longest);
  clip_set_close(&s);
  return code;
}

/* N-grams of bytes. */
static int read_ngrams(seqgpu_context *ctx, const char *path) {
  static int32_t ids[1000];
  text_file t;
  (void)ctx;
  CLI_TRY(text_read(path, &t));
  const size_t count = t.size < COUNT(ids) ? t.size : COUNT(ids);
  for (size_t i = 0; i < count; i++) ids[i] = (unsigned char)t.data[i];
  text_free(&t);
  kneser_ney *m = kneser_ney_create(ids, (int64_t)count, 256, 3);
  if (m == NULL) return cli_error("%s: out of memory", path);
  printf("%d n-grams\n", (int)kneser_ney_count(m, 3));
  kneser_ney_destroy(m);
  return CLI_OK;
}

static const struct {
  const char *name;
  int (*read)(seqgpu_context *ctx, const char *path);
} readers[] = {{"clip", read_clip},         {"ngrams", read_ngrams},         {"pen", read_pen},
               {"pictures", read_pictures}, {"recordings", read_recordings}, {"words", read_words}};

/* reader NAME FILE. */
static int read_alone(int argc, char **argv) {
  seqgpu_context *ctx = NULL;
  int code = cli_open("cpu", 1, &ctx);
  for (size_t i = 0; code == CLI_OK && argc == 3 && i < COUNT(readers); i++)
    if (strcmp(readers[i].name, argv[1]) == 0) code = readers[i].read(ctx, argv[2]);
  seqgpu_context_destroy(ctx);
  return code;
}

/* Files for them that need room more than once, and end without a line end. */
static void write_more_files(void) {
  static const float clip[2 * 2 * 2] = {0, 0.25F, 1};
  const seqgpu_npy_array array = {.dtype = SEQGPU_DTYPE_F32, .rank = 3, .shape = {2, 2, 2}, .values = clip};
  char text[4096], name[64], sound[WAV_HEADER + 2 * 10];
  seqgpu_context *ctx = NULL;
  size_t used = 0;
  for (int i = 0; i < 60; i++)
    used += (size_t)snprintf(text + used, sizeof text - used, "%.*s ", 1 + i % 7, "written");
  program_write("pages", text, used);
  program_write("open", SAID_BYTES("1\ta\t_\tD\t_\t_\t_\t_\t_\t_"));
  used = 0;
  for (int i = 0; i < 20; i++) used += (size_t)snprintf(text + used, sizeof text - used, "grid.npy\ta dog\n");
  program_write("grids", text, used);
  CHECK(cli_open("cpu", 1, &ctx) == CLI_OK && seqgpu_npy_write(ctx, "grid.npy", &array, 1) == SEQGPU_OK,
        "grid.npy");
  seqgpu_context_destroy(ctx);
  if (mkdir("said", 0700) != 0) exit(EXIT_FAILURE);
  for (int i = 0; i < 6; i++) {
    snprintf(name, sizeof name, "said/%d_%s_%d.wav", i, i % 2 ? "ann" : "bob", i);
    program_write(name, sound, wav_make(sound, 1000, 1, 10, 0, i));
  }
}

/* The folder, which has nothing in it then. */
static void remove_said(void) {
  char name[64];
  for (int i = 0; i < 6; i++) {
    snprintf(name, sizeof name, "said/%d_%s_%d.wav", i, i % 2 ? "ann" : "bob", i);
    unlink(name);
  }
  CHECK(rmdir("said") == 0, "nothing temporary is left in a folder that is read");
}

static int program_other(int argc, char **argv) {
  if (strcmp(argv[0], "reader") == 0) return read_alone(argc, argv);
  seqgpu_context *ctx = NULL;
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  seqgpu_status status = seqgpu_context_create(&options, &ctx);
  if (status == SEQGPU_OK && argc == 2)
    status = strcmp(argv[0], "npy") == 0 ? read_arrays(ctx, argv[1]) : keep_plan(ctx, argv[1]);
  if (status != SEQGPU_OK) fprintf(stderr, "seqgpu: %s\n", seqgpu_last_error(ctx));
  seqgpu_context_destroy(ctx);
  return status == SEQGPU_OK ? CLI_OK : CLI_FAILED;
}

/* ---------------------------------------------------------------- the commands */

#define CHARLM "train charlm --device cpu --threads 1 --quiet --force "
#define SMALL  "--hidden 2 --batch 2 --seq-len 4 --steps 1 "
#define TASK   " --device cpu --threads 1 --quiet --force --hidden 2 --batch 2 --steps 1 "
#define OPEN   " --device cpu --threads 1 "
#define WATCH                                                                                                \
  " --data images --data labels --side 3 --shrink 1 --shortest-clip 2 --longest-clip 2 --patch 2 "           \
  "--patch-pool 1 --maps 2 "
#define TAG   " --data tagged --val-data tagged --word-size 2 --letter-size 2 --letter-hidden 2 "
#define SEEN  " --side 8 --patch 4 --features 2 --patch-layers 1 --word-size 2 --attention-size 2 "
#define WRITE " --data line --data pen.jhf --longest 6 --mixtures 2 --gaussians 2 --letter-size 2 "

static const char *const made[] = {
    CHARLM SMALL
    "--text text --optimizer adam --log run.jsonl --log-every 1 --sample-every 1 --checkpoint model.st",
    CHARLM SMALL "--text text --optimizer adam --average 1 --checkpoint averaged.st",
    CHARLM SMALL "--text text --tokens words --checkpoint words.st",
    "train adding" TASK "--T 4 --eval-size 2 --checkpoint adding.st",
    ("train pixels --images images --labels labels" TASK "--checkpoint pixels.st"),
    ("train tag" TAG TASK "--checkpoint tagger.st"),
    ("train classify --data text --val-data text --word-size 2 --attention-size 2" TASK
     "--checkpoint classifier.st"),
    ("train compose --data music" TASK "--checkpoint composer.st"),
    ("train draw --data ink --mixtures 2" TASK "--checkpoint drawer.st"),
    ("train frames" WATCH TASK "--checkpoint watcher.st"),
    "eval --checkpoint watcher.st --data images --data labels --save-clip clip.npy" OPEN,
    ("train spell --data spoken --val-data spoken --word-size 2 --attention-size 2" TASK
     "--checkpoint speller.st"),
    ("train translate --data translated --word-size 2 --attention-size 2" TASK "--checkpoint translator.st"),
    ("train caption --data scenes:4" SEEN TASK "--checkpoint captioner.st"),
    ("train write" WRITE TASK "--checkpoint writer.st"),
    ("train read --data line --data pen.jhf" TASK "--checkpoint reader.st"),
#ifdef SEQGPU_SNDFILE
    ("train transcribe --data recorded --mels 3" TASK "--checkpoint transcriber.st"),
    ("train speak --data recorded --mels 3 --letter-size 2 --prenet-size 3 --attention-size 2" TASK
     "--checkpoint speaker.st"),
#endif
    "export model.st --format pytorch --to x.safetensors" OPEN,
};

static const char *const lines[] = {
    CHARLM "--text text --resume model.st --steps 2 --log old.jsonl --checkpoint new.st",
    CHARLM "--text text --resume averaged.st --steps 2 --checkpoint new.st",
    CHARLM SMALL "--text text --tokens bytes --checkpoint new.st",
    CHARLM
    "--hidden 2 --batch 2 --seq-len 4 --steps 2 --checkpoint-every 1 --eval-every 1 --keep 1 --keep-best "
    "--tensorboard . --text text --checkpoint new.st",
    CHARLM SMALL "--text text --text wide --tokens utf8 --checkpoint new.st",
    CHARLM SMALL "--text text --tokens words --vocab-limit 4 --checkpoint new.st",
    "train pixels --images images --labels labels" TASK "--checkpoint new.st",
    ("train tag" TAG TASK "--checkpoint new.st"),
    "eval --checkpoint tagger.st --data tagged" OPEN,
    "tag --checkpoint tagger.st --input text --json" OPEN,
    "train classify --data text --word-size 2 --attention-size 2" TASK "--checkpoint new.st",
    "classify --checkpoint classifier.st --input text --html new.st" OPEN,
    "train compose --data music --val-data music" TASK "--checkpoint new.st",
    "compose --checkpoint composer.st --input music --steps 2 --midi new.st" OPEN,
    "train draw --data ink --val-data ink --mixtures 2 --layers 2" TASK "--checkpoint new.st",
    "draw --checkpoint drawer.st --input ink --points 2 --samples 1 --svg new.st" OPEN,
    "train frames" WATCH "--val-data images --val-data labels" TASK "--checkpoint new.st",
    "frames --checkpoint watcher.st clip.npy --json --svg new.st" OPEN,
    "train spell --data spoken --val-data spoken --word-size 2 --attention-size 2" TASK "--checkpoint new.st",
    "spell --checkpoint speller.st --input text --beam 2" OPEN,
    ("train translate --data translated --val-data translated --word-size 2 --attention-size 2" TASK
     "--checkpoint new.st"),
    "translate --checkpoint translator.st --input text --copy --svg new.st" OPEN,
    "train caption --data scenes:4" SEEN TASK "--checkpoint new.st",
#ifdef SEQGPU_PNG
    "train caption --data pictured --val-data pictured" SEEN TASK "--checkpoint new.st",
    "caption --checkpoint captioner.st one.png unseen:1 --svg new.st" OPEN,
#endif
    "train write" WRITE "--val-data line --layers 2" TASK "--checkpoint new.st",
    "write --checkpoint writer.st --input line --text ab --points 2 --samples 1 --svg new.st" OPEN,
    "train read --data line --data pen.jhf --val-data line" TASK "--checkpoint new.st",
    "read --checkpoint reader.st --input ink --json" OPEN,
#ifdef SEQGPU_SNDFILE
    "train transcribe --data recorded --val-data recorded --mels 3" TASK "--checkpoint new.st",
    "transcribe --checkpoint transcriber.st one.wav two.wav --beam 2 --json --svg new.st" OPEN,
    ("train speak --data recorded --val-data recorded --mels 3 --letter-size 2 --prenet-size 3 "
     "--attention-size "
     "2" TASK "--checkpoint new.st"),
    "speak --checkpoint speaker.st --text ab --seconds 0.1 --rounds 1 --svg new.st" OPEN,
    "speak --checkpoint speaker.st --copy one.wav --rounds 1 --wav new.st" OPEN,
#endif
    "eval --checkpoint watcher.st --data images --data labels --save-clip new.npy" OPEN,
    "eval --checkpoint words.st --text text --hidden 2" OPEN,
    "eval --checkpoint model.st --text text --ngram 2 --dynamic 0.1 --dynamic-steps 9" OPEN,
    "eval --checkpoint adding.st --input numbers" OPEN,
    "eval --checkpoint captioner.st --data unseen:2" OPEN,
    "eval --checkpoint translator.st --data translated" OPEN,
    "eval --checkpoint pixels.st --images images --labels labels" OPEN,
    "sample --checkpoint model.st --prime the --length 3" OPEN,
    "sample --checkpoint model.st --prime-file text --length 3" OPEN,
    "inspect --checkpoint model.st --cells text --cells-length 20 --html new.st" OPEN,
    "inspect --checkpoint model.st --gradient-flow --prime thecat" OPEN,
    "inspect --checkpoint adding.st --gradient-flow" OPEN,
    "inspect --gradient-flow --cell lstm --hidden 2 --seq-len 4 --html new.st" OPEN,
    "report run.jsonl --html new.st",
    "verify model.st",
    "info" OPEN,
    "eval --checkpoint bare.st --tokens words --vocabulary list --cell lstm --hidden 2 --text text" OPEN,
    "import rtneural.json --to new.st --force" OPEN,
    "import model.nam --to new.st --force" OPEN,
    "import keras.npz --to new.st --force" OPEN,
    "import gru_external.onnx --to new.st --force" OPEN,
    "export model.st --format onnx --to new.st --force" OPEN,
    "export model.st --format keras --to new.npz --force" OPEN,
    "npy keras.npz",
    "plans cache",
    "reader clip grid.npy",
    "reader ngrams text",
    "reader pen pages",
    "reader pictures grids",
    "reader pictures unseen:20",
    "reader words open",
#ifdef SEQGPU_SNDFILE
    "reader recordings said",
#endif
};

#ifdef SEQGPU_ZLIB
static const char *const packed_lines[] = {
    CHARLM SMALL "--text text.gz --tokens utf8 --checkpoint new.st",
    "train pixels --images images.gz --labels labels" TASK "--checkpoint new.st",
    "npy deflated.npz",
};

/* A copy that gzip has compressed. */
static void pack(const char *from, const char *to) {
  char bytes[256];
  FILE *file = fopen(from, "rb");
  gzFile packed = gzopen(to, "wb");
  const size_t n = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  CHECK(packed && gzwrite(packed, bytes, (unsigned)n) == (int)n && gzclose(packed) == Z_OK, "%s", to);
  packed = gzopen(to, "ab");
  CHECK(packed && gzclose(packed) == Z_OK, "a second member, of nothing");
  if (file) fclose(file);
}
#endif

/* Files of other programs, from the folder of the tests. */
static const char *const foreign[] = {"exchange/rtneural.json", "exchange/model.nam",
                                      "exchange/keras.npz",     "exchange/deflated.npz",
                                      "onnx/gru_external.onnx", "onnx/gru_external.bin"};

static void copy_foreign(const char *tests, const char *name) {
  static char bytes[1 << 18];
  char path[4096];
  snprintf(path, sizeof path, "%.3000s/goldens/%s", tests, name);
  FILE *file = fopen(path, "rb");
  const size_t n = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  if (file) fclose(file);
  CHECK(n > 0 && n < sizeof bytes, "%s", name);
  program_write(strrchr(name, '/') + 1, bytes, n);
}

/* A model of the program's without what only it writes: its checksums, and that it is its own. */
static void bare(const char *from, const char *to) {
  static char bytes[1 << 16];
  FILE *file = fopen(from, "rb");
  const size_t n = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  if (file) fclose(file);
  char *sums = memmem(bytes, n, "seqgpu.crc32", 12), *format = memmem(bytes, n, "\"format\"", 8);
  if (CHECK(sums && format, "%s", to)) *sums = *++format = 'x';
  program_write(to, bytes, n);
}

/* Ways to fail that only some calls have, tried on a run that is resumed and saved. */
static const failure others[] = {
    {"pread", EINTR, 0, 1},     {"write", EINTR, 0, 1},  {"write", 0, 0, 0},      {"fsync", EINTR, 0, 1},
    {"open", EEXIST, 0, 0},     {"open", EEXIST, 1, 0},  {"flock", EAGAIN, 0, 0}, {"flock", EAGAIN, 1, 0},
    {"fstat", 0, 0, 1},         {"fchown", EPERM, 0, 1}, {"fchown", EPERM, 1, 1}, {"kill", EPERM, 0, 1},
    {"ftruncate", EINTR, 0, 1},
};

int main(void) {
  static const char wide[] = "\xff\xfet\0h\0e\0 \0c\0\xe4\0t\0\x3d\xd8\x00\xde"; /* UTF-16 */
  static const char list[] =
      "<unk>\n%20\r\n\n%20the %20and %20cat %20hat %20it %20mat %20on %20ran %20sat %20then %20to\n, the ";
  static const char living[] = ".seqgpu-1-1.tmp"; /* of a process of version 0.1, which never ends */
  static const failure any = {NULL, EIO, 0, 0};
  char tests[4096];
  check_start();
  if (getcwd(tests, sizeof tests) == NULL) return EXIT_FAILURE;
  program_enter("calls");
  program_write("wide", wide, sizeof wide - 1);
  program_write("list", list, sizeof list - 1);
  for (size_t i = 0; i < COUNT(foreign); i++) copy_foreign(tests, foreign[i]);
  for (size_t i = 0; i < COUNT(made); i++) {
    const int code = run_failing(made[i], &any, -1);
    check_record(code == CLI_OK, said, "%s", made[i]);
  }
  bare("words.st", "bare.st");
  write_more_files();
  for (size_t i = 0; i < COUNT(lines); i++) each(lines[i], &any);
#ifdef SEQGPU_ZLIB
  pack("text", "text.gz");
  pack("images", "images.gz");
  for (size_t i = 0; i < COUNT(packed_lines); i++) each(packed_lines[i], &any);
  each(packed_lines[1], &(const failure){"gzread", ENOMEM, 0, 0});
  each(packed_lines[1], &(const failure){"gzopen", 0, 0, 0});
#endif
  program_write(living, "", 0);
  for (size_t i = 0; i < COUNT(others); i++) each(lines[0], &others[i]);
  unlink(living);
  each("import gru_external.onnx --to new.st --force" OPEN, &(const failure){"fread", 0, 0, 0});
#ifdef SEQGPU_SNDFILE
  each("reader recordings recorded", &(const failure){"sf_open_virtual", 0, 0, 0});
#endif
  remove_said();
  program_leave();
  return check_finish();
}
