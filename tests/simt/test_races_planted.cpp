/* test_races_planted.cpp - a test of the test tool: in kernels with planted races ThreadSanitizer must name
 * the lines, and must be silent about the same kernels without them.  Numbers play no part: one schedule is
 * enough.
 *
 * Each kernel runs in a process of its own, this program with the kernel's name; a line of a race carries the
 * comment "race".
 */
#include <stdio.h>
#include <string.h>

#include <fstream>
#include <string>
#include <vector>

#include "kernels/async.h"
#include "tests/check.h"

namespace {

enum { THREADS = 64, RANKS = 4, BLOCKS = 3 };

sq_exec *const exec = nullptr; /* the emulator's launches need no context */

/* y[i] = x[n-1-i] through shared memory. */
__global__ void read_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED(float, stage, THREADS);
  const unsigned i = threadIdx.x, first = blockIdx.x * THREADS;
  stage[i] = x[first + i]; /* race */
  if (!faulty) __syncthreads();
  y[first + i] = stage[THREADS - 1 - i]; /* race */
}

/* Rotates the block's numbers: each round writes what the one before has read. */
__global__ void write_again_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED(float, stage, THREADS);
  const unsigned i = threadIdx.x, first = blockIdx.x * THREADS;
  float v = x[first + i];
  for (int round = 0; round < 3; round++) {
    stage[i] = v; /* race */
    __syncthreads();
    v = stage[(i + 1) % THREADS]; /* race */
    if (!faulty) __syncthreads();
  }
  y[first + i] = v;
}

/* Neighbours of a warp.  The fault: a shuffle, at which they meet, but which orders no memory. */
__global__ void warp_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED(float, stage, THREADS);
  const unsigned i = threadIdx.x, first = blockIdx.x * THREADS;
  stage[i] = x[first + i]; /* race */
  float one = 0.0f;
  if (faulty)
    one = __shfl_sync(SQ_FULL_MASK, 1.0f, 0);
  else
    __syncwarp(SQ_FULL_MASK);
  y[first + i] = one + stage[i ^ 1u]; /* race */
}

/* Two halves of a warp, each with a barrier of its own.  The fault: a read from the other half. */
__global__ void half_warp_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED(float, stage, THREADS);
  const unsigned i = threadIdx.x, first = blockIdx.x * THREADS;
  const unsigned half = i % SQ_WARP < 16 ? 0x0000FFFFu : 0xFFFF0000u;
  stage[i] = x[first + i]; /* race */
  __syncwarp(half);
  y[first + i] = stage[i ^ (faulty ? 16u : 1u)]; /* race */
}

/* One word for all blocks. */
__global__ void one_word_kernel(const float *x, float *y, bool faulty) {
  if (threadIdx.x == 0) y[faulty ? 0 : blockIdx.x] = x[blockIdx.x]; /* race */
}

/* A block whose threads wait for nothing: each runs where the one before has ended. */
__global__ void neighbour_kernel(const float *x, float *y, bool faulty) {
  const unsigned i = blockIdx.x * THREADS + threadIdx.x;
  y[i] = x[i];                                             /* race */
  if (faulty && threadIdx.x % 2 == 0) y[i + 1] = 2 * x[i]; /* race */
}

/* Counting is a race, unless it is atomic. */
__global__ void count_kernel(const float *, float *y, bool faulty) {
  unsigned *count = reinterpret_cast<unsigned *>(y);
  if (faulty)
    *count += 1; /* race */
  else
    atomicAdd(count, 1u);
}

/* Block 0 tells the others what it has stored.  The fault: a relaxed store to the flag, as a packet's is. */
__global__ void flag_kernel(const float *x, float *y, bool faulty) {
  uint4 *flag = reinterpret_cast<uint4 *>(y);
  float *number = y + 4, *out = y + 8;
  if (blockIdx.x == 0) {
    if (threadIdx.x < 4) number[threadIdx.x] = x[threadIdx.x]; /* race */
    __syncthreads();
    if (threadIdx.x == 0 && faulty) sq_packet_store(flag, 1, 1, 1);
    if (threadIdx.x == 0 && !faulty) sq_flag_release(&flag->x, 1);
  } else {
    sq_flag_wait(&flag->x, 1);
    out[blockIdx.x * THREADS + threadIdx.x] = number[threadIdx.x % 4]; /* race */
  }
}

/* As flag_kernel.  The fault: the flag is raised without waiting for the stores of the other threads. */
__global__ void early_flag_kernel(const float *x, float *y, bool faulty) {
  uint32_t *flag = reinterpret_cast<uint32_t *>(y);
  float *number = y + 4, *out = y + 8;
  if (blockIdx.x == 0) {
    if (threadIdx.x < 4) number[threadIdx.x] = x[threadIdx.x]; /* race */
    if (!faulty) __syncthreads();
    if (threadIdx.x == 0) sq_flag_release(flag, 1);
  } else {
    sq_flag_wait(flag, 1);
    out[blockIdx.x * THREADS + threadIdx.x] = number[threadIdx.x % 4]; /* race */
  }
}

/* Packets order nothing beside themselves.  The fault: a number that goes with one. */
__global__ void packet_kernel(const float *x, float *y, bool faulty) {
  uint4 *packets = reinterpret_cast<uint4 *>(y);
  float *number = y + 4 * BLOCKS, *out = y + 8 * BLOCKS;
  const unsigned block = blockIdx.x, next = (block + 1) % gridDim.x;
  if (threadIdx.x != 0) return;
  number[block] = x[block]; /* race */
  sq_packet_store(&packets[block], block, block, 1);
  uint4 p = sq_packet_load(&packets[next]);
  p = simt::wait_packet(&packets[next], 1, SIMT_SITE("packet wait"));
  out[block] = faulty ? number[next] : (float)p.x; /* race */
}

/* As packet_kernel, with fences around the packets.  The fault: none before the store. */
__global__ void fence_kernel(const float *x, float *y, bool faulty) {
  uint4 *packets = reinterpret_cast<uint4 *>(y);
  float *number = y + 4 * BLOCKS, *out = y + 8 * BLOCKS;
  const unsigned block = blockIdx.x, next = (block + 1) % gridDim.x;
  if (threadIdx.x != 0) return;
  number[block] = x[block]; /* race */
  if (!faulty) sq_fence_gpu();
  sq_packet_store(&packets[block], block, block, 1);
  uint4 p = sq_packet_load(&packets[next]);
  p = simt::wait_packet(&packets[next], 1, SIMT_SITE("packet wait"));
  sq_fence_gpu();
  out[block] = number[next]; /* race */
}

/* Every block of a cluster pushes its numbers to the next one. */
__global__ void cluster_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED_DYNAMIC(uint4, box);
  const unsigned rank = blockIdx.x % RANKS, i = threadIdx.x;
  sq_cluster_arrive();
  sq_cluster_wait();
  sq_cluster_store(box + i, (rank + 1) % RANKS, uint4{i, 0, 0, 0}); /* race */
  sq_cluster_arrive();
  unsigned early = 0;
  if (faulty) early = box[i].x; /* race */
  sq_cluster_wait();
  y[blockIdx.x * THREADS + i] = x[0] + (float)(early + box[i].x);
}

/* As cluster_kernel with two rounds and one box.  The fault: the second round comes before the peers have
 * read the first. */
__global__ void cluster_again_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED_DYNAMIC(uint4, box);
  const unsigned rank = blockIdx.x % RANKS, i = threadIdx.x;
  unsigned sum = 0;
  sq_cluster_arrive();
  sq_cluster_wait();
  for (unsigned round = 0; round < 2; round++) {
    sq_cluster_store(box + i, (rank + 1) % RANKS, uint4{i, 0, 0, 0}); /* race */
    sq_cluster_arrive();
    sq_cluster_wait();
    sum += box[i].x; /* race */
    if (faulty) continue;
    sq_cluster_arrive();
    sq_cluster_wait();
  }
  sq_cluster_arrive();
  sq_cluster_wait();
  y[blockIdx.x * THREADS + i] = x[0] + (float)sum;
}

/* The ring with st.async: everything is there when the phase of the mbarrier has ended. */
__global__ void async_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED_DYNAMIC(uint4, box); /* [THREADS], then the mbarrier */
  uint64_t *bar = reinterpret_cast<uint64_t *>(box + THREADS);
  const unsigned rank = blockIdx.x % RANKS, i = threadIdx.x;
  if (i == 0) sq_mbarrier_init(bar);
  sq_cluster_arrive();
  sq_cluster_wait();
  if (i == 0) sq_mbarrier_expect(bar, THREADS * sizeof(uint4));
  sq_store_async(box + i, bar, (rank + 1) % RANKS, uint4{i, 0, 0, 0}); /* race */
  unsigned early = 0;
  if (faulty) early = box[i].x; /* race */
  sq_mbarrier_wait(bar, 0);
  y[blockIdx.x * THREADS + i] = x[0] + (float)(early + box[i].x);
  sq_cluster_arrive();
  sq_cluster_wait();
}

/* Two rounds of it, two boxes, two mbarriers.  The fault: the second round is taken to be there with the
 * first. */
__global__ void async_ahead_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED_DYNAMIC(uint4, box); /* [2][THREADS], then two mbarriers */
  uint64_t *bars = reinterpret_cast<uint64_t *>(box + 2 * THREADS);
  const unsigned rank = blockIdx.x % RANKS, i = threadIdx.x;
  if (i < 2) sq_mbarrier_init(bars + i);
  sq_cluster_arrive();
  sq_cluster_wait();
  for (unsigned round = 0; round < 2; round++) {
    if (i == 0) sq_mbarrier_expect(bars + round, THREADS * sizeof(uint4));
    sq_store_async(box + round * THREADS + i, bars + round, (rank + 1) % RANKS, uint4{i, 0, 0, 0}); /* race */
  }
  sq_mbarrier_wait(bars, 0);
  if (!faulty) sq_mbarrier_wait(bars + 1, 0);
  y[blockIdx.x * THREADS + i] = x[0] + (float)(box[i].x + box[THREADS + i].x); /* race */
  sq_mbarrier_wait(bars + 1, 0);
  sq_cluster_arrive();
  sq_cluster_wait();
}

/* The copy of a block into its own shared memory.  The fault: the thread that started it, and after a barrier
 * all the others, read without having waited. */
__global__ void copy_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED_DYNAMIC(uint4, box);
  uint64_t *bar = reinterpret_cast<uint64_t *>(box + THREADS);
  const unsigned i = threadIdx.x;
  if (i == 0) {
    sq_mbarrier_init(bar);
    sq_mbarrier_expect(bar, THREADS * sizeof(uint4));
    sq_copy_multicast(box, reinterpret_cast<const uint4 *>(x), THREADS * sizeof(uint4), bar, 1); /* race */
  }
  __syncthreads();
  unsigned early = 0;
  if (faulty) early = box[i].x; /* race */
  sq_mbarrier_wait(bar, 0);
  y[blockIdx.x * THREADS + i] = (float)(early + box[i].x);
}

/* Peers learn of an mbarrier by the cluster's barrier.  The fault: by a packet. */
__global__ void init_kernel(const float *x, float *y, bool faulty) {
  SQ_SHARED_DYNAMIC(uint4, box);
  uint64_t *bar = reinterpret_cast<uint64_t *>(box + THREADS);
  uint4 *packets = reinterpret_cast<uint4 *>(y);
  const unsigned rank = blockIdx.x % RANKS, next = (rank + 1) % RANKS, i = threadIdx.x;
  if (i == 0) sq_mbarrier_init(bar); /* race */
  if (i == 0) sq_packet_store(&packets[blockIdx.x], 1, 1, 1);
  __syncthreads();
  uint4 p = {};
  p = simt::wait_packet(&packets[blockIdx.x - rank + next], 1, SIMT_SITE("packet wait"));
  if (!faulty) {
    sq_cluster_arrive();
    sq_cluster_wait();
  }
  if (i == 0) sq_mbarrier_expect(bar, THREADS * sizeof(uint4));
  sq_store_async(box + i, bar, next, uint4{i, 0, 0, 0}); /* race */
  sq_mbarrier_wait(bar, 0);
  y[4 * gridDim.x + blockIdx.x * THREADS + i] = x[0] + (float)box[i].x;
  sq_cluster_arrive();
  sq_cluster_wait();
}

typedef void planted_kernel(const float *x, float *y, bool faulty);

const struct planted {
  const char *name;
  planted_kernel *kernel;
  unsigned cluster; /* blocks; a grid of two */
  const char *what;
} table[] = {
    {"read", read_kernel, 1, "a read without __syncthreads after the write"},
    {"write_again", write_again_kernel, 1, "a write without __syncthreads after the read"},
    {"warp", warp_kernel, 1, "a shuffle in place of __syncwarp"},
    {"half_warp", half_warp_kernel, 1, "a read from outside the mask of __syncwarp"},
    {"one_word", one_word_kernel, 1, "several blocks write one word"},
    {"neighbour", neighbour_kernel, 1, "two threads that never wait write one word"},
    {"count", count_kernel, 1, "a sum that is not atomic"},
    {"flag", flag_kernel, 1, "a flag stored relaxed"},
    {"early_flag", early_flag_kernel, 1, "a flag raised before the block's barrier"},
    {"packet", packet_kernel, 1, "a number beside a packet"},
    {"fence", fence_kernel, 1, "a fence after the packet's wait, none before its store"},
    {"cluster", cluster_kernel, RANKS, "a read before the wait at the cluster's barrier"},
    {"cluster_again", cluster_again_kernel, RANKS, "a store to a peer that may still read"},
    {"async", async_kernel, RANKS, "st.async: a read without a wait"},
    {"async_ahead", async_ahead_kernel, RANKS, "st.async: a read after the other mbarrier's wait"},
    {"copy", copy_kernel, 1, "a bulk copy: a read without a wait"},
    {"init", init_kernel, RANKS, "an mbarrier that peers cannot know of"},
};

/* Two launches, so that memory is used again, by kernels that the stream orders. */
int run_planted(const planted &row, bool faulty) {
  const unsigned blocks = row.cluster == 1 ? (unsigned)BLOCKS : 2 * row.cluster;
  const size_t shared = 2 * THREADS * sizeof(uint4) + 2 * sizeof(uint64_t);
  std::vector<float4> x(THREADS * blocks), y(THREADS * blocks);
  int error = 0;
  for (int launch = 0; launch < 2 && error == 0; launch++) {
    memset(y.data(), 0, y.size() * sizeof y[0]);
    error = sq_launch_as(exec, {row.cluster, row.cluster == 1}, row.name, row.kernel, blocks, THREADS, shared,
                         &x[0].x, &y[0].x, faulty);
  }
  return error;
}

/* What this program prints when it runs one kernel. */
std::string report_of(const char *program, const planted &row, bool faulty) {
  const std::string command =
      std::string(program) + " " + row.name + (faulty ? " faulty" : " right") + " 2>&1";
  FILE *pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return "no pipe";
  std::string text;
  char chunk[4096];
  for (size_t n; (n = fread(chunk, 1, sizeof chunk, pipe)) > 0;) text.append(chunk, n);
  if (pclose(pipe) != 0) text += "exit status not 0\n";
  return text;
}

/* Does the report name a line of this file that is marked as a race?  "... /folder/FILE:LINE:COLUMN ..." */
bool names_a_race(const std::string &report) {
  const std::string here = "test_races_planted.cpp:";
  for (size_t at = report.find(here); at != std::string::npos; at = report.find(here, at + 1)) {
    const size_t path = report.rfind(" /", at) + 1, end = at + here.size();
    std::ifstream file(report.substr(path, end - 1 - path));
    std::string line;
    for (long left = strtol(report.c_str() + end, nullptr, 10); left > 0; left--) std::getline(file, line);
    if (line.find("/* race */") != std::string::npos) return true;
  }
  return false;
}

void test_planted(const char *program, const planted &row) {
  const std::string wrong = report_of(program, row, true), right = report_of(program, row, false);
  const bool found = wrong.find("WARNING: ThreadSanitizer: data race") != std::string::npos;
  if (!CHECK(found && names_a_race(wrong), "%s: is reported, with its line", row.what))
    printf("%s\n", wrong.c_str());
  if (!CHECK(right.empty(), "%s: without it nothing is reported", row.what)) printf("%s\n", right.c_str());
}

} // namespace

int main(int argc, char **argv) {
  for (const planted &row : table)
    if (argc == 3 && strcmp(argv[1], row.name) == 0) return run_planted(row, strcmp(argv[2], "faulty") == 0);
  check_start();
  for (const planted &row : table) test_planted(argv[0], row);
  return check_finish();
}
