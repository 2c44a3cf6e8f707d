/* floor.c - the lower bound that bench_rnn states beside each time: what no implementation of this kind can undercut. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/rnn/rnn.h"

const char RNN_FLOOR_HELP[] =
    "The floor is the largest of three times; a ratio to it of 1 cannot be beaten.\n"
    "  traffic  the larger of  bytes / memory bandwidth    each input read once, each output written once, "
    "and, where\n"
    "                          the recurrent weights exceed the chip, what does not fit once a step (from "
    "the L2 if it\n"
    "                          fits there);\n"
    "                     and  steps * B*H*size / bandwidth into one SM    h into every SM that holds "
    "weights, unless\n"
    "                          one SM holds them all\n"
    "  mma      operations / peak:   2 a weight, step and sequence, three times that with backward\n"
    "  sync     steps * exchange     where one block, one cluster (16 SMs) or the whole grid must hold the "
    "weights\n"
    "steps = T + layers - 1, twice that with backward; size = 2 in bf16, else 4 bytes.  On chip: shared "
    "memory and\n"
    "140/256 of the registers of every SM.\n"
    "Constants: with --sync FILE the exchange times and the bandwidth into an SM are bench_sync's medians; "
    "without,\n"
    "an exchange is 40 clocks in a block, 200 in a cluster, 540 over the L2, and an SM takes 64 bytes a "
    "clock.  Memory\n"
    "bandwidth is bus width * 2 * memory clock.  Peak operations a clock and SM (dense, bf16/tf32/f32):\n"
    "sm_80 2048/1024/128, sm_8x 1024/512/256, sm_90 4096/2048/256, sm_100 8192/4096/256, times the highest "
    "clock.\n";

/* Dense operations a clock and SM, by seqgpu_math. */
static const struct {
  int major, minor; /* minor -1: any */
  double f32, tf32, bf16;
} PEAKS[] = {
    {8, 0, 128, 1024, 2048}, {8, -1, 256, 512, 1024}, {9, -1, 256, 2048, 4096}, {10, -1, 256, 4096, 8192}};

static const double BLOCK_CLOCKS = 40, CLUSTER_CLOCKS = 200, GRID_CLOCKS = 540, SM_BYTES_A_CLOCK = 64;

static void find_peaks(rnn_limits *l, const bench_gpu_info *info) {
  const double clocks = info->clock_hz * info->sms;
  for (size_t i = 0; i < sizeof PEAKS / sizeof PEAKS[0]; i++) {
    if (PEAKS[i].major != info->major || (PEAKS[i].minor >= 0 && PEAKS[i].minor != info->minor)) continue;
    l->flops[SEQGPU_MATH_F32] = clocks * PEAKS[i].f32;
    l->flops[SEQGPU_MATH_TF32] = clocks * PEAKS[i].tf32;
    l->flops[SEQGPU_MATH_BF16] = clocks * PEAKS[i].bf16;
    return;
  }
}

/* ---------------------------------------------------------------- bench_sync's file */

/* The number behind "key": in a line of JSON; 0 if there is none. */
static double value_of(const char *line, const char *key) {
  const char *at = strstr(line, key);
  at = at ? strchr(at, ':') : NULL;
  return at ? strtod(at + 1, NULL) : 0;
}

static void take_least(double *best, double value) {
  if (value > 0 && (*best == 0 || value < *best)) *best = value;
}

/* The best of each kind of row: the floor must hold for whoever does it best. */
static int read_sync(rnn_limits *l, const char *path) {
  char line[2048];
  double block = 0, cluster = 0, grid = 0, into_sm = 0;
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    fprintf(stderr, "bench_rnn: cannot read %s\n", path);
    return 0;
  }
  while (fgets(line, sizeof line, file)) {
    const double us = value_of(line, "\"median_us\""), rate = value_of(line, "\"gb_per_s_sm\"");
    if (strstr(line, "\"block_barrier\"")) take_least(&block, us);
    if (strstr(line, "\"cluster_exchange\"")) take_least(&cluster, us);
    if (strstr(line, "\"grid_exchange\"")) take_least(&grid, us);
    if (strstr(line, "\"broadcast") && rate > into_sm) into_sm = rate;
  }
  fclose(file);
  if (block > 0) l->exchange_s[0] = 1e-6 * block;
  if (cluster > 0) l->exchange_s[1] = 1e-6 * cluster;
  if (grid > 0) l->exchange_s[2] = 1e-6 * grid;
  if (into_sm > 0) l->l2_bytes_per_s_sm = 1e9 * into_sm;
  if (block > 0 || cluster > 0 || grid > 0 || into_sm > 0) snprintf(l->source, sizeof l->source, "measured");
  return 1;
}

int rnn_limits_of(rnn_limits *l, const bench_gpu_info *info, const char *sync_file) {
  *l = (rnn_limits){.known = 0};
  if (info->clock_hz <= 0) return 1;
  find_peaks(l, info);
  l->known = l->flops[SEQGPU_MATH_F32] > 0 && info->memory_bytes_per_s > 0;
  snprintf(l->source, sizeof l->source, "properties");
  l->memory_bytes_per_s = info->memory_bytes_per_s;
  l->l2_bytes_per_s_sm = SM_BYTES_A_CLOCK * info->clock_hz;
  l->exchange_s[0] = BLOCK_CLOCKS / info->clock_hz;
  l->exchange_s[1] = CLUSTER_CLOCKS / info->clock_hz;
  l->exchange_s[2] = GRID_CLOCKS / info->clock_hz;
  l->chip_bytes_per_sm =
      (double)info->shared_bytes_per_sm + (double)info->register_bytes_per_sm * 140.0 / 256.0;
  l->l2_bytes = (double)info->l2_bytes;
  l->sms = info->sms;
  return sync_file ? read_sync(l, sync_file) : 1;
}

/* ---------------------------------------------------------------- the bound */

/* Recurrent weights of the widest layer and direction, in numbers. */
static double recurrent_weights(const rnn_problem *p) {
  double sum = 0;
  for (int i = 0; i < p->num_params; i++) {
    const seqgpu_param_info *w = &p->param[i];
    if (w->layer == 0 && w->direction == 0 && w->cols > 1 && strncmp(w->name, "weight_ih", 9) != 0)
      sum += (double)w->rows * (double)w->cols;
  }
  return sum;
}

rnn_floor rnn_floor_of(const rnn_problem *p, const rnn_limits *l) {
  rnn_floor f = {.bound = "unknown"};
  if (!l->known) return f;
  const double size = p->desc.math == SEQGPU_MATH_BF16 ? 2 : 4, weights = size * recurrent_weights(p);
  const double steps = ((double)p->row.seq_len + (double)p->desc.num_layers - 1) * (p->training ? 2 : 1);
  const double sms = ceil(weights / l->chip_bytes_per_sm), excess = weights - l->chip_bytes_per_sm * l->sms;
  const int tier = sms <= 1 ? 0 : sms <= 16 ? 1 : 2;
  const double again = excess > 0 && excess > l->l2_bytes ? steps * excess : 0;
  const double memory = (p->bytes + again) / l->memory_bytes_per_s;
  const double h = tier == 0 ? 0 : steps * (double)p->row.batch * (double)p->row.hidden * size;
  const double from_l2 = (h + (excess > 0 ? steps * excess / l->sms : 0)) / l->l2_bytes_per_s_sm;
  f.traffic_s = fmax(memory, from_l2);
  f.mma_s = p->flops / l->flops[p->desc.math];
  f.sync_s = steps * l->exchange_s[tier];
  f.s = fmax(f.traffic_s, fmax(f.mma_s, f.sync_s));
  f.bound = f.s == f.traffic_s ? "traffic" : f.s == f.mma_s ? "mma" : "sync";
  return f;
}
