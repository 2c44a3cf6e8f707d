/* client_0_2.c - a program of the days of libseqgpu 0.2: trains a small network and prints everything that it
 * got back.
 *
 * test_grown.sh links it twice, with the library of today and with one whose structs have grown, and the two
 * must print the same.  Whatever the library fills in stands before a guard: a library that wrote its own
 * size would run over it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seqgpu_0_2.h"

enum { GUARD = 64, T = 5, B = 3, I = 4, H = 6, FILL = 0x5a };

static seqgpu_context *ctx;

static void must(int status, const char *what) {
  if (status == 0) return;
  printf("FAIL %s gives %d: %s\n", what, status, seqgpu_last_error(ctx));
  exit(EXIT_FAILURE);
}

/* A struct that the library fills, and bytes behind it that it must leave alone. */
#define GUARDED(type)                                                                                        \
  struct {                                                                                                   \
    type it;                                                                                                 \
    unsigned char guard[GUARD];                                                                              \
  }
#define ARM(guarded)               memset(&(guarded), FILL, sizeof(guarded))
#define CHECK_GUARD(guarded, what) check_guard((guarded).guard, what)

static void check_guard(const unsigned char *guard, const char *what) {
  for (int i = 0; i < GUARD; i++) {
    if (guard[i] == FILL) continue;
    printf("FAIL %s: wrote %d bytes behind the caller's struct\n", what, i + 1);
    exit(EXIT_FAILURE);
  }
}

static void print_floats(const char *name, const void *device, int64_t elements) {
  float *host = malloc((size_t)elements * sizeof *host);
  if (host == NULL) exit(EXIT_FAILURE);
  must(seqgpu_copy_out(ctx, host, device, (size_t)elements * sizeof *host), name);
  printf("%s", name);
  for (int64_t i = 0; i < elements; i++) printf(" %.8g", (double)host[i]);
  printf("\n");
  free(host);
}

/* Fills device memory with a pattern, so that nothing depends on the library's random numbers. */
static void fill(const void *device, int64_t elements, int stride) {
  float *host = malloc((size_t)elements * sizeof *host);
  if (host == NULL) exit(EXIT_FAILURE);
  for (int64_t i = 0; i < elements; i++) host[i] = (float)(i * stride % 17 - 8) / 20;
  must(seqgpu_copy_in(ctx, (void *)device, host, (size_t)elements * sizeof *host), "copy_in");
  free(host);
}

static void print_cells_and_algorithms(const seqgpu_rnn_desc *desc) {
  for (int i = 0; i < seqgpu_cell_count(); i++) {
    GUARDED(seqgpu_cell_info) cell;
    ARM(cell);
    must(seqgpu_cell_get_(i, &cell.it, sizeof cell.it), "cell_get");
    CHECK_GUARD(cell, "cell_get");
    printf("cell %s: %s\n", cell.it.name, cell.it.about);
  }
  for (int i = 0; i < seqgpu_algorithm_count(ctx); i++) {
    GUARDED(seqgpu_algorithm_info) info;
    ARM(info);
    must(seqgpu_algorithm_get_(ctx, desc, sizeof *desc, i, &info.it, sizeof info.it), "algorithm_get");
    CHECK_GUARD(info, "algorithm_get");
    printf("algorithm %s \"%s\" %s\n", info.it.name, info.it.why_not, info.it.estimate_us > 0 ? "runs" : "-");
  }
}

static seqgpu_plan_sizes print_plan(const seqgpu_plan *plan) {
  GUARDED(seqgpu_rnn_desc) desc;
  GUARDED(seqgpu_plan_sizes) sizes;
  ARM(desc);
  ARM(sizes);
  seqgpu_plan_get_desc_(plan, &desc.it, sizeof desc.it);
  seqgpu_plan_get_sizes_(plan, &sizes.it, sizeof sizes.it);
  CHECK_GUARD(desc, "plan_get_desc");
  CHECK_GUARD(sizes, "plan_get_sizes");
  const seqgpu_plan_sizes s = sizes.it;
  printf("plan %s: %s, %lld layers, math %d\n", seqgpu_plan_algorithm(plan), desc.it.cell,
         (long long)desc.it.num_layers, desc.it.math);
  printf("sizes %zu %zu %zu %zu %zu %zu %zu; %lld %lld %lld %lld; %d %llu\n", s.params, s.x, s.y, s.state[0],
         s.state[1], s.workspace, s.reserve, (long long)s.param_elements, (long long)s.output_width,
         (long long)s.state_width[0], (long long)s.state_width[1], s.state_count,
         (unsigned long long)s.random_blocks);
  for (int i = 0; i < seqgpu_plan_param_count(plan); i++) {
    GUARDED(seqgpu_param_info) p;
    ARM(p);
    must(seqgpu_plan_param_get_(ctx, plan, i, &p.it, sizeof p.it), "plan_param_get");
    CHECK_GUARD(p, "plan_param_get");
    printf("parameter %s [%lld,%lld] at %lld, layer %d, direction %d, fixed %d\n", p.it.name,
           (long long)p.it.rows, (long long)p.it.cols, (long long)p.it.offset, p.it.layer, p.it.direction,
           p.it.fixed);
  }
  for (int i = 0; i < seqgpu_plan_part_count(plan); i++) {
    GUARDED(seqgpu_part_info) part;
    ARM(part);
    must(seqgpu_plan_part_get_(ctx, plan, i, &part.it, sizeof part.it), "plan_part_get");
    CHECK_GUARD(part, "plan_part_get");
    printf("part %s, width %lld\n", part.it.name, (long long)part.it.width);
  }
  return s;
}

/* Forward and backward on buffers of the library's making. */
static void print_run(const seqgpu_plan *plan, const seqgpu_plan_sizes *sizes) {
  GUARDED(seqgpu_rnn_run) run;
  ARM(run);
  must(seqgpu_run_allocate_(ctx, plan, &run.it, sizeof run.it), "run_allocate");
  CHECK_GUARD(run, "run_allocate");
  seqgpu_rnn_run *r = &run.it;
  fill(r->params, sizes->param_elements, 5);
  fill(r->x, T * B * I, 7);
  fill(r->dy, T * B * sizes->output_width, 3);
  must(seqgpu_rnn_forward_(ctx, plan, r, sizeof *r), "rnn_forward");
  must(seqgpu_rnn_backward_(ctx, plan, r, sizeof *r), "rnn_backward");
  print_floats("y", r->y, T * B * sizes->output_width);
  print_floats("dx", r->dx, T * B * I);
  print_floats("dparams", r->dparams, sizes->param_elements);
  int64_t width = 0;
  float seen[T * B * H];
  must(seqgpu_rnn_inspect_(ctx, plan, r, sizeof *r, 0, 0, "h", seen, &width), "rnn_inspect");
  printf("h of layer 0, width %lld: %.8g\n", (long long)width, (double)seen[T * B * H - 1]);
  seqgpu_run_release(ctx, r);
}

static void print_parameters(const seqgpu_plan *plan) {
  seqgpu_params *params = NULL;
  GUARDED(seqgpu_param) p;
  must(seqgpu_params_create(ctx, 7, &params), "params_create");
  ARM(p);
  must(seqgpu_params_add_rnn_(params, "net", plan, &p.it, sizeof p.it), "params_add_rnn");
  CHECK_GUARD(p, "params_add_rnn");
  ARM(p);
  must(seqgpu_params_add_(params, "w", 3, 2, "constant", 0.25, &p.it, sizeof p.it), "params_add");
  CHECK_GUARD(p, "params_add");
  must(seqgpu_params_zero_grad(params), "params_zero_grad");
  fill(p.it.grad, 6, 5);
  const seqgpu_optimizer adam = {.kind = 3, .lr = 0.01, .clip = 1, .clip_threshold = 0.5};
  must(seqgpu_params_update_(params, &adam, sizeof adam), "params_update");
  for (int i = 0; i < seqgpu_params_count(params); i++) {
    ARM(p);
    must(seqgpu_params_get_(params, i, &p.it, sizeof p.it), "params_get");
    CHECK_GUARD(p, "params_get");
    printf("%s [%lld,%lld]\n", p.it.name, (long long)p.it.rows, (long long)p.it.cols);
    print_floats("values", p.it.value, p.it.rows * p.it.cols);
  }
  seqgpu_params_destroy(params);
}

/* w <- w - 0.25 * 2 w, and the loss w^2 before it; then a state, found by its name. */
static void print_tape(void) {
  seqgpu_params *params = NULL;
  seqgpu_tape *tape = NULL;
  GUARDED(seqgpu_param) p;
  const seqgpu_optimizer descent = {.lr = 0.25};
  double loss = 0;
  must(seqgpu_params_create(ctx, 8, &params), "params_create");
  must(seqgpu_tape_create(ctx, 9, &tape), "tape_create");
  must(seqgpu_params_add_(params, "w", 1, 1, "constant", 3, &p.it, sizeof p.it), "params_add");
  seqgpu_tensor *w = seqgpu_tape_param_(tape, &p.it, sizeof p.it);
  must(seqgpu_tape_update_(tape, seqgpu_tape_mul(tape, w, w), params, &descent, sizeof descent, &loss),
       "tape_update");
  printf("loss %g\n", loss);
  print_floats("w", p.it.value, 1);
  ARM(p);
  must(seqgpu_params_add_state_(params, "state", 2, 2, &p.it, sizeof p.it), "params_add_state");
  CHECK_GUARD(p, "params_add_state");
  ARM(p);
  must(seqgpu_params_find_(params, "state", &p.it, sizeof p.it), "params_find");
  CHECK_GUARD(p, "params_find");
  printf("%s [%lld,%lld], gradient %s\n", p.it.name, (long long)p.it.rows, (long long)p.it.cols,
         p.it.grad ? "yes" : "no");
  seqgpu_tape_destroy(tape);
  seqgpu_params_destroy(params);
}

/* (w - 1)^2 */
static seqgpu_tensor *square(seqgpu_hessian_free *hf, seqgpu_tape *tape, int batch, int64_t index,
                             void *user) {
  const seqgpu_param *w = user;
  const int64_t shape[] = {1, 1};
  const float one = 1;
  (void)hf;
  (void)batch;
  (void)index;
  seqgpu_tensor *x = seqgpu_tape_param_(tape, w, sizeof *w);
  return seqgpu_tape_squared_error(tape, x, seqgpu_tape_input(tape, 2, shape, &one), NULL, 1, 1);
}

static void print_hessian_free(void) {
  seqgpu_params *params = NULL;
  seqgpu_hessian_free *hf = NULL;
  seqgpu_param w;
  GUARDED(seqgpu_hessian_free_report) r;
  const seqgpu_hessian_free_options options = {.lambda = 2};
  must(seqgpu_params_create(ctx, 11, &params), "params_create");
  must(seqgpu_params_add_(params, "w", 1, 1, "constant", 3, &w, sizeof w), "params_add");
  must(seqgpu_hessian_free_create_(params, &options, sizeof options, &hf), "hessian_free_create");
  ARM(r);
  must(seqgpu_hessian_free_update_(hf, square, &w, &r.it, sizeof r.it), "hessian_free_update");
  CHECK_GUARD(r, "hessian_free_update");
  printf("loss %g, then %g, lambda %g, ratio %g, rate %g, %d iterations, %d chosen\n", r.it.loss,
         r.it.new_loss, r.it.lambda, r.it.ratio, r.it.rate, r.it.iterations, r.it.chosen);
  print_floats("w", w.value, 1);
  seqgpu_hessian_free_destroy(hf);
  seqgpu_params_destroy(params);
}

/* An echo state network, whose weights are then listed from a file where this build can write one. */
static void print_reservoir(const char *path) {
  seqgpu_params *params = NULL;
  seqgpu_esn *esn = NULL;
  seqgpu_checkpoint *file = NULL;
  const seqgpu_esn_desc desc = {.output_size = 1, .hidden_size = 12, .feedback = 1, .squares = 1};
  must(seqgpu_params_create(ctx, 10, &params), "params_create");
  must(seqgpu_esn_create_(params, "esn", &desc, sizeof desc, &esn), "esn_create");
  printf("features %lld\n", (long long)seqgpu_esn_features(esn));
  const int saved = seqgpu_checkpoint_save(params, path, NULL, 0);
  printf("saving gives %d\n", saved);
  if (saved == 0) must(seqgpu_checkpoint_open(ctx, path, &file), "checkpoint_open");
  for (int i = 0; i < seqgpu_checkpoint_tensor_count(file); i++) {
    GUARDED(seqgpu_tensor_info) t;
    ARM(t);
    must(seqgpu_checkpoint_tensor_get_(file, i, &t.it, sizeof t.it), "checkpoint_tensor_get");
    CHECK_GUARD(t, "checkpoint_tensor_get");
    printf("tensor %s %s, rank %d, %lld elements\n", t.it.name, t.it.dtype, t.it.rank,
           (long long)t.it.elements);
  }
  seqgpu_checkpoint_close(file);
  seqgpu_esn_destroy(esn);
  seqgpu_params_destroy(params);
}

int main(int argc, char **argv) {
  if (argc != 2) return puts("FAIL usage: client_0_2 FILE"), EXIT_FAILURE;
  const seqgpu_context_options options = {.device = "cpu", .threads = 1};
  const seqgpu_rnn_desc desc = {.cell = "lstm",
                                .input_size = I,
                                .hidden_size = H,
                                .num_layers = 2,
                                .seq_len = T,
                                .batch = B,
                                .bidirectional = 1,
                                .dropout = 0.25};
  const seqgpu_plan_options how = {.algorithm = "step"};
  seqgpu_plan *plan = NULL;
  must(seqgpu_context_create_(&options, sizeof options, &ctx), "context_create");
  printf("device %s\n", seqgpu_context_device(ctx));
  print_cells_and_algorithms(&desc);
  must(seqgpu_plan_create_(ctx, &desc, sizeof desc, &how, sizeof how, &plan), "plan_create");
  const seqgpu_plan_sizes sizes = print_plan(plan);
  print_run(plan, &sizes);
  print_parameters(plan);
  print_tape();
  print_hessian_free();
  print_reservoir(argv[1]);
  seqgpu_plan_destroy(plan);
  seqgpu_context_destroy(ctx);
  printf("everything returned\n");
  return EXIT_SUCCESS;
}
