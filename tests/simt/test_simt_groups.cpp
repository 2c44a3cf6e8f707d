/* test_simt_groups.cpp - as test_simt.cpp, for what several blocks do together: clusters, cooperative grids,
 * flags, what lands by itself, and tensor cores.
 */
#include <vector>

#include "kernels/async.h"
#include "kernels/mma.h"
#include "kernels/numbers.h"
#include "tests/simt/test_simt.h"

namespace {

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

/* cluster_ring_kernel with st.async: every block pushes its numbers to *all* others, three times, and keeps
 * those of the next one. Two boxes and two mbarriers, used in turn. */
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
    sq_copy_multicast(stage + rank * share, from + rank * share, share * sizeof(uint4), bar,
                      (1u << RANKS) - 1);
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
  for (int i = 0; i < 64; i++) sq_copy_multicast(stage + i, from + i, sizeof(uint4), bar, 1);
}

/* A block alone sends to itself. */
__global__ void lonely_store_kernel(void) {
  SQ_SHARED_DYNAMIC(uint4, box);
  uint64_t *bar = reinterpret_cast<uint64_t *>(box + 1);
  sq_mbarrier_init(bar);
  sq_mbarrier_expect(bar, sizeof *box);
  sq_store_async(box, bar, 0, uint4{1, 2, 3, 4});
  sq_mbarrier_wait(bar, 0);
}

/* grid_ring_kernel with packets.  The fault: what is there is taken, whatever its turn. */
__global__ void packet_ring_kernel(uint4 *packets, float *y, bool faulty) {
  const unsigned block = blockIdx.x, next = (block + 1) % gridDim.x, i = threadIdx.x;
  const unsigned mine = 2 * (block * 32 + i);
  sq_packet_store(&packets[block * 32 + i], mine, mine + 1, 1);
  uint4 p = sq_packet_load(&packets[next * 32 + i]);
  if (!faulty) p = simt::wait_packet(&packets[next * 32 + i], 1, SIMT_SITE("packet wait"));
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

/* ---- several blocks together ---- */

int run_cluster_ring(std::vector<float> &y, bool faulty) {
  return sq_launch_as(exec, {RANKS, false}, "cluster_ring_kernel", cluster_ring_kernel, 2 * RANKS, THREADS,
                      2 * THREADS * sizeof(uint4), y.data(), faulty);
}

/* Under how many seeds is the ring wrong? */
int wrong_cluster_rings(bool faulty) {
  return wrong_seeds([&] {
    std::vector<float> y(2 * RANKS * THREADS);
    bool right = run_cluster_ring(y, faulty) == 0;
    for (int i = 0; i < (int)y.size(); i++) {
      const int rank = i / THREADS % RANKS, from = (rank + RANKS - 3) % RANKS;
      right = right && y[(size_t)i] == (float)(from * THREADS + i % THREADS);
    }
    return right;
  });
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
  return wrong_seeds([&] {
    std::vector<float> y;
    bool right = run_grid_ring(6, true, faulty, y) == 0;
    for (unsigned i = 0; i < y.size(); i++) right = right && y[i] == (float)((i + WORDS) % (6 * WORDS) + 1);
    return right;
  });
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
  return wrong_seeds([&] {
    std::vector<float> y(2 * RANKS * THREADS);
    bool right = run_async_ring(y, fault) == 0;
    for (int i = 0; i < (int)y.size(); i++) {
      const int from = (i / THREADS + 3) % RANKS;
      right = right && y[(size_t)i] == (float)(from * THREADS + i % THREADS);
    }
    return right;
  });
}

int wrong_bulk_copies(bool faulty) {
  std::vector<uint4> from(THREADS);
  for (unsigned i = 0; i < THREADS; i++) from[i] = {0, 0, 0, i + 1};
  return wrong_seeds([&] {
    std::vector<float> y(2 * RANKS * THREADS);
    bool right = sq_launch_as(exec, {RANKS, false}, "bulk_copy_kernel", bulk_copy_kernel, 2 * RANKS, THREADS,
                              (THREADS + 1) * sizeof(uint4), from.data(), y.data(), faulty) == 0;
    for (size_t i = 0; i < y.size(); i++) right = right && y[i] == (float)(i % THREADS + 1);
    return right;
  });
}

int wrong_packet_rings(bool faulty) {
  return wrong_seeds([&] {
    const unsigned blocks = 6, all = blocks * 32;
    std::vector<uint4> packets(all);
    std::vector<float> y(all);
    bool right = sq_launch_as(exec, {1, true}, "packet_ring_kernel", packet_ring_kernel, blocks, 32, 0,
                              packets.data(), y.data(), faulty) == 0;
    for (unsigned i = 0; i < all; i++) right = right && y[i] == (float)(4 * ((i + 32) % all) + 1);
    return right;
  });
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
  CHECK_ERROR_RESULT(SQ_LAUNCH(exec, lonely_store_kernel, 1, 1, 2 * sizeof(uint4)), simt::BAD_SHARED,
                     "st.async of a block alone", "lonely_store_kernel", "without clusters");
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
  test_clusters();
  test_grids();
  test_asynchrony();
  test_tensor_cores();
  return check_finish();
}
