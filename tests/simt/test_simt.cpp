/* test_simt.cpp - tests of the test tool: every kind of fault that the emulator is to find is planted in a
 * kernel here and must be found, and the same kernel without the fault must pass under every seed.
 */
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "../../kernels/async.h"
#include "../../kernels/mma.h"
#include "../../kernels/simt.h"
#include "../check.h"

namespace {

enum { SEEDS = 32, THREADS = 64 };

sq_exec exec_of_test = {};
sq_exec *const exec = &exec_of_test;

uint64_t fresh_seed() { return check_random(); }

/* ---- kernels, each with its fault switched by an argument ---- */

/* y[i] = x[n-1-i] through shared memory.  The fault: nobody waits for the writers. */
__global__ void reverse_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED(float, stage, THREADS);
  const unsigned i = threadIdx.x, first = blockIdx.x * THREADS;
  stage[i] = x[first + i];
  if (!faulty) __syncthreads();
  y[first + i] = stage[THREADS - 1 - i];
}

/* Rotates the block's numbers three places, one a round.  The fault: no wait before the array is written again. */
__global__ void rotate_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED(float, stage, THREADS);
  const unsigned i = threadIdx.x, first = blockIdx.x * THREADS;
  float v = x[first + i];
  for (int round = 0; round < 3; round++) {
    stage[i] = v;
    __syncthreads();
    v = stage[(i + 1) % THREADS];
    if (!faulty) __syncthreads();
  }
  y[first + i] = v;
}

/* Neighbours of a warp exchange through shared memory: lanes do not run in lock-step. */
__global__ void warp_pairs_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED(float, stage, THREADS);
  const unsigned i = threadIdx.x, first = blockIdx.x * THREADS;
  stage[i] = x[first + i];
  if (!faulty) __syncwarp(SQ_FULL_MASK);
  y[first + i] = stage[i ^ 1u];
}

/* Two sums over the block, one after the other, through the same array.  The fault: a warp may write its second
 * part while another still reads the first ones. Only a warp that runs far ahead shows it. */
__global__ void two_sums_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED(float, part, SQ_WARP);
  const unsigned i = threadIdx.x, first = blockIdx.x * THREADS, lane = i % SQ_WARP, warps = THREADS / SQ_WARP;
  float sum = 0.0f;
  for (int round = 0; round < 2; round++) {
    const float v = sq_warp_sum(round == 0 ? 1.0f : 0.0f);
    if (lane == 0) part[i / SQ_WARP] = v;
    __syncthreads();
    sum += sq_warp_sum(lane < warps ? part[lane] : 0.0f);
    if (!faulty) __syncthreads();
  }
  y[first + i] = sum == (float)THREADS ? x[first + i] : 0.0f;
}

__global__ void shared_index_kernel(float *y, int index) {
  SQ_SHARED(float, stage, THREADS);
  stage[threadIdx.x] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = stage[index];
}

__global__ void dynamic_index_kernel(float *y, int index) {
  SQ_SHARED_DYNAMIC(float, stage);
  stage[threadIdx.x] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = stage[index];
}

__global__ void global_index_kernel(const float *x, float *y, int index) { y[threadIdx.x] = x[index]; }

/* Half of the shared array is written, all of it is read. */
__global__ void unwritten_kernel(float *y) {
  SQ_SHARED(float, stage, THREADS);
  if (threadIdx.x < THREADS / 2) stage[threadIdx.x] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = stage[threadIdx.x];
}

__global__ void early_exit_kernel() {
  if (blockIdx.x == 1 && threadIdx.x == 5) return;
  __syncthreads();
}

__global__ void two_barriers_kernel() {
  if (threadIdx.x < 7)
    __syncthreads();
  else
    __syncthreads();
}

__global__ void warp_against_block_kernel() {
  if (threadIdx.x < 3)
    __syncwarp(SQ_FULL_MASK);
  else
    __syncthreads();
}

__global__ void mask_without_lane_kernel() { __syncwarp(0x7FFFFFFFu); }

__global__ void foreign_lane_kernel(float *y) {
  float v = 1.0f;
  if (threadIdx.x < 4) v = __shfl_sync(0xFu, v, 9);
  y[threadIdx.x] = v;
}

/* Every warp operation once; errors are counted in bad[0]. */
__global__ void warp_operations_kernel(int *bad) {
  const int lane = (int)threadIdx.x % SQ_WARP;
  const double value = lane + 0.5;
  bool right = __shfl_sync(SQ_FULL_MASK, value, 7) == 7.5;
  right &= __shfl_xor_sync(SQ_FULL_MASK, lane, 5) == (lane ^ 5);
  right &= __shfl_down_sync(SQ_FULL_MASK, lane, 3) == (lane + 3 < SQ_WARP ? lane + 3 : lane);
  right &= __shfl_up_sync(SQ_FULL_MASK, lane, 3) == (lane >= 3 ? lane - 3 : lane);
  right &= __ballot_sync(SQ_FULL_MASK, lane % 3 == 0) == 0x49249249u;
  right &= __any_sync(SQ_FULL_MASK, lane == 31) && !__any_sync(SQ_FULL_MASK, lane == 32);
  right &= __all_sync(SQ_FULL_MASK, lane < 32) && !__all_sync(SQ_FULL_MASK, lane < 31);
  right &= sq_warp_sum((float)lane) == 496.0f && sq_warp_max((float)lane) == 31.0f;
  const unsigned half = lane < 16 ? 0x0000FFFFu : 0xFFFF0000u; /* two groups in one warp */
  right &= __shfl_sync(half, lane, lane < 16 ? 2 : 20) == (lane < 16 ? 2 : 20);
  if (!right) atomicAdd(bad, 1);
}

/* Reductions one after the other: none may disturb the one before. */
__global__ void block_reductions_kernel(int *bad) {
  const float n = (float)blockDim.x, i = (float)threadIdx.x;
  bool right = sq_block_sum(i) == n * (n - 1) / 2;
  right &= sq_block_sum(1.0f) == n;
  right &= sq_block_max(i) == n - 1;
  right &= sq_block_max(-i) == 0.0f;
  if (!right) atomicAdd(bad, 1);
}

__global__ void column_sums_kernel(int *bad) {
  bool right = sq_column_sum((float)threadIdx.x) == (float)threadIdx.x * (float)SQ_TILE_ROWS;
  right &= sq_column_sum(1.0f) == (float)SQ_TILE_ROWS;
  if (!right) atomicAdd(bad, 1);
}

/* The order in which blocks and threads come by. */
__global__ void order_kernel(int *ticket, int *order) {
  const int me = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  order[atomicAdd(ticket, 1)] = me;
  __syncthreads();
  order[atomicAdd(ticket, 1)] = me;
}

__global__ void index_kernel(int *seen) {
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  atomicAdd(&seen[block * blockDim.x * blockDim.y * blockDim.z + thread], 1);
}

/* ---- clusters, cooperative grids, flags, tensor cores ---- */

enum { RANKS = 4, WORDS = 8 };

/* Every block of a cluster pushes its numbers to the next one, three times: the ring has turned by three.
 * The fault: nobody waits for the pushes. */
__global__ void cluster_ring_kernel(float *y, bool faulty) {
  SQ_SHARED_DYNAMIC(uint4, box); /* two boxes, used in turn */
  const unsigned rank = blockIdx.x % RANKS, i = threadIdx.x;
  unsigned carried = rank * THREADS + i;
  sq_cluster_arrive();
  sq_cluster_wait(); /* everybody is there */
  for (unsigned round = 0; round < 3; round++) {
    uint4 *own = box + round % 2 * THREADS + i;
    sq_cluster_store(own, (rank + 1) % RANKS, uint4{carried, 0, 0, 0});
    if (!faulty) {
      sq_cluster_arrive();
      sq_cluster_wait();
    }
    carried = own->x;
  }
  y[blockIdx.x * THREADS + i] = (float)carried;
  sq_cluster_arrive();
  sq_cluster_wait(); /* no peer's memory goes while it is written to */
}

/* All blocks but the first leave without waiting for the push that is still to come. */
__global__ void early_peer_kernel() {
  SQ_SHARED_DYNAMIC(uint4, box);
  sq_cluster_arrive();
  if (blockIdx.x % RANKS != 0) return;
  sq_cluster_wait();
  for (unsigned rank = 1; rank < RANKS; rank++) sq_cluster_store(box, rank, uint4{1, 1, 1, 1});
}

__global__ void missing_arrival_kernel() {
  if (blockIdx.x == 1) return;
  sq_cluster_arrive();
  sq_cluster_wait();
}

/* What the asynchronous ring below does wrong. */
enum async_fault { NO_FAULT, NO_WAIT, TOO_FEW_BYTES, TOO_MANY_BYTES, NO_INIT, ONE_BARRIER };

/* cluster_ring_kernel with st.async: every block pushes its numbers to *all* others, three times, and keeps those of the next one.
 * Two boxes and two mbarriers, used in turn. */
__global__ void async_ring_kernel(float *y, int fault) {
  SQ_SHARED_DYNAMIC(uint4, box); /* [2][RANKS][THREADS], then two mbarriers */
  uint64_t *bars = reinterpret_cast<uint64_t *>(box + 2 * RANKS * THREADS);
  const unsigned rank = blockIdx.x % RANKS, i = threadIdx.x;
  unsigned carried = rank * THREADS + i;
  if (i < 2 && fault != NO_INIT) sq_mbarrier_init(bars + i);
  sq_cluster_arrive();
  sq_cluster_wait(); /* everybody is there */
  for (unsigned round = 0; round < 3; round++) {
    uint4 *in = box + round % 2 * RANKS * THREADS;
    uint64_t *bar = bars + (fault == ONE_BARRIER ? 0 : round % 2);
    unsigned bytes = (RANKS - 1) * THREADS * sizeof(uint4);
    if (fault == TOO_FEW_BYTES) bytes -= 16;
    if (fault == TOO_MANY_BYTES) bytes += 16;
    if (i == 0) sq_mbarrier_expect(bar, bytes);
    for (unsigned peer = 1; peer < RANKS; peer++)
      sq_store_async(in + rank * THREADS + i, bar, (rank + peer) % RANKS, uint4{carried, 0, 0, 0});
    if (fault != NO_WAIT) sq_mbarrier_wait(bar, fault == ONE_BARRIER ? round % 2 : round / 2 % 2);
    carried = in[(rank + 1) % RANKS * THREADS + i].x;
    __syncthreads();
  }
  y[blockIdx.x * THREADS + i] = (float)carried;
  sq_cluster_arrive();
  sq_cluster_wait(); /* no peer's memory goes while it is written to */
}

/* Each block of a cluster fetches its share for all.  The fault: nobody waits. */
__global__ void bulk_copy_kernel(const uint4 *from, float *y, bool faulty) {
  SQ_SHARED_DYNAMIC(uint4, stage); /* [THREADS], then the mbarrier */
  uint64_t *bar = reinterpret_cast<uint64_t *>(stage + THREADS);
  const unsigned rank = blockIdx.x % RANKS, i = threadIdx.x, share = THREADS / RANKS;
  if (i == 0) sq_mbarrier_init(bar);
  sq_cluster_arrive();
  sq_cluster_wait();
  if (i == 0) {
    sq_mbarrier_expect(bar, THREADS * sizeof(uint4));
    sq_copy_bulk(stage + rank * share, from + rank * share, share * sizeof(uint4), bar, (1u << RANKS) - 1);
  }
  if (!faulty) sq_mbarrier_wait(bar, 0);
  y[blockIdx.x * THREADS + i] = (float)stage[i].w;
  sq_mbarrier_wait(bar, 0);
  sq_cluster_arrive();
  sq_cluster_wait();
}

/* Nobody waits for what is in flight before the block ends. */
__global__ void unawaited_copy_kernel(const uint4 *from) {
  SQ_SHARED_DYNAMIC(uint4, stage);
  uint64_t *bar = reinterpret_cast<uint64_t *>(stage + 64);
  sq_mbarrier_init(bar);
  for (int i = 0; i < 64; i++) sq_copy_bulk(stage + i, from + i, sizeof(uint4), bar, 1);
}

/* grid_ring_kernel with packets.  The fault: what is there is taken, whatever its turn. */
__global__ void packet_ring_kernel(uint4 *packets, float *y, bool faulty) {
  const unsigned block = blockIdx.x, next = (block + 1) % gridDim.x, i = threadIdx.x;
  const unsigned mine = 2 * (block * 32 + i);
  sq_packet_store(&packets[block * 32 + i], mine, mine + 1, 1);
  uint4 p = sq_packet_load(&packets[next * 32 + i]);
  if (!faulty) sq_packet_wait(&packets[next * 32 + i], 1, p);
  y[block * 32 + i] = (float)(p.x + p.z);
}

/* A grid's blocks write, tell, and read their neighbour's number.  The fault: nobody waits for the flag. */
__global__ void grid_ring_kernel(unsigned *numbers, uint32_t *flags, float *y, bool faulty) {
  const unsigned block = blockIdx.x, next = (block + 1) % gridDim.x;
  if (threadIdx.x < WORDS) numbers[block * WORDS + threadIdx.x] = block * WORDS + threadIdx.x + 1;
  __syncthreads();
  if (threadIdx.x == 0) {
    sq_flag_release(&flags[block], 1);
    if (!faulty) sq_flag_wait(&flags[next], 1);
  }
  __syncthreads();
  if (threadIdx.x < WORDS) y[block * WORDS + threadIdx.x] = (float)numbers[next * WORDS + threadIdx.x];
}

__global__ void mma_kernel(const uint32_t *a, const uint32_t *b, float *c, bool bf16) {
  const unsigned lane = threadIdx.x;
  const uint32_t u[4] = {a[lane], a[32 + lane], a[64 + lane], a[96 + lane]}, v[2] = {b[lane], b[32 + lane]};
  float sum[4] = {1, 2, 3, 4};
  if (bf16)
    sq_mma_bf16(sum, u, v);
  else
    sq_mma_tf32(sum, u, v);
  for (int i = 0; i < 4; i++) c[i * 32 + (int)lane] = sum[i];
}

/* ---- (a) missing barriers ---- */

typedef void exchange_kernel(const float *x, float *y, bool faulty);

/* Number of seeds, out of SEEDS, under which y is not x permuted by `from`. */
int wrong_seeds(const char *name, exchange_kernel *kernel, bool faulty, unsigned (*from)(unsigned)) {
  const unsigned blocks = 5;
  std::vector<float> x(blocks * THREADS), y(x.size());
  check_fill_f32(x.data(), (int64_t)x.size(), -1, 1);
  int wrong = 0;
  for (int s = 0; s < SEEDS; s++) {
    simt::set_seed(fresh_seed());
    const int error = sq_launch(exec, name, kernel, blocks, THREADS, 0, x.data(), y.data(), faulty);
    bool right = error == 0;
    for (unsigned i = 0; i < x.size(); i++)
      right = right && y[i] == x[i / THREADS * THREADS + from(i % THREADS)];
    wrong += !right;
  }
  return wrong;
}

void test_missing_barriers() {
  const struct {
    const char *name;
    exchange_kernel *kernel;
    unsigned (*from)(unsigned);
  } rows[] = {
      {"barrier before a read", reverse_kernel, [](unsigned i) { return THREADS - 1 - i; }},
      {"barrier before a second write", rotate_kernel, [](unsigned i) { return (i + 3) % THREADS; }},
      {"barrier between two sums", two_sums_kernel, [](unsigned i) { return i; }},
      {"__syncwarp before a read", warp_pairs_kernel, [](unsigned i) { return i ^ 1u; }},
  };
  for (const auto &row : rows) {
    CHECK(wrong_seeds(row.name, row.kernel, false, row.from) == 0, "with %s: right under every seed",
          row.name);
    CHECK(wrong_seeds(row.name, row.kernel, true, row.from) > 0, "without %s: wrong under some seed",
          row.name);
  }
}

/* ---- (b) reads outside a buffer ---- */

/* What `body` prints to stderr before the child ends, or dies. */
template <typename F> std::string stderr_of_child(F body) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 2);
    body();
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char chunk[4096];
  for (ssize_t n; (n = read(ends[0], chunk, sizeof chunk)) > 0;) text.append(chunk, (size_t)n);
  close(ends[0]);
  waitpid(child, NULL, 0);
  return text;
}

template <typename F> void check_overflow(const char *name, F launch) {
#ifdef CHECK_ASAN
  const bool inside = stderr_of_child([&] { launch(THREADS - 1); }).find("ERROR") == std::string::npos;
  const std::string text = stderr_of_child([&] { launch(THREADS); });
  CHECK(inside, "%s: its last element may be read", name);
  CHECK(text.find("heap-buffer-overflow") != std::string::npos, "%s: the element after the last is reported",
        name);
#else
  (void)launch;
  check_skip("built without AddressSanitizer", "%s: the element after the last is reported", name);
#endif
}

void test_overflows() {
  std::vector<float> x(THREADS), y(THREADS);
  check_overflow("static shared memory", [&](int index) {
    return SQ_LAUNCH(exec, shared_index_kernel, 1, THREADS, 0, y.data(), index);
  });
  check_overflow("dynamic shared memory", [&](int index) {
    return SQ_LAUNCH(exec, dynamic_index_kernel, 1, THREADS, THREADS * sizeof(float), y.data(), index);
  });
  check_overflow("global memory", [&](int index) {
    return SQ_LAUNCH(exec, global_index_kernel, 1, THREADS, 0, x.data(), y.data(), index);
  });
}

/* ---- (c) reads of what nobody wrote ---- */

void test_unwritten() {
  std::vector<float> y(THREADS);
  bool written = true, nan = true;
  for (int repeat = 0; repeat < 4; repeat++) { /* the memory of an earlier block must not shine through */
    const int error = SQ_LAUNCH(exec, unwritten_kernel, 1, THREADS, 0, y.data());
    CHECK(error == 0, "unwritten shared memory: launch %d", repeat);
    for (int i = 0; i < THREADS / 2; i++) {
      written = written && y[(size_t)i] == 1.0f;
      nan = nan && isnan(y[(size_t)(THREADS / 2 + i)]);
    }
  }
  CHECK(written, "written shared memory keeps its value");
  CHECK(nan, "unwritten shared memory reads as NaN");
}

/* ---- (d) barriers that not everybody reaches ---- */

void check_error_result(int error, int wanted, const char *name, const char *const *words, size_t count) {
  CHECK(error == wanted, "%s: is an error result (%d)", name, error);
  const std::string text = simt::last_error();
  bool all = true;
  for (size_t i = 0; i < count; i++) all = all && text.find(words[i]) != std::string::npos;
  if (!CHECK(all, "%s: is described", name)) printf("  %s\n", text.c_str());
  std::vector<float> x(THREADS, 2.0f), y(THREADS);
  const int after = SQ_LAUNCH(exec, reverse_kernel, 1, THREADS, 0, x.data(), y.data(), false);
  CHECK(after == 0 && y[0] == 2.0f, "%s: the next launch runs", name);
}

#define CHECK_ERROR_RESULT(error, wanted, name, ...)                                                         \
  do {                                                                                                       \
    const char *const words[] = {__VA_ARGS__};                                                               \
    check_error_result(error, wanted, name, words, sizeof words / sizeof words[0]);                          \
  } while (0)

void test_divergence() {
  float y[THREADS];
  CHECK_ERROR_RESULT(SQ_LAUNCH(exec, early_exit_kernel, 3, THREADS, 0), simt::DIVERGED,
                     "exit before a barrier", "early_exit_kernel", "block (1,0,0)", "63 of 64",
                     "(first 5) exited", "__syncthreads");
  CHECK_ERROR_RESULT(SQ_LAUNCH(exec, two_barriers_kernel, 1, THREADS, 0), simt::DIVERGED, "two barriers",
                     "two_barriers_kernel", "block (0,0,0)", "7 of 64", "57 of 64");
  CHECK_ERROR_RESULT(SQ_LAUNCH(exec, warp_against_block_kernel, 1, THREADS, 0), simt::DIVERGED,
                     "a warp's barrier against a block's", "3 of 64", "__syncwarp", "61 of 64");
  CHECK_ERROR_RESULT(SQ_LAUNCH(exec, mask_without_lane_kernel, 1, 32, 0), simt::BAD_LANE,
                     "mask without its caller", "lane 31 is not in its mask");
  CHECK_ERROR_RESULT(SQ_LAUNCH(exec, mask_without_lane_kernel, 1, 8, 0), simt::BAD_LANE,
                     "mask beyond the block", "lanes that do not exist");
  CHECK_ERROR_RESULT(SQ_LAUNCH(exec, foreign_lane_kernel, 1, 32, 0, y), simt::BAD_LANE,
                     "read of a foreign lane", "reads lane 9");
  CHECK_ERROR_RESULT(SQ_LAUNCH(exec, two_barriers_kernel, 1, 1025, 0), simt::BAD_LAUNCH, "a block too large",
                     "(1025,1,1)");
}

/* ---- what must be right ---- */

void test_operations() {
  int bad = 0;
  for (int s = 0; s < SEEDS; s++) {
    simt::set_seed(fresh_seed());
    if (SQ_LAUNCH(exec, warp_operations_kernel, 3, 96, 0, &bad) != 0) bad++;
  }
  CHECK(bad == 0, "shuffles and votes");
  for (int s = 0; s < SEEDS; s++) {
    simt::set_seed(fresh_seed());
    for (unsigned threads : {32u, 64u, 96u, 256u})
      if (SQ_LAUNCH(exec, block_reductions_kernel, 3, threads, 0, &bad) != 0) bad++;
    if (SQ_LAUNCH(exec, column_sums_kernel, 3, sq_matrix_block(), 0, &bad) != 0) bad++;
  }
  CHECK(bad == 0, "sums and maxima of blocks, under every seed");
  std::vector<int> seen(2 * 3 * 4 * 5 * 6 * 7);
  const int error = SQ_LAUNCH(exec, index_kernel, dim3(2, 3, 4), dim3(5, 6, 7), 0, seen.data());
  bool once = error == 0;
  for (int n : seen) once = once && n == 1;
  CHECK(once, "every thread of a grid runs once");
  CHECK(SQ_LAUNCH(exec, index_kernel, dim3(2, 0), 32, 0, seen.data()) == 0, "an empty grid is no work");
}

struct Order {
  std::vector<int> order;
  uint64_t schedule;
};

Order order_of(uint64_t seed) {
  const unsigned blocks = 6, threads = 32;
  Order result = {std::vector<int>(2 * blocks * threads), 0};
  int ticket = 0;
  simt::set_seed(seed);
  if (SQ_LAUNCH(exec, order_kernel, blocks, threads, 0, &ticket, result.order.data()) != 0)
    result.order.clear();
  result.schedule = simt::counters().schedule;
  return result;
}

/* Does the block that came first come again after another one? */
bool returns_to_first_block(const std::vector<int> &order) {
  bool other = false;
  for (int me : order) {
    const bool first = me / 32 == order[0] / 32;
    if (first && other) return true;
    other = other || !first;
  }
  return false;
}

void test_schedule() {
  const uint64_t seed = fresh_seed();
  const Order a = order_of(seed), b = order_of(seed), c = order_of(seed + 1);
  CHECK(!a.order.empty() && a.order == b.order && a.schedule == b.schedule, "one seed, one schedule");
  CHECK(a.order != c.order && a.schedule != c.schedule, "another seed, another schedule");
  bool interleaved = false;
  for (int n = 0; n < SEEDS && !interleaved; n++)
    interleaved = returns_to_first_block(order_of(fresh_seed()).order);
  CHECK(interleaved, "blocks run at the same time, under some seed");
}

void test_cost() {
  std::vector<int> seen(64 * 256);
  const simt::Counters before = simt::counters();
  const int error = SQ_LAUNCH(exec, index_kernel, 64, 256, 0, seen.data());
  const simt::Counters after = simt::counters();
  CHECK(error == 0 && after.threads - before.threads == 64 * 256, "threads are counted");
  CHECK(after.switches - before.switches <= 4, "a kernel without barriers hardly switches fibers");
  CHECK(after.block_barriers == before.block_barriers, "no barrier is counted where there is none");
}

/* ---- several blocks together ---- */

int run_cluster_ring(std::vector<float> &y, bool faulty) {
  return sq_launch_as(exec, {RANKS, false}, "cluster_ring_kernel", cluster_ring_kernel, 2 * RANKS, THREADS,
                      2 * THREADS * sizeof(uint4), y.data(), faulty);
}

/* Under how many seeds is the ring wrong? */
int wrong_cluster_rings(bool faulty) {
  int wrong = 0;
  for (int s = 0; s < SEEDS; s++) {
    simt::set_seed(fresh_seed());
    std::vector<float> y(2 * RANKS * THREADS);
    bool right = run_cluster_ring(y, faulty) == 0;
    for (int i = 0; i < (int)y.size(); i++) {
      const int rank = i / THREADS % RANKS, from = (rank + RANKS - 3) % RANKS;
      right = right && y[(size_t)i] == (float)(from * THREADS + i % THREADS);
    }
    wrong += !right;
  }
  return wrong;
}

void test_clusters() {
  CHECK(wrong_cluster_rings(false) == 0, "clusters: stores to peers arrive, under every seed");
  CHECK(wrong_cluster_rings(true) > 0, "clusters: a missing barrier gives wrong results");
  const size_t bytes = sizeof(uint4);
  CHECK_ERROR_RESULT(
      sq_launch_as(exec, {RANKS, false}, "early_peer_kernel", early_peer_kernel, RANKS, 1, bytes),
      simt::BAD_SHARED, "store to a block that has exited", "early_peer_kernel", "has exited");
  CHECK_ERROR_RESULT(
      sq_launch_as(exec, {RANKS, false}, "missing_arrival_kernel", missing_arrival_kernel, RANKS, 32, 0),
      simt::DEADLOCK, "a block that does not arrive", "missing_arrival_kernel", "deadlock", "cluster wait");
  CHECK_ERROR_RESULT(
      sq_launch_as(exec, {RANKS, false}, "missing_arrival_kernel", missing_arrival_kernel, RANKS + 1, 32, 0),
      simt::BAD_LAUNCH, "a grid that is not a multiple of the cluster", "cluster 4");
}

int run_grid_ring(unsigned blocks, bool cooperative, bool faulty, std::vector<float> &y) {
  std::vector<unsigned> numbers(blocks * WORDS);
  std::vector<uint32_t> flags(blocks);
  y.assign(blocks * WORDS, 0.0f);
  return sq_launch_as(exec, {1, cooperative}, "grid_ring_kernel", grid_ring_kernel, blocks, 32, 100000,
                      numbers.data(), flags.data(), y.data(), faulty);
}

int wrong_grid_rings(bool faulty) {
  int wrong = 0;
  for (int s = 0; s < SEEDS; s++) {
    simt::set_seed(fresh_seed());
    std::vector<float> y;
    bool right = run_grid_ring(6, true, faulty, y) == 0;
    for (unsigned i = 0; i < y.size(); i++) right = right && y[i] == (float)((i + WORDS) % (6 * WORDS) + 1);
    wrong += !right;
  }
  return wrong;
}

void test_grids() {
  std::vector<float> y;
  CHECK(wrong_grid_rings(false) == 0, "flags: what was stored before is seen after, under every seed");
  CHECK(wrong_grid_rings(true) > 0, "flags: a missing wait gives wrong results");
  /* 4 processors of 228 KB hold two blocks of 100000 bytes each */
  CHECK(run_grid_ring(8, true, false, y) == 0, "a cooperative grid that can be resident runs");
  CHECK_ERROR_RESULT(run_grid_ring(9, true, false, y), simt::TOO_LARGE, "a cooperative grid too large",
                     "9 blocks", "8 can be resident");
  int resident = -1;
  const int error = sq_resident(exec, {1, true}, grid_ring_kernel, 32, 100000, &resident);
  CHECK(error == 0 && resident == 8, "the occupancy says the same");
  CHECK_ERROR_RESULT(run_grid_ring(20, false, false, y), simt::DEADLOCK, "a grid barrier without residence",
                     "grid_ring_kernel", "deadlock of 3 resident blocks", "flag wait");
}

/* ---- what lands by itself ---- */

int run_async_ring(std::vector<float> &y, int fault) {
  const size_t bytes = 2 * RANKS * THREADS * sizeof(uint4) + 2 * sizeof(uint64_t);
  return sq_launch_as(exec, {RANKS, false}, "async_ring_kernel", async_ring_kernel, 2 * RANKS, THREADS, bytes,
                      y.data(), fault);
}

/* Under how many seeds does the ring end with wrong numbers, or with an error? */
int wrong_async_rings(int fault) {
  int wrong = 0;
  for (int s = 0; s < SEEDS; s++) {
    simt::set_seed(fresh_seed());
    std::vector<float> y(2 * RANKS * THREADS);
    bool right = run_async_ring(y, fault) == 0;
    for (int i = 0; i < (int)y.size(); i++) {
      const int from = (i / THREADS + 3) % RANKS;
      right = right && y[(size_t)i] == (float)(from * THREADS + i % THREADS);
    }
    wrong += !right;
  }
  return wrong;
}

int wrong_bulk_copies(bool faulty) {
  std::vector<uint4> from(THREADS);
  for (unsigned i = 0; i < THREADS; i++) from[i] = {0, 0, 0, i + 1};
  int wrong = 0;
  for (int s = 0; s < SEEDS; s++) {
    simt::set_seed(fresh_seed());
    std::vector<float> y(2 * RANKS * THREADS);
    bool right = sq_launch_as(exec, {RANKS, false}, "bulk_copy_kernel", bulk_copy_kernel, 2 * RANKS, THREADS,
                              (THREADS + 1) * sizeof(uint4), from.data(), y.data(), faulty) == 0;
    for (size_t i = 0; i < y.size(); i++) right = right && y[i] == (float)(i % THREADS + 1);
    wrong += !right;
  }
  return wrong;
}

int wrong_packet_rings(bool faulty) {
  int wrong = 0;
  for (int s = 0; s < SEEDS; s++) {
    simt::set_seed(fresh_seed());
    const unsigned blocks = 6, all = blocks * 32;
    std::vector<uint4> packets(all);
    std::vector<float> y(all);
    bool right = sq_launch_as(exec, {1, true}, "packet_ring_kernel", packet_ring_kernel, blocks, 32, 0,
                              packets.data(), y.data(), faulty) == 0;
    for (unsigned i = 0; i < all; i++) right = right && y[i] == (float)(4 * ((i + 32) % all) + 1);
    wrong += !right;
  }
  return wrong;
}

void test_asynchrony() {
  std::vector<float> y(2 * RANKS * THREADS);
  CHECK(wrong_async_rings(NO_FAULT) == 0, "st.async: everything arrives, under every seed");
  CHECK(wrong_async_rings(NO_WAIT) > 0, "st.async: a missing wait is found");
  CHECK(wrong_async_rings(TOO_FEW_BYTES) > 0, "st.async: too few bytes announced are found");
  CHECK(wrong_async_rings(TOO_MANY_BYTES) == SEEDS, "st.async: too many bytes announced are found");
  CHECK(wrong_async_rings(ONE_BARRIER) > 0,
        "st.async: bytes of the next round on this one's mbarrier are found");
  CHECK_ERROR_RESULT(run_async_ring(y, TOO_MANY_BYTES), simt::DEADLOCK, "bytes that never come",
                     "async_ring_kernel", "deadlock", "mbarrier wait");
  CHECK_ERROR_RESULT(run_async_ring(y, NO_INIT), simt::BAD_SHARED, "an mbarrier without a beginning",
                     "async_ring_kernel", "nobody initialised");
  CHECK(wrong_bulk_copies(false) == 0, "bulk copies with multicast arrive, under every seed");
  CHECK(wrong_bulk_copies(true) > 0, "bulk copies: a missing wait is found");
  std::vector<uint4> from(64);
  CHECK_ERROR_RESULT(SQ_LAUNCH(exec, unawaited_copy_kernel, 1, 1, 65 * sizeof(uint4), from.data()),
                     simt::BAD_SHARED, "an exit before the bytes are there", "unawaited_copy_kernel",
                     "in flight to a block that exits");
  CHECK(wrong_packet_rings(false) == 0, "packets: what has the turn has the number, under every seed");
  CHECK(wrong_packet_rings(true) > 0, "packets: a turn that nobody looks at is found");
}

/* ---- tensor cores ---- */

float bf16_value(uint16_t bits) { return simt::float_of((uint32_t)bits << 16); }

/* Fills the registers from whole matrices by the tables of mma.h, and compares with the plain product. */
bool mma_agrees(bool bf16) {
  const int depth = bf16 ? 16 : 8;
  float A[16][16], B[16][8];
  uint32_t a[128] = {}, b[64] = {};
  float c[128];
  for (auto &row : A)
    for (float &x : row) x = (float)check_below(17) - 8;
  for (auto &row : B)
    for (float &x : row) x = (float)check_below(17) - 8;
  for (int lane = 0; lane < 32; lane++) {
    const int g = lane / 4, t = lane % 4;
    for (int word = 0; word < 4; word++)
      for (int low = 0; low < (bf16 ? 2 : 1); low++) {
        const int k = (bf16 ? 2 * t + low : t) + word / 2 * depth / 2, row = g + word % 2 * 8;
        a[word * 32 + lane] |= bf16 ? (uint32_t)sq_to_bf16(A[row][k]) << 16 * low : sq_to_tf32(A[row][k]);
        if (word >= 2) continue;
        const int down = (bf16 ? 2 * t + low : t) + word * depth / 2;
        b[word * 32 + lane] |= bf16 ? (uint32_t)sq_to_bf16(B[down][g]) << 16 * low : sq_to_tf32(B[down][g]);
      }
  }
  bool right = SQ_LAUNCH(exec, mma_kernel, 1, 32, 0, a, b, c, bf16) == 0;
  for (int i = 0; i < 128; i++) {
    const int lane = i % 32, word = i / 32, row = lane / 4 + word / 2 * 8, column = lane % 4 * 2 + word % 2;
    float sum = (float)(word + 1);
    for (int k = 0; k < depth; k++) sum += A[row][k] * B[k][column];
    right = right && c[i] == sum;
  }
  return right;
}

void test_tensor_cores() {
  CHECK(mma_agrees(false) && mma_agrees(false), "mma m16n8k8, TF32: registers and lanes");
  CHECK(mma_agrees(true) && mma_agrees(true), "mma m16n8k16, bfloat16: registers and lanes");
  CHECK(sq_to_tf32(1.0f + 0x1p-11f) == simt::bits_of(1.0f + 0x1p-10f) &&
            sq_to_tf32(-1.0f - 0x1p-12f) == simt::bits_of(-1.0f),
        "TF32: to nearest, ties away from zero");
  CHECK(bf16_value(sq_to_bf16(1.0f + 0x1p-8f)) == 1.0f &&
            bf16_value(sq_to_bf16(1.0f + 0x1.8p-7f)) == 1.0f + 0x1p-6f,
        "bfloat16: to nearest, ties to even");
  CHECK(isinf(bf16_value(sq_to_bf16(INFINITY))) && isnan(bf16_value(sq_to_bf16(NAN))) &&
            isinf(simt::float_of(sq_to_tf32(-INFINITY))) && isnan(simt::float_of(sq_to_tf32(NAN))),
        "infinity and NaN stay");
}

} // namespace

int main() {
  check_start();
  printf("SEQGPU_SIMT_SEED %llu\n", (unsigned long long)simt::seed());
  test_missing_barriers();
  test_overflows();
  test_unwritten();
  test_divergence();
  test_operations();
  test_schedule();
  test_cost();
  test_clusters();
  test_grids();
  test_asynchrony();
  test_tensor_cores();
  return check_finish();
}
