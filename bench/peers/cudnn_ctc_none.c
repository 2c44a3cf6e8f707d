/* cudnn_ctc_none.c - cudnn_ctc.h in a build without cuDNN. */
#include "bench/peers/cudnn_ctc.h"

bench_cudnn_ctc *bench_cudnn_ctc_open(const bench_ctc_problem *problem, const char **why) {
  (void)problem;
  *why = "this build has no cuDNN";
  return NULL;
}

void bench_cudnn_ctc_close(bench_cudnn_ctc *ctc) { (void)ctc; }

size_t bench_cudnn_ctc_workspace(const bench_cudnn_ctc *ctc) {
  (void)ctc;
  return 0;
}

const char *bench_cudnn_ctc_run(const bench_cudnn_ctc *ctc, void *workspace) {
  (void)ctc;
  (void)workspace;
  return "this build has no cuDNN";
}
