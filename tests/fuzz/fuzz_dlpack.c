/* fuzz_dlpack.c - tensors that another library lends, and shapes of those that are lent. */
#include "seqgpu/dlpack.h"
#include "tests/fuzz/fuzz.h"

enum { DIMS = 9 };

/* The fields of a tensor, as they stand in the bytes. */
typedef struct fields {
  uint32_t major;
  int32_t type, index, rank;
  uint8_t code, bits;
  uint16_t lanes;
  uint64_t flags, byte_offset;
  uint8_t has_data, has_shape, has_strides, read_only;
  int64_t shape[DIMS], strides[DIMS];
} fields;

static void give_back(seqgpu_dl_managed *managed) { ++*(int *)managed->manager; }
static void release(void *user) { ++*(int *)user; }

static void take(seqgpu_context *ctx, fields *f) {
  static double memory[4];
  int given_back = 0;
  seqgpu_dl_view view;
  seqgpu_dl_managed managed = {.major = f->major,
                               .manager = &given_back,
                               .deleter = give_back,
                               .flags = f->flags,
                               .tensor = {.data = f->has_data ? memory : NULL,
                                          .device = {f->type, f->index},
                                          .rank = f->rank,
                                          .dtype = {f->code, f->bits, f->lanes},
                                          .shape = f->has_shape ? f->shape : NULL,
                                          .strides = f->has_strides ? f->strides : NULL,
                                          .byte_offset = f->byte_offset}};
  if (fuzz_said(ctx, seqgpu_dlpack_import(ctx, &managed, &view))) {
    fuzz_require(view.rank >= 0 && view.rank <= 8 && view.elements >= 0);
    seqgpu_dlpack_close(&view.managed);
    fuzz_require(given_back == 1 && view.managed == NULL);
  }
}

static void lend(seqgpu_context *ctx, const fields *f) {
  static double memory[4];
  int released = 0;
  seqgpu_dl_managed *managed;
  const seqgpu_dl_source source = {.data = f->has_data ? memory : NULL,
                                   .rank = f->rank,
                                   .shape = f->has_shape ? f->shape : NULL,
                                   .device_index = f->index,
                                   .read_only = f->read_only,
                                   .release = release,
                                   .user = &released};
  if (!fuzz_said(ctx, seqgpu_dlpack_export(ctx, &source, &managed))) return;
  managed->deleter(managed);
  fuzz_require(released == 1);
}

FUZZ_TARGET(dlpack) {
  seqgpu_context *ctx = fuzz_context();
  fields f = {0};
  if (size > 0) memcpy(&f, data, size < sizeof f ? size : sizeof f);
  take(ctx, &f);
  ctx->error[0] = 0;
  lend(ctx, &f);
  return 0;
}
