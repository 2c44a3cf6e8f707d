/* onnx_pack.h - the parameters of a layer of ours as weights of an ONNX node (onnx_pack.c). */
#ifndef SQ_ONNX_PACK_H
#define SQ_ONNX_PACK_H

#include "host/formats/format.h"
#include "host/formats/onnx_node.h"

/* Puts initialisers W_l0, R_l0, B_l0 and P_l0 of a layer into a GraphProto.  EINVAL: the network
 * lacks a parameter, or it has other sizes; EUNSUPPORTED: a number is out of float32's range. */
seqgpu_status sq_onnx_pack_layer(sq_pb_out *graph, const sq_foreign_net *net, const sq_onnx_operator *op,
                                 int64_t layer);
/* A FLOAT initialiser of these numbers. */
seqgpu_status sq_onnx_put_floats(sq_pb_out *graph, const char *name, const int64_t *dims, int rank,
                                 const double *values);

#endif
