/* test_cli_args.c - options by their table (host/cli/args_table.c, args_help.c), and options and states that
 * are words of their own (config.c, learning.c): values that are none, and tables at their limits; the names of
 * the copies of a checkpoint.
 */
#define _XOPEN_SOURCE 700

#include "host/cli/args.h"
#include "host/cli/args_complete.h"
#include "host/cli/config.h"
#include "host/cli/numbered.h"
#include "host/cli/ranks.h"
#include "host/cli/saver.h"
#include "tests/said.h"

/* ---------------------------------------------------------------- values */

typedef struct values {
  int flag, choice;
  int64_t whole;
  double real;
  char word[ARGS_WORD];
  const char *text;
  arg_list texts;
} values;
#define AT(field) offsetof(values, field)

static const arg_spec table[] = {
    ROW_GROUP("All"),
    ROW_FLAG("flag", ARG_NOT_KEPT, AT(flag), "a flag"),
    ROW_ENUM("enum", ARG_NOT_KEPT, AT(choice), "a|bb|c", "X", "one of them"),
    ROW_INT("int", ARG_NOT_KEPT, AT(whole), -3, 40, "N", "a number"),
    ROW_REAL("real", ARG_NOT_KEPT, AT(real), -1, 1, "R", "a share"),
    ROW_WORD("word", ARG_NOT_KEPT, AT(word), "W", "a word"),
    ROW_TEXT("text", AT(text), "T", "a text"),
    ROW_TEXTS("texts", AT(texts), "T", "texts"),
    ROW_END,
};
enum { GROUP, FLAG, ENUM, INT, REAL, WORD, TEXT, TEXTS };

#define LONG "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" /* 32 */

static void check_values(void) {
  static const struct {
    int row;
    const char *text, *shown, *sentence; /* NULL: it is taken, and shown so */
  } rows[] = {
      {FLAG, "0", "0", NULL},
      {FLAG, "1", "1", NULL},
      {FLAG, "2", "", "x: is \"2\"; it must be 0 or 1"},
      {ENUM, "bb", "bb", NULL},
      {ENUM, "c", "c", NULL},
      {ENUM, "b", "", "x: is \"b\"; it must be one of a|bb|c"},
      {ENUM, "", "", "x: is \"\"; it must be one of a|bb|c"},
      {INT, "40", "40", NULL},
      {INT, "-3", "-3", NULL},
      {INT, "", "", "x: is \"\"; it must be a whole number"},
      {INT, "1x", "", "x: is \"1x\"; it must be a whole number"},
      {INT, "41", "", "x: is 41; it must be from -3 to 40"},
      {INT, "-4", "", "x: is -4; it must be from -3 to 40"},
      {INT, "99999999999999999999", "", "x: is 99999999999999999999; it must be from -3 to 40"},
      {REAL, "0.5", "0.5", NULL},
      {REAL, "0.30000000000000004", "0.30000000000000004", NULL},
      {REAL, "", "", "x: is \"\"; it must be a number"},
      {REAL, "0.5x", "", "x: is \"0.5x\"; it must be a number"},
      {REAL, "nan", "", "x: is \"nan\"; it must be a number"},
      {REAL, "1.5", "", "x: is 1.5; it must be from -1 to 1"},
      {REAL, "-2", "", "x: is -2; it must be from -1 to 1"},
      {WORD, "anything", "anything", NULL},
      {WORD, LONG, "", "x: is \"" LONG "\"; it must be shorter than 32 characters"},
      {TEXT, "of any length", "of any length", NULL},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    values v = {.flag = 0};
    char shown[ARGS_VALUE] = "";
    said_listen();
    const int code = args_set(&table[rows[i].row], rows[i].text, &v, "x"),
              ok = said_answer(code, rows[i].sentence);
    if (code == CLI_OK) args_format(&table[rows[i].row], &v, shown);
    check_record(ok && strcmp(shown, rows[i].shown) == 0, code ? said : shown, "--%s \"%s\"",
                 table[rows[i].row].name, rows[i].text);
  }
}

/* What has no value, or none yet. */
static void check_no_values(void) {
  values v = {.flag = 0};
  char shown[ARGS_VALUE] = "x";
  arg_spec none = table[GROUP];
  args_format(&table[TEXT], &v, shown);
  CHECK(shown[0] == 0, "a text that is not given is shown as nothing");
  CHECK(args_set(&none, "1", &v, "x") == CLI_USAGE, "a heading takes no value");
  none.kind = (arg_kind)(ARG_GROUP + 1);
  CHECK(args_set(&none, "1", &v, "x") == CLI_USAGE, "nor does what is of no kind");
  strcpy(shown, "x");
  args_format(&none, &v, shown);
  CHECK(strcmp(shown, "x") == 0, "which is not shown");
  for (int i = 0; i < ARGS_LIST; i++)
    if (args_set(&table[TEXTS], "t", &v, "x") != CLI_OK) CHECK(0, "text %d", i);
  said_listen();
  CHECK(said_answer(args_set(&table[TEXTS], "t", &v, "x"),
                    "x: is given more than 64 times; it must be given at most so often"),
        "a list that is full");
}

/* A name that is longer than any option's. */
static void check_long_name(void) {
  char name[] = "--" LONG LONG "=1", *argv[] = {name};
  values v = {.flag = 0};
  unsigned char given[ARGS_MAX];
  const arg_command command = {"seqgpu test", "", table};
  said_listen();
  CHECK(said_answer(args_parse(&command, 1, argv, &v, given),
                    "--nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn: is not an option; see seqgpu test --help"),
        "an option of 64 letters");
}

/* Rows that find no room are left out, and the table ends. */
static void check_join(void) {
  static arg_spec all[ARGS_MAX];
  int rows = 0;
  all[0] = (arg_spec)ROW_END;
  for (int i = 0; i < ARGS_MAX; i++) args_join(all, table, 0);
  while (all[rows].name[0]) rows++;
  CHECK(rows == ARGS_MAX - 1, "a full table has %d rows and an end", rows);
}

/* ---------------------------------------------------------------- help */

#define WIDE "wide-enough-to-fill-the-column"
#define LINE "0123456789012345678901234567890123456789012345678901234567890123456789"

/* Names and texts that do not fit their columns, or the memory for a text. */
static void check_help(void) {
  static char help[1100], printed[8192];
  memset(help, 'h', sizeof help - 1);
  const arg_spec wide[] = {ROW_WORD(WIDE, ARG_NOT_KEPT, AT(word), "W", "a word"),
                           {.name = "c",
                            .kind = ARG_CHOICE,
                            .offset = AT(word),
                            .choices = "a|b",
                            .value = "X",
                            .help = help,
                            .required = 1},
                           ROW_END};
  const values v = {.word = "default"};
  const arg_command command = {"seqgpu wide", "  two blanks ahead", wide};
  said_stream out = said_begin(STDOUT_FILENO);
  const int code = args_help(&command, &v, "text");
  said_end(&out, printed, sizeof printed);
  CHECK(code == CLI_OK && strstr(printed, "--" WIDE " W\n                          a word [default]\n"),
        "a name that fills its column has its text on the next line");
  CHECK(strstr(printed, "hhhh") && !strstr(printed, "(required)") && !strstr(printed, ": a, b"),
        "a text without end is cut off");
  CHECK(strstr(printed, "two blanks ahead\n"), "blanks at the beginning of a text are none of a line's");
  CHECK(args_name_length("seqgpu wide") == 11 && args_name_length("seqgpu eval --x") == 11 &&
            args_name_length("seqgpu verify FILE") == 13,
        "the name of a command without options");
  out = said_begin(STDOUT_FILENO);
  const int known = args_complete("seqgpu", 6, table, "bash");
  args_complete_end("csh");
  said_end(&out, printed, sizeof printed);
  CHECK(known && !args_complete("seqgpu", 6, table, "csh") && !args_complete_begin("csh", "", ""),
        "completion of the program alone, and for a shell that is not known");
}

/* ---------------------------------------------------------------- words of their own */

static void check_words(void) {
  static const struct {
    const char *forget_bias, *clip, *lr_of, *freeze;
    const char *sentence;
  } rows[] = {
      {"auto", "none", "", "", NULL},
      {"1.5", "auto", "a=1", "a,b", NULL},
      {"-2", "5", "a=0,b=1e-3", "", NULL},
      {"1", "value:2", "", "", NULL},
      {"", "none", "", "", "--forget-bias: is \"\"; it must be a number or auto"},
      {"1x", "none", "", "", "--forget-bias: is \"1x\"; it must be a number or auto"},
      {"inf", "none", "", "", "--forget-bias: is \"inf\"; it must be a number or auto"},
#define CLIP(text) "--clip: is \"" text "\"; it must be C, value:C (with a number C above 0), auto or none"
      {"1", "x", "", "", CLIP("x")},
      {"1", "1x", "", "", CLIP("1x")},
      {"1", "inf", "", "", CLIP("inf")},
      {"1", "0", "", "", CLIP("0")},
      {"1", "value:", "", "", CLIP("value:")},
#define LR_OF(text) "--lr-of: is \"" text "\"; it must be NAME=FACTOR, with a comma between two"
      {"1", "5", "a", "", LR_OF("a")},
      {"1", "5", "=1", "", LR_OF("=1")},
      {"1", "5", "a=", "", LR_OF("a=")},
      {"1", "5", "a=1x", "", LR_OF("a=1x")},
      {"1", "5", "a=inf", "", LR_OF("a=inf")},
      {"1", "5", "a=-1", "", LR_OF("a=-1")},
      {"1", "5", "a=1,,b=1", "", LR_OF("a=1,,b=1")},
      {"1", "5", "", "a=1", "--freeze: is \"a=1\"; it must be names, with a comma between two"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    model_config c = {.optimizer = "sgd"};
    strcpy(c.forget_bias, rows[i].forget_bias);
    strcpy(c.clip, rows[i].clip);
    strcpy(c.learning.schedule, "constant");
    strcpy(c.learning.lr_of, rows[i].lr_of);
    strcpy(c.learning.freeze, rows[i].freeze);
    said_listen();
    const int ok = said_answer(config_check(&c), rows[i].sentence);
    check_record(ok, said, "words, row %zu", i);
  }
}

/* ---------------------------------------------------------------- copies of a checkpoint */

static void make_file(const char *name) {
  FILE *file = fopen(name, "wb");
  if (file == NULL || fclose(file) != 0) exit(EXIT_FAILURE);
}

/* Those with the name of a copy, whatever else is there, as long as each has its number in the one form. */
static void check_copies(void) {
  static const char *const others[] = {"m.st",           "m-.st",         "m-1.st",
                                       "m-0000000x.st",  "m--0000001.st", "m-0000012",
                                       "mm-00000001.st", "n-00000001.st", "m-99999999999999999999.st"};
  char here[4096], folder[] = "/tmp/seqgpu-copies-XXXXXX", name[NUMBERED_PATH], longer[NUMBERED_PATH];
  numbered n;
  if (!getcwd(here, sizeof here) || !mkdtemp(folder) || chdir(folder) != 0) exit(EXIT_FAILURE);
  for (size_t i = 0; i < COUNT(others); i++) make_file(others[i]);
  for (int64_t step = 30; step > 0; step--) {
    CHECK(numbered_step_name("m.st", step, name) == CLI_OK, "the name of a copy");
    make_file(name);
  }
  CHECK(numbered_find("m.st", &n) == CLI_OK && n.count == 30 && n.steps[0] == 1 && n.steps[29] == 30,
        "copies are found, in their order");
  CHECK(numbered_add(&n, 7, 29) == CLI_OK && n.count == 29 && n.steps[28] == 7 && n.steps[0] == 2,
        "one that is made again goes last");
  numbered_free(&n);
  CHECK(numbered_find("nowhere/m.st", &n) == CLI_OK && n.count == 0, "a folder that is not there has none");
  numbered_free(&n);
  CHECK(numbered_name(".hidden", "best", name) == CLI_OK && strcmp(name, ".hidden-best") == 0,
        "a point at the beginning begins no ending");
  CHECK(numbered_name("a.b/m", "best", name) == CLI_OK && strcmp(name, "a.b/m-best") == 0,
        "nor does one of a folder");
  memset(longer, 'a', sizeof longer - 1);
  longer[NUMBERED_PATH - 1] = 0;
  said_listen();
  const int code = numbered_name(longer, "best", name);
  said_answer(code, "");
  check_record(code == CLI_FAILED && strstr(said, "aaa...: cannot open: File name too long\n"), said,
               "a name that is too long");
  for (size_t i = 0; i < COUNT(others); i++) unlink(others[i]);
  for (int64_t step = 1; step <= 30; step++)
    if (numbered_step_name("m.st", step, name) == CLI_OK) unlink(name);
  CHECK(chdir(here) == 0 && rmdir(folder) == 0, "nothing is left");
}

/* A run that could not name its copies does not begin. */
static void check_long_checkpoints(void) {
  char longer[NUMBERED_PATH];
  for (size_t i = 0; i < sizeof longer - 8; i += 2) memcpy(longer + i, "./", 2);
  memcpy(longer + sizeof longer - 8, "m.st", 5);
  const run_options keep = {.checkpoint = longer, .keep = 1}, best = {.checkpoint = longer, .keep_best = 1},
                    neither = {.checkpoint = longer};
  const run_options *const each[] = {&keep, &best};
  for (size_t i = 0; i < COUNT(each); i++) {
    said_listen();
    const int code = saver_check(each[i]);
    said_answer(code, "");
    check_record(code == CLI_FAILED && strstr(said, "/...: cannot open: File name too long\n"), said,
                 "--keep%s", i ? "-best, a name that is too long" : ", a name that is too long");
  }
  said_listen();
  CHECK(said_answer(saver_check(&neither), NULL), "without copies it is not");
}

/* ---------------------------------------------------------------- processes */

/* What mpirun says: Open MPI's or MPICH's, and only where both of its variables are there. */
static void check_launched(void) {
  static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE"};
  static const struct {
    const char *value[4];
    int rank, size;
  } rows[] = {{{NULL, NULL, NULL, NULL}, 0, 1}, {{"2", "3", NULL, NULL}, 2, 3},
              {{NULL, NULL, "1", "4"}, 1, 4},   {{"2", NULL, NULL, "4"}, 0, 1},
              {{"0", "1", "1", "4"}, 1, 4},     {{"2", "3", "1", "4"}, 2, 3}};
  unsigned char given[ARGS_MAX] = {0};
  given[args_find(ranks_specs, "rank")] = given[args_find(ranks_specs, "world")] = 1;
  const ranks_options by_hand = {.file = "here", .rank = 1, .world = 2},
                      beyond = {.file = "here", .rank = 2, .world = 2};
  for (size_t i = 0; i < COUNT(rows); i++) {
    int rank = -1, size = -1;
    for (int k = 0; k < 4; k++)
      if (rows[i].value[k])
        setenv(names[k], rows[i].value[k], 1);
      else
        unsetenv(names[k]);
    ranks_launched(&rank, &size);
    CHECK(rank == rows[i].rank && size == rows[i].size, "process %d of %d", rows[i].rank, rows[i].size);
    said_listen();
    const int code = ranks_check(&by_hand, ranks_specs, given);
    CHECK(said_answer(code,
                      size > 1 ? "--ranks-file: mpirun has started the processes, and counts them" : NULL),
          "--ranks-file in process %d of %d", rank, size);
  }
  for (int k = 0; k < 4; k++) unsetenv(names[k]);
  said_listen();
  CHECK(said_answer(ranks_check(&beyond, ranks_specs, given),
                    "--rank: is 2; it must be from 0 to 1, one less than --world"),
        "a process too many");
}

static const struct {
  int size, given, resume;
  int64_t shards, batch;
  int normed; /* 1: inputs, 2: steps */
  int64_t becomes;
  const char *sentence;
} shard_rows[] = {
    {1, 0, 0, 0, 6, 0, 1, NULL},
    {1, 1, 0, 3, 6, 0, 3, NULL},
    {2, 0, 0, 0, 6, 0, 2, NULL},
    {2, 1, 0, 4, 8, 0, 4, NULL},
    {1, 0, 0, 1, 6, 1, 1, NULL},
    {2, 0, 1, 3, 6, 0, 2,
     "the run began with 3 shards and goes on with 2, one for each process: losses are no longer the same "
     "bits"},
    {2, 1, 1, 3, 6, 0, 0, "--shards: is 3; with 2 processes it must be 2, 4, 8, ..."},
    {2, 0, 0, 6, 6, 0, 0, "--shards: is 6; with 2 processes it must be 2, 4, 8, ..."},
    {4, 1, 0, 2, 8, 0, 0, "--shards: is 2; with 4 processes it must be 4, 8, 16, ..."},
    {1, 1, 0, 4, 6, 0, 0, "--batch: is 6; it must be a multiple of 4, the number of shards"},
    {1, 1, 0, 2, 6, 1, 0, "--batch-norm-input: needs whole batches, and there are 2 shards"},
    {2, 0, 0, 0, 6, 2, 0, "--batch-norm-steps: needs whole batches, and there are 2 shards"},
};

static void check_shards(void) {
  for (size_t i = 0; i < COUNT(shard_rows); i++) {
    const ranks r = {.size = shard_rows[i].size};
    model_config config = {.shards = shard_rows[i].shards};
    config.rnn.batch = shard_rows[i].batch;
    config.rnn.batch_norm_input = shard_rows[i].normed == 1;
    config.rnn.batch_norm_steps = shard_rows[i].normed == 2;
    char sentence[200] = "";
    if (shard_rows[i].sentence) snprintf(sentence, sizeof sentence, "seqgpu: %s\n", shard_rows[i].sentence);
    said_listen();
    const int code = ranks_share(&r, &config, shard_rows[i].given, shard_rows[i].resume);
    said_answer(code, "");
    const int taken = shard_rows[i].becomes > 0;
    check_record((code == CLI_OK) == taken && (!taken || config.shards == shard_rows[i].becomes) &&
                     strcmp(said, sentence) == 0,
                 said, "shards, row %zu", i);
  }
}

/* ---------------------------------------------------------------- where training stood */

static const char *path; /* of this run */

static void check_cursor(seqgpu_context *ctx, seqgpu_params *params) {
  static const arg_spec no_specs[] = {ROW_END};
  static const struct {
    const char *key, *value, *why; /* NULL: it is taken */
  } rows[] = {
      {"eval_every", "10", NULL},
      {"eval_every", "x", "eval_every is \"x\"; it must be a whole number of at most "},
      {"train_size", "-1", "train_size is \"-1\"; it must be a whole number"},
      {"val_hash", "00ff", NULL},
      {"val_hash", "xyz", "val_hash is \"xyz\"; it must be a whole number"},
      {"learning", "1 1 0 0 0 0 0 0 0 0 0 0 0 0", NULL},
      {"learning", "good", "learning is \"good\"; it must be what validations have led to"},
      {"learning", "1 -0.5 0 0 0 0 0 0 0 0 0 0 0 0", "it must be what validations have led to"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const seqgpu_meta meta[] = {
        {"step", "3"}, {"data_size", "4"}, {"data_hash", "0a"}, {rows[i].key, rows[i].value}};
    seqgpu_checkpoint *file = NULL;
    config_cursor cursor;
    CHECK(seqgpu_checkpoint_save_weights(params, path, meta, 4) == SEQGPU_OK &&
              seqgpu_checkpoint_open(ctx, path, &file) == SEQGPU_OK,
          "a file with %s", rows[i].key);
    said_stream err = said_begin(STDERR_FILENO);
    const int code = config_read(file, "f", no_specs, NULL, &cursor);
    said_end(&err, said, sizeof said);
    const int right = rows[i].why
                          ? code != CLI_OK && strstr(said, rows[i].why) != NULL
                          : code == CLI_OK && said[0] == 0 && cursor.step == 3 && cursor.data_size == 4;
    check_record(right, said, "%s is \"%s\"", rows[i].key, rows[i].value);
    seqgpu_checkpoint_close(file);
  }
  unlink(path);
}

int main(void) {
  char name[64];
  seqgpu_context *ctx = NULL;
  seqgpu_params *params = NULL;
  check_start();
  check_values();
  check_no_values();
  check_long_name();
  check_join();
  check_help();
  check_words();
  check_copies();
  check_long_checkpoints();
  check_launched();
  check_shards();
  snprintf(name, sizeof name, "/tmp/seqgpu-args-%ld", (long)getpid());
  path = name;
  if (CHECK(seqgpu_context_create(NULL, &ctx) == SEQGPU_OK &&
                seqgpu_params_create(ctx, 1, &params) == SEQGPU_OK &&
                seqgpu_params_add(params, "w", 1, 1, "zeros", 0, NULL) == SEQGPU_OK,
            "parameters"))
    check_cursor(ctx, params);
  seqgpu_params_destroy(params);
  seqgpu_context_destroy(ctx);
  return check_finish();
}
