/* test_simt.cpp - tests of the test tool: every kind of fault that the emulator is to find is planted in a
 * kernel here and must be found, and the same kernel without the fault must pass under every seed.
 * test_simt_groups.cpp has what several blocks do together.
 */
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "tests/simt/test_simt.h"

namespace {

/* ---- kernels, each with its fault switched by an argument ---- */

/* y[i] = x[n-1-i] through shared memory.  The fault: nobody waits for the writers. */
__global__ void reverse_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED(float, stage, THREADS);
  const unsigned i = threadIdx.x, first = blockIdx.x * THREADS;
  stage[i] = x[first + i];
  if (!faulty) __syncthreads();
  y[first + i] = stage[THREADS - 1 - i];
}

/* Rotates the block's numbers three places, one per round.  The fault: no wait before the array is written
 * again. */
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

/* Two sums over the block, one after the other, through the same array.  The fault: a warp may write its
 * second part while another still reads the first ones. Only a warp that runs far ahead shows it. */
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

/* ---- (a) missing barriers ---- */

typedef void exchange_kernel(const float *x, float *y, bool faulty);

/* Under how many seeds is y not x permuted by `from`? */
int wrong_exchanges(const char *name, exchange_kernel *kernel, bool faulty, unsigned (*from)(unsigned)) {
  const unsigned blocks = 5;
  std::vector<float> x(blocks * THREADS), y(x.size());
  check_fill_f32(x.data(), (int64_t)x.size(), -1, 1);
  return wrong_seeds([&] {
    const int error = sq_launch(exec, name, kernel, blocks, THREADS, 0, x.data(), y.data(), faulty);
    bool right = error == 0;
    for (unsigned i = 0; i < x.size(); i++)
      right = right && y[i] == x[i / THREADS * THREADS + from(i % THREADS)];
    return right;
  });
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
    CHECK(wrong_exchanges(row.name, row.kernel, false, row.from) == 0, "with %s: right under every seed",
          row.name);
    CHECK(wrong_exchanges(row.name, row.kernel, true, row.from) > 0, "without %s: wrong under some seed",
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
  return check_finish();
}
