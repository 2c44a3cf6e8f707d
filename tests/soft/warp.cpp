/* warp.cpp - what the lanes of a warp do together: shuffles, votes, products on the tensor cores.
 *
 * None of them orders memory.  An mma adds its products in the order of k, in float32.
 */
#include "tests/simt/simt_numbers.h"
#include "tests/soft/machine.h"

#include <cstring>

namespace soft {

namespace {

/* True once all lanes of `members` stand here.  A lane outside of the mask must not call. */
bool together(Warp &w, uint32_t lanes, uint32_t members) {
  members &= w.alive;
  if ((lanes & members) != members) return false;
  if (lanes & ~members)
    fault(w, (unsigned)__builtin_ctz(lanes & ~members), "is not one of the members %08x", members);
  return true;
}

uint32_t members_of(const Warp &w, const Instruction &i, unsigned operand, uint32_t lanes) {
  return (uint32_t)w.value(i.at[operand], i.size[operand], (unsigned)__builtin_ctz(lanes));
}

enum class Shuffle { idx, up, down, bfly };

/* shfl.sync.MODE.b32 to[|inside], from, lane or distance, clamp, members (PTX ISA, "shfl.sync"). */
template <Shuffle mode> After shuffle(Warp &w, const Instruction &i, uint32_t lanes) {
  const unsigned first = i.size[1] == 0 && i.operands == 6 ? 2 : 1; /* behind the optional predicate */
  const uint32_t members = members_of(w, i, first + 3, lanes);
  if (!together(w, lanes, members)) return machine().hold(w, members & w.alive);
  uint32_t from[WARP], to[WARP], inside = 0;
  memcpy(from, w.in<uint32_t>(i.at[first]), sizeof from);
  memcpy(to, from, sizeof to);
  for (unsigned lane = 0; lane < WARP; lane++) {
    if (!(lanes >> lane & 1)) continue;
    const uint32_t b = (uint32_t)w.value(i.at[first + 1], 4, lane) & 31;
    const uint32_t c = (uint32_t)w.value(i.at[first + 2], 4, lane), segment = c >> 8 & 31, clamp = c & 31;
    const uint32_t max = (lane & segment) | (clamp & ~segment & 31), min = lane & segment;
    int source = 0;
    bool valid = false;
    switch (mode) {
    case Shuffle::up:
      source = (int)lane - (int)b, valid = source >= (int)max;
      break;
    case Shuffle::down:
      source = (int)(lane + b), valid = source <= (int)max;
      break;
    case Shuffle::bfly:
      source = (int)(lane ^ b), valid = source <= (int)max;
      break;
    case Shuffle::idx:
      source = (int)(min | (b & ~segment & 31)), valid = source <= (int)max;
      break;
    }
    if (!valid) source = (int)lane;
    if (!(members & w.alive & 1u << source))
      fault(w, lane, "takes the value of lane %d, which does not take part", source);
    to[lane] = from[source];
    inside |= (uint32_t)valid << lane;
  }
  uint32_t *out = w.out<uint32_t>(i.at[0]);
  for (unsigned lane = 0; lane < WARP; lane++)
    if (lanes >> lane & 1) out[lane] = to[lane];
  if (first == 2) *w.out<uint32_t>(i.at[1]) = (*w.in<uint32_t>(i.at[1]) & ~lanes) | inside;
  return After::next;
}

enum class Vote { any, all, uni, ballot };

/* vote.sync.MODE to, predicate, members */
template <Vote mode> After vote(Warp &w, const Instruction &i, uint32_t lanes) {
  const uint32_t members = members_of(w, i, 2, lanes);
  if (!together(w, lanes, members)) return machine().hold(w, members & w.alive);
  const uint32_t yes = *w.in<uint32_t>(i.at[1]) & lanes;
  if (mode == Vote::ballot) {
    for (unsigned lane = 0; lane < WARP; lane++)
      if (lanes >> lane & 1) w.out<uint32_t>(i.at[0])[lane] = yes;
    return After::next;
  }
  const bool result = mode == Vote::any   ? yes != 0
                      : mode == Vote::all ? yes == lanes
                                          : yes == 0 || yes == lanes;
  uint32_t *out = w.out<uint32_t>(i.at[0]);
  *out = (*out & ~lanes) | (result ? lanes : 0);
  return After::next;
}

After active_mask(Warp &w, const Instruction &i, uint32_t lanes) {
  for (unsigned lane = 0; lane < WARP; lane++)
    if (lanes >> lane & 1) w.out<uint32_t>(i.at[0])[lane] = lanes;
  return After::next;
}

/* ---- mma.sync.m16n8kK: d[16,8] = a[16,K] b[K,8] + c ----
 *
 * Lane 4 g + t.  Operands: d 0..3, a 4..7, b 8..9, c 10..13; kernels/mma.h has the table of who holds what.
 */

void gather(const Warp &w, const Instruction &i, unsigned first, unsigned count, uint32_t to[][WARP]) {
  for (unsigned k = 0; k < count; k++) memcpy(to[k], w.in<uint32_t>(i.at[first + k]), sizeof to[k]);
}

template <int K> void multiply(Warp &w, const Instruction &i, const float a[16][K], const float b[K][8]) {
  float sum[16][8];
  for (unsigned k = 0; k < 4; k++)
    for (unsigned lane = 0; lane < WARP; lane++)
      sum[lane / 4 + 8 * (k / 2)][lane % 4 * 2 + k % 2] = w.in<float>(i.at[10 + k])[lane];
  for (int k = 0; k < K; k++)
    for (int row = 0; row < 16; row++)
      for (int column = 0; column < 8; column++) sum[row][column] += a[row][k] * b[k][column];
  for (unsigned k = 0; k < 4; k++)
    for (unsigned lane = 0; lane < WARP; lane++)
      w.out<float>(i.at[k])[lane] = sum[lane / 4 + 8 * (k / 2)][lane % 4 * 2 + k % 2];
}

/* The tensor cores read the upper 19 bits of a TF32 operand. */
float tf32(uint32_t bits) { return simt::float_of(bits & 0xFFFFE000u); }

After mma_tf32(Warp &w, const Instruction &i, uint32_t lanes) {
  if (lanes != ALL_LANES) return machine().hold(w, ALL_LANES);
  uint32_t ra[4][WARP], rb[2][WARP];
  gather(w, i, 4, 4, ra);
  gather(w, i, 8, 2, rb);
  float a[16][8], b[8][8];
  for (unsigned lane = 0; lane < WARP; lane++) {
    const unsigned g = lane / 4, t = lane % 4;
    for (unsigned k = 0; k < 4; k++) a[g + 8 * (k % 2)][t + 4 * (k / 2)] = tf32(ra[k][lane]);
    for (unsigned k = 0; k < 2; k++) b[t + 4 * k][g] = tf32(rb[k][lane]);
  }
  multiply<8>(w, i, a, b);
  return After::next;
}

After mma_bf16(Warp &w, const Instruction &i, uint32_t lanes) {
  if (lanes != ALL_LANES) return machine().hold(w, ALL_LANES);
  uint32_t ra[4][WARP], rb[2][WARP];
  gather(w, i, 4, 4, ra);
  gather(w, i, 8, 2, rb);
  float a[16][16], b[16][8];
  for (unsigned lane = 0; lane < WARP; lane++) {
    const unsigned g = lane / 4, t = lane % 4;
    for (unsigned half = 0; half < 2; half++) {
      for (unsigned k = 0; k < 4; k++)
        a[g + 8 * (k % 2)][2 * t + half + 8 * (k / 2)] = simt::float_of(ra[k][lane] >> (16 * half) << 16);
      for (unsigned k = 0; k < 2; k++)
        b[2 * t + half + 8 * k][g] = simt::float_of(rb[k][lane] >> (16 * half) << 16);
    }
  }
  multiply<16>(w, i, a, b);
  return After::next;
}

} // namespace

const Opcode warp_opcodes[] = {{"shfl.sync.idx.b32", shuffle<Shuffle::idx>},
                               {"shfl.sync.up.b32", shuffle<Shuffle::up>},
                               {"shfl.sync.down.b32", shuffle<Shuffle::down>},
                               {"shfl.sync.bfly.b32", shuffle<Shuffle::bfly>},
                               {"vote.sync.any.pred", vote<Vote::any>},
                               {"vote.sync.all.pred", vote<Vote::all>},
                               {"vote.sync.uni.pred", vote<Vote::uni>},
                               {"vote.sync.ballot.b32", vote<Vote::ballot>},
                               {"activemask.b32", active_mask},
                               {"mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", mma_tf32},
                               {"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", mma_bf16},
                               {nullptr, nullptr}};

} // namespace soft
