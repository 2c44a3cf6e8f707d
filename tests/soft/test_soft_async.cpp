/* test_soft_async.cpp - mbarriers, bytes in flight, and weak behaviour of the software device, one instruction
 * at a time.
 */
#include "tests/check.h"

#include "tests/soft/hand.h"
#include "tests/soft/weak.h"

#include <algorithm>

using namespace hand;

namespace {

/* Registers by what they hold. */
const Operand BAR = {0, 4}, COUNT = {1, 4}, PARITY = {2, 4}, READY = {3, 0}, STATE = {4, 8}, TO = {5, 4},
              V = {6, 4}, FROM = {10, 8}, BYTES = {11, 4}, MASK = {12, 2}, THERE = {13, 4}, RANK = {14, 4};
const uint32_t OFFSET = 64; /* of the mbarrier */

const char INIT[] = "mbarrier.init.shared::cta.b64", INVAL[] = "mbarrier.inval.shared::cta.b64",
           EXPECT[] = "mbarrier.arrive.expect_tx.shared::cta.b64",
           ARRIVE[] = "mbarrier.arrive.shared::cta.b64",
           TRY[] = "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64",
           TEST[] = "mbarrier.test_wait.parity.shared::cta.b64",
           FENCE[] = "fence.mbarrier_init.release.cluster",
           SEND[] = "st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.u32",
           BULK[] = "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes",
           MULTICAST[] =
               "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster";

Result init(Warp &w, unsigned count, uint32_t offset = OFFSET) {
  put_all(w, BAR, offset);
  put_all(w, COUNT, count);
  return run(w, INIT, {BAR, COUNT}, 1);
}
Result expect(Warp &w, unsigned bytes) {
  put_all(w, COUNT, bytes);
  return run(w, EXPECT, {STATE, BAR, COUNT}, 1);
}
Result arrive(Warp &w, uint32_t lanes = 1) { return run(w, ARRIVE, {STATE, BAR}, lanes); }
/* Whether a test says that the phase of that parity has ended, in all lanes. */
bool ended(Warp &w, unsigned parity) {
  put_all(w, PARITY, parity);
  run(w, TEST, {READY, BAR, PARITY});
  return *w.in<uint32_t>(place_in(READY.number)) == ALL_LANES;
}

/* 16 bytes from lane 0 of a block to byte `to` of a block of that rank, with an mbarrier there. */
Result send(Warp &w, unsigned rank, uint32_t to, uint32_t value, uint32_t bar = OFFSET,
            unsigned bar_rank = 99) {
  put_all(w, TO, (rank + 1) << 24 | to);
  put_all(w, THERE, ((bar_rank == 99 ? rank : bar_rank) + 1) << 24 | bar);
  for (unsigned k = 0; k < 4; k++) put_all(w, {V.number + k, 4}, value + k);
  return run(w, SEND, {TO, V, {V.number + 1, 4}, {V.number + 2, 4}, {V.number + 3, 4}, THERE}, 1);
}
bool has(const World &w, unsigned rank, uint32_t at, uint32_t value) {
  uint32_t v[4];
  memcpy(v, &w.blocks[rank]->shared.bytes[at], sizeof v);
  return v[0] == value && v[1] == value + 1 && v[2] == value + 2 && v[3] == value + 3;
}
void fence_both(World &w) {
  for (auto &block : w.blocks) {
    init(block->warps[0], 1);
    run(block->warps[0], FENCE, {}, 1);
  }
}

/* ---- phases ---- */

void check_phases() {
  World w;
  Warp &warp = w.warp();
  init(warp, 3);
  CHECK(!ended(warp, 0) && ended(warp, 1), "soft async: before the first phase has ended");
  arrive(warp, 3);
  CHECK(!ended(warp, 0), "soft async: two of three arrivals");
  const uint64_t changes = machine().changes;
  arrive(warp);
  CHECK(ended(warp, 0) && !ended(warp, 1) && machine().changes > changes, "soft async: three arrivals");
  arrive(warp, 7);
  CHECK(!ended(warp, 0) && ended(warp, 1), "soft async: the second phase");

  put_all(warp, COUNT, 2);
  run(warp, ARRIVE, {STATE, BAR, COUNT}, 1);
  CHECK(get(warp, STATE, 0) == 2, "soft async: an arrival gives the phase as its state");
  const char test[] = "mbarrier.test_wait.shared::cta.b64";
  run(warp, test, {READY, BAR, STATE}, 1);
  CHECK(get(warp, READY, 0) == 0, "soft async: the state's phase has not ended");
  put(warp, STATE, 1, 2);
  arrive(warp, 1);
  put(warp, STATE, 0, 2);
  run(warp, test, {READY, BAR, STATE}, 1);
  CHECK(get(warp, READY, 0) == 1, "soft async: the state's phase has ended");
  arrive(warp, 7);
  put(warp, STATE, 0, 2);
  CHECK(says(run(warp, test, {READY, BAR, STATE}, 1), "phase 2 of an mbarrier that is in phase 4"),
        "soft async: a state of a phase long gone");
}

/* Bytes and arrivals end a phase together, whichever comes last. */
void check_bytes() {
  World w(2);
  fence_both(w);
  Warp &sender = w.warp(0), &target = w.warp(1);
  expect(target, 32);
  send(sender, 1, 128, 10);
  send(sender, 1, 144, 20);
  CHECK(w.blocks[1]->bytes_in_flight == 32 && !ended(target, 0), "soft async: bytes are in flight");
  machine().land_one();
  CHECK(!ended(target, 0) && w.blocks[1]->bytes_in_flight == 16, "soft async: half of them have landed");
  machine().land_one();
  CHECK(ended(target, 0) && has(w, 1, 128, 10) && has(w, 1, 144, 20) && w.blocks[1]->shared.valid[159] == 1,
        "soft async: all have landed");
  CHECK(!machine().land_one(), "soft async: nothing is left");
  send(sender, 1, 128, 30);
  machine().land_one();
  CHECK(!ended(target, 1), "soft async: bytes before they are announced");
  expect(target, 16);
  CHECK(ended(target, 1) && has(w, 1, 128, 30), "soft async: and the announcement ends the phase");
  put_all(target, COUNT, 16);
  run(target, "mbarrier.expect_tx.relaxed.cta.shared::cta.b64", {BAR, COUNT}, 1);
  arrive(target);
  CHECK(!ended(target, 0), "soft async: announced without an arrival, and an arrival without bytes");
  send(sender, 1, 128, 40);
  machine().land_one();
  CHECK(ended(target, 0), "soft async: the bytes end it");
}

void check_waits() {
  World w;
  Warp &warp = w.warp();
  init(warp, 1);
  put_all(warp, PARITY, 0);
  unsigned waits = 0, comes_back = 0, otherwise = 0;
  for (int i = 0; i < 1000; i++) {
    put_all(warp, READY, 1);
    warp.waits = Waits::nothing;
    const After after = run(warp, TRY, {READY, BAR, PARITY}).after;
    const bool same = warp.seen == machine().changes;
    if (after == After::wait && warp.waits == Waits::change && same && get(warp, READY, 5) == 1)
      waits++;
    else if (after == After::poll && get(warp, READY, 5) == 0)
      comes_back++;
    else
      otherwise++;
  }
  CHECK(waits > 800 && comes_back > 10 && otherwise == 0, "soft async: try_wait waits, and seldom says no");
  arrive(warp);
  CHECK(run(warp, TRY, {READY, BAR, PARITY}).after == After::next && get(warp, READY, 5) == 1,
        "soft async: try_wait after the end of the phase");
  put_all(warp, PARITY, 1);
  CHECK(run(warp, TEST, {READY, BAR, PARITY}).after == After::poll && get(warp, READY, 5) == 0,
        "soft async: test_wait says no at once");
}

void check_mbarrier_faults() {
  World w(2);
  Warp &warp = w.warp(0), &peer = w.warp(1);
  put_all(warp, BAR, OFFSET);
  CHECK(says(arrive(warp), "where no mbarrier was initialised"), "soft async: an arrival on nothing");
  CHECK(says(init(warp, 1, 12), "not a multiple of 8"), "soft async: an mbarrier at 12 bytes");
  CHECK(says(init(warp, 1, SHARED_BYTES), "of 8 bytes at byte 4096 of 4096"), "soft async: out of bounds");
  CHECK(says(init(warp, 0), "of 0 arrivals"), "soft async: an mbarrier of no arrivals");
  init(warp, 1);
  CHECK(says(init(warp, 1), "where one is already"), "soft async: initialised twice");
  put_all(warp, TO, OFFSET + 4);
  CHECK(says(run(warp, "st.shared.u32", {TO, COUNT}, 1), "over the mbarrier"), "soft async: a store over it");
  CHECK(says(run(warp, "ld.shared.u32", {V, TO}, 1), "where an mbarrier is"), "soft async: a load of it");
  CHECK(says(send(peer, 0, 128, 1), "without fence.mbarrier_init or a cluster barrier"),
        "soft async: known to nobody else");
  run(warp, "barrier.cluster.arrive.relaxed", {});
  CHECK(says(send(peer, 0, 128, 1), "without fence.mbarrier_init"),
        "soft async: a relaxed arrival is no fence");
  warp.arrived = false;
  run(warp, "barrier.cluster.arrive.release", {});
  CHECK(send(peer, 0, 128, 1).fault.empty(), "soft async: known after an arrival that releases");
  warp.arrived = false;
  CHECK(says(expect(warp, 1 << 20), "2^20 - 1"), "soft async: 2^20 bytes at once");
  machine().land_one();
  expect(warp, 16);
  expect(warp, 2016);
  CHECK(
      says(arrive(warp), "1 arrivals on an mbarrier of 1, in a phase (number 1) that needs 0 more and 2016"),
      "soft async: an arrival too many");
  CHECK(says(run(warp, INVAL, {BAR}, 1), "waits for 2016 bytes"), "soft async: inval with bytes to come");
  init(peer, 1);
  for (int i = 0; i < 4; i++) {
    put_all(peer, COUNT, 1 << 18);
    const Result r = run(peer, "mbarrier.expect_tx.relaxed.cta.shared::cta.b64", {BAR, COUNT}, 1);
    if (i == 3) CHECK(says(r, "1048576 bytes announced in a phase"), "soft async: 2^20 bytes in a phase");
  }
  init(peer, 1, 512);
  run(peer, INVAL, {BAR}, 1);
  CHECK(says(arrive(peer), "where no mbarrier"), "soft async: an arrival after inval");
}

void check_lonely_send() {
  World w(1);
  init(w.warp(), 1);
  CHECK(says(send(w.warp(), 0, 128, 1), "st.async in a launch without clusters"),
        "soft async: a block alone has nobody to send to");
}

void check_send_faults() {
  World w(2);
  fence_both(w);
  Warp &warp = w.warp();
  CHECK(says(send(warp, 1, 136, 1), "not a multiple of 16"), "soft async: st.async at 8 bytes");
  CHECK(says(send(warp, 1, SHARED_BYTES, 1), "st.async of 16 bytes at byte 4096"),
        "soft async: out of bounds");
  CHECK(says(send(warp, 1, 128, 1, OFFSET + 8), "no mbarrier was initialised"),
        "soft async: no mbarrier there");
  CHECK(says(send(warp, 1, 128, 1, OFFSET, 0), "to rank 1 that counts on an mbarrier of rank 0"),
        "soft async: data and mbarrier in two blocks");
  CHECK(says(send(warp, 2, 128, 1), "in a cluster of 2"), "soft async: a rank that is not there");
  CHECK(machine().flights.empty(), "soft async: what failed was not sent");
}

/* ---- the order of landing ---- */

void check_order() {
  World w(2);
  fence_both(w);
  unsigned first[4] = {0, 0, 0, 0};
  for (int i = 0; i < 200; i++) {
    for (uint32_t k = 0; k < 4; k++) send(w.warp(), 1, 256 + 16 * k, (uint32_t)i * 100 + k * 10);
    machine().land_one();
    for (uint32_t k = 0; k < 4; k++) first[k] += has(w, 1, 256 + 16 * k, (uint32_t)i * 100 + k * 10);
    while (machine().land_one())
      ;
  }
  CHECK(first[0] > 20 && first[1] > 20 && first[2] > 20 && first[3] > 20,
        "soft async: any of four stores lands first (%u %u %u %u)", first[0], first[1], first[2], first[3]);
}

/* ---- bulk copies ---- */

struct Source {
  uint64_t at;
  Source() : at(machine().memory.allocate(1024)) {
    for (unsigned i = 0; i < 1024; i++) machine().memory.bytes(at)[i] = (unsigned char)(i * 7);
    machine().memory.set_valid(at, 1024, true);
  }
  ~Source() { machine().memory.release(at); }
};

Result bulk(Warp &w, const char *name, uint32_t to, uint64_t from, uint32_t bytes, uint32_t ranks = 0) {
  put_all(w, TO, to);
  put_all(w, FROM, from);
  put_all(w, BYTES, bytes);
  put_all(w, BAR, OFFSET);
  put_all(w, MASK, ranks);
  if (name == MULTICAST) return run(w, name, {TO, FROM, BYTES, BAR, MASK}, 1);
  return run(w, name, {TO, FROM, BYTES, BAR}, 1);
}
bool copied(const World &w, unsigned rank, uint32_t to, unsigned skip, unsigned bytes) {
  for (unsigned i = 0; i < bytes; i++)
    if (w.blocks[rank]->shared.bytes[to + i] != (unsigned char)((skip + i) * 7)) return false;
  return true;
}

void check_bulk() {
  World w(3);
  fence_both(w);
  Source source;
  for (unsigned rank = 0; rank < 3; rank++) expect(w.warp(rank), 320);
  bulk(w.warp(1), MULTICAST, 512, source.at + 64, 320, 5);
  CHECK(w.blocks[0]->bytes_in_flight == 320 && w.blocks[1]->bytes_in_flight == 0 &&
            w.blocks[2]->bytes_in_flight == 320,
        "soft async: multicast to two of three");
  bool early = false;
  while (machine().land_one())
    for (const unsigned rank : {0u, 2u}) early |= ended(w.warp(rank), 0) != copied(w, rank, 512, 64, 320);
  CHECK(!early && ended(w.warp(0), 0) && ended(w.warp(2), 0) && !ended(w.warp(1), 0),
        "soft async: each phase ends with its last piece");
  bulk(w.warp(1), BULK, 512, source.at, 320);
  machine().memory.bytes(source.at)[0] = 99;
  while (machine().land_one())
    ;
  CHECK(ended(w.warp(1), 0) && w.blocks[1]->shared.bytes[512] == 99 && copied(w, 1, 513, 1, 319),
        "soft async: a bulk copy reads when it lands");
  machine().memory.set_valid(source.at + 32, 8, false);
  bulk(w.warp(1), BULK, 1024, source.at, 64);
  while (machine().land_one())
    ;
  const unsigned char *valid = w.blocks[1]->shared.valid.data() + 1024;
  CHECK(valid[31] == 1 && valid[32] == 0 && valid[39] == 0 && valid[40] == 1,
        "soft async: what was unwritten stays so");
  machine().memory.set_valid(source.at + 32, 8, true);
}

void check_bulk_faults() {
  World w(2);
  Source source;
  Warp &warp = w.warp();
  init(warp, 1);
  CHECK(says(bulk(warp, BULK, 512, source.at, 64), "without fence.mbarrier_init or fence.proxy.async"),
        "soft async: a bulk copy on an mbarrier without a fence");
  run(warp, "fence.proxy.async.global", {});
  CHECK(says(bulk(warp, BULK, 512, source.at, 64), "without fence.mbarrier_init"),
        "soft async: a fence for global memory is none");
  run(warp, "fence.proxy.async", {});
  CHECK(bulk(warp, BULK, 512, source.at, 64).fault.empty(), "soft async: fence.proxy.async");
  CHECK(says(bulk(warp, BULK, 520, source.at, 64), "not a multiple of 16"), "soft async: bulk to 8 bytes");
  CHECK(says(bulk(warp, BULK, 512, source.at + 8, 64), "multiples of 16"), "soft async: bulk from 8 bytes");
  CHECK(says(bulk(warp, BULK, 512, source.at, 72), "multiples of 16"), "soft async: bulk of 72 bytes");
  CHECK(says(bulk(warp, BULK, 512, source.at, 1040), "16 bytes beyond its 1024"), "soft async: bulk bounds");
  CHECK(says(bulk(warp, BULK, SHARED_BYTES - 16, source.at, 64), "of 64 bytes at byte 4080"),
        "soft async: bulk bounds of shared memory");
  CHECK(says(bulk(warp, MULTICAST, 512, source.at, 64, 4), "in a cluster of 2"),
        "soft async: bulk to rank 2");
  CHECK(says(bulk(warp, MULTICAST, 512, source.at, 64, 0), "to no block"), "soft async: bulk to nobody");
}

/* ---- late stores and stale lines ---- */

struct Weakly {
  World world{2};
  uint64_t at;
  Weakly() : at(machine().memory.allocate(4096)) {
    memset(machine().memory.bytes(at), 0, 4096);
    machine().memory.set_valid(at, 4096, true);
    weak = true;
  }
  ~Weakly() {
    weak_clear();
    weak = false;
    machine().memory.release(at);
  }
  void store(const char *name, unsigned rank, uint64_t offset, uint32_t value) {
    Warp &w = world.warp(rank);
    put_all(w, FROM, at + offset);
    put_all(w, V, value);
    run(w, name, {FROM, V}, 1);
  }
  uint32_t load(const char *name, unsigned rank, uint64_t offset) {
    Warp &w = world.warp(rank);
    put_all(w, FROM, at + offset);
    run(w, name, {V, FROM}, 1);
    return (uint32_t)get(w, V, 0);
  }
};
const char PLAIN[] = "st.global.u32", RELAXED[] = "st.relaxed.gpu.global.u32",
           RELEASE[] = "st.release.gpu.global.u32", LOOK[] = "ld.relaxed.gpu.global.u32",
           ACQUIRE[] = "ld.acquire.gpu.global.u32", READ[] = "ld.global.u32", READ_L2[] = "ld.global.cg.u32";

void check_late() {
  unsigned flag_first = 0, both = 0;
  for (int i = 0; i < 200; i++) {
    Weakly t;
    t.store(PLAIN, 0, 0, 1);
    t.store(RELAXED, 0, 256, 1);
    if (t.load(READ, 0, 0) != 1 || t.load(LOOK, 0, 256) != 1) both = 1000; /* its own stores */
    machine().land_one();
    flag_first += t.load(LOOK, 1, 256) == 1 && t.load(LOOK, 1, 0) == 0;
    machine().land_one();
    both += t.load(LOOK, 1, 256) == 1 && t.load(LOOK, 1, 0) == 1 && !machine().land_one();
  }
  CHECK(flag_first > 4 && flag_first < 180 && both == 200, /* 27 are to be expected */
        "soft weak: a relaxed flag comes before its data");
  const char *const fences[] = {"fence.acq_rel.gpu", "fence.sc.sys", "membar.gl", "fence.acq_rel.cluster"};
  for (const char *fence : fences) {
    Weakly t;
    t.store(PLAIN, 0, 0, 1);
    t.store(PLAIN, 0, 8, 2);
    run(t.world.warp(), "fence.acq_rel.cta", {});
    const bool before = t.load(LOOK, 1, 0) == 0 && t.load(LOOK, 1, 8) == 0;
    run(t.world.warp(), fence, {});
    CHECK(before && t.load(LOOK, 1, 0) == 1 && t.load(LOOK, 1, 8) == 2, "soft weak: %s lets stores out",
          fence);
  }
  Weakly t;
  t.store(PLAIN, 0, 0, 1);
  t.store(RELEASE, 0, 256, 1);
  CHECK(t.load(LOOK, 1, 256) == 1 && t.load(LOOK, 1, 0) == 1,
        "soft weak: a release lets stores out, and itself");
  t.store(PLAIN, 0, 0, 2);
  t.store("red.release.gpu.global.add.u32", 0, 256, 1);
  CHECK(t.load(LOOK, 1, 256) == 2 && t.load(LOOK, 1, 0) == 2, "soft weak: an atomic that releases");
  t.store(PLAIN, 0, 0, 3);
  t.store(PLAIN, 0, 512, 3);
  t.store("red.global.add.u32", 0, 0, 1);
  CHECK(t.load(LOOK, 1, 0) == 4 && t.load(LOOK, 1, 512) == 0 && t.load(READ, 0, 0) == 4,
        "soft weak: an atomic comes after the stores to its place");
  block_forgotten(*t.world.blocks[0]);
  CHECK(t.load(LOOK, 1, 512) == 3, "soft weak: a block's end lets stores out");

  bool in_order = true;
  uint32_t last = 0, stored = 0; /* one store lands at a time, or several */
  for (int i = 0; i < 100; i++) {
    for (int k = 0; k < 4; k++) t.store(RELAXED, 0, 64, ++stored);
    while (machine().land_one()) {
      const uint32_t now = (uint32_t)t.load(LOOK, 1, 64);
      in_order &= now > last && now <= stored;
      last = now;
    }
    in_order &= last == stored;
  }
  CHECK(in_order, "soft weak: the stores to one place stay in order");
}

void check_stale() {
  Weakly t;
  t.load(READ, 1, 0);
  t.store(RELEASE, 0, 4, 7);
  CHECK(t.load(READ, 1, 4) == 0, "soft weak: a line stays as it was first read");
  CHECK(t.load(READ_L2, 1, 4) == 7 && t.load(LOOK, 1, 4) == 7, "soft weak: .cg and relaxed loads pass it by");
  CHECK(t.load(READ, 1, 132) == 0 && t.load(READ, 0, 4) == 7, "soft weak: other lines and other blocks");
  t.store(PLAIN, 1, 8, 5);
  CHECK(t.load(READ, 1, 8) == 5 && t.load(READ, 1, 4) == 0, "soft weak: its own store is in the line");
  t.store(PLAIN, 1, 640 + 8, 3);
  t.load(READ, 1, 640);
  while (machine().land_one())
    ;
  CHECK(t.load(READ, 1, 640 + 8) == 3, "soft weak: nor is it lost there when it goes out");
  t.load(ACQUIRE, 1, 256);
  CHECK(t.load(READ, 1, 4) == 7, "soft weak: an acquire drops the lines");
  t.store(RELEASE, 0, 4, 8);
  run(t.world.warp(1), "fence.acq_rel.cta", {});
  const bool still = t.load(READ, 1, 4) == 7;
  run(t.world.warp(1), "fence.acq_rel.gpu", {});
  CHECK(still && t.load(READ, 1, 4) == 8, "soft weak: a fence drops the lines, unless it is the block's own");
  t.store(RELEASE, 0, 4, 9);
  CHECK(t.load("ld.global.nc.u32", 1, 4) == 8, "soft weak: .nc reads the lines");
  put_all(t.world.warp(1), V, 0);
  run(t.world.warp(1), "atom.acquire.gpu.global.add.u32", {STATE, FROM, V}, 1);
  CHECK(t.load("ld.global.nc.u32", 1, 4) == 9, "soft weak: an atomic that acquires drops them");
}

void check_weak_barrier() {
  Weakly t;
  Warp &first = t.world.warp(0), &second = t.world.warp(1);
  t.load(READ, 1, 0);
  t.store(PLAIN, 0, 0, 6);
  run(first, "barrier.cluster.arrive.relaxed", {});
  const bool late = t.load(LOOK, 1, 0) == 0;
  first.arrived = false;
  run(first, "barrier.cluster.arrive.release", {});
  CHECK(late && t.load(LOOK, 1, 0) == 6,
        "soft weak: the cluster's barrier lets stores out where it releases");
  run(second, "barrier.cluster.arrive.relaxed", {});
  t.world.cluster->turns++;
  const bool stale = t.load(READ, 1, 0) == 0;
  run(second, "barrier.cluster.wait.acquire", {});
  CHECK(stale && t.load(READ, 1, 0) == 6, "soft weak: and drops the lines where it acquires");
}

/* Bulk copies read behind the first-level cache and late stores: the fence of the proxy lets them out. */
void check_weak_bulk() {
  Weakly t;
  fence_both(t.world);
  t.store(PLAIN, 0, 0, 42);
  bulk(t.world.warp(), BULK, 512, t.at, 16);
  const Machine::Flight flight = machine().flights.front();
  machine().flights.clear();
  uint32_t v;
  memcpy(&v, machine().memory.bytes(flight.from), sizeof v);
  run(t.world.warp(), "fence.proxy.async.global", {});
  uint32_t after;
  memcpy(&after, machine().memory.bytes(flight.from), sizeof after);
  CHECK(v == 0 && after == 42, "soft weak: fence.proxy.async lets stores out");
}

} // namespace

int main() {
  check_start();
  machine().set_seed(check_counts.seed);
  check_phases();
  check_bytes();
  check_waits();
  check_mbarrier_faults();
  check_lonely_send();
  check_send_faults();
  check_order();
  check_bulk();
  check_bulk_faults();
  check_late();
  check_stale();
  check_weak_barrier();
  check_weak_bulk();
  return check_finish();
}
