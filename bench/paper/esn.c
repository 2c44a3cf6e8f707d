/* esn.c - what the experiments of paper_esn share (esn.h). */
#include "bench/paper/esn.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/common/measure.h"

int esn_failed(const esn_net *net) {
  fprintf(stderr, "%s\n", net->ctx ? seqgpu_last_error(net->ctx) : "out of memory");
  return 1;
}

int esn_open(esn_net *net, const esn_setting *setting, uint64_t seed, const double *u, const double *d) {
  const seqgpu_context_options cpu = {.device = "cpu", .threads = 1, .dtype = SEQGPU_DTYPE_F64};
  memset(net, 0, sizeof *net);
  if (seqgpu_context_create(&cpu, &net->ctx) || seqgpu_params_create(net->ctx, seed, &net->params) ||
      seqgpu_esn_create(net->params, "esn", &setting->desc, &net->esn) || seqgpu_esn_reset(net->esn, 1) ||
      seqgpu_esn_train(net->esn, setting->train, u, d, setting->washout) ||
      seqgpu_esn_solve(net->esn, setting->lambda))
    return esn_failed(net);
  return 0;
}

void esn_close(esn_net *net) {
  seqgpu_esn_destroy(net->esn);
  seqgpu_params_destroy(net->params);
  seqgpu_context_destroy(net->ctx);
}

double esn_report(results *r, const char *name, const esn_setting *setting, double errors[ESN_NETWORKS],
                  double to_beat, double seconds) {
  const seqgpu_esn_desc *d = &setting->desc;
  const bench_stats s = bench_statistics(errors, ESN_NETWORKS);
  printf("%-28s NRMSE median %.3g, smallest %.3g, largest %.3g; to beat %.3g; %.1f s per network\n", name,
         s.median, s.min, s.max, to_beat, seconds / ESN_NETWORKS);
  results_object(r, NULL);
  results_text(r, "name", name);
  results_number(r, "nrmse_median", s.median);
  results_number(r, "nrmse_to_beat", to_beat);
  results_numbers(r, "nrmse_of_each_network", errors, ESN_NETWORKS);
  results_number(r, "seconds_per_network", seconds / ESN_NETWORKS);
  results_object(r, "settings");
  results_number(r, "units", (double)d->hidden_size);
  results_number(r, "leak", d->leak);
  results_number(r, "spectral_radius", d->spectral_radius);
  results_number(r, "links", (double)d->links);
  results_number(r, "input_scale", d->input_scale);
  results_number(r, "feedback_scale", d->feedback_scale);
  results_number(r, "bias_scale", d->bias_scale);
  results_number(r, "squares", d->squares);
  results_number(r, "lambda", setting->lambda);
  results_number(r, "train_steps", (double)setting->train);
  results_number(r, "washout", (double)setting->washout);
  results_end(r);
  results_end(r);
  return s.median;
}

double esn_between(double low, double high, double fraction) { return low * pow(high / low, fraction); }

void esn_print_setting(const esn_setting *setting) {
  const seqgpu_esn_desc *d = &setting->desc;
  printf("leak %.3f radius %.3f links %lld input %.3f feedback %.3f bias %.3f lambda %.2g\n", d->leak,
         d->spectral_radius, (long long)d->links, d->input_scale, d->feedback_scale, d->bias_scale,
         setting->lambda);
  fflush(stdout);
}
