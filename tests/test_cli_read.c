/* test_cli_read.c - what else the program reads, each by many small inputs: IDX files, tables of numbers,
 * training logs, and names that are nearly right; what comes out of them, or the sentence that refuses them.
 */
#define _XOPEN_SOURCE 700

#include "host/cli/idx.h"
#include "host/cli/log_read.h"
#include "host/cli/numbers.h"
#include "host/cli/suggest.h"
#include "tests/said.h"

/* ---------------------------------------------------------------- IDX files */

typedef struct idx_row {
  const char *name, *bytes;
  size_t size;
  int dims;
  const char *sentence; /* behind the path */
} idx_row;

#define PRODUCT "; the product of all must be from 1 to 2147483648 bytes"
static const idx_row idx_rows[] = {
    {"labels",
     SAID_BYTES("\0\0\x08\x01\0\0\0\x02"
                "ab"),
     1, NULL},
    {"images",
     SAID_BYTES("\0\0\x08\x03\0\0\0\x01\0\0\0\x01\0\0\0\x02"
                "ab"),
     3, NULL},
    {"nothing", SAID_BYTES(""), 1, "is too short for an IDX file"},
    {"three bytes", SAID_BYTES("\0\0\x08"), 1, "is too short for an IDX file"},
    {"another first byte",
     SAID_BYTES("\1\0\x08\x01\0\0\0\x01"
                "a"),
     1, "is not an IDX file"},
    {"another second byte",
     SAID_BYTES("\0\1\x08\x01\0\0\0\x01"
                "a"),
     1, "is not an IDX file"},
    {"floats",
     SAID_BYTES("\0\0\x0d\x01\0\0\0\x01"
                "a"),
     1, "has elements of type 13; they must be bytes (type 8)"},
    {"other dimensions",
     SAID_BYTES("\0\0\x08\x03\0\0\0\x01"
                "a"),
     1, "has 3 dimensions; it must have 1"},
    {"half a header", SAID_BYTES("\0\0\x08\x01\0\0"), 1, "is truncated in its header"},
    {"none", SAID_BYTES("\0\0\x08\x01\0\0\0\0"), 1, "dimension 0 is 0" PRODUCT},
    {"too many", SAID_BYTES("\0\0\x08\x02\0\1\0\0\0\0\x80\x01"), 2, "dimension 1 is 32769" PRODUCT},
    {"more than there can be",
     SAID_BYTES("\0\0\x08\x01\0\1\0\0"
                "ab"),
     1, "is truncated: its header announces 65536 data bytes, and the file has 10"},
    {"cut off",
     SAID_BYTES("\0\0\x08\x01\0\0\0\x03"
                "ab"),
     1, "is truncated: 2 of 3 data bytes"},
    {"too long",
     SAID_BYTES("\0\0\x08\x01\0\0\0\x01"
                "ab"),
     1, "is too long; its header announces 1 data bytes"},
};

static const char *write_sample(const char *bytes, size_t size) {
  static char path[64];
  snprintf(path, sizeof path, "/tmp/seqgpu-parts-%ld", (long)getpid());
  FILE *to = fopen(path, "wb");
  if (to == NULL || fwrite(bytes, 1, size, to) != size || fclose(to) != 0) exit(EXIT_FAILURE);
  return path;
}

static void check_idx(void) {
  char sentence[300];
  idx_file f;
  for (size_t i = 0; i < COUNT(idx_rows); i++) {
    const idx_row *r = &idx_rows[i];
    const char *path = write_sample(r->bytes, r->size);
    if (r->sentence) snprintf(sentence, sizeof sentence, "%s: %s", path, r->sentence);
    said_listen();
    const int code = idx_read(path, r->dims, &f);
    const int ok = said_answer(code, r->sentence ? sentence : NULL);
    check_record(ok && (code || memcmp(f.data, "ab", 2) == 0), said, "IDX, %s", r->name);
    idx_free(&f);
    unlink(path);
  }
  enum { LARGE = 5 << 20 }; /* of more than one piece */
  char *large = calloc(1, LARGE + 8);
  if (large == NULL) exit(EXIT_FAILURE);
  memcpy(large, "\0\0\x08\x01\0\x50\0\0", 8);
  large[8 + LARGE - 1] = 'z';
  const char *path = write_sample(large, LARGE + 8);
  said_listen();
  CHECK(said_answer(idx_read(path, 1, &f), NULL) && f.size[0] == LARGE && f.data[LARGE - 1] == 'z',
        "IDX, five million bytes");
  idx_free(&f);
  unlink(path);
  free(large);
  said_listen();
  CHECK(said_answer(idx_read("/nowhere/x", 1, &f), "/nowhere/x: cannot open: No such file or directory"),
        "IDX, no file");
  said_listen();
  CHECK(said_answer(idx_read("/tmp", 1, &f), "/tmp: is not a regular file"), "IDX, a folder");
}

/* ---------------------------------------------------------------- tables of numbers */

typedef struct numbers_row {
  const char *text;
  int64_t rows; /* of two columns */
  const char *numbers, *sentence;
} numbers_row;

static const numbers_row tables[] = {
    {"1 2\n", 1, "1 2 ", NULL},
    {"# first\n1, 2;\r\n\n \t\n-3e0;+.5", 2, "1 2 -3 0.5 ", NULL},
    {"", 0, "", "t: has no numbers; it must have at least one line of them"},
    {"# none\n", 0, "", "t: has no numbers; it must have at least one line of them"},
    {"1\n", 0, "", "t: line 1 has 1 numbers; the model reads 2 a step"},
    {"1 2\n1 2 3", 0, "", "t: line 2 has 3 numbers; the model reads 2 a step"},
    {"1 x\n", 0, "", "t: line 1: \"x\" must be a finite number"},
    {"1 2x\n", 0, "", "t: line 1: \"2x\" must be a finite number"},
    {"1 nan\n", 0, "", "t: line 1: \"nan\" must be a finite number"},
    {"1 -inf\n", 0, "", "t: line 1: \"-inf\" must be a finite number"},
    {"1 1e39\n", 0, "", "t: line 1: \"1e39\" must be a finite number"},
};

static void check_numbers(void) {
  for (size_t i = 0; i < COUNT(tables); i++) {
    const numbers_row *r = &tables[i];
    char *text = said_copy(r->text, strlen(r->text) + 1), out[100] = "";
    float *numbers;
    int64_t rows;
    said_listen();
    const int code = numbers_parse("t", text, 2, &numbers, &rows);
    const int ok = said_answer(code, r->sentence) && (code ? numbers == NULL : rows == r->rows);
    for (int64_t k = 0; !code && k < 2 * rows; k++)
      snprintf(out + strlen(out), sizeof out - strlen(out), "%g ", (double)numbers[k]);
    check_record(ok && strcmp(out, r->numbers) == 0, code ? said : out, "numbers, row %zu", i);
    free(numbers);
    free(text);
  }
}

/* ---------------------------------------------------------------- training logs */

typedef struct log_case {
  const char *text;
  const char
      *what; /* "step loss val_loss metric val_metric|" of each report, "step:sample|" of each sample */
  const char *metric, *sentence;
} log_case;

#define LINE(n) "t: line " #n " is no report of seqgpu train"
#define NONE    "t: has no reports; it must be a log of seqgpu train"
static const log_case logs[] = {
    {"{\"step\": 1, \"loss\": 2.5}\n", "1 2.5 nan nan nan|", "", NULL},
    {" { \"step\" : 1 , \"loss\" : -2e1 } \r\n\n", "1 -20 nan nan nan|", "", NULL},
    {"{\"step\": 1, \"eta_s\": 9, \"acc\": 0.5, \"val_acc\": 0.25, \"val_other\": 3, \"other\": 4, "
     "\"val_loss\": null}\n",
     "1 nan nan 0.5 0.25|", "acc", NULL},
    {"{\"step\": 1, \"val_a\": 3}\n", "1 nan nan nan nan|", "", NULL},
    {"{\"step\": 1, \"task\": \"x\"}\n{\"step\": 2}\n{\"step\": 2, \"loss\": 3}\n",
     "1 nan nan nan nan|2 3 nan nan nan|", "", NULL},
    {"{\"step\": 1}\n{\"step\": 2}\n{\"step\": 1, \"loss\": 7}\n", "1 7 nan nan nan|", "",
     NULL}, /* resumed */
    {"{\"step\": 1}\n{\"step\": 1, \"sample\": \"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\"}\n",
     "1 nan nan nan nan|1:\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac|", "", NULL},
    {"{\"step\": 1}\n{\"step\": 2, \"sample\": \"a\"}\n{\"step\": 2, \"sample\": \"\"}\n",
     "1 nan nan nan nan|2:|", "", NULL},
    {"{\"step\": 1}\n{\"step\": 2, \"lo", "1 nan nan nan nan|", "", NULL}, /* was being written */
    {"{\"step\": 1}\n{\"step\": 2}", "1 nan nan nan nan|2 nan nan nan nan|", "", NULL},
    {"", "", "", NONE},
    {"{\"step\": 1, \"sample\": \"a\"}\n", "", "", NONE},
    {"[1]\n", "", "", LINE(1)},
    {"{}\n", "", "", LINE(1)}, /* no step */
    {"{\"step\": null}\n", "", "", LINE(1)},
    {"{\"step\": 1} x\n", "", "", LINE(1)},
    {"{\"step\": 1}\n{\"step\" 2}\n", "", "", LINE(2)},
    {"{step: 1}\n", "", "", LINE(1)},
    {"{\"step\": 1 \"loss\": 2}\n", "", "", LINE(1)},
    {"{\"step\": 1, \"loss\": [2]}\n", "", "", LINE(1)},
    {"{\"step\": 1, \"loss\": -}\n", "", "", LINE(1)},
    {"{\"step\": 1, \"loss\": 1e999}\n", "", "", LINE(1)},
    {"{\"step\": 1, \"loss\": \n", "", "", LINE(1)},
    {"{\"step\": 1, \"sample\": \"\\x\"}\n", "", "", LINE(1)},
    {"{\"step\": 1, \"sample\": \"\\", "", "", NONE},
    {"{\"step\": 1, \"sample\": \"\\u12g4\"}\n", "", "", LINE(1)},
    {"{\"step\": 1, \"sample\": \"\\ud800\"}\n", "", "", LINE(1)}, /* the writer has none */
    {"{\"step\": 1, \"sample\": \"\\u00", "", "", NONE},
    {"{\"step\": 1, \"sample\": \"a\tb\"}\n", "", "", LINE(1)},
};

static void check_logs(void) {
  for (size_t i = 0; i < COUNT(logs); i++) {
    char *text = said_copy(logs[i].text, strlen(logs[i].text) + 1), out[300] = "";
    training_log l;
    said_listen();
    const int code = log_parse("t", text, &l);
    const int ok = said_answer(code, logs[i].sentence) && strcmp(l.metric, logs[i].metric) == 0;
    for (int64_t k = 0; k < l.rows; k++)
      snprintf(out + strlen(out), sizeof out - strlen(out), "%g %g %g %g %g|", l.row[k].step, l.row[k].loss,
               l.row[k].val_loss, l.row[k].metric, l.row[k].val_metric);
    for (int64_t k = 0; k < l.samples; k++)
      snprintf(out + strlen(out), sizeof out - strlen(out), "%g:%.*s|", l.sample[k].step,
               (int)l.sample[k].size, l.sample[k].text);
    check_record(ok && strcmp(out, logs[i].what) == 0, code ? said : out, "log, row %zu", i);
    log_free(&l);
    free(text);
  }
}

/* More reports than there is room for at first. */
static void check_long_log(void) {
  enum { ROWS = 700 };
  char *text = calloc(ROWS, 32);
  training_log l;
  if (text == NULL) exit(EXIT_FAILURE);
  for (int i = 0; i < ROWS; i++) sprintf(text + strlen(text), "{\"step\": %d}\n", i);
  CHECK(log_parse("t", text, &l) == 0 && l.rows == ROWS && l.row[ROWS - 1].step == ROWS - 1, "%d reports",
        ROWS);
  log_free(&l);
  free(text);
}

/* A file that is no text. */
static void check_zero(void) {
  char sentence[100];
  float *numbers;
  int64_t rows;
  training_log l;
  const char *path = write_sample("1 2\0 3", 7);
  snprintf(sentence, sizeof sentence, "%s: holds a zero byte; it must be a text", path);
  said_listen();
  CHECK(said_answer(numbers_read(path, 2, &numbers, &rows), sentence), "numbers with a zero byte");
  snprintf(sentence, sizeof sentence, "%s: holds a zero byte; it must be a log of seqgpu train", path);
  said_listen();
  CHECK(said_answer(log_read(path, &l), sentence), "a log with a zero byte");
  unlink(path);
}

/* ---------------------------------------------------------------- options, and names nearly right */

typedef struct near_row {
  const char *typed, *right; /* NULL: none is near */
} near_row;

static void check_suggestions(void) {
  static const char *const known[] = {"hidden", "layers", "lr", "a-name-of-more-than-thirty-characters"};
  static const near_row rows[] = {{"hiden", "hidden"},
                                  {"hdiden", "hidden"},
                                  {"hi", NULL},
                                  {"hid", "hidden"},
                                  {"layer", "layers"},
                                  {"lr2", "lr"},
                                  {"xy", NULL},
                                  {"l", "lr"},
                                  {"laesr", "layers"},
                                  {"lxxers", "layers"},
                                  {"lxxxrs", NULL},
                                  {"a-name-of-more-than-thirty-characterx", NULL},
                                  {"a-name-of-more-than-thirty-c", "a-name-of-more-than-thirty-characters"}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    suggestion s = suggest_start(rows[i].typed);
    for (size_t k = 0; k < COUNT(known); k++) suggest_try(&s, known[k]);
    const char *got = s.best ? s.best : "none";
    check_record(strcmp(got, rows[i].right ? rows[i].right : "none") == 0, got, "what \"%s\" may mean",
                 rows[i].typed);
  }
}

int main(void) {
  check_start();
  check_idx();
  check_numbers();
  check_logs();
  check_long_log();
  check_zero();
  check_suggestions();
  return check_finish();
}
