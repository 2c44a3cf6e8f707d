/* client.c - a program of somebody else, which test_install.sh builds in every way that the installed library
 * can be used in: as C99, C11 and C++17, which share what this file is written in.  It trains an LSTM for one
 * step on the CPU and prints the loss's gradient norm; exit code 0 if every call succeeded and the gradient
 * is a number. */
#include <math.h>
#include <seqgpu/seqgpu.h>
#include <stdio.h>
#include <string.h>

static int failed(seqgpu_context *ctx, seqgpu_status status) {
  if (status == SEQGPU_OK) return 0;
  printf("%s: %s\n", seqgpu_status_name(status), seqgpu_last_error(ctx));
  return 1;
}

static int train(seqgpu_context *ctx, const seqgpu_plan *plan, seqgpu_rnn_run *run) {
  float ones[4 * 3 * 5], gradient[64];
  double sum = 0;
  int i;
  for (i = 0; i < 4 * 3 * 5; i++) ones[i] = 1;
  if (failed(ctx, seqgpu_copy_in(ctx, (void *)run->x, ones, 4 * 3 * 2 * sizeof(float)))) return 1;
  if (failed(ctx, seqgpu_copy_in(ctx, (void *)run->dy, ones, sizeof ones))) return 1;
  if (failed(ctx, seqgpu_rnn_forward(ctx, plan, run))) return 1;
  if (failed(ctx, seqgpu_rnn_backward(ctx, plan, run))) return 1;
  if (failed(ctx, seqgpu_copy_out(ctx, gradient, run->dparams, sizeof gradient))) return 1;
  for (i = 0; i < 64; i++) sum += (double)gradient[i] * (double)gradient[i];
  printf("seqgpu %s, gradient %g\n", seqgpu_version(), sqrt(sum));
  return !(sum > 0);
}

int main(void) {
  seqgpu_context *ctx;
  seqgpu_plan *plan;
  seqgpu_rnn_run run;
  seqgpu_rnn_desc desc;
  seqgpu_context_options options;
  int code;
  memset(&options, 0, sizeof options);
  memset(&desc, 0, sizeof desc);
  options.device = "cpu";
  desc.cell = "lstm";
  desc.input_size = 2;
  desc.hidden_size = 5;
  desc.seq_len = 4;
  desc.batch = 3;
  if (seqgpu_context_create(&options, &ctx) != SEQGPU_OK) return 1;
  if (failed(ctx, seqgpu_plan_create(ctx, &desc, NULL, &plan))) return 1;
  code = failed(ctx, seqgpu_run_allocate(ctx, plan, &run));
  if (code == 0) code = train(ctx, plan, &run);
  seqgpu_run_release(ctx, &run);
  seqgpu_plan_destroy(plan);
  seqgpu_context_destroy(ctx);
  return code;
}
