/* fuzz_foreign.h - what is done with the networks of a file that was read, as `seqgpu import` does it. */
#ifndef FUZZ_FOREIGN_H
#define FUZZ_FOREIGN_H

#include "host/formats/describe.h"
#include "host/formats/foreign.h"
#include "host/formats/transfer.h"
#include "tests/fuzz/fuzz.h"

/* The description of a network says the same network when it is read. */
static inline void fuzz_description(seqgpu_context *ctx, const seqgpu_rnn_desc *desc) {
  char first[512], second[512];
  seqgpu_rnn_desc read;
  fuzz_require(sq_describe(ctx, desc, first, sizeof first) == SEQGPU_OK);
  fuzz_require(sq_describe_read(ctx, "fuzz", first, &read) == SEQGPU_OK);
  fuzz_require(sq_describe(ctx, &read, second, sizeof second) == SEQGPU_OK);
  fuzz_require(strcmp(first, second) == 0);
}

/* Each network becomes parameters.  What a reader accepts has a plan; its numbers may still be infinite, and
 * its name too long. */
static inline void fuzz_networks(seqgpu_context *ctx, const sq_foreign *foreign) {
  for (int i = 0; i < foreign->net_count; i++) {
    const sq_foreign_net *net = &foreign->nets[i];
    seqgpu_params *params;
    fuzz_description(ctx, &net->desc);
    fuzz_require(seqgpu_params_create(ctx, 0, &params) == SEQGPU_OK);
    if (fuzz_said(ctx, sq_transfer_add(params, net->name, net)))
      fuzz_said(ctx, sq_transfer_load(params, net->name, net));
    seqgpu_params_destroy(params);
  }
}

#endif
