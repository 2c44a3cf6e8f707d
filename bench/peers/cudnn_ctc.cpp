/* cudnn_ctc.cpp - see cudnn_ctc.h. */
#include "bench/peers/cudnn_ctc.h"

#include <cudnn.h>

#include <new>

#include "kernels/library.h"

namespace {

#define CTC_FUNCTIONS(F)                                                                                     \
  F(cudnnGetErrorString)                                                                                     \
  F(cudnnCreate)                                                                                             \
  F(cudnnDestroy)                                                                                            \
  F(cudnnCreateTensorDescriptor)                                                                             \
  F(cudnnSetTensorNdDescriptor)                                                                              \
  F(cudnnDestroyTensorDescriptor)                                                                            \
  F(cudnnCreateCTCLossDescriptor)                                                                            \
  F(cudnnSetCTCLossDescriptor_v9)                                                                            \
  F(cudnnDestroyCTCLossDescriptor)                                                                           \
  F(cudnnGetCTCLossWorkspaceSize_v8)                                                                         \
  F(cudnnCTCLoss_v8)

struct ctc_functions {
  CTC_FUNCTIONS(SQ_LIBRARY_MEMBER)
};

SQ_LIBRARY(ctc_functions, CTC_FUNCTIONS, "libcudnn.so." SQ_LIBRARY_TEXT(CUDNN_MAJOR), SEQGPU_CUDNN_PATH)

/* The same result at each run: what ours gives, too. */
const cudnnCTCLossAlgo_t algorithm = CUDNN_CTC_LOSS_ALGO_DETERMINISTIC;

} // namespace

struct bench_cudnn_ctc {
  const ctc_functions *dnn;
  bench_ctc_problem problem;
  cudnnHandle_t handle;
  cudnnTensorDescriptor_t tensor; /* of logits and gradient */
  cudnnCTCLossDescriptor_t loss;
  size_t workspace;
};

/* Whatever is there when something fails is closed by bench_cudnn_ctc_close. */
static cudnnStatus_t describe(bench_cudnn_ctc *c) {
  const bench_ctc_problem &p = c->problem;
  const int T = (int)p.seq_len, B = (int)p.batch, K = (int)p.classes;
  const int dims[] = {T, B, K}, strides[] = {B * K, K, 1};
  cudnnStatus_t s = c->dnn->cudnnCreate(&c->handle);
  if (s == CUDNN_STATUS_SUCCESS) s = c->dnn->cudnnCreateTensorDescriptor(&c->tensor);
  if (s == CUDNN_STATUS_SUCCESS)
    s = c->dnn->cudnnSetTensorNdDescriptor(c->tensor, CUDNN_DATA_FLOAT, 3, dims, strides);
  if (s == CUDNN_STATUS_SUCCESS) s = c->dnn->cudnnCreateCTCLossDescriptor(&c->loss);
  if (s == CUDNN_STATUS_SUCCESS)
    s = c->dnn->cudnnSetCTCLossDescriptor_v9(c->loss, CUDNN_DATA_FLOAT, CUDNN_LOSS_NORMALIZATION_SOFTMAX,
                                             CUDNN_CTC_ZERO_OOB_GRADIENTS, (int)p.label_len);
  if (s == CUDNN_STATUS_SUCCESS)
    s = c->dnn->cudnnGetCTCLossWorkspaceSize_v8(c->handle, algorithm, c->loss, c->tensor, c->tensor,
                                                &c->workspace);
  return s;
}

bench_cudnn_ctc *bench_cudnn_ctc_open(const bench_ctc_problem *problem, const char **why) {
  const ctc_functions *dnn = ctc_functions_library(why);
  if (dnn == nullptr) return nullptr;
  bench_cudnn_ctc *c = new (std::nothrow) bench_cudnn_ctc{dnn, *problem, nullptr, nullptr, nullptr, 0};
  if (c == nullptr) {
    *why = "out of memory";
    return nullptr;
  }
  const cudnnStatus_t status = describe(c);
  if (status == CUDNN_STATUS_SUCCESS) return c;
  *why = dnn->cudnnGetErrorString(status);
  bench_cudnn_ctc_close(c);
  return nullptr;
}

void bench_cudnn_ctc_close(bench_cudnn_ctc *c) {
  if (c == nullptr) return;
  if (c->loss != nullptr) c->dnn->cudnnDestroyCTCLossDescriptor(c->loss);
  if (c->tensor != nullptr) c->dnn->cudnnDestroyTensorDescriptor(c->tensor);
  if (c->handle != nullptr) c->dnn->cudnnDestroy(c->handle);
  delete c;
}

size_t bench_cudnn_ctc_workspace(const bench_cudnn_ctc *c) { return c->workspace; }

const char *bench_cudnn_ctc_run(const bench_cudnn_ctc *c, void *workspace) {
  const bench_ctc_problem &p = c->problem;
  const cudnnStatus_t status =
      c->dnn->cudnnCTCLoss_v8(c->handle, algorithm, c->loss, c->tensor, p.logits, p.labels, p.label_lengths,
                              p.lengths, p.losses, c->tensor, p.gradient, c->workspace, workspace);
  return status == CUDNN_STATUS_SUCCESS ? nullptr : c->dnn->cudnnGetErrorString(status);
}
