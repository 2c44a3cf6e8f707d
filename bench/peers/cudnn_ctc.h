/* cudnn_ctc.h - cuDNN's connectionist temporal classification, to be timed beside ours.
 *
 * cuDNN computes losses and gradients in one call (cudnnCTCLoss_v8); class 0 is blank, and a sequence has at
 * most 256 labels.  The library is opened at run time (kernels/library.h); a build without its header has
 * cudnn_ctc_none.c instead.
 */
#ifndef BENCH_CUDNN_CTC_H
#define BENCH_CUDNN_CTC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Device memory; T steps, B sequences, K classes, L labels at most. */
typedef struct bench_ctc_problem {
  int64_t seq_len, batch, classes, label_len;
  const float *logits;          /* [T,B,K] */
  const int32_t *labels;        /* those of one sequence after the other, without gaps */
  const int32_t *label_lengths; /* [B] */
  const int32_t *lengths;       /* [B] */
  float *losses;                /* [B] out */
  float *gradient;              /* [T,B,K] out: of the sum of all losses */
} bench_ctc_problem;

typedef struct bench_cudnn_ctc bench_cudnn_ctc;

/* NULL with *why set where there is no cuDNN, or it cannot run the problem, which is copied. */
bench_cudnn_ctc *bench_cudnn_ctc_open(const bench_ctc_problem *problem, const char **why);
void bench_cudnn_ctc_close(bench_cudnn_ctc *ctc);

/* Bytes of device memory that a run needs. */
size_t bench_cudnn_ctc_workspace(const bench_cudnn_ctc *ctc);
/* On the default stream.  NULL, or a sentence. */
const char *bench_cudnn_ctc_run(const bench_cudnn_ctc *ctc, void *workspace);

#ifdef __cplusplus
}
#endif
#endif
