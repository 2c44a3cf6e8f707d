/* esn.c - an echo state network listens to a wave, then goes on alone.
 *
 * A fixed random reservoir and a linear read-out that is solved for: no gradients, and a fraction of a
 * second.
 */
#include <seqgpu/seqgpu.h>
#include <stdio.h>

enum { TAUGHT = 2000, AHEAD = 100 };
static double wave[TAUGHT + AHEAD], slow[TAUGHT + AHEAD], fast[TAUGHT + AHEAD], alone[AHEAD];

int main(void) {
  slow[1] = fast[1] = 0.1;
  for (int t = 2; t < TAUGHT + AHEAD; t++) { /* two oscillators without a common period */
    slow[t] = 1.96 * slow[t - 1] - slow[t - 2];
    fast[t] = 1.83 * fast[t - 1] - fast[t - 2];
    wave[t] = slow[t] + fast[t];
  }

  seqgpu_context *ctx;
  seqgpu_params *params;
  seqgpu_esn *esn;
  const seqgpu_context_options cpu = {.device = "cpu", .threads = 1, .dtype = SEQGPU_DTYPE_F64};
  const seqgpu_esn_desc desc = {
      .output_size = 1, .hidden_size = 200, .feedback = 1, .leak = 0.5, .bias_scale = 0.2};
  if (seqgpu_context_create(&cpu, &ctx) || seqgpu_params_create(ctx, 1, &params) ||
      seqgpu_esn_create(params, "esn", &desc, &esn) || seqgpu_esn_train(esn, TAUGHT, NULL, wave, 200) ||
      seqgpu_esn_solve(esn, 1e-6) || seqgpu_esn_run(esn, AHEAD, NULL, NULL, alone))
    return puts(seqgpu_last_error(ctx)), 1;

  double worst = 0;
  for (int t = 0; t < AHEAD; t++) {
    const double error = alone[t] - wave[TAUGHT + t];
    if (error * error > worst * worst) worst = error > 0 ? error : -error;
  }
  printf("largest error of %d steps alone: %.2g\n", AHEAD, worst);
  seqgpu_esn_destroy(esn);
  seqgpu_params_destroy(params);
  seqgpu_context_destroy(ctx);
  return worst > 0.01;
}
