/* onednn.cpp - oneDNN's LSTM as a peer.  Its gate order is ours: i,f,c,o.
 *
 * The weights are brought into the layout that oneDNN prefers before the clock starts, although a training
 * loop would have to do that at every update: the comparison favours the peer.
 */
#include <dnnl.hpp>
#include <omp.h>

#include <cstring>
#include <memory>
#include <unordered_map>

extern "C" {
#include "bench/peers/onednn.h"
}

namespace {

using dnnl::memory;
using tag = memory::format_tag;
using arguments = std::unordered_map<int, memory>;

/* All that one problem needs.  Forward and backward have copies of the weights, each in its preferred layout.
 */
struct state {
  bench_shape shape;
  bench_data data;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::lstm_forward forward;
  dnnl::lstm_backward backward;
  arguments forward_args, backward_args;
  memory diff_weights_layer, diff_weights_iter, diff_bias;
};

memory::desc any(const memory::dims &dims) { return {dims, memory::data_type::f32, tag::any}; }

memory reordered(state &s, const memory::dims &dims, tag from, const float *data, const memory::desc &to) {
  memory plain({dims, memory::data_type::f32, from}, s.engine, const_cast<float *>(data));
  memory result(to, s.engine);
  dnnl::reorder(plain, result).execute(s.stream, plain, result);
  s.stream.wait();
  return result;
}

void clear(memory &m) { std::memset(m.get_data_handle(), 0, m.get_desc().get_size()); }

void build(state &s) {
  const memory::dim T = s.shape.seq_len, B = s.shape.batch, I = s.shape.input, H = s.shape.hidden;
  const memory::dims layer_w{1, 1, I, 4, H}, iter_w{1, 1, H, 4, H}, bias{1, 1, 4, H}, src{T, B, I},
      dst{T, B, H};
  const memory::desc src_md(src, memory::data_type::f32, tag::tnc),
      dst_md(dst, memory::data_type::f32, tag::tnc);
  const memory::desc bias_md(bias, memory::data_type::f32, tag::ldgo), none;
  /* explicit zero initial states: without them oneDNN 2.6 gives a wrong gradient of the recurrent weights */
  const memory::desc iter_md({1, 1, B, H}, memory::data_type::f32, tag::ldnc);
  const auto direction = dnnl::rnn_direction::unidirectional_left2right;
  const auto prop = s.shape.training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::library);
  dnnl::lstm_forward::desc fd(prop, direction, src_md, iter_md, iter_md, any(layer_w), any(iter_w), bias_md,
                              dst_md, none, none);
  dnnl::lstm_forward::primitive_desc fpd(fd, attributes, s.engine);
  s.forward = dnnl::lstm_forward(fpd);
  const float *w_ih = s.data.params, *b = w_ih + 4 * H * I, *w_hh = b + 4 * H;
  memory src_mem(src_md, s.engine, const_cast<float *>(s.data.x)), dst_mem(dst_md, s.engine, s.data.y);
  memory bias_mem(bias_md, s.engine, const_cast<float *>(b));
  memory zero_h(iter_md, s.engine), zero_c(iter_md, s.engine);
  clear(zero_h);
  clear(zero_c);
  s.forward_args = {
      {DNNL_ARG_SRC_LAYER, src_mem},
      {DNNL_ARG_SRC_ITER, zero_h},
      {DNNL_ARG_SRC_ITER_C, zero_c},
      {DNNL_ARG_WEIGHTS_LAYER, reordered(s, layer_w, tag::ldgoi, w_ih, fpd.weights_layer_desc())},
      {DNNL_ARG_WEIGHTS_ITER, reordered(s, iter_w, tag::ldgoi, w_hh, fpd.weights_iter_desc())},
      {DNNL_ARG_BIAS, bias_mem},
      {DNNL_ARG_DST_LAYER, dst_mem}};
  if (!s.shape.training) return;
  memory workspace(fpd.workspace_desc(), s.engine);
  s.forward_args[DNNL_ARG_WORKSPACE] = workspace;
  dnnl::lstm_backward::desc bd(dnnl::prop_kind::backward, direction, src_md, iter_md, iter_md, any(layer_w),
                               any(iter_w), bias_md, dst_md, none, none, src_md, iter_md, iter_md,
                               any(layer_w), any(iter_w), bias_md, dst_md, none, none);
  dnnl::lstm_backward::primitive_desc bpd(bd, attributes, s.engine, fpd);
  s.backward = dnnl::lstm_backward(bpd);
  s.diff_weights_layer = memory(bpd.diff_weights_layer_desc(), s.engine);
  s.diff_weights_iter = memory(bpd.diff_weights_iter_desc(), s.engine);
  s.diff_bias = memory(bpd.diff_bias_desc(), s.engine);
  s.backward_args = {
      {DNNL_ARG_SRC_LAYER, src_mem},
      {DNNL_ARG_SRC_ITER, zero_h},
      {DNNL_ARG_SRC_ITER_C, zero_c},
      {DNNL_ARG_DIFF_SRC_ITER, memory(iter_md, s.engine)},
      {DNNL_ARG_DIFF_SRC_ITER_C, memory(iter_md, s.engine)},
      {DNNL_ARG_WEIGHTS_LAYER, reordered(s, layer_w, tag::ldgoi, w_ih, bpd.weights_layer_desc())},
      {DNNL_ARG_WEIGHTS_ITER, reordered(s, iter_w, tag::ldgoi, w_hh, bpd.weights_iter_desc())},
      {DNNL_ARG_BIAS, bias_mem},
      {DNNL_ARG_DST_LAYER, dst_mem},
      {DNNL_ARG_WORKSPACE, workspace},
      {DNNL_ARG_DIFF_SRC_LAYER, memory(src_md, s.engine, s.data.dx)},
      {DNNL_ARG_DIFF_WEIGHTS_LAYER, s.diff_weights_layer},
      {DNNL_ARG_DIFF_WEIGHTS_ITER, s.diff_weights_iter},
      {DNNL_ARG_DIFF_BIAS, s.diff_bias},
      {DNNL_ARG_DIFF_DST_LAYER, memory(dst_md, s.engine, const_cast<float *>(s.data.dy))}};
}

void *open_lstm(const bench_shape *shape, const bench_data *data, const char **why) try {
  if (std::strcmp(shape->cell, "lstm") != 0) {
    *why = "it is compared for lstm only";
    return nullptr;
  }
  omp_set_num_threads(shape->threads);
  auto s = std::make_unique<state>();
  s->shape = *shape;
  s->data = *data;
  build(*s);
  return s.release();
} catch (const dnnl::error &) {
  *why = "oneDNN refused the problem";
  return nullptr;
}

int prepare(void *opaque) {
  auto &s = *static_cast<state *>(opaque);
  if (!s.shape.training) return 0;
  clear(s.diff_weights_layer); /* the gradients accumulate */
  clear(s.diff_weights_iter);
  clear(s.diff_bias);
  return 0;
}

int run(void *opaque) try {
  auto &s = *static_cast<state *>(opaque);
  s.forward.execute(s.stream, s.forward_args);
  if (s.shape.training) s.backward.execute(s.stream, s.backward_args);
  s.stream.wait();
  return 0;
} catch (const dnnl::error &) {
  return 1;
}

void fetch_weights(state &s, memory &from, const memory::dims &dims, tag to, float *out) {
  memory plain({dims, memory::data_type::f32, to}, s.engine, out);
  dnnl::reorder(from, plain).execute(s.stream, from, plain);
  s.stream.wait();
}

int fetch(void *opaque) try {
  auto &s = *static_cast<state *>(opaque);
  if (!s.shape.training) return 0;
  const memory::dim I = s.shape.input, H = s.shape.hidden;
  float *w_ih = s.data.dparams, *b = w_ih + 4 * H * I, *w_hh = b + 4 * H;
  fetch_weights(s, s.diff_weights_layer, {1, 1, I, 4, H}, tag::ldgoi, w_ih);
  fetch_weights(s, s.diff_weights_iter, {1, 1, H, 4, H}, tag::ldgoi, w_hh);
  fetch_weights(s, s.diff_bias, {1, 1, 4, H}, tag::ldgo, b);
  return 0;
} catch (const dnnl::error &) {
  return 1;
}

void close_state(void *opaque) { delete static_cast<state *>(opaque); }

} // namespace

const bench_peer bench_peer_onednn = {"onednn", open_lstm, prepare, run, fetch, close_state};
