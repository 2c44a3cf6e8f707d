/* bench_sync.cu - measures what nobody can compute: the exchanges between the steps of a recurrence, and an
 * empty kernel.
 *
 *   graph_kernel      an empty kernel inside a CUDA graph: what each launch costs algorithm step
 *   block_barrier     between two steps of persistent-cta
 *   cluster_exchange  of persistent-cluster: cluster barrier, stores to peers and barrier, st.async
 *   grid_exchange     of persistent-grid: flags in the L2, all to all or through one block
 *   broadcast         h from the L2 into every SM: loads, bulk copies, bulk copies multicast in clusters
 *
 * Each kernel repeats its exchange for many rounds in one launch.  A time is the difference between a long
 * and a short launch divided by the difference of their rounds, so that launch and start-up cancel.  The
 * kernels check what arrives; a row that was wrong is not reported.  The medians feed the floor of bench_rnn
 * (--sync).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <new>
#include <vector>

#include "bench/sync/async.h"

extern "C" {
#include "bench/common/gpu.h"
#include "bench/common/json.h"
#include "bench/common/measure.h"
#include "bench/common/options.h"
#include "kernels/device.h"
}

using namespace bench_sync;

namespace {

const char USAGE[] = "usage: bench_sync [options]\n"
                     "  --runs N               measurements of each row; the median counts (default: 21)\n"
                     "  --rounds N             exchanges in a long launch (default: 2000)\n" BENCH_HELP_JSON
                     "                         bench_rnn --sync reads it\n";

struct options {
  int runs = 21, rounds = 2000;
  const char *json = nullptr;
};

/* The device, and memory that all measurements share. */
struct world {
  sq_exec exec = {};
  bench_gpu *gpu = nullptr;
  bench_gpu_info info = {};
  bench_origin origin = {};
  options opt;
  FILE *json = nullptr;
  uint32_t *flag = nullptr;
  uint4 *data = nullptr, *h = nullptr;
  int *bad = nullptr;
  uint32_t base = 0; /* flags grow from here */
  int failures = 0;
};

/* One measurement: a kernel, its geometry, and how to launch `rounds` rounds of it. */
struct row {
  const char *what, *variant;
  unsigned blocks, threads, cluster;
  size_t shared;
  int64_t bytes; /* that each block receives per round; 0: a few */
  int exchanges; /* per round */
  int (*launch)(world &, const row &, int rounds);
};

enum { H_BYTES = 128 << 10, BLOCKS_MAX = GO_FLAG };

bool good(world &w, int error, const char *what) {
  if (error == 0) return true;
  fprintf(stderr, "bench_sync: %s: %s\n", what, sq_cuda_device.error_text(error));
  w.failures++;
  return false;
}

bool allocate(world &w, void *at, size_t bytes) {
  void *memory = nullptr;
  if (!good(w, sq_cuda_device.allocate(&w.exec, bytes, &memory), "memory")) return false;
  memcpy(at, &memory, sizeof memory);
  return good(w, sq_cuda_device.zero(&w.exec, memory, bytes), "memory");
}

/* ---------------------------------------------------------------- the launches */

sq_mode mode_of(const row &r, bool cooperative) { return {r.cluster, cooperative}; }

int launch_block(world &w, const row &r, int rounds) {
  return SQ_LAUNCH(&w.exec, block_kernel, r.blocks, r.threads, 0, w.base, rounds, w.bad);
}

template <bool with_data> int launch_grid_flags(world &w, const row &r, int rounds) {
  return sq_launch_as(&w.exec, mode_of(r, true), "grid_flags", grid_flags_kernel, r.blocks, r.threads, 0,
                      w.flag, w.data, w.base, rounds, with_data, w.bad);
}

int launch_grid_central(world &w, const row &r, int rounds) {
  return sq_launch_as(&w.exec, mode_of(r, true), "grid_central", grid_central_kernel, r.blocks, r.threads, 0,
                      w.flag, w.base, rounds);
}

template <bool with_data> int launch_cluster(world &w, const row &r, int rounds) {
  return sq_launch_as(&w.exec, mode_of(r, false), "cluster", cluster_kernel, r.blocks, r.threads, r.shared,
                      r.cluster, w.base, rounds, with_data, w.bad);
}

int launch_store_async(world &w, const row &r, int rounds) {
  return sq_launch_as(&w.exec, mode_of(r, false), "store_async", store_async_kernel, r.blocks, r.threads,
                      r.shared, r.cluster, w.base, rounds, w.bad);
}

int launch_broadcast(world &w, const row &r, int rounds) {
  return sq_launch_as(&w.exec, mode_of(r, false), "broadcast", broadcast_kernel, r.blocks, r.threads,
                      r.shared, w.h, (unsigned)(r.bytes / 16), rounds, w.bad);
}

int launch_bulk(world &w, const row &r, int rounds) {
  return sq_launch_as(&w.exec, mode_of(r, false), "bulk", bulk_kernel, r.blocks, r.threads, r.shared,
                      r.cluster, w.h, (unsigned)(r.bytes / 16), rounds, w.bad);
}

/* ---------------------------------------------------------------- timing and reports */

/* Seconds of one launch; negative after an error. */
double time_launch(world &w, const row &r, int rounds) {
  double seconds = 0;
  if (!bench_gpu_mark(w.gpu, 0)) return -1;
  const int error = r.launch(w, r, rounds);
  w.base += (uint32_t)rounds;
  if (!good(w, error, r.variant) || !bench_gpu_mark(w.gpu, 1)) return -1;
  return bench_gpu_seconds(w.gpu, 0, 1, &seconds) ? seconds : -1;
}

void report(world &w, const row &r, double *us) {
  const bench_stats s = bench_statistics(us, w.opt.runs);
  const double rate = r.bytes && s.median > 0 ? 1e-3 * (double)r.bytes / s.median : 0;
  printf("%-17s %-22s %4u blocks, clusters of %2u, %7lld bytes  %9.4f %9.4f %9.4f us", r.what, r.variant,
         r.blocks, r.cluster, (long long)r.bytes, s.min, s.median, s.max);
  if (rate > 0) printf("  %7.1f GB/s into each SM", rate);
  printf("\n");
  fflush(stdout);
  if (w.json == nullptr) return;
  bench_json_begin(w.json, "sync");
  bench_json_text(w.json, "what", r.what);
  bench_json_text(w.json, "variant", r.variant);
  bench_json_integer(w.json, "blocks", r.blocks);
  bench_json_integer(w.json, "threads", r.threads);
  bench_json_integer(w.json, "cluster", r.cluster);
  bench_json_integer(w.json, "bytes", r.bytes);
  bench_json_integer(w.json, "runs", s.count);
  bench_json_number(w.json, "min_us", s.min);
  bench_json_number(w.json, "median_us", s.median);
  bench_json_number(w.json, "max_us", s.max);
  bench_json_number(w.json, "gb_per_s_sm", rate > 0 ? rate : NAN);
  bench_json_end(w.json, &w.origin);
}

/* Was everything right that the kernels have looked at since the last call? */
bool arrived(world &w, const row &r) {
  int bad = 1;
  if (!good(w, sq_cuda_device.copy_out(&w.exec, &bad, w.bad, sizeof bad), r.what)) return false;
  if (bad == 0) return true;
  printf("FAIL %s %s: %d values did not arrive; not reported\n", r.what, r.variant, bad);
  w.failures++;
  sq_cuda_device.zero(&w.exec, w.bad, sizeof bad);
  return false;
}

void measure(world &w, const row &r) {
  const int rounds_long = w.opt.rounds, rounds_short = rounds_long / 4 ? rounds_long / 4 : 1;
  std::vector<double> us((size_t)w.opt.runs);
  for (int i = -2; i < w.opt.runs; i++) {
    const double brief = time_launch(w, r, rounds_short), whole = time_launch(w, r, rounds_long);
    if (brief < 0 || whole < 0) return;
    if (i >= 0) us[(size_t)i] = 1e6 * (whole - brief) / ((rounds_long - rounds_short) * r.exchanges);
  }
  if (arrived(w, r)) report(w, r, us.data());
}

/* ---------------------------------------------------------------- the rows */

void measure_grid(world &w) {
  const unsigned blocks = (unsigned)w.info.sms;
  if (blocks > BLOCKS_MAX) return;
  measure(w, {"grid_exchange", "flags", blocks, 256, 1, 0, 0, 1, launch_grid_flags<false>});
  measure(w, {"grid_exchange", "flags and 16 bytes", blocks, 256, 1, 0, 0, 1, launch_grid_flags<true>});
  measure(w, {"grid_exchange", "through one block", blocks, 256, 1, 0, 0, 1, launch_grid_central});
}

/* How many blocks fit on the device together in clusters of `ranks`; 0 if no cluster fits. */
template <typename... P>
unsigned cluster_blocks(world &w, unsigned ranks, void (*kernel)(P...), unsigned threads, size_t shared) {
  int clusters = 0;
  if (!good(w, sq_resident(&w.exec, {ranks, false}, kernel, threads, shared, &clusters), "clusters"))
    return 0;
  const unsigned most = (unsigned)w.info.sms / ranks;
  return ranks * ((unsigned)clusters < most ? (unsigned)clusters : most);
}

void measure_clusters(world &w) {
  for (unsigned ranks = 2; ranks <= MAX_RANKS; ranks *= 2) {
    const size_t shared = 2 * ranks * sizeof(uint4);
    const unsigned blocks = cluster_blocks(w, ranks, cluster_kernel, 256, shared);
    if (blocks == 0) {
      printf("skip clusters of %u: none fits on this device\n", ranks);
      continue;
    }
    measure(w, {"cluster_exchange", "barrier", blocks, 256, ranks, shared, 0, 1, launch_cluster<false>});
    measure(w, {"cluster_exchange", "stores and barrier", blocks, 256, ranks, shared, 0, 1,
                launch_cluster<true>});
  }
}

/* B*H in bfloat16: B20 H32 (rounded up), B16 H768, B64 H512, B64 H1024 and B32 H2048. */
const int64_t BROADCAST_BYTES[] = {2 << 10, 24 << 10, 64 << 10, H_BYTES};

void measure_broadcasts(world &w) {
  for (int64_t bytes : BROADCAST_BYTES)
    measure(w,
            {"broadcast", "loads", (unsigned)w.info.sms, 512, 1, (size_t)bytes, bytes, 1, launch_broadcast});
}

void measure_asynchronous(world &w) {
  for (unsigned ranks = 2; ranks <= MAX_RANKS; ranks *= 2) {
    const size_t shared = 2 * sizeof(uint4); /* the ball and the mbarrier */
    const unsigned blocks = cluster_blocks(w, ranks, store_async_kernel, 32, shared);
    if (blocks)
      measure(w, {"cluster_exchange", "st.async", blocks, 32, ranks, shared, 0, 2, launch_store_async});
  }
  for (int64_t bytes : BROADCAST_BYTES) {
    const size_t shared = (size_t)bytes + sizeof(uint4); /* and the mbarrier */
    measure(w, {"broadcast", "bulk", (unsigned)w.info.sms, 128, 1, shared, bytes, 1, launch_bulk});
    for (unsigned ranks = 2; ranks <= MAX_RANKS; ranks *= 2) {
      const unsigned blocks = cluster_blocks(w, ranks, bulk_kernel, 128, shared);
      if (blocks)
        measure(w, {"broadcast", "bulk, multicast", blocks, 128, ranks, shared, bytes, 1, launch_bulk});
    }
  }
}

/* ---------------------------------------------------------------- a graph of empty kernels */

cudaGraphExec_t graph_of_empty_kernels(world &w, int kernels) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t ready = nullptr;
  cudaStream_t recorder = nullptr;
  if (!good(w, (int)cudaStreamCreateWithFlags(&recorder, cudaStreamNonBlocking), "stream")) return nullptr;
  sq_exec exec = w.exec;
  exec.stream = recorder;
  int error = (int)cudaStreamBeginCapture(recorder, cudaStreamCaptureModeThreadLocal);
  for (int i = 0; i < kernels && error == 0; i++) error = SQ_LAUNCH(&exec, empty_kernel, 1, 32, 0);
  const int ended = (int)cudaStreamEndCapture(recorder, &graph);
  if (good(w, error ? error : ended, "recording"))
    good(w, (int)cudaGraphInstantiate(&ready, graph, 0), "graph");
  if (graph) cudaGraphDestroy(graph);
  cudaStreamDestroy(recorder);
  return ready;
}

cudaGraphExec_t replayed; /* by launch_graph: one launch of it runs `rounds` kernels */

int launch_graph(world &, const row &, int) { return (int)cudaGraphLaunch(replayed, nullptr); }

void measure_graph(world &w) {
  const row r = {"graph_kernel", "empty kernel", 1, 32, 1, 0, 0, 1, launch_graph};
  const int kernels[2] = {w.opt.rounds / 4 ? w.opt.rounds / 4 : 1, w.opt.rounds};
  cudaGraphExec_t graph[2] = {graph_of_empty_kernels(w, kernels[0]), graph_of_empty_kernels(w, kernels[1])};
  std::vector<double> us((size_t)w.opt.runs);
  bool whole = graph[0] && graph[1];
  for (int i = -2; i < w.opt.runs && whole; i++) {
    double seconds[2];
    for (int g = 0; g < 2; g++) {
      replayed = graph[g];
      seconds[g] = time_launch(w, r, kernels[g]);
    }
    whole = seconds[0] >= 0 && seconds[1] >= 0;
    if (i >= 0) us[(size_t)i] = 1e6 * (seconds[1] - seconds[0]) / (kernels[1] - kernels[0]);
  }
  if (whole) report(w, r, us.data());
  for (cudaGraphExec_t g : graph)
    if (g) cudaGraphExecDestroy(g);
}

/* ---------------------------------------------------------------- the whole */

bool open_memory(world &w) {
  if (!allocate(w, &w.flag, FLAGS * sizeof *w.flag) || !allocate(w, &w.bad, sizeof *w.bad) ||
      !allocate(w, &w.data, 2 * BLOCKS_MAX * sizeof *w.data) || !allocate(w, &w.h, H_BYTES))
    return false;
  std::vector<uint4> indices(H_BYTES / sizeof(uint4));
  for (unsigned i = 0; i < indices.size(); i++) indices[i] = {i, i, i, i};
  return good(w, sq_cuda_device.copy_in(&w.exec, w.h, indices.data(), H_BYTES), "memory") &&
         good(w, sq_cuda_device.synchronize(&w.exec), "memory");
}

bool open_world(world &w) {
  const char *why = "";
  w.gpu = bench_gpu_open(&w.info, &why);
  if (w.gpu == nullptr) {
    fprintf(stderr, "bench_sync: no usable GPU: %s\n", why);
    return false;
  }
  w.origin = bench_origin_of(w.info.name);
  if (w.opt.json && (w.json = fopen(w.opt.json, "w")) == nullptr) {
    fprintf(stderr, "bench_sync: cannot write %s\n", w.opt.json);
    return false;
  }
  return good(w, sq_cuda_device.open(&w.exec, 0), "device") && open_memory(w);
}

void close_world(world &w) {
  if (w.exec.device) {
    sq_cuda_device.release(&w.exec, w.flag);
    sq_cuda_device.release(&w.exec, w.data);
    sq_cuda_device.release(&w.exec, w.h);
    sq_cuda_device.release(&w.exec, w.bad);
    sq_cuda_device.close(&w.exec);
  }
  bench_gpu_close(w.gpu);
  if (w.json && fclose(w.json) != 0) w.failures++;
}

int parse(options &o, int argc, char **argv) {
  const bench_option table[] = {bench_option_int("--runs", &o.runs, 1, 1000),
                                bench_option_int("--rounds", &o.rounds, 2, 1000000), BENCH_JSON(&o.json)};
  return bench_parse("bench_sync", USAGE, table, BENCH_COUNT(table), argc, argv);
}

} // namespace

int main(int argc, char **argv) {
  world w;
  const int code = parse(w.opt, argc, argv);
  if (code != BENCH_GO_ON) return code;
  if (open_world(w)) {
    printf("%s, %d SMs, driver %s, %s, commit %s\n", w.origin.device, w.info.sms, w.origin.driver,
           w.origin.date, w.origin.commit);
    measure_graph(w);
    measure(w, {"block_barrier", "__syncthreads", 1, 256, 1, 0, 0, 1, launch_block});
    measure_grid(w);
    if (w.info.major >= 9) measure_clusters(w);
    measure_broadcasts(w);
    if (w.info.major >= 9) measure_asynchronous(w);
  } else {
    w.failures++;
  }
  close_world(w);
  return w.failures ? BENCH_FAILED : BENCH_OK;
}
