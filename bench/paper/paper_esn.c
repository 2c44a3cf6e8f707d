/* paper_esn.c - echo state networks on their papers' tasks, on one core, in float64:
 *
 *   paper_esn mackey-glass | narma10 [--results FOLDER] [--search N]
 *
 * Results go to bench/results/esn-mackey-glass.json and .svg, and so on.  --search N tries N random settings and prints them
 * with their errors, on series and networks of other seeds than those reported: the settings in the tables are from
 * where such searches were best, rounded.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/paper/esn.h"

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
  printf("%-28s NRMSE median %.3g, smallest %.3g, largest %.3g; to beat %.3g; %.1f s a network\n", name,
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

static const struct {
  const char *name;
  int (*run)(const char *folder, int search);
} experiments[] = {{"mackey-glass", esn_mackey_glass}, {"narma10", esn_narma10}};

static int usage(void) {
  fprintf(stderr, "usage: paper_esn mackey-glass | narma10 [--results FOLDER] [--search N]\n");
  return 2;
}

int main(int argc, char **argv) {
  const char *folder = NULL;
  int search = 0;
  for (int i = 2; i < argc; i += 2) {
    if (i + 1 == argc) return usage();
    if (strcmp(argv[i], "--results") == 0)
      folder = argv[i + 1];
    else if (strcmp(argv[i], "--search") == 0 && atoi(argv[i + 1]) > 0)
      search = atoi(argv[i + 1]);
    else
      return usage();
  }
  for (size_t i = 0; argc > 1 && i < sizeof experiments / sizeof experiments[0]; i++)
    if (strcmp(argv[1], experiments[i].name) == 0) return experiments[i].run(folder, search);
  return usage();
}
