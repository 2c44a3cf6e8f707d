/* test_cli_text.c - texts in the program, by many small ones: how they are read, split into tokens, numbered
 * by a vocabulary and printed again, or the sentence that refuses them.
 */
#define _XOPEN_SOURCE 700

#include "host/cli/cli.h"
#include "host/cli/prime.h"
#include "host/cli/utf16.h"
#include "host/cli/vocab.h"
#include "tests/said.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>

#ifdef SEQGPU_ZLIB
#include <zlib.h>
#endif

/* ---------------------------------------------------------------- texts */

#define GZ_HEAD  "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
#define GZ_ABC   GZ_HEAD "\x4b\x4c\x4a\x06\x00\xc2\x41\x24\x35\x03\x00\x00\x00"
#define GZ_EMPTY GZ_HEAD "\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"

typedef struct text_row {
  const char *name;
  const char *bytes;
  size_t size;
  token_kind kind;
  const char *text; /* what comes out, of `length` bytes */
  size_t length;
  const char *sentence;
} text_row;

#define EMPTY             "t: is empty; it must have some text"
#define NOT_UTF8(at)      "t: byte " #at " is not valid UTF-8; --tokens bytes takes any file"
#define NO_CHARACTER(at)  "t: is UTF-16, but byte " #at " is no character"
#define REFUSED(sentence) NULL, 0, sentence
#define MARK              "\xef\xbb\xbf" /* the byte order mark of UTF-8, below that of UTF-16 */
#define LOW_FIRST         "\xff\xfe"
#define PAIR_BEGINS       "\x3d\xd8" /* a high surrogate */
static const text_row texts[] = {
    {"plain", SAID_BYTES("abc"), TOKEN_UTF8, SAID_BYTES("abc"), NULL},
    {"a byte order mark", SAID_BYTES(MARK "abc"), TOKEN_BYTES, SAID_BYTES("abc"), NULL},
    {"half a byte order mark", SAID_BYTES("\xef\xbb"), TOKEN_BYTES, SAID_BYTES("\xef\xbb"), NULL},
    {"nothing", SAID_BYTES(""), TOKEN_UTF8, REFUSED(EMPTY)},
    {"a byte order mark alone", SAID_BYTES(MARK), TOKEN_UTF8, REFUSED(EMPTY)},
    {"no UTF-8", SAID_BYTES("ab\xff"), TOKEN_UTF8, REFUSED(NOT_UTF8(2))},
    {"no UTF-8 behind a mark", SAID_BYTES(MARK "ab\xff"), TOKEN_WORDS, REFUSED(NOT_UTF8(5))},
    {"no UTF-8, as bytes", SAID_BYTES("ab\xff"), TOKEN_BYTES, SAID_BYTES("ab\xff"), NULL},
    {"a surrogate in UTF-8", SAID_BYTES("\xed\xa0\x80"), TOKEN_UTF8, REFUSED(NOT_UTF8(0))},
    {"a long form", SAID_BYTES("\xe0\x9f\xbf"), TOKEN_UTF8, REFUSED(NOT_UTF8(0))},
    {"a long form of four", SAID_BYTES("\xf0\x8f\xbf\xbf"), TOKEN_UTF8, REFUSED(NOT_UTF8(0))},
    {"beyond U+10FFFF", SAID_BYTES("\xf4\x90\x80\x80"), TOKEN_UTF8, REFUSED(NOT_UTF8(0))},
    {"UTF-16, low byte first", SAID_BYTES(LOW_FIRST "a\0b\0"), TOKEN_UTF8, SAID_BYTES("ab"), NULL},
    {"UTF-16, high byte first", SAID_BYTES("\xfe\xff\0a\x20\xac"), TOKEN_WORDS, SAID_BYTES("a\xe2\x82\xac"),
     NULL},
    {"UTF-16 without a mark", SAID_BYTES("a\0b\0"), TOKEN_UTF8, SAID_BYTES("ab"), NULL},
    {"UTF-16 without a mark, high byte first", SAID_BYTES("\0a\0b"), TOKEN_UTF8, SAID_BYTES("ab"), NULL},
    {"UTF-16 as bytes", SAID_BYTES("a\0b\0"), TOKEN_BYTES, SAID_BYTES("a\0b\0"), NULL},
    {"UTF-32", SAID_BYTES(LOW_FIRST "\0\0a\0\0\0"), TOKEN_UTF8, REFUSED(NOT_UTF8(0))},
    {"zeros at both places", SAID_BYTES("\0\0ab"), TOKEN_UTF8, SAID_BYTES("\0\0ab"), NULL},
    {"an odd number of bytes", SAID_BYTES("a\0b"), TOKEN_UTF8, SAID_BYTES("a\0b"), NULL},
    {"few zeros", SAID_BYTES("abcdefghi\0"), TOKEN_UTF8, SAID_BYTES("abcdefghi\0"), NULL},
    {"UTF-16, a mark alone", SAID_BYTES(LOW_FIRST), TOKEN_UTF8, REFUSED(EMPTY)},
    {"UTF-16, a pair", SAID_BYTES(LOW_FIRST PAIR_BEGINS "\0\xde"), TOKEN_UTF8, SAID_BYTES("\xf0\x9f\x98\x80"),
     NULL},
    {"UTF-16, the last of a pair first", SAID_BYTES(LOW_FIRST "\0\xde" PAIR_BEGINS), TOKEN_UTF8,
     REFUSED(NO_CHARACTER(2))},
    {"UTF-16, the first of a pair last", SAID_BYTES(LOW_FIRST "a\0" PAIR_BEGINS), TOKEN_UTF8,
     REFUSED(NO_CHARACTER(4))},
    {"UTF-16, the first of a pair before a letter", SAID_BYTES(LOW_FIRST PAIR_BEGINS "a\0"), TOKEN_UTF8,
     REFUSED(NO_CHARACTER(2))},
    {"UTF-16, two first of a pair", SAID_BYTES(LOW_FIRST PAIR_BEGINS "\xff\xff"), TOKEN_UTF8,
     REFUSED(NO_CHARACTER(2))},
    {"UTF-16, half a character", SAID_BYTES(LOW_FIRST "a\0b"), TOKEN_UTF8, REFUSED(NO_CHARACTER(4))},
    {"as gzip begins", SAID_BYTES("\x1f\x8b"), TOKEN_BYTES, SAID_BYTES("\x1f\x8b"), NULL},
#ifdef SEQGPU_ZLIB
    {"gzip", SAID_BYTES(GZ_ABC), TOKEN_UTF8, SAID_BYTES("abc"), NULL},
    {"gzip of nothing", SAID_BYTES(GZ_EMPTY), TOKEN_UTF8, REFUSED(EMPTY)},
    {"gzip, two members", SAID_BYTES(GZ_ABC GZ_EMPTY GZ_ABC), TOKEN_UTF8, SAID_BYTES("abcabc"), NULL},
    {"gzip, cut off", GZ_ABC, sizeof GZ_ABC - 3, TOKEN_UTF8,
     REFUSED("t: is compressed by gzip, and truncated")},
    {"gzip, a wrong checksum", SAID_BYTES(GZ_HEAD "\x4b\x4c\x4a\x06\x00\xc3\x41\x24\x35\x03\x00\x00\x00"),
     TOKEN_UTF8, REFUSED("t: is compressed by gzip, and damaged")},
    {"gzip, and something behind it", SAID_BYTES(GZ_ABC "xyz"), TOKEN_UTF8,
     REFUSED("t: is compressed by gzip, and damaged")},
#else
    {"gzip", SAID_BYTES(GZ_ABC), TOKEN_UTF8, REFUSED("t: is compressed by gzip; this build has no zlib")},
#endif
};

static void check_texts(void) {
  for (size_t i = 0; i < COUNT(texts); i++) {
    const text_row *r = &texts[i];
    text_file t;
    said_listen();
    const int code = text_parse("t", said_copy(r->bytes, r->size), r->size, r->kind, &t);
    const int ok = said_answer(code, r->sentence) && t.size == r->length &&
                   (code || memcmp(t.data, r->text, t.size) == 0);
    check_record(ok, said, "text, %s", r->name);
    text_free(&t);
  }
}

/* Bytes that are nothing else, or too few. */
static void check_utf16(void) {
  char *text = NULL;
  size_t size;
  CHECK(utf16_find("", 0) == UTF16_NONE, "nothing is not UTF-16");
  CHECK(utf16_to_utf8("a", 1, UTF16_LITTLE, &text, &size) == 0 && text == NULL, "one byte is no character");
}

#ifdef SEQGPU_ZLIB
/* Bytes of one member, after those that are there. */
static size_t deflate_member(char *out, size_t at, const char *bytes, size_t size, char *name) {
  z_stream z = {.next_in = NULL};
  gz_header header = {.name = (Bytef *)name};
  if (deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) exit(EXIT_FAILURE);
  if (name) deflateSetHeader(&z, &header);
  z.next_in = (Bytef *)(uintptr_t)bytes;
  z.avail_in = (uInt)size;
  z.next_out = (Bytef *)out + at;
  z.avail_out = 1 << 18;
  if (deflate(&z, Z_FINISH) != Z_STREAM_END) exit(EXIT_FAILURE);
  const size_t end = at + z.total_out;
  deflateEnd(&z);
  return end;
}

/* Texts that are unpacked in several pieces, and a member that ends where a piece does. */
static void check_pieces(void) {
  enum { PIECE = 1 << 16, LARGE = 3 * PIECE };
  char *packed = calloc(1, 1 << 20), *large = calloc(1, LARGE), *name = calloc(1, PIECE + 1);
  text_file t;
  if (!packed || !large || !name) exit(EXIT_FAILURE);
  memset(large, 'x', LARGE);
  memset(name, 'n', PIECE);
  size_t size = deflate_member(packed, 0, large, LARGE, NULL);
  said_listen();
  int ok = said_answer(text_parse("t", said_copy(packed, size), size, TOKEN_UTF8, &t), NULL);
  check_record(ok && t.size == LARGE && memcmp(t.data, large, LARGE) == 0, said, "gzip, a large text");
  text_free(&t);
  name[PIECE - deflate_member(packed, 0, "ab", 2, NULL) - 1] = 0; /* and the zero behind it */
  const size_t first = deflate_member(packed, 0, "ab", 2, name);
  CHECK(first == PIECE, "a member of %zu bytes", first);
  size = deflate_member(packed, first, "cd", 2, NULL);
  said_listen();
  ok = said_answer(text_parse("t", said_copy(packed, size), size, TOKEN_UTF8, &t), NULL);
  check_record(ok && t.size == 4 && memcmp(t.data, "abcd", 4) == 0, said,
               "gzip, a member that fills a piece");
  text_free(&t);
  free(packed);
  free(large);
  free(name);
}
#endif

/* ---------------------------------------------------------------- tokens */

typedef struct tokens_row {
  token_kind kind;
  const char *text, *tokens; /* with '|' behind each */
} tokens_row;

static const tokens_row splits[] = {
    {TOKEN_BYTES, "a\xc3\xa9", "a|\xc3|\xa9|"},
    {TOKEN_UTF8, "a\xc3\xa9 ", "a|\xc3\xa9| |"},
    {TOKEN_UTF8, "", ""},
    {TOKEN_WORDS, "  It's 1+1,\tna\xc3\xafve\r\v\fZ9\n ", "It's|1|+|1|,|na\xc3\xafve|Z9|\n|"},
    {TOKEN_SPACED, "It's  (so)\n, \n \tx ", "It's| | (|so|)|\n|,| |\n| |\t|x| |"},
    {TOKEN_SPACED, " ", " |"},
    {TOKEN_SPACED, " a", " a|"},
};

static void check_tokens(void) {
  for (size_t i = 0; i < COUNT(splits); i++) {
    const tokens_row *r = &splits[i];
    char out[200] = "";
    const char *at = r->text, *end = at + strlen(at), *token;
    for (size_t n; (n = text_next_token(r->kind, &at, end, &token)) > 0;)
      snprintf(out + strlen(out), sizeof out - strlen(out), "%.*s|", (int)n, token);
    check_record(strcmp(out, r->tokens) == 0, out, "tokens of kind %d, row %zu", (int)r->kind, i);
  }
  const text_file valid = text_of("a\xc3\xa9 b"), bytes = text_of("a\xff b");
  CHECK(text_characters(&valid) == 4 && text_characters(&bytes) == 4, "characters: code points, or bytes");
  CHECK(text_characters_of(&valid, TOKEN_SPACED, 1) == 2, "characters of one token");
  CHECK(text_characters_of(&valid, TOKEN_WORDS, 1) == 3, "characters of a word, with the space behind it");
  CHECK(text_characters_of(&valid, TOKEN_SPACED, 2) == 4 && text_characters_of(&valid, TOKEN_BYTES, 9) == 4,
        "characters of all tokens");
}

/* ---------------------------------------------------------------- vocabularies */

typedef struct vocab_row {
  const char *line;
  token_kind kind, becomes;
  int size, unknown;
  const char *sentence;
} vocab_row;

#define DAMAGED "vocabulary: is damaged in the checkpoint"
static const vocab_row vocabularies[] = {
    {"a b %0A %25 %C3%A9", TOKEN_BYTES, TOKEN_BYTES, 5, -1, NULL},
    {"a b", TOKEN_UTF8, TOKEN_UTF8, 2, -1, NULL}, /* of an older checkpoint */
    {"a <unk> b", TOKEN_UTF8, TOKEN_UTF8, 3, 1, NULL},
    {"<unk> a", TOKEN_WORDS, TOKEN_WORDS, 2, 0, NULL},
    {"<unk> %20 a", TOKEN_WORDS, TOKEN_SPACED, 3, 0, NULL},
    {"<unk> a", TOKEN_BYTES, TOKEN_BYTES, 2, -1, NULL},
    {"a b", TOKEN_WORDS, TOKEN_WORDS, 0, -1, "vocabulary: has no <unk>; words need one"},
    {"", TOKEN_UTF8, TOKEN_UTF8, 0, -1, DAMAGED},
    {" a", TOKEN_UTF8, TOKEN_UTF8, 0, -1, DAMAGED},
    {"a  b", TOKEN_UTF8, TOKEN_UTF8, 0, -1, DAMAGED},
    {"a b a", TOKEN_UTF8, TOKEN_UTF8, 0, -1, DAMAGED},
    {"a %4", TOKEN_UTF8, TOKEN_UTF8, 0, -1, DAMAGED},
    {"a %", TOKEN_UTF8, TOKEN_UTF8, 0, -1, DAMAGED},
    {"%G1", TOKEN_UTF8, TOKEN_UTF8, 0, -1, DAMAGED},
    {"%1G", TOKEN_UTF8, TOKEN_UTF8, 0, -1, DAMAGED},
    {"%/1", TOKEN_UTF8, TOKEN_UTF8, 0, -1, DAMAGED},
    {"%:1", TOKEN_UTF8, TOKEN_UTF8, 0, -1, DAMAGED},
    {"%@1", TOKEN_UTF8, TOKEN_UTF8, 0, -1, DAMAGED},
};

static void check_vocabularies(void) {
  for (size_t i = 0; i < COUNT(vocabularies); i++) {
    const vocab_row *r = &vocabularies[i];
    vocabulary v;
    said_listen();
    const int code = vocab_read(r->line, r->kind, &v);
    int ok = said_answer(code, r->sentence) &&
             (code || (v.kind == r->becomes && v.size == r->size && v.unknown == r->unknown));
    char *written = code ? NULL : vocab_write(&v);
    if (written) ok = ok && strcmp(written, r->line) == 0;
    check_record(ok, said, "vocabulary \"%s\" of kind %d", r->line, (int)r->kind);
    free(written);
    if (!code) vocab_free(&v);
  }
}

typedef struct encode_row {
  const char *vocabulary;
  token_kind kind;
  const char *text, *ids;
  int missed, of; /* so many of so many tokens */
  const char *first;
  int at;
} encode_row;

static const encode_row encodings[] = {
    {"a b c", TOKEN_UTF8, "cab", "2 0 1 ", 0, 3, "", 0},
    {"a b", TOKEN_UTF8, "abxab", "0 1 0 1 ", 1, 5, "\"x\"", 2},
    {"<unk> a", TOKEN_UTF8, "a\xc3\xa9z", "1 0 0 ", 2, 3, "\"\xc3\xa9\"", 1},
    {"<unk> %20 cat", TOKEN_WORDS, "cat cat  dogs", "2 1 2 1 1 0 ", 1, 6, "\" dogs\"", 8},
    {"<unk> cat", TOKEN_WORDS, "cat incomprehensible", "1 0 ", 1, 2, "\"incomprehens\"", 4},
    {"<unk> a", TOKEN_UTF8, "a\x1b", "1 0 ", 1, 2, "0x1b", 1},
    {"<unk> %20 a", TOKEN_WORDS, "a\n", "2 0 ", 1, 2, "0x0a", 1},
};

/* What is said of them. */
static void note_of(const encode_row *r, const vocabulary *v, char out[300]) {
  out[0] = 0;
  if (r->missed > 0)
    snprintf(out, 300,
             "seqgpu: t: %d of %d tokens are not in the vocabulary of the model, the first is %s at byte %d; "
             "they are "
             "%s\n",
             r->missed, r->of, r->first, r->at, v->unknown < 0 ? "left out" : "read as <unk>");
}

static void check_encodings(void) {
  for (size_t i = 0; i < COUNT(encodings); i++) {
    const encode_row *r = &encodings[i];
    const text_file t = text_of(r->text);
    vocabulary v;
    vocab_misses misses;
    int32_t *ids, *again;
    int64_t count, count_again;
    char out[200] = "", note[300];
    if (!CHECK(vocab_read(r->vocabulary, r->kind, &v) == 0, "vocabulary %s", r->vocabulary)) continue;
    said_listen();
    int code = vocab_encode(&v, &t, "t", &ids, &count, &misses);
    vocab_note_misses(&misses, count, "t");
    code |= vocab_encode(&v, &t, "t", &again, &count_again, NULL);
    said_end(&said_errors, said, sizeof said);
    for (int64_t k = 0; k < count; k++)
      snprintf(out + strlen(out), sizeof out - strlen(out), "%d ", (int)ids[k]);
    note_of(r, &v, note);
    check_record(!code && strcmp(out, r->ids) == 0 && strcmp(said, note) == 0 && count == count_again,
                 said[0] ? said : out, "encoding with \"%s\", row %zu", r->vocabulary, i);
    free(ids);
    free(again);
    vocab_free(&v);
  }
}

/* ---- building, with a limit ---- */

typedef struct build_row {
  const char *text;
  token_kind kind;
  int64_t limit;
  const char *line; /* as vocab_write, NULL: all bytes */
} build_row;

static const build_row builds[] = {
    {"b b a c c c", TOKEN_WORDS, 0, "<unk> %20 %20c %20a %20b b"},
    {"b b a c c c", TOKEN_WORDS, 3, "<unk> %20 %20c"},
    {"b b a c c c", TOKEN_WORDS, 1, "<unk> %20"},
    {"b b a", TOKEN_WORDS, 100, "<unk> %20 %20a %20b b"},
    {"ba\xc3\xa9\na", TOKEN_UTF8, 1, "<unk> %0A a b \xc3\xa9"},
    {"ab", TOKEN_BYTES, 0, NULL},
};

static void check_builds(void) {
  for (size_t i = 0; i < COUNT(builds); i++) {
    const build_row *r = &builds[i];
    const text_file t = text_of(r->text);
    vocabulary v;
    char *line = NULL;
    int ok = vocab_build(&t, "t", r->kind, r->limit, &v) == CLI_OK;
    if (ok) line = vocab_write(&v);
    ok = ok && line &&
         (r->line ? strcmp(line, r->line) == 0 : v.size == 256 && strncmp(line, "%00 %01 ", 8) == 0);
    check_record(ok, line ? line : "", "vocabulary of a text, row %zu, limit %lld", i, (long long)r->limit);
    free(line);
    vocab_free(&v);
  }
  const text_file wrong = text_of("\xff");
  vocabulary v;
  said_listen();
  CHECK(said_answer(vocab_build(&wrong, "t", TOKEN_UTF8, 0, &v),
                    "t: byte 0 is not valid UTF-8; --tokens bytes takes any file"),
        "vocabulary of no UTF-8");
}

/* ---- printing ---- */

typedef struct print_row {
  const char *vocabulary;
  token_kind kind;
  const char *file, *terminal; /* what printing 0, 1, 2, ... gives */
} print_row;

static const print_row prints[] = {
    {"<unk> It ( is ) , [ 1 ] \xc3\xa9 . %0A A x", TOKEN_WORDS, "<unk> It (is), [1] \xc3\xa9.\nA x",
     "<unk> It (is), [1] \xc3\xa9.\nA x"},
    {"<unk> a %1B%5B %09 %C2%9B", TOKEN_UTF8,
     "\xef\xbf\xbd"
     "a\x1b[\t\xc2\x9b",
     "\xef\xbf\xbd"
     "a?[\t?"},
    {"a %07 %C3 %A9 %C2 %9B", TOKEN_BYTES, "a\x07\xc3\xa9\xc2\x9b", "a?\xc3\xa9\xc2?"},
    {"%C2 %A9", TOKEN_BYTES, "\xc2\xa9", "\xc2\xa9"},
};

/* A terminal that shows what is written as it is, and what it showed. */
static FILE *open_terminal(int *shown) {
  struct termios raw;
  *shown = posix_openpt(O_RDWR | O_NOCTTY);
  if (*shown < 0 || grantpt(*shown) != 0 || unlockpt(*shown) != 0) return NULL;
  const int terminal = open(ptsname(*shown), O_RDWR | O_NOCTTY);
  if (terminal < 0 || tcgetattr(terminal, &raw) != 0) return NULL;
  raw.c_oflag &= ~(tcflag_t)OPOST;
  return tcsetattr(terminal, TCSANOW, &raw) == 0 ? fdopen(terminal, "w") : NULL;
}

/* What has been printed, which comes in parts on a busy machine. */
static void read_terminal(int shown, size_t wanted, char *out, size_t size) {
  size_t have = 0;
  struct pollfd ready = {.fd = shown, .events = POLLIN};
  while (have + 1 < size && poll(&ready, 1, have < wanted ? 5000 : 0) > 0) {
    const ssize_t n = read(shown, out + have, size - 1 - have);
    if (n <= 0) break;
    have += (size_t)n;
  }
  out[have] = 0;
}

static void check_prints(void) {
  for (size_t i = 0; i < 2 * COUNT(prints); i++) {
    const print_row *r = &prints[i / 2];
    const int on_terminal = i % 2;
    int shown = -1;
    vocabulary v;
    char out[200] = "";
    FILE *to = on_terminal ? open_terminal(&shown) : tmpfile();
    if (to == NULL) {
      check_skip("there is none here", "a terminal");
      continue;
    }
    if (vocab_read(r->vocabulary, r->kind, &v) != 0) exit(EXIT_FAILURE);
    for (int32_t id = 0; id < v.size; id++) vocab_print(&v, id - 1, id, to);
    fflush(to);
    if (on_terminal) {
      read_terminal(shown, strlen(r->terminal), out, sizeof out);
      close(shown);
    } else {
      rewind(to);
      if (fread(out, 1, sizeof out - 1, to) == 0) out[0] = 0;
    }
    check_record(strcmp(out, on_terminal ? r->terminal : r->file) == 0, out, "printing \"%s\" %s",
                 r->vocabulary, on_terminal ? "on a terminal" : "into a file");
    fclose(to);
    vocab_free(&v);
  }
}

/* More tokens than there is room for at first. */
static void check_many(void) {
  enum { MANY = 1500 };
  char *text = calloc(MANY, 8);
  vocabulary v;
  vocab_misses misses;
  int32_t *ids;
  int64_t count;
  if (text == NULL) exit(EXIT_FAILURE);
  for (int i = 0; i < MANY; i++) sprintf(text + strlen(text), "w%d ", i);
  const text_file t = text_of(text);
  CHECK(vocab_build(&t, "t", TOKEN_WORDS, 0, &v) == CLI_OK && v.size > MANY, "%d words", MANY);
  CHECK(vocab_encode(&v, &t, "t", &ids, &count, &misses) == CLI_OK && misses.count == 0,
        "each is found again");
  free(ids);
  vocab_free(&v);
  free(text);
}

/* ---------------------------------------------------------------- text that is read first */

typedef struct prime_row {
  const char *text, *ids, *sentence;
} prime_row;

#define NO_ESCAPE "; it must be one of \\n, \\t, \\r, \\\\, \\\", \\xHH"
static const prime_row primes[] = {
    {NULL, "", NULL},
    {"ab", "97 98 ", NULL},
    {"\\n\\t\\r\\\\\\\"", "10 9 13 92 34 ", NULL},
    {"\\x00\\xfF\\x9a!", "0 255 154 33 ", NULL},
    {"\\q", "", "--prime: has \"\\q\" at character 0" NO_ESCAPE},
    {"a\\", "", "--prime: has \"\\\" at character 1" NO_ESCAPE},
    {"\\x", "", "--prime: has \"\\x\" at character 0" NO_ESCAPE},
    {"\\x1", "", "--prime: has \"\\x\" at character 0" NO_ESCAPE},
    {"\\xg1", "", "--prime: has \"\\x\" at character 0" NO_ESCAPE},
};

static void check_primes(void) {
  vocabulary v;
  const text_file empty = {.data = ""};
  if (vocab_build(&empty, "t", TOKEN_BYTES, 0, &v) != 0) exit(EXIT_FAILURE);
  for (size_t i = 0; i < COUNT(primes); i++) {
    const prime_options o = {.text = primes[i].text};
    int32_t *ids = NULL;
    int64_t count = 0;
    char out[100] = "";
    said_listen();
    const int code = prime_encode(&o, &v, 0, &ids, &count);
    const int ok = said_answer(code, primes[i].sentence);
    for (int64_t k = 0; k < count; k++)
      snprintf(out + strlen(out), sizeof out - strlen(out), "%d ", (int)ids[k]);
    check_record(ok && strcmp(out, primes[i].ids) == 0, code ? said : out, "--prime, row %zu", i);
    free(ids);
  }
  const prime_options both = {.text = "a", .file = "b"};
  int32_t *none;
  int64_t no_count;
  said_listen();
  CHECK(said_answer(prime_encode(&both, &v, 0, &none, &no_count),
                    "--prime: excludes --prime-file; give only one of them"),
        "a text and a file");
  vocab_free(&v);
}

int main(void) {
  check_start();
  check_texts();
  check_utf16();
#ifdef SEQGPU_ZLIB
  check_pieces();
#endif
  check_tokens();
  check_vocabularies();
  check_encodings();
  check_builds();
  check_many();
  check_prints();
  check_primes();
  return check_finish();
}
