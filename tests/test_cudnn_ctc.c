/* test_cudnn_ctc.c - the calls of cuDNN's CTC (bench/peers/cudnn_ctc.cpp) against core/ctc.c in float64,
 * where a stand-in answers for cuDNN: ragged sequences and labels, repeats, workspace, and what is refused.
 * On a card bench_ops compares cuDNN itself before it times it.
 */
#include <stdlib.h>

#include "bench/peers/cudnn_ctc.h"
#include "tests/tensors.h"

enum { T = 9, B = 3, K = 5, L = 3, PATHS = 2 * L + 1 };

/* Class 0 is blank; the second sequence repeats a label, the third has none. */
static const int32_t lengths[B] = {9, 6, 4}, label_lengths[B] = {3, 2, 0};
static const int32_t side_by_side[L * B] = {1, 3, 2, 4, 3, 2, 2, 2, 2}, in_turn[] = {1, 4, 2, 3, 3};

static void reference(const tensor *logits, double *losses, double *gradient) {
  double normal[T * B * 2], occupancy[T * B * PATHS], scratch[2 * B * PATHS], total[2];
  const sq_ctc_args a = {.seq_len = T,
                         .batch = B,
                         .classes = K,
                         .label_len = L,
                         .scale = 1,
                         .logits = logits->d,
                         .lengths = lengths,
                         .labels = side_by_side,
                         .label_lengths = label_lengths,
                         .normal = normal,
                         .occupancy = occupancy,
                         .scratch = scratch,
                         .row_loss = losses,
                         .loss = total,
                         .dlogits = gradient};
  sq_cpu_ops_f64.ctc_forward(&serial, &a);
  sq_cpu_ops_f64.ctc_backward(&serial, &a);
}

static void check_numbers(void) {
  tensor logits = tensor_random("logits", T * B * K, -2, 2), gradient = tensor_new("gradient", T * B * K),
         losses = tensor_new("losses", B);
  const bench_ctc_problem p = {T, B, K, L, logits.f, in_turn, label_lengths, lengths, losses.f, gradient.f};
  const char *why = "";
  bench_cudnn_ctc *ctc = bench_cudnn_ctc_open(&p, &why);
  CHECK(ctc != NULL, "cuDNN's CTC is opened");
  void *workspace = ctc ? check_alloc("workspace", bench_cudnn_ctc_workspace(ctc)) : NULL;
  for (int run = 0; ctc && run < 2; run++) {
    const char *failed = bench_cudnn_ctc_run(ctc, workspace);
    reference(&logits, losses.d, gradient.d);
    CHECK(failed == NULL, "cuDNN's CTC runs, %d", run);
    check_single(losses, name("cuDNN's CTC, losses, run %d", run));
    check_single(gradient, name("cuDNN's CTC, gradient, run %d", run));
  }
  bench_cudnn_ctc_close(ctc);
  if (workspace) check_free(workspace);
  TENSORS_FREE(&logits, &gradient, &losses);
}

static void check_refused(void) {
  const bench_ctc_problem p = {.seq_len = T, .batch = B, .classes = K, .label_len = 257};
  const char *why = "";
  CHECK(bench_cudnn_ctc_open(&p, &why) == NULL && strstr(why, "not supported"),
        "more labels than cuDNN takes");
  bench_cudnn_ctc_close(NULL);
}

int main(void) {
  check_start();
  check_at("emulator");
  check_numbers();
  check_refused();
  return check_finish();
}
