/* onnx_write.h - a network as an ONNX model file (onnx_write.c). */
#ifndef SQ_ONNX_WRITE_H
#define SQ_ONNX_WRITE_H

#include "host/formats/format.h"

/* This is sq_format_onnx.write (format.h). */
seqgpu_status sq_onnx_write(seqgpu_context *ctx, const char *path, const sq_foreign_net *net);

#endif
