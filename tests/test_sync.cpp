/* test_sync.cpp - the kernels of bench_sync on the emulator: what they time does arrive, under many
 * schedules.
 *
 * And a kernel that could not tell a wrong result would be no check: each is also run against a disturbed
 * input.
 */
#include <vector>

#include "bench/sync/async.h"
#include "bench/sync/kernels.h"
#include "tests/check.h"

using namespace bench_sync;

namespace {

enum { SEEDS = 8, ROUNDS = 5, THREADS = 32 };
sq_exec *const nowhere = nullptr; /* the emulator's launches need no context */

struct grid_memory {
  std::vector<uint32_t> flag = std::vector<uint32_t>(FLAGS);
  std::vector<uint4> data = std::vector<uint4>(2 * GO_FLAG);
  uint32_t base = 0;
  int bad = 0;
};

/* Launches with growing bases, as the bench does, under a schedule of its own each. */
template <typename F> void check_schedules(const char *name, F launch) {
  grid_memory m;
  int errors = 0;
  for (int s = 0; s < SEEDS; s++) {
    simt::set_seed(check_random());
    errors += launch(m) != 0;
    m.base += ROUNDS;
  }
  CHECK(errors == 0, "%s: every launch ends", name);
  CHECK(m.bad == 0, "%s: everything arrives", name);
}

void test_block() {
  check_schedules("block", [](grid_memory &m) {
    return SQ_LAUNCH(nowhere, block_kernel, 1, THREADS, 0, m.base, ROUNDS, &m.bad);
  });
}

void test_grid() {
  const sq_mode mode = {1, true};
  for (bool with_data : {false, true})
    check_schedules(with_data ? "grid, flags and data" : "grid, flags", [&](grid_memory &m) {
      return sq_launch_as(nowhere, mode, "grid_flags", grid_flags_kernel, 4, THREADS, 0, m.flag.data(),
                          m.data.data(), m.base, ROUNDS, with_data, &m.bad);
    });
  check_schedules("grid, central", [&](grid_memory &m) {
    return sq_launch_as(nowhere, mode, "grid_central", grid_central_kernel, 4, THREADS, 0, m.flag.data(),
                        m.base, ROUNDS);
  });
}

void test_clusters() {
  for (unsigned ranks : {2u, 4u}) {
    const size_t shared = 2 * ranks * sizeof(uint4);
    for (bool with_data : {false, true})
      check_schedules(with_data ? "cluster, stores" : "cluster, barrier", [&](grid_memory &m) {
        return sq_launch_as(nowhere, {ranks, false}, "cluster", cluster_kernel, 2 * ranks, THREADS, shared,
                            ranks, m.base, ROUNDS, with_data, &m.bad);
      });
  }
}

void test_broadcast() {
  const unsigned count = 40;
  std::vector<uint4> h(count);
  for (unsigned i = 0; i < count; i++) h[i] = {i, i, i, i};
  const auto launch = [&](grid_memory &m) {
    return sq_launch_as(nowhere, {1, false}, "broadcast", broadcast_kernel, 3, THREADS, count * sizeof(uint4),
                        h.data(), count, ROUNDS, &m.bad);
  };
  check_schedules("broadcast", launch);
  grid_memory m;
  h[7].x = 8;
  CHECK(launch(m) == 0 && m.bad > 0, "broadcast: a wrong number is noticed");
}

void test_asynchronous() {
  const unsigned count = 40;
  std::vector<uint4> h(count);
  for (unsigned i = 0; i < count; i++) h[i] = {i, i, i, i};
  for (unsigned ranks : {1u, 2u, 4u}) {
    const auto bulk = [&](grid_memory &m) {
      return sq_launch_as(nowhere, {ranks, false}, "bulk", bulk_kernel, 2 * ranks, THREADS,
                          (count + 1) * sizeof(uint4), ranks, h.data(), count, ROUNDS, &m.bad);
    };
    check_schedules(ranks > 1 ? "bulk copies, multicast" : "bulk copies", bulk);
    h[7].x = 8;
    grid_memory m;
    CHECK(bulk(m) == 0 && m.bad > 0, "bulk copies, clusters of %u: a wrong number is noticed", ranks);
    h[7].x = 7;
    if (ranks == 1) continue;
    check_schedules("st.async", [&](grid_memory &g) {
      return sq_launch_as(nowhere, {ranks, false}, "store_async", store_async_kernel, 2 * ranks, THREADS,
                          2 * sizeof(uint4), ranks, g.base, ROUNDS, &g.bad);
    });
  }
}

} // namespace

int main() {
  check_start();
  test_block();
  test_grid();
  test_clusters();
  test_broadcast();
  test_asynchronous();
  return check_finish();
}
