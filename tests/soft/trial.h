/* trial.h - one instruction on random lanes, against a formula: for the tests of the instructions that compute.
 *
 * Many of the numbers are those at which something happens.  The mask is random, the destination lies on the
 * first source now and then; lanes outside the mask and the sources must stay as they were.  Operands are
 * given, and results wanted, as bits; a predicate has size 0.
 */
#ifndef SOFT_TRIAL_H
#define SOFT_TRIAL_H

#include "tests/check.h"
#include "tests/soft/machine.h"

#include <functional>
#include <string>
#include <vector>

namespace soft {

typedef const uint64_t *In; /* the sources of a lane */
typedef std::function<uint64_t(In)> Want;

inline Handler *find(const std::string &name) {
  for (const Opcode *table : {arithmetic_opcodes, convert_opcodes, compare_opcodes})
    for (; table->name != NULL; table++)
      if (name == table->name) return table->run;
  return NULL;
}

inline uint64_t low_bits(uint64_t bits, unsigned bytes) {
  return bytes == 8 ? bits : bits & ((1ull << (bytes ? 8 * bytes : 1)) - 1);
}

/* A special number, floats of like size, a small integer, or anything. */
inline uint64_t number(unsigned bytes) {
  static const uint64_t of_32[] = {0,          1,          2,          0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
                                   0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC12345, 0x00800000, 0x007FFFFF,
                                   0x80000001, 0x3F800000, 0xBF800000, 0x4B400001, 0x7F7FFFFF, 0xFF7FFFFF,
                                   0x3F000000, 0x3FC00000, 0x40200000, 0x4F000000, 0xCF000000, 0x477FEFFF,
                                   31,         32,         33,         255,        0x00008000, 0x0000FFFF};
  static const uint64_t of_64[] = {0,
                                   1,
                                   ~0ull,
                                   1ull << 63,
                                   ~0ull >> 1,
                                   0x7FF0000000000000,
                                   0xFFF0000000000000,
                                   0x7FF8000000000000,
                                   0x0010000000000000,
                                   0x800FFFFFFFFFFFFF,
                                   0x3FF0000000000000,
                                   0xBFE0000000000000,
                                   0x43E0000000000000,
                                   0x47EFFFFFE0000000,
                                   0x47EFFFFFF0000000,
                                   0x3FF0000010000000,
                                   0x36A0000000000000,
                                   0x3FF0000000000001,
                                   63,
                                   64,
                                   0xFFFFFFFF,
                                   0x80000000};
  const uint64_t random = check_random();
  switch (check_below(4)) {
  case 0:
    return low_bits(bytes == 8 ? of_64[random % COUNT(of_64)] : of_32[random % COUNT(of_32)], bytes);
  case 1:
    if (random % 8 == 0) return random >> 63 << (bytes ? 8 * bytes - 1 : 0); /* zeros of both signs */
    if (bytes == 4) return 0x3F000000 + (random & 0x81FFFFFF);
    if (bytes == 8) return 0x3FE0000000000000 + (random & 0x803FFFFFFFFFFFFF);
    return low_bits(random, bytes);
  case 2:
    return low_bits(random % 201 - 100, bytes);
  default:
    return low_bits(random, bytes);
  }
}

/* A warp with one instruction, and the numbers that its operands had. */
class Trial {
public:
  /* Bytes of the operands, the result first; each has its own place. */
  explicit Trial(const std::vector<unsigned> &sizes) {
    warp.frame = frame_, warp.constants = frame_;
    x.operands = (uint8_t)sizes.size();
    for (unsigned i = 0; i < x.operands; i++) {
      x.at[i].offset = 256 * i & 0x7FFFFFFFu, x.at[i].constant = 0;
      x.size[i] = (uint8_t)sizes[i];
      for (unsigned lane = 0; lane < WARP; lane++) give(i, lane, operand(i, lane));
    }
  }
  void in_place() {
    x.at[0] = x.at[1];
    for (unsigned lane = 0; lane < WARP; lane++) give(0, lane, was[lane][1]);
  }
  void give(unsigned i, unsigned lane, uint64_t bits) {
    was[lane][i] = low_bits(bits, x.size[i]);
    warp.set(x.at[i], x.size[i], lane, bits);
  }
  uint64_t get(unsigned i, unsigned lane) const { return warp.value(x.at[i], x.size[i], lane); }

  Warp warp{};
  Instruction x{};
  uint64_t was[WARP][OPERANDS] = {};

private:
  /* Often the one before it, or its negative, so that equal numbers and zeros of both signs meet. */
  uint64_t operand(unsigned i, unsigned lane) const {
    const unsigned bytes = x.size[i];
    if (i < 2 || bytes != x.size[i - 1] || bytes == 0 || check_below(4) != 0) return number(bytes);
    return was[lane][i - 1] ^ (uint64_t)check_below(2) << (8 * bytes - 1);
  }
  alignas(64) unsigned char frame_[256 * OPERANDS] = {};
};

inline uint32_t random_mask() {
  const uint32_t random = (uint32_t)check_random();
  return check_below(3) == 0 ? ALL_LANES : check_below(3) == 0 ? random & (uint32_t)check_random() : random;
}

/* Any NaN of a double is as good as another. */
inline bool alike(uint64_t got, uint64_t want, unsigned bytes) {
  const uint64_t infinite = 0x7FF0000000000000, size = ~0ull >> 1;
  if (bytes == 8 && (got & size) > infinite && (want & size) > infinite) return true;
  return got == want;
}

/* What is wrong with a lane, or "". */
inline std::string complaint(const Trial &trial, unsigned lane, bool runs, const Want &want) {
  const uint64_t *was = trial.was[lane], got = trial.get(0, lane);
  const bool in_place = trial.x.at[0].offset == trial.x.at[1].offset;
  for (unsigned i = in_place ? 2 : 1; i < trial.x.operands; i++)
    if (trial.get(i, lane) != was[i]) return "a source has changed";
  const uint64_t wanted = runs ? low_bits(want(was + 1), trial.x.size[0]) : was[0];
  if (alike(got, wanted, trial.x.size[0])) return "";
  char text[200];
  snprintf(text, sizeof text, "(%#llx, %#llx, %#llx) gave %#llx, not %#llx%s", (unsigned long long)was[1],
           (unsigned long long)was[2], (unsigned long long)was[3], (unsigned long long)got,
           (unsigned long long)wanted, runs ? "" : ": a lane that does not run");
  return text;
}

/* The instruction, the bytes of its operands with the result first, and what it gives. */
inline void check_instruction(const std::string &name, const std::vector<unsigned> &sizes, const Want &want) {
  Handler *run = find(name);
  std::string wrong = run ? "" : "there is no such instruction";
  for (int trials = 0; trials < 60 && wrong.empty(); trials++) {
    Trial trial(sizes);
    if (check_below(3) == 0 && sizes[0] == sizes[1]) trial.in_place();
    const uint32_t mask = random_mask();
    if (run(trial.warp, trial.x, mask) != After::next) wrong = "it does not go on";
    for (unsigned lane = 0; lane < WARP && wrong.empty(); lane++)
      wrong = complaint(trial, lane, mask >> lane & 1, want);
  }
  check_record(wrong.empty(), wrong.c_str(), "%s", name.c_str());
}

} // namespace soft

#endif
