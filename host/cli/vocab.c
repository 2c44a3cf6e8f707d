/* vocab.c - numbering tokens: a hash table with linear probing (vocab.h). */
#define _DEFAULT_SOURCE /* getrandom, fileno */

#include "host/cli/vocab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "host/cli/cli.h"
#include "host/context/utf8.h"

static const char unknown_word[] =
    "<unk>"; /* in a text that would be several tokens, so none looks like it */
static const char unknown_character[] = "\xEF\xBF\xBD"; /* how it is printed among characters: U+FFFD */

/* ---------------------------------------------------------------- the table */

/* The slot of a token, or the free slot where it belongs. */
static size_t find_slot(const vocabulary *v, const char *s, size_t length) {
  size_t slot = (size_t)hash_keyed(v->key, s, length) & (v->slot_count - 1);
  for (; v->slots[slot] >= 0; slot = (slot + 1) & (v->slot_count - 1)) {
    const vocab_token *t = &v->tokens[v->slots[slot]];
    if (t->length == length && memcmp(t->text, s, length) == 0) break;
  }
  return slot;
}

/* From the system's random numbers; where it has none, from where this program lies in memory, and when. */
static hash_key draw_key(void) {
  hash_key key;
  if (getrandom(&key, sizeof key, GRND_NONBLOCK) != (ssize_t)sizeof key)
    key = (hash_key){(uint64_t)(uintptr_t)&key, (uint64_t)(uintptr_t)&draw_key ^ (uint64_t)time(NULL)};
  return key;
}

int32_t vocab_find(const vocabulary *v, const char *s, size_t length) {
  return v->size > 0 ? v->slots[find_slot(v, s, length)] : -1;
}

/* Fills a fresh table with at least twice as many slots as tokens; 0 when out of memory. */
static int rebuild_slots(vocabulary *v, size_t least) {
  size_t count = 1024;
  while (count < 2 * least) count *= 2;
  int32_t *slots = malloc(count * sizeof *slots);
  if (slots == NULL) return 0;
  if (v->slots == NULL) v->key = draw_key();
  free(v->slots);
  v->slots = slots;
  v->slot_count = count;
  memset(slots, 0xff, count * sizeof *slots);
  for (int32_t i = 0; i < v->size; i++) slots[find_slot(v, v->tokens[i].text, v->tokens[i].length)] = i;
  return 1;
}

static int make_room(vocabulary *v) {
  if (v->size < v->room) return 1;
  const int32_t room = v->room ? 2 * v->room : 512;
  vocab_token *larger = realloc(v->tokens, (size_t)room * sizeof *larger);
  if (larger == NULL) return 0;
  v->tokens = larger;
  v->room = room;
  return rebuild_slots(v, (size_t)room);
}

int vocab_count(vocabulary *v, const char *s, size_t length) {
  if (!make_room(v)) return 0;
  const size_t slot = find_slot(v, s, length);
  if (v->slots[slot] >= 0) {
    v->tokens[v->slots[slot]].count++;
    return 1;
  }
  vocab_token *token = &v->tokens[v->size];
  token->text = malloc(length);
  if (token->text == NULL) return 0;
  memcpy(token->text, s, length);
  token->length = length;
  token->count = 1;
  v->slots[slot] = v->size++;
  return 1;
}

void vocab_free(vocabulary *v) {
  for (int32_t i = 0; i < v->size; i++) free(v->tokens[i].text);
  free(v->tokens);
  free(v->slots);
  *v = (vocabulary){.unknown = -1};
}

/* ---------------------------------------------------------------- building */

static int by_bytes(const void *a, const void *b) {
  const vocab_token *x = a, *y = b;
  const int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);
  return order ? order : (x->length > y->length) - (x->length < y->length);
}

static int by_count(const void *a, const void *b) {
  const vocab_token *x = a, *y = b;
  if (x->count != y->count) return x->count < y->count ? 1 : -1;
  return by_bytes(a, b);
}

/* Words: <unk> and the space stay first, the others follow by frequency, and those beyond the limit are
 * dropped. */
enum { FIXED_WORDS = 2 };
static void rank_words(vocabulary *v, int64_t limit) {
  const int64_t least = limit < FIXED_WORDS ? FIXED_WORDS : limit;
  qsort(v->tokens + FIXED_WORDS, (size_t)v->size - FIXED_WORDS, sizeof *v->tokens, by_count);
  while (limit > 0 && v->size > least) free(v->tokens[--v->size].text);
}

int vocab_rank(vocabulary *v, int32_t fixed, int64_t least) {
  qsort(v->tokens + fixed, (size_t)(v->size - fixed), sizeof *v->tokens, by_count);
  while (v->size > fixed && v->tokens[v->size - 1].count < least) free(v->tokens[--v->size].text);
  return rebuild_slots(v, (size_t)v->size);
}

static void rank_characters(vocabulary *v) {
  qsort(v->tokens + 1, (size_t)v->size - 1, sizeof *v->tokens, by_bytes);
}

static int find_unknown(vocabulary *v) {
  v->unknown = v->kind == TOKEN_BYTES ? -1 : vocab_find(v, unknown_word, sizeof unknown_word - 1);
  if (v->unknown >= 0 || v->kind == TOKEN_BYTES || v->kind == TOKEN_UTF8) return CLI_OK;
  return cli_error("vocabulary: has no <unk>; words need one");
}

/* Every byte, whether a text has it or not: any file can be read, and any file can be drawn. */
static int count_all_bytes(vocabulary *v) {
  int ok = 1;
  for (int i = 0; i < 256 && ok; i++) ok = vocab_count(v, &(const char){(char)i}, 1);
  return ok;
}

/* What stands in the vocabulary of any text. */
static int count_fixed(vocabulary *v) {
  if (v->kind == TOKEN_BYTES) return count_all_bytes(v);
  if (!vocab_count(v, unknown_word, sizeof unknown_word - 1)) return 0;
  return v->kind != TOKEN_SPACED || vocab_count(v, " ", 1);
}

static int count_text(vocabulary *v, const text_file *t) {
  const char *at = t->data, *end = t->data + t->size, *token;
  for (size_t length; (length = text_next_token(v->kind, &at, end, &token)) > 0;)
    if (!vocab_count(v, token, length)) return 0;
  return 1;
}

int vocab_build(const text_file *t, const char *path, token_kind kind, int64_t limit, vocabulary *out) {
  vocabulary v = {.kind = kind == TOKEN_WORDS ? TOKEN_SPACED : kind, .unknown = -1};
  CLI_TRY(text_check(t, v.kind, path));
  int ok = count_fixed(&v) && count_text(&v, t);
  if (ok && v.kind == TOKEN_SPACED) rank_words(&v, limit);
  if (ok && v.kind == TOKEN_UTF8) rank_characters(&v);
  ok = ok && rebuild_slots(&v, (size_t)v.size);
  if (!ok) {
    vocab_free(&v);
    return cli_error("%s: out of memory for the vocabulary", path);
  }
  *out = v;
  return find_unknown(out);
}

/* ---------------------------------------------------------------- encoding */

static void miss(vocab_misses *misses, const char *token, size_t length, size_t where, int left_out) {
  if (misses->count++ > 0) return;
  misses->first = where;
  misses->left_out = left_out;
  size_t shown = 0; /* whole characters of it */
  for (size_t next; (next = sq_utf8_plain(token + shown, length - shown)) > 0 && shown + next <= 12;)
    shown += next;
  if (shown > 0)
    snprintf(misses->token, sizeof misses->token, "\"%.*s\"", (int)shown, token);
  else
    snprintf(misses->token, sizeof misses->token, "0x%02x", (unsigned)(unsigned char)token[0]);
}

/* The numbers of one token: none, one, or that of a space and one. */
static int encode_token(const vocabulary *v, const char *token, size_t length, int32_t ids[2]) {
  ids[0] = vocab_find(v, token, length);
  if (ids[0] >= 0) return 1;
  const int spaced = v->kind == TOKEN_SPACED && length > 1 && token[0] == ' ';
  ids[0] = spaced ? vocab_find(v, " ", 1) : v->unknown;
  if (!spaced) return ids[0] >= 0;
  ids[1] = vocab_find(v, token + 1, length - 1);
  if (ids[1] < 0) ids[1] = v->unknown;
  return 2;
}

int vocab_encode(const vocabulary *v, const text_file *t, const char *path, int32_t **ids, int64_t *count,
                 vocab_misses *misses) {
  const char *at = t->data, *end = t->data + t->size, *token;
  vocab_misses unused;
  if (misses == NULL) misses = &unused;
  *misses = (vocab_misses){.count = 0};
  *ids = NULL;
  *count = 0;
  CLI_TRY(text_check(t, v->kind, path));
  *ids = malloc((t->size + 1) * sizeof **ids); /* no token is shorter than a byte */
  if (*ids == NULL) return cli_error("%s: out of memory for %zu tokens", path, t->size);
  for (size_t length; (length = text_next_token(v->kind, &at, end, &token)) > 0;) {
    int32_t found[2];
    const int n = encode_token(v, token, length, found);
    if (n == 0 || found[n - 1] == v->unknown)
      miss(misses, token, length, t->mark + (size_t)(token - t->data), n == 0);
    for (int i = 0; i < n; i++) (*ids)[(*count)++] = found[i];
  }
  return CLI_OK;
}

void vocab_note_misses(const vocab_misses *misses, int64_t count, const char *path) {
  if (misses->count == 0) return;
  cli_note("%s: %lld of %lld tokens are not in the vocabulary of the model, the first is %s at byte %zu; "
           "they are %s",
           path, (long long)misses->count, (long long)(count + (misses->left_out ? misses->count : 0)),
           misses->token, misses->first, misses->left_out ? "left out" : "read as <unk>");
}

/* ---------------------------------------------------------------- in a checkpoint */

/* A space separates tokens; white space, control characters, '%' and bytes that are not text are %XX. */
static int is_plain(const vocabulary *v, unsigned char c) {
  return c > 0x20 && c != '%' && c != 0x7f && (c < 0x80 || v->kind != TOKEN_BYTES);
}

char *vocab_write(const vocabulary *v) {
  size_t size = 1;
  for (int32_t i = 0; i < v->size; i++) size += 3 * v->tokens[i].length + 1;
  char *line = malloc(size), *to = line;
  if (line == NULL) return NULL;
  for (int32_t i = 0; i < v->size; i++) {
    if (i > 0) *to++ = ' ';
    for (size_t k = 0; k < v->tokens[i].length; k++) {
      const unsigned char c = (unsigned char)v->tokens[i].text[k];
      if (is_plain(v, c))
        *to++ = (char)c;
      else
        to += sprintf(to, "%%%02X", c);
    }
  }
  *to = 0;
  return line;
}

static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

/* Decodes s[length] in place; the new length, or 0 if it is damaged. */
static size_t decode_token(char *s, size_t length) {
  size_t n = 0;
  for (size_t i = 0; i < length; i++, n++) {
    s[n] = s[i];
    if (s[i] != '%') continue;
    if (i + 2 >= length || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0) return 0;
    s[n] = (char)(16 * hex(s[i + 1]) + hex(s[i + 2]));
    i += 2;
  }
  return n;
}

int vocab_read(const char *line, token_kind kind, vocabulary *out) {
  static const char damaged[] = "is damaged in the checkpoint", no_memory[] = "out of memory";
  vocabulary v = {.kind = kind, .unknown = -1};
  char *copy = malloc(strlen(line) + 1);
  const char *wrong = copy ? NULL : no_memory;
  if (copy) strcpy(copy, line);
  for (char *s = copy; wrong == NULL && *s;) {
    const size_t length = strcspn(s, " "), decoded = decode_token(s, length);
    const int32_t before = v.size;
    const int more = s[length] == ' ';
    if (decoded > 0 && !vocab_count(&v, s, decoded))
      wrong = no_memory;
    else if (decoded == 0 || v.size != before + 1)
      wrong = damaged;
    s += length + (size_t)more;
  }
  free(copy);
  if (wrong == NULL && v.size == 0) wrong = damaged;
  if (wrong) {
    vocab_free(&v);
    return cli_error("vocabulary: %s", wrong);
  }
  *out = v;
  if (kind == TOKEN_WORDS && vocab_find(out, " ", 1) >= 0) out->kind = TOKEN_SPACED;
  const int code = find_unknown(out);
  if (code) vocab_free(out);
  return code;
}

/* ---------------------------------------------------------------- printing */

/* Words are separated by a space, but not before closing punctuation or at the start of a line. */
static int needs_space(const vocab_token *before, const vocab_token *t) {
  if (before->text[0] == '\n' || before->text[0] == '(' || before->text[0] == '[') return 0;
  return t->length > 1 || strchr("\n.,;:!?)]", t->text[0]) == NULL;
}

/* On a terminal a token of a stranger's model is only seen.  Among bytes the halves of a character come one
 * by one: C1 control characters are the byte C2 and another one. */
static void print_token(const vocabulary *v, int32_t before, const vocab_token *t, FILE *to) {
  const int is_terminal = isatty(fileno(to)), after_c2 = before >= 0 && v->tokens[before].text[0] == '\xc2';
  for (size_t i = 0, taken; i < t->length; i += taken) {
    char shown[4];
    const unsigned char c = (unsigned char)t->text[i];
    size_t length = sq_utf8_shown(t->text + i, t->length - i, shown, &taken);
    const int is_half = v->kind == TOKEN_BYTES && c >= 0x80 && !(after_c2 && c < 0xa0);
    if (!is_terminal || c == '\n' || c == '\t' || is_half)
      fwrite(t->text + i, 1, taken, to);
    else
      fwrite(shown, 1, length, to);
  }
}

void vocab_print(const vocabulary *v, int32_t before, int32_t id, FILE *to) {
  const vocab_token *t = &v->tokens[id];
  if (v->kind == TOKEN_UTF8 && id == v->unknown) {
    fputs(unknown_character, to);
    return;
  }
  if (v->kind == TOKEN_WORDS && before >= 0 && needs_space(&v->tokens[before], t)) fputc(' ', to);
  print_token(v, before, t, to);
}
