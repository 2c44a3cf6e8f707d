/* test_soft_counting.cpp - the counters on kernels of a few lines of PTX, whose numbers can be told beforehand:
 * classes, lanes, bank conflicts, sectors, the chain, and waits that count the same whatever the schedule.
 */
#include "tests/check.h"

#include "tests/soft/counters.h"

#include <cstring>
#include <set>
#include <string>

using namespace soft;

namespace {

/* ---- running a kernel ---- */

struct Shape {
  uint32_t blocks, threads, cluster;
};

/* One parameter, the address of 4096 bytes of zeros, in %rd0; 16 KB of shared memory, `room`. */
std::string text_of(const std::string &body) {
  return ".version 9.0\n.target sm_90a\n.address_size 64\n"
         ".visible .entry kernel(.param .u64 data)\n{\n"
         ".reg .pred %p<8>;\n.reg .b32 %r<32>;\n.reg .f32 %f<32>;\n.reg .b64 %rd<32>;\n"
         ".shared .align 16 .b8 room[16384];\n"
         "ld.param.u64 %rd0, [data];\n" +
         body + "ret;\n}\n";
}

soft_counts run(const std::string &body, Shape shape = {1, 32, 1}, uint64_t seed = 1) {
  const std::string text = text_of(body);
  const Module module = read_module(text.data(), text.size());
  Launch launch;
  launch.kernel = std::make_shared<const Kernel>(decode(module, module.entries[0]));
  launch.grid = {shape.blocks, 1, 1};
  launch.block = {shape.threads, 1, 1};
  launch.cluster = shape.cluster;
  launch.cooperative = true;
  Memory &memory = machine().memory;
  const uint64_t data = memory.allocate(4096);
  memset(memory.bytes(data), 0, 4096);
  memory.set_valid(data, 4096, true);
  launch.parameters.resize(8);
  memcpy(launch.parameters.data(), &data, 8);
  Counting counting;
  machine().set_seed(seed);
  machine().order.on = false; /* lanes may store to one word here */
  machine().counters = &counting;
  try {
    machine().run(launch);
  } catch (const std::exception &e) {
    check_record(0, e.what(), "a kernel runs");
  }
  machine().counters = nullptr;
  memory.release(data);
  return counting.launches.at(0).counts;
}

/* What the body adds to an empty kernel. */
soft_counts added(const std::string &body, Shape shape = {1, 32, 1}) {
  const soft_counts empty = run("", shape);
  soft_counts c = run(body, shape);
  for (int k = 0; k < SOFT_COUNTS; k++) c.of[k] -= empty.of[k];
  return c;
}

void expect(uint64_t is, uint64_t wanted, const char *what) {
  char why[80];
  snprintf(why, sizeof why, "%llu, expected %llu", (unsigned long long)is, (unsigned long long)wanted);
  check_record(is == wanted, why, "%s", what);
}

std::string times(int n, const std::string &line) {
  std::string all;
  for (int i = 0; i < n; i++) all += line;
  return all;
}

/* ---- classes, lanes, operations ---- */

void check_classes() {
  const soft_counts c = added("mov.u32 %r1, 7;\nmov.f32 %f1, 0f3F800000;\n"
                              "add.s32 %r2, %r1, %r1;\nmul.lo.s32 %r2, %r2, %r1;\nsetp.eq.s32 %p1, %r1, 0;\n"
                              "div.s32 %r3, %r2, %r1;\nrem.u32 %r3, %r2, %r1;\n"
                              "fma.rn.f32 %f2, %f1, %f1, %f1;\nadd.f32 %f2, %f2, %f1;\n"
                              "ex2.approx.ftz.f32 %f3, %f2;\ncvt.rn.f32.s32 %f4, %r2;\n"
                              "bar.sync 0;\n");
  expect(c.of[SOFT_INTEGER], 3, "integer instructions");
  expect(c.of[SOFT_DIVISION], 2, "integer divisions");
  expect(c.of[SOFT_FLOAT], 2, "float instructions");
  expect(c.of[SOFT_SPECIAL], 1, "special functions");
  expect(c.of[SOFT_MOVE], 3, "moves and conversions");
  expect(c.of[SOFT_EXCHANGE], 1, "barriers");
  expect(c.of[SOFT_LANES], 12 * 32, "active lanes of all of them");
  expect(c.of[SOFT_FLOPS], 3 * 32, "an fma is two operations");
}

/* Lanes 0..7 do two additions, all do one. */
void check_divergence() {
  const soft_counts c = added("mov.u32 %r1, %tid.x;\nsetp.ge.u32 %p1, %r1, 8;\n@%p1 bra after;\n"
                              "add.s32 %r2, %r1, 1;\nadd.s32 %r2, %r2, 1;\n"
                              "after:\nadd.s32 %r3, %r1, 1;\n");
  expect(c.of[SOFT_INTEGER], 4, "additions and a comparison of a warp that parts");
  expect(c.of[SOFT_LANES], 3 * 32 + 2 * 8 + 32, "lanes of a warp that parts");
  const soft_counts guarded = added("mov.u32 %r1, %tid.x;\nsetp.ge.u32 %p1, %r1, 8;\n"
                                    "@!%p1 add.s32 %r2, %r1, 1;\n");
  expect(guarded.of[SOFT_LANES], 2 * 32 + 8, "lanes of a guarded instruction");
}

/* ---- memory ---- */

/* Every lane at tid * stride + first. */
soft_counts access(const char *instruction, int stride, int first = 0) {
  return added("mov.u32 %r1, %tid.x;\nmov.f32 %f1, 0f00000000;\nmul.lo.s32 %r2, %r1, " +
               std::to_string(stride) + ";\nmov.u32 %r3, room;\nadd.s32 %r3, %r3, %r2;\nadd.s32 %r3, %r3, " +
               std::to_string(first) +
               ";\ncvt.u64.u32 %rd1, %r2;\nadd.s64 %rd1, %rd1, %rd0;\nadd.s64 %rd1, %rd1, " +
               std::to_string(first) + ";\n" + instruction + "\n");
}

void check_banks() {
  const char *store = "st.shared.f32 [%r3], %f1;", *wide = "st.shared.v4.f32 [%r3], {%f1, %f1, %f1, %f1};",
             *two = "st.shared.v2.f32 [%r3], {%f1, %f1};";
  static const struct {
    int stride;
    uint64_t wavefronts;
    const char *what;
  } rows[] = {{4, 1, "a row of words: one wavefront"}, {8, 2, "every second word: two"},
              {12, 1, "every third word: one"},        {128, 32, "a column: 32"},
              {132, 1, "a padded column: one"},        {0, 1, "the same word: one"}};
  for (const auto &row : rows)
    expect(access(store, row.stride).of[SOFT_WAVEFRONTS], row.wavefronts, row.what);
  expect(access(store, 128).of[SOFT_WAVEFRONTS_LEAST], 1, "and one without conflicts");
  expect(access(two, 8).of[SOFT_WAVEFRONTS], 2, "a row of 8 bytes: in halves");
  expect(access(two, 16).of[SOFT_WAVEFRONTS], 4, "every second 8 bytes: four");
  expect(access(wide, 16).of[SOFT_WAVEFRONTS], 4, "a row of 16 bytes: in quarters");
  expect(access(wide, 32).of[SOFT_WAVEFRONTS], 8, "every second 16 bytes: eight");
  expect(access(wide, 128).of[SOFT_WAVEFRONTS], 32, "a column of 16 bytes: 32");
  expect(access(wide, 128).of[SOFT_WAVEFRONTS_LEAST], 4, "and four without conflicts");
}

void check_sectors() {
  const char *store = "st.global.f32 [%rd1], %f1;";
  expect(access(store, 4).of[SOFT_SECTORS], 4, "a row of words: four sectors");
  expect(access(store, 4, 16).of[SOFT_SECTORS], 5, "a row that begins within a sector: five");
  expect(access(store, 4, 16).of[SOFT_SECTORS_LEAST], 4, "and four if it were aligned");
  expect(access(store, 8).of[SOFT_SECTORS], 8, "every second word: eight");
  expect(access(store, 64).of[SOFT_SECTORS], 32, "a column: 32");
  expect(access(store, 64).of[SOFT_SECTORS_LEAST], 4, "and four side by side");
  const soft_counts same = access("ld.global.f32 %f2, [%rd1];", 0);
  expect(same.of[SOFT_SECTORS], 1, "the same word: one");
  expect(same.of[SOFT_GLOBAL_REQUESTS], 1, "of one request");
}

/* ---- the chain ---- */

uint64_t chain(const std::string &body, Shape shape = {1, 32, 1}) { return run(body, shape).of[SOFT_CHAIN]; }

void check_chain() {
  const std::string one = "mov.f32 %f1, 0f3F800000;\n", dependent = "fma.rn.f32 %f1, %f1, %f1, %f1;\n",
                    independent = "fma.rn.f32 %f2, %f1, %f1, %f1;\n";
  expect(chain(one + times(30, dependent)) - chain(one + times(20, dependent)), 40,
         "ten dependent fma: forty cycles");
  expect(chain(one + times(30, independent)) - chain(one + times(20, independent)), 10,
         "ten independent fma: ten cycles");
  /* warp 1 has ten more to do than warp 0 before the barrier, and warp 0 ten more than warp 1 behind it */
  const std::string begin = one + "mov.u32 %r1, %tid.x;\nsetp.lt.u32 %p1, %r1, 32;\n";
  const std::string before = "@%p1 bra first;\n" + times(40, dependent) + "first:\nbar.sync 0;\n",
                    after = "@!%p1 bra second;\n" + times(40, dependent) + "second:\n";
  const Shape two = {1, 64, 1};
  const uint64_t both = chain(begin + before + after, two), none = chain(begin + "bar.sync 0;\n", two);
  char why[80];
  snprintf(why, sizeof why, "%llu and %llu cycles", (unsigned long long)both, (unsigned long long)none);
  check_record(both - none > 310 && both - none < 330, why, "a barrier joins what each warp waits for");
}

/* ---- waits ---- */

/* All counts are the same with every seed, and the launch ends. */
soft_counts steady(const std::string &body, Shape shape, const char *what) {
  const soft_counts first = run(body, shape, 1);
  bool same = true;
  for (uint64_t seed = 2; seed <= 40; seed++) {
    const soft_counts c = run(body, shape, seed * 104729);
    same &= memcmp(&c, &first, sizeof c) == 0;
  }
  check_record(same, "they differ", "the same counts with forty seeds: %s", what);
  return first;
}

/* Block 1 works, and raises the flag three times; block 0 waits for the first of them. */
std::string flags(int work) {
  return "mov.u32 %r1, %ctaid.x;\nsetp.eq.u32 %p1, %r1, 0;\nmov.f32 %f1, 0f3F800000;\n@%p1 bra waits;\n" +
         times(work, "fma.rn.f32 %f1, %f1, %f1, %f1;\n") +
         "cvt.rzi.s32.f32 %r5, %f1;\nand.b32 %r5, %r5, 0;\nadd.s32 %r5, %r5, 1;\n" /* 1, when that is done */
         "st.release.gpu.global.u32 [%rd0], %r5;\nadd.s32 %r5, %r5, 1;\n"
         "st.release.gpu.global.u32 [%rd0], %r5;\nadd.s32 %r5, %r5, 1;\n"
         "st.release.gpu.global.u32 [%rd0], %r5;\nbra end;\n"
         "waits:\nld.acquire.gpu.global.u32 %r2, [%rd0];\nsetp.lt.u32 %p2, %r2, 1;\n@%p2 bra waits;\n" +
         times(300, "fma.rn.f32 %f1, %f1, %f1, %f1;\n") + "end:\n";
}

void check_flags() {
  const Shape two = {2, 1, 1};
  const soft_counts few = steady(flags(100), two, "a flag");
  expect(few.of[SOFT_GLOBAL], 4, "a flag that is waited for is loaded once");
  expect(steady(flags(400), two, "a flag that comes late").of[SOFT_CHAIN] - few.of[SOFT_CHAIN], 1200,
         "who waits for a flag goes on later by what its block does before");
}

/* Packets: loaded first, then again while they are not there; between two of them, something is stored. */
void check_packets() {
  const char *body =
      "mov.u32 %r1, %ctaid.x;\nsetp.eq.u32 %p1, %r1, 0;\nmov.u32 %r7, 5;\n@%p1 bra waits;\n"
      "st.relaxed.gpu.global.u32 [%rd0], %r7;\nst.relaxed.gpu.global.u32 [%rd0+64], %r7;\n"
      "bra end;\n"
      "waits:\nmov.u32 %r9, room;\nmov.u32 %r8, 0;\nst.shared.u32 [%r9], %r8;\n"
      "ld.relaxed.gpu.global.u32 %r2, [%rd0];\nld.relaxed.gpu.global.u32 %r3, [%rd0+64];\n"
      "setp.eq.u32 %p2, %r2, 5;\n@%p2 bra one;\n"
      "again1:\nld.relaxed.gpu.global.u32 %r2, [%rd0];\nsetp.ne.u32 %p2, %r2, 5;\n@%p2 bra again1;\n"
      "one:\nld.shared.u32 %r8, [%r9];\nadd.s32 %r8, %r8, %r2;\nst.shared.u32 [%r9], %r8;\n"
      "setp.eq.u32 %p2, %r3, 5;\n@%p2 bra two;\n"
      "again2:\nld.relaxed.gpu.global.u32 %r3, [%rd0+64];\nsetp.ne.u32 %p2, %r3, 5;\n@%p2 bra again2;\n"
      "two:\nld.shared.u32 %r8, [%r9];\nadd.s32 %r8, %r8, %r3;\nst.shared.u32 [%r9], %r8;\n"
      "st.global.u32 [%rd0+128], %r8;\n"
      /* a sum of another number would never end */
      "setp.eq.u32 %p3, %r8, 10;\n@%p3 bra end;\nforever:\nbra forever;\nend:\n";
  const soft_counts c = steady(body, {2, 1, 1}, "packets, with a sum in shared memory that is taken back");
  expect(c.of[SOFT_GLOBAL], 5, "packets are loaded once");
}

/* Both blocks of a cluster send 16 bytes to the other, four times in two buffers with an mbarrier each, and wait
 * for theirs. */
void check_mbarriers() {
  std::string body = "mov.u32 %r1, %cluster_ctarank;\nxor.b32 %r2, %r1, 1;\nmov.u32 %r3, room;\n"
                     "mapa.shared::cluster.u32 %r5, %r3, %r2;\n"
                     "mbarrier.init.shared::cta.b64 [%r3], 1;\nmbarrier.init.shared::cta.b64 [%r3+8], 1;\n"
                     "fence.mbarrier_init.release.cluster;\n"
                     "barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;\n";
  for (int turn = 0; turn < 4; turn++) {
    const std::string bar = std::to_string(turn % 2 * 8), buffer = std::to_string(16 + turn % 2 * 16),
                      again = "again" + std::to_string(turn), parity = std::to_string(turn / 2);
    body += "add.s32 %r6, %r5, " + bar + ";\n";
    body += "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r3+" + bar + "], 16;\n";
    body += "st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.u32 [%r5+" + buffer +
            "], {%r1, %r1, %r1, %r1}, [%r6];\n";
    body += again + ":\nmbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p1, [%r3+" + bar + "], " +
            parity + ";\n@!%p1 bra " + again + ";\n";
  }
  body += "barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;\n";
  const soft_counts c = steady(body, {2, 1, 2}, "st.async and mbarriers");
  /* of a block: two inits, a fence, two cluster barriers in halves, and four times arrive, st.async, wait */
  expect(c.of[SOFT_EXCHANGE], 2 * (3 + 4 + 4 * 3), "a wait for an mbarrier counts once");
  char why[80];
  snprintf(why, sizeof why, "%llu cycles", (unsigned long long)c.of[SOFT_CHAIN]);
  check_record(c.of[SOFT_CHAIN] > 6 * 180 && c.of[SOFT_CHAIN] < 8 * 180, why,
               "two barriers and four ways to the peer are the chain");
}

} // namespace

int main() {
  check_start();
  check_classes();
  check_divergence();
  check_banks();
  check_sectors();
  check_chain();
  check_flags();
  check_packets();
  check_mbarriers();
  return check_finish();
}
