/* floor.c - the lower bound that bench_rnn states beside each time: what no algorithm of this kind can
 * undercut. */
#include "bench/rnn/floor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common/json_read.h"

const char RNN_FLOOR_HELP[] =
    "The floor is the largest of three times; nobody can beat a ratio of 1 to it.\n"
    "  traffic  the larger of\n"
    "             bytes / memory bandwidth: each input is read once, each output is written once, and\n"
    "             where the recurrent weights exceed the chip, the part that does not fit is read in\n"
    "             every step (from the L2 if it fits there);\n"
    "             steps * B*H*size / bandwidth into one SM: h goes into every SM that holds weights,\n"
    "             unless one SM holds them all\n"
    "  mma      operations / peak: 2 per weight, step and sequence; three times that with backward\n"
    "  sync     steps * exchange: within one block, one cluster (16 SMs) or the whole grid, whichever\n"
    "             is needed to hold the weights\n"
    "steps = T + layers - 1, twice that with backward; size = 2 bytes in bf16, else 4.  On chip: the\n"
    "shared memory and 140/256 of the registers of every SM.\n"
    "Constants: with --sync FILE the exchange times and the bandwidth into an SM are bench_sync's medians;\n"
    "without it an exchange takes 40 clocks in a block, 200 in a cluster and 540 through the L2, and an SM\n"
    "takes 64 bytes per clock.  Memory bandwidth is bus width * 2 * memory clock.  Peak operations per\n"
    "clock and SM (dense, bf16/tf32/f32): sm_80 2048/1024/128, sm_8x 1024/512/256, sm_90 4096/2048/256,\n"
    "sm_100 8192/4096/256, times the highest clock.\n";

/* Dense operations per clock and SM. */
static const struct {
  int major, minor; /* minor -1: any */
  double f32, tf32, bf16;
} PEAKS[] = {
    {8, 0, 128, 1024, 2048}, {8, -1, 256, 512, 1024}, {9, -1, 256, 2048, 4096}, {10, -1, 256, 4096, 8192}};

static const double BLOCK_CLOCKS = 40, CLUSTER_CLOCKS = 200, GRID_CLOCKS = 540, SM_BYTES_PER_CLOCK = 64;

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

/* ---------------------------------------------------------------- constants */

static void take_least(double *best, double value) {
  if (value > 0 && (*best == 0 || value < *best)) *best = value;
}

/* The best constants of bench_sync's file, one row per line. */
typedef struct sync_constants {
  double exchange_us[RNN_SCOPES], gb_per_s_sm;
} sync_constants;

static void take_row(sync_constants *c, const char *line) {
  static const char *const exchanges[RNN_SCOPES] = {"block_barrier", "cluster_exchange", "grid_exchange"};
  char what[32];
  if (!json_text(json_member(line, "what"), what, sizeof what)) return;
  for (int i = 0; i < RNN_SCOPES; i++)
    if (strcmp(what, exchanges[i]) == 0)
      take_least(&c->exchange_us[i], json_number(json_member(line, "median_us")));
  if (strcmp(what, "broadcast") == 0)
    c->gb_per_s_sm = fmax(c->gb_per_s_sm, json_number(json_member(line, "gb_per_s_sm")));
}

/* The best row of each kind counts: the floor must hold for whoever does it best. */
static int read_sync(rnn_limits *l, const char *path) {
  char line[2048];
  sync_constants c = {.gb_per_s_sm = 0};
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    fprintf(stderr, "bench_rnn: cannot read %s\n", path);
    return 0;
  }
  while (fgets(line, sizeof line, file)) take_row(&c, line);
  fclose(file);
  for (int i = 0; i < RNN_SCOPES; i++) {
    if (c.exchange_us[i] <= 0) continue;
    l->exchange_s[i] = 1e-6 * c.exchange_us[i];
    l->source = "measured";
  }
  if (c.gb_per_s_sm <= 0) return 1;
  l->l2_bytes_per_s_sm = 1e9 * c.gb_per_s_sm;
  l->source = "measured";
  return 1;
}

int rnn_limits_of(rnn_limits *l, const bench_gpu_info *info, const char *sync_file) {
  *l = (rnn_limits){.known = 0};
  if (info->clock_hz <= 0) return 1;
  find_peaks(l, info);
  l->known = l->flops[SEQGPU_MATH_F32] > 0 && info->memory_bytes_per_s > 0;
  l->source = "properties";
  l->memory_bytes_per_s = info->memory_bytes_per_s;
  l->l2_bytes_per_s_sm = SM_BYTES_PER_CLOCK * info->clock_hz;
  l->exchange_s[RNN_BLOCK] = BLOCK_CLOCKS / info->clock_hz;
  l->exchange_s[RNN_CLUSTER] = CLUSTER_CLOCKS / info->clock_hz;
  l->exchange_s[RNN_GRID] = GRID_CLOCKS / info->clock_hz;
  l->chip_bytes_per_sm =
      (double)info->shared_bytes_per_sm + (double)info->register_bytes_per_sm * 140.0 / 256.0;
  l->l2_bytes = (double)info->l2_bytes;
  l->sms = info->sms;
  return sync_file ? read_sync(l, sync_file) : 1;
}

/* ---------------------------------------------------------------- the bound */

/* Elements of the recurrent weights of one layer and direction. */
static double recurrent_weights(const rnn_problem *p) {
  double sum = 0;
  for (int i = 0; i < p->param_count; i++) {
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
  const rnn_scope scope = sms <= 1 ? RNN_BLOCK : sms <= 16 ? RNN_CLUSTER : RNN_GRID;
  const double again = excess > 0 && excess > l->l2_bytes ? steps * excess : 0;
  const double memory = (p->bytes + again) / l->memory_bytes_per_s;
  const double h = scope == RNN_BLOCK ? 0 : steps * (double)p->row.batch * (double)p->row.hidden * size;
  const double from_l2 = (h + (excess > 0 ? steps * excess / l->sms : 0)) / l->l2_bytes_per_s_sm;
  f.traffic_s = fmax(memory, from_l2);
  f.mma_s = p->flops / l->flops[p->desc.math];
  f.sync_s = steps * l->exchange_s[scope];
  f.s = fmax(f.traffic_s, fmax(f.mma_s, f.sync_s));
  f.bound = f.s == f.traffic_s ? "traffic" : f.s == f.mma_s ? "mma" : "sync";
  return f;
}
