/* test_bytes.c - what the readers of files are made of: CRC-32, SipHash, characters that may be shown, and
 * their forms in JSON.
 */
#include "host/checkpoint/checksum.h"
#include "host/cli/hash.h"
#include "host/context/json.h"
#include "host/context/utf8.h"
#include "tests/check.h"

/* ---------------------------------------------------------------- CRC-32 */

/* By its definition, bit by bit. */
static uint32_t crc_by_definition(const unsigned char *data, int64_t size) {
  uint32_t sum = ~0u;
  for (int64_t i = 0; i < 8 * size; i++) {
    const uint32_t in = (sum ^ (uint32_t)(data[i / 8] >> i % 8)) & 1;
    sum = (sum >> 1) ^ (in ? 0xedb88320u : 0);
  }
  return ~sum;
}

static void test_crc(void) {
  enum { SIZE = 100 };
  static sq_crc crc;
  unsigned char data[SIZE];
  sq_crc_make(&crc);
  for (int i = 0; i < SIZE; i++) data[i] = (unsigned char)check_below(256);
  CHECK(sq_crc_add(&crc, 0, "123456789", 9) == 0xcbf43926u, "the check value of CRC-32");
  int same = 1, joined = 1;
  for (int from = 0; from < 8; from++) /* every alignment, every rest */
    for (int to = from; to < SIZE; to++) {
      const uint32_t sum = crc_by_definition(data + from, to - from);
      const int middle = from + (int)check_below(to - from + 1);
      same &= sq_crc_add(&crc, 0, data + from, (size_t)(to - from)) == sum;
      joined &= sq_crc_add(&crc, sq_crc_add(&crc, 0, data + from, (size_t)(middle - from)), data + middle,
                           (size_t)(to - middle)) == sum;
    }
  CHECK(same, "CRC-32 of any size and alignment is that of the definition");
  CHECK(joined, "in two pieces, too");
}

/* ---------------------------------------------------------------- SipHash-1-3 */

/* Of the bytes 0, 1, 2, ... under the key 00 01 ... 0f, as computed by an implementation in Python that
 * gives the vector of the paper (SipHash-2-4 of 15 bytes, a129ca6149be45e5) with 2 and 4 rounds. */
static const struct {
  size_t size;
  uint64_t hash;
} sip_rows[] = {
    {0, UINT64_C(0xabac0158050fc4dc)},  {1, UINT64_C(0xc9f49bf37d57ca93)},
    {7, UINT64_C(0xd3927d989bb11140)},  {8, UINT64_C(0x369095118d299a8e)},
    {9, UINT64_C(0x25a48eb36c063de4)},  {15, UINT64_C(0xd320d86d2a519956)},
    {16, UINT64_C(0xcc4fdd1a7d908b66)}, {63, UINT64_C(0x9d199062b7bbb3a8)},
};

static void test_sip(void) {
  unsigned char bytes[64];
  const hash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)},
                 other = {UINT64_C(0x0706050403020101), UINT64_C(0x0f0e0d0c0b0a0908)};
  for (int i = 0; i < 64; i++) bytes[i] = (unsigned char)i;
  for (size_t i = 0; i < COUNT(sip_rows); i++)
    CHECK(hash_keyed(key, bytes, sip_rows[i].size) == sip_rows[i].hash, "SipHash-1-3 of %zu bytes",
          sip_rows[i].size);
  CHECK(hash_keyed(other, bytes, 8) != hash_keyed(key, bytes, 8), "another key, another hash");
}

/* ---------------------------------------------------------------- characters */

static const struct {
  const char *name, *text;
  const char *shown, *json;
} character_rows[] = {
    {"a letter", "a", "a", "a"},
    {"an umlaut", "\xc3\xbc", "\xc3\xbc", "\xc3\xbc"},
    {"an emoji", "\xf0\x9f\x8e\xb5", "\xf0\x9f\x8e\xb5", "\xf0\x9f\x8e\xb5"},
    {"a quotation mark", "\"", "\"", "\\\""},
    {"a backslash", "\\", "\\", "\\\\"},
    {"escape", "\x1b", "?", "\\u001b"},
    {"line end", "\n", "?", "\\u000a"},
    {"delete", "\x7f", "?", "\\u007f"},
    {"C1's introducer of control sequences", "\xc2\x9b", "?", "\\u009b"},
    {"no-break space", "\xc2\xa0", "\xc2\xa0", "\xc2\xa0"},
    /* NOLINTBEGIN(misc-misleading-bidirectional): what they are must be recognised */
    {"right-to-left override", "\xe2\x80\xae", "?", "\\u202e"},
    {"line separator", "\xe2\x80\xa8", "?", "\\u2028"},
    {"isolate", "\xe2\x81\xa6", "?", "\\u2066"},
    /* NOLINTEND(misc-misleading-bidirectional) */
    {"a dash", "\xe2\x80\x94", "\xe2\x80\x94", "\xe2\x80\x94"},
    {"half a character", "\xc3", "?", "\xef\xbf\xbd"},
    {"a long form", "\xc0\x80", "?", "\xef\xbf\xbd"},
    {"half a surrogate", "\xed\xa0\x80", "?", "\xef\xbf\xbd"},
    {"the last character below the surrogates", "\xed\x9f\xbf", "\xed\x9f\xbf", "\xed\x9f\xbf"},
    {"a long form of three bytes", "\xe0\x9f\xbf", "?", "\xef\xbf\xbd"},
    {"the first character of three bytes", "\xe0\xa0\x80", "\xe0\xa0\x80", "\xe0\xa0\x80"},
    {"a long form of four bytes", "\xf0\x8f\xbf\xbf", "?", "\xef\xbf\xbd"},
    {"the last character", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
    {"one behind the last", "\xf4\x90\x80\x80", "?", "\xef\xbf\xbd"},
    {"a byte that begins nothing", "\xf5\x80\x80\x80", "?", "\xef\xbf\xbd"},
    {"a middle without a beginning", "\x80", "?", "\xef\xbf\xbd"},
    {"a beginning without a middle", "\xc3(", "?", "\xef\xbf\xbd"},
    {"left-to-right mark", "\xe2\x80\x8e", "?", "\\u200e"},
    {"a dash before the marks' neighbours", "\xe2\x80\x90", "\xe2\x80\x90", "\xe2\x80\x90"},
    {"zero-width joiner, before the marks", "\xe2\x80\x8d", "\xe2\x80\x8d", "\xe2\x80\x8d"},
    {"narrow no-break space, behind the turns", "\xe2\x80\xaf", "\xe2\x80\xaf", "\xe2\x80\xaf"},
    {"behind the isolates", "\xe2\x81\xaa", "\xe2\x81\xaa", "\xe2\x81\xaa"},
};

static void test_characters(void) {
  for (size_t i = 0; i < COUNT(character_rows); i++) {
    const char *text = character_rows[i].text, *shown = character_rows[i].shown,
               *json = character_rows[i].json;
    char form[4], escaped[SQ_JSON_CHARACTER];
    size_t taken, taken_json;
    const size_t length = sq_utf8_shown(text, strlen(text), form, &taken),
                 json_length = sq_json_character(text, strlen(text), escaped, &taken_json);
    CHECK(length == strlen(shown) && memcmp(form, shown, length) == 0, "%s on a terminal",
          character_rows[i].name);
    CHECK(json_length == strlen(json) && memcmp(escaped, json, json_length) == 0, "%s in JSON",
          character_rows[i].name);
    CHECK(taken == taken_json && taken >= 1 && taken <= strlen(text), "%s: its bytes",
          character_rows[i].name);
  }
}

/* Written and read, every code point is the same. */
static void test_codes(void) {
  int same = 1;
  for (uint32_t code = 1; code <= 0x10ffff; code += code < 0x3000 ? 1 : 7) {
    char text[4];
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const size_t length = sq_utf8_write(code, text);
    same &= sq_utf8_length(text, length) == length && sq_utf8_code(text, length) == code;
  }
  CHECK(same && sq_utf8_length("a", 0) == 0, "code points, to UTF-8 and back; no bytes are none");
}

int main(void) {
  check_start();
  test_crc();
  test_sip();
  test_characters();
  test_codes();
  return check_finish();
}
